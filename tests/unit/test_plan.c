/* What supervisors decide: each strategy, policy, exit and place, from the text of docs/guide/supervision.md. */
#include "plan_tools.h"

/* Three children, a, b, c; one of them, at `place`, exits and is started again. */
static const struct {
	bh_strategy strategy;
	int place;
	const char *stopped, *started; /* in this order */
} strategies[] = {
	{BH_ONE_FOR_ONE, 0, "", "a"},      {BH_ONE_FOR_ONE, 1, "", "b"},     {BH_ONE_FOR_ONE, 2, "", "c"},
	{BH_ONE_FOR_ALL, 0, "cb", "abc"},  {BH_ONE_FOR_ALL, 1, "ca", "abc"}, {BH_ONE_FOR_ALL, 2, "ba", "abc"},
	{BH_REST_FOR_ONE, 0, "cb", "abc"}, {BH_REST_FOR_ONE, 1, "c", "bc"},  {BH_REST_FOR_ONE, 2, "", "c"},
};

typedef enum { NORMAL, CRASHED, FAILED_TO_START, LATE, UNHEALTHY, ESCALATED, KINDS } kind;

static const struct {
	const char *told;
	bool again[3]; /* by policy: permanent, transient, temporary */
} kinds[KINDS] = {
	[NORMAL] = {"normal", {true, false, false}},         [CRASHED] = {"crashed", {true, true, false}},
	[FAILED_TO_START] = {"not-up", {true, true, false}}, [LATE] = {"not-up", {true, true, false}},
	[UNHEALTHY] = {"unhealthy", {true, true, false}},    [ESCALATED] = {"escalated", {true, true, false}},
};

/* The child at `place` is a supervisor with one leaf, where that is to be: B with b in it. */
static void three_children(world *w, bh_strategy strategy, int place, bh_restart policy, bool nested, uint64_t wait_ms)
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

/* It is up when this is called, and down afterwards. */
static void let_exit(world *w, char one, kind how)
{
	const char stop[] = {'-', one, 0}, start[] = {'+', one, 0}, kill[] = {'!', one, 0};
	if (how == FAILED_TO_START || how == LATE) {
		bh_plan_restart(&w->plan, w->nodes[(int)one], w->now);
		expect(w, stop);
		down(w, one, BH_EXIT_NORMAL);
		expect(w, start);
	}
	if (how == LATE) {
		pass(w, 9999);
		expect(w, "");
		pass(w, 1);
		expect(w, kill);
	}
	if (how == UNHEALTHY) {
		bh_plan_unhealthy(&w->plan, w->nodes[(int)one], w->now);
		expect(w, kill);
	}
	forget(w);
	down(w, one, how == NORMAL || how == LATE ? BH_EXIT_NORMAL : BH_EXIT_CRASHED);
}

/* The stops, each when the one before it is down; and nothing before them, or between. */
static void check_stops(world *w, const char *stopped)
{
	for (; *stopped; stopped++) {
		const char stop[] = {'-', *stopped, 0};
		expect(w, stop);
		expect_state(w, *stopped, BH_CHILD_STOPPING);
		down(w, *stopped, BH_EXIT_NORMAL);
	}
}

/* The starts, each when the one before it is up. */
static void check_starts(world *w, const char *started)
{
	for (; *started; started++) {
		const char start[] = {'+', *started, 0};
		expect(w, start);
		expect_state(w, *started, BH_CHILD_STARTING);
		up(w, *started);
	}
	expect(w, "");
}

static void check_one(size_t row, int policy, kind how, uint64_t wait_ms)
{
	world w;
	bool nested = how == ESCALATED, again = kinds[how].again[policy];
	int place = strategies[row].place;
	char one = (char)('a' + place), child = (char)(nested ? 'A' + place : one), told[64];
	three_children(&w, strategies[row].strategy, place, (bh_restart)policy, nested, wait_ms);
	let_exit(&w, one, how);

	snprintf(told, sizeof told, "%c:%s>%s@%llu ", child, kinds[how].told, again ? "restart" : "leave",
	         again ? (unsigned long long)wait_ms : 0ULL);
	assert_non_null(strstr(w.told, told));
	if (!again) {
		expect(&w, "");
		expect_state(&w, child, BH_CHILD_ENDED);
	} else {
		check_stops(&w, strategies[row].stopped);
		for (const char *c = strategies[row].started; wait_ms && *c; c++) {
			char waits = *c == one ? child : *c;
			expect_state(&w, waits, BH_CHILD_WAITING);
			assert_int_equal(bh_plan_starts_at(w.nodes[(int)waits]), w.now + MS(wait_ms));
		}
		if (wait_ms) {
			pass(&w, wait_ms - 1);
			expect(&w, "");
			pass(&w, 1);
		}
		check_starts(&w, strategies[row].started);
	}
	/* Nobody else was touched. */
	for (char c = 'a'; c <= 'c'; c++)
		if (again || c != one)
			expect_state(&w, c, BH_CHILD_RUNNING);
	expect_state(&w, 'r', BH_CHILD_RUNNING);
	assert_int_equal(bh_plan_next(&w.plan), BH_NEVER);
	world_end(&w);
}

static void every_combination(void **state)
{
	(void)state;
	for (size_t row = 0; row < BH_COUNT(strategies); row++)
		for (int policy = BH_RESTART_PERMANENT; policy <= BH_RESTART_TEMPORARY; policy++)
			for (kind how = NORMAL; how < KINDS; how++) {
				check_one(row, policy, how, 0);
				check_one(row, policy, how, 200);
			}
}

