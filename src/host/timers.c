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
	bh_heap_deinit(&timers->heap);
	pthread_mutex_destroy(&timers->lock);
}

static void note_next(bh_timers *timers)
{
	const bh_heap_item *first = bh_heap_first(&timers->heap);
	atomic_store(&timers->next, first ? first->at : BH_NEVER);
}

static void take_out(bh_timers *timers, bh_task *task)
{
	bh_heap_remove(&timers->heap, &task->timer);
	atomic_store(&task->timer_worker, 0);
	note_next(timers);
}

void bh_timers_add(bh_timers *timers, bh_task *task, uint32_t number, uint64_t at)
{
	pthread_mutex_lock(&timers->lock);
	bool added = bh_heap_add(&timers->heap, &task->timer, at);
	if (added) {
		atomic_store(&task->timer_worker, number);
		note_next(timers);
	}
	pthread_mutex_unlock(&timers->lock);
	if (!added)
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
	bh_heap_item *first = bh_heap_first(&timers->heap);
	bh_task *task = first && first->at <= now ? (bh_task *)((char *)first - offsetof(bh_task, timer)) : NULL;
	if (task) {
		bh_task_retain(task);
		take_out(timers, task);
	}
	pthread_mutex_unlock(&timers->lock);
	return task;
}
