/* The memory limit: the sum over all memories, exact to a page, whatever the guest does about a refusal. */
#include "one_host.h"

#define PAGE BH_KIB(64)

/* Grows by as many pages as it is told: the old size, or -1. */
static const char grower[] =
	"(component (core module $m (memory 2 %s)\n"
	"  (func (export \"grow\") (param i32) (result i32) (memory.grow (local.get 0)))\n"
	"  (func (export \"crash\") unreachable))\n"
	"(core instance $i (instantiate $m))\n"
	"(func (export \"grow\") (param \"pages\" u32) (result s32) (canon lift (core func $i \"grow\")))\n"
	"(func (export \"crash\") (canon lift (core func $i \"crash\"))))";

static bh_component *load_grower(const char *maximum, const bh_limits *limits)
{
	char text[1024];
	snprintf(text, sizeof text, grower, maximum);
	return t_load_text(host, text, limits);
}

static bh_limits with(uint64_t memory, bh_memory_limit_action action)
{
	bh_limits limits = t_limits();
	limits.memory = memory;
	limits.on_memory_limit = action;
	return limits;
}

static void expect_refusal(uint64_t allowed, uint64_t attempted, const bh_usage *usage, uint64_t peak)
{
	uint64_t tried = 0;
	t_names_limit(BH_LIMIT_MEMORY, allowed);
	bh_error_limit(t_err, NULL, &tried);
	assert_int_equal(tried, attempted);
	assert_int_equal(bh_error_trap(t_err), BH_TRAP_MEMORY_LIMIT);
	assert_true(usage->refused_growths >= 1);
	assert_int_equal(usage->peak_memory, peak);
}

static void a_guest_that_copes(void **state)
{
	(void)state;
	bh_limits limits = with(BH_MIB(64), BH_MEMORY_LIMIT_FAIL);
	bh_component *component = t_load(host, "wat/memory-hog-copes.wat", &limits);
	bh_usage usage = BH_USAGE_INIT;
	char *pages = NULL;
	OK(t_call(&pages, component, "run", "", NULL, &usage, &t_err));
	assert_string_equal(pages, "1024");
	assert_int_equal(usage.refused_growths, 1);
	assert_int_equal(usage.peak_memory, BH_MIB(64));
	assert_int_equal(usage.memory, BH_MIB(64));
	bh_string_free(pages);
	bh_component_unref(component);
}

static void a_guest_that_does_not(void **state)
{
	(void)state;
	for (int trap = 0; trap < 2; trap++) {
		bh_limits limits = with(BH_MIB(64), trap ? BH_MEMORY_LIMIT_TRAP : BH_MEMORY_LIMIT_FAIL);
		bh_component *component = t_load(host, "wat/memory-hog.wat", &limits);
		bh_usage usage = BH_USAGE_INIT;
		FAILS(BH_E_MEMORY_LIMIT, t_call(NULL, component, "run", "", NULL, &usage, &t_err));
		expect_refusal(BH_MIB(64), BH_MIB(64) + PAGE, &usage, BH_MIB(64));
		assert_true(t_says("64 MiB"));
		assert_true(bh_error_frame_count(t_err) > 0); /* who asked */
		bh_component_unref(component);
	}
	/* With the policy to trap, one that would have coped is stopped as well. */
	bh_limits limits = with(BH_MIB(1), BH_MEMORY_LIMIT_TRAP);
	bh_component *component = t_load(host, "wat/memory-hog-copes.wat", &limits);
	bh_usage usage = BH_USAGE_INIT;
	FAILS(BH_E_MEMORY_LIMIT, t_call(NULL, component, "run", "", NULL, &usage, &t_err));
	expect_refusal(BH_MIB(1), BH_MIB(1) + PAGE, &usage, BH_MIB(1));
	bh_component_unref(component);
}

/* Two memories that grow in turns are stopped at the limit in sum. */
static void the_sum_counts(void **state)
{
	(void)state;
	bh_limits limits = with(BH_MIB(64), BH_MEMORY_LIMIT_TRAP);
	bh_component *component = t_load(host, "wat/twomem.wat", &limits);
	bh_usage usage = BH_USAGE_INIT;
	FAILS(BH_E_MEMORY_LIMIT, t_call(NULL, component, "run", "", NULL, &usage, &t_err));
	expect_refusal(BH_MIB(64), BH_MIB(64) + PAGE, &usage, BH_MIB(64));
	bh_component_unref(component);
	limits = with(BH_MIB(64), BH_MEMORY_LIMIT_FAIL);
	component = t_load(host, "wat/twomem.wat", &limits);
	assert_int_equal(t_number(component, "pages", ""), 1024);
	FAILS(BH_E_MEMORY_LIMIT, t_call(NULL, component, "run", "", NULL, &usage, &t_err));
	assert_int_equal(usage.peak_memory, BH_MIB(64));
	bh_component_unref(component);
}