/* What is told of it all, once in full: the middle one of three crashes. */
static void the_whole_story(void **state)
{
	(void)state;
	world w;
	three_children(&w, BH_ONE_FOR_ALL, 1, BH_RESTART_PERMANENT, false, 0);
	crash(&w, 'b');
	down(&w, 'c', BH_EXIT_CRASHED); /* while it is stopped: that is no crash */
	down(&w, 'a', BH_EXIT_NORMAL);
	all_up(&w, "abc");
	expect(&w, "-c-a+a+b+c");
	expect_told(&w, "b:crashed>restart@0 c:stopped>group@0 a:stopped>group@0 a:starting a:up b:starting b:up "
	                "c:starting c:up ");
	world_end(&w);
}

/*
 * During the first start: those before it are up, those behind it have not been started. What happens to the first of
 * a, b, c is its policy's; `stopped` is what goes down because of it, `next` what is started then.
 */
static void while_coming_up(void **state)
{
	(void)state;
	static const struct {
		bh_strategy strategy;
		bh_restart policy;
		const char *stopped, *next;
	} rows[] = {
		{BH_ONE_FOR_ONE, BH_RESTART_PERMANENT, "", "bc"},  {BH_ONE_FOR_ONE, BH_RESTART_TRANSIENT, "", "bc"},
		{BH_ONE_FOR_ONE, BH_RESTART_TEMPORARY, "", "c"},   {BH_ONE_FOR_ALL, BH_RESTART_PERMANENT, "a", "abc"},
		{BH_ONE_FOR_ALL, BH_RESTART_TEMPORARY, "", "c"},   {BH_REST_FOR_ONE, BH_RESTART_PERMANENT, "", "bc"},
		{BH_REST_FOR_ONE, BH_RESTART_TRANSIENT, "", "bc"}, {BH_REST_FOR_ONE, BH_RESTART_TEMPORARY, "", "c"},
	};
	for (size_t i = 0; i < BH_COUNT(rows); i++) {
		world w;
		world_init(&w);
		bh_node *root = add_supervisor(&w, 'r', NULL, rows[i].strategy);
		add_leaf(&w, 'a', root, BH_RESTART_PERMANENT);
		add_leaf(&w, 'b', root, rows[i].policy);
		add_leaf(&w, 'c', root, BH_RESTART_PERMANENT);
		bh_plan_start(&w.plan, root, w.now);
		up(&w, 'a');
		expect(&w, "+a+b");
		crash(&w, 'b');
		check_stops(&w, rows[i].stopped);
		expect_state(&w, 'r', BH_CHILD_STARTING);
		check_starts(&w, rows[i].next);
		expect_state(&w, 'r', BH_CHILD_RUNNING);
		world_end(&w);
	}
}

/*
 * One for all: b crashes, and beside it is a, which is of some policy and in some state. Whether it comes up again with b,
 * and what it is in the end if not.
 */
static void what_becomes_of_siblings(void **state)
{
	(void)state;
	static const struct {
		bh_restart policy;
		enum { RUNS, ENDED_WELL, STOPPED_BY_SOMEBODY } before;
		bool comes_up;
		bh_child_state after;
	} rows[] = {
		{BH_RESTART_PERMANENT, RUNS, true, BH_CHILD_RUNNING},
		{BH_RESTART_TRANSIENT, RUNS, true, BH_CHILD_RUNNING},
		{BH_RESTART_TEMPORARY, RUNS, false, BH_CHILD_ENDED},
		{BH_RESTART_TRANSIENT, ENDED_WELL, true, BH_CHILD_RUNNING},
		{BH_RESTART_TEMPORARY, ENDED_WELL, false, BH_CHILD_ENDED},
		{BH_RESTART_PERMANENT, STOPPED_BY_SOMEBODY, false, BH_CHILD_STOPPED},
		{BH_RESTART_TRANSIENT, STOPPED_BY_SOMEBODY, false, BH_CHILD_STOPPED},
		{BH_RESTART_TEMPORARY, STOPPED_BY_SOMEBODY, false, BH_CHILD_STOPPED},
	};
	for (size_t i = 0; i < BH_COUNT(rows); i++) {
		world w;
		world_init(&w);
		bh_node *root = add_supervisor(&w, 'r', NULL, BH_ONE_FOR_ALL);
		add_leaf(&w, 'a', root, rows[i].policy);
		add_leaf(&w, 'b', root, BH_RESTART_PERMANENT);
		bh_plan_start(&w.plan, root, w.now);
		all_up(&w, "ab");
		if (rows[i].before == ENDED_WELL) {
			down(&w, 'a', BH_EXIT_NORMAL);
		} else if (rows[i].before == STOPPED_BY_SOMEBODY) {
			bh_plan_stop(&w.plan, w.nodes['a'], w.now);
			down(&w, 'a', BH_EXIT_NORMAL);
		}
		forget(&w);
		crash(&w, 'b');
		check_stops(&w, rows[i].before == RUNS ? "a" : "");
		check_starts(&w, rows[i].comes_up ? "ab" : "b");
		expect_state(&w, 'a', rows[i].after);
		world_end(&w);
	}
}

