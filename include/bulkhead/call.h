/** Calls: running an export, on a fresh instance or a live one. */
#ifndef BULKHEAD_CALL_H
#define BULKHEAD_CALL_H

#include "component.h"
#include "instance.h"
#include "usage.h"
#include "value.h"

BH_BEGIN

/**
 * A prepared export: name looked up, types read, once. It belongs to its component and keeps it alive; it may
 * be used from any thread.
 */

/**
 * Look up an export.
 *
 * \param name  "interface#function", or a function of the world, or a function's name alone when only one
 *              interface exports it
 *
 * \return BH_OK; BH_E_NO_EXPORT (the error lists near names); BH_E_INVALID (ambiguous); BH_E_NO_MEMORY
 */
BH_API BH_MUST_USE bh_status bh_export_find(bh_export **out, bh_component *component, const char *name, bh_error **err);

/** The export that bh_component_run() runs: wasi:cli/run. \return as bh_export_find() */
BH_API BH_MUST_USE bh_status bh_export_find_run(bh_export **out, bh_component *component, bh_error **err);

/** Release. NULL is allowed. */
BH_API void bh_export_free(bh_export *export_);

BH_API const char *bh_export_name(const bh_export *export_);

/** "divide: func(a: s32, b: s32) -> result<f64, string>"; lives as long as the export. */
BH_API const char *bh_export_signature(const bh_export *export_);

BH_API size_t bh_export_param_count(const bh_export *export_);
BH_API const char *bh_export_param_name(const bh_export *export_, size_t index);
BH_API const bh_type *bh_export_param_type(const bh_export *export_, size_t index);

/** The result's type; NULL if it has none. */
BH_API const bh_type *bh_export_result_type(const bh_export *export_);

/**
 * Read arguments as WAVE text: "(1, \"two\")" or "1, \"two\"".
 *
 * \param out    room for bh_export_param_count() values, which the caller deinitialises
 * \return BH_OK; BH_E_TYPE (the error shows the signature and an example); BH_E_NO_MEMORY
 */
BH_API BH_MUST_USE bh_status bh_export_parse_args(bh_value *out, const bh_export *export_, const char *text,
                                                  bh_error **err);

/**
 * Read arguments as a JSON array, each as bh_value_parse_json() reads it: "[1, \"two\"]".
 *
 * \param out    room for bh_export_param_count() values, which the caller deinitialises; empty on failure
 * \return BH_OK; BH_E_TYPE (the error says at which byte what is wanted, and shows the signature); BH_E_NO_MEMORY
 */
BH_API BH_MUST_USE bh_status bh_export_parse_json_args(bh_value *out, const bh_export *export_, const char *text,
                                                       bh_error **err);

/** A token that cancels calls. Reusable after bh_cancel_reset(). */
BH_API BH_MUST_USE bh_status bh_cancel_new(bh_cancel **out, bh_error **err);

/** Cancel the calls that were given this token, now and later. Any thread; async-signal-safe; idempotent. */
BH_API void bh_cancel_fire(bh_cancel *cancel);

/** Make the token usable again. No call may be using it. */
BH_API void bh_cancel_reset(bh_cancel *cancel);

/** Release. No call may be using it. NULL is allowed. */
BH_API void bh_cancel_free(bh_cancel *cancel);

/** A call under way, or over, that was started with bh_call_start(). */
typedef struct bh_call bh_call;

/**
 * Told that a call is over; take its result with bh_call_take(). `call` is lent: it is there until this returns.
 *
 * On a worker, or in bh_host_dispatch(). It may start calls and free anything; on a worker it must not block, as other
 * calls wait for the thread: bh_call_wait() and bh_host_drain() refuse there with BH_E_INVALID, and a synchronous call whose
 * turn has not come with BH_E_BUSY.
 */
typedef void bh_call_done(void *data, bh_call *call);

