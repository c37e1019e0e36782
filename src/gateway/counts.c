/* What a chain counts, by module and point; and copies of it. */
#include <string.h>

#include "gateway/internal.h"

static void free_counts(bh_counts *counts)
{
	bh_stats_component_free(counts->stats);
	bh_free(counts->name);
	bh_free(counts);
}

static bh_counts *new_counts(bh_chain *chain, const char *name)
{
	bh_counts *counts = bh_calloc(1, sizeof *counts);
	if (!counts)
		return NULL;
	counts->name = bh_strdup(name);
	counts->stats = bh_stats_component_new(chain->stats, name);
	bool all = counts->name && counts->stats;
	for (int i = 0; all && i < BH_POINTS; i++) {
		counts->points[i].calls = bh_stats_export_get(counts->stats, bh_point_name((bh_point)i));
		all = counts->points[i].calls;
	}
	if (all)
		return counts;
	free_counts(counts);
	return NULL;
}

/* With the lock held. */
static bh_counts *find(bh_chain *chain, const char *name)
{
	bh_counts *counts = chain->counts;
	while (counts && strcmp(counts->name, name) != 0)
		counts = counts->next;
	return counts;
}

bh_counts *bh_counts_ref(bh_chain *chain, const char *name)
{
	bh_counts *made = new_counts(chain, name);
	if (!made)
		return NULL;
	pthread_mutex_lock(&chain->lock);
	bh_counts *counts = find(chain, name);
	if (!counts) {
		counts = BH_TAKE(made);
		counts->next = chain->counts;
		chain->counts = counts;
	}
	counts->references++;
	pthread_mutex_unlock(&chain->lock);
	if (made)
		free_counts(made);
	return counts;
}

void bh_counts_unref(bh_chain *chain, bh_counts *counts)
{
	if (!counts)
		return;
	pthread_mutex_lock(&chain->lock);
	bool last = --counts->references == 0;
	if (last) {
		bh_counts **link = &chain->counts;
		while (*link != counts)
			link = &(*link)->next;
		*link = counts->next;
	}
	pthread_mutex_unlock(&chain->lock);
	if (last)
		free_counts(counts);
}

struct bh_chain_stats {
	bh_stats_snapshot *calls;
	bh_chain_stats_entry *entries;
	size_t count;
};

static uint64_t load(const _Atomic uint64_t *cell)
{
	return atomic_load_explicit(cell, memory_order_relaxed);
}

static bh_point point_of(const char *name)
{
	bh_point point = BH_POINT_REQUEST;
	while (point < BH_POINTS && strcmp(bh_point_name(point), name) != 0)
		point++;
	return point;
}

/* One that was called. With the chain's lock held, as counts come and go. */
static void add(bh_chain_stats *stats, bh_chain *chain, const char *module, const bh_stats_entry *calls)
{
	bh_point point = point_of(calls->name);
	const bh_counts *counts = find(chain, module);
	if (point == BH_POINTS || !counts || !calls->calls)
		return;
	const bh_point_counts *of = &counts->points[point];
	stats->entries[stats->count++] = (bh_chain_stats_entry){
		.module = module,
		.attach = (bh_attach)(1U << point),
		.calls = calls,
		.continued = load(&of->continued),
		.rejected = load(&of->rejected),
		.modified = load(&of->modified),
		.replied = load(&of->replied),
		.closed = load(&of->closed),
		.opened = load(&of->opened),
		.skipped = load(&of->skipped),
	};
}

bh_status bh_chain_stats_new(bh_chain_stats **out, bh_chain *chain, bh_error **err)
{
	if (!chain)
		return bh_fail(err, BH_E_INVALID, "bh_chain_stats_new: no chain");
	bh_chain_stats *stats = bh_calloc(1, sizeof *stats);
	if (!stats)
		return bh_fail_memory(err);
	bh_status status = bh_stats_read(&stats->calls, chain->stats, err);
	size_t modules = status ? 0 : bh_stats_component_count(stats->calls);
	stats->entries = bh_calloc(modules * BH_POINTS + 1, sizeof *stats->entries);
	if (!status && !stats->entries)
		status = bh_fail_memory(err);
	if (status) {
		bh_chain_stats_free(stats);
		return status;
	}
	pthread_mutex_lock(&chain->lock);
	for (size_t i = 0; i < modules; i++)
		for (size_t j = 0; j < bh_stats_export_count(stats->calls, i); j++)
			add(stats, chain, bh_stats_component_at(stats->calls, i)->name, bh_stats_export_at(stats->calls, i, j));
	pthread_mutex_unlock(&chain->lock);
	*out = stats;
	return BH_OK;
}

void bh_chain_stats_free(bh_chain_stats *stats)
{
	if (!stats)
		return;
	bh_stats_snapshot_free(stats->calls);
	bh_free(stats->entries);
	bh_free(stats);
}

size_t bh_chain_stats_count(const bh_chain_stats *stats)
{
	return stats->count;
}

const bh_chain_stats_entry *bh_chain_stats_at(const bh_chain_stats *stats, size_t index)
{
	return index < stats->count ? &stats->entries[index] : NULL;
}
