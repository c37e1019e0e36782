/*
 * Cancel tokens. Firing is async-signal-safe: it sets a flag and wakes the wakers in a fixed set of slots.
 * A call that finds no free slot looks at the flag every few milliseconds instead.
 */
#include <sched.h>

#include "host/run.h"

enum { SLOTS = BH_COUNT(((bh_cancel *)0)->slots) };

bh_status bh_cancel_new(bh_cancel **out, bh_error **err)
{
	bh_cancel *cancel = bh_calloc(1, sizeof *cancel);
	if (!cancel)
		return bh_fail_memory(err);
	*out = cancel;
	return BH_OK;
}

void bh_cancel_fire(bh_cancel *cancel)
{
	/* First: a call that sees the sign may end, and the token with it, as soon as nobody is firing. */
	atomic_fetch_add(&cancel->firing, 1);
	atomic_store(&cancel->fired, true);
	for (int i = 0; i < SLOTS; i++) {
		bh_parker *parker = atomic_load(&cancel->slots[i]);
		if (parker)
			bh_parker_wake(parker);
	}
	atomic_fetch_sub(&cancel->firing, 1);
}

void bh_cancel_reset(bh_cancel *cancel)
{
	atomic_store(&cancel->fired, false);
}

/* A signal handler of this very thread has finished firing by now, so this waits for other threads only. */
static void wait_for_firing(const bh_cancel *cancel)
{
	while (atomic_load(&cancel->firing))
		sched_yield();
}

void bh_cancel_free(bh_cancel *cancel)
{
	if (cancel)
		wait_for_firing(cancel);
	bh_free(cancel);
}

bool bh_cancel_fired(const bh_cancel *cancel)
{
	return cancel && atomic_load_explicit(&cancel->fired, memory_order_acquire);
}

void bh_cancel_watch(bh_cancel *cancel, bh_parker *parker, int *slot)
{
	*slot = -1;
	for (int i = 0; cancel && i < SLOTS; i++) {
		bh_parker *none = NULL;
		if (atomic_compare_exchange_strong(&cancel->slots[i], &none, parker)) {
			*slot = i;
			return;
		}
	}
}

void bh_cancel_unwatch(bh_cancel *cancel, int slot)
{
	if (!cancel || slot < 0)
		return;
	atomic_store(&cancel->slots[slot], NULL);
	wait_for_firing(cancel);
}
