/* Upgrades: of what a configuration changed in nothing but its component, and of what somebody asks for. */
#include <stdlib.h>
#include <string.h>

#include "crew_internal.h"
#include "memory.h"
#include "say.h"

/* Loading takes long, and a thread each: more at once have to be asked for again. */
enum { MOST_UPGRADES = 4 };

/* Several that are waited for together. */
typedef struct {
	pthread_mutex_t lock;
	pthread_cond_t changed;
	size_t pending;
} batch;

typedef struct {
	batch *all;
	hand *to;
	bool done;
} one_of_batch;

/* What is in force is exchanged; the rest of the new hand goes with it later. */
static void take_over(hand *before, hand *to)
{
	bh_component *component = before->component;
	bh_permissions *permissions = before->permissions;
	before->component = to->component;
	before->permissions = to->permissions;
	before->limits = to->limits;
	kin *list = before->kin;
	before->kin = to->kin;
	to->kin = list;
	to->component = component;
	to->permissions = permissions;
}

static void upgraded(void *data, bh_child *child, bh_status status, const bh_error *why)
{
	one_of_batch *one = data;
	(void)child;
	if (status)
		say_failure(BH_LOG_ERROR, one->to->spec->path, why);
	pthread_mutex_lock(&one->all->lock);
	one->done = !status;
	one->all->pending--;
	pthread_cond_signal(&one->all->changed);
	pthread_mutex_unlock(&one->all->lock);
}

/* The configuration says so: exports may be lost by it. */
static void begin(one_of_batch *one)
{
	bh_upgrade_options options = BH_UPGRADE_OPTIONS_INIT;
	bh_error *err = NULL;
	if (one->to->kin)
		kin_equip(one->to->kin, &one->to->before->instance);
	options.lose_exports = true;
	options.done = upgraded;
	options.done_data = one;
	pthread_mutex_lock(&one->all->lock);
	one->all->pending++;
	pthread_mutex_unlock(&one->all->lock);
	if (bh_child_upgrade(one->to->before->child, one->to->component, &options, &err))
		upgraded(one, NULL, BH_E_INVALID, err);
	bh_error_free(err);
}

void crew_upgrade_all(crew *c, hand *const *items, size_t count)
{
	batch all = {.lock = PTHREAD_MUTEX_INITIALIZER, .changed = PTHREAD_COND_INITIALIZER};
	one_of_batch *each = sv_alloc((count + 1) * sizeof *each);
	for (size_t i = 0; i < count && each; i++) {
		each[i] = (one_of_batch){.all = &all, .to = items[i]};
		if (items[i]->duty == HAND_UPGRADE)
			begin(&each[i]);
	}
	/* Each is bounded by the times that its child has to come up and to stop. */
	pthread_mutex_lock(&all.lock);
	while (all.pending)
		pthread_cond_wait(&all.changed, &all.lock);
	pthread_mutex_unlock(&all.lock);
	pthread_mutex_lock(&c->lock);
	for (size_t i = 0; i < count && each; i++)
		if (each[i].done)
			take_over(items[i]->before, items[i]);
	pthread_mutex_unlock(&c->lock);
	sv_free(each);
}

/* Asked for. */

typedef struct {
	crew *crew;
	bh_child *child;
	char *path, *file, *configured_file;
	bh_limits limits;
	bh_permissions *permissions;
	bh_component *component;
	kin *kin;
	uint32_t share;
	bool untrusted;
	bool configured; /* the file is the one that the configuration names */
	void (*done)(void *data, bh_status status, const bh_error *err);
	void *done_data;
} request;

static void request_free(request *r)
{
	bh_child_unref(r->child);
	bh_component_unref(r->component);
	kin_unref(r->kin);
	bh_permissions_free(r->permissions);
	sv_free(r->path);
	sv_free(r->file);
	sv_free(r->configured_file);
	sv_free(r);
}

/* What the next reload compares with: the bytes that the configured file had. */
static void note_component(request *r)
{
	crew *c = r->crew;
	pthread_mutex_lock(&c->lock);
	hand *h = r->configured ? hands_find(&c->now, r->path) : NULL;
	if (h && h->child == r->child) {
		bh_component_unref(h->component);
		h->component = bh_component_ref(r->component);
	}
	pthread_mutex_unlock(&c->lock);
}

