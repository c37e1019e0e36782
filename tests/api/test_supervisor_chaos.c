// test: timeout=120
/*
 * Fifty children that crash, hang, leak, and start slowly or not at all, under load, beside some that are well. What is
 * well stays so; afterwards the tree is as it was meant to be, or has failed for a reason that was told.
 * BULKHEAD_CHAOS_SEED=N plays a run again.
 */
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "api.h"

#ifndef SECONDS
#define SECONDS 4
#endif

enum { GROUPS = 5, EACH = 10, TROUBLE = 3, VISITORS = 2 };

/* Its start function asks its host what to do: 0 nothing, 1 take a while, 2 crash. */
static const char guest[] =
	"(component (import \"chance\" (func $chance (result u32))) (core func $chance (canon lower (func $chance)))"
	" (core module $m (import \"\" \"chance\" (func $chance (result i32)))"
	"  (memory 1) (global $n (mut i32) (i32.const 0))"
	"  (func $start (local i32 i32) (local.set 1 (call $chance))"
	"   (if (i32.eq (local.get 1) (i32.const 2)) (then unreachable))"
	"   (if (i32.eq (local.get 1) (i32.const 1)) (then"
	"    (loop (br_if 0 (i32.lt_u (local.tee 0 (i32.add (local.get 0) (i32.const 1))) (i32.const 3000000)))))))"
	"  (start $start)"
	"  (func (export \"next\") (result i32) (global.set $n (i32.add (global.get $n) (i32.const 1))) (global.get $n))"
	"  (func (export \"crash\") unreachable)"
	"  (func (export \"hang\") (loop (br 0)))"
	"  (func (export \"leak\") (loop (br_if 0 (i32.ne (memory.grow (i32.const 1)) (i32.const -1)))) unreachable))"
	" (core instance $i (instantiate $m (with \"\" (instance (export \"chance\" (func $chance))))))"
	" (func (export \"next\") (result u32) (canon lift (core func $i \"next\")))"
	" (func (export \"crash\") (canon lift (core func $i \"crash\")))"
	" (func (export \"hang\") (canon lift (core func $i \"hang\")))"
	" (func (export \"leak\") (canon lift (core func $i \"leak\"))))";

typedef struct {
	bh_child *children[GROUPS][EACH]; /* those of the first group are left in peace */
	_Atomic bool stop, calm;
	_Atomic unsigned troubles, visits, wrong;
	_Atomic unsigned random;
} scene;

static unsigned next_random(scene *s)
{
	/* Threads share it: what is played again is the mix, not the order. */
	unsigned x = atomic_fetch_add(&s->random, 0x9e3779b9U);
	x ^= x >> 16;
	x *= 0x7feb352dU;
	x ^= x >> 15;
	x *= 0x846ca68bU;
	return x ^ (x >> 16);
}

static bh_status chance(void *data, const bh_value *args, size_t count, bh_value *result, bh_error **err)
{
	(void)args, (void)count, (void)err;
	scene *s = data;
	unsigned roll = next_random(s) % 20;
	*result = bh_of_u32(atomic_load(&s->calm) || roll > 3 ? 0 : roll ? 1 : 2);
	return BH_OK;
}

static void *make_trouble(void *data)
{
	static const char *const what[] = {"next", "next", "next", "crash", "hang", "leak"};
	scene *s = data;
	while (!atomic_load(&s->stop)) {
		unsigned roll = next_random(s);
		bh_child *child = s->children[1 + roll % (GROUPS - 1)][roll / 16 % EACH];
		bh_call_options options = BH_CALL_OPTIONS_INIT;
		options.deadline_ms = roll / 1024 % 4 ? 0 : 3;
		(void)!bh_child_call(child, what[roll / 4096 % 6], NULL, 0, NULL, &options, NULL, NULL);
		if (roll / 65536 % 64 == 0)
			bh_child_restart(child);
		atomic_fetch_add(&s->troubles, 1);
	}
	return NULL;
}

