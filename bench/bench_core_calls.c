/* Engines, loading, fresh and warm calls, and the bytes path. Suite core. */
#include <bulkhead.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bench.h"
#include "raw.h"

static void check(bh_status status, bh_error *err, const char *what)
{
	if (status)
		bench_die("%s: %s: %s", what, bh_status_name(status), err ? bh_error_message(err) : "");
}

static bh_host *make_host(bh_allocation allocation)
{
	bh_error *err = NULL;
	bh_host *host = NULL;
	bh_host_options options = BH_HOST_OPTIONS_INIT;
	options.allocation = allocation;
	check(bh_host_new(&host, &options, &err), err, "host");
	return host;
}

static bh_component *load(bh_host *host, const char *guest, uint64_t fuel)
{
	bh_error *err = NULL;
	bh_component *component = NULL;
	bh_component_options options = BH_COMPONENT_OPTIONS_INIT;
	options.limits.memory = BH_MIB(64);
	options.limits.fuel = fuel;
	options.limits.execution_ms = 10000;
	check(bh_component_load_file(&component, host, bench_guest(guest), &options, &err), err, guest);
	return component;
}

static const char tiny[] = "(component (core module $m (func (export \"nop\")) (func (export \"add\") (param i32 i32) "
						   "(result i32) local.get 0 local.get 1 i32.add))"
						   "(core instance $i (instantiate $m))"
						   "(func (export \"nop\") (canon lift (core func $i \"nop\")))"
						   "(func (export \"add\") (param \"a\" s32) (param \"b\" s32) (result s32) "
						   "(canon lift (core func $i \"add\"))))";

static bh_component *load_tiny_in(bh_host *host, uint64_t fuel, bh_interceptors *interceptors)
{
	bh_error *err = NULL;
	bh_component *component = NULL;
	bh_component_options options = BH_COMPONENT_OPTIONS_INIT;
	options.limits.memory = BH_MIB(1);
	options.limits.fuel = fuel;
	options.interceptors = interceptors;
	check(bh_component_load_bytes(&component, host, tiny, sizeof tiny - 1, &options, &err), err, "tiny");
	return component;
}

static bh_component *load_tiny(bh_host *host, uint64_t fuel)
{
	return load_tiny_in(host, fuel, NULL);
}

/* Engines are made when the first component needs one: the time of that, less the time of a second one. */
static double engine_create(void *data, unsigned batch)
{
	double seconds = 0;
	for (unsigned i = 0; i < batch; i++) {
		bh_host *host = make_host(*(bh_allocation *)data);
		double start = bench_now();
		bh_component *first = load_tiny(host, BH_UNLIMITED);
		double middle = bench_now();
		bh_component *second = load_tiny(host, BH_UNLIMITED);
		seconds += (middle - start) - (bench_now() - middle);
		bh_component_unref(first);
		bh_component_unref(second);
		bh_host_free(host);
	}
	return seconds;
}

typedef struct {
	bh_host *host;
	bh_component *component;
	bh_export *export_;
	bh_instance *instance;
	bh_value args[2];
	size_t count;
} target;

/* Never the same bytes twice, which the host would remember: a custom section behind them counts. */
static double component_load(void *data, unsigned batch)
{
	target *t = data;
	static unsigned char counter;
	const char section[] = {0, 3, 1, 'n', (char)++counter};
	size_t length;
	char *file = bench_read(bench_guest("small26k.wasm"), &length), *bytes = malloc(length + sizeof section);
	bh_component_options options = BH_COMPONENT_OPTIONS_INIT;
	options.limits.memory = BH_MIB(64);
	memcpy(bytes, file, length);
	memcpy(bytes + length, section, sizeof section);
	double start = bench_now();
	for (unsigned i = 0; i < batch; i++) {
		bh_component *component = NULL;
		bh_error *err = NULL;
		check(bh_component_load_bytes(&component, t->host, bytes, length + sizeof section, &options, &err), err,
		      "load");
		bh_component_unref(component);
	}
	double took = bench_now() - start;
	free(bytes);
	free(file);
	return took;
}

