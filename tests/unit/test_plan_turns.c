/* Children that run again and again: what their turns have to do with policies, requests and strategies. */
#include "plan_tools.h"

/* r: a, t, b; t runs every ten seconds, or by the calendar: at each full hour from now on. */
static void begin(world *w, bool calendar, bh_restart policy, bh_strategy strategy)
{
	world_init(w);
	bh_node *root = add_supervisor(w, 'r', NULL, strategy);
	bh_node_spec spec = spec_of(false, policy, BH_ONE_FOR_ONE);
	spec.every_ms = calendar ? 0 : 10000;
	spec.calendar = calendar;
	add_leaf(w, 'a', root, BH_RESTART_PERMANENT);
	add(w, 't', root, &spec);
	add_leaf(w, 'b', root, BH_RESTART_PERMANENT);
	w->turn = w->now;
	bh_plan_start(&w->plan, root, w->now);
	up(w, 'a');
	expect(w, calendar ? "+a+b" : "+a+t");
	if (!calendar)
		up(w, 't');
	up(w, 'b');
	expect_state(w, 'r', BH_CHILD_RUNNING);
	forget(w);
}

#define expect_turn(w, ms)                                                                                             \
	do {                                                                                                               \
		expect_state(w, 't', BH_CHILD_SCHEDULED);                                                                      \
		assert_int_equal(bh_plan_starts_at((w)->nodes['t']), (w)->now + MS(ms));                                       \
	} while (0)

/* From one start to the next, however long a run takes; what is missed is not made up for. */
static void periods(void **state)
{
	(void)state;
	static const struct {
		uint64_t takes, waits;
	} rows[] = {{0, 10000},    {1, 9999},  {9999, 1},    {10000, 0},     {10001, 9999},
	            {25000, 5000}, {30000, 0}, {1000000, 0}, {1000001, 9999}};
	for (size_t i = 0; i < BH_COUNT(rows); i++) {
		world w;
		char told[64];
		begin(&w, false, BH_RESTART_PERMANENT, BH_ONE_FOR_ONE);
		for (int again = 0; again < 3; again++) {
			pass(&w, rows[i].takes);
			expect(&w, "");
			down(&w, 't', BH_EXIT_NORMAL);
			snprintf(told, sizeof told, "t:normal>schedule@%llu ", (unsigned long long)rows[i].waits);
			expect_told(&w, told);
			expect_turn(&w, rows[i].waits);
			if (rows[i].waits)
				pass(&w, rows[i].waits - 1);
			expect(&w, "");
			pass(&w, rows[i].waits ? 1 : 0);
			expect(&w, "+t");
			up(&w, 't');
			forget(&w);
		}
		assert_int_equal(w.nodes['t']->restarts, 0);
		assert_int_equal(w.nodes['t']->generation, 4);
		world_end(&w);
	}
}

/* Those behind it do not wait for its turn, and it runs when that comes; nobody else is touched. */
static void calendar(void **state)
{
	(void)state;
	world w;
	begin(&w, true, BH_RESTART_PERMANENT, BH_ONE_FOR_ONE);
	expect_turn(&w, 3600000);
	pass(&w, 3599999);
	expect(&w, "");
	pass(&w, 1);
	expect(&w, "+t");
	up(&w, 't');
	pass(&w, 3600000 + 1000); /* over the next turn */
	down(&w, 't', BH_EXIT_NORMAL);
	expect_turn(&w, 3600000 - 1000);
	expect_told(&w, "t:starting t:up t:normal>schedule@3599000 ");
	world_end(&w);
}

/* The clock that a calendar goes by is set while it is waited for: that is seen within a minute. */
static void calendar_is_set(void **state)
{
	(void)state;
	world w;
	begin(&w, true, BH_RESTART_PERMANENT, BH_ONE_FOR_ONE);
	pass(&w, 300000);
	w.turn = w.now - MS(1);
	pass(&w, 60000);
	expect(&w, "+t");
	up(&w, 't');
	down(&w, 't', BH_EXIT_NORMAL);
	w.turn += MS(7200000); /* and back */
	pass(&w, 7200000 - 60000);
	expect(&w, "");
	world_end(&w);
}

