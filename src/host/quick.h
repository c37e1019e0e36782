/*
 * Quick calls: on a live instance that nobody else uses, of code that runs on its caller's stack, without anything that would
 * have to be waited for, seen or measured. They are the common case of a service in a C program, and take a fifth of what a run
 * (run.h) costs beside the engine.
 */
#ifndef BH_HOST_QUICK_H
#define BH_HOST_QUICK_H

#include "host/instance.h"

/* Whether calls on the instance can be quick at all. */
bool bh_quick_may(const bh_instance *instance);

/* Make the call, if it can be quick now; false: it cannot, and nothing happened. */
bool bh_quick_call(bh_instance *instance, bh_export *export_, const bh_value *args, size_t arg_count, bh_value *result,
                   bh_status *status, bh_error **err);

#endif
