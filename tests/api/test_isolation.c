// test: timeout=60 cost=8
/*
 * One guest fills its memory and tables with a pattern, the next searches its own for it: never found, whether the
 * slot was left by a return, a trap, a kill or a live neighbour that is still there.
 */
#include <pthread.h>

#include "api.h"

/* Fills 2 MiB of memory, a table and its stack as pattern-write.wat does, and then ends in the way that it is told. */
static const char leaver[] =
	"(component (core module $m (memory 64) (table $t 1000 funcref) (elem declare func $mark) (func $mark)\n"
	"  (func $deep (param i32 i64 i64 i64) (if (local.get 0) (then\n"
	"    (call $deep (i32.sub (local.get 0) (i32.const 1)) (local.get 1) (local.get 2) (local.get 3)))))\n"
	"  (func (export \"run\") (param i32 i32) (local i32 i32)\n"
	"    (local.set 3 (i32.or (i32.mul (local.get 0) (i32.const 0x9e3779b1)) (i32.const 1)))\n"
	"    (loop $l (i32.store (local.get 2) (local.get 3))\n"
	"      (local.set 2 (i32.add (local.get 2) (i32.const 4)))\n"
	"      (br_if $l (i32.lt_u (local.get 2) (i32.const 0x400000))))\n"
	"    (table.fill $t (i32.const 0) (ref.func $mark) (i32.const 1000))\n"
	"    (call $deep (i32.const 1000) (i64.const -1) (i64.const -1) (i64.const -1))\n"
	"    (if (i32.eq (local.get 1) (i32.const 1)) (then unreachable))\n"
	"    (if (i32.eq (local.get 1) (i32.const 2)) (then (loop $e (br $e))))))\n"
	"(core instance $i (instantiate $m))\n"
	"(func (export \"run\") (param \"seed\" u32) (param \"how\" u32) (canon lift (core func $i \"run\"))))";

static void leave(bh_component *component, uint32_t seed, uint32_t how)
{
	static const bh_status ends[] = {BH_OK, BH_E_TRAP, BH_E_TIMEOUT};
	bh_value args[] = {bh_of_u32(seed), bh_of_u32(how)};
	assert_int_equal(bh_component_call(component, "run", args, 2, NULL, NULL, NULL, NULL), ends[how]);
}

static void expect_clean(bh_component *searcher, uint32_t seed)
{
	char text[16];
	snprintf(text, sizeof text, "%u", seed);
	assert_int_equal(t_number(searcher, "search", text), 0);
	assert_int_equal(t_number(searcher, "nonzero", ""), 0);
}

static void through_the_same_slots(bh_host *host, uint32_t rounds)
{
	bh_limits limits = t_limits(), strict = t_limits();
	strict.execution_ms = 30;
	bh_component *writer = t_load(host, "wat/pattern-write.wat", &limits);
	bh_component *searcher = t_load(host, "wat/pattern-search.wat", &limits);
	bh_component *crasher = t_load_text(host, leaver, &limits), *spinner = t_load_text(host, leaver, &strict);
	for (uint32_t seed = 1; seed <= rounds; seed++) {
		char text[16];
		snprintf(text, sizeof text, "%u", seed);
		OK(t_call(NULL, writer, "write", text, NULL, NULL, &t_err));
		expect_clean(searcher, seed);
		if (seed % 8 == 7)
			leave(spinner, seed, 2);
		else
			leave(crasher, seed, 1);
		expect_clean(searcher, seed);
	}
	bh_component_unref(crasher);
	bh_component_unref(spinner);
	bh_component_unref(searcher);
	bh_component_unref(writer);
	bh_host_free(host);
}

static void pooled(void **state)
{
	(void)state;
	through_the_same_slots(t_host_pooled(1), 100);
	through_the_same_slots(t_host_pooled(3), 60);
}

static void on_demand(void **state)
{
	(void)state;
	through_the_same_slots(t_host(), 20);
}

/* Writers that stay alive on both sides of the searcher. */
static void live_neighbours(void **state)
{
	(void)state;
	enum { NEIGHBOURS = 6 };
	bh_host *host = t_host_pooled(NEIGHBOURS + 2);
	bh_component *writer = t_load(host, "wat/pattern-write.wat", NULL);
	bh_component *searcher = t_load(host, "wat/pattern-search.wat", NULL);
	bh_export *write = t_find(writer, "write"), *search = t_find(searcher, "search"),
			  *nonzero = t_find(searcher, "nonzero");
	bh_instance *writers[NEIGHBOURS];
	for (uint32_t round = 0; round < 30; round++) {
		bh_instance *between = NULL;
		for (uint32_t i = 0; i < NEIGHBOURS; i++) {
			if (i == NEIGHBOURS / 2)
				between = t_instance(searcher);
			bh_value seed = bh_of_u32(round);
			writers[i] = t_instance(writer);
			OK(bh_instance_call(writers[i], write, &seed, 1, NULL, NULL, NULL, &t_err));
		}
		bh_value seed = bh_of_u32(round), found = BH_VALUE_INIT;
		OK(bh_instance_call(between, search, &seed, 1, &found, NULL, NULL, &t_err));
		assert_int_equal(found.as.u32, 0);
		OK(bh_instance_call(between, nonzero, NULL, 0, &found, NULL, NULL, &t_err));
		assert_int_equal(found.as.u32, 0);
		expect_clean(searcher, round);
		for (int i = 0; i < NEIGHBOURS; i++)
			bh_instance_free(writers[i]);
		bh_instance_free(between);
	}
	bh_export_free(write);
	bh_export_free(search);
	bh_export_free(nonzero);
	bh_component_unref(writer);
	bh_component_unref(searcher);
	bh_host_free(host);
}

/* Writers and searchers on threads of their own, slots changing hands all the time. */
typedef struct {
	bh_component *component;
	bool writes;
} worker;

static void *work(void *data)
{
	const worker *w = data;
	for (uint32_t i = 1; i <= 40; i++) {
		bh_value seed = bh_of_u32(i), found = BH_VALUE_INIT;
		EXPECT(bh_component_call(w->component, w->writes ? "write" : "search", &seed, 1, w->writes ? NULL : &found,
		                         NULL, NULL, NULL) == BH_OK);
		EXPECT(w->writes || found.as.u32 == 0);
		EXPECT(w->writes || bh_component_call(w->component, "nonzero", NULL, 0, &found, NULL, NULL, NULL) == BH_OK);
		EXPECT(w->writes || found.as.u32 == 0);
	}
	return NULL;
}

static void on_many_threads(void **state)
{
	(void)state;
	bh_host *host = t_host_pooled(3);
	worker workers[2] = {{t_load(host, "wat/pattern-write.wat", NULL), true},
	                     {t_load(host, "wat/pattern-search.wat", NULL), false}};
	pthread_t threads[6];
	for (int i = 0; i < 6; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, work, &workers[i % 2]), 0);
	for (int i = 0; i < 6; i++)
		pthread_join(threads[i], NULL);
	bh_component_unref(workers[0].component);
	bh_component_unref(workers[1].component);
	bh_host_free(host);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(pooled),
		cmocka_unit_test(on_demand),
		cmocka_unit_test(live_neighbours),
		cmocka_unit_test(on_many_threads),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