static void crashes(void **state)
{
	(void)state;
	for (int calendar = 0; calendar < 2; calendar++)
		for (bh_restart policy = BH_RESTART_PERMANENT; policy <= BH_RESTART_TEMPORARY; policy++) {
			world w;
			begin(&w, calendar, policy, BH_ONE_FOR_ALL);
			if (calendar) {
				pass(&w, 3600000);
				up(&w, 't');
				forget(&w);
			}
			crash(&w, 't');
			if (policy == BH_RESTART_TEMPORARY) {
				expect(&w, "");
				expect_told(&w, calendar ? "t:crashed>schedule@3600000 " : "t:crashed>schedule@10000 ");
				expect_turn(&w, calendar ? 3600000 : 10000);
			} else {
				check_stops(&w, "ba");
				check_starts(&w, "atb"); /* it has its run */
			}
			world_end(&w);
		}
}

/* Restarted after a while: that run stands for the turns that come meanwhile. */
static void backoff_beyond_a_turn(void **state)
{
	(void)state;
	world w;
	begin(&w, false, BH_RESTART_PERMANENT, BH_ONE_FOR_ONE);
	w.nodes['t']->spec.backoff = (bh_backoff){BH_BACKOFF_LINEAR, 15000, 0, 0, BH_JITTER_NONE, 0};
	crash(&w, 't');
	expect_told(&w, "t:crashed>restart@15000 ");
	pass(&w, 14999);
	expect(&w, "");
	pass(&w, 1);
	expect(&w, "+t");
	up(&w, 't');
	down(&w, 't', BH_EXIT_NORMAL);
	expect_turn(&w, 10000);
	/* It ended well: the next crash is the first in a row. */
	pass(&w, 10000);
	up(&w, 't');
	forget(&w);
	crash(&w, 't');
	expect_told(&w, "t:crashed>restart@15000 ");
	world_end(&w);
}

/* It is given up like any other; then it waits for nothing, until somebody starts it. */
static void fails_for_good(void **state)
{
	(void)state;
	for (int calendar = 0; calendar < 2; calendar++) {
		world w;
		world_init(&w);
		bh_node_spec sup = spec_of(true, BH_RESTART_PERMANENT, BH_ONE_FOR_ONE);
		sup.on_intensity = BH_INTENSITY_FAIL_CHILD;
		bh_node *root = add(&w, 'r', NULL, &sup);
		bh_node_spec spec = spec_of(false, BH_RESTART_TRANSIENT, BH_ONE_FOR_ONE);
		spec.every_ms = calendar ? 0 : 10000;
		spec.calendar = calendar;
		bh_node *t = add(&w, 't', root, &spec);
		bh_plan_start(&w.plan, root, w.now);
		bh_plan_restart(&w.plan, t, w.now); /* a calendar's too: now */
		if (!calendar) {
			expect(&w, "+t-t");
			down(&w, 't', BH_EXIT_NORMAL);
		}
		for (int i = 0; i < 4; i++)
			crash(&w, 't');
		expect_state(&w, 't', BH_CHILD_FAILED);
		assert_int_equal(bh_plan_next(&w.plan), BH_NEVER);
		forget(&w);
		bh_plan_start(&w.plan, t, w.now);
		expect(&w, calendar ? "" : "+t");
		expect_state(&w, 't', calendar ? BH_CHILD_SCHEDULED : BH_CHILD_STARTING);
		world_end(&w);
	}
}

