/*
 * Stores: one instance of a component with its meter, and the call it is in the middle of.
 *
 * A call is begun, polled until it ends or the poller gives up, and finished. One thread at a time.
 * After anything but a normal return a store is spent: the engine refuses to enter it again, and so do we.
 */
#ifndef BH_ENGINE_STORE_H
#define BH_ENGINE_STORE_H

#include "bulkhead/call.h"
#include "bulkhead/instance.h"
#include "bulkhead/usage.h"
#include "engine/budget.h"
#include "engine/code.h"
#include "engine/intercept.h"
#include "engine/message.h"
#include "engine/profiler.h"
#include "engine/waker.h"

typedef struct bh_store bh_store;
typedef struct bh_io bh_io;

/* The threads behind WASI; `blocking` bounds the file operations under way at once. */
bh_status bh_io_new(bh_io **out, size_t blocking, bh_error **err);
void bh_io_free(bh_io *io);

/*
 * Somebody on whose behalf an instance is made, to be found by host functions that its guest calls. A store has a reference
 * from when it is made until it is freed.
 */
typedef struct bh_keeper bh_keeper;
struct bh_keeper {
	void (*retain)(bh_keeper *keeper);
	void (*release)(bh_keeper *keeper);
};

typedef struct {
	const bh_code *code;
	const bh_limits *limits;            /* filled; outlives the store */
	const bh_permissions *permissions;  /* outlives the store; NULL grants nothing */
	const bh_instance_options *options; /* NULL for the default */
	bh_io *io;                          /* for code that imports WASI */
	bh_profiler *profiler;              /* outlives the store; NULL: none */
	bh_component *component;            /* whose guest it is, for host functions that ask; outlives the store */
	bh_instance *owner;                 /* given to resource handles; NULL for a store nobody keeps */
	bh_keeper *keeper;                  /* NULL: nobody */
	bh_budget memory;                   /* what its guest's memory is taken from */
	const bh_intercept_chain *chain;    /* interceptors; outlives the store. NULL: none */
} bh_store_spec;

bh_status bh_store_new(bh_store **out, const bh_store_spec *spec, bh_error **err);

/* Free a store, and first the call it is in the middle of. */
void bh_store_free(bh_store *store);

/* Begin: reset the meter, arm fuel. `call` is the number by which interceptors know it; 0: none. */
void bh_store_begin(bh_store *store, uint64_t call);

/* Behind it: somebody wants to know how long host functions take. That is two looks at the clock for each call of one. */
void bh_store_time_host(bh_store *store);

typedef enum {
	BH_ARGS_LENT,   /* they stay until the call is over */
	BH_ARGS_COPIED, /* the caller may be gone by then */
	BH_ARGS_GIVEN,  /* with their array: the store frees them, unless it fails to begin the call */
} bh_args_pass;

/* Begin instantiating, calling, or dropping a resource. Needs a store that is not in the middle of anything. */
void bh_store_start_instance(bh_store *store);
bh_status bh_store_start_call(bh_store *store, const bh_function *function, const bh_value *args, size_t count,
                              bh_args_pass pass, bh_error **err);
void bh_store_start_drop(bh_store *store, bh_resource *resource);

/*
 * The same for middleware, without values. `message` and what it points to, and `verdict`, stay until the call is over;
 * the function was found to fit (bh_message_fits()).
 */
bh_status bh_store_start_message(bh_store *store, const bh_function *function, const bh_message *message,
                                 bh_verdict *verdict, bh_error **err);

typedef enum {
	BH_POLL_PENDING, /* waits to be woken, or gave the thread back for a moment (then it is woken already) */
	BH_POLL_ENDED,   /* over, well or not: finish */
} bh_poll;

bh_poll bh_store_poll(bh_store *store, const bh_waker *waker);

/*
 * Instead of polling: run to the end on this thread's own stack, which is quicker. Only where bh_store_can_run()
 * says so. `must_stop` is asked at every tick, and may end it.
 */
bool bh_store_can_run(const bh_store *store);

/* Whether it ever does, on a thread with enough stack. */
bool bh_store_runs_here(const bh_store *store);

/* What was started is an instance without start functions: it can be run on any stack, and takes no time. */
bool bh_store_runs_no_guest(const bh_store *store);
void bh_store_run(bh_store *store, bool (*must_stop)(void *data), void *data);

/*
 * Host functions run on this thread's stack while it polls. Whether it is in one now; whether in one that an instance
 * called, directly or by way of others: waiting for that instance would be waiting for ourselves.
 */
bool bh_store_calls_host(void);
bool bh_store_calling(const bh_instance *instance);

/* The component whose guest called the host function that this thread is in; NULL: it is in none. */
bh_component *bh_store_caller(void);

/* On whose behalf its instance was made; lives until the function returns. NULL: nobody's, or in no host function. */
bh_keeper *bh_store_caller_keeper(void);

/* The end of what was started. On success `result` (may be NULL) is filled. */
bh_status bh_store_finish(bh_store *store, bh_value *result, bh_error **err);

/* Give the call up: delete what is under way. The store is spent afterwards. */
void bh_store_abort(bh_store *store);

/* Whether it can be called again. */
bool bh_store_usable(const bh_store *store);

/* Bytes written but not taken yet by a slow reader: true when all is out. */
bool bh_store_flush(bh_store *store);

/* What was used since bh_store_begin(). */
void bh_store_usage(bh_store *store, bh_usage *usage);
uint64_t bh_store_peak_memory(const bh_store *store);

#endif
