// test: timeout=60
/* Each allocation of an exchange, of an edit and of a snapshot fails in turn: an error or a reply, and nothing is lost. */
#include "base/alloc.h"

#include "../api/chain_tools.h"

static bh_host *host;
static bh_chain *chain;
static bh_component *edit_guest, *notes_guest;

static void exchange(void)
{
	bh_exchange *e = NULL;
	bh_http_request request =
		GET("/note", header("x-latin", "caf\xe9"), header("x-set", "a=1"), header("x-body", "new"));
	bh_http_response response = RESPONSE(200, header("x-add", "b=\xe9"));
	if (bh_exchange_new(&e, chain, &request, NULL))
		return;
	assert_int_equal(bh_exchange_request(e, NULL), BH_OK);
	if (bh_exchange_result(e) == BH_EXCHANGE_CONTINUE) {
		assert_string_equal(request_header(e, "a"), "1");
		assert_int_equal(bh_exchange_response(e, &response, NULL), BH_OK);
	}
	if (bh_exchange_result(e) == BH_EXCHANGE_REPLY)
		assert_true(bh_exchange_get_failure(e).status != BH_OK);
	bh_exchange_free(e);
}

static void change(void)
{
	bh_chain_edit *edit = NULL;
	bh_chain_stats *stats = NULL;
	const bh_chain_match match = {"/a", "GET", "h", "v"};
	bh_chain_module_options options = module_of("new", edit_guest);
	options.matches = &match;
	options.match_count = 1;
	if (!bh_chain_edit_new(&edit, chain, NULL)) {
		(void)!bh_chain_edit_add(edit, &options, NULL);
		(void)!bh_chain_edit_replace(edit, "notes", &options, NULL);
	}
	bh_chain_edit_free(edit);
	if (!bh_chain_stats_new(&stats, chain, NULL))
		bh_chain_stats_free(stats);
	bh_chain *other = NULL;
	if (!bh_chain_new(&other, host, NULL, NULL))
		bh_chain_free(other);
}

static void fail_each(void (*body)(void))
{
	bh_alloc_fail_at(0, false);
	body();
	uint64_t before = bh_alloc_count();
	body();
	uint64_t count = bh_alloc_count() - before;
	assert_in_range(count, 2, 2000);
	for (int sticky = 0; sticky < 2; sticky++)
		for (uint64_t nth = 1; nth <= count + 1; nth++) {
			bh_alloc_fail_at(nth, sticky);
			body();
			bh_alloc_fail_at(0, false);
		}
	body();
}

static void exchanges(void **state)
{
	(void)state;
	fail_each(exchange);
}

static void changes(void **state)
{
	(void)state;
	fail_each(change);
	assert_int_equal(bh_chain_module_count(chain), 2);
}

static void hear(void *data, const bh_chain_output *output)
{
	(void)data, (void)output;
}

static int set_up(void **state)
{
	(void)state;
	bh_chain_options heard = BH_CHAIN_OPTIONS_INIT;
	heard.log = hear;
	host = t_host();
	OK(bh_chain_new(&chain, host, &heard, &t_err));
	edit_guest = t_middleware(host, "gateway-edit.wasm", 5000);
	notes_guest = t_middleware(host, "gateway-notes.wasm", 5000);
	bh_chain_module_options options = module_of("edit", edit_guest);
	options.reuse = 2;
	t_add(chain, &options);
	options = module_of("notes", notes_guest);
	t_add(chain, &options);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	bh_chain_free(chain);
	bh_component_unref(edit_guest);
	bh_component_unref(notes_guest);
	t_begin();
	bh_host_free(host);
	return 0;
}

int main(void)
{
#ifndef BH_FAULTS
	return 77;
#else
	const struct CMUnitTest tests[] = {cmocka_unit_test(exchanges), cmocka_unit_test(changes)};
	return cmocka_run_group_tests(tests, set_up, tear_down);
#endif
}
