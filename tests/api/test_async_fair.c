// test: timeout=120 labels=alone
/* Nobody starves: short calls beside guests that spin, shares of components, and a host that sleeps when idle. */
#include <stdlib.h>
#include <unistd.h>

#include "async_tools.h"

static bh_component *load_sharing(bh_host *host, const char *guest, uint32_t share, uint64_t execution_ms)
{
	bh_component *component = NULL;
	bh_component_options options = BH_COMPONENT_OPTIONS_INIT;
	options.limits = t_limits();
	options.limits.execution_ms = execution_ms;
	options.limits.queue_ms = 60000;
	options.share = share;
	OK(bh_component_load_file(&component, host, t_guest(guest), &options, &t_err));
	return component;
}

static bh_export *only_export(bh_component *component)
{
	return t_find(component, bh_component_export_at(component, 0)->name);
}

/* One worker, a guest that never ends, and a thousand that want a moment each. */
static void short_calls_beside_a_spinner(void **state)
{
	(void)state;
	bh_host *host = host_with(1, 100);
	bh_component *spin = load_sharing(host, "wat/spin.wat", 0, 10000);
	bh_component *adder = load_sharing(host, "wat/adder.wat", 0, 1000);
	bh_export *turn = only_export(spin), *add = t_find(adder, "add");
	bh_call *spinner = NULL;
	OK(bh_call_start(&spinner, turn, NULL, NULL, 0, NULL, &t_err));
	tally t = {0};
	bh_call_options options = telling(&t);
	bh_value args[2] = {bh_of_s32(1), bh_of_s32(2)};
	double begin = t_now_ms();
	for (int i = 0; i < 1000; i++)
		OK(bh_call_start(NULL, add, NULL, args, 2, &options, &t_err));
	wait_told(&t, 1000);
	double took = t_now_ms() - begin;
	assert_int_equal(t.good, 1000);
	assert_false(bh_call_ended(spinner));
	assert_true(took < 3000 * t_slack());
	print_message("1000 short calls beside a spinner: %.1f ms\n", took);
	bh_call_cancel(spinner, BH_CANCEL_KILL);
	FAILS(BH_E_CANCELLED, bh_call_wait(spinner, NULL, NULL, &t_err));
	bh_call_free(spinner);
	bh_export_free(turn);
	bh_export_free(add);
	bh_component_unref(spin);
	bh_component_unref(adder);
	bh_host_free(host);
}

/*
 * Far more calls than their time limit has room for: each takes a moment, and most of them meet no tick. Those that do are
 * not to begin their wait anew, behind all the others.
 */
static void a_tick_sends_no_short_call_to_the_back(void **state)
{
	(void)state;
	enum { CALLS = 4000, TURNS = 200000 };
	bh_host *host = host_with(1, t_slack() > 5 ? 0 : CALLS);
	bh_component *loop = load_sharing(host, "wat/loop.wat", 0, (uint64_t)(150 * t_slack()));
	bh_export *run = t_find(loop, "run");
	tally t = {0};
	bh_call_options options = telling(&t);
	bh_value turns = bh_of_u32(TURNS);
	double begin = t_now_ms();
	for (int i = 0; i < CALLS; i++)
		OK(bh_call_start(NULL, run, NULL, &turns, 1, &options, &t_err));
	wait_told(&t, CALLS);
	print_message("%d short calls: %.1f ms\n", CALLS, t_now_ms() - begin);
	assert_int_equal(t.good, CALLS);
	bh_export_free(run);
	bh_component_unref(loop);
	bh_host_free(host);
}

/* CPU time that calls of a component had, in nanoseconds: all of them are stopped. */
static uint64_t stop_all(bh_call **calls, size_t count)
{
	uint64_t sum = 0;
	for (size_t i = 0; i < count; i++)
		bh_call_cancel(calls[i], BH_CANCEL_KILL);
	for (size_t i = 0; i < count; i++) {
		bh_usage usage = BH_USAGE_INIT;
		FAILS(BH_E_CANCELLED, bh_call_wait(calls[i], NULL, &usage, &t_err));
		sum += usage.cpu_ns;
		bh_call_free(calls[i]);
	}
	return sum;
}

/* A flood of one component's beside a single call of another's: each component gets what its share says. */
static void shares(void **state)
{
	(void)state;
	enum { FLOOD = 30 };
	bh_host *host = host_with(1, 100);
	bh_component *flood = load_sharing(host, "wat/spin.wat", 100, 20000);
	bh_component *lone = load_sharing(host, "wat/spin.wat", 300, 20000);
	bh_export *many = only_export(flood), *one = only_export(lone);
	bh_call *calls[FLOOD], *single = NULL;
	bh_call_options options = BH_CALL_OPTIONS_INIT;
	options.cpu_time = true;
	for (int i = 0; i < FLOOD; i++)
		OK(bh_call_start(&calls[i], many, NULL, NULL, 0, &options, &t_err));
	OK(bh_call_start(&single, one, NULL, NULL, 0, &options, &t_err));
	t_sleep_ms(1000);
	uint64_t alone = stop_all(&single, 1), together = stop_all(calls, FLOOD);
	double ratio = (double)alone / (double)together;
	print_message("share 300 to 100: %.2f\n", ratio);
	assert_true(ratio > 2 && ratio < 4.5);
	bh_export_free(many);
	bh_export_free(one);
	bh_component_unref(flood);
	bh_component_unref(lone);
	bh_host_free(host);
}

static void an_idle_host_sleeps(void **state)
{
	(void)state;
	if (t_under_tsan())
		skip(); /* it has a thread of its own that never sleeps for long */
	bh_host *host = host_with(2, 10);
	bh_component *counter = t_load(host, "counter.wasm", NULL);
	bh_instance *instance = t_instance(counter);
	bh_export *increment = t_find(counter, "increment");
	for (int i = 0; i < 10; i++) {
		bh_call *call = NULL;
		OK(bh_call_start(&call, increment, instance, NULL, 0, NULL, &t_err));
		OK(bh_call_wait(call, NULL, NULL, &t_err));
		bh_call_free(call);
	}
	t_sleep_ms(500); /* the ticker parks after 64 ticks */
	uint64_t before = t_sleeps();
	t_sleep_ms(1500);
	assert_int_equal(t_sleeps() - before, 0);
	bh_export_free(increment);
	bh_instance_free(instance);
	bh_component_unref(counter);
	bh_host_free(host);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(short_calls_beside_a_spinner),
		cmocka_unit_test(a_tick_sends_no_short_call_to_the_back),
		cmocka_unit_test(shares),
		cmocka_unit_test(an_idle_host_sleeps),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
