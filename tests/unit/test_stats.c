/* Statistics: what is counted where, and what a snapshot shows of it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "bulkhead/value.h"
#include "host/stats_cells.h"

static bh_stats *stats;

static int set_up(void **state)
{
	(void)state;
	return bh_stats_new(&stats, NULL);
}

static int tear_down(void **state)
{
	(void)state;
	bh_stats_free(stats);
	return 0;
}

static void record(bh_stats_component *component, bh_stats_export *e, bh_status status, bh_trap trap,
                   bh_stats_call call)
{
	bh_stats_started(component);
	bh_stats_ended(component, e, status, trap, &call);
}

static void record_time(bh_stats_component *component, bh_stats_export *e, uint64_t ns)
{
	record(component, e, BH_OK, BH_TRAP_NONE, (bh_stats_call){.wall_ns = ns});
}

static bh_stats_snapshot *snapshot(void)
{
	bh_stats_snapshot *taken = NULL;
	assert_int_equal(bh_stats_read(&taken, stats, NULL), BH_OK);
	return taken;
}

static uint64_t sum_of(const uint64_t *numbers, size_t count)
{
	uint64_t sum = 0;
	for (size_t i = 0; i < count; i++)
		sum += numbers[i];
	return sum;
}

static void test_nothing(void **state)
{
	(void)state;
	bh_stats_snapshot *empty = snapshot();
	const bh_stats_entry *host = bh_stats_host(empty);
	assert_null(host->name);
	assert_int_equal(host->calls + host->failures + host->fuel + host->peak_memory + host->time.count, 0);
	assert_int_equal(bh_stats_component_count(empty), 0);
	assert_null(bh_stats_component_at(empty, 0));
	assert_int_equal(bh_stats_export_count(empty, 0), 0);
	assert_null(bh_stats_export_at(empty, 0, 0));
	assert_int_equal(bh_stats_quantile(&host->time, 0.5), 0);
	bh_stats_snapshot_free(empty);
	bh_stats_snapshot_free(NULL);
	bh_stats_component_free(NULL);
	bh_stats_free(NULL);
	/* A component that was not called is there. */
	bh_stats_component *idle = bh_stats_component_new(stats, "idle");
	bh_stats_snapshot *one = snapshot();
	assert_int_equal(bh_stats_component_count(one), 1);
	assert_string_equal(bh_stats_component_at(one, 0)->name, "idle");
	assert_int_equal(bh_stats_export_count(one, 0), 0);
	bh_stats_snapshot_free(one);
	bh_stats_component_free(idle);
}

static void test_sums(void **state)
{
	(void)state;
	bh_stats_component *b = bh_stats_component_new(stats, "b"), *a = bh_stats_component_new(stats, "a");
	bh_stats_export *run = bh_stats_export_get(a, "run"), *add = bh_stats_export_get(a, "add");
	bh_stats_export *other = bh_stats_export_get(b, "run");
	assert_ptr_equal(bh_stats_export_get(a, "run"), run);
	assert_ptr_not_equal(other, run);
	record(a, run, BH_OK, BH_TRAP_NONE, (bh_stats_call){2000, 0, 10, 65536});
	record(a, run, BH_E_TRAP, BH_TRAP_UNREACHABLE, (bh_stats_call){3000, 5000, 20, 131072});
	record(a, add, BH_OK, BH_TRAP_NONE, (bh_stats_call){4000, 6000, 0, 65536});
	record(b, other, BH_E_TIMEOUT, BH_TRAP_NONE, (bh_stats_call){5000, 0, 5, 1});

	bh_stats_snapshot *taken = snapshot();
	assert_int_equal(bh_stats_component_count(taken), 2);
	const bh_stats_entry *first = bh_stats_component_at(taken, 0), *host = bh_stats_host(taken);
	assert_string_equal(first->name, "a");
	assert_string_equal(bh_stats_component_at(taken, 1)->name, "b");
	assert_int_equal(bh_stats_export_count(taken, 0), 2);
	const bh_stats_entry *sorted_first = bh_stats_export_at(taken, 0, 0), *second = bh_stats_export_at(taken, 0, 1);
	assert_string_equal(sorted_first->name, "add");
	assert_string_equal(second->name, "run");
	assert_int_equal(second->calls, 2);
	assert_int_equal(second->failures, 1);
	assert_int_equal(second->fuel, 30);
	assert_int_equal(second->peak_memory, 131072);
	assert_int_equal(second->time.sum_ns, 5000);
	assert_int_equal(bh_stats_status_count(second, BH_OK), 1);
	assert_int_equal(bh_stats_status_count(second, BH_E_TRAP), 1);
	assert_int_equal(bh_stats_trap_count(second, BH_TRAP_UNREACHABLE), 1);
	assert_int_equal(first->calls, 3);
	assert_int_equal(first->time.sum_ns, 9000);
	assert_int_equal(first->queue.sum_ns, 11000);
	assert_int_equal(first->queue.count, 3);
	/* The one that did not wait, and two of about the same length. */
	assert_int_equal(first->queue.buckets[0], 1);
	assert_int_equal(sum_of(first->queue.buckets, BH_HISTOGRAM_BUCKETS), 3);
	assert_int_equal(host->calls, 4);
	assert_int_equal(host->failures, 2);
	assert_int_equal(host->fuel, 35);
	assert_int_equal(host->peak_memory, 131072);
	assert_int_equal(bh_stats_status_count(host, BH_E_TIMEOUT), 1);
	bh_stats_component_free(a);
	bh_stats_component_free(b);
	/* It is a copy. */
	assert_string_equal(second->name, "run");
	bh_stats_snapshot_free(taken);
}