/* Somebody stops a child that is just being stopped because of another: it stays so. */
static void stopped_while_it_is_stopped(void **state)
{
	(void)state;
	for (int running = 0; running < 2; running++) {
		world w;
		world_init(&w);
		bh_node *root = add_supervisor(&w, 'r', NULL, BH_ONE_FOR_ALL);
		add_leaf(&w, 'a', root, BH_RESTART_PERMANENT);
		add_leaf(&w, 'b', root, BH_RESTART_PERMANENT);
		bh_plan_start(&w.plan, root, w.now);
		up(&w, 'a');
		if (running)
			up(&w, 'b');
		forget(&w);
		crash(&w, 'a');
		expect(&w, "-b");
		bh_plan_stop(&w.plan, w.nodes['b'], w.now);
		down(&w, 'b', BH_EXIT_NORMAL);
		expect_told(&w, "a:crashed>restart@0 b:stopped>none@0 a:starting ");
		check_starts(&w, "a");
		expect_state(&w, 'b', BH_CHILD_STOPPED);
		expect_state(&w, 'r', BH_CHILD_RUNNING);
		world_end(&w);
	}
}

/* Temporary ones that are stopped because of another are left; those whose turn had not come yet are not. */
static void temporary_ones_have_one_run(void **state)
{
	(void)state;
	world w;
	world_init(&w);
	bh_node *root = add_supervisor(&w, 'r', NULL, BH_ONE_FOR_ALL);
	add_leaf(&w, 'a', root, BH_RESTART_TEMPORARY);
	add_leaf(&w, 'b', root, BH_RESTART_PERMANENT);
	add_leaf(&w, 'c', root, BH_RESTART_TEMPORARY);
	bh_plan_start(&w.plan, root, w.now);
	up(&w, 'a');
	forget(&w);
	crash(&w, 'b');
	down(&w, 'a', BH_EXIT_STOPPED);
	expect(&w, "-a+b");
	expect_told(&w, "b:not-up>restart@0 a:stopped>leave@0 b:starting ");
	expect_state(&w, 'a', BH_CHILD_ENDED);
	up(&w, 'b');
	check_starts(&w, "c");
	forget(&w);
	/* Whoever asks for it while it is stopped gets it. */
	crash(&w, 'b');
	expect(&w, "-c");
	bh_plan_start(&w.plan, w.nodes['c'], w.now);
	bh_plan_start(&w.plan, w.nodes['a'], w.now);
	down(&w, 'c', BH_EXIT_NORMAL);
	check_starts(&w, "abc");
	world_end(&w);
}

/* What exits by itself while it is about to be stopped counts as stopped, and not as one more crash. */
static void exits_while_about_to_be_stopped(void **state)
{
	(void)state;
	for (bh_strategy strategy = BH_ONE_FOR_ALL; strategy <= BH_REST_FOR_ONE; strategy++) {
		world w;
		three_children(&w, strategy, 0, BH_RESTART_TRANSIENT, false, 0);
		w.nodes['b']->spec.restart = BH_RESTART_TEMPORARY;
		for (int i = 0; i < 3; i++) { /* as many as are allowed */
			crash(&w, 'a');
			expect(&w, "-c");
			if (!i)
				crash(&w, 'b');
			pass(&w, 5000);
			down(&w, 'c', BH_EXIT_CRASHED);
			expect(&w, "!c+a");
			up(&w, 'a');
			check_starts(&w, "c");
		}
		expect_state(&w, 'b', BH_CHILD_ENDED);
		forget(&w);
		crash(&w, 'a');
		expect(&w, "-c");
		assert_non_null(strstr(w.told, "a:crashed>escalate@0"));
		world_end(&w);
	}
}

/* That somebody asked for a restart once does not matter later. */
static void a_restart_is_over(void **state)
{
	(void)state;
	world w;
	three_children(&w, BH_ONE_FOR_ALL, 1, BH_RESTART_TEMPORARY, false, 0);
	bh_plan_restart(&w.plan, w.nodes['b'], w.now);
	check_stops(&w, "b");
	check_starts(&w, "b");
	forget(&w);
	crash(&w, 'a');
	expect(&w, "-c");
	crash(&w, 'b');
	down(&w, 'c', BH_EXIT_NORMAL);
	expect_told(&w, "a:crashed>restart@0 b:crashed>leave@0 c:stopped>group@0 a:starting ");
	expect_state(&w, 'b', BH_CHILD_ENDED);
	check_starts(&w, "ac");
	world_end(&w);
}

/* Stopped, removed: those behind it come up without it. */
static void passed_over(void **state)
{
	(void)state;
	for (int removed = 0; removed < 2; removed++)
		for (int waiting = 0; waiting < 2; waiting++) {
			world w;
			world_init(&w);
			bh_node *root = add_supervisor(&w, 'r', NULL, BH_ONE_FOR_ONE);
			bh_node_spec spec = spec_of(false, BH_RESTART_PERMANENT, BH_ONE_FOR_ONE);
			spec.backoff.kind = BH_BACKOFF_LINEAR;
			bh_node *a = add(&w, 'a', root, &spec);
			add_leaf(&w, 'b', root, BH_RESTART_TEMPORARY);
			add_leaf(&w, 'c', root, BH_RESTART_PERMANENT);
			bh_plan_start(&w.plan, root, w.now);
			expect(&w, "+a");
			if (waiting)
				crash(&w, 'a');
			(removed ? bh_plan_remove : bh_plan_stop)(&w.plan, a, w.now);
			if (!waiting)
				down(&w, 'a', BH_EXIT_NORMAL);
			expect(&w, waiting ? removed ? "~a+b" : "+b" : removed ? "-a~a+b" : "-a+b");
			crash(&w, 'b');
			check_starts(&w, "c");
			expect_state(&w, 'r', BH_CHILD_RUNNING);
			world_end(&w);
		}
}

