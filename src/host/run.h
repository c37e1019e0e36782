/*
 * A run: one call from where it is asked for to where its result is there, on a fresh instance or a live one. It is
 * stepped, and never blocks: by the thread that makes a synchronous call, which sleeps between steps, or by a task of
 * the executor.
 */
#ifndef BH_HOST_RUN_H
#define BH_HOST_RUN_H

#include "host/host.h"

typedef enum {
	BH_RAN_ENDED,     /* well or not: finish it */
	BH_RAN_TIMEOUT,   /* the execution limit */
	BH_RAN_DEADLINE,  /* the caller's deadline */
	BH_RAN_CANCELLED, /* by the caller */
	BH_RAN_DOOMED,    /* the instance was given up meanwhile */
	BH_RAN_BUSY,      /* its turn did not come in time */
	BH_RAN_NO_TICKER, /* nothing would interrupt it */
} bh_ran;

/* In this order; each leads to the next unless it waits or fails. */
typedef enum {
	BH_RUN_FIRST,
	BH_RUN_SUPPLY,      /* a live instance that is not known yet */
	BH_RUN_TURN,        /* a live instance: until nobody else uses it */
	BH_RUN_CALLS,       /* the component's calls in flight */
	BH_RUN_INSTANCES,   /* its instances */
	BH_RUN_MEMORY,      /* the host's memory */
	BH_RUN_SLOT,        /* a store, and a slot of the pool for what will be in it */
	BH_RUN_INSTANTIATE, /* poll */
	BH_RUN_BEGIN,       /* the call, or the drop */
	BH_RUN_GO,          /* poll */
	BH_RUN_FLUSH,       /* what the guest wrote last */
	BH_RUN_OVER,
} bh_run_state;

typedef struct bh_run bh_run;

/*
 * Who has the live instance for a run that was not told which: a service gives one that is up, or the next one. What is given
 * stays until it is let go of. Called without locks, on the thread that steps.
 */
typedef struct {
	/* Sets `supplied`, instance, with a place in its line, component, function and stats. False: it waits in a line, or has `status`, with run->why. */
	bool (*enter)(bh_run *run, bh_status *status);
	void (*quit)(bh_run *run); /* it waits no more */
	/* The instance was found dead before the call began. True: the run has let go of it, and is to ask for another. */
	bool (*again)(bh_run *run);
	void (*leave)(bh_run *run);     /* it is through with the instance, and has what came of it */
	void (*let_go)(bh_run *run);    /* of what was supplied */
	void (*release)(void *service); /* the call is over, that somebody else waits for */
} bh_supplier;

struct bh_run {
	/* What is asked for. */
	bh_component *component;
	bh_instance *instance;       /* NULL: a fresh one */
	const bh_function *function; /* NULL: only an instance, or a drop */
	bh_stats_export *stats;      /* where the call is counted */
	bh_resource *dropping;
	const bh_supplier *supplier; /* of a live instance; NULL: it is known, or a fresh one */
	void *service;               /* the supplier's: of what */
	void *supplied;              /* and what it gave; NULL: nothing */
	const char *name;            /* by which the supplier finds the function */
	bool asked_again;            /* it waits for the second time, and not behind newcomers' bounds */
	bool returning;              /* the supplier's: it is expected back in the line */
	bool reserved; /* it has a place in the line of what was supplied, and had no turn; the instance's lock */
	const bh_value *args;
	size_t arg_count;
	bh_args_pass pass;
	bool given;                /* the arguments are the store's by now */
	const bh_message *message; /* what middleware is called with, instead of arguments; NULL: arguments */
	bh_verdict *verdict;       /* and where its answer goes */
	const bh_instance_options *options;
	bh_instance *owner;    /* of the fresh instance, who keeps it; NULL: nobody does */
	bh_keeper *keeper;     /* on whose behalf it is made; NULL: nobody's */
	uint64_t number;       /* by which interceptors know it; 0: there are none */
	bh_crossing *crossing; /* they have seen it, and are to see what comes of it; NULL: none */

	/* Clocks and signs to stop. */
	uint64_t started;     /* when it was asked for */
	uint64_t stepped;     /* when the step began that it is in, before which it waited */
	uint64_t ended;       /* when it was through, if nothing follows that takes time; 0: who wants to know looks */
	uint64_t begun;       /* when its turn came; 0 before */
	uint64_t busy_at;     /* its turn must have come by then */
	uint64_t limit_at;    /* execution limit; BH_NEVER */
	uint64_t deadline_at; /* caller's deadline; BH_NEVER */
	bh_cancel *cancel;    /* NULL: none */
	int cancel_slot;      /* where the token wakes us; -1: it is looked at */
	_Atomic bool cancelled;
	_Atomic bool kill; /* a caller who leaves takes a live instance with him */
	bool own_stack;    /* the thread that steps has nothing else to do: the guest may run on its stack */
	bool measure_cpu;
	bool want_usage;

	/* Where it is. */
	bh_run_state state;
	bh_turn turn;
	bool polled;                                   /* before */
	bool holds_call, holds_instance, holds_memory; /* of the gates */
	bool uses_instance;                            /* it counts us as a user: in its line, or */
	bool holds_turn;                               /* in its turn */
	bool waited;                                   /* for any of them, or for a worker */
	bh_store *store;
	uint64_t look_at; /* when to step again, woken or not */

	/* What came of it. */
	bh_status status;
	bh_error *why;
	bh_value result;
	bh_usage usage;
};

/* Prepare what is all zeros: clocks from a component's limits and the caller's options (NULL for the default). */
void bh_run_init(bh_run *run, bh_component *component, const bh_call_options *options);

/* A step. True: it is over, and `status`, `why`, `result` and `usage` are there. Otherwise woken through `waker`. */
bool bh_run_step(bh_run *run, const bh_waker *waker);

/* Step to the end on this thread, and hand over what came of it; any of the last three may be NULL. */
bh_status bh_run_wait(bh_run *run, bh_value *result, bh_usage *usage, bh_error **err);

/* What came of a run that something stopped, into run->why. */
bh_status bh_run_explain(bh_run *run, bh_ran how);

/* The same for a call without a run; not for BH_RAN_DEADLINE and BH_RAN_BUSY, which are of a run. */
bh_status bh_ran_fail(const bh_component *component, bh_ran how, bh_error **err);

/* For callers whose structs are shorter. */
void bh_usage_copy(bh_usage *out, const bh_usage *filled);

/* Cancel tokens. One within something else begins as zeros. */
struct bh_cancel {
	_Atomic bool fired;
	_Atomic uint32_t firing; /* how many threads walk the slots: a parker in them stays until they are done */
	_Atomic(bh_parker *) slots[64];
};
bool bh_cancel_fired(const bh_cancel *cancel);
void bh_cancel_watch(bh_cancel *cancel, bh_parker *parker, int *slot);
void bh_cancel_unwatch(bh_cancel *cancel, int slot);

#endif
