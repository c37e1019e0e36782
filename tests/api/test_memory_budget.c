// test: timeout=60
/* The host's memory budget counts what guests grow by: it is refused at the budget, and given back when they go. */
#include "api.h"

/* Grows by so many pages of 64 KiB; -1 where it may not. With a trap behind it. */
static const char grower[] =
	"(component (core module $m (memory 1)"
	" (func (export \"grow\") (param i32) (result i32) (memory.grow (local.get 0)))"
	" (func (export \"crash\") (param i32) (result i32) (drop (memory.grow (local.get 0))) unreachable))"
	" (core instance $i (instantiate $m))"
	" (func (export \"grow\") (param \"pages\" u32) (result s32) (canon lift (core func $i \"grow\")))"
	" (func (export \"crash\") (param \"pages\" u32) (result s32) (canon lift (core func $i \"crash\"))))";

enum { PAGES_A_MIB = 16 };

static bh_host *host_with_budget(uint64_t bytes, bh_allocation allocation)
{
	bh_host *host = NULL;
	bh_host_options options = BH_HOST_OPTIONS_INIT;
	options.allocation = allocation;
	options.pool_slots = 20;
	options.memory_budget = bytes;
	OK(bh_host_new(&host, &options, &t_err));
	return host;
}

static bh_component *load(bh_host *host, bh_memory_limit_action action)
{
	bh_limits limits = t_limits();
	limits.memory = BH_MIB(64);
	limits.on_memory_limit = action;
	limits.queue_ms = 100;
	return t_load_text(host, grower, &limits);
}

static int32_t grow(bh_instance *instance, bh_export *export_, uint32_t mib, bh_usage *usage)
{
	bh_value arg = bh_of_u32(mib * PAGES_A_MIB), result = BH_VALUE_INIT;
	OK(bh_instance_call(instance, export_, &arg, 1, &result, NULL, usage, &t_err));
	return result.as.s32;
}

/* Nothing was lost of it: all but what one instance starts with can be had at once. */
static void assert_all_free(bh_host *host, bh_component *component, uint32_t mib)
{
	bh_export *export_ = t_find(component, "grow");
	bh_instance *all = t_instance(component);
	assert_int_equal(grow(all, export_, mib - 1, NULL), 1);
	bh_instance_free(all);
	bh_export_free(export_);
	(void)host;
}

static void growth(bh_allocation allocation)
{
	bh_host *host = host_with_budget(BH_MIB(10), allocation);
	bh_component *component = load(host, BH_MEMORY_LIMIT_FAIL);
	bh_export *export_ = t_find(component, "grow");
	bh_instance *first = t_instance(component), *second = t_instance(component);
	bh_usage usage = BH_USAGE_INIT;
	assert_int_equal(grow(first, export_, 6, NULL), 1);
	assert_int_equal(grow(second, export_, 5, &usage), -1);
	assert_int_equal(usage.refused_growths, 1);
	assert_int_equal(usage.memory, BH_KIB(64));
	assert_int_equal(grow(second, export_, 3, &usage), 1);
	assert_int_equal(usage.refused_growths, 0);
	bh_instance_free(first);
	assert_int_equal(grow(second, export_, 6, NULL), 1 + 3 * PAGES_A_MIB);
	bh_instance_free(second);
	assert_all_free(host, component, 10);
	bh_export_free(export_);
	bh_component_unref(component);
	bh_host_free(host);
}

static void grows_on_demand(void **state)
{
	(void)state;
	growth(BH_ALLOCATION_ON_DEMAND);
}

static void grows_in_a_pool(void **state)
{
	(void)state;
	growth(BH_ALLOCATION_POOLED);
}

