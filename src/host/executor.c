#include "host/executor.h"

#include <pthread.h>
#include <unistd.h>

#include "base/thread.h"
#include "host/ready.h"
#include "host/timers.h"

enum {
	MAX_WORKERS = 256,
	CHARGE = 1024, /* what a share of one pays for a nanosecond */
	QUANTUM_NS = 500000,
	SLICE_NS = 300000,   /* of the processor, where workers are not alone: more than the ticker's */
	PATIENCE_NS = 100000 /* how long a step of another group's may take before who comes asks for the next tick */
};

/*
 * A task's states. A wake while it runs is kept for the end of the step. It begins as queued: who wakes it before it is started
 * does not start it, as it may be in somebody's line already, or be cancelled.
 */
enum { QUEUED, IDLE, RUNNING, WOKEN, OVER };

typedef struct worker {
	bh_executor *executor;
	uint32_t number; /* from 1 */
	pthread_t thread;
	bh_parker *parker; /* where it sleeps */
	bh_timers timers;
	struct worker *next_idle;
	bool idle; /* in the list of them */
	/* The step it is at: whose, only to be compared, and since when. */
	_Atomic(const bh_group *) serving;
	_Atomic uint64_t since;
} worker;

struct bh_executor {
	pthread_mutex_t lock; /* over what is ready, the idle and starting; held for a few instructions */
	bh_ready ready;
	worker *idle;
	uint32_t count;
	_Atomic uint32_t started;
	bh_executor_hooks hooks;
	_Atomic uint64_t ticked; /* when the one of that name was called last */
	bool stop;
	const worker *heir;        /* it was freed by this worker of its own, which frees the rest when it ends */
	const worker *watcher;     /* sleeps, and gets up for what is due first of all timers; NULL: nobody does */
	uint64_t watched;          /* when that is */
	_Atomic uint32_t visitors; /* other threads that made a task ready, and are not done with what follows from it */
	worker workers[];
};

static BH_THREAD_LOCAL const worker *this_worker;

bool bh_executor_is_worker(void)
{
	return this_worker;
}

/* Its last task may have become urgent, which leaves it in the heap until its turn comes. */
void bh_group_leave(bh_executor *executor, bh_group *group)
{
	pthread_mutex_lock(&executor->lock);
	bh_ready_leave(&executor->ready, group);
	pthread_mutex_unlock(&executor->lock);
}

static void hurry(bh_executor *executor, bh_task *task)
{
	pthread_mutex_lock(&executor->lock);
	bh_ready_hurry(&executor->ready, task);
	pthread_mutex_unlock(&executor->lock);
}

/* Waking. */

static worker *take_idle(bh_executor *executor)
{
	worker *w = executor->idle;
	if (w) {
		executor->idle = w->next_idle;
		w->idle = false;
	}
	return w;
}

/* Whether some other worker has been at a step of another group's for long. */
static bool is_held_up(const bh_executor *executor, const bh_group *group, uint64_t *now)
{
	for (uint32_t i = 0; i < atomic_load_explicit(&executor->started, memory_order_relaxed); i++) {
		const worker *w = &executor->workers[i];
		const bh_group *serving = atomic_load_explicit(&w->serving, memory_order_relaxed);
		if (!serving || serving == group || w == this_worker)
			continue;
		*now = *now ? *now : bh_now();
		if (atomic_load_explicit(&w->since, memory_order_relaxed) + PATIENCE_NS < *now)
			return true;
	}
	return false;
}

/*
 * Nobody is free. A guest that computes is not asked to look up before the next tick, which is long for who needs a moment:
 * the tick comes now, but not more often than our patience ends.
 */
static void press(bh_executor *executor, const bh_group *group)
{
	uint64_t now = 0, last = atomic_load_explicit(&executor->ticked, memory_order_relaxed);
	if (is_held_up(executor, group, &now) && last + PATIENCE_NS < now &&
	    atomic_compare_exchange_strong(&executor->ticked, &last, now))
		executor->hooks.tick(executor->hooks.data);
}

