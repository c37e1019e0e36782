/* Snapshots: adding up what was counted while counting goes on. */
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "host/stats_cells.h"

/* A component, and its exports that were called. */
typedef struct {
	bh_stats_tally sums;
	bh_stats_tally *exports;
	size_t count;
} part;

struct bh_stats_snapshot {
	bh_stats_tally host;
	part *components;
	size_t count;
};

uint64_t bh_histogram_bound(size_t bucket)
{
	if (bucket >= BH_HISTOGRAM_BUCKETS - 1)
		return UINT64_MAX;
	if (!bucket)
		return 1024;
	size_t octave = 10 + (bucket - 1) / 4, quarters = (bucket - 1) % 4 + 1;
	return (UINT64_C(1) << octave) + (quarters << (octave - 2));
}

uint64_t bh_stats_quantile(const bh_histogram *histogram, double q)
{
	double count = (double)histogram->count, below = 0;
	double rank = q > 0 ? (q < 1 ? q * count : count) : 0;
	for (size_t i = 0; i < BH_HISTOGRAM_BUCKETS; i++) {
		double here = (double)histogram->buckets[i];
		if (here == 0 || below + here < rank) {
			below += here;
			continue;
		}
		uint64_t low = i ? bh_histogram_bound(i - 1) : 0;
		if (i == BH_HISTOGRAM_BUCKETS - 1)
			return low;
		double share = rank > below ? (rank - below) / here : 0;
		return low + (uint64_t)(share * (double)(bh_histogram_bound(i) - low));
	}
	return 0;
}

static uint64_t load(const _Atomic uint64_t *cell)
{
	return atomic_load_explicit(cell, memory_order_acquire);
}

static uint64_t less(uint64_t from, uint64_t amount)
{
	return from > amount ? from - amount : 0;
}

static void read_buckets(bh_histogram *time, const bh_stats_export *e)
{
	time->count = 0;
	for (size_t i = 0; i < BH_HISTOGRAM_BUCKETS; i++) {
		uint64_t sum = load(&e->carried[i]);
		for (size_t s = 0; s < BH_STATS_SHARDS; s++)
			sum += atomic_load_explicit(&e->shards[s].wall[i], memory_order_acquire);
		time->buckets[i] = sum;
		time->count += sum;
	}
}

/*
 * A carry under way counts twice or not at all. It is over in nanoseconds, unless its thread is kept from running; that
 * is waited for, but not for ever.
 */
static void read_time(bh_histogram *time, const bh_stats_export *e)
{
	enum { LOOKS = 1000, SPUN = 10 };
	for (int i = 0; i < LOOKS; i++) {
		uint64_t ended = load(&e->carries_ended);
		read_buckets(time, e);
		if (load(&e->carries_begun) == ended)
			return;
		if (i >= SPUN)
			nanosleep(&(struct timespec){.tv_nsec = 100000}, NULL);
	}
}

/* What is counted last is read first: then no part is more than the whole. */
static void read_export(bh_stats_tally *out, const bh_stats_export *e)
{
	bh_stats_entry *entry = &out->entry;
	*out = (bh_stats_tally){.entry.name = e->name};
	for (size_t i = 0; i < BH_TRAP_COUNT; i++)
		out->traps[i] = load(&e->traps[i]);
	for (size_t i = 0; i < BH_STATS_ROWS; i++) {
		out->ended[i] = load(&e->failed[i]);
		entry->failures += out->ended[i];
	}
	uint64_t waited = 0;
	for (size_t i = 1; i < BH_HISTOGRAM_BUCKETS; i++) {
		entry->queue.buckets[i] = load(&e->queue[i]);
		waited += entry->queue.buckets[i];
	}
	read_time(&entry->time, e);
	for (size_t s = 0; s < BH_STATS_SHARDS; s++) {
		entry->time.sum_ns += load(&e->shards[s].wall_ns);
		entry->queue.sum_ns += load(&e->shards[s].queue_ns);
		entry->fuel += load(&e->shards[s].fuel);
	}
	entry->peak_memory = load(&e->peak_memory);
	entry->calls = entry->queue.count = entry->time.count;
	entry->queue.buckets[0] = less(entry->calls, waited);
	out->ended[BH_STATS_ROW_OK] = less(entry->calls, entry->failures);
}

