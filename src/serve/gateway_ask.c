/* What is asked of the gateway over HTTP: registering, removing, replacing, another order. Its own thread. */
#include <jansson.h>
#include <string.h>

#include "gateway_internal.h"
#include "memory.h"
#include "say.h"

enum { MOST_AT_ONCE = 64 };

static const char *const points[] = {"OnRequest", "OnResponse", "OnError"};

static bh_status no_memory(bh_error **err)
{
	return bh_error_new(err, BH_E_NO_MEMORY, "out of memory");
}

/* [{"Middleware": "OnRequest"}, ...] as bits. */
static bh_status read_points(const json_t *list, uint32_t *out, bh_error **err)
{
	*out = 0;
	for (size_t i = 0; i < json_array_size(list); i++) {
		const char *name = json_string_value(json_object_get(json_array_get(list, i), "Middleware"));
		size_t n = 0;
		while (n < SV_COUNT(points) && (!name || strcmp(points[n], name) != 0))
			n++;
		if (n == SV_COUNT(points))
			return bh_error_new(err, BH_E_INVALID,
			                    "attach_points: each is {\"Middleware\": \"OnRequest\"}, OnResponse or OnError");
		*out |= 1U << n;
	}
	return *out ? BH_OK : bh_error_new(err, BH_E_INVALID, "attach_points: there is none");
}

static bh_status check_new(const gateway *g, const module_list *more, const module_record *m, bh_error **err)
{
	const module_list *lists[] = {&g->modules, more};
	for (size_t l = 0; l < SV_COUNT(lists); l++)
		for (size_t i = 0; i < lists[l]->count; i++) {
			const module_record *other = lists[l]->items[i];
			if (!strcmp(other->name, m->name))
				return bh_error_new(err, BH_E_INVALID, "there is a module named %s already", m->name);
			if (!strcmp(other->sha256, m->sha256))
				return bh_error_new(err, BH_E_INVALID,
				                    "a module of the same content (SHA-256 %s) is registered already: %s", m->sha256,
				                    other->name);
		}
	return BH_OK;
}

/* One of them, into the edit and the list of those that are new. */
static bh_status register_one(gateway *g, bh_chain_edit *edit, const json_t *object, module_list *more, bh_error **err)
{
	const char *name = json_string_value(json_object_get(object, "name")),
			   *file = json_string_value(json_object_get(object, "file_path")),
			   *type = json_string_value(json_object_get(object, "module_type"));
	uint32_t attach;
	if (!name || !file)
		return bh_error_new(err, BH_E_INVALID, "name and file_path are needed, as texts");
	if (type && strcmp(type, "Middleware") != 0)
		return bh_error_new(err, BH_E_INVALID, "module_type is to be \"Middleware\"");
	bh_status status = read_points(json_object_get(object, "attach_points"), &attach, err);
	module_record *m = NULL;
	if (!status)
		status = module_of_file(&m, g, name, file, attach, NULL, err);
	if (!status)
		status = check_new(g, more, m, err);
	if (!status)
		status = bh_chain_edit_add(edit, &m->options, err);
	if (!status && !list_add(more, m)) {
		(void)!bh_chain_edit_remove(edit, name, NULL);
		status = no_memory(err);
	}
	if (status)
		record_free(m);
	return status;
}

static void put_result(json_t *object, const char *kind, const char *what)
{
	json_t *result = json_object();
	json_object_set_new(result, kind, json_stringn_nocheck(what, strlen(what)));
	json_object_set_new(object, "add_result", result);
}

static bool register_all(gateway *g, bh_chain_edit *edit, json_t *modules, module_list *more)
{
	bool good = true;
	for (size_t i = 0; i < json_array_size(modules); i++) {
		json_t *object = json_array_get(modules, i);
		bh_error *err = NULL;
		bh_status status = json_is_object(object) ? register_one(g, edit, object, more, &err) : BH_E_INVALID;
		if (status)
			put_result(object, "Error", err ? bh_error_message(err) : bh_status_text(status));
		else
			put_result(object, "Success", more->count && more->items ? more->items[more->count - 1]->uuid : "");
		good = good && !status;
		bh_error_free(err);
	}
	return good;
}

/* Those that are right are put in force together: written down first. */
static bh_status put_in_force(gateway *g, bh_chain_edit *edit, const module_list *more, bh_error **err)
{
	module_list all = {0};
	bool good = true;
	for (size_t i = 0; i < g->modules.count + more->count && good; i++)
		good = list_add(&all, i < g->modules.count ? g->modules.items[i] : more->items[i - g->modules.count]);
	bh_status status = good ? state_write(g, &all, err) : no_memory(err);
	if (!status)
		status = bh_chain_edit_commit(edit, err);
	if (status) {
		sv_free(all.items);
		return status;
	}
	pthread_mutex_lock(&g->lock);
	module_record **old = g->modules.items;
	g->modules = all;
	pthread_mutex_unlock(&g->lock);
	sv_free(old);
	return BH_OK;
}

static void write_json(const json_t *value, sv_text *out)
{
	char *text = json_dumps(value, JSON_COMPACT);
	if (text)
		sv_text_add_n(out, text, strlen(text));
	else
		out->failed = true;
	sv_free(text);
}

