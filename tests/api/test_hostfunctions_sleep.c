// test: timeout=60 waits
/* bulkhead:host/time: guests that sleep cost no thread, wake in time, and are ended like any others. */
#include "async_tools.h"
#include "hostfunctions.h"

static void it_sleeps(void **state)
{
	(void)state;
	bh_component *component = t_with_functions(host, "wat/nap.wat", t_granted(T_ALL), NULL, 0);
	double before = t_now_ms();
	assert_int_equal(t_number(component, "nap", "60"), 0);
	double took = t_now_ms() - before;
	assert_true(took >= 60 && took < 60 + 200 * t_slack());
	assert_int_equal(t_number(component, "nap", "0"), 0);
	before = t_now_ms();
	assert_int_equal(t_number(component, "nap", "60001"), 1); /* at once */
	assert_int_equal(t_number(component, "nap", "18446744073709551615"), 1);
	assert_true(t_now_ms() - before < 200 * t_slack());
	bh_component_unref(component);
}

static void only_who_was_granted_it(void **state)
{
	(void)state;
	bh_component *component = t_with_functions(host, "wat/nap.wat", t_granted(T_ARGS("time::sleeping")), NULL, 0);
	FAILS(BH_E_DENIED, t_call(NULL, component, "nap", "1", NULL, NULL, &t_err));
	assert_true(t_says("time::sleep"));
	bh_component_unref(component);
}

static void limits_and_deadlines_end_it(void **state)
{
	(void)state;
	bh_component *component = t_with_functions(host, "wat/nap.wat", t_granted(T_ALL), NULL, 100);
	double before = t_now_ms();
	FAILS(BH_E_TIMEOUT, t_call(NULL, component, "nap", "60000", NULL, NULL, &t_err));
	assert_true(t_now_ms() - before < 100 + 1000 * t_slack());
	bh_component_unref(component);
	/* With both a busy machine may come when both are over. */
	component = t_with_functions(host, "wat/nap.wat", t_granted(T_ALL), NULL, 0);
	bh_call_options options = BH_CALL_OPTIONS_INIT;
	options.deadline_ms = 20;
	before = t_now_ms();
	FAILS(BH_E_DEADLINE, t_call(NULL, component, "nap", "60000", &options, NULL, &t_err));
	assert_true(t_now_ms() - before < 20 + 1000 * t_slack());
	bh_component_unref(component);
}

static void start_naps(bh_component *component, tally *t, unsigned count, uint64_t ms, bh_call **calls)
{
	bh_export *nap = t_find(component, "nap");
	bh_call_options options = telling(t);
	bh_value arg = bh_of_u64(ms);
	for (unsigned i = 0; i < count; i++)
		OK(bh_call_start(&calls[i], nap, NULL, &arg, 1, &options, &t_err));
	bh_export_free(nap);
}

/* Thousands, on two workers and one thread that waits. */
static void thousands_sleep(void **state)
{
	(void)state;
	enum { COUNT = 2000 };
	static bh_call *calls[COUNT];
	/* An instance reserves 4 GiB of addresses, of which TSan leaves few. */
	unsigned count = t_under_tsan() ? COUNT / 4 : COUNT;
	bh_host *many = host_with(2, 0);
	bh_component *component = t_with_functions(many, "wat/nap.wat", t_granted(T_ALL), NULL, 0);
	tally t = {0};
	size_t threads = t_threads();
	start_naps(component, &t, count, 1000, calls);
	assert_true(t_threads() <= threads + 4); /* workers, ticker, and the one that waits */
	wait_told(&t, count);
	assert_int_equal(t.good, count);
	for (unsigned i = 0; i < count; i++)
		bh_call_free(calls[i]);

	/* Cancelled, none of them is waited for. */
	atomic_store(&t.told, 0);
	double before = t_now_ms();
	start_naps(component, &t, count, 60000, calls);
	for (unsigned i = 0; i < count; i++)
		bh_call_cancel(calls[count - 1 - i], BH_CANCEL_ABANDON);
	wait_told(&t, count);
	assert_true(t_now_ms() - before < 10000 * t_slack());
	assert_int_equal(t.bad, count);
	for (unsigned i = 0; i < count; i++)
		bh_call_free(calls[i]);
	bh_component_unref(component);
	bh_host_free(many);
	assert_true(t_threads_go(threads, 5000));
}

