/*
 * What is said of a module that is registered over HTTP: the keys of [[gateway.module]], as JSON. It is written as TOML and given to
 * the reader of bulkhead.toml, so that the two mean the same, and allow the same, whatever is added to them.
 */
#include <jansson.h>
#include <string.h>

#include "gateway_internal.h"
#include "memory.h"

enum { MOST_KEYS = 32 << 10, MOST_DEPTH = 8 };

static const char *const passed_on[] = {"on_failure", "limits", "permissions", "match",
                                        "sample",     "shadow", "reuse",       "untrusted"};
static const char manifest_key[] = "manifest", position_key[] = "position", table[] = "gateway.module.";
static const char *const known[] = {"name",       "file_path", "module_type", "attach_points",
                                    "add_result", "file",      "attach"};

static bool is_among(const char *const *names, size_t count, const char *name)
{
	for (size_t i = 0; i < count; i++)
		if (!strcmp(names[i], name))
			return true;
	return false;
}

static bool is_ours(const char *key)
{
	return is_among(passed_on, SV_COUNT(passed_on), key) || !strcmp(key, manifest_key) || !strcmp(key, position_key);
}

void said_free(module_said *said)
{
	sv_free(said->keys);
	sv_free(said->manifest);
	*said = (module_said){0};
}

bool said_copy(module_said *out, const module_said *from)
{
	*out = (module_said){.trusted = from->trusted,
	                     .keys = from->keys ? sv_copy(from->keys) : NULL,
	                     .manifest = from->manifest ? sv_copy(from->manifest) : NULL};
	if (!out->keys == !from->keys && !out->manifest == !from->manifest)
		return true;
	said_free(out);
	return false;
}

/* JSON as TOML. A text is written alike in both. */

static void put_value(sv_text *out, const json_t *value, unsigned depth);

static void put_table(sv_text *out, const json_t *object, unsigned depth)
{
	const char *key;
	json_t *value;
	js_open(out, '{');
	json_object_foreach((json_t *)object, key, value)
	{
		js_text(out, key);
		sv_text_add(out, " = ");
		put_value(out, value, depth + 1);
	}
	js_close(out, '}');
}

static void put_list(sv_text *out, const json_t *list, unsigned depth)
{
	js_open(out, '[');
	for (size_t i = 0; i < json_array_size(list); i++) {
		if (i)
			sv_text_add(out, ", ");
		put_value(out, json_array_get(list, i), depth + 1);
	}
	js_close(out, ']');
}

/* Behind "= " or ", ", where nothing of js_...() would put a comma. */
static void put_value(sv_text *out, const json_t *value, unsigned depth)
{
	sv_text text = {0};
	if (depth > MOST_DEPTH) {
		sv_text_add(out, "\"too deep\"");
	} else if (json_is_object(value) || json_is_array(value)) {
		json_is_object(value) ? put_table(&text, value, depth) : put_list(&text, value, depth);
	} else if (json_is_string(value)) {
		js_text(&text, json_string_value(value));
	} else if (json_is_integer(value)) {
		sv_text_add(out, "%lld", (long long)json_integer_value(value));
	} else if (json_is_real(value)) {
		sv_text_add(out, "%.17g", json_real_value(value));
	} else if (json_is_boolean(value)) {
		sv_text_add(out, json_is_true(value) ? "true" : "false");
	} else {
		sv_text_add(out, "\"null\""); /* of no type that is wanted anywhere */
	}
	if (text.data)
		sv_text_add_n(out, text.data, text.length);
	out->failed = out->failed || text.failed;
	sv_text_deinit(&text);
}

static void put_key(sv_text *out, const char *key, const json_t *value)
{
	sv_text name = {0};
	js_text(&name, key);
	if (name.data)
		sv_text_add_n(out, name.data, name.length);
	sv_text_add(out, " = ");
	put_value(out, value, 0);
	sv_text_add(out, "\n");
	out->failed = out->failed || name.failed;
	sv_text_deinit(&name);
}

