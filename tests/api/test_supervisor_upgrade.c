// test: timeout=120 waits
/* Components that are replaced while they are called: no call is lost, and what fails changes nothing. */
#include "revisions.h"

static const bh_upgrade_options usual = BH_UPGRADE_OPTIONS_INIT;

static void takes_over(void **state)
{
	(void)state;
	for (uint32_t replicas = 1; replicas <= 4; replicas += 3) {
		bh_component *one = revision_load((revision){.number = 1}), *two = revision_load((revision){.number = 2});
		bh_child_options options = revision_service(one);
		options.replicas = replicas;
		scene s = scene_begin(&options);
		assert_int_equal(scene_number(&s, "version"), 1);
		scene_wait_all(&s);
		assert_int_equal(upgrade_to(&s, two, usual), BH_OK);
		for (uint32_t i = 0; i < replicas; i++) {
			assert_int_equal(scene_number(&s, "version"), 2);
			bh_supervisor_event event = scene_next(&s, BH_EVENT_UPGRADED);
			assert_int_equal(event.generation, 2);
			bh_supervisor_event_deinit(&event);
		}
		/* What crashes comes up again as the new one. */
		FAILS(BH_E_TRAP, bh_child_call(s.child, "crash", NULL, 0, NULL, NULL, NULL, &t_err));
		assert_int_equal(scene_number(&s, "version"), 2);
		bh_component_unref(one); /* nobody else has it */
		scene_end(&s);
		bh_component_unref(two);
	}
}

/* Each failure is told with its reason, and the old one goes on, and knows what it knew. */
static void fails(revision bad, bh_status status, const char *says, bh_upgrade_options how)
{
	bad.number = 2;
	bh_component *one = revision_load((revision){.number = 1}), *two = revision_load(bad);
	bh_child_options options = revision_service(one);
	options.replicas = 2;
	scene s = scene_begin(&options);
	scene_wait_all(&s);
	scene_number(&s, "add");
	assert_int_equal(upgrade_to(&s, two, how), status);
	assert_true(t_says("the new version of service did not take over"));
	assert_true(t_says(says));
	bh_supervisor_event event = scene_next(&s, BH_EVENT_UPGRADE_FAILED);
	assert_true(!strncmp(event.path, "service#", 8));
	assert_int_equal(bh_error_status(event.cause), status);
	bh_supervisor_event_deinit(&event);
	assert_int_equal(scene_number(&s, "version"), 1);
	assert_int_equal(scene_number(&s, "get"), 1);
	FAILS(BH_E_TRAP, bh_child_call(s.child, "crash", NULL, 0, NULL, NULL, NULL, &t_err));
	assert_int_equal(scene_number(&s, "version"), 1);
	scene_end(&s);
	bh_component_unref(one);
	bh_component_unref(two);
}

static void keeps_the_old(void **state)
{
	(void)state;
	bh_upgrade_options soon = BH_UPGRADE_OPTIONS_INIT;
	soon.start_ms = (uint64_t)(60 * t_slack());
	fails((revision){.traps_at_start = true}, BH_E_TRAP, "unreachable", usual);
	fails((revision){.traps_when_ready = true}, BH_E_TRAP, "unreachable", usual);
	fails((revision){.never_ready = true}, BH_E_DEADLINE, "start_ms", soon);
	fails((revision){.never_well = true}, BH_E_DEADLINE, "start_ms", soon);
}

/* What is called must be there, unless it is said that it need not. */
static void lacks_an_export(void **state)
{
	(void)state;
	bh_component *one = revision_load((revision){.number = 1});
	bh_component *two = revision_load((revision){.number = 2, .lacks_add = true});
	bh_component *counter = t_load(host, "counter.wasm", NULL);
	bh_child_options options = revision_service(one);
	scene s = scene_begin(&options);
	scene_number(&s, "add");
	FAILS(BH_E_NO_EXPORT, bh_child_upgrade(s.child, two, NULL, &t_err));
	assert_true(t_says("no export add"));
	FAILS(BH_E_NO_EXPORT, bh_child_upgrade(s.child, counter, NULL, &t_err)); /* ready */
	assert_int_equal(scene_number(&s, "add"), 2);
	bh_upgrade_options lose = usual;
	lose.lose_exports = true;
	assert_int_equal(upgrade_to(&s, two, lose), BH_OK);
	FAILS(BH_E_NO_EXPORT, bh_child_call(s.child, "add", NULL, 0, NULL, NULL, NULL, &t_err));
	assert_int_equal(scene_number(&s, "version"), 2);
	FAILS(BH_E_INVALID, bh_child_upgrade(bh_supervisor_root(s.tree), two, NULL, &t_err));
	FAILS(BH_E_INVALID, bh_child_upgrade(s.child, NULL, NULL, &t_err));
	bh_host *other = t_host();
	bh_component *foreign = t_load(other, "counter.wasm", NULL);
	FAILS(BH_E_WRONG_HOST, bh_child_upgrade(s.child, foreign, NULL, &t_err));
	bh_component_unref(foreign);
	bh_host_free(other);
	scene_end(&s);
	bh_component_unref(counter);
	bh_component_unref(one);
	bh_component_unref(two);
}

