#include "cache/settings.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/file.h"
#include "base/text.h"
#include "base/toml.h"
#include "bulkhead/limits.h"

/* A larger cache.toml is no cache.toml. */
enum { MAX_FILE = 64 * 1024 };

/* Of a key that is shown, in bytes. */
enum { MAX_KEY = 60 };

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

/* "cache.max_bytes", as far as anybody wants to read it; to be freed. */
static char *name_of(const bh_toml_node *node)
{
	size_t length = node->key_length;
	if (length > MAX_KEY)
		for (length = MAX_KEY; length && ((unsigned char)node->key[length] & 0xC0) == 0x80; length--)
			;
	BH_AUTO(bh_free) char *key = bh_text_tame(node->key, length);
	return key ? bh_format("cache.%s%s", key, length < node->key_length ? "..." : "") : NULL;
}

static bh_status wrong_at(const reading *r, const bh_toml_node *node, bh_toml_span at, const char *what,
                          const char *fix)
{
	BH_AUTO(bh_free) char *name = name_of(node);
	if (!name)
		return bh_fail_memory(r->err);
	bh_error *e = bh_error_begin(r->err, BH_E_CONFIG, "%s: %s", name, what);
	bh_location where = {
		.file = r->path,
		.key = name,
		.line = at.line,
		.column = at.column,
		.length = at.length,
	};
	bh_error_location_set(e, &where);
	bh_error_hint_set(e, "%s", fix);
	return BH_E_CONFIG;
}

static bh_status wrong(const reading *r, const bh_toml_node *node, const char *allowed, const char *fix)
{
	return wrong_at(r, node, node->span, allowed, fix);
}

/* A string without NUL in it: what follows that would not be looked at. */
static const char *text_of(const bh_toml_node *node)
{
	return node->type == BH_TOML_STRING && bh_toml_is(node, node->as.text.data) ? node->as.text.data : NULL;
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
	const char *text = text_of(node);
	if (!text || *text != '/')
		return wrong(r, node, "expected an absolute path", "directory = \"/var/cache/me/bulkhead\"");
	if (!r->decides_folder)
		return BH_OK;
	char *folder = bh_strdup(text);
	if (!folder)
		return bh_fail_memory(r->err);
	bh_free(r->settings->folder);
	r->settings->folder = folder;
	return BH_OK;
}

static bh_status read_bytes(reading *r, const bh_toml_node *node)
{
	const char *text = text_of(node);
	uint64_t bytes = 0;
	if (node->type == BH_TOML_INTEGER && node->as.integer > 0)
		bytes = (uint64_t)node->as.integer;
	else if (!text || bh_limit_parse(&bytes, BH_LIMIT_IO_BYTES, text, NULL) || !bytes)
		return wrong(r, node, "expected a size", "max_bytes = \"2GiB\"");
	r->settings->max_bytes = bytes;
	return BH_OK;
}

static bh_status read_age(reading *r, const bh_toml_node *node)
{
	const char *text = text_of(node);
	char number[24] = "";
	uint64_t age = BH_UNLIMITED;
	if (node->type == BH_TOML_INTEGER)
		snprintf(number, sizeof number, "%" PRId64, node->as.integer);
	if (!bh_toml_is(node, "unlimited") && bh_age_parse(&age, text ? text : number, NULL))
		return wrong(r, node, "expected a time up to 36500 days, or \"unlimited\"", "max_age = \"30d\"");
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
		if (bh_toml_key_among(node, &keys[i].key, 1) == 0)
			return keys[i].read(r, node);
	return wrong_at(r, node, node->key_span, "no such key", "The keys are enabled, directory, max_bytes, max_age.");
}

/* The parser knows the line, but of no file. */
static bh_status no_toml(const reading *r, const bh_error *why)
{
	const bh_location *at = why ? bh_error_location(why) : NULL;
	if (!why || bh_error_status(why) == BH_E_NO_MEMORY)
		return bh_fail_memory(r->err);
	if (!at)
		return bh_fail(r->err, BH_E_CONFIG, "%s: %s", r->path, bh_error_message(why));
	bh_location where = {.file = r->path, .line = at->line, .column = at->column, .length = at->length};
	bh_error_location_set(bh_error_begin(r->err, BH_E_CONFIG, "%s", bh_error_message(why)), &where);
	return BH_E_CONFIG;
}

static bh_status read_text(reading *r, const char *text, size_t length)
{
	static const char *const ours[] = {"cache"};
	BH_AUTO(bh_toml_free) bh_toml *document = NULL;
	BH_AUTO(bh_error_free) bh_error *why = NULL;
	bh_status status = bh_toml_parse(&document, text, length, &why);
	if (status)
		return no_toml(r, why);
	const bh_toml_node *root = bh_toml_root(document);
	for (size_t i = 0; i < root->count && !status; i++) {
		const bh_toml_node *table = &root->children[i];
		if (bh_toml_key_among(table, ours, BH_COUNT(ours)) || table->type != BH_TOML_TABLE)
			continue; /* another program's, or a later version's */
		for (size_t k = 0; k < table->count && !status; k++)
			status = read_key(r, &table->children[k]);
	}
	return status;
}

/* A file that is not there says nothing. One that cannot be read might say anything. */
static bh_status read_file(reading *r)
{
	BH_AUTO(bh_free) char *text = NULL;
	BH_AUTO(bh_error_free) bh_error *why = NULL;
	struct stat info;
	size_t length;
	bh_status status = bh_file_read(&text, &length, r->path, MAX_FILE, &why);
	if (!status)
		return read_text(r, text, length);
	/* In a folder that this user may not look into there is nothing for this user. */
	if (status == BH_E_NOT_FOUND || lstat(r->path, &info) < 0)
		return BH_OK;
	if (status == BH_E_NO_MEMORY || !why)
		return bh_fail_memory(r->err);
	return bh_fail(r->err, BH_E_CONFIG, "%s", bh_error_message(why));
}

static bh_status look_at_file(bh_cache_settings *s, bool decides_on, bool decides_folder, bh_error **err)
{
	BH_AUTO(bh_free) char *path = xdg("XDG_CONFIG_HOME", ".config", "bulkhead/cache.toml");
	if (!path)
		return BH_OK;
	bool was_on = s->enabled, had_folder = s->folder;
	bh_cache_settings before = *s;
	reading r = {path, s, decides_on, decides_folder, err};
	bh_status status = read_file(&r);
	if (status) {
		/* All of it is left out, or nobody could tell what holds. A folder that was named before it left alone. */
		if (!had_folder)
			bh_free(s->folder);
		*s = before;
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
