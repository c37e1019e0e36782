// test: timeout=120
/* Supervisors with real components: what crashes comes up again, and nobody else notices. */
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "one_host.h"

static bh_child_options service(const char *name, bh_component *component)
{
	bh_child_options options = BH_CHILD_OPTIONS_INIT;
	options.name = name;
	options.kind = BH_CHILD_SERVICE;
	options.component = component;
	options.shutdown_ms = 500;
	return options;
}

static bh_child_options supervisor(const char *name, bh_strategy strategy)
{
	bh_child_options options = BH_CHILD_OPTIONS_INIT;
	options.name = name;
	options.kind = BH_CHILD_SUPERVISOR;
	options.strategy = strategy;
	options.most_restarts = 10000;
	return options;
}

static bh_supervisor *tree_of(const bh_child_options *options)
{
	bh_supervisor *tree = NULL;
	OK(bh_supervisor_new(&tree, options, &t_err));
	return tree;
}

static bh_child *add(bh_child *parent, bh_child_options options)
{
	bh_child *child = NULL;
	OK(bh_child_add(&child, parent, &options, &t_err));
	return child;
}

static void assert_is(bh_child *child, bh_child_state state)
{
	if (!bh_child_wait(child, state, (uint64_t)(10000 * t_slack())))
		fprintf(stderr, "is %s\n", bh_child_state_name(bh_child_state_of(child)));
	assert_int_equal(bh_child_state_of(child), state);
}

static uint32_t number(bh_child *child, const char *name)
{
	bh_value result = BH_VALUE_INIT;
	OK(bh_child_call(child, name, NULL, 0, &result, NULL, NULL, &t_err));
	return result.as.u32;
}

static bh_limits quick(void)
{
	bh_limits limits = t_limits();
	limits.execution_ms = (uint64_t)(50 * t_slack());
	limits.queue_ms = (uint64_t)(10000 * t_slack());
	return limits;
}

static void crash(bh_child *child)
{
	bh_value at = bh_of_u32(number(child, "get") + 1);
	OK(bh_child_call(child, "crash-at", &at, 1, NULL, NULL, NULL, &t_err));
	FAILS(BH_E_TRAP, bh_child_call(child, "increment", NULL, 0, NULL, NULL, NULL, &t_err));
	t_begin();
}

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

/* Threads that call while others' calls crash the service. */
typedef struct {
	bh_child *child;
	const char *name;
	_Atomic unsigned *good, *lost, *poisoned, *other;
	int rounds;
} client;

static void *keep_calling(void *data)
{
	const client *c = data;
	for (int i = 0; i < c->rounds; i++) {
		bh_status status = bh_child_call(c->child, c->name, NULL, 0, NULL, NULL, NULL, NULL);
		atomic_fetch_add(!status                                         ? c->good
		                 : status == BH_E_TIMEOUT || status == BH_E_TRAP ? c->lost
		                 : status == BH_E_POISONED                       ? c->poisoned
		                                                                 : c->other,
		                 1);
	}
	return NULL;
}

static void beside_crashes(bh_on_restart on_restart, uint32_t replicas)
{
	enum { CLIENTS = 8, ROUNDS = 50, CRASHES = 6 };
	_Atomic unsigned good = 0, lost = 0, poisoned = 0, other = 0;
	bh_limits limits = quick();
	limits.execution_ms = 20;
	bh_child_options root = supervisor("x", BH_ONE_FOR_ONE);
	bh_component *counter = t_load(host, "counter.wasm", &limits);
	bh_supervisor *tree = tree_of(&root);
	bh_child_options options = service("a", counter);
	options.on_restart = on_restart;
	options.replicas = replicas;
	bh_child *a = add(bh_supervisor_root(tree), options);
	bh_child_start(bh_supervisor_root(tree));
	client clients[CLIENTS + 1];
	pthread_t threads[CLIENTS + 1];
	for (int i = 0; i <= CLIENTS; i++) {
		clients[i] = (client){a, i ? "get" : "spin", &good, &lost, &poisoned, &other, i ? ROUNDS : CRASHES};
		EXPECT(!pthread_create(&threads[i], NULL, keep_calling, &clients[i]));
	}
	for (int i = 0; i <= CLIENTS; i++)
		pthread_join(threads[i], NULL);
	assert_int_equal(other, 0);
	if (on_restart == BH_REQUEUE) {
		assert_int_equal(lost, CRASHES);
		assert_int_equal(good, CLIENTS * ROUNDS);
	}
	assert_int_equal(good + lost + poisoned, CLIENTS * ROUNDS + CRASHES);
	bh_child_unref(a);
	bh_supervisor_free(tree);
	bh_component_unref(counter);
}

static void others_are_requeued(void **state)
{
	(void)state;
	beside_crashes(BH_REQUEUE, 1);
	beside_crashes(BH_REQUEUE, 3);
}

static void others_may_fail(void **state)
{
	(void)state;
	beside_crashes(BH_FAIL, 1);
}

