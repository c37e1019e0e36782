// test: timeout=60
/* What the calls of each child came to: every call once, whatever became of it, and of nobody else. */
#include "supervisor_tools.h"

static const char guest[] =
	"(component (core module $m (memory 1) (global $n (mut i32) (i32.const 0))"
	" (func (export \"get\") (result i32) (global.set $n (i32.add (global.get $n) (i32.const 1))) (global.get $n))"
	" (func (export \"crash\") unreachable)"
	" (func (export \"hang\") (loop (br 0)))"
	" (func (export \"grow\") (result i32) (memory.grow (i32.const 9)))"
	" (func (export \"well\") (result i32) (i32.const 1)))"
	" (core instance $i (instantiate $m))"
	" (func (export \"get\") (result u32) (canon lift (core func $i \"get\")))"
	" (func (export \"crash\") (canon lift (core func $i \"crash\")))"
	" (func (export \"hang\") (canon lift (core func $i \"hang\")))"
	" (func (export \"grow\") (result u32) (canon lift (core func $i \"grow\")))"
	" (func (export \"well\") (result bool) (canon lift (core func $i \"well\"))))";

static bh_component *load(uint64_t execution_ms, uint64_t queue_ms, uint64_t fuel)
{
	bh_limits limits = t_limits();
	limits.execution_ms = execution_ms;
	limits.queue_ms = queue_ms;
	limits.fuel = fuel;
	return t_load_text(host, guest, &limits);
}

static bh_child_options service(bh_component *component)
{
	bh_child_options options = BH_CHILD_OPTIONS_INIT;
	options.name = "service";
	options.component = component;
	return options;
}

static bh_child_stats stats_of(bh_child *child)
{
	bh_child_stats stats = BH_CHILD_STATS_INIT;
	bh_child_stats_read(&stats, child);
	uint64_t counted = 0;
	for (size_t i = 0; i < BH_HISTOGRAM_BUCKETS; i++)
		counted += stats.time.buckets[i];
	assert_int_equal(counted, stats.calls); /* whatever happens */
	assert_int_equal(stats.time.count, stats.calls);
	return stats;
}

static uint64_t quantile_of(bh_child *child, double q)
{
	bh_child_stats stats = stats_of(child);
	return bh_stats_quantile(&stats.time, q);
}

static void counts_are(bh_child *child, uint64_t calls, uint64_t failures)
{
	bh_child_stats stats = stats_of(child);
	assert_int_equal(stats.calls, calls);
	assert_int_equal(stats.failures, failures);
}

static void call(bh_child *child, const char *name, bh_status expected)
{
	bh_status status = bh_child_call(child, name, NULL, 0, NULL, NULL, NULL, NULL);
	assert_int_equal(status, expected);
}

static bool keep_stats(void *data, const bh_child_info *info)
{
	bh_child_stats *out = data;
	if (info->stats)
		out[info->depth] = *info->stats;
	return true;
}

static void each_call_once(void **state)
{
	(void)state;
	bh_component *component = load(10000, 60000, BH_UNLIMITED);
	bh_child_options options = service(component);
	scene s = scene_begin(&options);
	bh_child *other = NULL;
	options.name = "other"; /* of the same component, and the same name to a host's statistics */
	OK(bh_child_add(&other, bh_supervisor_root(s.tree), &options, &t_err));
	counts_are(s.child, 0, 0);
	for (int i = 0; i < 1000; i++)
		call(s.child, "get", BH_OK);
	for (int i = 0; i < 3; i++)
		call(s.child, "crash", BH_E_TRAP);
	call(other, "get", BH_OK);
	call(s.child, "none", BH_E_NO_EXPORT); /* no call */
	counts_are(s.child, 1003, 3);
	counts_are(other, 1, 0);
	bh_child_stats listed[2] = {0}, root = stats_of(bh_supervisor_root(s.tree));
	bh_child_list(s.child, keep_stats, listed);
	assert_int_equal(listed[0].calls, 1003);
	bh_child_list(bh_supervisor_root(s.tree), keep_stats, listed);
	assert_int_equal(root.calls, 0);
	bh_child_unref(other);
	scene_end(&s);
	bh_component_unref(component);
}

static void what_they_used(void **state)
{
	(void)state;
	bh_component *metered = load(10000, 60000, 1000000);
	bh_child_options options = service(metered);
	scene s = scene_begin(&options);
	uint64_t fuel = 0;
	for (int i = 0; i < 20; i++) {
		bh_usage usage = BH_USAGE_INIT;
		OK(bh_child_call(s.child, "get", NULL, 0, NULL, NULL, i % 2 ? &usage : NULL, &t_err));
		fuel += 2 * usage.fuel; /* each call is like every other */
	}
	assert_true(fuel > 0);
	assert_int_equal(stats_of(s.child).fuel, fuel);
	assert_int_equal(stats_of(s.child).peak_memory, 65536);
	call(s.child, "grow", BH_OK);
	assert_int_equal(stats_of(s.child).memory, 10 * 65536);
	call(s.child, "crash", BH_E_TRAP);
	call(s.child, "get", BH_OK);
	assert_int_equal(stats_of(s.child).memory, 65536);
	assert_int_equal(stats_of(s.child).peak_memory, 10 * 65536);
	scene_end(&s);
	bh_component_unref(metered);
}