static double fresh_call(void *data, unsigned batch)
{
	target *t = data;
	bh_error *err = NULL;
	double start = bench_now();
	for (unsigned i = 0; i < batch; i++) {
		bh_value result = BH_VALUE_INIT;
		check(bh_export_call(t->export_, t->args, t->count, &result, NULL, NULL, &err), err, "fresh call");
		bh_value_deinit(&result);
	}
	return bench_now() - start;
}

static double warm_call(void *data, unsigned batch)
{
	target *t = data;
	bh_error *err = NULL;
	double start = bench_now();
	for (unsigned i = 0; i < batch; i++) {
		bh_value result = BH_VALUE_INIT;
		check(bh_instance_call(t->instance, t->export_, t->args, t->count, &result, NULL, NULL, &err), err,
		      "warm call");
		bh_value_deinit(&result);
	}
	return bench_now() - start;
}

static target make_target(bh_component *component, const char *name)
{
	bh_error *err = NULL;
	target t = {.component = component};
	check(bh_export_find(&t.export_, component, name, &err), err, name);
	check(bh_instance_new(&t.instance, component, NULL, &err), err, "instance");
	t.count = bh_export_param_count(t.export_);
	t.args[0] = bh_of_s32(40);
	t.args[1] = bh_of_s32(2);
	return t;
}

static void free_target(target *t)
{
	bh_instance_free(t->instance);
	bh_export_free(t->export_);
	bh_component_unref(t->component);
}

static double fresh_raw(void *data, unsigned batch)
{
	double start = bench_now();
	for (unsigned i = 0; i < batch; i++)
		raw_fresh(data);
	return bench_now() - start;
}

static double warm_raw(void *data, unsigned batch)
{
	double start = bench_now();
	for (unsigned i = 0; i < batch; i++)
		raw_warm(data);
	return bench_now() - start;
}

/* Ours and the bare engine's, in turn. */
static void beside_raw(const char *name, const char *unit, double scale, bench_fn *ours, bench_fn *theirs, target *t,
                       raw *r, unsigned batch)
{
	bench_fn *fns[] = {ours, theirs};
	void *data[] = {t, r};
	unsigned batches[] = {batch, batch};
	bench_samples samples[2];
	bench_take_in_turn(samples, fns, data, batches, 2, 200);
	bench_report_beside(name, unit, scale, &samples[0], "wasmtime C API", &samples[1]);
	bench_free(&samples[0]);
	bench_free(&samples[1]);
}

static void calls(bh_host *host)
{
	static const struct {
		const char *fresh, *warm;
		uint64_t fuel;
	} rows[] = {
		{"fresh_call", "warm_call_dynamic", 0},
		{"fresh_call.unmetered", "warm_call_dynamic.unmetered", BH_UNLIMITED},
	};
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		target t = make_target(load_tiny(host, rows[i].fuel), "add");
		raw *r = raw_new(tiny, sizeof tiny - 1, "add", rows[i].fuel != BH_UNLIMITED);
		beside_raw(rows[i].fresh, "us", 1e6, fresh_call, fresh_raw, &t, r, 200);
		beside_raw(rows[i].warm, "ns", 1e9, warm_call, warm_raw, &t, r, 2000);
		raw_free(r);
		free_target(&t);
	}
	target libc = make_target(load(host, "kernels.wasm", 0), "add");
	bench_samples fresh = bench_take(fresh_call, &libc, 200, 200);
	bench_report("fresh_call.libc_guest", "us", 1e6, &fresh);
	bench_free(&fresh);
	free_target(&libc);
	target wasi = make_target(load(host, "actor.wasm", 0), "line");
	wasi.args[0] = bh_of_string("world");
	fresh = bench_take(fresh_call, &wasi, 200, 200);
	bench_report("fresh_call.wasi_guest", "us", 1e6, &fresh);
	bench_free(&fresh);
	free_target(&wasi);
}

static bh_status let_pass(void *data, const bh_intercepted *call, bh_value *result, bool *answered, bh_error **err)
{
	(void)data, (void)call, (void)result, (void)answered, (void)err;
	return BH_OK;
}

