/*
 * What a tree of supervisors does next: decisions alone.
 *
 * The plan is told what happened (a child came up, went down, a moment came) and says through its operations what is
 * to be done (start, stop, kill). It does nothing itself, knows no threads, and reads no clock: each call says what time
 * it is. One caller at a time; operations must not call back into the plan.
 *
 * The semantics are those of Erlang/OTP's supervisor, except where docs/guide/supervision.md says so.
 */
#ifndef BH_SUPERVISE_PLAN_H
#define BH_SUPERVISE_PLAN_H

#include "base/clock.h"
#include "base/heap.h"
#include "bulkhead/supervisor.h"

typedef struct bh_plan bh_plan;
typedef struct bh_node bh_node;

/* Why a node goes down that is going down. */
typedef enum {
	BH_ENDING_STOP,      /* asked to, by its supervisor or by somebody */
	BH_ENDING_RESTART,   /* somebody asked for it to be started again */
	BH_ENDING_LATE,      /* it did not come up in time */
	BH_ENDING_UNHEALTHY, /* it runs, but not well */
	BH_ENDING_ESCALATE,  /* a supervisor whose children crash too often */
} bh_ending;

/* What a node is to be like. Text and arrays are the node's owner's. */
typedef struct {
	bool supervisor;
	bh_restart restart;
	bh_backoff backoff;
	uint64_t start_ms;    /* leaves: to come up; BH_UNLIMITED */
	uint64_t shutdown_ms; /* leaves: to go down by themselves, 0: they are killed at once */
	bool broken;          /* leaves: never comes up, and fails for good at once */
	bool dynamic;         /* goes from the tree when it has ended for good, or its supervisor goes down */
	bool aside;           /* has no place in the order: it is started when somebody asks, also while others come up */
	uint64_t every_ms;    /* leaves: from one start to the next; 0: it is not run again and again */
	bool calendar;        /* leaves: the driver knows when it is to run */
	/* Supervisors: */
	bh_strategy strategy;
	bh_intensity_mode on_intensity;
	uint32_t most_restarts; /* within */
	uint64_t window_ms;
} bh_node_spec;

/* What is told of a node. */
typedef struct {
	bh_event_kind kind;
	bh_node *node;
	bh_exit exit;                    /* of BH_EVENT_EXITED */
	bh_decision decision;            /* and what follows from it */
	uint64_t delay_ms;               /* until then */
	uint32_t counted, most_restarts; /* restarts, where it depended on them: this one too, if it is one */
	uint64_t window_ms;              /* 0: it did not */
} bh_note;

typedef struct {
	/* Of leaves. Each start is answered by bh_plan_up() or bh_plan_down(), each stop and kill by bh_plan_down(). */
	void (*start)(void *data, bh_node *node);
	void (*stop)(void *data, bh_node *node);
	void (*kill)(void *data, bh_node *node);
	/*
	 * How long until the turn of one with a calendar, in milliseconds; 0: it has come; BH_UNLIMITED: never. `next`: until the
	 * next one from now on. Asked again now and then, as the clocks that calendars go by are set.
	 */
	uint64_t (*turn)(void *data, bh_node *node, bool next);
	void (*tell)(void *data, const bh_note *note);
	/* The node is out of the tree, and down: its memory is its owner's to free. */
	void (*gone)(void *data, bh_node *node);
	void *data;
} bh_plan_ops;

/* Restarts that count against a bound: room for as many as are allowed. */
typedef struct {
	uint64_t *at;
	uint32_t count;
} bh_moments;

struct bh_plan {
	const bh_plan_ops *ops;
	bh_heap timers;
	size_t nodes;  /* that may have a timer: room for them is reserved */
	uint64_t now;  /* as the last call said */
	uint64_t seed; /* of jitter */
};

/* Embedded in what its owner has of it; zeroed before bh_plan_add(). */
struct bh_node {
	bh_node_spec spec;
	bh_child_state state;
	bh_node *parent, *next, *previous, *first, *last;
	bh_heap_item timer;
	bh_ending ending;
	bool wanted;         /* nobody asked for it to be stopped */
	bool fresh;          /* was not up since its supervisor was started: those behind it wait for it */
	bool latecomer;      /* added while its supervisor ran: its first start waits for nobody */
	bool affected;       /* goes down, and up again, with one that crashed */
	bool removing;       /* goes from the tree when it is down */
	bool stepping;       /* its children are being gone through: who asks for that once more need not do it */
	bool due;            /* scheduled: it runs when it comes up, instead of waiting for its turn */
	uint32_t failures;   /* in a row, for the backoff */
	uint32_t generation; /* how often it came up */
	uint32_t restarts;   /* how often it was started again after an exit */
	uint64_t up_since;
	uint64_t begun_at; /* scheduled: its last run; 0: there was none */
	uint64_t turn_at;  /* scheduled: its next one, as far as is known */
	bh_moments own;    /* when it was started again, where that is counted for itself */
	/* Supervisors: */
	bh_moments children; /* when one of its children was, where they are counted together */
	size_t child_count, fresh_count;
	bh_node *start_from; /* none before it is fresh; NULL: that is not known */
	bh_node *stop_from;  /* none behind it is to be stopped any more, while some are; NULL: none is at all */
	bool group_stop;     /* the affected ones go down */
	bool all_stop;       /* all of them do */
	uint64_t group_at;   /* when the affected ones may come up again */
};

void bh_plan_init(bh_plan *plan, const bh_plan_ops *ops, uint64_t seed);
void bh_plan_deinit(bh_plan *plan);

/*
 * Put a node into the tree, last among its siblings; `parent` NULL: it is the root. Down, until its supervisor is
 * started: where that is so already, bh_plan_start() starts it. False without memory; then nothing was done.
 */
bool bh_plan_add(bh_plan *plan, bh_node *node, bh_node *parent, const bh_node_spec *spec);

/* Somebody asks for it. Nothing happens where it is so already. */
void bh_plan_start(bh_plan *plan, bh_node *node, uint64_t now);
void bh_plan_stop(bh_plan *plan, bh_node *node, uint64_t now);
void bh_plan_restart(bh_plan *plan, bh_node *node, uint64_t now);
void bh_plan_remove(bh_plan *plan, bh_node *node, uint64_t now);

/* Something happened. What comes too late is ignored, as the node is in another state then. */
void bh_plan_up(bh_plan *plan, bh_node *node, uint64_t now);
void bh_plan_down(bh_plan *plan, bh_node *node, bh_exit exit, uint64_t now);
/* Another took its place while it ran, which is no exit: it is up as of now, and its failures are forgotten. */
void bh_plan_replaced(bh_plan *plan, bh_node *node, uint64_t now);
void bh_plan_unhealthy(bh_plan *plan, bh_node *node, uint64_t now);

/* The moments that came. */
void bh_plan_due(bh_plan *plan, uint64_t now);

/* When to call bh_plan_due(); BH_NEVER. */
uint64_t bh_plan_next(const bh_plan *plan);

/*
 * When a node that waits (BH_CHILD_WAITING) may be started: its timer, or that of all that went down together. The turn of
 * one that is scheduled. BH_NEVER.
 */
uint64_t bh_plan_starts_at(const bh_node *node);

/* How long to wait before the nth restart in a row, from 1. */
uint64_t bh_backoff_ms(const bh_backoff *backoff, uint32_t nth, uint64_t *seed);

/* How long a child must have been up for its failures to be forgotten. */
uint64_t bh_backoff_stable_ms(const bh_backoff *backoff);

#endif
