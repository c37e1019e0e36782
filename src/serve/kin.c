#include "kin.h"

#include <stdatomic.h>

#include "memory.h"
#include "say.h"

struct kin {
	_Atomic unsigned references;
	bh_spawner *spawner;
	bh_imports *imports;
	bh_instance_options instance;
	size_t count;
	bh_component *listed[]; /* as the list has them; NULL: it has not */
};

bh_status kin_new(kin **out, const bh_config_child *spec, bh_error **err)
{
	kin *k = sv_alloc(sizeof *k + spec->spawn_count * sizeof *k->listed);
	if (!k)
		return bh_error_new(err, BH_E_NO_MEMORY, "no memory");
	atomic_init(&k->references, 1);
	k->count = spec->spawn_count;
	k->instance = (bh_instance_options)BH_INSTANCE_OPTIONS_INIT;
	bh_spawner_options bounds = BH_SPAWNER_OPTIONS_INIT;
	bounds.max_children = spec->spawn_children;
	bounds.max_total = spec->spawn_total;
	bounds.max_depth = spec->spawn_depth;
	bh_status status = bh_spawner_new(&k->spawner, &bounds, err);
	if (!status)
		status = bh_imports_new(&k->imports, err);
	if (!status)
		status = bh_imports_define_bulkhead_host(k->imports, NULL, err);
	if (!status)
		status = bh_imports_define_supervision(k->imports, k->spawner, err);
	if (status)
		kin_unref(k);
	else
		*out = k;
	return status;
}

kin *kin_ref(kin *k)
{
	atomic_fetch_add_explicit(&k->references, 1, memory_order_relaxed);
	return k;
}

/* Emptying the list first undoes the circle of a component that may spawn its like. */
void kin_unref(kin *k)
{
	if (!k || atomic_fetch_sub_explicit(&k->references, 1, memory_order_acq_rel) != 1)
		return;
	bh_spawner_free(k->spawner);
	bh_imports_free(k->imports);
	for (size_t i = 0; i < k->count; i++)
		bh_component_unref(k->listed[i]);
	sv_free(k);
}

bh_imports *kin_imports(const kin *k)
{
	return k->imports;
}

void kin_equip(kin *k, const bh_instance_options *as)
{
	k->instance.out = as->out;
	k->instance.err = as->err;
}

/* Spawning it would be denied each time, which the guest alone would know. */
static void say_never(const char *name, const bh_component *component, const bh_component *own)
{
	const bh_limits *asked = bh_component_limits(component), *most = bh_component_limits(own);
	const bh_permissions *grants = bh_component_permissions(component), *granted = bh_component_permissions(own);
	bh_error *why = NULL;
	for (int i = BH_LIMIT_NONE + 1; i < BH_LIMIT_COUNT; i++)
		if (bh_limits_get(asked, (bh_limit)i) > bh_limits_get(most, (bh_limit)i)) {
			say(BH_LOG_WARNING, "%s cannot spawn %s: that one's %s is above its own", bh_component_name(own), name,
			    bh_limit_describe((bh_limit)i)->key);
			return;
		}
	if (grants && granted && bh_permissions_within(grants, granted, &why) == BH_E_DENIED)
		say(BH_LOG_WARNING, "%s cannot spawn %s: that one has more permissions: %s", bh_component_name(own), name,
		    why ? bh_error_message(why) : "");
	bh_error_free(why);
}

void kin_set(kin *k, size_t nth, const char *name, bh_component *component, bh_component *own)
{
	bh_error *err = NULL;
	if (nth >= k->count || k->listed[nth] == component)
		return;
	bh_status status = BH_OK;
	if (component)
		status = bh_spawner_replace(k->spawner, name, component, &k->instance, &err);
	else
		bh_spawner_forbid(k->spawner, name);
	/* The one before stays, which is better than none; the next configuration tries again. */
	if (status) {
		say_failure(BH_LOG_ERROR, name, err);
		bh_error_free(err);
		return;
	}
	bh_component_unref(k->listed[nth]);
	k->listed[nth] = component ? bh_component_ref(component) : NULL;
	if (component && own)
		say_never(name, component, own);
}
