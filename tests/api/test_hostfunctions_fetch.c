// test: timeout=90 waits
/* bulkhead:host/network: HTTP to what was granted, whatever servers and names do; and what ends a fetch. */
#include "hostfunctions.h"
#include "http_server.h"

static server here, there;

/* Granted: "HOST" for any port, or "HOST:PORT" as {host, port}. */
typedef struct {
	const char *host;
	uint16_t port;
} peer;

static bh_component *fetcher_with(const bh_hostfunctions_options *functions, uint64_t execution_ms, const peer *peers)
{
	bh_permissions *permissions = t_granted(T_ALL);
	for (; peers->host; peers++)
		OK(bh_permissions_allow_net(permissions, peers->host, peers->port, BH_NET_HTTP, &t_err));
	return t_with_functions(host, "errand.wasm", permissions, functions, execution_ms);
}
#define FETCHER(...) fetcher_with(NULL, 0, (const peer[]){__VA_ARGS__, {NULL, 0}})
#define HERE {"127.0.0.1", here.port}
#define THERE {"127.0.0.1", there.port}

/* GET of http://HOST:PORT/PATH: ok("200 http://... hello"), err("denied: ..."). */
static const char *get(bh_component *component, const char *name, uint16_t port, const char *path)
{
	char args[800];
	snprintf(args, sizeof args, "\"http://%s:%u%s\"", name, port, path);
	return t_said(component, "get", args);
}

static bool begins(const char *said, const char *with)
{
	bool does = !strncmp(said, with, strlen(with));
	if (!does)
		print_error("%s, not %s\n", said, with);
	return does;
}

#define GOOD "ok(\"200 "
#define SAYS(what, said) assert_true(begins(said, what))
#define FAILED_AS(name, said) assert_true(begins(said, "err(\"" name ": "))

/* The whole of a request, with what is not said left empty. */
static const char *fetch(bh_component *component, const char *method, uint16_t port, const char *path,
                         const char *headers, const char *body, const char *timeout, const char *redirects)
{
	char args[2000];
	snprintf(args, sizeof args,
	         "{method: \"%s\", url: \"http://127.0.0.1:%u%s\", headers: [%s], body: [%s], timeout-ms: %s, "
	         "max-redirects: %s}",
	         method, port, path, headers, body, timeout, redirects);
	return t_said(component, "http-fetch", args);
}

/* What a server was sent, as text: the list of bytes in the result, read back. */
static const char *sent(const char *said)
{
	static char text[8192];
	size_t length = 0;
	const char *p = strstr(said, "body: [");
	assert_non_null(p);
	for (p += 7; *p && *p != ']' && length < sizeof text - 1; p += strspn(p, ", ")) {
		char *end;
		text[length++] = (char)strtoul(p, &end, 10);
		if (end == p)
			break;
		p = end;
	}
	text[length] = '\0';
	return text;
}

static void only_what_was_granted(void **state)
{
	(void)state;
	bh_component *component = FETCHER({"127.0.0.1", here.port});
	SAYS(GOOD, get(component, "127.0.0.1", here.port, "/hello"));
	assert_non_null(strstr(get(component, "127.0.0.1", here.port, "/hello"), "/hello hello\")"));
	int served = there.served;
	FAILED_AS("denied", get(component, "127.0.0.1", there.port, "/hello"));
	FAILED_AS("denied", get(component, "127.0.0.2", here.port, "/hello"));
	FAILED_AS("denied", get(component, "localhost", here.port, "/hello"));
	FAILED_AS("denied", get(component, "[::1]", here.port, "/hello"));
	FAILED_AS("denied", get(component, "example.com", here.port, "/hello"));
	assert_int_equal(there.served, served);
	bh_component_unref(component);

	/* Sockets to the peer are another grant; and without the capability it is not even asked. */
	bh_permissions *permissions = t_granted(T_ALL);
	OK(bh_permissions_allow_net(permissions, "127.0.0.1", here.port, BH_NET_TCP, &t_err));
	component = t_with_functions(host, "errand.wasm", permissions, NULL, 0);
	FAILED_AS("denied", get(component, "127.0.0.1", here.port, "/hello"));
	bh_component_unref(component);
	permissions = t_granted(T_ARGS("filesystem::read"));
	OK(bh_permissions_allow_net(permissions, "127.0.0.1", here.port, BH_NET_HTTP, &t_err));
	component = t_with_functions(host, "errand.wasm", permissions, NULL, 0);
	char args[64];
	snprintf(args, sizeof args, "\"http://127.0.0.1:%u/hello\"", here.port);
	FAILS(BH_E_DENIED, t_call(NULL, component, "get", args, NULL, NULL, &t_err));
	assert_true(t_says("network::http_fetch"));
	bh_component_unref(component);
}

