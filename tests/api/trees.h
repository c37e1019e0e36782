/* Trees of services that count, or crash when told to; for the tests of supervisors. */
#ifndef BH_TEST_TREES_H
#define BH_TEST_TREES_H

#include "one_host.h"

static inline bh_child_options service(const char *name, bh_component *component)
{
	bh_child_options options = BH_CHILD_OPTIONS_INIT;
	options.name = name;
	options.kind = BH_CHILD_SERVICE;
	options.component = component;
	options.shutdown_ms = 500;
	return options;
}

static inline bh_child_options supervisor(const char *name, bh_strategy strategy)
{
	bh_child_options options = BH_CHILD_OPTIONS_INIT;
	options.name = name;
	options.kind = BH_CHILD_SUPERVISOR;
	options.strategy = strategy;
	options.most_restarts = 10000;
	return options;
}

static inline bh_supervisor *tree_of(const bh_child_options *options)
{
	bh_supervisor *tree = NULL;
	OK(bh_supervisor_new(&tree, options, &t_err));
	return tree;
}

static inline bh_child *add(bh_child *parent, bh_child_options options)
{
	bh_child *child = NULL;
	OK(bh_child_add(&child, parent, &options, &t_err));
	return child;
}

static inline void assert_is(bh_child *child, bh_child_state state)
{
	if (!bh_child_wait(child, state, (uint64_t)(10000 * t_slack())))
		fprintf(stderr, "is %s\n", bh_child_state_name(bh_child_state_of(child)));
	assert_int_equal(bh_child_state_of(child), state);
}

static inline uint32_t number(bh_child *child, const char *name)
{
	bh_value result = BH_VALUE_INIT;
	OK(bh_child_call(child, name, NULL, 0, &result, NULL, NULL, &t_err));
	return result.as.u32;
}

static inline bh_limits quick(void)
{
	bh_limits limits = t_limits();
	limits.execution_ms = (uint64_t)(50 * t_slack());
	limits.queue_ms = (uint64_t)(10000 * t_slack());
	return limits;
}

static inline void crash(bh_child *child)
{
	bh_value at = bh_of_u32(number(child, "get") + 1);
	OK(bh_child_call(child, "crash-at", &at, 1, NULL, NULL, NULL, &t_err));
	FAILS(BH_E_TRAP, bh_child_call(child, "increment", NULL, 0, NULL, NULL, NULL, &t_err));
	t_begin();
}

#endif
