#include "supervise/plan.h"

#include "base/alloc.h"
#include "supervise/order.h"

void bh_plan_init(bh_plan *plan, const bh_plan_ops *ops, uint64_t seed)
{
	*plan = (bh_plan){.ops = ops, .seed = seed};
}

void bh_plan_deinit(bh_plan *plan)
{
	bh_heap_deinit(&plan->timers);
}

void bh_plan_tell(const bh_plan *plan, bh_node *node, bh_event_kind kind)
{
	const bh_note note = {.kind = kind, .node = node};
	plan->ops->tell(plan->ops->data, &note);
}

void bh_plan_tell_exit(const bh_plan *plan, bh_node *node, bh_exit how, bh_decision decision, uint64_t delay_ms)
{
	const bh_note note = {
		.kind = BH_EVENT_EXITED, .node = node, .exit = how, .decision = decision, .delay_ms = delay_ms};
	plan->ops->tell(plan->ops->data, &note);
}

static bh_moments *counted_for(bh_node *node)
{
	bh_node *sup = node->parent;
	return sup->spec.on_intensity == BH_INTENSITY_FAIL_CHILD ? &node->own : &sup->children;
}

/* What was decided by how many there were. */
static void tell_counted(const bh_plan *plan, bh_node *node, bh_exit how, bh_decision decision, uint64_t delay_ms)
{
	const bh_node_spec *bound = &node->parent->spec;
	const bh_note note = {
		.kind = BH_EVENT_EXITED,
		.node = node,
		.exit = how,
		.decision = decision,
		.delay_ms = delay_ms,
		.counted = counted_for(node)->count,
		.most_restarts = bound->most_restarts,
		.window_ms = bound->window_ms,
	};
	plan->ops->tell(plan->ops->data, &note);
}

/* Time only passes: one caller may have read the clock before another, and come after it. */
static void it_is(bh_plan *plan, uint64_t now)
{
	if (now > plan->now)
		plan->now = now;
}

/* The tree. */

static bool reserve(bh_moments *moments, uint32_t most)
{
	moments->at = most ? bh_calloc(most, sizeof *moments->at) : NULL;
	return !most || moments->at;
}

bool bh_plan_add(bh_plan *plan, bh_node *node, bh_node *parent, const bh_node_spec *spec)
{
	bool by_itself =
		parent && parent->spec.on_intensity == BH_INTENSITY_FAIL_CHILD && spec->restart != BH_RESTART_TEMPORARY;
	bool together = spec->supervisor && spec->on_intensity == BH_INTENSITY_ESCALATE;
	if (!bh_heap_reserve(&plan->timers, plan->nodes + 1) ||
	    !reserve(&node->own, by_itself ? parent->spec.most_restarts : 0))
		return false;
	if (!reserve(&node->children, together ? spec->most_restarts : 0)) {
		bh_free(BH_TAKE(node->own.at));
		return false;
	}
	plan->nodes++;
	node->spec = *spec;
	node->wanted = true;
	node->latecomer = parent && parent->state == BH_CHILD_RUNNING;
	node->parent = parent;
	node->previous = parent ? parent->last : NULL;
	if (!parent)
		return true;
	if (parent->last)
		parent->last->next = node;
	else
		parent->first = node;
	parent->last = node;
	parent->child_count++;
	return true;
}

static void unlink_node(bh_node *node)
{
	bh_node *parent = node->parent;
	if (!parent)
		return;
	if (parent->start_from == node)
		parent->start_from = node->next;
	if (parent->stop_from == node)
		parent->stop_from = node->previous;
	if (node->previous)
		node->previous->next = node->next;
	else
		parent->first = node->next;
	if (node->next)
		node->next->previous = node->previous;
	else
		parent->last = node->previous;
	parent->child_count--;
}

