/* Tasks by themselves: their references, and what the engine sees of them. */
#include "host/executor.h"

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
	task->waker = (bh_waker){waker_retain, waker_release, waker_wake};
	task->executor = executor;
	task->group = group;
	task->kind = kind;
	task->look_at = BH_NEVER;
	atomic_init(&task->references, 1);
}
