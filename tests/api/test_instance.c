/* Live instances: state is kept, and lost for good when a call ends badly. */
#include <stdlib.h>

#include "api.h"

static bh_host *host;
static bh_component *counter;

static bh_status call(bh_instance *instance, const char *name, const char *args, bh_usage *usage)
{
	bh_export *export_ = t_find(counter, name);
	t_begin();
	bh_status status = t_call_live(NULL, instance, export_, args, NULL, usage, &t_err);
	bh_export_free(export_);
	return status;
}

static void state_is_kept(void **state)
{
	(void)state;
	bh_instance *one = t_instance(counter), *two = t_instance(counter);
	for (unsigned i = 1; i <= 100; i++)
		assert_int_equal(t_number_live(one, counter, "increment", ""), i);
	assert_int_equal(t_number_live(two, counter, "increment", ""), 1);
	assert_int_equal(t_number_live(one, counter, "get", ""), 100);
	assert_int_equal(t_number(counter, "increment", ""), 1); /* a fresh instance knows nothing */
	assert_true(bh_instance_usable(one));
	bh_instance_free(one);
	assert_int_equal(t_number_live(two, counter, "get", ""), 1);
	bh_instance_free(two);
	bh_instance_free(NULL);
}

/* Ended by a trap, by time, by fuel, by memory, and by its own exit: always the same afterwards. */
static void poisoned(bh_component *component, const char *name, const char *args, bh_status status, const char *reason)
{
	bh_instance *instance = t_instance(component);
	bh_export *export_ = t_find(component, name);
	bh_usage usage = BH_USAGE_INIT;
	FAILS(status, t_call_live(NULL, instance, export_, args, NULL, &usage, &t_err));
	assert_true(usage.wall_ns > 0);
	assert_false(bh_instance_usable(instance));
	for (int i = 0; i < 3; i++) {
		usage.wall_ns = 0;
		FAILS(BH_E_POISONED, t_call_live(NULL, instance, export_, args, NULL, &usage, &t_err));
		assert_true(t_says(reason));
		assert_true(t_says("new instance"));
		assert_true(usage.wall_ns > 0);
		assert_int_equal(usage.fuel, 0);
		assert_int_equal(usage.memory, 0);
	}
	bh_export_free(export_);
	bh_instance_free(instance);
}

static void after_every_bad_end(void **state)
{
	(void)state;
	bh_limits limits = t_limits();
	limits.execution_ms = 50;
	bh_component *component = t_load(host, "wat/unreachable.wat", NULL);
	poisoned(component, "run", "", BH_E_TRAP, "unreachable");
	bh_component_unref(component);
	component = t_load(host, "counter.wasm", &limits);
	poisoned(component, "spin", "", BH_E_TIMEOUT, "50 ms");
	poisoned(component, "sleep-ms", "10000", BH_E_TIMEOUT, "50 ms");
	bh_component_unref(component);
	limits = t_limits();
	limits.fuel = 100000;
	component = t_load(host, "counter.wasm", &limits);
	poisoned(component, "spin", "", BH_E_OUT_OF_FUEL, "out of fuel");
	bh_component_unref(component);
	limits = t_limits();
	limits.on_memory_limit = BH_MEMORY_LIMIT_TRAP;
	component = t_load(host, "counter.wasm", &limits);
	poisoned(component, "grow", "2000", BH_E_MEMORY_LIMIT, "max_memory");
	bh_component_unref(component);
	component = t_load(host, "exitcode.wasm", NULL);
	poisoned(component, "run", "", BH_E_EXIT, "exited with");
	bh_component_unref(component);
	component = t_load(host, "wat/post-return-trap.wat", NULL);
	poisoned(component, "run", "", BH_E_TRAP, "unreachable");
	bh_component_unref(component);
}