/* Calls of an unmetered component go a shorter way, on which not all are measured: growth is seen all the same, soon. */
static void some_stand_for_others(void **state)
{
	(void)state;
	bh_component *component = load(10000, 60000, BH_UNLIMITED);
	bh_child_options options = service(component);
	scene s = scene_begin(&options);
	for (int i = 0; i < 10; i++)
		call(s.child, "get", BH_OK);
	call(s.child, "grow", BH_OK);
	for (int i = 0; i < 40; i++)
		call(s.child, "get", BH_OK);
	assert_int_equal(stats_of(s.child).memory, 10 * 65536);
	assert_true(quantile_of(s.child, 0.5) > 0);
	scene_end(&s);
	bh_component_unref(component);
}

/* How long is from asking to the end, waiting for an instance included, also of calls that never had one. */
static void how_long(void **state)
{
	(void)state;
	bh_component *component = load(60, 80, BH_UNLIMITED);
	bh_child_options options = service(component);
	options.backoff = (bh_backoff){.kind = BH_BACKOFF_LINEAR, .first_ms = 60000, .jitter_percent = BH_JITTER_NONE};
	options.backoff.cap_ms = 60000;
	scene s = scene_begin(&options);
	bh_call_options impatient = BH_CALL_OPTIONS_INIT;
	impatient.deadline_ms = 20;
	call(s.child, "get", BH_OK);
	call(s.child, "hang", BH_E_TIMEOUT);
	counts_are(s.child, 2, 1);
	assert_true(quantile_of(s.child, 0.99) >= 45000000);
	assert_true(stats_of(s.child).time.sum_ns >= 60000000);
	call(s.child, "get", BH_E_BUSY); /* it waits for its backoff, and so did the call */
	assert_true(stats_of(s.child).time.sum_ns >= 140000000);
	FAILS(BH_E_DEADLINE, bh_child_call(s.child, "get", NULL, 0, NULL, &impatient, NULL, &t_err));
	counts_are(s.child, 4, 3);
	assert_true(stats_of(s.child).time.sum_ns >= 160000000);
	bh_child_stop(s.child);
	call(s.child, "get", BH_E_DOWN);
	counts_are(s.child, 5, 4);
	scene_end(&s);
	bh_component_unref(component);
}

/* Calls that waited for an instance that crashed are asked again, and counted once; so are those that find no room. */
static void requeued_and_refused(void **state)
{
	(void)state;
	enum { WAIT = 5 };
	bh_component *component = load((uint64_t)(150 * t_slack()), 60000, BH_UNLIMITED);
	bh_child_options options = service(component);
	options.mailbox = WAIT;
	scene s = scene_begin(&options);
	tally t = {0};
	bh_call_options told = BH_CALL_OPTIONS_INIT;
	told.done = tally_done;
	told.done_data = &t;
	scene_wait(&s, BH_CHILD_RUNNING);
	OK(bh_child_call_start(NULL, s.child, "hang", NULL, 0, &told, &t_err));
	for (int i = 0; i < WAIT; i++)
		OK(bh_child_call_start(NULL, s.child, "get", NULL, 0, &told, &t_err));
	FAILS(BH_E_BUSY, bh_child_call_start(NULL, s.child, "get", NULL, 0, &told, &t_err));
	counts_are(s.child, 1, 1);
	tally_wait(&t, WAIT + 1);
	assert_int_equal(t.trapped, 1);
	assert_int_equal(t.good, WAIT);
	counts_are(s.child, WAIT + 2, 2);
	bh_child_stop(s.child);
	scene_wait(&s, BH_CHILD_STOPPED);
	FAILS(BH_E_DOWN, bh_child_call_start(NULL, s.child, "get", NULL, 0, &told, &t_err));
	counts_are(s.child, WAIT + 3, 3);
	scene_end(&s);
	bh_component_unref(component);
}

/* A service's answers to its supervisor are no calls of anybody's. */
static void questions(void **state)
{
	(void)state;
	bh_component *component = load(10000, 60000, BH_UNLIMITED);
	bh_child_options options = service(component);
	options.ready = options.health = "well";
	options.health_ms = 1;
	scene s = scene_begin(&options);
	scene_wait(&s, BH_CHILD_RUNNING);
	t_sleep_ms(30);
	counts_are(s.child, 0, 0);
	call(s.child, "get", BH_OK);
	counts_are(s.child, 1, 0);
	scene_end(&s);
	bh_component_unref(component);
}

