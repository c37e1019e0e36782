/*
 * Lines: those who wait for the same thing, first come, first served. Who waits is a thread or a task; the place in the
 * line is its own, so that waiting allocates nothing.
 */
#ifndef BH_HOST_LINE_H
#define BH_HOST_LINE_H

#include <pthread.h>
#include <stdatomic.h>
#include <stddef.h>

#include "engine/waker.h"

typedef struct bh_turn {
	const bh_waker *waker; /* outlives the wait */
	struct bh_turn *next, *previous;
	uint64_t number; /* for bh_line_join_numbered() */
	bool waits;
} bh_turn;

/* The caller holds a lock over it. */
typedef struct {
	bh_turn *first, *last;
	_Atomic uint32_t length; /* may be read without the lock */
} bh_line;

/* Nothing happens to one that is in it, or not in it, already. */
void bh_line_join(bh_line *line, bh_turn *turn);
void bh_line_leave(bh_line *line, bh_turn *turn);

/* The same, behind those with a smaller number and before the others: for those that come back to it. */
void bh_line_join_numbered(bh_line *line, bh_turn *turn);

/* Whether nobody else was before. */
static inline bool bh_line_first(const bh_line *line, const bh_turn *turn)
{
	return !line->first || line->first == turn;
}

static inline void bh_line_call(const bh_line *line)
{
	if (line->first)
		bh_waker_wake(line->first->waker);
}

static inline void bh_line_call_all(const bh_line *line)
{
	for (const bh_turn *turn = line->first; turn; turn = turn->next)
		bh_waker_wake(turn->waker);
}

/* A number of things that are taken and given back, with a line of those who want more than there are. */
typedef struct {
	pthread_mutex_t lock;
	uint64_t limit; /* UINT64_MAX: as many as one likes, and then nobody waits */
	_Atomic uint64_t used;
	bh_line line;
} bh_gate;

void bh_gate_init(bh_gate *gate, uint64_t limit);
void bh_gate_deinit(bh_gate *gate);

static inline bool bh_gate_unbounded(const bh_gate *gate)
{
	return gate->limit == UINT64_MAX;
}

/* Take so many. False: the turn is in the line, and its waker is called when it is worth trying again. */
bool bh_gate_enter(bh_gate *gate, bh_turn *turn, uint64_t amount);

/* Take so many at once or not at all, whoever waits. */
bool bh_gate_squeeze(bh_gate *gate, uint64_t amount);

/* Give so many back. */
void bh_gate_leave(bh_gate *gate, uint64_t amount);

/* Wait no more. */
void bh_gate_quit(bh_gate *gate, bh_turn *turn);

/*
 * For what cannot be counted but only tried: whether it is this turn's to try. Who failed joins and tries once more
 * before waiting, as something may have come free in between.
 */
bool bh_gate_may_try(bh_gate *gate, const bh_turn *turn);
void bh_gate_join(bh_gate *gate, bh_turn *turn);

/* Something came free. */
void bh_gate_call(bh_gate *gate);

#endif
