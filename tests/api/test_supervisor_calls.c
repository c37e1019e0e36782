// test: timeout=60
/* Calls of services that nobody waits for: started and cancelled in all states of the service. */
#include <stdlib.h>

#include "supervisor_tools.h"

static bh_component *load_for(uint64_t queue_ms, uint64_t execution_ms)
{
	bh_limits limits = t_limits();
	limits.execution_ms = execution_ms;
	limits.queue_ms = queue_ms;
	limits.fuel = BH_UNLIMITED;
	return t_load(host, "counter.wasm", &limits);
}

static bh_component *load(uint64_t queue_ms)
{
	return load_for(queue_ms, 20);
}

static bh_child_options service(bh_component *component)
{
	bh_child_options options = BH_CHILD_OPTIONS_INIT;
	options.name = "service";
	options.component = component;
	options.shutdown_ms = 500;
	return options;
}

static bh_call *start(bh_child *child, const char *name)
{
	bh_call *call = NULL;
	OK(bh_child_call_start(&call, child, name, NULL, 0, NULL, &t_err));
	return call;
}

static uint32_t wait_number(bh_call *call)
{
	bh_value result = BH_VALUE_INIT;
	OK(bh_call_wait(call, &result, NULL, &t_err));
	bh_call_free(call);
	return result.as.u32;
}

/* One caller's calls are served in the order in which they were started, also those that waited for an instance. */
static void in_order(void **state)
{
	(void)state;
	enum { CALLS = 200 };
	bh_call *calls[CALLS];
	bh_component *component = load(20000);
	bh_child_options options = service(component);
	options.stopped = true;
	scene s = scene_begin(&options);
	for (int round = 0; round < 20; round++) {
		bh_child_start(s.child);
		for (int i = 0; i < CALLS; i++)
			calls[i] = start(s.child, "increment");
		for (int i = 0; i < CALLS; i++)
			assert_int_equal(wait_number(calls[i]), i + 1);
		bh_child_stop(s.child);
		scene_wait(&s, BH_CHILD_STOPPED);
	}
	scene_end(&s);
	bh_component_unref(component);
}

/* It is down until its backoff is over: the calls wait without a thread, and then start. */
static bh_child_options slow_to_return(bh_component *component, uint64_t ms)
{
	bh_child_options options = service(component);
	options.backoff = (bh_backoff){.kind = BH_BACKOFF_LINEAR, .first_ms = ms, .jitter_percent = BH_JITTER_NONE};
	return options;
}

static void crash(scene *s)
{
	scene_wait(s, BH_CHILD_RUNNING);
	FAILS(BH_E_TIMEOUT, bh_child_call(s->child, "spin", NULL, 0, NULL, NULL, NULL, &t_err));
	assert_int_equal(bh_child_state_of(s->child), BH_CHILD_WAITING);
}

static void wait_for_an_instance(void **state)
{
	(void)state;
	enum { CALLS = 100 };
	tally t = {0};
	bh_component *component = load(20000);
	bh_child_options options = slow_to_return(component, 100);
	scene s = scene_begin(&options);
	crash(&s);
	size_t threads = t_threads();
	bh_call_options with = BH_CALL_OPTIONS_INIT;
	with.done = tally_done;
	with.done_data = &t;
	for (int i = 0; i < CALLS; i++)
		OK(bh_child_call_start(NULL, s.child, "increment", NULL, 0, &with, &t_err));
	assert_true(t_threads() <= threads);
	assert_int_equal(atomic_load(&t.told), 0);
	tally_wait(&t, CALLS);
	assert_int_equal(atomic_load(&t.good), CALLS);
	assert_int_equal(scene_number(&s, "get"), CALLS);
	scene_end(&s);
	bh_component_unref(component);
}

static bool waiting(void *data, const bh_child_info *info)
{
	*(unsigned *)data = info->waiting;
	return true;
}

