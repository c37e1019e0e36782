/* What a store is made of; for this room. */
#ifndef BH_ENGINE_STORE_INTERNAL_H
#define BH_ENGINE_STORE_INTERNAL_H

#include "engine/meter.h"
#include "engine/stream.h"

struct bh_store {
	wasmtime_store_t *handle;
	wasmtime_context_t *context;
	wasmtime_component_instance_t instance;
	const bh_code *code;
	const bh_permissions *permissions;
	bh_component *component;
	bh_instance *owner;
	bh_keeper *keeper;               /* with a reference; NULL: none */
	const bh_intercept_chain *chain; /* sees calls of imports; NULL: nobody does */
	uint64_t call;                   /* under way, by its number */
	bhx_runtime_t *runtime;          /* NULL without WASI */
	bool metered;
	bool sliced; /* it gives the thread back after so much fuel */
	bool wasi;
	bool spent;
	bool panicked;
	bh_meter meter;
	bh_stream *streams[3];
	bh_stream_counts counts;
	uint64_t output_at_start;
	uint64_t polls;
	uint64_t gifts; /* calls that took resource handles */

	/* What is under way, or about to be. */
	enum { BH_DOING_NOTHING, BH_DOING_INSTANCE, BH_DOING_CALL, BH_DOING_DROP } doing;
	bhx_future_t future; /* none before the first poll */
	wasmtime_error_t *failed;
	const bh_function *function; /* NULL while instantiating and dropping */
	uint64_t found;              /* the function `callee` is, by id: its address may be another's by now */
	wasmtime_component_func_t callee;
	const bh_value *args; /* the caller's, or `copies` */
	bh_value *copies;
	size_t arg_count;
	const bh_message *message; /* instead of values; NULL: values */
	bh_verdict *verdict;
	bh_value result;
	wasmtime_component_resource_any_t *dropping;
	bh_host_calls calls; /* of host functions */

	/* Asked at every tick while it runs on the caller's stack; NULL while it is polled. */
	bool (*must_stop)(void *data);
	void *must_stop_data;
};

bh_status bh_store_give_wasi(bh_store *store, const bh_permissions *permissions, const bh_instance_options *options,
                             bh_error **err);

#endif
