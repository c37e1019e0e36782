// test: timeout=60 waits
/* Services that are asked whether they are ready, and how they are. */
#include <string.h>

#include "one_host.h"

/* Ready when asked for the fourth time; well until it is made sick, and then, as asked, says so, hangs or traps. */
static const char guest[] =
	"(component (core module $m (global $asked (mut i32) (i32.const 0)) (global $sick (mut i32) (i32.const 0))"
	" (func (export \"ready\") (result i32)"
	"  (global.set $asked (i32.add (global.get $asked) (i32.const 1))) (i32.gt_u (global.get $asked) (i32.const 3)))"
	" (func (export \"never\") (result i32) (i32.const 0))"
	" (func (export \"trap\") (result i32) unreachable)"
	" (func (export \"asked\") (result i32) (global.get $asked))"
	" (func (export \"make\") (param i32) (global.set $sick (local.get 0)))"
	" (func (export \"health\") (result i32)"
	"  (if (i32.eq (global.get $sick) (i32.const 2)) (then (loop (br 0))))"
	"  (if (i32.eq (global.get $sick) (i32.const 3)) (then unreachable))"
	"  (i32.eqz (global.get $sick))))"
	" (core instance $i (instantiate $m))"
	" (func (export \"ready\") (result bool) (canon lift (core func $i \"ready\")))"
	" (func (export \"never\") (result bool) (canon lift (core func $i \"never\")))"
	" (func (export \"trap\") (result bool) (canon lift (core func $i \"trap\")))"
	" (func (export \"asked\") (result u32) (canon lift (core func $i \"asked\")))"
	" (func (export \"make\") (param \"sick\" u32) (canon lift (core func $i \"make\")))"
	" (func (export \"health\") (result bool) (canon lift (core func $i \"health\"))))";

typedef struct {
	bh_component *component;
	bh_supervisor *tree;
	bh_subscription *events;
	bh_child *child;
} scene;

static bh_child_options service(void)
{
	bh_child_options options = BH_CHILD_OPTIONS_INIT;
	options.name = "service";
	options.health_ms = 5;
	options.answer_ms = (uint64_t)(60 * t_slack());
	return options;
}

static scene begin(bh_child_options options)
{
	scene s = {0};
	bh_limits limits = t_limits();
	limits.execution_ms = 60000;
	limits.queue_ms = (uint64_t)(20000 * t_slack());
	limits.fuel = BH_UNLIMITED;
	s.component = t_load_text(host, guest, &limits);
	bh_child_options root = BH_CHILD_OPTIONS_INIT;
	root.most_restarts = 2;
	OK(bh_supervisor_new(&s.tree, &root, &t_err));
	OK(bh_subscription_new(&s.events, s.tree, true, &t_err));
	options.component = s.component;
	OK(bh_child_add(&s.child, bh_supervisor_root(s.tree), &options, &t_err));
	bh_child_start(bh_supervisor_root(s.tree));
	return s;
}

static void end(scene *s)
{
	bh_child_unref(s->child);
	bh_supervisor_free(s->tree);
	bh_subscription_free(s->events);
	bh_component_unref(s->component);
}

/* The next of such events of the service. */
static bh_supervisor_event next(scene *s, bh_event_kind kind)
{
	bh_supervisor_event event;
	for (;;) {
		OK(bh_subscription_next(s->events, &event, (uint64_t)(10000 * t_slack()), &t_err));
		assert_int_equal(event.lost, 0);
		if (event.kind == kind && !strcmp(event.path, "service"))
			return event;
		bh_supervisor_event_deinit(&event);
	}
}

static void up_when_it_says_so(void **state)
{
	(void)state;
	bh_child_options options = service();
	options.ready = "ready";
	scene s = begin(options);
	bh_value asked = BH_VALUE_INIT;
	OK(bh_child_call(s.child, "asked", NULL, 0, &asked, NULL, NULL, &t_err));
	assert_int_equal(asked.as.u32, 4);
	bh_supervisor_event event = next(&s, BH_EVENT_STARTED);
	assert_int_equal(event.generation, 1);
	bh_supervisor_event_deinit(&event);
	end(&s);
}

static void never_up(const char *ready, bh_status cause)
{
	bh_child_options options = service();
	options.ready = ready;
	options.start_ms = (uint64_t)(60 * t_slack());
	scene s = begin(options);
	for (int i = 0; i < 3; i++) {
		bh_supervisor_event event = next(&s, BH_EVENT_EXITED);
		assert_int_equal(event.exit, BH_EXIT_NOT_UP);
		assert_int_equal(event.cause ? bh_error_status(event.cause) : BH_OK, cause);
		assert_int_equal(event.decision, i < 2 ? BH_DECISION_RESTART : BH_DECISION_ESCALATE);
		bh_supervisor_event_deinit(&event);
	}
	FAILS(BH_E_DOWN, bh_child_call(s.child, "asked", NULL, 0, NULL, NULL, NULL, &t_err));
	end(&s);
}

static void not_ready_in_time(void **state)
{
	(void)state;
	never_up("never", BH_OK);
}

static void traps_when_asked(void **state)
{
	(void)state;
	never_up("trap", BH_E_TRAP);
}

static void make_sick(const scene *s, uint32_t how)
{
	bh_value arg = bh_of_u32(how);
	OK(bh_child_call(s->child, "make", &arg, 1, NULL, NULL, NULL, &t_err));
}

