/* What holds under load: deadlines, short calls beside guests that spin, live instances that do nothing. */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "calls.h"

/* Latencies that callbacks note. */
typedef struct {
	double *values;
	_Atomic size_t count;
	size_t room;
} latencies;

typedef struct {
	latencies *into;
	double begin;
	bh_export *export_;
	_Atomic bool *stop;
	_Atomic unsigned *live;
} probe;

static int compare(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;
	return (x > y) - (x < y);
}

static void report_p99(const char *name, const char *unit, double scale, latencies *l)
{
	size_t count = l->count < l->room ? l->count : l->room;
	qsort(l->values, count, sizeof(double), compare);
	printf("{\"name\":\"%s\",\"unit\":\"%s\",\"median\":%.6g,\"p99\":%.6g,\"samples\":%zu,\"better\":\"lower\"}\n",
	       name, unit, l->values[count / 2] * scale, l->values[count * 99 / 100] * scale, count);
	fflush(stdout);
}

static void note(latencies *l, double value)
{
	size_t at = atomic_fetch_add(&l->count, 1);
	if (at < l->room)
		l->values[at] = value;
}

static latencies make_latencies(size_t room)
{
	latencies l = {.values = calloc(room, sizeof(double)), .room = room};
	if (!l.values)
		bench_die("out of memory");
	return l;
}

static const bh_value two[2] = {{.kind = BH_KIND_S32, .as.s32 = 40}, {.kind = BH_KIND_S32, .as.s32 = 2}};

/* A short call that follows another, for as long as there is to be load. */
static void short_again(void *data, bh_call *call);

static void start_short(probe *p)
{
	bh_error *err = NULL;
	bh_call_options options = BH_CALL_OPTIONS_INIT;
	options.done = short_again;
	options.done_data = p;
	p->begin = bench_now();
	calls_check(bh_call_start(NULL, p->export_, NULL, two, 2, &options, &err), err, "start");
}

static void short_again(void *data, bh_call *call)
{
	probe *p = data;
	bh_error *err = NULL;
	calls_check(bh_call_take(call, NULL, NULL, &err), err, "short call");
	if (p->into)
		note(p->into, bench_now() - p->begin);
	if (*p->stop)
		atomic_fetch_sub(p->live, 1);
	else
		start_short(p);
}

typedef struct {
	probe probes[100];
	_Atomic bool stop;
	_Atomic unsigned live;
} background;

static void start_background(background *b, bh_export *add, unsigned count, latencies *into)
{
	b->live = count;
	b->stop = false;
	for (unsigned i = 0; i < count; i++) {
		b->probes[i] = (probe){.into = into, .export_ = add, .stop = &b->stop, .live = &b->live};
		start_short(&b->probes[i]);
	}
}

static void stop_background(background *b)
{
	b->stop = true;
	while (b->live)
		usleep(100);
}

enum { LIMIT_MS = 20, SAMPLES = 1000, AT_ONCE = 10 };

/* How much later than its limit a call ends; a few at once, beside a hundred others. */
static void overshoot(bh_host *host, const char *name, bh_component *component, const char *export_name, int arg)
{
	background b;
	latencies l = make_latencies(SAMPLES);
	bh_component *adder = calls_load(host, "wat/adder.wat", 0, 60000);
	bh_export *add = calls_find(adder, "add"), *export_ = calls_find(component, export_name);
	bh_value value = bh_of_u32((uint32_t)arg);
	start_background(&b, add, 100, NULL);
	while (l.count < SAMPLES) {
		bh_call *calls[AT_ONCE];
		bh_error *err = NULL;
		for (int i = 0; i < AT_ONCE; i++)
			calls_check(bh_call_start(&calls[i], export_, NULL, &value, arg >= 0, NULL, &err), err, "start");
		for (int i = 0; i < AT_ONCE; i++) {
			bh_usage usage = BH_USAGE_INIT;
			if (bh_call_wait(calls[i], NULL, &usage, NULL) != BH_E_TIMEOUT)
				bench_die("%s: no timeout", name);
			note(&l, (double)(usage.wall_ns - usage.queue_ns) / 1e9 - LIMIT_MS / 1e3);
			bh_call_free(calls[i]);
		}
	}
	stop_background(&b);
	report_p99(name, "ms", 1e3, &l);
	free(l.values);
	bh_export_free(add);
	bh_export_free(export_);
	bh_component_unref(adder);
	bh_component_unref(component);
}

/* A host function that never answers; it is given up when the guest's call is. */
static void give_up(void *data)
{
	bh_completion_drop(data);
}

static void wait_for_ever(void *data, bh_completion *completion, const bh_value *args, size_t count)
{
	(void)data, (void)args, (void)count;
	bh_completion_on_cancel(completion, give_up, completion);
}

