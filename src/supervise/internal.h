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
#include "bulkhead/spawner.h"
#include "host/line.h"
#include "supervise/cron.h"
#include "supervise/plan.h"

typedef struct bh_member bh_member;
typedef struct bh_named_export bh_named_export;
typedef struct bh_upgrade bh_upgrade;
typedef struct bh_life bh_life;
typedef struct bh_brood bh_brood;

/* What a child runs, until an upgrade replaces it: lives keep theirs. Reference-counted. */
typedef struct {
	_Atomic uint32_t references;
	bh_error *broken;        /* why there is none that could run; NULL: there is */
	bh_component *component; /* NULL: see above */
	const bh_instance_options *instance;
	bh_export *ready, *health;     /* of a service; NULL: it is not asked */
	bh_export *snapshot, *restore; /* of a service; NULL: it has no state to keep */
	bh_export *run;                /* of a task */
	bh_named_export *exports;      /* that were called; the child's lock */
} bh_revision;

/* What a service said that it knows. Reference-counted. */
typedef struct {
	_Atomic uint32_t references;
	bh_value bytes;
} bh_snapshot;

/* A moment of the tree's clock, at which something is to be done about a member. */
typedef struct {
	bh_heap_item item; /* first; the tree's lock */
	bh_member *member;
	unsigned duty;
} bh_moment;

/* From being started to being down: an instance and the calls on it, or a task's call. Reference-counted. */
struct bh_life {
	_Atomic uint32_t references;
	bh_member *member;     /* kept by a reference to its child */
	bh_revision *revision; /* with a reference */
	bh_instance *instance; /* of a service, once it is made */
	bh_brood *brood;       /* what its guest spawns; with a reference */
	bh_call *call;         /* that makes the instance, or is the task; the child's lock */
	bool open;             /* it is up, and takes calls; the child's lock */
	bool checking;         /* it is being asked how it is; the child's lock */
	uint32_t failures;     /* in a row, of being asked; the child's lock */
	bool closing;          /* takes no more calls, and is over when the last one is; the child's lock */
	bool dead;             /* cannot be called any more: whoever knows why will say so; the child's lock */
	uint32_t in_flight;    /* the child's lock */
	bool saving;           /* it is being asked for its state; the child's lock */
	bool saved;            /* and was for the last time; the child's lock */
	_Atomic bool over;
	_Atomic bool
		apart; /* it is not the plan's: one that is to replace another, or was replaced; set under both locks */
};

enum { BH_DO_START = 1, BH_DO_STOP = 2, BH_DO_KILL = 4, BH_DO_CHECK = 8, BH_DO_SAVE = 16, BH_DO_UPGRADE = 32 };

/* One of a child's replicas, or the one thing that it is. */
struct bh_member {
	bh_node node; /* first; the tree's lock */
	bh_child *child;
	uint32_t replica; /* from 1; 0: there are no others */
	bool in_tree;     /* the tree's lock */
	bh_moment check;  /* when it is asked how it is */
	bh_moment save;   /* and for its state */
	bh_health health; /* the tree's lock */
	unsigned todo;    /* the tree's lock */
	bh_member *next_todo, *next_gone;
	bh_life *life;         /* the child's lock; with a reference */
	bh_snapshot *snapshot; /* the last one, with a reference; NULL: there is none; the child's lock */
	bool refused;          /* the service could not be restored from it, and is not asked to again; the child's lock */
	bh_exit last_exit;     /* the tree's lock, from here on */
	bh_status last_status;
	bh_trap last_trap;
	uint64_t exited_at;
	bh_error *cause; /* of the exit that is being told of */
	bh_usage usage;
};

