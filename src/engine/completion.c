/*
 * Completions: answers of asynchronous host functions, from any thread.
 *
 * Two sides share one, each with a reference: the call that waits, and the program that answers. Whichever comes first
 * decides, under the lock: an answer is kept and the waiting side woken, or the wait is abandoned and the answer that
 * comes later dropped. Nothing of the program's is called with the lock held.
 */
#include <pthread.h>
#include <stdatomic.h>
#include <string.h>

#include "engine/import.h"

typedef enum { WAITED_FOR, ANSWERED, ABANDONED } phase;

struct bh_completion {
	_Atomic uint32_t references;
	_Atomic phase phase; /* written with the lock held */
	pthread_mutex_t lock;
	pthread_cond_t cancelled; /* the function that tells the program has returned */
	bool cancelling;          /* it runs, on: */
	pthread_t canceller;
	bh_cancelled_fn *on_cancel;
	void *cancel_data;
	const bh_waker *waker;     /* retained; NULL: nobody sleeps */
	_Atomic uint64_t io_bytes; /* that were counted */
	uint64_t io_most;          /* beyond which the call ends */
	bh_value args;             /* of the call: the program reads them until it has answered */
	bh_value result;
	bh_status failed;
	bh_error *why;
};

bh_completion *bh_completion_new(bh_value *args, uint64_t io_most)
{
	bh_completion *completion = bh_calloc(1, sizeof *completion);
	if (!completion)
		return NULL;
	atomic_init(&completion->references, 2);
	pthread_mutex_init(&completion->lock, NULL);
	pthread_cond_init(&completion->cancelled, NULL);
	completion->io_most = io_most;
	completion->args = *args;
	*args = (bh_value)BH_VALUE_INIT;
	return completion;
}

const bh_value *bh_completion_args(const bh_completion *completion)
{
	return &completion->args;
}

uint64_t bh_completion_io_bytes(const bh_completion *completion)
{
	return atomic_load(&completion->io_bytes);
}

static void release(bh_completion *completion)
{
	if (atomic_fetch_sub(&completion->references, 1) != 1)
		return;
	bh_value_deinit(&completion->args);
	bh_value_deinit(&completion->result);
	bh_error_free(completion->why);
	pthread_cond_destroy(&completion->cancelled);
	pthread_mutex_destroy(&completion->lock);
	bh_free(completion);
}

static void let_waker_go(const bh_waker *waker, bool wake)
{
	if (!waker)
		return;
	if (wake)
		bh_waker_wake(waker);
	waker->release(waker);
}

/* The side that waits. */

bool bh_completion_ready(bh_completion *completion, const bh_waker *waker)
{
	pthread_mutex_lock(&completion->lock);
	bool ready = atomic_load(&completion->phase) == ANSWERED;
	const bh_waker *before = NULL;
	/* Another thread may poll now than the one that did before. */
	if (!ready && completion->waker != waker) {
		before = completion->waker;
		waker->retain(waker);
		completion->waker = waker;
	}
	pthread_mutex_unlock(&completion->lock);
	let_waker_go(before, false);
	return ready;
}

bh_status bh_completion_take(bh_completion *completion, bh_value *args, bh_value *result, bh_error **why)
{
	/* Answered, so nobody else touches it any more. */
	bh_status status = completion->failed;
	*args = completion->args;
	completion->args = (bh_value)BH_VALUE_INIT;
	*result = completion->result;
	completion->result = (bh_value)BH_VALUE_INIT;
	*why = BH_TAKE(completion->why);
	release(completion);
	return status;
}

void bh_completion_abandon(bh_completion *completion)
{
	if (!completion)
		return;
	pthread_mutex_lock(&completion->lock);
	bh_cancelled_fn *on_cancel = NULL;
	void *data = completion->cancel_data;
	const bh_waker *waker = BH_TAKE(completion->waker);
	if (atomic_load(&completion->phase) == WAITED_FOR) {
		atomic_store(&completion->phase, ABANDONED);
		on_cancel = BH_TAKE(completion->on_cancel);
		completion->cancelling = on_cancel;
		completion->canceller = pthread_self();
	}
	pthread_mutex_unlock(&completion->lock);
	let_waker_go(waker, false);
	if (on_cancel) {
		on_cancel(data);
		pthread_mutex_lock(&completion->lock);
		completion->cancelling = false;
		pthread_cond_broadcast(&completion->cancelled);
		pthread_mutex_unlock(&completion->lock);
	}
	release(completion);
}

/* The program's side. */

/* What `on_cancel` uses may go once we return; unless it is itself who calls. With the lock held. */
static void wait_for_cancel(bh_completion *completion)
{
	while (completion->cancelling && !pthread_equal(completion->canceller, pthread_self()))
		pthread_cond_wait(&completion->cancelled, &completion->lock);
}

/* Takes the answer over, and the program's reference. */
static void answer(bh_completion *completion, bh_value *result, bh_status failed, bh_error *why)
{
	const bh_waker *waker = NULL;
	pthread_mutex_lock(&completion->lock);
	bool waited_for = atomic_load(&completion->phase) == WAITED_FOR;
	if (waited_for) {
		completion->result = *result;
		completion->failed = failed;
		completion->why = why;
		waker = BH_TAKE(completion->waker);
		atomic_store(&completion->phase, ANSWERED);
	}
	wait_for_cancel(completion);
	pthread_mutex_unlock(&completion->lock);
	let_waker_go(waker, true);
	if (!waited_for) {
		bh_value_deinit(result);
		bh_error_free(why);
	}
	release(completion);
}

void bh_completion_finish(bh_completion *completion, bh_value *result)
{
	bh_value owned = BH_VALUE_INIT;
	bh_error *why = NULL;
	bh_status status = BH_OK;
	if (result && result->owned) {
		owned = *result;
		*result = (bh_value)BH_VALUE_INIT;
	} else if (result && result->kind != BH_KIND_NONE) {
		status = bh_value_copy(&owned, result, &why);
		bh_value_deinit(result);
	}
	answer(completion, &owned, status, why);
}

void bh_completion_fail(bh_completion *completion, bh_status status, const char *format, ...)
{
	bh_value nothing = BH_VALUE_INIT;
	bh_error *why = NULL;
	va_list args;
	if (status == BH_OK)
		status = BH_E_INVALID;
	va_start(args, format);
	bh_vfail(&why, status, format, args);
	va_end(args);
	answer(completion, &nothing, status, why);
}

void bh_completion_drop(bh_completion *completion)
{
	if (completion)
		bh_completion_fail(completion, BH_E_CANCELLED, "it was given up without an answer");
}

bool bh_completion_count_io(bh_completion *completion, uint64_t bytes)
{
	uint64_t before = atomic_load(&completion->io_bytes), after;
	do {
		/* It stays at its end: what was passed is not come back from. */
		after = bytes > UINT64_MAX - before ? UINT64_MAX : before + bytes;
	} while (!atomic_compare_exchange_weak(&completion->io_bytes, &before, after));
	return after <= completion->io_most;
}

bool bh_completion_cancelled(const bh_completion *completion)
{
	return atomic_load(&completion->phase) == ABANDONED;
}

void bh_completion_on_cancel(bh_completion *completion, bh_cancelled_fn *fn, void *data)
{
	pthread_mutex_lock(&completion->lock);
	bool gone = atomic_load(&completion->phase) == ABANDONED;
	if (!gone) {
		completion->on_cancel = fn;
		completion->cancel_data = data;
	}
	wait_for_cancel(completion);
	pthread_mutex_unlock(&completion->lock);
	if (gone && fn)
		fn(data);
}
