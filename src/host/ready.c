#include "host/ready.h"

static bh_group *meld(bh_group *a, bh_group *b)
{
	if (!a || !b)
		return a ? a : b;
	bh_group *top = a->spent <= b->spent ? a : b, *under = top == a ? b : a;
	under->sibling = top->child;
	top->child = under;
	return top;
}

static bh_group *meld_pairs(bh_group *list)
{
	bh_group *pairs = NULL, *all = NULL;
	while (list) {
		bh_group *a = list, *b = a->sibling;
		list = b ? b->sibling : NULL;
		a->sibling = NULL;
		if (b)
			b->sibling = NULL;
		bh_group *pair = meld(a, b);
		pair->sibling = pairs;
		pairs = pair;
	}
	while (pairs) {
		bh_group *next = pairs->sibling;
		pairs->sibling = NULL;
		all = meld(all, pairs);
		pairs = next;
	}
	return all;
}

static void insert_group(bh_ready *ready, bh_group *group)
{
	group->child = group->sibling = NULL;
	ready->groups = meld(ready->groups, group);
	group->queued = true;
}

static bh_group *take_group(bh_ready *ready)
{
	bh_group *group = ready->groups;
	if (group) {
		ready->groups = meld_pairs(group->child);
		group->child = NULL;
		group->queued = false;
	}
	return group;
}

void bh_ready_leave(bh_ready *ready, bh_group *gone)
{
	if (!gone->queued)
		return;
	bh_group *kept = NULL;
	for (bh_group *group; (group = take_group(ready)) && group != gone;) {
		group->sibling = kept;
		kept = group;
	}
	for (bh_group *next; kept; kept = next) {
		next = kept->sibling;
		insert_group(ready, kept);
	}
}

/* What its tasks took since it was put there is only paid here. */
static bool pay(bh_group *group)
{
	uint64_t owed = atomic_exchange_explicit(&group->owed, 0, memory_order_relaxed);
	group->spent += owed;
	return owed;
}

static void list_add(bh_task_list *list, bh_task *task)
{
	task->list = list;
	task->next = NULL;
	task->previous = list->last;
	if (list->last)
		list->last->next = task;
	else
		list->first = task;
	list->last = task;
}

static bh_task *list_remove(bh_task *task)
{
	bh_task_list *list = task->list;
	if (task->previous)
		task->previous->next = task->next;
	else
		list->first = task->next;
	if (task->next)
		task->next->previous = task->previous;
	else
		list->last = task->previous;
	task->list = NULL;
	return task;
}

void bh_ready_push(bh_ready *ready, bh_task *task, bool resumed)
{
	bh_group *group = task->group;
	list_add(resumed ? &group->resumed : &group->tasks, task);
	ready->count++;
	if (group->queued)
		return;
	pay(group);
	/* Time that it did not use is not saved up. */
	if (group->spent < ready->spent)
		group->spent = ready->spent;
	insert_group(ready, group);
}

/* Its next task; NULL: they became urgent. */
static bh_task *next_of(bh_group *group)
{
	bool resumed = group->resumed.first && (!group->resumed_last || !group->tasks.first);
	return resumed ? group->resumed.first : group->tasks.first;
}

static bh_task *take_first(bh_ready *ready)
{
	if (ready->urgent.first)
		return list_remove(ready->urgent.first);
	for (bh_group *group; (group = take_group(ready));) {
		bh_task *task = next_of(group);
		if (!task)
			continue;
		if (pay(group)) {
			insert_group(ready, group);
			continue;
		}
		group->resumed_last = task->list == &group->resumed;
		list_remove(task);
		ready->spent = group->spent;
		if (group->tasks.first || group->resumed.first)
			insert_group(ready, group);
		return task;
	}
	return NULL;
}

bh_task *bh_ready_pop(bh_ready *ready)
{
	bh_task *task = take_first(ready);
	ready->count -= task ? 1 : 0;
	return task;
}

bool bh_ready_others(const bh_ready *ready, const bh_group *group)
{
	const bh_group *first = ready->groups;
	return ready->urgent.first || (first && (first != group || first->child));
}

/* Its moment has come, most likely that of its limit: it is not to wait behind others who compute. */
void bh_ready_hurry(bh_ready *ready, bh_task *task)
{
	if (task->list && task->list != &ready->urgent)
		list_add(&ready->urgent, list_remove(task));
}
