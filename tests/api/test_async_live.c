// test: timeout=120
/* Calls on live instances that the executor runs: in turn, abandoned, killed, poisoned, given up. */
#include "async_tools.h"

static bh_host *host;
static bh_component *counter;
static bh_export *increment, *get, *spin, *sleep_ms, *crash_at;

static int begin(void **state)
{
	(void)state;
	bh_limits limits = t_limits();
	limits.execution_ms = 2000;
	limits.queue_ms = 60000;
	host = host_with(2, 0);
	counter = t_load(host, "counter.wasm", &limits);
	increment = t_find(counter, "increment");
	get = t_find(counter, "get");
	spin = t_find(counter, "spin");
	sleep_ms = t_find(counter, "sleep-ms");
	crash_at = t_find(counter, "crash-at");
	return 0;
}

static int end(void **state)
{
	(void)state;
	bh_export *all[] = {increment, get, spin, sleep_ms, crash_at};
	for (int i = 0; i < 5; i++)
		bh_export_free(all[i]);
	bh_component_unref(counter);
	bh_host_free(host);
	return 0;
}

static bh_call *start(bh_instance *instance, bh_export *export_, int arg, const bh_call_options *options)
{
	bh_call *call = NULL;
	bh_value value = bh_of_u32((uint32_t)arg);
	OK(bh_call_start(&call, export_, instance, &value, arg >= 0, options, &t_err));
	return call;
}

static bh_status wait_for(bh_call *call, uint32_t *number)
{
	bh_value result = BH_VALUE_INIT;
	t_begin();
	bh_status status = bh_call_wait(call, &result, NULL, &t_err);
	if (number)
		*number = result.as.u32;
	bh_call_free(call);
	return status;
}

static void in_order(void **state)
{
	(void)state;
	enum { CALLS = 500 };
	bh_instance *instance = t_instance(counter);
	bh_call *calls[CALLS];
	for (int i = 0; i < CALLS; i++)
		calls[i] = start(instance, increment, -1, NULL);
	for (uint32_t i = 0, number; i < CALLS; i++) {
		assert_int_equal(wait_for(calls[i], &number), BH_OK);
		assert_int_equal(number, i + 1);
	}
	bh_instance_free(instance);
}

static void full_mailbox(void **state)
{
	(void)state;
	bh_instance *instance = NULL;
	bh_instance_options options = BH_INSTANCE_OPTIONS_INIT;
	options.mailbox = 2;
	OK(bh_instance_new(&instance, counter, &options, &t_err));
	bh_call *sleeper = start(instance, sleep_ms, 200, NULL);
	t_sleep_ms(50);
	bh_call *waiting[2] = {start(instance, increment, -1, NULL), start(instance, increment, -1, NULL)};
	t_sleep_ms(20);
	bh_call *none = NULL;
	FAILS(BH_E_BUSY, bh_call_start(&none, increment, instance, NULL, 0, NULL, &t_err));
	assert_true(t_says("wait for this instance"));
	assert_int_equal(wait_for(sleeper, NULL), BH_OK);
	assert_int_equal(wait_for(waiting[0], NULL), BH_OK);
	assert_int_equal(wait_for(waiting[1], NULL), BH_OK);
	bh_instance_free(instance);
}

/* Who leaves does not take the service with him, unless he says so. */
static void abandoned_and_killed(void **state)
{
	(void)state;
	bh_instance *instance = t_instance(counter);
	uint32_t number = 0;
	bh_call_options hurried = BH_CALL_OPTIONS_INIT;
	hurried.deadline_ms = 20;
	assert_int_equal(wait_for(start(instance, sleep_ms, 300, &hurried), NULL), BH_E_DEADLINE);
	bh_call *left = start(instance, sleep_ms, 100, NULL);
	t_sleep_ms(400);
	bh_call_cancel(left, BH_CANCEL_ABANDON);
	bh_status status = wait_for(left, NULL);
	assert_true(status == BH_E_CANCELLED || status == BH_OK);
	assert_int_equal(wait_for(start(instance, increment, -1, NULL), &number), BH_OK);
	assert_int_equal(number, 1);
	bh_call *spinning = start(instance, spin, -1, NULL), *next = start(instance, increment, -1, NULL);
	t_sleep_ms(30);
	bh_call_cancel(spinning, BH_CANCEL_KILL);
	assert_int_equal(wait_for(spinning, NULL), BH_E_CANCELLED);
	assert_int_equal(wait_for(next, NULL), BH_E_POISONED);
	assert_false(bh_instance_usable(instance));
	bh_instance_free(instance);
}

