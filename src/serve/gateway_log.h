/*
 * What modules write, as lines of the daemon's log. A module is never held up by it, and never fails for it: so many lines a second
 * of each, so many that wait; what is more is left out, and how much that was is said.
 */
#ifndef BH_SERVE_GATEWAY_LOG_H
#define BH_SERVE_GATEWAY_LOG_H

#include <bulkhead.h>

typedef struct gateway_log gateway_log;

/* BH_OK; BH_E_SYSTEM (no thread); BH_E_NO_MEMORY */
bh_status gateway_log_new(gateway_log **out, bh_error **err) BH_MUST_USE;

/* For bh_chain_options; `data` is the log. */
bh_chain_log gateway_log_take;

/* Write what is there. The chain was freed before. NULL is allowed. */
void gateway_log_free(gateway_log *log);

#endif