static void enqueue(bh_task *task, bool resumed)
{
	bh_executor *executor = task->executor;
	const bh_group *group = task->group; /* once it is in the line the task may go at any moment */
	bool ours = this_worker && this_worker->executor == executor;
	pthread_mutex_lock(&executor->lock);
	bh_ready_push(&executor->ready, task, resumed);
	/* A worker looks for more when its step ends, so the only task there is needs nobody else. */
	bool alone = ours && executor->ready.count == 1;
	worker *w = alone ? NULL : take_idle(executor);
	if (!ours)
		atomic_fetch_add_explicit(&executor->visitors, 1, memory_order_relaxed);
	pthread_mutex_unlock(&executor->lock);
	if (w)
		bh_parker_wake(w->parker);
	else if (!alone)
		press(executor, group);
	/* The task may have been the last one, and over by now: the end of the executor waits for us. */
	if (!ours)
		atomic_fetch_sub_explicit(&executor->visitors, 1, memory_order_release);
}

/*
 * Where it is to be stepped anyway the state is written too, as it was: only so is what we did before certain to be seen by
 * that step, which exchanges the state in its turn.
 */
void bh_task_wake(bh_task *task)
{
	uint32_t state = atomic_load(&task->state);
	for (;;) {
		if (state == OVER)
			return;
		uint32_t next = state == IDLE ? QUEUED : state == RUNNING ? WOKEN : state;
		if (!atomic_compare_exchange_weak(&task->state, &state, next))
			continue;
		if (state == IDLE)
			enqueue(task, true);
		return;
	}
}

/* Timers. */

/* Wake what is due in a worker's timers, its own or those of one that is busy. */
static void fire(worker *w, uint64_t now)
{
	for (bh_task *task; (task = bh_timers_due(&w->timers, now));) {
		bh_task_wake(task);
		hurry(w->executor, task);
		bh_task_release(task);
	}
}

static void forget_timer(bh_task *task)
{
	uint32_t number = atomic_load(&task->timer_worker);
	if (number)
		bh_timers_remove(&task->executor->workers[number - 1].timers, task);
}

/* A timer that is there already, and early enough, does. */
static void set_timer(worker *w, bh_task *task)
{
	if (task->look_at == BH_NEVER || (atomic_load(&task->timer_worker) && task->timer.at <= task->look_at))
		return;
	forget_timer(task);
	bh_timers_add(&w->timers, task, w->number, task->look_at);
}

/* Working. */

static void charge(bh_group *group, uint64_t elapsed)
{
	uint64_t share = group->share ? group->share : BH_SHARE_DEFAULT;
	atomic_fetch_add_explicit(&group->owed, elapsed * CHARGE / share + 1, memory_order_relaxed);
}

/* It was woken while it ran: a tick came, or what it waits for is there already. */
static bool woken(bh_task *task)
{
	uint32_t state = WOKEN;
	return atomic_compare_exchange_strong(&task->state, &state, RUNNING);
}

static bool others_wait(bh_executor *executor, const bh_group *group)
{
	pthread_mutex_lock(&executor->lock);
	bool others = bh_ready_others(&executor->ready, group);
	pthread_mutex_unlock(&executor->lock);
	return others;
}

/* It was woken, most likely by a tick. Whether it has had its quantum: time on the processor from the first tick on. */
static bool used_up(bh_task *task, uint64_t *from)
{
	uint64_t now = bh_cpu_now();
	task->used += task->ticked ? now - *from : 0;
	task->ticked = task->used < QUANTUM_NS;
	task->used = task->ticked ? task->used : 0;
	*from = now;
	return !task->ticked;
}

/*
 * Step it. A short call that a tick happens to meet is not to wait behind all that are ready, like one that was never served:
 * until it has had its quantum it goes on, or makes room for other groups but stays among those that resume. Returns the time
 * of the end.
 */
static uint64_t step_on(worker *w, bh_task *task, bh_step *how, bool *spent)
{
	uint64_t after, from = task->ticked ? bh_cpu_now() : 0;
	*spent = false;
	(void)atomic_exchange(&task->state, RUNNING);
	for (;;) {
		task->look_at = BH_NEVER;
		*how = task->kind->step(task);
		after = task->ended ? task->ended : bh_now();
		if (*how == BH_STEP_OVER)
			return after;
		if (atomic_load(&task->state) != WOKEN) {
			task->ticked = false;
			task->used = 0;
			return after;
		}
		*spent = used_up(task, &from);
		if (*spent || after >= bh_timers_next(&w->timers) || others_wait(w->executor, task->group) || !woken(task))
			return after;
	}
}

