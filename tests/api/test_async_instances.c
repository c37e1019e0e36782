// test: timeout=60
/* Instances that are made on workers, and instances that are killed. */
#include "async_tools.h"

static void many_are_made(void **state)
{
	(void)state;
	enum { MANY = 500 };
	static bh_call *calls[MANY];
	bh_host *host = host_with(2, t_slack() > 5 ? 0 : MANY); /* sanitizers need the address space */
	bh_component *counter = t_load(host, "counter.wasm", NULL);
	bh_export *get = t_find(counter, "get");
	for (int i = 0; i < MANY; i++)
		OK(bh_instance_start(&calls[i], counter, NULL, NULL, &t_err));
	for (int i = 0; i < MANY; i++) {
		bh_instance *instance = NULL;
		OK(bh_call_wait(calls[i], NULL, NULL, &t_err));
		FAILS(BH_E_INVALID,
		      bh_call_take_instance(calls[i], &instance, NULL, &t_err)); /* the wait took what came of it */
		bh_call_free(calls[i]);
	}
	/* All slots are free again, as nobody took the instances. */
	for (int i = 0; i < MANY; i++)
		OK(bh_instance_start(&calls[i], counter, NULL, NULL, &t_err));
	for (int i = 0; i < MANY; i++) {
		bh_instance *instance = NULL;
		bh_usage usage = BH_USAGE_INIT;
		while (!bh_call_ended(calls[i]))
			t_sleep_ms(1);
		OK(bh_call_take_instance(calls[i], &instance, &usage, &t_err));
		assert_true(usage.instantiate_ns > 0);
		FAILS(BH_E_INVALID, bh_call_take_instance(calls[i], &instance, NULL, &t_err));
		bh_call_free(calls[i]);
		OK(bh_instance_call(instance, get, NULL, 0, NULL, NULL, NULL, &t_err));
		bh_instance_free(instance);
	}
	bh_export_free(get);
	bh_component_unref(counter);
	bh_host_free(host);
}

/* What a callback is told of an instance that was being made. */
typedef struct {
	bh_instance *instance;
	bh_status status;
	_Atomic unsigned told;
} made;

static void note_made(void *data, bh_call *call)
{
	made *m = data;
	m->status = bh_call_take_instance(call, &m->instance, NULL, NULL);
	atomic_fetch_add(&m->told, 1);
}

static made make(bh_component *component, uint64_t deadline_ms)
{
	made m = {0};
	bh_call_options options = BH_CALL_OPTIONS_INIT;
	options.done = note_made;
	options.done_data = &m;
	options.deadline_ms = deadline_ms;
	OK(bh_instance_start(NULL, component, NULL, &options, &t_err));
	double end = t_now_ms() + 20000 * t_slack();
	while (!atomic_load(&m.told) && t_now_ms() < end)
		t_sleep_ms(1);
	assert_int_equal(m.told, 1);
	return m;
}

static void start_functions_are_bounded(void **state)
{
	(void)state;
	bh_host *host = host_with(2, 10);
	bh_limits limits = t_limits();
	limits.execution_ms = 30;
	limits.fuel = BH_UNLIMITED;
	bh_component *spins = t_load(host, "wat/start-spin.wat", &limits),
				 *traps = t_load(host, "wat/start-trap.wat", NULL);
	bh_component *fine = t_load(host, "counter.wasm", NULL);
	made spun = make(spins, 0), late = make(spins, 10), trapped = make(traps, 0), good = make(fine, 0);
	assert_int_equal(spun.status, BH_E_TIMEOUT);
	assert_int_equal(late.status, BH_E_DEADLINE);
	assert_int_equal(trapped.status, BH_E_TRAP);
	assert_int_equal(good.status, BH_OK);
	assert_true(!spun.instance && !late.instance && !trapped.instance && bh_instance_usable(good.instance));
	bh_instance_free(good.instance);
	bh_component_unref(spins);
	bh_component_unref(traps);
	bh_component_unref(fine);
	bh_host_free(host);
}

/* A call is no instance, and an instance no call. */
static void not_mistaken(void **state)
{
	(void)state;
	bh_host *host = host_with(1, 10);
	bh_component *adder = t_load(host, "wat/adder.wat", NULL);
	bh_export *add = t_find(adder, "add");
	const bh_value two[2] = {bh_of_s32(1), bh_of_s32(2)};
	bh_call *call = NULL;
	bh_instance *none = NULL;
	FAILS(BH_E_INVALID, bh_instance_start(&call, NULL, NULL, NULL, &t_err));
	OK(bh_call_start(&call, add, NULL, two, 2, NULL, &t_err));
	while (!bh_call_ended(call))
		t_sleep_ms(1);
	FAILS(BH_E_INVALID, bh_call_take_instance(call, &none, NULL, &t_err));
	OK(bh_call_take(call, NULL, NULL, &t_err));
	bh_call_free(call);
	bh_export_free(add);
	bh_component_unref(adder);
	bh_host_free(host);
}

