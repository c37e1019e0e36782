// test: timeout=90 cost=5
/* bulkhead:host with many guests at once: those who wait harm nobody, whatever becomes of them. */
#include <sys/resource.h>

#include "async_tools.h"
#include "hostfunctions.h"
#include "http_server.h"

enum { COUNT = 600 };

static server web;
static bh_call *calls[COUNT];

static bh_component *guest(bh_host *in, const char *name, const bh_hostfunctions_options *functions)
{
	bh_permissions *permissions = t_granted(T_ALL);
	OK(bh_permissions_allow_net(permissions, "127.0.0.1", web.port, BH_NET_HTTP, &t_err));
	OK(bh_permissions_allow_dir(permissions, "/proc/self", "/p", BH_DIR_READ_ONLY, &t_err));
	return t_with_functions(in, name, permissions, functions, 0);
}

static void start_gets(bh_component *component, const char *path, tally *t, int from, int count)
{
	char url[100];
	snprintf(url, sizeof url, "http://127.0.0.1:%u%s", web.port, path);
	bh_export *get = t_find(component, "get");
	bh_call_options options = telling(t);
	bh_value arg = bh_of_string(url);
	for (int i = 0; i < count; i++)
		OK(bh_call_start(&calls[from + i], get, NULL, &arg, 1, &options, &t_err));
	bh_export_free(get);
}

static void give_up(int count)
{
	for (int i = 0; i < count; i++) {
		bh_call_cancel(calls[i], BH_CANCEL_ABANDON);
		bh_call_free(calls[i]);
	}
}

static bool nobody_is_connected(void)
{
	double end = t_now_ms() + 5000 * t_slack();
	while (atomic_load(&web.open) && t_now_ms() < end)
		t_sleep_ms(2);
	return !atomic_load(&web.open);
}

/* They wait for a silent server, and sleep; two workers and somebody else's component have nothing to do with that. */
static void six_hundred_wait(void **state)
{
	(void)state;
	bh_host *before = host_with(1, 0); /* the first to compile: those threads stay */
	bh_component_unref(guest(before, "errand.wasm", NULL));
	bh_host_free(before);
	t_sleep_ms(50);
	size_t threads = t_threads();
	bh_host *host_of_all = host_with(2, 0);
	bh_component *fetching = guest(host_of_all, "errand.wasm", NULL),
				 *napping = guest(host_of_all, "wat/nap.wat", NULL);
	bh_component *innocent = guest(host_of_all, "errand.wasm", NULL);
	tally t = {0}, others = {0};
	start_gets(fetching, "/silent", &t, 0, COUNT / 2);
	bh_export *nap = t_find(napping, "nap");
	bh_call_options options = telling(&t);
	bh_value ms = bh_of_u64(60000), path = bh_of_string("/p/status");
	for (int i = COUNT / 2; i < COUNT; i++)
		OK(bh_call_start(&calls[i], nap, NULL, &ms, 1, &options, &t_err));
	t_sleep_ms(50);
	bh_export *size = t_find(innocent, "size");
	options = telling(&others);
	double start = t_now_ms();
	for (int i = 0; i < 10; i++) {
		bh_call *call = NULL;
		OK(bh_call_start(&call, size, NULL, &path, 1, &options, &t_err));
		wait_told(&others, (unsigned)i + 1);
		bh_call_free(call);
	}
	assert_true(t_now_ms() - start < 1000 * t_slack());
	assert_int_equal(others.good, 10);
	assert_int_equal(t.told, 0);
	start = t_now_ms();
	give_up(COUNT);
	wait_told(&t, COUNT);
	assert_true(nobody_is_connected());
	assert_true(t_now_ms() - start < 3000 * t_slack());
	bh_export_free(nap);
	bh_export_free(size);
	bh_component_unref(fetching);
	bh_component_unref(napping);
	bh_component_unref(innocent);
	bh_host_free(host_of_all);
	assert_true(t_threads_go(threads, 10000)); /* those that read are the last: they go when idle */
}

