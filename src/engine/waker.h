/*
 * Wakers: how a waiting call tells whoever polls it to go on. A table of three functions, as the engine takes it: it is
 * the first member of what is to be woken, a sleeping thread (bh_parker) or a task of the executor.
 *
 * What is woken outlives the calls that were given it: the engine's threads may hold it a little longer. So it is
 * reference-counted. A wake that comes too late, or twice, does no harm.
 */
#ifndef BH_ENGINE_WAKER_H
#define BH_ENGINE_WAKER_H

#include "bulkhead/base.h"

typedef struct bh_waker {
	void (*retain)(const struct bh_waker *waker);
	void (*release)(const struct bh_waker *waker);
	void (*wake)(const struct bh_waker *waker); /* any thread */
} bh_waker;

static inline void bh_waker_wake(const bh_waker *waker)
{
	waker->wake(waker);
}

/* A place where a thread sleeps. */
typedef struct bh_parker bh_parker;

/*
 * This thread's, made on first use and released with the thread; NULL when there is no memory. A second one while the
 * first is lent, by a call from within a callback, is another: it would swallow the wakes of the first.
 */
bh_parker *bh_parker_borrow(void);
void bh_parker_give_back(bh_parker *parker);

/* One to share; released with bh_parker_release(). */
bh_parker *bh_parker_new(void);
void bh_parker_retain(bh_parker *parker);
void bh_parker_release(bh_parker *parker);

const bh_waker *bh_parker_waker(const bh_parker *parker);

/* Any thread; async-signal-safe. */
void bh_parker_wake(bh_parker *parker);

/* Forget wakes that came so far. */
void bh_parker_clear(bh_parker *parker);

/* Sleep until woken or until the moment (monotonic, ns; BH_NEVER). Returns at once if woken since the last clear. */
void bh_parker_wait(bh_parker *parker, uint64_t until);

#endif