static void test_every_end(void **state)
{
	static const bh_status statuses[] = {
#define X(code, name, category, kind, text) BH_##name,
		BH_STATUS_MAP(X)
#undef X
	};
	(void)state;
	bh_stats_component *component = bh_stats_component_new(stats, "x");
	bh_stats_export *e = bh_stats_export_get(component, "run");
	uint64_t failures = 0;
	for (size_t i = 0; i < BH_COUNT(statuses); i++)
		for (size_t n = 0; n <= i; n++) {
			record(component, e, statuses[i], BH_TRAP_NONE, (bh_stats_call){0});
			failures += statuses[i] != BH_OK;
		}
	for (int trap = 1; trap < BH_TRAP_COUNT; trap++)
		for (int n = 0; n < trap; n++)
			record(component, e, BH_E_TRAP, (bh_trap)trap, (bh_stats_call){0});
	failures += (uint64_t)BH_TRAP_COUNT * (BH_TRAP_COUNT - 1) / 2;
	record(component, e, BH_E_TRAP, (bh_trap)9999, (bh_stats_call){0});
	failures++;

	bh_stats_snapshot *taken = snapshot();
	const bh_stats_entry *entry = bh_stats_export_at(taken, 0, 0);
	assert_int_equal(entry->failures, failures);
	for (size_t i = 0; i < BH_COUNT(statuses); i++) {
		uint64_t trapped = (uint64_t)BH_TRAP_COUNT * (BH_TRAP_COUNT - 1) / 2 + 1;
		assert_int_equal(bh_stats_status_count(entry, statuses[i]), i + 1 + (statuses[i] == BH_E_TRAP ? trapped : 0));
	}
	for (int trap = 1; trap < BH_TRAP_COUNT; trap++)
		assert_int_equal(bh_stats_trap_count(entry, (bh_trap)trap), trap + (trap == BH_TRAP_UNKNOWN));
	assert_int_equal(bh_stats_trap_count(entry, BH_TRAP_NONE), 0);
	assert_int_equal(bh_stats_trap_count(entry, BH_TRAP_COUNT), 0);
	assert_int_equal(bh_stats_status_count(entry, (bh_status)9), 0);
	bh_stats_snapshot_free(taken);
	bh_stats_component_free(component);
}

static void test_gauges(void **state)
{
	(void)state;
	bh_stats_component *component = bh_stats_component_new(stats, "x");
	bh_stats_started(component);
	bh_stats_started(component);
	bh_stats_instances(component, 3);
	bh_stats_instances(component, -1);
	bh_stats_snapshot *taken = snapshot();
	assert_int_equal(bh_stats_component_at(taken, 0)->in_flight, 2);
	assert_int_equal(bh_stats_component_at(taken, 0)->instances, 2);
	assert_int_equal(bh_stats_host(taken)->in_flight, 2);
	assert_int_equal(bh_stats_host(taken)->instances, 2);
	bh_stats_snapshot_free(taken);
	bh_stats_call call = {0};
	bh_stats_ended(component, NULL, BH_E_NO_EXPORT, BH_TRAP_NONE, &call);
	bh_stats_ended(component, NULL, BH_OK, BH_TRAP_NONE, &call);
	bh_stats_instances(component, -2);
	taken = snapshot();
	assert_int_equal(bh_stats_host(taken)->in_flight, 0);
	assert_int_equal(bh_stats_host(taken)->instances, 0);
	/* Calls of no export. */
	assert_int_equal(bh_stats_export_count(taken, 0), 1);
	assert_string_equal(bh_stats_export_at(taken, 0, 0)->name, "");
	assert_int_equal(bh_stats_export_at(taken, 0, 0)->calls, 2);
	assert_ptr_equal(bh_stats_export_get(component, NULL), bh_stats_export_get(component, ""));
	bh_stats_snapshot_free(taken);
	bh_stats_component_free(component);
}

