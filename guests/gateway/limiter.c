/*
 * A rate limiter: three requests a second for each client, by the number that its host keeps. The others get a response
 * that says when to come again. From bulkhead:gateway.
 */
#include <stdlib.h>
#include <string.h>

#include "limiter.h"

enum { MOST = 3, WINDOW_MS = 1000 };

static void refuse(bulkhead_gateway_types_outcome_t *ret)
{
	static const char body[] = "too many requests\n";
	bulkhead_gateway_types_reply_t *reply = &ret->action.val.respond;
	ret->action.tag = BULKHEAD_GATEWAY_TYPES_ACTION_RESPOND;
	reply->status = 429;
	reply->headers.ptr = calloc(1, sizeof *reply->headers.ptr);
	if (!reply->headers.ptr)
		abort();
	reply->headers.len = 1;
	limiter_string_dup(&reply->headers.ptr[0].name, "retry-after");
	limiter_string_dup(&reply->headers.ptr[0].value, "1");
	limiter_string_t text;
	limiter_string_dup(&text, body);
	reply->body.ptr = text.ptr;
	reply->body.len = text.len;
}

void exports_bulkhead_gateway_on_request_on_request(bulkhead_gateway_types_request_t *req,
                                                    bulkhead_gateway_types_outcome_t *ret)
{
	limiter_string_t client;
	limiter_string_set(&client, "everyone");
	for (size_t i = 0; i < req->headers.len; i++)
		if (req->headers.ptr[i].name.len == 8 && !memcmp(req->headers.ptr[i].name.ptr, "x-client", 8))
			client = req->headers.ptr[i].value;
	memset(ret, 0, sizeof *ret);
	if (bulkhead_gateway_key_value_increment(&client, WINDOW_MS) > MOST)
		refuse(ret);
	bulkhead_gateway_types_request_free(req);
}
