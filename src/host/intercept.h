/* Interceptors of exports: what they do to a run. */
#ifndef BH_HOST_INTERCEPT_H
#define BH_HOST_INTERCEPT_H

#include "host/run.h"

/* The way in, before anything else is done for a run. False: it is over, answered or failed. */
bool bh_intercept_in(bh_run *run);

/* The way out, once nothing is held any more and the usage is there. */
void bh_intercept_out(bh_run *run);

#endif
