#include "host/timers.h"

#include "base/alloc.h"
#include "base/thread.h"

void bh_timers_init(bh_timers *timers)
{
	*timers = (bh_timers){0};
	bh_lock_init(&timers->lock);
	atomic_init(&timers->next, BH_NEVER);
}

void bh_timers_deinit(bh_timers *timers)
{
	bh_free(timers->heap);
	pthread_mutex_destroy(&timers->lock);
}

static void put(bh_timers *timers, size_t index, bh_task *task)
{
	timers->heap[index] = task;
	task->timer_index = (uint32_t)index;
}

static void rise(bh_timers *timers, size_t index, bh_task *task)
{
	while (index && timers->heap[(index - 1) / 2]->timer_at > task->timer_at) {
		put(timers, index, timers->heap[(index - 1) / 2]);
		index = (index - 1) / 2;
	}
	put(timers, index, task);
}

static void sink(bh_timers *timers, size_t index, bh_task *task)
{
	for (size_t child; (child = 2 * index + 1) < timers->count; index = child) {
		if (child + 1 < timers->count && timers->heap[child + 1]->timer_at < timers->heap[child]->timer_at)
			child++;
		if (timers->heap[child]->timer_at >= task->timer_at)
			break;
		put(timers, index, timers->heap[child]);
	}
	put(timers, index, task);
}

static void note_next(bh_timers *timers)
{
	atomic_store(&timers->next, timers->count ? timers->heap[0]->timer_at : BH_NEVER);
}

static void take_out(bh_timers *timers, bh_task *task)
{
	size_t index = task->timer_index;
	bh_task *last = timers->heap[--timers->count];
	if (last != task) {
		if (index && timers->heap[(index - 1) / 2]->timer_at > last->timer_at)
			rise(timers, index, last);
		else
			sink(timers, index, last);
	}
	atomic_store(&task->timer_worker, 0);
	note_next(timers);
}

void bh_timers_add(bh_timers *timers, bh_task *task, uint32_t number, uint64_t at)
{
	pthread_mutex_lock(&timers->lock);
	bh_task **grown = bh_grow(timers->heap, timers->count, &timers->capacity, sizeof *grown);
	if (grown) {
		timers->heap = grown;
		task->timer_at = at;
		atomic_store(&task->timer_worker, number);
		rise(timers, timers->count++, task);
		note_next(timers);
	}
	pthread_mutex_unlock(&timers->lock);
	if (!grown)
		bh_task_wake(task);
}

void bh_timers_remove(bh_timers *timers, bh_task *task)
{
	pthread_mutex_lock(&timers->lock);
	if (atomic_load(&task->timer_worker))
		take_out(timers, task);
	pthread_mutex_unlock(&timers->lock);
}

bh_task *bh_timers_due(bh_timers *timers, uint64_t now)
{
	pthread_mutex_lock(&timers->lock);
	bh_task *task = timers->count && timers->heap[0]->timer_at <= now ? timers->heap[0] : NULL;
	if (task) {
		bh_task_retain(task);
		take_out(timers, task);
	}
	pthread_mutex_unlock(&timers->lock);
	return task;
}