/* What does not reach the guest leaves the instance as it was. */
static void usable_after_refusals(void **state)
{
	(void)state;
	bh_instance *instance = t_instance(counter);
	assert_int_equal(t_number_live(instance, counter, "increment", ""), 1);
	bh_value text = BH_STRING("x");
	bh_export *crash_at = t_find(counter, "crash-at");
	FAILS(BH_E_TYPE, bh_instance_call(instance, crash_at, &text, 1, NULL, NULL, NULL, &t_err));
	FAILS(BH_E_TYPE, bh_instance_call(instance, crash_at, NULL, 0, NULL, NULL, NULL, &t_err));
	assert_int_equal(call(instance, "grow", "100000", NULL), BH_OK); /* refused: -1 */
	assert_true(bh_instance_usable(instance));
	assert_int_equal(t_number_live(instance, counter, "increment", ""), 2);
	bh_export_free(crash_at);
	bh_instance_free(instance);
}

static void of_another_component(void **state)
{
	(void)state;
	bh_component *same = t_load(host, "counter.wasm", NULL);
	bh_export *theirs = t_find(same, "increment");
	bh_instance *instance = t_instance(counter);
	FAILS(BH_E_WRONG_HOST, bh_instance_call(instance, theirs, NULL, 0, NULL, NULL, NULL, &t_err));
	assert_true(t_says("another component"));
	FAILS(BH_E_INVALID, bh_instance_call(NULL, theirs, NULL, 0, NULL, NULL, NULL, &t_err));
	FAILS(BH_E_INVALID, bh_instance_call(instance, NULL, NULL, 0, NULL, NULL, NULL, &t_err));
	FAILS(BH_E_INVALID, bh_instance_new(&instance, NULL, NULL, &t_err));
	assert_int_equal(t_number_live(instance, counter, "increment", ""), 1);
	bh_instance_free(instance);
	bh_export_free(theirs);
	bh_component_unref(same);
}

/* A poisoned instance gives its memory back at once, not when it is freed. */
static void memory_is_given_back(void **state)
{
	(void)state;
	enum { INSTANCES = 20 };
	bh_limits limits = t_limits();
	bh_component *hog = t_load_text(host,
	                                "(component (core module $m (memory 512)\n"
	                                "  (func (export \"fill\") (param i32) (local i32)\n"
	                                "    (loop $l (i32.store (local.get 1) (i32.const -1))\n"
	                                "      (local.set 1 (i32.add (local.get 1) (i32.const 4096)))\n"
	                                "      (br_if $l (i32.lt_u (local.get 1) (i32.const 0x2000000))))\n"
	                                "    (if (local.get 0) (then unreachable))))\n"
	                                "(core instance $i (instantiate $m))\n"
	                                "(func (export \"fill\") (param \"then-crash\" bool)\n"
	                                "  (canon lift (core func $i \"fill\"))))",
	                                &limits);
	bh_export *fill = t_find(hog, "fill");
	bh_instance *instances[INSTANCES];
	bh_value crash = bh_of_bool(true), stay = bh_of_bool(false);
	size_t before = t_rss();
	for (int i = 0; i < INSTANCES; i++) {
		instances[i] = t_instance(hog);
		FAILS(BH_E_TRAP, bh_instance_call(instances[i], fill, &crash, 1, NULL, NULL, NULL, &t_err));
	}
	assert_true(t_rss() < before + BH_MIB(64)); /* all of them: 640 MiB */
	bh_instance *alive = t_instance(hog);
	OK(bh_instance_call(alive, fill, &stay, 1, NULL, NULL, NULL, &t_err));
	assert_true(t_rss() > before + BH_MIB(24)); /* so that the measure measures something */
	bh_instance_free(alive);
	for (int i = 0; i < INSTANCES; i++)
		bh_instance_free(instances[i]);
	bh_export_free(fill);
	bh_component_unref(hog);
}

