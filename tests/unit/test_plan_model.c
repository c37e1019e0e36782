// test: timeout=60 waits
/*
 * Random trees that random things happen to: the plan against the model, after each step, and both against what must hold
 * whatever happens. BULKHEAD_PLAN_SEED=N replays one run, and writes it down.
 */
#include "plan_beside.h"

#ifndef ROUNDS
#define ROUNDS 2500
#endif

enum { STEPS = 250, DEPTH = 4, WIDTH = 5, FIRST_NODES = 100 };

/* Trees. */

static uint64_t some_ms(int unlimited, int most)
{
	return unlimited && one_in(unlimited) ? BH_UNLIMITED : (uint64_t)below(most) + 1;
}

static bh_node_spec random_spec(bool supervisor)
{
	static const uint32_t jitters[] = {BH_JITTER_NONE, 0, 50, 100};
	bh_node_spec spec = {
		.supervisor = supervisor,
		.restart = (bh_restart)(one_in(2) ? 0 : below(3)),
		.backoff = {(bh_backoff_kind)below(3), (uint64_t)below(30), (uint64_t)below(100), (uint32_t)below(300),
	                jitters[below(4)], some_ms(10, 200)},
		.start_ms = some_ms(5, 50),
		.shutdown_ms = one_in(5) ? 0 : some_ms(5, 50),
		.dynamic = one_in(8),
		.strategy = (bh_strategy)below(3),
		.on_intensity = one_in(3) ? BH_INTENSITY_FAIL_CHILD : BH_INTENSITY_ESCALATE,
		.most_restarts = (uint32_t)below(6),
		.window_ms = one_in(10) ? 0 : some_ms(5, 300),
	};
	if (!supervisor && one_in(4)) {
		spec.calendar = one_in(2);
		spec.every_ms = spec.calendar ? 0 : some_ms(8, 200);
	}
	return spec;
}

static int add(int parent, const bh_node_spec *spec)
{
	thing *t = calloc(1, sizeof *t);
	require(t != NULL);
	bool fails = parent != NOBODY && one_in(10);
	bh_node *above = parent == NOBODY ? NULL : &it.things[parent]->node;
	size_t children = above ? above->child_count : 0, nodes = it.plan.nodes;
	const bh_node *last = above ? above->last : NULL;
	t->id = m.count;
	bh_alloc_fail_at(fails ? 1 : 0, true);
	bool added = bh_plan_add(&it.plan, &t->node, above, spec);
	bh_alloc_fail_at(0, false);
	require(added || fails);
	if (!added) {
		require(above->child_count == children && above->last == last && it.plan.nodes == nodes);
		require(!last || !last->next);
		free(t);
		return NOBODY;
	}
	it.things[m.count] = t;
	say("  %d below %d: %s, policy %d, strategy %d, bound %d of %u\n", m.count, parent,
	    spec->supervisor ? "supervisor" : "leaf", (int)spec->restart, (int)spec->strategy, (int)spec->on_intensity,
	    spec->most_restarts);
	model_add(&m, parent, spec);
	return m.count - 1;
}

static void add_some(int parent, int depth)
{
	for (int i = below(WIDTH) + 1; i > 0 && m.count < FIRST_NODES; i--) {
		const bh_node_spec spec = random_spec(depth < DEPTH && one_in(3));
		int id = add(parent, &spec);
		if (id != NOBODY && spec.supervisor)
			add_some(id, depth + 1);
	}
}

/* What happens. Each to the model first. */

#define BOTH(in_model, in_plan)                                                                                        \
	do {                                                                                                               \
		m.logged = it.checked = 0;                                                                                     \
		m.now = it.now;                                                                                                \
		if (!it.late)                                                                                                  \
			in_model;                                                                                                  \
		for (int entry_ = 0; entry_ < m.logged; entry_++)                                                              \
			print_entry("model", &m.log[entry_]);                                                                      \
		require(m.logged < MODEL_LOG);                                                                                 \
		in_plan;                                                                                                       \
	} while (0)

static bh_node *node_of(int id)
{
	return &it.things[id]->node;
}

/* Of all nodes, or where there is one, of those that are live: one that is being stopped rather than another. */
static int pick(bool live)
{
	int found = NOBODY;
	for (int tries = 0; tries < 60; tries++) {
		int id = below(m.count);
		const thing *t = it.things[id];
		if (!t || (live && !t->live))
			continue;
		found = id;
		if (!live || t->node.state != BH_CHILD_RUNNING)
			break;
	}
	return found;
}