/* Returns the time of its end. */
static uint64_t step(worker *w, bh_task *task, uint64_t now)
{
	bh_group *group = task->group;
	bh_step how;
	bool spent;
	atomic_store_explicit(&w->since, now, memory_order_relaxed);
	atomic_store_explicit(&w->serving, group, memory_order_relaxed);
	uint64_t after = step_on(w, task, &how, &spent);
	charge(group, after - now);
	if (how == BH_STEP_OVER) {
		atomic_store(&task->state, OVER);
		forget_timer(task);
		task->kind->over(task);
		bh_task_release(task);
		return after;
	}
	set_timer(w, task);
	uint32_t state = RUNNING;
	if (!atomic_compare_exchange_strong(&task->state, &state, IDLE)) {
		(void)atomic_exchange(&task->state, QUEUED);
		enqueue(task, !spent);
	}
	return after;
}

/* In the list of the idle or not. With the lock held. */
static void set_idle(worker *w, bool idle)
{
	worker **link = &w->executor->idle;
	if (w->idle == idle)
		return;
	w->idle = idle;
	if (idle) {
		w->next_idle = *link;
		*link = w;
		return;
	}
	while (*link != w)
		link = &(*link)->next_idle;
	*link = w->next_idle;
}

/*
 * One of those who sleep gets up by itself when something is due: of anybody's, as the worker that set a timer may be at a
 * step that takes long by then. With the lock held, like all that follows about the watch.
 */
static uint64_t next_moment(const bh_executor *executor)
{
	uint64_t until = BH_NEVER;
	for (uint32_t i = 0; i < atomic_load_explicit(&executor->started, memory_order_relaxed); i++) {
		uint64_t at = bh_timers_next(&executor->workers[i].timers);
		until = at < until ? at : until;
	}
	return until;
}

/* It goes to sleep: until when. */
static uint64_t take_watch(const worker *w)
{
	bh_executor *executor = w->executor;
	uint64_t until = next_moment(executor);
	if (executor->watcher && executor->watcher != w && executor->watched <= until)
		return BH_NEVER;
	executor->watcher = until != BH_NEVER ? w : NULL;
	executor->watched = until;
	return until;
}

/* It goes to work. Returns who is to look at the timers instead, if that changes anything; NULL: nobody, or nobody is free. */
static const worker *pass_watch(const worker *w)
{
	bh_executor *executor = w->executor;
	bool had_it = executor->watcher == w;
	uint64_t watched = executor->watcher && !had_it ? executor->watched : BH_NEVER;
	if (had_it)
		executor->watcher = NULL;
	if (!had_it && bh_timers_next(&w->timers) >= watched)
		return NULL;
	/* Not the first, who is woken for the next task. */
	const worker *last = NULL;
	for (const worker *i = executor->idle; i; i = i->next_idle)
		last = i;
	return last;
}

/* NULL: none is ready, sleep until the moment. */
static bh_task *next_task(worker *w, bool *stop, uint64_t *until)
{
	bh_executor *executor = w->executor;
	const worker *watches = NULL;
	pthread_mutex_lock(&executor->lock);
	bh_task *task = bh_ready_pop(&executor->ready);
	*stop = !task && executor->stop;
	set_idle(w, !task && !*stop);
	if (task)
		watches = pass_watch(w);
	else
		*until = take_watch(w);
	pthread_mutex_unlock(&executor->lock);
	if (watches)
		bh_parker_wake(watches->parker);
	return task;
}

/* Nothing is ready. Those who find us in the list of the idle wake us. */
static void rest(worker *w, uint64_t until)
{
	bh_executor *executor = w->executor;
	atomic_store_explicit(&w->serving, NULL, memory_order_relaxed);
	bh_parker_wait(w->parker, until);
	/* Whoever wakes us after this has put a task where we are about to look. */
	bh_parker_clear(w->parker);
	uint64_t now = bh_now();
	for (uint32_t i = 0; i < executor->count; i++)
		if (bh_timers_next(&executor->workers[i].timers) <= now)
			fire(&executor->workers[i], now);
}

