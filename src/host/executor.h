/*
 * The executor: worker threads that step many tasks each. A task is stepped by one worker at a time; between steps it
 * waits to be woken, through its waker or at a moment it named, and any worker may take it up.
 *
 * Tasks belong to groups, and groups have shares: where there is more to do than workers, each group gets time in the
 * proportion of its share, so that a flood in one does not starve the others. Within a group, those that waited for
 * something and those that come newly are served in turn, each first come, first served: who is in the middle of something,
 * with a limit on its time, does not wait behind all that others only ask for.
 */
#ifndef BH_HOST_EXECUTOR_H
#define BH_HOST_EXECUTOR_H

#include <stdatomic.h>

#include "base/clock.h"
#include "base/error.h"
#include "base/heap.h"
#include "engine/waker.h"

typedef struct bh_executor bh_executor;
typedef struct bh_task bh_task;

typedef struct {
	bh_task *first, *last;
} bh_task_list;

/* Tasks that share what they get. Stays where it is while tasks of it live. */
typedef struct bh_group {
	uint32_t share; /* 1 to BH_SHARE_MAX; 0 stands for BH_SHARE_DEFAULT */
	/* The executor's. */
	uint64_t spent; /* time its tasks had, weighed by its share */
	_Atomic uint64_t owed;
	bh_task_list tasks;   /* those that are ready, and were not begun, or used up their time */
	bh_task_list resumed; /* those that are ready again, after they waited */
	bool resumed_last;    /* the two lists are served in turn */
	bool queued;
	struct bh_group *child, *sibling; /* in a heap by `spent` */
} bh_group;

enum { BH_SHARE_DEFAULT = 100, BH_SHARE_MAX = 10000 };

typedef enum {
	BH_STEP_WAIT, /* until woken, or until task->look_at */
	BH_STEP_OVER, /* the executor lets go of it */
} bh_step;

typedef struct bh_task_kind {
	bh_step (*step)(bh_task *task);
	void (*over)(bh_task *task); /* after its last step: it may let go of its group, and of the executor */
	void (*free)(bh_task *task); /* the last reference went; on any thread, the engine's own among them */
} bh_task_kind;

struct bh_task {
	bh_waker waker; /* first: the engine sees only this */
	_Atomic uint32_t references;
	_Atomic uint32_t state;
	bh_executor *executor;
	bh_group *group;
	const struct bh_task_kind *kind;
	uint64_t look_at; /* BH_NEVER; set by the step that waits */
	uint64_t ended;   /* 0; set by the last step, if it knows when that was */
	/* The executor's. */
	bh_task *next, *previous;
	bh_task_list *list;            /* that it is in; NULL: none */
	_Atomic uint32_t timer_worker; /* whose timers it is in, from 1 */
	bh_heap_item timer;            /* where in them, and when */
	bool ticked;                   /* a tick met it, and from then on */
	uint64_t used;                 /* it used so much of its quantum */
};

/*
 * `tick` wakes the tasks that are in the middle of a long step, which come back for it; it is called by any thread that makes a
 * task ready. `passing` is called by workers between two steps, with the time: no more often than that, and by several at once.
 */
typedef struct {
	void (*tick)(void *data);
	void (*passing)(void *data, uint64_t now);
	void *data;
} bh_executor_hooks;

/* Makes no thread yet: the first task does. `workers` 0: as many as there are processors. */
bh_status bh_executor_new(bh_executor **out, uint32_t workers, const bh_executor_hooks *hooks, bh_error **err);

/* No task may be left. May be called from a worker: its thread goes by itself, then. NULL is allowed. */
void bh_executor_free(bh_executor *executor);

/* Prepare a task that is all zeros. It has one reference: the caller's. */
void bh_task_init(bh_task *task, bh_executor *executor, bh_group *group, const bh_task_kind *kind);

/* A group goes; no task of it is left. */
void bh_group_leave(bh_executor *executor, bh_group *group);

/* Let it run; the executor holds a reference until its last step. BH_E_SYSTEM: there is no thread. */
bh_status bh_executor_start(bh_executor *executor, bh_task *task, bh_error **err);

void bh_task_retain(bh_task *task);
void bh_task_release(bh_task *task);

/* Step it again soon. Any thread; not from a signal handler. */
void bh_task_wake(bh_task *task);

/* Whether this thread is a worker of some host, and must not wait for another one's work. */
bool bh_executor_is_worker(void);

#endif
