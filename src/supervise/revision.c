/* Revisions: a component that a child runs, with what is called of it. */
#include <string.h>

#include "supervise/internal.h"

static const char snapshot_name[] = "bulkhead:service/state@0.1.0#snapshot";
static const char restore_name[] = "bulkhead:service/state@0.1.0#restore";

bh_revision *bh_revision_ref(bh_revision *revision)
{
	atomic_fetch_add_explicit(&revision->references, 1, memory_order_relaxed);
	return revision;
}

void bh_revision_unref(bh_revision *revision)
{
	if (!revision || atomic_fetch_sub_explicit(&revision->references, 1, memory_order_acq_rel) != 1)
		return;
	for (bh_named_export *named; (named = revision->exports);) {
		revision->exports = named->next;
		bh_export_free(named->export_);
		bh_free(named);
	}
	bh_export_free(revision->ready);
	bh_export_free(revision->health);
	bh_export_free(revision->snapshot);
	bh_export_free(revision->restore);
	bh_export_free(revision->run);
	bh_component_unref(revision->component);
	bh_error_free(revision->broken);
	bh_free(revision);
}

BH_DEFINE_AUTO(bh_revision *, bh_revision_unref)

bh_revision *bh_child_revision(bh_child *child)
{
	pthread_mutex_lock(&child->lock);
	bh_revision *revision = bh_revision_ref(child->revision);
	pthread_mutex_unlock(&child->lock);
	return revision;
}

/* What is asked of a service takes nothing, so that it can be asked. */
static bh_status find_question(bh_export **out, const bh_child *child, bh_component *component, const char *name,
                               bh_error **err)
{
	if (!name)
		return BH_OK;
	bh_status status = bh_export_find(out, component, name, err);
	if (!status && bh_export_param_count(*out))
		status =
			bh_fail(err, BH_E_INVALID, "%s: %s takes parameters, and there are none to give it", child->name, name);
	return status;
}

static bh_status find_typed(bh_export **out, const bh_child *child, bh_component *component, const char *name,
                            const char *signature, bh_error **err)
{
	bh_status status = bh_export_find(out, component, name, NULL);
	if (status == BH_E_NO_EXPORT)
		return BH_OK;
	if (status)
		return bh_fail(err, status, "%s: %s cannot be looked up", child->name, name);
	if (!strcmp(bh_export_signature(*out), signature))
		return BH_OK;
	bh_error *e = bh_error_begin(err, BH_E_INVALID, "%s: its component exports %s as %s", child->name, name,
	                             bh_export_signature(*out));
	bh_error_hint_set(e, "It must be %s: see wit/bulkhead-service/state.wit.", signature);
	return BH_E_INVALID;
}

/* Both halves or none. */
static bh_status find_state(bh_revision *r, const bh_child *child, bh_error **err)
{
	bh_status status =
		find_typed(&r->snapshot, child, r->component, snapshot_name, "snapshot: func() -> list<u8>", err);
	if (!status && r->snapshot)
		status = find_typed(&r->restore, child, r->component, restore_name,
		                    "restore: func(state: list<u8>) -> result<_, string>", err);
	if (!r->restore)
		bh_export_free(BH_TAKE(r->snapshot));
	return status;
}

static bh_status find_all(bh_revision *r, const bh_child *child, bh_error **err)
{
	if (child->kind == BH_CHILD_TASK)
		return child->run ? bh_export_find(&r->run, r->component, child->run, err)
		                  : bh_export_find_run(&r->run, r->component, err);
	bh_status status = find_question(&r->ready, child, r->component, child->ready, err);
	if (!status)
		status = find_question(&r->health, child, r->component, child->health, err);
	return status ? status : find_state(r, child, err);
}

bh_status bh_revision_new(bh_revision **out, const bh_child *child, bh_component *component,
                          const bh_instance_options *instance, bh_error **err)
{
	BH_AUTO(bh_revision_unref) bh_revision *revision = bh_calloc(1, sizeof *revision);
	if (!revision)
		return bh_fail_memory(err);
	atomic_init(&revision->references, 1);
	revision->component = bh_component_ref(component);
	revision->instance = instance;
	bh_status status = find_all(revision, child, err);
	if (!status)
		*out = BH_TAKE(revision);
	return status;
}

bh_status bh_revision_new_broken(bh_revision **out, const bh_error *why, bh_error **err)
{
	bh_revision *revision = bh_calloc(1, sizeof *revision);
	if (!revision)
		return bh_fail_memory(err);
	atomic_init(&revision->references, 1);
	revision->broken = bh_error_copy(why);
	*out = revision;
	return BH_OK;
}

/* Exports that were called are kept, so that they are looked up once. A name nobody knows is not. */
bh_export *bh_revision_find(bh_revision *revision, const char *name, bh_error **err)
{
	bh_named_export *found = revision->exports;
	while (found && strcmp(found->name, name) != 0)
		found = found->next;
	if (found)
		return found->export_;
	bh_export *export_ = NULL;
	if (bh_export_find(&export_, revision->component, name, err))
		return NULL;
	found = bh_calloc(1, sizeof *found + strlen(name) + 1);
	if (!found) {
		bh_export_free(export_);
		(void)bh_fail_memory(err);
		return NULL;
	}
	memcpy(found->name, name, strlen(name) + 1);
	found->export_ = export_;
	found->next = revision->exports;
	revision->exports = found;
	return export_;
}

static bh_status lacks(const char *name, bh_error **err)
{
	bh_error *e =
		bh_error_begin(err, BH_E_NO_EXPORT, "the new component has no export %s, and the old one's is in use", name);
	bh_error_hint_set(e, "If it is not needed any more, say so: bh_upgrade_options.lose_exports.");
	return BH_E_NO_EXPORT;
}

bh_status bh_revision_covers(const bh_revision *revision, const bh_revision *other, bh_error **err)
{
	if (other->snapshot && !revision->snapshot)
		return lacks(snapshot_name, err);
	for (const bh_named_export *named = other->exports; named; named = named->next) {
		bh_export *found = NULL;
		bh_status status = bh_export_find(&found, revision->component, named->name, NULL);
		bh_export_free(found);
		if (status)
			return status == BH_E_NO_MEMORY ? bh_fail_memory(err) : lacks(named->name, err);
	}
	return BH_OK;
}