/* No call of a healthy child fails, and none of them forgets anything. */
static void *visit(void *data)
{
	scene *s = data;
	uint32_t last[EACH] = {0};
	for (unsigned i = 0; !atomic_load(&s->stop); i++) {
		bh_value result = BH_VALUE_INIT;
		bh_status status = bh_child_call(s->children[0][i % EACH], "next", NULL, 0, &result, NULL, NULL, NULL);
		if (status || result.as.u32 <= last[i % EACH])
			atomic_fetch_add(&s->wrong, 1);
		last[i % EACH] = result.as.u32;
		atomic_fetch_add(&s->visits, 1);
		if (i % 64 == 0)
			t_sleep_ms(1);
	}
	return NULL;
}

static bh_component *load(bh_host *host, bool peaceful, scene *s)
{
	static scene calm = {.calm = true};
	bh_error *err = NULL;
	bh_component *component = NULL;
	bh_component_options options = BH_COMPONENT_OPTIONS_INIT;
	bh_host_function function = BH_HOST_FUNCTION_INIT;
	options.limits = t_limits();
	options.limits.memory = BH_MIB(1);
	options.limits.execution_ms = peaceful ? 10000 : 20;
	options.limits.queue_ms = peaceful ? 60000 : 50;
	options.limits.fuel = BH_UNLIMITED;
	function.name = "chance";
	function.call = chance;
	function.data = peaceful ? &calm : s;
	function.leaf = true;
	OK(bh_imports_new(&options.imports, &err));
	OK(bh_imports_define_function(options.imports, &function, &err));
	OK(bh_component_load_bytes(&component, host, guest, sizeof guest - 1, &options, &err));
	bh_imports_free(options.imports);
	return component;
}

static void plant(scene *s, bh_supervisor *tree, bh_component *peaceful, bh_component *troubled)
{
	for (int g = 0; g < GROUPS; g++) {
		char name[20];
		bh_child *group = NULL;
		bh_child_options sup = BH_CHILD_OPTIONS_INIT;
		snprintf(name, sizeof name, "group-%d", g);
		sup.name = name;
		sup.kind = BH_CHILD_SUPERVISOR;
		sup.strategy = (bh_strategy)(g % 3);
		sup.on_intensity = g == 4 ? BH_INTENSITY_FAIL_CHILD : BH_INTENSITY_ESCALATE;
		sup.most_restarts = g == 4 ? 50 : 20;
		sup.window_ms = 500;
		OK(bh_child_add(&group, bh_supervisor_root(tree), &sup, &t_err));
		for (int i = 0; i < EACH; i++) {
			bh_child_options child = BH_CHILD_OPTIONS_INIT;
			snprintf(name, sizeof name, "child-%d", i);
			child.name = name;
			child.component = g ? troubled : peaceful;
			child.shutdown_ms = 30;
			child.start_ms = (uint64_t)(100 * t_slack());
			child.backoff.kind = (bh_backoff_kind)(i % 3);
			child.backoff.first_ms = 1;
			child.backoff.cap_ms = 20;
			child.replicas = (uint32_t)(g && i % 4 == 3 ? 2 : 1); /* each replica counts for itself */
			OK(bh_child_add(&s->children[g][i], group, &child, &t_err));
		}
		bh_child_unref(group);
	}
}

/* What is down for good was said to be; everything else comes up. */
static void assert_settles(scene *s, bh_supervisor *tree)
{
	double until = t_now_ms() + 20000 * t_slack();
	for (int g = 0; g < GROUPS; g++)
		for (int i = 0; i < EACH; i++) {
			bh_child_state state = bh_child_state_of(s->children[g][i]);
			while (state != BH_CHILD_RUNNING && state != BH_CHILD_FAILED && t_now_ms() < until) {
				t_sleep_ms(2);
				state = bh_child_state_of(s->children[g][i]);
			}
			assert_true(state == BH_CHILD_RUNNING || (g == 4 && state == BH_CHILD_FAILED));
			if (state == BH_CHILD_FAILED)
				bh_child_start(s->children[g][i]);
			OK(bh_child_call(s->children[g][i], "next", NULL, 0, NULL, NULL, NULL, &t_err));
		}
	assert_int_equal(bh_child_state_of(bh_supervisor_root(tree)), BH_CHILD_RUNNING);
}