/* One goes for good while it is being stopped with others: they come up without it. */
static void removed_from_a_group(void **state)
{
	(void)state;
	world w;
	three_children(&w, BH_ONE_FOR_ALL, 0, BH_RESTART_PERMANENT, false, 0);
	crash(&w, 'a');
	expect(&w, "-c");
	bh_plan_remove(&w.plan, w.nodes['c'], w.now);
	bh_plan_remove(&w.plan, w.nodes['a'], w.now);
	down(&w, 'c', BH_EXIT_NORMAL);
	expect(&w, "~a~c-b");
	down(&w, 'b', BH_EXIT_NORMAL);
	check_starts(&w, "b");
	world_end(&w);
}

/* Restart intensity. */

static void too_many_at_the_root(void **state)
{
	(void)state;
	world w;
	three_children(&w, BH_ONE_FOR_ONE, 1, BH_RESTART_PERMANENT, false, 0);
	for (int i = 0; i < 3; i++) {
		crash(&w, (char)('a' + i)); /* whichever it is */
		up(&w, (char)('a' + i));
		pass(&w, 1);
	}
	forget(&w);
	crash(&w, 'a');
	check_stops(&w, "cb");
	expect(&w, "");
	expect_told(&w, "a:crashed>escalate@0 c:stopped>none@0 b:stopped>none@0 r:escalated>fail@0 r:failed ");
	expect_state(&w, 'r', BH_CHILD_FAILED);
	for (char c = 'a'; c <= 'c'; c++)
		expect_state(&w, c, BH_CHILD_STOPPED);
	/* Until somebody starts it: then it begins anew. */
	bh_plan_start(&w.plan, w.nodes['r'], w.now);
	check_starts(&w, "abc");
	crash(&w, 'a');
	expect(&w, "+a");
	world_end(&w);
}

/* Those that were longer ago than the window do not count. */
static void the_window_slides(void **state)
{
	(void)state;
	world w;
	three_children(&w, BH_ONE_FOR_ONE, 1, BH_RESTART_PERMANENT, false, 0);
	for (int i = 0; i < 50; i++) {
		pass(&w, 20001);
		crash(&w, 'a');
		expect(&w, "+a");
		up(&w, 'a');
	}
	pass(&w, 1000);
	crash(&w, 'a');
	expect(&w, "-c"); /* the fourth within a minute */
	world_end(&w);
}

/* A restart that was the whole window ago is within it; one nanosecond later it is not. */
static void the_window_has_ends(void **state)
{
	(void)state;
	for (uint64_t late = 0; late < 2; late++) {
		world w;
		three_children(&w, BH_ONE_FOR_ONE, 1, BH_RESTART_PERMANENT, false, 0);
		for (int i = 0; i < 3; i++) {
			crash(&w, 'a');
			up(&w, 'a');
		}
		forget(&w);
		w.now += late;
		pass(&w, 60000);
		crash(&w, 'a');
		expect(&w, late ? "+a" : "-c");
		world_end(&w);
	}
}

/* A clock that was read early does not make restarts and runs older than they are. */
static void time_does_not_go_back(void **state)
{
	(void)state;
	world w;
	three_children(&w, BH_ONE_FOR_ONE, 0, BH_RESTART_PERMANENT, false, 100);
	for (unsigned i = 1; i <= 3; i++) {
		char told[64];
		forget(&w);
		w.now -= 5;
		crash(&w, 'a');
		snprintf(told, sizeof told, "a:crashed>restart@%u ", 100 * i);
		expect_told(&w, told);
		w.now += 5;
		pass(&w, 100UL * i);
		up(&w, 'a');
	}
	forget(&w);
	w.now -= 5;
	crash(&w, 'a');
	expect(&w, "-c");
	world_end(&w);
}

static void only_the_child_fails(void **state)
{
	(void)state;
	for (bh_strategy strategy = BH_ONE_FOR_ONE; strategy <= BH_REST_FOR_ONE; strategy++) {
		world w;
		world_init(&w);
		bh_node_spec spec = spec_of(true, BH_RESTART_PERMANENT, strategy);
		spec.on_intensity = BH_INTENSITY_FAIL_CHILD;
		spec.most_restarts = 1;
		bh_node *root = add(&w, 'r', NULL, &spec);
		for (char c = 'a'; c <= 'c'; c++)
			add_leaf(&w, c, root, BH_RESTART_PERMANENT);
		bh_plan_start(&w.plan, root, w.now);
		all_up(&w, "abc");
		for (char c = 'a'; c <= 'c'; c++) { /* one of each is nothing */
			crash(&w, c);
			for (char d = 'c'; d >= 'a'; d--)
				if (w.nodes[(int)d]->state == BH_CHILD_STOPPING)
					down(&w, d, BH_EXIT_NORMAL);
			all_up(&w, "abc");
		}
		forget(&w);
		crash(&w, 'b');
		expect(&w, "");
		expect_told(&w, "b:crashed>fail@0 b:failed ");
		expect_state(&w, 'b', BH_CHILD_FAILED);
		expect_state(&w, 'r', BH_CHILD_RUNNING);
		if (strategy == BH_ONE_FOR_ONE) {
			bh_node_spec actor = spec_of(false, BH_RESTART_PERMANENT, BH_ONE_FOR_ONE);
			actor.dynamic = true;
			bh_plan_start(&w.plan, add(&w, 'd', root, &actor), w.now);
			crash(&w, 'd');
			crash(&w, 'd');
			expect(&w, "+d+d~d");
		}
		/* Its counts are forgotten when somebody starts it. */
		bh_plan_start(&w.plan, w.nodes['b'], w.now);
		expect(&w, "+b");
		up(&w, 'b');
		crash(&w, 'b');
		assert_non_null(strstr(w.told, "b:crashed>restart@0"));
		world_end(&w);
	}
}

