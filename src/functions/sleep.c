/*
 * bulkhead:host/time: guests that sleep, in a heap by the moment at which they wake, and one thread that waits for the
 * first of them. It starts with the first sleep, and has nothing to do while nobody sleeps.
 */
#include <pthread.h>
#include <stdatomic.h>

#include "base/clock.h"
#include "base/heap.h"
#include "base/thread.h"
#include "functions/functions.h"

typedef struct nap {
	bh_heap_item item; /* first: what the heap has is one of these */
	bh_sleeper *sleeper;
	bh_completion *completion;
} nap;

struct bh_sleeper {
	_Atomic uint32_t references; /* the set's, and the thread's */
	pthread_mutex_t lock;
	pthread_cond_t changed; /* the first moment did, or it closes */
	bh_heap heap;
	size_t max;
	bool started;
	bool closing;
};

bh_sleeper *bh_sleeper_new(const bh_hostfunctions_options *options)
{
	bh_sleeper *sleeper = bh_calloc(1, sizeof *sleeper);
	if (!sleeper)
		return NULL;
	atomic_init(&sleeper->references, 1);
	pthread_condattr_t clock;
	pthread_condattr_init(&clock);
	pthread_condattr_setclock(&clock, CLOCK_MONOTONIC);
	pthread_cond_init(&sleeper->changed, &clock);
	pthread_condattr_destroy(&clock);
	pthread_mutex_init(&sleeper->lock, NULL);
	sleeper->max = options->max_sleeps;
	return sleeper;
}

static void release(bh_sleeper *sleeper)
{
	if (atomic_fetch_sub(&sleeper->references, 1) != 1)
		return;
	pthread_mutex_destroy(&sleeper->lock);
	pthread_cond_destroy(&sleeper->changed);
	bh_heap_deinit(&sleeper->heap);
	bh_free(sleeper);
}

void bh_sleeper_close(void *data)
{
	bh_sleeper *sleeper = data;
	pthread_mutex_lock(&sleeper->lock);
	sleeper->closing = true;
	pthread_cond_signal(&sleeper->changed);
	pthread_mutex_unlock(&sleeper->lock);
	release(sleeper);
}

/* The thread. */

static void wake(nap *one)
{
	bh_value answer = bh_of_ok(NULL);
	bh_completion_finish(one->completion, &answer);
	bh_free(one);
}

static void *run(void *data)
{
	bh_sleeper *s = data;
	pthread_mutex_lock(&s->lock);
	while (s->heap.count || !s->closing) {
		bh_heap_item *first = bh_heap_first(&s->heap);
		uint64_t at = first ? first->at : BH_NEVER;
		if (first && at <= bh_now()) {
			bh_heap_remove(&s->heap, first);
			/* Whoever cancels it now finds it gone, and finish() waits for them. */
			pthread_mutex_unlock(&s->lock);
			wake((nap *)first);
			pthread_mutex_lock(&s->lock);
		} else if (at == BH_NEVER) {
			pthread_cond_wait(&s->changed, &s->lock);
		} else {
			struct timespec moment = {(time_t)(at / UINT64_C(1000000000)), (long)(at % UINT64_C(1000000000))};
			pthread_cond_timedwait(&s->changed, &s->lock, &moment);
		}
	}
	pthread_mutex_unlock(&s->lock);
	release(s);
	return NULL;
}

/* With the lock held. */
static bool have_thread(bh_sleeper *s)
{
	pthread_t thread;
	if (s->started)
		return true;
	atomic_fetch_add(&s->references, 1);
	s->started = !bh_thread_start(&thread, BH_KIB(256), run, s);
	if (s->started)
		pthread_detach(thread);
	else
		atomic_fetch_sub(&s->references, 1);
	return s->started;
}

/* The function. */

/* The guest's call was ended: nobody sleeps any more. */
static void cancelled(void *data)
{
	nap *one = data;
	bh_sleeper *s = one->sleeper;
	pthread_mutex_lock(&s->lock);
	bool ours = one->item.place;
	if (ours)
		bh_heap_remove(&s->heap, &one->item);
	if (s->closing)
		pthread_cond_signal(&s->changed);
	pthread_mutex_unlock(&s->lock);
	if (!ours)
		return;
	bh_completion_drop(one->completion);
	bh_free(one);
}

static bool list(bh_sleeper *s, nap *one, uint64_t at)
{
	pthread_mutex_lock(&s->lock);
	bool listed = s->heap.count < s->max && have_thread(s) && bh_heap_add(&s->heap, &one->item, at);
	if (listed && bh_heap_first(&s->heap) == &one->item)
		pthread_cond_signal(&s->changed);
	pthread_mutex_unlock(&s->lock);
	return listed;
}

void bh_sleeper_start(void *data, bh_completion *completion, const bh_value *args, size_t count)
{
	(void)count;
	bh_sleeper *s = data;
	uint64_t ms = args[0].as.u64;
	if (ms > BH_SLEEP_MAX_MS) {
		bh_answer_err(completion, "too-long", "%llu ms: at most %d ms", (unsigned long long)ms, BH_SLEEP_MAX_MS);
		return;
	}
	nap *one = bh_calloc(1, sizeof *one);
	if (!one) {
		bh_completion_fail(completion, BH_E_NO_MEMORY, "no memory to sleep");
		return;
	}
	*one = (nap){.sleeper = s, .completion = completion};
	bh_completion_on_cancel(completion, cancelled, one);
	if (list(s, one, bh_after_ms(bh_now(), ms)))
		return;
	bh_completion_on_cancel(completion, NULL, NULL);
	bh_free(one);
	bh_answer_err(completion, "busy", "as many guests sleep as may: %zu", s->max);
}
