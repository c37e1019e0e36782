#include "host/quick.h"

#include "base/clock.h"
#include "host/export.h"

/* Calls that one that was measured stands for, on average. */
enum { SAMPLED = 16 };

typedef struct {
	const bh_instance *instance;
	uint64_t limit_at; /* 0: no tick was met yet */
	uint64_t begun;
	bh_ran how;
} quick;

bool bh_quick_may(const bh_instance *instance)
{
	const bh_component *component = instance->component;
	return !component->chain && bh_gate_unbounded(&component->calls) && bh_store_runs_here(instance->store);
}

/*
 * At every tick. The clock is not read before the first: it is at most a millisecond late, and a limit is never early.
 */
static bool must_stop(void *data)
{
	quick *q = data;
	const bh_instance *instance = q->instance;
	uint64_t now = bh_now(), limit = instance->component->limits.execution_ms;
	bh_ticker_touch(instance->component->host->ticker);
	if (!q->limit_at) {
		q->begun = q->begun ? q->begun : now;
		q->limit_at = limit == BH_UNLIMITED ? BH_NEVER : bh_after_ms(q->begun, limit);
	}
	bh_ticker_by(instance->component->host->ticker, q->limit_at);
	if (now >= q->limit_at)
		q->how = BH_RAN_TIMEOUT;
	else if (atomic_load_explicit(&instance->killed, memory_order_acquire) ||
	         atomic_load_explicit(&instance->doomed, memory_order_acquire))
		q->how = BH_RAN_DOOMED;
	return q->how != BH_RAN_ENDED;
}

/* Spread at random, so that a guest's own rhythm does not meet it: 1 to 2 * SAMPLED - 1. */
static uint32_t next_sample(bh_quick_sample *sample)
{
	sample->random = sample->random * 1664525U + 1013904223U;
	return (sample->random >> 8) % (2 * SAMPLED - 1) + 1;
}

static bool is_measured(bh_quick_sample *sample, const bh_stats_export *of)
{
	if (sample->of == of && sample->left) {
		sample->left--;
		return false;
	}
	/* The first of a kind is; then a few are, so that a few calls already show how long they take. */
	sample->left = sample->of == of ? next_sample(sample) - 1 : 0;
	sample->of = of;
	return true;
}

static bh_status run(quick *q, const bh_export *export_, const bh_value *args, size_t count, bh_value *result,
                     bh_error **err)
{
	bh_store *store = q->instance->store;
	bh_store_begin(store, 0);
	bh_status status = bh_store_start_call(store, export_->function, args, count, BH_ARGS_LENT, err);
	if (status)
		return status;
	bh_store_run(store, must_stop, q);
	if (q->how == BH_RAN_ENDED)
		return bh_store_finish(store, result, err);
	bh_store_abort(store);
	return bh_ran_fail(q->instance->component, q->how, err);
}

static void count(quick *q, bh_stats_export *stats, bh_status status, const bh_error *why)
{
	bh_stats_component *component = q->instance->component->stats;
	bh_quick_sample *sample = &((bh_instance *)q->instance)->sample;
	if (q->begun)
		sample->wall_ns = bh_now() - q->begun;
	bh_stats_call used = {
		.wall_ns = sample->wall_ns,
		.peak_memory = bh_store_peak_memory(q->instance->store),
	};
	bh_stats_ended(component, stats, status, why ? bh_error_trap(why) : BH_TRAP_NONE, &used);
}

static void leave(bh_instance *instance, const bh_error *why)
{
	uint32_t running = BH_QUICK_RUNS;
	if (bh_store_usable(instance->store) &&
	    atomic_compare_exchange_strong_explicit(&instance->quick, &running, 0, memory_order_release,
	                                            memory_order_relaxed))
		return;
	bh_instance_leave_quick(instance, why ? bh_error_message(why) : NULL);
}

bool bh_quick_call(bh_instance *instance, bh_export *export_, const bh_value *args, size_t arg_count, bh_value *result,
                   bh_status *status, bh_error **err)
{
	uint32_t free = 0;
	if (atomic_load_explicit(&instance->quick, memory_order_relaxed) ||
	    !atomic_compare_exchange_strong_explicit(&instance->quick, &free, BH_QUICK_RUNS, memory_order_acquire,
	                                             memory_order_relaxed))
		return false;
	if (!bh_store_can_run(instance->store) || !bh_ticker_touch(instance->component->host->ticker)) {
		leave(instance, NULL);
		return false;
	}
	bh_error *why = NULL;
	bh_stats_export *stats = bh_export_stats(instance->component, export_);
	quick q = {.instance = instance, .how = BH_RAN_ENDED};
	if (is_measured(&instance->sample, stats))
		q.begun = bh_now();
	bh_stats_started(instance->component->stats);
	*status = run(&q, export_, args, arg_count, result, &why);
	count(&q, stats, *status, why);
	leave(instance, why);
	if (err && why)
		*err = why;
	else
		bh_error_free(why);
	return true;
}
