// test: timeout=60
/* Modules that fail, and that answer what is not allowed: closed and open, waited for and started. */
#include <stdatomic.h>

#include "chain_tools.h"
#include "one_host.h"

enum { LIMIT_MS = 50, ROOMY_MS = 150 };

static bh_component *edit_guest;
static bh_chain *closed_chain, *open_chain;

/* What comes of one header that tells the module what to do. */
typedef struct {
	const char *name, *value;
	bh_status status;
} row;

static const row rows[] = {
	{"x-do", "crash", BH_E_TRAP},
	{"x-do", "spin", BH_E_TIMEOUT},
	{"x-do", "hog", BH_E_MEMORY_LIMIT},
	{"x-do", "lie", BH_E_TRAP},
	{"x-do", "big-body", BH_E_BAD_RESULT},
	{"x-do", "long-name", BH_E_BAD_RESULT},
	{"x-do", "long-value", BH_E_BAD_RESULT},
	{"x-do", "many", BH_E_BAD_RESULT},
	{"x-set", "a=b\r\nset-cookie: c", BH_E_BAD_RESULT},
	{"x-set", "a=b\rc", BH_E_BAD_RESULT},
	{"x-set", "a=b\nc", BH_E_BAD_RESULT},
	{"x-add", "a=b\x01", BH_E_BAD_RESULT},
	{"x-add", "a=b\x7f", BH_E_BAD_RESULT},
	{"x-set", "=b", BH_E_BAD_RESULT},
	{"x-set", "a b=c", BH_E_BAD_RESULT},
	{"x-set", "a:=c", BH_E_BAD_RESULT},
	{"x-set", "a\r\nb=c", BH_E_BAD_RESULT},
	{"x-add", "(a)=c", BH_E_BAD_RESULT},
	{"x-add", "\xc3\xa4=c", BH_E_BAD_RESULT},
	{"x-rm", "a b", BH_E_BAD_RESULT},
	{"x-rm", "", BH_E_BAD_RESULT},
	{"x-reject", "0", BH_E_BAD_RESULT},
	{"x-reject", "99", BH_E_BAD_RESULT},
	{"x-reject", "100", BH_E_BAD_RESULT},
	{"x-reject", "101", BH_E_BAD_RESULT},
	{"x-reject", "600", BH_E_BAD_RESULT},
	{"x-reject", "1000", BH_E_BAD_RESULT},
	{"x-reject", "65535", BH_E_BAD_RESULT},
};
enum { ROWS = sizeof rows / sizeof *rows };

static void assert_closed(const bh_exchange *e, const row *r)
{
	bh_exchange_failure failure = bh_exchange_get_failure(e);
	if (failure.status != r->status)
		fail_msg("%s: %s gave %s: %s", r->name, r->value, bh_status_name(failure.status), failure.message);
	REPLIES(e, 503);
	assert_int_equal(bh_exchange_get_response(e)->header_count, 1);
	assert_string_equal(response_header(e, "x-bulkhead-reason"), "middleware");
	assert_int_equal(bh_exchange_get_response(e)->body.length, 0);
	assert_string_equal(failure.module, "m");
}

static void closed(void **state)
{
	(void)state;
	for (size_t i = 0; i < ROWS; i++) {
		bh_http_request request = GET("/", header(rows[i].name, rows[i].value));
		bh_exchange *e = t_ask(closed_chain, &request);
		assert_closed(e, &rows[i]);
		bh_exchange_free(e);
	}
}

static void open_(void **state)
{
	(void)state;
	for (size_t i = 0; i < ROWS; i++) {
		bh_http_request request = GET("/", header(rows[i].name, rows[i].value));
		bh_exchange *e = t_ask(open_chain, &request);
		CONTINUES(e);
		assert_ptr_equal(bh_exchange_get_request(e)->headers, request.headers);
		assert_int_equal(bh_exchange_get_failure(e).status, BH_OK);
		bh_exchange_free(e);
	}
	bh_chain_stats *stats;
	const bh_chain_stats_entry *entry = t_counted(&stats, open_chain, "m", BH_ATTACH_REQUEST);
	assert_int_equal(entry->opened, ROWS);
	assert_int_equal(entry->closed, 0);
	assert_int_equal(entry->calls->failures, ROWS);
	assert_int_equal(bh_stats_status_count(entry->calls, BH_E_TIMEOUT), 1);
	assert_int_equal(bh_stats_status_count(entry->calls, BH_E_MEMORY_LIMIT), 1);
	assert_int_equal(bh_stats_status_count(entry->calls, BH_E_BAD_RESULT), ROWS - 4);
	bh_chain_stats_free(stats);
}

