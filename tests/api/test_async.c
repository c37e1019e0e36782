// test: timeout=120
/* Calls that the executor runs: started, told of, waited for. */
#include <poll.h>
#include <pthread.h>
#include <stdlib.h>

#include "async_tools.h"

static bh_value two_numbers[2];

static int numbers(void **state)
{
	(void)state;
	two_numbers[0] = bh_of_s32(40);
	two_numbers[1] = bh_of_s32(2);
	return 0;
}

static void waited_for(void **state)
{
	(void)state;
	bh_host *host = host_with(2, 0);
	bh_component *adder = t_load(host, "wat/adder.wat", NULL);
	bh_export *add = t_find(adder, "add");
	bh_call *call = NULL;
	bh_value result = BH_VALUE_INIT;
	bh_usage usage = BH_USAGE_INIT;
	OK(bh_call_start(&call, add, NULL, two_numbers, 2, NULL, &t_err));
	OK(bh_call_wait(call, &result, &usage, &t_err));
	assert_int_equal(result.as.s32, 42);
	assert_true(usage.wall_ns > 0 && usage.wall_ns >= usage.queue_ns + usage.instantiate_ns);
	assert_true(bh_call_ended(call));
	FAILS(BH_E_INVALID, bh_call_wait(call, &result, NULL, &t_err));
	bh_call_cancel(call, BH_CANCEL_KILL); /* too late, and harmless */
	bh_call_free(call);
	bh_export_free(add);
	bh_component_unref(adder);
	bh_host_free(host);
}

/* Text in and out: arguments are copied, or given. */
static void copied_and_given(void **state)
{
	(void)state;
	bh_host *host = host_with(1, 0);
	bh_component *echo = t_load(host, "wat/echo-text.wat", NULL);
	bh_export *function = t_find(echo, bh_component_export_at(echo, 0)->name);
	for (int given = 0; given < 2; given++) {
		bh_call *call = NULL;
		bh_call_options options = BH_CALL_OPTIONS_INIT;
		bh_value text = BH_VALUE_INIT, result = BH_VALUE_INIT;
		options.give_args = given;
		bh_value lent = BH_STRING("to and fro");
		OK(bh_value_copy(&text, &lent, &t_err));
		OK(bh_call_start(&call, function, NULL, &text, 1, &options, &t_err));
		if (given)
			text = (bh_value)BH_VALUE_INIT;
		bh_value_deinit(&text);
		OK(bh_call_wait(call, &result, NULL, &t_err));
		assert_string_equal(bh_value_string(&result), "to and fro");
		bh_value_deinit(&result);
		bh_call_free(call);
	}
	bh_export_free(function);
	bh_component_unref(echo);
	bh_host_free(host);
}

/* More calls than slots, workers and sense: each is told of once. */
static void thousands(void **state)
{
	(void)state;
	enum { CALLS = 20000 };
	bh_host *host = host_with(2, 20);
	bh_limits limits = t_limits();
	limits.queue_ms = 60000;
	bh_component *adder = t_load(host, "wat/adder.wat", &limits);
	bh_export *add = t_find(adder, "add");
	tally t = {0};
	bh_call_options options = telling(&t);
	for (int i = 0; i < CALLS; i++)
		OK(bh_call_start(NULL, add, NULL, two_numbers, 2, &options, &t_err));
	wait_told(&t, CALLS);
	assert_int_equal(t.good, CALLS);
	bh_export_free(add);
	bh_component_unref(adder);
	bh_host_free(host);
}

typedef struct {
	tally t;
	bh_export *add;
	_Atomic int left;
} chain;

static void next_link(void *data, bh_call *call)
{
	chain *c = data;
	note(&c->t, call);
	bh_value args[2] = {bh_of_s32(1), bh_of_s32(2)};
	bh_call_options options = BH_CALL_OPTIONS_INIT;
	options.done = next_link;
	options.done_data = c;
	if (atomic_fetch_sub(&c->left, 1) > 0)
		EXPECT(bh_call_start(NULL, c->add, NULL, args, 2, &options, NULL) == BH_OK);
	/* To wait here could be to wait for ever. */
	bh_call *other = NULL;
	options = (bh_call_options)BH_CALL_OPTIONS_INIT;
	EXPECT(bh_call_start(&other, c->add, NULL, args, 2, &options, NULL) == BH_OK);
	bh_value result = BH_VALUE_INIT;
	bh_status status = bh_call_wait(other, &result, NULL, NULL);
	EXPECT(status == BH_E_INVALID || status == BH_OK);
	bh_call_free(other);
}

