/** Supervisors: components that are kept running, in the way of Erlang/OTP. */
#ifndef BULKHEAD_SUPERVISOR_H
#define BULKHEAD_SUPERVISOR_H

#include "call.h"
#include "stats.h"

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
	BH_CHILD_FAILED,   /**< down for good, after too many restarts, until somebody starts it */
	BH_CHILD_SCHEDULED /**< a task that waits for its next turn; counts as up for those that come up after it */
} bh_child_state;

/** How a service is, by what it says of itself. */
typedef enum {
	BH_HEALTH_UNKNOWN, /**< it was not asked yet, or never is */
	BH_HEALTH_GOOD,
	BH_HEALTH_DEGRADED, /**< it did not answer, or said no, the last time */
	BH_HEALTH_BAD       /**< too often in a row: it is being killed */
} bh_health;

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
	BH_DECISION_ESCALATE,   /**< its supervisor crashes: too many restarts */
	BH_DECISION_SCHEDULE    /**< it waits for its next turn, which comes after the delay */
} bh_decision;

typedef enum {
	BH_EVENT_STARTING,
	BH_EVENT_STARTED, /**< up and ready */
	BH_EVENT_EXITED,
	BH_EVENT_KILLED, /**< it did not stop in time */
	BH_EVENT_FAILED, /**< down for good; of a supervisor: it gave up, and all below it is down */
	BH_EVENT_ADDED,
	BH_EVENT_REMOVED,
	BH_EVENT_HEALTH,         /**< it is another than before */
	BH_EVENT_UPGRADED,       /**< a new component took the place of the old one; what is down is started with it */
	BH_EVENT_UPGRADE_FAILED, /**< the old one goes on; the cause says why */
	BH_EVENT_NOT_SAVED,      /**< its state could not be had: the last one that could is kept */
	BH_EVENT_NOT_RESTORED,   /**< its state was refused: it begins without */
	BH_EVENT_SCHEDULED       /**< its turn among those that come up has come, and it waits for the time to run */
} bh_event_kind;

/** A tree of supervisors and their children, and the thread that keeps its time. */
typedef struct bh_supervisor bh_supervisor;

/** A child: a service, a task, or a supervisor of its own. Reference-counted; any thread. */
typedef struct bh_child bh_child;

/** What a child is. */
typedef enum {
	BH_CHILD_SERVICE,    /**< live instances, that are called by name */
	BH_CHILD_TASK,       /**< runs to its end */
	BH_CHILD_SUPERVISOR, /**< has children */
} bh_child_kind;

/** What becomes of the calls that wait for an instance of a service when that crashes. */
typedef enum {
	BH_REQUEUE, /**< they wait for the next instance, in the order in which they were started (default) */
	BH_FAIL     /**< they fail with BH_E_POISONED */
} bh_on_restart;

/** No restarts at all: the first exit is one too many. */
#define BH_NO_RESTARTS UINT32_MAX

