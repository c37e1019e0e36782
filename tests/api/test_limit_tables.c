/* Tables, their elements, core instances and memories: counted, refused by name, pooled or not. */
#include "api.h"

static bh_host *hosts[2]; /* on demand, pooled */

static bh_status load(bh_component **out, bh_host *host, const char *text, const bh_limits *limits)
{
	bh_component_options options = BH_COMPONENT_OPTIONS_INIT;
	options.limits = *limits;
	t_begin();
	return bh_component_load_bytes(out, host, text, strlen(text), &options, &t_err);
}

/* Refused when it is loaded or when it is instantiated: both name the limit. */
static void refused(bh_host *host, const char *text, const bh_limits *limits, bh_limit limit)
{
	bh_component *component = NULL;
	bh_usage usage = BH_USAGE_INIT;
	bh_status status = load(&component, host, text, limits);
	if (!status)
		status = t_call(NULL, component, "run", "", NULL, &usage, &t_err);
	if (status != BH_E_RESOURCE_LIMIT)
		t_print_error(t_err);
	assert_int_equal(status, BH_E_RESOURCE_LIMIT);
	t_names_limit(limit, bh_limits_get(limits, limit));
	assert_int_equal(bh_error_trap(t_err), BH_TRAP_RESOURCE_LIMIT);
	bh_component_unref(component);
}

static void accepted(bh_host *host, const char *text, const bh_limits *limits)
{
	bh_component *component = NULL;
	bh_status status = load(&component, host, text, limits);
	if (!status)
		status = t_call(NULL, component, "run", "", NULL, NULL, &t_err);
	if (status)
		t_print_error(t_err);
	assert_int_equal(status, BH_OK);
	bh_component_unref(component);
}

/* So many instances of a module that has something in it. */
static void text_of(char *out, size_t size, const char *has, int instances)
{
	size_t used = (size_t)snprintf(out, size, "(component (core module $m %s (func (export \"run\")))\n", has);
	for (int i = 1; i < instances; i++)
		used += (size_t)snprintf(out + used, size - used, "(core instance (instantiate $m))\n");
	snprintf(out + used, size - used,
	         "(core instance $i (instantiate $m))\n(func (export \"run\") (canon lift (core func $i \"run\"))))");
}

static void counts(void **state)
{
	(void)state;
	static const struct {
		bh_limit limit;
		const char *has;
	} rows[] = {
		{BH_LIMIT_TABLES, "(table 1 funcref)"},
		{BH_LIMIT_MEMORIES, "(memory 1)"},
		{BH_LIMIT_INSTANCES, ""},
		{BH_LIMIT_TABLE_ELEMENTS, "(table 1 funcref)"},
		{BH_LIMIT_TABLE_ELEMENTS, "(table 1 externref)"},
	};
	static char text[100000];
	for (int h = 0; h < 2; h++)
		for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
			for (int bound = 1; bound <= 64; bound *= 4) {
				bh_limits limits = t_limits();
				bh_limits_set(&limits, rows[i].limit, (uint64_t)bound);
				text_of(text, sizeof text, rows[i].has, bound);
				accepted(hosts[h], text, &limits);
				text_of(text, sizeof text, rows[i].has, bound + 1);
				refused(hosts[h], text, &limits, rows[i].limit);
			}
}

/* The defaults of the table: 100 tables, 100 memories, 1000 instances, 10,000 elements. */
static void defaults(void **state)
{
	(void)state;
	static char text[200000];
	bh_limits limits = t_limits(), filled = limits;
	bh_limits_fill(&filled);
	for (int h = 0; h < 2; h++) {
		text_of(text, sizeof text, "", 1000);
		accepted(hosts[h], text, &filled);
		/* More than a thousand in one component the engine calls invalid; wat/many-instances.wat nests them. */
		text_of(text, sizeof text, "(table 1 funcref)", 100);
		accepted(hosts[h], text, &filled);
		text_of(text, sizeof text, "(table 1 funcref)", 101);
		refused(hosts[h], text, &filled, BH_LIMIT_TABLES);
		text_of(text, sizeof text, "(memory 1)", 100);
		accepted(hosts[h], text, &filled);
		text_of(text, sizeof text, "(memory 1)", 101);
		refused(hosts[h], text, &filled, BH_LIMIT_MEMORIES);
		text_of(text, sizeof text, "(table 5000 funcref)", 2);
		accepted(hosts[h], text, &filled);
		text_of(text, sizeof text, "(table 5001 funcref)", 2);
		refused(hosts[h], text, &filled, BH_LIMIT_TABLE_ELEMENTS);
	}
}

