/* What the calls of each child came to: so much of it as fits into 1 KiB. */
#include <string.h>

#include "base/alloc.h"
#include "supervise/internal.h"

/* Calls that one that was measured stands for, on average. */
enum { SAMPLED = 16 };

/* Spread at random, so that a caller's own rhythm does not meet it: 0 to 2 * SAMPLED - 2 are left out. */
bool bh_child_samples(bh_child *child)
{
	bh_sampling *s = &child->sampling;
	if (s->left) {
		s->left--;
		return false;
	}
	/* The first one is, and the second: the first may have found everything cold. */
	bool first = !child->stats;
	s->random = s->random * 1664525U + 1013904223U;
	s->left = first ? 0 : (s->random >> 8) % (2 * SAMPLED - 1);
	return true;
}

/* Bounds are inclusive, and grow. */
static size_t bucket_of(uint64_t ns)
{
	size_t low = 0, high = BH_HISTOGRAM_BUCKETS - 1;
	while (low < high) {
		size_t middle = low + (high - low) / 2;
		if (ns <= bh_histogram_bound(middle))
			high = middle;
		else
			low = middle + 1;
	}
	return low;
}

static void measure(bh_child *child, const bh_usage *usage)
{
	bh_child_stats *stats = child->stats;
	child->sampling.wall_ns = usage->wall_ns;
	stats->fuel += usage->fuel;
	if (usage->memory)
		stats->memory = usage->memory;
	if (usage->peak_memory > stats->peak_memory)
		stats->peak_memory = usage->peak_memory;
}

/* Where 1 KiB is not to be had, a call more or less is not what is wanted. */
void bh_child_count_locked(bh_child *child, bool failed, const bh_usage *usage)
{
	if (!child->stats)
		child->stats = bh_calloc(1, sizeof *child->stats);
	bh_child_stats *stats = child->stats;
	if (!stats)
		return;
	if (usage)
		measure(child, usage);
	stats->calls++;
	stats->failures += failed;
	stats->time.count++;
	stats->time.sum_ns += child->sampling.wall_ns;
	stats->time.buckets[bucket_of(child->sampling.wall_ns)]++;
}

void bh_child_count(bh_child *child, bool failed, const bh_usage *usage)
{
	pthread_mutex_lock(&child->lock);
	bh_child_count_locked(child, failed, usage);
	pthread_mutex_unlock(&child->lock);
}

/* Programs that were built before it grew have room for less. */
void bh_child_stats_read(bh_child_stats *out, bh_child *child)
{
	size_t size = out->struct_size && out->struct_size < sizeof *out ? out->struct_size : sizeof *out;
	bh_child_stats stats = {0};
	pthread_mutex_lock(&child->lock);
	if (child->stats)
		stats = *child->stats;
	pthread_mutex_unlock(&child->lock);
	stats.struct_size = size;
	memcpy(out, &stats, size);
}