/* Which of the calls are measured that need not be, and what the last one took. */
typedef struct {
	uint32_t left;   /* so many are not, before one is */
	uint32_t random; /* spreads them */
	uint64_t wall_ns;
} bh_sampling;

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
	bh_revision *revision;      /* with a reference; the child's lock */
	char *ready, *health, *run; /* names of exports; NULL: none */
	uint64_t health_ms, answer_ms;
	uint32_t unhealthy_after;
	uint64_t snapshot_ms, snapshot_bytes;
	uint64_t start_ms, shutdown_ms;
	bh_cron cron;             /* when it runs, where its node has a calendar */
	bh_cron_turn turn;        /* and the turn it waits for; the tree's lock */
	bh_brood *brood;          /* of a nest: whose children are in it, with a reference */
	uint32_t depth;           /* so many parents spawned each other down to it; 0: nobody did */
	bh_spawner *spawner;      /* that counts it while it is in the tree, with a reference; NULL: nobody spawned it */
	bh_instance_options *own; /* made for it alone */
	bh_on_restart on_restart;
	uint32_t mailbox;
	pthread_mutex_t lock;
	bh_child_stats *stats; /* of its calls; NULL: none has ended; the child's lock */
	bh_sampling sampling;  /* the child's lock */
	bh_upgrade *upgrade;   /* under way; both locks to change it */
	bool paused;           /* no call is let in: its state is being handed over; the child's lock */
	bh_line line;          /* of calls that wait for an instance to come up */
	uint64_t numbers;      /* given to calls, in which they wait; the child's lock */
	uint32_t returning;    /* calls that waited for one that is dead, on their way back to the line; the child's lock */
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
	bh_heap moments;
	uint32_t upgrades; /* under way */
	bh_child *root;
	/*
	 * The lists of what is to be done and of what is gone have no bound of their own, and need none: a member is in each of
	 * them once at most, whatever is asked of it how often (its duties are bits), so that they are never longer than the tree.
	 * That is as large as its configuration, and what guests spawn has the bounds of its spawner. They hang on the members:
	 * noting something takes no memory, and cannot fail.
	 */
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

/* tree.c. With the lock: something is to be done about it by whoever gives the lock back. */
void bh_tree_note(bh_member *member, unsigned duty);

/* The same, without the lock. */
void bh_member_note(bh_member *member, unsigned duty);

/* With the lock: the moment comes in so many milliseconds, or not any more. There is room for it. */
void bh_moment_set(bh_moment *moment, uint64_t ms);
void bh_moment_clear(bh_moment *moment);

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

/* supervisor.c. What children have that guests spawn, and their nests. */
typedef struct {
	bh_brood *brood;
	uint32_t depth;
	bh_spawner *spawner;
	bh_instance_options *own;
} bh_child_extra;

/* As bh_child_add(). What is in `extra` is taken over on success; NULL: nothing is. */
bh_status bh_child_add_as(bh_child **out, bh_child *parent, const bh_child_options *options,
                          const bh_child_extra *extra, bh_error **err);

/* Whether it can be what a child is called. */
bool bh_is_child_name(const char *name);

/* spawner.c. One of its children is gone, and so is that one's reference. NULL is allowed. */
void bh_spawner_forget(bh_spawner *spawner);

/* life.c: what the plan asks for. Without locks. */
void bh_member_start(bh_member *member);
void bh_member_stop(bh_member *member);
void bh_member_kill(bh_member *member);
void bh_member_check(bh_member *member);
bh_life *bh_member_life(bh_member *member); /* a reference; NULL: it has none */

/* It has what it begins with: it is asked whether it is ready, or up. */
void bh_life_begin(bh_life *life);

/* It is up from here on, and called. */
void bh_life_open(bh_life *life);

/* It is asked how it is, and for its state, from here on. */
void bh_life_look(const bh_life *life);

/* Whether the plan means this one by what it says of its member. With the tree's lock. */
static inline bool bh_life_is_current(const bh_life *life)
{
	return !atomic_load(&life->over) && !atomic_load(&life->apart);
}

/* Another one of a member, that the plan does not know of. One reference; NULL without memory. */
bh_life *bh_life_new_apart(bh_member *member, bh_revision *revision);

/* What came of making one, in its callback. */
bh_status bh_life_take_instance(bh_life *life, bh_call *call, bh_usage *usage, bh_error **err);

/* Nobody uses it any more, and nobody is to: it is asked for its state, or over. */
void bh_life_drained(bh_life *life);
bh_life *bh_life_ref(bh_life *life);
void bh_life_unref(bh_life *life);

/* The life ended, for the first time anybody says so: the plan is told. `cause` is copied; both may be NULL. */
void bh_life_over(bh_life *life, bh_exit how, const bh_error *cause, const bh_usage *usage);

