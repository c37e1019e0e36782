/* The place of an instance: its store, and what that takes of the component's instances and the host's memory. */
#ifndef BH_HOST_PLACE_H
#define BH_HOST_PLACE_H

#include "host/run.h"

/* A store for the run, whose place is there already. */
bh_status bh_place_store(bh_store **out, const bh_run *run, bh_error **err);

/* A store went: there may be a slot for whoever waits. And give back what its place took. */
void bh_place_leave(bh_component *component, bool instance, bool memory);

/* An instance's store goes, and all that it took with it. */
void bh_place_free(bh_component *component, bh_store *store);

/* What an instance of a component reserves of the host's memory. */
uint64_t bh_place_reserve(const bh_component *component);

#endif
