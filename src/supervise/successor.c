/*
 * What takes the place of an instance: made, given the state of the one before, asked whether it is ready and well. Callbacks
 * leave what they heard, with the child's lock, and ask for the next step of the upgrade.
 */
#include "host/async.h"
#include "supervise/brood.h"
#include "supervise/upgrade.h"

/* How soon one that is not ready yet is asked again. */
enum { ASK_AGAIN_MS = 50 };

/* What was heard. */

static bh_successor *successor_of(const bh_life *life)
{
	const bh_member *member = life->member;
	bh_upgrade *upgrade = member->child->upgrade;
	return upgrade ? &upgrade->each[member - member->child->members] : NULL;
}

/* Of the one that is to come, or of the one that is asked for its state: anything else came too late. */
static void heard(bh_life *life, bool of_next, bh_status status, bool yes, const bh_error *why)
{
	bh_child *child = life->member->child;
	pthread_mutex_lock(&child->lock);
	bh_successor *s = successor_of(life);
	if (s && s->waits && (of_next ? s->next : s->before) == life) {
		s->waits = false;
		s->status = status;
		s->yes = yes;
		bh_error_free(s->why);
		s->why = bh_error_copy(why);
	}
	pthread_mutex_unlock(&child->lock);
	bh_member_note(&child->members[0], BH_DO_UPGRADE);
}

void bh_upgrade_saved(bh_life *life, bh_status status, const bh_error *why)
{
	pthread_mutex_lock(&life->member->child->lock);
	bool wanted = life->member->child->upgrade;
	pthread_mutex_unlock(&life->member->child->lock);
	if (wanted)
		heard(life, false, status, true, why);
}

static void made(void *data, bh_call *call)
{
	bh_life *life = data;
	BH_AUTO(bh_error_free) bh_error *why = NULL;
	bh_status status = bh_life_take_instance(life, call, NULL, &why);
	heard(life, true, status, true, why);
	bh_life_unref(life);
}

static void restored(void *data, bh_call *call)
{
	bh_life *life = data;
	BH_AUTO(bh_error_free) bh_error *why = NULL;
	bh_status status = bh_restored(call, &why);
	heard(life, true, status, true, why);
	bh_life_unref(life);
}

/* No answer in time is a no, as long as it can be asked again. */
static void answered(void *data, bh_call *call)
{
	bh_life *life = data;
	BH_AUTO(bh_error_free) bh_error *why = NULL;
	bh_value answer = BH_VALUE_INIT;
	bh_status status = bh_call_take(call, &answer, NULL, &why);
	bool yes = !status && bh_is_yes(&answer);
	bool again = status == BH_E_DEADLINE && bh_instance_usable(life->instance);
	bh_value_deinit(&answer);
	heard(life, true, again ? BH_OK : status, yes, again ? NULL : why);
	bh_life_unref(life);
}

/* What is begun; by the answer that is there already, where it cannot be. */

static void set_waits(bh_child *child, bh_successor *s)
{
	pthread_mutex_lock(&child->lock);
	s->asked = s->waits = true;
	pthread_mutex_unlock(&child->lock);
}

static void nothing_to_ask(bh_successor *s)
{
	s->asked = s->yes = true;
	s->status = BH_OK;
}

/* The reference is the callback's, which is not called. */
static void not_begun(bh_life *life, bh_status status, const bh_error *why)
{
	heard(life, true, status, false, why);
	bh_life_unref(life);
}

static bh_status make(bh_child *child, const bh_upgrade *upgrade, bh_successor *s)
{
	BH_AUTO(bh_error_free) bh_error *why = NULL;
	bh_call *call = NULL;
	bh_call_options options = BH_CALL_OPTIONS_INIT;
	const bh_revision *revision = upgrade->revision;
	s->next = bh_life_new_apart(&child->members[s - upgrade->each], upgrade->revision);
	if (!s->next)
		return BH_E_NO_MEMORY;
	options.done = made;
	options.done_data = bh_life_ref(s->next);
	set_waits(child, s);
	bh_status status =
		bh_instance_start_kept(&call, revision->component, revision->instance, &s->next->brood->keeper, &options, &why);
	if (status) {
		not_begun(s->next, status, why);
		return BH_OK;
	}
	pthread_mutex_lock(&child->lock);
	s->next->call = call;
	pthread_mutex_unlock(&child->lock);
	return BH_OK;
}

