// test: timeout=60
/* Pools: more callers than slots wait and none fails; what does not fit in a slot is served on demand. */
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/resource.h>

#include "api.h"

enum { SLOTS = 4, THREADS = 16 };

typedef struct {
	pthread_t thread;
	bh_component *component;
	bh_export *export_;
	bh_call_options options;
	unsigned arg, rounds;
	bool live;
	bh_status status;
	double longest;
} caller;

static void *call(void *data)
{
	caller *c = data;
	bh_value arg = bh_of_u32(c->arg);
	for (unsigned i = 0; i < c->rounds && !c->status; i++) {
		double start = t_now_ms();
		bh_instance *instance = NULL;
		if (c->live) {
			c->status = bh_instance_new(&instance, c->component, NULL, NULL);
			if (!c->status)
				c->status = bh_instance_call(instance, c->export_, &arg, 1, NULL, &c->options, NULL, NULL);
			bh_instance_free(instance);
		} else {
			c->status = bh_export_call(c->export_, &arg, 1, NULL, &c->options, NULL, NULL);
		}
		double took = t_now_ms() - start;
		c->longest = took > c->longest ? took : c->longest;
	}
	return NULL;
}

static void all_at_once(caller *callers, int count)
{
	for (int i = 0; i < count; i++)
		assert_int_equal(pthread_create(&callers[i].thread, NULL, call, &callers[i]), 0);
	for (int i = 0; i < count; i++)
		pthread_join(callers[i].thread, NULL);
}

static void nobody_fails_everybody_waits(void **state)
{
	(void)state;
	bh_host *host = t_host_pooled(SLOTS);
	bh_component *counter = t_load(host, "counter.wasm", NULL), *loop = t_load(host, "wat/loop.wat", NULL);
	bh_export *sleep_ms = t_find(counter, "sleep-ms"), *run = t_find(loop, "run");
	caller callers[THREADS];
	for (int i = 0; i < THREADS; i++)
		callers[i] = (caller){.component = i % 2 ? counter : loop,
		                      .export_ = i % 2 ? sleep_ms : run,
		                      .options = BH_CALL_OPTIONS_INIT,
		                      .arg = i % 2 ? 5 : 100000,
		                      .rounds = 20,
		                      .live = i % 4 < 2};
	all_at_once(callers, THREADS);
	for (int i = 0; i < THREADS; i++)
		assert_int_equal(callers[i].status, BH_OK);
	bh_export_free(sleep_ms);
	bh_export_free(run);
	bh_component_unref(counter);
	bh_component_unref(loop);
	bh_host_free(host);
}

/* Waiting for a slot is queue time: it does not count against the execution limit, and has a limit of its own. */
static void waiting_is_queue_time(void **state)
{
	(void)state;
	bh_host *host = t_host_pooled(1);
	bh_limits limits = t_limits();
	limits.execution_ms = 400;
	bh_component *counter = t_load(host, "counter.wasm", &limits);
	bh_export *sleep_ms = t_find(counter, "sleep-ms");
	caller callers[4];
	for (int i = 0; i < 4; i++)
		callers[i] = (caller){
			.component = counter, .export_ = sleep_ms, .options = BH_CALL_OPTIONS_INIT, .arg = 200, .rounds = 1};
	all_at_once(callers, 4);
	double longest = 0;
	for (int i = 0; i < 4; i++) {
		assert_int_equal(callers[i].status, BH_OK);
		longest = callers[i].longest > longest ? callers[i].longest : longest;
	}
	assert_true(longest >= 790); /* one after the other */
	bh_export_free(sleep_ms);
	bh_component_unref(counter);

	/* The slot is taken by a live instance, and stays so. */
	limits.queue_ms = 500;
	counter = t_load(host, "counter.wasm", &limits);
	bh_instance *owner = t_instance(counter), *other = NULL;
	bh_export *get = t_find(counter, "get");
	double start = t_now_ms();
	FAILS(BH_E_BUSY, bh_instance_new(&other, counter, NULL, &t_err));
	double took = t_now_ms() - start;
	assert_true(took >= 499 && took < 500 + 1000 * t_slack());
	assert_true(t_says("slot"));
	assert_int_equal(bh_status_category(BH_E_BUSY), BH_CATEGORY_WAIT);
	FAILS(BH_E_BUSY, bh_export_call(get, NULL, 0, NULL, NULL, NULL, &t_err));
	/* The caller's deadline and token are looked at too. */
	bh_call_options options = BH_CALL_OPTIONS_INIT;
	options.deadline_ms = 30;
	start = t_now_ms();
	FAILS(BH_E_DEADLINE, bh_export_call(get, NULL, 0, NULL, &options, NULL, &t_err));
	assert_true(t_now_ms() - start < 30 + 1000 * t_slack());
	bh_cancel *cancel = NULL;
	OK(bh_cancel_new(&cancel, &t_err));
	bh_cancel_fire(cancel);
	options.cancel = cancel;
	FAILS(BH_E_CANCELLED, bh_export_call(get, NULL, 0, NULL, &options, NULL, &t_err));
	/* A slot that is freed serves the next at once. */
	bh_instance_free(owner);
	OK(bh_export_call(get, NULL, 0, NULL, NULL, NULL, &t_err));
	bh_cancel_free(cancel);
	bh_export_free(get);
	bh_component_unref(counter);
	t_begin();
	bh_host_free(host);
}