/* While it waits for its turn: stopped it waits no more, started it goes on waiting, restarted it runs. */
static void requests(void **state)
{
	(void)state;
	world w;
	begin(&w, true, BH_RESTART_PERMANENT, BH_ONE_FOR_ONE);
	bh_node *t = w.nodes['t'];
	bh_plan_start(&w.plan, t, w.now);
	expect_turn(&w, 3600000);
	bh_plan_stop(&w.plan, t, w.now);
	expect_state(&w, 't', BH_CHILD_STOPPED);
	pass(&w, 4000000);
	expect(&w, "");
	bh_plan_start(&w.plan, t, w.now);
	expect_turn(&w, 7200000 - 4000000);
	bh_plan_restart(&w.plan, t, w.now);
	expect(&w, "+t");
	up(&w, 't');
	bh_plan_restart(&w.plan, t, w.now);
	expect(&w, "-t");
	down(&w, 't', BH_EXIT_NORMAL);
	expect(&w, "+t");
	up(&w, 't');
	down(&w, 't', BH_EXIT_NORMAL);
	expect_turn(&w, 7200000 - 4000000); /* no turn was taken from it */
	bh_plan_stop(&w.plan, w.nodes['r'], w.now);
	expect(&w, "-b");
	expect_state(&w, 't', BH_CHILD_STOPPED); /* at once: it is not to run while others are stopped */
	bh_plan_remove(&w.plan, t, w.now);
	expect(&w, "~t");
	world_end(&w);
}

/* One that runs every ten seconds runs when it is started, whether by somebody or with its supervisor. */
static void started_anew(void **state)
{
	(void)state;
	world w;
	begin(&w, false, BH_RESTART_PERMANENT, BH_ONE_FOR_ONE);
	down(&w, 't', BH_EXIT_NORMAL);
	pass(&w, 1000);
	bh_plan_stop(&w.plan, w.nodes['t'], w.now);
	bh_plan_start(&w.plan, w.nodes['t'], w.now);
	expect(&w, "+t");
	up(&w, 't');
	down(&w, 't', BH_EXIT_NORMAL);
	expect_turn(&w, 10000);
	bh_plan_restart(&w.plan, w.nodes['r'], w.now);
	down(&w, 'b', BH_EXIT_NORMAL);
	down(&w, 'a', BH_EXIT_NORMAL);
	expect(&w, "-b-a+a");
	up(&w, 'a');
	expect(&w, "+t");
	world_end(&w);
}

/* With others it comes up as it was: waiting for the turn it had. A run that was ended with them is not repeated. */
static void goes_with_others(void **state)
{
	(void)state;
	for (bh_restart policy = BH_RESTART_PERMANENT; policy <= BH_RESTART_TEMPORARY; policy++)
		for (int runs = 0; runs < 2; runs++) {
			world w;
			begin(&w, false, policy, BH_ONE_FOR_ALL);
			if (!runs)
				down(&w, 't', BH_EXIT_NORMAL);
			pass(&w, 4000);
			forget(&w);
			crash(&w, 'a');
			check_stops(&w, runs ? "bt" : "b");
			expect(&w, "+a");
			up(&w, 'a');
			expect(&w, "+b");
			expect_turn(&w, 6000);
			up(&w, 'b');
			pass(&w, 6000);
			expect(&w, "+t");
			world_end(&w);
		}
}

/* Its turn comes while the others go down: that one is missed. */
static void turn_in_the_middle(void **state)
{
	(void)state;
	world w;
	begin(&w, false, BH_RESTART_PERMANENT, BH_ONE_FOR_ALL);
	down(&w, 't', BH_EXIT_NORMAL);
	pass(&w, 9000);
	crash(&w, 'a');
	expect(&w, "-b");
	pass(&w, 2000);
	expect(&w, "");
	down(&w, 'b', BH_EXIT_NORMAL);
	expect(&w, "+a");
	up(&w, 'a');
	expect(&w, "+b");
	expect_turn(&w, 9000);
	world_end(&w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(periods),
		cmocka_unit_test(calendar),
		cmocka_unit_test(calendar_is_set),
		cmocka_unit_test(crashes),
		cmocka_unit_test(backoff_beyond_a_turn),
		cmocka_unit_test(fails_for_good),
		cmocka_unit_test(requests),
		cmocka_unit_test(started_anew),
		cmocka_unit_test(goes_with_others),
		cmocka_unit_test(turn_in_the_middle),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