static void goes_down(int id, bh_exit how)
{
	say("  %d goes down: %d\n", id, (int)how);
	it.things[id]->live = false;
	BOTH(model_exit(&m, id, how), bh_plan_down(&it.plan, node_of(id), how, it.now));
}

static void comes_up(int id)
{
	say("  %d comes up\n", id);
	BOTH(model_up(&m, id), bh_plan_up(&it.plan, node_of(id), it.now));
}

/* Up where it is coming, down where it is asked to; and sometimes what it should not do. */
static void behaves(int id)
{
	if (it.things[id]->node.state == BH_CHILD_STARTING && !one_in(10))
		comes_up(id);
	else if (it.things[id]->node.state == BH_CHILD_STOPPING)
		goes_down(id, one_in(3) ? BH_EXIT_CRASHED : BH_EXIT_NORMAL);
	else
		comes_up(id);
}

static void unhealthy(int id)
{
	say("  %d is not well\n", id);
	BOTH(model_unhealthy(&m, id), bh_plan_unhealthy(&it.plan, node_of(id), it.now));
}

/* False: two things happen at one moment, and nobody says which first. */
static bool time_passes(bool all)
{
	int who, ties;
	uint64_t next = it.late ? bh_plan_next(&it.plan) : model_next(&m, &who, &ties);
	uint64_t to = all ? next : it.now + random_number() % (one_in(3) ? 30000000 : 3000000);
	if (to == BH_NEVER)
		return true;
	if (it.late) {
		it.now = to + (uint64_t)below(2) * (random_number() % 60000000);
		if (one_in(2))
			return true; /* nobody looked; and what is overdue has set the clock back */
	} else {
		if (to >= next && ties > 1)
			return false;
		it.now = to < next ? to : next;
	}
	say("  it is %llu\n", (unsigned long long)it.now);
	BOTH(model_due(&m), bh_plan_due(&it.plan, it.now));
	return true;
}

static void somebody_asks(int id)
{
	static const char *const names[] = {"start", "stop", "restart", "remove"};
	int what = one_in(10) ? 3 : below(3);
	if (what == 3 && id == 0 && !one_in(20))
		what = 2;
	say("  somebody asks: %s %d\n", names[what], id);
	const bh_node *node = node_of(id);
	if (it.late && (what == 0 || what == 2) && is_down(node) && !waits(node))
		m.nodes[id].own.count = 0;
	if (what == 0)
		BOTH(model_start(&m, id), bh_plan_start(&it.plan, node_of(id), it.now));
	else if (what == 1)
		BOTH(model_stop(&m, id), bh_plan_stop(&it.plan, node_of(id), it.now));
	else if (what == 2)
		BOTH(model_restart(&m, id), bh_plan_restart(&it.plan, node_of(id), it.now));
	else
		BOTH(model_remove(&m, id), bh_plan_remove(&it.plan, node_of(id), it.now));
}

static void one_more(int parent)
{
	if (!it.things[parent]->node.spec.supervisor || it.things[parent]->node.removing || m.count >= MODEL_NODES - 1)
		return;
	bh_node_spec spec = random_spec(one_in(6));
	spec.dynamic = !one_in(3);
	/* What has no place in the order has nothing to come back to either. */
	spec.aside = spec.dynamic && one_in(3);
	if (spec.aside)
		spec.restart = BH_RESTART_TEMPORARY;
	int id = add(parent, &spec);
	if (id == NOBODY)
		return;
	if (spec.supervisor)
		for (int i = below(3); i > 0 && m.count < MODEL_NODES - 1; i--) {
			const bh_node_spec leaf = random_spec(false);
			(void)add(id, &leaf);
		}
	if (one_in(4))
		return; /* somebody will, or its supervisor */
	say("  start %d\n", id);
	BOTH(model_start(&m, id), bh_plan_start(&it.plan, node_of(id), it.now));
}

/* Too late, or from nowhere. A leaf that is down is not reported down, but one may have been seen down twice. */
static void nonsense(int id)
{
	const thing *t = it.things[id];
	if (one_in(2))
		comes_up(id);
	else if (one_in(2))
		unhealthy(id);
	else if (!t->live)
		goes_down(id, BH_EXIT_CRASHED);
}

