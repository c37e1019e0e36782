/* Large bodies: not copied where they are not changed; bounded both ways, whoever made them. */
#include "chain_tools.h"
#include "one_host.h"

enum { LARGE = 1 << 20 };

static bh_component *edit_guest, *policy_guest;
static bh_chain *chain;
static char *large; /* LARGE + 1 bytes */

/* Three modules look at it, and change headers: the body, and the texts of other headers, are where they were. */
static void untouched(void **state)
{
	(void)state;
	const bh_header given[] = {header("accept", "a"), header("x-set", "x-new=1"), header("etag", "e")};
	bh_http_request request = request_of("POST", "/", given, 3);
	request.body = bh_bytes_lend(large, LARGE);
	bh_exchange *e = t_ask(chain, &request);
	CONTINUES(e);
	const bh_http_request *out = bh_exchange_get_request(e);
	assert_string_equal(request_header(e, "x-new"), "1");
	assert_ptr_equal(out->body.data, large);
	assert_int_equal(out->body.length, LARGE);
	assert_int_equal(out->header_count, 4);
	for (int i = 0; i < 3; i++) {
		assert_ptr_equal(out->headers[i].name.data, given[i].name.data);
		assert_ptr_equal(out->headers[i].value.data, given[i].value.data);
	}
	bh_http_response response = RESPONSE(200, header("server", "x"), header("x-status", "201"));
	response.body = bh_bytes_lend(large, LARGE);
	OK(bh_exchange_response(e, &response, &t_err));
	CONTINUES(e);
	assert_int_equal(bh_exchange_get_response(e)->status, 201);
	assert_string_equal(response_header(e, "x-content-type-options"), "nosniff");
	assert_ptr_equal(bh_exchange_get_response(e)->body.data, large);
	assert_int_equal(bh_exchange_get_response(e)->body.length, LARGE);
	bh_exchange_free(e);
	for (int i = 0; i < LARGE; i += 4096)
		assert_int_equal((unsigned char)large[i], (unsigned char)(i >> 12));
}

/* The setting bounds what comes, both ways, and what modules make: one byte more is too much. */
static void bounded(void **state)
{
	(void)state;
	bh_exchange *e = NULL;
	bh_http_request request = GET("/", header("a", "b"));
	request.body = bh_bytes_lend(large, LARGE + 1);
	FAILS(BH_E_RESOURCE_LIMIT, bh_exchange_new(&e, chain, &request, &t_err));
	assert_true(t_says("max_body_size"));
	assert_null(e);
	request.body.length = LARGE;
	e = t_ask(chain, &request);
	CONTINUES(e);
	bh_http_response response = RESPONSE(200, header("a", "b"));
	response.body = bh_bytes_lend(large, LARGE + 1);
	FAILS(BH_E_RESOURCE_LIMIT, bh_exchange_response(e, &response, &t_err));
	assert_true(t_says("max_body_size"));
	/* It was not taken: what the server says instead is. */
	OK(bh_exchange_error(e, 502, "too large", &t_err));
	REPLIES(e, 502);
	bh_exchange_free(e);

	bh_http_request makes = GET("/", header("x-do", "full-body")); /* 10 MiB, the default bound */
	e = t_ask(chain, &makes);
	REPLIES(e, 503);
	assert_int_equal(bh_exchange_get_failure(e).status, BH_E_BAD_RESULT);
	assert_true(strstr(bh_exchange_get_failure(e).message, "max_body_size"));
	bh_exchange_free(e);
	request = GET("/", header("a", "b"));
	e = t_ask(chain, &request);
	response = RESPONSE(200, header("x-do", "full-body"));
	OK(bh_exchange_response(e, &response, &t_err));
	REPLIES(e, 503);
	assert_int_equal(bh_exchange_get_failure(e).attach, BH_ATTACH_RESPONSE);
	bh_exchange_free(e);
}

/* What the host sets aside to read an answer follows it too: a larger one is not even read. */
static void read_bounded(void **state)
{
	(void)state;
	bh_gateway_settings settings = BH_GATEWAY_SETTINGS_INIT;
	bh_limits limits = BH_LIMITS_INIT;
	settings.max_body_size = LARGE;
	OK(bh_gateway_settings_check(&settings, &t_err));
	bh_gateway_settings_limits(&settings, &limits);
	limits.execution_ms = 5000;
	bh_component *component = t_load(host, "gateway-edit.wasm", &limits);
	bh_chain *alone = t_chain(host); /* which would take 10 MiB */
	bh_chain_module_options options = module_of("m", component);
	t_add(alone, &options);
	bh_http_request makes = GET("/", header("x-do", "full-body"));
	bh_exchange *e = t_ask(alone, &makes);
	REPLIES(e, 503);
	assert_int_equal(bh_exchange_get_failure(e).status, BH_E_RESOURCE_LIMIT);
	bh_exchange_free(e);
	bh_chain_free(alone);
	bh_component_unref(component);
}

static int set_up(void **state)
{
	host_begin(state);
	edit_guest = t_middleware(host, "gateway-edit.wasm", 5000);
	policy_guest = t_middleware(host, "gateway-policy.wasm", 5000);
	bh_chain_options options = BH_CHAIN_OPTIONS_INIT;
	options.max_body_size = LARGE;
	OK(bh_chain_new(&chain, host, &options, &t_err));
	bh_chain_module_options module = module_of("edit", edit_guest);
	t_add(chain, &module);
	module.name = "again";
	t_add(chain, &module);
	module = module_of("policy", policy_guest);
	t_add(chain, &module);
	large = malloc(LARGE + 1);
	assert_non_null(large);
	for (int i = 0; i <= LARGE; i++)
		large[i] = (char)(i >> 12);
	return 0;
}

static int tear_down(void **state)
{
	free(large);
	bh_chain_free(chain);
	bh_component_unref(edit_guest);
	bh_component_unref(policy_guest);
	return host_end(state);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(untouched), cmocka_unit_test(bounded),
	                                   cmocka_unit_test(read_bounded)};
	return cmocka_run_group_tests(tests, set_up, tear_down);
}
