// test: timeout=60
/*
 * bulkhead:host/network and names: what they lead to when, and name servers that take their time. The resolver here is
 * this program's own, which libbulkhead-net finds before the C library's.
 */
#include <netdb.h>

#include "async_tools.h"
#include "hostfunctions.h"
#include "http_server.h"

static server web;
static _Atomic int resolving, most_resolving, resolved, flips;
static _Atomic bool hurry;

static int give(struct addrinfo **out, const char *text)
{
	struct {
		struct addrinfo info;
		struct sockaddr_in address;
	} *one = calloc(1, sizeof *one);
	one->address.sin_family = AF_INET;
	inet_pton(AF_INET, text, &one->address.sin_addr);
	one->info = (struct addrinfo){.ai_family = AF_INET, .ai_socktype = SOCK_STREAM, .ai_addrlen = sizeof one->address};
	one->info.ai_addr = (struct sockaddr *)&one->address;
	one->info.ai_next = *out;
	*out = &one->info;
	return 0;
}

/* local.test, flip.test (another address each time), mixed.test (two), slow*.test (1.5 s); others there are none. */
int getaddrinfo(const char *name, const char *service, const struct addrinfo *hints, struct addrinfo **out)
{
	(void)service, (void)hints;
	int now = atomic_fetch_add(&resolving, 1) + 1;
	for (int most = atomic_load(&most_resolving); now > most;)
		if (atomic_compare_exchange_weak(&most_resolving, &most, now))
			break;
	bool slow = !strncmp(name, "slow", 4);
	for (int i = 0; i < 150 && slow && !atomic_load(&hurry); i++)
		t_sleep_ms(10);
	*out = NULL;
	int got = EAI_NONAME;
	if (slow || !strcasecmp(name, "local.test"))
		got = give(out, "127.0.0.1");
	else if (!strcmp(name, "flip.test"))
		got = give(out, atomic_fetch_add(&flips, 1) % 2 ? "127.0.0.2" : "127.0.0.1");
	else if (!strcmp(name, "mixed.test"))
		got = give(out, "127.0.0.1") || give(out, "169.254.169.254");
	atomic_fetch_add(&resolved, 1);
	atomic_fetch_sub(&resolving, 1);
	return got;
}

void freeaddrinfo(struct addrinfo *list)
{
	while (list) {
		struct addrinfo *next = list->ai_next;
		free(list);
		list = next;
	}
}

static bh_component *fetcher(bh_host *in, const char *const *names, bool here)
{
	bh_permissions *permissions = t_granted(T_ALL);
	for (; *names; names++)
		OK(bh_permissions_allow_net(permissions, *names, web.port, BH_NET_HTTP, &t_err));
	if (here)
		OK(bh_permissions_allow_net(permissions, "127.0.0.1", web.port, BH_NET_HTTP, &t_err));
	return t_with_functions(in, "errand.wasm", permissions, NULL, 0);
}

static const char *get(bh_component *component, const char *name, const char *path)
{
	char args[200];
	snprintf(args, sizeof args, "\"http://%s:%u%s\"", name, web.port, path);
	return t_said(component, "get", args);
}

static bool begins(const char *said, const char *with)
{
	bool does = !strncmp(said, with, strlen(with));
	if (!does)
		print_error("%s, not %s\n", said, with);
	return does;
}

static void where_they_lead(void **state)
{
	(void)state;
	bh_component *component = fetcher(host, T_ARGS("local.test", "none.test"), false);
	assert_true(begins(get(component, "local.test", "/hello"), "err(\"denied: "));
	assert_int_equal(resolved, 1); /* else it was not us who was asked */
	assert_true(begins(get(component, "none.test", "/hello"), "err(\"unreachable: "));
	assert_true(begins(get(component, "other.test", "/hello"), "err(\"denied: "));
	assert_int_equal(resolved, 2); /* names that were not granted are not asked for */
	assert_int_equal(web.served, 0);
	bh_component_unref(component);

	component = fetcher(host, T_ARGS("local.test", "mixed.test"), true);
	assert_true(begins(get(component, "local.test", "/hello"), "ok(\"200 http://local.test:"));
	assert_non_null(strcasestr(get(component, "LOCAL.test", "/echo"), "Host: local.test:"));
	/* One of its addresses is granted: that one is used. */
	assert_true(begins(get(component, "mixed.test", "/hello"), "ok(\"200 "));
	bh_component_unref(component);
}

