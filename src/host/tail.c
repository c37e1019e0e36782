#include "host/tail.h"

typedef struct {
	bh_task task; /* first */
	bh_instance *instance;
	bh_roll_entry listed; /* in the host's roll: who drains it waits for this, too */
	uint64_t limit_at;
} tail;

static bh_step end(tail *t, const char *why)
{
	bh_instance_leave(t->instance, why);
	return BH_STEP_OVER;
}

static bh_step step(bh_task *task)
{
	tail *t = (tail *)task;
	bh_instance *instance = t->instance;
	BH_AUTO(bh_error_free) bh_error *why = NULL;
	bh_ticker_touch(instance->component->host->ticker);
	if (bh_store_poll(instance->store, &task->waker) == BH_POLL_ENDED)
		return end(t, bh_store_finish(instance->store, NULL, &why) ? bh_error_message(why) : NULL);
	bh_ticker_by(instance->component->host->ticker, t->limit_at);
	bool late = bh_now() >= t->limit_at, killed = atomic_load(&instance->killed);
	if (late || killed || atomic_load(&instance->doomed)) {
		bh_store_abort(instance->store);
		return end(t, late ? "it passed its execution limit" : killed ? "it was killed" : "it was given up");
	}
	task->look_at = t->limit_at;
	return BH_STEP_WAIT;
}

static void over(bh_task *task)
{
	tail *t = (tail *)task;
	bh_roll_abandon(&t->instance->component->host->roll, &t->listed);
	bh_instance_release(t->instance);
}

static void kill_listed(bh_roll_entry *entry)
{
	tail *t = (tail *)((char *)entry - offsetof(tail, listed));
	atomic_store(&t->instance->killed, true);
	bh_task_wake(&t->task);
}

static void free_tail(bh_task *task)
{
	bh_free((tail *)task);
}

static const bh_task_kind kind = {step, over, free_tail};

static void set_runner(bh_instance *instance, const bh_waker *waker)
{
	pthread_mutex_lock(&instance->lock);
	instance->runner = waker;
	pthread_mutex_unlock(&instance->lock);
}

bool bh_tail_take(bh_instance *instance, uint64_t limit_at)
{
	bh_component *component = instance->component;
	tail *t = bh_calloc(1, sizeof *t);
	if (!t)
		return false;
	t->instance = instance;
	t->limit_at = limit_at;
	t->listed.kill = kill_listed;
	bh_task_init(&t->task, component->host->executor, &component->group, &kind);
	bh_instance_retain(instance);
	const bh_waker *before = instance->runner;
	set_runner(instance, &t->task.waker);
	bh_roll *roll = &component->host->roll;
	bool listed = bh_roll_stay(roll, &t->listed);
	bool started = listed && !bh_executor_start(component->host->executor, &t->task, NULL);
	if (listed && !started)
		bh_roll_abandon(roll, &t->listed);
	if (!started) {
		set_runner(instance, before);
		bh_instance_release(instance);
	}
	bh_task_release(&t->task);
	return started;
}
