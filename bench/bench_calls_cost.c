/* What a call costs beside the engine called directly, started beside waited for, with much loaded, with nothing kept. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "calls.h"

typedef struct {
	bh_export *export_;
	bh_instance *instance;
	bh_value args[2];
	size_t count;
	unsigned callers;
} target;

static double fresh(void *data)
{
	target *t = data;
	return calls_fresh_ns(t->export_, t->args, t->count);
}

static double warm(void *data)
{
	target *t = data;
	return calls_warm_ns(t->instance, t->export_, t->args, t->count);
}

static double throughput(void *data)
{
	target *t = data;
	return calls_throughput(t->export_, t->args, t->count, t->callers, 1);
}

static target make(bh_component *component, const char *name)
{
	bh_error *err = NULL;
	target t = {.export_ = calls_find(component, name)};
	calls_check(bh_instance_new(&t.instance, component, NULL, &err), err, "instance");
	t.args[0] = bh_of_s32(40);
	t.args[1] = bh_of_s32(2);
	t.count = 2;
	return t;
}

static void drop(target *t, bh_component *component)
{
	bh_instance_free(t->instance);
	bh_export_free(t->export_);
	bh_component_unref(component);
}

static void beside_raw(bh_host *host)
{
	char arguments[1200];
	bh_component *metered = calls_load(host, "wat/adder.wat", 0, 10000);
	bh_component *unmetered = calls_load(host, "wat/adder.wat", BH_UNLIMITED, 10000);
	target t = make(metered, "add"), u = make(unmetered, "add");
	snprintf(arguments, sizeof arguments, "fresh '%s' add 10000 --fuel", bench_guest("wat/adder.wat"));
	peer_beside("fresh_call_vs_raw", "ns", "lower", fresh, &t, "raw.fresh_call", arguments);
	snprintf(arguments, sizeof arguments, "fresh '%s' add 10000", bench_guest("wat/adder.wat"));
	peer_beside("fresh_call_vs_raw.unmetered", "ns", "lower", fresh, &u, "raw.fresh_call.unmetered", arguments);
	static const unsigned callers[] = {1, 2, 4, 8, 64, 1000};
	for (size_t i = 0; i < sizeof callers / sizeof *callers; i++) {
		char name[60];
		t.callers = callers[i];
		snprintf(name, sizeof name, "throughput_2_workers.%u", callers[i]);
		snprintf(arguments, sizeof arguments, "throughput '%s' add %u %u 1 --fuel", bench_guest("wat/adder.wat"),
		         callers[i] < 2 ? 1 : 2, callers[i]);
		peer_beside(name, "calls/s", "higher", throughput, &t, "raw.throughput", arguments);
	}
	drop(&t, metered);
	drop(&u, unmetered);
}

/* With memory to clean after each call. */
static void with_memory(bh_host *host)
{
	char arguments[1200];
	bh_component *component = calls_load(host, "wat/adder-megabyte.wat", 0, 10000);
	target t = make(component, "add");
	snprintf(arguments, sizeof arguments, "fresh '%s' add 10000 --fuel", bench_guest("wat/adder-megabyte.wat"));
	peer_beside("fresh_call_vs_raw.megabyte", "ns", "lower", fresh, &t, "raw.fresh_call", arguments);
	drop(&t, component);
}

/* A live instance, prepared export; the dynamic values are all there is, so they are the typed ones too. */
static void warm_calls(bh_host *host)
{
	static const struct {
		const char *kind, *guest, *name;
	} rows[] = {
		{"s32", "echo.wasm", "echo-s32"}, {"string", "echo.wasm", "echo-text"}, {"bytes", "echo.wasm", "echo-bytes"}};
	static char kilobyte[1025];
	memset(kilobyte, 'x', 1024);
	for (size_t i = 0; i < 3; i++) {
		char name[60], figure[60], arguments[1200];
		bh_component *component = calls_load(host, rows[i].guest, BH_UNLIMITED, 10000);
		target t = make(component, rows[i].name);
		t.count = 1;
		t.args[0] = i == 0 ? bh_of_s32(7) : i == 1 ? bh_of_string(kilobyte) : bh_of_bytes(kilobyte, 1024);
		snprintf(name, sizeof name, "warm_call_typed.%s", rows[i].kind);
		snprintf(figure, sizeof figure, "raw.warm_call_typed.%s.unmetered", rows[i].kind);
		snprintf(arguments, sizeof arguments, "warm '%s' %s %s", bench_guest(rows[i].guest), rows[i].name,
		         rows[i].kind);
		peer_beside(name, "ns", "lower", warm, &t, figure, arguments);
		drop(&t, component);
	}
}