/* Each connection is looked at: that a name led to a good address a moment ago says nothing. */
static void names_that_change(void **state)
{
	(void)state;
	bh_component *component = fetcher(host, T_ARGS("flip.test"), true);
	char path[100];
	for (int i = 0; i < 6; i++)
		assert_true(begins(get(component, "flip.test", "/hello"), i % 2 ? "err(\"denied: " : "ok(\"200 "));
	snprintf(path, sizeof path, "/to/302/http://flip.test:%u/hello", web.port);
	assert_true(begins(get(component, "flip.test", path), "err(\"denied: "));
	bh_component_unref(component);
}

/* Name servers that say nothing: few threads wait for them, whoever gives up meanwhile, and others go on. */
static void slow_names(void **state)
{
	(void)state;
	enum { EACH = 30, NAMES = 20 };
	static char names[NAMES][16];
	static bh_call *calls[NAMES * EACH];
	const char *list[NAMES + 1] = {NULL};
	for (int i = 0; i < NAMES; i++) {
		snprintf(names[i], sizeof names[i], "slow%d.test", i);
		list[i] = names[i];
	}
	bh_host *two = host_with(2, 0);
	bh_component *component = fetcher(two, list, true), *other = NULL;
	OK(bh_component_wrap(&other, two, component, NULL, &t_err));
	bh_export *export_ = t_find(component, "get");
	tally t = {0};
	bh_call_options options = telling(&t);
	options.deadline_ms = 50;
	size_t threads = t_threads();
	atomic_store(&most_resolving, 0);
	double start = t_now_ms();
	for (int i = 0; i < NAMES * EACH; i++) {
		char url[100];
		snprintf(url, sizeof url, "http://%s:%u/hello", names[i % NAMES], web.port);
		bh_value arg = bh_of_string(url);
		OK(bh_call_start(&calls[i], export_, NULL, &arg, 1, &options, &t_err));
	}
	assert_true(begins(get(other, "127.0.0.1", "/hello"), "ok(\"200 "));
	wait_told(&t, NAMES * EACH);
	assert_true(t_now_ms() - start < 1500 + 1000 * t_slack());
	assert_int_equal(t.by_status[BH_E_DEADLINE], NAMES * EACH);
	assert_true(most_resolving >= 2 && most_resolving <= 8);
	assert_true(t_threads() <= threads + 20); /* those eight, and what the host and the server have */
	atomic_store(&hurry, true);
	assert_true(begins(get(other, "slow1.test", "/hello"), "ok(\"200 "));
	atomic_store(&hurry, false);
	for (int i = 0; i < NAMES * EACH; i++)
		bh_call_free(calls[i]);

	/* The host goes while a name is looked for. */
	options.deadline_ms = 0;
	atomic_store(&t.told, 0);
	bh_value arg = bh_of_string("http://slow3.test:1/");
	bh_call *call = NULL;
	OK(bh_call_start(&call, export_, NULL, &arg, 1, &options, &t_err));
	bh_export_free(export_);
	bh_component_unref(component);
	bh_component_unref(other);
	start = t_now_ms();
	bh_call_cancel(call, BH_CANCEL_ABANDON);
	bh_call_free(call);
	wait_told(&t, 1);
	bh_host_free(two);
	assert_true(t_now_ms() - start < 1000 * t_slack());
	atomic_store(&hurry, true);
	double end = t_now_ms() + 3000 * t_slack();
	while (atomic_load(&resolving) && t_now_ms() < end)
		t_sleep_ms(5);
	assert_int_equal(resolving, 0);
	t_sleep_ms(20);
}

static int begin(void **state)
{
	server_begin(&web);
	return host_begin(state);
}

static int end(void **state)
{
	int failed = host_end(state);
	return server_end(&web) ? failed : -1;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(where_they_lead),
		cmocka_unit_test(names_that_change),
		cmocka_unit_test(slow_names),
	};
	return cmocka_run_group_tests(tests, begin, end);
}
