/* The executor by itself, with tasks whose steps are ours. */
#include <stdatomic.h>
#include <string.h>

#include "api.h"
#include "base/clock.h"
#include "host/executor.h"

enum { LONG_MS = 5000 };

typedef struct {
	bh_task task; /* first */
	_Atomic bool *busy;
	_Atomic int *ended;
	const _Atomic int *until; /* it computes until this is not 0; NULL: a moment */
	_Atomic int ranked;       /* which one it was to end */
} step_task;

static _Atomic int ticks, asked;
static _Atomic(step_task *) computing;

static void tick(void)
{
	step_task *at = atomic_load(&computing);
	if (at)
		bh_task_wake(&at->task);
	atomic_fetch_add(&ticks, 1);
}

static void is_asked(void *data)
{
	(void)data;
	atomic_fetch_add(&asked, 1);
	tick();
}

static bh_step step(bh_task *task)
{
	step_task *t = (step_task *)task;
	uint64_t give_up = bh_after_ms(bh_now(), LONG_MS);
	if (t->until && !atomic_load(t->until)) {
		int before = atomic_load(&ticks);
		atomic_store(&computing, t);
		atomic_store(t->busy, true);
		while (atomic_load(&ticks) == before && !atomic_load(t->until) && bh_now() < give_up)
			;
		atomic_store(&computing, NULL);
		if (!atomic_load(t->until) && bh_now() < give_up)
			return BH_STEP_WAIT;
	}
	atomic_store(&t->ranked, atomic_fetch_add(t->ended, 1) + 1);
	return BH_STEP_OVER;
}

static void over(bh_task *task)
{
	(void)task;
}

static const bh_task_kind kind = {step, over, over};

typedef struct {
	bh_executor *executor;
	bh_group groups[2];
	_Atomic bool busy;
	_Atomic int ended, enough;
	step_task tasks[300];
	int count;
} scene;

static void set(scene *s)
{
	memset(s, 0, sizeof *s);
	atomic_store(&asked, 0);
	atomic_store(&computing, NULL);
	OK(bh_executor_new(&s->executor, 1, is_asked, NULL, &t_err));
}

static step_task *start(scene *s, int group, bool computes)
{
	step_task *t = &s->tasks[s->count++];
	bh_task_init(&t->task, s->executor, &s->groups[group], &kind);
	t->busy = &s->busy;
	t->ended = &s->ended;
	t->until = computes ? &s->enough : NULL;
	OK(bh_executor_start(s->executor, &t->task, &t_err));
	return t;
}

static void wait_for(const _Atomic int *what, int count)
{
	for (int i = 0; atomic_load(what) < count && i < 2 * LONG_MS; i++)
		t_sleep_ms(1);
	assert_true(atomic_load(what) >= count);
}

static void end(scene *s)
{
	atomic_store(&s->enough, 1);
	wait_for(&s->ended, s->count);
	bh_executor_free(s->executor);
}

static step_task *compute(scene *s)
{
	step_task *spinner = start(s, 0, true);
	while (!atomic_load(&s->busy))
		t_sleep_ms(1);
	t_sleep_ms(2); /* longer than anybody's patience */
	return spinner;
}

/* Nothing but the arrival asks the one that computes to look up: there is no ticker here. */
static void who_comes_asks_for_a_tick(void **state)
{
	(void)state;
	static scene s;
	set(&s);
	step_task *spinner = compute(&s);
	step_task *brief = start(&s, 1, false);
	wait_for(&brief->ranked, 1);
	assert_int_equal(atomic_load(&asked), 1);
	assert_int_equal(atomic_load(&spinner->ranked), 0);
	end(&s);
	assert_true(atomic_load(&spinner->ranked) > atomic_load(&brief->ranked));
}

static void its_own_group_waits_for_the_ticker(void **state)
{
	(void)state;
	static scene s;
	set(&s);
	compute(&s);
	start(&s, 0, false);
	t_sleep_ms(20);
	assert_int_equal(atomic_load(&asked), 0);
	end(&s);
}

/* A flood asks for ticks no more often than patience ends, however many come. */
static void a_flood_asks_rarely(void **state)
{
	(void)state;
	static scene s;
	set(&s);
	compute(&s);
	uint64_t begin = bh_now();
	for (int i = 0; i < 290; i++)
		start(&s, 1, false);
	/* Who came while the last tick was on its way asks in vain: the next is the ticker's. */
	for (; atomic_load(&s.ended) < 290; tick())
		t_sleep_ms(1);
	assert_in_range(atomic_load(&asked), 1, (bh_now() - begin) / 100000 + 1);
	end(&s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(who_comes_asks_for_a_tick),
		cmocka_unit_test(its_own_group_waits_for_the_ticker),
		cmocka_unit_test(a_flood_asks_rarely),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