/* A component that takes all its fetches' time: the share of the others stays free. */
static void one_component_does_not_take_all(void **state)
{
	(void)state;
	bh_hostfunctions_options functions = BH_HOSTFUNCTIONS_OPTIONS_INIT;
	functions.max_fetches = 8;
	functions.component_fetches = 6;
	bh_host *two = host_with(2, 0);
	bh_component *greedy = guest(two, "errand.wasm", &functions), *modest = NULL;
	OK(bh_component_wrap(&modest, two, greedy, NULL, &t_err)); /* of the same set */
	tally t = {0}, others = {0};
	start_gets(greedy, "/silent", &t, 0, 100);
	double end = t_now_ms() + 5000 * t_slack();
	while (atomic_load(&web.open) < 6 && t_now_ms() < end)
		t_sleep_ms(1);
	t_sleep_ms(20);
	assert_int_equal(web.open, 6);
	double start = t_now_ms();
	start_gets(modest, "/hello", &others, 100, 20);
	wait_told(&others, 20);
	assert_int_equal(others.good, 20);
	assert_true(t_now_ms() - start < 2000 * t_slack());
	give_up(120);
	wait_told(&t, 100);
	assert_true(nobody_is_connected());
	bh_component_unref(greedy);
	bh_component_unref(modest);
	bh_host_free(two);
}

static void as_many_as_may_wait(void **state)
{
	(void)state;
	bh_hostfunctions_options functions = BH_HOSTFUNCTIONS_OPTIONS_INIT;
	functions.max_fetches = 4;
	functions.waiting_fetches = 6;
	functions.fetch_ms = 300;
	bh_host *one = host_with(1, 0);
	bh_component *component = guest(one, "errand.wasm", &functions);
	tally t = {0};
	start_gets(component, "/silent", &t, 0, 15);
	double start = t_now_ms();
	wait_told(&t, 5); /* busy at once */
	assert_true(t_now_ms() - start < 250 * t_slack());
	wait_told(&t, 15); /* and those who waited do that no longer than for all of it */
	assert_true(t_now_ms() - start < 300 + 500 * t_slack());
	for (int i = 0; i < 15; i++)
		bh_call_free(calls[i]);
	assert_int_equal(t.good, 15);
	assert_true(nobody_is_connected());
	bh_component_unref(component);
	bh_host_free(one);
}

/* Everything goes while fetches are under way: in each of their stages, by turns. */
static void a_host_that_goes(void **state)
{
	(void)state;
	static const char *const paths[] = {"/silent", "/drip", "/hello", "/big", "/jump/5"};
	for (unsigned round = 0; round < 20; round++) {
		bh_host *brief = host_with(2, 0);
		bh_component *component = guest(brief, "errand.wasm", NULL);
		tally t = {0};
		start_gets(component, paths[round % 5], &t, 0, 40);
		t_sleep_ms(round % 4 * 3);
		bh_component_unref(component);
		bh_host_free(brief);
		give_up(40);
		wait_told(&t, 40);
	}
	assert_true(nobody_is_connected());
}

/* Idle threads stay asleep: neither of those that were started has anything to do. */
static void idle_threads_do_nothing(void **state)
{
	(void)state;
	bh_host *idle = host_with(1, 0);
	bh_component *component = guest(idle, "errand.wasm", NULL);
	tally t = {0};
	start_gets(component, "/hello", &t, 0, 1);
	wait_told(&t, 1);
	bh_call_free(calls[0]);
	assert_int_equal(t.good, 1);
	assert_non_null(strstr(t_said(component, "bulkhead:host/time@0.1.0#sleep", "1"), "ok"));
	t_sleep_ms(300); /* the ticker parks */
	struct rusage before, after;
	getrusage(RUSAGE_SELF, &before);
	t_sleep_ms(500);
	getrusage(RUSAGE_SELF, &after);
	assert_true(after.ru_nvcsw - before.ru_nvcsw < 20);
	bh_component_unref(component);
	bh_host_free(idle);
}

static int begin(void **state)
{
	(void)state;
	server_begin(&web);
	return 0;
}

static int end(void **state)
{
	(void)state;
	t_begin();
	return server_end(&web) ? 0 : -1;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(six_hundred_wait),        cmocka_unit_test(one_component_does_not_take_all),
		cmocka_unit_test(as_many_as_may_wait),     cmocka_unit_test(a_host_that_goes),
		cmocka_unit_test(idle_threads_do_nothing),
	};
	return cmocka_run_group_tests(tests, begin, end);
}
