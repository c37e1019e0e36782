/* Calls that the executor runs, for tests: a component or two, and callers that count what they are told. */
#ifndef BH_TEST_ASYNC_TOOLS_H
#define BH_TEST_ASYNC_TOOLS_H

#include <stdatomic.h>

#include "api.h"

/* What came of calls that told their caller of their end. */
typedef struct {
	_Atomic unsigned told, good, bad;
	_Atomic unsigned by_status[64];
} tally;

static inline void note(void *data, bh_call *call)
{
	tally *t = data;
	bh_value result = BH_VALUE_INIT;
	bh_status status = bh_call_take(call, &result, NULL, NULL);
	bh_value_deinit(&result);
	atomic_fetch_add(status ? &t->bad : &t->good, 1);
	atomic_fetch_add(&t->by_status[status % 64], 1);
	atomic_fetch_add(&t->told, 1);
}

static inline bh_call_options telling(tally *t)
{
	bh_call_options options = BH_CALL_OPTIONS_INIT;
	options.done = note;
	options.done_data = t;
	return options;
}

static inline void wait_told(const tally *t, unsigned wanted)
{
	double end = t_now_ms() + 30000 * t_slack();
	while (atomic_load(&t->told) < wanted && t_now_ms() < end)
		t_sleep_ms(1);
	assert_int_equal(atomic_load(&t->told), wanted);
}

static inline bh_host *host_with(uint32_t workers, uint32_t slots)
{
	bh_host *host = NULL;
	bh_host_options options = BH_HOST_OPTIONS_INIT;
	options.workers = workers;
	options.pool_slots = slots;
	options.allocation = slots ? BH_ALLOCATION_POOLED : BH_ALLOCATION_ON_DEMAND;
	OK(bh_host_new(&host, &options, &t_err));
	return host;
}

#endif