/* On the way back, where statuses may be changed too. */
static void responses(void **state)
{
	(void)state;
	static const row more[] = {
		{"x-status", "0", BH_E_BAD_RESULT},        {"x-status", "99", BH_E_BAD_RESULT},
		{"x-status", "199", BH_E_BAD_RESULT},      {"x-status", "600", BH_E_BAD_RESULT},
		{"x-status", "1000", BH_E_BAD_RESULT},     {"x-do", "crash", BH_E_TRAP},
		{"x-set", "a=b\r\nc: d", BH_E_BAD_RESULT},
	};
	for (size_t i = 0; i < sizeof more / sizeof *more; i++) {
		bh_http_request request = GET("/", header("a", "b"));
		bh_http_response response = RESPONSE(200, header(more[i].name, more[i].value), header("secret", "1"));
		bh_exchange *e = t_ask(closed_chain, &request);
		OK(bh_exchange_response(e, &response, &t_err));
		assert_closed(e, &more[i]);
		bh_exchange_free(e);
		e = t_ask(open_chain, &request);
		OK(bh_exchange_response(e, &response, &t_err));
		CONTINUES(e);
		assert_int_equal(bh_exchange_get_response(e)->status, 200);
		assert_ptr_equal(bh_exchange_get_response(e)->headers, response.headers);
		bh_exchange_free(e);
	}
}

/* A status of a request means nothing, whatever it is. */
static void status_of_request(void **state)
{
	(void)state;
	bh_http_request request = GET("/", header("x-status", "1000"), header("x-set", "a=1"));
	bh_exchange *e = t_ask(closed_chain, &request);
	CONTINUES(e);
	assert_string_equal(request_header(e, "a"), "1");
	bh_exchange_free(e);
}

/* Values with NUL in them. */
static void nul(void **state)
{
	(void)state;
	bh_header headers[] = {{{"x-set", 5}, {"a=b\0c", 5}}};
	bh_http_request request = request_of("GET", "/", headers, 1);
	bh_exchange *e = t_ask(closed_chain, &request);
	REPLIES(e, 503);
	assert_int_equal(bh_exchange_get_failure(e).status, BH_E_BAD_RESULT);
	bh_exchange_free(e);
}

static void framing(void **state)
{
	(void)state;
	bh_http_request request =
		GET("/", header("Content-Length", "5"), header("Connection", "close"), header("x-set", "content-length=7"),
	        header("x-add", "Transfer-Encoding=chunked"), header("x-set", "connection=keep-alive"),
	        header("x-rm", "connection"), header("x-rm", "content-LENGTH"), header("x-add", "upgrade=websocket"),
	        header("x-add", "te=trailers"));
	bh_exchange *e = t_ask(closed_chain, &request);
	CONTINUES(e);
	assert_int_equal(bh_exchange_get_request(e)->header_count, request.header_count);
	assert_string_equal(request_header(e, "Content-Length"), "5");
	assert_string_equal(request_header(e, "Connection"), "close");
	bh_exchange_free(e);
}

/* As large as it may be; and a status that has no body. */
static void bodies(void **state)
{
	(void)state;
	bh_http_request request = GET("/", header("x-do", "full-body"));
	bh_exchange *e = t_ask(closed_chain, &request);
	CONTINUES(e);
	assert_int_equal(bh_exchange_get_request(e)->body.length, BH_MIB(10));
	bh_exchange_free(e);
	request = GET("/", header("a", "b"));
	bh_http_response response = RESPONSE(200, header("x-status", "204"), header("content-length", "4"));
	response.body = bh_bytes_lend("body", 4);
	e = t_ask(closed_chain, &request);
	OK(bh_exchange_response(e, &response, &t_err));
	assert_int_equal(bh_exchange_get_response(e)->status, 204);
	assert_int_equal(bh_exchange_get_response(e)->body.length, 0);
	assert_int_equal(bh_exchange_get_response(e)->header_count, 1);
	bh_exchange_free(e);
	/* Those of the caller. */
	char *large = calloc(1, BH_MIB(10) + 1);
	assert_non_null(large);
	bh_exchange *refused = NULL;
	request.body = bh_bytes_lend(large, BH_MIB(10) + 1);
	FAILS(BH_E_RESOURCE_LIMIT, bh_exchange_new(&refused, closed_chain, &request, &t_err));
	assert_true(t_says("max_body_size"));
	request.body.length--;
	e = t_ask(closed_chain, &request);
	CONTINUES(e);
	assert_ptr_equal(bh_exchange_get_request(e)->body.data, large);
	bh_exchange_free(e);
	free(large);
}

static void late(void **state)
{
	(void)state;
	bh_component *spinner = t_middleware(host, "gateway-edit.wasm", LIMIT_MS);
	bh_chain *chain = t_chain(host);
	bh_chain_module_options options = module_of("m", spinner);
	t_add(chain, &options);
	bh_http_request request = GET("/", header("x-do", "spin"));
	double best = 1e9;
	for (int i = 0; i < 5; i++) {
		double begin = t_now_ms();
		bh_exchange *e = t_ask(chain, &request);
		double took = t_now_ms() - begin;
		assert_int_equal(bh_exchange_get_failure(e).status, BH_E_TIMEOUT);
		assert_true(strstr(bh_exchange_get_failure(e).message, "max_execution_time_ms"));
		assert_true(took >= LIMIT_MS - 1);
		best = took < best ? took : best;
		bh_exchange_free(e);
	}
	assert_true(best < LIMIT_MS + 2 * t_slack()); /* the machine may be busy, but not five times */
	bh_component_unref(spinner);
	bh_chain_free(chain);
}