/* A name leads where it likes; to a private address only where that was granted too. */
static void private_addresses(void **state)
{
	(void)state;
	int served = here.served;
	bh_component *component = FETCHER({"localhost", 0});
	FAILED_AS("denied", get(component, "localhost", here.port, "/hello"));
	FAILED_AS("denied", get(component, "127.0.0.1", here.port, "/hello"));
	FAILED_AS("denied", get(component, "2130706433", here.port, "/hello"));
	FAILED_AS("denied", get(component, "0x7f.1", here.port, "/hello"));
	FAILED_AS("denied", get(component, "0", here.port, "/hello"));
	FAILED_AS("denied", get(component, "[::ffff:127.0.0.1]", here.port, "/hello"));
	bh_component_unref(component);
	/* A network of everything is none that was meant for this machine. */
	component = FETCHER({"0.0.0.0/0", 0}, {"::/0", 0});
	FAILED_AS("denied", get(component, "127.0.0.1", here.port, "/hello"));
	FAILED_AS("denied", get(component, "0.0.0.0", here.port, "/hello"));
	FAILED_AS("denied", get(component, "169.254.169.254", 80, "/latest/meta-data/"));
	FAILED_AS("denied", get(component, "[::ffff:7f00:1]", here.port, "/hello"));
	FAILED_AS("denied", get(component, "[64:ff9b::7f00:1]", here.port, "/hello"));
	FAILED_AS("denied", get(component, "[fd00:ec2::254]", 80, "/"));
	bh_component_unref(component);
	assert_int_equal(here.served, served);

	component = FETCHER({"127.0.0.0/8", here.port});
	SAYS(GOOD, get(component, "127.0.0.1", here.port, "/hello"));
	FAILED_AS("denied", get(component, "127.0.0.1", there.port, "/hello"));
	bh_component_unref(component);
	component = FETCHER({"localhost", here.port}, {"127.0.0.1", here.port});
	SAYS(GOOD, get(component, "LocalHost", here.port, "/hello"));
	bh_component_unref(component);
	bh_hostfunctions_options functions = BH_HOSTFUNCTIONS_OPTIONS_INIT;
	functions.private_addresses = true;
	component = fetcher_with(&functions, 0, (const peer[]){{"localhost", here.port}, {NULL, 0}});
	SAYS(GOOD, get(component, "localhost", here.port, "/hello"));
	FAILED_AS("denied", get(component, "127.0.0.1", here.port, "/hello"));
	bh_component_unref(component);
}

static void redirects(void **state)
{
	(void)state;
	char path[200];
	bh_component *component = FETCHER(HERE);
	SAYS(GOOD, get(component, "127.0.0.1", here.port, "/jump/5"));
	FAILED_AS("too-many-redirects", get(component, "127.0.0.1", here.port, "/jump/6"));
	FAILED_AS("too-many-redirects", get(component, "127.0.0.1", here.port, "/jump/1000"));
	int served = there.served;
	snprintf(path, sizeof path, "/to/302/http://127.0.0.1:%u/hello", there.port);
	FAILED_AS("denied", get(component, "127.0.0.1", here.port, path));
	snprintf(path, sizeof path, "/to/307///127.0.0.1:%u/hello", there.port);
	FAILED_AS("denied", get(component, "127.0.0.1", here.port, path));
	snprintf(path, sizeof path, "/to/302/http://localhost:%u/hello", here.port);
	FAILED_AS("denied", get(component, "127.0.0.1", here.port, path));
	FAILED_AS("denied", get(component, "127.0.0.1", here.port, "/to/302/http://169.254.169.254/latest"));
	snprintf(path, sizeof path, "/to/302/http://user:word@127.0.0.1:%u/hello", here.port);
	FAILED_AS("invalid", get(component, "127.0.0.1", here.port, path));
	FAILED_AS("invalid", get(component, "127.0.0.1", here.port, "/to/302/file:///etc/passwd"));
	FAILED_AS("invalid", get(component, "127.0.0.1", here.port, "/to/302/ftp://127.0.0.1/x"));
	FAILED_AS("invalid", get(component, "127.0.0.1", here.port, "/to/302/gopher://127.0.0.1/x"));
	assert_int_equal(there.served, served);
	/* As many as the guest says, where that is less. */
	SAYS("ok({status: 302", fetch(component, "GET", here.port, "/jump/1", "", "", "none", "some(0)"));
	SAYS("err(too-many-redirects(", fetch(component, "GET", here.port, "/jump/3", "", "", "none", "some(2)"));
	SAYS("err(too-many-redirects(", fetch(component, "GET", here.port, "/jump/9", "", "", "none", "some(4000000000)"));
	bh_component_unref(component);

	bh_hostfunctions_options functions = BH_HOSTFUNCTIONS_OPTIONS_INIT;
	functions.no_redirects = true;
	component = fetcher_with(&functions, 0, (const peer[]){HERE, {NULL, 0}});
	SAYS("ok(\"302 ", get(component, "127.0.0.1", here.port, "/jump/1"));
	bh_component_unref(component);
}