static void free_executor(bh_executor *executor)
{
	for (uint32_t i = 0; i < executor->count; i++) {
		worker *w = &executor->workers[i];
		bh_timers_deinit(&w->timers);
		bh_parker_release(w->parker);
	}
	pthread_mutex_destroy(&executor->lock);
	bh_free(executor);
}

static void *work(void *data)
{
	worker *w = data;
	bh_executor *executor = w->executor;
	this_worker = w;
	bh_thread_be_prompt(SLICE_NS);
	uint64_t now = bh_now(), until = BH_NEVER;
	for (bool stop = false; !stop;) {
		bh_task *task = next_task(w, &stop, &until);
		if (task) {
			/* Not after: what the step ends may be the last thing that kept the host. */
			executor->hooks.passing(executor->hooks.data, now);
			now = step(w, task, now);
			if (bh_timers_next(&w->timers) <= now)
				fire(w, now);
		} else if (!stop) {
			rest(w, until);
			now = bh_now();
		}
	}
	this_worker = NULL;
	if (executor->heir == w)
		free_executor(executor);
	return NULL;
}

static bool worker_init(bh_executor *executor, uint32_t index)
{
	worker *w = &executor->workers[index];
	w->executor = executor;
	w->number = index + 1;
	w->parker = bh_parker_new();
	bh_timers_init(&w->timers);
	return w->parker;
}

bh_status bh_executor_new(bh_executor **out, uint32_t workers, const bh_executor_hooks *hooks, bh_error **err)
{
	long processors = sysconf(_SC_NPROCESSORS_ONLN);
	uint32_t count = workers ? workers : processors > 0 ? (uint32_t)processors : 1;
	if (count > MAX_WORKERS)
		count = MAX_WORKERS;
	bh_executor *executor = bh_calloc(1, sizeof *executor + count * sizeof(worker));
	if (!executor)
		return bh_fail_memory(err);
	bh_lock_init(&executor->lock);
	executor->count = count;
	executor->hooks = *hooks;
	bool whole = true;
	for (uint32_t i = 0; i < count; i++)
		whole &= worker_init(executor, i);
	if (!whole) {
		free_executor(executor);
		return bh_fail_memory(err);
	}
	*out = executor;
	return BH_OK;
}

/* One is enough to go on; the rest is tried again with the next task. */
static bool start_workers(bh_executor *executor)
{
	pthread_mutex_lock(&executor->lock);
	for (worker *w; executor->started < executor->count; executor->started++) {
		w = &executor->workers[executor->started];
		if (bh_thread_start(&w->thread, 0, work, w))
			break;
	}
	bool any = executor->started;
	pthread_mutex_unlock(&executor->lock);
	return any;
}

bh_status bh_executor_start(bh_executor *executor, bh_task *task, bh_error **err)
{
	if (atomic_load_explicit(&executor->started, memory_order_acquire) < executor->count && !start_workers(executor))
		return bh_fail(err, BH_E_SYSTEM, "no thread could be started to run calls on");
	bh_task_retain(task);
	enqueue(task, false);
	return BH_OK;
}

void bh_executor_free(bh_executor *executor)
{
	if (!executor)
		return;
	pthread_mutex_lock(&executor->lock);
	executor->stop = true;
	executor->heir = this_worker && this_worker->executor == executor ? this_worker : NULL;
	for (worker *w; (w = take_idle(executor));)
		bh_parker_wake(w->parker);
	pthread_mutex_unlock(&executor->lock);
	for (uint32_t i = 0; i < executor->started; i++)
		if (&executor->workers[i] != executor->heir)
			pthread_join(executor->workers[i].thread, NULL);
	/* They are about to leave; one whose thread was put aside meanwhile is to get the processor. */
	while (atomic_load_explicit(&executor->visitors, memory_order_acquire))
		usleep(20);
	if (executor->heir)
		pthread_detach(pthread_self());
	else
		free_executor(executor);
}
