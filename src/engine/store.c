#include "engine/store.h"

#include <string.h>

#include "engine/resource.h"
#include "engine/store_internal.h"
#include "engine/type.h"

/*
 * A metered guest gives the thread back after this much fuel: only then does the engine write down what was used,
 * so this is how far off the fuel of a call ended by the clock can be.
 */
enum { FUEL_SLICE = 100000 };

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

BH_DEFINE_AUTO(bh_store *, bh_store_free)

bh_status bh_store_new(bh_store **out, const bh_store_spec *spec, bh_error **err)
{
	BH_AUTO(bh_store_free) bh_store *store = bh_calloc(1, sizeof *store);
	if (!store)
		return bh_fail_memory(err);
	const bh_variant *variant = spec->code->variant;
	store->handle = wasmtime_store_new(variant->engine, NULL, NULL);
	store->context = wasmtime_store_context(store->handle);
	store->code = spec->code;
	store->owner = spec->owner;
	store->metered = variant->spec.metered;
	store->wasi = spec->code->info.wasi;
	store->runtime = store->wasi ? spec->io->runtime : NULL;
	store->args = store->inline_args;
	bh_meter_attach(&store->meter, spec->limits, store->handle);
	if (store->wasi) {
		bh_status status = bh_store_give_wasi(store, spec->permissions, spec->options, err);
		if (status)
			return status;
	}
	wasmtime_context_epoch_deadline_async_yield_and_update(store->context, 1);
	if (store->metered)
		wasmtime_context_fuel_async_yield_interval(store->context, FUEL_SLICE);
	*out = BH_TAKE(store);
	return BH_OK;
}

/* Forget what belonged to the call: arguments, result, error. The future goes first. */
static void clear_call(bh_store *store)
{
	if (!store->busy)
		return;
	store->busy = false;
	if (store->future)
		bhx_future_delete(BH_TAKE(store->future), store->runtime);
	for (size_t i = 0; i < store->arg_count; i++)
		wasmtime_component_val_delete(&store->args[i]);
	store->arg_count = 0;
	if (store->args != store->inline_args)
		bh_free(store->args);
	store->args = store->inline_args;
	wasmtime_component_val_delete(&store->result);
	store->result = (wasmtime_component_val_t){.kind = WASMTIME_COMPONENT_BOOL};
	for (size_t i = 0; store->by_bulk && i < BHX_BULK_PARAMS; i++) {
		bh_free(store->copies[i]);
		store->copies[i] = NULL;
	}
	bh_free(store->bulk.block.data);
	store->bulk = (bhx_bulk_result_t){0};
	if (store->dropping)
		wasmtime_component_resource_any_delete(BH_TAKE(store->dropping));
	if (store->failed)
		wasmtime_error_delete(BH_TAKE(store->failed));
	store->function = NULL;
	store->by_bulk = false;
}

void bh_store_free(bh_store *store)
{
	if (!store)
		return;
	clear_call(store);
	if (store->handle)
		wasmtime_store_delete(store->handle);
	for (int i = 0; i < 3; i++)
		bh_stream_release(store->streams[i]);
	bh_free(store);
}

