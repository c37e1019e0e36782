// test: timeout=60
/* Chains of middleware: the modules of guests/gateway, order, rules, edits, context, errors. */
#include <stdatomic.h>

#include "chain_tools.h"
#include "one_host.h"

static bh_component *edit_guest, *notes_guest;

static void answers(void **state)
{
	(void)state;
	bh_chain *chain = t_chain(host);
	bh_component *auth = t_middleware(host, "gateway-auth.wasm", 0);
	bh_chain_module_options options = module_of("auth", auth);
	t_add(chain, &options);
	bh_component_unref(auth); /* the chain keeps it */
	bh_http_request none = GET("/", header("host", "a")), wrong = GET("/", header("X-Api-Key", "guess"));
	bh_http_request right = GET("/", header("x-api-key", "let-me-in"));
	bh_exchange *e = t_ask(chain, &none);
	REPLIES(e, 401);
	assert_int_equal(bh_exchange_get_response(e)->header_count, 0);
	assert_int_equal(bh_exchange_get_response(e)->body.length, 0);
	assert_int_equal(bh_exchange_get_failure(e).status, BH_OK);
	assert_true(bh_exchange_saw(e, "auth"));
	assert_false(bh_exchange_saw(e, "nobody"));
	FAILS(BH_E_INVALID, bh_exchange_response(e, bh_exchange_get_response(e), &t_err));
	bh_exchange_free(e);
	e = t_ask(chain, &wrong);
	REPLIES(e, 403);
	bh_exchange_free(e);
	e = t_ask(chain, &right);
	CONTINUES(e);
	assert_ptr_equal(bh_exchange_get_request(e)->headers, right.headers); /* nothing was copied */
	bh_http_response response = RESPONSE(200, header("server", "x"));
	OK(bh_exchange_response(e, &response, &t_err));
	CONTINUES(e);
	assert_ptr_equal(bh_exchange_get_response(e)->headers, response.headers);
	bh_exchange_free(e);
	bh_chain_free(chain);
}

/* Header policy and redaction, as published modules. */
static void changes(void **state)
{
	(void)state;
	static const char secret[] = "{\"user\":\"ada\",\"password\" : \"s3\\\"cret\",\"n\":1}";
	bh_chain *chain = t_chain(host);
	bh_component *policy = t_middleware(host, "gateway-policy.wasm", 0);
	bh_component *redact = t_middleware(host, "gateway-redact.wasm", 0);
	bh_chain_module_options first = module_of("policy", policy), second = module_of("redact", redact);
	t_add(chain, &first);
	t_add(chain, &second);
	bh_http_request request = GET("/login", header("Content-Length", "46"), header("content-type", "application/json"));
	request.body = bh_bytes_lend(secret, sizeof secret - 1);
	bh_exchange *e = t_ask(chain, &request);
	CONTINUES(e);
	assert_true(body_is(bh_exchange_get_request(e)->body, "{\"user\":\"ada\",\"password\" : \"***\",\"n\":1}"));
	assert_string_equal(request_header(e, "Content-Length"), "(none)"); /* of another body */
	assert_string_equal(request_header(e, "content-type"), "application/json");
	bh_http_response response =
		RESPONSE(200, header("Server", "old"), header("x-powered-by", "steam"), header("Referrer-Policy", "a"),
	             header("x", "1"), header("referrer-policy", "b"));
	response.body = bh_bytes_lend("plain", 5);
	OK(bh_exchange_response(e, &response, &t_err));
	const bh_http_response *out = bh_exchange_get_response(e);
	assert_int_equal(out->status, 200);
	assert_int_equal(out->header_count, 3);
	assert_true(string_is(out->headers[0].name, "referrer-policy"));
	assert_true(string_is(out->headers[0].value, "no-referrer"));
	assert_true(string_is(out->headers[1].name, "x"));
	assert_true(string_is(out->headers[2].name, "x-content-type-options"));
	assert_ptr_equal(out->body.data, response.body.data);
	bh_exchange_free(e);
	bh_component_unref(policy);
	bh_component_unref(redact);
	bh_chain_free(chain);
}

