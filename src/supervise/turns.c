/* Turns: when a child that is run again and again runs next. */
#include "supervise/order.h"

/* How soon a calendar is looked at again: the clock it goes by may be set. */
enum { LOOK_MS = 60000 };

/*
 * So long after the last start, or so long again where that has passed: what a run that took too long has missed is not
 * made up for. One that never ran begins to wait now.
 */
static uint64_t next_of_period(const bh_plan *plan, const bh_node *node)
{
	uint64_t period = bh_after_ms(0, node->spec.every_ms), since = node->begun_at ? node->begun_at : plan->now, span;
	uint64_t passed = plan->now - since, times = passed / period + (passed % period != 0);
	if (__builtin_mul_overflow(period, times ? times : 1, &span) || since > BH_NEVER - span)
		return BH_NEVER;
	return since + span;
}

static uint64_t wait_for_calendar(bh_plan *plan, bh_node *node, bool next)
{
	uint64_t wait = plan->ops->turn(plan->ops->data, node, next), look = bh_after_ms(plan->now, LOOK_MS);
	node->turn_at = wait == BH_UNLIMITED ? BH_NEVER : bh_after_ms(plan->now, wait);
	bh_order_set_timer(plan, node, wait == BH_UNLIMITED || node->turn_at < look ? node->turn_at : look);
	return wait;
}

uint64_t bh_turns_await(bh_plan *plan, bh_node *node)
{
	if (node->spec.calendar)
		return wait_for_calendar(plan, node, true);
	node->turn_at = next_of_period(plan, node);
	bh_order_set_timer(plan, node, node->turn_at);
	return node->turn_at == BH_NEVER ? BH_UNLIMITED : (node->turn_at - plan->now) / 1000000;
}

bool bh_turns_came(bh_plan *plan, bh_node *node)
{
	return !node->spec.calendar || !wait_for_calendar(plan, node, false);
}