static unsigned register_with(gateway *g, json_t *modules, bool dry)
{
	module_list more = {0};
	bh_chain_edit *edit = NULL;
	bh_error *err = NULL;
	bool good = false;
	pthread_mutex_lock(&g->change);
	bh_status status = bh_chain_edit_new(&edit, g->chain, &err);
	if (!status)
		good = register_all(g, edit, modules, &more);
	if (!status && more.count && !dry)
		status = put_in_force(g, edit, &more, &err);
	for (size_t i = 0; status && i < json_array_size(modules); i++)
		put_result(json_array_get(modules, i), "Error", err ? bh_error_message(err) : bh_status_text(status));
	for (size_t i = 0; i < more.count; i++) {
		if (status || dry)
			record_free(more.items[i]);
		else
			say(BH_LOG_INFO, "gateway: %s registered, from %s", more.items[i]->name, more.items[i]->file);
	}
	bh_chain_edit_free(edit);
	pthread_mutex_unlock(&g->change);
	sv_free(more.items);
	bh_error_free(err);
	return good && !status ? MHD_HTTP_OK : MHD_HTTP_BAD_REQUEST;
}

unsigned gateway_register(gateway *g, const char *body, size_t length, bool dry, sv_text *out)
{
	json_error_t wrong;
	unsigned status = MHD_HTTP_BAD_REQUEST;
	json_t *all = json_loadb(body ? body : "", length, JSON_REJECT_DUPLICATES, &wrong);
	json_t *modules = json_object_get(all, "modules");
	if (!json_is_array(modules) || !json_array_size(modules) || json_array_size(modules) > MOST_AT_ONCE) {
		js_open(out, '{');
		js_put_text(out, "error", all ? "the body is to be {\"modules\": [...]}, with 1 to 64 of them" : wrong.text);
		js_close(out, '}');
	} else {
		status = register_with(g, modules, dry);
		write_json(all, out);
	}
	json_decref(all);
	return status;
}

/* Others: each makes the list that is to be, and puts that in force. */

static bool copy_list(const module_list *from, module_list *to)
{
	for (size_t i = 0; i < from->count; i++)
		if (!list_add(to, from->items[i]))
			return false;
	return true;
}

static bh_status is_configured(const module_record *m, bh_error **err)
{
	return bh_error_new(err, BH_E_DENIED, "%s is from bulkhead.toml: change it there, and have that read again",
	                    m->name);
}

bh_status gateway_remove(gateway *g, const char *uuid, bh_error **err)
{
	module_list next = {0};
	pthread_mutex_lock(&g->change);
	bh_status status = copy_list(&g->modules, &next) ? BH_OK : no_memory(err);
	size_t at = 0;
	while (at < next.count && strcmp(next.items[at]->uuid, uuid) != 0)
		at++;
	if (!status && at == next.count)
		status = bh_error_new(err, BH_E_NOT_FOUND, "there is no module %s", uuid);
	if (!status && next.items && next.items[at]->configured)
		status = is_configured(next.items[at], err);
	if (!status && next.items) {
		memmove(&next.items[at], &next.items[at + 1], (next.count - at - 1) * sizeof(next.items[0]));
		next.count--;
		status = gateway_put(g, &next, false, err);
	}
	sv_free(next.items);
	pthread_mutex_unlock(&g->change);
	return status;
}

bh_status gateway_replace(gateway *g, const char *name, const char *file, bool dry, bh_error **err)
{
	module_list next = {0};
	module_record *made = NULL;
	size_t at = 0;
	pthread_mutex_lock(&g->change);
	bh_status status = copy_list(&g->modules, &next) ? BH_OK : no_memory(err);
	while (at < next.count && strcmp(next.items[at]->name, name) != 0)
		at++;
	if (!status && at == next.count)
		status = bh_error_new(err, BH_E_NOT_FOUND, "there is no module %s", name);
	if (!status && next.items && next.items[at]->configured)
		status = is_configured(next.items[at], err);
	if (!status && next.items)
		status = module_of_file(&made, g, name, file, next.items[at]->options.attach, NULL, err);
	for (size_t i = 0; i < next.count && !status; i++)
		if (i != at && !strcmp(next.items[i]->sha256, made->sha256))
			status = bh_error_new(err, BH_E_INVALID, "a module of the same content is registered already: %s",
			                      next.items[i]->name);
	if (!status && next.items) {
		next.items[at] = made;
		status = gateway_put(g, &next, dry, err);
	}
	if (status || dry)
		record_free(made);
	sv_free(next.items);
	pthread_mutex_unlock(&g->change);
	return status;
}

bh_status gateway_order(gateway *g, const char *const *names, size_t count, bool dry, bh_error **err)
{
	module_list next = {0};
	bh_status status = BH_OK;
	pthread_mutex_lock(&g->change);
	for (size_t i = 0; i < count && !status; i++) {
		module_record *m = list_find(&g->modules, names[i]);
		if (!m || list_find(&next, names[i]))
			status = bh_error_new(err, BH_E_INVALID, m ? "%s is there twice" : "there is no module %s", names[i]);
		else if (!list_add(&next, m))
			status = no_memory(err);
	}
	if (!status && next.count != g->modules.count)
		status = bh_error_new(err, BH_E_INVALID, "an order names all %zu modules", g->modules.count);
	if (!status)
		status = gateway_put(g, &next, dry, err);
	sv_free(next.items);
	pthread_mutex_unlock(&g->change);
	return status;
}