/* Started. */

static _Atomic unsigned told;

static void note_end(void *data, bh_exchange *exchange)
{
	(void)data, (void)exchange;
	atomic_fetch_add(&told, 1);
}

static void wait_told(unsigned wanted)
{
	double end = t_now_ms() + 20000 * t_slack();
	while (atomic_load(&told) < wanted && t_now_ms() < end)
		t_sleep_ms(1);
	assert_int_equal(atomic_load(&told), wanted);
}

static void started(void **state)
{
	(void)state;
	bh_exchange *all[ROWS];
	bh_header headers[ROWS];
	told = 0;
	for (size_t i = 0; i < ROWS; i++) {
		headers[i] = header(rows[i].name, rows[i].value);
		bh_http_request request = request_of("GET", "/", &headers[i], 1);
		all[i] = t_begin_exchange(closed_chain, &request);
		OK(bh_exchange_request_start(all[i], note_end, NULL, &t_err));
	}
	wait_told(ROWS);
	for (size_t i = 0; i < ROWS; i++) {
		assert_closed(all[i], &rows[i]);
		bh_exchange_free(all[i]);
	}
}

static void cancelled(void **state)
{
	(void)state;
	enum { COUNT = 8 };
	bh_component *spinner = t_middleware(host, "gateway-edit.wasm", 60000);
	bh_chain *chain = t_chain(host);
	bh_chain_module_options options = module_of("m", spinner);
	options.on_failure = BH_FAIL_OPEN; /* which has no say in this */
	t_add(chain, &options);
	bh_http_request request = GET("/", header("x-do", "spin"));
	bh_exchange *all[COUNT];
	told = 0;
	for (int i = 0; i < COUNT; i++) {
		all[i] = t_begin_exchange(chain, &request);
		if (i == 0)
			bh_exchange_cancel(all[i]); /* before it begins */
		OK(bh_exchange_request_start(all[i], note_end, NULL, &t_err));
		if (i % 2)
			t_sleep_ms(3);
		bh_exchange_cancel(all[i]);
		bh_exchange_cancel(all[i]);
	}
	wait_told(COUNT);
	for (int i = 0; i < COUNT; i++) {
		REPLIES(all[i], 503);
		assert_int_equal(bh_exchange_get_failure(all[i]).status, BH_E_CANCELLED);
		bh_exchange_free(all[i]);
	}
	bh_component_unref(spinner);
	bh_chain_free(chain);
}

static void misused(void **state)
{
	(void)state;
	bh_exchange *e = NULL;
	bh_http_request request = GET("/", header("a", "b")), none = {0};
	FAILS(BH_E_INVALID, bh_exchange_new(&e, NULL, &request, &t_err));
	FAILS(BH_E_INVALID, bh_exchange_new(&e, closed_chain, &none, &t_err));
	bh_http_request hollow = request;
	hollow.headers = NULL;
	FAILS(BH_E_INVALID, bh_exchange_new(&e, closed_chain, &hollow, &t_err));
	e = t_begin_exchange(closed_chain, &request);
	bh_http_response response = RESPONSE(200, header("a", "b"));
	FAILS(BH_E_INVALID, bh_exchange_response(e, &response, &t_err));
	FAILS(BH_E_INVALID, bh_exchange_request_start(e, NULL, NULL, &t_err));
	OK(bh_exchange_request(e, &t_err));
	FAILS(BH_E_INVALID, bh_exchange_request(e, &t_err));
	FAILS(BH_E_INVALID, bh_exchange_response(e, NULL, &t_err));
	OK(bh_exchange_response(e, &response, &t_err));
	FAILS(BH_E_INVALID, bh_exchange_response(e, &response, &t_err));
	bh_exchange_free(e);
	bh_exchange_free(NULL);
	bh_exchange_cancel(NULL);
}

static int set_up(void **state)
{
	host_begin(state);
	edit_guest = t_middleware(host, "gateway-edit.wasm", (uint64_t)(ROOMY_MS * t_slack()));
	closed_chain = t_chain(host);
	open_chain = t_chain(host);
	bh_chain_module_options options = module_of("m", edit_guest);
	t_add(closed_chain, &options);
	options.on_failure = BH_FAIL_OPEN;
	t_add(open_chain, &options);
	return 0;
}

static int tear_down(void **state)
{
	bh_chain_free(closed_chain);
	bh_chain_free(open_chain);
	bh_component_unref(edit_guest);
	return host_end(state);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(closed),    cmocka_unit_test(open_),
		cmocka_unit_test(responses), cmocka_unit_test(status_of_request),
		cmocka_unit_test(nul),       cmocka_unit_test(framing),
		cmocka_unit_test(bodies),    cmocka_unit_test(late),
		cmocka_unit_test(started),   cmocka_unit_test(cancelled),
		cmocka_unit_test(misused),
	};
	return cmocka_run_group_tests(tests, set_up, tear_down);
}
