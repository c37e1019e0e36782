/* Lives: what is started, stopped and killed. */
#include "host/async.h"
#include "supervise/brood.h"

bh_life *bh_life_ref(bh_life *life)
{
	atomic_fetch_add_explicit(&life->references, 1, memory_order_relaxed);
	return life;
}

static void close_brood(const bh_life *life)
{
	bh_supervisor *tree = life->member->child->tree;
	bh_tree_enter(tree);
	bh_brood_close(life->brood);
	bh_tree_leave(tree);
}

void bh_life_unref(bh_life *life)
{
	if (!life || atomic_fetch_sub_explicit(&life->references, 1, memory_order_acq_rel) != 1)
		return;
	bh_child *child = life->member->child;
	bh_call_free(life->call);
	bh_instance_free(life->instance);
	bh_revision_unref(life->revision);
	if (atomic_load(&life->apart))
		close_brood(life); /* nobody may have said that it is over */
	bh_brood_unref(life->brood);
	bh_free(life);
	bh_child_unref(child);
}

void bh_life_look_dead(bh_life *life)
{
	if (life->dead || !life->instance || bh_instance_usable(life->instance))
		return;
	life->dead = true;
	life->member->child->returning += bh_instance_reserved(life->instance);
}

void bh_life_over(bh_life *life, bh_exit how, const bh_error *cause, const bh_usage *usage)
{
	if (atomic_exchange(&life->over, true))
		return;
	bh_member *member = life->member;
	bh_child *child = bh_child_ref(member->child);
	pthread_mutex_lock(&child->lock);
	bh_life_look_dead(life); /* before there is another */
	bool mine = member->life == life;
	if (mine)
		member->life = NULL;
	pthread_mutex_unlock(&child->lock);
	/* One that is apart ends without a word: its upgrade looks for itself. */
	if (!mine) {
		close_brood(life);
		bh_member_note(&child->members[0], BH_DO_UPGRADE);
		bh_child_unref(child);
		return;
	}
	bh_tree_enter(child->tree);
	bh_moment_clear(&member->check);
	bh_moment_clear(&member->save);
	bh_brood_close(life->brood);
	member->cause = bh_error_copy(cause);
	member->usage = usage ? *usage : (bh_usage)BH_USAGE_INIT;
	bh_plan_down(&child->tree->plan, &member->node, how, bh_now());
	bh_error_free(BH_TAKE(member->cause));
	bh_tree_leave(child->tree);
	bh_life_unref(life);
	bh_child_unref(child);
}

static void leave(bh_life *life, bh_status status, const bh_error *cause, const bh_usage *usage, bool counted)
{
	bh_child *child = life->member->child;
	pthread_mutex_lock(&child->lock);
	if (counted)
		bh_child_count_locked(child, status != BH_OK, usage);
	uint32_t left = --life->in_flight;
	bool last = life->closing && !left, awaited = child->paused && !left;
	pthread_mutex_unlock(&child->lock);
	/* One that only found it dead leaves it to the one that knows why, if that one is there still. */
	if (status && !bh_instance_usable(life->instance) && (status != BH_E_POISONED || !left))
		bh_life_over(life, BH_EXIT_CRASHED, cause, usage);
	else if (last)
		bh_life_drained(life);
	if (awaited)
		bh_member_note(&child->members[0], BH_DO_UPGRADE);
}

void bh_life_leave(bh_life *life, bh_status status, const bh_error *cause, const bh_usage *usage)
{
	leave(life, status, cause, usage, false);
}

void bh_life_leave_counted(bh_life *life, bh_status status, const bh_error *cause, const bh_usage *usage)
{
	leave(life, status, cause, usage, true);
}

/* Coming up. */

/* As long as it is not over, no other life of the member has begun, which the plan could take it for. */
static void came_up(const bh_life *life)
{
	bh_supervisor *tree = life->member->child->tree;
	bh_tree_enter(tree);
	if (bh_life_is_current(life)) {
		life->member->health = BH_HEALTH_UNKNOWN;
		bh_plan_up(&tree->plan, &life->member->node, bh_now());
	}
	bh_tree_leave(tree);
}

