/*
 * What the model is told, as the plan is: what happened, what somebody asks for, and that a moment came.
 */
#ifndef BH_TEST_PLAN_MODEL_TOLD_H
#define BH_TEST_PLAN_MODEL_TOLD_H

#include "plan_model.h"

static void model_add(model *m, int parent, const bh_node_spec *spec)
{
	model_node *n = &m->nodes[m->count++];
	memset(n, 0, sizeof *n);
	n->there = n->wanted = true;
	n->latecomer = parent != NOBODY && m->nodes[parent].state == BH_CHILD_RUNNING;
	n->parent = parent;
	n->spec = *spec;
	n->timer = BH_NEVER;
}

static void model_up(model *m, int node)
{
	if (m->nodes[node].state == BH_CHILD_STARTING && !m->nodes[node].spec.supervisor)
		model_came_up(m, node);
	model_settle(m);
}

static void model_exit(model *m, int node, bh_exit how)
{
	if (!model_down(&m->nodes[node]) && !m->nodes[node].spec.supervisor)
		model_is_down_now(m, node, how);
	model_settle(m);
}

static void model_unhealthy(model *m, int node)
{
	if (m->nodes[node].state == BH_CHILD_RUNNING && !m->nodes[node].spec.supervisor)
		model_go_down(m, node, BH_ENDING_UNHEALTHY);
	model_settle(m);
}

static void model_start(model *m, int node)
{
	model_node *n = &m->nodes[node];
	if (n->removing)
		return;
	n->wanted = true;
	if (n->state == BH_CHILD_STOPPING && n->why == BH_ENDING_STOP) {
		n->why = BH_ENDING_RESTART;
		n->due = n->spec.every_ms;
	}
	if (!model_down(n) || n->state == BH_CHILD_WAITING || n->state == BH_CHILD_SCHEDULED)
		return;
	n->state = BH_CHILD_STOPPED;
	n->due = n->spec.every_ms;
	n->failures = 0;
	n->own.count = 0;
	const model_node *sup = n->parent == NOBODY ? NULL : &m->nodes[n->parent];
	if (sup && !model_up_or_coming(sup))
		return; /* comes up when its supervisor does */
	bool others_come =
		sup && (sup->state == BH_CHILD_STARTING || sup->group_stops || model_first_in_turn(m, n->parent) != NOBODY);
	bool whatever_its_place =
		sup && sup->state == BH_CHILD_RUNNING && n->latecomer && !n->its_turn && !model_goes_with_others(m, n);
	if (n->spec.aside)
		whatever_its_place = !model_goes_with_others(m, n);
	if (!others_come || whatever_its_place)
		model_come_up(m, node);
	else
		n->its_turn = true;
	model_settle(m);
}

static void model_stop(model *m, int node)
{
	model_node *n = &m->nodes[node];
	n->wanted = false;
	if (n->state == BH_CHILD_STOPPING) {
		n->why = BH_ENDING_STOP;
	} else if (model_up_or_coming(n)) {
		model_go_down(m, node, BH_ENDING_STOP);
	} else {
		n->state = BH_CHILD_STOPPED;
		n->timer = BH_NEVER;
		n->its_turn = false;
	}
	model_settle(m);
}

static void model_restart(model *m, int node)
{
	model_node *n = &m->nodes[node];
	if (n->removing)
		return;
	n->wanted = true;
	if (!model_down(n) || n->state == BH_CHILD_SCHEDULED)
		n->due = true;
	if (n->state == BH_CHILD_STOPPING) {
		n->why = BH_ENDING_RESTART;
	} else if (n->state == BH_CHILD_SCHEDULED) {
		model_begin_in_turn(m, node);
	} else if (model_up_or_coming(n)) {
		model_go_down(m, node, BH_ENDING_RESTART);
	} else if (n->state == BH_CHILD_WAITING) {
		m->nodes[n->parent].group_at = 0;
		model_begin_in_turn(m, node);
	} else {
		model_start(m, node);
	}
	model_settle(m);
}

static void model_remove(model *m, int node)
{
	model_node *n = &m->nodes[node];
	n->wanted = false;
	n->removing = true;
	if (n->state == BH_CHILD_STOPPING)
		n->why = BH_ENDING_STOP;
	else if (model_up_or_coming(n))
		model_go_down(m, node, BH_ENDING_STOP);
	else
		model_take_out(m, node);
	model_settle(m);
}

/* When something is to happen by itself; `*ties` says how often at that moment. */
static uint64_t model_next(const model *m, int *who, int *ties)
{
	uint64_t next = BH_NEVER;
	*who = NOBODY;
	*ties = 0;
	for (int i = 0; i < m->count; i++) {
		const model_node *n = &m->nodes[i];
		if (!n->there)
			continue;
		uint64_t at = n->timer;
		if (n->spec.supervisor && model_up_or_coming(n) && !n->group_stops) {
			int first = model_first_in_turn(m, i);
			if (first != NOBODY && model_waits_with_group(m, &m->nodes[first]))
				at = n->group_at;
		}
		if (at < next) {
			next = at;
			*who = i;
			*ties = 0;
		}
		*ties += at == next;
	}
	return next;
}

/* The moment came that model_next() said. */
static void model_due(model *m)
{
	int who, ties;
	if (model_next(m, &who, &ties) > m->now || who == NOBODY)
		return;
	model_node *n = &m->nodes[who];
	if (n->state == BH_CHILD_WAITING) {
		model_begin_in_turn(m, who);
	} else if (n->state == BH_CHILD_SCHEDULED) {
		model_begin(m, who);
	} else if (n->state == BH_CHILD_STARTING && !n->spec.supervisor) {
		model_go_down(m, who, BH_ENDING_LATE);
	} else if (n->state == BH_CHILD_STOPPING) {
		n->timer = BH_NEVER;
		model_tell(m, who, BH_EVENT_KILLED);
		model_do(m, '!', who);
	}
	model_settle(m);
}

#endif
