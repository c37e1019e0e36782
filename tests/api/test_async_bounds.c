// test: timeout=120
/* What there is only so much of: calls, instances, memory, slots. Those who wait get their turn, or are told so in time. */
#include "async_tools.h"

static bh_export *only_export(bh_component *component)
{
	return t_find(component, bh_component_export_at(component, 0)->name);
}

static bh_component *load_with(bh_host *host, const char *guest, const bh_component_options *options)
{
	bh_component *component = NULL;
	OK(bh_component_load_file(&component, host, t_guest(guest), options, &t_err));
	return component;
}

static bh_component_options options_with(uint64_t execution_ms, uint64_t queue_ms)
{
	bh_component_options options = BH_COMPONENT_OPTIONS_INIT;
	options.limits = t_limits();
	options.limits.execution_ms = execution_ms;
	options.limits.queue_ms = queue_ms;
	return options;
}

/* A spinner holds what there is one of; a second one waits until the first is stopped, a third is told it is busy. */
static void one_at_a_time(bh_host *host, const bh_component_options *options)
{
	bh_component *spin = load_with(host, "wat/spin.wat", options);
	bh_export *turn = only_export(spin);
	bh_call *calls[3];
	bh_usage usage = BH_USAGE_INIT;
	for (int i = 0; i < 3; i++) {
		OK(bh_call_start(&calls[i], turn, NULL, NULL, 0, NULL, &t_err));
		t_sleep_ms(15); /* two workers would run for it */
	}
	FAILS(BH_E_TIMEOUT, bh_call_wait(calls[0], NULL, NULL, &t_err));
	FAILS(BH_E_TIMEOUT, bh_call_wait(calls[1], NULL, &usage, &t_err));
	assert_true(usage.queue_ns >= UINT64_C(100000000));
	FAILS(BH_E_BUSY, bh_call_wait(calls[2], NULL, &usage, &t_err));
	assert_true(usage.queue_ns == usage.wall_ns);
	/* And it is free again. */
	FAILS(BH_E_TIMEOUT, bh_export_call(turn, NULL, 0, NULL, NULL, NULL, &t_err));
	for (int i = 0; i < 3; i++)
		bh_call_free(calls[i]);
	bh_export_free(turn);
	bh_component_unref(spin);
}

static void calls_of_a_component(void **state)
{
	(void)state;
	bh_host *host = host_with(2, 0);
	bh_component_options options = options_with(200, 300);
	options.max_calls = 1;
	one_at_a_time(host, &options);
	bh_host_free(host);
}

static void instances_of_a_component(void **state)
{
	(void)state;
	bh_host *host = host_with(2, 0);
	bh_component_options options = options_with(200, 300);
	options.max_instances = 1;
	one_at_a_time(host, &options);
	/* A live one counts for as long as it lives. */
	bh_component *adder = load_with(host, "wat/adder.wat", &options);
	bh_instance *live = t_instance(adder), *none = NULL;
	FAILS(BH_E_BUSY, bh_instance_new(&none, adder, NULL, &t_err));
	assert_true(t_says("max_instances"));
	bh_instance_free(live);
	OK(bh_instance_new(&none, adder, NULL, &t_err));
	bh_instance_free(none);
	bh_component_unref(adder);
	bh_host_free(host);
}

static void slots_of_the_pool(void **state)
{
	(void)state;
	bh_host *host = host_with(2, 1);
	bh_component_options options = options_with(200, 300);
	one_at_a_time(host, &options);
	bh_host_free(host);
}

static void memory_of_the_host(void **state)
{
	(void)state;
	bh_host *host = NULL;
	bh_host_options host_options = BH_HOST_OPTIONS_INIT;
	host_options.allocation = BH_ALLOCATION_ON_DEMAND;
	host_options.memory_budget = BH_MIB(10);
	OK(bh_host_new(&host, &host_options, &t_err));
	bh_component_options options = options_with(200, 300);
	options.limits.initial_memory = BH_MIB(6);
	one_at_a_time(host, &options);
	/* What can never fit says so. */
	options.limits.initial_memory = BH_MIB(11);
	bh_component *adder = load_with(host, "wat/adder.wat", &options);
	bh_instance *none = NULL;
	FAILS(BH_E_BUSY, bh_instance_new(&none, adder, NULL, &t_err));
	assert_true(t_says("memory_budget"));
	bh_component_unref(adder);
	bh_host_free(host);
}

/* The deadline and a cancellation count while it waits, too. */
static void waits_end_early(void **state)
{
	(void)state;
	bh_host *host = host_with(2, 0);
	bh_component_options options = options_with(1000, 60000);
	options.max_calls = 1;
	bh_component *spin = load_with(host, "wat/spin.wat", &options);
	bh_export *turn = only_export(spin);
	bh_call *first = NULL, *second = NULL, *third = NULL;
	bh_call_options hurried = BH_CALL_OPTIONS_INIT;
	hurried.deadline_ms = 50;
	double now = t_now_ms();
	OK(bh_call_start(&first, turn, NULL, NULL, 0, NULL, &t_err));
	OK(bh_call_start(&second, turn, NULL, NULL, 0, &hurried, &t_err));
	OK(bh_call_start(&third, turn, NULL, NULL, 0, NULL, &t_err));
	FAILS(BH_E_DEADLINE, bh_call_wait(second, NULL, NULL, &t_err));
	bh_call_cancel(third, BH_CANCEL_ABANDON);
	FAILS(BH_E_CANCELLED, bh_call_wait(third, NULL, NULL, &t_err));
	assert_true(t_now_ms() - now < 500 * t_slack());
	bh_call_cancel(first, BH_CANCEL_ABANDON);
	FAILS(BH_E_CANCELLED, bh_call_wait(first, NULL, NULL, &t_err));
	bh_call_free(first);
	bh_call_free(second);
	bh_call_free(third);
	bh_export_free(turn);
	bh_component_unref(spin);
	bh_host_free(host);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(calls_of_a_component), cmocka_unit_test(instances_of_a_component),
		cmocka_unit_test(slots_of_the_pool),    cmocka_unit_test(memory_of_the_host),
		cmocka_unit_test(waits_end_early),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