/** How to make a call. Start from BH_CALL_OPTIONS_INIT. */
typedef struct {
	size_t struct_size;
	/**
	 * How long this caller waits. Passing it ends the wait with BH_E_DEADLINE, not the callee: a call on a live
	 * instance goes on, within the component's own limits, and the instance stays usable. A fresh instance that
	 * nobody else can see is dropped.
	 */
	uint64_t deadline_ms;
	bool kill;         /**< a passed deadline or a cancellation also ends the call on a live instance */
	bh_cancel *cancel; /**< NULL: cannot be cancelled */
	bool cpu_time;     /**< measure bh_usage.cpu_ns; costs two system calls a resumption */
	/** For a fresh instance; NULL for the default. With bh_call_start() it stays until the call is over. */
	const bh_instance_options *instance;
	/* For bh_call_start() alone: */
	bh_call_done *done; /**< told once when the call is over; NULL: nobody is */
	void *done_data;
	bool dispatch;  /**< tell it from bh_host_dispatch(), not from a worker */
	bool give_args; /**< the arguments are given away, if the call starts; otherwise they are copied */
} bh_call_options;

#define BH_CALL_OPTIONS_INIT BH_SIZED(bh_call_options)

/**
 * Call an export on a fresh instance, which is gone afterwards.
 *
 * Blocks until the call is over. The execution limit covers instantiation, the call, and what the guest does
 * after it.
 *
 * \param export_       what to call
 * \param args          bh_export_param_count() values
 * \param result        receives the result, which the caller deinitialises; NULL if it is not wanted
 * \param usage         filled on success and on failure; NULL if it is not wanted
 *
 * \return BH_OK; BH_E_TYPE; BH_E_TRAP; BH_E_TIMEOUT; BH_E_OUT_OF_FUEL; BH_E_MEMORY_LIMIT; BH_E_RESOURCE_LIMIT;
 *         BH_E_EXIT; BH_E_CANCELLED; BH_E_DEADLINE; BH_E_BUSY; BH_E_UNSUPPORTED (the result holds a
 *         resource handle, which needs a live instance); BH_E_NO_MEMORY; BH_E_SYSTEM
 */
BH_API BH_MUST_USE bh_status bh_export_call(bh_export *export_, const bh_value *args, size_t arg_count,
                                            bh_value *result, const bh_call_options *options, bh_usage *usage,
                                            bh_error **err);

/** The same, looking the export up first. */
BH_API BH_MUST_USE bh_status bh_component_call(bh_component *component, const char *name, const bh_value *args,
                                               size_t arg_count, bh_value *result, const bh_call_options *options,
                                               bh_usage *usage, bh_error **err);

/**
 * Call an export on a live instance.
 *
 * After a trap, a timeout, an exit or another limit the instance is poisoned, and further calls on it return
 * BH_E_POISONED.
 *
 * \return as bh_export_call(); BH_E_WRONG_HOST (an export of another component); BH_E_POISONED
 */
BH_API BH_MUST_USE bh_status bh_instance_call(bh_instance *instance, bh_export *export_, const bh_value *args,
                                              size_t arg_count, bh_value *result, const bh_call_options *options,
                                              bh_usage *usage, bh_error **err);

/**
 * Run a command component (one that exports wasi:cli/run) to its end on a fresh instance.
 *
 * \param exit_status  receives the guest's exit status; a guest that exits is no error
 *
 * \return BH_OK; BH_E_NO_EXPORT (not a command); otherwise as bh_export_call()
 */
BH_API BH_MUST_USE bh_status bh_component_run(bh_component *component, int *exit_status, const bh_call_options *options,
                                              bh_usage *usage, bh_error **err);

/**
 * Start a call and return at once: the host's workers run it, thousands beside each other. A guest that computes gives
 * its worker back every millisecond; components get time by their share (bh_component_options.share).
 *
 * The wait for a turn, a slot or memory is bounded by limits.queue_ms, all of it by the caller's deadline, and what the
 * guest does by the component's own limits, as in a synchronous call.
 *
 * \param out       receives a handle, to be freed; NULL where `options->done` is enough
 * \param instance  a live instance; NULL: a fresh one. It may be freed while the call is under way, which ends it
 * \param args      copied, or given (`options->give_args`)
 *
 * \return BH_OK: the call is under way, and `options->done` will be told, whatever comes; BH_E_BUSY (as many are under
 *         way as bh_host_options.queue allows, or wait for the instance as its mailbox holds, or the host is being
 *         drained); BH_E_INVALID; BH_E_WRONG_HOST;
 *         BH_E_UNSUPPORTED; BH_E_NO_MEMORY; BH_E_SYSTEM (no thread)
 */