static void exact_to_a_page(void **state)
{
	(void)state;
	static const struct {
		uint64_t limit;
		unsigned pages; /* fit beside the two it starts with */
	} rows[] = {{2 * PAGE, 0}, {2 * PAGE + 1, 0},   {3 * PAGE - 1, 0},      {3 * PAGE, 1},     {BH_MIB(1), 14},
	            {1000000, 13}, {BH_MIB(256), 4094}, {BH_GIB(4) - 1, 65533}, {BH_GIB(4), 65534}};
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		bh_limits limits = with(rows[i].limit, BH_MEMORY_LIMIT_FAIL);
		bh_component *component = load_grower("", &limits);
		bh_export *grow = t_find(component, "grow");
		bh_value arg = bh_of_u32(rows[i].pages), result = BH_VALUE_INIT;
		bh_usage usage = BH_USAGE_INIT;
		OK(bh_export_call(grow, &arg, 1, &result, NULL, &usage, &t_err));
		assert_int_equal(result.as.s32, 2);
		assert_int_equal(usage.peak_memory, (2 + (uint64_t)rows[i].pages) * PAGE);
		assert_int_equal(usage.refused_growths, 0);
		arg.as.u32++;
		OK(bh_export_call(grow, &arg, 1, &result, NULL, &usage, &t_err));
		assert_int_equal(result.as.s32, -1);
		assert_int_equal(usage.peak_memory, 2 * PAGE);
		/* 4 GiB is as much as a memory can have: there no limit of ours refuses anything. */
		assert_int_equal(usage.refused_growths, rows[i].limit < BH_GIB(4));
		arg.as.u32 = UINT32_MAX;
		OK(bh_export_call(grow, &arg, 1, &result, NULL, &usage, &t_err));
		assert_int_equal(result.as.s32, -1);
		bh_export_free(grow);
		bh_component_unref(component);
	}
}

/* A guest's own maximum is its own affair: no limit of ours is named for it. */
static void its_own_maximum(void **state)
{
	(void)state;
	bh_limits limits = with(BH_MIB(1), BH_MEMORY_LIMIT_TRAP);
	bh_component *component = load_grower("4", &limits);
	bh_instance *instance = t_instance(component);
	bh_export *grow = t_find(component, "grow"), *crash = t_find(component, "crash");
	bh_usage usage = BH_USAGE_INIT;
	char *text = NULL;
	OK(t_call_live(&text, instance, grow, "3", NULL, &usage, &t_err));
	assert_string_equal(text, "-1");
	assert_int_equal(usage.refused_growths, 0);
	bh_string_free(text);
	OK(t_call_live(NULL, instance, grow, "2", NULL, &usage, &t_err));
	assert_int_equal(usage.peak_memory, 4 * PAGE);
	FAILS(BH_E_TRAP, t_call_live(NULL, instance, crash, "", NULL, &usage, &t_err));
	assert_int_equal(bh_error_limit(t_err, NULL, NULL), BH_LIMIT_NONE);
	bh_export_free(grow);
	bh_export_free(crash);
	bh_instance_free(instance);
	bh_component_unref(component);
}

/* A refusal in one call is not the cause of a trap in a later one. */
static void blame_is_of_the_call(void **state)
{
	(void)state;
	bh_limits limits = with(BH_MIB(1), BH_MEMORY_LIMIT_FAIL);
	bh_component *component = load_grower("", &limits);
	bh_instance *instance = t_instance(component);
	bh_export *grow = t_find(component, "grow"), *crash = t_find(component, "crash");
	bh_usage usage = BH_USAGE_INIT;
	for (unsigned i = 0; i < 7; i++) {
		OK(t_call_live(NULL, instance, grow, "2", NULL, &usage, &t_err));
		assert_int_equal(usage.memory, (4 + 2 * i) * PAGE);
	}
	OK(t_call_live(NULL, instance, grow, "1", NULL, &usage, &t_err));
	assert_int_equal(usage.refused_growths, 1);
	FAILS(BH_E_TRAP, t_call_live(NULL, instance, crash, "", NULL, &usage, &t_err));
	assert_int_equal(bh_error_trap(t_err), BH_TRAP_UNREACHABLE);
	assert_int_equal(usage.peak_memory, BH_MIB(1));
	bh_export_free(grow);
	bh_export_free(crash);
	bh_instance_free(instance);
	bh_component_unref(component);
}

