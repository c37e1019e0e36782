#include "host/line.h"

#include "base/thread.h"

/* NULL: before all others. */
static void join_behind(bh_line *line, bh_turn *turn, bh_turn *other)
{
	if (turn->waits)
		return;
	turn->waits = true;
	turn->previous = other;
	turn->next = other ? other->next : line->first;
	*(turn->previous ? &turn->previous->next : &line->first) = turn;
	*(turn->next ? &turn->next->previous : &line->last) = turn;
	line->length++;
}

void bh_line_join(bh_line *line, bh_turn *turn)
{
	join_behind(line, turn, line->last);
}

void bh_line_join_numbered(bh_line *line, bh_turn *turn)
{
	bh_turn *other = line->last;
	while (other && other->number > turn->number)
		other = other->previous;
	join_behind(line, turn, other);
}

void bh_line_leave(bh_line *line, bh_turn *turn)
{
	if (!turn->waits)
		return;
	turn->waits = false;
	if (turn->previous)
		turn->previous->next = turn->next;
	else
		line->first = turn->next;
	if (turn->next)
		turn->next->previous = turn->previous;
	else
		line->last = turn->previous;
	line->length--;
}

void bh_gate_init(bh_gate *gate, uint64_t limit)
{
	bh_lock_init(&gate->lock);
	gate->limit = limit;
	gate->line = (bh_line){0};
	atomic_init(&gate->used, 0);
}

void bh_gate_deinit(bh_gate *gate)
{
	pthread_mutex_destroy(&gate->lock);
}

/* With the lock held, where there is a limit. */
static bool take(bh_gate *gate, uint64_t amount)
{
	uint64_t used = atomic_load_explicit(&gate->used, memory_order_relaxed);
	if (used > gate->limit || amount > gate->limit - used)
		return false;
	atomic_store_explicit(&gate->used, used + amount, memory_order_relaxed);
	return true;
}

bool bh_gate_enter(bh_gate *gate, bh_turn *turn, uint64_t amount)
{
	if (gate->limit == UINT64_MAX) {
		atomic_fetch_add_explicit(&gate->used, amount, memory_order_relaxed);
		return true;
	}
	pthread_mutex_lock(&gate->lock);
	bool in = bh_line_first(&gate->line, turn) && take(gate, amount);
	if (in) {
		bh_line_leave(&gate->line, turn);
		bh_line_call(&gate->line); /* there may be room for the next too */
	} else {
		bh_line_join(&gate->line, turn);
	}
	pthread_mutex_unlock(&gate->lock);
	return in;
}

bool bh_gate_squeeze(bh_gate *gate, uint64_t amount)
{
	if (gate->limit == UINT64_MAX) {
		atomic_fetch_add_explicit(&gate->used, amount, memory_order_relaxed);
		return true;
	}
	pthread_mutex_lock(&gate->lock);
	bool in = take(gate, amount);
	pthread_mutex_unlock(&gate->lock);
	return in;
}

void bh_gate_leave(bh_gate *gate, uint64_t amount)
{
	if (gate->limit == UINT64_MAX) {
		atomic_fetch_sub_explicit(&gate->used, amount, memory_order_relaxed);
		return;
	}
	pthread_mutex_lock(&gate->lock);
	atomic_fetch_sub_explicit(&gate->used, amount, memory_order_relaxed);
	bh_line_call(&gate->line);
	pthread_mutex_unlock(&gate->lock);
}

void bh_gate_quit(bh_gate *gate, bh_turn *turn)
{
	if (!turn->waits)
		return;
	pthread_mutex_lock(&gate->lock);
	bh_line_leave(&gate->line, turn);
	/* The next one may have been passed over because this one was before it. */
	bh_line_call(&gate->line);
	pthread_mutex_unlock(&gate->lock);
}

bool bh_gate_may_try(bh_gate *gate, const bh_turn *turn)
{
	/* Most of the time nobody waits, and a stale look does no harm: who fails joins the line. */
	if (!atomic_load_explicit(&gate->line.length, memory_order_relaxed))
		return true;
	pthread_mutex_lock(&gate->lock);
	bool may = bh_line_first(&gate->line, turn);
	pthread_mutex_unlock(&gate->lock);
	return may;
}

void bh_gate_join(bh_gate *gate, bh_turn *turn)
{
	pthread_mutex_lock(&gate->lock);
	bh_line_join(&gate->line, turn);
	pthread_mutex_unlock(&gate->lock);
}

void bh_gate_call(bh_gate *gate)
{
	/* What came free is seen by whoever joined and tries once more, or its joining is seen here. */
	atomic_thread_fence(memory_order_seq_cst);
	if (!atomic_load_explicit(&gate->line.length, memory_order_relaxed))
		return;
	pthread_mutex_lock(&gate->lock);
	bh_line_call(&gate->line);
	pthread_mutex_unlock(&gate->lock);
}
