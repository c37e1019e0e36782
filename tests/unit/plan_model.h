/*
 * A second plan: what docs/guide/supervision.md says, as simply as it can be said. Nothing is remembered that can be
 * found out by looking: after each event the supervisors are gone through again and again, the lowest first, until none of
 * them has anything to do.
 */
#ifndef BH_TEST_PLAN_MODEL_H
#define BH_TEST_PLAN_MODEL_H

#include <string.h>

#include "supervise/plan.h"

enum { MODEL_NODES = 400, MODEL_LOG = 4000, MODEL_COUNTED = 1000, NOBODY = -1 };

/* What was done, or told. */
typedef struct {
	char sign; /* '+', '-', '!' and '~' as in plan_tools.h; '.': told */
	int node;
	bh_event_kind kind;
	bh_exit exit;
	bh_decision decision;
	uint64_t delay_ms;
	int counted; /* restarts within the window, this one included; 0: it was not about that */
} model_entry;

/* Moments of restarts since they were last forgotten. */
typedef struct {
	uint64_t at[MODEL_COUNTED];
	int count;
} model_moments;

/* Parents come before their children, brothers in their order. */
typedef struct {
	bool there;
	int parent;
	bh_node_spec spec;
	bh_child_state state;
	bh_ending why; /* it goes down */
	bool wanted, removing;
	bool its_turn;  /* it comes up in order: those behind it wait for it */
	bool latecomer; /* added while its supervisor ran, and not started since */
	bool in_group;  /* it goes down, and up again, with another */
	bool due;       /* of one that has turns: coming up it runs, and does not wait */
	bool ran;
	uint64_t ran_at, turn;
	uint64_t timer;
	bool was_up;
	uint64_t up_at;
	uint32_t failures, generation, restarts;
	model_moments own, children;
	bool group_stops;
	uint64_t group_at;
} model_node;

typedef struct {
	model_node nodes[MODEL_NODES];
	int count;
	uint64_t now, seed;
	model_entry log[MODEL_LOG];
	int logged;
} model;

static void model_log(model *m, model_entry entry)
{
	if (m->logged < MODEL_LOG)
		m->log[m->logged++] = entry;
}

static void model_do(model *m, char sign, int node)
{
	model_log(m, (model_entry){.sign = sign, .node = node});
}

static void model_tell(model *m, int node, bh_event_kind kind)
{
	model_log(m, (model_entry){.sign = '.', .node = node, .kind = kind});
}

static void model_tell_exit(model *m, int node, bh_exit how, bh_decision decision, uint64_t delay_ms)
{
	model_log(m, (model_entry){'.', node, BH_EVENT_EXITED, how, decision, delay_ms, 0});
}

static void model_tell_counted(model *m, int node, bh_exit how, bh_decision decision, uint64_t delay_ms, int counted)
{
	model_log(m, (model_entry){'.', node, BH_EVENT_EXITED, how, decision, delay_ms, counted});
}

/* Looking. */

static bool model_is_child(const model *m, int node, int sup)
{
	return m->nodes[node].there && m->nodes[node].parent == sup;
}

static bool model_up_or_coming(const model_node *n)
{
	return n->state == BH_CHILD_STARTING || n->state == BH_CHILD_RUNNING;
}

static bool model_down(const model_node *n)
{
	return !model_up_or_coming(n) && n->state != BH_CHILD_STOPPING;
}

static bool model_goes_with_others(const model *m, const model_node *n)
{
	if (n->parent == NOBODY)
		return false;
	const model_node *sup = &m->nodes[n->parent];
	return sup->state == BH_CHILD_STOPPING || (sup->group_stops && n->in_group);
}

/* Of those that go down (all, or those of the group) the last that is not down. */
static int model_last_to_stop(const model *m, int sup)
{
	for (int c = m->count - 1; c > sup; c--)
		if (model_is_child(m, c, sup) && !model_down(&m->nodes[c]) &&
		    (m->nodes[sup].state == BH_CHILD_STOPPING || m->nodes[c].in_group))
			return c;
	return NOBODY;
}

static int model_first_in_turn(const model *m, int sup)
{
	for (int c = sup + 1; c < m->count; c++)
		if (model_is_child(m, c, sup) && m->nodes[c].its_turn)
			return c;
	return NOBODY;
}

/* It waits as all of its group do, not for itself. */
static bool model_waits_with_group(const model *m, const model_node *n)
{
	return n->state == BH_CHILD_WAITING && m->nodes[n->parent].spec.strategy != BH_ONE_FOR_ONE;
}