static void started_from_a_callback(void **state)
{
	(void)state;
	bh_host *host = host_with(1, 0);
	bh_component *adder = t_load(host, "wat/adder.wat", NULL);
	chain c = {.add = t_find(adder, "add"), .left = 200};
	bh_call_options options = BH_CALL_OPTIONS_INIT;
	options.done = next_link;
	options.done_data = &c;
	OK(bh_call_start(NULL, c.add, NULL, two_numbers, 2, &options, &t_err));
	wait_told(&c.t, 201);
	OK(bh_host_drain(host, 10000, &t_err));
	bh_export_free(c.add);
	bh_component_unref(adder);
	bh_host_free(host);
}

static void in_the_callers_loop(void **state)
{
	(void)state;
	bh_host *host = host_with(2, 0);
	bh_component *adder = t_load(host, "wat/adder.wat", NULL);
	bh_export *add = t_find(adder, "add");
	tally t = {0};
	bh_call_options options = telling(&t);
	options.dispatch = true;
	struct pollfd loop = {.fd = bh_host_fd(host, &t_err), .events = POLLIN};
	assert_true(loop.fd >= 0);
	assert_int_equal(poll(&loop, 1, 0), 0);
	for (int i = 0; i < 100; i++)
		OK(bh_call_start(NULL, add, NULL, two_numbers, 2, &options, &t_err));
	size_t told = 0;
	while (told < 100) {
		assert_int_equal(t.told, told); /* by nobody else */
		assert_int_equal(poll(&loop, 1, 20000), 1);
		told += bh_host_dispatch(host);
	}
	assert_int_equal(told, 100);
	assert_int_equal(t.good, 100);
	assert_int_equal(poll(&loop, 1, 0), 0);
	bh_export_free(add);
	bh_component_unref(adder);
	bh_host_free(host);
}

/* Freed with calls under way, told by a worker or by nobody yet: each is told of once, and all is gone afterwards. */
static void freed_under_load(void **state)
{
	(void)state;
	t_sleep_ms(200); /* hosts of the tests before may be on their way */
	size_t descriptors = t_descriptors();
	for (int round = 0; round < 10; round++) {
		bh_host *host = host_with(2, 0);
		bh_limits limits = t_limits();
		limits.execution_ms = 200;
		bh_component *spin = t_load(host, "wat/spin.wat", &limits), *adder = t_load(host, "wat/adder.wat", NULL);
		bh_export *turn = t_find(spin, bh_component_export_at(spin, 0)->name), *add = t_find(adder, "add");
		tally t = {0};
		bh_call_options options = telling(&t);
		for (int i = 0; i < 50; i++) {
			options.dispatch = i % 2;
			OK(bh_call_start(NULL, add, NULL, two_numbers, 2, &options, &t_err));
			if (i < 5)
				OK(bh_call_start(NULL, turn, NULL, NULL, 0, &options, &t_err));
		}
		bh_export_free(turn);
		bh_export_free(add);
		bh_component_unref(spin);
		bh_component_unref(adder);
		bh_host_free(host);
		wait_told(&t, 55);
		assert_int_equal(t.good, 50);
		assert_int_equal(t.by_status[BH_E_TIMEOUT], 5);
	}
	double end = t_now_ms() + 5000;
	while (t_descriptors() > descriptors && t_now_ms() < end)
		t_sleep_ms(10);
	assert_int_equal(t_descriptors(), descriptors);
}