/* A trap, a timeout and an error while instantiating give their slots back as well. */
static void no_slot_is_lost(void **state)
{
	(void)state;
	bh_host *host = t_host_pooled(2);
	bh_limits limits = t_limits(), short_limits = t_limits();
	limits.queue_ms = 100;
	short_limits.execution_ms = 5;
	short_limits.queue_ms = 100;
	static const struct {
		const char *guest, *name, *args;
		bool strict;
		bh_status status;
	} rows[] = {
		{"wat/unreachable.wat", "run", "", false, BH_E_TRAP},
		{"wat/start-trap.wat", "run", "", false, BH_E_TRAP},
		{"wat/spin.wat", "run", "", true, BH_E_TIMEOUT},
		{"wat/start-spin.wat", "run", "", true, BH_E_TIMEOUT},
		{"wat/table-hog.wat", "run", "", false, BH_E_RESOURCE_LIMIT},
		{"wat/memory-hog.wat", "run", "", false, BH_E_MEMORY_LIMIT},
		{"wat/adder.wat", "add", "1, 2", false, BH_OK},
		{"counter.wasm", "sleep-ms", "1000", true, BH_E_TIMEOUT},
		{"exitcode.wasm", "run", "", false, BH_E_EXIT},
		{"wat/gc-hog.wat", "run", "", false, BH_E_MEMORY_LIMIT},
	};
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		bh_component *component = t_load(host, rows[i].guest, rows[i].strict ? &short_limits : &limits);
		for (int round = 0; round < 10; round++) {
			t_begin();
			bh_status status = t_call(NULL, component, rows[i].name, rows[i].args, NULL, NULL, &t_err);
			if (status != rows[i].status)
				t_print_error(t_err);
			assert_int_equal(status, rows[i].status);
			if (strcmp(rows[i].name, "add")) {
				bh_instance *instance = NULL;
				if (bh_instance_new(&instance, component, NULL, NULL) == BH_OK) {
					bh_export *export_ = t_find(component, rows[i].name);
					assert_int_equal(t_call_live(NULL, instance, export_, rows[i].args, NULL, NULL, NULL),
					                 rows[i].status);
					bh_export_free(export_);
				}
				bh_instance_free(instance);
			}
		}
		bh_component_unref(component);
	}
	t_begin();
	bh_host_free(host);
}

/* Poisoned instances that nobody has freed yet hold no slot. */
static void poisoned_instances_hold_no_slot(void **state)
{
	(void)state;
	enum { INSTANCES = 10 };
	bh_host *host = t_host_pooled(1);
	bh_component *component = t_load(host, "wat/unreachable.wat", NULL);
	bh_export *run = t_find(component, "run");
	bh_instance *instances[INSTANCES];
	for (int i = 0; i < INSTANCES; i++) {
		instances[i] = t_instance(component);
		FAILS(BH_E_TRAP, bh_instance_call(instances[i], run, NULL, 0, NULL, NULL, NULL, &t_err));
	}
	for (int i = 0; i < INSTANCES; i++)
		bh_instance_free(instances[i]);
	bh_export_free(run);
	bh_component_unref(component);
	t_begin();
	bh_host_free(host);
}