/* The mailbox has a bound, and the wait a limit of the component's, a deadline of the caller's, and an end at any moment. */
static void bounds_of_waiting(void **state)
{
	(void)state;
	bh_component *component = load(150);
	bh_child_options options = slow_to_return(component, 60000);
	options.mailbox = 3;
	scene s = scene_begin(&options);
	crash(&s);
	bh_call_options soon = BH_CALL_OPTIONS_INIT;
	soon.deadline_ms = 20;
	bh_call *late, *busy, *cancelled = start(s.child, "get");
	OK(bh_child_call_start(&late, s.child, "get", NULL, 0, &soon, &t_err));
	busy = start(s.child, "get");
	FAILS(BH_E_BUSY, bh_child_call_start(NULL, s.child, "get", NULL, 0, NULL, &t_err));
	assert_true(t_says("3 calls wait"));
	FAILS(BH_E_NO_EXPORT, bh_child_call_start(NULL, s.child, "no-such", NULL, 0, NULL, &t_err));
	bh_call_cancel(cancelled, BH_CANCEL_ABANDON);
	FAILS(BH_E_CANCELLED, bh_call_wait(cancelled, NULL, NULL, &t_err));
	FAILS(BH_E_DEADLINE, bh_call_wait(late, NULL, NULL, &t_err));
	FAILS(BH_E_BUSY, bh_call_wait(busy, NULL, NULL, &t_err));
	assert_true(t_says("max_queue_time_ms"));
	unsigned left = 1;
	bh_child_list(s.child, waiting, &left);
	assert_int_equal(left, 0);
	bh_call *last = start(s.child, "get");
	bh_child_stop(s.child); /* nothing is left to wait for */
	FAILS(BH_E_DOWN, bh_call_wait(last, NULL, NULL, &t_err));
	FAILS(BH_E_DOWN, bh_child_call_start(NULL, s.child, "get", NULL, 0, NULL, &t_err));
	bh_call_free(cancelled);
	bh_call_free(late);
	bh_call_free(busy);
	bh_call_free(last);
	scene_end(&s);
	bh_component_unref(component);
}

/* Behind a call that does not end as many wait as where nothing is up, however they come; those outlive its crash. */
static void bounds_while_it_is_up(void **state)
{
	(void)state;
	bh_component *component = load_for(20000, (uint64_t)(150 * t_slack()));
	bh_child_options options = service(component);
	options.mailbox = 3;
	scene s = scene_begin(&options);
	scene_wait_all(&s); /* until then calls wait for it, three in all */
	for (int round = 0; round < 2; round++) {
		bh_call *waits[3], *spins = start(s.child, "spin");
		for (int i = 0; i < 3; i++)
			waits[i] = start(s.child, "increment");
		FAILS(BH_E_BUSY, bh_child_call_start(NULL, s.child, "get", NULL, 0, NULL, &t_err));
		assert_true(t_says("3 calls wait"));
		FAILS(BH_E_BUSY, bh_child_call(s.child, "get", NULL, 0, NULL, NULL, NULL, &t_err));
		assert_true(t_says("3 calls wait"));
		FAILS(BH_E_TIMEOUT, bh_call_wait(spins, NULL, NULL, &t_err));
		for (int i = 0; i < 3; i++)
			assert_int_equal(wait_number(waits[i]), i + 1);
		bh_call_free(spins);
		bh_child_restart(s.child);
		while (bh_child_state_of(s.child) != BH_CHILD_RUNNING || scene_number(&s, "get") != 0)
			t_sleep_ms(1);
	}
	scene_end(&s);
	bh_component_unref(component);
}

/* As many as are asked for, also where that is more than an instance has by itself. */
static void as_many_as_asked_for(void **state)
{
	(void)state;
	enum { CALLS = 2500 };
	tally t = {0};
	bh_component *component = load(60000);
	bh_child_options options = service(component);
	options.mailbox = CALLS;
	scene s = scene_begin(&options);
	scene_wait(&s, BH_CHILD_RUNNING);
	bh_call_options with = BH_CALL_OPTIONS_INIT;
	with.done = tally_done;
	with.done_data = &t;
	OK(bh_child_call_start(NULL, s.child, "spin", NULL, 0, &with, &t_err));
	for (int i = 0; i < CALLS; i++)
		OK(bh_child_call_start(NULL, s.child, "get", NULL, 0, &with, &t_err));
	tally_wait(&t, CALLS + 1);
	assert_int_equal(atomic_load(&t.good), CALLS);
	assert_int_equal(atomic_load(&t.trapped), 1);
	scene_end(&s);
	bh_component_unref(component);
}

