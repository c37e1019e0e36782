/*
 * What the two halves of the plan ask of each other: plan.c decides what follows from an exit or a request, order.c brings
 * children up and down in their order.
 */
#ifndef BH_SUPERVISE_ORDER_H
#define BH_SUPERVISE_ORDER_H

#include "supervise/plan.h"

static inline bool bh_node_is_down(const bh_node *node)
{
	return node->state != BH_CHILD_STARTING && node->state != BH_CHILD_RUNNING && node->state != BH_CHILD_STOPPING;
}

static inline bool bh_node_is_up_or_coming(const bh_node *node)
{
	return node->state == BH_CHILD_STARTING || node->state == BH_CHILD_RUNNING;
}

/* Whether its supervisor is taking it down, for good or to start it again with others. */
static inline bool bh_node_goes_with_parent(const bh_node *node)
{
	const bh_node *sup = node->parent;
	return sup && (sup->all_stop || (sup->group_stop && node->affected));
}

/* Whether it is run again and again, at its turns. */
static inline bool bh_node_has_turns(const bh_node *node)
{
	return node->spec.every_ms || node->spec.calendar;
}

static inline void bh_node_clear_timer(bh_plan *plan, bh_node *node)
{
	bh_heap_remove(&plan->timers, &node->timer);
}

static inline void bh_node_set_fresh(bh_node *node, bool fresh)
{
	if (node->parent && node->fresh != fresh)
		node->parent->fresh_count += fresh ? 1 : (size_t)-1;
	if (node->parent && fresh)
		node->parent->start_from = NULL; /* it may be before it */
	node->fresh = fresh;
}

/* In plan.c. */

void bh_plan_tell(const bh_plan *plan, bh_node *node, bh_event_kind kind);
void bh_plan_tell_exit(const bh_plan *plan, bh_node *node, bh_exit how, bh_decision decision, uint64_t delay_ms);

/* It is down, and so is all below it: it goes from the tree, and may be freed by its owner before this returns. */
void bh_plan_take_out(bh_plan *plan, bh_node *node);

/* It went down, and nobody had asked for that: policy, strategy and bounds say what follows. */
void bh_plan_exited(bh_plan *plan, bh_node *node, bh_exit how);

/* Coming up. */

/* Go on with those that come up in order; nothing happens where it is not time for that. */
void bh_order_advance(bh_plan *plan, bh_node *sup);

/* It is its turn among those that come up: start it, or where it is scheduled and no run is due, have it wait for that. */
void bh_order_come_up(bh_plan *plan, bh_node *node);

/* Start it: now; in its place in the order, where it has one, otherwise at once; after a while. */
void bh_order_begin(bh_plan *plan, bh_node *node);
void bh_order_begin_in_turn(bh_plan *plan, bh_node *node);
void bh_order_begin_after(bh_plan *plan, bh_node *node, uint64_t delay_ms);

/* Have it looked at then; BH_NEVER: not any more. */
void bh_order_set_timer(bh_plan *plan, bh_node *node, uint64_t at);

/* It is up, and those that waited for that go on. */
void bh_order_came_up(bh_plan *plan, bh_node *node);

/* Going down. */

/* Ask a node that is up or coming to go down; a supervisor without children is down when this returns. */
void bh_order_go_down(bh_plan *plan, bh_node *node, bh_ending ending);

/* However a run ended: if it was long enough, the next failure is the first in a row. */
void bh_order_end_run(const bh_plan *plan, bh_node *node);

/* It was going down, and is there. */
void bh_order_went_down(bh_plan *plan, bh_node *node);

/* It is down, as others are to be (bh_node_goes_with_parent()). */
void bh_order_down_with_others(bh_plan *plan, bh_node *node, bh_exit how);

/* Take down those that are to be started again with a node that exited, as the strategy says; then start all of them. */
void bh_order_restart_group(bh_plan *plan, bh_node *node, uint64_t delay_ms);

/* Turns (turns.c). */

/* It waits for its next turn from now on. How long that is, in milliseconds; BH_UNLIMITED. */
uint64_t bh_turns_await(bh_plan *plan, bh_node *node);

/* A moment came to look at one that waits: whether its turn has. If not, it goes on waiting. */
bool bh_turns_came(bh_plan *plan, bh_node *node);

#endif