/* One thread's calls on the executor, and a thread's own. */
static double sync_rate(void *data, unsigned batch)
{
	target *t = data;
	(void)batch;
	return 1 / calls_throughput_sync(t->export_, t->args, t->count, 1, 0.1);
}

static double async_rate(void *data, unsigned batch)
{
	target *t = data;
	(void)batch;
	return 1 / calls_throughput(t->export_, t->args, t->count, 1, 0.1);
}

static void async_over_sync(void)
{
	bh_host *host = calls_host(1, 1000);
	bh_component *component = calls_load(host, "wat/adder.wat", 0, 10000);
	target t = make(component, "add");
	bench_samples samples[2];
	bench_take_in_turn(samples, (bench_fn *const[]){async_rate, sync_rate}, (void *const[]){&t, &t},
	                   (const unsigned[]){1, 1}, 2, 31);
	bench_report_beside("async_over_sync", "us", 1e6, &samples[0], "on the caller's thread", &samples[1]);
	bench_free(&samples[0]);
	bench_free(&samples[1]);
	drop(&t, component);
	bh_host_free(host);
}

/*
 * A call on one of many things, always the same: what their number costs. And in turn on each of them, which adds what
 * the caches of the processor cannot hold.
 */
typedef struct {
	bh_export **exports;
	bh_instance **instances;
	unsigned count, next;
} crowd;

static double one_of_many(void *data, unsigned batch)
{
	crowd *c = data;
	const bh_value args[2] = {bh_of_s32(40), bh_of_s32(2)};
	double begin = bench_now();
	for (unsigned i = 0; i < batch; i++) {
		bh_value result = BH_VALUE_INIT;
		bh_error *err = NULL;
		unsigned at = c->next++ % c->count;
		bh_status status = c->instances
		                       ? bh_instance_call(c->instances[at], c->exports[0], args, 2, &result, NULL, NULL, &err)
		                       : bh_export_call(c->exports[at], args, 2, &result, NULL, NULL, &err);
		calls_check(status, err, "call");
	}
	return bench_now() - begin;
}

static void growth(const char *name, crowd *alone, crowd *many)
{
	bench_samples samples[2];
	bench_take_in_turn(samples, (bench_fn *const[]){one_of_many, one_of_many}, (void *const[]){many, alone},
	                   (const unsigned[]){2000, 2000}, 2, 60);
	bench_report_beside(name, "ns", 1e9, &samples[0], "one alone", &samples[1]);
	bench_free(&samples[0]);
	bench_free(&samples[1]);
}

enum { COMPONENTS = 1000, INSTANCES = 10000 };

/* Components that differ, as a gateway's do: a constant of each is its own. */
static bh_component *load_numbered(bh_host *host, int number)
{
	char text[600];
	bh_error *err = NULL;
	bh_component *component = NULL;
	bh_component_options options = BH_COMPONENT_OPTIONS_INIT;
	options.limits.memory = BH_MIB(1);
	snprintf(
		text, sizeof text,
		"(component (core module $m (func (export \"unused\") (result i32) i32.const %d) (func (export \"add\") (param "
		"i32 i32) (result i32) local.get 0 local.get 1 i32.add)) (core instance $i (instantiate $m)) (func (export "
		"\"add\") (param \"a\" s32) (param \"b\" s32) (result s32) (canon lift (core func $i \"add\"))))",
		number);
	calls_check(bh_component_load_bytes(&component, host, text, strlen(text), &options, &err), err, "component");
	return component;
}

/* One of many beside one alone, in a host of its own; and all of the many in turn beside it. */
static void growth_of(const char *what, const crowd *alone, const crowd *many)
{
	char name[60];
	crowd one = *alone, among = *many, all = *many;
	among.count = 1;
	snprintf(name, sizeof name, "cost_growth.%s", what);
	growth(name, &one, &among);
	snprintf(name, sizeof name, "cost_growth.%s_in_turn", what);
	growth(name, &one, &all);
}