/* Requests go down the chain, responses up. */
static void order(void **state)
{
	(void)state;
	bh_chain *chain = t_chain(host);
	bh_chain_module_options options = module_of("a", edit_guest);
	t_add(chain, &options);
	options.name = "c";
	t_add(chain, &options);
	options.name = "b";
	options.position = 2;
	options.attach = BH_ATTACH_REQUEST;
	t_add(chain, &options);
	bh_http_request request = GET("/", header("x-turn", "1"), header("x-add-1", "seen=1"), header("x-add-2", "seen=2"),
	                              header("x-add-3", "seen=3"));
	bh_exchange *e = t_ask(chain, &request);
	const bh_http_request *out = bh_exchange_get_request(e);
	assert_string_equal(request_header(e, "x-turn"), "4");
	for (int i = 0; i < 3; i++)
		assert_int_equal(out->headers[4 + i].value.data[0], '1' + i);
	bh_http_response response = RESPONSE(200, header("x-turn", "1"), header("x-reject-2", "403"));
	OK(bh_exchange_response(e, &response, &t_err));
	REPLIES(e, 403); /* of two that look at responses, the second one asked */
	bh_exchange_free(e);
	bh_chain_stats *stats;
	assert_int_equal(t_counted(&stats, chain, "a", BH_ATTACH_RESPONSE)->rejected, 1);
	bh_chain_stats_free(stats);
	assert_int_equal(t_counted(&stats, chain, "c", BH_ATTACH_RESPONSE)->modified, 1);
	bh_chain_stats_free(stats);
	assert_null(t_counted(&stats, chain, "b", BH_ATTACH_RESPONSE));
	bh_chain_stats_free(stats);
	bh_chain_free(chain);
}

static bool is_asked(bh_chain *chain, const bh_http_request *request)
{
	bh_exchange *e = t_ask(chain, request);
	bool saw = bh_exchange_saw(e, "m");
	bh_exchange_free(e);
	return saw;
}

static bool asked_of(bh_chain *chain, const char *method, const char *path)
{
	bh_header headers[] = {header("X-Tenant", "blue")};
	bh_http_request request = request_of(method, path, headers, 1);
	return is_asked(chain, &request);
}

static void rules(void **state)
{
	(void)state;
	static const char *const beneath[] = {"/api",   "/api/", "/api/x", "/%61pi", "//api",    "/x/../api",
	                                      "/x/./y", "/x/..", "api",    "",       "/api;v=1", "/x\\api"};
	static const char *const beside[] = {"/apis", "/ap", "/x/api", "/x..y", "/"};
	bh_chain *chain = t_chain(host);
	const bh_chain_match matches[] = {
		{.path_prefix = "/api", .method = "POST"},
		{.header = "x-tenant", .header_value = "red"},
		{.method = "PUT", .header = "x-tenant"},
	};
	bh_chain_module_options options = module_of("m", edit_guest);
	options.matches = matches;
	options.match_count = 3;
	t_add(chain, &options);
	for (size_t i = 0; i < sizeof beneath / sizeof *beneath; i++) {
		assert_true(asked_of(chain, "POST", beneath[i]));
		assert_false(asked_of(chain, "GET", beneath[i]));
	}
	for (size_t i = 0; i < sizeof beside / sizeof *beside; i++)
		assert_false(asked_of(chain, "POST", beside[i]));
	assert_true(asked_of(chain, "PUT", "/"));
	assert_false(asked_of(chain, "put", "/"));
	bh_http_request red = GET("/", header("x-tenant", "green"), header("X-TENANT", "red"));
	assert_true(is_asked(chain, &red));
	bh_http_request reddish = GET("/", header("x-tenant", "Red"));
	assert_false(is_asked(chain, &reddish));
	bh_chain_free(chain);
}

/* The rules of who only sees responses are about the request, as it was sent on. */
static void rules_later(void **state)
{
	(void)state;
	bh_chain *chain = t_chain(host);
	const bh_chain_match match = {.header = "x-mark"};
	bh_chain_module_options marks = module_of("marks", edit_guest), looks = module_of("looks", edit_guest);
	marks.attach = BH_ATTACH_REQUEST;
	looks.attach = BH_ATTACH_RESPONSE;
	looks.matches = &match;
	looks.match_count = 1;
	t_add(chain, &looks);
	t_add(chain, &marks);
	for (int marked = 0; marked < 2; marked++) {
		bh_http_request request = GET("/", header("x-add", marked ? "X-Mark=1" : "x-other=1"));
		bh_http_response response = RESPONSE(200, header("x-status", "299"));
		bh_exchange *e = t_ask(chain, &request);
		OK(bh_exchange_response(e, &response, &t_err));
		assert_int_equal(bh_exchange_get_response(e)->status, marked ? 299 : 200);
		bh_exchange_free(e);
	}
	bh_chain_free(chain);
}

