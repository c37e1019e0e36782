/*
 * Calls of services: on an instance that is up, or on the next one that is. A call is a run as any other; what is said here
 * is where its instance comes from (bh_supplier).
 */
#include <string.h>

#include "host/async.h"
#include "host/export.h"
#include "host/quick.h"
#include "supervise/internal.h"

BH_DEFINE_AUTO(bh_export *, bh_export_free)

/* Waiting. */

void bh_child_call_waiters(bh_child *child)
{
	bh_line_call_all(&child->line);
}

void bh_child_call_next(bh_child *child)
{
	bh_line_call(&child->line);
}

/* With the child's lock held. NULL: none is up. */
static bh_life *least_loaded(const bh_child *child)
{
	bh_life *best = NULL;
	if (child->paused)
		return NULL;
	for (uint32_t i = 0; i < child->member_count; i++) {
		bh_life *life = child->members[i].life;
		bool can = life && life->open && !life->closing && !life->dead && life->revision == child->revision;
		if (can && (!best || life->in_flight < best->in_flight))
			best = life;
	}
	return best;
}

/* Whether as many wait as may: behind the call that it is in the middle of, or for one to come up. */
static bool is_full(const bh_child *child, const bh_life *life)
{
	return life ? life->in_flight > child->mailbox : (uint64_t)child->line.length + child->returning >= child->mailbox;
}

static bh_life *take(bh_life *life)
{
	life->in_flight++;
	return bh_life_ref(life);
}

bool bh_child_hopes(const bh_child *child)
{
	bool hope = false;
	for (uint32_t i = 0; i < child->member_count && !hope; i++) {
		const bh_node *node = &child->members[i].node;
		const bh_node *sup = child->members[i].in_tree ? node->parent : NULL;
		hope = sup && node->wanted && node->state != BH_CHILD_ENDED && node->state != BH_CHILD_FAILED;
		for (; sup && hope; sup = sup->parent)
			hope = sup->state == BH_CHILD_RUNNING || sup->state == BH_CHILD_STARTING ||
			       (sup->parent && sup->wanted && sup->state != BH_CHILD_ENDED && sup->state != BH_CHILD_FAILED);
	}
	return hope;
}

/* It causes nothing that is to be done. */
bool bh_child_has_hope(bh_child *child)
{
	bh_tree_enter(child->tree);
	bool hope = bh_child_hopes(child);
	pthread_mutex_unlock(&child->tree->lock);
	return hope;
}

static bh_status is_down(const bh_child *child, bh_error **err)
{
	bh_error *e = bh_error_begin(err, BH_E_DOWN, "%s is not running", child->name);
	bh_error_hint_set(e, "Start it, or look at why it ended: its last event says so.");
	return BH_E_DOWN;
}

/* The supplier. */

/* It got no instance, and is over. With the child's lock held. */
static void count_refused(bh_child *child, const bh_run *run)
{
	const bh_usage usage = {.wall_ns = run->started ? bh_now() - run->started : 0};
	bh_child_count_locked(child, true, &usage);
}

static void quit(bh_run *run)
{
	bh_child *child = run->service;
	pthread_mutex_lock(&child->lock);
	bh_line_leave(&child->line, &run->turn);
	bh_line_call(&child->line); /* it may have been called in its stead */
	count_refused(child, run);
	pthread_mutex_unlock(&child->lock);
}

/* It is in the line by now, so that nothing is missed that happens meanwhile. */
static bh_status may_wait(bh_run *run)
{
	bh_child *child = run->service;
	if (!bh_child_has_hope(child))
		return is_down(child, &run->why);
	if (run->own_stack && bh_executor_is_worker())
		return bh_fail(&run->why, BH_E_BUSY, "%s is not up, and a callback of the library cannot wait", child->name);
	return BH_OK;
}

/* What it is given is of another revision than it was meant for: the same by name. */
static bool is_revised(bh_run *run, bh_status *status)
{
	bh_child *child = run->service;
	bh_revision *revision = ((bh_life *)run->supplied)->revision;
	pthread_mutex_lock(&child->lock);
	bh_export *export_ = bh_revision_find(revision, run->name, &run->why);
	pthread_mutex_unlock(&child->lock);
	if (!export_) {
		*status = run->why ? bh_error_status(run->why) : BH_E_NO_MEMORY;
		return false;
	}
	run->component = revision->component;
	run->function = export_->function;
	run->stats = bh_export_stats(run->component, export_);
	return true;
}

/* A thread that cannot wait goes before those that do. */
static bool may_go_first(const bh_child *child, const bh_run *run)
{
	return (bh_line_first(&child->line, &run->turn) && !child->returning) ||
	       (run->own_stack && bh_executor_is_worker());
}

/* Out of the line of the service into that of the instance, in one move, so that calls stay in their order. */
static bh_status pass_on(bh_child *child, bh_life *life, bh_run *run)
{
	bh_line_leave(&child->line, &run->turn);
	bh_line_call(&child->line);
	run->supplied = life;
	run->instance = life->instance;
	return bh_instance_reserve(life->instance, run, run->turn.waker, &run->why);
}

static bool enter(bh_run *run, bh_status *status)
{
	bh_child *child = run->service;
	pthread_mutex_lock(&child->lock);
	if (!run->turn.number)
		run->turn.number = ++child->numbers;
	bool last = run->returning && !--child->returning;
	run->returning = false;
	bh_life *life = may_go_first(child, run) ? least_loaded(child) : NULL;
	/* One that has waited had its place, and keeps it over a crash. */
	bool full = !run->turn.waits && !run->asked_again && is_full(child, life);
	if (full)
		count_refused(child, run);
	else if (life)
		*status = pass_on(child, take(life), run);
	else
		bh_line_join_numbered(&child->line, &run->turn);
	if (last)
		bh_line_call(&child->line); /* the first of those that are back */
	pthread_mutex_unlock(&child->lock);
	if (life && !full)
		return !*status && (life->revision->component == run->component || is_revised(run, status));
	*status = full ? bh_fail(&run->why, BH_E_BUSY, "%u calls wait for %s already", child->mailbox, child->name)
	               : may_wait(run);
	if (*status && !full)
		quit(run);
	return false;
}

