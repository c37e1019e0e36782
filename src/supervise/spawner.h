/* What guests may spawn, and how many of it; the functions of bulkhead:host/supervision, which are defined with it. */
#ifndef BH_SUPERVISE_SPAWNER_H
#define BH_SUPERVISE_SPAWNER_H

#include <pthread.h>
#include <stdatomic.h>

#include "base/error.h"
#include "bulkhead/spawner.h"

/* On the list. */
typedef struct {
	char *name;
	bh_component *component; /* with a reference */
	const bh_instance_options *instance;
} bh_spawnable;

struct bh_spawner {
	_Atomic uint32_t references; /* the owner's, one for each function that is defined, and children's */
	_Atomic uint32_t living;     /* children, of all guests */
	bh_spawner_options options;
	pthread_mutex_t lock; /* over the list */
	bh_spawnable *list;
	size_t count, capacity;
};

bh_spawner *bh_spawner_ref(bh_spawner *spawner);
void bh_spawner_unref(void *spawner);

/* One from the list, its component with a reference. BH_E_NOT_FOUND. */
bh_status bh_spawner_find(bh_spawnable *out, bh_spawner *spawner, const char *name, bh_error **err);

/* One child more, with a reference to the spawner; bh_spawner_forget() takes both back. BH_E_RESOURCE_LIMIT. */
bh_status bh_spawner_count(bh_spawner *spawner, bh_error **err);

/*
 * The component that is to be run, for a guest of `parent`: no more granted and no less limited than that, and less of both
 * where that is asked for. BH_E_DENIED; BH_E_INVALID.
 */
typedef struct {
	const char *const *capabilities; /* only these; NULL: all */
	size_t capability_count;
	uint64_t memory; /* 0: as on the list */
} bh_spawn_bounds;
bh_status bh_spawner_bound(bh_component **out, bh_component *parent, const bh_spawnable *what,
                           const bh_spawn_bounds *bounds, bh_error **err);

/* The functions (guest.c); `data` is the spawner. */
bh_host_async_fn bh_guest_spawn, bh_guest_spawn_and_wait, bh_guest_list, bh_guest_state, bh_guest_stop,
	bh_guest_restart, bh_guest_next_event, bh_guest_call;

#endif