static void as_many_as_may(void **state)
{
	(void)state;
	enum { COUNT = 20, MAY = 15 };
	static bh_call *calls[COUNT];
	bh_hostfunctions_options functions = BH_HOSTFUNCTIONS_OPTIONS_INIT;
	functions.max_sleeps = MAY;
	bh_host *many = host_with(1, 0);
	bh_component *component = t_with_functions(many, "wat/nap.wat", t_granted(T_ALL), &functions, 0);
	tally t = {0};
	start_naps(component, &t, COUNT, 300, calls);
	wait_told(&t, COUNT - MAY);
	unsigned refused = 0;
	for (unsigned i = 0; i < COUNT; i++)
		refused += bh_call_ended(calls[i]);
	assert_int_equal(refused, COUNT - MAY);
	wait_told(&t, COUNT);
	assert_int_equal(t.good, COUNT); /* to be busy is an answer */
	for (unsigned i = 0; i < COUNT; i++)
		bh_call_free(calls[i]);
	bh_component_unref(component);
	bh_host_free(many);
}

/* The host goes while they sleep: nobody waits for them, and their threads go too. */
static void a_host_that_goes(void **state)
{
	(void)state;
	enum { COUNT = 50 };
	static bh_call *calls[COUNT];
	size_t threads = t_threads();
	bh_host *many = host_with(1, 0);
	bh_component *component = t_with_functions(many, "wat/nap.wat", t_granted(T_ALL), NULL, 0);
	tally t = {0};
	double before = t_now_ms();
	start_naps(component, &t, COUNT, 60000, calls);
	t_sleep_ms(20);
	bh_component_unref(component);
	for (unsigned i = 0; i < COUNT; i++) {
		bh_call_cancel(calls[i], BH_CANCEL_ABANDON);
		bh_call_free(calls[i]);
	}
	bh_host_free(many);
	assert_true(t_threads_go(threads, 5000));
	assert_true(t_now_ms() - before < 5000 * t_slack());
}

static bh_status who(void *data, const bh_value *args, size_t count, bh_value *result, bh_error **err)
{
	(void)args, (void)count, (void)err;
	bh_component **expected = data;
	*result = bh_of_u32(bh_calling_component() == *expected);
	return BH_OK;
}

static const char asker[] =
	"(component (import \"who\" (func $who (result u32))) (core func $w (canon lower (func $who)))\n"
	"(core module $M (import \"\" \"w\" (func $w (result i32))) (func (export \"f\") (result i32) (call $w)))\n"
	"(core instance $i (instantiate $M (with \"\" (instance (export \"w\" (func $w))))))\n"
	"(func (export \"f\") (result u32) (canon lift (core func $i \"f\"))))";

static void a_function_knows_who_calls(void **state)
{
	(void)state;
	bh_component *component = NULL, *other = NULL, *expected = NULL;
	bh_component_options options = BH_COMPONENT_OPTIONS_INIT;
	options.limits = t_limits();
	options.permissions = t_granted(T_ARGS("kv"));
	assert_null(bh_calling_component());
	for (int leaf = 0; leaf < 2; leaf++) {
		bh_host_function function = BH_HOST_FUNCTION_INIT;
		function.name = "who";
		function.call = who;
		function.data = &expected;
		function.leaf = leaf;
		OK(bh_imports_new(&options.imports, &t_err));
		OK(bh_imports_define_function(options.imports, &function, &t_err));
		OK(bh_component_load_bytes(&component, host, asker, sizeof asker - 1, &options, &t_err));
		OK(bh_component_wrap(&other, host, component, NULL, &t_err));
		bh_imports_free(options.imports);
		expected = component;
		assert_int_equal(t_number(component, "f", ""), 1);
		assert_int_equal(t_number(other, "f", ""), 0);
		expected = other;
		assert_int_equal(t_number(other, "f", ""), 1);
		bh_instance *live = t_instance(other);
		assert_int_equal(t_number_live(live, other, "f", ""), 1);
		bh_instance_free(live);
		assert_int_equal(bh_permissions_count(bh_component_permissions(other)), 1);
		bh_component_unref(component);
		bh_component_unref(other);
	}
	assert_null(bh_calling_component());
	bh_permissions_free((bh_permissions *)options.permissions);
}

static void sets(void **state)
{
	(void)state;
	bh_imports *imports = NULL;
	bh_hostfunctions_options wrong = BH_HOSTFUNCTIONS_OPTIONS_INIT;
	OK(bh_imports_new(&imports, &t_err));
	wrong.read_threads = 100000;
	FAILS(BH_E_INVALID, bh_imports_define_bulkhead_host(imports, &wrong, &t_err));
	OK(bh_imports_define_bulkhead_host(imports, NULL, &t_err));
	FAILS(BH_E_INVALID, bh_imports_define_bulkhead_host(imports, NULL, &t_err));
	bh_imports_free(imports);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(it_sleeps),
		cmocka_unit_test(only_who_was_granted_it),
		cmocka_unit_test(thousands_sleep),
		cmocka_unit_test(limits_and_deadlines_end_it),
		cmocka_unit_test(as_many_as_may),
		cmocka_unit_test(a_host_that_goes),
		cmocka_unit_test(sets),
		cmocka_unit_test(a_function_knows_who_calls),
	};
	return cmocka_run_group_tests(tests, host_begin, host_end);
}
