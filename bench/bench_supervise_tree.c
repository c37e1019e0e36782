/* What supervision costs: a restart, a crash next door, an actor, a look at ten thousand of them. */
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "calls.h"

enum { ACTORS = 10000, RESTARTS = 2000, STORM_SECONDS = 3, CRASHES_A_SECOND = 1000 };

static const char guest[] =
	"(component (core module $m (memory 1) (global $n (mut i32) (i32.const 0))"
	" (func (export \"next\") (result i32) (global.set $n (i32.add (global.get $n) (i32.const 1))) (global.get $n))"
	" (func (export \"crash\") unreachable))"
	" (core instance $i (instantiate $m))"
	" (func (export \"next\") (result u32) (canon lift (core func $i \"next\")))"
	" (func (export \"crash\") (canon lift (core func $i \"crash\"))))";

static bh_component *load(bh_host *host)
{
	bh_error *err = NULL;
	bh_component *component = NULL;
	bh_component_options options = BH_COMPONENT_OPTIONS_INIT;
	options.limits.memory = BH_MIB(1);
	options.limits.queue_ms = 60000;
	options.limits.execution_ms = 10000;
	calls_check(bh_component_load_bytes(&component, host, guest, sizeof guest - 1, &options, &err), err, "component");
	return component;
}

static bh_supervisor *make_tree(void)
{
	bh_error *err = NULL;
	bh_supervisor *tree = NULL;
	bh_child_options options = BH_CHILD_OPTIONS_INIT;
	options.on_intensity = BH_INTENSITY_FAIL_CHILD;
	options.most_restarts = 10000;
	options.window_ms = 1;
	calls_check(bh_supervisor_new(&tree, &options, &err), err, "tree");
	bh_child_start(bh_supervisor_root(tree));
	return tree;
}

static bh_child *add(bh_supervisor *tree, bh_component *component, const char *name, bool dynamic)
{
	bh_error *err = NULL;
	bh_child *child = NULL;
	bh_child_options options = BH_CHILD_OPTIONS_INIT;
	options.name = name;
	options.component = component;
	options.dynamic = dynamic;
	options.restart = dynamic ? BH_RESTART_TEMPORARY : BH_RESTART_PERMANENT;
	calls_check(bh_child_add(&child, bh_supervisor_root(tree), &options, &err), err, name);
	return child;
}

static void call(bh_child *child, const char *name, bh_status expected)
{
	bh_error *err = NULL;
	bh_status status = bh_child_call(child, name, NULL, 0, NULL, NULL, NULL, &err);
	if (status != expected)
		calls_check(status ? status : BH_E_INVALID, err, name);
	bh_error_free(err);
}

/* From asking for the crash to the next answer: the trap itself included. */
static double restart(void *data, unsigned batch)
{
	double begin = bench_now();
	for (unsigned i = 0; i < batch; i++) {
		call(data, "crash", BH_E_TRAP);
		call(data, "next", BH_OK);
	}
	return bench_now() - begin;
}

static void measure_restart(bh_component *component)
{
	bh_supervisor *tree = make_tree();
	bh_child *child = add(tree, component, "service", false);
	call(child, "next", BH_OK);
	bench_samples samples = bench_take(restart, child, 1, RESTARTS);
	bench_report("restart_to_answer", "us", 1e6, &samples);
	bench_free(&samples);
	bh_child_unref(child);
	bh_supervisor_free(tree);
}

/* A service that crashes so often, until it is told to stop. */
typedef struct {
	bh_child *child;
	_Atomic bool stop;
	_Atomic unsigned crashes;
} storm;

static void *keep_crashing(void *data)
{
	storm *s = data;
	double begin = bench_now();
	for (unsigned i = 0; !atomic_load(&s->stop); i++) {
		double left = begin + (double)i / CRASHES_A_SECOND - bench_now();
		if (left > 0)
			nanosleep(&(struct timespec){.tv_nsec = (long)(left * 1e9)}, NULL);
		call(s->child, "crash", BH_E_TRAP);
		atomic_fetch_add(&s->crashes, 1);
	}
	return NULL;
}

/* Latencies of calls that somebody makes now and then. */
static bench_samples visit(bh_child *child, double seconds)
{
	size_t room = (size_t)(seconds * 10000);
	bench_samples samples = {.values = malloc(room * sizeof(double))};
	if (!samples.values)
		bench_die("out of memory");
	for (double end = bench_now() + seconds; bench_now() < end && samples.count < room;) {
		nanosleep(&(struct timespec){.tv_nsec = 200000}, NULL);
		double begin = bench_now();
		call(child, "next", BH_OK);
		samples.values[samples.count++] = bench_now() - begin;
	}
	return samples;
}