/** A child to add. Start from BH_CHILD_OPTIONS_INIT; zero means the default. Texts and arrays are copied. */
typedef struct {
	size_t struct_size;
	const char *name; /**< letters, digits, '-', '_', '.'; unique among its siblings; required */
	bh_child_kind kind;
	bh_restart restart;
	bh_backoff backoff;
	/**
	 * It goes from the tree, and its memory with it, when it ended or failed for good, or when its supervisor goes down:
	 * an actor. Otherwise it stays, to be looked at and started again.
	 */
	bool dynamic;
	bool stopped; /**< it is not started with its supervisor, but when somebody asks */
	/* Services and tasks: */
	bh_component *component; /**< kept alive */
	uint64_t start_ms;       /**< to come up; default 10,000 */
	uint64_t shutdown_ms;    /**< to finish what it is in the middle of, then it is killed; default 5,000 */
	const bh_instance_options
		*instance; /**< for each of its instances; stays as long as the child. NULL: the default */
	/* Services: */
	uint32_t replicas; /**< instances that share the calls: each call goes to the one with the fewest; default 1 */
	/**
	 * Calls that may wait: for each instance that is up, behind the one that it is in the middle of, and while none is.
	 * More are BH_E_BUSY. Default 1000. For those that are up bh_instance_options.mailbox counts too, where it is given.
	 */
	uint32_t mailbox;
	bh_on_restart on_restart;
	/**
	 * Asked of each new instance until it says yes; only then it is up, and called. NULL: it is when it is made.
	 *
	 * Exports that are asked take no parameters. Yes is `true`, `ok`, or coming back at all where there is no result.
	 */
	const char *ready;
	const char *health; /**< asked of each instance that is up, now and then; NULL: it is not */
	uint64_t health_ms; /**< how often, from one answer to the next question; default 10,000 */
	uint64_t answer_ms; /**< how long an answer may take; default 1,000 */
	uint32_t
		unhealthy_after; /**< so many times no, or no answer, in a row: it is killed (BH_EXIT_UNHEALTHY). Default 3 */
	/**
	 * Of services that export bulkhead:service/state (wit/bulkhead-service/state.wit): how often each instance is asked for
	 * its state, which the next one is given after a crash. 0: only when it is stopped, restarted or upgraded.
	 */
	uint64_t snapshot_ms;
	uint64_t snapshot_bytes; /**< how long a state may be, for each replica; default 16 MiB */
	/* Tasks: */
	const char *export_; /**< without parameters; NULL: wasi:cli/run */
	/* Supervisors: */
	bh_strategy strategy;
	bh_intensity_mode on_intensity;
	uint32_t most_restarts; /**< within window_ms; default 3; at most 10,000, or BH_NO_RESTARTS */
	uint64_t window_ms;     /**< default 60,000 */
	/**
	 * Services and tasks, in place of a component: there is none that could run, and this is why. Starting it fails with
	 * this (BH_EXIT_NOT_UP), and it has failed for good (BH_CHILD_FAILED) whatever its policy, so that it is seen beside the
	 * others. Copied.
	 */
	const bh_error *broken;
	/* Tasks that run again and again; at most one of both. docs/guide/supervision.md says how that goes with policies. */
	uint64_t every_ms; /**< the next run starts so long after the last one did; what is missed is not made up for */
	const char *cron;  /**< by the clock on the wall, in local time: "30 2 * * mon-fri", "@hourly" */
} bh_child_options;

#define BH_CHILD_OPTIONS_INIT BH_SIZED(bh_child_options)

/**
 * Make a tree: its root is a supervisor, with the options of one (kind, name and restart are not looked at). It is down
 * until bh_child_start(bh_supervisor_root(tree)).
 *
 * \param options  NULL for the default
 * \return BH_OK; BH_E_INVALID; BH_E_NO_MEMORY; BH_E_SYSTEM (no thread)
 */
BH_API BH_MUST_USE bh_status bh_supervisor_new(bh_supervisor **out, const bh_child_options *options, bh_error **err);

/**
 * Stop all children in order, and release the tree. Blocks until all are down, which their shutdown_ms bound. Handles of
 * children stay valid, and their services answer BH_E_DOWN. Not from a callback of the library. NULL is allowed.
 */
BH_API void bh_supervisor_free(bh_supervisor *tree);

/** The root; lives as long as the tree. */
BH_API bh_child *bh_supervisor_root(bh_supervisor *tree);

/**
 * Add a child, last among its siblings. It comes up with its supervisor; where that is up already, at once.
 *
 * Does not block: whether it comes up is seen in its state, and in events.
 *
 * \param out     receives a handle, to be given up with bh_child_unref(); NULL if it is not wanted
 * \param parent  a supervisor
 *
 * \return BH_OK; BH_E_INVALID (the name is taken or no name; not a supervisor; the tree is gone); BH_E_NO_EXPORT;
 *         BH_E_CONFIG (its cron line is none: the error says which field); BH_E_NO_MEMORY
 */
BH_API BH_MUST_USE bh_status bh_child_add(bh_child **out, bh_child *parent, const bh_child_options *options,
                                          bh_error **err);