/* What is not granted ends the guest, where it was asked for that; what it had is others' again. */
static void traps_at_the_budget(void **state)
{
	(void)state;
	bh_host *host = host_with_budget(BH_MIB(10), BH_ALLOCATION_AUTO);
	bh_component *component = load(host, BH_MEMORY_LIMIT_TRAP);
	bh_export *export_ = t_find(component, "grow");
	bh_instance *instance = t_instance(component);
	bh_value arg = bh_of_u32(11 * PAGES_A_MIB);
	assert_int_equal(grow(instance, export_, 4, NULL), 1);
	FAILS(BH_E_MEMORY_LIMIT, bh_instance_call(instance, export_, &arg, 1, NULL, NULL, NULL, &t_err));
	assert_true(t_says("memory_budget"));
	assert_int_equal(bh_error_trap(t_err), BH_TRAP_MEMORY_LIMIT);
	assert_all_free(host, component, 10); /* the instance is lost, though not freed */
	bh_instance_free(instance);
	/* Its own limit is not mistaken for the budget. */
	arg = bh_of_u32(65 * PAGES_A_MIB);
	FAILS(BH_E_MEMORY_LIMIT, bh_export_call(export_, &arg, 1, NULL, NULL, NULL, &t_err));
	assert_true(t_says("max_memory") && !t_says("memory_budget"));
	bh_export_free(export_);
	bh_component_unref(component);
	t_begin();
	bh_host_free(host);
}

/* A thousand that grow and crash, four at a time, and nothing is left of them. */
static void crashes_give_it_back(void **state)
{
	(void)state;
	enum { CALLS = 1000 };
	static bh_call *calls[CALLS];
	bh_host *host = host_with_budget(BH_MIB(10), BH_ALLOCATION_AUTO);
	bh_component *component = load(host, BH_MEMORY_LIMIT_FAIL);
	bh_export *crash = t_find(component, "crash");
	bh_value arg = bh_of_u32(3 * PAGES_A_MIB);
	bh_call_options options = BH_CALL_OPTIONS_INIT;
	for (int i = 0; i < CALLS; i++)
		OK(bh_call_start(&calls[i], crash, NULL, &arg, 1, &options, &t_err));
	for (int i = 0; i < CALLS; i++) {
		bh_status status = bh_call_wait(calls[i], NULL, NULL, NULL);
		assert_true(status == BH_E_TRAP || status == BH_E_MEMORY_LIMIT || status == BH_E_BUSY);
		bh_call_free(calls[i]);
	}
	assert_all_free(host, component, 10);
	bh_export_free(crash);
	bh_component_unref(component);
	t_begin();
	bh_host_free(host);
}

/* What is reserved is there for the guest, whatever others do meanwhile. */
static void reserved_is_kept(void **state)
{
	(void)state;
	bh_host *host = host_with_budget(BH_MIB(10), BH_ALLOCATION_AUTO);
	bh_limits limits = t_limits();
	limits.memory = BH_MIB(64);
	limits.initial_memory = BH_MIB(4);
	bh_component *careful = t_load_text(host, grower, &limits), *greedy = load(host, BH_MEMORY_LIMIT_FAIL);
	bh_export *grow_careful = t_find(careful, "grow"), *grow_greedy = t_find(greedy, "grow");
	bh_instance *one = t_instance(careful), *other = t_instance(greedy);
	assert_int_equal(grow(other, grow_greedy, 6, NULL), -1);
	assert_int_equal(grow(other, grow_greedy, 5, NULL), 1);
	assert_int_equal(grow(one, grow_careful, 3, NULL), 1);
	assert_int_equal(grow(one, grow_careful, 2, NULL), -1);
	bh_instance_free(one);
	bh_instance_free(other);
	assert_all_free(host, greedy, 10);
	bh_export_free(grow_careful);
	bh_export_free(grow_greedy);
	bh_component_unref(careful);
	bh_component_unref(greedy);
	bh_host_free(host);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(grows_on_demand),     cmocka_unit_test(grows_in_a_pool),
		cmocka_unit_test(traps_at_the_budget), cmocka_unit_test(crashes_give_it_back),
		cmocka_unit_test(reserved_is_kept),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
