/* Calls of services: on an instance that is up, or on the next one that is. */
#include <string.h>

#include "host/run.h"
#include "supervise/internal.h"

/* Exports that were called are kept, so that they are looked up once. A name nobody knows is not. */
static bh_export *find_export(bh_child *child, const char *name, bh_error **err)
{
	bh_named_export *found = child->exports;
	while (found && strcmp(found->name, name) != 0)
		found = found->next;
	if (found)
		return found->export_;
	bh_export *export_ = NULL;
	if (bh_export_find(&export_, child->component, name, err))
		return NULL;
	found = bh_calloc(1, sizeof *found + strlen(name) + 1);
	if (!found) {
		bh_export_free(export_);
		(void)bh_fail_memory(err);
		return NULL;
	}
	memcpy(found->name, name, strlen(name) + 1);
	found->export_ = export_;
	found->next = child->exports;
	child->exports = found;
	return export_;
}

/* Waiting. */

static void join(bh_child *child, bh_waiter *waiter)
{
	*waiter = (bh_waiter){.waits = true, .previous = child->last_waiter};
	if (child->last_waiter)
		child->last_waiter->next = waiter;
	else
		child->first_waiter = waiter;
	child->last_waiter = waiter;
	child->waiting++;
}

static void leave_line(bh_child *child, bh_waiter *waiter)
{
	if (!waiter->waits)
		return;
	waiter->waits = false;
	if (waiter->previous)
		waiter->previous->next = waiter->next;
	else
		child->first_waiter = waiter->next;
	if (waiter->next)
		waiter->next->previous = waiter->previous;
	else
		child->last_waiter = waiter->previous;
	child->waiting--;
}

void bh_child_call_waiters(bh_child *child)
{
	for (bh_waiter *waiter; (waiter = child->first_waiter);) {
		leave_line(child, waiter);
		bh_event_set(&waiter->up);
	}
}

/* With the child's lock held. */
static bh_life *least_loaded(bh_child *child)
{
	bh_life *best = NULL;
	for (uint32_t i = 0; i < child->member_count; i++) {
		bh_life *life = child->members[i].life;
		if (life && life->open && !life->closing && (!best || life->in_flight < best->in_flight))
			best = life;
	}
	if (best)
		best->in_flight++;
	return best ? bh_life_ref(best) : NULL;
}

/* Whether one of them will come up by itself. */
static bool has_hope(bh_child *child)
{
	bool hope = false;
	bh_tree_enter(child->tree);
	for (uint32_t i = 0; i < child->member_count && !hope; i++) {
		const bh_node *node = &child->members[i].node;
		const bh_node *sup = child->members[i].in_tree ? node->parent : NULL;
		hope = sup && node->wanted && node->state != BH_CHILD_ENDED && node->state != BH_CHILD_FAILED;
		for (; sup && hope; sup = sup->parent)
			hope = sup->state == BH_CHILD_RUNNING || sup->state == BH_CHILD_STARTING ||
			       (sup->parent && sup->wanted && sup->state != BH_CHILD_ENDED && sup->state != BH_CHILD_FAILED);
	}
	bh_tree_leave(child->tree);
	return hope;
}

typedef struct {
	bh_child *child;
	bh_export *export_;
	uint64_t busy_at, deadline_at;
	const bh_call_options *options;
} request;

static bh_status is_down(const request *r, bh_error **err)
{
	bh_error *e = bh_error_begin(err, BH_E_DOWN, "%s is not running", r->child->name);
	bh_error_hint_set(e, "Start it, or look at why it ended: its last event says so.");
	return BH_E_DOWN;
}

/* The caller's token cannot wake the thread: it is looked at. */
enum { LOOK_MS = 5 };

static bh_status wait_up(const request *r, bh_waiter *waiter, bh_error **err)
{
	for (;;) {
		uint64_t now = bh_now(), end = r->deadline_at < r->busy_at ? r->deadline_at : r->busy_at;
		bh_cancel *cancel = r->options ? r->options->cancel : NULL;
		if (cancel && bh_cancel_fired(cancel))
			return bh_fail(err, BH_E_CANCELLED, "cancelled");
		if (now >= r->deadline_at)
			return bh_fail(err, BH_E_DEADLINE, "the caller's deadline passed while %s was not up", r->child->name);
		if (now >= r->busy_at)
			return bh_fail(err, BH_E_BUSY, "%s did not come up in time (max_queue_time_ms)", r->child->name);
		uint64_t look = cancel ? bh_after_ms(now, LOOK_MS) : end;
		if (bh_event_wait(&waiter->up, look < end ? look : end))
			return BH_OK;
	}
}

