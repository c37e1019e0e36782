/*
 * What the tests of plans share: a world in which a tree is made, that writes down what it is asked to do.
 *
 * Nodes have names of one letter. What is done is text: "+a" started, "-a" asked to stop, "!a" killed, "~a" gone.
 * What is told is text too, each with a space behind: "a:up", "a:crashed>restart@100".
 */
#ifndef BH_TEST_PLAN_TOOLS_H
#define BH_TEST_PLAN_TOOLS_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/alloc.h"
#include "supervise/plan.h"

#define UNUSED __attribute__((unused))
#define MS(n) ((uint64_t)(n)*UINT64_C(1000000))

enum { WORLD_NODES = 128, WORLD_TEXT = 4096 };

typedef struct {
	bh_plan plan;
	bh_plan_ops ops;
	uint64_t now;
	bh_node *nodes[WORLD_NODES]; /* by letter; NULL: gone */
	uint64_t turn;               /* of all calendars, in the world's time; 0: none */
	char done[WORLD_TEXT], told[WORLD_TEXT];
} world;

static const char *const exit_names[] = {"normal", "crashed", "not-up", "unhealthy", "escalated", "stopped"};
static const char *const decision_names[] = {"none", "restart", "leave", "group", "fail", "escalate", "schedule"};
static const char *const event_names[] = {
	[BH_EVENT_STARTING] = "starting", [BH_EVENT_STARTED] = "up",    [BH_EVENT_EXITED] = "exited",
	[BH_EVENT_KILLED] = "killed",     [BH_EVENT_FAILED] = "failed", [BH_EVENT_ADDED] = "added",
	[BH_EVENT_REMOVED] = "removed",   [BH_EVENT_HEALTH] = "health", [BH_EVENT_SCHEDULED] = "scheduled",
};

static char letter_of(const world *w, const bh_node *node)
{
	for (int i = 0; i < WORLD_NODES; i++)
		if (w->nodes[i] == node)
			return (char)i;
	fail_msg("a node that is not in the tree");
	return 0;
}

static void note_down(char *text, const char *more)
{
	assert_true(strlen(text) + strlen(more) < WORLD_TEXT);
	strcat(text, more);
}

static void do_sign(world *w, char sign, const bh_node *node)
{
	const char text[] = {sign, letter_of(w, node), 0};
	note_down(w->done, text);
}

static void do_start(void *data, bh_node *node)
{
	do_sign(data, '+', node);
}

static void do_stop(void *data, bh_node *node)
{
	do_sign(data, '-', node);
}

static void do_kill(void *data, bh_node *node)
{
	do_sign(data, '!', node);
}

/* Each turn is an hour after the one before. */
static uint64_t do_turn(void *data, bh_node *node, bool next)
{
	world *w = data;
	(void)node;
	while (next && w->turn <= w->now)
		w->turn += MS(3600000);
	return w->turn > w->now ? (w->turn - w->now) / 1000000 : 0;
}

static void do_gone(void *data, bh_node *node)
{
	world *w = data;
	int letter = letter_of(w, node);
	do_sign(w, '~', node);
	w->nodes[letter] = NULL;
	free(node); /* so that whoever touches it afterwards is found out */
}

static void do_tell(void *data, const bh_note *note)
{
	world *w = data;
	char text[64], letter = letter_of(w, note->node);
	if (note->kind == BH_EVENT_EXITED)
		snprintf(text, sizeof text, "%c:%s>%s@%llu ", letter, exit_names[note->exit], decision_names[note->decision],
		         (unsigned long long)note->delay_ms);
	else
		snprintf(text, sizeof text, "%c:%s ", letter, event_names[note->kind]);
	note_down(w->told, text);
}

UNUSED static void world_init(world *w)
{
	memset(w, 0, sizeof *w);
	w->ops = (bh_plan_ops){do_start, do_stop, do_kill, do_turn, do_tell, do_gone, w};
	w->now = MS(1000);
	bh_plan_init(&w->plan, &w->ops, 1);
}

/* Remove the root, 'r': all go, whatever they were doing. */
UNUSED static void world_end(world *w)
{
	if (w->nodes['r'])
		bh_plan_remove(&w->plan, w->nodes['r'], w->now);
	for (int i = 0; i < 2 * WORLD_NODES; i++) {
		bh_node *node = w->nodes[i % WORLD_NODES];
		if (node && !node->spec.supervisor && node->state == BH_CHILD_STOPPING) {
			bh_plan_down(&w->plan, node, BH_EXIT_NORMAL, w->now);
			i = -1;
		}
	}
	for (int i = 0; i < WORLD_NODES; i++)
		assert_null(w->nodes[i]);
	assert_int_equal(w->plan.nodes, 0);
	assert_int_equal(bh_plan_next(&w->plan), BH_NEVER);
	bh_plan_deinit(&w->plan);
}

