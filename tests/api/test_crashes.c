// test: timeout=600 labels=slow,nosanitize
/* A hundred thousand guests that crash in one process: memory and descriptors stay as they were. */
#include <malloc.h>

#include "api.h"

enum { CALLS = 100000, WARM_UP = 10000 };

static void crash(bh_host *host, const char *guest, const char *name, bh_status wanted)
{
	bh_limits limits = t_limits();
	limits.fuel = 10000;
	bh_component *component = t_load(host, guest, &limits);
	bh_export *export_ = t_find(component, name);
	size_t memory = 0, files = 0, threads = 0;
	double start = t_now_ms();
	for (int i = 0; i < CALLS; i++) {
		bh_error *err = NULL;
		bh_usage usage = BH_USAGE_INIT;
		assert_int_equal(bh_export_call(export_, NULL, 0, NULL, NULL, &usage, &err), wanted);
		bh_error_free(err);
		if (i == WARM_UP) {
			malloc_trim(0);
			memory = t_rss();
			files = t_descriptors();
			threads = t_threads();
		}
	}
	double took = t_now_ms() - start;
	malloc_trim(0);
	size_t after = t_rss();
	print_message("%s: %d calls, %.1f us each; %zu KiB after %d, %zu KiB in the end\n", guest, CALLS,
	              took * 1e3 / CALLS, memory / 1024, WARM_UP, after / 1024);
	assert_true((double)after <= (double)memory * 1.02);
	assert_true(t_descriptors() <= files);
	assert_true(t_threads() <= threads);
	bh_export_free(export_);
	bh_component_unref(component);
}

static void every_kind(bh_host *host)
{
	crash(host, "wat/unreachable.wat", "run", BH_E_TRAP);
	crash(host, "wat/spin.wat", "run", BH_E_OUT_OF_FUEL);
	crash(host, "wat/start-trap.wat", "run", BH_E_TRAP);
	bh_host_free(host);
}

static void pooled(void **state)
{
	(void)state;
	every_kind(t_host_pooled(100));
}

static void on_demand(void **state)
{
	(void)state;
	every_kind(t_host());
}

/* Live instances that are poisoned, and guests with WASI. */
static void instances(void **state)
{
	(void)state;
	bh_host *host = t_host_pooled(100);
	bh_component *component = t_load(host, "exitcode.wasm", NULL);
	bh_export *run = t_find(component, "run");
	size_t memory = 0, files = 0;
	for (int i = 0; i < CALLS / 10; i++) {
		bh_instance *instance = NULL;
		assert_int_equal(bh_instance_new(&instance, component, NULL, NULL), BH_OK);
		assert_int_equal(bh_instance_call(instance, run, NULL, 0, NULL, NULL, NULL, NULL), BH_E_EXIT);
		assert_int_equal(bh_instance_call(instance, run, NULL, 0, NULL, NULL, NULL, NULL), BH_E_POISONED);
		bh_instance_free(instance);
		if (i == WARM_UP / 10) {
			malloc_trim(0);
			memory = t_rss();
			files = t_descriptors();
		}
	}
	malloc_trim(0);
	assert_true((double)t_rss() <= (double)memory * 1.02);
	assert_true(t_descriptors() <= files);
	bh_export_free(run);
	bh_component_unref(component);
	bh_host_free(host);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(pooled),
		cmocka_unit_test(on_demand),
		cmocka_unit_test(instances),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
