#include "host/ticker.h"

#include <pthread.h>
#include <stdatomic.h>

#include "base/clock.h"
#include "base/error.h"
#include "base/thread.h"
#include "engine/waker.h"

enum {
	TICK_NS = 1000000,
	OVERDUE_NS = 200000, /* more than what a thread that is woken is usually late by */
	SLICE_NS = 100000,
	IDLE_TICKS = 64 /* ticks without a touch before it parks */
};

struct bh_ticker {
	pthread_t thread;
	pthread_mutex_t lock; /* over starting */
	bh_parker *parker;
	bh_ticker_spec spec;
	_Atomic bool started;
	_Atomic bool touched;
	_Atomic bool parked;
	_Atomic bool stop;
	_Atomic uint64_t next; /* when it ticks again */
};

static bool is_wanted(const bh_ticker *ticker)
{
	return atomic_load(&ticker->touched) || atomic_load(&ticker->stop);
}

static void park(bh_ticker *ticker, uint64_t until)
{
	bh_parker_clear(ticker->parker);
	atomic_store(&ticker->parked, true);
	/* A touch before this line is seen here; one after it sees `parked` and wakes us. */
	if (!is_wanted(ticker))
		bh_parker_wait(ticker->parker, until);
	atomic_store(&ticker->parked, false);
}

/* Until it is wanted. A wake without that, which may be one meant for the last tick, does not bring the end of the wait forward. */
static void sleep_and_rest(bh_ticker *ticker)
{
	uint64_t rest = bh_after_ms(bh_now(), ticker->spec.rest_ms);
	while (!is_wanted(ticker) && bh_now() < rest)
		park(ticker, rest);
	if (is_wanted(ticker))
		return;
	ticker->spec.rest(ticker->spec.data);
	park(ticker, BH_NEVER);
}

/* Not a sleep: the end of the host need not wait for the tick, and a limit may bring it forward. */
static void wait_for_tick(bh_ticker *ticker)
{
	do {
		bh_parker_clear(ticker->parker);
		if (!atomic_load(&ticker->stop))
			bh_parker_wait(ticker->parker, atomic_load(&ticker->next));
	} while (!atomic_load(&ticker->stop) && bh_now() < atomic_load(&ticker->next));
}

static void *run(void *data)
{
	bh_ticker *ticker = data;
	bh_thread_be_prompt(SLICE_NS);
	atomic_store(&ticker->next, bh_now() + TICK_NS);
	for (int idle = 0; !atomic_load(&ticker->stop);) {
		wait_for_tick(ticker);
		/* Before: who is met by this tick may want the next one sooner. */
		atomic_store(&ticker->next, bh_now() + TICK_NS);
		ticker->spec.tick(ticker->spec.data);
		idle = atomic_exchange(&ticker->touched, false) ? 0 : idle + 1;
		if (idle < IDLE_TICKS)
			continue;
		sleep_and_rest(ticker);
		atomic_store(&ticker->next, bh_now() + TICK_NS);
		idle = 0;
	}
	return NULL;
}

bh_status bh_ticker_new(bh_ticker **out, const bh_ticker_spec *spec, bh_error **err)
{
	bh_ticker *ticker = bh_calloc(1, sizeof *ticker);
	bh_parker *parker = bh_parker_new();
	if (!ticker || !parker) {
		bh_free(ticker);
		bh_parker_release(parker);
		return bh_fail_memory(err);
	}
	ticker->parker = parker;
	ticker->spec = *spec;
	pthread_mutex_init(&ticker->lock, NULL);
	*out = ticker;
	return BH_OK;
}

void bh_ticker_free(bh_ticker *ticker)
{
	if (!ticker)
		return;
	atomic_store(&ticker->stop, true);
	bh_parker_wake(ticker->parker);
	if (atomic_load(&ticker->started))
		pthread_join(ticker->thread, NULL);
	pthread_mutex_destroy(&ticker->lock);
	bh_parker_release(ticker->parker);
	bh_free(ticker);
}

static bool start(bh_ticker *ticker)
{
	pthread_mutex_lock(&ticker->lock);
	bool started = atomic_load(&ticker->started);
	if (!started) {
		started = !bh_thread_start(&ticker->thread, 0, run, ticker);
		atomic_store(&ticker->started, started);
	}
	pthread_mutex_unlock(&ticker->lock);
	return started;
}

bool bh_ticker_touch(bh_ticker *ticker)
{
	if (!atomic_load_explicit(&ticker->touched, memory_order_relaxed))
		atomic_store(&ticker->touched, true);
	if (atomic_load(&ticker->parked))
		bh_parker_wake(ticker->parker);
	return atomic_load_explicit(&ticker->started, memory_order_relaxed) || start(ticker);
}

void bh_ticker_help(bh_ticker *ticker, uint64_t now)
{
	uint64_t next = atomic_load_explicit(&ticker->next, memory_order_relaxed);
	if (next + OVERDUE_NS <= now && atomic_compare_exchange_strong(&ticker->next, &next, now + TICK_NS))
		ticker->spec.tick(ticker->spec.data);
}

void bh_ticker_by(bh_ticker *ticker, uint64_t at)
{
	uint64_t next = atomic_load_explicit(&ticker->next, memory_order_relaxed);
	while (at < next)
		if (atomic_compare_exchange_weak(&ticker->next, &next, at)) {
			bh_parker_wake(ticker->parker);
			return;
		}
}
