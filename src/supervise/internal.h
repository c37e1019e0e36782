/*
 * What the files of this room share.
 *
 * A tree's lock is over its plan, its children and its events. The plan only notes what is to be done; whoever gives the
 * lock back does it (bh_tree_leave()), one thread at a time and in order, without the lock: so nothing that takes long, and
 * nothing that calls back, happens under it. A child's lock is over what its calls need, and is taken last.
 */
#ifndef BH_SUPERVISE_INTERNAL_H
#define BH_SUPERVISE_INTERNAL_H

#include <pthread.h>
#include <stdatomic.h>

#include "base/error.h"
#include "host/line.h"
#include "supervise/plan.h"

typedef struct bh_member bh_member;
typedef struct bh_life bh_life;

/* From being started to being down: an instance and the calls on it, or a task's call. Reference-counted. */
struct bh_life {
	_Atomic uint32_t references;
	bh_member *member;     /* kept by a reference to its child */
	bh_instance *instance; /* of a service, once it is made */
	bh_call *call;         /* that makes the instance, or is the task; the child's lock */
	bool open;             /* it is up, and takes calls; the child's lock */
	bool checking;         /* it is being asked how it is; the child's lock */
	uint32_t failures;     /* in a row, of being asked; the child's lock */
	bool closing;          /* takes no more calls, and is over when the last one is; the child's lock */
	bool dead;             /* a call found it so: whoever knows why will say so; the child's lock */
	uint32_t in_flight;    /* the child's lock */
	_Atomic bool over;
};

enum { BH_DO_START = 1, BH_DO_STOP = 2, BH_DO_KILL = 4, BH_DO_CHECK = 8 };

/* One of a child's replicas, or the one thing that it is. */
struct bh_member {
	bh_node node; /* first; the tree's lock */
	bh_child *child;
	uint32_t replica;   /* from 1; 0: there are no others */
	bool in_tree;       /* the tree's lock */
	bh_heap_item check; /* when it is asked how it is; the tree's lock */
	bh_health health;   /* the tree's lock */
	unsigned todo;      /* the tree's lock */
	bh_member *next_todo, *next_gone;
	bh_life *life;     /* the child's lock; with a reference */
	bh_exit last_exit; /* the tree's lock, from here on */
	bh_status last_status;
	bh_error *cause; /* of the exit that is being told of */
	bh_usage usage;
};

typedef struct bh_named_export bh_named_export;
struct bh_named_export {
	bh_named_export *next;
	bh_export *export_;
	char name[];
};

struct bh_child {
	_Atomic uint32_t references; /* handles, lives, and one for each member that is in the tree */
	bh_supervisor *tree;         /* with a reference */
	char *name;
	bh_child_kind kind;
	bh_component *component;
	bh_error *broken; /* why there is none; NULL: there is */
	const bh_instance_options *instance;
	bh_export *ready, *health; /* of a service; NULL: it is not asked */
	uint64_t health_ms, answer_ms;
	uint32_t unhealthy_after;
	bh_export *run; /* of a task */
	bh_on_restart on_restart;
	uint32_t mailbox;
	pthread_mutex_t lock;
	bh_named_export *exports; /* that were called */
	bh_line line;             /* of calls that wait for an instance to come up */
	uint32_t member_count;
	bh_member members[];
};

enum { BH_EVENTS_KEPT = 1024 };

struct bh_supervisor {
	_Atomic uint32_t references; /* the owner's, children's, subscriptions' */
	pthread_mutex_t lock;
	pthread_cond_t changed; /* something happened that somebody may wait for */
	bh_plan plan;
	bh_plan_ops ops;
	bh_heap checks;
	bh_child *root;
	bh_member *first_todo, *last_todo;
	bool busy; /* somebody does what is to be done */
	bool closed;
	bh_member *gone; /* out of the tree: references to give up */
	pthread_t clock;
	pthread_cond_t rearmed;
	uint64_t armed_at; /* when the clock looks up */
	bh_supervisor_event events[BH_EVENTS_KEPT];
	uint64_t next_sequence; /* from 1 */
};

/* tree.c */
static inline void bh_tree_enter(bh_supervisor *tree)
{
	pthread_mutex_lock(&tree->lock);
}

/* Give the lock back, and do what is to be done. */
void bh_tree_leave(bh_supervisor *tree);

/* Wait for something to happen, with the lock; false: the moment came first. */
bool bh_tree_wait(bh_supervisor *tree, uint64_t until);

/* Those that wait for it, or for what is below it, look again. With the lock. */
void bh_member_wake_waiters(bh_node *node);

bh_status bh_tree_new(bh_supervisor **out, bh_error **err);
bh_supervisor *bh_tree_ref(bh_supervisor *tree);
void bh_tree_unref(bh_supervisor *tree);

/* Stop the clock: nothing is in the tree any more. */
void bh_tree_close(bh_supervisor *tree);

/* life.c: what the plan asks for. Without locks. */
void bh_member_start(bh_member *member);
void bh_member_stop(bh_member *member);
void bh_member_kill(bh_member *member);
void bh_member_check(bh_member *member);
bh_life *bh_member_life(bh_member *member); /* a reference; NULL: it has none */

/* It is up from here on, and called. */
void bh_life_open(bh_life *life);
bh_life *bh_life_ref(bh_life *life);
void bh_life_unref(bh_life *life);

/* The life ended, for the first time anybody says so: the plan is told. `cause` is copied; both may be NULL. */
void bh_life_over(bh_life *life, bh_exit how, const bh_error *cause, const bh_usage *usage);

/* A call on it is through: if nothing can be called on it any more, or it was the last one waited for, it is over. */
void bh_life_leave(bh_life *life, bh_status status, const bh_error *cause, const bh_usage *usage);

/* health.c. Ask it, in so many milliseconds, whether it is ready, or how it is. */
void bh_life_check_in(bh_life *life, uint64_t ms);

/* service.c. Those that wait may look again. With the child's lock held. */
void bh_child_call_waiters(bh_child *child);

/* events.c. With the tree's lock held. */
void bh_tree_tell(bh_supervisor *tree, const bh_note *note);

/* What the child is said to be in paths; with the tree's lock held. NULL without memory. */
char *bh_member_path(const bh_member *member);

static inline bh_member *bh_member_of(bh_node *node)
{
	return (bh_member *)node;
}

#endif