static void growth_components(void)
{
	static bh_component *components[COMPONENTS + 1];
	static bh_export *exports[COMPONENTS + 1];
	bh_host *host = calls_host(1, 1000), *other = calls_host(1, 1000);
	for (int i = 0; i <= COMPONENTS; i++) {
		components[i] = load_numbered(i < COMPONENTS ? host : other, i);
		exports[i] = calls_find(components[i], "add");
	}
	crowd alone = {.exports = exports + COMPONENTS, .count = 1}, many = {.exports = exports};
	many.count = 100;
	growth_of("components_100", &alone, &many);
	many.count = COMPONENTS;
	growth_of("components", &alone, &many);
	for (int i = 0; i <= COMPONENTS; i++) {
		bh_export_free(exports[i]);
		bh_component_unref(components[i]);
	}
	bh_host_free(host);
	bh_host_free(other);
}

static void growth_instances(void)
{
	static bh_instance *instances[INSTANCES + 1];
	bh_host *hosts[2] = {calls_host(1, INSTANCES + 100), calls_host(1, INSTANCES + 100)};
	bh_component *components[2];
	bh_export *adds[2];
	bh_error *err = NULL;
	for (int i = 0; i < 2; i++) {
		components[i] = calls_load(hosts[i], "wat/adder.wat", 0, 10000);
		adds[i] = calls_find(components[i], "add");
	}
	for (int i = 0; i <= INSTANCES; i++)
		calls_check(bh_instance_new(&instances[i], components[i == INSTANCES], NULL, &err), err, "instance");
	crowd alone = {.exports = &adds[1], .instances = instances + INSTANCES, .count = 1};
	crowd many = {.exports = &adds[0], .instances = instances, .count = INSTANCES};
	growth_of("instances", &alone, &many);
	for (int i = 0; i <= INSTANCES; i++)
		bh_instance_free(instances[i]);
	for (int i = 0; i < 2; i++) {
		bh_export_free(adds[i]);
		bh_component_unref(components[i]);
		bh_host_free(hosts[i]);
	}
}

/* Load, call, forget: one of twenty components with the cache and a pool; ever new ones without either. */
typedef struct {
	bh_host *host;
	int kinds, next;
} keeping;

static double load_and_call(void *data, unsigned batch)
{
	keeping *k = data;
	const bh_value args[2] = {bh_of_s32(40), bh_of_s32(2)};
	double begin = bench_now();
	for (unsigned i = 0; i < batch; i++) {
		bh_error *err = NULL;
		bh_value result = BH_VALUE_INIT;
		bh_component *component = load_numbered(k->host, k->next++ % k->kinds);
		bh_export *add = calls_find(component, "add");
		calls_check(bh_export_call(add, args, 2, &result, NULL, NULL, &err), err, "call");
		bh_export_free(add);
		bh_component_unref(component);
	}
	return bench_now() - begin;
}

static void baseline(void)
{
	bh_cache_options off = BH_CACHE_OPTIONS_INIT;
	bh_host_options options = BH_HOST_OPTIONS_INIT;
	bh_error *err = NULL;
	keeping with = {calls_host(1, 1000), 20, 0}, without = {NULL, 1000000, 0};
	off.mode = BH_CACHE_OFF;
	off.memory_entries = 1;
	off.memory_bytes = 1;
	options.cache = &off;
	options.allocation = BH_ALLOCATION_ON_DEMAND;
	calls_check(bh_host_new(&without.host, &options, &err), err, "host");
	bench_samples samples[2];
	bench_take_in_turn(samples, (bench_fn *const[]){load_and_call, load_and_call}, (void *const[]){&with, &without},
	                   (const unsigned[]){20, 1}, 2, 40);
	bench_report_beside("cache_pool_vs_baseline", "us", 1e6, &samples[0], "neither", &samples[1]);
	bench_free(&samples[0]);
	bench_free(&samples[1]);
	bh_host_free(with.host);
	bh_host_free(without.host);
}

int main(void)
{
	bh_host *host = calls_host(2, 1000);
	beside_raw(host);
	with_memory(host);
	warm_calls(host);
	async_over_sync();
	growth_components();
	growth_instances();
	baseline();
	bh_host_free(host);
	return 0;
}
