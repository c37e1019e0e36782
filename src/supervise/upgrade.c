/*
 * Upgrades: a child's component is replaced while it is called.
 *
 * Beside each instance of a service another one is made, of the new revision. When all of them are ready and well they take
 * the places of the old ones in one moment, and the old ones are seen out. Where there is a state to hand over, no call is let
 * in from the moment the old ones have none left: they are asked for it, and the new ones given it. Until that one moment
 * nothing is lost by giving up. Who crashes meanwhile is started again as ever, and replaced, or started as, the new one.
 *
 * All is done by bh_upgrade_step(), one thread at a time, as what is to be done about a member is; callbacks leave what they
 * heard and ask for it.
 */
#include <string.h>

#include "host/host.h"
#include "supervise/upgrade.h"

static bool all_at(const bh_upgrade *upgrade, bh_stage at)
{
	for (uint32_t i = 0; i < upgrade->count; i++)
		if (upgrade->each[i].at != at)
			return false;
	return true;
}

/* All are made. What has a state to hand over is let no calls in from here on. */
static void begin_handing_over(bh_child *child, bh_upgrade *upgrade)
{
	pthread_mutex_lock(&child->lock);
	bool hands_over = child->revision->snapshot && upgrade->revision->restore;
	child->paused = hands_over;
	pthread_mutex_unlock(&child->lock);
	if (hands_over && upgrade->until != BH_NEVER)
		upgrade->until = bh_after_ms(upgrade->until, upgrade->shutdown_ms);
	for (uint32_t i = 0; i < upgrade->count; i++)
		upgrade->each[i].at = hands_over ? BH_STAGE_SAVE : BH_STAGE_ASK_READY;
}

/* The end. */

static void drop(bh_life *life)
{
	if (!life)
		return;
	atomic_store(&life->over, true);
	pthread_mutex_lock(&life->member->child->lock);
	bh_instance *instance = life->instance;
	pthread_mutex_unlock(&life->member->child->lock);
	bh_call_cancel(life->call, BH_CANCEL_KILL);
	bh_instance_kill(instance);
	bh_life_unref(life);
}

static void free_upgrade(bh_upgrade *upgrade)
{
	for (uint32_t i = 0; i < upgrade->count; i++) {
		drop(upgrade->each[i].next);
		bh_life_unref(upgrade->each[i].before);
		bh_error_free(upgrade->each[i].why);
	}
	bh_revision_unref(upgrade->revision);
	bh_free(upgrade);
}

/* Whoever waits for the tree to be free of upgrades waits until the caller was told. */
static void finish(bh_child *child, bh_upgrade *upgrade, bh_status status, const bh_error *why)
{
	bh_supervisor *tree = child->tree;
	bh_tree_enter(tree);
	pthread_mutex_lock(&child->lock);
	child->upgrade = NULL;
	child->paused = false;
	bh_child_call_next(child);
	pthread_mutex_unlock(&child->lock);
	bh_moment_clear(&upgrade->moment);
	bh_tree_leave(tree);
	bh_upgrade_done *done = upgrade->done;
	void *data = upgrade->done_data;
	free_upgrade(upgrade);
	if (done)
		done(data, child, status, why);
	bh_tree_enter(tree);
	tree->upgrades--;
	pthread_cond_broadcast(&tree->changed);
	bh_tree_leave(tree);
}

static void fail(bh_child *child, bh_upgrade *upgrade, uint32_t index, bh_status status, const bh_error *cause)
{
	BH_AUTO(bh_error_free) bh_error *why = bh_error_copy(cause);
	if (!why)
		(void)bh_fail_memory(&why);
	bh_error_prefix(why, "the new version of %s did not take over: ", child->name);
	bh_member_tell(&child->members[index], BH_EVENT_UPGRADE_FAILED, why);
	finish(child, upgrade, status, why);
}

