/* Running a call on the caller's own thread: poll, wait, and watch the clocks. */
#ifndef BH_HOST_RUN_H
#define BH_HOST_RUN_H

#include "host/host.h"

typedef enum {
	BH_RAN_ENDED,     /* well or not: finish it */
	BH_RAN_TIMEOUT,   /* the execution limit */
	BH_RAN_DEADLINE,  /* the caller's deadline */
	BH_RAN_CANCELLED, /* the caller's token */
	BH_RAN_DOOMED,    /* the instance was given up meanwhile */
	BH_RAN_NO_MEMORY, /* for the waker */
	BH_RAN_NO_TICKER, /* nothing would interrupt it */
} bh_ran;

typedef struct {
	bh_host *host;
	uint64_t started;
	uint64_t limit_at;    /* execution limit; BH_NEVER */
	uint64_t deadline_at; /* caller's deadline; BH_NEVER */
	bh_cancel *cancel;
	const _Atomic bool *doomed; /* NULL: cannot be */
	bool measure_cpu;
	bool abandons; /* the caller may leave before the call ends, which then goes on without it */
	uint64_t cpu_ns;
	uint64_t polls;
} bh_run;

/* Start the clocks from a component's limits and the caller's options (NULL for the default). */
/*
 * A store with an instance in it, ready to be called: made, instantiated within the clocks of `run`. Waits for a
 * slot of the pool within limits.queue_ms. `owner` NULL: nobody keeps it.
 */
bh_status bh_fresh_store(bh_store **out, bh_component *component, const bh_instance_options *options,
                         bh_instance *owner, bh_run *run, bh_error **err);

void bh_run_start(bh_run *run, bh_component *component, const bh_call_options *options);

/* The turn has come: the execution limit counts from now on. */
void bh_run_restart(bh_run *run, const bh_component *component);

/* Whether the caller waits no longer for its turn; the execution limit is for later. */
bool bh_run_waits_no_more(const bh_run *run, uint64_t now, bh_ran *how);

/* When a wait that a wake ends should look up by itself. `slot` as from bh_cancel_watch(). */
uint64_t bh_run_look_at(const bh_run *run, int slot, uint64_t now);

/* Poll what the store has begun until it ends or a clock does. */
bh_ran bh_run_until(bh_run *run, bh_store *store);

/* Let what the guest wrote last get out, within the limits. */
void bh_run_flush(bh_run *run, bh_store *store);

/* The error for an end that was not the guest's own. */
bh_status bh_run_stopped(const bh_run *run, bh_ran how, const bh_limits *limits, bh_error **err);

/* Cancel tokens. */
bool bh_cancel_fired(const bh_cancel *cancel);
void bh_cancel_watch(bh_cancel *cancel, bh_waker *waker, int *slot);
void bh_cancel_unwatch(bh_cancel *cancel, int slot);

#endif