/* r: S, t; S: x, y, and may restart nothing. How S's crash is taken is its policy's, and r's strategy's. */
static void escalation(void **state)
{
	(void)state;
	world w;
	world_init(&w);
	bh_node *root = add_supervisor(&w, 'r', NULL, BH_ONE_FOR_ALL);
	bh_node_spec spec = spec_of(true, BH_RESTART_TRANSIENT, BH_ONE_FOR_ONE);
	spec.most_restarts = 0;
	bh_node *s = add(&w, 'S', root, &spec);
	add_leaf(&w, 'x', s, BH_RESTART_PERMANENT);
	add_leaf(&w, 'y', s, BH_RESTART_TEMPORARY);
	add_leaf(&w, 't', root, BH_RESTART_PERMANENT);
	bh_plan_start(&w.plan, root, w.now);
	all_up(&w, "xyt");
	crash(&w, 'y'); /* left */
	forget(&w);
	crash(&w, 'x');
	check_stops(&w, "t");    /* y is down */
	check_starts(&w, "xyt"); /* the temporary one too: S begins anew */
	expect_told(&w,
	            "x:crashed>escalate@0 S:escalated>restart@0 t:stopped>group@0 S:starting x:starting x:up y:starting "
	            "y:up S:up t:starting t:up ");
	world_end(&w);
}

/* What S has restarted of its own says nothing about how often S itself was; and the other way round. */
static void counts_are_apart(void **state)
{
	(void)state;
	world w;
	world_init(&w);
	bh_node_spec spec = spec_of(true, BH_RESTART_PERMANENT, BH_ONE_FOR_ONE);
	spec.on_intensity = BH_INTENSITY_FAIL_CHILD;
	spec.most_restarts = 2;
	bh_node *root = add(&w, 'r', NULL, &spec);
	spec.on_intensity = BH_INTENSITY_ESCALATE;
	bh_node *s = add(&w, 'S', root, &spec);
	add_leaf(&w, 'x', s, BH_RESTART_PERMANENT);
	bh_plan_start(&w.plan, root, w.now);
	for (int i = 0; i < 9; i++) { /* two, one too many; and that three times */
		up(&w, 'x');
		forget(&w);
		crash(&w, 'x');
		assert_non_null(strstr(w.told, i % 3 < 2 ? "x:crashed>restart@0" : "x:crashed>escalate@0"));
		if (i % 3 == 2)
			assert_non_null(strstr(w.told, i < 8 ? "S:escalated>restart@0" : "S:escalated>fail@0 S:failed"));
	}
	expect_state(&w, 'S', BH_CHILD_FAILED);
	expect_state(&w, 'r', BH_CHILD_RUNNING);
	world_end(&w);
}

/* Stops that are not answered. */

static void killed_when_time_is_up(void **state)
{
	(void)state;
	world w;
	three_children(&w, BH_ONE_FOR_ALL, 0, BH_RESTART_PERMANENT, false, 0);
	w.nodes['b']->spec.shutdown_ms = 0;
	w.nodes['a']->spec.shutdown_ms = BH_UNLIMITED;
	bh_plan_stop(&w.plan, w.nodes['r'], w.now);
	expect(&w, "-c");
	pass(&w, 4999);
	expect(&w, "");
	pass(&w, 1);
	expect(&w, "!c");
	expect_told(&w, "c:killed ");
	pass(&w, 1000000);
	expect(&w, ""); /* once is enough */
	down(&w, 'c', BH_EXIT_CRASHED);
	expect(&w, "!b"); /* it is given no time */
	down(&w, 'b', BH_EXIT_CRASHED);
	expect(&w, "-a");
	assert_int_equal(bh_plan_next(&w.plan), BH_NEVER); /* as long as it likes */
	down(&w, 'a', BH_EXIT_NORMAL);
	expect_state(&w, 'r', BH_CHILD_STOPPED);
	world_end(&w);
}

/* A child that waits for its backoff is not started below a supervisor that goes down. */
static void nothing_starts_meanwhile(void **state)
{
	(void)state;
	for (int asked = 0; asked < 3; asked++) {
		world w;
		three_children(&w, BH_ONE_FOR_ONE, 0, BH_RESTART_PERMANENT, false, 100);
		crash(&w, 'a');
		expect_state(&w, 'a', BH_CHILD_WAITING);
		bh_plan_stop(&w.plan, w.nodes['r'], w.now);
		expect(&w, "-c");
		if (asked == 1)
			bh_plan_restart(&w.plan, w.nodes['a'], w.now);
		if (asked == 2)
			bh_plan_start(&w.plan, w.nodes['a'], w.now);
		pass(&w, 1000);
		expect(&w, "");
		expect_state(&w, 'a', BH_CHILD_STOPPED);
		down(&w, 'c', BH_EXIT_NORMAL);
		check_stops(&w, "b");
		expect(&w, "");
		expect_state(&w, 'r', BH_CHILD_STOPPED);
		bh_plan_start(&w.plan, w.nodes['r'], w.now);
		check_starts(&w, "abc");
		world_end(&w);
	}
}

