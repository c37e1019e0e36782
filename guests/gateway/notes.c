/*
 * For tests: what bulkhead:gateway has that smg:gateway has not. The path of a request says what to do: "/respond" answers
 * it, "/note" notes, "/crash" traps, "/crash-later" on the way back. What it is shown of the context it tells in headers.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "middleware.h"

typedef bulkhead_gateway_types_outcome_t outcome;
typedef bulkhead_gateway_types_list_header_t headers;
typedef bulkhead_gateway_types_list_entry_t entries;

static int is(const middleware_string_t *text, const char *wanted)
{
	return text->len == strlen(wanted) && !memcmp(text->ptr, wanted, text->len);
}

static void put(headers *to, const char *name, const char *value)
{
	to->ptr = realloc(to->ptr, (to->len + 1) * sizeof *to->ptr);
	if (!to->ptr)
		abort();
	middleware_string_dup(&to->ptr[to->len].name, name);
	middleware_string_dup(&to->ptr[to->len++].value, value);
}

static void note(entries *to, const char *key, const char *value)
{
	middleware_string_t copy;
	to->ptr = realloc(to->ptr, (to->len + 1) * sizeof *to->ptr);
	if (!to->ptr)
		abort();
	middleware_string_dup(&to->ptr[to->len].key, key);
	middleware_string_dup(&copy, value);
	to->ptr[to->len].value.ptr = copy.ptr;
	to->ptr[to->len++].value.len = copy.len;
}

static middleware_list_u8_t bytes(const char *text)
{
	middleware_string_t copy;
	middleware_string_dup(&copy, text);
	return (middleware_list_u8_t){copy.ptr, copy.len};
}

/* "key=value;" of each. */
static void tell(headers *to, const entries *context)
{
	char text[256] = "";
	for (size_t i = 0; i < context->len; i++)
		snprintf(text + strlen(text), sizeof text - strlen(text), "%.*s=%.*s;", (int)context->ptr[i].key.len,
		         (const char *)context->ptr[i].key.ptr, (int)context->ptr[i].value.len,
		         (const char *)context->ptr[i].value.ptr);
	put(to, "x-context", text);
}

void exports_bulkhead_gateway_on_request_on_request(bulkhead_gateway_types_request_t *req, outcome *ret)
{
	memset(ret, 0, sizeof *ret);
	if (is(&req->path, "/crash"))
		__builtin_trap();
	if (is(&req->path, "/respond")) {
		ret->action.tag = BULKHEAD_GATEWAY_TYPES_ACTION_RESPOND;
		ret->action.val.respond.status = 418;
		put(&ret->action.val.respond.headers, "content-type", "text/plain");
		put(&ret->action.val.respond.headers, "Content-Length", "999");
		ret->action.val.respond.body = bytes("short and stout");
	} else {
		ret->action.tag = BULKHEAD_GATEWAY_TYPES_ACTION_MODIFY;
		tell(&ret->action.val.modify.headers_set, &req->context);
		note(&ret->context, "path", is(&req->path, "/crash-later") ? "crash" : "fine");
		if (req->context.len)
			note(&ret->context, "second", "yes");
	}
	bulkhead_gateway_types_request_free(req);
}

void exports_bulkhead_gateway_on_response_on_response(bulkhead_gateway_types_response_t *resp, outcome *ret)
{
	memset(ret, 0, sizeof *ret);
	if (resp->context.len && resp->context.ptr[0].value.len == 5)
		__builtin_trap();
	ret->action.tag = BULKHEAD_GATEWAY_TYPES_ACTION_MODIFY;
	tell(&ret->action.val.modify.headers_add, &resp->context);
	bulkhead_gateway_types_response_free(resp);
}

void exports_bulkhead_gateway_on_error_on_error(bulkhead_gateway_types_failure_t *failed, outcome *ret)
{
	char text[400];
	memset(ret, 0, sizeof *ret);
	snprintf(text, sizeof text, "%u %.*s in %s of %.*s", failed->status, (int)failed->message.len,
	         (const char *)failed->message.ptr,
	         failed->phase == BULKHEAD_GATEWAY_TYPES_PHASE_REQUEST ? "request" : "response", (int)failed->module.len,
	         (const char *)failed->module.ptr);
	ret->action.tag = BULKHEAD_GATEWAY_TYPES_ACTION_RESPOND;
	ret->action.val.respond.status = 502;
	ret->action.val.respond.body = bytes(text);
	bulkhead_gateway_types_failure_free(failed);
}
