#include "raw.h"

#include <bhx.h>
#include <stdlib.h>
#include <string.h>
#include <wasmtime.h>

#include "bench.h"

struct raw {
	wasm_engine_t *engine;
	wasmtime_component_linker_t *linker;
	wasmtime_component_t *component;
	bhx_instance_pre_t *pre;
	wasmtime_component_export_index_t *index;
	bool metered;
	wasmtime_store_t *store;
	wasmtime_component_func_t func;
};

static void check(wasmtime_error_t *error, const char *what)
{
	if (!error)
		return;
	wasm_byte_vec_t text;
	wasmtime_error_message(error, &text);
	bench_die("%s: %.*s", what, (int)text.size, text.data);
}

static void finish(wasmtime_call_future_t *future)
{
	while (!wasmtime_call_future_poll(future))
		;
	wasmtime_call_future_delete(future);
}

/* The same for what the C API cannot say. */
static void no_op(const bhx_waker_t *waker)
{
	(void)waker;
}

static void finish_own(bhx_future_t future)
{
	static const bhx_waker_t waker = {no_op, no_op, no_op};
	while (bhx_future_poll(&future, NULL, &waker) == BHX_PENDING)
		;
	bhx_future_delete(future, NULL);
}

static wasm_engine_t *make_engine(bool metered)
{
	wasm_config_t *config = wasm_config_new();
	wasmtime_config_consume_fuel_set(config, metered);
	wasmtime_config_epoch_interruption_set(config, true);
	wasmtime_config_concurrency_support_set(config, false);
	wasmtime_config_max_wasm_stack_set(config, 1 << 20);
	wasmtime_config_async_stack_size_set(config, (1 << 20) + (256 << 10));
	wasmtime_pooling_allocation_config_t *pool = wasmtime_pooling_allocation_config_new();
	wasmtime_pooling_allocation_config_linear_memory_keep_resident_set(pool, 1 << 20);
	wasmtime_pooling_allocation_config_table_keep_resident_set(pool, 64 << 10);
	wasmtime_pooling_allocation_config_async_stack_keep_resident_set(pool, 64 << 10);
	wasmtime_pooling_allocation_strategy_set(config, pool);
	wasmtime_pooling_allocation_config_delete(pool);
	wasm_engine_t *engine = NULL;
	check(bhx_engine_new(config, &engine), "engine");
	return engine;
}

static wasmtime_store_t *make_store(raw *r, wasmtime_component_func_t *func)
{
	wasmtime_store_t *store = wasmtime_store_new(r->engine, NULL, NULL);
	wasmtime_context_t *context = wasmtime_store_context(store);
	wasmtime_component_instance_t instance;
	wasmtime_error_t *error = NULL;
	wasmtime_context_epoch_deadline_async_yield_and_update(context, 1);
	if (r->metered) {
		check(wasmtime_context_set_fuel(context, 1000000), "fuel");
		check(wasmtime_context_fuel_async_yield_interval(context, 100000), "yield");
	}
	wasmtime_context_set_epoch_deadline(context, 1);
	finish_own(bhx_instance_pre_instantiate_async(r->pre, context, &instance, &error));
	check(error, "instantiate");
	if (!wasmtime_component_instance_get_func(&instance, context, r->index, func))
		bench_die("no such function");
	return store;
}

static void call(wasmtime_store_t *store, const wasmtime_component_func_t *func, bool metered)
{
	wasmtime_context_t *context = wasmtime_store_context(store);
	wasmtime_component_val_t args[2] = {{.kind = WASMTIME_COMPONENT_S32, .of.s32 = 40},
	                                    {.kind = WASMTIME_COMPONENT_S32, .of.s32 = 2}};
	wasmtime_component_val_t result = {.kind = WASMTIME_COMPONENT_BOOL};
	wasmtime_error_t *error = NULL;
	if (metered)
		check(wasmtime_context_set_fuel(context, 1000000), "fuel");
	finish(wasmtime_component_func_call_async(func, context, args, 2, &result, 1, &error));
	check(error, "call");
	if (result.of.s32 != 42)
		bench_die("wrong result");
}

raw *raw_new(const char *text, size_t length, const char *name, bool metered)
{
	raw *r = calloc(1, sizeof *r);
	if (!r)
		bench_die("out of memory");
	r->metered = metered;
	r->engine = make_engine(metered);
	r->linker = wasmtime_component_linker_new(r->engine);
	check(wasmtime_component_new(r->engine, (const uint8_t *)text, length, &r->component), "compile");
	check(bhx_linker_instantiate_pre(r->linker, r->component, &r->pre), "link");
	r->index = wasmtime_component_get_export_index(r->component, NULL, name, strlen(name));
	r->store = make_store(r, &r->func);
	return r;
}

void raw_free(raw *r)
{
	wasmtime_store_delete(r->store);
	wasmtime_component_export_index_delete(r->index);
	bhx_instance_pre_delete(r->pre);
	wasmtime_component_delete(r->component);
	wasmtime_component_linker_delete(r->linker);
	wasm_engine_delete(r->engine);
	free(r);
}

void raw_fresh(raw *r)
{
	wasmtime_component_func_t func;
	wasmtime_store_t *store = make_store(r, &func);
	call(store, &func, r->metered);
	wasmtime_store_delete(store);
}

void raw_warm(raw *r)
{
	call(r->store, &r->func, r->metered);
}
