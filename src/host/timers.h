/* The moments at which tasks want to be looked at: a heap, one for each worker, which others may look into too. */
#ifndef BH_HOST_TIMERS_H
#define BH_HOST_TIMERS_H

#include <pthread.h>

#include "host/executor.h"

typedef struct {
	pthread_mutex_t lock;
	bh_heap heap;
	_Atomic uint64_t next; /* the earliest; BH_NEVER */
} bh_timers;

void bh_timers_init(bh_timers *timers);
void bh_timers_deinit(bh_timers *timers);

/* The task remembers `number`, and where it is. Without memory it is woken at once instead. */
void bh_timers_add(bh_timers *timers, bh_task *task, uint32_t number, uint64_t at);

/* Nothing happens to one that fired meanwhile. */
void bh_timers_remove(bh_timers *timers, bh_task *task);

/* Take out one that is due, with a reference; NULL: none is. */
bh_task *bh_timers_due(bh_timers *timers, uint64_t now);

static inline uint64_t bh_timers_next(const bh_timers *timers)
{
	return atomic_load_explicit(&timers->next, memory_order_relaxed);
}

#endif
