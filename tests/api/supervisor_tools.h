/* Trees of one service or a few, for the tests of calls, upgrades and state. */
#ifndef BH_TEST_SUPERVISOR_TOOLS_H
#define BH_TEST_SUPERVISOR_TOOLS_H

#include <pthread.h>
#include <stdatomic.h>
#include <string.h>

#include "one_host.h"

typedef struct {
	bh_supervisor *tree;
	bh_subscription *events;
	bh_child *child;
} scene;

static inline scene scene_begin(const bh_child_options *options)
{
	scene s = {0};
	bh_child_options root = BH_CHILD_OPTIONS_INIT;
	root.most_restarts = 10000;
	OK(bh_supervisor_new(&s.tree, &root, &t_err));
	OK(bh_subscription_new(&s.events, s.tree, true, &t_err));
	OK(bh_child_add(&s.child, bh_supervisor_root(s.tree), options, &t_err));
	bh_child_start(bh_supervisor_root(s.tree));
	return s;
}

static inline void scene_end(scene *s)
{
	bh_child_unref(s->child);
	bh_subscription_free(s->events);
	bh_supervisor_free(s->tree);
}

/* The next event of that kind. */
static inline bh_supervisor_event scene_next(scene *s, bh_event_kind kind)
{
	bh_supervisor_event event;
	for (;;) {
		OK(bh_subscription_next(s->events, &event, (uint64_t)(20000 * t_slack()), &t_err));
		if (event.kind == kind)
			return event;
		bh_supervisor_event_deinit(&event);
	}
}

static inline void scene_wait(scene *s, bh_child_state state)
{
	(void)!bh_child_wait(s->child, state, (uint64_t)(10000 * t_slack()));
	assert_int_equal(bh_child_state_of(s->child), state);
}

static inline uint32_t scene_number(scene *s, const char *name)
{
	bh_value result = BH_VALUE_INIT;
	OK(bh_child_call(s->child, name, NULL, 0, &result, NULL, NULL, &t_err));
	return result.as.u32;
}

/* All replicas are up, and one can be called: which is a moment later. */
static inline void scene_wait_all(scene *s)
{
	assert_true(bh_child_wait(bh_supervisor_root(s->tree), BH_CHILD_RUNNING, (uint64_t)(10000 * t_slack())));
	scene_number(s, "get");
}

/* What came of many calls that were started. */
typedef struct {
	_Atomic unsigned told, good, trapped, cancelled, down, busy, late, other;
} tally;

static inline void tally_add(tally *t, bh_status status)
{
	atomic_fetch_add(status == BH_OK                                 ? &t->good
	                 : status == BH_E_TRAP || status == BH_E_TIMEOUT ? &t->trapped
	                 : status == BH_E_CANCELLED                      ? &t->cancelled
	                 : status == BH_E_DOWN                           ? &t->down
	                 : status == BH_E_BUSY                           ? &t->busy
	                 : status == BH_E_DEADLINE                       ? &t->late
	                                                                 : &t->other,
	                 1);
	atomic_fetch_add(&t->told, 1);
}

/* For bh_call_options.done, with a tally. */
static inline void tally_done(void *data, bh_call *call)
{
	tally_add(data, bh_call_take(call, NULL, NULL, NULL));
}

static inline void tally_wait(tally *t, unsigned count)
{
	double until = t_now_ms() + 30000 * t_slack();
	while (atomic_load(&t->told) < count && t_now_ms() < until)
		t_sleep_ms(1);
	assert_int_equal(atomic_load(&t->told), count);
}

#endif
