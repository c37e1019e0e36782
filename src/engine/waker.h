/*
 * Wakers: how a waiting call tells the thread that polls it to go on.
 *
 * A waker outlives the calls that were given it: the engine's threads may hold it a little longer. So it is
 * reference-counted. A wake that comes too late, or twice, does no harm.
 */
#ifndef BH_ENGINE_WAKER_H
#define BH_ENGINE_WAKER_H

#include "bulkhead/base.h"

typedef struct bh_waker bh_waker;

/* This thread's waker, made on first use and released with the thread; NULL when there is no memory. */
bh_waker *bh_waker_mine(void);

/* One to share; released with bh_waker_release(). */
bh_waker *bh_waker_new(void);
void bh_waker_retain(bh_waker *waker);
void bh_waker_release(bh_waker *waker);

/* Any thread; async-signal-safe. */
void bh_waker_wake(bh_waker *waker);

/* Forget wakes that came so far. */
void bh_waker_clear(bh_waker *waker);

/* Sleep until woken or until the moment (monotonic, ns; BH_NEVER). Returns at once if woken since the last clear. */
void bh_waker_wait(bh_waker *waker, uint64_t until);

#endif