static void over_upgrades(void **state)
{
	(void)state;
	bh_component *old = load(10000, 60000, BH_UNLIMITED), *new = load(10000, 60000, BH_UNLIMITED);
	bh_child_options options = service(old);
	options.replicas = 3;
	scene s = scene_begin(&options);
	for (int i = 0; i < 10; i++)
		call(s.child, "get", BH_OK);
	OK(bh_child_upgrade(s.child, new, NULL, &t_err));
	bh_supervisor_event event = scene_next(&s, BH_EVENT_UPGRADED);
	bh_supervisor_event_deinit(&event);
	for (int i = 0; i < 10; i++)
		call(s.child, "get", BH_OK);
	counts_are(s.child, 20, 0);
	scene_end(&s);
	bh_component_unref(old);
	bh_component_unref(new);
}

static void runs_of_tasks(void **state)
{
	(void)state;
	bh_component *component = load(10000, 60000, BH_UNLIMITED);
	bh_child_options options = service(component);
	options.kind = BH_CHILD_TASK;
	options.restart = BH_RESTART_TEMPORARY;
	options.export_ = "get";
	scene s = scene_begin(&options);
	assert_true(bh_child_wait(s.child, BH_CHILD_STOPPED, (uint64_t)(10000 * t_slack())));
	counts_are(s.child, 1, 0);
	scene_end(&s);
	options.export_ = "crash";
	s = scene_begin(&options);
	assert_true(bh_child_wait(s.child, BH_CHILD_STOPPED, (uint64_t)(10000 * t_slack())));
	counts_are(s.child, 1, 1);
	scene_end(&s);
	bh_component_unref(component);
}

enum { THREADS = 4, EACH = 2000 };

static void *call_often(void *data)
{
	bh_call_options unhurried = BH_CALL_OPTIONS_INIT;
	unhurried.deadline_ms = 60000;
	for (int i = 0; i < EACH; i++) {
		const char *name = i % 50 == 49 ? "crash" : "get";
		bh_status status = bh_child_call(data, name, NULL, 0, NULL, i % 3 ? NULL : &unhurried, NULL, NULL);
		EXPECT(status == (i % 50 == 49 ? BH_E_TRAP : BH_OK));
	}
	return NULL;
}

static void *look_often(void *data)
{
	for (uint64_t last = 0; last < (uint64_t)THREADS * EACH;) {
		bh_child_stats stats = BH_CHILD_STATS_INIT, listed[1] = {0};
		bh_child_stats_read(&stats, data);
		EXPECT(stats.calls >= last);
		bh_child_list(data, keep_stats, listed);
		EXPECT(listed[0].calls >= stats.calls);
		last = stats.calls;
	}
	return NULL;
}

/* From many threads none is lost, and none is there twice. */
static void none_is_lost(void **state)
{
	(void)state;
	bh_component *component = load(10000, 60000, BH_UNLIMITED);
	bh_child_options options = service(component);
	options.replicas = 2;
	scene s = scene_begin(&options);
	pthread_t threads[THREADS + 1];
	for (int i = 0; i < THREADS; i++)
		EXPECT(!pthread_create(&threads[i], NULL, call_often, s.child));
	EXPECT(!pthread_create(&threads[THREADS], NULL, look_often, s.child));
	for (int i = 0; i < THREADS + 1; i++)
		pthread_join(threads[i], NULL);
	counts_are(s.child, THREADS * EACH, THREADS * EACH / 50);
	scene_end(&s);
	bh_component_unref(component);
}

/* A program that was built when there was less of it. */
static void older_programs(void **state)
{
	(void)state;
	bh_component *component = load(10000, 60000, BH_UNLIMITED);
	bh_child_options options = service(component);
	scene s = scene_begin(&options);
	call(s.child, "get", BH_OK);
	bh_child_stats stats;
	memset(&stats, 0x5a, sizeof stats);
	stats.struct_size = offsetof(bh_child_stats, fuel);
	bh_child_stats_read(&stats, s.child);
	assert_int_equal(stats.struct_size, offsetof(bh_child_stats, fuel));
	assert_int_equal(stats.calls, 1);
	assert_int_equal(stats.fuel, 0x5a5a5a5a5a5a5a5a);
	scene_end(&s);
	bh_component_unref(component);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_call_once),        cmocka_unit_test(what_they_used),
		cmocka_unit_test(some_stand_for_others), cmocka_unit_test(how_long),
		cmocka_unit_test(requeued_and_refused),  cmocka_unit_test(questions),
		cmocka_unit_test(over_upgrades),         cmocka_unit_test(runs_of_tasks),
		cmocka_unit_test(none_is_lost),          cmocka_unit_test(older_programs),
	};
	return cmocka_run_group_tests(tests, host_begin, host_end);
}