/* A secret is for whom it was meant, and a body is sent again only where that was asked for. */
static void what_redirects_carry(void **state)
{
	(void)state;
	static const char secret[] = "{name: \"Authorization\", value: \"word\"}, {name: \"X-Mine\", value: \"yes\"}";
	char path[200];
	bh_component *component = FETCHER(HERE, THERE);
	snprintf(path, sizeof path, "/to/307/http://127.0.0.1:%u/echo", there.port);
	const char *got = sent(fetch(component, "POST", here.port, path, secret, "97, 98, 99", "none", "none"));
	SAYS("POST /echo HTTP/1.1\r\n", got);
	assert_non_null(strstr(got, "\r\nX-Mine: yes\r\n"));
	assert_non_null(strstr(got, "\r\n\r\nabc"));
	assert_null(strstr(got, "Authorization"));
	got = sent(fetch(component, "POST", here.port, "/to/307//echo", secret, "97, 98, 99", "none", "none"));
	assert_non_null(strstr(got, "\r\nAuthorization: word\r\n"));
	got = sent(fetch(component, "POST", here.port, "/to/302//echo", secret, "97, 98, 99", "none", "none"));
	SAYS("GET /echo HTTP/1.1\r\n", got);
	assert_null(strstr(got, "abc"));
	assert_null(strstr(got, "Content-"));
	got = sent(fetch(component, "PUT", here.port, "/to/303//echo", "", "97", "none", "none"));
	SAYS("GET /echo HTTP/1.1\r\n", got);
	bh_component_unref(component);
}

