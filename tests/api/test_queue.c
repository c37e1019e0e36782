// test: timeout=60
/* Callers of one live instance: in turn, first come first served, until the turn takes too long. */
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>

#include "one_host.h"

typedef struct {
	pthread_t thread;
	bh_instance *instance;
	bh_export *export_;
	uint32_t arg;
	bool has_arg;
	bh_call_options options;
	bh_usage usage;
	bh_status status;
	uint32_t result;
	bh_error *err;
	double took_ms;
	_Atomic bool started;
} caller;

static void *run(void *data)
{
	caller *c = data;
	bh_value arg = bh_of_u32(c->arg), result = BH_VALUE_INIT;
	double start = t_now_ms();
	atomic_store(&c->started, true);
	c->status = bh_instance_call(c->instance, c->export_, &arg, c->has_arg, &result, &c->options, &c->usage, &c->err);
	c->took_ms = t_now_ms() - start;
	c->result = result.as.u32;
	return NULL;
}

static caller *start(bh_instance *instance, bh_export *export_, int arg)
{
	caller *c = calloc(1, sizeof *c);
	assert_non_null(c);
	c->instance = instance;
	c->export_ = export_;
	c->has_arg = arg >= 0;
	c->arg = (uint32_t)arg;
	c->options = (bh_call_options)BH_CALL_OPTIONS_INIT;
	c->usage = (bh_usage)BH_USAGE_INIT;
	return c;
}

static void go(caller *c)
{
	assert_int_equal(pthread_create(&c->thread, NULL, run, c), 0);
	while (!atomic_load(&c->started))
		t_sleep_ms(1);
}

static bh_status end(caller *c)
{
	pthread_join(c->thread, NULL);
	bh_status status = c->status;
	t_begin();
	t_err = c->err;
	return status;
}

/* The export sleeps: its callers queue up one by one, and are served in that order. */
static void first_come_first_served(void **state)
{
	(void)state;
	enum { CALLERS = 12 };
	bh_component *counter = t_load(host, "counter.wasm", NULL);
	bh_instance *instance = t_instance(counter);
	bh_export *sleep_ms = t_find(counter, "sleep-ms"), *increment = t_find(counter, "increment");
	caller *sleeper = start(instance, sleep_ms, 400), *callers[CALLERS];
	go(sleeper);
	t_sleep_ms(50);
	for (int i = 0; i < CALLERS; i++) {
		callers[i] = start(instance, increment, -1);
		go(callers[i]);
		t_sleep_ms(10);
	}
	assert_int_equal(end(sleeper), BH_OK);
	free(sleeper);
	for (int i = 0; i < CALLERS; i++) {
		assert_int_equal(end(callers[i]), BH_OK);
		assert_int_equal(callers[i]->result, i + 1);
		free(callers[i]);
	}
	bh_export_free(sleep_ms);
	bh_export_free(increment);
	bh_instance_free(instance);
	bh_component_unref(counter);
}

/* Waiting for a turn has its own limit, and does not count against the execution limit. */
static void two_limits(void **state)
{
	(void)state;
	bh_limits limits = t_limits();
	limits.execution_ms = 300;
	limits.queue_ms = 10000;
	bh_component *counter = t_load(host, "counter.wasm", &limits);
	bh_instance *instance = t_instance(counter);
	bh_export *sleep_ms = t_find(counter, "sleep-ms");
	caller *callers[4];
	for (int i = 0; i < 4; i++) {
		callers[i] = start(instance, sleep_ms, 150);
		go(callers[i]);
	}
	for (int i = 0; i < 4; i++) { /* the last one waits 450 ms, and then sleeps 150 */
		assert_int_equal(end(callers[i]), BH_OK);
		free(callers[i]);
	}
	bh_instance_free(instance);
	bh_export_free(sleep_ms);
	bh_component_unref(counter);

	limits.execution_ms = 10000;
	limits.queue_ms = 100;
	counter = t_load(host, "counter.wasm", &limits);
	instance = t_instance(counter);
	sleep_ms = t_find(counter, "sleep-ms");
	caller *sleeper = start(instance, sleep_ms, 1000), *late = start(instance, sleep_ms, 1);
	go(sleeper);
	t_sleep_ms(50);
	go(late);
	assert_int_equal(end(late), BH_E_BUSY);
	t_names_limit(BH_LIMIT_QUEUE_TIME, 100);
	assert_true(late->took_ms >= 95 && late->took_ms < 100 + 1000 * t_slack());
	assert_true(late->usage.wall_ns >= UINT64_C(95000000));
	assert_true(bh_instance_usable(instance));
	assert_int_equal(end(sleeper), BH_OK);
	free(late);
	free(sleeper);
	bh_export_free(sleep_ms);
	bh_instance_free(instance);
	bh_component_unref(counter);
}

