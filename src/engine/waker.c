#include "engine/waker.h"

#include <errno.h>
#include <limits.h>
#include <linux/futex.h>
#include <pthread.h>
#include <stdatomic.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "base/thread.h"
#include "engine/internal.h"

/* The engine takes ours for its own. */
_Static_assert(sizeof(bh_waker) == sizeof(bhx_waker_t) && offsetof(bh_waker, retain) == offsetof(bhx_waker_t, retain) &&
                   offsetof(bh_waker, release) == offsetof(bhx_waker_t, release) &&
                   offsetof(bh_waker, wake) == offsetof(bhx_waker_t, wake),
               "one table");

struct bh_parker {
	bh_waker waker; /* first: all that others see */
	_Atomic uint32_t references;
	_Atomic uint32_t woken; /* the futex */
};

static void retain(const bh_waker *waker)
{
	bh_parker_retain((bh_parker *)waker);
}

static void release(const bh_waker *waker)
{
	bh_parker_release((bh_parker *)waker);
}

static void wake(const bh_waker *waker)
{
	bh_parker_wake((bh_parker *)waker);
}

bh_parker *bh_parker_new(void)
{
	bh_parker *parker = bh_calloc(1, sizeof *parker);
	if (!parker)
		return NULL;
	parker->waker = (bh_waker){.retain = retain, .release = release, .wake = wake};
	atomic_init(&parker->references, 1);
	return parker;
}

const bh_waker *bh_parker_waker(const bh_parker *parker)
{
	return &parker->waker;
}

void bh_parker_retain(bh_parker *parker)
{
	atomic_fetch_add_explicit(&parker->references, 1, memory_order_relaxed);
}

void bh_parker_release(bh_parker *parker)
{
	if (parker && atomic_fetch_sub_explicit(&parker->references, 1, memory_order_acq_rel) == 1)
		bh_free(parker);
}

void bh_parker_wake(bh_parker *parker)
{
	int saved = errno;
	if (!atomic_exchange_explicit(&parker->woken, 1, memory_order_release))
		syscall(SYS_futex, &parker->woken, FUTEX_WAKE_PRIVATE, INT_MAX, NULL, NULL, 0);
	errno = saved;
}

/*
 * An exchange: one that clears a wake sees what was done before it. After a mere store the look that follows could be earlier
 * than the store, and find nothing, while whoever wakes finds us woken already: the wake would be lost.
 */
void bh_parker_clear(bh_parker *parker)
{
	(void)atomic_exchange_explicit(&parker->woken, 0, memory_order_acquire);
}

void bh_parker_wait(bh_parker *parker, uint64_t until)
{
	struct timespec moment = {
		.tv_sec = (time_t)(until / UINT64_C(1000000000)),
		.tv_nsec = (long)(until % UINT64_C(1000000000)),
	};
	while (!atomic_load_explicit(&parker->woken, memory_order_acquire)) {
		long got = syscall(SYS_futex, &parker->woken, FUTEX_WAIT_BITSET_PRIVATE, 0, until == BH_NEVER ? NULL : &moment,
		                   NULL, FUTEX_BITSET_MATCH_ANY);
		if (got < 0 && errno == ETIMEDOUT)
			return;
	}
}

/* The waker of each thread, released when the thread ends. */
static pthread_key_t mine_key;
static pthread_once_t mine_once = PTHREAD_ONCE_INIT;
static BH_THREAD_LOCAL bh_parker *mine;
static BH_THREAD_LOCAL bool lent;

static void forget_mine(void *parker)
{
	mine = NULL;
	bh_parker_release(parker);
}

static void make_key(void)
{
	pthread_key_create(&mine_key, forget_mine);
}

static bh_parker *own(void)
{
	if (mine)
		return mine;
	pthread_once(&mine_once, make_key);
	mine = bh_parker_new();
	if (mine && pthread_setspecific(mine_key, mine)) {
		bh_parker_release(mine);
		mine = NULL;
	}
	return mine;
}

bh_parker *bh_parker_borrow(void)
{
	if (lent)
		return bh_parker_new();
	bh_parker *parker = own();
	lent = parker;
	return parker;
}

void bh_parker_give_back(bh_parker *parker)
{
	if (parker == mine)
		lent = false;
	else
		bh_parker_release(parker);
}