/* It is down, and so is all below it. */
void bh_plan_take_out(bh_plan *plan, bh_node *node)
{
	while (node->last)
		bh_plan_take_out(plan, node->last);
	bh_node_clear_timer(plan, node);
	bh_node_set_fresh(node, false);
	unlink_node(node);
	plan->nodes--;
	bh_free(BH_TAKE(node->own.at));
	bh_free(BH_TAKE(node->children.at));
	bh_plan_tell(plan, node, BH_EVENT_REMOVED);
	plan->ops->gone(plan->ops->data, node);
}

/* Exits that nobody asked for. */

/* Whether it may be started once more; if so, that is counted. */
static bool may_restart(const bh_plan *plan, bh_node *node)
{
	const bh_node_spec *bound = &node->parent->spec;
	bh_moments *counted = counted_for(node);
	uint64_t window = bh_after_ms(0, bound->window_ms);
	uint32_t kept = 0;
	for (uint32_t i = 0; i < counted->count; i++)
		if (plan->now - counted->at[i] <= window)
			counted->at[kept++] = counted->at[i];
	counted->count = kept;
	if (kept >= bound->most_restarts)
		return false;
	counted->at[counted->count++] = plan->now;
	return true;
}

/* After too many restarts, or because it cannot run at all. */
static void fail_for_good(bh_plan *plan, bh_node *node, bh_exit how)
{
	bh_node *sup = node->parent;
	node->state = BH_CHILD_FAILED;
	if (node->spec.broken)
		bh_plan_tell_exit(plan, node, how, BH_DECISION_FAIL, 0);
	else
		tell_counted(plan, node, how, BH_DECISION_FAIL, 0);
	bh_plan_tell(plan, node, BH_EVENT_FAILED);
	bh_node_set_fresh(node, false);
	if (node->spec.dynamic)
		bh_plan_take_out(plan, node);
	bh_order_advance(plan, sup);
}

static void give_up(bh_plan *plan, bh_node *node, bh_exit how)
{
	bh_node *sup = node->parent;
	if (sup->spec.on_intensity == BH_INTENSITY_FAIL_CHILD) {
		fail_for_good(plan, node, how);
		return;
	}
	tell_counted(plan, node, how, BH_DECISION_ESCALATE, 0);
	bh_order_go_down(plan, sup, BH_ENDING_ESCALATE);
}

static void leave(bh_plan *plan, bh_node *node, bh_exit how)
{
	bh_node *sup = node->parent;
	node->state = BH_CHILD_ENDED;
	bh_plan_tell_exit(plan, node, how, BH_DECISION_LEAVE, 0);
	bh_node_set_fresh(node, false);
	if (node->spec.dynamic)
		bh_plan_take_out(plan, node);
	bh_order_advance(plan, sup);
}

/* One run of many is over. One that ended well is forgotten; so is one that crashed, if it is not to be made up for. */
static void await_turn(bh_plan *plan, bh_node *node, bh_exit how)
{
	if (how == BH_EXIT_NORMAL)
		node->failures = 0;
	node->state = BH_CHILD_SCHEDULED;
	uint64_t delay = bh_turns_await(plan, node);
	bh_plan_tell_exit(plan, node, how, BH_DECISION_SCHEDULE, delay);
	bh_node_set_fresh(node, false);
	bh_order_advance(plan, node->parent);
}

static void restart(bh_plan *plan, bh_node *node, bh_exit how)
{
	node->failures++;
	node->due = bh_node_has_turns(node);
	if (!may_restart(plan, node)) {
		give_up(plan, node, how);
		return;
	}
	uint64_t delay = bh_backoff_ms(&node->spec.backoff, node->failures, &plan->seed);
	node->restarts++;
	tell_counted(plan, node, how, BH_DECISION_RESTART, delay);
	if (node->parent->spec.strategy == BH_ONE_FOR_ONE)
		bh_order_begin_after(plan, node, delay);
	else
		bh_order_restart_group(plan, node, delay);
}

/* The end of a tree. */
static void root_exited(bh_plan *plan, bh_node *root, bh_exit how)
{
	root->state = BH_CHILD_FAILED;
	bh_plan_tell_exit(plan, root, how, BH_DECISION_FAIL, 0);
	bh_plan_tell(plan, root, BH_EVENT_FAILED);
}

