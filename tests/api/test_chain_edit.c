/* Changing chains: whole or not at all; what cannot be added; options and settings. */
#include "chain_tools.h"
#include "one_host.h"

static bh_component *edit_guest;

static bh_chain_edit *begin(bh_chain *chain)
{
	bh_chain_edit *edit = NULL;
	OK(bh_chain_edit_new(&edit, chain, &t_err));
	return edit;
}

/* Which modules saw a request, in one word. */
static void assert_modules(bh_chain *chain, const char *wanted)
{
	static const char *const names[] = {"a", "b", "c"};
	char seen[8] = "";
	bh_http_request request = GET("/", header("x", "1"));
	bh_exchange *e = t_ask(chain, &request);
	for (int i = 0; i < 3; i++)
		if (bh_exchange_saw(e, names[i]))
			strcat(seen, names[i]);
	assert_string_equal(seen, wanted);
	bh_exchange_free(e);
}

static void whole(void **state)
{
	(void)state;
	bh_chain *chain = t_chain(host);
	assert_int_equal(bh_chain_version(chain), 0);
	assert_false(bh_chain_wants(chain, BH_ATTACH_REQUEST));
	bh_chain_module_options a = module_of("a", edit_guest), b = module_of("b", edit_guest);
	bh_chain_edit *edit = begin(chain), *late = begin(chain);
	OK(bh_chain_edit_add(edit, &a, &t_err));
	OK(bh_chain_edit_add(edit, &b, &t_err));
	assert_int_equal(bh_chain_module_count(chain), 0); /* not before it is committed */
	assert_modules(chain, "");
	OK(bh_chain_edit_commit(edit, &t_err));
	FAILS(BH_E_INVALID, bh_chain_edit_commit(edit, &t_err));
	FAILS(BH_E_INVALID, bh_chain_edit_add(edit, &a, &t_err));
	bh_chain_edit_free(edit);
	assert_modules(chain, "ab");
	assert_int_equal(bh_chain_version(chain), 1);
	assert_true(bh_chain_wants(chain, BH_ATTACH_REQUEST) && bh_chain_wants(chain, BH_ATTACH_RESPONSE));
	assert_false(bh_chain_wants(chain, BH_ATTACH_ERROR));
	/* Somebody was first. */
	OK(bh_chain_edit_add(late, &a, &t_err));
	FAILS(BH_E_BUSY, bh_chain_edit_commit(late, &t_err));
	bh_chain_edit_free(late);
	assert_modules(chain, "ab");
	/* An exchange keeps the modules that it began with; so does one that outlives the chain. */
	bh_http_request request = GET("/", header("x", "1"));
	bh_exchange *old = t_begin_exchange(chain, &request);
	edit = begin(chain);
	OK(bh_chain_edit_remove(edit, "a", &t_err));
	b.name = "c";
	OK(bh_chain_edit_replace(edit, "b", &b, &t_err));
	FAILS(BH_E_NOT_FOUND, bh_chain_edit_replace(edit, "b", &b, &t_err));
	FAILS(BH_E_NOT_FOUND, bh_chain_edit_remove(edit, "a", &t_err));
	OK(bh_chain_edit_commit(edit, &t_err));
	bh_chain_edit_free(edit);
	assert_modules(chain, "c");
	bh_chain_free(chain);
	OK(bh_exchange_request(old, &t_err));
	assert_true(bh_exchange_saw(old, "a") && bh_exchange_saw(old, "b"));
	bh_exchange_free(old);
}

