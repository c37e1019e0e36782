#include "cache/settings.h"

#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/toml.h"
#include "bulkhead/limits.h"

/* A larger cache.toml is no cache.toml. */
enum { MAX_FILE = 64 * 1024 };

#define DEFAULT_BYTES BH_GIB(2)
enum { DAY = 24 * 60 * 60, DEFAULT_AGE = 30 * DAY, DEFAULT_ENTRIES = 128 };
#define DEFAULT_MEMORY BH_MIB(256)

/* Not looked at in programs with more rights than their caller. */
static const char *env(const char *name)
{
	const char *value = secure_getenv(name);
	return value && *value ? value : NULL;
}

static bool is_off(const char *value)
{
	return value && (!strcmp(value, "0") || !strcmp(value, "false") || !strcmp(value, "off") || !strcmp(value, "no"));
}

/* A folder below the one that an XDG variable names, or below the home folder; NULL if there is neither. */
static char *xdg(const char *variable, const char *fallback, const char *rest)
{
	const char *folder = env(variable), *home = env("HOME");
	if (folder && *folder == '/')
		return bh_format("%s/%s", folder, rest);
	return home && *home == '/' ? bh_format("%s/%s/%s", home, fallback, rest) : NULL;
}

/* cache.toml. */

typedef struct {
	const char *path;
	bh_cache_settings *settings;
	bool decides_on;     /* nothing stronger said on or off */
	bool decides_folder; /* nothing stronger named a folder */
	bh_error **err;
} reading;

static bh_status wrong(const reading *r, const bh_toml_node *node, const char *allowed, const char *fix)
{
	bh_error *e =
		bh_error_begin(r->err, BH_E_CONFIG, "%s:%u: cache.%s: %s", r->path, node->span.line, node->key, allowed);
	bh_location where = {.file = r->path, .line = node->span.line, .column = node->span.column, .key = node->key};
	bh_error_location_set(e, &where);
	bh_error_hint_set(e, "%s", fix);
	return BH_E_CONFIG;
}

static bh_status read_enabled(reading *r, const bh_toml_node *node)
{
	if (node->type != BH_TOML_BOOL)
		return wrong(r, node, "expected true or false", "enabled = true");
	if (r->decides_on)
		r->settings->enabled = node->as.boolean;
	return BH_OK;
}

static bh_status read_directory(reading *r, const bh_toml_node *node)
{
	if (node->type != BH_TOML_STRING || node->as.text.data[0] != '/' ||
	    strlen(node->as.text.data) != node->as.text.length)
		return wrong(r, node, "expected an absolute path", "directory = \"/var/cache/me/bulkhead\"");
	if (!r->decides_folder)
		return BH_OK;
	char *folder = bh_strdup(node->as.text.data);
	if (!folder)
		return bh_fail_memory(r->err);
	bh_free(r->settings->folder);
	r->settings->folder = folder;
	return BH_OK;
}

static bh_status read_bytes(reading *r, const bh_toml_node *node)
{
	uint64_t bytes = 0;
	if (node->type == BH_TOML_INTEGER && node->as.integer > 0)
		bytes = (uint64_t)node->as.integer;
	else if (node->type != BH_TOML_STRING || bh_limit_parse(&bytes, BH_LIMIT_IO_BYTES, node->as.text.data, NULL) ||
	         !bytes)
		return wrong(r, node, "expected a size", "max_bytes = \"2GiB\"");
	r->settings->max_bytes = bytes;
	return BH_OK;
}

static bh_status read_age(reading *r, const bh_toml_node *node)
{
	uint64_t age = 0;
	if (node->type == BH_TOML_INTEGER && node->as.integer > 0)
		age = (uint64_t)node->as.integer;
	else if (node->type != BH_TOML_STRING || bh_age_parse(&age, node->as.text.data, NULL))
		return wrong(r, node, "expected a time", "max_age = \"30d\"");
	r->settings->max_age_s = age;
	return BH_OK;
}

static const struct {
	const char *key;
	bh_status (*read)(reading *r, const bh_toml_node *node);
} keys[] = {
	{"enabled", read_enabled},
	{"directory", read_directory},
	{"max_bytes", read_bytes},
	{"max_age", read_age},
};

static bh_status read_key(reading *r, const bh_toml_node *node)
{
	for (size_t i = 0; i < BH_COUNT(keys); i++)
		if (!strcmp(node->key, keys[i].key))
			return keys[i].read(r, node);
	return wrong(r, node, "no such key", "The keys are enabled, directory, max_bytes, max_age.");
}

