/* What a store is made of; for this room. */
#ifndef BH_ENGINE_STORE_INTERNAL_H
#define BH_ENGINE_STORE_INTERNAL_H

#include "engine/meter.h"
#include "engine/stream.h"

enum { BH_INLINE_ARGS = 8 };

struct bh_store {
	wasmtime_store_t *handle;
	wasmtime_context_t *context;
	wasmtime_component_instance_t instance;
	const bh_code *code;
	bh_instance *owner;
	bhx_runtime_t *runtime; /* NULL without WASI */
	bool metered;
	bool wasi;
	bool spent;
	bool panicked;
	bh_meter meter;
	bh_stream *streams[3];
	bh_stream_counts counts;
	uint64_t output_at_start;
	uint64_t polls;
	uint64_t gifts; /* calls that took resource handles */

	/* The call under way. */
	bool busy; /* there is something to clear */
	wasmtime_call_future_t *future;
	wasmtime_error_t *failed;
	const bh_function *function; /* NULL while instantiating and dropping */
	uint64_t found;              /* the function `callee` is, by id: its address may be another's by now */
	wasmtime_component_func_t callee;
	wasmtime_component_val_t inline_args[BH_INLINE_ARGS];
	wasmtime_component_val_t *args;
	size_t arg_count;
	wasmtime_component_val_t result;
	bhx_bytes_t blocks[BHX_BULK_PARAMS];
	void *copies[BHX_BULK_PARAMS];
	bhx_bulk_result_t bulk;
	bool by_bulk;
	wasmtime_component_resource_any_t *dropping;
};

bh_status bh_store_give_wasi(bh_store *store, const bh_permissions *permissions, const bh_instance_options *options,
                             bh_error **err);

#endif
