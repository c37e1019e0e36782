#include "engine/store.h"

#include <string.h>

#include "base/thread.h"
#include "engine/resource.h"
#include "engine/store_internal.h"
#include "engine/type.h"

/*
 * A metered guest gives the thread back after this much fuel: only then does the engine write down what was used,
 * so this is how far off the fuel of a call ended by the clock can be.
 */
enum { FUEL_SLICE = 100000 };

/* What the host's side of a call needs on a caller's stack, beside the guest's. */
#define BH_HOST_STACK BH_KIB(256)

struct bh_io {
	bhx_runtime_t *runtime;
};

bh_status bh_io_new(bh_io **out, size_t blocking, bh_error **err)
{
	bh_io *io = bh_calloc(1, sizeof *io);
	if (!io)
		return bh_fail_memory(err);
	wasmtime_error_t *failed = bhx_runtime_new(blocking, &io->runtime);
	if (failed) {
		bh_free(io);
		return bh_engine_fail(err, BH_E_SYSTEM, failed, "threads for input and output could not be started");
	}
	*out = io;
	return BH_OK;
}

void bh_io_free(bh_io *io)
{
	if (!io)
		return;
	bhx_runtime_free(io->runtime);
	bh_free(io);
}

/* At every tick that the guest computes through. */
static uint32_t ticked(void *data)
{
	bh_store *store = data;
	if (!store->must_stop)
		return BHX_TICK_YIELD;
	return store->must_stop(store->must_stop_data) ? BHX_TICK_STOP : BHX_TICK_GO_ON;
}

BH_DEFINE_AUTO(bh_store *, bh_store_free)

bh_status bh_store_new(bh_store **out, const bh_store_spec *spec, bh_error **err)
{
	bh_status status = bh_host_calls_allow(err);
	if (status)
		return status;
	BH_AUTO(bh_store_free) bh_store *store = bh_calloc(1, sizeof *store);
	if (!store)
		return bh_fail_memory(err);
	bh_variant *variant = spec->code->variant;
	bh_pool_enter(&variant->pool);
	store->handle = wasmtime_store_new(variant->engine, store, NULL);
	store->context = wasmtime_store_context(store->handle);
	store->code = spec->code;
	store->component = spec->component;
	store->owner = spec->owner;
	store->keeper = spec->keeper;
	if (store->keeper)
		store->keeper->retain(store->keeper);
	store->permissions = spec->permissions;
	store->chain = bh_intercept_chain_sees_imports(spec->chain) ? spec->chain : NULL;
	store->metered = variant->spec.metered;
	store->wasi = spec->code->info.wasi;
	store->runtime = store->wasi ? spec->io->runtime : NULL;
	bh_meter_attach(&store->meter, spec->limits, &spec->memory, store->handle);
	if (store->wasi) {
		status = bh_store_give_wasi(store, spec->permissions, spec->options, err);
		if (status)
			return status;
	}
	bhx_store_ticked(store->handle, ticked, store, (bhx_profiler_t *)spec->profiler);
	*out = BH_TAKE(store);
	return BH_OK;
}

static void drop_future(bh_store *store)
{
	if (!store->future.data)
		return;
	bhx_future_delete(store->future, store->runtime);
	store->future = (bhx_future_t){0};
}

/* The future goes first. */
static void free_call(bh_store *store)
{
	drop_future(store);
	if (store->calls.asked)
		bh_host_calls_abandon(store);
	for (size_t i = 0; store->copies && i < store->arg_count; i++)
		bh_value_deinit(&store->copies[i]);
	bh_free(BH_TAKE(store->copies));
	bh_value_deinit(&store->result);
	if (store->dropping)
		wasmtime_component_resource_any_delete(BH_TAKE(store->dropping));
	if (store->failed)
		wasmtime_error_delete(BH_TAKE(store->failed));
}

/* Forget what belonged to the call: arguments, result, error. Most leave nothing to free. */
static void clear_call(bh_store *store)
{
	if (store->doing == BH_DOING_NOTHING)
		return;
	store->doing = BH_DOING_NOTHING;
	if (store->future.data || store->calls.asked || store->copies || store->result.kind || store->dropping ||
	    store->failed)
		free_call(store);
	store->function = NULL;
	store->message = NULL;
}

