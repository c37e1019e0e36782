/* What is asked of the gateway over HTTP: registering, removing, replacing, another order. Its own thread. */
#include <jansson.h>
#include <string.h>

#include "gateway_internal.h"
#include "memory.h"
#include "say.h"

enum { MOST_AT_ONCE = 64 };

static const char *const points[] = {"OnRequest", "OnResponse", "OnError"};

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

static bool copy_list(const module_list *from, module_list *to)
{
	for (size_t i = 0; i < from->count; i++)
		if (!list_add(to, from->items[i]))
			return false;
	return true;
}

static bh_status check_new(const module_list *next, const module_record *m, bh_error **err)
{
	for (size_t i = 0; i < next->count; i++) {
		const module_record *other = next->items[i];
		if (!strcmp(other->name, m->name))
			return bh_error_new(err, BH_E_INVALID, "there is a module named %s already", m->name);
		if (!strcmp(other->sha256, m->sha256))
			return bh_error_new(err, BH_E_INVALID,
			                    "a module of the same content (SHA-256 %s) is registered already: %s", m->sha256,
			                    other->name);
	}
	return BH_OK;
}

/* Room for one among those that are to be; its place, from 1, or 0 for the end. */
static bool list_put(module_list *list, module_record *m, size_t place)
{
	if (!list_add(list, m))
		return false;
	size_t at = place && place < list->count ? place - 1 : list->count - 1;
	memmove(&list->items[at + 1], &list->items[at], (list->count - 1 - at) * sizeof(list->items[0]));
	list->items[at] = m;
	return true;
}

static bh_status load_new(module_record **out, gateway *g, const json_t *object, const module_said *said,
                          bh_error **err)
{
	registration asked = {.name = json_string_value(json_object_get(object, "name")),
	                      .file = json_string_value(json_object_get(object, "file_path")),
	                      .said = said};
	const char *type = json_string_value(json_object_get(object, "module_type"));
	if (!asked.name || !asked.file)
		return bh_error_new(err, BH_E_INVALID, "name and file_path are needed, as texts");
	if (type && strcmp(type, "Middleware") != 0)
		return bh_error_new(err, BH_E_INVALID, "module_type is to be \"Middleware\"");
	bh_status status = read_points(json_object_get(object, "attach_points"), &asked.attach, err);
	return status ? status : module_of_file(out, g, &asked, err);
}

/* One of them, among those that are to be, if a chain takes it: `edit` is for trying that alone. */
static bh_status register_one(gateway *g, bh_chain_edit *edit, const json_t *object, const module_said *said,
                              module_list *next, module_record **out, bh_error **err)
{
	module_record *m = NULL;
	bh_status status = load_new(&m, g, object, said, err);
	if (!status)
		status = check_new(next, m, err);
	if (!status)
		status = bh_chain_edit_add(edit, &m->options, err);
	if (!status && !list_put(next, m, said ? said->position : 0)) {
		(void)!bh_chain_edit_remove(edit, m->name, NULL);
		status = no_memory(err);
	}
	if (status)
		record_free(m);
	else
		*out = m;
	return status;
}

static void put_result(json_t *object, const char *kind, const char *what)
{
	json_t *result = json_object();
	json_object_set_new(result, kind, json_stringn_nocheck(what, strlen(what)));
	json_object_set_new(object, "add_result", result);
}

