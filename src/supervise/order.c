/*
 * Order: children come up one after the other, and go down the other way round. What a supervisor does next is found out by
 * going through its children; what they wait for tells it when to look again. It remembers how far it came, so that going
 * through all of them is done once, and not once for each.
 */
#include "supervise/order.h"

static void stop_next(bh_plan *plan, bh_node *sup);

void bh_order_set_timer(bh_plan *plan, bh_node *node, uint64_t at)
{
	bh_heap_remove(&plan->timers, &node->timer);
	if (at != BH_NEVER)
		(void)!bh_heap_add(&plan->timers, &node->timer, at); /* there is room: bh_plan_add() */
}

/* Coming up. */

void bh_order_came_up(bh_plan *plan, bh_node *node)
{
	bh_node_clear_timer(plan, node);
	node->state = BH_CHILD_RUNNING;
	node->up_since = plan->now;
	node->generation++;
	bh_node_set_fresh(node, false);
	bh_plan_tell(plan, node, BH_EVENT_STARTED);
	if (node->parent && (node->parent->fresh_count || node->parent->state == BH_CHILD_STARTING))
		bh_order_advance(plan, node->parent);
}

/* A supervisor begins anew with all its children but those that somebody stopped. */
static void forget_past(bh_plan *plan, bh_node *sup)
{
	sup->group_at = 0;
	sup->children.count = 0;
	for (bh_node *child = sup->first; child; child = child->next) {
		bh_node_clear_timer(plan, child);
		child->state = BH_CHILD_STOPPED;
		child->failures = child->own.count = 0;
		child->due = child->spec.every_ms;
		bh_node_set_fresh(child, child->wanted);
	}
}

void bh_order_begin(bh_plan *plan, bh_node *node)
{
	node->state = BH_CHILD_STARTING;
	node->ending = BH_ENDING_STOP;
	node->latecomer = node->due = false;
	node->begun_at = plan->now;
	bh_plan_tell(plan, node, BH_EVENT_STARTING);
	if (node->spec.supervisor) {
		bh_node_clear_timer(plan, node);
		forget_past(plan, node);
		bh_order_advance(plan, node);
	} else {
		bh_order_set_timer(plan, node, bh_after_ms(plan->now, node->spec.start_ms));
		plan->ops->start(plan->ops->data, node);
	}
}

void bh_order_come_up(bh_plan *plan, bh_node *node)
{
	if (!bh_node_has_turns(node) || node->due) {
		bh_order_begin(plan, node);
		return;
	}
	node->state = BH_CHILD_SCHEDULED;
	node->latecomer = false;
	bh_turns_await(plan, node);
	bh_node_set_fresh(node, false);
	bh_plan_tell(plan, node, BH_EVENT_SCHEDULED);
	bh_order_advance(plan, node->parent);
}

/* Whether its wait is over. Where several went down together their supervisor has the timer, otherwise it has its own. */
static bool may_begin(bh_plan *plan, const bh_node *child)
{
	bh_node *sup = child->parent;
	if (child->state != BH_CHILD_WAITING)
		return child->state == BH_CHILD_STOPPED;
	if (sup->spec.strategy == BH_ONE_FOR_ONE)
		return false;
	if (plan->now < sup->group_at)
		bh_order_set_timer(plan, sup, sup->group_at);
	return plan->now >= sup->group_at;
}

/* Start the fresh ones in order, each when those before it are up. */
static void start_in_order(bh_plan *plan, bh_node *sup)
{
	bh_node *child = sup->start_from ? sup->start_from : sup->first;
	for (; child && sup->fresh_count; child = child->next) {
		sup->start_from = child;
		if (child->fresh && may_begin(plan, child))
			bh_order_come_up(plan, child);
		if (child->fresh)
			return;
	}
}

void bh_order_advance(bh_plan *plan, bh_node *sup)
{
	if (!bh_node_is_up_or_coming(sup) || sup->group_stop || sup->stepping)
		return;
	sup->stepping = true;
	start_in_order(plan, sup);
	sup->stepping = false;
	if (!sup->fresh_count && sup->state == BH_CHILD_STARTING)
		bh_order_came_up(plan, sup);
}