/* Calls that last are shared out. */
static void replicas_share(void **state)
{
	(void)state;
	enum { REPLICAS = 4 };
	bh_limits limits = quick();
	limits.execution_ms = 10000;
	bh_component *counter = t_load(host, "counter.wasm", &limits);
	bh_supervisor *tree = tree_of(NULL);
	bh_child_options options = service("a", counter);
	options.replicas = REPLICAS;
	bh_child *a = add(bh_supervisor_root(tree), options);
	bh_child_start(bh_supervisor_root(tree));
	assert_is(bh_supervisor_root(tree), BH_CHILD_RUNNING);
	for (int i = 0; i < REPLICAS; i++)
		number(a, "increment"); /* all are idle: the first one has them all */
	assert_int_equal(number(a, "get"), REPLICAS);
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

/* Actors come and go by the thousand, and leave nothing behind. */
static bool count_one(void *data, const bh_child_info *info)
{
	*(unsigned *)data += info->kind == BH_CHILD_SERVICE;
	return true;
}

static void actors(void **state)
{
	(void)state;
	enum { ACTORS = 500 };
	static bh_child *all[ACTORS];
	unsigned there = 0;
	bh_limits limits = quick();
	bh_component *counter = t_load(host, "counter.wasm", &limits);
	bh_supervisor *tree = tree_of(NULL);
	bh_child *root = bh_supervisor_root(tree);
	bh_child_start(root);
	for (int i = 0; i < ACTORS; i++) {
		char name[20];
		snprintf(name, sizeof name, "actor-%d", i);
		bh_child_options options = service(name, counter);
		options.dynamic = true;
		options.restart = BH_RESTART_TEMPORARY;
		all[i] = add(root, options);
	}
	for (int i = 0; i < ACTORS; i++)
		assert_int_equal(number(all[i], "increment"), 1);
	bh_child_list(root, count_one, &there);
	assert_int_equal(there, ACTORS);
	bh_child *found = bh_supervisor_find(tree, "actor-77");
	assert_ptr_equal(found, all[77]);
	bh_child_unref(found);
	for (int i = 0; i < ACTORS; i++) {
		if (i % 2)
			crash(all[i]);
		else
			bh_child_remove(all[i]);
		bh_child_wait(all[i], BH_CHILD_STOPPED, 10000);
		FAILS(BH_E_DOWN, bh_child_call(all[i], "get", NULL, 0, NULL, NULL, NULL, &t_err));
		bh_child_unref(all[i]);
	}
	there = 0;
	bh_child_list(root, count_one, &there);
	assert_int_equal(there, 0);
	assert_null(bh_supervisor_find(tree, "actor-77"));
	bh_supervisor_free(tree);
	bh_component_unref(counter);
}

/* Everybody asks for everything at once, and then the tree goes. */
typedef struct {
	bh_child *children[4];
	_Atomic bool stop;
	unsigned seed;
} crowd;

static void *ask_at_random(void *data)
{
	crowd *c = data;
	unsigned seed = c->seed + (unsigned)(uintptr_t)pthread_self();
	while (!atomic_load(&c->stop)) {
		bh_child *child = c->children[rand_r(&seed) % 4];
		switch (rand_r(&seed) % 8) {
		case 0:
			bh_child_stop(child);
			break;
		case 1:
		case 2:
			bh_child_start(child);
			break;
		case 3:
			bh_child_restart(child);
			break;
		case 4:
			(void)!bh_child_call(child, "spin", NULL, 0, NULL, NULL, NULL, NULL);
			break;
		default:
			(void)!bh_child_call(child, "increment", NULL, 0, NULL, NULL, NULL, NULL);
		}
	}
	return NULL;
}

static void all_at_once(void **state)
{
	(void)state;
	enum { THREADS = 6 };
	static const char *const names[] = {"a", "b", "c", "d"};
	for (int round = 0; round < 4; round++) {
		bh_limits limits = t_limits();
		limits.execution_ms = 3;
		limits.queue_ms = 20;
		bh_child_options root = supervisor("x", (bh_strategy)(round % 3));
		bh_component *counter = t_load(host, "counter.wasm", &limits);
		bh_supervisor *tree = tree_of(&root);
		crowd c = {.seed = (unsigned)round};
		for (int i = 0; i < 4; i++) {
			bh_child_options options = service(names[i], counter);
			options.replicas = (uint32_t)i;
			options.shutdown_ms = 5;
			c.children[i] = add(bh_supervisor_root(tree), options);
		}
		bh_child_start(bh_supervisor_root(tree));
		pthread_t threads[THREADS];
		for (int i = 0; i < THREADS; i++)
			EXPECT(!pthread_create(&threads[i], NULL, ask_at_random, &c));
		t_sleep_ms(300);
		if (round == 3)
			bh_supervisor_free(tree); /* below their feet: their handles are good all the same */
		atomic_store(&c.stop, true);
		for (int i = 0; i < THREADS; i++)
			pthread_join(threads[i], NULL);
		for (int i = 0; i < 4; i++) {
			if (round != 3) {
				bh_child_start(c.children[i]);
				assert_is(c.children[i], BH_CHILD_RUNNING);
			}
			bh_child_unref(c.children[i]);
		}
		if (round != 3)
			bh_supervisor_free(tree);
		bh_component_unref(counter);
	}
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
		cmocka_unit_test(others_are_requeued),
		cmocka_unit_test(others_may_fail),
		cmocka_unit_test(replicas_share),
		cmocka_unit_test(never_up),
		cmocka_unit_test(slow_readers),
		cmocka_unit_test(stopped_in_backoff),
		cmocka_unit_test(tasks),
		cmocka_unit_test(actors),
		cmocka_unit_test(all_at_once),
		cmocka_unit_test(refused),
	};
	return cmocka_run_group_tests(tests, host_begin, host_end);
}