static void test_one_name(void **state)
{
	(void)state;
	bh_stats_component *first = bh_stats_component_new(stats, "same"), *second = bh_stats_component_new(stats, "same");
	record(first, bh_stats_export_get(first, "run"), BH_OK, BH_TRAP_NONE, (bh_stats_call){1000, 0, 7, 100});
	bh_stats_component_free(first);
	record(second, bh_stats_export_get(second, "run"), BH_E_EXIT, BH_TRAP_EXIT, (bh_stats_call){9000, 8000, 7, 200});
	bh_stats_snapshot *taken = snapshot();
	assert_int_equal(bh_stats_component_count(taken), 1);
	assert_int_equal(bh_stats_component_at(taken, 0)->calls, 2);
	bh_stats_snapshot_free(taken);
	bh_stats_component_free(second);

	/* Gone, and its sums are the host's. */
	for (uint64_t more = 0; more < 3; more++) {
		taken = snapshot();
		const bh_stats_entry *host = bh_stats_host(taken);
		assert_int_equal(bh_stats_component_count(taken), more ? 1 : 0);
		assert_int_equal(host->calls, 2 + more);
		assert_int_equal(host->failures, 1);
		assert_int_equal(host->fuel, 14);
		assert_int_equal(host->peak_memory, 200);
		assert_int_equal(host->time.sum_ns, 10000);
		assert_int_equal(host->queue.sum_ns, 8000);
		assert_int_equal(sum_of(host->queue.buckets, BH_HISTOGRAM_BUCKETS), 2 + more);
		assert_int_equal(bh_stats_trap_count(host, BH_TRAP_EXIT), 1);
		bh_stats_snapshot_free(taken);
		if (!more)
			first = bh_stats_component_new(stats, "same");
		record_time(first, bh_stats_export_get(first, "run"), 0);
	}
	bh_stats_component_free(first);
}

/* What would be written alike is one. */
static void test_odd_names(void **state)
{
	static const struct {
		const char *name, *shown;
	} rows[] = {
		{"", ""},
		{"\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80", "\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80"},
		{"a\xff", "a\xef\xbf\xbd"},
		{"a\xfe", "a\xef\xbf\xbd"},
		{"a\xc3", "a\xef\xbf\xbd"},
		{"\xc0\xaf", "\xef\xbf\xbd\xef\xbf\xbd"},
		{"\xe0\x80\xaf", "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd"},
		{"\xed\xa0\x80", "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd"},
		{"\xf0\x8f\xbf\xbf", "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd"},
		{"\xf4\x90\x80\x80", "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd"},
		{"\xf5\x80", "\xef\xbf\xbd\xef\xbf\xbd"},
		{"\xe2\x82", "\xef\xbf\xbd\xef\xbf\xbd"},
	};
	(void)state;
	for (size_t i = 0; i < BH_COUNT(rows); i++) {
		bh_stats_component *component = bh_stats_component_new(stats, rows[i].name);
		bh_stats_component *shown = bh_stats_component_new(stats, rows[i].shown);
		assert_ptr_equal(component, shown);
		assert_string_equal(component->name, rows[i].shown);
		bh_stats_component_free(component);
		bh_stats_component_free(shown);
	}
}

