// test: timeout=60
/* Statistics counted by many threads, and read meanwhile: exact in the end, and never less than before. */
#include <pthread.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "host/stats_cells.h"

enum { EXPORTS = 3, MAX_THREADS = 24 };

typedef struct {
	bh_stats *stats;
	bh_stats_component *component;
	unsigned number, rounds;
	bh_stats_export *seen[EXPORTS];
} counter;

/* On any thread: cmocka cannot jump between them. */
static void expect(bool truth, const char *what)
{
	if (truth)
		return;
	fprintf(stderr, "%s\n", what);
	abort();
}

static uint64_t time_of(unsigned round)
{
	return 2000 + round % 7 * 1000;
}

/* All but each eighth call are of the first export, where threads meet. */
static unsigned export_of(unsigned round)
{
	return round % 8 ? 0 : 1 + round / 8 % 2;
}

static void *count_calls(void *data)
{
	counter *c = data;
	static const char *const names[EXPORTS] = {"hot", "warm", "cold"};
	for (unsigned i = 0; i < EXPORTS; i++)
		c->seen[i] = bh_stats_export_get(c->component, names[i]);
	bh_stats_instances(c->component, 1);
	for (unsigned i = 0; i < c->rounds; i++) {
		bool fails = i % 100 == 0;
		bh_stats_call call = {
			.wall_ns = time_of(i),
			.queue_ns = i % 16 ? 0 : 5000,
			.fuel = i % 10,
			.peak_memory = (uint64_t)c->number * c->rounds + i,
		};
		bh_stats_started(c->component);
		bh_stats_ended(c->component, c->seen[export_of(i)], fails ? BH_E_TRAP : BH_OK,
		               fails ? BH_TRAP_UNREACHABLE : BH_TRAP_NONE, &call);
	}
	bh_stats_instances(c->component, -1);
	return NULL;
}

typedef struct {
	bh_stats *stats;
	unsigned threads;
	_Atomic bool stop;
	unsigned looks;
} watcher;

static void check_moment(const bh_stats_snapshot *now, unsigned threads)
{
	const bh_stats_entry *host = bh_stats_host(now);
	uint64_t sum = 0, waits = 0;
	for (size_t i = 0; i < BH_HISTOGRAM_BUCKETS; i++) {
		sum += host->time.buckets[i];
		waits += host->queue.buckets[i];
	}
	expect(sum == host->calls && waits == host->calls, "the buckets are not the calls");
	expect(host->failures <= host->calls, "more failures than calls");
	expect(bh_stats_trap_count(host, BH_TRAP_UNREACHABLE) <= host->failures, "more traps than failures");
	expect(host->in_flight <= threads && host->instances <= threads, "more in flight than threads");
}

static void check_growth(const bh_stats_snapshot *before, const bh_stats_snapshot *now)
{
	const bh_stats_entry *then = bh_stats_host(before), *host = bh_stats_host(now);
	for (size_t i = 0; i < BH_HISTOGRAM_BUCKETS; i++)
		expect(host->time.buckets[i] >= then->time.buckets[i], "a bucket fell");
	expect(host->time.sum_ns >= then->time.sum_ns && host->fuel >= then->fuel, "a sum fell");
	expect(host->failures >= then->failures && host->peak_memory >= then->peak_memory, "another sum fell");
}

static void *watch(void *data)
{
	watcher *w = data;
	bh_stats_snapshot *before = NULL;
	do {
		bh_stats_snapshot *now = NULL;
		expect(bh_stats_read(&now, w->stats, NULL) == BH_OK, "no snapshot");
		check_moment(now, w->threads);
		if (before)
			check_growth(before, now);
		bh_stats_snapshot_free(before);
		before = now;
		w->looks++;
		sched_yield();
	} while (!atomic_load(&w->stop));
	bh_stats_snapshot_free(before);
	return NULL;
}

static void check_end(const bh_stats_entry *host, unsigned threads, unsigned rounds)
{
	uint64_t time = 0, fuel = 0, waits = 0, failures = 0;
	for (unsigned i = 0; i < rounds; i++) {
		time += time_of(i);
		fuel += i % 10;
		waits += i % 16 == 0;
		failures += i % 100 == 0;
	}
	assert_int_equal(host->calls, (uint64_t)threads * rounds);
	assert_int_equal(host->time.count, host->calls);
	assert_int_equal(host->time.sum_ns, threads * time);
	assert_int_equal(host->fuel, threads * fuel);
	assert_int_equal(host->failures, threads * failures);
	assert_int_equal(bh_stats_status_count(host, BH_E_TRAP), threads * failures);
	assert_int_equal(bh_stats_trap_count(host, BH_TRAP_UNREACHABLE), threads * failures);
	assert_int_equal(host->queue.sum_ns, threads * waits * 5000);
	assert_int_equal(host->queue.buckets[0], threads * (rounds - waits));
	assert_int_equal(host->peak_memory, (uint64_t)threads * rounds - 1);
	assert_int_equal(host->in_flight, 0);
	assert_int_equal(host->instances, 0);
}