/* Supervisors: three restarts a minute. Leaves: ten seconds to start, five to stop, no backoff. */
UNUSED static bh_node_spec spec_of(bool supervisor, bh_restart policy, bh_strategy strategy)
{
	return (bh_node_spec){
		.supervisor = supervisor,
		.restart = policy,
		.strategy = strategy,
		.start_ms = 10000,
		.shutdown_ms = 5000,
		.most_restarts = 3,
		.window_ms = 60000,
	};
}

UNUSED static bh_node *add(world *w, char letter, bh_node *parent, const bh_node_spec *spec)
{
	bh_node *node = calloc(1, sizeof *node);
	assert_non_null(node);
	assert_null(w->nodes[(int)letter]);
	w->nodes[(int)letter] = node;
	assert_true(bh_plan_add(&w->plan, node, parent, spec));
	return node;
}

UNUSED static bh_node *add_leaf(world *w, char letter, bh_node *parent, bh_restart policy)
{
	const bh_node_spec spec = spec_of(false, policy, BH_ONE_FOR_ONE);
	return add(w, letter, parent, &spec);
}

UNUSED static bh_node *add_supervisor(world *w, char letter, bh_node *parent, bh_strategy strategy)
{
	const bh_node_spec spec = spec_of(true, BH_RESTART_PERMANENT, strategy);
	return add(w, letter, parent, &spec);
}

/* It is this that was done since the last time, and nothing else. */
#define expect(w, text)                                                                                                \
	do {                                                                                                               \
		assert_string_equal((w)->done, text);                                                                          \
		*(w)->done = 0;                                                                                                \
	} while (0)

#define expect_told(w, text)                                                                                           \
	do {                                                                                                               \
		assert_string_equal((w)->told, text);                                                                          \
		*(w)->told = 0;                                                                                                \
	} while (0)

#define expect_state(w, letter, wanted) assert_int_equal((w)->nodes[(int)(letter)]->state, wanted)

UNUSED static void up(world *w, char letter)
{
	bh_plan_up(&w->plan, w->nodes[(int)letter], w->now);
}

UNUSED static void down(world *w, char letter, bh_exit how)
{
	bh_plan_down(&w->plan, w->nodes[(int)letter], how, w->now);
}

UNUSED static void crash(world *w, char letter)
{
	down(w, letter, BH_EXIT_CRASHED);
}

UNUSED static void pass(world *w, uint64_t ms)
{
	w->now += MS(ms);
	bh_plan_due(&w->plan, w->now);
}

/* Those that are named go up, in this order. */
UNUSED static void all_up(world *w, const char *letters)
{
	for (; *letters; letters++)
		up(w, *letters);
}

UNUSED static void forget(world *w)
{
	*w->done = *w->told = 0;
}

/* The child at `place` is a supervisor with one leaf, where that is to be: B with b in it. */
UNUSED static void three_children(world *w, bh_strategy strategy, int place, bh_restart policy, bool nested,
                                  uint64_t wait_ms)
{
	world_init(w);
	bh_node *root = add_supervisor(w, 'r', NULL, strategy);
	for (int i = 0; i < 3; i++) {
		bool it = i == place;
		bh_node_spec spec = spec_of(it && nested, it ? policy : BH_RESTART_PERMANENT, BH_ONE_FOR_ONE);
		spec.backoff.kind = it && wait_ms ? BH_BACKOFF_LINEAR : BH_BACKOFF_IMMEDIATE;
		spec.backoff.first_ms = wait_ms;
		spec.backoff.jitter_percent = BH_JITTER_NONE;
		spec.most_restarts = 0;
		bh_node *child = add(w, (char)((spec.supervisor ? 'A' : 'a') + i), root, &spec);
		if (spec.supervisor)
			add_leaf(w, (char)('a' + i), child, BH_RESTART_PERMANENT);
	}
	bh_plan_start(&w->plan, root, w->now);
	expect(w, "+a");
	up(w, 'a');
	expect(w, "+b");
	up(w, 'b');
	expect(w, "+c");
	up(w, 'c');
	expect(w, "");
	expect_state(w, 'r', BH_CHILD_RUNNING);
	forget(w);
}

/* The stops, each when the one before it is down; and nothing before them, or between. */
UNUSED static void check_stops(world *w, const char *stopped)
{
	for (; *stopped; stopped++) {
		const char stop[] = {'-', *stopped, 0};
		expect(w, stop);
		expect_state(w, *stopped, BH_CHILD_STOPPING);
		down(w, *stopped, BH_EXIT_NORMAL);
	}
}

/* The starts, each when the one before it is up. */
UNUSED static void check_starts(world *w, const char *started)
{
	for (; *started; started++) {
		const char start[] = {'+', *started, 0};
		expect(w, start);
		expect_state(w, *started, BH_CHILD_STARTING);
		up(w, *started);
	}
	expect(w, "");
}

#endif