static void moved(void **state)
{
	(void)state;
	bh_chain *chain = t_chain(host);
	static const char *const names[] = {"1", "2", "3", "4"};
	bh_chain_edit *edit = begin(chain);
	for (int i = 0; i < 4; i++) {
		bh_chain_module_options options = module_of(names[i], edit_guest);
		options.attach = BH_ATTACH_REQUEST;
		OK(bh_chain_edit_add(edit, &options, &t_err));
	}
	OK(bh_chain_edit_move(edit, "4", 1, &t_err));
	OK(bh_chain_edit_move(edit, "1", 4, &t_err)); /* 4 2 3 1 */
	FAILS(BH_E_INVALID, bh_chain_edit_move(edit, "1", 5, &t_err));
	FAILS(BH_E_INVALID, bh_chain_edit_move(edit, "1", 0, &t_err));
	FAILS(BH_E_NOT_FOUND, bh_chain_edit_move(edit, "5", 1, &t_err));
	OK(bh_chain_edit_commit(edit, &t_err));
	bh_chain_edit_free(edit);
	/* The one whose turn is the last rejects; who was asked before is counted. */
	bh_http_request request = GET("/", header("x-turn", "1"), header("x-reject-3", "403"));
	bh_exchange *e = t_ask(chain, &request);
	REPLIES(e, 403);
	assert_true(bh_exchange_saw(e, "4") && bh_exchange_saw(e, "2") && bh_exchange_saw(e, "3"));
	assert_false(bh_exchange_saw(e, "1"));
	bh_exchange_free(e);
	bh_chain_free(chain);
}

static void refused(void **state)
{
	(void)state;
	static const char other[] = "(component (core module $m (func (export \"f\") (param i32) (result i32) local.get 0))"
								" (core instance $i (instantiate $m))"
								" (func $f (param \"req\" u32) (result u32) (canon lift (core func $i \"f\")))"
								" (instance $o (export \"on-request\" (func $f)))"
								" (export \"smg:gateway/middleware-on-request\" (instance $o)))";
	bh_chain *chain = t_chain(host);
	bh_chain_edit *edit = begin(chain);
	bh_component *echo = t_load(host, "echo.wasm", NULL), *wrong = t_load_text(host, other, NULL);
	bh_host *elsewhere = t_host();
	bh_component *foreign = t_load(elsewhere, "gateway-auth.wasm", NULL);
	bh_chain_module_options options = module_of("a", echo);
	FAILS(BH_E_NO_EXPORT, bh_chain_edit_add(edit, &options, &t_err));
	assert_true(t_says("no gateway middleware") && t_says("smg:gateway/middleware-on-request"));
	options.component = wrong;
	FAILS(BH_E_TYPE, bh_chain_edit_add(edit, &options, &t_err));
	assert_true(t_says("of another type") && t_says("u32") && t_says("wit/smg-gateway"));
	options.component = foreign;
	FAILS(BH_E_WRONG_HOST, bh_chain_edit_add(edit, &options, &t_err));
	options.component = edit_guest;
	options.attach = BH_ATTACH_ERROR;
	FAILS(BH_E_NO_EXPORT, bh_chain_edit_add(edit, &options, &t_err));
	assert_true(t_says("bulkhead:gateway/on-error@0.1.0"));
	options.attach = 8;
	FAILS(BH_E_INVALID, bh_chain_edit_add(edit, &options, &t_err));
	options.attach = 0;
	options.sample = 101;
	FAILS(BH_E_CONFIG, bh_chain_edit_add(edit, &options, &t_err));
	options.sample = 0;
	options.position = 2;
	FAILS(BH_E_INVALID, bh_chain_edit_add(edit, &options, &t_err));
	options.position = 0;
	options.name = "";
	FAILS(BH_E_INVALID, bh_chain_edit_add(edit, &options, &t_err));
	options.name = "a";
	const bh_chain_match bad = {.path_prefix = "api"};
	options.matches = &bad;
	options.match_count = 1;
	FAILS(BH_E_INVALID, bh_chain_edit_add(edit, &options, &t_err));
	options.match_count = 0;
	OK(bh_chain_edit_add(edit, &options, &t_err));
	FAILS(BH_E_INVALID, bh_chain_edit_add(edit, &options, &t_err));
	assert_true(t_says("already"));
	char name[20];
	options.name = name;
	for (int i = 1; i < BH_CHAIN_MODULES; i++) {
		snprintf(name, sizeof name, "m%d", i);
		OK(bh_chain_edit_add(edit, &options, &t_err));
	}
	strcpy(name, "more");
	FAILS(BH_E_BUSY, bh_chain_edit_add(edit, &options, &t_err));
	OK(bh_chain_edit_commit(edit, &t_err));
	bh_chain_edit_free(edit);
	assert_int_equal(bh_chain_module_count(chain), BH_CHAIN_MODULES);
	bh_component_unref(echo);
	bh_component_unref(wrong);
	bh_component_unref(foreign);
	bh_host_free(elsewhere);
	bh_chain_free(chain);
}