/* In its place in the order where it has one, otherwise at once. */
void bh_order_begin_in_turn(bh_plan *plan, bh_node *node)
{
	node->state = BH_CHILD_STOPPED;
	if (node->fresh)
		bh_order_advance(plan, node->parent);
	else
		bh_order_come_up(plan, node);
}

void bh_order_begin_after(bh_plan *plan, bh_node *node, uint64_t delay_ms)
{
	if (!delay_ms) {
		bh_order_begin_in_turn(plan, node);
		return;
	}
	node->state = BH_CHILD_WAITING;
	bh_order_set_timer(plan, node, bh_after_ms(plan->now, delay_ms));
}

/* Going down. */

/* However a run ended: if it was long enough, the next failure is the first in a row. */
void bh_order_end_run(const bh_plan *plan, bh_node *node)
{
	uint64_t stable = bh_after_ms(0, bh_backoff_stable_ms(&node->spec.backoff));
	if (node->up_since && plan->now - node->up_since >= stable)
		node->failures = 0;
	node->up_since = 0;
}

/* It does not wait to be started any more: it would be started while others are stopped. */
static void call_off(bh_plan *plan, bh_node *node)
{
	if (node->state != BH_CHILD_WAITING && node->state != BH_CHILD_SCHEDULED)
		return;
	bh_node_clear_timer(plan, node);
	node->state = BH_CHILD_STOPPED;
}

void bh_order_go_down(bh_plan *plan, bh_node *node, bh_ending ending)
{
	node->ending = ending;
	node->state = BH_CHILD_STOPPING;
	bh_node_clear_timer(plan, node);
	if (node->spec.supervisor) {
		node->all_stop = true;
		node->stop_from = node->last;
		for (bh_node *child = node->first; child; child = child->next)
			call_off(plan, child);
		stop_next(plan, node);
	} else if (ending == BH_ENDING_LATE || ending == BH_ENDING_UNHEALTHY || !node->spec.shutdown_ms) {
		plan->ops->kill(plan->ops->data, node);
	} else {
		bh_order_set_timer(plan, node, bh_after_ms(plan->now, node->spec.shutdown_ms));
		plan->ops->stop(plan->ops->data, node);
	}
}

/* Of those that are taken down with another: whether it comes up with them. */
static bh_decision fate(const bh_node *node)
{
	if (node->parent->all_stop || !node->wanted)
		return BH_DECISION_NONE;
	/* A temporary one is left, unless somebody asked for it meanwhile. That another run comes is no restart. */
	bool left = node->spec.restart == BH_RESTART_TEMPORARY && !bh_node_has_turns(node);
	return left && node->ending != BH_ENDING_RESTART ? BH_DECISION_LEAVE : BH_DECISION_WITH_GROUP;
}

/* It is down, as others are to be. */
void bh_order_down_with_others(bh_plan *plan, bh_node *node, bh_exit how)
{
	bh_node *sup = node->parent;
	bh_decision decision = fate(node);
	node->state = decision == BH_DECISION_LEAVE ? BH_CHILD_ENDED : BH_CHILD_STOPPED;
	bh_plan_tell_exit(plan, node, how, decision, 0);
	bh_node_set_fresh(node, decision == BH_DECISION_WITH_GROUP);
	if (node->removing)
		bh_plan_take_out(plan, node);
	stop_next(plan, sup);
}

/* It is down because it was asked to. */
static void settle(bh_plan *plan, bh_node *node)
{
	bh_node *sup = node->parent;
	if (bh_node_goes_with_parent(node)) {
		bh_order_down_with_others(plan, node, BH_EXIT_STOPPED);
		return;
	}
	node->state = BH_CHILD_STOPPED;
	bh_plan_tell_exit(plan, node, BH_EXIT_STOPPED, BH_DECISION_NONE, 0);
	bh_node_set_fresh(node, false);
	if (node->removing)
		bh_plan_take_out(plan, node);
	if (sup)
		bh_order_advance(plan, sup);
}

