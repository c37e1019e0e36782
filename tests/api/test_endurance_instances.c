// test: timeout=1500 labels=slow,nosanitize
/* 10,000 instances made, called and freed, 1,000 components loaded and freed: the process stays as large as it was. */
#include <stdlib.h>

#include "api.h"

enum { INSTANCES = 10000, COMPONENTS = 1000, HOSTS = 100 };

/* Instances that remember, with a resource handle that is dropped and one that goes with the instance. */
static void use_counter(bh_component *component, bh_export *make, bh_export *increment)
{
	bh_instance *instance = t_instance(component);
	for (int i = 0; i < 3; i++)
		OK(bh_instance_call(instance, increment, NULL, 0, NULL, NULL, NULL, &t_err));
	for (int i = 0; i < 2; i++) {
		bh_value bag = BH_VALUE_INIT;
		OK(bh_instance_call(instance, make, NULL, 0, &bag, NULL, NULL, &t_err));
		if (i)
			OK(bh_resource_drop(bag.as.resource, &t_err));
		bh_value_deinit(&bag);
	}
	bh_instance_free(instance);
}

static void test_instances(void **state)
{
	(void)state;
	bh_host *host = t_host_pooled(0);
	bh_component *component = t_load(host, "counter.wasm", NULL);
	bh_export *make = t_find(component, "[constructor]bag"), *increment = t_find(component, "increment");
	size_t settled = 0, descriptors = 0;
	for (int i = 0; i < INSTANCES; i++) {
		use_counter(component, make, increment);
		if (i == INSTANCES / 10) {
			settled = t_rss();
			descriptors = t_descriptors();
		}
	}
	printf("%d instances: %zu KiB, then %zu KiB\n", INSTANCES, settled / 1024, t_rss() / 1024);
	assert_in_range(t_rss(), 0, settled + settled / 50);
	assert_int_equal(t_descriptors(), descriptors);
	bh_export_free(make);
	bh_export_free(increment);
	bh_component_unref(component);
	bh_host_free(host);
}

/* Guests that end by themselves: the instance is poisoned, says so, and goes. */
static void test_poisoned(void **state)
{
	(void)state;
	bh_host *host = t_host_pooled(0);
	bh_component *component = t_load(host, "exitcode.wasm", NULL);
	bh_export *run = t_find(component, "run");
	size_t settled = 0, descriptors = 0;
	for (int i = 0; i < INSTANCES; i++) {
		bh_instance *instance = t_instance(component);
		assert_int_equal(bh_instance_call(instance, run, NULL, 0, NULL, NULL, NULL, NULL), BH_E_EXIT);
		assert_int_equal(bh_instance_call(instance, run, NULL, 0, NULL, NULL, NULL, NULL), BH_E_POISONED);
		bh_instance_free(instance);
		if (i == INSTANCES / 10) {
			settled = t_rss();
			descriptors = t_descriptors();
		}
	}
	printf("%d poisoned: %zu KiB, then %zu KiB\n", INSTANCES, settled / 1024, t_rss() / 1024);
	assert_in_range(t_rss(), 0, settled + settled / 50);
	assert_int_equal(t_descriptors(), descriptors);
	bh_export_free(run);
	bh_component_unref(component);
	bh_host_free(host);
}

/* Commands whose output is captured; every other one prints more than is kept. */
static void test_captured_output(void **state)
{
	(void)state;
	bh_host *host = t_host_pooled(0);
	bh_limits limits = t_limits();
	limits.output_bytes = 10000;
	bh_component *component = t_load(host, "flood.wasm", &limits);
	size_t settled = 0, descriptors = 0, threads = 0;
	for (int i = 0; i < INSTANCES; i++) {
		bh_buffer out = BH_BUFFER_INIT;
		int exit_status = -1;
		OK(t_run(component, i % 2 ? T_ARGS("flood", "50000") : T_ARGS("flood", "100"), NULL, &out, &exit_status,
		         &t_err));
		assert_int_equal(out.length, i % 2 ? 10000 : 100);
		bh_buffer_deinit(&out);
		if (i == INSTANCES / 10) {
			settled = t_rss();
			descriptors = t_descriptors();
			threads = t_threads();
		}
	}
	printf("%d commands: %zu KiB, then %zu KiB\n", INSTANCES, settled / 1024, t_rss() / 1024);
	assert_in_range(t_rss(), 0, settled + settled / 50);
	assert_int_equal(t_descriptors(), descriptors);
	assert_int_equal(t_threads(), threads);
	bh_component_unref(component);
	bh_host_free(host);
}

static void load_one(bh_host *host, int i)
{
	static const char *const guests[] = {"wat/adder.wat", "wat/echo-text.wat", "wat/twomem.wat", "echo.wasm",
	                                     "exitcode.wasm"};
	static const char *const broken[] = {"wat/unknown-import.wat", "wat/four-gib.wat"};
	/* Large ones less often: they take 50 ms. */
	bh_component *component = t_load(host, guests[i % 10 ? i % 3 : 3 + i / 10 % 2], NULL);
	for (size_t k = 0; k < bh_component_export_count(component); k++)
		assert_non_null(bh_component_export_at(component, k)->signature);
	bh_component_unref(component);
	bh_component_options options = BH_COMPONENT_OPTIONS_INIT;
	options.limits = t_limits();
	assert_int_not_equal(bh_component_load_file(&component, host, t_guest(broken[i % 2]), &options, NULL), BH_OK);
}

static void test_components(void **state)
{
	(void)state;
	bh_host *host = t_host_pooled(0);
	size_t settled = 0, descriptors = 0;
	for (int i = 0; i < COMPONENTS; i++) {
		load_one(host, i);
		if (i == COMPONENTS / 5) {
			settled = t_rss();
			descriptors = t_descriptors();
		}
	}
	printf("%d components: %zu KiB, then %zu KiB\n", COMPONENTS, settled / 1024, t_rss() / 1024);
	/* What the allocator keeps of a compilation differs. */
	assert_in_range(t_rss(), 0, settled + settled / 10);
	assert_int_equal(t_descriptors(), descriptors);
	bh_host_free(host);
}

/* Whole hosts, with engines, threads and pools. */
static void test_hosts(void **state)
{
	(void)state;
	size_t settled = 0, descriptors = 0, threads = 0;
	for (int i = 0; i < HOSTS; i++) {
		bh_host *host = i % 2 ? t_host() : t_host_pooled(10);
		bh_component *component = t_load(host, "exitcode.wasm", NULL);
		int exit_status = -1;
		OK(t_run(component, T_ARGS("exitcode", "1"), NULL, NULL, &exit_status, &t_err));
		bh_component_unref(component);
		bh_host_free(host);
		if (i == HOSTS / 5) {
			t_sleep_ms(100); /* threads end by themselves */
			settled = t_rss();
			descriptors = t_descriptors();
			threads = t_threads();
		}
	}
	t_sleep_ms(100);
	printf("%d hosts: %zu KiB, then %zu KiB\n", HOSTS, settled / 1024, t_rss() / 1024);
	assert_in_range(t_rss(), 0, settled + settled / 10);
	assert_int_equal(t_descriptors(), descriptors);
	assert_in_range(t_threads(), 0, threads);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_instances),  cmocka_unit_test(test_poisoned), cmocka_unit_test(test_captured_output),
		cmocka_unit_test(test_components), cmocka_unit_test(test_hosts),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
