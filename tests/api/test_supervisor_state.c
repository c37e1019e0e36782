// test: timeout=60
/* What a service knows outlives its instances: restarts, upgrades, and crashes as of the last snapshot. */
#include "revisions.h"

static const bh_upgrade_options usual = BH_UPGRADE_OPTIONS_INIT;

static scene stateful(bh_component *component, uint64_t snapshot_ms)
{
	bh_child_options options = revision_service(component);
	options.snapshot_ms = snapshot_ms;
	options.snapshot_bytes = 100;
	scene s = scene_begin(&options);
	scene_wait_all(&s);
	return s;
}

static void add(scene *s, int times)
{
	while (times--)
		scene_number(s, "add");
}

static void crash(scene *s)
{
	FAILS(BH_E_TRAP, bh_child_call(s->child, "crash", NULL, 0, NULL, NULL, NULL, &t_err));
	t_begin();
}

static void restart(scene *s)
{
	bh_child_restart(s->child);
	scene_wait_all(s);
}

/* Whatever was asked for keeps it. */
static void over_planned_stops(void **state)
{
	(void)state;
	bh_component *one = revision_load((revision){.number = 1, .state = true});
	scene s = stateful(one, 0);
	add(&s, 3);
	restart(&s);
	assert_int_equal(scene_number(&s, "get"), 3);
	add(&s, 2);
	bh_child_stop(s.child);
	scene_wait(&s, BH_CHILD_STOPPED);
	bh_child_start(s.child);
	assert_int_equal(scene_number(&s, "get"), 5);
	bh_child_stop(bh_supervisor_root(s.tree));
	assert_true(bh_child_wait(bh_supervisor_root(s.tree), BH_CHILD_STOPPED, 20000));
	bh_child_start(bh_supervisor_root(s.tree));
	assert_int_equal(scene_number(&s, "get"), 5);
	crash(&s); /* as of the last snapshot, that of the stop */
	assert_int_equal(scene_number(&s, "get"), 5);
	add(&s, 2);
	crash(&s);
	assert_int_equal(scene_number(&s, "get"), 5);
	scene_end(&s);
	bh_component_unref(one);
}

/* Calls that were under way when it was asked to stop are in it. */
static void with_all_that_was_begun(void **state)
{
	(void)state;
	enum { CALLS = 100 };
	tally t = {0};
	bh_component *one = revision_load((revision){.number = 1, .state = true});
	scene s = stateful(one, 1);
	bh_call_options with = BH_CALL_OPTIONS_INIT;
	with.done = tally_done;
	with.done_data = &t;
	for (int i = 0; i < CALLS; i++) {
		OK(bh_child_call_start(NULL, s.child, "add", NULL, 0, &with, &t_err));
		if (i % 10 == 0)
			bh_child_restart(s.child);
	}
	tally_wait(&t, CALLS);
	assert_int_equal(atomic_load(&t.good), CALLS);
	assert_int_equal(scene_number(&s, "get"), CALLS);
	scene_end(&s);
	bh_component_unref(one);
}

static void over_crashes(void **state)
{
	(void)state;
	bh_component *one = revision_load((revision){.number = 1, .state = true});
	scene s = stateful(one, 1);
	for (uint32_t i = 1; i <= 3; i++) {
		add(&s, 1);
		t_sleep_ms((unsigned)(30 * t_slack()));
		crash(&s);
		assert_int_equal(scene_number(&s, "get"), i);
	}
	scene_end(&s);
	bh_component_unref(one);
}

static void over_upgrades(void **state)
{
	(void)state;
	bh_component *one = revision_load((revision){.number = 1, .state = true});
	bh_component *two = revision_load((revision){.number = 2, .state = true});
	bh_component *plain = revision_load((revision){.number = 3});
	bh_child_options options = revision_service(one);
	options.replicas = 3;
	scene s = scene_begin(&options);
	scene_wait_all(&s);
	add(&s, 4); /* all of the first one, as all are idle */
	assert_int_equal(upgrade_to(&s, two, usual), BH_OK);
	assert_int_equal(scene_number(&s, "version"), 2);
	assert_int_equal(scene_number(&s, "get"), 4);
	FAILS(BH_E_NO_EXPORT, bh_child_upgrade(s.child, plain, NULL, &t_err));
	assert_true(t_says("bulkhead:service/state"));
	bh_upgrade_options lose = usual;
	lose.lose_exports = true;
	assert_int_equal(upgrade_to(&s, plain, lose), BH_OK);
	assert_int_equal(scene_number(&s, "get"), 0);
	scene_end(&s);
	bh_component_unref(one);
	bh_component_unref(two);
	bh_component_unref(plain);
}