/* Healthy for a while, then not: killed, and a new one is well again. */
static void falls_ill(uint32_t how, bh_exit exit)
{
	bh_child_options options = service();
	options.health = "health";
	scene s = begin(options);
	bh_supervisor_event event = next(&s, BH_EVENT_HEALTH);
	assert_int_equal(event.health, BH_HEALTH_GOOD);
	bh_supervisor_event_deinit(&event);
	make_sick(&s, how);
	if (exit == BH_EXIT_UNHEALTHY) {
		event = next(&s, BH_EVENT_HEALTH);
		assert_int_equal(event.health, BH_HEALTH_DEGRADED);
		bh_supervisor_event_deinit(&event);
		event = next(&s, BH_EVENT_HEALTH);
		assert_int_equal(event.health, BH_HEALTH_BAD);
		bh_supervisor_event_deinit(&event);
	}
	event = next(&s, BH_EVENT_EXITED);
	assert_int_equal(event.exit, exit);
	assert_int_equal(event.decision, BH_DECISION_RESTART);
	bh_supervisor_event_deinit(&event);
	event = next(&s, BH_EVENT_HEALTH);
	assert_int_equal(event.health, BH_HEALTH_GOOD);
	assert_int_equal(event.generation, 2);
	bh_supervisor_event_deinit(&event);
	bh_value asked = BH_VALUE_INIT;
	OK(bh_child_call(s.child, "asked", NULL, 0, &asked, NULL, NULL, &t_err));
	assert_int_equal(asked.as.u32, 0);
	end(&s);
}

static void says_so(void **state)
{
	(void)state;
	falls_ill(1, BH_EXIT_UNHEALTHY);
}

static void hangs(void **state)
{
	(void)state;
	falls_ill(2, BH_EXIT_UNHEALTHY);
}

static void traps(void **state)
{
	(void)state;
	falls_ill(3, BH_EXIT_CRASHED);
}

/* Being asked is in nobody's way, and ends with the service: stopped, started and removed while it is. */
static void asked_all_the_time(void **state)
{
	(void)state;
	bh_child_options options = service();
	options.health = "health";
	options.ready = "ready";
	options.health_ms = 1;
	options.replicas = 8;
	options.shutdown_ms = 1000;
	scene s = begin(options);
	for (int i = 0; i < 30; i++) {
		if (i % 3 == 0)
			bh_child_restart(s.child);
		OK(bh_child_call(s.child, "asked", NULL, 0, NULL, NULL, NULL, &t_err));
		t_sleep_ms((unsigned)i % 4);
	}
	bh_child_stop(s.child);
	assert_true(bh_child_wait(s.child, BH_CHILD_STOPPED, 20000));
	bh_child_start(s.child);
	OK(bh_child_call(s.child, "asked", NULL, 0, NULL, NULL, NULL, &t_err));
	end(&s);
}

/* Who comes up behind it waits until it says that it is ready; behind one that never is, nobody comes up at all. */
static void dependants_wait(void **state)
{
	(void)state;
	for (int never = 0; never < 2; never++) {
		bh_child_options options = service(), behind = service();
		options.ready = never ? "never" : "ready";
		options.stopped = true; /* until the other one is there */
		options.start_ms = never ? 150 : 0;
		scene s = begin(options);
		assert_true(bh_child_wait(bh_supervisor_root(s.tree), BH_CHILD_RUNNING, 20000));
		bh_child_stop(bh_supervisor_root(s.tree));
		assert_true(bh_child_wait(bh_supervisor_root(s.tree), BH_CHILD_STOPPED, 20000));
		bh_child_start(s.child);
		behind.name = "behind";
		behind.component = s.component;
		OK(bh_child_add(NULL, bh_supervisor_root(s.tree), &behind, &t_err));
		bh_child_start(bh_supervisor_root(s.tree));
		bool up = false, came = false, over = false;
		while (!came && !over) {
			bh_supervisor_event event;
			OK(bh_subscription_next(s.events, &event, (uint64_t)(10000 * t_slack()), &t_err));
			up |= event.kind == BH_EVENT_STARTED && !strcmp(event.path, "service");
			over |= event.kind == BH_EVENT_FAILED && !*event.path;
			came |= event.kind == BH_EVENT_STARTING && !strcmp(event.path, "behind");
			bh_supervisor_event_deinit(&event);
			assert_true(!came || up);
		}
		assert_int_equal(came, !never);
		end(&s);
	}
}

static void refused(void **state)
{
	(void)state;
	scene s = begin(service());
	bh_child_options options = service();
	options.name = "other";
	options.component = s.component;
	options.health = "make";
	FAILS(BH_E_INVALID, bh_child_add(NULL, bh_supervisor_root(s.tree), &options, &t_err));
	assert_true(t_says("parameters"));
	options.health = "no-such";
	FAILS(BH_E_NO_EXPORT, bh_child_add(NULL, bh_supervisor_root(s.tree), &options, &t_err));
	end(&s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(up_when_it_says_so),
		cmocka_unit_test(not_ready_in_time),
		cmocka_unit_test(traps_when_asked),
		cmocka_unit_test(says_so),
		cmocka_unit_test(hangs),
		cmocka_unit_test(traps),
		cmocka_unit_test(asked_all_the_time),
		cmocka_unit_test(dependants_wait),
		cmocka_unit_test(refused),
	};
	return cmocka_run_group_tests(tests, host_begin, host_end);
}