/** Another reference. \return the same child */
BH_API bh_child *bh_child_ref(bh_child *child);

/** Give a reference up; the child goes on. NULL is allowed. */
BH_API void bh_child_unref(bh_child *child);

/**
 * The child at a path: names below the root, with '/' between them. NULL: there is none. To be given up with
 * bh_child_unref().
 */
BH_API bh_child *bh_supervisor_find(bh_supervisor *tree, const char *path);

/*
 * What people ask for; docs/guide/supervision.md says what that means. Any thread; none of them blocks: what was asked
 * for happens in its order.
 */
BH_API void bh_child_start(bh_child *child);
BH_API void bh_child_stop(bh_child *child);
BH_API void bh_child_restart(bh_child *child);
BH_API void bh_child_remove(bh_child *child);

/**
 * What the calls of a child came to since it was added: of all its replicas together, over restarts and upgrades. Of a task
 * each run is a call. What its supervisor asks it (ready, health, state) is not counted.
 *
 * Unlike statistics of a host (stats.h), which are by component: children of one component are counted each by itself. It
 * takes 1 KiB of a child, from its first call on. Start from BH_CHILD_STATS_INIT.
 */
typedef struct {
	size_t struct_size;
	uint64_t calls;       /**< that ended, however; also those that got no instance */
	uint64_t failures;    /**< of them: those that ended with another status than BH_OK; of a task: that crashed */
	uint64_t fuel;        /**< used by all of them */
	uint64_t memory;      /**< that its instance had at the end of the last call that was measured, in bytes */
	uint64_t peak_memory; /**< the most that one of its instances ever had */
	/**
	 * Of whole calls, waiting included. Of calls that are waited for without options and usage one in 16 is measured, and
	 * stands for the next ones; so are they for memory.
	 */
	bh_histogram time;
} bh_child_stats;

#define BH_CHILD_STATS_INIT BH_SIZED(bh_child_stats)

/** One instance of a child, or the one thing that it is. Pointers live as long as the child. */
typedef struct {
	const char *name;
	bh_child_kind kind;
	uint32_t replica; /**< from 1; 0 where there are no others */
	uint32_t depth;   /**< 0: the root */
	bh_child_state state;
	uint32_t generation;    /**< how often it came up */
	uint32_t restarts;      /**< how often it was started again after an exit */
	uint64_t up_ms;         /**< since it came up; 0 where it is not */
	uint64_t next_start_ms; /**< until it is started again, where it waits for that: WAITING, SCHEDULED */
	uint32_t in_flight;     /**< calls under way on it */
	uint32_t waiting;       /**< calls that wait for any of its replicas */
	bh_health health;
	bh_exit last_exit;     /**< where generation or restarts say that there was one */
	bh_status last_status; /**< what that was about; BH_OK: nothing */
	/** What it runs, while it is told of: bh_component_name() and what else reads a component. NULL: a supervisor. */
	const bh_component *component;
	bh_trap last_trap;     /**< of a last_status of BH_E_TRAP: which */
	uint64_t last_exit_ms; /**< since the last exit */
	/** While it is told of, and the same for all its replicas; NULL: no call of it has ended yet. */
	const bh_child_stats *stats;
	bool dynamic; /**< it goes when it ended (bh_child_options.dynamic), as do the supervisors of what guests spawn */
} bh_child_info;

/**
 * Told of each child while the tree stands still: must be short, and call nothing of the library but what reads its
 * component, bh_component_ref() and bh_stats_quantile(). False: no more.
 */
typedef bool bh_child_visit(void *data, const bh_child_info *info);

/** Look at a child and all below it, each supervisor before its children, in the order of starting. Any thread. */
BH_API void bh_child_list(bh_child *child, bh_child_visit *visit, void *data);

/** What its calls came to; all zero where there was none, and for a supervisor. Any thread; does not block. */
BH_API void bh_child_stats_read(bh_child_stats *out, bh_child *child);