/* It was going down, and is there. */
void bh_order_went_down(bh_plan *plan, bh_node *node)
{
	bh_node_clear_timer(plan, node);
	switch (node->ending) {
	case BH_ENDING_LATE:
		bh_plan_exited(plan, node, BH_EXIT_NOT_UP);
		return;
	case BH_ENDING_UNHEALTHY:
		bh_plan_exited(plan, node, BH_EXIT_UNHEALTHY);
		return;
	case BH_ENDING_ESCALATE:
		bh_plan_exited(plan, node, BH_EXIT_ESCALATED);
		return;
	case BH_ENDING_RESTART:
		if (!bh_node_goes_with_parent(node)) {
			bh_plan_tell_exit(plan, node, BH_EXIT_STOPPED, BH_DECISION_RESTART, 0);
			bh_order_begin_in_turn(plan, node);
			return;
		}
		break;
	case BH_ENDING_STOP:
		break;
	}
	settle(plan, node);
}

/* All children of a supervisor that goes down are. */
static void all_down(bh_plan *plan, bh_node *sup)
{
	sup->all_stop = sup->group_stop = false;
	for (bh_node *next, *child = sup->first; child; child = next) {
		next = child->next;
		child->affected = false;
		bh_node_set_fresh(child, false);
		if (child->spec.dynamic)
			bh_plan_take_out(plan, child);
	}
	bh_order_end_run(plan, sup);
	bh_order_went_down(plan, sup);
}

/*
 * Those are down that are to come up again together. Who was down before comes up as well, also if it had ended well, but
 * not if it is temporary: unless it was not started yet, then it still has its turn.
 */
static void group_down(bh_plan *plan, bh_node *sup)
{
	sup->group_stop = false;
	for (bh_node *next, *child = sup->first; child; child = next) {
		next = child->next;
		if (!child->affected)
			continue;
		child->affected = false;
		bool returns = child->spec.restart != BH_RESTART_TEMPORARY || bh_node_has_turns(child);
		if (returns && child->wanted && child->state != BH_CHILD_FAILED)
			bh_node_set_fresh(child, true);
		if (child->fresh)
			child->state = plan->now < sup->group_at ? BH_CHILD_WAITING : BH_CHILD_STOPPED;
		else if (child->spec.dynamic && child->state == BH_CHILD_ENDED)
			bh_plan_take_out(plan, child);
	}
	bh_order_advance(plan, sup);
}

/* The last of those that are to go down and are not yet is asked to; NULL: there is none. */
static const bh_node *last_to_stop(bh_plan *plan, bh_node *sup)
{
	for (bh_node *child; (child = sup->stop_from); sup->stop_from = child->previous) {
		if (!sup->all_stop && !child->affected)
			continue;
		if (bh_node_is_up_or_coming(child))
			bh_order_go_down(plan, child, BH_ENDING_STOP); /* a supervisor without children is down by now */
		if (child->state == BH_CHILD_STOPPING)
			return child;
	}
	return NULL;
}

static void stop_next(bh_plan *plan, bh_node *sup)
{
	if (sup->stepping)
		return;
	sup->stepping = true;
	bool waits = last_to_stop(plan, sup);
	sup->stepping = false;
	if (waits)
		return;
	if (sup->all_stop)
		all_down(plan, sup);
	else
		group_down(plan, sup);
}

/* With it go all, or those behind it. */
void bh_order_restart_group(bh_plan *plan, bh_node *node, uint64_t delay_ms)
{
	bh_node *sup = node->parent;
	uint64_t at = bh_after_ms(plan->now, delay_ms);
	for (bh_node *child = sup->spec.strategy == BH_ONE_FOR_ALL ? sup->first : node; child; child = child->next) {
		call_off(plan, child);
		child->affected = true;
	}
	if (at > sup->group_at)
		sup->group_at = at;
	sup->group_stop = true;
	sup->stop_from = sup->last;
	stop_next(plan, sup);
}
