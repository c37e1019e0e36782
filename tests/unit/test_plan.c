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

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_combination),
		cmocka_unit_test(the_whole_story),
		cmocka_unit_test(while_coming_up),
		cmocka_unit_test(what_becomes_of_siblings),
		cmocka_unit_test(stopped_while_it_is_stopped),
		cmocka_unit_test(temporary_ones_have_one_run),
		cmocka_unit_test(exits_while_about_to_be_stopped),
		cmocka_unit_test(another_exits_meanwhile),
		cmocka_unit_test(passed_over),
		cmocka_unit_test(removed_from_a_group),
		cmocka_unit_test(escalation),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
