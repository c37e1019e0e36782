// test: timeout=60
/* The caller's deadline and the component's execution limit: two clocks, kept apart. */
#include <unistd.h>

#include "api.h"

static bh_host *host;
static bh_component *counter; /* roomy: 30 s */
static bh_component *strict;  /* 100 ms */

/* Calls, and says how long it took. */
static bh_status timed(double *took, bh_instance *instance, bh_component *component, const char *name, const char *args,
                       const bh_call_options *options, bh_usage *usage)
{
	bh_export *export_ = t_find(component, name);
	t_begin();
	double start = t_now_ms();
	bh_status status = instance ? t_call_live(NULL, instance, export_, args, options, usage, &t_err)
	                            : t_call(NULL, component, name, args, options, usage, &t_err);
	*took = t_now_ms() - start;
	bh_export_free(export_);
	return status;
}

/* The machine may be busy: the best of three is what is meant, none may be early, and none takes for ever. */
static void ends_after(double ms, double within, bh_status wanted, bh_component *component, const char *name,
                       const char *args, const bh_call_options *options)
{
	double best = 1e9, took;
	for (int i = 0; i < 3 && best > ms + within; i++) {
		bh_usage usage = BH_USAGE_INIT;
		bh_status status = timed(&took, NULL, component, name, args, options, &usage);
		assert_int_equal(status, wanted);
		assert_true(took >= ms - 1);
		assert_true(took < ms + 1000 * t_slack());
		assert_true(usage.wall_ns / 1e6 >= ms - 1 && usage.wall_ns / 1e6 <= took);
		best = took < best ? took : best;
	}
	print_message("%s: %.0f ms after at most %.1f ms\n", name, ms, best);
	assert_true(best <= ms + within * (t_slack() > 5 ? 4 : 1));
}

static void the_execution_limit_always_kills(void **state)
{
	(void)state;
	ends_after(100, 50, BH_E_TIMEOUT, strict, "spin", "", NULL);
	t_names_limit(BH_LIMIT_EXECUTION_TIME, 100);
	assert_int_equal(bh_error_trap(t_err), BH_TRAP_INTERRUPTED);
	ends_after(100, 50, BH_E_TIMEOUT, strict, "sleep-ms", "60000", NULL);
	/* A longer deadline, and one that is there to be missed at the same time, change nothing. */
	bh_call_options options = BH_CALL_OPTIONS_INIT;
	options.deadline_ms = 10000;
	ends_after(100, 50, BH_E_TIMEOUT, strict, "spin", "", &options);
	ends_after(100, 50, BH_E_TIMEOUT, strict, "sleep-ms", "60000", &options);
	options.kill = true;
	ends_after(100, 50, BH_E_TIMEOUT, strict, "spin", "", &options);
}

/* What runs before and after the call counts. Each of these spins there. */
static void all_of_a_call_counts(void **state)
{
	(void)state;
	static const char *const guests[] = {"wat/start-spin.wat", "wat/post-return-spin.wat", "wat/destructor-spin.wat"};
	bh_limits limits = t_limits();
	limits.execution_ms = 100;
	for (size_t i = 0; i < 3; i++) {
		bh_component *component = t_load(host, guests[i], &limits);
		ends_after(100, 50, BH_E_TIMEOUT, component, "run", "", NULL);
		t_names_limit(BH_LIMIT_EXECUTION_TIME, 100);
		bh_component_unref(component);
	}
	bh_component *component = t_load(host, "wat/realloc-spin.wat", &limits);
	ends_after(100, 50, BH_E_TIMEOUT, component, "run", "\"x\"", NULL);
	bh_component_unref(component);
	/* The start function of a live instance. */
	component = t_load(host, "wat/start-spin.wat", &limits);
	bh_instance *instance = NULL;
	double start = t_now_ms();
	FAILS(BH_E_TIMEOUT, bh_instance_new(&instance, component, NULL, &t_err));
	assert_true(t_now_ms() - start < 100 + 1000 * t_slack());
	assert_null(instance);
	bh_component_unref(component);
}

