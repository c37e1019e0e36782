/* Authentication: requests without the key are rejected. Built from smg:gateway as it is published. */
#include "smg_tools.h"

static const char key[] = "let-me-in";

void exports_smg_gateway_middleware_on_request_on_request(smg_gateway_middleware_types_request_t *req, action *ret)
{
	const smg_string_t *given = find(&req->headers, "x-api-key");
	if (!given)
		reject(ret, 401);
	else if (given->len != sizeof key - 1 || memcmp(given->ptr, key, given->len) != 0)
		reject(ret, 403);
	else
		go_on(ret);
	smg_gateway_middleware_types_request_free(req);
}

void exports_smg_gateway_middleware_on_response_on_response(smg_gateway_middleware_types_response_t *resp, action *ret)
{
	go_on(ret);
	smg_gateway_middleware_types_response_free(resp);
}
