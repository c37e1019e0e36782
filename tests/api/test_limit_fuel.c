/* Fuel: exact, the same each time, and reported however a call ends. */
#include <stdlib.h>

#include "one_host.h"

/* Counts to n; one more page of memory for each 50,000 turns, so that its progress can be seen from outside. */
static const char worker[] = "(component (core module $m (memory 1)\n"
							 "  (func (export \"work\") (param i64) (param i32) (result i64) (local i64 i64)\n"
							 "    (loop $l\n"
							 "      (local.set 2 (i64.add (local.get 2) (i64.const 1)))\n"
							 "      (local.set 3 (i64.add (local.get 3) (i64.const 1)))\n"
							 "      (if (i64.eq (local.get 3) (i64.const 50000))\n"
							 "        (then (local.set 3 (i64.const 0)) (drop (memory.grow (i32.const 1)))))\n"
							 "      (br_if $l (i64.ne (local.get 2) (local.get 0))))\n"
							 "    (if (local.get 1) (then unreachable))\n"
							 "    (local.get 2)))\n"
							 "(core instance $i (instantiate $m))\n"
							 "(func (export \"work\") (param \"turns\" u64) (param \"then-crash\" bool) (result u64)\n"
							 "  (canon lift (core func $i \"work\"))))";

enum { TURNS_A_PAGE = 50000 };

static bh_limits with_fuel(uint64_t fuel)
{
	bh_limits limits = t_limits();
	limits.memory = BH_GIB(4);
	limits.fuel = fuel;
	return limits;
}

static bh_status work(bh_component *component, uint64_t turns, bool crash, bh_usage *usage)
{
	bh_value args[] = {bh_of_u64(turns), bh_of_bool(crash)};
	t_begin();
	return bh_component_call(component, "work", args, 2, NULL, NULL, usage, &t_err);
}

static uint64_t fuel_of(uint64_t turns, bool crash)
{
	bh_limits limits = with_fuel(UINT64_C(1) << 60);
	bh_component *component = t_load_text(host, worker, &limits);
	bh_usage usage = BH_USAGE_INIT, again = BH_USAGE_INIT;
	assert_int_equal(work(component, turns, crash, &usage), crash ? BH_E_TRAP : BH_OK);
	assert_int_equal(work(component, turns, crash, &again), crash ? BH_E_TRAP : BH_OK);
	assert_int_equal(usage.fuel, again.fuel);
	bh_component_unref(component);
	return usage.fuel;
}

static bh_status with(uint64_t fuel, uint64_t turns, bh_usage *usage)
{
	bh_limits limits = with_fuel(fuel);
	bh_component *component = t_load_text(host, worker, &limits);
	bh_status status = work(component, turns, false, usage);
	bh_component_unref(component);
	return status;
}

/* The engine looks at the fuel where loops turn and functions begin: the end is as sharp as that, and always there. */
static void just_enough(void **state)
{
	(void)state;
	enum { TWO_TURNS = 40 };
	for (uint64_t turns = 100; turns <= 100000; turns *= 10) {
		uint64_t needed = fuel_of(turns, false), too_little = needed - TWO_TURNS;
		bh_usage usage = BH_USAGE_INIT;
		assert_true(needed > turns);
		assert_int_equal(with(needed, turns, &usage), BH_OK);
		assert_int_equal(usage.fuel, needed);
		assert_int_equal(with(too_little, turns, &usage), BH_E_OUT_OF_FUEL);
		t_names_limit(BH_LIMIT_FUEL, too_little);
		assert_int_equal(bh_error_trap(t_err), BH_TRAP_OUT_OF_FUEL);
		assert_int_equal(usage.fuel, too_little);
		uint64_t enough = needed;
		while (with(enough - 1, turns, &usage) == BH_OK)
			enough--;
		assert_in_range(enough, too_little + 1, needed);
		assert_int_equal(with(enough, turns, &usage), BH_OK);
		assert_true(usage.fuel <= needed);
	}
}