/** What it runs, as a reference to be given up with bh_component_unref(); NULL: it is a supervisor. Any thread. */
BH_API bh_component *bh_child_component(bh_child *child);

/** Its state; of a service the best of its replicas. */
BH_API bh_child_state bh_child_state_of(bh_child *child);

/**
 * Wait until it is in that state: RUNNING, or any in which it is down (then BH_CHILD_STOPPED stands for all of these).
 *
 * \return false: it was not after `wait_ms`, or the tree is gone
 */
BH_API bool bh_child_wait(bh_child *child, bh_child_state state, uint64_t wait_ms);

/**
 * Call a service: an instance that is up, or the next one that is. Waiting for that is bounded by the component's
 * limits.queue_ms and by the caller's deadline.
 *
 * What ends the instance ends this call, and no other: it fails with what happened. Blocks, so BH_E_INVALID where
 * bh_call_wait() is.
 *
 * \param name  the export, as for bh_export_find()
 *
 * \return as bh_instance_call(); BH_E_DOWN (it is not running, and not about to); BH_E_BUSY (as many wait as its mailbox
 *         holds, or it did not come up in time)
 */
BH_API BH_MUST_USE bh_status bh_child_call(bh_child *child, const char *name, const bh_value *args, size_t arg_count,
                                           bh_value *result, const bh_call_options *options, bh_usage *usage,
                                           bh_error **err);

/**
 * Start a call of a service, and return at once: bh_call_wait(), bh_call_cancel() and bh_call_take() are for it as for one of
 * bh_call_start(), and so are `options` (but `options->instance`). Where no instance is up it waits in the mailbox, without a
 * thread. Any thread; does not block.
 *
 * All its waiting is bounded by the component's limits.queue_ms, and by the caller's deadline. What ends it meanwhile, as
 * that the service went down for good (BH_E_DOWN) or the tree did, ends it as a call that is over: it is told once.
 *
 * \return as bh_call_start(); BH_E_NO_EXPORT; BH_E_DOWN; BH_E_BUSY (as many wait already as the mailbox holds)
 */
BH_API BH_MUST_USE bh_status bh_child_call_start(bh_call **out, bh_child *child, const char *name, const bh_value *args,
                                                 size_t arg_count, const bh_call_options *options, bh_error **err);

/**
 * Told once of an upgrade that was begun: BH_OK, or why the old component goes on. `why` is lent; NULL: there is none. On any
 * thread, without locks; it must not block, as the tree's work waits for it, and not free the tree.
 */
typedef void bh_upgrade_done(void *data, bh_child *child, bh_status status, const bh_error *why);

/** How to upgrade. Start from BH_UPGRADE_OPTIONS_INIT; zero means the default. */
typedef struct {
	size_t struct_size;
	uint64_t start_ms;    /**< for the new instances to be up, ready and well; default: the child's */
	uint64_t shutdown_ms; /**< for the old ones to finish what they are in the middle of; default: the child's */
	const bh_instance_options *instance; /**< for the new instances, as in bh_child_options; NULL: those of the old */
	bool lose_exports;     /**< the new component may lack exports that were called, and the state of the old one */
	bh_upgrade_done *done; /**< NULL: nobody is told; events say it */
	void *done_data;
} bh_upgrade_options;

#define BH_UPGRADE_OPTIONS_INIT BH_SIZED(bh_upgrade_options)

/**
 * Replace a child's component while it is called: no call is lost. Any thread; does not block, but for checking.
 *
 * Of a service, new instances are made beside the old ones; when all are up, ready and well (`ready`, `health`), calls go to
 * them, and the old ones end when their calls have, or are killed after shutdown_ms. Then `done` is told. If anything fails
 * before, the old ones go on as if nothing had been. With a state to hand over, calls wait from when the old ones have none
 * left until the new ones were given it. What is down, and a task, takes the new component with its next start, and `done` is
 * told before this returns.
 *
 * \param component  kept alive; of the same host
 *
 * \return BH_OK: begun, or done; BH_E_NO_EXPORT (it lacks one that is asked for, or was called; see lose_exports); BH_E_BUSY
 *         (an upgrade is under way); BH_E_DOWN (it was removed); BH_E_INVALID; BH_E_WRONG_HOST; BH_E_NO_MEMORY
 */
