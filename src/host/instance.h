/* What an instance is made of; for this room. */
#ifndef BH_HOST_INSTANCE_H
#define BH_HOST_INSTANCE_H

#include "engine/resource_handle.h"
#include "host/host.h"

struct bh_instance {
	_Atomic uint32_t references;
	bh_component *component;
	bh_store *store; /* NULL once it is spent: its memory is given back at once */
	pthread_mutex_t lock;
	pthread_cond_t turn;
	bool busy;         /* a call is under way, here or on the finisher */
	_Atomic bool doomed; /* given up by its owner: the call under way ends */
	bh_waker *runner;  /* of the thread that polls, while busy */
	char *poison;      /* why it cannot be called */
	uint64_t limit_at; /* of the call under way, once it is the finisher's */
	bh_instance *next; /* in the finisher's list */
};

/* Take the turn, waiting until the moment; BH_E_BUSY, BH_E_DEADLINE, BH_E_POISONED. */
bh_status bh_instance_enter(bh_instance *instance, uint64_t busy_at, uint64_t deadline_at, bh_error **err);

/* Give the turn back. A store that is spent goes, and `why` says what ended it. */
void bh_instance_leave(bh_instance *instance, const char *why);

#endif
