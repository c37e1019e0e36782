// test: timeout=120 waits
/* Supervisors with real components: what crashes comes up again, and nobody else notices. */
#include <pthread.h>
#include <string.h>

#include "trees.h"

/* A crash loses what the instance knew, and the call; nothing else. */
static void crashes_and_comes_back(void **state)
{
	(void)state;
	bh_limits limits = quick();
	bh_child_options root = supervisor("x", BH_ONE_FOR_ONE);
	bh_component *counter = t_load(host, "counter.wasm", &limits);
	bh_supervisor *tree = tree_of(&root);
	bh_child *a = add(bh_supervisor_root(tree), service("a", counter));
	bh_child *b = add(bh_supervisor_root(tree), service("b", counter));
	FAILS(BH_E_DOWN, bh_child_call(a, "get", NULL, 0, NULL, NULL, NULL, &t_err));
	bh_child_start(bh_supervisor_root(tree));
	number(b, "increment");
	for (uint32_t i = 0; i < 50; i++) {
		number(a, "increment");
		number(a, "increment");
		assert_int_equal(number(a, "get"), 2);
		crash(a);
		assert_int_equal(number(a, "get"), 0);
	}
	assert_int_equal(number(b, "get"), 1);
	FAILS(BH_E_NO_EXPORT, bh_child_call(a, "no-such", NULL, 0, NULL, NULL, NULL, &t_err));
	bh_child_unref(a);
	bh_child_unref(b);
	bh_supervisor_free(tree);
	bh_component_unref(counter);
}

/* Which of three counters forgot what they knew when the second one crashed. */
static unsigned forgot(bh_strategy strategy)
{
	static const char *const names[] = {"a", "b", "c"};
	unsigned found = 0;
	bh_limits limits = quick();
	bh_child_options root = supervisor("x", strategy);
	bh_component *counter = t_load(host, "counter.wasm", &limits);
	bh_supervisor *tree = tree_of(&root);
	bh_child *children[3];
	for (int i = 0; i < 3; i++)
		children[i] = add(bh_supervisor_root(tree), service(names[i], counter));
	bh_child_start(bh_supervisor_root(tree));
	assert_is(bh_supervisor_root(tree), BH_CHILD_RUNNING);
	for (int i = 0; i < 3; i++)
		number(children[i], "increment");
	crash(children[1]);
	for (int i = 2; i >= 0; i--) { /* the last one is up when all are */
		found |= number(children[i], "get") == 0 ? 1U << i : 0;
		bh_child_unref(children[i]);
	}
	bh_supervisor_free(tree);
	bh_component_unref(counter);
	return found;
}

static void strategies(void **state)
{
	(void)state;
	assert_int_equal(forgot(BH_ONE_FOR_ONE), 2);
	assert_int_equal(forgot(BH_ONE_FOR_ALL), 7);
	assert_int_equal(forgot(BH_REST_FOR_ONE), 6);
}

/* The fourth crash in a minute is one too many: the tree is down, until somebody starts it. */
static void crashes_too_often(void **state)
{
	(void)state;
	bh_limits limits = quick();
	bh_component *counter = t_load(host, "counter.wasm", &limits);
	bh_supervisor *tree = tree_of(NULL);
	bh_child *root = bh_supervisor_root(tree);
	bh_child *a = add(root, service("a", counter)), *b = add(root, service("b", counter));
	bh_child_start(root);
	for (int i = 0; i < 4; i++)
		crash(a);
	assert_is(root, BH_CHILD_FAILED);
	FAILS(BH_E_DOWN, bh_child_call(a, "get", NULL, 0, NULL, NULL, NULL, &t_err));
	FAILS(BH_E_DOWN, bh_child_call(b, "get", NULL, 0, NULL, NULL, NULL, &t_err));
	bh_child_start(root);
	assert_int_equal(number(a, "get"), 0);
	bh_child_unref(a);
	bh_child_unref(b);
	bh_supervisor_free(tree);
	bh_component_unref(counter);
}

static void only_the_child_fails(void **state)
{
	(void)state;
	bh_limits limits = quick();
	bh_component *counter = t_load(host, "counter.wasm", &limits);
	bh_child_options options = BH_CHILD_OPTIONS_INIT;
	options.on_intensity = BH_INTENSITY_FAIL_CHILD;
	bh_supervisor *tree = tree_of(&options);
	bh_child *root = bh_supervisor_root(tree);
	bh_child *a = add(root, service("a", counter)), *b = add(root, service("b", counter));
	bh_child_start(root);
	number(b, "increment");
	for (int i = 0; i < 4; i++)
		crash(a);
	assert_is(a, BH_CHILD_FAILED);
	FAILS(BH_E_DOWN, bh_child_call(a, "get", NULL, 0, NULL, NULL, NULL, &t_err));
	assert_int_equal(number(b, "get"), 1);
	bh_child_start(a);
	assert_int_equal(number(a, "get"), 0);
	bh_child_unref(a);
	bh_child_unref(b);
	bh_supervisor_free(tree);
	bh_component_unref(counter);
}