static int model_within_window(const model *m, const model_moments *counted, uint64_t window_ms)
{
	int found = 0;
	for (int i = 0; i < counted->count; i++)
		found += m->now <= bh_after_ms(counted->at[i], window_ms);
	return found;
}

/* Doing. */

static bool model_has_turns(const model_node *n)
{
	return n->spec.every_ms || n->spec.calendar;
}

/* Calendars: each node has one of its own, and one in seven has no day in it. Milliseconds. */
static uint64_t model_calendar_wait(int id, uint64_t now)
{
	const uint64_t length = (uint64_t)(id * 37 % 400 + 10);
	return id % 7 == 6 ? BH_UNLIMITED : length - now / 1000000 % length;
}

static void model_wait_for_turn(model *m, int node)
{
	model_node *n = &m->nodes[node];
	n->state = BH_CHILD_SCHEDULED;
	if (n->spec.calendar) {
		n->turn = bh_after_ms(m->now, model_calendar_wait(node, m->now));
	} else {
		n->turn = bh_after_ms(n->ran ? n->ran_at : m->now, n->spec.every_ms);
		while (n->turn < m->now)
			n->turn = bh_after_ms(n->turn, n->spec.every_ms);
	}
	n->timer = n->turn;
}

static void model_take_out(model *m, int node)
{
	for (int c = m->count - 1; c > node; c--)
		if (model_is_child(m, c, node))
			model_take_out(m, c);
	m->nodes[node].there = false;
	model_tell(m, node, BH_EVENT_REMOVED);
	model_do(m, '~', node);
}

static void model_begin(model *m, int node)
{
	model_node *n = &m->nodes[node];
	n->state = BH_CHILD_STARTING;
	n->latecomer = n->due = false;
	n->ran = true;
	n->ran_at = m->now;
	n->timer = BH_NEVER;
	model_tell(m, node, BH_EVENT_STARTING);
	if (!n->spec.supervisor) {
		n->timer = bh_after_ms(m->now, n->spec.start_ms);
		model_do(m, '+', node);
		return;
	}
	n->children.count = 0;
	n->group_at = 0;
	for (int c = node + 1; c < m->count; c++) {
		model_node *child = &m->nodes[c];
		if (!model_is_child(m, c, node))
			continue;
		child->state = BH_CHILD_STOPPED;
		child->timer = BH_NEVER;
		child->failures = 0;
		child->own.count = 0;
		child->due = child->spec.every_ms;
		child->its_turn = child->wanted;
	}
}

/* It begins, or where it has turns and none is due, to wait for one. */
static void model_come_up(model *m, int node)
{
	model_node *n = &m->nodes[node];
	if (!model_has_turns(n) || n->due) {
		model_begin(m, node);
		return;
	}
	n->latecomer = n->its_turn = false;
	model_wait_for_turn(m, node);
	model_tell(m, node, BH_EVENT_SCHEDULED);
}

static void model_came_up(model *m, int node)
{
	model_node *n = &m->nodes[node];
	n->state = BH_CHILD_RUNNING;
	n->timer = BH_NEVER;
	n->its_turn = false;
	n->was_up = true;
	n->up_at = m->now;
	n->generation++;
	model_tell(m, node, BH_EVENT_STARTED);
}

/* It is down and to be started: now, or when its turn comes. */
static void model_begin_in_turn(model *m, int node)
{
	m->nodes[node].state = BH_CHILD_STOPPED;
	m->nodes[node].timer = BH_NEVER;
	if (!m->nodes[node].its_turn)
		model_come_up(m, node);
}

static void model_call_off(model_node *n)
{
	if (n->state != BH_CHILD_WAITING && n->state != BH_CHILD_SCHEDULED)
		return;
	n->state = BH_CHILD_STOPPED;
	n->timer = BH_NEVER;
}

static void model_go_down(model *m, int node, bh_ending why)
{
	model_node *n = &m->nodes[node];
	n->state = BH_CHILD_STOPPING;
	n->why = why;
	n->timer = BH_NEVER;
	if (n->spec.supervisor) {
		for (int c = node + 1; c < m->count; c++)
			if (model_is_child(m, c, node))
				model_call_off(&m->nodes[c]);
	} else if (why == BH_ENDING_LATE || why == BH_ENDING_UNHEALTHY || !n->spec.shutdown_ms) {
		model_do(m, '!', node);
	} else {
		n->timer = bh_after_ms(m->now, n->spec.shutdown_ms);
		model_do(m, '-', node);
	}
}

