/* Asking services whether they are ready, and how they are. */
#include "supervise/brood.h"

/* How soon one that is not ready yet is asked again. */
enum { READY_AGAIN_MS = 50 };

void bh_life_check_in(bh_life *life, uint64_t ms)
{
	bh_supervisor *tree = life->member->child->tree;
	bh_tree_enter(tree);
	/* Afterwards it is the next life's. */
	if (bh_life_is_current(life))
		bh_moment_set(&life->member->check, ms);
	bh_tree_leave(tree);
}

static void is_found(const bh_life *life, bh_health health)
{
	bh_member *member = life->member;
	bh_supervisor *tree = member->child->tree;
	bh_tree_enter(tree);
	if (bh_life_is_current(life) && member->health != health) {
		member->health = health;
		bh_tree_tell(tree, &(bh_note){.kind = BH_EVENT_HEALTH, .node = &member->node});
	}
	if (bh_life_is_current(life) && health == BH_HEALTH_BAD)
		bh_plan_unhealthy(&tree->plan, &member->node, bh_now());
	bh_tree_leave(tree);
}

static void answered(bh_life *life, bool yes)
{
	bh_child *child = life->member->child;
	pthread_mutex_lock(&child->lock);
	bool open = life->open;
	life->checking = false;
	life->failures = yes ? 0 : life->failures + 1;
	uint32_t failures = life->failures;
	pthread_mutex_unlock(&child->lock);
	if (atomic_load(&life->over))
		return;
	if (!open && yes) {
		bh_life_open(life);
	} else if (!open) {
		bh_life_check_in(life, READY_AGAIN_MS);
	} else {
		is_found(life, yes ? BH_HEALTH_GOOD : failures < child->unhealthy_after ? BH_HEALTH_DEGRADED : BH_HEALTH_BAD);
		bh_life_check_in(life, child->health_ms);
	}
}

bool bh_is_yes(const bh_value *answer)
{
	return !(answer->kind == BH_KIND_BOOL && !answer->as.boolean) &&
	       !(answer->kind == BH_KIND_RESULT && answer->as.result.is_err);
}

static void checked(void *data, bh_call *call)
{
	bh_life *life = data;
	BH_AUTO(bh_error_free) bh_error *why = NULL;
	bh_value answer = BH_VALUE_INIT;
	bh_usage usage = BH_USAGE_INIT;
	bh_status status = bh_call_take(call, &answer, &usage, &why);
	bool yes = !status && bh_is_yes(&answer);
	bh_value_deinit(&answer);
	bh_life_leave(life, status, why, &usage); /* which may be the end of it */
	answered(life, yes);
	bh_life_unref(life);
}

/* Counted as a call, so that its end is seen as that of any other. */
static bh_export *begin_check(bh_life *life)
{
	bh_child *child = life->member->child;
	pthread_mutex_lock(&child->lock);
	bh_export *question = life->open ? life->revision->health : life->revision->ready;
	bool can = question && life->instance && !life->closing && !life->checking;
	if (can) {
		life->checking = true;
		life->in_flight++;
	}
	pthread_mutex_unlock(&child->lock);
	return can ? question : NULL;
}

void bh_member_check(bh_member *member)
{
	if (member->child->brood) {
		bh_brood_serve(member->child->brood);
		return;
	}
	bh_life *life = bh_member_life(member);
	bh_export *question = life ? begin_check(life) : NULL;
	if (!question) {
		bh_life_unref(life);
		return;
	}
	BH_AUTO(bh_error_free) bh_error *why = NULL;
	bh_call_options options = BH_CALL_OPTIONS_INIT;
	options.deadline_ms = member->child->answer_ms;
	options.done = checked;
	options.done_data = life;
	bh_status status = bh_call_start(NULL, question, life->instance, NULL, 0, &options, &why);
	if (!status)
		return; /* the reference is the callback's */
	bh_life_leave(life, status, why, NULL);
	answered(life, false);
	bh_life_unref(life);
}