static void add_histogram(bh_histogram *to, const bh_histogram *from)
{
	to->count += from->count;
	to->sum_ns += from->sum_ns;
	for (size_t i = 0; i < BH_HISTOGRAM_BUCKETS; i++)
		to->buckets[i] += from->buckets[i];
}

static void add_tally(bh_stats_tally *to, const bh_stats_tally *from)
{
	bh_stats_entry *sums = &to->entry;
	const bh_stats_entry *more = &from->entry;
	sums->calls += more->calls;
	sums->failures += more->failures;
	sums->fuel += more->fuel;
	sums->in_flight += more->in_flight;
	sums->instances += more->instances;
	if (more->peak_memory > sums->peak_memory)
		sums->peak_memory = more->peak_memory;
	add_histogram(&sums->time, &more->time);
	add_histogram(&sums->queue, &more->queue);
	for (size_t i = 0; i < BH_STATS_ROWS; i++)
		to->ended[i] += from->ended[i];
	for (size_t i = 0; i < BH_TRAP_COUNT; i++)
		to->traps[i] += from->traps[i];
}

void bh_stats_add_component(bh_stats_tally *sums, const bh_stats_component *component)
{
	for (size_t i = 0; i < BH_STATS_EXPORT_CHAINS; i++)
		for (const bh_stats_export *e = atomic_load(&component->chains[i]); e; e = e->next) {
			bh_stats_tally one;
			read_export(&one, e);
			add_tally(sums, &one);
		}
}

/* Shard by shard: of a call that moves on between two looks the end may be seen, and not the beginning. */
static void read_gauges(bh_stats_entry *entry, const bh_stats_component *component)
{
	int64_t in_flight = 0, instances = 0;
	for (size_t s = 0; s < BH_STATS_SHARDS; s++) {
		in_flight += atomic_load_explicit(&component->gauges[s].in_flight, memory_order_relaxed);
		instances += atomic_load_explicit(&component->gauges[s].instances, memory_order_relaxed);
	}
	entry->in_flight = in_flight > 0 ? (uint64_t)in_flight : 0;
	entry->instances = instances > 0 ? (uint64_t)instances : 0;
}

/* A tally is where it will stay: its name becomes its own, and its entry shows it. */
static bool settle(bh_stats_tally *tally)
{
	tally->entry.ended = tally->ended;
	tally->entry.traps = tally->traps;
	if (tally->entry.name)
		tally->entry.name = bh_strdup(tally->entry.name);
	return tally->entry.name != NULL;
}

static int by_name(const void *a, const void *b)
{
	return strcmp(((const bh_stats_tally *)a)->entry.name, ((const bh_stats_tally *)b)->entry.name);
}

static size_t count_exports(const bh_stats_component *component)
{
	size_t count = 0;
	for (size_t i = 0; i < BH_STATS_EXPORT_CHAINS; i++)
		for (const bh_stats_export *e = atomic_load(&component->chains[i]); e; e = e->next)
			count++;
	return count;
}

/* Exports that are called for the first time meanwhile are for the next snapshot. */
static bool read_component(part *out, const bh_stats_component *component)
{
	size_t room = count_exports(component);
	bool settled = true;
	out->exports = bh_calloc(room, sizeof *out->exports);
	if (!out->exports)
		return false;
	for (size_t i = 0; i < BH_STATS_EXPORT_CHAINS; i++)
		for (const bh_stats_export *e = atomic_load(&component->chains[i]); e && out->count < room; e = e->next) {
			read_export(&out->exports[out->count], e);
			add_tally(&out->sums, &out->exports[out->count++]);
		}
	qsort(out->exports, out->count, sizeof *out->exports, by_name);
	for (size_t i = 0; i < out->count; i++)
		settled &= settle(&out->exports[i]);
	read_gauges(&out->sums.entry, component);
	out->sums.entry.name = component->name;
	return settled;
}

