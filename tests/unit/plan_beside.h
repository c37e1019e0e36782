/*
 * A plan that is run beside its model: what it does is compared with what the model did, and what must hold whatever
 * happens is looked at. One test program has one of both.
 */
#ifndef BH_TEST_PLAN_BESIDE_H
#define BH_TEST_PLAN_BESIDE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/alloc.h"
#include "plan_model_told.h"

typedef struct {
	bh_node node; /* first: a node is one of these */
	int id;
	bool live;          /* a leaf that was started, and has not been seen down */
	bool asked, killed; /* since then */
	uint64_t turn;      /* by its calendar */
} thing;

static struct {
	bh_plan plan;
	bh_plan_ops ops;
	thing *things[MODEL_NODES]; /* NULL: gone */
	uint64_t random, now, seed;
	bool loud, late; /* late: moments pass unseen, which the model knows nothing of */
	int step, checked;
	int weights[16];
} it;

static model m;

static uint64_t random_number(void)
{
	it.random ^= it.random << 13;
	it.random ^= it.random >> 7;
	it.random ^= it.random << 17;
	return it.random >> 8;
}

static int below(int bound)
{
	return (int)(random_number() % (uint64_t)bound);
}

static bool one_in(int n)
{
	return !below(n);
}

#define require(condition)                                                                                             \
	do {                                                                                                               \
		if (!(condition)) {                                                                                            \
			print_error("BULKHEAD_PLAN_SEED=%llu replays it; step %d\n", (unsigned long long)it.seed, it.step);        \
			fail_msg("%s", #condition);                                                                                \
		}                                                                                                              \
	} while (0)

static void say(const char *format, ...)
{
	if (!it.loud)
		return;
	va_list args;
	va_start(args, format);
	vfprintf(stderr, format, args);
	va_end(args);
}

static void print_entry(const char *who, const model_entry *e)
{
	if (e->sign != '.')
		say("    %s %c%d\n", who, e->sign, e->node);
	else
		say("    %s %d: event %d, exit %d, decision %d, %llu ms, %d counted\n", who, e->node, (int)e->kind,
		    (int)e->exit, (int)e->decision, (unsigned long long)e->delay_ms, e->counted);
}

/* What the plan does is compared with what the model did, which comes first. */
static void compare(model_entry entry)
{
	print_entry("plan ", &entry);
	if (it.late)
		return;
	require(it.checked < m.logged);
	const model_entry *expected = &m.log[it.checked++];
	require(entry.sign == expected->sign && entry.node == expected->node && entry.kind == expected->kind &&
	        entry.exit == expected->exit && entry.decision == expected->decision &&
	        entry.delay_ms == expected->delay_ms && entry.counted == expected->counted);
}

static thing *of(bh_node *node)
{
	thing *t = (thing *)node;
	require(it.things[t->id] == t);
	return t;
}

/* It begins: its supervisor is not going down, and those before it are up, if it is among those that come in order. */
static void check_turn(const bh_node *node)
{
	require(!node->parent || node->parent->state == BH_CHILD_STARTING || node->parent->state == BH_CHILD_RUNNING);
	require(node->wanted && !node->removing);
	for (const bh_node *before = node->previous; before && node->fresh && !node->spec.aside; before = before->previous)
		require(!before->fresh);
}

static void on_start(void *data, bh_node *node)
{
	(void)data;
	thing *t = of(node);
	compare((model_entry){.sign = '+', .node = t->id});
	require(!t->live && !node->spec.supervisor && node->state == BH_CHILD_STARTING);
	t->live = true;
	t->asked = t->killed = false;
}

static void on_stop(void *data, bh_node *node)
{
	(void)data;
	thing *t = of(node);
	compare((model_entry){.sign = '-', .node = t->id});
	require(t->live && !t->asked && !t->killed);
	t->asked = true;
}

static uint64_t on_turn(void *data, bh_node *node, bool next)
{
	(void)data;
	thing *t = of(node);
	if (next)
		t->turn = bh_after_ms(it.plan.now, model_calendar_wait(t->id, it.plan.now));
	if (t->turn == BH_NEVER)
		return BH_UNLIMITED;
	return t->turn > it.plan.now ? (t->turn - it.plan.now + 999999) / 1000000 : 0;
}

static void on_kill(void *data, bh_node *node)
{
	(void)data;
	thing *t = of(node);
	compare((model_entry){.sign = '!', .node = t->id});
	require(t->live && !t->killed);
	t->killed = true;
}

/* Without the model, its nodes just count: as many restarts as allowed, and no more. */
static void count_restart(const bh_note *note)
{
	int id = of(note->node)->id;
	const bh_node *sup = note->node->parent;
	if (note->kind == BH_EVENT_STARTING) {
		m.nodes[id].children.count = 0;
		for (bh_node *child = note->node->first; child; child = child->next)
			m.nodes[of(child)->id].own.count = 0;
	}
	if (note->kind != BH_EVENT_EXITED || note->decision != BH_DECISION_RESTART || note->exit == BH_EXIT_STOPPED)
		return;
	model_moments *counted = sup->spec.on_intensity == BH_INTENSITY_FAIL_CHILD
	                             ? &m.nodes[id].own
	                             : &m.nodes[of(note->node->parent)->id].children;
	m.now = it.plan.now;
	require(model_within_window(&m, counted, sup->spec.window_ms) < (int)sup->spec.most_restarts);
	counted->at[counted->count++] = it.plan.now;
}

static void on_tell(void *data, const bh_note *note)
{
	(void)data;
	compare((model_entry){'.', of(note->node)->id, note->kind, note->exit, note->decision, note->delay_ms,
	                      (int)note->counted});
	if (note->kind == BH_EVENT_STARTING)
		check_turn(note->node);
	if (it.late)
		count_restart(note);
}

static void on_gone(void *data, bh_node *node)
{
	(void)data;
	thing *t = of(node);
	compare((model_entry){.sign = '~', .node = t->id});
	require(!t->live && !node->first && !node->timer.place);
	it.things[t->id] = NULL;
	free(t); /* once: what touches it later is found by the sanitizer */
}

/* What must hold at any time. */

static bool is_down(const bh_node *node)
{
	return node->state != BH_CHILD_STARTING && node->state != BH_CHILD_RUNNING && node->state != BH_CHILD_STOPPING;
}

static bool waits(const bh_node *node)
{
	return node->state == BH_CHILD_WAITING || node->state == BH_CHILD_SCHEDULED;
}

static void check_against_model(int id, const bh_node *node)
{
	const model_node *n = &m.nodes[id];
	say(node->state != n->state ? "    %d is %d, not %d\n" : "", id, (int)node->state, (int)n->state);
	require(node->state == n->state);
	require(node->wanted == n->wanted && node->fresh == n->its_turn && node->removing == n->removing);
	require(node->generation == n->generation && node->restarts == n->restarts && node->failures == n->failures);
	uint64_t at = node->timer.place ? node->timer.at : BH_NEVER;
	require(at == n->timer || (node->spec.supervisor && model_up_or_coming(n)));
}

/* A supervisor that has something to do is doing it: it waits for a child that moves, or for a moment. */
static void check_progress(const bh_node *sup)
{
	const bh_node *going = NULL, *coming = NULL;
	for (const bh_node *c = sup->first; c; c = c->next) {
		if (c->state == BH_CHILD_STOPPING && (sup->state == BH_CHILD_STOPPING || c->affected))
			going = c;
		if (c->fresh && !coming)
			coming = c;
	}
	if (sup->state == BH_CHILD_STOPPING || sup->group_stop)
		require(going != NULL);
	else if (coming && coming->state == BH_CHILD_WAITING)
		require(coming->timer.place || sup->timer.place);
	else if (coming && !is_down(sup))
		require(coming->state == BH_CHILD_STARTING || coming->state == BH_CHILD_STOPPING);
	require(sup->state != BH_CHILD_STARTING || coming || sup->group_stop);
}

static void check_node(const bh_node *node)
{
	const thing *t = (const thing *)node;
	bool down = is_down(node);
	require(node->spec.supervisor || t->live == !down);
	require(node->state != BH_CHILD_STOPPING || node->spec.supervisor || t->asked || t->killed);
	require(!down || waits(node) || !node->timer.place);
	require(node->state != BH_CHILD_RUNNING || node->spec.supervisor || !node->timer.place);
	require(!node->removing || node->state == BH_CHILD_STOPPING);
	require(!node->stepping);
	size_t fresh = 0, count = 0, moving = 0;
	for (const bh_node *c = node->first; c; c = c->next, count++) {
		require(c->parent == node);
		fresh += c->fresh;
		moving += !is_down(c) || waits(c);
	}
	require(node->fresh_count == fresh && node->child_count == count);
	require(!down || !moving); /* nothing moves below what is down */
	if (node->spec.supervisor)
		check_progress(node);
}

static void check_all(void)
{
	int who, ties, there = 0;
	for (int i = 0; i < m.count; i++) {
		there += it.things[i] != NULL;
		if (!it.late)
			require(m.nodes[i].there == (it.things[i] != NULL));
		if (!it.things[i])
			continue;
		if (!it.late)
			check_against_model(i, &it.things[i]->node);
		check_node(&it.things[i]->node);
	}
	require((int)it.plan.nodes == there);
	if (!it.late) {
		require(it.checked == m.logged);
		require(bh_plan_next(&it.plan) <= model_next(&m, &who, &ties));
	}
}

#endif
