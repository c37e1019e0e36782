// test: timeout=600 labels=languages
/* Middleware in JavaScript and Python (guests/gateway), built from smg:gateway as it is published, in one chain with C. */
#include <unistd.h>

#include "chain_tools.h"
#include "one_host.h"

enum { SECONDS = 60 }; /* an interpreter on a busy machine */

static bh_chain *chain_with(const char *language)
{
	char guest[100];
	bh_chain *chain = t_chain(host);
	snprintf(guest, sizeof guest, "languages/gateway-%s.wasm", language);
	bh_component *auth = t_middleware(host, "gateway-auth.wasm", 1000 * SECONDS);
	bh_component *component = t_middleware(host, guest, 1000 * SECONDS);
	bh_chain_module_options first = module_of("auth", auth), second = module_of(language, component);
	const bh_chain_match match = {.path_prefix = "/guarded"};
	first.matches = &match;
	first.match_count = 1;
	t_add(chain, &first);
	t_add(chain, &second);
	bh_component_unref(auth);
	bh_component_unref(component);
	return chain;
}

static void answers(const char *language, const char *name)
{
	bh_chain *chain = chain_with(language);
	bh_http_request without = GET("/", header("host", "h"));
	bh_exchange *e = t_ask(chain, &without);
	REPLIES(e, 401);
	assert_int_equal(bh_exchange_get_failure(e).status, BH_OK);
	bh_exchange_free(e);

	bh_http_request with = GET("/guarded", header("host", "h"), header("X-Api-Key", "let-me-in"));
	with.body = bh_bytes_lend("\0\1body", 6);
	e = t_ask(chain, &with);
	CONTINUES(e);
	assert_string_equal(request_header(e, "x-checked-by"), name);
	assert_string_equal(request_header(e, "X-Api-Key"), "(none)");
	assert_string_equal(request_header(e, "host"), "h");
	assert_ptr_equal(bh_exchange_get_request(e)->body.data, with.body.data);

	bh_http_response bad = RESPONSE(500, header("Server", "s/1"), header("content-length", "4"));
	bad.body = bh_bytes_lend("oops", 4);
	OK(bh_exchange_response(e, &bad, &t_err));
	CONTINUES(e);
	assert_int_equal(bh_exchange_get_response(e)->status, 502);
	assert_true(body_is(bh_exchange_get_response(e)->body, "sorry: 4 bytes withheld\n"));
	assert_int_equal(bh_exchange_get_response(e)->header_count, 0);
	bh_exchange_free(e);

	e = t_ask(chain, &with);
	bh_http_response good = RESPONSE(200, header("Server", "s/1"));
	OK(bh_exchange_response(e, &good, &t_err));
	CONTINUES(e);
	assert_ptr_equal(bh_exchange_get_response(e)->headers, good.headers);
	bh_exchange_free(e);
	bh_chain_free(chain);
}

static void javascript(void **state)
{
	(void)state;
	answers("javascript", "JavaScript");
}

static void python(void **state)
{
	(void)state;
	answers("python", "Python");
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(javascript), cmocka_unit_test(python)};
	if (access(t_guest("languages/gateway-python.wasm"), R_OK) ||
	    access(t_guest("languages/gateway-javascript.wasm"), R_OK)) {
		fprintf(stderr, "the guests are not built: make languages\n");
		return 77;
	}
	return cmocka_run_group_tests(tests, host_begin, host_end);
}
