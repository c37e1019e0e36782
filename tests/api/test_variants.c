/* Engine variants: as many stack sizes as a host serves, metered and not, and what the next one is told. */
#include "api.h"

static const char adder[] = "(component (core module $m (func (export \"add\") (param i32 i32) (result i32)\n"
							"    (i32.add (local.get 0) (local.get 1))))\n"
							"(core instance $i (instantiate $m))\n"
							"(func (export \"add\") (param \"a\" s32) (param \"b\" s32) (result s32)\n"
							"  (canon lift (core func $i \"add\"))))";

static bh_status load(bh_component **out, bh_host *host, uint64_t stack, uint64_t fuel)
{
	bh_component_options options = BH_COMPONENT_OPTIONS_INIT;
	options.limits = t_limits();
	options.limits.stack = stack;
	options.limits.fuel = fuel;
	t_begin();
	return bh_component_load_bytes(out, host, adder, sizeof adder - 1, &options, &t_err);
}

static void sixteen_stack_sizes(void **state)
{
	(void)state;
	enum { SIZES = 16 };
	bh_host *host = t_host();
	bh_component *components[SIZES], *more = NULL;
	for (unsigned i = 0; i < SIZES; i++) {
		assert_int_equal(load(&components[i], host, BH_KIB(64) + 4096 * i, BH_UNLIMITED), BH_OK);
		assert_int_equal(t_number(components[i], "add", "2, 3"), 5);
	}
	assert_int_equal(load(&more, host, BH_MIB(2), BH_UNLIMITED), BH_E_BUSY);
	assert_true(t_says("16 stack sizes"));
	assert_true(t_says("max_stack"));
	assert_null(more);
	/* One that is served already can always be had, also when all components of the size are gone. */
	assert_int_equal(load(&more, host, BH_KIB(64), BH_UNLIMITED), BH_OK);
	bh_component_unref(more);
	for (unsigned i = 0; i < SIZES; i++)
		bh_component_unref(components[i]);
	assert_int_equal(load(&more, host, BH_KIB(64) + 4096, BH_UNLIMITED), BH_OK);
	bh_component_unref(more);
	assert_int_equal(load(&more, host, BH_MIB(2), BH_UNLIMITED), BH_E_BUSY);
	/* Another host has its own. */
	bh_host *other = t_host();
	assert_int_equal(load(&more, other, BH_MIB(2), BH_UNLIMITED), BH_OK);
	bh_component_unref(more);
	bh_host_free(other);
	bh_host_free(host);
}

static void metering_is_a_variant(void **state)
{
	(void)state;
	bh_host *host = t_host();
	bh_component *more = NULL;
	for (unsigned i = 0; i < 16; i++) {
		assert_int_equal(load(&more, host, BH_KIB(64) + 4096 * (i / 2), i % 2 ? 1000 : BH_UNLIMITED), BH_OK);
		bh_usage usage = BH_USAGE_INIT;
		OK(t_call(NULL, more, "add", "1, 2", NULL, &usage, &t_err));
		assert_int_equal(usage.fuel > 0, i % 2);
		bh_component_unref(more);
	}
	assert_int_equal(load(&more, host, BH_MIB(3), 1000), BH_E_BUSY);
	/* Different fuel limits share a variant. */
	assert_int_equal(load(&more, host, BH_KIB(64), 123456), BH_OK);
	bh_component_unref(more);
	bh_host_free(host);
}

/* The pool serves the default size; its two variants do not count among the sixteen. */
static void pooled_and_on_demand(void **state)
{
	(void)state;
	bh_host *host = t_host_pooled(4);
	bh_component *more = NULL;
	for (unsigned i = 0; i < 16; i++) {
		assert_int_equal(load(&more, host, BH_KIB(64) + 4096 * i, BH_UNLIMITED), BH_OK);
		bh_component_unref(more);
	}
	for (int i = 0; i < 4; i++) {
		assert_int_equal(load(&more, host, BH_MIB(1), i % 2 ? 1000 : BH_UNLIMITED), BH_OK);
		assert_int_equal(t_number(more, "add", "1, 2"), 3);
		bh_component_unref(more);
	}
	assert_int_equal(load(&more, host, 0, 0), BH_OK); /* defaults: the pool's own */
	bh_component_unref(more);
	assert_int_equal(load(&more, host, BH_MIB(2), BH_UNLIMITED), BH_E_BUSY);
	bh_host_free(host);
}

static void default_stack(void **state)
{
	(void)state;
	bh_host_options options = BH_HOST_OPTIONS_INIT;
	options.default_stack = BH_KIB(128);
	options.pool_slots = 4;
	options.allocation = BH_ALLOCATION_POOLED;
	bh_host *host = NULL;
	OK(bh_host_new(&host, &options, &t_err));
	bh_component *more = NULL;
	assert_int_equal(load(&more, host, BH_KIB(128), BH_UNLIMITED), BH_OK);
	assert_int_equal(t_number(more, "add", "1, 2"), 3);
	bh_component_unref(more);
	bh_host_free(host);
	static const uint64_t bad[] = {1, BH_KIB(64) - 1, BH_MIB(64) + 1};
	for (size_t i = 0; i < 3; i++) {
		options.default_stack = bad[i];
		FAILS(BH_E_CONFIG, bh_host_new(&host, &options, &t_err));
	}
	options = (bh_host_options){0};
	FAILS(BH_E_INVALID, bh_host_new(&host, &options, &t_err));
	assert_true(t_says("BH_HOST_OPTIONS_INIT"));
}

static int tear_down(void **state)
{
	(void)state;
	t_begin();
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(sixteen_stack_sizes),
		cmocka_unit_test(metering_is_a_variant),
		cmocka_unit_test(pooled_and_on_demand),
		cmocka_unit_test(default_stack),
	};
	return cmocka_run_group_tests(tests, NULL, tear_down);
}