/* The new one cannot take it, or the old one cannot give it: the old one goes on, with all it knows. */
static void upgrade_fails(revision from, revision to, bh_status status, bh_event_kind told)
{
	from.number = 1;
	to.number = 2;
	from.state = to.state = true;
	bh_component *one = revision_load(from), *two = revision_load(to);
	scene s = stateful(one, 0);
	add(&s, 3);
	assert_int_equal(upgrade_to(&s, two, usual), status);
	assert_true(t_says("did not take over"));
	bh_supervisor_event event = scene_next(&s, told);
	assert_non_null(event.cause);
	bh_supervisor_event_deinit(&event);
	assert_int_equal(scene_number(&s, "version"), 1);
	assert_int_equal(scene_number(&s, "get"), 3);
	scene_end(&s);
	bh_component_unref(one);
	bh_component_unref(two);
}

static void keeps_it_when_upgrades_fail(void **state)
{
	(void)state;
	upgrade_fails((revision){0}, (revision){.refuses = true}, BH_E_EXIT, BH_EVENT_UPGRADE_FAILED);
	upgrade_fails((revision){0}, (revision){.traps_at_restore = true}, BH_E_TRAP, BH_EVENT_UPGRADE_FAILED);
	upgrade_fails((revision){0}, (revision){.hangs_at_restore = true, .execution_ms = 50}, BH_E_TIMEOUT,
	              BH_EVENT_UPGRADE_FAILED);
	upgrade_fails((revision){.padding = 97}, (revision){0}, BH_E_RESOURCE_LIMIT, BH_EVENT_NOT_SAVED);
}

/* A gibibyte of state is refused before it is copied. */
static void far_too_large(void **state)
{
	(void)state;
	enum { GIB = 1 << 30, PAGES = GIB / 65536 + 1 };
	bh_component *one = revision_load((revision){.number = 1, .state = true, .padding = GIB, .pages = PAGES});
	bh_component *two = revision_load((revision){.number = 2, .state = true});
	scene s = stateful(one, 0);
	add(&s, 3);
	size_t before = t_rss();
	bh_child_restart(s.child);
	bh_supervisor_event event = scene_next(&s, BH_EVENT_NOT_SAVED);
	assert_int_equal(bh_error_status(event.cause), BH_E_RESOURCE_LIMIT);
	bh_supervisor_event_deinit(&event);
	scene_wait_all(&s);
	assert_int_equal(scene_number(&s, "get"), 0);
	add(&s, 1);
	assert_int_equal(upgrade_to(&s, two, usual), BH_OK);
	assert_int_equal(scene_number(&s, "version"), 2);
	assert_true(t_rss() < before + BH_MIB(64));
	scene_end(&s);
	bh_component_unref(one);
	bh_component_unref(two);
}

/* Asked for its state it does not answer: its own limit ends that, or the patience of who asks; nobody waits for good. */
static void hangs_when_asked(void **state)
{
	(void)state;
	bh_component *brief =
		revision_load((revision){.number = 1, .state = true, .hangs_at_snapshot = true, .execution_ms = 50});
	bh_component *two = revision_load((revision){.number = 2, .state = true});
	scene s = stateful(brief, 0);
	add(&s, 1);
	bh_child_restart(s.child);
	bh_supervisor_event event = scene_next(&s, BH_EVENT_NOT_SAVED);
	assert_int_equal(bh_error_status(event.cause), BH_E_TIMEOUT);
	bh_supervisor_event_deinit(&event);
	scene_wait_all(&s);
	assert_int_equal(scene_number(&s, "get"), 0);
	assert_int_equal(upgrade_to(&s, two, usual), BH_OK); /* what it knew is gone with it */
	assert_int_equal(scene_number(&s, "version"), 2);
	scene_end(&s);

	revision patient = {.number = 1, .state = true, .hangs_at_snapshot = true};
	patient.execution_ms = (uint64_t)(1000 * t_slack());
	bh_component *one = revision_load(patient);
	s = stateful(one, 0);
	add(&s, 1);
	bh_upgrade_options soon = usual;
	soon.shutdown_ms = 50;
	assert_int_equal(upgrade_to(&s, two, soon), BH_E_DEADLINE);
	assert_int_equal(scene_number(&s, "version"), 1);
	bh_child_stop(s.child); /* hangs once more, and is killed */
	scene_wait(&s, BH_CHILD_STOPPED);
	scene_end(&s);
	bh_component_unref(brief);
	bh_component_unref(one);
	bh_component_unref(two);
}