static bh_component *load_waiter(bh_host *host)
{
	static const char text[] =
		"(component (import \"wait\" (func $wait)) (core func $wait (canon lower (func $wait)))"
		" (core module $m (import \"\" \"wait\" (func $wait)) (func (export \"run\") (call $wait)))"
		" (core instance $i (instantiate $m (with \"\" (instance (export \"wait\" (func $wait))))))"
		" (func (export \"run\") (canon lift (core func $i \"run\"))))";
	bh_error *err = NULL;
	bh_component *component = NULL;
	bh_component_options options = BH_COMPONENT_OPTIONS_INIT;
	options.limits.memory = BH_MIB(1);
	options.limits.fuel = BH_UNLIMITED;
	options.limits.execution_ms = LIMIT_MS;
	calls_check(bh_imports_new(&options.imports, &err), err, "imports");
	calls_check(bh_imports_define_async(options.imports, NULL, "wait", NULL, wait_for_ever, NULL, &err), err, "wait");
	calls_check(bh_component_load_bytes(&component, host, text, sizeof text - 1, &options, &err), err, "waiter");
	bh_imports_free(options.imports);
	return component;
}

/* A guest that spins on each worker; short calls one after another, four at a time. */
static void beside_spin(bh_host *host)
{
	background b;
	latencies l = make_latencies(200000);
	bh_component *adder = calls_load(host, "wat/adder.wat", 0, 60000);
	bh_component *spin = calls_load(host, "counter.wasm", BH_UNLIMITED, 10000);
	bh_export *add = calls_find(adder, "add"), *turn = calls_find(spin, "spin");
	bh_call *spinners[2];
	bh_error *err = NULL;
	for (int i = 0; i < 2; i++)
		calls_check(bh_call_start(&spinners[i], turn, NULL, NULL, 0, NULL, &err), err, "start");
	usleep(50000);
	start_background(&b, add, 4, &l);
	usleep(5000000);
	stop_background(&b);
	report_p99("short_beside_spin_p99", "ms", 1e3, &l);
	for (int i = 0; i < 2; i++) {
		bh_call_cancel(spinners[i], BH_CANCEL_KILL);
		(void)!bh_call_wait(spinners[i], NULL, NULL, NULL);
		bh_call_free(spinners[i]);
	}
	free(l.values);
	bh_export_free(add);
	bh_export_free(turn);
	bh_component_unref(adder);
	bh_component_unref(spin);
}

static double resident(void)
{
	double pages = 0, ignored;
	FILE *file = fopen("/proc/self/statm", "r");
	if (!file || fscanf(file, "%lf %lf", &ignored, &pages) != 2)
		bench_die("no /proc/self/statm");
	fclose(file);
	return pages * (double)sysconf(_SC_PAGESIZE);
}

enum { LIVE = 10000 };

/* Live instances that were called once and do nothing. */
static void idle(const char *name, const char *create, const char *guest, const char *export_name, const bh_value *args,
                 size_t count)
{
	static bh_instance *instances[LIVE];
	bh_error *err = NULL;
	bh_host *host = calls_host(2, LIVE + 100);
	bh_component *component = calls_load(host, guest, 0, 60000);
	bh_export *export_ = calls_find(component, export_name);
	calls_check(bh_export_call(export_, args, count, NULL, NULL, NULL, &err), err, "call");
	double before = resident(), begin = bench_now();
	for (int i = 0; i < LIVE; i++)
		calls_check(bh_instance_new(&instances[i], component, NULL, &err), err, "instance");
	double took = bench_now() - begin;
	for (int i = 0; i < LIVE; i++)
		calls_check(bh_instance_call(instances[i], export_, args, count, NULL, NULL, NULL, &err), err, "call");
	peer_report_once(name, "bytes", "lower", (resident() - before) / LIVE);
	peer_report_once(create, "ms", "lower", took * 1e3);
	for (int i = 0; i < LIVE; i++)
		bh_instance_free(instances[i]);
	bh_export_free(export_);
	bh_component_unref(component);
	bh_host_free(host);
}

int main(void)
{
	bh_host *host = calls_host(2, 1000);
	overshoot(host, "overshoot.spin", calls_load(host, "counter.wasm", BH_UNLIMITED, LIMIT_MS), "spin", -1);
	overshoot(host, "overshoot.sleep", calls_load(host, "counter.wasm", BH_UNLIMITED, LIMIT_MS), "sleep-ms", 60000);
	overshoot(host, "overshoot.hostwait", load_waiter(host), "run", -1);
	beside_spin(host);
	bh_host_free(host);
	bh_value hello = bh_of_string("hello");
	idle("idle_instance_bytes", "create_10000", "wat/adder.wat", "add", two, 2);
	idle("idle_instance_bytes.wasi", "create_10000.wasi", "wat/clocked-adder.wat", "add", two, 2);
	idle("idle_instance_bytes.libc", "create_10000.libc", "actor.wasm", "line", &hello, 1);
	return 0;
}
