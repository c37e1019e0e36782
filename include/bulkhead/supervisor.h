/** Supervisors: components that are kept running, in the way of Erlang/OTP. */
#ifndef BULKHEAD_SUPERVISOR_H
#define BULKHEAD_SUPERVISOR_H

#include "error.h"

BH_BEGIN

/** Which children are started again when one of them is. */
typedef enum {
	BH_ONE_FOR_ONE, /**< that one (default) */
	BH_ONE_FOR_ALL, /**< all: they are stopped, last first, then started in order */
	BH_REST_FOR_ONE /**< that one and those started after it, in the same way */
} bh_strategy;

/** When a child that ended is started again. */
typedef enum {
	BH_RESTART_PERMANENT, /**< always (default) */
	BH_RESTART_TRANSIENT, /**< after a crash, not when it ended well */
	BH_RESTART_TEMPORARY  /**< never */
} bh_restart;

/** What happens when there were more restarts than allowed (bh_supervisor_options). */
typedef enum {
	/** The supervisor stops all its children and crashes itself: its own supervisor decides. At the root that is the
	    end of the tree (default). */
	BH_INTENSITY_ESCALATE,
	/** Restarts are counted for each child by itself, and only that child fails for good. */
	BH_INTENSITY_FAIL_CHILD
} bh_intensity_mode;

typedef enum {
	BH_BACKOFF_IMMEDIATE,  /**< at once (default) */
	BH_BACKOFF_LINEAR,     /**< first_ms, twice that, three times that, ... */
	BH_BACKOFF_EXPONENTIAL /**< first_ms, times factor each time */
} bh_backoff_kind;

#define BH_JITTER_NONE UINT32_MAX

/** How long a child waits before it is started again. Zero means the default. */
typedef struct {
	bh_backoff_kind kind;
	uint64_t first_ms;       /**< default 100 */
	uint64_t cap_ms;         /**< default 30,000 */
	uint32_t factor_percent; /**< default 150: half as long again each time */
	uint32_t jitter_percent; /**< up to so much longer or shorter, at random; default 10, at most 100; BH_JITTER_NONE */
	uint64_t stable_ms;      /**< a child that was up so long begins with first_ms again; default 10,000 */
} bh_backoff;

/** What a child is doing. */
typedef enum {
	BH_CHILD_STOPPED,  /**< down, as somebody asked, or its supervisor is */
	BH_CHILD_WAITING,  /**< down, and to be started in a moment: the backoff */
	BH_CHILD_STARTING, /**< asked to come up */
	BH_CHILD_RUNNING,
	BH_CHILD_STOPPING, /**< asked to go down */
	BH_CHILD_ENDED,    /**< down: it ended, and by its policy is not started again */
	BH_CHILD_FAILED    /**< down for good, after too many restarts, until somebody starts it */
} bh_child_state;

/** How a child ended. */
typedef enum {
	BH_EXIT_NORMAL,    /**< a task came to its end */
	BH_EXIT_CRASHED,   /**< a trap, a limit, an exit with a failure: the cause says which */
	BH_EXIT_NOT_UP,    /**< it could not be started, or was not ready in time */
	BH_EXIT_UNHEALTHY, /**< it did not answer, or said that it is not well, several times in a row */
	BH_EXIT_ESCALATED, /**< a supervisor: its children crashed too often */
	BH_EXIT_STOPPED    /**< it was asked to */
} bh_exit;

/** What follows from an exit. */
typedef enum {
	BH_DECISION_NONE,       /**< nothing: it was asked to stop */
	BH_DECISION_RESTART,    /**< it is started again, after the delay; with others, as the strategy says */
	BH_DECISION_LEAVE,      /**< it stays down: its policy */
	BH_DECISION_WITH_GROUP, /**< it was about to be stopped anyway, and comes up again with the others */
	BH_DECISION_FAIL,       /**< it stays down for good: too many restarts */
	BH_DECISION_ESCALATE    /**< its supervisor crashes: too many restarts */
} bh_decision;

typedef enum {
	BH_EVENT_STARTING,
	BH_EVENT_STARTED, /**< up and ready */
	BH_EVENT_EXITED,
	BH_EVENT_KILLED, /**< it did not stop in time */
	BH_EVENT_FAILED, /**< down for good; of a supervisor: it gave up, and all below it is down */
	BH_EVENT_ADDED,
	BH_EVENT_REMOVED
} bh_event_kind;

BH_END

#endif
