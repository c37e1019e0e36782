/*
 * Counting calls, for this room. All of it may be called from any thread. bh_stats_started(), bh_stats_ended() and
 * bh_stats_instances() take no lock and no memory: a few additions to cache lines that other threads rarely have.
 */
#ifndef BH_HOST_STATS_H
#define BH_HOST_STATS_H

#include "base/error.h"
#include "bulkhead/stats.h"

typedef struct bh_stats bh_stats;
typedef struct bh_stats_component bh_stats_component;
typedef struct bh_stats_export bh_stats_export;

/* What a host counts. It goes after its components. */
bh_status bh_stats_new(bh_stats **out, bh_error **err);
void bh_stats_free(bh_stats *stats);

/*
 * Where a component is counted: the same for all of one name (copied, and made UTF-8). Each is freed once; when the
 * last of a name goes, its sums stay in the host's. NULL: no memory.
 */
bh_stats_component *bh_stats_component_new(bh_stats *stats, const char *name);
void bh_stats_component_free(bh_stats_component *component);

/*
 * Where an export is counted, made on first use, 4.4 KiB; it lives as long as its component. Takes no lock where it is
 * there already, but looks it up by name: keep it. The name is UTF-8, and copied; NULL or "" for what is of no export.
 * Past BH_STATS_EXPORTS all are the one of "". NULL: no memory.
 */
bh_stats_export *bh_stats_export_get(bh_stats_component *component, const char *name);

/* A call began: it is in flight until bh_stats_ended(). */
void bh_stats_started(bh_stats_component *component);

/* What a call used. */
typedef struct {
	uint64_t wall_ns;
	uint64_t queue_ns; /* waiting for a turn or a slot */
	uint64_t fuel;
	uint64_t peak_memory;
} bh_stats_call;

/*
 * A call that began has ended. `export_` NULL: it was of no export, as when there is none of that name. `trap` is
 * BH_TRAP_NONE where there was none.
 */
void bh_stats_ended(bh_stats_component *component, bh_stats_export *export_, bh_status status, bh_trap trap,
                    const bh_stats_call *call);

/* So many instances more, or fewer. */
void bh_stats_instances(bh_stats_component *component, int delta);

/* What a host counts; in host.c. */
bh_stats *bh_host_stats(const bh_host *host);

/* The snapshot behind bh_stats_snapshot_new(). */
bh_status bh_stats_read(bh_stats_snapshot **out, bh_stats *stats, bh_error **err);

BH_DEFINE_AUTO(bh_stats_snapshot *, bh_stats_snapshot_free)

#endif