/* A configuration of one module, with the keys of two objects that the reader knows or warns of. */
static char *config_text(const json_t *keys, const json_t *unknown, bh_on_failure otherwise)
{
	sv_text out = {0};
	const char *key;
	json_t *value;
	sv_text_add(&out,
	            "[gateway]\nlisten = \"127.0.0.1:1\"\nupstream = \"http://127.0.0.1:1\"\non_failure = \"%s\"\n"
	            "[[gateway.module]]\nname = \"m\"\nfile = \"/m.wasm\"\n",
	            otherwise == BH_FAIL_OPEN ? "open" : "closed");
	json_object_foreach((json_t *)keys, key, value)
	{
		if (is_among(passed_on, SV_COUNT(passed_on), key))
			put_key(&out, key, value);
	}
	json_object_foreach((json_t *)unknown, key, value)
	{
		put_key(&out, key, json_true());
	}
	return sv_text_take(&out);
}

bh_status said_config(bh_config **out, const module_said *said, const char *file, bh_on_failure otherwise,
                      bh_error **err)
{
	json_t *keys = said->keys ? json_loads(said->keys, 0, NULL) : json_object();
	SV_AUTO char *text = json_is_object(keys) ? config_text(keys, NULL, otherwise) : NULL;
	json_decref(keys);
	return text ? bh_config_parse(out, text, strlen(text), file, err) : no_memory(err);
}

/* Checking what somebody says. */

typedef struct {
	char **field;
	bh_error **err;
} complaint;

static bh_status complain(const complaint *to, bh_status status, const char *key, const char *what, const char *hint)
{
	size_t prefix = strlen(table);
	const char *name = key && !strncmp(key, table, prefix) ? key + prefix : key;
	sv_free(*to->field);
	*to->field = name ? sv_copy(name) : NULL;
	return bh_error_new(to->err, status, "%s%s%s", what, hint ? ". " : "", hint ? hint : "");
}

/* An error's key is that of the table it is in, then: what lies in there is in the message. */
static bh_status complain_of(const complaint *to, bh_status status, bh_error *why)
{
	const bh_location *where = why ? bh_error_location(why) : NULL;
	status = complain(to, status, where ? where->key : NULL, why ? bh_error_message(why) : bh_status_text(status),
	                  why ? bh_error_hint(why) : NULL);
	bh_error_free(why);
	return status;
}

/* Keys that nobody knows are nobody's business, as ever, unless they are nearly ours, or beside some of ours. */
static bh_status check_unknown(const bh_config *config, bool new_form, const complaint *to)
{
	for (size_t i = 0; i < bh_config_diagnostic_count(config); i++) {
		const bh_diagnostic *d = bh_config_diagnostic(config, i);
		if (new_form || d->fix)
			return complain(to, BH_E_CONFIG, d->where.key, d->message, d->hint);
	}
	return BH_OK;
}

static json_t *unknown_of(const json_t *object)
{
	json_t *out = json_object(), *value;
	const char *key;
	json_object_foreach((json_t *)object, key, value)
	{
		if (!is_ours(key) && !is_among(known, SV_COUNT(known), key) && json_object_set(out, key, json_true()))
			break;
	}
	return out;
}

/* What was said before with what is said now over it; null is as if it had not been said. */
static json_t *merge(const char *before, const json_t *object, bool *new_form)
{
	json_t *out = before ? json_loads(before, 0, NULL) : json_object(), *value;
	const char *key;
	bool failed = !out;
	json_object_foreach((json_t *)object, key, value)
	{
		if (!is_ours(key))
			continue;
		*new_form = true;
		if (json_is_null(value))
			json_object_del(out, key);
		else if (strcmp(key, position_key) != 0)
			failed = failed || json_object_set(out, key, value);
	}
	if (!failed)
		return out;
	json_decref(out);
	return NULL;
}

static bh_status take_position(module_said *out, const json_t *object, const complaint *to)
{
	const json_t *value = json_object_get(object, position_key);
	json_int_t position = json_integer_value(value);
	if (!value || json_is_null(value))
		return BH_OK;
	if (!json_is_integer(value) || position < 1 || position > BH_CHAIN_MODULES)
		return complain(to, BH_E_CONFIG, position_key, "position: a number from 1 on, the first in the chain", NULL);
	out->position = (uint32_t)position;
	return BH_OK;
}