/* What goes on of calls that their callers gave up on is not left running behind them by who drains the host. */
static void abandoned_and_drained(void **state)
{
	(void)state;
	bh_limits limits = t_limits();
	limits.execution_ms = 30000 * (uint64_t)t_slack();
	bh_host *own = host_with(2, 0);
	bh_component *component = t_load(own, "counter.wasm", &limits);
	bh_export *spins = t_find(component, "spin"), *sleeps = t_find(component, "sleep-ms"),
			  *increments = t_find(component, "increment");
	bh_instance *spinning = t_instance(component), *sleeping = t_instance(component), *late = t_instance(component);
	bh_call_options hurried = BH_CALL_OPTIONS_INIT;
	hurried.deadline_ms = 20;
	bh_value long_time = bh_of_u32(20000), number = BH_VALUE_INIT;
	assert_int_equal(wait_for(start(spinning, spins, -1, &hurried), NULL), BH_E_DEADLINE);
	FAILS(BH_E_DEADLINE, bh_instance_call(sleeping, sleeps, &long_time, 1, NULL, &hurried, NULL, &t_err));
	assert_true(bh_instance_usable(spinning) && bh_instance_usable(sleeping));
	double begun = t_now_ms();
	OK(bh_host_drain(own, 50, &t_err));
	assert_true(t_now_ms() - begun < 5000 * t_slack());
	assert_false(bh_instance_usable(spinning) || bh_instance_usable(sleeping));
	/* Who waits for a call himself may go on; but he leaves nothing behind any more. */
	OK(bh_instance_call(late, increments, NULL, 0, &number, NULL, NULL, &t_err));
	FAILS(BH_E_DEADLINE, bh_instance_call(late, spins, NULL, 0, NULL, &hurried, NULL, &t_err));
	assert_false(bh_instance_usable(late));
	bh_instance *instances[] = {spinning, sleeping, late};
	bh_export *exports[] = {spins, sleeps, increments};
	for (int i = 0; i < 3; i++) {
		bh_instance_free(instances[i]);
		bh_export_free(exports[i]);
	}
	bh_component_unref(component);
	bh_host_free(own);
}

/* Given the time, it comes to its end. */
static void drained_in_time(void **state)
{
	(void)state;
	bh_host *own = host_with(2, 0);
	bh_component *component = t_load(own, "counter.wasm", NULL);
	bh_export *sleeps = t_find(component, "sleep-ms");
	bh_instance *instance = t_instance(component);
	bh_call_options hurried = BH_CALL_OPTIONS_INIT;
	hurried.deadline_ms = 20;
	assert_int_equal(wait_for(start(instance, sleeps, 200, &hurried), NULL), BH_E_DEADLINE);
	double begun = t_now_ms();
	OK(bh_host_drain(own, BH_UNLIMITED, &t_err));
	assert_true(t_now_ms() - begun > 100);
	assert_true(bh_instance_usable(instance));
	bh_instance_free(instance);
	bh_export_free(sleeps);
	bh_component_unref(component);
	bh_host_free(own);
}