static bool register_all(gateway *g, bh_chain_edit *edit, json_t *modules, const module_said *said, module_list *next)
{
	bool good = true;
	for (size_t i = 0; i < json_array_size(modules); i++) {
		json_t *object = json_array_get(modules, i);
		bh_error *err = NULL;
		module_record *m = NULL;
		bh_status status =
			json_is_object(object) ? register_one(g, edit, object, &said[i], next, &m, &err) : BH_E_INVALID;
		if (status)
			put_result(object, "Error", err ? bh_error_message(err) : bh_status_text(status));
		else
			put_result(object, "Success", m->uuid);
		good = good && !status;
		bh_error_free(err);
	}
	return good;
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

static void say_new(const json_t *modules)
{
	for (size_t i = 0; i < json_array_size(modules); i++) {
		const json_t *object = json_array_get(modules, i);
		if (json_object_get(json_object_get(object, "add_result"), "Success"))
			say(BH_LOG_INFO, "gateway: %s registered, from %s", json_string_value(json_object_get(object, "name")),
			    json_string_value(json_object_get(object, "file_path")));
	}
}

/* With `change`. Those that are right are put in force together: written down first. */
static unsigned register_with(gateway *g, json_t *modules, const module_said *said, bool dry)
{
	module_list next = {0};
	bh_chain_edit *edit = NULL;
	bh_error *err = NULL;
	bool good = false;
	bh_status status = copy_list(&g->modules, &next) ? bh_chain_edit_new(&edit, g->chain, &err) : no_memory(&err);
	if (!status)
		good = register_all(g, edit, modules, said, &next);
	bh_chain_edit_free(edit);
	bool some = next.count != g->modules.count;
	if (!status && some && !dry)
		status = gateway_put(g, &next, false, &err);
	if (!status && some && !dry)
		say_new(modules);
	for (size_t i = 0; status && i < json_array_size(modules); i++)
		put_result(json_array_get(modules, i), "Error", err ? bh_error_message(err) : bh_status_text(status));
	modules_drop_new(g, &next);
	bh_error_free(err);
	return good && !status ? MHD_HTTP_OK : MHD_HTTP_BAD_REQUEST;
}

/* What is said of each, before anything is done for one: such a mistake is a problem of the whole request. */
static bh_status read_said(module_said *said, const gateway *g, const json_t *modules, const gateway_request *asked,
                           char **field, bh_error **err)
{
	for (size_t i = 0; i < json_array_size(modules); i++) {
		const json_t *object = json_array_get(modules, i);
		const char *file = json_string_value(json_object_get(object, "file_path"));
		SV_AUTO char *key = NULL;
		bh_status status = BH_OK;
		if (json_is_object(object))
			status = said_read(&said[i], g, object, file ? file : "/", NULL, asked->trusted, &key, err);
		if (status) {
			*field = sv_format("modules[%zu]%s%s", i, key ? "." : "", key ? key : "");
			return status;
		}
	}
	return BH_OK;
}

static bh_status register_said(gateway *g, json_t *modules, const gateway_request *asked, unsigned *http, char **field,
                               bh_error **err)
{
	size_t count = json_array_size(modules);
	module_said *said = sv_alloc(count * sizeof *said);
	pthread_mutex_lock(&g->change);
	bh_status status = said ? read_said(said, g, modules, asked, field, err) : no_memory(err);
	if (!status)
		*http = register_with(g, modules, said, asked->dry);
	pthread_mutex_unlock(&g->change);
	for (size_t i = 0; said && i < count; i++)
		said_free(&said[i]);
	sv_free(said);
	return status;
}

bh_status gateway_register(gateway *g, const gateway_request *asked, unsigned *http, sv_text *out, char **field,
                           bh_error **err)
{
	json_error_t wrong;
	bh_status status = BH_OK;
	json_t *all = json_loadb(asked->body ? asked->body : "", asked->length, JSON_REJECT_DUPLICATES, &wrong);
	json_t *modules = json_object_get(all, "modules");
	*http = MHD_HTTP_BAD_REQUEST;
	if (!json_is_array(modules) || !json_array_size(modules) || json_array_size(modules) > MOST_AT_ONCE) {
		js_open(out, '{');
		js_put_text(out, "error", all ? "the body is to be {\"modules\": [...]}, with 1 to 64 of them" : wrong.text);
		js_close(out, '}');
	} else {
		status = register_said(g, modules, asked, http, field, err);
		if (!status)
			write_json(all, out);
	}
	json_decref(all);
	return status;
}

/* Others: each makes the list that is to be, and puts that in force. */

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

/* The module that is to be, from what there is and what is said over that. */
static bh_status make_other(module_record **out, gateway *g, const module_record *old, const json_t *object,
                            char **field, bh_error **err)
{
	const json_t *file = json_object_get(object, "file_path"), *attach = json_object_get(object, "attach_points");
	registration asked = {.name = old->name, .file = old->file, .attach = old->options.attach};
	module_said said = {0};
	if (file && !json_is_string(file))
		return bh_error_new(err, BH_E_INVALID, "file_path: a text");
	if (file)
		asked.file = json_string_value(file);
	bh_status status = attach ? read_points(attach, &asked.attach, err) : BH_OK;
	if (!status)
		status = said_read(&said, g, object, asked.file, &old->said, true, field, err);
	asked.said = &said;
	module_record *m = NULL;
	if (!status)
		status = module_of_file(&m, g, &asked, err);
	if (!status)
		status = module_succeed(m, old, err);
	if (status) {
		record_free(m);
	} else {
		m->said.position = said.position;
		*out = m;
	}
	said_free(&said);
	return status;
}

static bh_status put_other(gateway *g, module_list *next, size_t at, module_record *made, bool dry, bh_error **err)
{
	for (size_t i = 0; i < next->count; i++)
		if (i != at && !strcmp(next->items[i]->sha256, made->sha256))
			return bh_error_new(err, BH_E_INVALID, "a module of the same content is registered already: %s",
			                    next->items[i]->name);
	size_t place = made->said.position ? made->said.position : at + 1;
	memmove(&next->items[at], &next->items[at + 1], (next->count - at - 1) * sizeof(next->items[0]));
	next->count--;
	/* There is room: one has gone. */
	return list_put(next, made, place > next->count ? 0 : place) ? gateway_put(g, next, dry, err) : no_memory(err);
}

bh_status gateway_replace(gateway *g, const char *name, const json_t *object, bool dry, char **field, bh_error **err)
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
		status = make_other(&made, g, next.items[at], object, field, err);
	if (!status && next.items)
		status = put_other(g, &next, at, made, dry, err);
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