static void drained(void **state)
{
	(void)state;
	bh_host *host = host_with(2, 0);
	bh_component *spin = t_load(host, "wat/spin.wat", NULL);
	bh_export *turn = t_find(spin, bh_component_export_at(spin, 0)->name);
	tally t = {0};
	bh_call_options options = telling(&t);
	for (int i = 0; i < 20; i++)
		OK(bh_call_start(NULL, turn, NULL, NULL, 0, &options, &t_err));
	double start = t_now_ms();
	OK(bh_host_drain(host, 100, &t_err));
	assert_true(t_now_ms() - start < 5000 * t_slack());
	assert_int_equal(t.told, 20);
	assert_int_equal(t.by_status[BH_E_CANCELLED], 20);
	FAILS(BH_E_BUSY, bh_call_start(NULL, turn, NULL, NULL, 0, &options, &t_err));
	assert_true(t_says("drained"));
	bh_export_free(turn);
	bh_component_unref(spin);
	bh_host_free(host);
}

static void refused(void **state)
{
	(void)state;
	bh_host *host = NULL;
	bh_host_options host_options = BH_HOST_OPTIONS_INIT;
	host_options.allocation = BH_ALLOCATION_ON_DEMAND;
	host_options.queue = 3;
	OK(bh_host_new(&host, &host_options, &t_err));
	bh_component *spin = t_load(host, "wat/spin.wat", NULL), *adder = t_load(host, "wat/adder.wat", NULL);
	bh_export *turn = t_find(spin, bh_component_export_at(spin, 0)->name), *add = t_find(adder, "add");
	bh_instance *other = t_instance(spin);
	bh_call *calls[3], *none = NULL;
	FAILS(BH_E_WRONG_HOST, bh_call_start(&none, add, other, two_numbers, 2, NULL, &t_err));
	FAILS(BH_E_INVALID, bh_call_start(&none, NULL, NULL, NULL, 0, NULL, &t_err));
	for (int i = 0; i < 3; i++)
		OK(bh_call_start(&calls[i], turn, NULL, NULL, 0, NULL, &t_err));
	FAILS(BH_E_BUSY, bh_call_start(&none, add, NULL, two_numbers, 2, NULL, &t_err));
	FAILS(BH_E_BUSY, bh_call_take(calls[0], NULL, NULL, &t_err));
	for (int i = 0; i < 3; i++) {
		bh_call_cancel(calls[i], BH_CANCEL_ABANDON);
		bh_call_cancel(calls[i], BH_CANCEL_ABANDON);
		FAILS(BH_E_CANCELLED, bh_call_wait(calls[i], NULL, NULL, &t_err));
		bh_call_free(calls[i]);
	}
	/* Wrong arguments are the call's own error. */
	OK(bh_call_start(&none, add, NULL, two_numbers, 1, NULL, &t_err));
	FAILS(BH_E_TYPE, bh_call_wait(none, NULL, NULL, &t_err));
	bh_call_free(none);
	bh_instance_free(other);
	bh_export_free(turn);
	bh_export_free(add);
	bh_component_unref(spin);
	bh_component_unref(adder);
	bh_host_free(host);
}

static void several_at_once(void **state)
{
	(void)state;
	bh_host *host = host_with(2, 0);
	bh_component *adder = t_load(host, "wat/adder.wat", NULL);
	bh_export *add = t_find(adder, "add");
	bh_call_request requests[10];
	bh_call *calls[10];
	for (int i = 0; i < 10; i++)
		requests[i] = (bh_call_request){add, NULL, two_numbers, 2, NULL};
	size_t started = 0;
	OK(bh_call_start_many(calls, requests, 10, &started, &t_err));
	assert_int_equal(started, 10);
	for (int i = 0; i < 10; i++) {
		OK(bh_call_wait(calls[i], NULL, NULL, &t_err));
		bh_call_free(calls[i]);
	}
	requests[4].export_ = NULL;
	FAILS(BH_E_INVALID, bh_call_start_many(calls, requests, 10, &started, &t_err));
	assert_int_equal(started, 4);
	for (int i = 0; i < 4; i++)
		bh_call_free(calls[i]);
	bh_export_free(add);
	bh_component_unref(adder);
	bh_host_free(host);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(waited_for),
		cmocka_unit_test(copied_and_given),
		cmocka_unit_test(thousands),
		cmocka_unit_test(started_from_a_callback),
		cmocka_unit_test(in_the_callers_loop),
		cmocka_unit_test(freed_under_load),
		cmocka_unit_test(drained),
		cmocka_unit_test(refused),
		cmocka_unit_test(several_at_once),
	};
	return cmocka_run_group_tests(tests, numbers, NULL);
}