static void requests(void **state)
{
	(void)state;
	setenv("http_proxy", "http://127.0.0.1:1/", 1); /* nobody listens there */
	setenv("ALL_PROXY", "http://127.0.0.1:1/", 1);
	bh_component *component = FETCHER(HERE);
	const char *got =
		sent(fetch(component, "DELETE", here.port, "/echo", "{name: \"Empty\", value: \"\"}", "", "none", "none"));
	SAYS("DELETE /echo HTTP/1.1\r\n", got);
	assert_non_null(strstr(got, "\r\nEmpty:\r\n"));
	assert_null(strstr(got, "Content-"));
	assert_null(strstr(got, "Cookie"));
	got = sent(fetch(component, "POST", here.port, "/echo", "", "0, 255", "none", "none"));
	assert_non_null(strstr(got, "\r\nContent-Length: 2\r\n"));
	assert_null(strstr(got, "Content-Type"));
	assert_null(strstr(got, "Expect"));
	SAYS("ok({status: 404", fetch(component, "HEAD", here.port, "/none", "", "", "none", "none"));
	SAYS("ok({status: 503", fetch(component, "GET", here.port, "/status/503", "", "", "none", "none"));
	got = fetch(component, "GET", here.port, "/head", "", "", "none", "none");
	assert_non_null(strstr(got,
	                       "{name: \"A\", value: \"one\"}, {name: \"a\", value: \"two\"}, {name: \"Latin\", value: "
	                       "\"café\"}, {name: \"Utf8\", value: \"café\"}, {name: \"Empty\", value: \"\"}"));
	static const char *const wrong[] = {
		"{name: \"Host\", value: \"x\"}",
		"{name: \"content-length\", value: \"1\"}",
		"{name: \"Connection\", value: \"x\"}",
		"{name: \"Transfer-Encoding\", value: \"chunked\"}",
		"{name: \"A\", value: \"b\\r\\nC: d\"}",
		"{name: \"A: b\", value: \"c\"}",
		"{name: \"\", value: \"c\"}",
		"{name: \"Proxy-Authorization\", value: \"c\"}",
		"{name: \"A\", value: \"\\u{0}\"}",
	};
	for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++)
		SAYS("err(invalid(", fetch(component, "GET", here.port, "/echo", wrong[i], "", "none", "none"));
	static const char *const methods[] = {"", "CONNECT", "trace", "GET /x", "G\\r\\n", "G\\u{0}"};
	for (size_t i = 0; i < sizeof methods / sizeof *methods; i++)
		SAYS("err(invalid(", fetch(component, methods[i], here.port, "/echo", "", "", "none", "none"));
	static const char *const urls[] = {"\"\"",
	                                   "\"127.0.0.1\"",
	                                   "\"ftp://127.0.0.1/\"",
	                                   "\"file:///etc/passwd\"",
	                                   "\"http://\"",
	                                   "\"http://127.0.0.1:99999/\"",
	                                   "\"http://127.0.0.1:0/\"",
	                                   "\"http://user@127.0.0.1/\"",
	                                   "\"http://:word@127.0.0.1/\"",
	                                   "\"http://127.0.0.1/a b\"",
	                                   "\"http://127.0.0.1/\\r\\nX: y\"",
	                                   "\"http://127.0.0.1\\u{0}.example.com/\"",
	                                   "\"http://bücher.example/\"",
	                                   "\"http://[fe80::1%25lo]/\""};
	for (size_t i = 0; i < sizeof urls / sizeof *urls; i++)
		FAILED_AS("invalid", t_said(component, "get", urls[i]));
	bh_component_unref(component);
	unsetenv("http_proxy");
	unsetenv("ALL_PROXY");
}

static void servers_that_misbehave(void **state)
{
	(void)state;
	bh_component *component = FETCHER(HERE, {"127.0.0.1", 1}, {"no-such-name.invalid", 80});
	FAILED_AS("too-large", get(component, "127.0.0.1", here.port, "/big"));
	FAILED_AS("too-large", get(component, "127.0.0.1", here.port, "/bighead"));
	FAILED_AS("unreachable", get(component, "127.0.0.1", here.port, "/close"));
	FAILED_AS("unreachable", get(component, "127.0.0.1", here.port, "/half"));
	FAILED_AS("unreachable", get(component, "127.0.0.1", here.port, "/garbage"));
	FAILED_AS("unreachable", get(component, "127.0.0.1", 1, "/"));
	FAILED_AS("unreachable", get(component, "no-such-name.invalid", 80, "/"));
	char args[100];
	snprintf(args, sizeof args, "\"https://127.0.0.1:%u/hello\"", here.port);
	FAILED_AS("tls", t_said(component, "get", args));
	double start = t_now_ms();
	SAYS("err(timeout(", fetch(component, "GET", here.port, "/drip", "", "", "some(100)", "none"));
	SAYS("err(timeout(", fetch(component, "GET", here.port, "/slowhead", "", "", "some(100)", "none"));
	SAYS("err(timeout(", fetch(component, "GET", here.port, "/silent", "", "", "some(100)", "none"));
	SAYS("err(timeout(", fetch(component, "GET", here.port, "/silent", "", "", "some(0)", "none"));
	assert_true(t_now_ms() - start < 300 + 1000 * t_slack());
	bh_component_unref(component);

	bh_hostfunctions_options functions = BH_HOSTFUNCTIONS_OPTIONS_INIT;
	functions.fetch_ms = 100;
	functions.max_response = 5;
	functions.max_request = 100;
	component = fetcher_with(&functions, 0, (const peer[]){HERE, {NULL, 0}});
	SAYS(GOOD, get(component, "127.0.0.1", here.port, "/hello"));
	FAILED_AS("too-large", get(component, "127.0.0.1", here.port, "/status/200"));
	SAYS("err(timeout(", fetch(component, "GET", here.port, "/silent", "", "", "some(60000)", "none"));
	SAYS(
		"err(too-large(",
		fetch(
			component, "POST", here.port, "/echo",
			"{name: \"A\", value: \"01234567890123456789012345678901234567890123456789012345678901234567890123456789\"}",
			"", "none", "none"));
	bh_component_unref(component);
}

