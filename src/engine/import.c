/*
 * Calls of host functions: from the question that a guest leaves with its store to the answer it gets.
 *
 * The engine calls begin() on the guest's stack, and ask() when it resumes the guest. Between the two the question is
 * answered by bh_host_calls_step(), on the stack of whoever polls; a leaf's is answered by begin().
 */
#include "engine/import.h"

#include <string.h>

#include "base/clock.h"
#include "base/permissions.h"
#include "base/text.h"
#include "base/thread.h"
#include "engine/resource.h"
#include "engine/store_internal.h"
#include "engine/type.h"

/*
 * Guests and host functions that call each other take a few KiB of this thread's stack each time, beside what the
 * functions themselves use.
 */
enum { MAX_NESTED = 50 };

/* The host functions that this thread is in, innermost first; each on its own stack. */
typedef struct inside {
	const bh_store *store;
	const struct inside *outer;
	int depth;
	bool leaf;
} inside;

static BH_THREAD_LOCAL const inside *innermost;

bool bh_store_calling(const bh_instance *instance)
{
	for (const inside *i = innermost; i; i = i->outer)
		if (i->store->owner == instance)
			return true;
	return false;
}

bh_component *bh_store_caller(void)
{
	return innermost ? innermost->store->component : NULL;
}

bh_keeper *bh_store_caller_keeper(void)
{
	return innermost ? innermost->store->keeper : NULL;
}

bool bh_store_calls_host(void)
{
	return innermost;
}

bh_status bh_host_calls_allow(bh_error **err)
{
	if (!innermost || !innermost->leaf)
		return BH_OK;
	return bh_fail(err, BH_E_INVALID, "a leaf function must not call guests: it runs on one's stack");
}

/* How a call fails. */

static void fail(bh_host_calls *calls, bh_status status)
{
	calls->failed = status;
	calls->answered = true;
}

/* The function said no: the guest's call ends with that, and the function's own words are the cause. */
static void fail_because(bh_host_calls *calls, bh_status status, bh_error *why)
{
	const char *who = bh_crossing_answered(calls->crossing) ? "interceptor of" : "host function";
	fail(calls, bh_program_failed(&calls->why, who, calls->import->text, status, why));
}

bh_status bh_import_denied(const bh_import *import, bh_error **err)
{
	const char *capability = import->definition->capability;
	bh_error *e =
		bh_error_begin(err, BH_E_DENIED, "%s was not granted: it needs the capability %s", import->text, capability);
	bh_error_hint_set(e,
	                  "Grant it in Component.toml:\n\n    [permissions]\n    capabilities = [\"%s\"]\n\n"
	                  "or with bh_permissions_allow_capability(), or at the prompt with --allow %s.",
	                  capability, capability);
	return BH_E_DENIED;
}

bool bh_import_granted(const bh_import *import, const bh_permissions *permissions)
{
	const char *capability = import->definition->capability;
	return !capability || (permissions && bh_permissions_capable(permissions, capability));
}

/* What calls cost. */

void bh_host_calls_begin(bh_host_calls *calls)
{
	calls->timed = false;
	calls->took_ns = 0;
	calls->io_bytes = 0;
}

uint64_t bh_host_calls_took(const bh_host_calls *calls)
{
	return calls->took_ns + (calls->asked_at ? bh_now() - calls->asked_at : 0);
}

static void stop_clock(bh_host_calls *calls)
{
	calls->took_ns = bh_host_calls_took(calls);
	calls->asked_at = 0;
}

uint64_t bh_host_calls_io(const bh_store *store)
{
	uint64_t used = store->wasi ? bhx_store_io_bytes(store->context, false) : store->calls.io_bytes;
	uint64_t moving = store->calls.pending ? bh_completion_io_bytes(store->calls.pending) : 0;
	return moving > UINT64_MAX - used ? UINT64_MAX : used + moving;
}

static uint64_t io_left(const bh_store *store)
{
	uint64_t most = store->meter.limits->io_bytes, used = most == BH_UNLIMITED ? 0 : bh_host_calls_io(store);
	return used < most ? most - used : 0;
}

static bool is_over_io(const bh_store *store)
{
	uint64_t most = store->meter.limits->io_bytes;
	return most != BH_UNLIMITED && bh_host_calls_io(store) > most;
}

/* What the function that is through, or given up, has counted becomes the guest's. To be called before that is forgotten. */
static void count_io(bh_store *store)
{
	uint64_t bytes = bh_completion_io_bytes(store->calls.pending);
	if (bytes && store->wasi)
		bhx_store_io_count(store->context, bytes);
	else if (bytes)
		store->calls.io_bytes = bh_host_calls_io(store);
}