/* A child that is not among those being stopped exits as well: all come up together. */
static void another_exits_meanwhile(void **state)
{
	(void)state;
	world w;
	three_children(&w, BH_REST_FOR_ONE, 0, BH_RESTART_PERMANENT, false, 0);
	crash(&w, 'b');
	expect(&w, "-c");
	crash(&w, 'a');
	expect(&w, "");
	down(&w, 'c', BH_EXIT_NORMAL);
	check_starts(&w, "abc");
	assert_non_null(strstr(w.told, "b:crashed>restart@0"));
	assert_non_null(strstr(w.told, "a:crashed>restart@0"));
	pass(&w, 1);
	crash(&w, 'c');
	up(&w, 'c');
	crash(&w, 'c');
	expect(&w, "+c-b"); /* all of them counted: that is one too many */
	world_end(&w);
}

/* What people ask for. */

static void stopped_stays_stopped(void **state)
{
	(void)state;
	world w;
	three_children(&w, BH_ONE_FOR_ALL, 0, BH_RESTART_PERMANENT, false, 0);
	bh_plan_stop(&w.plan, w.nodes['b'], w.now);
	expect(&w, "-b");
	down(&w, 'b', BH_EXIT_CRASHED);
	expect(&w, "");
	bh_plan_stop(&w.plan, w.nodes['b'], w.now); /* nothing more */
	crash(&w, 'a');
	check_stops(&w, "c");
	check_starts(&w, "ac");
	bh_plan_restart(&w.plan, w.nodes['r'], w.now);
	check_stops(&w, "ca");
	check_starts(&w, "ac");
	bh_plan_start(&w.plan, w.nodes['b'], w.now);
	check_starts(&w, "b");
	bh_plan_start(&w.plan, w.nodes['b'], w.now);
	expect(&w, "");
	world_end(&w);
}

static void a_restart_is_no_exit(void **state)
{
	(void)state;
	world w;
	three_children(&w, BH_ONE_FOR_ALL, 0, BH_RESTART_TEMPORARY, false, 0);
	for (int i = 0; i < 20; i++) {
		bh_plan_restart(&w.plan, w.nodes['a'], w.now);
		expect(&w, "-a");
		down(&w, 'a', BH_EXIT_CRASHED);
		check_starts(&w, "a");
	}
	assert_int_equal(w.nodes['a']->restarts, 0);
	expect_state(&w, 'a', BH_CHILD_RUNNING);
	world_end(&w);
}

static void a_restart_ends_a_wait(void **state)
{
	(void)state;
	world w;
	three_children(&w, BH_ONE_FOR_ONE, 1, BH_RESTART_PERMANENT, false, 5000);
	crash(&w, 'b');
	expect(&w, "");
	expect_state(&w, 'b', BH_CHILD_WAITING);
	bh_plan_restart(&w.plan, w.nodes['b'], w.now);
	check_starts(&w, "b");
	pass(&w, 5000);
	expect(&w, "");
	world_end(&w);
}

/* Also where it is just being killed, and would be left by its policy. */
static void a_restart_of_one_that_is_killed(void **state)
{
	(void)state;
	world w;
	three_children(&w, BH_ONE_FOR_ALL, 1, BH_RESTART_TEMPORARY, false, 0);
	bh_plan_unhealthy(&w.plan, w.nodes['b'], w.now);
	bh_plan_restart(&w.plan, w.nodes['b'], w.now);
	expect(&w, "!b");
	down(&w, 'b', BH_EXIT_CRASHED);
	expect(&w, "+b");
	pass(&w, 10000);
	bh_plan_restart(&w.plan, w.nodes['b'], w.now);
	expect(&w, "!b");
	forget(&w);
	down(&w, 'b', BH_EXIT_CRASHED);
	expect(&w, "+b");
	expect_told(&w, "b:stopped>restart@0 b:starting ");
	/* A start is content with what its policy says: it was not down. */
	bh_plan_unhealthy(&w.plan, w.nodes['b'], w.now);
	up(&w, 'b');
	bh_plan_unhealthy(&w.plan, w.nodes['b'], w.now);
	bh_plan_start(&w.plan, w.nodes['b'], w.now);
	down(&w, 'b', BH_EXIT_CRASHED);
	expect(&w, "!b");
	expect_state(&w, 'b', BH_CHILD_ENDED);
	world_end(&w);
}

/* Those that wait with it do not wait any longer either, but keep their order. */
static void a_restart_ends_a_wait_of_many(void **state)
{
	(void)state;
	world w;
	three_children(&w, BH_ONE_FOR_ALL, 1, BH_RESTART_PERMANENT, false, 5000);
	crash(&w, 'b');
	check_stops(&w, "ca");
	expect(&w, "");
	bh_plan_start(&w.plan, w.nodes['c'], w.now); /* it comes anyway */
	expect(&w, "");
	bh_plan_restart(&w.plan, w.nodes['c'], w.now);
	check_starts(&w, "abc");
	pass(&w, 5000);
	expect(&w, "");
	world_end(&w);
}

/* A child that is started while others come up in order has its turn among them; one that is added comes at once. */
static void a_start_in_turn(void **state)
{
	(void)state;
	world w;
	three_children(&w, BH_REST_FOR_ONE, 0, BH_RESTART_PERMANENT, false, 0);
	bh_plan_stop(&w.plan, w.nodes['c'], w.now);
	down(&w, 'c', BH_EXIT_NORMAL);
	forget(&w);
	crash(&w, 'a');
	check_stops(&w, "b");
	expect(&w, "+a");
	bh_plan_start(&w.plan, w.nodes['c'], w.now);
	expect(&w, "");
	for (int dynamic = 0; dynamic < 2; dynamic++) {
		bh_node_spec spec = spec_of(false, BH_RESTART_TEMPORARY, BH_ONE_FOR_ONE);
		spec.dynamic = dynamic;
		bh_plan_start(&w.plan, add(&w, (char)('d' + dynamic), w.nodes['r'], &spec), w.now);
	}
	expect(&w, "+d+e");
	/* From then on it has its place. */
	bh_plan_stop(&w.plan, w.nodes['d'], w.now);
	down(&w, 'd', BH_EXIT_NORMAL);
	bh_plan_start(&w.plan, w.nodes['d'], w.now);
	expect(&w, "-d");
	up(&w, 'a');
	check_starts(&w, "bcd");
	world_end(&w);
}