/* An instance that is up; waits for one. */
static bh_status enter(bh_life **out, const request *r, bh_error **err)
{
	bh_child *child = r->child;
	for (;;) {
		bh_waiter waiter;
		pthread_mutex_lock(&child->lock);
		*out = least_loaded(child);
		bool full = !*out && child->waiting >= child->mailbox;
		if (!*out && !full)
			join(child, &waiter);
		pthread_mutex_unlock(&child->lock);
		if (*out)
			return BH_OK;
		if (full)
			return bh_fail(err, BH_E_BUSY, "%u calls wait for %s already", child->mailbox, child->name);
		bh_status status = BH_OK;
		if (!has_hope(child))
			status = is_down(r, err);
		else if (bh_executor_is_worker())
			status = bh_fail(err, BH_E_BUSY, "%s is not up, and a callback of the library cannot wait", child->name);
		else
			status = wait_up(r, &waiter, err);
		pthread_mutex_lock(&child->lock);
		leave_line(child, &waiter);
		pthread_mutex_unlock(&child->lock);
		if (status)
			return status;
	}
}

/* What is left of the caller's time. */
static bh_call_options remaining(const request *r)
{
	bh_call_options options = BH_CALL_OPTIONS_INIT;
	size_t known = r->options && r->options->struct_size ? r->options->struct_size : sizeof options;
	if (r->options)
		memcpy(&options, r->options, known < sizeof options ? known : sizeof options);
	if (r->deadline_at != BH_NEVER) {
		uint64_t now = bh_now();
		options.deadline_ms = now < r->deadline_at ? (r->deadline_at - now) / 1000000 + 1 : 1;
	}
	return options;
}

/* False: it was not begun, as another call ended the instance, and goes to the next one. */
static bool try_once(bh_status *status, const request *r, const bh_value *args, size_t count, bh_value *result,
                     bh_usage *usage, bh_error **err)
{
	BH_AUTO(bh_error_free) bh_error *why = NULL;
	bh_usage used = BH_USAGE_INIT;
	bh_life *life;
	*status = enter(&life, r, err);
	if (*status)
		return true;
	bh_call_options options = remaining(r);
	*status = bh_instance_call(life->instance, r->export_, args, count, result, &options, &used, &why);
	bh_life_leave(life, *status, why, &used);
	bh_life_unref(life);
	if (*status == BH_E_POISONED && r->child->on_restart == BH_REQUEUE)
		return false;
	if (usage)
		bh_usage_copy(usage, &used);
	if (err && *status)
		*err = BH_TAKE(why);
	return true;
}

bh_status bh_child_call(bh_child *child, const char *name, const bh_value *args, size_t arg_count, bh_value *result,
                        const bh_call_options *options, bh_usage *usage, bh_error **err)
{
	if (!child || child->kind != BH_CHILD_SERVICE)
		return bh_fail(err, BH_E_INVALID, "bh_child_call: not a service");
	if (child->broken)
		return bh_fail(err, BH_E_DOWN, "%s cannot run: %s", child->name, bh_error_message(child->broken));
	uint64_t now = bh_now(), queue = bh_component_limits(child->component)->queue_ms;
	request r = {
		.child = child,
		.busy_at = queue == BH_UNLIMITED ? BH_NEVER : bh_after_ms(now, queue),
		.deadline_at = options && options->deadline_ms ? bh_after_ms(now, options->deadline_ms) : BH_NEVER,
		.options = options,
	};
	pthread_mutex_lock(&child->lock);
	r.export_ = find_export(child, name, err);
	pthread_mutex_unlock(&child->lock);
	if (!r.export_)
		return err && *err ? bh_error_status(*err) : BH_E_NO_EXPORT;
	bh_status status;
	while (!try_once(&status, &r, args, arg_count, result, usage, err)) {}
	return status;
}
