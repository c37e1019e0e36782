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
	PATIENCE_NS = 100000 /* how long a step of another group's may take before who comes asks for the next tick */
};

/* A task's states. A wake while it runs is kept for the end of the step. */
enum { IDLE, QUEUED, RUNNING, WOKEN, OVER };

typedef struct worker {
	bh_executor *executor;
	uint32_t number; /* from 1 */
	pthread_t thread;
	bh_parker *parker; /* where it sleeps */
	_Atomic bool asleep;
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
	void (*tick)(void *data);
	void *data;
	_Atomic uint64_t ticked; /* when it was called last */
	bool stop;
	const worker *heir; /* it was freed by this worker of its own, which frees the rest when it ends */
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
		executor->tick(executor->data);
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
	pthread_mutex_unlock(&executor->lock);
	if (w)
		bh_parker_wake(w->parker);
	else if (!alone)
		press(executor, group);
}

void bh_task_wake(bh_task *task)
{
	uint32_t state = atomic_load(&task->state);
	for (;;) {
		if (state == QUEUED || state == WOKEN || state == OVER)
			return;
		uint32_t next = state == IDLE ? QUEUED : WOKEN;
		if (!atomic_compare_exchange_weak(&task->state, &state, next))
			continue;
		if (next == QUEUED)
			enqueue(task, true);
		return;
	}
}

void bh_task_retain(bh_task *task)
{
	atomic_fetch_add_explicit(&task->references, 1, memory_order_relaxed);
}

void bh_task_release(bh_task *task)
{
	if (atomic_fetch_sub_explicit(&task->references, 1, memory_order_acq_rel) == 1)
		task->kind->free(task);
}

static void waker_retain(const bh_waker *waker)
{
	bh_task_retain((bh_task *)waker);
}

static void waker_release(const bh_waker *waker)
{
	bh_task_release((bh_task *)waker);
}

static void waker_wake(const bh_waker *waker)
{
	bh_task_wake((bh_task *)waker);
}

void bh_task_init(bh_task *task, bh_executor *executor, bh_group *group, const bh_task_kind *kind)
{
	*task = (bh_task){
		.waker = {waker_retain, waker_release, waker_wake},
		.executor = executor,
		.group = group,
		.kind = kind,
		.look_at = BH_NEVER,
	};
	atomic_init(&task->references, 1);
	/* Who wakes it before it is started does not start it: it may be in somebody's line already, or be cancelled. */
	atomic_init(&task->state, QUEUED);
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
	atomic_store(&task->state, RUNNING);
	for (;;) {
		task->look_at = BH_NEVER;
		*how = task->kind->step(task);
		after = bh_now();
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
		atomic_store(&task->state, QUEUED);
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

static bh_task *next_task(worker *w, bool *stop)
{
	bh_executor *executor = w->executor;
	pthread_mutex_lock(&executor->lock);
	bh_task *task = bh_ready_pop(&executor->ready);
	*stop = !task && executor->stop;
	set_idle(w, !task && !*stop);
	pthread_mutex_unlock(&executor->lock);
	return task;
}

/* The next moment at which something is due: of mine, or of one who is busy with a long step. */
static uint64_t next_moment(const worker *w)
{
	const bh_executor *executor = w->executor;
	uint64_t until = bh_timers_next(&w->timers);
	for (uint32_t i = 0; i < executor->count; i++) {
		const worker *other = &executor->workers[i];
		uint64_t at = other != w && !atomic_load(&other->asleep) ? bh_timers_next(&other->timers) : BH_NEVER;
		until = at < until ? at : until;
	}
	return until;
}

/* Nothing is ready. Those who find us in the list of the idle wake us. */
static void rest(worker *w)
{
	bh_executor *executor = w->executor;
	atomic_store_explicit(&w->serving, NULL, memory_order_relaxed);
	atomic_store(&w->asleep, true);
	bh_parker_wait(w->parker, next_moment(w));
	/* Whoever wakes us after this has put a task where we are about to look. */
	bh_parker_clear(w->parker);
	atomic_store(&w->asleep, false);
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
	uint64_t now = bh_now();
	for (bool stop = false; !stop;) {
		bh_task *task = next_task(w, &stop);
		if (task) {
			now = step(w, task, now);
			if (bh_timers_next(&w->timers) <= now)
				fire(w, now);
		} else if (!stop) {
			rest(w);
			now = bh_now();
		}
	}
	this_worker = NULL;
	if (executor->heir == w)
		free_executor(executor);
	return NULL;
}

static void worker_clear(bh_executor *executor, uint32_t index)
{
	worker *w = &executor->workers[index];
	w->executor = executor;
	w->number = index + 1;
	bh_timers_init(&w->timers);
}

bh_status bh_executor_new(bh_executor **out, uint32_t workers, void (*tick)(void *data), void *data, bh_error **err)
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
	executor->tick = tick;
	executor->data = data;
	for (uint32_t i = 0; i < count; i++)
		worker_clear(executor, i);
	*out = executor;
	return BH_OK;
}

static bool start_worker(worker *w)
{
	if (!w->parker)
		w->parker = bh_parker_new();
	return w->parker && !bh_thread_start(&w->thread, 0, work, w);
}

/* One is enough to go on; the rest is tried again with the next task. */
static bool start_workers(bh_executor *executor)
{
	pthread_mutex_lock(&executor->lock);
	while (executor->started < executor->count) {
		if (!start_worker(&executor->workers[executor->started]))
			break;
		executor->started++;
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
	if (executor->heir)
		pthread_detach(pthread_self());
	else
		free_executor(executor);
}