/* A caller's deadline and token end the wait in the queue as well; the one who runs notices nothing. */
static void leaving_the_queue(void **state)
{
	(void)state;
	bh_component *counter = t_load(host, "counter.wasm", NULL);
	bh_instance *instance = t_instance(counter);
	bh_export *sleep_ms = t_find(counter, "sleep-ms"), *increment = t_find(counter, "increment");
	bh_cancel *cancel = NULL;
	OK(bh_cancel_new(&cancel, &t_err));
	caller *sleeper = start(instance, sleep_ms, 2000), *deadline = start(instance, increment, -1);
	caller *cancelled = start(instance, increment, -1), *patient = start(instance, increment, -1);
	deadline->options.deadline_ms = 100;
	cancelled->options.cancel = cancel;
	go(sleeper);
	t_sleep_ms(50);
	go(deadline);
	go(cancelled);
	t_sleep_ms(20);
	go(patient);
	t_sleep_ms(20);
	double fired = t_now_ms();
	bh_cancel_fire(cancel);
	assert_int_equal(end(cancelled), BH_E_CANCELLED);
	assert_true(t_now_ms() - fired < 300 * t_slack());
	assert_int_equal(end(deadline), BH_E_DEADLINE);
	assert_true(deadline->took_ms >= 95 && deadline->took_ms < 100 + 300 * t_slack());
	assert_int_equal(end(patient), BH_OK);
	assert_int_equal(patient->result, 1); /* the two that left never ran */
	assert_int_equal(end(sleeper), BH_OK);
	free(sleeper);
	free(deadline);
	free(cancelled);
	free(patient);
	t_begin();
	bh_cancel_free(cancel);
	bh_export_free(sleep_ms);
	bh_export_free(increment);
	bh_instance_free(instance);
	bh_component_unref(counter);
}

/* Those who wait when the instance is lost are told so at once, not when their patience ends. */
static void the_instance_is_lost_meanwhile(void **state)
{
	(void)state;
	enum { CALLERS = 8 };
	bh_limits limits = t_limits();
	limits.execution_ms = 200;
	bh_component *counter = t_load(host, "counter.wasm", &limits);
	bh_instance *instance = t_instance(counter);
	bh_export *spin = t_find(counter, "spin"), *increment = t_find(counter, "increment");
	caller *spinner = start(instance, spin, -1), *callers[CALLERS];
	go(spinner);
	t_sleep_ms(20);
	for (int i = 0; i < CALLERS; i++) {
		callers[i] = start(instance, increment, -1);
		go(callers[i]);
	}
	assert_int_equal(end(spinner), BH_E_TIMEOUT);
	free(spinner);
	for (int i = 0; i < CALLERS; i++) {
		assert_int_equal(end(callers[i]), BH_E_POISONED);
		assert_true(callers[i]->took_ms < 200 + 1000 * t_slack()); /* the queue's limit is 30 s */
		free(callers[i]);
	}
	bh_export_free(spin);
	bh_export_free(increment);
	bh_instance_free(instance);
	bh_component_unref(counter);
}

/* Freed under the feet of one who runs and some who wait: all of them come back, and nothing is used after that. */
static void freed_while_in_use(void **state)
{
	(void)state;
	enum { CALLERS = 4 };
	static const char *const busy_with[] = {"spin", "sleep-ms"};
	bh_component *counter = t_load(host, "counter.wasm", NULL);
	for (int round = 0; round < 10; round++) {
		bh_instance *instance = t_instance(counter);
		bh_export *busy = t_find(counter, busy_with[round % 2]), *increment = t_find(counter, "increment");
		caller *runner = start(instance, busy, round % 2 ? 60000 : -1), *callers[CALLERS];
		go(runner);
		t_sleep_ms(20);
		for (int i = 0; i < CALLERS; i++) {
			callers[i] = start(instance, increment, -1);
			go(callers[i]);
		}
		t_sleep_ms(20);
		double freed = t_now_ms();
		bh_instance_free(instance);
		assert_int_equal(end(runner), BH_E_CANCELLED);
		assert_true(t_says("given up"));
		for (int i = 0; i < CALLERS; i++) {
			bh_status status = end(callers[i]);
			assert_true(status == BH_E_CANCELLED || status == BH_E_POISONED);
			free(callers[i]);
		}
		assert_true(t_now_ms() - freed < 1000 * t_slack());
		free(runner);
		bh_export_free(busy);
		bh_export_free(increment);
	}
	bh_component_unref(counter);
}

/* Many callers at once lose no call and see each number once. */
static void *count_up(void *data)
{
	caller *c = data;
	for (int i = 0; i < 200; i++) {
		bh_value result = BH_VALUE_INIT;
		EXPECT(bh_instance_call(c->instance, c->export_, NULL, 0, &result, NULL, NULL, NULL) == BH_OK);
		EXPECT(result.as.u32 > c->result);
		c->result = result.as.u32;
	}
	return NULL;
}

static void many_callers(void **state)
{
	(void)state;
	bh_component *counter = t_load(host, "counter.wasm", NULL);
	bh_instance *instance = t_instance(counter);
	bh_export *increment = t_find(counter, "increment");
	caller *callers[8];
	for (int i = 0; i < 8; i++) {
		callers[i] = start(instance, increment, -1);
		assert_int_equal(pthread_create(&callers[i]->thread, NULL, count_up, callers[i]), 0);
	}
	for (int i = 0; i < 8; i++) {
		pthread_join(callers[i]->thread, NULL);
		free(callers[i]);
	}
	assert_int_equal(t_number_live(instance, counter, "get", ""), 1600);
	bh_export_free(increment);
	bh_instance_free(instance);
	bh_component_unref(counter);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(first_come_first_served), cmocka_unit_test(two_limits),
		cmocka_unit_test(leaving_the_queue),       cmocka_unit_test(the_instance_is_lost_meanwhile),
		cmocka_unit_test(freed_while_in_use),      cmocka_unit_test(many_callers),
	};
	return cmocka_run_group_tests(tests, host_begin, host_end);
}
