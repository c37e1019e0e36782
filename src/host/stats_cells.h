/*
 * What is counted where; for stats.c, which counts, and stats_read.c, which adds up.
 *
 * Each thread has one of 8 shards of a thing, so that threads seldom write to the same cache line. What is rare
 * (failures, waits) is not sharded.
 *
 * 8 histograms of an export in 64 bits would take 7 KiB. So a shard's buckets have 16 bits, of which the highest is
 * carried: once in 32,768 calls a bucket's 32,768 go over to 64 bits that all shards share. A reader that looked in the
 * middle of that looks again: as many carries must have ended before it as have begun after it.
 */
#ifndef BH_HOST_STATS_CELLS_H
#define BH_HOST_STATS_CELLS_H

#include <pthread.h>
#include <stdatomic.h>

#include "host/stats.h"

enum {
	BH_STATS_SHARDS = 8,
	BH_STATS_LINE = 64,
	BH_STATS_CARRY = 0x8000,
	BH_STATS_EXPORT_CHAINS = 32,
	BH_STATS_COMPONENT_CHAINS = 256
};

/* The statuses one after the other: their codes have gaps. */
enum {
#define X(code, name, category, kind, text) BH_STATS_ROW_##name,
	BH_STATUS_MAP(X)
#undef X
		BH_STATS_ROWS
};

/* The row of a status; BH_STATS_ROWS for a number that is none. */
static inline size_t bh_stats_row(bh_status status)
{
	switch (status) {
#define X(code, name, category, kind, text)                                                                            \
	case BH_##name:                                                                                                    \
		return BH_STATS_ROW_##name;
		BH_STATUS_MAP(X)
#undef X
	}
	return BH_STATS_ROWS;
}

typedef struct {
	_Alignas(BH_STATS_LINE) _Atomic uint64_t wall_ns;
	_Atomic uint64_t queue_ns;
	_Atomic uint64_t fuel;
	_Atomic uint16_t wall[BH_HISTOGRAM_BUCKETS];
} bh_stats_shard;

struct bh_stats_export {
	bh_stats_shard shards[BH_STATS_SHARDS];
	/* Mostly read. */
	_Alignas(BH_STATS_LINE) const char *name;
	uint32_t hash;
	bh_stats_export *next; /* in its chain; set before it is there */
	void *block;           /* what is freed */
	_Atomic uint64_t peak_memory;
	/* Seldom written. */
	_Alignas(BH_STATS_LINE) _Atomic uint64_t carries_begun;
	_Atomic uint64_t carries_ended;
	_Atomic uint64_t carried[BH_HISTOGRAM_BUCKETS];
	_Atomic uint64_t queue[BH_HISTOGRAM_BUCKETS]; /* but the first: that is the calls which are in no other */
	_Atomic uint64_t failed[BH_STATS_ROWS];
	_Atomic uint64_t traps[BH_TRAP_COUNT];
};

/* Of one shard alone these mean nothing: what begins on one thread may end on another. */
typedef struct {
	_Alignas(BH_STATS_LINE) _Atomic int64_t in_flight;
	_Atomic int64_t instances;
} bh_stats_gauges;

struct bh_stats_component {
	bh_stats_gauges gauges[BH_STATS_SHARDS];
	_Alignas(BH_STATS_LINE) bh_stats *stats;
	const char *name;
	uint32_t hash;
	uint32_t references;      /* components of that name; under the lock of stats */
	bh_stats_component *next; /* in its chain; under the lock of stats */
	void *block;
	pthread_mutex_t lock; /* over adding to chains, and named */
	size_t named;         /* exports, but the one of "" */
	_Atomic(bh_stats_export *) chains[BH_STATS_EXPORT_CHAINS];
};

/* Sums, and the entry that shows them. An entry points into its tally, which therefore stays where it is. */
typedef struct {
	bh_stats_entry entry;
	uint64_t ended[BH_STATS_ROWS];
	uint64_t traps[BH_TRAP_COUNT];
} bh_stats_tally;

struct bh_stats {
	pthread_mutex_t lock; /* over all below */
	bh_stats_component *chains[BH_STATS_COMPONENT_CHAINS];
	size_t count;
	bh_stats_tally gone; /* of components that have gone */
};

/* Add what all exports of a component counted. */
void bh_stats_add_component(bh_stats_tally *sums, const bh_stats_component *component);

#endif
