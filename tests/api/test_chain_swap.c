// test: timeout=120
/*
 * Chains that are replaced while they are in use: started exchanges and threads that wait, a thousand changes, and every
 * exchange sees one chain, whole, from its request to its response.
 */
#include <pthread.h>
#include <stdatomic.h>

#include "chain_tools.h"
#include "one_host.h"

enum { SWAPS = 1000, CALLERS = 4, WAITERS = 1 };

static bh_chain *chain;
static bh_component *guest;
static _Atomic bool stop;
static _Atomic unsigned live;
static _Atomic uint64_t exchanges, wrong;

typedef struct {
	bh_exchange *exchange;
	bh_header headers[1], back[1];
	bool returning;
} caller;

/* Each module that is asked adds one to x-turn: there are two in even versions, three in odd ones. */
static bool is_right(const bh_header *headers, size_t count, unsigned modules)
{
	for (size_t i = 0; i < count; i++)
		if (string_is(headers[i].name, "x-turn"))
			return headers[i].value.length == 1 && headers[i].value.data[0] == (char)('1' + modules);
	return false;
}

static unsigned modules_of(const bh_exchange *exchange)
{
	return 2 + bh_exchange_saw(exchange, "third");
}

static bool went_well(const bh_exchange *exchange, bool returning)
{
	const bh_http_request *request = bh_exchange_get_request(exchange);
	const bh_http_response *response = bh_exchange_get_response(exchange);
	if (bh_exchange_result(exchange) != BH_EXCHANGE_CONTINUE)
		return false;
	return returning ? is_right(response->headers, response->header_count, modules_of(exchange))
	                 : is_right(request->headers, request->header_count, modules_of(exchange));
}

static void begin(caller *c);

static void step(void *data, bh_exchange *exchange)
{
	caller *c = data;
	if (!went_well(exchange, c->returning))
		atomic_fetch_add(&wrong, 1);
	if (!c->returning) {
		bh_http_response response = response_of(200, c->back, 1);
		c->returning = true;
		EXPECT(!bh_exchange_response_start(exchange, &response, step, c, NULL));
		return;
	}
	bh_exchange_free(exchange);
	atomic_fetch_add(&exchanges, 1);
	if (atomic_load(&stop))
		atomic_fetch_sub(&live, 1);
	else
		begin(c);
}

static void begin(caller *c)
{
	c->headers[0] = c->back[0] = header("x-turn", "1");
	c->returning = false;
	bh_http_request request = request_of("GET", "/", c->headers, 1);
	EXPECT(!bh_exchange_new(&c->exchange, chain, &request, NULL));
	EXPECT(!bh_exchange_request_start(c->exchange, step, c, NULL));
}

static void *waiter(void *data)
{
	(void)data;
	const bh_header headers[1] = {header("x-turn", "1")};
	while (!atomic_load(&stop)) {
		bh_exchange *exchange = NULL;
		bh_http_request request = request_of("GET", "/", headers, 1);
		bh_http_response response = response_of(200, headers, 1);
		EXPECT(!bh_exchange_new(&exchange, chain, &request, NULL));
		EXPECT(!bh_exchange_request(exchange, NULL));
		if (!went_well(exchange, false))
			atomic_fetch_add(&wrong, 1);
		EXPECT(!bh_exchange_response(exchange, &response, NULL));
		if (!went_well(exchange, true))
			atomic_fetch_add(&wrong, 1);
		bh_exchange_free(exchange);
		atomic_fetch_add(&exchanges, 1);
	}
	return NULL;
}

static void add(bh_chain_edit *edit, const char *name, uint32_t reuse)
{
	bh_chain_module_options options = module_of(name, guest);
	options.reuse = reuse;
	OK(bh_chain_edit_add(edit, &options, &t_err));
}

/* Other modules, of other names or of the same. */
static void swap(int number)
{
	bh_chain_edit *edit = NULL;
	OK(bh_chain_edit_new(&edit, chain, &t_err));
	for (const char *const *name = (const char *const[]){"first", "second", "third", NULL}; *name; name++)
		(void)!bh_chain_edit_remove(edit, *name, NULL);
	add(edit, "first", (uint32_t)number % 3 * 4);
	add(edit, "second", 0);
	if (number % 2)
		add(edit, "third", 0);
	if (number % 10 == 9) { /* one that fails leaves the old one */
		bh_chain_module_options broken = module_of("third", NULL);
		FAILS(BH_E_INVALID, bh_chain_edit_add(edit, &broken, &t_err));
	} else {
		OK(bh_chain_edit_commit(edit, &t_err));
	}
	bh_chain_edit_free(edit);
}

static void under_load(void **state)
{
	(void)state;
	static caller callers[CALLERS];
	pthread_t threads[WAITERS];
	swap(0);
	live = CALLERS;
	for (int i = 0; i < CALLERS; i++)
		begin(&callers[i]);
	for (int i = 0; i < WAITERS; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, waiter, NULL), 0);
	for (int i = 1; i <= SWAPS; i++) {
		swap(i);
		uint64_t seen = atomic_load(&exchanges);
		for (int spins = 0; atomic_load(&exchanges) == seen && spins < 100; spins++)
			sched_yield();
	}
	atomic_store(&stop, true);
	for (int i = 0; i < WAITERS; i++)
		pthread_join(threads[i], NULL);
	double end = t_now_ms() + 20000 * t_slack();
	while (atomic_load(&live) && t_now_ms() < end)
		t_sleep_ms(1);
	assert_int_equal(atomic_load(&live), 0);
	assert_int_equal(atomic_load(&wrong), 0);
	assert_true(atomic_load(&exchanges) > SWAPS / 10);
	assert_int_equal(bh_chain_version(chain), 1 + SWAPS - SWAPS / 10);
}

static int set_up(void **state)
{
	host_begin(state);
	guest = t_middleware(host, "gateway-edit.wasm", 20000);
	chain = t_chain(host);
	return 0;
}

static int tear_down(void **state)
{
	bh_chain_free(chain);
	bh_component_unref(guest);
	return host_end(state);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(under_load)};
	return cmocka_run_group_tests(tests, set_up, tear_down);
}
