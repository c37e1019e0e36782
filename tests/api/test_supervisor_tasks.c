/* Tasks that run again and again: real ones, that write down each run. */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "one_host.h"

static bh_supervisor *tree;

static int begin(void **state)
{
	(void)state;
	OK(bh_supervisor_new(&tree, NULL, &t_err));
	return 0;
}

static int end(void **state)
{
	(void)state;
	double before = t_now_ms();
	bh_supervisor_free(tree);
	assert_true(t_now_ms() - before < 5000 * t_slack()); /* what waits for its turn is not waited for */
	return 0;
}

static bh_child_options task(const char *name, bh_component *component)
{
	bh_child_options options = BH_CHILD_OPTIONS_INIT;
	options.name = name;
	options.kind = BH_CHILD_TASK;
	options.component = component;
	return options;
}

static bh_child *add(bh_child_options options)
{
	bh_child *child = NULL;
	OK(bh_child_add(&child, bh_supervisor_root(tree), &options, &t_err));
	return child;
}

static bool take_info(void *data, const bh_child_info *info)
{
	*(bh_child_info *)data = *info;
	return false;
}

static bh_child_info look(bh_child *child)
{
	bh_child_info info = {0};
	bh_child_list(child, take_info, &info);
	return info;
}

static bool comes_to(bh_child *child, uint32_t generation)
{
	for (double until = t_now_ms() + 10000 * t_slack(); t_now_ms() < until; t_sleep_ms(2))
		if (look(child).generation >= generation)
			return true;
	return false;
}

/* What was written into a pipe so far. */
static void read_all(int fd, char *out, size_t size)
{
	ssize_t got = read(fd, out, size - 1);
	out[got > 0 ? got : 0] = 0;
}

/* Each run is a fresh instance with the arguments and the output that the task was given. */
static void runs_again(void **state)
{
	(void)state;
	int ends[2];
	char text[4096];
	bh_instance_options instance = BH_INSTANCE_OPTIONS_INIT;
	assert_int_equal(pipe(ends), 0);
	instance.args = T_ARGS("env", "ada");
	instance.arg_count = 2;
	instance.env = T_ARGS("WHO=ada");
	instance.env_count = 1;
	instance.out = (bh_stdio){.mode = BH_STDIO_FD, .fd = ends[1]};
	bh_component *env = t_load(host, "env.wasm", NULL);
	bh_child_options options = task("env", env);
	options.instance = &instance;
	options.every_ms = 50;
	bh_child *child = add(options);
	double before = t_now_ms();
	bh_child_start(bh_supervisor_root(tree));
	assert_true(comes_to(child, 4));
	assert_true(t_now_ms() - before >= 3 * 50 - 5);
	assert_true(bh_child_wait(child, BH_CHILD_SCHEDULED, (uint64_t)(10000 * t_slack())));
	bh_child_stop(child);
	assert_true(bh_child_wait(child, BH_CHILD_STOPPED, (uint64_t)(10000 * t_slack())));
	bh_child_info info = look(child);
	assert_int_equal(info.restarts, 0);
	read_all(ends[0], text, sizeof text);
	uint32_t lines = 0;
	for (const char *line = text; (line = strstr(line, "arg 1 ada\nenv WHO=ada\n")); line++)
		lines++;
	assert_in_range(lines, 4, info.generation);
	t_sleep_ms(120);
	assert_int_equal(look(child).generation, info.generation); /* stopped is stopped */
	bh_child_unref(child);
	bh_component_unref(env);
	close(ends[0]);
	close(ends[1]);
}

/* One with a calendar is no obstacle to those behind it, is shown with its time, and runs now if somebody wants it to. */
static void waits_for_its_time(void **state)
{
	(void)state;
	bh_component *hello = t_load(host, "hello.wasm", NULL), *counter = t_load(host, "counter.wasm", NULL);
	bh_child_options options = task("yearly", hello), service = BH_CHILD_OPTIONS_INIT;
	options.cron = "59 23 31 12 *";
	service.name = "counter";
	service.component = counter;
	bh_child *child = add(options), *behind = add(service);
	bh_child_start(bh_supervisor_root(tree));
	assert_true(bh_child_wait(behind, BH_CHILD_RUNNING, (uint64_t)(10000 * t_slack())));
	assert_true(bh_child_wait(bh_supervisor_root(tree), BH_CHILD_RUNNING, (uint64_t)(10000 * t_slack())));
	bh_child_info info = look(child);
	assert_int_equal(info.state, BH_CHILD_SCHEDULED);
	assert_int_equal(info.generation, 0);
	assert_in_range(info.next_start_ms, 1, UINT64_C(367) * 86400 * 1000);
	bh_child_start(child);
	assert_int_equal(look(child).generation, 0);
	bh_child_restart(child);
	assert_true(comes_to(child, 1));
	assert_true(bh_child_wait(child, BH_CHILD_SCHEDULED, (uint64_t)(10000 * t_slack())));
	assert_int_equal(look(child).last_exit, BH_EXIT_NORMAL);
	bh_child_unref(child);
	bh_child_unref(behind);
	bh_component_unref(hello);
	bh_component_unref(counter);
}

