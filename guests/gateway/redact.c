/* Redaction: the value of every member "password" of a JSON body becomes "***", whichever way it goes. From smg:gateway. */
#include "smg_tools.h"

static const char member[] = "\"password\"";

static size_t blank(const uint8_t *text, size_t length, size_t at)
{
	while (at < length && (text[at] == ' ' || text[at] == '\t' || text[at] == '\r' || text[at] == '\n'))
		at++;
	return at;
}

/* Behind the string that begins at `at`. */
static size_t string_end(const uint8_t *text, size_t length, size_t at)
{
	for (at++; at < length && text[at] != '"'; at++)
		if (text[at] == '\\')
			at++;
	return at < length ? at + 1 : length;
}

/* Where the value of a member begins that has the name at `at`, if it is a string; 0. */
static size_t value_of(const uint8_t *text, size_t length, size_t at)
{
	if (length - at < sizeof member - 1 || memcmp(text + at, member, sizeof member - 1) != 0)
		return 0;
	size_t colon = blank(text, length, at + sizeof member - 1);
	if (colon >= length || text[colon] != ':')
		return 0;
	size_t value = blank(text, length, colon + 1);
	return value < length && text[value] == '"' ? value : 0;
}

/* False: there is nothing to redact. */
static int redact(const smg_list_u8_t *body, smg_list_u8_t *out)
{
	int found = 0;
	out->ptr = room(body->len * 2 + 1, 1); /* a value of nothing becomes three characters longer */
	out->len = 0;
	for (size_t at = 0; at < body->len;) {
		size_t end = at + 1;
		size_t value = 0;
		if (body->ptr[at] == '"') {
			value = value_of(body->ptr, body->len, at);
			end = value ? value : string_end(body->ptr, body->len, at);
		}
		memcpy(out->ptr + out->len, body->ptr + at, end - at);
		out->len += end - at;
		at = end;
		if (value) {
			memcpy(out->ptr + out->len, "\"***\"", 5);
			out->len += 5;
			at = string_end(body->ptr, body->len, value);
			found = 1;
		}
	}
	return found;
}

static void answer(const smg_list_u8_t *body, action *ret)
{
	smg_list_u8_t changed;
	if (!redact(body, &changed)) {
		free(changed.ptr);
		go_on(ret);
		return;
	}
	smg_gateway_middleware_types_modify_action_t *edit = modify(ret);
	edit->body_replace.is_some = true;
	edit->body_replace.val = changed;
}

void exports_smg_gateway_middleware_on_request_on_request(smg_gateway_middleware_types_request_t *req, action *ret)
{
	answer(&req->body, ret);
	smg_gateway_middleware_types_request_free(req);
}

void exports_smg_gateway_middleware_on_response_on_response(smg_gateway_middleware_types_response_t *resp, action *ret)
{
	answer(&resp->body, ret);
	smg_gateway_middleware_types_response_free(resp);
}
