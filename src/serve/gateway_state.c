/* The file that says what was registered over HTTP, and in what order modules are. */
#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <libgen.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "gateway_internal.h"
#include "memory.h"
#include "say.h"

enum { MOST_STATE = 4 << 20 };

static void put_module(sv_text *out, const module_record *m)
{
	js_open(out, '{');
	js_put_text(out, "uuid", m->uuid);
	js_put_text(out, "name", m->name);
	js_put_text(out, "file_path", m->file);
	js_put_text(out, "sha256", m->sha256);
	js_put_number(out, "size_bytes", m->size);
	js_put_number(out, "created_ms", m->created_ms);
	js_put_number(out, "attach", m->options.attach);
	if (m->said.keys) {
		js_key(out, "said");
		js_raw(out, m->said.keys);
		js_put_bool(out, "trusted", m->said.trusted);
	}
	if (m->said.manifest)
		js_put_text(out, "manifest", m->said.manifest);
	js_close(out, '}');
}

static void put_all(sv_text *out, const module_list *list, char *const *config_order)
{
	js_open(out, '{');
	js_put_number(out, "version", 1);
	js_key(out, "modules");
	js_open(out, '[');
	for (size_t i = 0; i < list->count; i++)
		if (!list->items[i]->configured)
			put_module(out, list->items[i]);
	js_close(out, ']');
	js_key(out, "order");
	js_open(out, '[');
	for (size_t i = 0; i < list->count; i++)
		js_text(out, list->items[i]->name);
	js_close(out, ']');
	js_key(out, "configured");
	js_open(out, '[');
	for (char *const *name = config_order; name && *name; name++)
		js_text(out, *name);
	js_close(out, ']');
	js_close(out, '}');
	sv_text_add(out, "\n");
}

static bool write_whole(int fd, const char *text, size_t length)
{
	while (length) {
		ssize_t done = write(fd, text, length);
		if (done < 0 && errno == EINTR)
			continue;
		if (done <= 0)
			return false;
		text += done;
		length -= (size_t)done;
	}
	return !fsync(fd);
}