static void stop_then_start(void **state)
{
	(void)state;
	world w;
	three_children(&w, BH_ONE_FOR_ONE, 1, BH_RESTART_TEMPORARY, false, 0);
	bh_plan_stop(&w.plan, w.nodes['b'], w.now);
	bh_plan_start(&w.plan, w.nodes['b'], w.now); /* before it is down */
	expect(&w, "-b");
	down(&w, 'b', BH_EXIT_NORMAL);
	expect(&w, "+b");
	bh_plan_restart(&w.plan, w.nodes['b'], w.now);
	bh_plan_stop(&w.plan, w.nodes['b'], w.now);
	expect(&w, "-b");
	down(&w, 'b', BH_EXIT_NORMAL);
	expect(&w, "");
	expect_state(&w, 'b', BH_CHILD_STOPPED);
	world_end(&w);
}

static void removal(void **state)
{
	(void)state;
	world w;
	three_children(&w, BH_ONE_FOR_ONE, 1, BH_RESTART_PERMANENT, true, 0);
	bh_plan_remove(&w.plan, w.nodes['B'], w.now);
	expect(&w, "-b");
	down(&w, 'b', BH_EXIT_NORMAL);
	expect(&w, "~b~B");
	expect_told(&w, "b:stopped>none@0 B:stopped>none@0 b:removed B:removed ");
	bh_plan_stop(&w.plan, w.nodes['a'], w.now);
	down(&w, 'a', BH_EXIT_NORMAL);
	bh_plan_remove(&w.plan, w.nodes['a'], w.now); /* which is down */
	expect(&w, "-a~a");
	world_end(&w);
}

/* Nothing that is asked for meanwhile keeps it, and it goes once. */
static void removal_is_final(void **state)
{
	(void)state;
	for (int asked = 0; asked < 6; asked++) {
		world w;
		three_children(&w, BH_ONE_FOR_ONE, 1, BH_RESTART_PERMANENT, false, 0);
		bh_node *b = w.nodes['b'];
		if (asked == 0)
			bh_plan_restart(&w.plan, b, w.now); /* going down to come up again */
		if (asked == 1)
			bh_plan_unhealthy(&w.plan, b, w.now);
		bh_plan_remove(&w.plan, b, w.now);
		expect(&w, asked == 1 ? "!b" : "-b");
		if (asked == 2)
			bh_plan_start(&w.plan, b, w.now);
		if (asked == 3)
			bh_plan_restart(&w.plan, b, w.now);
		if (asked == 4)
			bh_plan_stop(&w.plan, b, w.now);
		if (asked == 5)
			bh_plan_remove(&w.plan, b, w.now);
		down(&w, 'b', BH_EXIT_CRASHED);
		expect(&w, "~b");
		world_end(&w);
	}
}

/* Those added while their supervisor runs. */
static void dynamic_children(void **state)
{
	(void)state;
	world w;
	three_children(&w, BH_ONE_FOR_ALL, 0, BH_RESTART_PERMANENT, false, 0);
	static const bh_restart policies[] = {BH_RESTART_PERMANENT, BH_RESTART_TRANSIENT, BH_RESTART_TEMPORARY};
	for (int i = 0; i < 3; i++) {
		bh_node_spec spec = spec_of(false, policies[i], BH_ONE_FOR_ONE);
		spec.dynamic = true;
		bh_plan_start(&w.plan, add(&w, (char)('d' + i), w.nodes['r'], &spec), w.now);
	}
	expect(&w, "+d+e+f"); /* at once, all of them */
	all_up(&w, "edf");
	down(&w, 'e', BH_EXIT_NORMAL);
	expect(&w, "~e"); /* ended */
	crash(&w, 'a');
	check_stops(&w, "fdcb");
	expect(&w, "~f+a"); /* a temporary one is left */
	up(&w, 'a');
	check_starts(&w, "bcd");
	bh_plan_restart(&w.plan, w.nodes['r'], w.now);
	check_stops(&w, "dcba");
	expect(&w, "~d+a"); /* gone with its supervisor */
	world_end(&w);
}

/* Backoff. */

static void failures_in_a_row(void **state)
{
	(void)state;
	world w;
	three_children(&w, BH_ONE_FOR_ONE, 1, BH_RESTART_PERMANENT, false, 100);
	w.nodes['b']->spec.backoff.stable_ms = 1000;
	w.nodes['r']->spec.window_ms = 1;
	for (unsigned n = 1; n <= 3; n++) {
		char told[64];
		pass(&w, 999);
		forget(&w);
		crash(&w, 'b');
		snprintf(told, sizeof told, "b:crashed>restart@%u ", 100 * n);
		expect_told(&w, told);
		pass(&w, 100UL * n);
		expect(&w, "+b");
		up(&w, 'b');
	}
	pass(&w, 1000);
	forget(&w);
	crash(&w, 'b');
	expect_told(&w, "b:crashed>restart@100 ");
	world_end(&w);
}

