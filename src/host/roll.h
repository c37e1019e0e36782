/*
 * The roll: which calls the executor has under way, to bound them, and to find them when the host is drained. In parts,
 * so that calls on different threads seldom meet.
 */
#ifndef BH_HOST_ROLL_H
#define BH_HOST_ROLL_H

#include <pthread.h>
#include <stdatomic.h>

#include "bulkhead/call.h"

enum { BH_ROLL_PARTS = 16 };

typedef struct {
	_Atomic uint32_t count; /* those that are not over */
	uint32_t max;
	_Atomic bool closed;
	pthread_mutex_t lock; /* with `empty` */
	pthread_cond_t empty;
	struct {
		pthread_mutex_t lock;
		bh_call *first;
	} parts[BH_ROLL_PARTS];
} bh_roll;

void bh_roll_init(bh_roll *roll, uint32_t max);
void bh_roll_deinit(bh_roll *roll);

/* BH_E_BUSY: there are enough, or the host is being drained. */
bh_status bh_roll_enter(bh_roll *roll, bh_call *call, bh_error **err);

/* It is over, so it cannot be cancelled any more; and, once its caller was told, gone. */
void bh_roll_leave(bh_roll *roll, bh_call *call);
void bh_roll_gone(bh_roll *roll);

/* It did not start. */
void bh_roll_abandon(bh_roll *roll, bh_call *call);

/* Take no more, and wait for all to be gone; those that are left at the moment are killed, and waited for. */
void bh_roll_drain(bh_roll *roll, uint64_t until);

/* Calls that are over, and that a thread of the caller's will tell him of. */
typedef struct {
	pthread_mutex_t lock;
	bh_call *first, *last;
	int fd; /* readable while there are any; -1: not asked for yet */
} bh_dispatch;

void bh_dispatch_init(bh_dispatch *dispatch);

/* Tells of those that are left. */
void bh_dispatch_deinit(bh_dispatch *dispatch);

/* Takes a reference. */
void bh_dispatch_add(bh_dispatch *dispatch, bh_call *call);
size_t bh_dispatch_all(bh_dispatch *dispatch);

/* The descriptor; -1 with errno. */
int bh_dispatch_fd(bh_dispatch *dispatch);

#endif
