/* Headers of responses: what browsers should be told, and what nobody needs to know. From smg:gateway. */
#include "smg_tools.h"

void exports_smg_gateway_middleware_on_request_on_request(smg_gateway_middleware_types_request_t *req, action *ret)
{
	go_on(ret);
	smg_gateway_middleware_types_request_free(req);
}

void exports_smg_gateway_middleware_on_response_on_response(smg_gateway_middleware_types_response_t *resp, action *ret)
{
	smg_gateway_middleware_types_modify_action_t *edit = modify(ret);
	put(&edit->headers_set, "x-content-type-options", "nosniff");
	put(&edit->headers_set, "referrer-policy", "no-referrer");
	put_name(&edit->headers_remove, "server", 6);
	put_name(&edit->headers_remove, "x-powered-by", 12);
	smg_gateway_middleware_types_response_free(resp);
}
