/* A run that its caller's thread steps to the end. */
#include <string.h>

#include "base/clock.h"
#include "host/run.h"

void bh_usage_copy(bh_usage *out, const bh_usage *filled)
{
	size_t size = out->struct_size;
	memcpy(out, filled, size && size < sizeof *filled ? size : sizeof *filled);
	out->struct_size = size;
}

/* The longest that a host function on a worker waits for a turn; the default of limits.queue_ms. */
enum { WORKER_WAITS_MS = 1000 };

/*
 * A worker that waits for a turn may wait for what it is itself to do next. From a callback it does not wait at all. In a
 * host function it does, as others may be about to finish; but not for ever, whatever the component's limit says.
 */
static void wait_less_on_a_worker(bh_run *run)
{
	if (!bh_executor_is_worker())
		return;
	uint64_t most = bh_store_calls_host() ? bh_after_ms(run->started, WORKER_WAITS_MS) : run->started;
	run->busy_at = most < run->busy_at ? most : run->busy_at;
}

/* Sleep between steps. */
static bh_status step_to_end(bh_run *run)
{
	bh_parker *parker = bh_parker_borrow();
	if (!parker)
		return bh_fail_memory(&run->why);
	run->own_stack = true;
	wait_less_on_a_worker(run);
	if (run->cancel)
		bh_cancel_watch(run->cancel, parker, &run->cancel_slot);
	for (;;) {
		bh_parker_clear(parker);
		if (bh_run_step(run, bh_parker_waker(parker)))
			break;
		bh_parker_wait(parker, run->look_at);
	}
	bh_cancel_unwatch(run->cancel, run->cancel_slot);
	bh_parker_give_back(parker);
	return run->status;
}

bh_status bh_run_wait(bh_run *run, bh_value *result, bh_usage *usage, bh_error **err)
{
	run->want_usage = usage;
	bh_status status = step_to_end(run);
	if (result && !status)
		*result = run->result;
	else
		bh_value_deinit(&run->result);
	if (usage)
		bh_usage_copy(usage, &run->usage);
	if (status && err)
		*err = BH_TAKE(run->why);
	bh_error_free(run->why);
	run->why = NULL;
	return status;
}