/* Answers. */

bh_status bh_answer_settle(bh_value *result, const bh_type *wanted, bh_error **err)
{
	bh_status status = BH_OK;
	if (wanted)
		status = bh_value_check(result, wanted, "its result", err);
	else if (result->kind != BH_KIND_NONE)
		status = bh_fail(err, BH_E_TYPE, "its result: expected none, got %s", bh_kind_name((bh_kind)result->kind));
	if (!status && !result->owned && result->kind > BH_KIND_CHAR) {
		bh_value copy = BH_VALUE_INIT;
		status = bh_value_copy(&copy, result, err);
		*result = copy;
	}
	return status;
}

/* The function is through. Its result goes to the guest if it is what the import's type says. */
static void answer(bh_store *store, bh_status status, bh_value *result, bh_error *why)
{
	bh_host_calls *calls = &store->calls;
	const bh_import *import = calls->import;
	if (!status) {
		bh_error_free(BH_TAKE(why)); /* words without a failure */
		status = bh_answer_settle(result, bh_import_result(import), &why);
	}
	bool passing = !status && import->passes_handles;
	if (passing)
		status = bh_held_pass(store, result, &why);
	if (status)
		bh_value_deinit(result);
	/* The guest has as many resources as it may: that is no fault of the function's. */
	if (passing && status == BH_E_RESOURCE_LIMIT) {
		calls->why = why;
		fail(calls, status);
		return;
	}
	if (status) {
		fail_because(calls, status, why);
		return;
	}
	calls->result = *result;
	calls->answered = true;
}

/* The guest has had more moved for it than it may: that goes before any answer. */
static void fail_over_io(bh_store *store, bh_value *result, bh_error *why)
{
	bh_value_deinit(result);
	bh_error_free(why);
	fail(&store->calls, bh_meter_reached(&store->meter, BH_LIMIT_IO_BYTES, &store->calls.why));
}

/* What the program is called for needs a place in the list of those this thread is in. */
static void enter(inside *here, const bh_store *store)
{
	const bh_import *import = store->calls.import;
	*here = (inside){.store = store, .outer = innermost, .leaf = import && import->leaf};
	here->depth = innermost ? innermost->depth + 1 : 1;
	innermost = here;
}

static void leave(const inside *here)
{
	innermost = here->outer;
}

static size_t count_of(const bh_value *args)
{
	return args->kind == BH_KIND_TUPLE ? args->as.list.count : 0;
}

/* Call the function. */
static void run(bh_store *store)
{
	bh_host_calls *calls = &store->calls;
	const bh_definition *definition = calls->import->definition;
	const bh_value *args = calls->pending ? bh_completion_args(calls->pending) : &calls->args;
	size_t count = count_of(args);
	inside here;
	enter(&here, store);
	if (definition->resource) {
		bh_held_destroy(calls, calls->args.as.u32);
		calls->answered = true;
	} else if (definition->start) {
		definition->start(definition->data, calls->pending, args->as.list.items, count);
	} else {
		bh_value result = BH_VALUE_INIT;
		bh_error *why = NULL;
		bh_status status = definition->call(definition->data, args->as.list.items, count, &result, &why);
		answer(store, status, &result, why);
	}
	leave(&here);
}

/* Interceptors. */

/* Whether they let it pass. */
static bool intercept(bh_store *store)
{
	bh_host_calls *calls = &store->calls;
	const bh_import *import = calls->import;
	if (import->definition->resource)
		return true;
	const bh_crossing_of of = {
		.import = true,
		.number = bh_intercept_chain_number(store->chain),
		.within = store->call,
		.interface = import->interface,
		.function = import->name,
		.text = import->text,
		.args = count_of(&calls->args) ? calls->args.as.list.items : NULL,
		.arg_count = count_of(&calls->args),
		.result_type = bh_import_result(import),
	};
	bh_value result = BH_VALUE_INIT;
	bool answered;
	inside here;
	enter(&here, store);
	bh_status status = bh_crossing_enter(&calls->crossing, store->chain, &of, &result, &answered, &calls->why);
	leave(&here);
	if (status)
		fail(calls, status);
	else if (answered)
		answer(store, BH_OK, &result, NULL);
	return !calls->answered;
}

