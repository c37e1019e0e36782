/*
 * The roll: what the executor has under way, to bound it, and to find it when the host is drained: calls, and what goes on of
 * those that their callers gave up on. In parts, so that calls on different threads seldom meet.
 */
#ifndef BH_HOST_ROLL_H
#define BH_HOST_ROLL_H

#include <pthread.h>
#include <stdatomic.h>

#include "bulkhead/call.h"

enum { BH_ROLL_PARTS = 16 };

/* A part of what is listed, which finds itself from it. */
typedef struct bh_roll_entry bh_roll_entry;
struct bh_roll_entry {
	void (*kill)(bh_roll_entry *entry); /* with a lock held: it may do no more than wake */
	bh_roll_entry *next, *previous;
};

typedef struct {
	_Atomic uint32_t count; /* those that are not over */
	uint32_t max;
	_Atomic bool closed;
	_Atomic bool killed;  /* nobody goes on */
	pthread_mutex_t lock; /* with `empty` */
	pthread_cond_t empty;
	struct {
		pthread_mutex_t lock;
		bh_roll_entry *first;
	} parts[BH_ROLL_PARTS];
} bh_roll;

void bh_roll_init(bh_roll *roll, uint32_t max);
void bh_roll_deinit(bh_roll *roll);

/* `entry->kill` is set. BH_E_BUSY: there are enough, or the host is being drained. */
bh_status bh_roll_enter(bh_roll *roll, bh_roll_entry *entry, bh_error **err);

/* What goes on of a call that leaves. It is no newcomer: false only where those that are left were killed. */
bool bh_roll_stay(bh_roll *roll, bh_roll_entry *entry);

/* It is over, so it cannot be killed any more; and, once its caller was told, gone. */
void bh_roll_leave(bh_roll *roll, bh_roll_entry *entry);
void bh_roll_gone(bh_roll *roll);

/* It did not start. */
void bh_roll_abandon(bh_roll *roll, bh_roll_entry *entry);

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
