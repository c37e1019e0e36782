/*
 * Request id and logging: the id goes on to the upstream and back to the client, and a line about each response to
 * stderr. What it needs to know then it notes in the context. From bulkhead:gateway.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "middleware.h"

typedef bulkhead_gateway_types_outcome_t outcome;

static const char id_header[] = "x-request-id";

static void *room(size_t size)
{
	void *p = calloc(1, size ? size : 1);
	if (!p)
		abort();
	return p;
}

static void dup(middleware_string_t *out, const middleware_string_t *text)
{
	middleware_string_dup_n(out, (const char *)text->ptr, text->len);
}

/* An action that sets the id. */
static void set_id(outcome *ret, const middleware_string_t *id)
{
	memset(ret, 0, sizeof *ret);
	ret->action.tag = BULKHEAD_GATEWAY_TYPES_ACTION_MODIFY;
	bulkhead_gateway_types_list_header_t *set = &ret->action.val.modify.headers_set;
	set->ptr = room(sizeof *set->ptr);
	set->len = 1;
	middleware_string_dup(&set->ptr[0].name, id_header);
	dup(&set->ptr[0].value, id);
}

static void note(outcome *ret, const char *key, const middleware_string_t *text)
{
	ret->context.ptr = room(sizeof *ret->context.ptr);
	ret->context.len = 1;
	middleware_string_t copy;
	dup(&copy, text);
	middleware_string_dup(&ret->context.ptr[0].key, key);
	ret->context.ptr[0].value.ptr = copy.ptr;
	ret->context.ptr[0].value.len = copy.len;
}

static middleware_list_u8_t noted(const bulkhead_gateway_types_list_entry_t *context, const char *key)
{
	for (size_t i = 0; i < context->len; i++)
		if (context->ptr[i].key.len == strlen(key) && !memcmp(context->ptr[i].key.ptr, key, strlen(key)))
			return context->ptr[i].value;
	return (middleware_list_u8_t){(uint8_t *)"-", 1};
}

void exports_bulkhead_gateway_on_request_on_request(bulkhead_gateway_types_request_t *req, outcome *ret)
{
	set_id(ret, &req->request_id);
	note(ret, "tracing.path", &req->path);
	bulkhead_gateway_types_request_free(req);
}

void exports_bulkhead_gateway_on_response_on_response(bulkhead_gateway_types_response_t *resp, outcome *ret)
{
	middleware_list_u8_t path = noted(&resp->context, "tracing.path");
	fprintf(stderr, "%.*s %.*s %u %zu\n", (int)resp->request_id.len, (const char *)resp->request_id.ptr, (int)path.len,
	        (const char *)path.ptr, resp->status, resp->body.len);
	set_id(ret, &resp->request_id);
	bulkhead_gateway_types_response_free(resp);
}

void exports_bulkhead_gateway_on_error_on_error(bulkhead_gateway_types_failure_t *failed, outcome *ret)
{
	set_id(ret, &failed->request_id);
	bulkhead_gateway_types_failure_free(failed);
}