static bh_status take_manifest(module_said *out, const json_t *keys, const json_t *object, const module_said *before,
                               const complaint *to)
{
	const json_t *value = json_object_get(keys, manifest_key);
	const char *path = json_string_value(value);
	bh_manifest *manifest = NULL;
	bh_error *why = NULL;
	size_t length = 0;
	if (!value)
		return BH_OK;
	if (before && before->manifest && !json_object_get(object, manifest_key)) {
		out->manifest = sv_copy(before->manifest);
		return out->manifest ? BH_OK : no_memory(to->err);
	}
	if (!path)
		return complain(to, BH_E_CONFIG, manifest_key, "manifest: the absolute path of a Component.toml", NULL);
	bh_status status = manifest_read(&out->manifest, &length, path, &why);
	if (!status && strlen(out->manifest) != length)
		status = bh_error_new(&why, BH_E_CONFIG, "%s: a NUL byte in it", path);
	if (!status)
		status = bh_manifest_parse(&manifest, out->manifest, length, path, &why);
	bh_manifest_free(manifest);
	if (!status || status == BH_E_NO_MEMORY) {
		bh_error_free(why);
		return status ? no_memory(to->err) : BH_OK;
	}
	/* Whatever it is, it is what was said that is wrong. */
	status = status == BH_E_DENIED ? status : BH_E_CONFIG;
	const bh_location *where = why ? bh_error_location(why) : NULL;
	SV_AUTO char *at = where && where->line ? sv_format("%s:%u: %s", path, where->line, bh_error_message(why)) : NULL;
	status = complain(to, status, manifest_key,
	                  at    ? at
	                  : why ? bh_error_message(why)
	                        : bh_status_text(status),
	                  why ? bh_error_hint(why) : NULL);
	bh_error_free(why);
	return status;
}

/* Without a token nothing is to be had that the operator did not give to all. */
static bh_status check_trust(const gateway *g, const bh_config *config, const json_t *keys, const complaint *to)
{
	static const char *const guarded[] = {"permissions", "manifest"};
	for (size_t i = 0; i < SV_COUNT(guarded); i++)
		if (json_object_get(keys, guarded[i]))
			return complain(to, BH_E_DENIED, guarded[i],
			                "not without a token: ask for it over the admin API, or write it into bulkhead.toml", NULL);
	bh_limit wide = terms_wider(g, bh_config_module_at(config, 0)->limits);
	if (wide == BH_LIMIT_NONE)
		return BH_OK;
	SV_AUTO char *key = sv_format("limits.%s", bh_limit_describe(wide)->key);
	return complain(to, BH_E_DENIED, key ? key : "limits",
	                "more than [gateway] gives to all, which only the admin API may, or bulkhead.toml", NULL);
}

static bh_status check_keys(const gateway *g, const json_t *keys, const json_t *object, bool new_form, const char *file,
                            bool trusted, const complaint *to)
{
	bh_config *config = NULL;
	bh_error *why = NULL;
	if (new_form && json_object_get(object, "attach"))
		return complain(to, BH_E_CONFIG, "attach", "unknown key attach (did you mean attach_points?)", NULL);
	if (new_form && json_object_get(object, "file"))
		return complain(to, BH_E_CONFIG, "file", "unknown key file (did you mean file_path?)", NULL);
	json_t *unknown = unknown_of(object);
	SV_AUTO char *text = unknown ? config_text(keys, unknown, g->on_failure) : NULL;
	bh_status status = text ? bh_config_parse(&config, text, strlen(text), file, &why) : no_memory(&why);
	json_decref(unknown);
	if (status)
		return complain_of(to, status, why);
	status = check_unknown(config, new_form, to);
	if (!status && !trusted)
		status = check_trust(g, config, keys, to);
	bh_config_free(config);
	return status;
}

bh_status said_read(module_said *out, const gateway *g, const json_t *object, const char *file,
                    const module_said *before, bool trusted, char **field, bh_error **err)
{
	const complaint to = {field, err};
	bool new_form = false;
	json_t *keys = merge(before ? before->keys : NULL, object, &new_form);
	*out = (module_said){.trusted = trusted};
	bh_status status = keys ? take_position(out, object, &to) : no_memory(err);
	if (!status)
		status = check_keys(g, keys, object, new_form, file, trusted, &to);
	if (!status)
		status = take_manifest(out, keys, object, before, &to);
	if (!status && json_object_size(keys) && !(out->keys = json_dumps(keys, JSON_COMPACT)))
		status = no_memory(err);
	if (!status && before && before->keys && before->trusted)
		out->trusted = true;
	if (!status && out->keys && strlen(out->keys) > MOST_KEYS)
		status = complain(&to, BH_E_CONFIG, NULL, "more is said of a module than 32 KiB", NULL);
	json_decref(keys);
	if (status)
		said_free(out);
	return status;
}
