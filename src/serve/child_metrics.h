/* How children are, and what their calls came to, for Prometheus. */
#ifndef BH_SERVE_CHILD_METRICS_H
#define BH_SERVE_CHILD_METRICS_H

#include <bulkhead.h>

#include "text.h"

/*
 * Rows for each service, task and supervisor by its path, replicas together. What comes and goes (what guests spawn) is
 * counted by state in one row for all that is below the same parent, so that there are as many rows as the configuration has
 * children. What its calls came to is not summed up: it goes with each of them, and a counter must not fall. They are counted by
 * component, in the host's numbers. Any thread; the tree stands still while it is looked at.
 */
void child_metrics(sv_text *out, bh_supervisor *tree);

#endif