/* The folder too: otherwise the new name may be lost with the power. */
static void sync_folder(const char *path)
{
	SV_AUTO char *copy = sv_copy(path);
	int fd = copy ? open(dirname(copy), O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -1;
	if (fd < 0)
		return;
	(void)!fsync(fd);
	close(fd);
}

static bh_status not_written(const gateway *g, int failed, bh_error **err)
{
	return bh_error_new(err, BH_E_IO, "%s cannot be written, so nothing was changed: %s", g->state, strerror(failed));
}

bh_status state_stage(const gateway *g, const module_list *list, char *const *config_order, bh_error **err)
{
	sv_text out = {0};
	put_all(&out, list, config_order);
	size_t length = out.length;
	SV_AUTO char *text = sv_text_take(&out);
	if (!text)
		return no_memory(err);
	if (length >= MOST_STATE)
		return bh_error_new(err, BH_E_RESOURCE_LIMIT,
		                    "%s would be larger than 4 MiB, so nothing was changed: say less of modules, or in their "
		                    "manifests",
		                    g->state);
	int fd = open(g->staged, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
	bool good = fd >= 0 && write_whole(fd, text, length);
	int failed = errno;
	if (fd >= 0 && close(fd))
		good = false;
	if (good)
		return BH_OK;
	state_unstage(g);
	return not_written(g, failed, err);
}

void state_unstage(const gateway *g)
{
	unlink(g->staged);
}

bh_status state_put(const gateway *g, bh_error **err)
{
	if (!rename(g->staged, g->state)) {
		sync_folder(g->state);
		return BH_OK;
	}
	int failed = errno;
	state_unstage(g);
	return not_written(g, failed, err);
}

bh_status state_write(const gateway *g, const module_list *list, bh_error **err)
{
	bh_status status = state_stage(g, list, g->config_order, err);
	return status ? status : state_put(g, err);
}

/* Reading. */

static const char *text_of(const json_t *object, const char *key)
{
	return json_string_value(json_object_get(object, key));
}

static void say_missing(const module_record *m, const bh_error *err)
{
	SV_AUTO char *what = sv_format("gateway: a registered module is missing: %s", m->name);
	bool closed = m->options.on_failure == BH_FAIL_CLOSED && !m->options.shadow;
	say_failure(BH_LOG_ERROR, what ? what : "gateway: a registered module is missing", err);
	say(BH_LOG_ERROR,
	    "  Until its file and manifest are as they should be and the daemon is started again, or it is removed, %s",
	    closed ? "all requests get 503." : "requests pass it by.");
}

/* What was said of it, as it was written down. */
static bool read_said(module_said *out, const json_t *object)
{
	const json_t *said = json_object_get(object, "said");
	const char *manifest = text_of(object, "manifest");
	*out = (module_said){.trusted = json_is_true(json_object_get(object, "trusted"))};
	if (json_is_object(said))
		out->keys = json_dumps(said, JSON_COMPACT);
	if (manifest)
		out->manifest = sv_copy(manifest);
	return (!said || out->keys) && (!manifest || out->manifest);
}

/* A record of what is missing; one of which is said what cannot be read keeps that, too. */
static module_record *missing_module(const gateway *g, const registration *asked, const json_t *object,
                                     const bh_error *err)
{
	registration bare = *asked;
	module_record *m = NULL;
	bare.said = NULL;
	if (module_without_file(&m, g, asked, NULL) &&
	    (module_without_file(&m, g, &bare, NULL) || !said_copy(&m->said, asked->said))) {
		record_free(m);
		return NULL;
	}
	m->size = (uint64_t)json_integer_value(json_object_get(object, "size_bytes"));
	say_missing(m, err);
	return m;
}

static bool is_registration(const registration *asked, const char *uuid, json_int_t attach)
{
	return uuid && asked->name && asked->file && asked->sha256 && strlen(asked->sha256) == 64 && attach >= 0 &&
	       attach <= 7;
}

/*
 * A module as it was registered; where its file is not that any more, a record of what is missing. NULL for what is no
 * registration. False: no memory, and nothing may be written over what was not understood.
 */
static bool read_module(module_record **out, gateway *g, const json_t *object)
{
	const char *uuid = text_of(object, "uuid");
	json_int_t attach = json_integer_value(json_object_get(object, "attach"));
	module_said said = {0};
	const registration asked = {.name = text_of(object, "name"),
	                            .file = text_of(object, "file_path"),
	                            .sha256 = text_of(object, "sha256"),
	                            .attach = (uint32_t)attach,
	                            .said = &said};
	bh_error *err = NULL;
	module_record *m = NULL;
	*out = NULL;
	if (!is_registration(&asked, uuid, attach))
		return true;
	if (read_said(&said, object) && module_of_file(&m, g, &asked, &err))
		m = missing_module(g, &asked, object, err);
	said_free(&said);
	bh_error_free(err);
	if (!m)
		return false;
	sv_free(m->uuid);
	m->uuid = sv_copy(uuid);
	m->created_ms = m->accessed_ms = (uint64_t)json_integer_value(json_object_get(object, "created_ms"));
	if (m->uuid) {
		*out = m;
		return true;
	}
	record_free(m);
	return false;
}

static bool read_modules(module_list *out, gateway *g, const json_t *modules)
{
	for (size_t i = 0; i < json_array_size(modules) && i < BH_CHAIN_MODULES; i++) {
		module_record *m;
		if (!read_module(&m, g, json_array_get(modules, i)))
			return false;
		bool twice = m && list_find(out, m->name);
		bool added = m && !twice && list_add(out, m);
		if (!added)
			record_free(m);
		if (m && !twice && !added)
			return false;
	}
	return true;
}

static bool take_order(const json_t *order, char ***out, size_t *count)
{
	size_t most = json_array_size(order);
	if (!most)
		return true;
	char **names = sv_alloc(most * sizeof *names);
	for (size_t i = 0; names && i < most; i++) {
		const char *name = json_string_value(json_array_get(order, i));
		if (name && (names[*count] = sv_copy(name)))
			++*count;
	}
	*out = names;
	return names;
}

/* Kept, under a name that says so. */
static void set_aside(const gateway *g, const char *why)
{
	SV_AUTO char *aside = sv_format("%s.corrupt", g->state);
	bool moved = aside && !rename(g->state, aside);
	say(BH_LOG_WARNING, "gateway: %s: %s; %s. Modules that were registered over HTTP are not there", g->state, why,
	    moved ? "it is kept beside, with .corrupt behind its name" : "it stays where it is");
}

/* Whether the order was said for the configured modules as they are now, in their order in the file. */
static bool is_for_these(const gateway *g, const json_t *names)
{
	size_t count = json_array_size(names);
	for (size_t i = 0; i < count; i++) {
		const char *name = json_string_value(json_array_get(names, i));
		if (!name || !g->config_order[i] || strcmp(name, g->config_order[i]) != 0)
			return false;
	}
	return !g->config_order[count];
}

bh_status state_read(gateway *g, module_list *out, char ***order, size_t *order_count, bh_error **err)
{
	json_error_t wrong;
	FILE *file = fopen(g->state, "re");
	if (!file) {
		/* Going on would write over what cannot be read now. */
		return errno == ENOENT ? BH_OK : bh_error_new(err, BH_E_IO, "%s: %s", g->state, strerror(errno));
	}
	SV_AUTO char *text = sv_alloc(MOST_STATE);
	size_t length = text ? fread(text, 1, MOST_STATE, file) : 0;
	bool unread = ferror(file);
	fclose(file);
	if (unread)
		return bh_error_new(err, BH_E_IO, "%s cannot be read", g->state);
	json_t *all = text ? json_loadb(text, length, JSON_REJECT_DUPLICATES, &wrong) : NULL;
	if (!all && (!text || json_error_code(&wrong) == json_error_out_of_memory))
		return no_memory(err);
	const json_t *modules = json_object_get(all, "modules");
	if (!json_is_array(modules) || json_integer_value(json_object_get(all, "version")) != 1) {
		set_aside(g, all ? "not a state of version 1" : wrong.text);
		json_decref(all);
		return BH_OK;
	}
	bool good = read_modules(out, g, modules);
	good = good && (!is_for_these(g, json_object_get(all, "configured")) ||
	                take_order(json_object_get(all, "order"), order, order_count));
	json_decref(all);
	return good ? BH_OK : no_memory(err);
}