static void a_thousand(void **state)
{
	(void)state;
	bh_limits limits = with_fuel(1000);
	bh_component *component = t_load_text(host, worker, &limits);
	bh_usage usage = BH_USAGE_INIT;
	assert_int_equal(work(component, 50, false, &usage), BH_OK);
	assert_in_range(usage.fuel, 50, 1000);
	assert_int_equal(work(component, 5000, false, &usage), BH_E_OUT_OF_FUEL);
	assert_int_equal(usage.fuel, 1000);
	assert_true(t_says("1,000"));
	bh_component_unref(component);
	limits.fuel = 1;
	component = t_load_text(host, worker, &limits);
	assert_int_equal(work(component, 50, false, &usage), BH_E_OUT_OF_FUEL);
	assert_int_equal(usage.fuel, 1);
	bh_component_unref(component);
}

static void after_a_trap(void **state)
{
	(void)state;
	uint64_t crashed = fuel_of(1000, true), returned = fuel_of(1000, false);
	assert_true(crashed > 1000);
	assert_true(llabs((long long)(crashed - returned)) < 10);
}

static void after_a_refused_growth(void **state)
{
	(void)state;
	bh_limits limits = with_fuel(UINT64_C(1) << 60);
	limits.memory = BH_KIB(64) * 11;
	limits.on_memory_limit = BH_MEMORY_LIMIT_TRAP;
	bh_component *component = t_load_text(host, worker, &limits);
	bh_usage usage = BH_USAGE_INIT;
	assert_int_equal(work(component, UINT64_C(1) << 40, false, &usage), BH_E_MEMORY_LIMIT);
	/* Where a guest is stopped in the middle, what it used last may not be counted (bh_usage.fuel). */
	uint64_t expected = fuel_of(11 * TURNS_A_PAGE, false);
	assert_in_range(usage.fuel, expected - 100100, expected + 100);
	bh_component_unref(component);
}

/* Fuel reported, against what the guest got done: within one hundredth, and what one page of progress hides. */
static void check_progress(const bh_usage *usage)
{
	double a_turn = (double)(fuel_of(200000, false) - fuel_of(100000, false)) / 100000;
	double pages = (double)(usage->peak_memory / BH_KIB(64) - 1);
	double low = pages * TURNS_A_PAGE * a_turn, high = (pages + 1) * TURNS_A_PAGE * a_turn;
	print_message("fuel %llu after %.0f million turns of %.1f: off by at most %.2f %%\n",
	              (unsigned long long)usage->fuel, pages * TURNS_A_PAGE / 1e6, a_turn,
	              100 * ((double)usage->fuel > high  ? (double)usage->fuel / high - 1
	                     : (double)usage->fuel < low ? 1 - (double)usage->fuel / low
	                                                 : 0));
	assert_true(pages > 10);
	assert_true((double)usage->fuel >= low * 0.99);
	assert_true((double)usage->fuel <= high * 1.01);
}

static void at_a_timeout(void **state)
{
	(void)state;
	bh_limits limits = with_fuel(INT64_MAX);
	limits.execution_ms = 100;
	bh_component *component = t_load_text(host, worker, &limits);
	bh_usage usage = BH_USAGE_INIT;
	assert_int_equal(work(component, 0, false, &usage), BH_E_TIMEOUT);
	check_progress(&usage);
	/* On a live instance too. */
	bh_instance *instance = t_instance(component);
	bh_export *export_ = t_find(component, "work");
	bh_value args[] = {bh_of_u64(0), bh_of_bool(false)};
	FAILS(BH_E_TIMEOUT, bh_instance_call(instance, export_, args, 2, NULL, NULL, &usage, &t_err));
	check_progress(&usage);
	bh_export_free(export_);
	bh_instance_free(instance);
	bh_component_unref(component);
}