/* A call of the old one that does not end: its state cannot be had, and it is not thrown away. */
static void call_that_does_not_end(void **state)
{
	(void)state;
	revision r = {.number = 1, .state = true, .execution_ms = (uint64_t)(250 * t_slack())};
	bh_component *one = revision_load(r), *two = revision_load((revision){.number = 2, .state = true});
	scene s = stateful(one, 0);
	bh_call *spin = NULL, *waits = NULL;
	OK(bh_child_call_start(&spin, s.child, "spin", NULL, 0, NULL, &t_err));
	bh_upgrade_options soon = usual;
	soon.start_ms = 10;
	soon.shutdown_ms = 50;
	outcome o = {0};
	soon.done = outcome_done;
	soon.done_data = &o;
	OK(bh_child_upgrade(s.child, two, &soon, &t_err));
	OK(bh_child_call_start(&waits, s.child, "version", NULL, 0, NULL, &t_err));
	assert_int_equal(outcome_wait(&o), BH_E_DEADLINE);
	assert_false(bh_call_ended(spin));
	bh_error_free(o.why);
	FAILS(BH_E_TIMEOUT, bh_call_wait(spin, NULL, NULL, &t_err));
	bh_value version = BH_VALUE_INIT;
	OK(bh_call_wait(waits, &version, NULL, &t_err));
	assert_int_equal(version.as.u32, 1);
	bh_call_free(spin);
	bh_call_free(waits);
	scene_end(&s);
	bh_component_unref(one);
	bh_component_unref(two);
}

/* One that refuses its own state begins without, says so, and is not asked to again until there is a new one. */
static void refused(revision r, bh_status status)
{
	r.number = 1;
	r.state = true;
	bh_component *one = revision_load(r);
	scene s = stateful(one, 0);
	add(&s, 3);
	bh_child_restart(s.child);
	bh_supervisor_event event = scene_next(&s, BH_EVENT_NOT_RESTORED);
	assert_int_equal(bh_error_status(event.cause), status);
	bh_supervisor_event_deinit(&event);
	if (!r.refuses) {
		event = scene_next(&s, BH_EVENT_EXITED);
		assert_int_equal(event.exit, BH_EXIT_NOT_UP);
		bh_supervisor_event_deinit(&event);
	}
	assert_int_equal(scene_number(&s, "get"), 0);
	crash(&s);
	assert_int_equal(scene_number(&s, "get"), 0);
	scene_end(&s);
	bh_component_unref(one);
}

static void refuses_its_own(void **state)
{
	(void)state;
	refused((revision){.refuses = true}, BH_E_EXIT);
	refused((revision){.traps_at_restore = true}, BH_E_TRAP);
	refused((revision){.hangs_at_restore = true, .execution_ms = 50}, BH_E_TIMEOUT);
}

/* Asked for its state it traps: a crash like any other, and the stop is a stop all the same. */
static void traps_when_asked(void **state)
{
	(void)state;
	bh_component *one = revision_load((revision){.number = 1, .state = true, .traps_at_snapshot = true});
	bh_component *two = revision_load((revision){.number = 2, .state = true});
	scene s = stateful(one, 0);
	add(&s, 1);
	bh_child_stop(s.child);
	scene_wait(&s, BH_CHILD_STOPPED);
	bh_child_start(s.child);
	assert_int_equal(scene_number(&s, "get"), 0);
	add(&s, 1);
	assert_int_equal(upgrade_to(&s, two, usual), BH_OK); /* there is nothing to lose any more */
	assert_int_equal(scene_number(&s, "version"), 2);
	scene_end(&s);
	bh_component_unref(one);
	bh_component_unref(two);
}

/* Exports of that name with another type are not taken for it in silence. */
static void of_another_type(void **state)
{
	(void)state;
	static const char text[] = "(component (core module $m (func (export \"f\") (result i32) (i32.const 0)))"
							   " (core instance $i (instantiate $m))"
							   " (func $f (result u32) (canon lift (core func $i \"f\")))"
							   " (instance $state (export \"snapshot\" (func $f)) (export \"restore\" (func $f)))"
							   " (export \"bulkhead:service/state@0.1.0\" (instance $state)))";
	bh_component *component = t_load_text(host, text, NULL);
	bh_child_options options = BH_CHILD_OPTIONS_INIT;
	bh_supervisor *tree = NULL;
	options.name = "service";
	options.component = component;
	OK(bh_supervisor_new(&tree, NULL, &t_err));
	FAILS(BH_E_INVALID, bh_child_add(NULL, bh_supervisor_root(tree), &options, &t_err));
	assert_true(t_says("snapshot: func() -> list<u8>"));
	bh_supervisor_free(tree);
	bh_component_unref(component);
}

