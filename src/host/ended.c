/* What a call says that something stopped. */
#include <inttypes.h>

#include "host/run.h"

static bh_status timed_out(const bh_limits *limits, bh_error **err)
{
	bh_error *e =
		bh_error_begin(err, BH_E_TIMEOUT, "stopped after %" PRIu64 " ms (max_execution_time_ms)", limits->execution_ms);
	bh_error_limit_set(e, BH_LIMIT_EXECUTION_TIME, limits->execution_ms, 0);
	bh_error_trap_set(e, BH_TRAP_INTERRUPTED);
	return BH_E_TIMEOUT;
}

static bh_status too_late(const bh_run *run, bh_error **err)
{
	bh_error *e = bh_error_begin(err, BH_E_DEADLINE, "the caller's deadline of %" PRIu64 " ms passed",
	                             (run->deadline_at - run->started) / 1000000);
	bh_error_hint_set(e, "The component itself may run longer: its own limit is max_execution_time_ms.");
	return BH_E_DEADLINE;
}

static bh_status busy(const bh_run *run, bh_error **err)
{
	static const char *const what[] = {
		[BH_RUN_SUPPLY] = "no instance of the service came up in time (max_queue_time_ms)",
		[BH_RUN_CALLS] = "the component has as many calls under way as it may have (max_calls)",
		[BH_RUN_TURN] = "another call on this instance did not end in time (max_queue_time_ms)",
		[BH_RUN_INSTANCES] = "the component has as many instances as it may have (max_instances)",
		[BH_RUN_MEMORY] = "the host's memory budget is spent (memory_budget)",
		[BH_RUN_SLOT] = "no slot of the pool came free in time (max_queue_time_ms)",
	};
	bh_error *e = bh_error_begin(err, BH_E_BUSY, "%s", what[run->state]);
	bh_error_limit_set(e, BH_LIMIT_QUEUE_TIME, run->component->limits.queue_ms, 0);
	if (run->own_stack && bh_executor_is_worker())
		bh_error_hint_set(
			e, "This thread is a worker of the host, which what it would wait for may need: a callback does not "
			   "wait, a host function for a second. Begin the call with bh_call_start() instead.");
	return BH_E_BUSY;
}

bh_status bh_ran_fail(const bh_component *component, bh_ran how, bh_error **err)
{
	if (how == BH_RAN_NO_TICKER)
		return bh_fail(err, BH_E_SYSTEM, "the thread that interrupts guests could not be started");
	if (how == BH_RAN_TIMEOUT)
		return timed_out(&component->limits, err);
	bh_error *e = bh_error_begin(err, BH_E_CANCELLED,
	                             how == BH_RAN_DOOMED ? "the instance was given up, or killed" : "cancelled");
	bh_error_trap_set(e, BH_TRAP_CANCELLED);
	return BH_E_CANCELLED;
}

bh_status bh_run_explain(bh_run *run, bh_ran how)
{
	if (how == BH_RAN_DEADLINE)
		return too_late(run, &run->why);
	if (how == BH_RAN_BUSY)
		return busy(run, &run->why);
	return bh_ran_fail(run->component, how, &run->why);
}