static void a_deadline_drops_a_fresh_instance(void **state)
{
	(void)state;
	bh_call_options options = BH_CALL_OPTIONS_INIT;
	options.deadline_ms = 100;
	ends_after(100, 50, BH_E_DEADLINE, counter, "spin", "", &options);
	assert_true(t_says("100 ms"));
	assert_int_equal(bh_error_limit(t_err, NULL, NULL), BH_LIMIT_NONE);
	ends_after(100, 50, BH_E_DEADLINE, counter, "sleep-ms", "60000", &options);
	bh_component *component = t_load(host, "wat/start-spin.wat", NULL);
	ends_after(100, 50, BH_E_DEADLINE, component, "run", "", &options);
	bh_component_unref(component);
}

/* The call goes on when its caller has left, and what it did is seen by the next. */
static void a_deadline_leaves_a_live_instance_to_finish(void **state)
{
	(void)state;
	bh_component *late =
		t_load_text(host,
	                "(component (core module $m (global $n (mut i32) (i32.const 0))\n"
	                /* counts, computes for long, counts again */
	                "  (func (export \"work\") (param i64)\n"
	                "    (global.set $n (i32.add (global.get $n) (i32.const 1)))\n"
	                "    (loop $l (local.set 0 (i64.sub (local.get 0) (i64.const 1)))\n"
	                "      (br_if $l (i64.ne (local.get 0) (i64.const 0))))\n"
	                "    (global.set $n (i32.add (global.get $n) (i32.const 1))))\n"
	                "  (func (export \"get\") (result i32) (global.get $n)))\n"
	                "(core instance $i (instantiate $m))\n"
	                "(func (export \"work\") (param \"turns\" u64) (canon lift (core func $i \"work\")))\n"
	                "(func (export \"get\") (result u32) (canon lift (core func $i \"get\"))))",
	                NULL);
	bh_instance *instance = t_instance(late);
	bh_call_options options = BH_CALL_OPTIONS_INIT;
	options.deadline_ms = 20;
	double took;
	bh_usage usage = BH_USAGE_INIT;
	assert_int_equal(timed(&took, instance, late, "work", "400000000", &options, &usage), BH_E_DEADLINE);
	assert_true(usage.wall_ns >= UINT64_C(19000000));
	assert_true(bh_instance_usable(instance));
	assert_int_equal(t_number_live(instance, late, "get", ""), 2); /* waited its turn */
	/* Over and over, also for ones that queue up behind it. */
	for (int i = 0; i < 5; i++)
		assert_int_equal(timed(&took, instance, late, "work", "100000000", &options, NULL), BH_E_DEADLINE);
	assert_true(bh_instance_usable(instance));
	bh_export *get = t_find(late, "get");
	bh_value result = BH_VALUE_INIT;
	OK(bh_instance_call(instance, get, NULL, 0, &result, NULL, NULL, &t_err));
	assert_true(result.as.u32 >= 4 && result.as.u32 % 2 == 0);
	bh_export_free(get);
	bh_instance_free(instance);
	bh_component_unref(late);

	/* The same while it sleeps in the host. */
	instance = t_instance(counter);
	assert_int_equal(timed(&took, instance, counter, "sleep-ms", "2000", &options, NULL), BH_E_DEADLINE);
	assert_true(took < 20 + 300 * t_slack()); /* not when it has slept */
	assert_int_equal(t_number_live(instance, counter, "increment", ""), 1);
	bh_instance_free(instance);
}

/* What the absent caller's call ends with is what the instance remembers. */
static void the_limit_still_holds_when_the_caller_left(void **state)
{
	(void)state;
	bh_call_options options = BH_CALL_OPTIONS_INIT;
	options.deadline_ms = 20;
	static const char *const names[] = {"spin", "sleep-ms"};
	for (int i = 0; i < 2; i++) {
		bh_instance *instance = t_instance(strict);
		double took, start = t_now_ms();
		assert_int_equal(timed(&took, instance, strict, names[i], i ? "60000" : "", &options, NULL), BH_E_DEADLINE);
		assert_true(bh_instance_usable(instance));
		assert_int_equal(timed(&took, instance, strict, "get", "", NULL, NULL), BH_E_POISONED);
		assert_true(t_says("execution limit"));
		assert_true(t_now_ms() - start >= 99);
		assert_true(t_now_ms() - start < 100 + 500 * t_slack());
		assert_false(bh_instance_usable(instance));
		bh_instance_free(instance);
	}
}