static void log_line(void *data, bh_log_level level, const char *message)
{
	(void)message;
	if (level == BH_LOG_WARNING)
		(*(int *)data)++;
}

/* Without the address space for a pool: on demand with a warning, or refused where only a pool will do. */
static void without_address_space(void **state)
{
	(void)state;
	if (t_slack() > 5)
		skip(); /* sanitizers need the address space themselves */
	struct rlimit before, small = {.rlim_cur = BH_GIB(64), .rlim_max = RLIM_INFINITY};
	assert_int_equal(getrlimit(RLIMIT_AS, &before), 0);
	small.rlim_max = before.rlim_max;
	assert_int_equal(setrlimit(RLIMIT_AS, &small), 0);
	int warnings = 0;
	bh_host_options options = BH_HOST_OPTIONS_INIT;
	options.log = log_line;
	options.log_data = &warnings;
	bh_host *host = NULL;
	OK(bh_host_new(&host, &options, &t_err));
	for (int i = 0; i < 3; i++) {
		bh_limits limits = t_limits();
		limits.fuel = i % 2 ? 1000000 : BH_UNLIMITED;
		bh_component *component = t_load(host, "wat/adder.wat", &limits);
		assert_int_equal(t_number(component, "add", "1, 2"), 3);
		bh_component_unref(component);
	}
	assert_int_equal(warnings, 1);
	bh_host_free(host);
	options.allocation = BH_ALLOCATION_POOLED;
	OK(bh_host_new(&host, &options, &t_err));
	bh_component_options load = BH_COMPONENT_OPTIONS_INIT;
	load.limits = t_limits();
	bh_component *component = NULL;
	FAILS(BH_E_ENGINE, bh_component_load_bytes(&component, host, "(component)", 11, &load, &t_err));
	assert_true(bh_error_cause_count(t_err) > 0);
	t_begin();
	bh_host_free(host);
	assert_int_equal(setrlimit(RLIMIT_AS, &before), 0);
}

/* What is larger than a slot runs beside the pool. */
static void larger_than_a_slot(void **state)
{
	(void)state;
	bh_host *host = t_host_pooled(2);
	static const char *const has[] = {
		"(memory 1) (memory 1) (memory 1) (memory 1) (memory 1) (memory 1) (memory 1) (memory 1) (memory 1)",
		"(table 1 funcref) (table 1 funcref) (table 1 funcref) (table 1 funcref) (table 1 funcref) (table 1 funcref)"
		"(table 1 funcref) (table 1 funcref) (table 1 funcref) (table 1 funcref) (table 1 funcref) (table 1 funcref)"
		"(table 1 funcref) (table 1 funcref) (table 1 funcref) (table 1 funcref) (table 1 funcref) (table 1 funcref)",
	};
	for (size_t i = 0; i < 2; i++) {
		char text[1024];
		snprintf(text, sizeof text,
		         "(component (core module $m %s (func (export \"run\") (result i32) (i32.const 5)))\n"
		         "(core instance $i (instantiate $m))\n"
		         "(func (export \"run\") (result u32) (canon lift (core func $i \"run\"))))",
		         has[i]);
		bh_component *component = t_load_text(host, text, NULL);
		for (int round = 0; round < 5; round++)
			assert_int_equal(t_number(component, "run", ""), 5);
		bh_component_unref(component);
	}
	bh_host_free(host);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(nobody_fails_everybody_waits),
		cmocka_unit_test(waiting_is_queue_time),
		cmocka_unit_test(no_slot_is_lost),
		cmocka_unit_test(poisoned_instances_hold_no_slot),
		cmocka_unit_test(without_address_space),
		cmocka_unit_test(larger_than_a_slot),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