/* The call under way is cancelled, those behind it find a dead instance, and it is still there to be freed. */
static void killed(void **state)
{
	(void)state;
	enum { WAITING = 20 };
	bh_host *host = host_with(2, 10);
	bh_limits limits = t_limits();
	limits.execution_ms = 60000;
	limits.fuel = BH_UNLIMITED;
	bh_component *counter = t_load(host, "counter.wasm", &limits);
	bh_export *spin = t_find(counter, "spin"), *get = t_find(counter, "get");
	for (int round = 0; round < 20; round++) {
		bh_instance *instance = t_instance(counter);
		bh_call *calls[WAITING + 1];
		OK(bh_call_start(&calls[0], spin, instance, NULL, 0, NULL, &t_err));
		for (int i = 1; i <= WAITING; i++)
			OK(bh_call_start(&calls[i], get, instance, NULL, 0, NULL, &t_err));
		t_sleep_ms(round % 3);
		bh_instance_kill(instance);
		bh_instance_kill(instance);
		bh_status first = bh_call_wait(calls[0], NULL, NULL, NULL);
		assert_true(first == BH_E_CANCELLED || first == BH_E_POISONED); /* it may not have begun */
		for (int i = 1; i <= WAITING; i++)
			FAILS(BH_E_POISONED, bh_call_wait(calls[i], NULL, NULL, &t_err));
		assert_false(bh_instance_usable(instance));
		FAILS(BH_E_POISONED, bh_instance_call(instance, get, NULL, 0, NULL, NULL, NULL, &t_err));
		for (int i = 0; i <= WAITING; i++)
			bh_call_free(calls[i]);
		bh_instance_free(instance);
	}
	/* Idle. */
	bh_instance *idle = t_instance(counter);
	bh_instance_kill(idle);
	assert_false(bh_instance_usable(idle));
	FAILS(BH_E_POISONED, bh_instance_call(idle, get, NULL, 0, NULL, NULL, NULL, &t_err));
	assert_true(t_says("killed"));
	bh_instance_free(idle);
	bh_instance_kill(NULL);
	bh_export_free(spin);
	bh_export_free(get);
	bh_component_unref(counter);
	t_begin();
	bh_host_free(host);
}

static uint64_t instances_of(const bh_host *host)
{
	bh_stats_snapshot *snapshot = NULL;
	OK(bh_stats_snapshot_new(&snapshot, host, &t_err));
	uint64_t count = bh_stats_host(snapshot)->instances;
	bh_stats_snapshot_free(snapshot);
	return count;
}

/* A call that its caller gave up goes on; but not on an instance that is killed. */
static void killed_after_the_caller_left(void **state)
{
	(void)state;
	bh_host *host = host_with(2, 10);
	bh_limits limits = t_limits();
	limits.execution_ms = 60000;
	limits.fuel = BH_UNLIMITED;
	bh_component *counter = t_load(host, "counter.wasm", &limits);
	bh_export *calls[] = {t_find(counter, "spin"), t_find(counter, "sleep-ms")};
	bh_value long_ms = bh_of_u32(60000);
	bh_call_options hurried = BH_CALL_OPTIONS_INIT;
	hurried.deadline_ms = 20;
	for (size_t i = 0; i < 2; i++) {
		bh_instance *instance = t_instance(counter);
		FAILS(BH_E_DEADLINE, bh_instance_call(instance, calls[i], &long_ms, i, NULL, &hurried, NULL, &t_err));
		assert_int_equal(instances_of(host), 1);
		bh_instance_kill(instance);
		double until = t_now_ms() + 5000 * t_slack();
		while (instances_of(host) && t_now_ms() < until)
			t_sleep_ms(1);
		assert_int_equal(instances_of(host), 0);
		bh_instance_free(instance);
		bh_export_free(calls[i]);
	}
	bh_component_unref(counter);
	t_begin();
	bh_host_free(host);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(many_are_made), cmocka_unit_test(start_functions_are_bounded),  cmocka_unit_test(not_mistaken),
		cmocka_unit_test(killed),        cmocka_unit_test(killed_after_the_caller_left),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
