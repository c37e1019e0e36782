// test: timeout=60
/* Clients that go away while a thread waits for the modules: what runs is ended, not waited for. */
#include <pthread.h>
#include <stdatomic.h>

#include "chain_tools.h"
#include "one_host.h"

enum { LIMIT_MS = 30000, SOON_MS = 5000 }; /* far enough from each other for any machine */

typedef struct {
	bh_exchange *exchange;
	_Atomic bool begun;
	double took;
} waiter;

static void *wait_for_it(void *data)
{
	waiter *w = data;
	double begin = t_now_ms();
	atomic_store(&w->begun, true);
	EXPECT(!bh_exchange_request(w->exchange, NULL));
	w->took = t_now_ms() - begin;
	return NULL;
}

static void ends_soon(bh_component *component, bool early)
{
	pthread_t thread;
	bh_chain *chain = t_chain(host);
	bh_chain_module_options options = module_of("m", component);
	options.on_failure = BH_FAIL_OPEN; /* which has no say in this */
	t_add(chain, &options);
	bh_http_request request = GET("/", header("x-do", "spin"));
	waiter w = {.exchange = t_begin_exchange(chain, &request)};
	if (early)
		bh_exchange_cancel(w.exchange);
	assert_int_equal(pthread_create(&thread, NULL, wait_for_it, &w), 0);
	while (!atomic_load(&w.begun))
		t_sleep_ms(1);
	t_sleep_ms(30);
	bh_exchange_cancel(w.exchange);
	bh_exchange_cancel(w.exchange);
	pthread_join(thread, NULL);
	assert_true(w.took < SOON_MS);
	REPLIES(w.exchange, 503);
	assert_int_equal(bh_exchange_get_failure(w.exchange).status, BH_E_CANCELLED);
	bh_exchange_free(w.exchange);
	bh_chain_free(chain);
}

static void while_it_runs(void **state)
{
	(void)state;
	bh_component *spinner = t_middleware(host, "gateway-edit.wasm", LIMIT_MS);
	ends_soon(spinner, false);
	ends_soon(spinner, true);
	bh_component_unref(spinner);
}

/* With values, which interceptors look at. */
static void while_others_look(void **state)
{
	(void)state;
	unsigned seen = 0;
	bh_component *spinner = t_watched_for(host, "gateway-edit.wasm", LIMIT_MS, &seen);
	ends_soon(spinner, false);
	bh_component_unref(spinner);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(while_it_runs), cmocka_unit_test(while_others_look)};
	return cmocka_run_group_tests(tests, host_begin, host_end);
}