static bh_status read_file(reading *r, const char *text, size_t length)
{
	bh_toml *document = NULL;
	bh_status status = bh_toml_parse(&document, text, length, r->err);
	if (status && r->err && *r->err)
		bh_error_prefix(*r->err, "%s: ", r->path);
	const bh_toml_node *root = status ? NULL : bh_toml_root(document);
	for (size_t i = 0; root && i < root->count && !status; i++) {
		const bh_toml_node *table = &root->children[i];
		if (strcmp(table->key, "cache") != 0 || table->type != BH_TOML_TABLE)
			continue; /* another program's, or a later version's */
		for (size_t k = 0; k < table->count && !status; k++)
			status = read_key(r, &table->children[k]);
	}
	bh_toml_free(document);
	return status;
}

static bh_status look_at_file(bh_cache_settings *s, bool decides_on, bool decides_folder, bh_error **err)
{
	BH_AUTO(bh_free) char *path = xdg("XDG_CONFIG_HOME", ".config", "bulkhead/cache.toml");
	BH_AUTO(bh_free) char *text = NULL;
	size_t length;
	if (!path || bh_file_read(&text, &length, path, MAX_FILE, NULL))
		return BH_OK;
	bool was_on = s->enabled, had_folder = s->folder;
	bh_cache_settings before = *s;
	BH_AUTO(bh_free) char *folder_before = s->folder ? bh_strdup(s->folder) : NULL;
	reading r = {path, s, decides_on, decides_folder, err};
	bh_status status = read_file(&r, text, length);
	if (status) {
		/* All of it is left out, or nobody could tell what holds. */
		bh_free(s->folder);
		*s = before;
		s->folder = BH_TAKE(folder_before);
		return status;
	}
	if ((was_on != s->enabled) || (!had_folder && s->folder)) {
		bh_free(s->decided_by);
		s->decided_by = BH_TAKE(path);
	}
	return status;
}

/* Who says first whether, and who says first where. */
static bool decide_on(bh_cache_settings *s, const bh_cache_options *options)
{
	const char *ours = env("BULKHEAD_CACHE"), *theirs = env("WASMTIME_CACHE_ENABLED");
	s->enabled = options->mode != BH_CACHE_OFF;
	if (options->mode != BH_CACHE_AUTO) {
		s->decided_by = s->enabled ? NULL : bh_strdup("options");
		return true;
	}
	if (!ours && !theirs)
		return false;
	s->enabled = !is_off(ours ? ours : theirs);
	s->decided_by = s->enabled ? NULL : bh_strdup(ours ? "BULKHEAD_CACHE" : "WASMTIME_CACHE_ENABLED");
	return true;
}

static bool decide_folder(bh_cache_settings *s, const bh_cache_options *options)
{
	static const char *const names[] = {"BULKHEAD_CACHE_DIR", "WASMTIME_CACHE_DIR"};
	const char *folder = options->dir, *from = "options";
	for (size_t i = 0; !folder && i < BH_COUNT(names); i++)
		if ((folder = env(names[i])))
			from = names[i];
	if (!folder)
		return false;
	s->folder = bh_strdup(folder);
	if (!s->decided_by)
		s->decided_by = bh_strdup(from);
	return true;
}

bh_status bh_cache_settings_decide(bh_cache_settings *out, const bh_cache_options *given, bh_error **err)
{
	bh_cache_options options = BH_CACHE_OPTIONS_INIT;
	if (given)
		memcpy(&options, given,
		       given->struct_size && given->struct_size < sizeof options ? given->struct_size : sizeof options);
	*out = (bh_cache_settings){
		.max_bytes = DEFAULT_BYTES,
		.max_age_s = DEFAULT_AGE,
		.memory_entries = options.memory_entries ? options.memory_entries : DEFAULT_ENTRIES,
		.memory_bytes = options.memory_bytes ? options.memory_bytes : DEFAULT_MEMORY,
	};
	bool on_decided = decide_on(out, &options), folder_decided = decide_folder(out, &options);
	bh_status status = out->enabled ? look_at_file(out, !on_decided, !folder_decided, err) : BH_OK;
	if (options.max_bytes)
		out->max_bytes = options.max_bytes;
	if (options.max_age_s)
		out->max_age_s = options.max_age_s;
	if (out->enabled && !out->folder) {
		out->folder = xdg("XDG_CACHE_HOME", ".cache", "bulkhead");
		if (!out->decided_by)
			out->decided_by = bh_strdup(env("XDG_CACHE_HOME") ? "XDG_CACHE_HOME" : "HOME");
	}
	return status;
}

void bh_cache_settings_deinit(bh_cache_settings *settings)
{
	bh_free(settings->folder);
	bh_free(settings->decided_by);
	*settings = (bh_cache_settings){0};
}
