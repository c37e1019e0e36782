/*
 * Tasks that are ready, in the order in which the executor serves them. Under its lock.
 */
#ifndef BH_HOST_READY_H
#define BH_HOST_READY_H

#include "host/executor.h"

typedef struct {
	bh_group *groups;    /* a pairing heap: those with tasks that are ready, the one with the least time first */
	uint64_t spent;      /* of the group served last: what one that comes back starts with */
	uint32_t count;      /* tasks that are ready */
	bh_task_list urgent; /* those whose moment came while others were before them */
} bh_ready;

/* `resumed`: it is in the middle of something. */
void bh_ready_push(bh_ready *ready, bh_task *task, bool resumed);

/* The next one; NULL: there is none. */
bh_task *bh_ready_pop(bh_ready *ready);

/* Whether one of another group is ready, or one that is urgent. */
bool bh_ready_others(const bh_ready *ready, const bh_group *group);

/* It goes before all others, if it is there. */
void bh_ready_hurry(bh_ready *ready, bh_task *task);

/* The group goes. */
void bh_ready_leave(bh_ready *ready, bh_group *group);

#endif