static void let_go(bh_run *run)
{
	bh_life_unref(run->supplied);
	run->supplied = NULL;
}

/* It had no turn, and is not to have one. */
static void stay_away(bh_run *run)
{
	bh_child *child = run->service;
	const bh_life *life = run->supplied;
	pthread_mutex_lock(&child->lock);
	if (bh_instance_unreserve(life->instance, run) && life->dead && !--child->returning)
		bh_line_call(&child->line);
	pthread_mutex_unlock(&child->lock);
}

/* The one that found it dead may be long before the one that knows why: no more calls go there. */
static bool again(bh_run *run)
{
	bh_child *child = run->service;
	bh_life *life = run->supplied;
	pthread_mutex_lock(&child->lock);
	bh_life_look_dead(life);
	bool asks = child->on_restart == BH_REQUEUE;
	run->returning = asks && bh_instance_unreserve(life->instance, run); /* until it is in the line: enter() */
	pthread_mutex_unlock(&child->lock);
	if (!asks)
		return false;
	bh_life_leave(life, run->status, run->why, &run->usage);
	let_go(run);
	return true;
}

static void leave(bh_run *run)
{
	if (run->reserved)
		stay_away(run);
	bh_life_leave_counted(run->supplied, run->status, run->why, &run->usage);
}

static void release(void *service)
{
	bh_child_unref(service);
}

static const bh_supplier supplier = {enter, quit, again, leave, let_go, release};

/* Calling. */

/* What is called, with a reference; with `life`, an instance as well if one is up, and whether the call is to be measured. */
static bh_status look_up(bh_export **out, bh_life **life, bool *measured, bh_child *child, const char *name,
                         bh_error **err)
{
	BH_AUTO(bh_error_free) bh_error *why = NULL;
	pthread_mutex_lock(&child->lock);
	const bh_error *broken = child->revision->broken;
	if (broken)
		(void)bh_fail(&why, BH_E_DOWN, "%s cannot run: %s", child->name, bh_error_message(broken));
	bh_export *found = broken ? NULL : bh_revision_find(child->revision, name, &why);
	bh_life *up = found && life && !child->line.first && !child->returning ? least_loaded(child) : NULL;
	if (up && !is_full(child, up)) {
		*life = take(up);
		*measured = bh_child_samples(child);
	}
	if (found)
		*out = bh_export_ref(found);
	pthread_mutex_unlock(&child->lock);
	if (found)
		return BH_OK;
	bh_status status = why ? bh_error_status(why) : BH_E_NO_MEMORY;
	if (err)
		*err = BH_TAKE(why);
	return status ? status : BH_E_NO_MEMORY;
}

/* Most calls find their instance idle, and want nothing but their result. */
static bool call_quickly(bh_life *life, bh_export *export_, const bh_value *args, size_t count, bh_value *result,
                         bh_status *status, bh_error **err)
{
	BH_AUTO(bh_error_free) bh_error *why = NULL;
	if (!bh_quick_call(life->instance, export_, args, count, result, status, &why))
		return false;
	bh_life_leave_counted(life, *status, why, NULL);
	bh_life_unref(life);
	if (err && *status)
		*err = BH_TAKE(why);
	return true;
}

bh_status bh_child_call(bh_child *child, const char *name, const bh_value *args, size_t arg_count, bh_value *result,
                        const bh_call_options *options, bh_usage *usage, bh_error **err)
{
	if (!child || child->kind != BH_CHILD_SERVICE)
		return bh_fail(err, BH_E_INVALID, "bh_child_call: not a service");
	BH_AUTO(bh_export_free) bh_export *export_ = NULL;
	bh_life *life = NULL;
	bool measured = false;
	bh_status status = look_up(&export_, &life, &measured, child, name, err);
	if (status)
		return status;
	if (life && !measured && !options && !usage && call_quickly(life, export_, args, arg_count, result, &status, err))
		return status;
	bh_run run = {0};
	bh_run_init(&run, export_->component, options);
	run.supplier = &supplier;
	run.service = child;
	run.supplied = life;
	run.instance = life ? life->instance : NULL;
	run.name = name;
	run.function = export_->function;
	run.stats = bh_export_stats(export_->component, export_);
	run.args = args;
	run.arg_count = arg_count;
	/* A caller that may leave before the call ends must not leave arguments behind that are his. */
	if (options && (options->deadline_ms || options->cancel) && !options->kill)
		run.pass = BH_ARGS_COPIED;
	return bh_run_wait(&run, result, usage, err);
}

bh_status bh_child_call_start(bh_call **out, bh_child *child, const char *name, const bh_value *args, size_t arg_count,
                              const bh_call_options *options, bh_error **err)
{
	if (!child || child->kind != BH_CHILD_SERVICE)
		return bh_fail(err, BH_E_INVALID, "bh_child_call_start: not a service");
	BH_AUTO(bh_export_free) bh_export *export_ = NULL;
	bh_status status = look_up(&export_, NULL, NULL, child, name, err);
	if (status)
		return status;
	status = bh_call_start_supplied(out, &supplier, bh_child_ref(child), export_, name, args, arg_count, options, err);
	if (status)
		bh_child_unref(child);
	return status;
}
