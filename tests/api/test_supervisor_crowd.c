// test: timeout=120
/* Supervisors among many: callers beside crashes, replicas, actors by the thousand, everybody asking at once. */
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "trees.h"

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

static bool count_one_call(void *data, const bh_child_info *info)
{
	*(unsigned *)data += info->in_flight == 1;
	return true;
}

enum { REPLICAS = 4 };

/* False too where a replica did not take calls yet: it is said to run a moment before it does. */
static bool one_each_of(bh_component *counter)
{
	bh_supervisor *tree = tree_of(NULL);
	bh_child_options options = service("a", counter);
	options.replicas = REPLICAS;
	bh_child *a = add(bh_supervisor_root(tree), options);
	bh_child_start(bh_supervisor_root(tree));
	assert_is(bh_supervisor_root(tree), BH_CHILD_RUNNING);
	usleep(100000);
	for (int i = 0; i < REPLICAS; i++)
		number(a, "increment"); /* all are idle: the first one has them all */
	bool first = number(a, "get") == REPLICAS;
	bh_call *calls[REPLICAS] = {0};
	for (int i = 0; i < REPLICAS; i++)
		OK(bh_child_call_start(&calls[i], a, "spin", NULL, 0, NULL, &t_err));
	unsigned shared = 0;
	for (int i = 0; i < 200 && shared != REPLICAS; i++) { /* workers hand them out */
		usleep(10000);
		shared = 0;
		bh_child_list(a, count_one_call, &shared);
	}
	for (int i = 0; i < REPLICAS; i++) {
		bh_call_cancel(calls[i], BH_CANCEL_KILL);
		bh_call_free(calls[i]);
	}
	bh_child_unref(a);
	bh_supervisor_free(tree);
	return first && shared == REPLICAS;
}

/* Calls that last are shared out: each goes to the one with the fewest. */
static void replicas_share(void **state)
{
	(void)state;
	bh_limits limits = quick();
	limits.execution_ms = 10000;
	bh_component *counter = t_load(host, "counter.wasm", &limits);
	bool shared = false;
	for (int i = 0; i < 5 && !shared; i++)
		shared = one_each_of(counter);
	assert_true(shared);
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

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(others_are_requeued), cmocka_unit_test(others_may_fail),
		cmocka_unit_test(replicas_share),      cmocka_unit_test(actors),
		cmocka_unit_test(all_at_once),
	};
	return cmocka_run_group_tests(tests, host_begin, host_end);
}