/* Calls under way on the old one are seen through, or killed when that takes too long; new ones do not wait for them. */
static void sees_calls_out(void **state)
{
	(void)state;
	bh_component *one = revision_load((revision){.number = 1}), *two = revision_load((revision){.number = 2});
	bh_child_options options = revision_service(one);
	options.shutdown_ms = (uint64_t)(80 * t_slack());
	scene s = scene_begin(&options);
	scene_wait_all(&s);
	bh_call *spin = NULL, *behind = NULL;
	OK(bh_child_call_start(&spin, s.child, "spin", NULL, 0, NULL, &t_err));
	OK(bh_child_call_start(&behind, s.child, "version", NULL, 0, NULL, &t_err));
	outcome o = {0};
	bh_upgrade_options how = usual;
	how.done = outcome_done;
	how.done_data = &o;
	OK(bh_child_upgrade(s.child, two, &how, &t_err));
	bh_supervisor_event event = scene_next(&s, BH_EVENT_UPGRADED);
	bh_supervisor_event_deinit(&event);
	assert_int_equal(scene_number(&s, "version"), 2);
	FAILS(BH_E_BUSY, bh_child_upgrade(s.child, one, NULL, &t_err));
	assert_int_equal(outcome_wait(&o), BH_OK);
	FAILS(BH_E_CANCELLED, bh_call_wait(spin, NULL, NULL, &t_err));
	bh_value version = BH_VALUE_INIT;
	OK(bh_call_wait(behind, &version, NULL, &t_err)); /* the new one has it */
	assert_int_equal(version.as.u32, 2);
	bh_call_free(spin);
	bh_call_free(behind);
	scene_end(&s);
	bh_component_unref(one);
	bh_component_unref(two);
}

/* What is down takes the new one with its next start; so does a task. */
static void next_start_takes_it(void **state)
{
	(void)state;
	bh_component *one = revision_load((revision){.number = 1}), *two = revision_load((revision){.number = 2});
	bh_child_options options = revision_service(one);
	options.stopped = true;
	scene s = scene_begin(&options);
	assert_int_equal(upgrade_to(&s, two, usual), BH_OK);
	assert_int_equal(bh_child_state_of(s.child), BH_CHILD_STOPPED);
	bh_child_start(s.child);
	assert_int_equal(scene_number(&s, "version"), 2);
	scene_end(&s);
	options = (bh_child_options)BH_CHILD_OPTIONS_INIT;
	options.name = "task";
	options.kind = BH_CHILD_TASK;
	options.component = one;
	options.export_ = "crash";
	options.restart = BH_RESTART_TEMPORARY;
	s = scene_begin(&options);
	scene_wait(&s, BH_CHILD_ENDED);
	bh_component *three = revision_load((revision){.traps_at_start = true});
	assert_int_equal(upgrade_to(&s, three, usual), BH_OK);
	bh_child_start(s.child);
	bh_supervisor_event event = scene_next(&s, BH_EVENT_UPGRADED);
	bh_supervisor_event_deinit(&event);
	event = scene_next(&s, BH_EVENT_EXITED);
	assert_int_equal(bh_error_trap(event.cause), BH_TRAP_UNREACHABLE);
	bh_supervisor_event_deinit(&event);
	scene_end(&s);
	bh_component_unref(one);
	bh_component_unref(two);
	bh_component_unref(three);
}