static void give_up(bh_child *child, bh_upgrade *upgrade, uint32_t index, bh_status status, const char *what,
                    uint64_t ms)
{
	BH_AUTO(bh_error_free) bh_error *why = NULL;
	bh_error *e = bh_error_begin(&why, status, what, (unsigned long long)ms);
	if (status == BH_E_DOWN)
		bh_error_hint_set(e, "Upgrade what is down: its next start takes the new component.");
	fail(child, upgrade, index, status, why);
}

static void too_late(bh_child *child, bh_upgrade *upgrade)
{
	uint32_t late = 0;
	while (late + 1 < upgrade->count && upgrade->each[late].at == BH_STAGE_READY)
		late++;
	if (upgrade->each[late].at == BH_STAGE_SAVE)
		give_up(child, upgrade, late, BH_E_DEADLINE,
		        "calls of the old one did not end within %llu ms (shutdown_ms), so that its state could not be taken",
		        upgrade->shutdown_ms);
	else
		give_up(child, upgrade, late, BH_E_DEADLINE, "it was not up and ready within %llu ms (start_ms)",
		        upgrade->start_ms);
}

/* Taking over. */

/* With both locks. One that is not up, or about to be told of its end, is not replaced: its next start takes the new one. */
static void take_place(bh_member *member, bh_successor *s)
{
	bh_life *old = member->life;
	s->outdated = old;
	if (!member->in_tree || member->node.state != BH_CHILD_RUNNING || !old || atomic_load(&old->over))
		return;
	atomic_store(&old->apart, true);
	old->closing = true;
	s->taken = true;
	s->before = old;
	atomic_store(&s->next->apart, false);
	s->next->open = true;
	member->life = BH_TAKE(s->next);
	member->health = BH_HEALTH_UNKNOWN;
}

/* With the tree's lock. One on its way up with the old component, or about to be, begins anew. */
static void put_right(bh_member *member, const bh_successor *s)
{
	bh_plan *plan = &member->child->tree->plan;
	if (s && s->taken)
		bh_plan_replaced(plan, &member->node, bh_now());
	bh_tree_tell(member->child->tree, &(bh_note){.kind = BH_EVENT_UPGRADED, .node = &member->node});
	if ((s && s->outdated && member->node.state == BH_CHILD_STARTING) || member->node.state == BH_CHILD_WAITING)
		bh_plan_restart(plan, &member->node, bh_now());
}

/* With the tree's lock: what is started from here on is of that revision. */
static void switch_to(bh_child *child, bh_revision *revision, bh_upgrade *upgrade)
{
	pthread_mutex_lock(&child->lock);
	bh_revision *before = child->revision;
	child->revision = bh_revision_ref(revision);
	child->paused = false;
	for (uint32_t i = 0; i < child->member_count; i++) {
		child->members[i].refused = false;
		child->members[i].node.spec.broken = false;
		if (upgrade)
			take_place(&child->members[i], &upgrade->each[i]);
	}
	bh_child_call_next(child);
	pthread_mutex_unlock(&child->lock);
	bh_revision_unref(before);
	for (uint32_t i = 0; i < child->member_count; i++)
		if (child->members[i].in_tree)
			put_right(&child->members[i], upgrade ? &upgrade->each[i] : NULL);
}

/* What a step came to. After the last of them the upgrade is gone. */
typedef enum { WAITS, TOOK_OVER, OVER } result;

