#include "supervise/plan.h"

#include "base/alloc.h"

static void advance(bh_plan *plan, bh_node *sup);
static void stop_next(bh_plan *plan, bh_node *sup);
static void exited(bh_plan *plan, bh_node *node, bh_exit how);

void bh_plan_init(bh_plan *plan, const bh_plan_ops *ops, uint64_t seed)
{
	*plan = (bh_plan){.ops = ops, .seed = seed};
}

void bh_plan_deinit(bh_plan *plan)
{
	bh_heap_deinit(&plan->timers);
}

/* Small things. */

static bool is_down(const bh_node *node)
{
	return node->state != BH_CHILD_STARTING && node->state != BH_CHILD_RUNNING && node->state != BH_CHILD_STOPPING;
}

static bool is_up_or_coming(const bh_node *node)
{
	return node->state == BH_CHILD_STARTING || node->state == BH_CHILD_RUNNING;
}

/* Whether its supervisor is taking it down, for good or to start it again with others. */
static bool goes_with_parent(const bh_node *node)
{
	const bh_node *sup = node->parent;
	return sup && (sup->all_stop || (sup->group_stop && node->affected));
}

static void set_timer(bh_plan *plan, bh_node *node, uint64_t at)
{
	bh_heap_remove(&plan->timers, &node->timer);
	if (at != BH_NEVER)
		(void)!bh_heap_add(&plan->timers, &node->timer, at); /* there is room: bh_plan_add() */
}

static void clear_timer(bh_plan *plan, bh_node *node)
{
	bh_heap_remove(&plan->timers, &node->timer);
}

static void set_fresh(bh_node *node, bool fresh)
{
	if (node->parent && node->fresh != fresh)
		node->parent->fresh_count += fresh ? 1 : (size_t)-1;
	node->fresh = fresh;
}

static void tell(const bh_plan *plan, bh_node *node, bh_event_kind kind)
{
	const bh_note note = {.kind = kind, .node = node};
	plan->ops->tell(plan->ops->data, &note);
}