/* The guest's own limit, and its caller's deadline: at once, and nothing of the fetch stays. */
static void limits_end_it(void **state)
{
	(void)state;
	static const char *const paths[] = {"/silent", "/drip", "/slowhead"};
	bh_hostfunctions_options functions = BH_HOSTFUNCTIONS_OPTIONS_INIT;
	functions.max_response = BH_GIB(1);
	bh_component *component = fetcher_with(&functions, 150, (const peer[]){HERE, {NULL, 0}});
	char args[100];
	for (size_t i = 0; i < 3; i++) {
		snprintf(args, sizeof args, "\"http://127.0.0.1:%u%s\"", here.port, paths[i]);
		double start = t_now_ms();
		FAILS(BH_E_TIMEOUT, t_call(NULL, component, "get", args, NULL, NULL, &t_err));
		assert_true(t_now_ms() - start < 150 + 200 * t_slack());
		bh_call_options options = BH_CALL_OPTIONS_INIT;
		options.deadline_ms = 30;
		start = t_now_ms();
		FAILS(BH_E_DEADLINE, t_call(NULL, component, "get", args, &options, NULL, &t_err));
		assert_true(t_now_ms() - start < 30 + 200 * t_slack());
	}
	bh_component_unref(component);
	double end = t_now_ms() + 2000 * t_slack();
	while (atomic_load(&here.open) && t_now_ms() < end)
		t_sleep_ms(1);
	assert_int_equal(here.open, 0);
}

/* One who does not accept: cancelled while it connects. */
static void a_peer_that_does_not_answer(void **state)
{
	(void)state;
	struct sockaddr_in local = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t size = sizeof local;
	int waiting[16], listening = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_int_equal(bind(listening, (struct sockaddr *)&local, size), 0);
	assert_int_equal(listen(listening, 0), 0);
	assert_int_equal(getsockname(listening, (struct sockaddr *)&local, &size), 0);
	for (int i = 0; i < 16; i++) {
		waiting[i] = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
		(void)connect(waiting[i], (struct sockaddr *)&local, sizeof local);
	}
	bh_component *component = fetcher_with(NULL, 100, (const peer[]){{"127.0.0.1", 0}, {NULL, 0}});
	char args[100];
	snprintf(args, sizeof args, "\"http://127.0.0.1:%u/\"", ntohs(local.sin_port));
	size_t before = 0;
	for (int i = 0; i < 3; i++) {
		double start = t_now_ms();
		FAILS(BH_E_TIMEOUT, t_call(NULL, component, "get", args, NULL, NULL, &t_err));
		assert_true(t_now_ms() - start < 100 + 200 * t_slack());
		t_sleep_ms(50);
		before = i ? before : t_descriptors();
	}
	assert_true(t_descriptors() <= before);
	bh_component_unref(component);
	for (int i = 0; i < 16; i++)
		close(waiting[i]);
	close(listening);
}

static void without_the_library(void **state)
{
	(void)state;
	bh_hostfunctions_options functions = BH_HOSTFUNCTIONS_OPTIONS_INIT;
	functions.net_library = "/nonexistent/libbulkhead-net.so";
	bh_component *component = fetcher_with(&functions, 0, (const peer[]){HERE, {NULL, 0}});
	const char *said = get(component, "127.0.0.1", here.port, "/hello");
	FAILED_AS("unavailable", said);
	assert_non_null(strstr(said, "install libbulkhead-net"));
	bh_component_unref(component);
	functions.net_library = "libm.so.6";
	component = fetcher_with(&functions, 0, (const peer[]){HERE, {NULL, 0}});
	FAILED_AS("unavailable", get(component, "127.0.0.1", here.port, "/hello"));
	bh_component_unref(component);
}

static int begin(void **state)
{
	server_begin(&here);
	server_begin(&there);
	return host_begin(state);
}

static int end(void **state)
{
	int failed = host_end(state);
	return server_end(&here) && server_end(&there) ? failed : -1;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(without_the_library),         cmocka_unit_test(only_what_was_granted),
		cmocka_unit_test(private_addresses),           cmocka_unit_test(redirects),
		cmocka_unit_test(what_redirects_carry),        cmocka_unit_test(requests),
		cmocka_unit_test(servers_that_misbehave),      cmocka_unit_test(limits_end_it),
		cmocka_unit_test(a_peer_that_does_not_answer),
	};
	return cmocka_run_group_tests(tests, begin, end);
}