/* The old ones that have no call left go, the others when theirs are through. */
static void take_over(bh_child *child, bh_upgrade *upgrade)
{
	for (uint32_t i = 0; i < upgrade->count; i++)
		bh_life_unref(BH_TAKE(upgrade->each[i].before));
	bh_tree_enter(child->tree);
	switch_to(child, upgrade->revision, upgrade);
	bh_tree_leave(child->tree);
	upgrade->seeing_out = true;
	upgrade->until = bh_after_ms(bh_now(), upgrade->shutdown_ms);
	for (uint32_t i = 0; i < upgrade->count; i++) {
		bh_life *old = upgrade->each[i].before, *current = bh_member_life(&child->members[i]);
		pthread_mutex_lock(&child->lock);
		bool idle = old && !old->in_flight;
		pthread_mutex_unlock(&child->lock);
		if (idle)
			bh_life_over(old, BH_EXIT_STOPPED, NULL, NULL);
		if (current)
			bh_life_look(current);
		bh_life_unref(current);
		drop(BH_TAKE(upgrade->each[i].next));
	}
}

static result see_out(bh_child *child, bh_upgrade *upgrade, uint64_t now)
{
	for (uint32_t i = 0; i < upgrade->count; i++) {
		bh_life *old = upgrade->each[i].before;
		if (!old || atomic_load(&old->over))
			continue;
		if (now < upgrade->until)
			return WAITS;
		bh_instance_kill(old->instance);
		bh_life_over(old, BH_EXIT_STOPPED, NULL, NULL);
	}
	finish(child, upgrade, BH_OK, NULL);
	return OVER;
}

/* Doing it. */

static void look_again(bh_child *child, bh_upgrade *upgrade, uint64_t now)
{
	uint64_t at = upgrade->until;
	for (uint32_t i = 0; i < upgrade->count && !upgrade->seeing_out; i++)
		if (upgrade->each[i].again_at && upgrade->each[i].again_at < at)
			at = upgrade->each[i].again_at;
	bh_tree_enter(child->tree);
	if (at == BH_NEVER)
		bh_moment_clear(&upgrade->moment);
	else
		bh_moment_set(&upgrade->moment, at > now ? (at - now) / 1000000 + 1 : 0);
	bh_tree_leave(child->tree);
}

static result bring_up(bh_child *child, bh_upgrade *upgrade, uint64_t now)
{
	if (!bh_child_has_hope(child)) {
		give_up(child, upgrade, 0, BH_E_DOWN, "it went down, or was stopped, meanwhile", 0);
		return OVER;
	}
	for (bool once_more = true; once_more;) {
		for (uint32_t i = 0; i < upgrade->count; i++) {
			bh_status status = bh_successor_advance(child, upgrade, &upgrade->each[i], now);
			if (status) {
				fail(child, upgrade, i, status, upgrade->each[i].why);
				return OVER;
			}
		}
		once_more = all_at(upgrade, BH_STAGE_MADE);
		if (once_more)
			begin_handing_over(child, upgrade);
	}
	if (all_at(upgrade, BH_STAGE_READY)) {
		take_over(child, upgrade);
		return TOOK_OVER;
	}
	if (now < upgrade->until)
		return WAITS;
	too_late(child, upgrade);
	return OVER;
}

void bh_upgrade_step(bh_child *child)
{
	pthread_mutex_lock(&child->lock);
	bh_upgrade *upgrade = child->upgrade; /* which this thread alone takes away */
	pthread_mutex_unlock(&child->lock);
	if (!upgrade)
		return;
	uint64_t now = bh_now();
	result how = upgrade->seeing_out ? TOOK_OVER : bring_up(child, upgrade, now);
	if (how == TOOK_OVER)
		how = see_out(child, upgrade, now);
	if (how == WAITS)
		look_again(child, upgrade, now);
}

/* Asking for it. */

/* Options of older callers are shorter. */
static bh_upgrade_options known_options(const bh_upgrade_options *given)
{
	bh_upgrade_options options = BH_UPGRADE_OPTIONS_INIT;
	if (given)
		memcpy(&options, given,
		       given->struct_size && given->struct_size < sizeof options ? given->struct_size : sizeof options);
	return options;
}