/* A call that takes too long is its caller's trouble, not the service's. */
static void impatient_callers(void **state)
{
	(void)state;
	bh_limits limits = quick();
	limits.execution_ms = 5000;
	bh_component *counter = t_load(host, "counter.wasm", &limits);
	bh_supervisor *tree = tree_of(NULL);
	bh_child *a = add(bh_supervisor_root(tree), service("a", counter));
	bh_child_start(bh_supervisor_root(tree));
	number(a, "increment");
	bh_call_options options = BH_CALL_OPTIONS_INIT;
	options.deadline_ms = 10;
	bh_value nap = bh_of_u32(100);
	for (int i = 0; i < 5; i++)
		FAILS(BH_E_DEADLINE, bh_child_call(a, "sleep-ms", &nap, 1, NULL, &options, NULL, &t_err));
	assert_int_equal(number(a, "get"), 1);
	bh_child_unref(a);
	bh_supervisor_free(tree);
	bh_component_unref(counter);
}

/* What never comes up: counted, told with its cause, and given up on. */
static void never_up(void **state)
{
	(void)state;
	bh_component *trap = t_load(host, "wat/start-trap.wat", NULL);
	bh_supervisor *tree = tree_of(NULL);
	bh_subscription *events = NULL;
	OK(bh_subscription_new(&events, tree, true, &t_err));
	bh_child *a = add(bh_supervisor_root(tree), service("a", trap));
	bh_child_start(bh_supervisor_root(tree));
	assert_is(bh_supervisor_root(tree), BH_CHILD_FAILED);
	unsigned exits = 0;
	uint64_t last = 0;
	for (bh_supervisor_event event; bh_subscription_next(events, &event, 0, NULL) == BH_OK;) {
		assert_true(event.sequence == last + 1 && !event.lost);
		last = event.sequence;
		if (event.kind == BH_EVENT_EXITED && !strcmp(event.path, "a")) {
			exits++;
			assert_int_equal(event.exit, BH_EXIT_NOT_UP);
			assert_int_equal(event.decision, exits < 4 ? BH_DECISION_RESTART : BH_DECISION_ESCALATE);
			assert_non_null(event.cause);
			assert_int_equal(bh_error_status(event.cause), BH_E_TRAP);
			assert_true(bh_error_trap(event.cause) == BH_TRAP_UNREACHABLE);
		}
		bh_supervisor_event_deinit(&event);
	}
	assert_int_equal(exits, 4);
	bh_child_unref(a);
	bh_supervisor_free(tree);
	/* What happened as it went can be read still, and then no more. */
	bh_status status;
	for (bh_supervisor_event event; !(status = bh_subscription_next(events, &event, 0, NULL));)
		bh_supervisor_event_deinit(&event);
	assert_int_equal(status, BH_E_DOWN);
	bh_subscription_free(events);
	bh_component_unref(trap);
}

/* Who does not read in time is told how much was lost. */
static void slow_readers(void **state)
{
	(void)state;
	bh_component *counter = t_load(host, "counter.wasm", NULL);
	bh_supervisor *tree = tree_of(NULL);
	bh_subscription *events = NULL;
	OK(bh_subscription_new(&events, tree, false, &t_err));
	bh_child_options options = service("a", counter);
	options.stopped = true;
	for (int i = 0; i < 1500; i++) {
		bh_child *child = add(bh_supervisor_root(tree), options);
		bh_child_remove(child);
		bh_child_unref(child);
	}
	bh_supervisor_event event;
	OK(bh_subscription_next(events, &event, 0, &t_err));
	assert_int_equal(event.lost, 3000 - 1024);
	for (int i = 0; i < 1024; i++) {
		OK(bh_subscription_next(events, &event, 0, &t_err));
		assert_true(!event.lost && event.sequence == (uint64_t)(3000 - 1024 + 1 + i));
		assert_string_equal(event.path, "a");
		assert_int_equal(event.kind, i % 2 ? BH_EVENT_REMOVED : BH_EVENT_ADDED);
		bh_supervisor_event_deinit(&event);
	}
	FAILS(BH_E_DEADLINE, bh_subscription_next(events, &event, 20, &t_err));
	bh_subscription_free(events);
	bh_supervisor_free(tree);
	bh_component_unref(counter);
}

static bh_child_options task(const char *name, bh_component *component, const char *export_, bh_restart restart)
{
	bh_child_options options = service(name, component);
	options.kind = BH_CHILD_TASK;
	options.export_ = export_;
	options.restart = restart;
	options.shutdown_ms = 50;
	return options;
}