void bh_life_look(const bh_life *life)
{
	bh_child *child = life->member->child;
	bh_tree_enter(child->tree);
	if (bh_life_is_current(life) && life->revision->health)
		bh_moment_set(&life->member->check, child->health_ms);
	if (bh_life_is_current(life) && life->revision->snapshot && child->snapshot_ms)
		bh_moment_set(&life->member->save, child->snapshot_ms);
	bh_tree_leave(child->tree);
}

void bh_life_open(bh_life *life)
{
	bh_child *child = life->member->child;
	came_up(life); /* nothing happens where the upgrade said so */
	pthread_mutex_lock(&child->lock);
	life->open = true;
	bool idle = life->closing && !life->in_flight;
	if (!life->closing)
		bh_child_call_next(child);
	pthread_mutex_unlock(&child->lock);
	if (idle)
		bh_life_drained(life);
	else
		bh_life_look(life);
}

void bh_life_begin(bh_life *life)
{
	if (life->revision->ready)
		bh_life_check_in(life, 0);
	else
		bh_life_open(life);
}

/* Who may wait for it is seen to before a call comes to it, and what its supervisor asks has a place beside that. */
static void unbound_mailbox(const bh_life *life)
{
	const bh_instance_options *o = life->revision->instance;
	size_t end = offsetof(bh_instance_options, mailbox) + sizeof o->mailbox;
	bool own = o && (!o->struct_size || o->struct_size >= end) && o->mailbox;
	if (life->instance && !own)
		life->instance->mailbox = UINT32_MAX;
}

bh_status bh_life_take_instance(bh_life *life, bh_call *call, bh_usage *usage, bh_error **err)
{
	bh_child *child = life->member->child;
	bh_instance *instance = NULL;
	bh_status status = bh_call_take_instance(call, &instance, usage, err);
	pthread_mutex_lock(&child->lock);
	life->instance = instance;
	unbound_mailbox(life);
	pthread_mutex_unlock(&child->lock);
	return status;
}

/* It may be over by now: then the instance goes with the life, and nobody ever knew of it. */
static void made(void *data, bh_call *call)
{
	bh_life *life = data;
	BH_AUTO(bh_error_free) bh_error *why = NULL;
	bh_usage usage = BH_USAGE_INIT;
	if (bh_life_take_instance(life, call, &usage, &why))
		bh_life_over(life, BH_EXIT_NOT_UP, why, &usage);
	else
		bh_life_restore(life);
	bh_life_unref(life);
}

/* A guest that exits with 0 has ended well; so has one whose result is not an error. */
static bool ended_well(bh_status status, const bh_value *result, const bh_error *why)
{
	if (status == BH_E_EXIT)
		return why && bh_error_exit_status(why) == 0;
	return !status && !(result->kind == BH_KIND_RESULT && result->as.result.is_err);
}

static void ended(void *data, bh_call *call)
{
	bh_life *life = data;
	BH_AUTO(bh_error_free) bh_error *why = NULL;
	bh_value result = BH_VALUE_INIT;
	bh_usage usage = BH_USAGE_INIT;
	bh_status status = bh_call_take(call, &result, &usage, &why);
	bool well = ended_well(status, &result, why);
	if (!well && !why)
		(void)bh_fail(&why, BH_E_EXIT, "it ended with an error as its result");
	bh_value_deinit(&result);
	bh_child_count(life->member->child, !well, &usage);
	bh_life_over(life, well ? BH_EXIT_NORMAL : BH_EXIT_CRASHED, well ? NULL : why, &usage);
	bh_life_unref(life);
}

static bh_life *new_life(bh_member *member)
{
	bh_life *life = bh_calloc(1, sizeof *life);
	if (!life || !(life->brood = bh_brood_new(member))) {
		bh_free(life);
		return NULL;
	}
	atomic_init(&life->references, 2); /* the member's, and the callback's */
	life->member = member;
	bh_child *child = bh_child_ref(member->child);
	pthread_mutex_lock(&child->lock);
	life->revision = bh_revision_ref(child->revision);
	member->life = life;
	pthread_mutex_unlock(&child->lock);
	return life;
}

