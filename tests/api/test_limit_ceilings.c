/* A host's ceilings over what components ask for; and the limits in force. */
#include "api.h"

static const char empty[] = "(component)";

static bh_host *host_with(const bh_limits *ceilings, bh_ceiling_policy policy)
{
	bh_host_options options = BH_HOST_OPTIONS_INIT;
	options.allocation = BH_ALLOCATION_ON_DEMAND;
	options.ceilings = *ceilings;
	options.ceiling_policy = policy;
	bh_host *host = NULL;
	OK(bh_host_new(&host, &options, &t_err));
	return host;
}

static bh_status load(bh_component **out, bh_host *host, const bh_limits *limits)
{
	bh_component_options options = BH_COMPONENT_OPTIONS_INIT;
	options.limits = *limits;
	t_begin();
	return bh_component_load_bytes(out, host, empty, sizeof empty - 1, &options, &t_err);
}

/* For each limit: a ceiling in the middle, and asked for what is below, at and above it. */
static uint64_t middle(const bh_limit_info *info)
{
	uint64_t value = info->fallback && info->fallback != BH_UNLIMITED ? info->fallback : info->minimum * 4;
	return value == info->maximum ? value / 2 : value;
}

static void every_limit(void **state)
{
	(void)state;
	for (int l = BH_LIMIT_NONE + 1; l < BH_LIMIT_COUNT; l++) {
		const bh_limit_info *info = bh_limit_describe((bh_limit)l);
		uint64_t ceiling = middle(info), above = ceiling < info->maximum ? ceiling + 1 : ceiling;
		bh_limits ceilings = {.struct_size = sizeof ceilings};
		bh_limits_set(&ceilings, (bh_limit)l, ceiling);
		for (int clamp = 0; clamp < 2; clamp++) {
			bh_host *host = host_with(&ceilings, clamp ? BH_CEILING_CLAMP : BH_CEILING_REJECT);
			uint64_t asked[] = {info->minimum, ceiling, above, info->may_be_unlimited ? BH_UNLIMITED : above};
			for (size_t i = 0; i < 4; i++) {
				bh_limits limits = t_limits();
				bh_limits_set(&limits, (bh_limit)l, asked[i]);
				if (l == BH_LIMIT_INITIAL_MEMORY)
					limits.memory = BH_GIB(4);
				bh_component *component = NULL;
				bh_status status = load(&component, host, &limits);
				if (asked[i] <= ceiling || clamp) {
					if (status)
						t_print_error(t_err);
					assert_int_equal(status, BH_OK);
					uint64_t wanted = asked[i] < ceiling ? asked[i] : ceiling;
					assert_int_equal(bh_limits_get(bh_component_limits(component), (bh_limit)l), wanted);
				} else {
					assert_int_equal(status, BH_E_POLICY);
					assert_true(t_says(info->key));
					assert_null(component);
				}
				bh_component_unref(component);
			}
			bh_host_free(host);
		}
	}
}

/* Nothing asked for is the default, and that may be above a ceiling as well. */
static void defaults_under_a_ceiling(void **state)
{
	(void)state;
	bh_limits ceilings = {.struct_size = sizeof ceilings, .execution_ms = 10};
	bh_limits limits = BH_LIMITS_INIT;
	limits.memory = BH_MIB(1);
	bh_component *component = NULL;
	bh_host *host = host_with(&ceilings, BH_CEILING_CLAMP);
	assert_int_equal(load(&component, host, &limits), BH_OK);
	const bh_limits *in_force = bh_component_limits(component);
	assert_int_equal(in_force->execution_ms, 10);
	assert_int_equal(in_force->fuel, 1000000);
	assert_int_equal(in_force->stack, BH_MIB(1));
	assert_int_equal(in_force->queue_ms, 1000);
	assert_int_equal(in_force->tables, 100);
	assert_int_equal(in_force->table_elements, 10000);
	assert_int_equal(in_force->instances, 1000);
	assert_int_equal(in_force->hostcall_bytes, BH_MIB(32));
	assert_int_equal(in_force->output_bytes, BH_MIB(1));
	assert_int_equal(in_force->open_files, 64);
	assert_int_equal(in_force->io_bytes, BH_UNLIMITED);
	assert_int_equal(in_force->blocking, 4);
	bh_component_unref(component);
	bh_host_free(host);
	host = host_with(&ceilings, BH_CEILING_REJECT);
	component = NULL;
	assert_int_equal(load(&component, host, &limits), BH_E_POLICY);
	assert_true(t_says("100 ms"));
	bh_host_free(host);
}

/* Clamped limits are the ones that stop a guest. */
static void a_clamped_limit_holds(void **state)
{
	(void)state;
	bh_limits ceilings = {.struct_size = sizeof ceilings, .execution_ms = 60, .memory = BH_MIB(2), .fuel = 5000};
	bh_host *host = host_with(&ceilings, BH_CEILING_CLAMP);
	bh_component *spin = t_load(host, "wat/spin.wat", NULL);
	FAILS(BH_E_OUT_OF_FUEL, t_call(NULL, spin, "run", "", NULL, NULL, &t_err));
	t_names_limit(BH_LIMIT_FUEL, 5000);
	bh_component_unref(spin);
	bh_host_free(host);
	ceilings.fuel = 0;
	host = host_with(&ceilings, BH_CEILING_CLAMP);
	spin = t_load(host, "wat/spin.wat", NULL);
	FAILS(BH_E_TIMEOUT, t_call(NULL, spin, "run", "", NULL, NULL, &t_err));
	t_names_limit(BH_LIMIT_EXECUTION_TIME, 60);
	bh_component *hog = t_load(host, "wat/memory-hog-copes.wat", NULL);
	assert_int_equal(t_number(hog, "run", ""), 32);
	bh_component_unref(hog);
	bh_component_unref(spin);
	bh_host_free(host);
}

static void bad_limits(void **state)
{
	(void)state;
	bh_limits none = {.struct_size = sizeof none};
	bh_host *host = host_with(&none, BH_CEILING_REJECT);
	bh_component *component = NULL;
	assert_int_equal(load(&component, host, &none), BH_E_MISSING_LIMITS);
	assert_true(t_says("max_memory"));
	for (int l = BH_LIMIT_NONE + 1; l < BH_LIMIT_COUNT; l++) {
		const bh_limit_info *info = bh_limit_describe((bh_limit)l);
		uint64_t bad[] = {info->minimum - 1, info->maximum + 1, BH_UNLIMITED};
		for (size_t i = 0; i < 3; i++) {
			if (bad[i] == 0 || (i == 2 && info->may_be_unlimited))
				continue;
			bh_limits limits = t_limits();
			bh_limits_set(&limits, (bh_limit)l, bad[i]);
			assert_int_equal(load(&component, host, &limits), BH_E_CONFIG);
			assert_true(t_says(info->key));
		}
	}
	/* More reserved than may be used. */
	bh_limits limits = t_limits();
	limits.memory = BH_MIB(1);
	limits.initial_memory = BH_MIB(2);
	bh_status status = load(&component, host, &limits);
	assert_true(status == BH_E_CONFIG);
	assert_null(component);
	bh_host_free(host);
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
		cmocka_unit_test(every_limit),
		cmocka_unit_test(defaults_under_a_ceiling),
		cmocka_unit_test(a_clamped_limit_holds),
		cmocka_unit_test(bad_limits),
	};
	return cmocka_run_group_tests(tests, NULL, tear_down);
}
