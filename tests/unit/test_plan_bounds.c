/* How often and how long: restart intensity, time to stop, backoff, and what comes too late. */
#include "plan_tools.h"

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

/* One that another took the place of has not exited: nothing is told, and its failures are forgotten. */
static void replaced(void **state)
{
	(void)state;
	world w;
	three_children(&w, BH_ONE_FOR_ONE, 0, BH_RESTART_PERMANENT, false, 100);
	crash(&w, 'a');
	pass(&w, 100);
	up(&w, 'a');
	forget(&w);
	assert_int_equal(w.nodes['a']->generation, 2);
	bh_plan_replaced(&w.plan, w.nodes['a'], w.now);
	expect(&w, "");
	expect_told(&w, "");
	assert_int_equal(w.nodes['a']->generation, 3);
	crash(&w, 'a');
	expect_told(&w, "a:crashed>restart@100 ");
	bh_plan_replaced(&w.plan, w.nodes['a'], w.now); /* it is down */
	bh_plan_replaced(&w.plan, w.nodes['r'], w.now);
	assert_int_equal(w.nodes['a']->generation, 3);
	world_end(&w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(too_many_at_the_root),
		cmocka_unit_test(the_window_slides),
		cmocka_unit_test(the_window_has_ends),
		cmocka_unit_test(time_does_not_go_back),
		cmocka_unit_test(only_the_child_fails),
		cmocka_unit_test(counts_are_apart),
		cmocka_unit_test(killed_when_time_is_up),
		cmocka_unit_test(nothing_starts_meanwhile),
		cmocka_unit_test(failures_in_a_row),
		cmocka_unit_test(a_long_run_counts_however_it_ends),
		cmocka_unit_test(too_late),
		cmocka_unit_test(replaced),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