static void samples(void **state)
{
	(void)state;
	enum { REQUESTS = 2000 };
	bh_chain *chain = t_chain(host);
	bh_chain_module_options options = module_of("some", edit_guest);
	options.sample = 25;
	t_add(chain, &options);
	options.name = "half";
	options.sample = 50;
	t_add(chain, &options);
	bh_http_request request = GET("/", header("x", "1"));
	bh_http_response response = RESPONSE(200, header("x", "1"));
	int both = 0;
	for (int i = 0; i < REQUESTS; i++) {
		bh_exchange *e = t_ask(chain, &request);
		OK(bh_exchange_response(e, &response, &t_err));
		both += bh_exchange_saw(e, "some") && bh_exchange_saw(e, "half");
		bh_exchange_free(e);
	}
	bh_chain_stats *stats;
	uint64_t asked = t_counted(&stats, chain, "some", BH_ATTACH_REQUEST)->calls->calls;
	bh_chain_stats_free(stats);
	assert_in_range(asked, REQUESTS / 4 - 120, REQUESTS / 4 + 120);
	assert_in_range(both, REQUESTS / 8 - 100, REQUESTS / 8 + 100); /* not the same ones */
	/* Whoever saw a request sees its response. */
	assert_int_equal(t_counted(&stats, chain, "some", BH_ATTACH_RESPONSE)->calls->calls, asked);
	bh_chain_stats_free(stats);
	bh_chain_free(chain);
}

/* How often the instance that answers was used before. */
static int count_of(bh_chain *chain)
{
	bh_http_request request = GET("/", header("x-do", "count"));
	bh_exchange *e = t_ask(chain, &request);
	int count = atoi(request_header(e, "x-count"));
	bh_exchange_free(e);
	return count;
}

static void reuses(void **state)
{
	(void)state;
	bh_chain *fresh = t_chain(host), *kept = t_chain(host);
	bh_chain_module_options options = module_of("m", edit_guest);
	t_add(fresh, &options);
	options.reuse = 3;
	t_add(kept, &options);
	for (int i = 0; i < 7; i++) {
		assert_int_equal(count_of(fresh), 1);
		assert_int_equal(count_of(kept), i % 3 + 1);
	}
	/* One that failed is not used again. */
	bh_http_request crash = GET("/", header("x-do", "crash"));
	bh_exchange *e = t_ask(kept, &crash);
	REPLIES(e, 503);
	bh_exchange_free(e);
	assert_int_equal(count_of(kept), 1);
	bh_chain_free(fresh);
	bh_chain_free(kept);
}

static void context(void **state)
{
	(void)state;
	bh_chain *chain = t_chain(host);
	bh_chain_module_options options = module_of("one", notes_guest);
	t_add(chain, &options);
	options.name = "two";
	t_add(chain, &options);
	bh_http_request request = GET("/note", header("a", "b"));
	bh_exchange *e = t_ask(chain, &request);
	CONTINUES(e);
	assert_string_equal(request_header(e, "x-context"), "path=fine;"); /* what the second one saw */
	size_t count;
	const bh_context_entry *entries = bh_exchange_context(e, &count);
	assert_int_equal(count, 2);
	assert_true(string_is(entries[1].key, "second") && body_is(entries[1].value, "yes"));
	bh_http_response response = RESPONSE(200, header("a", "b"));
	OK(bh_exchange_response(e, &response, &t_err));
	assert_string_equal(response_header(e, "x-context"), "path=fine;second=yes;");
	assert_int_equal(bh_exchange_get_response(e)->header_count, 3);
	bh_exchange_free(e);

	request.path = str("/respond");
	e = t_ask(chain, &request);
	REPLIES(e, 418);
	assert_string_equal(response_header(e, "content-type"), "text/plain");
	assert_int_equal(bh_exchange_get_response(e)->header_count, 1); /* framing is the server's */
	assert_true(body_is(bh_exchange_get_response(e)->body, "short and stout"));
	assert_false(bh_exchange_saw(e, "two"));
	bh_exchange_free(e);
	bh_chain_free(chain);
}