BH_API BH_MUST_USE bh_status bh_call_start(bh_call **out, bh_export *export_, bh_instance *instance,
                                           const bh_value *args, size_t arg_count, const bh_call_options *options,
                                           bh_error **err);

/** One of several calls to start: the parameters of bh_call_start(). */
typedef struct {
	bh_export *export_;
	bh_instance *instance;
	const bh_value *args;
	size_t arg_count;
	const bh_call_options *options;
} bh_call_request;

/**
 * Start several calls. Stops at the first that cannot be started; those before it are under way.
 *
 * \param out      room for `count` handles; NULL: none are wanted
 * \param started  receives how many were
 */
BH_API BH_MUST_USE bh_status bh_call_start_many(bh_call **out, const bh_call_request *requests, size_t count,
                                                size_t *started, bh_error **err);

/**
 * Start making an instance on the host's workers, and return at once: for components whose start functions take time, and
 * for threads that must not wait. Take it with bh_call_take_instance(), there or when `call_options->done` is told.
 *
 * Where it takes no time (no guest code runs, no WASI, and there is room) it is made before this returns, on this thread,
 * and so may `done` be told.
 *
 * \param out           receives a handle, to be freed; NULL where `done` is enough
 * \param options       stays until it is made; NULL for the default
 * \param call_options  deadline, cancellation, `done`; NULL for the default
 *
 * \return as bh_call_start()
 */
BH_API BH_MUST_USE bh_status bh_instance_start(bh_call **out, bh_component *component,
                                               const bh_instance_options *options, const bh_call_options *call_options,
                                               bh_error **err);

/**
 * Take the instance that was made. One that nobody takes goes with the call.
 *
 * \return as bh_instance_new(); BH_E_BUSY (not made yet); BH_E_INVALID (taken before, or a call of another kind)
 */
BH_API BH_MUST_USE bh_status bh_call_take_instance(bh_call *call, bh_instance **out, bh_usage *usage, bh_error **err);

/** Whether its result can be taken. */
BH_API bool bh_call_ended(const bh_call *call);

/**
 * Take what came of a call that is over. Once: the result and the error are moved out.
 *
 * \return the call's own status, as bh_export_call() would; BH_E_BUSY (not over); BH_E_INVALID (taken before)
 */
BH_API BH_MUST_USE bh_status bh_call_take(bh_call *call, bh_value *result, bh_usage *usage, bh_error **err);

/**
 * Wait for the end of a call, and take what came of it. Blocks; from a callback of the library it is BH_E_INVALID, as
 * the call may need that thread. `options->done` was told by then.
 */
BH_API BH_MUST_USE bh_status bh_call_wait(bh_call *call, bh_value *result, bh_usage *usage, bh_error **err);

typedef enum {
	BH_CANCEL_ABANDON, /**< the caller waits no longer: a call on a live instance goes on, without him */
	BH_CANCEL_KILL     /**< and a live instance that is in the middle of it is lost too */
} bh_cancel_mode;

/** End a call early: it ends with BH_E_CANCELLED, unless it was over. Any thread, any moment, idempotent. */
BH_API void bh_call_cancel(bh_call *call, bh_cancel_mode mode);

/** Release the handle; a call under way goes on. NULL is allowed. */
BH_API void bh_call_free(bh_call *call);

/**
 * A descriptor for the caller's own event loop: readable while calls with `options->dispatch` wait to be told. Owned by
 * the host. -1 with an error where there is none to be had.
 */
BH_API int bh_host_fd(bh_host *host, bh_error **err);

/**
 * Tell of the calls that are over, on this thread. Does not block, beyond what is told. Returns how many. Calls nobody
 * was told of when the host goes are told then.
 */
BH_API size_t bh_host_dispatch(bh_host *host);

/**
 * Start no more calls, and wait for those that bh_call_start() began, and for guests that go on with a call on a live
 * instance after its caller's deadline or cancellation. After `wait_ms` (BH_UNLIMITED: no bound) those left are killed,
 * with their instances, and waited for. Synchronous calls are their callers' own and go on; one that is given up later ends
 * at once, with its instance. Blocks; BH_E_INVALID from a callback.
 */
BH_API BH_MUST_USE bh_status bh_host_drain(bh_host *host, uint64_t wait_ms, bh_error **err);

BH_END

#endif