/* Every exit is followed by what was decided. */
static void assert_told(bh_subscription *events)
{
	bh_supervisor_event event;
	unsigned exits = 0, lost = 0;
	while (bh_subscription_next(events, &event, 0, NULL) == BH_OK) {
		lost += event.lost > 0;
		if (!event.lost && event.kind == BH_EVENT_EXITED && event.exit == BH_EXIT_CRASHED) {
			exits++;
			assert_non_null(event.cause);
			assert_true(event.decision != BH_DECISION_LEAVE);
		}
		bh_supervisor_event_deinit(&event);
	}
	assert_true(exits > 0 || lost > 0);
}

static void chaos(void **state)
{
	(void)state;
	static scene s;
	const char *seed = getenv("BULKHEAD_CHAOS_SEED");
	s.random = seed ? (unsigned)strtoul(seed, NULL, 10) : (unsigned)(uint64_t)(t_now_ms() * 1000);
	print_message("BULKHEAD_CHAOS_SEED=%u\n", s.random);
	bh_host *host = t_host_pooled(200);
	bh_component *peaceful = load(host, true, &s), *troubled = load(host, false, &s);
	bh_supervisor *tree = NULL;
	bh_subscription *events = NULL;
	bh_child_options root = BH_CHILD_OPTIONS_INIT;
	root.most_restarts = 10000;
	OK(bh_supervisor_new(&tree, &root, &t_err));
	OK(bh_subscription_new(&events, tree, true, &t_err));
	plant(&s, tree, peaceful, troubled);
	bh_child_start(bh_supervisor_root(tree));
	for (int i = 0; i < EACH; i++)
		OK(bh_child_call(s.children[0][i], "next", NULL, 0, NULL, NULL, NULL, &t_err));
	pthread_t threads[TROUBLE + VISITORS];
	for (int i = 0; i < TROUBLE + VISITORS; i++)
		EXPECT(!pthread_create(&threads[i], NULL, i < TROUBLE ? make_trouble : visit, &s));
	t_sleep_ms(SECONDS * 250);
	size_t rss = t_rss(), descriptors = t_descriptors();
	t_sleep_ms(SECONDS * 750);
	size_t rss_after = t_rss(), descriptors_after = t_descriptors();
	atomic_store(&s.stop, true);
	for (int i = 0; i < TROUBLE + VISITORS; i++)
		pthread_join(threads[i], NULL);
	atomic_store(&s.calm, true);
	print_message("%u troubles, %u visits, %u wrong; %zu KiB, then %zu; %zu descriptors, then %zu\n", s.troubles,
	              s.visits, s.wrong, rss / 1024, rss_after / 1024, descriptors, descriptors_after);
	assert_int_equal(s.wrong, 0);
	assert_true(s.troubles > 50 && s.visits > 100);
	if (t_slack() <= 5)
		assert_in_range(rss_after, 0, rss + (SECONDS > 60 ? rss / 50 : rss / 10 + BH_MIB(4)));
	assert_in_range(descriptors_after, 0, descriptors);
	assert_settles(&s, tree);
	assert_told(events);
	for (int g = 0; g < GROUPS; g++)
		for (int i = 0; i < EACH; i++)
			bh_child_unref(s.children[g][i]);
	bh_subscription_free(events);
	bh_supervisor_free(tree);
	bh_component_unref(peaceful);
	bh_component_unref(troubled);
	t_begin();
	bh_host_free(host);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(chaos)};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