static void tasks(void **state)
{
	(void)state;
	bh_limits limits = t_limits();
	limits.execution_ms = BH_UNLIMITED;
	limits.fuel = BH_UNLIMITED;
	bh_child_options root = supervisor("x", BH_ONE_FOR_ONE);
	bh_component *hello = t_load(host, "hello.wasm", &limits), *counter = t_load(host, "counter.wasm", &limits);
	bh_component *exits = t_load(host, "crasher.wasm", &limits);
	bh_supervisor *tree = tree_of(&root);
	bh_child *over = bh_supervisor_root(tree);
	bh_child *well = add(over, task("well", hello, NULL, BH_RESTART_TRANSIENT));
	bh_child *once = add(over, task("once", exits, NULL, BH_RESTART_TEMPORARY));
	bh_child *endless = add(over, task("endless", counter, "spin", BH_RESTART_PERMANENT));
	bh_child_start(over);
	assert_is(well, BH_CHILD_ENDED);
	assert_is(once, BH_CHILD_ENDED);
	assert_is(endless, BH_CHILD_RUNNING);
	FAILS(BH_E_INVALID, bh_child_call(well, "get", NULL, 0, NULL, NULL, NULL, &t_err));
	double start = t_now_ms();
	bh_child_stop(endless); /* it does not end by itself, and is killed */
	assert_is(endless, BH_CHILD_STOPPED);
	assert_true(t_now_ms() - start >= 49 && t_now_ms() - start < 1000 * t_slack());
	bh_child_start(endless);
	assert_is(endless, BH_CHILD_RUNNING);
	bh_child_unref(well);
	bh_child_unref(once);
	bh_child_unref(endless);
	bh_supervisor_free(tree);
	bh_component_unref(hello);
	bh_component_unref(counter);
	bh_component_unref(exits);
}

/* Stopped while it waits to be started again: those that wait for it are told at once. */
static void *call_once(void *data)
{
	return (void *)(intptr_t)bh_child_call(data, "get", NULL, 0, NULL, NULL, NULL, NULL);
}

static void stopped_in_backoff(void **state)
{
	(void)state;
	bh_limits limits = quick();
	limits.queue_ms = 60000;
	bh_child_options root = supervisor("x", BH_ONE_FOR_ONE);
	bh_component *counter = t_load(host, "counter.wasm", &limits);
	bh_supervisor *tree = tree_of(&root);
	bh_child_options options = service("a", counter);
	options.backoff = (bh_backoff){.kind = BH_BACKOFF_LINEAR, .first_ms = 30000};
	bh_child *a = add(bh_supervisor_root(tree), options);
	bh_child_start(bh_supervisor_root(tree));
	crash(a);
	assert_is(a, BH_CHILD_WAITING);
	pthread_t thread;
	void *ended;
	double begin = t_now_ms();
	EXPECT(!pthread_create(&thread, NULL, call_once, a));
	t_sleep_ms(20);
	bh_child_stop(a);
	pthread_join(thread, &ended);
	assert_int_equal((intptr_t)ended, BH_E_DOWN);
	assert_is(a, BH_CHILD_STOPPED);
	/* Asked for, it does not wait for its backoff. */
	bh_child_start(a);
	assert_int_equal(number(a, "get"), 0);
	assert_true(t_now_ms() - begin < 5000 * t_slack());
	bh_child_unref(a);
	bh_supervisor_free(tree);
	bh_component_unref(counter);
}

static void refused(void **state)
{
	(void)state;
	bh_component *counter = t_load(host, "counter.wasm", NULL);
	bh_supervisor *tree = tree_of(NULL);
	bh_child *root = bh_supervisor_root(tree);
	bh_child *a = add(root, service("a", counter));
	static const char *const bad[] = {"", "a/b", "a#1", "a b", "\xff"};
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
		bh_child_options options = service(bad[i], counter);
		FAILS(BH_E_INVALID, bh_child_add(NULL, root, &options, &t_err));
	}
	bh_child_options same = service("a", counter), below = service("b", counter), none = service("c", NULL);
	bh_child_options task_of = task("d", counter, NULL, BH_RESTART_PERMANENT), odd = service("e", counter);
	odd.restart = (bh_restart)7;
	FAILS(BH_E_INVALID, bh_child_add(NULL, root, &same, &t_err));
	FAILS(BH_E_INVALID, bh_child_add(NULL, a, &below, &t_err));
	FAILS(BH_E_INVALID, bh_child_add(NULL, root, &none, &t_err));
	FAILS(BH_E_NO_EXPORT, bh_child_add(NULL, root, &task_of, &t_err));
	FAILS(BH_E_INVALID, bh_child_add(NULL, root, &odd, &t_err));
	FAILS(BH_E_INVALID, bh_child_add(NULL, NULL, &below, &t_err));
	bh_child_remove(root);
	bh_child_unref(a);
	bh_supervisor_free(tree);
	bh_supervisor_free(NULL);
	bh_child_unref(NULL);
	bh_component_unref(counter);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(crashes_and_comes_back),
		cmocka_unit_test(strategies),
		cmocka_unit_test(crashes_too_often),
		cmocka_unit_test(only_the_child_fails),
		cmocka_unit_test(impatient_callers),
		cmocka_unit_test(never_up),
		cmocka_unit_test(slow_readers),
		cmocka_unit_test(stopped_in_backoff),
		cmocka_unit_test(tasks),
		cmocka_unit_test(refused),
	};
	return cmocka_run_group_tests(tests, host_begin, host_end);
}