/* A full mailbox is nobody's illness: what its supervisor asks has a place all the same. */
static void asked_though_full(void **state)
{
	(void)state;
	enum { CALLS = 40 };
	bh_component *component = load(60000);
	bh_child_options options = service(component);
	options.mailbox = 1;
	options.health = "get";
	options.health_ms = 1;
	options.answer_ms = (uint64_t)(5000 * t_slack());
	options.unhealthy_after = 1;
	scene s = scene_begin(&options);
	scene_wait(&s, BH_CHILD_RUNNING);
	unsigned good = 0, busy = 0;
	for (double until = t_now_ms() + 300; t_now_ms() < until;) {
		bh_call *calls[CALLS] = {0};
		for (int i = 0; i < CALLS; i++)
			busy += bh_child_call_start(&calls[i], s.child, "get", NULL, 0, NULL, NULL) == BH_E_BUSY;
		for (int i = 0; i < CALLS; i++) {
			good += calls[i] && bh_call_wait(calls[i], NULL, NULL, NULL) == BH_OK;
			bh_call_free(calls[i]);
		}
	}
	assert_true(good > 0 && busy > 0);
	scene_wait(&s, BH_CHILD_RUNNING);
	unsigned well = 0;
	for (bh_supervisor_event e; bh_subscription_next(s.events, &e, 0, NULL) == BH_OK;) {
		assert_true(e.kind != BH_EVENT_EXITED && !(e.kind == BH_EVENT_HEALTH && e.health != BH_HEALTH_GOOD));
		well += e.kind == BH_EVENT_HEALTH;
		bh_supervisor_event_deinit(&e);
	}
	assert_int_equal(well, 1);
	scene_end(&s);
	bh_component_unref(component);
}

/* Those that wait behind a crash go to the next instance, or fail with it. */
static void behind_a_crash(void **state)
{
	(void)state;
	enum { CALLS = 50 };
	for (int fails = 0; fails < 2; fails++) {
		tally t = {0};
		bh_component *component = load(20000);
		bh_child_options options = service(component);
		options.on_restart = fails ? BH_FAIL : BH_REQUEUE;
		scene s = scene_begin(&options);
		scene_wait(&s, BH_CHILD_RUNNING);
		bh_call_options with = BH_CALL_OPTIONS_INIT;
		with.done = tally_done;
		with.done_data = &t;
		OK(bh_child_call_start(NULL, s.child, "spin", NULL, 0, &with, &t_err));
		for (int i = 0; i < CALLS; i++)
			OK(bh_child_call_start(NULL, s.child, "increment", NULL, 0, &with, &t_err));
		tally_wait(&t, CALLS + 1);
		assert_int_equal(atomic_load(&t.trapped), 1);
		assert_int_equal(atomic_load(fails ? &t.other : &t.good), CALLS);
		assert_int_equal(scene_number(&s, "get"), fails ? 0 : CALLS);
		scene_end(&s);
		bh_component_unref(component);
	}
}

/* Those that waited for an instance that crashed are served by the next one in the order in which they were started. */
static void in_order_over_a_crash(void **state)
{
	(void)state;
	enum { CALLS = 100, ROUNDS = 10 };
	bh_component *component = load(60000);
	bh_child_options options = service(component);
	scene s = scene_begin(&options);
	scene_wait(&s, BH_CHILD_RUNNING);
	for (int round = 0; round < ROUNDS; round++) {
		bh_call *calls[CALLS], *spins = start(s.child, "spin");
		for (int i = 0; i < CALLS; i++)
			calls[i] = start(s.child, "increment");
		FAILS(BH_E_TIMEOUT, bh_call_wait(spins, NULL, NULL, &t_err));
		bh_call_free(spins);
		for (int i = 0; i < CALLS; i++)
			assert_int_equal(wait_number(calls[i]), i + 1);
	}
	scene_end(&s);
	bh_component_unref(component);
}

/* What its supervisor asks may wait for an instance, too, and is gone with it: nobody waits for that to come back. */
static void asked_as_it_crashes(void **state)
{
	(void)state;
	bh_component *component = load(60000);
	bh_child_options options = service(component);
	options.health = "get";
	options.health_ms = 1;
	options.answer_ms = (uint64_t)(5000 * t_slack());
	scene s = scene_begin(&options);
	scene_wait(&s, BH_CHILD_RUNNING);
	for (int round = 0; round < 5; round++) {
		FAILS(BH_E_TIMEOUT, bh_child_call(s.child, "spin", NULL, 0, NULL, NULL, NULL, &t_err));
		assert_int_equal(scene_number(&s, "increment"), 1);
	}
	scene_end(&s);
	bh_component_unref(component);
}

