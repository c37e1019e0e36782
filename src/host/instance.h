/* What an instance is made of; for this room. */
#ifndef BH_HOST_INSTANCE_H
#define BH_HOST_INSTANCE_H

#include "engine/resource_handle.h"
#include "host/host.h"
#include "host/run.h"

/* One without a store yet; NULL without memory. */
bh_instance *bh_instance_make(bh_component *component, const bh_instance_options *options);

/*
 * Calls that run on their caller's stack, while nobody else is there, take the turn without the lock (quick.c). Whoever comes
 * with the lock closes that way first, and it stays closed until nobody is left.
 */
enum { BH_QUICK_RUNS = 1, BH_QUICK_CLOSED = 2 };

/* What the last quick call that was measured took: it stands for the next ones. The turn's. */
typedef struct {
	const bh_stats_export *of;
	uint64_t wall_ns;
	uint32_t left; /* so many are not measured */
	uint32_t random;
} bh_quick_sample;

struct bh_instance {
	_Atomic uint32_t references; /* the owner's, one for each handle, and a tail's */
	_Atomic uint32_t quick;      /* BH_QUICK_RUNS, BH_QUICK_CLOSED; 0: the turn is to be had */
	bh_component *component;
	bh_store *store; /* NULL once it is spent: its memory is given back at once */
	bh_quick_sample sample;
	pthread_mutex_t lock;
	bh_line line;           /* of calls that wait for their turn */
	uint32_t mailbox;       /* how long that may be */
	uint32_t reserved;      /* calls of a supplier with a place that was reserved for them, and that had no turn */
	uint32_t users;         /* callers: the one whose turn it is, and those that wait */
	bool given_up;          /* freed under their feet: the last of them releases the owner's reference */
	bool busy;              /* a call is under way */
	_Atomic bool doomed;    /* given up by its owner: the call under way ends */
	_Atomic bool killed;    /* the same, and it cannot be called; its owner has it still */
	const bh_waker *runner; /* of the thread that polls, while busy */
	char *poison;           /* why it cannot be called */
};

/*
 * Take the turn. False: the run waits in the line, and is woken; or has `status`, with run->why: BH_E_POISONED,
 * BH_E_BUSY.
 */
bool bh_instance_enter(bh_instance *instance, bh_run *run, bh_status *status);

/*
 * A place in the line before the first step, which any worker may make: calls are served in the order in which they
 * were started. BH_E_BUSY.
 */
bh_status bh_instance_reserve(bh_instance *instance, bh_run *run, const bh_waker *waker, bh_error **err);

/*
 * How many of these had no turn. Where the instance cannot be called any more, no other gets one: each of them comes back to
 * its supplier, and says so with bh_instance_unreserve(), which is nothing for one that had its turn.
 */
uint32_t bh_instance_reserved(bh_instance *instance);
bool bh_instance_unreserve(bh_instance *instance, bh_run *run);

/* Wait for the turn no more. */
void bh_instance_quit(bh_instance *instance, bh_run *run);

/* Give the turn back. A store that is spent goes, and `why` says what ended it. */
void bh_instance_leave(bh_instance *instance, const char *why);

/* It is made: from here on it can be called. */
void bh_instance_open(bh_instance *instance, bh_store *store);

/* The end of a quick call that others came to meanwhile, or that spent the store. */
void bh_instance_leave_quick(bh_instance *instance, const char *why);

#endif