void bh_store_free(bh_store *store)
{
	if (!store)
		return;
	clear_call(store);
	if (store->handle) {
		wasmtime_store_delete(store->handle);
		bh_pool_leave(&store->code->variant->pool);
	}
	bh_meter_detach(&store->meter);
	bh_held_deinit(&store->calls);
	for (int i = 0; i < 3; i++)
		bh_stream_release(store->streams[i]);
	if (store->keeper)
		store->keeper->release(store->keeper);
	bh_free(store);
}

void bh_store_begin(bh_store *store, uint64_t call)
{
	bh_meter_begin(&store->meter);
	store->call = call;
	store->polls = 0;
	bh_host_calls_begin(&store->calls);
	store->output_at_start = store->counts.output_bytes;
	store->counts.truncated = false;
	if (store->wasi)
		bhx_store_io_bytes(store->context, true);
	if (store->metered) {
		uint64_t fuel = store->meter.limits->fuel;
		store->meter.fuel_at_start = fuel;
		wasmtime_error_t *failed = wasmtime_context_set_fuel(store->context, fuel);
		if (failed) /* cannot be: the engine meters */
			wasmtime_error_delete(failed);
	}
	wasmtime_context_set_epoch_deadline(store->context, 1);
}

void bh_store_time_host(bh_store *store)
{
	store->calls.timed = true;
}

/* No guest code runs when it is made, and nothing that it imports waits: it needs no fiber. */
static bool can_be_made_here(const bh_store *store)
{
	return bh_code_made_at_once(store->code);
}

static void start(bh_store *store, int what)
{
	clear_call(store);
	store->doing = what;
}

/* From here on guest code runs, on a fiber. */
static void arm_slices(bh_store *store)
{
	if (store->metered && !store->sliced)
		wasmtime_context_fuel_async_yield_interval(store->context, FUEL_SLICE);
	store->sliced = true;
}

void bh_store_start_instance(bh_store *store)
{
	start(store, BH_DOING_INSTANCE);
	if (!can_be_made_here(store))
		arm_slices(store);
}

static bh_status find_callee(bh_store *store, const bh_function *function, bh_error **err)
{
	if (store->found == function->id)
		return BH_OK;
	if (!wasmtime_component_instance_get_func(&store->instance, store->context, function->index, &store->callee))
		return bh_fail(err, BH_E_NO_EXPORT, "%s: the instance does not have it", function->name);
	store->found = function->id;
	return BH_OK;
}

static bh_status check_args(bh_store *store, const bh_function *function, const bh_value *args, bh_error **err)
{
	for (size_t i = 0; i < function->param_count; i++) {
		const bh_type *type = function->params->parts[i];
		if (args[i].kind && args[i].kind < BH_KIND_CHAR && type->kind == args[i].kind)
			continue; /* a number of the right kind, or a bool: as below, without a call */
		if (function->takes_resources && !bh_value_belongs(&args[i], store->owner))
			return bh_fail(err, BH_E_INVALID, "%s: a resource handle of another instance", type->name);
		bh_status status = bh_value_check(&args[i], type, type->name, err);
		if (status)
			return status;
	}
	return BH_OK;
}

static bh_status copy_args(bh_store *store, const bh_value *args, size_t count, bh_error **err)
{
	store->copies = bh_calloc(count, sizeof *store->copies);
	if (!store->copies)
		return bh_fail_memory(err);
	for (size_t i = 0; i < count; i++) {
		bh_status status = bh_value_copy(&store->copies[i], &args[i], err);
		if (status)
			return status;
		store->arg_count = i + 1;
	}
	store->args = store->copies;
	return BH_OK;
}