/* Grows its tables, which share the limit: as many elements as there are in the end. */
static const char grower[] =
	"(component (core module $m (table $a 1 funcref) (table $b 1 externref)\n"
	"  (func (export \"grow\") (param i32) (result i32)\n"
	"    (drop (table.grow $a (ref.null func) (local.get 0)))\n"
	"    (drop (table.grow $b (ref.null extern) (local.get 0)))\n"
	"    (i32.add (table.size $a) (table.size $b))))\n"
	"(core instance $i (instantiate $m))\n"
	"(func (export \"grow\") (param \"by\" u32) (result u32) (canon lift (core func $i \"grow\"))))";

static void growth(void **state)
{
	(void)state;
	for (int h = 0; h < 2; h++) {
		bh_limits limits = t_limits();
		limits.table_elements = 1000;
		bh_component *component = t_load_text(hosts[h], grower, &limits);
		bh_instance *instance = t_instance(component);
		bh_export *grow = t_find(component, "grow");
		bh_value arg = bh_of_u32(400), result = BH_VALUE_INIT;
		bh_usage usage = BH_USAGE_INIT;
		OK(bh_instance_call(instance, grow, &arg, 1, &result, NULL, &usage, &t_err));
		assert_int_equal(result.as.u32, 802);
		assert_int_equal(usage.refused_growths, 0);
		OK(bh_instance_call(instance, grow, &arg, 1, &result, NULL, &usage, &t_err));
		assert_int_equal(result.as.u32, 802);
		assert_int_equal(usage.refused_growths, 2);
		arg = bh_of_u32(99);
		OK(bh_instance_call(instance, grow, &arg, 1, &result, NULL, &usage, &t_err));
		assert_int_equal(result.as.u32, 1000);
		arg = bh_of_u32(UINT32_MAX);
		OK(bh_instance_call(instance, grow, &arg, 1, &result, NULL, &usage, &t_err));
		assert_int_equal(result.as.u32, 1000);
		bh_export_free(grow);
		bh_instance_free(instance);
		bh_component_unref(component);
		/* With the policy to trap. */
		limits.on_memory_limit = BH_MEMORY_LIMIT_TRAP;
		component = t_load_text(hosts[h], grower, &limits);
		FAILS(BH_E_RESOURCE_LIMIT, t_call(NULL, component, "grow", "999", NULL, &usage, &t_err));
		t_names_limit(BH_LIMIT_TABLE_ELEMENTS, 1000);
		assert_int_equal(usage.refused_growths, 1);
		bh_component_unref(component);
	}
}

/* A limit that is granted is there, also where it is more than a pool's slots hold. */
static void more_than_a_slot_holds(void **state)
{
	(void)state;
	for (int h = 0; h < 2; h++) {
		bh_limits limits = t_limits();
		limits.table_elements = 1000000;
		bh_component *component = t_load_text(hosts[h], grower, &limits);
		assert_int_equal(t_number(component, "grow", "300000"), 600002);
		bh_component_unref(component);
		static char text[1000];
		text_of(text, sizeof text, "(table 300000 funcref)", 3);
		accepted(hosts[h], text, &limits);
	}
}

static int set_up(void **state)
{
	(void)state;
	hosts[0] = t_host();
	hosts[1] = t_host_pooled(20);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	t_begin();
	bh_host_free(hosts[0]);
	bh_host_free(hosts[1]);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(counts),
		cmocka_unit_test(defaults),
		cmocka_unit_test(growth),
		cmocka_unit_test(more_than_a_slot_holds),
	};
	return cmocka_run_group_tests(tests, set_up, tear_down);
}
