#include "engine/message.h"

#include <string.h>

#include "engine/internal.h"

_Static_assert(sizeof(bh_string) == 16 && sizeof(bh_header) == 32 && sizeof(bh_context_entry) == 32,
               "as in middleware.rs");
_Static_assert(sizeof(bh_message) == 16 + 6 * 16 + 3 * 16 && sizeof(bh_verdict) == 8 + 5 * 16 + 8,
               "as in middleware.rs");

#define HEADERS "list<record { name: string, value: string }>"
#define CONTEXT "list<record { key: string, value: list<u8> }>"
#define EDIT                                                                                                           \
	"record { status: option<u16>, headers-set: " HEADERS ", headers-add: " HEADERS ", headers-remove: list<string>, " \
	"body-replace: option<list<u8>> }"
#define ACTION "variant { continue, reject(u16), modify(" EDIT ") }"
#define REPLY "record { status: u16, headers: " HEADERS ", body: list<u8> }"
#define OUTCOME                                                                                                        \
	"record { action: variant { continue, reject(u16), modify(" EDIT "), respond(" REPLY ") }, context: " CONTEXT " }"
#define REQUEST                                                                                                        \
	"method: string, path: string, query: string, headers: " HEADERS ", body: list<u8>, request-id: string, "          \
	"now-epoch-ms: u64"
#define RESPONSE "status: u16, headers: " HEADERS ", body: list<u8>"

static const struct {
	const char *interface, *function, *type;
} kinds[BH_MESSAGE_KINDS] = {
	[BH_MESSAGE_SMG_REQUEST] = {"smg:gateway/middleware-on-request", "on-request",
                                "func(req: record { " REQUEST " }) -> " ACTION},
	[BH_MESSAGE_SMG_RESPONSE] = {"smg:gateway/middleware-on-response", "on-response",
                                 "func(resp: record { " RESPONSE " }) -> " ACTION},
	[BH_MESSAGE_REQUEST] = {"bulkhead:gateway/on-request@0.1.0", "on-request",
                            "func(req: record { " REQUEST ", context: " CONTEXT " }) -> " OUTCOME},
	[BH_MESSAGE_RESPONSE] = {"bulkhead:gateway/on-response@0.1.0", "on-response",
                             "func(resp: record { " RESPONSE ", request-id: string, context: " CONTEXT
                             " }) -> " OUTCOME},
	[BH_MESSAGE_FAILURE] = {"bulkhead:gateway/on-error@0.1.0", "on-error",
                            "func(failed: record { status: u16, message: string, phase: enum { request, response }, "
                            "module: string, request-id: string, context: " CONTEXT " }) -> " OUTCOME},
};

const char *bh_message_interface(bh_message_kind kind)
{
	return kinds[kind].interface;
}

const char *bh_message_function(bh_message_kind kind)
{
	return kinds[kind].function;
}

/* Types are written out whole, names included: what reads alike is laid out alike. */
bh_status bh_message_fits(bh_message_kind kind, const bh_function *function, bh_error **err)
{
	const char *has = bh_function_signature(function), *wanted = kinds[kind].type;
	size_t name = strlen(kinds[kind].function);
	if (strncmp(has, kinds[kind].function, name) != 0 || strncmp(has + name, ": ", 2) != 0)
		return bh_fail(err, BH_E_TYPE, "%s is not %s", bh_function_name(function), kinds[kind].function);
	has += name + 2;
	if (!strcmp(has, wanted))
		return BH_OK;
	size_t at = 0;
	while (has[at] && has[at] == wanted[at])
		at++;
	/* From where a word begins. */
	while (at && wanted[at - 1] != ' ' && wanted[at - 1] != '(')
		at--;
	bh_error *e = bh_error_begin(err, BH_E_TYPE, "%s is of another type than %s defines", bh_function_name(function),
	                             kinds[kind].interface);
	bh_error_hint_set(e, "wanted: ...%.60s...\nfound:  ...%.60s...\nBuild it from the WIT that is published: wit/%s.",
	                  wanted + at, strlen(has) > at ? has + at : "",
	                  kind <= BH_MESSAGE_SMG_RESPONSE ? "smg-gateway" : "bulkhead-gateway");
	return BH_E_TYPE;
}

bool bh_is_utf8(const char *data, size_t length)
{
	return !length || bhx_text_is_utf8(data, length);
}