/* What could not run is mended. */
static void mends_what_is_broken(void **state)
{
	(void)state;
	bh_component *one = revision_load((revision){.number = 1});
	bh_child_options options = revision_service(NULL);
	bh_error *why = NULL;
	options.broken = (bh_error_new(&why, BH_E_NOT_FOUND, "no such file"), why);
	scene s = scene_begin(&options);
	bh_error_free(why);
	scene_wait(&s, BH_CHILD_FAILED);
	FAILS(BH_E_DOWN, bh_child_call(s.child, "get", NULL, 0, NULL, NULL, NULL, &t_err));
	FAILS(BH_E_DOWN, bh_child_call_start(NULL, s.child, "get", NULL, 0, NULL, &t_err));
	assert_true(t_says("no such file"));
	assert_int_equal(upgrade_to(&s, one, usual), BH_OK);
	assert_int_equal(bh_child_state_of(s.child), BH_CHILD_FAILED);
	bh_child_start(s.child);
	assert_int_equal(scene_number(&s, "version"), 1);
	FAILS(BH_E_TRAP, bh_child_call(s.child, "crash", NULL, 0, NULL, NULL, NULL, &t_err));
	assert_int_equal(scene_number(&s, "version"), 1); /* its policy is its own again */
	scene_end(&s);
	bh_component_unref(one);
}

/* Stopped, removed, and gone with its tree in the middle of it: told once, with the reason. */
static void stopped_meanwhile(void **state)
{
	(void)state;
	static void (*const ends[])(bh_child *) = {bh_child_stop, bh_child_remove, NULL};
	for (int i = 0; i < 3; i++) {
		bh_component *one = revision_load((revision){.number = 1});
		bh_component *two = revision_load((revision){.number = 2, .never_ready = true});
		bh_child_options options = revision_service(one);
		scene s = scene_begin(&options);
		scene_wait_all(&s);
		outcome o = {0};
		bh_upgrade_options how = usual;
		how.done = outcome_done;
		how.done_data = &o;
		OK(bh_child_upgrade(s.child, two, &how, &t_err));
		t_sleep_ms(5);
		if (ends[i])
			ends[i](s.child);
		else
			bh_supervisor_free(s.tree);
		assert_int_equal(outcome_wait(&o), BH_E_DOWN);
		bh_error_free(o.why);
		if (ends[i])
			bh_supervisor_free(s.tree);
		FAILS(BH_E_DOWN, bh_child_upgrade(s.child, two, NULL, &t_err));
		bh_child_unref(s.child);
		bh_subscription_free(s.events);
		bh_component_unref(one);
		bh_component_unref(two);
	}
}

/* One that crashes all the time is replaced by one that does not. */
static void crashes_meanwhile(void **state)
{
	(void)state;
	bh_component *one = revision_load((revision){.number = 1}), *two = revision_load((revision){.number = 2});
	for (int waits = 0; waits < 2; waits++) {
		bh_child_options options = revision_service(one);
		if (waits)
			options.backoff = (bh_backoff){.kind = BH_BACKOFF_LINEAR, .first_ms = 60000};
		scene s = scene_begin(&options);
		scene_wait_all(&s);
		for (int i = 0; i < (waits ? 1 : 5); i++)
			FAILS(BH_E_TRAP, bh_child_call(s.child, "crash", NULL, 0, NULL, NULL, NULL, &t_err));
		outcome o = {0};
		bh_upgrade_options how = usual;
		how.done = outcome_done;
		how.done_data = &o;
		OK(bh_child_upgrade(s.child, two, &how, &t_err));
		while (!waits && !atomic_load(&o.told))
			(void)!bh_child_call(s.child, "crash", NULL, 0, NULL, NULL, NULL, NULL);
		assert_int_equal(outcome_wait(&o), BH_OK);
		assert_int_equal(scene_number(&s, "version"), 2);
		scene_end(&s);
	}
	bh_component_unref(one);
	bh_component_unref(two);
}

/* Many calls over many upgrades, of which some fail, beside restarts and, where told, crashes. */
enum { FLIGHT = 64 };

typedef struct {
	scene s;
	bh_component *good[2], *bad;
	tally t, crashes;
	bool keeps_state;
	_Atomic bool stop;
	_Atomic unsigned under_way, started;
} storm;

static void storm_done(void *data, bh_call *call)
{
	storm *w = data;
	atomic_fetch_sub(&w->under_way, 1);
	tally_add(&w->t, bh_call_take(call, NULL, NULL, NULL));
}