/* Handles given away are not ours any more, whatever comes of the call. */
static bh_status give_handles(bh_store *store, const bh_function *function, const bh_value *args, size_t count,
                              bh_error **err)
{
	if (!bh_args_claim(args, function->params, count, ++store->gifts))
		return bh_fail(err, BH_E_INVALID, "%s: a resource handle is passed twice, and not only lent", function->name);
	bh_status status = bh_held_pass_args(store, args, function->params, count, err);
	if (!status)
		bh_args_give(args, function->params, count);
	return status;
}

static bh_status wrong_count(const bh_function *function, size_t count, bh_error **err)
{
	bh_error *e = bh_error_begin(err, BH_E_TYPE, "%s takes %zu argument%s, got %zu", function->name,
	                             function->param_count, function->param_count == 1 ? "" : "s", count);
	bh_error_hint_set(e, "%s", function->signature);
	return BH_E_TYPE;
}

bh_status bh_store_start_call(bh_store *store, const bh_function *function, const bh_value *args, size_t count,
                              bh_args_pass pass, bh_error **err)
{
	start(store, BH_DOING_CALL);
	arm_slices(store);
	if (count != function->param_count)
		return wrong_count(function, count, err);
	bh_status status = bh_host_calls_allow(err);
	if (!status)
		status = find_callee(store, function, err);
	if (!status)
		status = check_args(store, function, args, err);
	store->args = args;
	store->arg_count = 0;
	if (!status && pass == BH_ARGS_COPIED && count)
		status = copy_args(store, args, count, err);
	if (!status && function->takes_resources)
		status = give_handles(store, function, args, count, err);
	if (status)
		return status;
	if (pass == BH_ARGS_GIVEN)
		store->copies = (bh_value *)args;
	store->arg_count = count;
	store->function = function;
	return BH_OK;
}

bh_status bh_store_start_message(bh_store *store, const bh_function *function, const bh_message *message,
                                 bh_verdict *verdict, bh_error **err)
{
	start(store, BH_DOING_CALL);
	arm_slices(store);
	bh_status status = bh_host_calls_allow(err);
	if (!status)
		status = find_callee(store, function, err);
	if (status)
		return status;
	store->arg_count = 0;
	store->message = message;
	store->verdict = verdict;
	store->function = function;
	return BH_OK;
}

void bh_store_start_drop(bh_store *store, bh_resource *resource)
{
	start(store, BH_DOING_DROP);
	arm_slices(store);
	store->dropping = BH_TAKE(resource->handle);
}

static bhx_future_t begin(bh_store *store)
{
	switch (store->doing) {
	case BH_DOING_INSTANCE:
		return bhx_instance_pre_instantiate_async(store->code->pre, store->context, &store->instance, &store->failed);
	case BH_DOING_DROP:
		return bhx_resource_drop_async(store->context, store->dropping, &store->failed);
	default:
		if (store->message)
			return bhx_message_call_async(&store->callee, store->context, store->message, store->verdict,
			                              &store->failed);
		return bhx_call_async(&store->callee, store->context, store->args, store->arg_count, &store->result,
		                      &store->failed);
	}
}

bh_poll bh_store_poll(bh_store *store, const bh_waker *waker)
{
	store->polls++;
	/* As long as the guest asks for nothing but what is answered at once. It gives the thread back at every tick. */
	while (bh_host_calls_step(store, waker) == BH_HOST_GO_ON) {
		if (!store->future.data)
			store->future = begin(store);
		int polled = bhx_future_poll(&store->future, store->runtime, (const bhx_waker_t *)waker);
		store->panicked |= polled == BHX_PANICKED;
		if (polled != BHX_PENDING)
			return BH_POLL_ENDED;
		if (!store->calls.import)
			break;
	}
	return BH_POLL_PENDING;
}

bool bh_store_runs_no_guest(const bh_store *store)
{
	return store->doing == BH_DOING_INSTANCE && can_be_made_here(store);
}

bool bh_store_runs_here(const bh_store *store)
{
	/* Fuel is only counted truly where the guest gives the thread back now and then. */
	return !store->metered && !store->wasi && !store->code->suspends;
}

/* The guest's stack, and what the host needs beside it: room for conversions and for an epoch's callback. */
bool bh_store_can_run(const bh_store *store)
{
	return bh_store_runs_here(store) && store->doing != BH_DOING_DROP &&
	       bh_thread_has_stack(store->code->variant->spec.stack + BH_HOST_STACK);
}

