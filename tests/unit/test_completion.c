// test: timeout=120 waits
/* Completions: an answer and the end of the wait for it, at the same time, from two threads. */
#include <pthread.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "engine/import.h"

enum { ROUNDS = 100000 };

/* A waker that counts. */
typedef struct {
	bh_waker waker; /* first */
	_Atomic int references, wakes;
} counter;

static void retain(const bh_waker *waker)
{
	atomic_fetch_add(&((counter *)waker)->references, 1);
}

static void release(const bh_waker *waker)
{
	atomic_fetch_sub(&((counter *)waker)->references, 1);
}

static void wake(const bh_waker *waker)
{
	atomic_fetch_add(&((counter *)waker)->wakes, 1);
}

static counter waker = {.waker = {retain, release, wake}};

/* What a program has in hand while it works: freed as soon as the completion is given up. */
typedef struct {
	bool told;
	int padding[10];
} job;

typedef enum { ABANDON, TAKE, BOTH_WAYS } other_side;

typedef struct {
	_Atomic(bh_completion *) completion;
	_Atomic bool stop;
	_Atomic int finished; /* rounds */
	job *job;
	unsigned seed;
	int told; /* how often a job was told before it was freed */
} worker;

static void tell(void *data)
{
	((job *)data)->told = true;
}

static void spin(unsigned *seed, int most)
{
	for (volatile int i = (int)(rand_r(seed) % (unsigned)most); i; i--)
		;
}

/* The program's side: registers, works, answers in one way or another, frees. */
static void *answer(void *data)
{
	worker *w = data;
	while (!atomic_load(&w->stop)) {
		bh_completion *completion = atomic_exchange(&w->completion, NULL);
		if (!completion) {
			sched_yield();
			continue;
		}
		job *mine = w->job;
		unsigned how = (unsigned)rand_r(&w->seed) % 5;
		if (how != 4)
			bh_completion_on_cancel(completion, tell, mine);
		spin(&w->seed, 300);
		if (how == 3) {
			bh_completion_on_cancel(completion, NULL, NULL);
			w->told += mine->told;
			free(mine);
			mine = NULL;
		}
		bh_value number = bh_of_u32(7), list = bh_of_list(&number, 1);
		if (how == 0)
			bh_completion_finish(completion, &list);
		else if (how == 1)
			bh_completion_fail(completion, BH_E_IO, "round %d", w->finished);
		else
			bh_completion_drop(completion);
		if (mine)
			w->told += mine->told;
		free(mine);
		atomic_fetch_add(&w->finished, 1);
	}
	return NULL;
}

/* The call's side, here: waits for a moment, or until it is answered, or gives up. */
static bool one_round(worker *w, other_side side, unsigned *seed)
{
	bh_value item = bh_of_u32(1), list = bh_of_list(&item, 1), args = BH_VALUE_INIT;
	assert_int_equal(bh_value_copy(&args, &list, NULL), BH_OK);
	bh_completion *completion = bh_completion_new(&args, BH_UNLIMITED);
	assert_non_null(completion);
	assert_int_equal(args.kind, BH_KIND_NONE);
	w->job = calloc(1, sizeof *w->job);
	int before = atomic_load(&w->finished);
	atomic_store(&w->completion, completion);
	bool ready = bh_completion_ready(completion, &waker.waker);
	bool patient = side == TAKE || (side == BOTH_WAYS && rand_r(seed) % 2);
	while (patient && !ready) {
		sched_yield();
		ready = bh_completion_ready(completion, &waker.waker);
	}
	spin(seed, 600);
	if (ready) {
		bh_value given = BH_VALUE_INIT, result = BH_VALUE_INIT;
		bh_error *why = NULL;
		bh_status status = bh_completion_take(completion, &given, &result, &why);
		bh_value_deinit(&given);
		assert_int_equal(status != BH_OK, why != NULL);
		assert_true(status || result.kind == BH_KIND_LIST);
		bh_value_deinit(&result);
		bh_error_free(why);
	} else {
		bh_completion_abandon(completion);
	}
	while (atomic_load(&w->finished) == before)
		sched_yield();
	return ready;
}

static void race(other_side side, int rounds)
{
	worker w = {.seed = 1};
	unsigned seed = 2;
	int ready = 0;
	pthread_t thread;
	assert_int_equal(pthread_create(&thread, NULL, answer, &w), 0);
	for (int i = 0; i < rounds; i++)
		ready += one_round(&w, side, &seed);
	atomic_store(&w.stop, true);
	pthread_join(thread, NULL);
	assert_int_equal(atomic_load(&waker.references), 0);
	assert_int_equal(w.finished, rounds);
	if (side == TAKE)
		assert_int_equal(ready, rounds);
	if (side != TAKE && rounds > 1000)
		assert_true(w.told > 0 && ready < rounds);
}

static void answers_and_ends_meet(void **state)
{
	(void)state;
	race(ABANDON, ROUNDS);
}

static void every_answer_comes(void **state)
{
	(void)state;
	race(TAKE, ROUNDS / 10);
	assert_true(atomic_load(&waker.wakes) > 0);
}

static void both_ways(void **state)
{
	(void)state;
	race(BOTH_WAYS, ROUNDS / 2);
}

/* Who polls may change: the last one is woken, the one before let go. */
static void the_last_waker_counts(void **state)
{
	(void)state;
	counter first = {.waker = {retain, release, wake}}, second = first;
	bh_value nothing = BH_VALUE_INIT;
	bh_completion *completion = bh_completion_new(&nothing, BH_UNLIMITED);
	assert_false(bh_completion_ready(completion, &first.waker));
	assert_false(bh_completion_ready(completion, &first.waker));
	assert_int_equal(first.references, 1);
	assert_false(bh_completion_ready(completion, &second.waker));
	assert_int_equal(first.references, 0);
	assert_int_equal(second.references, 1);
	bh_completion_finish(completion, NULL);
	assert_int_equal(first.wakes, 0);
	assert_int_equal(second.wakes, 1);
	assert_int_equal(second.references, 0);
	assert_true(bh_completion_ready(completion, &first.waker));
	assert_int_equal(first.references, 0);
	bh_value args = BH_VALUE_INIT, result = BH_VALUE_INIT;
	bh_error *why = NULL;
	assert_int_equal(bh_completion_take(completion, &args, &result, &why), BH_OK);
	assert_int_equal(args.kind, BH_KIND_NONE);
	assert_int_equal(result.kind, BH_KIND_NONE);
	/* One that is abandoned wakes nobody. */
	completion = bh_completion_new(&nothing, BH_UNLIMITED);
	assert_false(bh_completion_ready(completion, &first.waker));
	bh_completion_abandon(completion);
	assert_int_equal(first.references, 0);
	assert_true(bh_completion_cancelled(completion));
	bh_completion_fail(completion, BH_OK, "not even a failure");
	assert_int_equal(first.wakes, 0);
	bh_completion_abandon(NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_last_waker_counts),
		cmocka_unit_test(answers_and_ends_meet),
		cmocka_unit_test(every_answer_comes),
		cmocka_unit_test(both_ways),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