static void cancelled_in_line(void **state)
{
	(void)state;
	bh_instance *instance = t_instance(counter);
	uint32_t number = 0;
	bh_call *sleeper = start(instance, sleep_ms, 300, NULL);
	t_sleep_ms(30);
	bh_call *first = start(instance, increment, -1, NULL), *second = start(instance, increment, -1, NULL);
	double now = t_now_ms();
	bh_call_cancel(first, BH_CANCEL_KILL);
	assert_int_equal(wait_for(first, NULL), BH_E_CANCELLED);
	assert_true(t_now_ms() - now < 200 * t_slack());
	assert_int_equal(wait_for(sleeper, NULL), BH_OK);
	assert_int_equal(wait_for(second, &number), BH_OK);
	assert_int_equal(number, 1);
	bh_instance_free(instance);
}

static void a_trap_fails_those_that_wait(void **state)
{
	(void)state;
	enum { CALLS = 20 };
	bh_instance *instance = t_instance(counter);
	bh_call *calls[CALLS];
	assert_int_equal(wait_for(start(instance, crash_at, 5, NULL), NULL), BH_OK);
	for (int i = 0; i < CALLS; i++)
		calls[i] = start(instance, increment, -1, NULL);
	for (int i = 0; i < CALLS; i++)
		assert_int_equal(wait_for(calls[i], NULL), i < 4 ? BH_OK : i == 4 ? BH_E_TRAP : BH_E_POISONED);
	bh_instance_free(instance);
}

static void given_up_under_way(void **state)
{
	(void)state;
	for (int round = 0; round < 50; round++) {
		bh_instance *instance = t_instance(counter);
		tally t = {0};
		bh_call_options options = telling(&t);
		for (int i = 0; i < 10; i++)
			bh_call_free(start(instance, i % 3 ? increment : sleep_ms, i % 3 ? -1 : 20, &options));
		if (round % 2)
			t_sleep_ms(1 + (unsigned)round % 7);
		bh_instance_free(instance);
		wait_told(&t, 10);
		assert_int_equal(t.good + t.by_status[BH_E_CANCELLED] + t.by_status[BH_E_POISONED], 10);
	}
}

/* Beside each other on many instances, threads that wait and calls that do not. */
static void many_instances(void **state)
{
	(void)state;
	enum { INSTANCES = 50, CALLS = 40 };
	bh_instance *instances[INSTANCES];
	tally t = {0};
	bh_call_options options = telling(&t);
	for (int i = 0; i < INSTANCES; i++)
		instances[i] = t_instance(counter);
	for (int c = 0; c < CALLS; c++)
		for (int i = 0; i < INSTANCES; i++)
			bh_call_free(start(instances[i], increment, -1, &options));
	for (int i = 0; i < INSTANCES; i++)
		(void)t_number_live(instances[i], counter, "increment", "");
	wait_told(&t, INSTANCES * CALLS);
	for (int i = 0; i < INSTANCES; i++) {
		assert_int_equal(t_number_live(instances[i], counter, "get", ""), CALLS + 1);
		bh_instance_free(instances[i]);
	}
}

/*
 * A call is in its instance's line before it is started, and may be called up there by one that ends: that is no start of
 * its own. A short line, and callers who keep nothing, make that frequent.
 */
static void started_as_others_end(void **state)
{
	(void)state;
	enum { CALLS = 20000 };
	bh_instance *instance = t_instance(counter);
	tally t = {0};
	bh_call_options options = telling(&t);
	for (unsigned i = 0; i < CALLS; i++) {
		OK(bh_call_start(NULL, increment, instance, NULL, 0, &options, &t_err));
		while (i >= atomic_load(&t.told) + 3)
			;
	}
	wait_told(&t, CALLS);
	assert_int_equal(t_number_live(instance, counter, "get", ""), CALLS);
	bh_instance_free(instance);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(in_order),
		cmocka_unit_test(full_mailbox),
		cmocka_unit_test(abandoned_and_killed),
		cmocka_unit_test(abandoned_and_drained),
		cmocka_unit_test(drained_in_time),
		cmocka_unit_test(cancelled_in_line),
		cmocka_unit_test(a_trap_fails_those_that_wait),
		cmocka_unit_test(given_up_under_way),
		cmocka_unit_test(many_instances),
		cmocka_unit_test(started_as_others_end),
	};
	return cmocka_run_group_tests(tests, begin, end);
}