/* The arguments stay the caller's where the call does not start, and are given away where it does. */
static void arguments(void **state)
{
	(void)state;
	bh_component *component = load(20000);
	bh_child_options options = service(component);
	scene s = scene_begin(&options);
	scene_wait(&s, BH_CHILD_RUNNING);
	bh_call_options give = BH_CALL_OPTIONS_INIT;
	give.give_args = true;
	bh_value wrong = bh_of_u32(1);
	bh_call *call;
	OK(bh_child_call_start(&call, s.child, "crash-at", &wrong, 1, &give, &t_err));
	OK(bh_call_wait(call, NULL, NULL, &t_err));
	bh_call_free(call);
	FAILS(BH_E_INVALID, bh_child_call_start(NULL, bh_supervisor_root(s.tree), "get", NULL, 0, NULL, &t_err));
	OK(bh_child_call_start(&call, s.child, "get", &wrong, 1, NULL, &t_err));
	FAILS(BH_E_TYPE, bh_call_wait(call, NULL, NULL, &t_err));
	bh_call_free(call);
	scene_end(&s);
	bh_component_unref(component);
}

/* Threads that start calls, and cancel some, of a service that crashes, stops, starts and goes. Each is told once. */
typedef struct {
	bh_child *child;
	tally *t;
	unsigned seed, started;
	_Atomic bool *stop;
} caller;

static void *call_at_random(void *data)
{
	static const char *const what[] = {"get", "increment", "increment", "spin"};
	caller *c = data;
	unsigned seed = c->seed;
	while (!atomic_load(c->stop)) {
		bh_call *call = NULL;
		bh_call_options with = BH_CALL_OPTIONS_INIT;
		with.done = tally_done;
		with.done_data = c->t;
		with.deadline_ms = rand_r(&seed) % 3 ? 0 : 5;
		if (bh_child_call_start(&call, c->child, what[rand_r(&seed) % 4], NULL, 0, &with, NULL) == BH_OK)
			c->started++;
		if (rand_r(&seed) % 3 == 0)
			bh_call_cancel(call, rand_r(&seed) % 2 ? BH_CANCEL_KILL : BH_CANCEL_ABANDON);
		bh_call_free(call);
		if (rand_r(&seed) % 8 == 0)
			t_sleep_ms(1);
	}
	return NULL;
}

static void each_is_told_once(void **state)
{
	(void)state;
	enum { THREADS = 3 };
	for (int round = 0; round < 4; round++) {
		tally t = {0};
		_Atomic bool stop = false;
		unsigned started = 0;
		bh_limits limits = t_limits();
		limits.execution_ms = 2;
		limits.queue_ms = 50;
		bh_component *component = t_load(host, "counter.wasm", &limits);
		bh_child_options options = service(component);
		options.replicas = (uint32_t)round % 3 + 1;
		options.shutdown_ms = 5;
		options.mailbox = 20;
		options.on_restart = round % 2 ? BH_FAIL : BH_REQUEUE;
		scene s = scene_begin(&options);
		caller callers[THREADS];
		pthread_t threads[THREADS];
		for (int i = 0; i < THREADS; i++) {
			callers[i] = (caller){s.child, &t, (unsigned)(round * 16 + i), 0, &stop};
			EXPECT(!pthread_create(&threads[i], NULL, call_at_random, &callers[i]));
		}
		for (int i = 0; i < 20; i++) {
			t_sleep_ms(10);
			(i % 3 == 0 ? bh_child_stop : i % 3 == 1 ? bh_child_start : bh_child_restart)(s.child);
		}
		bh_child *child = bh_child_ref(s.child);
		scene_end(&s); /* with calls under way, and more to come */
		t_sleep_ms(10);
		atomic_store(&stop, true);
		for (int i = 0; i < THREADS; i++) {
			pthread_join(threads[i], NULL);
			started += callers[i].started;
		}
		bh_child_unref(child);
		tally_wait(&t, started);
		t_sleep_ms(20);
		assert_int_equal(atomic_load(&t.told), started);
		assert_true(atomic_load(&t.good) && atomic_load(&t.cancelled) && atomic_load(&t.trapped));
		bh_component_unref(component);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(in_order),
		cmocka_unit_test(wait_for_an_instance),
		cmocka_unit_test(bounds_of_waiting),
		cmocka_unit_test(behind_a_crash),
		cmocka_unit_test(in_order_over_a_crash),
		cmocka_unit_test(bounds_while_it_is_up),
		cmocka_unit_test(as_many_as_asked_for),
		cmocka_unit_test(asked_though_full),
		cmocka_unit_test(asked_as_it_crashes),
		cmocka_unit_test(arguments),
		cmocka_unit_test(each_is_told_once),
	};
	return cmocka_run_group_tests(tests, host_begin, host_end);
}
