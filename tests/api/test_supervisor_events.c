// test: timeout=60
/* What an exit is told with: where, what happened, what it used, what follows, and why. */
#include "supervisor_tools.h"

static const char guest[] = "(component (core module $m (memory 1)"
							" (func (export \"get\") (result i32) (i32.const 1))"
							" (func $deep unreachable) (func (export \"crash\") (call $deep)))"
							" (core instance $i (instantiate $m))"
							" (func (export \"get\") (result u32) (canon lift (core func $i \"get\")))"
							" (func (export \"crash\") (canon lift (core func $i \"crash\"))))";

static bh_component *component;

static int begin(void **state)
{
	bh_limits limits = t_limits();
	limits.fuel = 1000000;
	limits.queue_ms = 60000;
	host_begin(state);
	component = t_load_text(host, guest, &limits);
	return 0;
}

static int end(void **state)
{
	bh_component_unref(component);
	return host_end(state);
}

static bh_child_options named(const char *name, bh_child_kind kind)
{
	bh_child_options options = BH_CHILD_OPTIONS_INIT;
	options.name = name;
	options.kind = kind;
	options.component = kind == BH_CHILD_SUPERVISOR ? NULL : component;
	return options;
}

/* The next exit of that child, which was decided for this reason. */
static bh_supervisor_event exited(scene *s, const char *path, bh_decision decision, const char *reason)
{
	for (;;) {
		bh_supervisor_event event = scene_next(s, BH_EVENT_EXITED);
		if (strcmp(event.path, path) != 0) {
			bh_supervisor_event_deinit(&event);
			continue;
		}
		char *words = bh_supervisor_event_reason(&event);
		assert_string_equal(bh_decision_name(event.decision), bh_decision_name(decision));
		assert_string_equal(words, reason);
		bh_string_free(words);
		return event;
	}
}

static void exits(scene *s, const char *path, bh_decision decision, const char *reason)
{
	bh_supervisor_event event = exited(s, path, decision, reason);
	bh_supervisor_event_deinit(&event);
}

static void crash(bh_child *child)
{
	assert_int_equal(bh_child_call(child, "crash", NULL, 0, NULL, NULL, NULL, NULL), BH_E_TRAP);
}

/* With the bounds that a supervisor has by itself: three restarts within a minute. */
static scene scene_plain(const bh_child_options *root, const bh_child_options *child)
{
	scene s = {0};
	OK(bh_supervisor_new(&s.tree, root, &t_err));
	OK(bh_subscription_new(&s.events, s.tree, true, &t_err));
	OK(bh_child_add(&s.child, bh_supervisor_root(s.tree), child, &t_err));
	bh_child_start(bh_supervisor_root(s.tree));
	return s;
}

static void all_of_a_crash(void **state)
{
	(void)state;
	bh_child_options options = named("service", BH_CHILD_SERVICE);
	scene s = scene_plain(NULL, &options);
	crash(s.child);
	bh_supervisor_event e = exited(&s, "service", BH_DECISION_RESTART, "permanent, restart 1 of 3 within 60 s");
	assert_int_equal(e.exit, BH_EXIT_CRASHED);
	assert_int_equal(bh_error_status(e.cause), BH_E_TRAP);
	assert_int_equal(bh_error_trap(e.cause), BH_TRAP_UNREACHABLE);
	assert_int_equal(bh_error_frame_count(e.cause), 2);
	assert_true(e.usage.fuel > 0 && e.usage.peak_memory == 65536);
	assert_int_equal(e.restart, BH_RESTART_PERMANENT);
	assert_true(e.counted == 1 && e.most_restarts == 3 && e.window_ms == 60000);
	bh_supervisor_event_deinit(&e);
	crash(s.child);
	exits(&s, "service", BH_DECISION_RESTART, "permanent, restart 2 of 3 within 60 s");
	crash(s.child);
	exits(&s, "service", BH_DECISION_RESTART, "permanent, restart 3 of 3 within 60 s");
	crash(s.child);
	exits(&s, "service", BH_DECISION_ESCALATE, "too many restarts: 3 within 60 s, and more are not allowed");
	exits(&s, "", BH_DECISION_FAIL, "it is the root: there is no supervisor above it");
	scene_end(&s);
}

static void bounds_of_others(void **state)
{
	(void)state;
	bh_child_options root = BH_CHILD_OPTIONS_INIT, options = named("service", BH_CHILD_SERVICE);
	root.on_intensity = BH_INTENSITY_FAIL_CHILD;
	root.most_restarts = 1;
	root.window_ms = 60500;
	options.restart = BH_RESTART_TRANSIENT;
	scene s = scene_plain(&root, &options);
	crash(s.child);
	exits(&s, "service", BH_DECISION_RESTART, "transient, restart 1 of 1 within 60500 ms");
	crash(s.child);
	exits(&s, "service", BH_DECISION_FAIL, "too many restarts: 1 within 60500 ms, and more are not allowed");
	scene_end(&s);
	root.most_restarts = BH_NO_RESTARTS;
	s = scene_plain(&root, &options);
	crash(s.child);
	exits(&s, "service", BH_DECISION_FAIL, "no restarts are allowed");
	scene_end(&s);
}

