/* What people ask of supervisors, and when: start, stop, restart, add, remove. */
#include "plan_tools.h"

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
		cmocka_unit_test(stopped_stays_stopped),
		cmocka_unit_test(a_restart_is_no_exit),
		cmocka_unit_test(a_restart_ends_a_wait),
		cmocka_unit_test(a_restart_of_one_that_is_killed),
		cmocka_unit_test(a_restart_ends_a_wait_of_many),
		cmocka_unit_test(a_restart_is_over),
		cmocka_unit_test(a_start_in_turn),
		cmocka_unit_test(stop_then_start),
		cmocka_unit_test(removal),
		cmocka_unit_test(removal_is_final),
		cmocka_unit_test(dynamic_children),
		cmocka_unit_test(no_memory),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