void bh_plan_exited(bh_plan *plan, bh_node *node, bh_exit how)
{
	node->state = BH_CHILD_STOPPED;
	if (!node->parent) {
		root_exited(plan, node, how);
	} else if (bh_node_goes_with_parent(node)) {
		bh_order_down_with_others(plan, node, how);
	} else if (node->spec.broken) {
		fail_for_good(plan, node, how);
	} else if (bh_node_has_turns(node) && (how == BH_EXIT_NORMAL || node->spec.restart == BH_RESTART_TEMPORARY)) {
		await_turn(plan, node, how);
	} else if (node->spec.restart == BH_RESTART_PERMANENT ||
	           (node->spec.restart == BH_RESTART_TRANSIENT && how != BH_EXIT_NORMAL)) {
		restart(plan, node, how);
	} else {
		leave(plan, node, how);
	}
}

/* What the driver says. */

void bh_plan_up(bh_plan *plan, bh_node *node, uint64_t now)
{
	it_is(plan, now);
	if (node->state == BH_CHILD_STARTING && !node->spec.supervisor)
		bh_order_came_up(plan, node);
}

void bh_plan_down(bh_plan *plan, bh_node *node, bh_exit how, uint64_t now)
{
	it_is(plan, now);
	if (bh_node_is_down(node) || node->spec.supervisor)
		return;
	bh_child_state before = node->state;
	bh_node_clear_timer(plan, node);
	bh_order_end_run(plan, node);
	if (before == BH_CHILD_STOPPING)
		bh_order_went_down(plan, node);
	else
		bh_plan_exited(plan, node, before == BH_CHILD_STARTING && how != BH_EXIT_NORMAL ? BH_EXIT_NOT_UP : how);
}

void bh_plan_replaced(bh_plan *plan, bh_node *node, uint64_t now)
{
	it_is(plan, now);
	if (node->state != BH_CHILD_RUNNING || node->spec.supervisor)
		return;
	node->failures = 0;
	node->up_since = plan->now;
	node->generation++;
}

void bh_plan_unhealthy(bh_plan *plan, bh_node *node, uint64_t now)
{
	it_is(plan, now);
	if (node->state == BH_CHILD_RUNNING && !node->spec.supervisor)
		bh_order_go_down(plan, node, BH_ENDING_UNHEALTHY);
}

static void due(bh_plan *plan, bh_node *node)
{
	switch (node->state) {
	case BH_CHILD_WAITING:
		bh_order_begin_in_turn(plan, node);
		break;
	case BH_CHILD_SCHEDULED:
		if (bh_turns_came(plan, node))
			bh_order_begin(plan, node);
		break;
	case BH_CHILD_STARTING:
		if (node->spec.supervisor)
			bh_order_advance(plan, node);
		else
			bh_order_go_down(plan, node, BH_ENDING_LATE);
		break;
	case BH_CHILD_STOPPING:
		bh_plan_tell(plan, node, BH_EVENT_KILLED);
		plan->ops->kill(plan->ops->data, node);
		break;
	default:
		bh_order_advance(plan, node);
	}
}

void bh_plan_due(bh_plan *plan, uint64_t now)
{
	it_is(plan, now);
	for (bh_heap_item *item; (item = bh_heap_first(&plan->timers)) && item->at <= plan->now;) {
		bh_heap_remove(&plan->timers, item);
		due(plan, (bh_node *)((char *)item - offsetof(bh_node, timer)));
	}
}

uint64_t bh_plan_next(const bh_plan *plan)
{
	const bh_heap_item *first = bh_heap_first(&plan->timers);
	return first ? first->at : BH_NEVER;
}

uint64_t bh_plan_starts_at(const bh_node *node)
{
	if (node->state == BH_CHILD_SCHEDULED)
		return node->turn_at;
	if (node->state != BH_CHILD_WAITING)
		return BH_NEVER;
	if (node->parent->spec.strategy != BH_ONE_FOR_ONE)
		return node->parent->group_at;
	return node->timer.place ? node->timer.at : BH_NEVER;
}

