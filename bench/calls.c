#include "calls.h"

#include <pthread.h>
#include <stdlib.h>
#include <unistd.h>

/* A warm call takes a tenth of a fresh one, and is measured as long as the peer measures it. */
enum { FRESH_BATCH = 200, WARM_BATCH = 2000, BATCHES = 200, MAX_THREADS = 1000 };

void calls_check(bh_status status, bh_error *err, const char *what)
{
	if (status)
		bench_die("%s: %s: %s", what, bh_status_name(status), err ? bh_error_message(err) : "");
}

bh_host *calls_host(uint32_t workers, uint32_t slots)
{
	bh_error *err = NULL;
	bh_host *host = NULL;
	bh_host_options options = BH_HOST_OPTIONS_INIT;
	options.allocation = slots ? BH_ALLOCATION_POOLED : BH_ALLOCATION_ON_DEMAND;
	options.pool_slots = slots;
	options.workers = workers;
	calls_check(bh_host_new(&host, &options, &err), err, "host");
	return host;
}

bh_component *calls_load(bh_host *host, const char *guest, uint64_t fuel, uint64_t execution_ms)
{
	bh_error *err = NULL;
	bh_component *component = NULL;
	bh_component_options options = BH_COMPONENT_OPTIONS_INIT;
	options.limits.memory = BH_MIB(64);
	options.limits.fuel = fuel;
	options.limits.execution_ms = execution_ms;
	options.limits.queue_ms = 60000;
	calls_check(bh_component_load_file(&component, host, bench_guest(guest), &options, &err), err, guest);
	return component;
}

bh_export *calls_find(bh_component *component, const char *name)
{
	bh_error *err = NULL;
	bh_export *export_ = NULL;
	calls_check(bh_export_find(&export_, component, name, &err), err, name);
	return export_;
}

typedef struct {
	bh_export *export_;
	const bh_value *args;
	size_t count;
	_Atomic uint64_t ended;
	_Atomic bool stop;
	_Atomic unsigned live;
} flow;

static void again(void *data, bh_call *call);

static void start(flow *f)
{
	bh_error *err = NULL;
	bh_call_options options = BH_CALL_OPTIONS_INIT;
	options.done = again;
	options.done_data = f;
	calls_check(bh_call_start(NULL, f->export_, NULL, f->args, f->count, &options, &err), err, "start");
}

static void again(void *data, bh_call *call)
{
	flow *f = data;
	bh_error *err = NULL;
	bh_value result = BH_VALUE_INIT;
	calls_check(bh_call_take(call, &result, NULL, &err), err, "call");
	bh_value_deinit(&result);
	atomic_fetch_add_explicit(&f->ended, 1, memory_order_relaxed);
	if (atomic_load(&f->stop))
		atomic_fetch_sub(&f->live, 1);
	else
		start(f);
}

double calls_throughput(bh_export *export_, const bh_value *args, size_t count, unsigned callers, double seconds)
{
	flow f = {.export_ = export_, .args = args, .count = count, .live = callers};
	for (unsigned i = 0; i < callers; i++)
		start(&f);
	usleep(50000);
	uint64_t before = atomic_load(&f.ended);
	double begin = bench_now();
	usleep((useconds_t)(seconds * 1e6));
	double rate = (double)(atomic_load(&f.ended) - before) / (bench_now() - begin);
	atomic_store(&f.stop, true);
	while (atomic_load(&f.live))
		usleep(100);
	return rate;
}

static void *caller(void *data)
{
	flow *f = data;
	uint64_t ended = 0;
	while (!atomic_load_explicit(&f->stop, memory_order_relaxed)) {
		bh_error *err = NULL;
		bh_value result = BH_VALUE_INIT;
		calls_check(bh_export_call(f->export_, f->args, f->count, &result, NULL, NULL, &err), err, "call");
		bh_value_deinit(&result);
		ended++;
	}
	atomic_fetch_add(&f->ended, ended);
	return NULL;
}

double calls_throughput_sync(bh_export *export_, const bh_value *args, size_t count, unsigned threads, double seconds)
{
	flow f = {.export_ = export_, .args = args, .count = count};
	pthread_t ids[MAX_THREADS];
	double begin = bench_now();
	for (unsigned i = 0; i < threads; i++)
		if (pthread_create(&ids[i], NULL, caller, &f))
			bench_die("no thread");
	usleep((useconds_t)(seconds * 1e6));
	atomic_store(&f.stop, true);
	for (unsigned i = 0; i < threads; i++)
		pthread_join(ids[i], NULL);
	return (double)atomic_load(&f.ended) / (bench_now() - begin);
}

typedef struct {
	bh_instance *instance;
	bh_export *export_;
	const bh_value *args;
	size_t count;
} target;

static double run_batch(void *data, unsigned batch)
{
	const target *t = data;
	bh_error *err = NULL;
	double begin = bench_now();
	for (unsigned i = 0; i < batch; i++) {
		bh_value result = BH_VALUE_INIT;
		bh_status status = t->instance
		                       ? bh_instance_call(t->instance, t->export_, t->args, t->count, &result, NULL, NULL, &err)
		                       : bh_export_call(t->export_, t->args, t->count, &result, NULL, NULL, &err);
		calls_check(status, err, "call");
		bh_value_deinit(&result);
	}
	return bench_now() - begin;
}

static double median_ns(target *t)
{
	bench_samples samples = bench_take(run_batch, t, t->instance ? WARM_BATCH : FRESH_BATCH, BATCHES);
	double median = bench_median(&samples) * 1e9;
	bench_free(&samples);
	return median;
}

double calls_fresh_ns(bh_export *export_, const bh_value *args, size_t count)
{
	return median_ns(&(target){NULL, export_, args, count});
}

double calls_warm_ns(bh_instance *instance, bh_export *export_, const bh_value *args, size_t count)
{
	return median_ns(&(target){instance, export_, args, count});
}