static void at_a_deadline(void **state)
{
	(void)state;
	bh_limits limits = with_fuel(INT64_MAX);
	bh_component *component = t_load_text(host, worker, &limits);
	bh_export *export_ = t_find(component, "work");
	bh_value args[] = {bh_of_u64(0), bh_of_bool(false)};
	bh_call_options options = BH_CALL_OPTIONS_INIT;
	options.deadline_ms = 100;
	options.kill = true;
	bh_usage usage = BH_USAGE_INIT;
	FAILS(BH_E_DEADLINE, bh_export_call(export_, args, 2, NULL, &options, &usage, &t_err));
	check_progress(&usage);
	bh_instance *instance = t_instance(component);
	FAILS(BH_E_DEADLINE, bh_instance_call(instance, export_, args, 2, NULL, &options, &usage, &t_err));
	check_progress(&usage);
	bh_instance_free(instance);
	bh_export_free(export_);
	bh_component_unref(component);
}

/* Start functions and a live instance's calls have the fuel of one call each. */
static void whose_fuel(void **state)
{
	(void)state;
	static const char text[] = "(component (core module $m (func $start (local i32)\n"
							   "    (loop $l (local.set 0 (i32.add (local.get 0) (i32.const 1)))\n"
							   "      (br_if $l (i32.ne (local.get 0) (i32.const 1000)))))\n"
							   "  (start $start) (func (export \"nop\"))\n"
							   "  (func (export \"more\") (call $start)))\n"
							   "(core instance $i (instantiate $m))\n"
							   "(func (export \"nop\") (canon lift (core func $i \"nop\")))\n"
							   "(func (export \"more\") (canon lift (core func $i \"more\"))))";
	bh_limits limits = with_fuel(1000000);
	bh_component *component = t_load_text(host, text, &limits);
	bh_usage usage = BH_USAGE_INIT;
	OK(t_call(NULL, component, "nop", "", NULL, &usage, &t_err));
	uint64_t start = usage.fuel;
	assert_true(start > 1000);
	bh_instance *instance = t_instance(component);
	bh_export *nop = t_find(component, "nop"), *more = t_find(component, "more");
	OK(t_call_live(NULL, instance, nop, "", NULL, &usage, &t_err));
	assert_true(usage.fuel < 10);
	bh_instance_free(instance);
	bh_export_free(nop);
	bh_export_free(more);
	bh_component_unref(component);

	limits = with_fuel(start + 100);
	component = t_load_text(host, text, &limits);
	FAILS(BH_E_OUT_OF_FUEL, t_call(NULL, component, "more", "", NULL, &usage, &t_err));
	instance = t_instance(component);
	more = t_find(component, "more");
	for (int i = 0; i < 10; i++)
		OK(t_call_live(NULL, instance, more, "", NULL, &usage, &t_err));
	bh_export_free(more);
	bh_instance_free(instance);
	bh_component_unref(component);

	limits = with_fuel(1000);
	component = t_load_text(host, text, &limits);
	FAILS(BH_E_OUT_OF_FUEL, bh_instance_new(&instance, component, NULL, &t_err));
	t_names_limit(BH_LIMIT_FUEL, 1000);
	bh_component_unref(component);
}

static void unmetered(void **state)
{
	(void)state;
	bh_limits limits = with_fuel(BH_UNLIMITED);
	bh_component *component = t_load_text(host, worker, &limits);
	bh_usage usage = BH_USAGE_INIT;
	assert_int_equal(work(component, 10000000, false, &usage), BH_OK);
	assert_int_equal(usage.fuel, 0);
	bh_component_unref(component);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(just_enough),  cmocka_unit_test(a_thousand),
		cmocka_unit_test(after_a_trap), cmocka_unit_test(after_a_refused_growth),
		cmocka_unit_test(at_a_timeout), cmocka_unit_test(at_a_deadline),
		cmocka_unit_test(whose_fuel),   cmocka_unit_test(unmetered),
	};
	return cmocka_run_group_tests(tests, host_begin, host_end);
}