/* Exits. */

static void model_with_others(model *m, int node, bh_exit how, bool asked_for)
{
	model_node *n = &m->nodes[node];
	bh_decision decision = BH_DECISION_WITH_GROUP;
	if (m->nodes[n->parent].state == BH_CHILD_STOPPING || !n->wanted)
		decision = BH_DECISION_NONE;
	else if (n->spec.restart == BH_RESTART_TEMPORARY && !asked_for && !model_has_turns(n))
		decision = BH_DECISION_LEAVE;
	n->state = decision == BH_DECISION_LEAVE ? BH_CHILD_ENDED : BH_CHILD_STOPPED;
	n->its_turn = decision == BH_DECISION_WITH_GROUP;
	model_tell_exit(m, node, how, decision, 0);
	if (n->removing)
		model_take_out(m, node);
}

static void model_as_asked(model *m, int node)
{
	model_node *n = &m->nodes[node];
	n->state = BH_CHILD_STOPPED;
	if (n->why == BH_ENDING_RESTART) {
		model_tell_exit(m, node, BH_EXIT_STOPPED, BH_DECISION_RESTART, 0);
		model_begin_in_turn(m, node);
		return;
	}
	n->its_turn = false;
	model_tell_exit(m, node, BH_EXIT_STOPPED, BH_DECISION_NONE, 0);
	if (n->removing)
		model_take_out(m, node);
}

/* Down without a restart: after so many, or for another reason. */
static void model_stays_down(model *m, int node, bh_exit how, bh_child_state state, int counted)
{
	model_node *n = &m->nodes[node];
	n->state = state;
	n->its_turn = false;
	model_tell_counted(m, node, how, state == BH_CHILD_FAILED ? BH_DECISION_FAIL : BH_DECISION_LEAVE, 0, counted);
	if (state == BH_CHILD_FAILED)
		model_tell(m, node, BH_EVENT_FAILED);
	if (n->spec.dynamic && n->parent != NOBODY)
		model_take_out(m, node);
}

static void model_start_again(model *m, int node, bh_exit how)
{
	model_node *n = &m->nodes[node], *sup = &m->nodes[n->parent];
	bool by_itself = sup->spec.on_intensity == BH_INTENSITY_FAIL_CHILD;
	model_moments *counted = by_itself ? &n->own : &sup->children;
	n->failures++;
	n->due = true;
	int before = model_within_window(m, counted, sup->spec.window_ms);
	if (before >= (int)sup->spec.most_restarts) {
		if (by_itself) {
			model_stays_down(m, node, how, BH_CHILD_FAILED, before);
		} else {
			n->state = BH_CHILD_STOPPED;
			model_tell_counted(m, node, how, BH_DECISION_ESCALATE, 0, before);
			model_go_down(m, n->parent, BH_ENDING_ESCALATE);
		}
		return;
	}
	counted->at[counted->count++] = m->now;
	n->restarts++;
	n->state = BH_CHILD_STOPPED;
	uint64_t delay = bh_backoff_ms(&n->spec.backoff, n->failures, &m->seed), at = bh_after_ms(m->now, delay);
	model_tell_counted(m, node, how, BH_DECISION_RESTART, delay, before + 1);
	if (sup->spec.strategy != BH_ONE_FOR_ONE) {
		for (int c = sup->spec.strategy == BH_ONE_FOR_ALL ? 0 : node; c < m->count; c++)
			if (model_is_child(m, c, n->parent)) {
				model_call_off(&m->nodes[c]);
				m->nodes[c].in_group = true;
			}
		sup->group_at = at > sup->group_at ? at : sup->group_at;
		sup->group_stops = true;
	} else if (delay) {
		n->state = BH_CHILD_WAITING;
		n->timer = at;
	} else {
		model_begin_in_turn(m, node);
	}
}

/* One run of several is over. */
static void model_next_turn(model *m, int node, bh_exit how)
{
	model_node *n = &m->nodes[node];
	if (how == BH_EXIT_NORMAL)
		n->failures = 0;
	n->its_turn = false;
	model_wait_for_turn(m, node);
	model_tell_exit(m, node, how, BH_DECISION_SCHEDULE,
	                n->turn == BH_NEVER ? BH_UNLIMITED : (n->turn - m->now) / 1000000);
}

