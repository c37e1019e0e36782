/* What an instance is made of; for this room. */
#ifndef BH_HOST_INSTANCE_H
#define BH_HOST_INSTANCE_H

#include "engine/resource_handle.h"
#include "host/host.h"
#include "host/run.h"

/* A caller that waits for its turn; on its own stack. */
typedef struct bh_waiting {
	bh_waker *waker;
	struct bh_waiting *next;
} bh_waiting;

struct bh_instance {
	_Atomic uint32_t references; /* the owner's, one for each handle, and the finisher's */
	bh_component *component;
	bh_store *store; /* NULL once it is spent: its memory is given back at once */
	pthread_mutex_t lock;
	bh_waiting *queue;   /* first come, first served */
	uint32_t users;      /* callers: the one whose turn it is, and those that wait */
	bool given_up;       /* freed under their feet: the last of them releases the owner's reference */
	bool busy;           /* a call is under way, here or on the finisher */
	_Atomic bool doomed; /* given up by its owner: the call under way ends */
	bh_waker *runner;    /* of the thread that polls, while busy */
	char *poison;        /* why it cannot be called */
	uint64_t limit_at;   /* of the call under way, once it is the finisher's */
	bh_instance *next;   /* in the finisher's list */
};

/*
 * Take the turn, waiting until the moment or as long as the run may: BH_E_BUSY, BH_E_DEADLINE, BH_E_CANCELLED,
 * BH_E_POISONED, BH_E_NO_MEMORY.
 */
bh_status bh_instance_enter(bh_instance *instance, bh_run *run, uint64_t busy_at, bh_error **err);

/* Give the turn back. A store that is spent goes, and `why` says what ended it. */
void bh_instance_leave(bh_instance *instance, const char *why);

#endif
