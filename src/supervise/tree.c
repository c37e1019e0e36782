/* A tree: its lock, what is to be done, its clock. */
#include <errno.h>

#include "base/thread.h"
#include "supervise/brood.h"

/* What the plan asks for is noted, and done by whoever gives the lock back. */

static void note_todo(bh_supervisor *tree, bh_member *member, unsigned todo)
{
	bool noted = member->todo;
	member->todo = todo;
	if (noted)
		return;
	bh_child_ref(member->child);
	member->next_todo = NULL;
	if (tree->last_todo)
		tree->last_todo->next_todo = member;
	else
		tree->first_todo = member;
	tree->last_todo = member;
}

void bh_tree_note(bh_member *member, unsigned duty)
{
	note_todo(member->child->tree, member, member->todo | duty);
}

void bh_member_note(bh_member *member, unsigned duty)
{
	bh_supervisor *tree = member->child->tree;
	bh_tree_enter(tree);
	bh_tree_note(member, duty);
	bh_tree_leave(tree);
}

/* What was to be done about its life before this one is of no interest any more. */
static void start(void *data, bh_node *node)
{
	bh_member *member = bh_member_of(node);
	note_todo(data, member, (member->todo & BH_DO_UPGRADE) | BH_DO_START);
}

static void stop(void *data, bh_node *node)
{
	bh_member *member = bh_member_of(node);
	note_todo(data, member, member->todo | BH_DO_STOP);
}

static void kill(void *data, bh_node *node)
{
	bh_member *member = bh_member_of(node);
	note_todo(data, member, member->todo | BH_DO_KILL);
}

void bh_member_wake_waiters(bh_node *node)
{
	bh_child *child = bh_member_of(node)->child;
	if (child->kind == BH_CHILD_SERVICE) {
		pthread_mutex_lock(&child->lock);
		bh_child_call_waiters(child);
		pthread_mutex_unlock(&child->lock);
	}
	for (bh_node *below = node->first; below; below = below->next)
		bh_member_wake_waiters(below);
}

static void tell(void *data, const bh_note *note)
{
	bh_supervisor *tree = data;
	bh_member *member = bh_member_of(note->node);
	if (note->kind == BH_EVENT_EXITED) {
		member->last_exit = note->exit;
		member->last_status = member->cause ? bh_error_status(member->cause) : BH_OK;
		member->last_trap = member->cause ? bh_error_trap(member->cause) : BH_TRAP_NONE;
		member->exited_at = bh_now();
		bh_member_wake_waiters(note->node); /* there may be nothing left to wait for */
		if (member->child->upgrade)
			bh_tree_note(&member->child->members[0], BH_DO_UPGRADE);
	}
	bh_tree_tell(tree, note);
}

static void gone(void *data, bh_node *node)
{
	bh_supervisor *tree = data;
	bh_member *member = bh_member_of(node);
	member->in_tree = false;
	member->next_gone = tree->gone;
	tree->gone = member;
	if (member->child->brood)
		bh_tree_note(member, BH_DO_CHECK);
	bh_spawner_forget(BH_TAKE(member->child->spawner)); /* whoever sees that it is gone may have another */
	bh_member_wake_waiters(node);
	if (member->child->upgrade)
		bh_tree_note(&member->child->members[0], BH_DO_UPGRADE);
}

static uint64_t turn(void *data, bh_node *node, bool next)
{
	(void)data;
	bh_child *child = bh_member_of(node)->child;
	return bh_cron_wait_ms(&child->cron, &child->turn, bh_time_of_day_ms(), next);
}

static const bh_plan_ops ops_of_all = {
	.start = start, .stop = stop, .kill = kill, .turn = turn, .tell = tell, .gone = gone};

static void do_one(bh_member *member, unsigned todo)
{
	if (todo & BH_DO_START)
		bh_member_start(member);
	if (todo & BH_DO_STOP)
		bh_member_stop(member);
	if (todo & BH_DO_KILL)
		bh_member_kill(member);
	if (todo & BH_DO_CHECK)
		bh_member_check(member);
	if (todo & BH_DO_SAVE)
		bh_member_save(member);
	if (todo & BH_DO_UPGRADE)
		bh_upgrade_step(member->child);
}

/* A member to give a reference up to: of what is to be done, or of what is gone. */
static bh_member *next_to_do(bh_supervisor *tree, unsigned *todo)
{
	bh_member *member = tree->first_todo;
	*todo = 0;
	if (member) {
		tree->first_todo = member->next_todo;
		if (!tree->first_todo)
			tree->last_todo = NULL;
		*todo = member->todo;
		member->todo = 0;
		return member;
	}
	member = tree->gone;
	if (member)
		tree->gone = member->next_gone;
	return member;
}

static uint64_t next_moment(const bh_supervisor *tree)
{
	const bh_heap_item *first = bh_heap_first(&tree->moments);
	uint64_t next = bh_plan_next(&tree->plan);
	return first && first->at < next ? first->at : next;
}