/* Everything stays alive as long as it is needed, in whatever order it is given up. */
static void lifetimes(void **state)
{
	(void)state;
	bh_host *other = t_host();
	bh_component *component = t_load(other, "counter.wasm", NULL);
	bh_instance *instance = t_instance(component);
	bh_export *increment = t_find(component, "increment");
	assert_ptr_equal(bh_component_ref(component), component);
	bh_host_free(other);
	bh_component_unref(component);
	bh_component_unref(component);
	bh_value result = BH_VALUE_INIT;
	OK(bh_instance_call(instance, increment, NULL, 0, &result, NULL, NULL, &t_err));
	assert_int_equal(result.as.u32, 1);
	bh_instance_free(instance);
	OK(bh_export_call(increment, NULL, 0, &result, NULL, NULL, &t_err));
	bh_export_free(increment);
	bh_host_free(NULL);
	bh_component_unref(NULL);
	bh_export_free(NULL);
	assert_null(bh_component_ref(NULL));
}

/* Fuel and the count of refusals are of each call; peak memory is of the instance's life. */
static void usage_is_of_the_call(void **state)
{
	(void)state;
	bh_limits limits = t_limits();
	limits.fuel = 100000000;
	bh_component *metered = t_load(host, "counter.wasm", &limits);
	bh_instance *instance = t_instance(metered);
	bh_export *increment = t_find(metered, "increment"), *grow = t_find(metered, "grow");
	bh_usage first = BH_USAGE_INIT, usage = BH_USAGE_INIT;
	OK(bh_instance_call(instance, increment, NULL, 0, NULL, NULL, &first, &t_err));
	assert_true(first.fuel > 0);
	for (int i = 0; i < 10; i++) {
		OK(bh_instance_call(instance, increment, NULL, 0, NULL, NULL, &usage, &t_err));
		assert_int_equal(usage.fuel, first.fuel);
		assert_int_equal(usage.refused_growths, 0);
		assert_int_equal(usage.peak_memory, first.peak_memory);
		assert_int_equal(usage.polls, 1);
		assert_int_equal(usage.cpu_ns, 0);
	}
	OK(t_call_live(NULL, instance, grow, "3", NULL, &usage, &t_err));
	assert_int_equal(usage.memory, first.memory + 3 * BH_KIB(64));
	assert_int_equal(usage.peak_memory, usage.memory);
	OK(t_call_live(NULL, instance, grow, "30000", NULL, &usage, &t_err));
	assert_int_equal(usage.refused_growths, 1);
	OK(t_call_live(NULL, instance, increment, "", NULL, &usage, &t_err));
	assert_int_equal(usage.refused_growths, 0);
	bh_call_options options = BH_CALL_OPTIONS_INIT;
	options.cpu_time = true;
	OK(t_call_live(NULL, instance, increment, "", &options, &usage, &t_err));
	assert_true(usage.cpu_ns > 0);
	/* Calls that never begin used nothing, and say so. */
	usage.fuel = usage.memory = 77;
	FAILS(BH_E_NO_EXPORT, bh_component_call(metered, "nothing", NULL, 0, NULL, NULL, &usage, &t_err));
	assert_int_equal(usage.fuel + usage.memory, 0);
	/* A caller built against an older header gets what fits. */
	bh_usage shorter;
	memset(&shorter, 0xAA, sizeof shorter);
	shorter.struct_size = offsetof(bh_usage, cpu_ns);
	OK(t_call_live(NULL, instance, increment, "", &options, &shorter, &t_err));
	assert_int_equal(shorter.fuel, first.fuel);
	assert_int_equal(shorter.cpu_ns, UINT64_C(0xAAAAAAAAAAAAAAAA));
	assert_int_equal(shorter.struct_size, offsetof(bh_usage, cpu_ns));
	bh_export_free(grow);
	bh_export_free(increment);
	bh_instance_free(instance);
	bh_component_unref(metered);
}

static int set_up(void **state)
{
	(void)state;
	host = t_host();
	counter = t_load(host, "counter.wasm", NULL);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	t_begin();
	bh_component_unref(counter);
	bh_host_free(host);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(state_is_kept),         cmocka_unit_test(after_every_bad_end),
		cmocka_unit_test(usable_after_refusals), cmocka_unit_test(of_another_component),
		cmocka_unit_test(memory_is_given_back),  cmocka_unit_test(lifetimes),
		cmocka_unit_test(usage_is_of_the_call),
	};
	return cmocka_run_group_tests(tests, set_up, tear_down);
}
