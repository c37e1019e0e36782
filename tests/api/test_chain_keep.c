// test: timeout=60
/* Instances that are kept for more messages (`reuse`) leave room for those that are made anew. */
#include "chain_tools.h"

enum { SLOTS = 4 };

static bh_host *host_of(const bh_host_options *options)
{
	bh_host *made = NULL;
	OK(bh_host_new(&made, options, &t_err));
	return made;
}

static bh_component *guest_on(bh_host *on, uint64_t queue_ms)
{
	bh_limits limits = t_limits();
	limits.fuel = BH_UNLIMITED;
	limits.execution_ms = 20000;
	limits.queue_ms = queue_ms;
	return t_load(on, "gateway-edit.wasm", &limits);
}

static bh_chain *chain_of(bh_host *on, bh_component *component, unsigned modules, uint32_t reuse)
{
	bh_chain *chain = t_chain(on);
	for (unsigned i = 0; i < modules; i++) {
		char name[20];
		snprintf(name, sizeof name, "m%u", i);
		bh_chain_module_options options = module_of(name, component);
		options.reuse = reuse;
		t_add(chain, &options);
	}
	return chain;
}

static bh_status passes(bh_chain *chain)
{
	bh_http_request request = GET("/", header("a", "b"));
	bh_exchange *e = t_ask(chain, &request);
	bh_status status = bh_exchange_get_failure(e).status;
	assert_int_equal(bh_exchange_result(e), status ? BH_EXCHANGE_REPLY : BH_EXCHANGE_CONTINUE);
	bh_exchange_free(e);
	return status;
}

/* More modules that keep one than there are slots: they do not take the pool for themselves. */
static void slots(void **state)
{
	(void)state;
	bh_host_options options = BH_HOST_OPTIONS_INIT;
	options.allocation = BH_ALLOCATION_POOLED;
	options.pool_slots = SLOTS;
	bh_host *on = host_of(&options);
	bh_component *component = guest_on(on, 500);
	bh_chain *keeping = chain_of(on, component, 2 * SLOTS, 1000), *fresh = chain_of(on, component, 1, 0);
	for (int i = 0; i < 3; i++) {
		assert_int_equal(passes(keeping), BH_OK);
		assert_int_equal(passes(fresh), BH_OK);
	}
	bh_chain_free(keeping);
	assert_int_equal(passes(fresh), BH_OK);
	bh_chain_free(fresh);
	bh_component_unref(component);
	bh_host_free(on);
}

/* Memory that a host has for one instance; so many instances as a component may have. */
static void memory(void **state)
{
	(void)state;
	bh_host_options options = BH_HOST_OPTIONS_INIT;
	options.memory_budget = BH_KIB(192);
	bh_host *on = host_of(&options);
	bh_component *component = guest_on(on, 100);
	bh_chain *chain = chain_of(on, component, 2, 1000);
	for (int i = 0; i < 3; i++)
		assert_int_equal(passes(chain), BH_OK);
	bh_chain_free(chain);
	bh_component_unref(component);
	bh_host_free(on);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(slots), cmocka_unit_test(memory)};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