/* It is down now: as it was asked to, or by itself. */
static void model_is_down_now(model *m, int node, bh_exit how)
{
	static const bh_exit reasons[] = {BH_EXIT_STOPPED, BH_EXIT_STOPPED, BH_EXIT_NOT_UP, BH_EXIT_UNHEALTHY,
	                                  BH_EXIT_ESCALATED};
	model_node *n = &m->nodes[node];
	bool asked = n->state == BH_CHILD_STOPPING;
	bool by_somebody = asked && (n->why == BH_ENDING_STOP || n->why == BH_ENDING_RESTART);
	if (asked)
		how = reasons[n->why];
	else if (n->state == BH_CHILD_STARTING && how != BH_EXIT_NORMAL)
		how = BH_EXIT_NOT_UP;
	if (n->was_up && m->now >= bh_after_ms(n->up_at, bh_backoff_stable_ms(&n->spec.backoff)))
		n->failures = 0;
	n->was_up = false;
	n->timer = BH_NEVER;
	bool again =
		n->spec.restart == BH_RESTART_PERMANENT || (n->spec.restart == BH_RESTART_TRANSIENT && how != BH_EXIT_NORMAL);
	if (model_goes_with_others(m, n))
		model_with_others(m, node, how, asked && n->why == BH_ENDING_RESTART);
	else if (by_somebody)
		model_as_asked(m, node);
	else if (n->parent == NOBODY)
		model_stays_down(m, node, how, BH_CHILD_FAILED, 0);
	else if (model_has_turns(n) && (how == BH_EXIT_NORMAL || n->spec.restart == BH_RESTART_TEMPORARY))
		model_next_turn(m, node, how);
	else if (again)
		model_start_again(m, node, how);
	else
		model_stays_down(m, node, how, BH_CHILD_ENDED, 0);
}

/* What supervisors do by themselves. */

static void model_all_are_down(model *m, int sup)
{
	m->nodes[sup].group_stops = false;
	for (int c = sup + 1; c < m->count; c++) {
		if (!model_is_child(m, c, sup))
			continue;
		m->nodes[c].in_group = m->nodes[c].its_turn = false;
		if (m->nodes[c].spec.dynamic)
			model_take_out(m, c);
	}
	model_is_down_now(m, sup, BH_EXIT_STOPPED);
}

static void model_group_is_down(model *m, int sup)
{
	m->nodes[sup].group_stops = false;
	for (int c = sup + 1; c < m->count; c++) {
		model_node *n = &m->nodes[c];
		if (!model_is_child(m, c, sup) || !n->in_group)
			continue;
		n->in_group = false;
		if ((n->spec.restart != BH_RESTART_TEMPORARY || model_has_turns(n)) && n->wanted && n->state != BH_CHILD_FAILED)
			n->its_turn = true;
		if (n->its_turn)
			n->state = m->now < m->nodes[sup].group_at ? BH_CHILD_WAITING : BH_CHILD_STOPPED;
		else if (n->spec.dynamic && n->state == BH_CHILD_ENDED)
			model_take_out(m, c);
	}
}

static bool model_stop_one(model *m, int sup)
{
	int last = model_last_to_stop(m, sup);
	if (last == NOBODY && m->nodes[sup].state == BH_CHILD_STOPPING)
		model_all_are_down(m, sup);
	else if (last == NOBODY)
		model_group_is_down(m, sup);
	else if (model_up_or_coming(&m->nodes[last]))
		model_go_down(m, last, BH_ENDING_STOP);
	else
		return false; /* it is on its way */
	return true;
}

static bool model_start_one(model *m, int sup)
{
	int first = model_first_in_turn(m, sup);
	if (first == NOBODY) {
		if (m->nodes[sup].state == BH_CHILD_RUNNING)
			return false;
		model_came_up(m, sup);
		return true;
	}
	const model_node *n = &m->nodes[first];
	if (n->state != BH_CHILD_STOPPED && !(model_waits_with_group(m, n) && m->now >= m->nodes[sup].group_at))
		return false;
	model_come_up(m, first);
	return true;
}

static bool model_step(model *m, int sup)
{
	const model_node *n = &m->nodes[sup];
	if (!n->there || !n->spec.supervisor)
		return false;
	if (n->state == BH_CHILD_STOPPING || (model_up_or_coming(n) && n->group_stops))
		return model_stop_one(m, sup);
	return model_up_or_coming(n) && model_start_one(m, sup);
}

static void model_settle(model *m)
{
	for (int sup = m->count - 1; sup >= 0; sup--)
		if (model_step(m, sup))
			sup = m->count; /* from the lowest again */
}

#endif