static void run(unsigned threads, unsigned rounds)
{
	counter counters[MAX_THREADS];
	pthread_t ids[MAX_THREADS], watching;
	bh_stats *stats = NULL;
	assert_int_equal(bh_stats_new(&stats, NULL), BH_OK);
	watcher eyes = {.stats = stats, .threads = threads};
	for (unsigned i = 0; i < threads; i++)
		counters[i] = (counter){stats, bh_stats_component_new(stats, i % 2 ? "odd" : "even"), i, rounds, {0}};
	assert_int_equal(pthread_create(&watching, NULL, watch, &eyes), 0);
	for (unsigned i = 0; i < threads; i++)
		assert_int_equal(pthread_create(&ids[i], NULL, count_calls, &counters[i]), 0);
	for (unsigned i = 0; i < threads; i++)
		pthread_join(ids[i], NULL);
	atomic_store(&eyes.stop, true);
	pthread_join(watching, NULL);
	print_message("%u threads, %u snapshots meanwhile\n", threads, eyes.looks);
	/* Each export was made once, whoever came first. */
	for (unsigned i = 2; i < threads; i++)
		for (unsigned j = 0; j < EXPORTS; j++)
			assert_ptr_equal(counters[i].seen[j], counters[i - 2].seen[j]);

	bh_stats_snapshot *taken = NULL;
	assert_int_equal(bh_stats_read(&taken, stats, NULL), BH_OK);
	assert_int_equal(bh_stats_component_count(taken), threads > 1 ? 2 : 1);
	assert_int_equal(bh_stats_export_count(taken, 0), EXPORTS);
	check_end(bh_stats_host(taken), threads, rounds);
	bh_stats_snapshot_free(taken);
	/* The same once they have gone. */
	for (unsigned i = 0; i < threads; i++)
		bh_stats_component_free(counters[i].component);
	assert_int_equal(bh_stats_read(&taken, stats, NULL), BH_OK);
	check_end(bh_stats_host(taken), threads, rounds);
	bh_stats_snapshot_free(taken);
	bh_stats_free(stats);
}

static void test_four(void **state)
{
	(void)state;
	run(4, 1000000);
}

/* More threads than shards: they share cells, and carry for each other. */
static void test_many(void **state)
{
	(void)state;
	run(MAX_THREADS, 100000);
}

typedef struct {
	bh_stats *stats;
	unsigned rounds;
} coming;

static void *come_and_go(void *data)
{
	coming *c = data;
	static _Atomic unsigned next;
	for (unsigned i = 0; i < c->rounds; i++) {
		char name[16];
		snprintf(name, sizeof name, "c%u", atomic_fetch_add(&next, 1) % 5);
		bh_stats_component *component = bh_stats_component_new(c->stats, name);
		bh_stats_started(component);
		bh_stats_ended(component, bh_stats_export_get(component, "run"), BH_OK, BH_TRAP_NONE,
		               &(bh_stats_call){.wall_ns = 1500});
		bh_stats_component_free(component);
	}
	return NULL;
}

/* Components loaded and released while others of their names are called. */
static void test_coming_and_going(void **state)
{
	enum { THREADS = 4, ROUNDS = 20000 };
	(void)state;
	pthread_t ids[THREADS], watching;
	coming c = {.rounds = ROUNDS};
	assert_int_equal(bh_stats_new(&c.stats, NULL), BH_OK);
	watcher eyes = {.stats = c.stats, .threads = THREADS};
	assert_int_equal(pthread_create(&watching, NULL, watch, &eyes), 0);
	for (unsigned i = 0; i < THREADS; i++)
		assert_int_equal(pthread_create(&ids[i], NULL, come_and_go, &c), 0);
	for (unsigned i = 0; i < THREADS; i++)
		pthread_join(ids[i], NULL);
	atomic_store(&eyes.stop, true);
	pthread_join(watching, NULL);
	bh_stats_snapshot *taken = NULL;
	assert_int_equal(bh_stats_read(&taken, c.stats, NULL), BH_OK);
	assert_int_equal(bh_stats_component_count(taken), 0);
	assert_int_equal(bh_stats_host(taken)->calls, THREADS * ROUNDS);
	assert_int_equal(bh_stats_host(taken)->time.sum_ns, (uint64_t)THREADS * ROUNDS * 1500);
	bh_stats_snapshot_free(taken);
	bh_stats_free(c.stats);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_four),
		cmocka_unit_test(test_many),
		cmocka_unit_test(test_coming_and_going),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
