/*
 * The finisher: one thread a host that sees calls through which their callers gave up on.
 *
 * An impatient caller must not be able to kill a service: a call on a live instance goes on, within the
 * component's own limits, and the instance stays usable.
 */
#ifndef BH_HOST_FINISHER_H
#define BH_HOST_FINISHER_H

#include "host/instance.h"

/* Hand over an instance whose call is under way, with its turn and a reference. False: it stays the caller's. */
bool bh_finisher_take(bh_host *host, bh_instance *instance, uint64_t limit_at);

/* Kills what is under way, and waits for the thread. */
void bh_finisher_free(bh_finisher *finisher);

#endif