void bh_store_run(bh_store *store, bool (*must_stop)(void *data), void *data)
{
	store->polls++;
	store->must_stop = must_stop;
	store->must_stop_data = data;
	if (store->doing == BH_DOING_INSTANCE)
		store->failed = bhx_instance_pre_instantiate(store->code->pre, store->context, &store->instance);
	else if (store->message)
		store->failed = bhx_message_call(&store->callee, store->context, store->message, store->verdict);
	else
		store->failed = bhx_call(&store->callee, store->context, store->args, store->arg_count, &store->result);
	store->must_stop = NULL;
}

static void note_frame(void *data, const bhx_frame_t *frame)
{
	(void)frame;
	*(bool *)data = true;
}

/* The guest ended by itself, or by the engine. Where there was no room for its stack it did not even begin: it is as it was. */
static bh_status guest_failed(bh_store *store, uint32_t raised, bh_error **err)
{
	bool ran = false;
	bhx_error_frames(store->failed, note_frame, &ran);
	bh_status status = bh_meter_classify(&store->meter, BH_TAKE(store->failed), err);
	if (status == BH_E_NO_MEMORY && !raised && store->doing == BH_DOING_CALL && store->polls == 1 && !ran)
		store->spent = false;
	return status;
}

/* A host function ended the guest's call, and said why. */
static bh_status host_failed(bh_store *store, bh_error **err)
{
	bh_engine_frames(store->calls.why, store->failed);
	if (err)
		*err = BH_TAKE(store->calls.why);
	return store->calls.failed;
}

bh_status bh_store_finish(bh_store *store, bh_value *result, bh_error **err)
{
	drop_future(store);
	bh_status status = BH_OK;
	if (store->panicked) {
		store->spent = true;
		status = bh_fail(err, BH_E_ENGINE, "the engine panicked; the instance is lost, the program is not");
	} else if (store->failed) {
		bhx_error_info_t info;
		bhx_error_inspect(store->failed, &info);
		/* Without room for the result: the guest is through with its call all the same. */
		store->spent = info.raised != BH_RAISE_NO_MEMORY;
		status =
			info.raised == BH_RAISE_HOST_FUNCTION ? host_failed(store, err) : guest_failed(store, info.raised, err);
	} else if (store->calls.held_live) {
		status = bh_held_receive(store, &store->result, err);
	}
	if (!status && result && store->function && store->result.kind != BH_KIND_NONE) {
		/* Without a result wanted the function is not looked at: its export may be gone by now (host/tail.c). */
		if (store->function->resources)
			bh_value_adopt(&store->result, store->owner);
		*result = store->result;
		store->result = (bh_value)BH_VALUE_INIT;
	}
	clear_call(store);
	return status;
}

void bh_store_abort(bh_store *store)
{
	clear_call(store);
	store->spent = true;
}

bool bh_store_usable(const bh_store *store)
{
	return !store->spent;
}

bool bh_store_flush(bh_store *store)
{
	bool out = bh_stream_flush(store->streams[1]);
	bool err = bh_stream_flush(store->streams[2]);
	return out && err;
}

uint64_t bh_store_peak_memory(const bh_store *store)
{
	return store->meter.peak;
}

void bh_store_usage(bh_store *store, bh_usage *usage)
{
	uint64_t left = 0;
	if (store->metered) {
		wasmtime_error_t *failed = wasmtime_context_get_fuel(store->context, &left);
		if (failed)
			wasmtime_error_delete(failed);
		usage->fuel = store->meter.fuel_at_start - left;
	}
	usage->memory = store->meter.memory;
	usage->peak_memory = store->meter.peak;
	usage->refused_growths = store->meter.refusals;
	usage->output_bytes = store->counts.output_bytes - store->output_at_start;
	usage->output_truncated = store->counts.truncated;
	usage->io_bytes = bh_host_calls_io(store);
	usage->host_ns = bh_host_calls_took(&store->calls);
	usage->polls = store->polls;
}