/*
 * Its instance cannot be called any more, if that is so. Calls that waited for it come back to the child's line, and until all
 * are there nobody is let in elsewhere: so calls keep their order over a crash. With the child's lock.
 */
void bh_life_look_dead(bh_life *life);

/* A call on it is through: if nothing can be called on it any more, or it was the last one waited for, it is over. */
void bh_life_leave(bh_life *life, bh_status status, const bh_error *cause, const bh_usage *usage);

/* The same for a call that somebody made: it is counted. `usage` NULL: it was not measured. */
void bh_life_leave_counted(bh_life *life, bh_status status, const bh_error *cause, const bh_usage *usage);

/* tally.c. A call has ended: with the child's lock; without. `usage` NULL: it was not measured. */
void bh_child_count(bh_child *child, bool failed, const bh_usage *usage);
void bh_child_count_locked(bh_child *child, bool failed, const bh_usage *usage);

/* Whether the next call that need not be measured is. With the child's lock. */
bool bh_child_samples(bh_child *child);

/* revision.c. What is asked of a child is there, and takes nothing: BH_E_NO_EXPORT, BH_E_INVALID. */
bh_status bh_revision_new(bh_revision **out, const bh_child *child, bh_component *component,
                          const bh_instance_options *instance, bh_error **err);
bh_status bh_revision_new_broken(bh_revision **out, const bh_error *why, bh_error **err);
bh_revision *bh_revision_ref(bh_revision *revision);
void bh_revision_unref(bh_revision *revision);

/* The child's, with a reference. */
bh_revision *bh_child_revision(bh_child *child);

/* An export by name, looked up once. With the child's lock held. */
bh_export *bh_revision_find(bh_revision *revision, const char *name, bh_error **err);

/* Whether it has all that was called of another, and its state. With the child's lock held. */
bh_status bh_revision_covers(const bh_revision *revision, const bh_revision *other, bh_error **err);

/* state.c. Ask it for its state; it counts as a call. False: it has none, or is being asked. */
bool bh_life_save(bh_life *life, uint64_t deadline_ms);

/* The time came. */
void bh_member_save(bh_member *member);

/* Give it the last state of its member, and go on with bh_life_begin(). */
void bh_life_restore(bh_life *life);

/* The member's last snapshot, with a reference; NULL: there is none, or it was refused. */
bh_snapshot *bh_member_snapshot(bh_member *member);
bh_status bh_snapshot_restore(const bh_snapshot *snapshot, bh_life *life, bh_call_done *done, bh_error **err);
void bh_snapshot_unref(bh_snapshot *snapshot);

/* What it said to that. */
bh_status bh_restored(bh_call *call, bh_error **err);

/* upgrade.c. What is to be done about a child's upgrade. */
void bh_upgrade_step(bh_child *child);

/* What the upgrade of its child asked for is there. Without locks. */
void bh_upgrade_saved(bh_life *life, bh_status status, const bh_error *why);

/* health.c. */
bool bh_is_yes(const bh_value *answer);

/* Ask it, in so many milliseconds, whether it is ready, or how it is. */
void bh_life_check_in(bh_life *life, uint64_t ms);

/* service.c. Whether one of its members will come up by itself, or is up. With the tree's lock; without. */
bool bh_child_hopes(const bh_child *child);
bool bh_child_has_hope(bh_child *child);

/* Those that wait may look again. With the child's lock held. */
void bh_child_call_waiters(bh_child *child);

/* An instance is up: the first of them may, and then the next. With the child's lock held. */
void bh_child_call_next(bh_child *child);

/* events.c. Since 1970. */
int64_t bh_time_of_day_ms(void);

/* With the tree's lock held. */
void bh_tree_tell(bh_supervisor *tree, const bh_note *note);

/* Without it: something that has a cause, and that the plan has no part in. */
void bh_member_tell(bh_member *member, bh_event_kind kind, const bh_error *cause);

/* What the child is said to be in paths; with the tree's lock held. NULL without memory. */
char *bh_member_path(const bh_member *member);

static inline bh_member *bh_member_of(bh_node *node)
{
	return (bh_member *)node;
}

static inline const bh_member *bh_member_of_const(const bh_node *node)
{
	return (const bh_member *)node;
}

#endif
