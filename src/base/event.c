#include "base/event.h"

#include <errno.h>
#include <limits.h>
#include <linux/futex.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

/* 0: not yet, 1: not yet, and somebody waits, 2: it has. */
enum { NOT_YET, AWAITED, HAPPENED };

void bh_event_set(bh_event *event)
{
	if (atomic_exchange_explicit(&event->state, HAPPENED, memory_order_acq_rel) == AWAITED)
		syscall(SYS_futex, &event->state, FUTEX_WAKE_PRIVATE, INT_MAX, NULL, NULL, 0);
}

bool bh_event_wait(bh_event *event, uint64_t until)
{
	struct timespec moment = {
		.tv_sec = (time_t)(until / UINT64_C(1000000000)),
		.tv_nsec = (long)(until % UINT64_C(1000000000)),
	};
	uint32_t none = NOT_YET;
	atomic_compare_exchange_strong(&event->state, &none, AWAITED);
	while (!bh_event_happened(event)) {
		long got = syscall(SYS_futex, &event->state, FUTEX_WAIT_BITSET_PRIVATE, AWAITED,
		                   until == UINT64_MAX ? NULL : &moment, NULL, FUTEX_BITSET_MATCH_ANY);
		if (got < 0 && errno == ETIMEDOUT)
			return bh_event_happened(event);
	}
	return true;
}
