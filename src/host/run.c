#include "host/run.h"

#include <inttypes.h>
#include <poll.h>

#include "base/clock.h"

/* How often a token without a slot, and a slow reader of output, are looked at. */
enum { LOOK_MS = 5 };

void bh_run_start(bh_run *run, bh_component *component, const bh_call_options *options)
{
	uint64_t now = bh_now();
	*run = (bh_run){
		.host = component->host,
		.started = now,
		.limit_at = component->limits.execution_ms == BH_UNLIMITED ? BH_NEVER
	                                                               : bh_after_ms(now, component->limits.execution_ms),
		.deadline_at = options && options->deadline_ms ? bh_after_ms(now, options->deadline_ms) : BH_NEVER,
		.cancel = options ? options->cancel : NULL,
		.measure_cpu = options && options->cpu_time,
	};
}

void bh_run_restart(bh_run *run, const bh_component *component)
{
	if (component->limits.execution_ms != BH_UNLIMITED)
		run->limit_at = bh_after_ms(bh_now(), component->limits.execution_ms);
}

static uint64_t earlier(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

static bh_poll poll_once(bh_run *run, bh_store *store, bh_waker *waker)
{
	if (!run->measure_cpu)
		return bh_store_poll(store, waker);
	uint64_t before = bh_cpu_now();
	bh_poll polled = bh_store_poll(store, waker);
	run->cpu_ns += bh_cpu_now() - before;
	return polled;
}

bool bh_run_waits_no_more(const bh_run *run, uint64_t now, bh_ran *how)
{
	if (run->doomed && atomic_load_explicit(run->doomed, memory_order_acquire))
		*how = BH_RAN_DOOMED;
	else if (bh_cancel_fired(run->cancel))
		*how = BH_RAN_CANCELLED;
	else if (now >= run->deadline_at)
		*how = BH_RAN_DEADLINE;
	else
		return false;
	return true;
}

/* Whether a clock or the caller ends it now. The execution limit goes first: it is the stronger statement. */
static bool stopped(const bh_run *run, uint64_t now, bh_ran *how)
{
	if (now < run->limit_at)
		return bh_run_waits_no_more(run, now, how);
	*how = BH_RAN_TIMEOUT;
	return true;
}

uint64_t bh_run_look_at(const bh_run *run, int slot, uint64_t now)
{
	return run->cancel && slot < 0 ? earlier(run->deadline_at, bh_after_ms(now, LOOK_MS)) : run->deadline_at;
}

typedef struct {
	const bh_run *run;
	bh_ran how;
} running;

/* At every tick. The ticker is kept going: it parks where nobody asks for it. */
static bool must_stop(void *data)
{
	running *r = data;
	bh_ticker_touch(r->run->host->ticker);
	return stopped(r->run, bh_now(), &r->how);
}

/* On this thread's own stack, without a fiber. */
static bh_ran run_here(bh_run *run, bh_store *store)
{
	running r = {run, BH_RAN_ENDED};
	if (!bh_ticker_touch(run->host->ticker))
		return BH_RAN_NO_TICKER;
	if (bh_cancel_fired(run->cancel))
		return BH_RAN_CANCELLED;
	uint64_t before = run->measure_cpu ? bh_cpu_now() : 0;
	bh_store_run(store, must_stop, &r);
	if (run->measure_cpu)
		run->cpu_ns += bh_cpu_now() - before;
	return r.how;
}

bh_ran bh_run_until(bh_run *run, bh_store *store)
{
	if (!run->abandons && bh_store_can_run(store))
		return run_here(run, store);
	bh_ran how = BH_RAN_ENDED;
	int slot = -1;
	bh_waker *waker = bh_waker_mine();
	if (!waker)
		return BH_RAN_NO_MEMORY;
	if (bh_cancel_fired(run->cancel))
		return BH_RAN_CANCELLED;
	if (run->cancel)
		bh_cancel_watch(run->cancel, waker, &slot);
	for (;;) {
		bh_waker_clear(waker);
		if (!bh_ticker_touch(run->host->ticker)) {
			how = BH_RAN_NO_TICKER;
			break;
		}
		if (poll_once(run, store, waker) == BH_POLL_ENDED)
			break;
		uint64_t now = bh_now();
		if (stopped(run, now, &how))
			break;
		bh_waker_wait(waker, earlier(run->limit_at, bh_run_look_at(run, slot, now)));
	}
	bh_cancel_unwatch(run->cancel, slot);
	return how;
}

void bh_run_flush(bh_run *run, bh_store *store)
{
	bh_ran how;
	while (!bh_store_flush(store)) {
		if (stopped(run, bh_now(), &how))
			return;
		poll(NULL, 0, LOOK_MS);
	}
}

static bh_status timed_out(const bh_limits *limits, bh_error **err)
{
	bh_error *e =
		bh_error_begin(err, BH_E_TIMEOUT, "stopped after %" PRIu64 " ms (max_execution_time_ms)", limits->execution_ms);
	bh_error_limit_set(e, BH_LIMIT_EXECUTION_TIME, limits->execution_ms, 0);
	bh_error_trap_set(e, BH_TRAP_INTERRUPTED);
	return BH_E_TIMEOUT;
}

bh_status bh_run_stopped(const bh_run *run, bh_ran how, const bh_limits *limits, bh_error **err)
{
	bh_error *e;
	switch (how) {
	case BH_RAN_NO_MEMORY:
		return bh_fail_memory(err);
	case BH_RAN_NO_TICKER:
		return bh_fail(err, BH_E_SYSTEM, "the thread that interrupts guests could not be started");
	case BH_RAN_TIMEOUT:
		return timed_out(limits, err);
	case BH_RAN_DEADLINE:
		e = bh_error_begin(err, BH_E_DEADLINE, "the caller's deadline of %" PRIu64 " ms passed",
		                   (run->deadline_at - run->started) / 1000000);
		bh_error_hint_set(e, "The component itself may run longer: its own limit is max_execution_time_ms.");
		return BH_E_DEADLINE;
	default:
		e = bh_error_begin(err, BH_E_CANCELLED, how == BH_RAN_DOOMED ? "the instance was given up" : "cancelled");
		bh_error_trap_set(e, BH_TRAP_CANCELLED);
		return BH_E_CANCELLED;
	}
}
