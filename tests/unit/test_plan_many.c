// test: timeout=60
/* As many children as anybody has: bringing them up and down takes time for each of them once. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/alloc.h"
#include "supervise/plan.h"

enum { MANY = 50000 };

typedef struct {
	bh_plan plan;
	bh_plan_ops ops;
	bh_node root, *nodes;
	bh_node *starting, *stopping; /* one at a time */
	size_t starts, stops;
} world;

static void start(void *data, bh_node *node)
{
	world *w = data;
	assert_null(w->starting);
	w->starting = node;
	w->starts++;
}

static void stop(void *data, bh_node *node)
{
	world *w = data;
	assert_null(w->stopping);
	w->stopping = node;
	w->stops++;
}

static void tell(void *data, const bh_note *note)
{
	(void)data, (void)note;
}

static void gone(void *data, bh_node *node)
{
	(void)data, (void)node;
}

/* In the order of the children, or the other way round. */
static void bring_up(world *w)
{
	for (bh_node *node, *last = NULL; (node = BH_TAKE(w->starting)); last = node) {
		assert_true(!last || node > last);
		bh_plan_up(&w->plan, node, 1);
	}
}

static void bring_down(world *w)
{
	for (bh_node *node, *last = NULL; (node = BH_TAKE(w->stopping)); last = node) {
		assert_true(!last || node < last);
		bh_plan_down(&w->plan, node, BH_EXIT_STOPPED, 1);
	}
}

static void begin(world *w, bh_strategy strategy)
{
	const bh_node_spec spec = {.supervisor = true, .strategy = strategy, .most_restarts = 3, .window_ms = 60000};
	const bh_node_spec leaf = {.start_ms = 10000, .shutdown_ms = 5000};
	*w = (world){.ops = {.start = start, .stop = stop, .kill = stop, .tell = tell, .gone = gone}};
	w->ops.data = w;
	w->nodes = bh_calloc(MANY, sizeof *w->nodes);
	assert_non_null(w->nodes);
	bh_plan_init(&w->plan, &w->ops, 1);
	assert_true(bh_plan_add(&w->plan, &w->root, NULL, &spec));
	for (size_t i = 0; i < MANY; i++)
		assert_true(bh_plan_add(&w->plan, &w->nodes[i], &w->root, &leaf));
	bh_plan_start(&w->plan, &w->root, 1);
	bring_up(w);
	assert_int_equal(w->starts, MANY);
}

static void end(world *w)
{
	w->stops = 0;
	bh_plan_stop(&w->plan, &w->root, 1);
	bring_down(w);
	assert_int_equal(w->stops, MANY);
	bh_plan_remove(&w->plan, &w->root, 1);
	bh_plan_deinit(&w->plan);
	bh_free(w->nodes);
}

static double seconds(void)
{
	return (double)bh_cpu_now() / 1e9;
}

/* Where each child costs a look at all of them, this takes ten times as long. */
static void up_and_down(void **state)
{
	(void)state;
	double before = seconds();
	for (bh_strategy strategy = BH_ONE_FOR_ONE; strategy <= BH_REST_FOR_ONE; strategy++) {
		world w;
		begin(&w, strategy);
		if (strategy != BH_ONE_FOR_ONE) {
			bh_plan_down(&w.plan, &w.nodes[MANY / 2], BH_EXIT_CRASHED, 1);
			bring_down(&w);
			bring_up(&w);
		}
		assert_int_equal(w.root.state, BH_CHILD_RUNNING);
		end(&w);
	}
	assert_true(seconds() - before < 2);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(up_and_down)};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