/* A run longer than the time to the next: never two at once, and what was missed is not made up for. */
static void never_two_at_once(void **state)
{
	(void)state;
	bh_component *spin = t_load_text(host,
	                                 "(component (core module $M (func (export \"run\") (result i32) (local i64)"
	                                 "  (loop $l (local.set 0 (i64.add (local.get 0) (i64.const 1)))"
	                                 "    (br_if $l (i64.lt_u (local.get 0) (i64.const 30000000)))) (i32.const 0)))"
	                                 " (core instance $m (instantiate $M))"
	                                 " (func $run (result (result)) (canon lift (core func $m \"run\")))"
	                                 " (instance $c (export \"run\" (func $run)))"
	                                 " (export \"wasi:cli/run@0.2.0\" (instance $c)))",
	                                 NULL);
	bh_child_options options = task("spin", spin);
	options.every_ms = 1;
	bh_child *child = add(options);
	bh_child_start(bh_supervisor_root(tree));
	for (double until = t_now_ms() + 300; t_now_ms() < until;)
		assert_true(look(child).in_flight <= 1);
	assert_true(comes_to(child, 3));
	bh_child_unref(child);
	bh_component_unref(spin);
}

/* Crashes: by its policy again with backoff, or at the next turn. */
static void crashes(void **state)
{
	(void)state;
	bh_component *crasher = t_load(host, "crasher.wasm", NULL);
	bh_child_options options = task("again", crasher), left = task("left", crasher);
	options.every_ms = left.every_ms = 60000;
	options.backoff = (bh_backoff){.kind = BH_BACKOFF_LINEAR, .first_ms = 1};
	left.restart = BH_RESTART_TEMPORARY;
	bh_subscription *events = NULL;
	OK(bh_subscription_new(&events, tree, true, &t_err));
	bh_child_start(bh_supervisor_root(tree));
	bh_child *once = add(left);
	assert_true(bh_child_wait(once, BH_CHILD_SCHEDULED, (uint64_t)(20000 * t_slack())));
	bh_child *again = add(options);
	assert_true(bh_child_wait(bh_supervisor_root(tree), BH_CHILD_STOPPED, (uint64_t)(20000 * t_slack())));
	int again_restarted = 0, once_scheduled = 0;
	for (bh_supervisor_event e; !bh_subscription_next(events, &e, 0, NULL); bh_supervisor_event_deinit(&e)) {
		if (e.kind == BH_EVENT_EXITED && !strcmp(e.path, "again") && e.decision == BH_DECISION_RESTART)
			again_restarted++;
		if (e.kind == BH_EVENT_EXITED && !strcmp(e.path, "left") && e.decision == BH_DECISION_SCHEDULE) {
			assert_in_range(e.delay_ms, 30000, 60000);
			assert_int_equal(e.exit, BH_EXIT_CRASHED);
			once_scheduled++;
		}
	}
	assert_int_equal(again_restarted, 3); /* as many as are allowed; then the tree gave up */
	assert_int_equal(once_scheduled, 1);
	assert_int_equal(bh_child_state_of(again), BH_CHILD_STOPPED);
	assert_int_equal(bh_child_state_of(once), BH_CHILD_STOPPED);
	bh_subscription_free(events);
	bh_child_unref(again);
	bh_child_unref(once);
	bh_component_unref(crasher);
}

static void mistakes(void **state)
{
	(void)state;
	bh_component *hello = t_load(host, "hello.wasm", NULL);
	bh_child_options options = task("a", hello);
	options.cron = "0 0 30 2 *";
	FAILS(BH_E_CONFIG, bh_child_add(NULL, bh_supervisor_root(tree), &options, &t_err));
	assert_true(t_says("no such day"));
	options.cron = "61 * * * *";
	FAILS(BH_E_CONFIG, bh_child_add(NULL, bh_supervisor_root(tree), &options, &t_err));
	assert_true(t_says("minute") && t_says("0 to 59"));
	options.cron = "@daily";
	options.every_ms = 5;
	FAILS(BH_E_INVALID, bh_child_add(NULL, bh_supervisor_root(tree), &options, &t_err));
	options.every_ms = 0;
	options.kind = BH_CHILD_SERVICE;
	FAILS(BH_E_INVALID, bh_child_add(NULL, bh_supervisor_root(tree), &options, &t_err));
	options.kind = BH_CHILD_SUPERVISOR;
	FAILS(BH_E_INVALID, bh_child_add(NULL, bh_supervisor_root(tree), &options, &t_err));
	assert_null(bh_supervisor_find(tree, "a"));
	bh_component_unref(hello);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(runs_again, begin, end),
		cmocka_unit_test_setup_teardown(waits_for_its_time, begin, end),
		cmocka_unit_test_setup_teardown(never_two_at_once, begin, end),
		cmocka_unit_test_setup_teardown(crashes, begin, end),
		cmocka_unit_test_setup_teardown(mistakes, begin, end),
	};
	return cmocka_run_group_tests(tests, host_begin, host_end);
}
