/* The executor by itself, with tasks whose steps are ours. */
#include <pthread.h>
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

static _Atomic int ticks, asked, inside;
static _Atomic unsigned slow_ms; /* how long who asks is kept */
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
	atomic_fetch_add(&inside, 1);
	tick();
	t_sleep_ms(atomic_load(&slow_ms));
	atomic_fetch_sub(&inside, 1);
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

static void pass(void *data, uint64_t now)
{
	(void)data;
	assert_true(now);
}

static void set_workers(scene *s, uint32_t workers)
{
	memset(s, 0, sizeof *s);
	atomic_store(&asked, 0);
	atomic_store(&computing, NULL);
	const bh_executor_hooks hooks = {.tick = is_asked, .passing = pass};
	OK(bh_executor_new(&s->executor, workers, &hooks, &t_err));
}

static void set(scene *s)
{
	set_workers(s, 1);
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

static void *comes(void *data)
{
	start(data, 1, false);
	return NULL;
}

/* Who made the last task ready may still be asking for a tick when that task, and all, is over. */
static void its_end_waits_for_who_asks(void **state)
{
	(void)state;
	static scene s;
	pthread_t other;
	set(&s);
	atomic_store(&slow_ms, 200);
	compute(&s);
	assert_int_equal(pthread_create(&other, NULL, comes, &s), 0);
	wait_for(&inside, 1);
	atomic_store(&s.enough, 1);
	wait_for(&s.ended, 2);
	bh_executor_free(s.executor);
	assert_int_equal(atomic_load(&inside), 0);
	pthread_join(other, NULL);
	atomic_store(&slow_ms, 0);
}

enum { SOON_MS = 40, BLOCKED_MS = 400 };

static bh_step looks_again(bh_task *task)
{
	step_task *t = (step_task *)task;
	if (!atomic_exchange(t->busy, true)) {
		task->look_at = bh_after_ms(bh_now(), SOON_MS);
		return BH_STEP_WAIT;
	}
	atomic_store(&t->ranked, atomic_fetch_add(t->ended, 1) + 1);
	return BH_STEP_OVER;
}

static bh_step blocks(bh_task *task)
{
	step_task *t = (step_task *)task;
	t_sleep_ms(BLOCKED_MS);
	atomic_store(&t->ranked, atomic_fetch_add(t->ended, 1) + 1);
	return BH_STEP_OVER;
}

static const bh_task_kind looking = {looks_again, over, over}, blocking = {blocks, over, over};

static step_task *start_kind(scene *s, const bh_task_kind *what)
{
	step_task *t = &s->tasks[s->count++];
	bh_task_init(&t->task, s->executor, &s->groups[0], what);
	t->busy = &s->busy;
	t->ended = &s->ended;
	OK(bh_executor_start(s->executor, &t->task, &t_err));
	t_sleep_ms(5);
	return t;
}

/* The moments of a worker that is kept by its step are looked at by one that sleeps, as long as there is one. */
static void moments_pass_though_workers_are_kept(void **state)
{
	(void)state;
	for (uint32_t workers = 2; workers <= 5; workers++) {
		static scene s;
		set_workers(&s, workers);
		start(&s, 0, false);
		t_sleep_ms(20); /* all have gone to sleep */
		step_task *looks = start_kind(&s, &looking);
		for (uint32_t i = 1; i < workers; i++)
			start_kind(&s, &blocking);
		wait_for(&s.ended, s.count);
		assert_int_equal(atomic_load(&looks->ranked), 2);
		bh_executor_free(s.executor);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(who_comes_asks_for_a_tick),
		cmocka_unit_test(its_own_group_waits_for_the_ticker),
		cmocka_unit_test(a_flood_asks_rarely),
		cmocka_unit_test(its_end_waits_for_who_asks),
		cmocka_unit_test(moments_pass_though_workers_are_kept),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