/* As one writes it in C, against the WIT. */
static void of_a_guest_in_c(void **state)
{
	(void)state;
	bh_component *keeper = t_load(host, "keeper.wasm", NULL);
	bh_child_options options = BH_CHILD_OPTIONS_INIT;
	bh_value five = bh_of_u32(5), sum = BH_VALUE_INIT;
	options.name = "keeper";
	options.component = keeper;
	scene s = scene_begin(&options);
	for (uint32_t i = 1; i <= 10; i++) {
		OK(bh_child_call(s.child, "add", &five, 1, &sum, NULL, NULL, &t_err));
		assert_int_equal(sum.as.u32, 5 * i);
		if (i % 2)
			bh_child_restart(s.child);
		else
			assert_int_equal(upgrade_to(&s, keeper, usual), BH_OK);
		FAILS(BH_E_TRAP, bh_child_call(s.child, "crash", NULL, 0, NULL, NULL, NULL, &t_err));
	}
	scene_end(&s);
	bh_component_unref(keeper);
}

/* Snapshots all the time, crashes, restarts and upgrades, and then the tree goes. */
static void *keep_adding(void *data)
{
	void **args = data;
	while (!atomic_load((_Atomic bool *)args[1]))
		(void)!bh_child_call(args[0], "add", NULL, 0, NULL, NULL, NULL, NULL);
	return NULL;
}

static void all_at_once(void **state)
{
	(void)state;
	bh_component *versions[3] = {
		revision_load((revision){.number = 1, .state = true}),
		revision_load((revision){.number = 2, .state = true}),
		revision_load((revision){.number = 3, .state = true, .refuses = true}),
	};
	for (int round = 0; round < 3; round++) {
		bh_child_options options = revision_service(versions[0]);
		options.replicas = (uint32_t)round + 1;
		options.snapshot_ms = 1;
		options.health_ms = 1;
		scene s = scene_begin(&options);
		_Atomic bool stop = false;
		_Atomic unsigned told = 0;
		outcome o[60] = {0};
		unsigned begun = 0;
		void *args[] = {s.child, &stop};
		pthread_t thread;
		EXPECT(!pthread_create(&thread, NULL, keep_adding, args));
		for (unsigned i = 0; i < 60; i++) {
			bh_upgrade_options how = usual;
			how.done = outcome_done;
			how.done_data = &o[begun];
			begun += bh_child_upgrade(s.child, versions[i % 3], &how, NULL) == BH_OK;
			if (i % 2)
				(void)!bh_child_call(s.child, "crash", NULL, 0, NULL, NULL, NULL, NULL);
			if (i % 5 == 0)
				bh_child_restart(s.child);
			if (i % 7 == 0)
				bh_child_stop(s.child);
			t_sleep_ms(i % 4);
			bh_child_start(s.child);
		}
		bh_child *child = bh_child_ref(s.child);
		scene_end(&s);
		for (unsigned i = 0; i < begun; i++) {
			told += atomic_load(&o[i].told);
			bh_error_free(o[i].why);
		}
		assert_int_equal(told, begun);
		atomic_store(&stop, true);
		pthread_join(thread, NULL);
		bh_child_unref(child);
	}
	for (int i = 0; i < 3; i++)
		bh_component_unref(versions[i]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(over_planned_stops),
		cmocka_unit_test(with_all_that_was_begun),
		cmocka_unit_test(over_crashes),
		cmocka_unit_test(over_upgrades),
		cmocka_unit_test(keeps_it_when_upgrades_fail),
		cmocka_unit_test(far_too_large),
		cmocka_unit_test(hangs_when_asked),
		cmocka_unit_test(call_that_does_not_end),
		cmocka_unit_test(refuses_its_own),
		cmocka_unit_test(traps_when_asked),
		cmocka_unit_test(of_another_type),
		cmocka_unit_test(of_a_guest_in_c),
		cmocka_unit_test(all_at_once),
	};
	return cmocka_run_group_tests(tests, host_begin, host_end);
}