static bh_status let_out(void *data, const bh_intercepted *call, bh_error **err)
{
	(void)data, (void)call, (void)err;
	return BH_OK;
}

/* With an interceptor that does nothing, and without, in turn. */
static void intercepted_calls(bh_host *host)
{
	bh_error *err = NULL;
	bh_interceptors *set = NULL;
	bh_interceptor idle = BH_INTERCEPTOR_INIT;
	idle.before_export = let_pass;
	idle.after_export = let_out;
	check(bh_interceptors_new(&set, &err), err, "interceptors");
	check(bh_interceptors_add(set, &idle, &err), err, "interceptor");
	target seen = make_target(load_tiny_in(host, BH_UNLIMITED, set), "add");
	target bare = make_target(load_tiny(host, BH_UNLIMITED), "add");
	static const struct {
		const char *name, *unit;
		double scale;
		bench_fn *fn;
		unsigned batch;
	} rows[] = {
		{"fresh_call.intercepted", "us", 1e6, fresh_call, 200},
		{"warm_call.intercepted", "ns", 1e9, warm_call, 2000},
	};
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		bench_fn *fns[] = {rows[i].fn, rows[i].fn};
		void *data[] = {&seen, &bare};
		unsigned batches[] = {rows[i].batch, rows[i].batch};
		bench_samples samples[2];
		bench_take_in_turn(samples, fns, data, batches, 2, 200);
		bench_report_beside(rows[i].name, rows[i].unit, rows[i].scale, &samples[0], "without an interceptor",
		                    &samples[1]);
		bench_free(&samples[0]);
		bench_free(&samples[1]);
	}
	free_target(&seen);
	free_target(&bare);
	bh_interceptors_free(set);
}

enum { TEN_MIB = 10 << 20 };

static double copy_twice(void *data, unsigned batch)
{
	char *to = malloc(TEN_MIB), *back = malloc(TEN_MIB);
	if (!to || !back)
		bench_die("out of memory");
	double start = bench_now();
	for (unsigned i = 0; i < batch; i++) {
		memcpy(to, data, TEN_MIB);
		__asm__ volatile("" ::: "memory");
		memcpy(back, to, TEN_MIB);
		__asm__ volatile("" ::: "memory");
	}
	double seconds = bench_now() - start;
	free(to);
	free(back);
	return seconds;
}

static void bytes_path(bh_host *host)
{
	char *block = malloc(TEN_MIB);
	if (!block)
		bench_die("out of memory");
	memset(block, 'x', TEN_MIB);
	target t = make_target(load(host, "echo.wasm", BH_UNLIMITED), "bytes");
	t.args[0] = bh_of_bytes(block, TEN_MIB);
	bench_fn *fns[] = {warm_call, copy_twice};
	void *data[] = {&t, block};
	unsigned batches[] = {1, 1};
	bench_samples samples[2];
	bench_take_in_turn(samples, fns, data, batches, 2, 50);
	bench_report_beside("bytes_10mib_roundtrip", "ms", 1e3, &samples[0], "memcpy there and back", &samples[1]);
	bench_free(&samples[0]);
	bench_free(&samples[1]);
	free_target(&t);
	free(block);
}

int main(void)
{
	bh_allocation pooled = BH_ALLOCATION_POOLED, on_demand = BH_ALLOCATION_ON_DEMAND;
	bench_samples samples = bench_take(engine_create, &on_demand, 1, 40);
	bench_report("engine_create", "ms", 1e3, &samples);
	bench_free(&samples);
	samples = bench_take(engine_create, &pooled, 1, 20);
	bench_report("engine_create.pooled", "ms", 1e3, &samples);
	bench_free(&samples);

	bh_host *host = make_host(BH_ALLOCATION_POOLED);
	target t = {.host = host};
	samples = bench_take(component_load, &t, 1, 40);
	bench_report("component_load_cold", "ms", 1e3, &samples);
	bench_free(&samples);
	calls(host);
	intercepted_calls(host);
	bytes_path(host);
	bh_host_free(host);
	return 0;
}