static void finish(request *r, bh_status status, const bh_error *err)
{
	crew *c = r->crew;
	if (!status)
		note_component(r);
	r->done(r->done_data, status, err);
	request_free(r);
	pthread_mutex_lock(&c->lock);
	c->upgrades--;
	pthread_cond_broadcast(&c->settled);
	pthread_mutex_unlock(&c->lock);
}

static void asked_for_done(void *data, bh_child *child, bh_status status, const bh_error *why)
{
	(void)child;
	finish(data, status, why);
}

static bool is_same_file(const char *a, const char *b)
{
	char *one = realpath(a, NULL), *other = realpath(b, NULL);
	bool same = one && other && !strcmp(one, other);
	sv_free(one);
	sv_free(other);
	return same;
}

static void *load_and_upgrade(void *data)
{
	request *r = data;
	bh_error *err = NULL;
	bh_component_options options = BH_COMPONENT_OPTIONS_INIT;
	options.limits = r->limits;
	options.permissions = r->permissions;
	options.name = r->path;
	options.wrap_modules = true;
	options.share = r->share;
	options.imports = r->kin ? kin_imports(r->kin) : r->crew->imports;
	options.compile_mode = r->untrusted ? BH_COMPILE_ISOLATED : BH_COMPILE_INLINE;
	/* Here, as a folder that answers late must not hold up who asked, nor who waits for the lock. */
	r->configured = is_same_file(r->file, r->configured_file);
	bh_status status = bh_component_load_file(&r->component, r->crew->host, r->file, &options, &err);
	bh_upgrade_options how = BH_UPGRADE_OPTIONS_INIT;
	how.done = asked_for_done;
	how.done_data = r;
	if (!status)
		status = bh_child_upgrade(r->child, r->component, &how, &err);
	if (status)
		finish(r, status, err);
	bh_error_free(err);
	return NULL;
}

/* With the lock held: all that the thread needs, as copies. */
static bh_status fill(request *r, crew *c, const char *path, const char *file, bh_error **err)
{
	const hand *h = hands_find(&c->now, path);
	if (c->finishing)
		return bh_error_new(err, BH_E_DOWN, "the daemon is stopping");
	if (!h || !h->child)
		return bh_error_new(err, BH_E_NOT_FOUND, "%s: no such child", path);
	if (!h->component)
		return bh_error_new(err, BH_E_INVALID,
		                    h->broken ? "%s cannot run; mend its file, and reload" : "%s is a supervisor", path);
	if (c->upgrades >= MOST_UPGRADES)
		return bh_error_new(err, BH_E_BUSY, "%d upgrades are under way", MOST_UPGRADES);
	r->crew = c;
	r->child = bh_child_ref(h->child);
	r->limits = h->limits;
	r->kin = h->kin ? kin_ref(h->kin) : NULL;
	r->share = h->spec->share;
	r->untrusted = h->spec->untrusted;
	r->path = sv_copy(path);
	r->file = sv_copy(file);
	r->configured_file = sv_copy(h->spec->file);
	if (!r->path || !r->file || !r->configured_file)
		return bh_error_new(err, BH_E_NO_MEMORY, "no memory");
	return h->permissions ? bh_permissions_copy(&r->permissions, h->permissions, err) : BH_OK;
}

bh_status crew_upgrade(crew *c, const char *path, const char *file,
                       void (*done)(void *data, bh_status status, const bh_error *err), void *done_data, bh_error **err)
{
	pthread_t thread;
	request *r = sv_alloc(sizeof *r);
	if (!r)
		return bh_error_new(err, BH_E_NO_MEMORY, "no memory");
	r->done = done;
	r->done_data = done_data;
	pthread_mutex_lock(&c->lock);
	bh_status status = fill(r, c, path, file, err);
	if (!status && pthread_create(&thread, NULL, load_and_upgrade, r))
		status = bh_error_new(err, BH_E_SYSTEM, "no thread for an upgrade");
	if (!status) {
		pthread_detach(thread);
		c->upgrades++;
	}
	pthread_mutex_unlock(&c->lock);
	if (status)
		request_free(r);
	return status;
}

void crew_finish(crew *c)
{
	pthread_mutex_lock(&c->lock);
	c->finishing = true;
	while (c->upgrades)
		pthread_cond_wait(&c->settled, &c->lock);
	pthread_mutex_unlock(&c->lock);
}