/* Names whose hashes share chains, in both tables. */
static void test_many(void **state)
{
	enum { COMPONENTS = 1500 };
	(void)state;
	bh_stats_component **components = calloc(COMPONENTS, sizeof(bh_stats_component *));
	char name[32];
	for (int i = 0; i < COMPONENTS; i++) {
		snprintf(name, sizeof name, "c%04d", i);
		components[i] = bh_stats_component_new(stats, name);
		assert_int_equal((uintptr_t)components[i] % BH_STATS_LINE, 0);
	}
	for (int i = 0; i < BH_STATS_EXPORTS; i++) {
		snprintf(name, sizeof name, "e%04d", i);
		bh_stats_export *e = bh_stats_export_get(components[0], name);
		assert_int_equal((uintptr_t)e % BH_STATS_LINE, 0);
		assert_ptr_equal(bh_stats_export_get(components[0], name), e);
		record_time(components[0], e, 0);
	}
	/* One more is of none by itself. */
	bh_stats_export *others = bh_stats_export_get(components[0], "one more");
	assert_string_equal(others->name, "");
	assert_ptr_equal(bh_stats_export_get(components[0], "two more"), others);
	assert_ptr_equal(bh_stats_export_get(components[0], NULL), others);
	assert_string_equal(bh_stats_export_get(components[0], "e0000")->name, "e0000");

	bh_stats_snapshot *taken = snapshot();
	assert_int_equal(bh_stats_component_count(taken), COMPONENTS);
	assert_int_equal(bh_stats_export_count(taken, 0), BH_STATS_EXPORTS + 1);
	assert_int_equal(bh_stats_host(taken)->calls, BH_STATS_EXPORTS);
	for (int i = 0; i < COMPONENTS; i++) {
		snprintf(name, sizeof name, "c%04d", i);
		assert_string_equal(bh_stats_component_at(taken, (size_t)i)->name, name);
	}
	bh_stats_snapshot_free(taken);
	for (int i = 0; i < COMPONENTS; i++)
		bh_stats_component_free(components[(i * 7) % COMPONENTS]);
	free(components);
}

static void test_small(void **state)
{
	(void)state;
	assert_true(sizeof(struct bh_stats_export) <= 4608);
	assert_true(sizeof(struct bh_stats_component) <= 1024);
	assert_int_equal(sizeof(bh_stats_shard) % BH_STATS_LINE, 0);
}

static void without_memory(uint64_t nth, bool sticky, bool *reached)
{
	bh_stats *own = NULL;
	bh_error *err = NULL;
	char *text = NULL, *json = NULL;
	bh_stats_snapshot *taken = NULL;
	bh_alloc_fail_at(nth, sticky);
	bh_status status = bh_stats_new(&own, &err);
	bh_stats_component *component = status ? NULL : bh_stats_component_new(own, "x");
	if (component) {
		/* A call that cannot be counted ends nevertheless. */
		bh_stats_started(component);
		bh_stats_ended(component, bh_stats_export_get(component, "run"), BH_E_TRAP, BH_TRAP_ASYNC,
		               &(bh_stats_call){.wall_ns = 1});
		status = bh_stats_read(&taken, own, &err);
	}
	if (taken) {
		assert_int_equal(bh_stats_host(taken)->in_flight, 0);
		text = bh_stats_prometheus(taken);
		json = bh_stats_json(taken);
	}
	*reached = bh_alloc_count() >= nth;
	bh_alloc_fail_at(0, false);
	assert_true(status == BH_OK || status == BH_E_NO_MEMORY);
	assert_true((status == BH_OK) == !err);
	if (!*reached)
		assert_true(text && json);
	bh_string_free(text);
	bh_string_free(json);
	bh_error_free(err);
	bh_stats_snapshot_free(taken);
	bh_stats_component_free(component);
	bh_stats_free(own);
}

static void test_without_memory(void **state)
{
	(void)state;
	for (int sticky = 0; sticky < 2; sticky++) {
		bool reached = true;
		for (uint64_t nth = 1; reached; nth++)
			without_memory(nth, sticky, &reached);
	}
}

static void test_no_host(void **state)
{
	(void)state;
	bh_error *err = NULL;
	bh_stats_snapshot *taken = NULL;
	assert_int_equal(bh_stats_snapshot_new(&taken, NULL, &err), BH_E_INVALID);
	assert_non_null(err);
	assert_null(taken);
	bh_error_free(err);
}

#define WITH_STATS(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		WITH_STATS(test_nothing),       WITH_STATS(test_sums),        WITH_STATS(test_every_end),
		WITH_STATS(test_gauges),        WITH_STATS(test_one_name),    WITH_STATS(test_odd_names),
		WITH_STATS(test_many),          cmocka_unit_test(test_small), cmocka_unit_test(test_without_memory),
		cmocka_unit_test(test_no_host),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
