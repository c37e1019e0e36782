/*
 * What fuel and interruption cost in compiled code, and how far guests are from native. Suite core.
 *
 * The three kernels of guests/c/kernels.c as a core module on four engines (plain, interruptible, metered, both)
 * and compiled natively, all in turn. Straight on the engine's C API: the library has no uninterruptible variant.
 */
#include <stdio.h>
#include <string.h>
#include <wasmtime.h>

#include "bench.h"
#include "kernels.h"

enum { PLAIN, EPOCH, FUEL, BOTH, NATIVE, VARIANTS };

typedef struct {
	const char *name;
	uint32_t (*native)(uint32_t a, uint32_t b);
	int32_t args[2];
	size_t arg_count;
} kernel;

static uint32_t native_sieve(uint32_t n, uint32_t unused)
{
	(void)unused;
	return kernel_sieve(n);
}

static uint32_t native_fib(uint32_t n, uint32_t unused)
{
	(void)unused;
	return kernel_fib(n);
}

static const kernel kernels[] = {
	{"sieve", native_sieve, {500000, 0}, 1},
	{"fib", native_fib, {24, 0}, 1},
	{"copy", kernel_copy, {1 << 20, 20}, 2},
};

typedef struct {
	const kernel *kernel;
	wasmtime_store_t *store;
	wasmtime_func_t func;
	bool metered;
} subject;

static void check(wasmtime_error_t *error, wasm_trap_t *trap, const char *what)
{
	if (!error && !trap)
		return;
	wasm_byte_vec_t text;
	if (error)
		wasmtime_error_message(error, &text);
	else
		wasm_trap_message(trap, &text);
	bench_die("%s: %.*s", what, (int)text.size, text.data);
}

static wasm_engine_t *make_engine(bool epoch, bool fuel)
{
	wasm_config_t *config = wasm_config_new();
	wasmtime_config_epoch_interruption_set(config, epoch);
	wasmtime_config_consume_fuel_set(config, fuel);
	return wasm_engine_new_with_config(config);
}

static subject make_subject(const kernel *job, wasm_engine_t *engine, const char *wasm, size_t length, bool epoch,
                            bool fuel)
{
	subject s = {.kernel = job, .metered = fuel};
	wasmtime_module_t *module = NULL;
	wasmtime_instance_t instance;
	wasmtime_extern_t item;
	wasm_trap_t *trap = NULL;
	check(wasmtime_module_new(engine, (const uint8_t *)wasm, length, &module), NULL, "compile");
	wasmtime_linker_t *linker = wasmtime_linker_new(engine);
	check(wasmtime_linker_define_unknown_imports_as_traps(linker, module), NULL, "link");
	s.store = wasmtime_store_new(engine, NULL, NULL);
	wasmtime_context_t *context = wasmtime_store_context(s.store);
	if (fuel)
		check(wasmtime_context_set_fuel(context, INT64_MAX), NULL, "fuel");
	if (epoch)
		wasmtime_context_set_epoch_deadline(context, 1000000);
	wasmtime_error_t *error = wasmtime_linker_instantiate(linker, context, module, &instance, &trap);
	check(error, trap, "instantiate");
	if (!wasmtime_instance_export_get(context, &instance, job->name, strlen(job->name), &item))
		bench_die("%s: not exported", job->name);
	s.func = item.of.func;
	wasmtime_linker_delete(linker);
	wasmtime_module_delete(module);
	return s;
}

static double run_guest(void *data, unsigned batch)
{
	subject *s = data;
	wasmtime_context_t *context = wasmtime_store_context(s->store);
	wasmtime_val_t args[2], result;
	for (size_t i = 0; i < 2; i++)
		args[i] = (wasmtime_val_t){.kind = WASMTIME_I32, .of.i32 = s->kernel->args[i]};
	double start = bench_now();
	for (unsigned i = 0; i < batch; i++) {
		wasm_trap_t *trap = NULL;
		wasmtime_error_t *error = wasmtime_func_call(context, &s->func, args, s->kernel->arg_count, &result, 1, &trap);
		check(error, trap, s->kernel->name);
	}
	return bench_now() - start;
}

static double run_native(void *data, unsigned batch)
{
	const kernel *k = ((subject *)data)->kernel;
	volatile uint32_t sink = 0;
	double start = bench_now();
	for (unsigned i = 0; i < batch; i++)
		sink += k->native((uint32_t)k->args[0], (uint32_t)k->args[1]);
	return bench_now() - start;
}

static void measure(const kernel *job, wasm_engine_t *const *engines, const char *wasm, size_t length)
{
	subject subjects[VARIANTS];
	void *data[VARIANTS];
	bench_fn *fns[VARIANTS];
	unsigned batches[VARIANTS];
	bench_samples samples[VARIANTS];
	for (int v = 0; v < VARIANTS; v++) {
		if (v == NATIVE)
			subjects[v] = (subject){.kernel = job};
		else
			subjects[v] = make_subject(job, engines[v], wasm, length, v == EPOCH || v == BOTH, v == FUEL || v == BOTH);
		data[v] = &subjects[v];
		fns[v] = v == NATIVE ? run_native : run_guest;
		batches[v] = 5;
	}
	bench_take_in_turn(samples, fns, data, batches, VARIANTS, 60);
	char name[64];
	snprintf(name, sizeof name, "fuel_cost.%s", job->name);
	bench_report_beside(name, "ms", 1e3, &samples[BOTH], "interruptible only", &samples[EPOCH]);
	snprintf(name, sizeof name, "interrupt_cost.%s", job->name);
	bench_report_beside(name, "ms", 1e3, &samples[EPOCH], "plain wasm", &samples[PLAIN]);
	snprintf(name, sizeof name, "native_ratio.%s", job->name);
	bench_report_beside(name, "ms", 1e3, &samples[EPOCH], "native C", &samples[NATIVE]);
	for (int v = 0; v < VARIANTS; v++) {
		bench_free(&samples[v]);
		if (v != NATIVE)
			wasmtime_store_delete(subjects[v].store);
	}
}

int main(void)
{
	size_t length;
	char *wasm = bench_read(bench_guest("kernels.core.wasm"), &length);
	wasm_engine_t *engines[NATIVE];
	for (int v = 0; v < NATIVE; v++)
		engines[v] = make_engine(v == EPOCH || v == BOTH, v == FUEL || v == BOTH);
	for (size_t i = 0; i < sizeof kernels / sizeof *kernels; i++)
		measure(&kernels[i], engines, wasm, length);
	for (int v = 0; v < NATIVE; v++)
		wasm_engine_delete(engines[v]);
	return 0;
}
