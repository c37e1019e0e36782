/* One child of the configuration: its component, its log, its place in the tree. */
#include <string.h>

#include "crew_internal.h"
#include "memory.h"
#include "say.h"

static bh_status load(hand *h, crew *c, bh_error **err)
{
	const bh_config_child *spec = h->spec;
	bh_status status = bh_config_child_terms(spec, &h->limits, &h->permissions, err);
	if (status)
		return status;
	if (spec->spawn_count)
		status = kin_new(&h->kin, spec, err);
	if (status)
		return status;
	bh_component_options options = BH_COMPONENT_OPTIONS_INIT;
	options.limits = h->limits;
	options.permissions = h->permissions;
	options.name = spec->path;
	options.wrap_modules = true;
	options.share = spec->share;
	options.imports = h->kin ? kin_imports(h->kin) : c->imports;
	options.compile_mode = spec->untrusted ? BH_COMPILE_ISOLATED : BH_COMPILE_INLINE;
	return bh_component_load_file(&h->component, c->host, spec->file, &options, err);
}

bh_status hand_new(hand **out, crew *c, generation *from, const bh_config_child *spec, bh_error **err)
{
	hand *h = sv_alloc(sizeof *h);
	if (!h)
		return bh_error_new(err, BH_E_NO_MEMORY, "no memory");
	h->from = from;
	from->references++;
	h->spec = spec;
	h->limits = (bh_limits)BH_LIMITS_INIT;
	bool runs = spec->options->kind != BH_CHILD_SUPERVISOR;
	if (runs && load(h, c, &h->broken) && !h->broken) {
		hand_free(h);
		return bh_error_new(err, BH_E_NO_MEMORY, "no memory");
	}
	*out = h;
	return BH_OK;
}

void hand_free(hand *h)
{
	if (!h)
		return;
	output_free(h->log);
	bh_child_unref(h->child);
	bh_component_unref(h->component);
	kin_unref(h->kin);
	bh_permissions_free(h->permissions);
	bh_error_free(h->broken);
	generation_unref(h->from);
	sv_free(h);
}

void hand_list(const hand *h, const hands *listed)
{
	for (size_t i = 0; h->kin && i < h->spec->spawn_count; i++) {
		const char *name = h->spec->spawn[i];
		SV_AUTO char *path = sv_format("component.%s", name);
		const hand *found = path ? hands_find(listed, path) : NULL;
		kin_set(h->kin, i, name, found ? found->component : NULL, h->component);
	}
}

static bool same_grants(const bh_permissions *a, const bh_permissions *b)
{
	size_t count = a ? bh_permissions_count(a) : 0;
	if (count != (b ? bh_permissions_count(b) : 0))
		return false;
	for (size_t i = 0; i < count; i++)
		if (strcmp(bh_permissions_describe(a, i), bh_permissions_describe(b, i)) != 0)
			return false;
	return true;
}

static bool same_limits(const bh_limits *a, const bh_limits *b)
{
	for (int i = BH_LIMIT_NONE + 1; i < BH_LIMIT_COUNT; i++)
		if (bh_limits_get(a, (bh_limit)i) != bh_limits_get(b, (bh_limit)i))
			return false;
	return a->on_memory_limit == b->on_memory_limit;
}

static bool same_code(const hand *a, const hand *b)
{
	enum { DIGEST = 32 };
	if (!a->component || !b->component)
		return a->component == b->component;
	return !memcmp(bh_component_digest(a->component), bh_component_digest(b->component), DIGEST);
}

/* What is broken and is so for another reason now, is worth another event. */
static bool same_reason(const bh_error *a, const bh_error *b)
{
	return (!a && !b) || (a && b && !strcmp(bh_error_message(a), bh_error_message(b)));
}

bool hand_same(const hand *a, const hand *b)
{
	return bh_config_child_same(a->spec, b->spec) && same_reason(a->broken, b->broken) && same_code(a, b) &&
	       same_limits(&a->limits, &b->limits) && same_grants(a->permissions, b->permissions);
}

bool hand_upgrades(const hand *a, const hand *b)
{
	return a->component && b->component && bh_config_child_same(a->spec, b->spec);
}

/* What each of its instances gets; the child points to it as long as it is there. */
static void equip(hand *h)
{
	h->instance = (bh_instance_options)BH_INSTANCE_OPTIONS_INIT;
	h->instance.args = h->spec->args;
	h->instance.arg_count = h->spec->arg_count;
	h->instance.env = h->spec->env;
	h->instance.env_count = h->spec->env_count;
	h->instance.out.mode = h->instance.err.mode = BH_STDIO_FD;
	h->instance.out.fd = h->instance.err.fd = output_fd(h->log);
	if (h->kin)
		kin_equip(h->kin, &h->instance);
}

/* Others find the hand in the crew's table, and ask for its child with the lock held. */
static bh_status plant(hand *h, crew *c, bh_child *parent, bh_error **err)
{
	bh_child *child = NULL;
	bh_child_options options = *h->spec->options;
	options.component = h->component;
	options.instance = h->log ? &h->instance : NULL;
	options.broken = h->broken;
	bh_status status = bh_child_add(&child, parent, &options, err);
	pthread_mutex_lock(&c->lock);
	h->child = child;
	pthread_mutex_unlock(&c->lock);
	return status;
}

/* Others may ask for what is in the log already. */
static bh_status give_log(hand *h, crew *c, bh_error **err)
{
	output *log = NULL;
	bh_status status = h->log ? BH_OK : output_new(&log, c->all, h->spec->path, err);
	if (log) {
		pthread_mutex_lock(&c->lock);
		h->log = log;
		pthread_mutex_unlock(&c->lock);
	}
	if (!status)
		equip(h);
	return status;
}

/* What runs nothing, or is taken as it is; else it is there with the reason why it was not. */
static bh_status plant_somehow(hand *h, crew *c, bh_child *parent, bh_error **err)
{
	bh_error *why = NULL;
	if (h->spec->options->kind == BH_CHILD_SUPERVISOR)
		return plant(h, c, parent, err);
	if (!h->broken && !plant(h, c, parent, &why))
		return BH_OK;
	if (!h->broken && !why)
		return bh_error_new(err, BH_E_NO_MEMORY, "no memory");
	if (why) {
		pthread_mutex_lock(&c->lock);
		h->broken = why;
		pthread_mutex_unlock(&c->lock);
	}
	say_failure(BH_LOG_ERROR, h->spec->path, h->broken);
	return plant(h, c, parent, err);
}

bh_status hand_add(hand *h, crew *c, bh_error **err)
{
	bh_child *parent = bh_supervisor_find(c->tree, h->spec->parent);
	if (!parent)
		return bh_error_new(err, BH_E_DOWN, "its supervisor is not there");
	bh_status status = h->spec->options->kind == BH_CHILD_SUPERVISOR ? BH_OK : give_log(h, c, err);
	if (!status)
		status = plant_somehow(h, c, parent, err);
	bh_child_unref(parent);
	return status;
}
