/* Statistics: histograms of times, their bounds, their quantiles, and that none of their counts is lost. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include <cmocka.h>

#include "host/stats_cells.h"

static bh_stats *stats;
static bh_stats_component *component;

static int set_up(void **state)
{
	(void)state;
	bh_status status = bh_stats_new(&stats, NULL);
	component = status ? NULL : bh_stats_component_new(stats, "x");
	return component ? 0 : -1;
}

static int tear_down(void **state)
{
	(void)state;
	bh_stats_component_free(component);
	bh_stats_free(stats);
	return 0;
}

static void record_time(bh_stats_export *e, uint64_t ns)
{
	bh_stats_call call = {.wall_ns = ns};
	bh_stats_started(component);
	bh_stats_ended(component, e, BH_OK, BH_TRAP_NONE, &call);
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

/* The bucket that a call of this length is counted in. */
static size_t bucket_of(uint64_t ns)
{
	char name[32];
	snprintf(name, sizeof name, "%llu", (unsigned long long)ns);
	bh_stats_export *e = bh_stats_export_get(component, name);
	record_time(e, ns);
	for (size_t i = 0; i < BH_HISTOGRAM_BUCKETS * BH_STATS_SHARDS; i++)
		if (atomic_load(&e->shards[i % BH_STATS_SHARDS].wall[i / BH_STATS_SHARDS]))
			return i / BH_STATS_SHARDS;
	return BH_HISTOGRAM_BUCKETS;
}

static void test_buckets(void **state)
{
	(void)state;
	assert_int_equal(bucket_of(0), 0);
	assert_int_equal(bucket_of(1), 0);
	for (size_t i = 0; i < BH_HISTOGRAM_BUCKETS - 1; i++) {
		uint64_t bound = bh_histogram_bound(i);
		assert_int_equal(bucket_of(bound), i);
		assert_int_equal(bucket_of(bound + 1), i + 1);
		if (i)
			assert_true((bound - bh_histogram_bound(i - 1)) * 4 <= bh_histogram_bound(i - 1));
	}
	assert_int_equal(bucket_of(UINT64_MAX), BH_HISTOGRAM_BUCKETS - 1);
	assert_int_equal(bh_histogram_bound(0), 1024);
	assert_true(bh_histogram_bound(BH_HISTOGRAM_BUCKETS - 2) > UINT64_C(100000000000));
	assert_true(bh_histogram_bound(BH_HISTOGRAM_BUCKETS - 1) == UINT64_MAX);
	assert_true(bh_histogram_bound(SIZE_MAX) == UINT64_MAX);
}

/* Carried bits: every count must stay exact where 16 of them do not do. */
static void test_carries(void **state)
{
	(void)state;
	bh_stats_export *e = bh_stats_export_get(component, "run");
	uint64_t calls = 0;
	static const unsigned steps[] = {32767, 1, 1, 32766, 1, 1, 131072, 100001};
	for (size_t i = 0; i < BH_COUNT(steps); i++) {
		for (unsigned n = 0; n < steps[i]; n++)
			record_time(e, 3000);
		calls += steps[i];
		bh_stats_snapshot *taken = snapshot();
		const bh_stats_entry *entry = bh_stats_export_at(taken, 0, 0);
		assert_int_equal(entry->calls, calls);
		assert_int_equal(sum_of(entry->time.buckets, BH_HISTOGRAM_BUCKETS), calls);
		assert_int_equal(entry->queue.buckets[0], calls);
		assert_int_equal(entry->time.sum_ns, calls * 3000);
		bh_stats_snapshot_free(taken);
	}
	assert_int_equal(atomic_load(&e->carries_begun), calls / BH_STATS_CARRY);
}

static void *end_carry(void *data)
{
	bh_stats_export *e = data;
	nanosleep(&(struct timespec){.tv_nsec = 5000000}, NULL);
	atomic_fetch_add(&e->carried[10], BH_STATS_CARRY);
	atomic_fetch_add(&e->carries_ended, 1);
	return NULL;
}

/* A reader that comes in the middle of a carry waits for its end; in vain where the thread is gone. */
static void test_slow_carry(void **state)
{
	(void)state;
	bh_stats_export *e = bh_stats_export_get(component, "run");
	pthread_t thread;
	atomic_store(&e->carries_begun, 1);
	assert_int_equal(pthread_create(&thread, NULL, end_carry, e), 0);
	bh_stats_snapshot *taken = snapshot();
	assert_int_equal(bh_stats_host(taken)->calls, BH_STATS_CARRY);
	bh_stats_snapshot_free(taken);
	pthread_join(thread, NULL);
	atomic_store(&e->carries_begun, 2);
	taken = snapshot();
	assert_int_equal(bh_stats_host(taken)->calls, BH_STATS_CARRY);
	bh_stats_snapshot_free(taken);
	atomic_store(&e->carries_ended, 2);
}

static int ascending(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
	return (x > y) - (x < y);
}

static void test_quantiles(void **state)
{
	enum { COUNT = 20000 };
	static uint64_t times[COUNT];
	(void)state;
	bh_stats_export *e = bh_stats_export_get(component, "run");
	uint64_t random = 88172645463325252U;
	for (size_t i = 0; i < COUNT; i++) {
		random ^= random << 13;
		random ^= random >> 7;
		random ^= random << 17;
		times[i] = 2000 + ((random >> 40) << (random % 12));
		record_time(e, times[i]);
	}
	qsort(times, COUNT, sizeof *times, ascending);
	bh_stats_snapshot *taken = snapshot();
	const bh_histogram *h = &bh_stats_export_at(taken, 0, 0)->time;
	static const double at[] = {0.001, 0.01, 0.25, 0.5, 0.9, 0.99, 0.999, 1};
	uint64_t last = 0;
	for (size_t i = 0; i < BH_COUNT(at); i++) {
		uint64_t exact = times[(size_t)ceil(at[i] * COUNT) - 1], got = bh_stats_quantile(h, at[i]);
		assert_true(got >= last);
		assert_true((double)got >= 0.79 * (double)exact && (double)got <= 1.26 * (double)exact);
		last = got;
	}
	assert_int_equal(bh_stats_quantile(h, 2), bh_stats_quantile(h, 1));
	assert_int_equal(bh_stats_quantile(h, -1), bh_stats_quantile(h, 0));
	assert_int_equal(bh_stats_quantile(h, NAN), bh_stats_quantile(h, 0));
	assert_true(bh_stats_quantile(h, 0) <= times[0]);
	bh_stats_snapshot_free(taken);
	/* Longer than it can tell. */
	bh_stats_export *slow = bh_stats_export_get(component, "slow");
	record_time(slow, UINT64_C(1) << 50);
	taken = snapshot();
	h = &bh_stats_export_at(taken, 0, 1)->time;
	assert_true(bh_stats_quantile(h, 0.5) == UINT64_C(1) << 37);
	bh_stats_snapshot_free(taken);
}

#define WITH_STATS(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		WITH_STATS(test_buckets),
		WITH_STATS(test_carries),
		WITH_STATS(test_slow_carry),
		WITH_STATS(test_quantiles),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