void bh_tree_leave(bh_supervisor *tree)
{
	unsigned todo;
	/* One who does something may cause more of it, here or on another thread: it is left to the one who is at it. */
	if (!tree->busy) {
		tree->busy = true;
		for (bh_member *member; (member = next_to_do(tree, &todo));) {
			pthread_mutex_unlock(&tree->lock);
			do_one(member, todo);
			bh_child_unref(member->child);
			pthread_mutex_lock(&tree->lock);
		}
		tree->busy = false;
	}
	uint64_t next = next_moment(tree);
	if (next < tree->armed_at) {
		tree->armed_at = next;
		pthread_cond_signal(&tree->rearmed);
	}
	pthread_mutex_unlock(&tree->lock);
}

/* The clock. */

/* False: the moment came first. */
static bool wait_on(pthread_cond_t *condition, bh_supervisor *tree, uint64_t until)
{
	const struct timespec moment = {
		.tv_sec = (time_t)(until / UINT64_C(1000000000)),
		.tv_nsec = (long)(until % UINT64_C(1000000000)),
	};
	if (until == BH_NEVER)
		return pthread_cond_wait(condition, &tree->lock) == 0;
	return pthread_cond_timedwait(condition, &tree->lock, &moment) != ETIMEDOUT;
}

bool bh_tree_wait(bh_supervisor *tree, uint64_t until)
{
	return wait_on(&tree->changed, tree, until);
}

static void sleep_until(bh_supervisor *tree, uint64_t at)
{
	tree->armed_at = at;
	wait_on(&tree->rearmed, tree, at);
	tree->armed_at = 0;
}

void bh_moment_clear(bh_moment *moment)
{
	bh_heap_remove(&moment->member->child->tree->moments, &moment->item);
}

void bh_moment_set(bh_moment *moment, uint64_t ms)
{
	bh_moment_clear(moment);
	(void)!bh_heap_add(&moment->member->child->tree->moments, &moment->item, bh_after_ms(bh_now(), ms));
}

static void moments_due(bh_supervisor *tree, uint64_t now)
{
	for (bh_heap_item *item; (item = bh_heap_first(&tree->moments)) && item->at <= now;) {
		const bh_moment *moment = (bh_moment *)item;
		bh_heap_remove(&tree->moments, item);
		bh_tree_note(moment->member, moment->duty);
	}
}

static void *keep_time(void *data)
{
	bh_supervisor *tree = data;
	bh_tree_enter(tree);
	while (!tree->closed) {
		uint64_t now = bh_now(), next = next_moment(tree);
		if (next > now) {
			sleep_until(tree, next);
			continue;
		}
		bh_plan_due(&tree->plan, now);
		moments_due(tree, now);
		bh_tree_leave(tree);
		bh_tree_enter(tree);
	}
	pthread_mutex_unlock(&tree->lock);
	return NULL;
}

/* Making and unmaking. */

static void init_condition(pthread_cond_t *condition)
{
	pthread_condattr_t attributes;
	pthread_condattr_init(&attributes);
	pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
	pthread_cond_init(condition, &attributes);
	pthread_condattr_destroy(&attributes);
}

bh_status bh_tree_new(bh_supervisor **out, bh_error **err)
{
	bh_supervisor *tree = bh_calloc(1, sizeof *tree);
	if (!tree)
		return bh_fail_memory(err);
	atomic_init(&tree->references, 1);
	pthread_mutex_init(&tree->lock, NULL);
	init_condition(&tree->changed);
	init_condition(&tree->rearmed);
	tree->ops = ops_of_all;
	tree->ops.data = tree;
	tree->next_sequence = 1;
	bh_plan_init(&tree->plan, &tree->ops, bh_now());
	int failed = bh_thread_start(&tree->clock, 0, keep_time, tree);
	if (failed) {
		tree->closed = true;
		bh_tree_unref(tree);
		return bh_fail_errno(err, BH_E_SYSTEM, failed, "the thread that keeps a supervisor's time");
	}
	*out = tree;
	return BH_OK;
}

bh_supervisor *bh_tree_ref(bh_supervisor *tree)
{
	atomic_fetch_add_explicit(&tree->references, 1, memory_order_relaxed);
	return tree;
}

void bh_tree_unref(bh_supervisor *tree)
{
	if (!tree || atomic_fetch_sub_explicit(&tree->references, 1, memory_order_acq_rel) != 1)
		return;
	for (size_t i = 0; i < BH_EVENTS_KEPT; i++)
		bh_supervisor_event_deinit(&tree->events[i]);
	bh_heap_deinit(&tree->moments);
	bh_plan_deinit(&tree->plan);
	pthread_cond_destroy(&tree->rearmed);
	pthread_cond_destroy(&tree->changed);
	pthread_mutex_destroy(&tree->lock);
	bh_free(tree);
}

void bh_tree_close(bh_supervisor *tree)
{
	bh_tree_enter(tree);
	tree->closed = true;
	pthread_cond_signal(&tree->rearmed);
	pthread_cond_broadcast(&tree->changed);
	bh_tree_leave(tree);
	pthread_join(tree->clock, NULL);
}