static bool something_happens(void)
{
	int live = pick(true), any = pick(false), what = 0;
	if (any == NOBODY)
		return false;
	for (int roll = below(100); what < 6 && (roll -= it.weights[what]) >= 0;)
		what++;
	/* A little time passes before it, but not so much that something is due. */
	int who, ties;
	uint64_t to = it.now + random_number() % 1000;
	if (it.late || to < model_next(&m, &who, &ties))
		it.now = to;
	switch (what) {
	case 0:
		return time_passes(one_in(2));
	case 1:
		somebody_asks(any);
		return true;
	case 2:
		one_more(any);
		return true;
	case 3:
		nonsense(any);
		return true;
	default:
		break;
	}
	if (live == NOBODY)
		return time_passes(true);
	if (what == 4)
		goes_down(live, one_in(4) ? BH_EXIT_NORMAL : BH_EXIT_CRASHED);
	else if (what == 5)
		unhealthy(live);
	else
		behaves(live);
	return true;
}

/* Runs. */

static void begin_run(uint64_t seed, bool late)
{
	memset(&it.things, 0, sizeof it.things);
	it.seed = it.random = seed;
	it.late = late;
	for (int i = 0; i < 5; i++)
		(void)random_number();
	it.now = 1000000 + random_number() % 1000000000;
	it.ops = (bh_plan_ops){on_start, on_stop, on_kill, on_turn, on_tell, on_gone, NULL};
	bh_plan_init(&it.plan, &it.ops, seed);
	m.count = m.logged = it.checked = 0;
	m.seed = seed;
	/* Time, requests, additions, nonsense, exits, bad health; the rest is good behaviour. */
	const int most[] = {40, one_in(3) ? 2 : 20, 5, 4, 25, 5};
	for (size_t i = 0; i < BH_COUNT(most); i++)
		it.weights[i] = below(most[i] + 1);
	bh_node_spec root = random_spec(true);
	root.dynamic = false;
	root.most_restarts += one_in(2) ? 20 : 0;
	add(NOBODY, &root);
	add_some(0, 1);
}

/* All of it goes, first down or as it is. */
static void end_run(void)
{
	if (it.things[0] && one_in(2)) {
		BOTH(model_stop(&m, 0), bh_plan_stop(&it.plan, node_of(0), it.now));
		for (int id = 0; id < m.count; id++)
			if (it.things[id] && it.things[id]->live && it.things[id]->node.state == BH_CHILD_STOPPING) {
				goes_down(id, BH_EXIT_NORMAL);
				check_all();
				id = -1;
			}
		for (int id = 0; id < m.count; id++) {
			bh_child_state state = it.things[id] ? it.things[id]->node.state : BH_CHILD_STOPPED;
			require(state == BH_CHILD_STOPPED || state == BH_CHILD_ENDED || state == BH_CHILD_FAILED);
		}
		require(bh_plan_next(&it.plan) == BH_NEVER);
	}
	if (it.things[0] && !it.things[0]->node.removing)
		BOTH(model_remove(&m, 0), bh_plan_remove(&it.plan, node_of(0), it.now));
	for (int id = 0; id < m.count; id++)
		if (it.things[id] && it.things[id]->live && it.things[id]->node.state == BH_CHILD_STOPPING) {
			goes_down(id, BH_EXIT_CRASHED);
			id = -1;
		}
	for (int id = 0; id < m.count; id++)
		require(!it.things[id]);
	require(!it.plan.nodes && bh_plan_next(&it.plan) == BH_NEVER);
	bh_plan_deinit(&it.plan);
}

/* How many steps it took. */
static int run(uint64_t seed, bool late)
{
	begin_run(seed, late);
	it.step = 0;
	BOTH(model_start(&m, 0), bh_plan_start(&it.plan, node_of(0), it.now));
	check_all();
	while (++it.step < STEPS && something_happens())
		check_all();
	int steps = it.step;
	end_run();
	return steps;
}

static void runs(bool late)
{
	const char *replay = getenv("BULKHEAD_PLAN_SEED");
	long steps = 0;
	it.loud = replay != NULL;
	if (replay) {
		(void)run(strtoull(replay, NULL, 10), late);
		return;
	}
	for (uint64_t i = 1; i <= ROUNDS; i++)
		steps += run(i * 2654435761U, late);
	print_message("%ld steps\n", steps);
	require(steps > (long)ROUNDS * STEPS / 2); /* most runs go to their end */
}

static void plan_and_model_agree(void **state)
{
	(void)state;
	runs(false);
}

/* Events that come before moments that passed long ago are dealt with; what must hold, holds. */
static void moments_seen_late(void **state)
{
	(void)state;
	runs(true);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(plan_and_model_agree),
		cmocka_unit_test(moments_seen_late),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