static bool body_has(const bh_exchange *e, const char *text)
{
	bh_bytes body = bh_exchange_get_response(e)->body;
	return memmem(body.data, body.length, text, strlen(text));
}

static void errors(void **state)
{
	(void)state;
	bh_chain *chain = t_chain(host);
	bh_chain_module_options options = module_of("one", notes_guest);
	t_add(chain, &options);
	options.name = "two";
	options.attach = BH_ATTACH_REQUEST | BH_ATTACH_RESPONSE;
	t_add(chain, &options);
	/* The server has no response. */
	bh_http_request request = GET("/", header("a", "b"));
	bh_exchange *e = t_ask(chain, &request);
	OK(bh_exchange_error(e, 504, "no upstream \xff", &t_err));
	REPLIES(e, 502);
	assert_true(body_is(bh_exchange_get_response(e)->body, "504 no upstream \xef\xbf\xbd in request of "));
	bh_exchange_free(e);
	/* A module fails on the way back; the other one is told. */
	request.path = str("/crash-later");
	e = t_ask(chain, &request);
	bh_http_response response = RESPONSE(200, header("a", "b"));
	OK(bh_exchange_response(e, &response, &t_err));
	REPLIES(e, 502);
	assert_true(body_has(e, "503 trapped") && body_has(e, "in response of two"));
	assert_int_equal(bh_exchange_get_failure(e).status, BH_E_TRAP);
	assert_string_equal(bh_exchange_get_failure(e).module, "two");
	assert_int_equal(bh_exchange_get_failure(e).attach, BH_ATTACH_RESPONSE);
	bh_exchange_free(e);
	/* Nobody is told of his own failure. */
	request.path = str("/crash");
	e = t_ask(chain, &request);
	REPLIES(e, 503);
	assert_string_equal(response_header(e, "x-bulkhead-reason"), "middleware");
	assert_int_equal(bh_exchange_get_response(e)->header_count, 1);
	assert_int_equal(bh_exchange_get_response(e)->body.length, 0);
	bh_exchange_free(e);
	FAILS(BH_E_INVALID, bh_exchange_error(NULL, 500, NULL, &t_err));
	e = t_begin_exchange(chain, &request);
	FAILS(BH_E_INVALID, bh_exchange_error(e, 99, NULL, &t_err));
	OK(bh_exchange_error(e, 500, NULL, &t_err)); /* before any module saw it */
	REPLIES(e, 502);
	FAILS(BH_E_INVALID, bh_exchange_error(e, 500, NULL, &t_err));
	bh_exchange_free(e);
	bh_chain_free(chain);
}

static _Atomic bool told;

static void note_end(void *data, bh_exchange *exchange)
{
	(void)exchange;
	EXPECT(data == &told);
	told = true;
}

/* What interceptors see is the same. */
static void watched(void **state)
{
	unsigned seen = 0;
	bh_component *plain = notes_guest;
	notes_guest = t_watched(host, "gateway-notes.wasm", &seen);
	context(state);
	errors(state);
	assert_int_equal(seen, 14);
	bh_chain *chain = t_chain(host);
	bh_chain_module_options options = module_of("one", notes_guest);
	t_add(chain, &options);
	bh_http_request request = GET("/respond", header("a", "b"));
	bh_exchange *e = t_begin_exchange(chain, &request);
	told = false;
	OK(bh_exchange_request_start(e, note_end, &told, &t_err));
	for (double end = t_now_ms() + 10000 * t_slack(); !told && t_now_ms() < end;)
		t_sleep_ms(1);
	assert_true(told);
	REPLIES(e, 418);
	assert_true(body_is(bh_exchange_get_response(e)->body, "short and stout"));
	bh_exchange_free(e);
	bh_chain_free(chain);
	bh_component_unref(notes_guest);
	notes_guest = plain;
}

/* The import of wit/bulkhead-gateway. */
static bh_status increment(void *data, const bh_value *args, size_t count, bh_value *result, bh_error **err)
{
	uint64_t *number = data;
	(void)count, (void)err;
	if (args[0].as.string.length == 3 && !memcmp(args[0].as.string.data, "ada", 3))
		++*number;
	*result = bh_of_u64(*number);
	return BH_OK;
}

