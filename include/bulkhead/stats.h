/** Statistics: what the calls of a host came to, counted by component and export; for dashboards and alarms. */
#ifndef BULKHEAD_STATS_H
#define BULKHEAD_STATS_H

#include "error.h"
#include "trap.h"

BH_BEGIN

/**
 * A host counts every call. A snapshot is a copy of what it counted up to a moment: it belongs to the caller, does not
 * change, outlives the host, and may be read from any thread.
 *
 * Counting never stops, so that a snapshot is not of one instant: a call that ends while it is taken may be in one
 * number and not yet in another. Sums of a host never fall from one snapshot to the next, and those of a component not
 * as long as it is there.
 *
 * Components of one name are counted as one, so that a component which is loaded anew goes on counting where the last
 * one was if that is still there. What a component counted stays in the sums of the host when it has gone. Of a name
 * that is not UTF-8 the bytes that are none show as U+FFFD.
 */
typedef struct bh_stats_snapshot bh_stats_snapshot;

/** How many exports of a component are counted each by itself; those called first. The others are counted together. */
#define BH_STATS_EXPORTS 1000

#define BH_HISTOGRAM_BUCKETS 110

/**
 * How often what took how long, 1 us to 137 s: 4 buckets to each doubling, so that a bucket ends at most a quarter
 * above where it begins. The first bucket has what took less, the last one what took longer.
 */
typedef struct {
	uint64_t count;
	uint64_t sum_ns;
	uint64_t buckets[BH_HISTOGRAM_BUCKETS]; /**< see bh_histogram_bound() */
} bh_histogram;

/** The longest time that a bucket counts, in nanoseconds; UINT64_MAX for the last one and past it. Any thread. */
BH_API uint64_t bh_histogram_bound(size_t bucket);

/**
 * A quantile in nanoseconds: half of what was counted took at most as long as the one for 0.5. Exact to the width of a
 * bucket, within which it interpolates; never more than 137 s.
 *
 * \param q  0 to 1; what is outside counts as the nearer of them
 *
 * \return 0 where nothing was counted. Any thread.
 */
BH_API uint64_t bh_stats_quantile(const bh_histogram *histogram, double q);

/** What was counted of a host, a component or an export. It lives as long as its snapshot. */
typedef struct {
	const char *name;  /**< of the component or the export; NULL for a host. "" counts what is of no export by itself */
	uint64_t calls;    /**< that ended, however */
	uint64_t failures; /**< of them: those that ended with another status than BH_OK */
	uint64_t fuel;     /**< used by all of them */
	uint64_t peak_memory; /**< the most that one instance used, in bytes */
	uint64_t in_flight;   /**< calls under way; 0 for an export, which is not counted */
	uint64_t instances;   /**< live ones; 0 for an export */
	/**
	 * Of whole calls, bh_usage.wall_ns. Of short calls on a live instance that are waited for without options and usage, one
	 * in 16 is measured, and stands for the next ones.
	 */
	bh_histogram time;
	bh_histogram queue;    /**< of waiting for a turn or a slot; calls that did not wait are in its first bucket */
	const uint64_t *ended; /**< for bh_stats_status_count() */
	const uint64_t *traps; /**< for bh_stats_trap_count() */
} bh_stats_entry;

/**
 * Take a snapshot. Blocks the loading and releasing of components meanwhile, about 2 us an export, but no call.
 *
 * \param out  receives a snapshot to be freed with bh_stats_snapshot_free(); untouched on failure
 *
 * \return BH_OK; BH_E_INVALID (no host); BH_E_NO_MEMORY. Any thread.
 */
BH_API BH_MUST_USE bh_status bh_stats_snapshot_new(bh_stats_snapshot **out, const bh_host *host, bh_error **err);

/** Release. NULL is allowed. */
BH_API void bh_stats_snapshot_free(bh_stats_snapshot *snapshot);

/** The sums over all components, those that have gone included. */
BH_API const bh_stats_entry *bh_stats_host(const bh_stats_snapshot *snapshot);

/** The components that were there, called or not. */
BH_API size_t bh_stats_component_count(const bh_stats_snapshot *snapshot);

/** The sums of a component, in the order of their names; NULL past the end. */
BH_API const bh_stats_entry *bh_stats_component_at(const bh_stats_snapshot *snapshot, size_t component);

/** The exports of a component that were called; 0 past the end. */
BH_API size_t bh_stats_export_count(const bh_stats_snapshot *snapshot, size_t component);

/** An export of a component, in the order of their names; NULL past the end. */
BH_API const bh_stats_entry *bh_stats_export_at(const bh_stats_snapshot *snapshot, size_t component, size_t index);

/** How many calls ended so; 0 for a number that is no status. */
BH_API uint64_t bh_stats_status_count(const bh_stats_entry *entry, bh_status status);

/** How many calls trapped so; 0 for a number that is no kind. */
BH_API uint64_t bh_stats_trap_count(const bh_stats_entry *entry, bh_trap trap);

/**
 * The snapshot in the text format of Prometheus, version 0.0.4 (Content-Type "text/plain; version=0.0.4").
 *
 * bulkhead_calls_total and its like have a line for each export; add them up for more. What their sum would lose when a
 * component goes is in bulkhead_host_calls_total and its like. Statuses and traps that never were have no line. Times
 * have a bucket for each doubling.
 *
 * \return text to be freed with bh_string_free(); NULL when there is no memory. Any thread.
 */
BH_API char *bh_stats_prometheus(const bh_stats_snapshot *snapshot);

/**
 * The snapshot as one line of JSON: {"host": ENTRY, "components": [ENTRY...]}; an entry of a component has "exports".
 * Statuses have their bh_status_name(). Of buckets only those are there that are not empty, as [bound in ns, count],
 * with null for the bound of the last one.
 *
 * \return text to be freed with bh_string_free(); NULL when there is no memory. Any thread.
 */
BH_API char *bh_stats_json(const bh_stats_snapshot *snapshot);

BH_END

#endif