/* It is answered, one way or the other. */
static void tell(bh_store *store)
{
	bh_host_calls *calls = &store->calls;
	inside here;
	bool handles = !calls->failed && calls->import->passes_handles;
	enter(&here, store);
	if (handles)
		bh_held_show(&calls->result, true);
	bh_status status = bh_crossing_leave(BH_TAKE(calls->crossing), calls->failed, &calls->result, NULL, &calls->why);
	if (handles)
		bh_held_show(&calls->result, false);
	leave(&here);
	if (status && !calls->failed) {
		bh_value_deinit(&calls->result);
		fail(calls, status);
	}
}

/* Nobody waits for the answer any more. */
static void tell_cancelled(bh_store *store)
{
	BH_AUTO(bh_error_free) bh_error *why = NULL;
	bh_value none = BH_VALUE_INIT;
	inside here;
	bh_fail(&why, BH_E_CANCELLED, "the guest's call was ended before this one was answered");
	enter(&here, store);
	bh_crossing_leave(BH_TAKE(store->calls.crossing), BH_E_CANCELLED, &none, NULL, &why);
	leave(&here);
}

/* Whether the question may be put to the program at all. */
static bool admit(bh_store *store)
{
	bh_host_calls *calls = &store->calls;
	const bh_import *import = calls->import;
	bh_error *why = NULL;
	if (!bh_import_granted(import, store->permissions)) {
		fail(calls, bh_import_denied(import, &calls->why));
	} else if (innermost && innermost->depth >= MAX_NESTED) {
		bh_fail(&why, BH_E_BUSY, "guests and host functions call each other more than %d deep", MAX_NESTED);
		fail_because(calls, BH_E_BUSY, why);
	} else if (import->takes_handles && bh_held_receive(store, &calls->args, &why)) {
		fail_because(calls, BH_E_INVALID, why);
	}
	return !calls->answered;
}

/* What the engine calls. */

static bool start(bh_store *store)
{
	bh_host_calls *calls = &store->calls;
	if (calls->import->definition->start && !(calls->pending = bh_completion_new(&calls->args, io_left(store)))) {
		fail_because(calls, BH_E_NO_MEMORY, NULL);
		return false;
	}
	return true;
}

/* On the guest's stack. */
static void begin(void *data, void *import, bh_value *args)
{
	bh_store *store = data;
	bh_host_calls *calls = &store->calls;
	calls->asked = true;
	calls->import = import;
	calls->args = *args;
	calls->answered = false;
	if (calls->timed)
		calls->asked_at = bh_now();
	if (calls->import->leaf && admit(store))
		run(store);
}

static uint32_t ask(void *data, bh_value *result)
{
	bh_host_calls *calls = &((bh_store *)data)->calls;
	if (!calls->answered)
		return BHX_CALL_NOT_YET;
	bh_value_deinit(&calls->args);
	calls->import = NULL;
	if (calls->asked_at)
		stop_clock(calls);
	if (calls->failed)
		return BH_RAISE_HOST_FUNCTION;
	*result = calls->result;
	calls->result = (bh_value)BH_VALUE_INIT;
	return BHX_CALL_OVER;
}

const bhx_import_ops_t bh_host_calls_ops = {.begin = begin, .ask = ask};

/* What the store calls. */

/* Put the question to the program. */
static void put(bh_store *store)
{
	if (admit(store) && (!store->chain || intercept(store)) && start(store))
		run(store);
}

bh_host_step bh_host_calls_step(bh_store *store, const bh_waker *waker)
{
	bh_host_calls *calls = &store->calls;
	if (!calls->import || calls->answered)
		return BH_HOST_GO_ON;
	if (!calls->pending)
		put(store);
	if (calls->pending) {
		if (!bh_completion_ready(calls->pending, waker))
			return BH_HOST_WAITS;
		bh_value result = BH_VALUE_INIT;
		bh_error *why = NULL;
		count_io(store);
		bh_status status = bh_completion_take(BH_TAKE(calls->pending), &calls->args, &result, &why);
		if (is_over_io(store))
			fail_over_io(store, &result, why);
		else
			answer(store, status, &result, why);
	}
	if (calls->crossing)
		tell(store);
	return BH_HOST_GO_ON;
}

void bh_host_calls_abandon(bh_store *store)
{
	bh_host_calls *calls = &store->calls;
	if (!calls->asked)
		return;
	if (calls->crossing)
		tell_cancelled(store);
	calls->asked = false;
	if (calls->asked_at)
		stop_clock(calls);
	if (calls->pending)
		count_io(store);
	bh_completion_abandon(BH_TAKE(calls->pending));
	bh_value_deinit(&calls->args);
	bh_value_deinit(&calls->result);
	bh_error_free(BH_TAKE(calls->why));
	calls->import = NULL;
	calls->answered = false;
	calls->failed = BH_OK;
}
