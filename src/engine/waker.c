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
#include "engine/internal.h"

struct bh_waker {
	bhx_waker_t vtable; /* first: the engine sees only this */
	_Atomic uint32_t references;
	_Atomic uint32_t woken; /* the futex */
};

static void retain(const bhx_waker_t *vtable)
{
	bh_waker_retain((bh_waker *)vtable);
}

static void release(const bhx_waker_t *vtable)
{
	bh_waker_release((bh_waker *)vtable);
}

static void wake(const bhx_waker_t *vtable)
{
	bh_waker_wake((bh_waker *)vtable);
}

bh_waker *bh_waker_new(void)
{
	bh_waker *waker = bh_calloc(1, sizeof *waker);
	if (!waker)
		return NULL;
	waker->vtable = (bhx_waker_t){.retain = retain, .release = release, .wake = wake};
	atomic_init(&waker->references, 1);
	return waker;
}

void bh_waker_retain(bh_waker *waker)
{
	atomic_fetch_add_explicit(&waker->references, 1, memory_order_relaxed);
}

void bh_waker_release(bh_waker *waker)
{
	if (waker && atomic_fetch_sub_explicit(&waker->references, 1, memory_order_acq_rel) == 1)
		bh_free(waker);
}

void bh_waker_wake(bh_waker *waker)
{
	int saved = errno;
	if (!atomic_exchange_explicit(&waker->woken, 1, memory_order_release))
		syscall(SYS_futex, &waker->woken, FUTEX_WAKE_PRIVATE, INT_MAX, NULL, NULL, 0);
	errno = saved;
}

void bh_waker_clear(bh_waker *waker)
{
	atomic_store_explicit(&waker->woken, 0, memory_order_relaxed);
}

void bh_waker_wait(bh_waker *waker, uint64_t until)
{
	struct timespec moment = {
		.tv_sec = (time_t)(until / UINT64_C(1000000000)),
		.tv_nsec = (long)(until % UINT64_C(1000000000)),
	};
	while (!atomic_load_explicit(&waker->woken, memory_order_acquire)) {
		long got = syscall(SYS_futex, &waker->woken, FUTEX_WAIT_BITSET_PRIVATE, 0, until == BH_NEVER ? NULL : &moment,
		                   NULL, FUTEX_BITSET_MATCH_ANY);
		if (got < 0 && errno == ETIMEDOUT)
			return;
	}
}

/* The waker of each thread, released when the thread ends. */
static pthread_key_t mine_key;
static pthread_once_t mine_once = PTHREAD_ONCE_INIT;
static _Thread_local bh_waker *mine;

static void forget_mine(void *waker)
{
	mine = NULL;
	bh_waker_release(waker);
}

static void make_key(void)
{
	pthread_key_create(&mine_key, forget_mine);
}

bh_waker *bh_waker_mine(void)
{
	if (mine)
		return mine;
	pthread_once(&mine_once, make_key);
	mine = bh_waker_new();
	if (mine && pthread_setspecific(mine_key, mine)) {
		bh_waker_release(mine);
		mine = NULL;
	}
	return mine;
}
