/* Nothing to do is nothing done: a tree of services, the library's own functions and a sampler, all after use, sleep. */
#include <stdlib.h>
#include <unistd.h>

#include "hostfunctions.h"
#include "supervisor_tools.h"

/* Until it is quiet, however busy the machine is: half a second without a wake-up; then for two seconds. */
static void stays_asleep(void)
{
	double until = t_now_ms() + 10000 * t_slack();
	for (uint64_t before = UINT64_MAX, now; (now = t_sleeps()) != before; before = now) {
		assert_true(t_now_ms() < until);
		t_sleep_ms(500);
	}
	uint64_t before = t_sleeps();
	t_sleep_ms(2000);
	assert_int_equal(t_sleeps() - before, 0);
}

static void a_tree_after_crashes(void **state)
{
	(void)state;
	if (t_under_tsan())
		skip(); /* it has a thread of its own that never sleeps for long */
	bh_limits limits = t_limits();
	limits.execution_ms = 20;
	limits.fuel = BH_UNLIMITED;
	bh_component *component = t_load(host, "counter.wasm", &limits);
	bh_child_options options = BH_CHILD_OPTIONS_INIT;
	options.name = "service";
	options.component = component;
	options.replicas = 3;
	options.most_restarts = 100;
	scene s = scene_begin(&options);
	scene_wait_all(&s);
	for (int i = 0; i < 4; i++)
		assert_int_equal(bh_child_call(s.child, "spin", NULL, 0, NULL, NULL, NULL, NULL), BH_E_TIMEOUT);
	scene_wait_all(&s);

	bh_component *napper = t_with_functions(host, "wat/nap.wat", t_granted(T_ALL), NULL, 0);
	assert_string_equal(t_said(napper, "nap", "20"), "0");
	bh_sampler *sampler = NULL;
	OK(bh_sampler_new(&sampler, napper, &t_err));
	stays_asleep();
	/* And is there when it is called. */
	scene_number(&s, "increment");
	assert_string_equal(t_said(napper, "nap", "1"), "0");
	bh_sampler_free(sampler);
	bh_component_unref(napper);
	scene_end(&s);
	bh_component_unref(component);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(a_tree_after_crashes)};
	return cmocka_run_group_tests(tests, host_begin, host_end);
}
