/*
 * Tails: calls on live instances that their callers gave up on, seen through to their end on the executor.
 *
 * An impatient caller must not be able to kill a service: the call goes on, within the component's own limits, and the
 * instance stays usable.
 */
#ifndef BH_HOST_TAIL_H
#define BH_HOST_TAIL_H

#include "host/instance.h"

/* Hand over an instance whose call is under way, with its turn. False: it stays the caller's. */
bool bh_tail_take(bh_instance *instance, uint64_t limit_at);

#endif