static void *keep_starting(void *data)
{
	storm *w = data;
	bh_call_options with = BH_CALL_OPTIONS_INIT;
	with.done = storm_done;
	with.done_data = w;
	while (!atomic_load(&w->stop)) {
		if (atomic_load(&w->under_way) >= FLIGHT) {
			t_sleep_ms(1);
			continue;
		}
		for (int i = 0; i < FLIGHT; i++) {
			bh_error *err = NULL;
			atomic_fetch_add(&w->under_way, 1);
			t_check(BH_OK, bh_child_call_start(NULL, w->s.child, "add", NULL, 0, &with, &err), "start", __FILE__,
			        __LINE__);
			atomic_fetch_add(&w->started, 1);
		}
	}
	return NULL;
}

static void *keep_crashing(void *data)
{
	storm *w = data;
	while (!atomic_load(&w->stop)) {
		tally_add(&w->crashes, bh_child_call(w->s.child, "crash", NULL, 0, NULL, NULL, NULL, NULL));
		t_sleep_ms(5);
	}
	return NULL;
}

static unsigned at_least(const storm *w)
{
	return t_slack() > 5 || w->keeps_state ? 10000 : 100000;
}

static void upgrade_in_a_storm(bool crashing, bool keeps_state)
{
	unsigned upgrades = t_slack() > 5 ? 30 : 100;
	storm w = {.keeps_state = keeps_state};
	w.good[0] = revision_load((revision){.number = 1, .state = keeps_state});
	w.good[1] = revision_load((revision){.number = 2, .state = keeps_state});
	w.bad = revision_load((revision){.number = 3, .state = keeps_state, .traps_when_ready = true});
	bh_child_options options = revision_service(w.good[0]);
	options.replicas = keeps_state ? 1 : 2;
	options.shutdown_ms = 20000;
	options.mailbox = 10000;
	w.s = scene_begin(&options);
	scene_wait_all(&w.s);
	pthread_t threads[2];
	EXPECT(!pthread_create(&threads[0], NULL, keep_starting, &w));
	if (crashing)
		EXPECT(!pthread_create(&threads[1], NULL, keep_crashing, &w));
	for (unsigned i = 1; i <= upgrades || atomic_load(&w.t.told) < at_least(&w); i++) {
		assert_int_equal(upgrade_to(&w.s, w.good[i % 2], usual), BH_OK);
		if (i % 10 == 0)
			assert_int_equal(upgrade_to(&w.s, w.bad, usual), BH_E_TRAP);
		if (i % 25 == 0 && !keeps_state)
			bh_child_restart(w.s.child);
	}
	atomic_store(&w.stop, true);
	for (int i = 0; i < 1 + crashing; i++)
		pthread_join(threads[i], NULL);
	tally_wait(&w.t, atomic_load(&w.started));
	assert_int_equal(atomic_load(&w.t.good), atomic_load(&w.started));
	if (crashing)
		assert_true(atomic_load(&w.crashes.trapped) == atomic_load(&w.crashes.told) &&
		            atomic_load(&w.crashes.told) > 5);
	/* Each call was counted, by the one whose count came of all before it. */
	if (keeps_state)
		assert_int_equal(scene_number(&w.s, "get"), atomic_load(&w.started));
	scene_end(&w.s);
	bh_component_unref(w.good[0]);
	bh_component_unref(w.good[1]);
	bh_component_unref(w.bad);
}

static void no_call_is_lost(void **state)
{
	(void)state;
	upgrade_in_a_storm(false, false);
}

static void no_call_is_lost_beside_crashes(void **state)
{
	(void)state;
	upgrade_in_a_storm(true, false);
}

static void no_count_is_lost(void **state)
{
	(void)state;
	upgrade_in_a_storm(false, true);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(takes_over),          cmocka_unit_test(keeps_the_old),
		cmocka_unit_test(lacks_an_export),     cmocka_unit_test(sees_calls_out),
		cmocka_unit_test(next_start_takes_it), cmocka_unit_test(mends_what_is_broken),
		cmocka_unit_test(stopped_meanwhile),   cmocka_unit_test(crashes_meanwhile),
		cmocka_unit_test(no_call_is_lost),     cmocka_unit_test(no_call_is_lost_beside_crashes),
		cmocka_unit_test(no_count_is_lost),
	};
	return cmocka_run_group_tests(tests, host_begin, host_end);
}