static void limits_rates(void **state)
{
	(void)state;
	uint64_t number = 0;
	bh_component *limiter = NULL;
	bh_component_options load = BH_COMPONENT_OPTIONS_INIT;
	load.limits = t_limits();
	OK(bh_imports_new(&load.imports, &t_err));
	OK(bh_imports_define(load.imports, "bulkhead:gateway/key-value@0.1.0", "increment", NULL, increment, &number,
	                     &t_err));
	OK(bh_component_load_file(&limiter, host, t_guest("gateway-limiter.wasm"), &load, &t_err));
	bh_imports_free(load.imports);
	bh_chain *chain = t_chain(host);
	bh_chain_module_options options = module_of("limiter", limiter);
	t_add(chain, &options);
	bh_http_request request = GET("/", header("x-client", "ada"));
	for (int i = 1; i <= 5; i++) {
		bh_exchange *e = t_ask(chain, &request);
		if (i <= 3) {
			CONTINUES(e);
		} else {
			REPLIES(e, 429);
			assert_string_equal(response_header(e, "retry-after"), "1");
			assert_true(body_is(bh_exchange_get_response(e)->body, "too many requests\n"));
		}
		bh_exchange_free(e);
	}
	assert_int_equal(number, 5);
	bh_component_unref(limiter);
	bh_chain_free(chain);
}

static void traces(void **state)
{
	(void)state;
	bh_component *tracing = t_middleware(host, "gateway-tracing.wasm", 0);
	bh_chain *chain = t_chain(host);
	bh_chain_module_options options = module_of("tracing", tracing);
	t_add(chain, &options);
	bh_http_request request = GET("/a", header("X-Request-Id", "forged"));
	bh_exchange *e = t_ask(chain, &request);
	assert_string_equal(request_header(e, "x-request-id"), "id-1");
	bh_http_response response = RESPONSE(200, header("a", "b"));
	OK(bh_exchange_response(e, &response, &t_err));
	assert_string_equal(response_header(e, "x-request-id"), "id-1");
	bh_exchange_free(e);
	e = t_ask(chain, &request);
	OK(bh_exchange_error(e, 502, "down", &t_err));
	REPLIES(e, 502);
	assert_string_equal(response_header(e, "x-request-id"), "id-1");
	bh_exchange_free(e);
	bh_component_unref(tracing);
	bh_chain_free(chain);
}

/* What is not UTF-8 is shown as something that is, and sent on as it came. */
static void odd_bytes(void **state)
{
	(void)state;
	bh_chain *chain = t_chain(host);
	bh_chain_module_options options = module_of("m", edit_guest);
	t_add(chain, &options);
	bh_http_request request = GET("/\xff", header("x-latin", "caf\xe9"), header("x-set", "copy=\xe9\xe2\x82z"));
	bh_exchange *e = t_ask(chain, &request);
	CONTINUES(e);
	assert_string_equal(request_header(e, "x-latin"), "caf\xe9");
	assert_string_equal(request_header(e, "copy"), "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbdz");
	assert_true(string_is(bh_exchange_get_request(e)->path, "/\xff"));
	bh_exchange_free(e);
	bh_chain_free(chain);
}

static int set_up(void **state)
{
	host_begin(state);
	edit_guest = t_middleware(host, "gateway-edit.wasm", 5000);
	notes_guest = t_middleware(host, "gateway-notes.wasm", 5000);
	return 0;
}

static int tear_down(void **state)
{
	bh_component_unref(edit_guest);
	bh_component_unref(notes_guest);
	return host_end(state);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(answers),   cmocka_unit_test(changes),      cmocka_unit_test(order),
		cmocka_unit_test(rules),     cmocka_unit_test(rules_later),  cmocka_unit_test(samples),
		cmocka_unit_test(reuses),    cmocka_unit_test(context),      cmocka_unit_test(errors),
		cmocka_unit_test(watched),   cmocka_unit_test(limits_rates), cmocka_unit_test(traces),
		cmocka_unit_test(odd_bytes),
	};
	return cmocka_run_group_tests(tests, set_up, tear_down);
}