BH_API BH_MUST_USE bh_status bh_child_upgrade(bh_child *child, bh_component *component,
                                              const bh_upgrade_options *options, bh_error **err);

/** What was told of a child. Empty it with bh_supervisor_event_deinit(). */
typedef struct {
	uint64_t sequence; /**< from 1, without gaps */
	uint64_t lost;     /**< more than 0: so many were overwritten before they were read, and nothing else is said */
	int64_t time_ms;   /**< of day, since 1970 */
	bh_event_kind kind;
	char *path; /**< names with '/' between them, and "#2" for the second replica; "" for the root */
	uint32_t generation;
	bh_health health;
	/* Of BH_EVENT_EXITED: */
	bh_exit exit;
	bh_decision decision;
	uint64_t delay_ms; /**< of BH_DECISION_RESTART */
	bh_error *cause;   /**< with trap, frames and hint; NULL: there is none. Also of what failed */
	bh_usage usage;    /**< of the call that ended it; zero where no call did */
	/* And why that was decided; bh_supervisor_event_reason() has words for it. */
	bh_restart restart;     /**< its policy */
	uint32_t counted;       /**< restarts within window_ms: with this one, where it is started again */
	uint32_t most_restarts; /**< that are allowed; 0: none is */
	uint64_t window_ms;     /**< 0: it was not about how many there were */
} bh_supervisor_event;

#define BH_SUPERVISOR_EVENT_INIT                                                                                       \
	{                                                                                                                  \
		0                                                                                                              \
	}

BH_API void bh_supervisor_event_deinit(bh_supervisor_event *event);

/**
 * Why it was decided as it was: "permanent, restart 2 of 3 within 60 s". One line without a full stop; to be freed with
 * bh_string_free(). NULL: the event is no exit, or there is no memory. Any thread.
 */
BH_API char *bh_supervisor_event_reason(const bh_supervisor_event *event);

/** Somebody who reads events, one thread at a time. */
typedef struct bh_subscription bh_subscription;

/** Begins with what happens from now on; with `from_start`, with the oldest event there still is. */
BH_API BH_MUST_USE bh_status bh_subscription_new(bh_subscription **out, bh_supervisor *tree, bool from_start,
                                                 bh_error **err);
BH_API void bh_subscription_free(bh_subscription *subscription);

/**
 * The next event, in order. Of those that nobody reads in time, the oldest are overwritten (the tree keeps 1,024): then
 * one is read that says how many.
 *
 * \return BH_OK; BH_E_DEADLINE (none within `wait_ms`); BH_E_DOWN (the tree is gone, and all were read); BH_E_NO_MEMORY
 */
BH_API BH_MUST_USE bh_status bh_subscription_next(bh_subscription *subscription, bh_supervisor_event *out,
                                                  uint64_t wait_ms, bh_error **err);

/**
 * Whether a line can be bh_child_options.cron. Five fields: minute, hour, day of the month, month, day of the week; each *, a
 * number or a name, ranges, lists, steps. Or @hourly, @daily, @weekly, @monthly, @yearly. Any thread.
 *
 * \return BH_OK; BH_E_CONFIG, saying which field is wrong and what is allowed there; BH_E_INVALID (NULL)
 */
BH_API BH_MUST_USE bh_status bh_cron_check(const char *line, bh_error **err);

/** Their names: "running", "crashed", "restart", "one-for-one". Any thread. */
BH_API const char *bh_child_state_name(bh_child_state state);
BH_API const char *bh_exit_name(bh_exit how);
BH_API const char *bh_decision_name(bh_decision decision);
BH_API const char *bh_event_name(bh_event_kind kind);
BH_API const char *bh_health_name(bh_health health);

BH_END

#endif