/* A long run ends the row also where it is not the child's own exit that ends it. */
static void a_long_run_counts_however_it_ends(void **state)
{
	(void)state;
	for (int with_group = 0; with_group < 2; with_group++) {
		world w;
		three_children(&w, BH_ONE_FOR_ALL, 1, BH_RESTART_PERMANENT, false, 100);
		crash(&w, 'b');
		check_stops(&w, "ca");
		pass(&w, 100);
		check_starts(&w, "abc");
		pass(&w, 10000);
		if (with_group) {
			crash(&w, 'a');
			check_stops(&w, "cb");
			check_starts(&w, "abc");
		} else {
			bh_plan_restart(&w.plan, w.nodes['b'], w.now);
			check_stops(&w, "b");
			check_starts(&w, "b");
		}
		forget(&w);
		crash(&w, 'b');
		expect_told(&w, "b:crashed>restart@100 ");
		world_end(&w);
	}
}

/* What comes too late is ignored. */
static void too_late(void **state)
{
	(void)state;
	world w;
	three_children(&w, BH_ONE_FOR_ALL, 0, BH_RESTART_PERMANENT, true, 0);
	up(&w, 'b');
	up(&w, 'A');
	crash(&w, 'A'); /* supervisors come up and go down by themselves */
	bh_plan_unhealthy(&w.plan, w.nodes['A'], w.now);
	bh_plan_stop(&w.plan, w.nodes['b'], w.now);
	expect(&w, "-b");
	up(&w, 'b');
	bh_plan_unhealthy(&w.plan, w.nodes['b'], w.now);
	expect(&w, "");
	down(&w, 'b', BH_EXIT_NORMAL);
	forget(&w);
	crash(&w, 'b');
	up(&w, 'b');
	bh_plan_unhealthy(&w.plan, w.nodes['b'], w.now);
	bh_plan_due(&w.plan, w.now);
	expect(&w, "");
	expect_told(&w, "");
	world_end(&w);
}

static bool faults_work(void)
{
	bh_alloc_fail_at(0, false);
	bh_free(bh_alloc(1));
	return bh_alloc_count() == 1;
}

/* Each allocation fails once: then nothing was added. */
static void no_memory(void **state)
{
	(void)state;
	if (!faults_work())
		skip();
	world w;
	world_init(&w);
	bh_node_spec spec = spec_of(true, BH_RESTART_PERMANENT, BH_ONE_FOR_ONE);
	bh_node_spec root_spec = spec;
	root_spec.on_intensity = BH_INTENSITY_FAIL_CHILD;
	bh_node *root = add(&w, 'r', NULL, &root_spec), *nodes[20] = {NULL};
	int failed = 0;
	for (size_t i = 0; i < BH_COUNT(nodes); i++)
		for (uint64_t nth = 1; !nodes[i]; nth++) {
			bh_node *node = calloc(1, sizeof *node);
			bh_alloc_fail_at(nth, false);
			bool added = bh_plan_add(&w.plan, node, root, &spec);
			bh_alloc_fail_at(0, false);
			assert_int_equal(root->child_count, i + added);
			assert_int_equal(w.plan.nodes, 1 + i + added);
			assert_ptr_equal(root->last, added ? node : i ? nodes[i - 1] : NULL);
			assert_true(!i || nodes[i - 1]->next == (added ? node : NULL));
			if (added)
				w.nodes['A' + i] = nodes[i] = node;
			else
				free(node);
			failed += !added;
		}
	assert_true(failed > 20);
	bh_plan_start(&w.plan, root, w.now); /* supervisors without children are up */
	expect_state(&w, 'r', BH_CHILD_RUNNING);
	world_end(&w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_combination),
		cmocka_unit_test(the_whole_story),
		cmocka_unit_test(while_coming_up),
		cmocka_unit_test(what_becomes_of_siblings),
		cmocka_unit_test(too_many_at_the_root),
		cmocka_unit_test(the_window_slides),
		cmocka_unit_test(only_the_child_fails),
		cmocka_unit_test(escalation),
		cmocka_unit_test(a_restart_ends_a_wait_of_many),
		cmocka_unit_test(a_start_in_turn),
		cmocka_unit_test(a_long_run_counts_however_it_ends),
		cmocka_unit_test(a_restart_of_one_that_is_killed),
		cmocka_unit_test(the_window_has_ends),
		cmocka_unit_test(time_does_not_go_back),
		cmocka_unit_test(exits_while_about_to_be_stopped),
		cmocka_unit_test(passed_over),
		cmocka_unit_test(removed_from_a_group),
		cmocka_unit_test(a_restart_is_over),
		cmocka_unit_test(counts_are_apart),
		cmocka_unit_test(stopped_while_it_is_stopped),
		cmocka_unit_test(temporary_ones_have_one_run),
		cmocka_unit_test(killed_when_time_is_up),
		cmocka_unit_test(another_exits_meanwhile),
		cmocka_unit_test(nothing_starts_meanwhile),
		cmocka_unit_test(stopped_stays_stopped),
		cmocka_unit_test(a_restart_is_no_exit),
		cmocka_unit_test(a_restart_ends_a_wait),
		cmocka_unit_test(stop_then_start),
		cmocka_unit_test(removal),
		cmocka_unit_test(removal_is_final),
		cmocka_unit_test(dynamic_children),
		cmocka_unit_test(failures_in_a_row),
		cmocka_unit_test(too_late),
		cmocka_unit_test(no_memory),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
