// test: timeout=1500 labels=slow,nosanitize,alone
/* A child that crashes and comes up again 1,000,000 times: the process stays as large as it was. */
#include "api.h"

#ifndef CYCLES
#define CYCLES 1000000
#endif

static const char crasher[] =
	"(component (core module $m (memory 1) (global $n (mut i32) (i32.const 0))"
	" (func (export \"next\") (result i32) (global.set $n (i32.add (global.get $n) (i32.const 1))) (global.get $n))"
	" (func (export \"crash\") unreachable))"
	" (core instance $i (instantiate $m))"
	" (func (export \"next\") (result u32) (canon lift (core func $i \"next\")))"
	" (func (export \"crash\") (canon lift (core func $i \"crash\"))))";

static void cycle(bh_child *child)
{
	bh_value result = BH_VALUE_INIT;
	OK(bh_child_call(child, "next", NULL, 0, &result, NULL, NULL, &t_err));
	assert_int_equal(result.as.u32, 1);
	if (bh_child_call(child, "crash", NULL, 0, NULL, NULL, NULL, NULL) != BH_E_TRAP)
		fail_msg("it did not crash");
}

static void a_million(void **state)
{
	(void)state;
	enum { SETTLE = CYCLES / 10 };
	size_t settled = 0, descriptors = 0;
	bh_host *host = t_host_pooled(10);
	bh_limits limits = t_limits();
	limits.queue_ms = 60000;
	bh_component *component = t_load_text(host, crasher, &limits);
	bh_supervisor *tree = NULL;
	bh_child *child = NULL;
	bh_child_options root = BH_CHILD_OPTIONS_INIT, options = BH_CHILD_OPTIONS_INIT;
	root.most_restarts = 10000;
	root.window_ms = 1; /* there is time for so many in a millisecond at most */
	OK(bh_supervisor_new(&tree, &root, &t_err));
	options.name = "crasher";
	options.component = component;
	OK(bh_child_add(&child, bh_supervisor_root(tree), &options, &t_err));
	bh_child_start(bh_supervisor_root(tree));
	double start = t_now_ms();
	for (int i = 0; i < CYCLES; i++) {
		cycle(child);
		if (i == SETTLE) {
			settled = t_rss();
			descriptors = t_descriptors();
		}
	}
	size_t rss = t_rss();
	printf("%d crashes in %.1f s: %zu KiB after a tenth, %zu KiB at the end; %zu descriptors, then %zu\n", CYCLES,
	       (t_now_ms() - start) / 1000, settled / 1024, rss / 1024, descriptors, t_descriptors());
	assert_in_range(rss, 0, settled + settled / 50);
	assert_in_range(t_descriptors(), 0, descriptors);
	bh_child_unref(child);
	bh_supervisor_free(tree);
	bh_component_unref(component);
	bh_host_free(host);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(a_million)};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
