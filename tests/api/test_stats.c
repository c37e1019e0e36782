// test: timeout=60
/* Statistics of a host that calls guests: calls, how they ended, what they used, and what is under way. */
#include <pthread.h>
#include <stdlib.h>

#include "one_host.h"

static bh_stats_snapshot *snapshot(void)
{
	bh_stats_snapshot *taken = NULL;
	OK(bh_stats_snapshot_new(&taken, host, &t_err));
	return taken;
}

/* What was counted of an export, by name. */
static const bh_stats_entry *find(const bh_stats_snapshot *taken, const char *component, const char *name)
{
	for (size_t i = 0; i < bh_stats_component_count(taken); i++)
		for (size_t j = 0; j < bh_stats_export_count(taken, i); j++)
			if (!strcmp(bh_stats_component_at(taken, i)->name, component) &&
			    !strcmp(bh_stats_export_at(taken, i, j)->name, name))
				return bh_stats_export_at(taken, i, j);
	fail_msg("nothing counted of %s %s", component, name);
	return NULL;
}

static bh_component *load(const char *guest, uint64_t fuel, uint64_t execution_ms)
{
	bh_limits limits = t_limits();
	limits.fuel = fuel;
	limits.execution_ms = execution_ms;
	return t_load(host, guest, &limits);
}

/* Calls on fresh instances and on a live one, which are counted alike. */
static void used(void **state)
{
	(void)state;
	enum { FRESH = 5, LIVE = 3 };
	bh_component *echo = load("echo.wasm", 10000000, 30000);
	bh_instance *instance = t_instance(echo);
	bh_export *greet = t_find(echo, "greet");
	uint64_t fuel = 0, peak = 0;
	double start = t_now_ms();
	for (int i = 0; i < FRESH + LIVE; i++) {
		bh_value name = BH_STRING("ada"), result = BH_VALUE_INIT;
		bh_usage usage = BH_USAGE_INIT;
		if (i < FRESH)
			OK(bh_export_call(greet, &name, 1, &result, NULL, &usage, &t_err));
		else
			OK(bh_instance_call(instance, greet, &name, 1, &result, NULL, &usage, &t_err));
		bh_value_deinit(&result);
		fuel += usage.fuel;
		peak = usage.peak_memory > peak ? usage.peak_memory : peak;
	}
	double took_ns = (t_now_ms() - start) * 1e6;
	bh_stats_snapshot *taken = snapshot();
	const bh_stats_entry *entry = find(taken, "echo.wasm", bh_export_name(greet));
	assert_int_equal(entry->calls, FRESH + LIVE);
	assert_int_equal(entry->failures, 0);
	assert_int_equal(bh_stats_status_count(entry, BH_OK), FRESH + LIVE);
	assert_int_equal(entry->fuel, fuel);
	assert_true(fuel > 0 && peak > 0);
	assert_int_equal(entry->peak_memory, peak);
	assert_int_equal(entry->time.count, FRESH + LIVE);
	assert_int_equal(entry->queue.count, FRESH + LIVE);
	assert_true(entry->time.sum_ns > 0 && (double)entry->time.sum_ns <= took_ns);
	assert_true(bh_stats_quantile(&entry->time, 0.5) > 0);
	bh_stats_snapshot_free(taken);
	bh_instance_free(instance);
	bh_export_free(greet);
	bh_component_unref(echo);
}

/* Whoever calls need not want to know why: it is counted nevertheless. */
static void failed(void **state)
{
	(void)state;
	static const struct {
		const char *guest;
		uint64_t fuel, execution_ms;
		bh_status status;
		bh_trap trap;
	} rows[] = {
		{"wat/unreachable.wat", BH_UNLIMITED, 30000, BH_E_TRAP, BH_TRAP_UNREACHABLE},
		{"wat/spin.wat", BH_UNLIMITED, 20, BH_E_TIMEOUT, BH_TRAP_NONE},
		{"wat/spin.wat", 100000, 30000, BH_E_OUT_OF_FUEL, BH_TRAP_NONE},
	};
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		bh_component *component = load(rows[i].guest, rows[i].fuel, rows[i].execution_ms);
		assert_int_equal(bh_component_call(component, "run", NULL, 0, NULL, NULL, NULL, NULL), rows[i].status);
		bh_stats_snapshot *taken = snapshot();
		const bh_stats_entry *entry = find(taken, strrchr(rows[i].guest, '/') + 1, "run");
		assert_int_equal(entry->calls, 1);
		assert_int_equal(entry->failures, 1);
		assert_int_equal(bh_stats_status_count(entry, rows[i].status), 1);
		assert_int_equal(bh_stats_status_count(entry, BH_OK), 0);
		if (rows[i].trap)
			assert_int_equal(bh_stats_trap_count(entry, rows[i].trap), 1);
		bh_stats_snapshot_free(taken);
		bh_component_unref(component);
	}
}