/* What a component starts with is known when it is loaded. */
static void too_much_to_start_with(void **state)
{
	(void)state;
	static const struct {
		const char *memories; /* of one module, instantiated twice */
		uint64_t needs;
	} rows[] = {{"(memory 8)", BH_MIB(1)}, {"(memory 4) (memory 4)", BH_MIB(1)}, {"(memory 32768)", BH_GIB(4)}};
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		char text[512];
		snprintf(text, sizeof text,
		         "(component (component $c (core module $m %s (func (export \"run\")))\n"
		         "  (core instance (instantiate $m)) (core instance $i (instantiate $m))\n"
		         "  (func (export \"run\") (canon lift (core func $i \"run\"))))\n"
		         "(instance $c (instantiate $c)) (export \"run\" (func $c \"run\")))",
		         rows[i].memories);
		bh_component_options options = BH_COMPONENT_OPTIONS_INIT;
		bh_component *component = NULL;
		options.limits = with(rows[i].needs - 1, BH_MEMORY_LIMIT_FAIL);
		FAILS(BH_E_MEMORY_LIMIT, bh_component_load_bytes(&component, host, text, strlen(text), &options, &t_err));
		assert_null(component);
		uint64_t tried = 0;
		t_names_limit(BH_LIMIT_MEMORY, rows[i].needs - 1);
		bh_error_limit(t_err, NULL, &tried);
		assert_int_equal(tried, rows[i].needs);
		options.limits.memory++;
		OK(bh_component_load_bytes(&component, host, text, strlen(text), &options, &t_err));
		bh_component_needs needs = {.struct_size = sizeof needs};
		bh_component_describe(component, &needs);
		assert_int_equal(needs.initial_memory, rows[i].needs);
		bh_usage usage = BH_USAGE_INIT;
		OK(t_call(NULL, component, "run", "", NULL, &usage, &t_err));
		assert_int_equal(usage.peak_memory, rows[i].needs);
		bh_component_unref(component);
	}
}

/* A program whose malloc fails and which then exits: with a failure the limit is to blame, without it is fine. */
static void programs(void **state)
{
	(void)state;
	bh_limits limits = with(BH_MIB(16), BH_MEMORY_LIMIT_FAIL);
	bh_component *hog = t_load(host, "hog.wasm", &limits);
	bh_usage usage = BH_USAGE_INIT;
	int exit_status = -1;
	FAILS(BH_E_MEMORY_LIMIT, bh_component_run(hog, &exit_status, NULL, &usage, &t_err));
	assert_int_equal(exit_status, -1);
	t_names_limit(BH_LIMIT_MEMORY, BH_MIB(16));
	assert_true(usage.peak_memory <= BH_MIB(16) && usage.peak_memory > BH_MIB(12));
	const char *args[] = {"hog", "trap"};
	bh_instance_options instance = BH_INSTANCE_OPTIONS_INIT;
	instance.args = args;
	instance.arg_count = 2;
	bh_call_options options = BH_CALL_OPTIONS_INIT;
	options.instance = &instance;
	FAILS(BH_E_MEMORY_LIMIT, bh_component_run(hog, &exit_status, &options, &usage, &t_err));
	bh_component_unref(hog);
}

/* Memories with 64-bit addresses, where sizes can be absurd. */
static void addresses_of_64_bits(void **state)
{
	(void)state;
	bh_limits limits = with(BH_MIB(1), BH_MEMORY_LIMIT_FAIL);
	bh_component_options options = BH_COMPONENT_OPTIONS_INIT;
	options.limits = limits;
	static const char text[] =
		"(component (core module $m (memory i64 1)\n"
		"  (func (export \"grow\") (param i64) (result i64) (memory.grow (local.get 0))))\n"
		"(core instance $i (instantiate $m))\n"
		"(func (export \"grow\") (param \"pages\" u64) (result s64) (canon lift (core func $i \"grow\"))))";
	bh_component *component = NULL;
	bh_status status = bh_component_load_bytes(&component, host, text, strlen(text), &options, NULL);
	if (status) { /* refused is as good */
		assert_int_equal(status, BH_E_VALIDATION);
		return;
	}
	static const char *const pages[] = {"16", "65536", "281474976710655", "9223372036854775807",
	                                    "18446744073709551615"};
	for (size_t i = 0; i < sizeof pages / sizeof *pages; i++) {
		char *result = NULL;
		OK(t_call(&result, component, "grow", pages[i], NULL, NULL, &t_err));
		assert_string_equal(result, "-1");
		bh_string_free(result);
	}
	assert_int_equal(t_number(component, "grow", "15"), 1);
	bh_component_unref(component);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_guest_that_copes),
		cmocka_unit_test(a_guest_that_does_not),
		cmocka_unit_test(the_sum_counts),
		cmocka_unit_test(exact_to_a_page),
		cmocka_unit_test(its_own_maximum),
		cmocka_unit_test(blame_is_of_the_call),
		cmocka_unit_test(programs),
		cmocka_unit_test(too_much_to_start_with),
		cmocka_unit_test(addresses_of_64_bits),
	};
	return cmocka_run_group_tests(tests, host_begin, host_end);
}