static bh_status check(const bh_child *child, const bh_component *component, bh_error **err)
{
	if (!child || child->kind == BH_CHILD_SUPERVISOR)
		return bh_fail(err, BH_E_INVALID, "bh_child_upgrade: not a service or a task");
	if (!component)
		return bh_fail(err, BH_E_INVALID, "%s: no component", child->name);
	return BH_OK;
}

/* What it is to be: with all that the one before is called for. */
static bh_status find_revision(bh_revision **out, bh_child *child, bh_component *component,
                               const bh_upgrade_options *options, bh_error **err)
{
	bh_revision *before = bh_child_revision(child), *revision = NULL;
	bh_status status = BH_OK;
	if (before->component && before->component->host != component->host)
		status = bh_fail(err, BH_E_WRONG_HOST, "%s: the new component was loaded by another host", child->name);
	if (!status)
		status =
			bh_revision_new(&revision, child, component, options->instance ? options->instance : before->instance, err);
	if (!status && !options->lose_exports) {
		pthread_mutex_lock(&child->lock);
		status = bh_revision_covers(revision, before, err);
		pthread_mutex_unlock(&child->lock);
	}
	bh_revision_unref(before);
	if (status)
		bh_revision_unref(revision);
	else
		*out = revision;
	return status;
}

static bh_status make_upgrade(bh_upgrade **out, bh_child *child, bh_revision *revision,
                              const bh_upgrade_options *options, bh_error **err)
{
	bh_upgrade *upgrade = bh_calloc(1, sizeof *upgrade + child->member_count * sizeof upgrade->each[0]);
	if (!upgrade)
		return bh_fail_memory(err);
	*upgrade = (bh_upgrade){
		.revision = bh_revision_ref(revision),
		.moment = {.member = &child->members[0], .duty = BH_DO_UPGRADE},
		.start_ms = options->start_ms ? options->start_ms : child->start_ms,
		.shutdown_ms = options->shutdown_ms ? options->shutdown_ms : child->shutdown_ms,
		.done = options->done,
		.done_data = options->done_data,
		.count = child->member_count,
	};
	upgrade->until = bh_after_ms(bh_now(), upgrade->start_ms);
	*out = upgrade;
	return BH_OK;
}

/* With the tree's lock. */
static void launch(bh_child *child, bh_upgrade *upgrade)
{
	pthread_mutex_lock(&child->lock);
	child->upgrade = upgrade;
	pthread_mutex_unlock(&child->lock);
	child->tree->upgrades++;
	bh_tree_note(&child->members[0], BH_DO_UPGRADE);
}

static bool is_in_tree(const bh_child *child)
{
	for (uint32_t i = 0; i < child->member_count; i++)
		if (child->members[i].in_tree)
			return true;
	return false;
}

bh_status bh_child_upgrade(bh_child *child, bh_component *component, const bh_upgrade_options *given, bh_error **err)
{
	bh_upgrade_options options = known_options(given);
	bh_revision *revision = NULL;
	bh_upgrade *upgrade = NULL;
	bh_status status = check(child, component, err);
	if (!status)
		status = find_revision(&revision, child, component, &options, err);
	if (!status && child->kind == BH_CHILD_SERVICE)
		status = make_upgrade(&upgrade, child, revision, &options, err);
	if (status) {
		bh_revision_unref(revision);
		return status;
	}
	bh_tree_enter(child->tree);
	bool at_once = !upgrade || !bh_child_hopes(child);
	if (!is_in_tree(child))
		status = bh_fail(err, BH_E_DOWN, "%s was removed", child->name);
	else if (child->upgrade)
		status = bh_fail(err, BH_E_BUSY, "%s is being upgraded already", child->name);
	else if (at_once)
		switch_to(child, revision, NULL);
	else
		launch(child, BH_TAKE(upgrade));
	bh_tree_leave(child->tree);
	if (upgrade)
		free_upgrade(upgrade);
	bh_revision_unref(revision);
	if (!status && at_once && options.done)
		options.done(options.done_data, child, BH_OK, NULL);
	return status;
}
