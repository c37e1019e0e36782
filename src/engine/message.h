/*
 * Messages: what gateway middleware is called with, and what it answers, as C has them. They are written straight into
 * the guest's memory and read out of it (engine/src/middleware.rs, verdict.rs), without values in between.
 *
 * The structs lie as Rust has them too, which asserts their sizes: a change here is one there.
 */
#ifndef BH_ENGINE_MESSAGE_H
#define BH_ENGINE_MESSAGE_H

#include "base/error.h"
#include "bulkhead/chain.h"
#include "engine/code.h"

/* Which function of which package; see wit/smg-gateway and wit/bulkhead-gateway. */
typedef enum {
	BH_MESSAGE_SMG_REQUEST,
	BH_MESSAGE_SMG_RESPONSE,
	BH_MESSAGE_REQUEST,
	BH_MESSAGE_RESPONSE,
	BH_MESSAGE_FAILURE,
	BH_MESSAGE_KINDS
} bh_message_kind;

/* What it points to stays until the call is over. Texts are UTF-8. Of each kind only some is looked at. */
typedef struct bh_message {
	uint32_t kind;
	uint16_t status;
	uint8_t phase; /* 0: of the request */
	uint64_t now_epoch_ms;
	bh_string method, path, query, request_id, message, module;
	const bh_header *headers;
	size_t header_count;
	bh_bytes body;
	const bh_context_entry *context;
	size_t context_count;
} bh_message;

typedef enum { BH_VERDICT_CONTINUE, BH_VERDICT_REJECT, BH_VERDICT_MODIFY, BH_VERDICT_RESPOND } bh_verdict_action;

/* What a guest wants. Not looked at yet: whatever is in it is the guest's word, but texts are UTF-8. */
typedef struct bh_verdict {
	uint32_t action;
	bool has_status, has_body;
	uint16_t status;
	struct {
		bh_header *data;
		size_t count;
	} set, add; /* `set` are the headers of a response, too */
	struct {
		bh_string *data;
		size_t count;
	} remove;
	struct {
		bh_context_entry *data;
		size_t count;
	} context;
	bh_bytes body;
	void *block; /* all of it, for bh_free(); NULL where there is nothing */
} bh_verdict;

/* The interface and function of a kind: "smg:gateway/middleware-on-request", "on-request". */
const char *bh_message_interface(bh_message_kind kind);
const char *bh_message_function(bh_message_kind kind);

/*
 * Whether an export can be called with messages of that kind: it has exactly the type that the package gives it.
 * BH_E_TYPE shows where the two differ. Calling one that was not found to fit is not safe.
 */
bh_status bh_message_fits(bh_message_kind kind, const bh_function *function, bh_error **err);

/* Whether bytes are UTF-8. */
bool bh_is_utf8(const char *data, size_t length);

#endif