void bh_store_begin(bh_store *store)
{
	bh_meter_begin(&store->meter);
	store->polls = 0;
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

void bh_store_start_instance(bh_store *store)
{
	clear_call(store);
	store->busy = true;
	store->future =
		bhx_instance_pre_instantiate_async(store->code->pre, store->context, &store->instance, &store->failed);
}

/* The bytes path takes blocks as they are. */
static bool is_block(const bh_value *value, const bh_type *type)
{
	return value->kind == type->kind && (type->kind == BH_KIND_STRING || type->kind == BH_KIND_BYTES);
}

static bool all_blocks(const bh_function *function, const bh_value *args)
{
	for (size_t i = 0; i < function->param_count; i++)
		if (!is_block(&args[i], function->params->parts[i]))
			return false;
	return true;
}

static bh_status start_bulk(bh_store *store, const bh_function *function, const bh_value *args, bool copy,
                            bh_error **err)
{
	store->by_bulk = true;
	for (size_t i = 0; i < function->param_count; i++) {
		bool text = args[i].kind == BH_KIND_STRING;
		const void *data = text ? (const void *)args[i].as.string.data : args[i].as.bytes.data;
		size_t length = text ? args[i].as.string.length : args[i].as.bytes.length;
		if (text && !bh_text_is_utf8(data, length))
			return bh_fail(err, BH_E_TYPE, "%s: the string is not UTF-8", bh_function_param_name(function, i));
		if (copy && !(data = store->copies[i] = bh_memdup(data, length)))
			return bh_fail_memory(err);
		store->blocks[i] = (bhx_bytes_t){data, length};
	}
	store->future = bhx_bulk_call_async(&store->callee, store->context, store->blocks, function->param_count,
	                                    function->bulk_form, &store->bulk, &store->failed);
	return BH_OK;
}

static bh_status start_dynamic(bh_store *store, const bh_function *function, const bh_value *args, bh_error **err)
{
	size_t count = function->param_count;
	if (count > BH_INLINE_ARGS) {
		wasmtime_component_val_t *more = bh_calloc(count, sizeof *more);
		if (!more)
			return bh_fail_memory(err);
		store->args = more;
	}
	for (size_t i = 0; i < count; i++) {
		const bh_type *type = function->params->parts[i];
		if (function->takes_resources && !bh_value_belongs(&args[i], store->owner))
			return bh_fail(err, BH_E_INVALID, "%s: a resource handle of another instance", type->name);
		store->arg_count = i + 1;
		bh_status status = bh_value_lower(&store->args[i], &args[i], type, type->name, err);
		if (status)
			return status;
	}
	/* Handles given away are not ours any more, whatever comes of the call. */
	if (function->takes_resources && !bh_values_give(args, function->params, count, ++store->gifts))
		return bh_fail(err, BH_E_INVALID, "%s: a resource handle is passed twice, and not only lent", function->name);
	store->future = wasmtime_component_func_call_async(&store->callee, store->context, store->args, count,
	                                                   &store->result, function->result ? 1 : 0, &store->failed);
	return BH_OK;
}

bh_status bh_store_start_call(bh_store *store, const bh_function *function, const bh_value *args, size_t count,
                              bool copy, bh_error **err)
{
	clear_call(store);
	store->busy = true;
	if (count != function->param_count) {
		bh_error *e = bh_error_begin(err, BH_E_TYPE, "%s takes %zu argument%s, got %zu", function->name,
		                             function->param_count, function->param_count == 1 ? "" : "s", count);
		bh_error_hint_set(e, "%s", function->signature);
		return BH_E_TYPE;
	}
	if (store->found != function->id) {
		if (!wasmtime_component_instance_get_func(&store->instance, store->context, function->index, &store->callee))
			return bh_fail(err, BH_E_NO_EXPORT, "%s: the instance does not have it", function->name);
		store->found = function->id;
	}
	store->function = function;
	if (function->bulk && all_blocks(function, args))
		return start_bulk(store, function, args, copy, err);
	return start_dynamic(store, function, args, err);
}

void bh_store_start_drop(bh_store *store, bh_resource *resource)
{
	clear_call(store);
	store->busy = true;
	store->dropping = BH_TAKE(resource->handle);
	store->future = bhx_resource_drop_async(store->context, store->dropping, &store->failed);
}

bh_poll bh_store_poll(bh_store *store, const bh_waker *waker)
{
	store->polls++;
	switch (bhx_future_poll(store->future, store->runtime, (const bhx_waker_t *)waker)) {
	case BHX_PENDING:
		return BH_POLL_PENDING;
	case BHX_PANICKED:
		store->panicked = true;
		return BH_POLL_ENDED;
	default:
		return BH_POLL_ENDED;
	}
}

static bool ok_or_err(uint32_t form)
{
	return form != BHX_FORM_NONE && form != BHX_FORM_VALUE;
}

static bh_value block_value(bh_store *store, const bh_type *type)
{
	bh_value value = bh_value_of(type->kind);
	value.owned = true;
	bhx_block_t block = store->bulk.block;
	store->bulk.block = (bhx_block_t){0};
	if (type->kind == BH_KIND_STRING) {
		value.as.string.data = (const char *)block.data;
		value.as.string.length = block.length;
	} else {
		value.as.bytes.data = block.data;
		value.as.bytes.length = block.length;
	}
	return value;
}

static bh_status bulk_result(bh_store *store, const bh_function *function, bh_value *out, bh_error **err)
{
	if (!ok_or_err(function->bulk_form)) {
		*out = block_value(store, function->result);
		return BH_OK;
	}
	const bh_type *payload = bh_type_at(function->result, store->bulk.is_err);
	bh_value value = bh_of_ok(NULL);
	value.as.result.is_err = store->bulk.is_err;
	value.owned = true;
	if (payload) {
		value.as.result.payload = bh_calloc(1, sizeof *value.as.result.payload);
		if (!value.as.result.payload)
			return bh_fail_memory(err);
		*value.as.result.payload = block_value(store, payload);
	}
	*out = value;
	return BH_OK;
}

bh_status bh_store_finish(bh_store *store, bh_value *result, bh_error **err)
{
	const bh_function *function = store->function;
	bhx_future_delete(BH_TAKE(store->future), store->runtime);
	bh_status status = BH_OK;
	if (store->panicked) {
		store->spent = true;
		status = bh_fail(err, BH_E_ENGINE, "the engine panicked; the instance is lost, the program is not");
	} else if (store->failed) {
		store->spent = true;
		status = bh_meter_classify(&store->meter, BH_TAKE(store->failed), err);
	} else if (result && function && function->result) {
		/* Without a result wanted the function is not looked at: its export may be gone by now (finisher.c). */
		status = store->by_bulk ? bulk_result(store, function, result, err)
		                        : bh_value_lift(result, &store->result, function->result, store->owner, err);
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
	usage->io_bytes = store->wasi ? bhx_store_io_bytes(store->context, false) : 0;
	usage->polls = store->polls;
}
