/* Something that happens once, and threads that wait for it. All zero: it has not happened. */
#ifndef BH_BASE_EVENT_H
#define BH_BASE_EVENT_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

typedef struct {
	_Atomic uint32_t state;
} bh_event;

static inline bool bh_event_happened(const bh_event *event)
{
	return atomic_load_explicit(&event->state, memory_order_acquire) == 2;
}

/* It happens now. Costs a system call only where somebody waits. */
void bh_event_set(bh_event *event);

/* Wait for it; false: the moment came first (monotonic, ns; UINT64_MAX). */
bool bh_event_wait(bh_event *event, uint64_t until);

#endif