static void as_policies_say(void **state)
{
	(void)state;
	bh_child_options options = named("task", BH_CHILD_TASK);
	options.export_ = "get";
	options.restart = BH_RESTART_TRANSIENT;
	scene s = scene_plain(NULL, &options);
	exits(&s, "task", BH_DECISION_LEAVE, "transient: it ended well");
	scene_end(&s);
	options.export_ = "crash";
	options.restart = BH_RESTART_TEMPORARY;
	s = scene_plain(NULL, &options);
	exits(&s, "task", BH_DECISION_LEAVE, "temporary: it is never started again");
	scene_end(&s);
	options.every_ms = 60000;
	s = scene_plain(NULL, &options);
	exits(&s, "task", BH_DECISION_SCHEDULE, "this run is over, and the next has its turn");
	scene_end(&s);
}

static void as_somebody_asked(void **state)
{
	(void)state;
	bh_child_options options = named("service", BH_CHILD_SERVICE);
	scene s = scene_plain(NULL, &options);
	scene_wait(&s, BH_CHILD_RUNNING);
	bh_child_restart(s.child);
	exits(&s, "service", BH_DECISION_RESTART, "somebody asked for it");
	scene_wait(&s, BH_CHILD_RUNNING);
	bh_child_stop(s.child);
	exits(&s, "service", BH_DECISION_NONE, "it was asked to stop");
	scene_end(&s);
}

static void cannot_run(void **state)
{
	(void)state;
	bh_error *why = NULL;
	bh_component *none = NULL;
	assert_true(bh_component_load_bytes(&none, host, "x", 1, NULL, &why) != BH_OK);
	bh_child_options options = named("broken", BH_CHILD_SERVICE);
	options.component = NULL;
	options.broken = why;
	scene s = scene_plain(NULL, &options);
	exits(&s, "broken", BH_DECISION_FAIL, "it cannot run");
	scene_end(&s);
	bh_error_free(why);
}

/* Paths have every name on the way, and the number of the replica where there is more than one. */
static void where_it_is(void **state)
{
	(void)state;
	bh_child *inner = NULL, *twins = NULL;
	bh_child_options outer = named("outer", BH_CHILD_SUPERVISOR), deeper = named("in.ner_2", BH_CHILD_SUPERVISOR);
	outer.strategy = deeper.strategy = BH_ONE_FOR_ALL;
	scene s = scene_plain(NULL, &outer);
	OK(bh_child_add(&inner, s.child, &deeper, &t_err));
	bh_child_options options = named("twins", BH_CHILD_SERVICE);
	options.replicas = 12;
	OK(bh_child_add(&twins, inner, &options, &t_err));
	assert_true(bh_child_wait(bh_supervisor_root(s.tree), BH_CHILD_RUNNING, (uint64_t)(10000 * t_slack())));
	scene at_twins = {.tree = s.tree, .events = s.events, .child = twins};
	while (bh_child_call(twins, "get", NULL, 0, NULL, NULL, NULL, NULL))
		t_sleep_ms(1);
	crash(twins);
	bool seen[13] = {false};
	unsigned restarted = 0, together = 0;
	for (int i = 0; i < 12; i++) {
		bh_supervisor_event e = scene_next(&at_twins, BH_EVENT_EXITED);
		unsigned number = 0;
		int length = 0;
		assert_int_equal(sscanf(e.path, "outer/in.ner_2/twins#%u%n", &number, &length), 1);
		assert_int_equal(length, strlen(e.path));
		assert_true(number >= 1 && number <= 12 && !seen[number]);
		seen[number] = true;
		char *words = bh_supervisor_event_reason(&e);
		restarted += e.decision == BH_DECISION_RESTART;
		together += !strcmp(words, "it was to stop because of another, and comes up with that one");
		bh_string_free(words);
		bh_supervisor_event_deinit(&e);
	}
	assert_true(restarted == 1 && together == 11);
	bh_child_unref(twins);
	bh_child_unref(inner);
	scene_end(&s);
}

static void no_exit(void **state)
{
	(void)state;
	bh_supervisor_event none = BH_SUPERVISOR_EVENT_INIT;
	none.kind = BH_EVENT_STARTED;
	assert_null(bh_supervisor_event_reason(&none));
	none.kind = BH_EVENT_EXITED;
	none.lost = 3;
	assert_null(bh_supervisor_event_reason(&none));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(all_of_a_crash),    cmocka_unit_test(bounds_of_others), cmocka_unit_test(as_policies_say),
		cmocka_unit_test(as_somebody_asked), cmocka_unit_test(cannot_run),       cmocka_unit_test(where_it_is),
		cmocka_unit_test(no_exit),
	};
	return cmocka_run_group_tests(tests, begin, end);
}
