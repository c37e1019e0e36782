/* Calls of middleware, with messages instead of values: for src/gateway. Otherwise they are calls like any other. */
#ifndef BH_HOST_MESSAGE_H
#define BH_HOST_MESSAGE_H

#include "bulkhead/call.h"
#include "engine/message.h"
#include "host/run.h"

typedef struct {
	bh_export *export_;                 /* found to fit the message's kind (bh_message_check()) */
	bh_instance *instance;              /* NULL: a fresh one */
	bool keep;                          /* a fresh one that is to be kept if the call ends well */
	const bh_instance_options *options; /* of a fresh one; NULL: the default. There until the call is over */
	bh_cancel *cancel;                  /* ends a call that is waited for; NULL: none */
	const bh_message *message;
	bh_verdict *verdict; /* empty; whoever calls frees its block, whatever came of the call */
} bh_message_call;

/* Whether an export can be called so: BH_E_TYPE. */
bh_status bh_message_check(bh_message_kind kind, const bh_export *export_, bh_error **err);

/* Interceptors see calls of the component's exports: they want values to look at. */
bool bh_message_is_seen(const bh_export *export_);

/* The call as a run; for this room. */
void bh_message_prepare(bh_run *run, const bh_message_call *wanted);

/* Call, and wait. `kept` receives the instance that was to be kept; NULL if it went. */
bh_status bh_message_wait(const bh_message_call *wanted, bh_instance **kept, bh_usage *usage, bh_error **err);

/*
 * Start the call; `done` is told, unless this fails. The instance that was to be kept is taken with
 * bh_call_take_instance(), otherwise bh_call_take() says what came of it. A call that is cancelled ends its instance.
 */
bh_status bh_message_start(bh_call **out, const bh_message_call *wanted, bh_call_done *done, void *data,
                           bh_error **err);

#endif