static int by_component(const void *a, const void *b)
{
	return strcmp((*(bh_stats_component *const *)a)->name, (*(bh_stats_component *const *)b)->name);
}

/* Every component, in the order of their names. */
static bh_stats_component **list_components(const bh_stats *stats)
{
	bh_stats_component **list = bh_calloc(stats->count, sizeof *list);
	size_t count = 0;
	if (!list)
		return NULL;
	for (size_t i = 0; i < BH_STATS_COMPONENT_CHAINS; i++)
		for (bh_stats_component *component = stats->chains[i]; component; component = component->next)
			list[count++] = component;
	qsort(list, count, sizeof(bh_stats_component *), by_component);
	return list;
}

/* With the lock held: no component comes or goes. */
static bool read_all(bh_stats_snapshot *snapshot, const bh_stats *stats)
{
	BH_AUTO(bh_free) bh_stats_component **list = list_components(stats);
	snapshot->components = list ? bh_calloc(stats->count, sizeof *snapshot->components) : NULL;
	if (!snapshot->components)
		return false;
	snapshot->host = stats->gone;
	for (; snapshot->count < stats->count; snapshot->count++) {
		part *one = &snapshot->components[snapshot->count];
		bool all_read = read_component(one, list[snapshot->count]);
		add_tally(&snapshot->host, &one->sums);
		if (!settle(&one->sums) || !all_read) {
			snapshot->count++;
			return false;
		}
	}
	settle(&snapshot->host);
	return true;
}

bh_status bh_stats_read(bh_stats_snapshot **out, bh_stats *stats, bh_error **err)
{
	BH_AUTO(bh_stats_snapshot_free) bh_stats_snapshot *snapshot = bh_calloc(1, sizeof *snapshot);
	if (!snapshot)
		return bh_fail_memory(err);
	pthread_mutex_lock(&stats->lock);
	bool all_read = read_all(snapshot, stats);
	pthread_mutex_unlock(&stats->lock);
	if (!all_read)
		return bh_fail_memory(err);
	*out = BH_TAKE(snapshot);
	return BH_OK;
}

bh_status bh_stats_snapshot_new(bh_stats_snapshot **out, const bh_host *host, bh_error **err)
{
	if (!host)
		return bh_fail(err, BH_E_INVALID, "bh_stats_snapshot_new: no host");
	return bh_stats_read(out, bh_host_stats(host), err);
}

void bh_stats_snapshot_free(bh_stats_snapshot *snapshot)
{
	if (!snapshot)
		return;
	for (size_t i = 0; i < snapshot->count; i++) {
		part *one = &snapshot->components[i];
		for (size_t j = 0; j < one->count; j++)
			bh_free((char *)one->exports[j].entry.name);
		bh_free(one->exports);
		bh_free((char *)one->sums.entry.name);
	}
	bh_free(snapshot->components);
	bh_free(snapshot);
}

const bh_stats_entry *bh_stats_host(const bh_stats_snapshot *snapshot)
{
	return &snapshot->host.entry;
}

size_t bh_stats_component_count(const bh_stats_snapshot *snapshot)
{
	return snapshot->count;
}

const bh_stats_entry *bh_stats_component_at(const bh_stats_snapshot *snapshot, size_t component)
{
	return component < snapshot->count ? &snapshot->components[component].sums.entry : NULL;
}

size_t bh_stats_export_count(const bh_stats_snapshot *snapshot, size_t component)
{
	return component < snapshot->count ? snapshot->components[component].count : 0;
}

const bh_stats_entry *bh_stats_export_at(const bh_stats_snapshot *snapshot, size_t component, size_t index)
{
	return index < bh_stats_export_count(snapshot, component) ? &snapshot->components[component].exports[index].entry
	                                                          : NULL;
}

uint64_t bh_stats_status_count(const bh_stats_entry *entry, bh_status status)
{
	size_t row = bh_stats_row(status);
	return row < BH_STATS_ROWS ? entry->ended[row] : 0;
}

uint64_t bh_stats_trap_count(const bh_stats_entry *entry, bh_trap trap)
{
	return (unsigned)trap < BH_TRAP_COUNT ? entry->traps[trap] : 0;
}