static bh_status launch(bh_life *life, bh_call **call, bh_error **err)
{
	const bh_child *child = life->member->child;
	const bh_revision *revision = life->revision;
	bh_call_options options = BH_CALL_OPTIONS_INIT;
	options.done_data = life;
	if (revision->broken) {
		if (err)
			*err = bh_error_copy(revision->broken);
		return bh_error_status(revision->broken);
	}
	if (child->kind == BH_CHILD_SERVICE) {
		options.done = made;
		return bh_instance_start_kept(call, revision->component, revision->instance, &life->brood->keeper, &options,
		                              err);
	}
	/* It runs as soon as it is asked to; said first, as it may be over before this returns. */
	came_up(life);
	options.done = ended;
	options.instance = revision->instance;
	return bh_call_start_kept(call, revision->run, &life->brood->keeper, &options, err);
}

void bh_member_start(bh_member *member)
{
	BH_AUTO(bh_error_free) bh_error *why = NULL;
	bh_call *call = NULL;
	bh_life *life = new_life(member);
	if (!life) {
		bh_supervisor *tree = member->child->tree;
		bh_tree_enter(tree);
		bh_plan_down(&tree->plan, &member->node, BH_EXIT_NOT_UP, bh_now());
		bh_tree_leave(tree);
		return;
	}
	bh_life_ref(life);
	if (launch(life, &call, &why)) {
		bh_life_over(life, BH_EXIT_NOT_UP, why, NULL);
		bh_life_unref(life); /* the callback's, which is not called */
	} else if (bh_call_ended(call)) {
		bh_call_free(call); /* there is nothing to cancel any more, and of actors there are many */
	} else {
		pthread_mutex_lock(&member->child->lock);
		life->call = call;
		pthread_mutex_unlock(&member->child->lock);
	}
	bh_life_unref(life);
}

/* Going down. */

bh_life *bh_member_life(bh_member *member)
{
	pthread_mutex_lock(&member->child->lock);
	bh_life *life = member->life ? bh_life_ref(member->life) : NULL;
	pthread_mutex_unlock(&member->child->lock);
	return life;
}

void bh_life_drained(bh_life *life)
{
	bh_child *child = life->member->child;
	pthread_mutex_lock(&child->lock);
	bool saved = life->saved || atomic_load(&life->apart);
	life->saved = true;
	pthread_mutex_unlock(&child->lock);
	if (saved || !bh_life_save(life, 0))
		bh_life_over(life, BH_EXIT_STOPPED, NULL, NULL);
}

/* A task comes to its end by itself, or is killed when it did not in time. */
void bh_member_stop(bh_member *member)
{
	bh_child *child = member->child;
	bh_life *life = bh_member_life(member);
	if (!life || child->kind != BH_CHILD_SERVICE) {
		bh_life_unref(life);
		return;
	}
	pthread_mutex_lock(&child->lock);
	life->closing = true;
	bool coming = !life->open, idle = !life->in_flight;
	pthread_mutex_unlock(&child->lock);
	if (coming)
		bh_call_cancel(life->call, BH_CANCEL_KILL);
	if (coming)
		bh_life_over(life, BH_EXIT_STOPPED, NULL, NULL);
	else if (idle)
		bh_life_drained(life);
	bh_life_unref(life);
}

void bh_member_kill(bh_member *member)
{
	bh_child *child = member->child;
	bh_life *life = bh_member_life(member);
	if (!life)
		return;
	pthread_mutex_lock(&child->lock);
	life->closing = true;
	bh_instance *instance = life->instance; /* stays as long as the life */
	pthread_mutex_unlock(&child->lock);
	bh_call_cancel(life->call, BH_CANCEL_KILL);
	bh_instance_kill(instance);
	/* A task's callback says so itself. */
	if (child->kind == BH_CHILD_SERVICE)
		bh_life_over(life, BH_EXIT_STOPPED, NULL, NULL);
	bh_life_unref(life);
}

/* Apart from the plan. */

bh_life *bh_life_new_apart(bh_member *member, bh_revision *revision)
{
	bh_life *life = bh_calloc(1, sizeof *life);
	if (!life || !(life->brood = bh_brood_new(member))) {
		bh_free(life);
		return NULL;
	}
	atomic_init(&life->references, 1);
	atomic_init(&life->apart, true);
	life->member = member;
	life->revision = bh_revision_ref(revision);
	bh_child_ref(member->child);
	return life;
}
