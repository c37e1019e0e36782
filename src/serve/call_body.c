#include "call_body.h"

#include <jansson.h>
#include <string.h>

#include "memory.h"

enum { LONGEST_NAME = 1024, LONGEST_DEADLINE_MS = 3600 * 1000 };

void call_body_deinit(call_body *body)
{
	sv_free(body->export_);
	sv_free(body->args);
	*body = (call_body){0};
}

/* "add(1, 2)" in its two parts; without parentheses there are no arguments. */
static bh_status read_wave(call_body *out, const char *text, bh_error **err)
{
	size_t length = strcspn(text, "(");
	const char *args = text[length] ? text + length : "()";
	while (length && text[length - 1] == ' ')
		length--;
	if (!length || length > LONGEST_NAME)
		return bh_error_new(err, BH_E_INVALID, "wave: it looks like \"add(1, 2)\"");
	out->wave = true;
	out->export_ = sv_copy_n(text, length);
	out->args = sv_copy(args);
	return out->export_ && out->args ? BH_OK : no_memory(err);
}

static bh_status read_json(call_body *out, const char *name, const json_t *args, bh_error **err)
{
	if (!*name || strlen(name) > LONGEST_NAME)
		return bh_error_new(err, BH_E_INVALID, "export: the name of one, of at most %d bytes", LONGEST_NAME);
	if (args && !json_is_array(args))
		return bh_error_new(err, BH_E_INVALID, "args: an array");
	out->export_ = sv_copy(name);
	out->args = args ? json_dumps(args, JSON_COMPACT) : sv_copy("[]");
	return out->export_ && out->args ? BH_OK : no_memory(err);
}

static bh_status read_deadline(call_body *out, const json_t *value, bh_error **err)
{
	if (!value)
		return BH_OK;
	json_int_t ms = json_integer_value(value);
	if (!json_is_integer(value) || ms < 1 || ms > LONGEST_DEADLINE_MS)
		return bh_error_new(err, BH_E_INVALID, "deadline_ms: 1 to %d", LONGEST_DEADLINE_MS);
	out->deadline_ms = (uint64_t)ms;
	return BH_OK;
}

static bh_status check_members(json_t *body, bh_error **err)
{
	static const char *const known[] = {"export", "args", "wave", "deadline_ms"};
	const char *key;
	json_t *value;
	json_object_foreach(body, key, value)
	{
		size_t i = 0;
		while (i < SV_COUNT(known) && strcmp(known[i], key) != 0)
			i++;
		if (i == SV_COUNT(known))
			return bh_error_new(err, BH_E_INVALID, "there is a member that is none of export, args, wave, deadline_ms");
	}
	return BH_OK;
}

/* A text without NUL in it; NULL otherwise. */
static const char *plain_text(const json_t *value)
{
	const char *text = json_string_value(value);
	return text && strlen(text) == json_string_length(value) ? text : NULL;
}

static bh_status read_object(call_body *out, json_t *body, bh_error **err)
{
	const json_t *name = json_object_get(body, "export"), *wave = json_object_get(body, "wave");
	const char *name_text = plain_text(name), *wave_text = plain_text(wave);
	bh_status status = check_members(body, err);
	if (!status)
		status = read_deadline(out, json_object_get(body, "deadline_ms"), err);
	if (status)
		return status;
	if (wave_text && !name && !json_object_get(body, "args"))
		return read_wave(out, wave_text, err);
	if (name_text && !wave)
		return read_json(out, name_text, json_object_get(body, "args"), err);
	return bh_error_new(err, BH_E_INVALID,
	                    "the body is to be {\"export\": \"add\", \"args\": [1, 2]} or {\"wave\": \"add(1, 2)\"}");
}

bh_status call_body_read(call_body *out, const char *data, size_t length, bh_error **err)
{
	json_error_t wrong = {0};
	call_body body = {0};
	/* Texts may have NUL in them, as a guest's may; names may not, and those that have are none. */
	json_t *object = json_loadb(data ? data : "", length, JSON_REJECT_DUPLICATES | JSON_ALLOW_NUL, &wrong);
	bh_status status;
	if (json_is_object(object))
		status = read_object(&body, object, err);
	else
		status = bh_error_new(err, BH_E_INVALID, "the body is no JSON object: %s",
		                      object ? "it is something else" : wrong.text);
	json_decref(object);
	if (status)
		call_body_deinit(&body);
	else
		*out = body;
	return status;
}
