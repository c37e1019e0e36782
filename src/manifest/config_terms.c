/* What a child of a configuration gets, and whether two of them are the same. */
#include <string.h>

#include "base/permissions.h"
#include "manifest/config.h"
#include "manifest/manifest.h"

static bool same_text(const char *a, const char *b)
{
	return a == b || (a && b && !strcmp(a, b));
}

static bool same_texts(const char *const *a, size_t a_count, const char *const *b, size_t b_count)
{
	if (a_count != b_count)
		return false;
	for (size_t i = 0; i < a_count; i++)
		if (strcmp(a[i], b[i]) != 0)
			return false;
	return true;
}

static bool same_permissions(const bh_permissions *a, const bh_permissions *b)
{
	if (!a || !b)
		return a == b;
	size_t count = bh_permissions_count(a);
	if (count != bh_permissions_count(b))
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

/* What one key says, by the kind of value that it has: no key can be forgotten. */
static bool same_value(const bh_config_key *key, const bh_config_entry *a, const bh_config_entry *b)
{
	const void *x = (const char *)a + key->offset, *y = (const char *)b + key->offset;
	if (key->read == bh_config_amount)
		return *(const uint64_t *)x == *(const uint64_t *)y;
	if (key->read == bh_config_amount32 || key->read == bh_config_factor || key->read == bh_config_choice)
		return *(const uint32_t *)x == *(const uint32_t *)y;
	if (key->read == bh_config_flag)
		return *(const bool *)x == *(const bool *)y;
	if (key->read == bh_config_limits)
		return same_limits(x, y);
	if (key->read == bh_config_grants)
		return same_permissions(a->shown.permissions, b->shown.permissions);
	if (key->read == bh_config_list)
		return same_texts(a->shown.args, a->shown.arg_count, b->shown.args, b->shown.arg_count);
	if (key->read == bh_config_env)
		return same_texts(a->shown.env, a->shown.env_count, b->shown.env, b->shown.env_count);
	if (key->read == bh_config_spawn)
		return same_texts(a->shown.spawn, a->shown.spawn_count, b->shown.spawn, b->shown.spawn_count);
	return same_text(*(const char *const *)x, *(const char *const *)y);
}

bool bh_config_child_same(const bh_config_child *one, const bh_config_child *other)
{
	const bh_config_entry *a = (const bh_config_entry *)one, *b = (const bh_config_entry *)other;
	if (a->options.kind != b->options.kind || !same_text(one->path, other->path))
		return false;
	for (size_t i = 0; i < bh_config_child_section.count; i++)
		if (!same_value(&bh_config_child_section.keys[i], a, b))
			return false;
	return true;
}

static bool same_host(const bh_config *a, const bh_config *b)
{
	const bh_host_options *x = &a->host, *y = &b->host;
	return x->profile == y->profile && x->allocation == y->allocation && x->pool_slots == y->pool_slots &&
	       x->default_stack == y->default_stack && same_limits(&x->ceilings, &y->ceilings) &&
	       x->ceiling_policy == y->ceiling_policy && x->workers == y->workers && x->queue == y->queue &&
	       x->memory_budget == y->memory_budget && a->cache.mode == b->cache.mode &&
	       a->cache.max_bytes == b->cache.max_bytes && same_text(a->cache.dir, b->cache.dir);
}

static bool same_root(const bh_child_options *a, const bh_child_options *b)
{
	return a->strategy == b->strategy && a->on_intensity == b->on_intensity && a->most_restarts == b->most_restarts &&
	       a->window_ms == b->window_ms;
}

bool bh_config_needs_restart(const bh_config *a, const bh_config *b)
{
	return !same_host(a, b) || !same_root(&a->root, &b->root) || !same_text(a->admin.socket, b->admin.socket) ||
	       !same_text(a->admin.listen, b->admin.listen) || !same_text(a->admin.token_file, b->admin.token_file);
}

/* The manifest that is named, or found beside the component; NULL: none. */
static bh_status load_manifest(bh_manifest **out, const bh_config_child *child, bh_error **err)
{
	if (child->manifest)
		return bh_manifest_load(out, child->manifest, err);
	BH_AUTO(bh_free) char *path = NULL;
	bh_status status = bh_manifest_find(&path, child->file, err);
	return status || !path ? status : bh_manifest_load(out, path, err);
}

/* A program runs as long as it likes, a call of a service does not. */
static void fill(bh_limits *limits, bh_child_kind kind)
{
	if (kind == BH_CHILD_TASK && !limits->fuel)
		limits->fuel = BH_UNLIMITED;
	if (kind == BH_CHILD_TASK && !limits->execution_ms)
		limits->execution_ms = BH_UNLIMITED;
	bh_limits_fill(limits);
}

static const char *table_of(const bh_config_child *child)
{
	return child->listed ? "component" : child->options->kind == BH_CHILD_TASK ? "task" : "service";
}

/* A list without the right to use it is a mistake, whichever of the two was meant. */
static bh_status may_not_spawn(const bh_config_child *child, bh_error **err)
{
	bh_error *e = bh_error_begin(err, BH_E_CONFIG, "%s: spawn without the capability supervision", child->path);
	bh_error_hint_set(e,
	                  "Grant it below [%s.%s.permissions], or in the manifest where that has the permissions:\n\n"
	                  "    capabilities = [\"supervision\"]",
	                  table_of(child), child->options->name);
	return BH_E_CONFIG;
}

bh_status bh_config_child_terms(const bh_config_child *child, bh_limits *limits, bh_permissions **permissions,
                                bh_error **err)
{
	if (child->options->kind == BH_CHILD_SUPERVISOR)
		return bh_fail(err, BH_E_INVALID, "%s: a supervisor runs no component", child->path);
	BH_AUTO(bh_manifest_free) bh_manifest *manifest = NULL;
	bh_status status = load_manifest(&manifest, child, err);
	if (status)
		return status;
	bh_limits both = *child->limits;
	for (int i = BH_LIMIT_NONE + 1; i < BH_LIMIT_COUNT && manifest; i++)
		if (!bh_limits_get(&both, (bh_limit)i))
			bh_limits_set(&both, (bh_limit)i, bh_limits_get(bh_manifest_limits(manifest), (bh_limit)i));
	if (manifest && !both.on_memory_limit)
		both.on_memory_limit = bh_manifest_limits(manifest)->on_memory_limit;
	if (!both.memory) {
		bh_error *e = bh_error_begin(err, BH_E_MISSING_LIMITS, "%s: no memory limit declared", child->path);
		bh_error_hint_set(e, "Add below [%s.%s.limits]:\n\n    max_memory = \"64MB\"", table_of(child),
		                  child->options->name);
		return BH_E_MISSING_LIMITS;
	}
	fill(&both, child->options->kind);
	status = bh_limits_check(&both, err);
	if (status)
		return status;
	const bh_permissions *granted = child->permissions ? child->permissions
	                                : manifest         ? bh_manifest_permissions(manifest)
	                                                   : NULL;
	if (child->spawn_count && !(granted && bh_permissions_capable(granted, "supervision")))
		return may_not_spawn(child, err);
	status = granted ? bh_permissions_copy(permissions, granted, err) : bh_permissions_new(permissions, err);
	if (!status)
		*limits = both;
	return status;
}
