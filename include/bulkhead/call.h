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

/** A token that cancels calls. Reusable after bh_cancel_reset(). */
BH_API BH_MUST_USE bh_status bh_cancel_new(bh_cancel **out, bh_error **err);

/** Cancel the calls that were given this token, now and later. Any thread; async-signal-safe; idempotent. */
BH_API void bh_cancel_fire(bh_cancel *cancel);

/** Make the token usable again. No call may be using it. */
BH_API void bh_cancel_reset(bh_cancel *cancel);

/** Release. No call may be using it. NULL is allowed. */
BH_API void bh_cancel_free(bh_cancel *cancel);

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
	const bh_instance_options *instance; /**< for a fresh instance; NULL for the default */
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

BH_END

#endif
