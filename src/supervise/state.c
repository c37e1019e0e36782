/*
 * State: what a service knows outlives its instances. It is asked for it (bulkhead:service/state) now and then, and when it
 * was drained; its next instance is given what was said last.
 */
#include "supervise/internal.h"

void bh_snapshot_unref(bh_snapshot *snapshot)
{
	if (!snapshot || atomic_fetch_sub_explicit(&snapshot->references, 1, memory_order_acq_rel) != 1)
		return;
	bh_value_deinit(&snapshot->bytes);
	bh_free(snapshot);
}

BH_DEFINE_AUTO(bh_snapshot *, bh_snapshot_unref)

bh_snapshot *bh_member_snapshot(bh_member *member)
{
	pthread_mutex_lock(&member->child->lock);
	bh_snapshot *snapshot = member->refused ? NULL : member->snapshot;
	if (snapshot)
		atomic_fetch_add_explicit(&snapshot->references, 1, memory_order_relaxed);
	pthread_mutex_unlock(&member->child->lock);
	return snapshot;
}

/* Saving. */

/* Takes the bytes over. What comes too late, of one that was replaced meanwhile, is of no interest. */
static bh_status keep(const bh_life *life, bh_value *bytes, bh_error **err)
{
	bh_member *member = life->member;
	bh_child *child = member->child;
	if (bytes->kind != BH_KIND_BYTES)
		return bh_fail(err, BH_E_TYPE, "%s: its snapshot is no list of bytes", child->name);
	size_t length = bytes->as.bytes.length;
	if (length > child->snapshot_bytes) {
		bh_error *e = bh_error_begin(err, BH_E_RESOURCE_LIMIT, "%s: its snapshot has %zu bytes, at most %llu",
		                             child->name, length, (unsigned long long)child->snapshot_bytes);
		bh_error_hint_set(e, "Raise bh_child_options.snapshot_bytes, or keep less.");
		return BH_E_RESOURCE_LIMIT;
	}
	bh_snapshot *snapshot = bh_calloc(1, sizeof *snapshot);
	if (!snapshot)
		return bh_fail_memory(err);
	atomic_init(&snapshot->references, 1);
	snapshot->bytes = *bytes;
	*bytes = (bh_value)BH_VALUE_INIT;
	pthread_mutex_lock(&child->lock);
	if (member->life == life) {
		bh_snapshot *before = member->snapshot;
		member->snapshot = snapshot;
		member->refused = false;
		snapshot = before;
	}
	pthread_mutex_unlock(&child->lock);
	bh_snapshot_unref(snapshot);
	return BH_OK;
}

static void save_again(const bh_life *life)
{
	bh_child *child = life->member->child;
	if (!child->snapshot_ms)
		return;
	bh_tree_enter(child->tree);
	if (bh_life_is_current(life))
		bh_moment_set(&life->member->save, child->snapshot_ms);
	bh_tree_leave(child->tree);
}

static void finish_saving(bh_life *life, bh_status status, const bh_error *why, const bh_usage *usage)
{
	bh_child *child = life->member->child;
	if (status)
		bh_member_tell(life->member, BH_EVENT_NOT_SAVED, why);
	pthread_mutex_lock(&child->lock);
	life->saving = false;
	pthread_mutex_unlock(&child->lock);
	bh_upgrade_saved(life, status, why);
	save_again(life);
	bh_life_leave(life, status, why, usage); /* which may be the end of it */
	bh_life_unref(life);
}

static void saved(void *data, bh_call *call)
{
	bh_life *life = data;
	BH_AUTO(bh_error_free) bh_error *why = NULL;
	bh_value bytes = BH_VALUE_INIT;
	bh_usage usage = BH_USAGE_INIT;
	bh_status status = bh_call_take(call, &bytes, &usage, &why);
	if (!status)
		status = keep(life, &bytes, &why);
	bh_value_deinit(&bytes);
	finish_saving(life, status, why, &usage);
}

bool bh_life_save(bh_life *life, uint64_t deadline_ms)
{
	bh_child *child = life->member->child;
	pthread_mutex_lock(&child->lock);
	bool can = life->revision->snapshot && life->open && !life->dead && !life->saving;
	if (can) {
		life->saving = true;
		life->in_flight++;
	}
	pthread_mutex_unlock(&child->lock);
	if (!can)
		return false;
	BH_AUTO(bh_error_free) bh_error *why = NULL;
	bh_call_options options = BH_CALL_OPTIONS_INIT;
	options.deadline_ms = deadline_ms;
	options.done = saved;
	options.done_data = bh_life_ref(life);
	bh_status status = bh_call_start(NULL, life->revision->snapshot, life->instance, NULL, 0, &options, &why);
	if (status)
		finish_saving(life, status, why, NULL);
	return true;
}

void bh_member_save(bh_member *member)
{
	bh_life *life = bh_member_life(member);
	if (!life)
		return;
	pthread_mutex_lock(&member->child->lock);
	bool closing = life->closing; /* set by this thread alone: then it is asked for the last time */
	pthread_mutex_unlock(&member->child->lock);
	if (!closing && !bh_life_save(life, 0))
		save_again(life);
	bh_life_unref(life);
}

/* Restoring. */

bh_status bh_snapshot_restore(const bh_snapshot *snapshot, bh_life *life, bh_call_done *done, bh_error **err)
{
	bh_call_options options = BH_CALL_OPTIONS_INIT;
	options.done = done;
	options.done_data = bh_life_ref(life);
	bh_status status = bh_call_start(NULL, life->revision->restore, life->instance, &snapshot->bytes, 1, &options, err);
	if (status)
		bh_life_unref(life);
	return status;
}

bh_status bh_restored(bh_call *call, bh_error **err)
{
	bh_value said = BH_VALUE_INIT;
	bh_status status = bh_call_take(call, &said, NULL, err);
	if (!status && said.kind == BH_KIND_RESULT && said.as.result.is_err) {
		const char *text = said.as.result.payload ? bh_value_string(said.as.result.payload) : NULL;
		status = bh_fail(err, BH_E_EXIT, "it cannot be restored: %.200s", text ? text : "it does not say why");
	}
	bh_value_deinit(&said);
	return status;
}

/* It begins without, or, where that ended it, its next instance does. */
static void refused(bh_life *life, const bh_error *why)
{
	bh_child *child = life->member->child;
	pthread_mutex_lock(&child->lock);
	life->member->refused = true;
	pthread_mutex_unlock(&child->lock);
	bh_member_tell(life->member, BH_EVENT_NOT_RESTORED, why);
}

static void restored(void *data, bh_call *call)
{
	bh_life *life = data;
	BH_AUTO(bh_error_free) bh_error *why = NULL;
	bh_status status = bh_restored(call, &why);
	/* One that was killed meanwhile did not refuse it. */
	if (status && !atomic_load(&life->over))
		refused(life, why);
	if (bh_instance_usable(life->instance))
		bh_life_begin(life);
	else
		bh_life_over(life, BH_EXIT_NOT_UP, why, NULL);
	bh_life_unref(life);
}

void bh_life_restore(bh_life *life)
{
	BH_AUTO(bh_error_free) bh_error *why = NULL;
	BH_AUTO(bh_snapshot_unref)
	bh_snapshot *snapshot = life->revision->restore ? bh_member_snapshot(life->member) : NULL;
	if (!snapshot)
		bh_life_begin(life);
	else if (bh_snapshot_restore(snapshot, life, restored, &why))
		bh_life_over(life, BH_EXIT_NOT_UP, why, NULL);
}
