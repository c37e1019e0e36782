/** Interceptors: functions of the program's that see each call into a component and out of it, and may answer it. */
#ifndef BULKHEAD_INTERCEPTOR_H
#define BULKHEAD_INTERCEPTOR_H

#include "error.h"
#include "type.h"
#include "usage.h"
#include "value.h"

BH_BEGIN

/**
 * A set of interceptors, given to a host (bh_host_options.interceptors), which has it see all of its components, or to
 * one component (bh_component_options.interceptors).
 *
 * It is built by one thread. The first host or component it is given to freezes it: adding is BH_E_INVALID from then on,
 * and it may be used from any thread. It is reference-counted; hosts and components keep it alive.
 *
 * What is seen: each call of an export that bh_export_call(), bh_component_call(), bh_component_run(),
 * bh_instance_call() and bh_call_start() have taken on, on fresh instances and live ones; and each call of a host
 * function of the program's own (imports.h), whatever kind it is of. What is not: calls that were refused at once (no
 * such export, an instance of another component, BH_E_BUSY of bh_call_start()), the making of instances, the dropping of
 * resources, what the library provides itself (wasi:io and so on), host functions that the component was not granted.
 *
 * The order: on the way in the host's interceptors, then the component's, each in the order in which they were added; on
 * the way out the reverse. One that answers, or fails, ends the way in: those behind it do not see the call. On the way
 * out each is called exactly once for each time it was let see the call on the way in, itself included: after a return, a
 * trap, a limit, a cancellation, an answer or a failure of an interceptor.
 */

/** As many as a set may have. */
#define BH_INTERCEPTORS_MAX 16

/** A call, as interceptors see it. All of it is the library's, and there until the function returns. */
typedef struct {
	uint64_t number; /**< of this call, on the way in and out: unlike any other of the host's. From 1 */
	/**
	 * Of a call of an import: the number of the call of the export that it is made in, also where its caller has left a
	 * live instance and it goes on. 0 where there is none: while a live instance is made, or a resource dropped. Of an
	 * export: 0.
	 */
	uint64_t within;
	bh_component *component; /**< the guest's; bh_component_name(), bh_component_digest() */
	const char *interface;   /**< as the component has it: "acme:kv/store@1.0.0"; NULL: of the world itself */
	const char *function;    /**< "get" */
	/** Of an export as the caller gave them: they are checked later. To keep them, copy them (bh_value_copy()). */
	const bh_value *args;
	size_t arg_count;
	const bh_type *result_type; /**< NULL: it has no result */
	void **note; /**< this interceptor's own, for this call: NULL on the way in, as it left it on the way out */

	/* On the way out: */
	bh_status status;       /**< how it ended, as far as it is known: interceptors further out may make it fail */
	const bh_value *result; /**< NULL where it failed or has none. Handles of the program's: bh_resource_read() */
	const bh_error *error;  /**< NULL where it did not fail; to keep it, bh_error_copy() */
	const bh_usage *usage;  /**< of an export, as its caller will have it; NULL: of an import */
	uint64_t elapsed_ns;    /**< since the way in began */
	bool answered;          /**< by an interceptor */
} bh_intercepted;

/**
 * On the way in. It may let the call pass (BH_OK), answer it, or fail it.
 *
 * \param answered  set to answer: an import's function is not called then; of an export no instance is made, and none is
 *                  waited for
 * \param result    the answer, BH_VALUE_INIT on entry, as the result of a bh_host_fn: what it owns is taken over, what
 *                  it borrows is copied once the function has returned. It must be of the result's type; one that is
 *                  not fails the call
 * \param err       may receive details of a failure: see bh_error_new()
 *
 * \return BH_OK. Anything else fails the call with BH_E_HOST_FUNCTION, whose first cause has this status and what the
 *         error says. That ends the guest, where it is an import
 */
typedef bh_status bh_before_fn(void *data, const bh_intercepted *call, bh_value *result, bool *answered,
                               bh_error **err);

/**
 * On the way out: what came of it.
 *
 * \return BH_OK. Anything else fails the call as above, and its result is dropped; one that failed already keeps its
 *         error, with this as another cause
 */
typedef bh_status bh_after_fn(void *data, const bh_intercepted *call, bh_error **err);

/**
 * An interceptor. Start from BH_INTERCEPTOR_INIT; functions that are NULL are not called, and let pass.
 *
 * Threads: they may be called at once, on any threads that call or run guests. Those of exports: on the caller's thread,
 * for bh_call_start() on a worker; before the call waits for a turn, and after it has given back its turn and its
 * instance. So of calls that wait for one instance the way in may be in another order than the calls. Those of imports:
 * on the thread that runs the guest, as a bh_host_fn. after_import of an asynchronous function runs when the guest's call
 * is taken up again with the answer; if nobody waits for that any more it runs at once, on the thread that ended the
 * guest's call, with BH_E_CANCELLED.
 *
 * No lock is held, and nothing interrupts them: neither limits nor deadlines, although those go on. They should be short,
 * above all on a worker, which runs nothing else meanwhile.
 *
 * They may call anything of the library, with the bounds of a bh_host_fn: those of imports cannot call the instance that
 * calls (BH_E_BUSY), on a worker none can wait for calls. Interceptors and calls nest 50 deep; deeper, the call fails.
 * C++ exceptions and longjmp() must not leave them.
 */
typedef struct {
	size_t struct_size;
	bh_before_fn *before_import;
	bh_after_fn *after_import;
	bh_before_fn *before_export;
	bh_after_fn *after_export;
	void *data; /**< given to the functions */
	void (*free_data)(void *data);
} bh_interceptor;

#define BH_INTERCEPTOR_INIT BH_SIZED(bh_interceptor)

/** An empty set. \return BH_OK; BH_E_NO_MEMORY */
BH_API BH_MUST_USE bh_status bh_interceptors_new(bh_interceptors **out, bh_error **err);

/** Another reference; any thread. NULL is allowed. \return the same set */
BH_API bh_interceptors *bh_interceptors_ref(bh_interceptors *interceptors);

/**
 * Give up a reference. NULL is allowed. With the last one each free_data is called, on the thread that gives it up; that
 * may be a worker, as calls that their callers have left keep the component for a while. `data` must be there until then.
 */
BH_API void bh_interceptors_free(bh_interceptors *interceptors);

/**
 * Add an interceptor, which is copied, behind the others.
 *
 * \return BH_OK; BH_E_INVALID (the set is frozen, or full; an interceptor without functions). On failure `data` stays
 *         the caller's
 */
BH_API BH_MUST_USE bh_status bh_interceptors_add(bh_interceptors *interceptors, const bh_interceptor *interceptor,
                                                 bh_error **err);

BH_END

#endif