static void kill_ends_the_call(void **state)
{
	(void)state;
	bh_call_options options = BH_CALL_OPTIONS_INIT;
	options.deadline_ms = 30;
	options.kill = true;
	static const char *const names[] = {"spin", "sleep-ms"};
	for (int i = 0; i < 2; i++) {
		bh_instance *instance = t_instance(counter);
		double took;
		assert_int_equal(timed(&took, instance, counter, names[i], i ? "60000" : "", &options, NULL), BH_E_DEADLINE);
		assert_true(took >= 29 && took < 30 + 1000 * t_slack());
		assert_false(bh_instance_usable(instance));
		assert_int_equal(timed(&took, instance, counter, "get", "", NULL, NULL), BH_E_POISONED);
		assert_true(t_says("deadline of 30 ms"));
		bh_instance_free(instance);
	}
}

/* An abandoned call on an instance that is then freed: it is killed, and nobody waits for it. */
static void freed_with_an_abandoned_call(void **state)
{
	(void)state;
	bh_call_options options = BH_CALL_OPTIONS_INIT;
	options.deadline_ms = 5;
	static const char *const names[] = {"spin", "sleep-ms"};
	for (int i = 0; i < 20; i++) {
		bh_host *own = t_host();
		bh_component *component = t_load(own, "counter.wasm", NULL);
		bh_instance *instance = t_instance(component), *other = t_instance(component);
		double took, start;
		assert_int_equal(timed(&took, instance, component, names[i % 2], i % 2 ? "60000" : "", &options, NULL),
		                 BH_E_DEADLINE);
		assert_int_equal(timed(&took, other, component, names[i / 2 % 2], i / 2 % 2 ? "60000" : "", &options, NULL),
		                 BH_E_DEADLINE);
		start = t_now_ms();
		bh_host_free(own);
		bh_component_unref(component);
		bh_instance_free(other);
		bh_instance_free(instance);
		assert_true(t_now_ms() - start < 200 * t_slack());
	}
}

static void unlimited(void **state)
{
	(void)state;
	bh_limits limits = t_limits();
	limits.execution_ms = BH_UNLIMITED;
	limits.queue_ms = BH_UNLIMITED;
	bh_component *component = t_load(host, "counter.wasm", &limits);
	double took;
	assert_int_equal(timed(&took, NULL, component, "sleep-ms", "200", NULL, NULL), BH_OK);
	assert_true(took >= 199);
	bh_call_options options = BH_CALL_OPTIONS_INIT;
	options.deadline_ms = 50;
	assert_int_equal(timed(&took, NULL, component, "spin", "", &options, NULL), BH_E_DEADLINE);
	options.deadline_ms = UINT64_MAX; /* further away than the clock counts */
	assert_int_equal(timed(&took, NULL, component, "get", "", &options, NULL), BH_OK);
	bh_component_unref(component);
}

static int set_up(void **state)
{
	(void)state;
	bh_limits limits = t_limits();
	host = t_host();
	counter = t_load(host, "counter.wasm", &limits);
	limits.execution_ms = 100;
	strict = t_load(host, "counter.wasm", &limits);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	t_begin();
	bh_component_unref(counter);
	bh_component_unref(strict);
	bh_host_free(host);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_execution_limit_always_kills),
		cmocka_unit_test(all_of_a_call_counts),
		cmocka_unit_test(a_deadline_drops_a_fresh_instance),
		cmocka_unit_test(a_deadline_leaves_a_live_instance_to_finish),
		cmocka_unit_test(the_limit_still_holds_when_the_caller_left),
		cmocka_unit_test(kill_ends_the_call),
		cmocka_unit_test(freed_with_an_abandoned_call),
		cmocka_unit_test(unlimited),
	};
	return cmocka_run_group_tests(tests, set_up, tear_down);
}
