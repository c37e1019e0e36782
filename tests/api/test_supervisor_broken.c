/* Children that cannot run: they are seen, with the reason, and nobody else is the worse for it. */
#include "one_host.h"

static const bh_child_info *found;
static bh_child_info kept;

static bool look(void *data, const bh_child_info *info)
{
	if (!strcmp(info->name, data)) {
		kept = *info;
		found = &kept;
	}
	return true;
}

static void fails_for_good(void **state)
{
	(void)state;
	bh_supervisor *tree = NULL;
	bh_child *broken = NULL, *well = NULL;
	bh_error *why = NULL;
	bh_component *none = NULL;
	bh_component_options load = BH_COMPONENT_OPTIONS_INIT;
	load.limits = t_limits();
	assert_int_equal(bh_component_load_file(&none, host, "/no/such.wasm", &load, &why), BH_E_NOT_FOUND);
	bh_child_options root = BH_CHILD_OPTIONS_INIT;
	root.most_restarts = BH_NO_RESTARTS; /* one exit that counted would end the tree */
	OK(bh_supervisor_new(&tree, &root, &t_err));
	bh_subscription *events = NULL;
	OK(bh_subscription_new(&events, tree, true, &t_err));
	bh_child_start(bh_supervisor_root(tree));
	bh_child_options options = BH_CHILD_OPTIONS_INIT;
	options.name = "broken";
	FAILS(BH_E_INVALID, bh_child_add(NULL, bh_supervisor_root(tree), &options, &t_err));
	options.broken = why;
	options.replicas = 3;
	options.ready = "nobody-knows";
	OK(bh_child_add(&broken, bh_supervisor_root(tree), &options, &t_err));
	bh_error_free(why);
	options = (bh_child_options)BH_CHILD_OPTIONS_INIT;
	options.name = "well";
	options.component = t_load(host, "counter.wasm", NULL);
	OK(bh_child_add(&well, bh_supervisor_root(tree), &options, &t_err));
	assert_true(bh_child_wait(well, BH_CHILD_RUNNING, 10000));
	assert_true(bh_child_wait(broken, BH_CHILD_FAILED, 10000));
	bh_value result = BH_VALUE_INIT;
	FAILS(BH_E_DOWN, bh_child_call(broken, "get", NULL, 0, &result, NULL, NULL, &t_err));
	assert_true(t_says("/no/such.wasm"));

	/* Asked for again, and with its supervisor, it fails again. */
	bh_child_start(broken);
	bh_child_restart(bh_supervisor_root(tree));
	assert_true(bh_child_wait(broken, BH_CHILD_FAILED, 10000));
	assert_true(bh_child_wait(well, BH_CHILD_RUNNING, 10000));
	assert_true(bh_child_wait(bh_supervisor_root(tree), BH_CHILD_RUNNING, 10000));
	bh_child_list(bh_supervisor_root(tree), look, (char[]){"broken"});
	assert_non_null(found);
	assert_int_equal(found->last_exit, BH_EXIT_NOT_UP);
	assert_int_equal(found->last_status, BH_E_NOT_FOUND);
	unsigned exits = 0, failures = 0;
	for (bh_supervisor_event event = BH_SUPERVISOR_EVENT_INIT; !bh_subscription_next(events, &event, 0, NULL);
	     bh_supervisor_event_deinit(&event)) {
		if (strcmp(event.path, "broken") != 0)
			continue;
		failures += event.kind == BH_EVENT_FAILED;
		if (event.kind != BH_EVENT_EXITED)
			continue;
		exits++;
		assert_int_equal(event.decision, BH_DECISION_FAIL);
		assert_int_equal(bh_error_status(event.cause), BH_E_NOT_FOUND);
	}
	assert_true(exits == failures && exits >= 2);
	bh_subscription_free(events);
	bh_component_unref(options.component);
	bh_child_unref(broken);
	bh_child_unref(well);
	bh_supervisor_free(tree);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(fails_for_good)};
	return cmocka_run_group_tests(tests, host_begin, host_end);
}