static void ask(bh_child *child, bh_successor *s, bh_export *question)
{
	if (!question) {
		nothing_to_ask(s);
		return;
	}
	BH_AUTO(bh_error_free) bh_error *why = NULL;
	bh_call_options options = BH_CALL_OPTIONS_INIT;
	options.deadline_ms = child->answer_ms;
	options.done = answered;
	options.done_data = bh_life_ref(s->next);
	set_waits(child, s);
	bh_status status = bh_call_start(NULL, question, s->next->instance, NULL, 0, &options, &why);
	if (status)
		not_begun(s->next, status, why);
}

static void restore(bh_child *child, const bh_upgrade *upgrade, bh_successor *s)
{
	bh_member *member = &child->members[s - upgrade->each];
	pthread_mutex_lock(&child->lock);
	member->refused = false; /* by an older one: this one may know better */
	pthread_mutex_unlock(&child->lock);
	bh_snapshot *snapshot = upgrade->revision->restore ? bh_member_snapshot(member) : NULL;
	if (!snapshot) {
		nothing_to_ask(s);
		return;
	}
	BH_AUTO(bh_error_free) bh_error *why = NULL;
	set_waits(child, s);
	bh_status status = bh_snapshot_restore(snapshot, s->next, restored, &why);
	if (status)
		heard(s->next, true, status, false, why);
	bh_snapshot_unref(snapshot);
}

/* Once its calls are over, the last of which asks for this again. One that is down said what it knew as it went. */
static void save(bh_child *child, const bh_upgrade *upgrade, bh_successor *s)
{
	bh_life_unref(s->before);
	s->before = bh_member_life(&child->members[s - upgrade->each]);
	bh_life *life = s->before;
	pthread_mutex_lock(&child->lock);
	bool there = life && life->open && !life->dead;
	bool busy = there && life->in_flight;
	s->asked = s->waits = there && !busy;
	pthread_mutex_unlock(&child->lock);
	if (busy || (there && bh_life_save(life, upgrade->shutdown_ms)))
		return;
	pthread_mutex_lock(&child->lock);
	s->waits = false;
	pthread_mutex_unlock(&child->lock);
	nothing_to_ask(s);
}

/* One after the other. */

static bool is_waiting(bh_child *child, const bh_successor *s)
{
	pthread_mutex_lock(&child->lock);
	bool waits = s->waits;
	pthread_mutex_unlock(&child->lock);
	return waits;
}

/* The old one may have crashed as it was asked, or meanwhile: then there is what it said before. */
static bool is_forgiven(const bh_successor *s)
{
	return s->at == BH_STAGE_SAVE && s->before && !bh_instance_usable(s->before->instance);
}

static bh_status begin(bh_child *child, const bh_upgrade *upgrade, bh_successor *s)
{
	switch (s->at) {
	case BH_STAGE_MAKE:
		return make(child, upgrade, s);
	case BH_STAGE_SAVE:
		save(child, upgrade, s);
		break;
	case BH_STAGE_RESTORE:
		restore(child, upgrade, s);
		break;
	case BH_STAGE_ASK_READY:
		ask(child, s, upgrade->revision->ready);
		break;
	case BH_STAGE_ASK_HEALTH:
		ask(child, s, upgrade->revision->health);
		break;
	case BH_STAGE_MADE:
	case BH_STAGE_READY:
		break;
	}
	return BH_OK;
}

bh_status bh_successor_advance(bh_child *child, const bh_upgrade *upgrade, bh_successor *s, uint64_t now)
{
	while (!is_waiting(child, s)) {
		if (s->asked && s->status && !is_forgiven(s))
			return s->status;
		if (s->asked && (s->yes || is_forgiven(s)))
			s->at++;
		else if (s->asked)
			s->again_at = bh_after_ms(now, ASK_AGAIN_MS);
		s->asked = false;
		if (s->at == BH_STAGE_MADE || s->at == BH_STAGE_READY || now < s->again_at)
			return BH_OK;
		s->again_at = 0;
		bh_status status = begin(child, upgrade, s);
		if (status || !s->asked)
			return status;
	}
	return BH_OK;
}