typedef struct {
	bh_component *component;
	bh_cancel *cancel;
} spinning;

static void *spin(void *data)
{
	spinning *s = data;
	bh_call_options options = BH_CALL_OPTIONS_INIT;
	options.cancel = s->cancel;
	EXPECT(bh_component_call(s->component, "run", NULL, 0, NULL, &options, NULL, NULL) == BH_E_CANCELLED);
	return NULL;
}

/* The gauges of the host, waited for. */
static void wait_for(uint64_t in_flight, uint64_t instances)
{
	for (double until = t_now_ms() + 10000 * t_slack();; t_sleep_ms(1)) {
		bh_stats_snapshot *taken = snapshot();
		const bh_stats_entry *all = bh_stats_host(taken);
		bool there = all->in_flight == in_flight && all->instances == instances;
		bh_stats_snapshot_free(taken);
		if (there)
			return;
		assert_true(t_now_ms() < until);
	}
}

static void under_way(void **state)
{
	(void)state;
	wait_for(0, 0);
	spinning s = {.component = load("wat/spin.wat", BH_UNLIMITED, 30000)};
	OK(bh_cancel_new(&s.cancel, &t_err));
	bh_instance *instance = t_instance(s.component);
	wait_for(0, 1);
	pthread_t thread;
	assert_int_equal(pthread_create(&thread, NULL, spin, &s), 0);
	wait_for(1, 2);
	bh_cancel_fire(s.cancel);
	pthread_join(thread, NULL);
	wait_for(0, 1);
	bh_instance_free(instance);
	wait_for(0, 0);
	bh_cancel_free(s.cancel);
	bh_component_unref(s.component);
}

static void call_adder(bh_component *component)
{
	bh_value args[] = {bh_of_s32(40), bh_of_s32(2)}, result = BH_VALUE_INIT;
	OK(bh_component_call(component, "add", args, 2, &result, NULL, NULL, &t_err));
	assert_int_equal(result.as.s32, 42);
}

/* A host of its own, which the snapshot outlives; and a component that goes before it. */
static void gone(void **state)
{
	(void)state;
	bh_host *own = t_host();
	bh_component *first = t_load(own, "wat/adder.wat", NULL), *again = t_load(own, "wat/adder.wat", NULL);
	call_adder(first);
	call_adder(again);
	bh_stats_snapshot *before = NULL, *after = NULL;
	OK(bh_stats_snapshot_new(&before, own, &t_err));
	assert_int_equal(bh_stats_component_count(before), 1);
	assert_int_equal(find(before, "adder.wat", "add")->calls, 2);
	bh_component_unref(first);
	bh_component_unref(again);
	OK(bh_stats_snapshot_new(&after, own, &t_err));
	bh_host_free(own);
	assert_int_equal(bh_stats_component_count(after), 0);
	assert_int_equal(bh_stats_host(after)->calls, 2);

	char *text = bh_stats_prometheus(before), *json = bh_stats_json(before);
	assert_non_null(strstr(text, "\nbulkhead_calls_total{component=\"adder.wat\",export=\"add\"} 2\n"));
	assert_non_null(strstr(text, "\nbulkhead_host_calls_total 2\n"));
	assert_non_null(strstr(json, "\"name\":\"adder.wat\",\"calls\":2"));
	bh_string_free(text);
	bh_string_free(json);
	bh_stats_snapshot_free(before);
	bh_stats_snapshot_free(after);
}

static void no_host(void **state)
{
	(void)state;
	bh_stats_snapshot *taken = NULL;
	FAILS(BH_E_INVALID, bh_stats_snapshot_new(&taken, NULL, &t_err));
	assert_null(taken);
}
int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(used), cmocka_unit_test(failed),  cmocka_unit_test(under_way),
		cmocka_unit_test(gone), cmocka_unit_test(no_host),
	};
	return cmocka_run_group_tests(tests, host_begin, host_end);
}