static int compare(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;
	return (x > y) - (x < y);
}

static double p99(const bench_samples *samples)
{
	qsort(samples->values, samples->count, sizeof(double), compare);
	return samples->values[samples->count * 99 / 100];
}

static void measure_storm(bh_component *component)
{
	bh_supervisor *tree = make_tree();
	bh_child *healthy = add(tree, component, "healthy", false);
	storm s = {.child = add(tree, component, "stormy", false)};
	pthread_t thread;
	call(healthy, "next", BH_OK);
	bench_samples calm = visit(healthy, STORM_SECONDS);
	if (pthread_create(&thread, NULL, keep_crashing, &s))
		bench_die("no thread");
	bench_samples stormy = visit(healthy, STORM_SECONDS);
	atomic_store(&s.stop, true);
	pthread_join(thread, NULL);
	double beside = p99(&stormy), alone = p99(&calm);
	printf("{\"name\":\"healthy_p99_in_storm\",\"unit\":\"us\",\"median\":%.6g,\"samples\":%zu,\"better\":\"lower\","
	       "\"peer\":\"calm, with %u crashes beside\",\"peer_median\":%.6g,\"ratio\":%.6g}\n",
	       beside * 1e6, stormy.count, atomic_load(&s.crashes), alone * 1e6, beside / alone);
	fflush(stdout);
	bench_free(&calm);
	bench_free(&stormy);
	bh_child_unref(healthy);
	bh_child_unref(s.child);
	bh_supervisor_free(tree);
}

typedef struct {
	bh_supervisor *tree;
	bh_component *component;
	bh_child **actors;
	unsigned count;
} crew;

/* From asking for it to its being up. */
static double spawn(void *data, unsigned batch)
{
	crew *c = data;
	char name[24];
	double begin = bench_now();
	for (unsigned i = 0; i < batch; i++) {
		snprintf(name, sizeof name, "actor-%u", c->count);
		bh_child *actor = c->actors[c->count++] = add(c->tree, c->component, name, true);
		bh_child_wait(actor, BH_CHILD_RUNNING, 10000);
	}
	return bench_now() - begin;
}

static bool count_one(void *data, const bh_child_info *info)
{
	*(unsigned *)data += info->state == BH_CHILD_RUNNING;
	return true;
}

static double list(void *data, unsigned batch)
{
	crew *c = data;
	double begin = bench_now();
	for (unsigned i = 0; i < batch; i++) {
		unsigned up = 0;
		bh_child_list(bh_supervisor_root(c->tree), count_one, &up);
		if (up != ACTORS + 1)
			bench_die("%u of %d actors are up", up, ACTORS);
	}
	return bench_now() - begin;
}

static void measure_actors(bh_component *component)
{
	static bh_child *actors[ACTORS + 1000];
	crew c = {.tree = make_tree(), .component = component, .actors = actors};
	bench_samples samples = bench_take(spawn, &c, 1, 2000);
	bench_report("spawn_actor", "us", 1e6, &samples);
	bench_free(&samples);
	double begin = bench_now();
	unsigned first = c.count;
	while (c.count < ACTORS) {
		char name[24];
		snprintf(name, sizeof name, "actor-%u", c.count);
		actors[c.count] = add(c.tree, component, name, true);
		c.count++;
	}
	for (unsigned i = first; i < c.count; i++)
		bh_child_wait(actors[i], BH_CHILD_RUNNING, 10000);
	printf("{\"name\":\"spawn_actor.many\",\"unit\":\"us\",\"median\":%.6g,\"samples\":1,\"better\":\"lower\"}\n",
	       (bench_now() - begin) * 1e6 / (c.count - first));
	samples = bench_take(list, &c, 1, 100);
	bench_report("list_10000", "ms", 1e3, &samples);
	bench_free(&samples);
	for (unsigned i = 0; i < c.count; i++)
		bh_child_unref(actors[i]);
	bh_supervisor_free(c.tree);
}

int main(void)
{
	bh_host *host = calls_host(2, ACTORS + 1000);
	bh_component *component = load(host);
	measure_restart(component);
	measure_storm(component);
	measure_actors(component);
	bh_component_unref(component);
	bh_host_free(host);
	return 0;
}