static void settings(void **state)
{
	(void)state;
	bh_gateway_settings s = BH_GATEWAY_SETTINGS_INIT;
	OK(bh_gateway_settings_check(&s, &t_err));
	assert_int_equal(s.max_memory_pages, 1024);
	assert_int_equal(s.max_execution_time_ms, 1000);
	assert_int_equal(s.max_stack_size, 1 << 20);
	assert_int_equal(s.thread_pool_size, 0);
	assert_int_equal(s.module_cache_size, 10);
	assert_int_equal(s.max_body_size, 10 << 20);
	const struct {
		const char *name;
		uint64_t *value, low, high;
	} rows[] = {
		{"max_memory_pages", &s.max_memory_pages, 1, 65536},
		{"max_execution_time_ms", &s.max_execution_time_ms, 1, 300000},
		{"max_stack_size", &s.max_stack_size, BH_KIB(64), BH_MIB(16)},
		{"thread_pool_size", &s.thread_pool_size, 1, 256},
		{"module_cache_size", &s.module_cache_size, 1, 1000},
		{"max_body_size", &s.max_body_size, 1, BH_MIB(100)},
	};
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		uint64_t was = *rows[i].value;
		*rows[i].value = rows[i].high + 1;
		FAILS(BH_E_CONFIG, bh_gateway_settings_check(&s, &t_err));
		assert_true(t_says(rows[i].name));
		if (rows[i].low > 1) {
			*rows[i].value = rows[i].low - 1;
			FAILS(BH_E_CONFIG, bh_gateway_settings_check(&s, &t_err));
		}
		*rows[i].value = rows[i].high;
		OK(bh_gateway_settings_check(&s, &t_err));
		*rows[i].value = rows[i].low;
		OK(bh_gateway_settings_check(&s, &t_err));
		*rows[i].value = was;
	}
	bh_limits limits = BH_LIMITS_INIT;
	bh_gateway_settings_limits(&s, &limits);
	OK(bh_limits_check(&limits, &t_err));
	assert_int_equal(limits.memory, BH_MIB(64));
	assert_int_equal(limits.execution_ms, 1000);
	assert_true(limits.hostcall_bytes > BH_MIB(10));
	s.max_memory_pages = 65536;
	s.max_body_size = BH_MIB(100);
	s.max_stack_size = BH_MIB(16);
	bh_gateway_settings_limits(&s, &limits);
	OK(bh_limits_check(&limits, &t_err));
	bh_host_options on = BH_HOST_OPTIONS_INIT;
	bh_cache_options cache = BH_CACHE_OPTIONS_INIT;
	bh_chain_options of = BH_CHAIN_OPTIONS_INIT;
	s.thread_pool_size = 3;
	bh_gateway_settings_host(&s, &on, &cache);
	bh_gateway_settings_chain(&s, &of);
	assert_int_equal(on.workers, 3);
	assert_int_equal(on.default_stack, BH_MIB(16));
	assert_int_equal(cache.memory_entries, 10);
	assert_int_equal(of.max_body_size, BH_MIB(100));
	bh_chain *chain = NULL;
	OK(bh_chain_new(&chain, host, &of, &t_err));
	bh_chain_free(chain);
	chain = NULL;
	of.max_body_size++;
	FAILS(BH_E_CONFIG, bh_chain_new(&chain, host, &of, &t_err));
	assert_null(chain);
	FAILS(BH_E_INVALID, bh_chain_new(&chain, NULL, NULL, &t_err));
}

static int set_up(void **state)
{
	host_begin(state);
	edit_guest = t_middleware(host, "gateway-edit.wasm", 5000);
	return 0;
}

static int tear_down(void **state)
{
	bh_component_unref(edit_guest);
	return host_end(state);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(whole),
		cmocka_unit_test(moved),
		cmocka_unit_test(refused),
		cmocka_unit_test(settings),
	};
	return cmocka_run_group_tests(tests, set_up, tear_down);
}