static void tell_exit(const bh_plan *plan, bh_node *node, bh_exit how, bh_decision decision, uint64_t delay_ms)
{
	const bh_note note = {
		.kind = BH_EVENT_EXITED, .node = node, .exit = how, .decision = decision, .delay_ms = delay_ms};
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
static void take_out(bh_plan *plan, bh_node *node)
{
	while (node->last)
		take_out(plan, node->last);
	clear_timer(plan, node);
	set_fresh(node, false);
	unlink_node(node);
	plan->nodes--;
	bh_free(BH_TAKE(node->own.at));
	bh_free(BH_TAKE(node->children.at));
	tell(plan, node, BH_EVENT_REMOVED);
	plan->ops->gone(plan->ops->data, node);
}

/* Coming up. */

static void came_up(bh_plan *plan, bh_node *node)
{
	clear_timer(plan, node);
	node->state = BH_CHILD_RUNNING;
	node->up_since = plan->now;
	node->generation++;
	set_fresh(node, false);
	tell(plan, node, BH_EVENT_STARTED);
	if (node->parent && (node->parent->fresh_count || node->parent->state == BH_CHILD_STARTING))
		advance(plan, node->parent);
}

/* A supervisor begins anew with all its children but those that somebody stopped. */
static void forget_past(bh_plan *plan, bh_node *sup)
{
	sup->group_at = 0;
	sup->children.count = 0;
	for (bh_node *child = sup->first; child; child = child->next) {
		clear_timer(plan, child);
		child->state = BH_CHILD_STOPPED;
		child->failures = child->own.count = 0;
		set_fresh(child, child->wanted);
	}
}

static void begin(bh_plan *plan, bh_node *node)
{
	node->state = BH_CHILD_STARTING;
	node->ending = BH_ENDING_STOP;
	node->latecomer = false;
	tell(plan, node, BH_EVENT_STARTING);
	if (node->spec.supervisor) {
		clear_timer(plan, node);
		forget_past(plan, node);
		advance(plan, node);
	} else {
		set_timer(plan, node, bh_after_ms(plan->now, node->spec.start_ms));
		plan->ops->start(plan->ops->data, node);
	}
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
		set_timer(plan, sup, sup->group_at);
	return plan->now >= sup->group_at;
}

/* Start the fresh ones in order, each when those before it are up. */
static void start_in_order(bh_plan *plan, bh_node *sup)
{
	for (bh_node *child = sup->first; child && sup->fresh_count; child = child->next) {
		if (child->fresh && may_begin(plan, child))
			begin(plan, child);
		if (child->fresh)
			return;
	}
}

static void advance(bh_plan *plan, bh_node *sup)
{
	if (!is_up_or_coming(sup) || sup->group_stop || sup->stepping)
		return;
	sup->stepping = true;
	start_in_order(plan, sup);
	sup->stepping = false;
	if (!sup->fresh_count && sup->state == BH_CHILD_STARTING)
		came_up(plan, sup);
}

/* In its place in the order where it has one, otherwise at once. */
static void begin_in_turn(bh_plan *plan, bh_node *node)
{
	node->state = BH_CHILD_STOPPED;
	if (node->fresh)
		advance(plan, node->parent);
	else
		begin(plan, node);
}

static void begin_after(bh_plan *plan, bh_node *node, uint64_t delay_ms)
{
	if (!delay_ms) {
		begin_in_turn(plan, node);
		return;
	}
	node->state = BH_CHILD_WAITING;
	set_timer(plan, node, bh_after_ms(plan->now, delay_ms));
}

/* Nobody waits for it to come up any more. */
static void pass_over(bh_plan *plan, bh_node *node)
{
	set_fresh(node, false);
	if (node->parent)
		advance(plan, node->parent);
}

/* Going down. */

/* However a run ended: if it was long enough, the next failure is the first in a row. */
static void end_run(const bh_plan *plan, bh_node *node)
{
	uint64_t stable = bh_after_ms(0, bh_backoff_stable_ms(&node->spec.backoff));
	if (node->up_since && plan->now - node->up_since >= stable)
		node->failures = 0;
	node->up_since = 0;
}

/* It does not wait to be started any more: it would be started while others are stopped. */
static void call_off(bh_plan *plan, bh_node *node)
{
	if (node->state != BH_CHILD_WAITING)
		return;
	clear_timer(plan, node);
	node->state = BH_CHILD_STOPPED;
}

static void go_down(bh_plan *plan, bh_node *node, bh_ending ending)
{
	node->ending = ending;
	node->state = BH_CHILD_STOPPING;
	clear_timer(plan, node);
	if (node->spec.supervisor) {
		node->all_stop = true;
		for (bh_node *child = node->first; child; child = child->next)
			call_off(plan, child);
		stop_next(plan, node);
	} else if (ending == BH_ENDING_LATE || ending == BH_ENDING_UNHEALTHY || !node->spec.shutdown_ms) {
		plan->ops->kill(plan->ops->data, node);
	} else {
		set_timer(plan, node, bh_after_ms(plan->now, node->spec.shutdown_ms));
		plan->ops->stop(plan->ops->data, node);
	}
}

/* Of those that are taken down with another: whether it comes up with them. */
static bh_decision fate(const bh_node *node)
{
	if (node->parent->all_stop || !node->wanted)
		return BH_DECISION_NONE;
	/* A temporary one is left, unless somebody asked for it meanwhile. */
	return node->spec.restart == BH_RESTART_TEMPORARY && node->ending != BH_ENDING_RESTART ? BH_DECISION_LEAVE
	                                                                                       : BH_DECISION_WITH_GROUP;
}

/* It is down, as others are to be. */
static void down_with_others(bh_plan *plan, bh_node *node, bh_exit how)
{
	bh_node *sup = node->parent;
	bh_decision decision = fate(node);
	node->state = decision == BH_DECISION_LEAVE ? BH_CHILD_ENDED : BH_CHILD_STOPPED;
	tell_exit(plan, node, how, decision, 0);
	set_fresh(node, decision == BH_DECISION_WITH_GROUP);
	if (node->removing)
		take_out(plan, node);
	stop_next(plan, sup);
}

/* It is down because it was asked to. */
static void settle(bh_plan *plan, bh_node *node)
{
	bh_node *sup = node->parent;
	if (goes_with_parent(node)) {
		down_with_others(plan, node, BH_EXIT_STOPPED);
		return;
	}
	node->state = BH_CHILD_STOPPED;
	tell_exit(plan, node, BH_EXIT_STOPPED, BH_DECISION_NONE, 0);
	set_fresh(node, false);
	if (node->removing)
		take_out(plan, node);
	if (sup)
		advance(plan, sup);
}

/* It was going down, and is there. */
static void went_down(bh_plan *plan, bh_node *node)
{
	clear_timer(plan, node);
	switch (node->ending) {
	case BH_ENDING_LATE:
		exited(plan, node, BH_EXIT_NOT_UP);
		return;
	case BH_ENDING_UNHEALTHY:
		exited(plan, node, BH_EXIT_UNHEALTHY);
		return;
	case BH_ENDING_ESCALATE:
		exited(plan, node, BH_EXIT_ESCALATED);
		return;
	case BH_ENDING_RESTART:
		if (!goes_with_parent(node)) {
			tell_exit(plan, node, BH_EXIT_STOPPED, BH_DECISION_RESTART, 0);
			begin_in_turn(plan, node);
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
		set_fresh(child, false);
		if (child->spec.dynamic)
			take_out(plan, child);
	}
	end_run(plan, sup);
	went_down(plan, sup);
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
		if (child->spec.restart != BH_RESTART_TEMPORARY && child->wanted && child->state != BH_CHILD_FAILED)
			set_fresh(child, true);
		if (child->fresh)
			child->state = plan->now < sup->group_at ? BH_CHILD_WAITING : BH_CHILD_STOPPED;
		else if (child->spec.dynamic && child->state == BH_CHILD_ENDED)
			take_out(plan, child);
	}
	advance(plan, sup);
}

/* The last of those that are to go down and are not yet is asked to; NULL: there is none. */
static const bh_node *last_to_stop(bh_plan *plan, const bh_node *sup)
{
	for (bh_node *child = sup->last; child; child = child->previous) {
		if (!sup->all_stop && !child->affected)
			continue;
		if (is_up_or_coming(child))
			go_down(plan, child, BH_ENDING_STOP); /* a supervisor without children is down by now */
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

/* Exits that nobody asked for. */

/* Whether it may be started once more; if so, that is counted. */
static bool may_restart(const bh_plan *plan, bh_node *node)
{
	const bh_node_spec *bound = &node->parent->spec;
	bh_moments *counted = bound->on_intensity == BH_INTENSITY_FAIL_CHILD ? &node->own : &node->parent->children;
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

static void give_up(bh_plan *plan, bh_node *node, bh_exit how)
{
	bh_node *sup = node->parent;
	if (sup->spec.on_intensity == BH_INTENSITY_FAIL_CHILD) {
		node->state = BH_CHILD_FAILED;
		tell_exit(plan, node, how, BH_DECISION_FAIL, 0);
		tell(plan, node, BH_EVENT_FAILED);
		set_fresh(node, false);
		if (node->spec.dynamic)
			take_out(plan, node);
		advance(plan, sup);
		return;
	}
	tell_exit(plan, node, how, BH_DECISION_ESCALATE, 0);
	go_down(plan, sup, BH_ENDING_ESCALATE);
}

static void leave(bh_plan *plan, bh_node *node, bh_exit how)
{
	bh_node *sup = node->parent;
	node->state = BH_CHILD_ENDED;
	tell_exit(plan, node, how, BH_DECISION_LEAVE, 0);
	set_fresh(node, false);
	if (node->spec.dynamic)
		take_out(plan, node);
	advance(plan, sup);
}

/* With it go all, or those behind it. */
static void restart_group(bh_plan *plan, bh_node *node, uint64_t delay_ms)
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
	stop_next(plan, sup);
}

static void restart(bh_plan *plan, bh_node *node, bh_exit how)
{
	node->failures++;
	if (!may_restart(plan, node)) {
		give_up(plan, node, how);
		return;
	}
	uint64_t delay = bh_backoff_ms(&node->spec.backoff, node->failures, &plan->seed);
	node->restarts++;
	tell_exit(plan, node, how, BH_DECISION_RESTART, delay);
	if (node->parent->spec.strategy == BH_ONE_FOR_ONE)
		begin_after(plan, node, delay);
	else
		restart_group(plan, node, delay);
}

/* The end of a tree. */
static void root_exited(bh_plan *plan, bh_node *root, bh_exit how)
{
	root->state = BH_CHILD_FAILED;
	tell_exit(plan, root, how, BH_DECISION_FAIL, 0);
	tell(plan, root, BH_EVENT_FAILED);
}

static void exited(bh_plan *plan, bh_node *node, bh_exit how)
{
	node->state = BH_CHILD_STOPPED;
	if (!node->parent) {
		root_exited(plan, node, how);
	} else if (goes_with_parent(node)) {
		down_with_others(plan, node, how);
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
		came_up(plan, node);
}

void bh_plan_down(bh_plan *plan, bh_node *node, bh_exit how, uint64_t now)
{
	it_is(plan, now);
	if (is_down(node) || node->spec.supervisor)
		return;
	bh_child_state before = node->state;
	clear_timer(plan, node);
	end_run(plan, node);
	if (before == BH_CHILD_STOPPING)
		went_down(plan, node);
	else
		exited(plan, node, before == BH_CHILD_STARTING && how != BH_EXIT_NORMAL ? BH_EXIT_NOT_UP : how);
}

void bh_plan_unhealthy(bh_plan *plan, bh_node *node, uint64_t now)
{
	it_is(plan, now);
	if (node->state == BH_CHILD_RUNNING && !node->spec.supervisor)
		go_down(plan, node, BH_ENDING_UNHEALTHY);
}

static void due(bh_plan *plan, bh_node *node)
{
	switch (node->state) {
	case BH_CHILD_WAITING:
		begin_in_turn(plan, node);
		break;
	case BH_CHILD_STARTING:
		if (node->spec.supervisor)
			advance(plan, node);
		else
			go_down(plan, node, BH_ENDING_LATE);
		break;
	case BH_CHILD_STOPPING:
		tell(plan, node, BH_EVENT_KILLED);
		plan->ops->kill(plan->ops->data, node);
		break;
	default:
		advance(plan, node);
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

/* What somebody asks for. */

/* Whether it need not wait for its turn: nobody else is coming up or about to, or it has no place in the order yet. */
static bool starts_at_once(const bh_node *node)
{
	const bh_node *sup = node->parent;
	if (!sup)
		return true;
	if (sup->state != BH_CHILD_RUNNING || node->fresh || goes_with_parent(node))
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
	if (node->state == BH_CHILD_STOPPING && node->ending == BH_ENDING_STOP)
		node->ending = BH_ENDING_RESTART;
	if (!is_down(node) || node->state == BH_CHILD_WAITING)
		return;
	node->state = BH_CHILD_STOPPED;
	node->failures = node->own.count = 0;
	if (starts_at_once(node)) {
		begin(plan, node);
	} else if (is_up_or_coming(sup)) {
		set_fresh(node, true);
		advance(plan, sup);
	}
}

void bh_plan_stop(bh_plan *plan, bh_node *node, uint64_t now)
{
	it_is(plan, now);
	node->wanted = false;
	if (node->state == BH_CHILD_STOPPING) {
		node->ending = BH_ENDING_STOP;
	} else if (is_up_or_coming(node)) {
		go_down(plan, node, BH_ENDING_STOP);
	} else if (node->state != BH_CHILD_STOPPED || node->fresh) {
		clear_timer(plan, node);
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
	if (is_up_or_coming(node)) {
		go_down(plan, node, BH_ENDING_RESTART);
	} else if (node->state == BH_CHILD_STOPPING) {
		node->ending = BH_ENDING_RESTART;
	} else if (node->state == BH_CHILD_WAITING) {
		clear_timer(plan, node);
		node->parent->group_at = 0; /* those that wait with it do not any more */
		begin_in_turn(plan, node);
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
	} else if (is_up_or_coming(node)) {
		go_down(plan, node, BH_ENDING_STOP);
	} else {
		bh_node *sup = node->parent;
		take_out(plan, node);
		if (sup)
			advance(plan, sup);
	}
}