/* What somebody asks for. */

/* Whether it need not wait for its turn: nobody else is coming up or about to, or it has no place in the order yet. */
static bool starts_at_once(const bh_node *node)
{
	const bh_node *sup = node->parent;
	if (!sup)
		return true;
	if (node->spec.aside)
		return bh_node_is_up_or_coming(sup) && !bh_node_goes_with_parent(node);
	if (sup->state != BH_CHILD_RUNNING || node->fresh || bh_node_goes_with_parent(node))
		return false;
	return node->latecomer || (!sup->group_stop && !sup->fresh_count);
}

void bh_plan_start(bh_plan *plan, bh_node *node, uint64_t now)
{
	bh_node *sup = node->parent;
	it_is(plan, now);
	if (node->removing)
		return;
	node->wanted = true;
	if (node->state == BH_CHILD_STOPPING && node->ending == BH_ENDING_STOP) {
		node->ending = BH_ENDING_RESTART;
		node->due = node->spec.every_ms;
	}
	if (!bh_node_is_down(node) || node->state == BH_CHILD_WAITING || node->state == BH_CHILD_SCHEDULED)
		return;
	node->state = BH_CHILD_STOPPED;
	node->due = node->spec.every_ms;
	node->failures = node->own.count = 0;
	if (starts_at_once(node)) {
		bh_order_come_up(plan, node);
	} else if (bh_node_is_up_or_coming(sup)) {
		bh_node_set_fresh(node, true);
		bh_order_advance(plan, sup);
	}
}

/* Nobody waits for it to come up any more. */
static void pass_over(bh_plan *plan, bh_node *node)
{
	bh_node_set_fresh(node, false);
	if (node->parent)
		bh_order_advance(plan, node->parent);
}

void bh_plan_stop(bh_plan *plan, bh_node *node, uint64_t now)
{
	it_is(plan, now);
	node->wanted = false;
	if (node->state == BH_CHILD_STOPPING) {
		node->ending = BH_ENDING_STOP;
	} else if (bh_node_is_up_or_coming(node)) {
		bh_order_go_down(plan, node, BH_ENDING_STOP);
	} else if (node->state != BH_CHILD_STOPPED || node->fresh) {
		bh_node_clear_timer(plan, node);
		node->state = BH_CHILD_STOPPED;
		pass_over(plan, node);
	}
}

void bh_plan_restart(bh_plan *plan, bh_node *node, uint64_t now)
{
	it_is(plan, now);
	if (node->removing)
		return;
	node->wanted = true;
	if (!bh_node_is_down(node) || node->state == BH_CHILD_SCHEDULED)
		node->due = bh_node_has_turns(node);
	if (bh_node_is_up_or_coming(node)) {
		bh_order_go_down(plan, node, BH_ENDING_RESTART);
	} else if (node->state == BH_CHILD_STOPPING) {
		node->ending = BH_ENDING_RESTART;
	} else if (node->state == BH_CHILD_SCHEDULED) {
		bh_node_clear_timer(plan, node);
		bh_order_begin_in_turn(plan, node);
	} else if (node->state == BH_CHILD_WAITING) {
		bh_node_clear_timer(plan, node);
		node->parent->group_at = 0; /* those that wait with it do not any more */
		bh_order_begin_in_turn(plan, node);
	} else {
		bh_plan_start(plan, node, now);
	}
}

void bh_plan_remove(bh_plan *plan, bh_node *node, uint64_t now)
{
	it_is(plan, now);
	node->wanted = false;
	node->removing = true;
	if (node->state == BH_CHILD_STOPPING) {
		node->ending = BH_ENDING_STOP;
	} else if (bh_node_is_up_or_coming(node)) {
		bh_order_go_down(plan, node, BH_ENDING_STOP);
	} else {
		bh_node *sup = node->parent;
		bh_plan_take_out(plan, node);
		if (sup)
			bh_order_advance(plan, sup);
	}
}
