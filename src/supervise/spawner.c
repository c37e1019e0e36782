#include "supervise/spawner.h"

#include <string.h>

#include "base/permissions.h"
#include "host/host.h"
#include "supervise/internal.h"

#define INTERFACE "bulkhead:host/supervision@0.1.0"
#define CAPABILITY "supervision"

/* What wit/bulkhead-host/supervision.wit says, types written out. */
#define CHILD                                                                                                          \
	"child: record { name: string, component: string, kind: enum { service, task }, "                                  \
	"restart: enum { permanent, transient, temporary }, args: list<string>, capabilities: option<list<string>>, "      \
	"memory: option<u64> }"
#define STATE "enum { stopped, waiting, starting, running, stopping, ended, failed, scheduled }"
#define INFO "record { name: string, state: " STATE ", starts: u32, restarts: u32 }"
#define HOW "enum { normal, crashed, not-up, unhealthy, escalated, stopped }"
#define EXIT "record { how: " HOW ", message: string, again: bool }"
#define EVENT "record { name: string, what: variant { started, exited(" EXIT "), failed, lost(u64) } }"
#define ERROR                                                                                                          \
	"variant { invalid(string), not-found(string), denied(string), limit(string), busy(string), down(string), "        \
	"timeout(string), failed(string) }"

static const struct {
	const char *name, *signature;
	bh_host_async_fn *start;
} table[] = {
	{"spawn", "func(" CHILD ") -> result<_, " ERROR ">", bh_guest_spawn},
	{"spawn-and-wait", "func(" CHILD ", timeout-ms: u64) -> result<" EXIT ", " ERROR ">", bh_guest_spawn_and_wait},
	{"list", "func() -> list<" INFO ">", bh_guest_list},
	{"state", "func(name: string) -> result<" INFO ", " ERROR ">", bh_guest_state},
	{"stop", "func(name: string) -> result<_, " ERROR ">", bh_guest_stop},
	{"restart", "func(name: string) -> result<_, " ERROR ">", bh_guest_restart},
	{"next-event", "func(timeout-ms: u64) -> result<" EVENT ", " ERROR ">", bh_guest_next_event},
	{"call", "func(name: string, function: string, args: string, timeout-ms: u64) -> result<string, " ERROR ">",
     bh_guest_call},
};

bh_status bh_imports_define_supervision(bh_imports *imports, bh_spawner *spawner, bh_error **err)
{
	if (!imports || !spawner)
		return bh_fail(err, BH_E_INVALID, "bh_imports_define_supervision: no set, or no spawner");
	bh_status status = BH_OK;
	for (size_t i = 0; i < BH_COUNT(table) && !status; i++) {
		bh_host_function function = BH_HOST_FUNCTION_INIT;
		function.interface = INTERFACE;
		function.name = table[i].name;
		function.signature = table[i].signature;
		function.capability = CAPABILITY;
		function.start = table[i].start;
		function.data = bh_spawner_ref(spawner);
		function.free_data = bh_spawner_unref;
		status = bh_imports_define_function(imports, &function, err);
		if (status)
			bh_spawner_unref(spawner);
	}
	return status;
}

/* Spawners. */

bh_status bh_spawner_new(bh_spawner **out, const bh_spawner_options *given, bh_error **err)
{
	enum { MOST_CHILDREN = 10000, MOST_TOTAL = 100000, DEEPEST = 12 };
	bh_spawner_options o = BH_SPAWNER_OPTIONS_INIT;
	if (given)
		memcpy(&o, given, given->struct_size && given->struct_size < sizeof o ? given->struct_size : sizeof o);
	o.max_children = o.max_children ? o.max_children : 100;
	o.max_total = o.max_total ? o.max_total : 1000;
	o.max_depth = o.max_depth ? o.max_depth : 4;
	o.max_text = o.max_text ? o.max_text : (uint32_t)BH_MIB(1);
	if (o.max_children > MOST_CHILDREN || o.max_total > MOST_TOTAL || o.max_depth > DEEPEST || o.max_text > BH_MIB(64))
		return bh_fail(err, BH_E_INVALID,
		               "bh_spawner_new: at most %d children of one, %d of all, %d deep, 64 MiB of text", MOST_CHILDREN,
		               MOST_TOTAL, DEEPEST);
	bh_spawner *spawner = bh_calloc(1, sizeof *spawner);
	if (!spawner)
		return bh_fail_memory(err);
	atomic_init(&spawner->references, 1);
	atomic_init(&spawner->living, 0);
	pthread_mutex_init(&spawner->lock, NULL);
	spawner->options = o;
	*out = spawner;
	return BH_OK;
}

bh_spawner *bh_spawner_ref(bh_spawner *spawner)
{
	atomic_fetch_add_explicit(&spawner->references, 1, memory_order_relaxed);
	return spawner;
}

void bh_spawner_unref(void *data)
{
	bh_spawner *spawner = data;
	if (!spawner || atomic_fetch_sub_explicit(&spawner->references, 1, memory_order_acq_rel) != 1)
		return;
	bh_free(spawner->list); /* empty: its owner has freed it */
	pthread_mutex_destroy(&spawner->lock);
	bh_free(spawner);
}

static void drop(bh_spawnable *entry)
{
	bh_free(entry->name);
	bh_component_unref(entry->component);
}

/* A component may be the last thing that keeps its imports, and those us: not with the lock held. */
void bh_spawner_free(bh_spawner *spawner)
{
	if (!spawner)
		return;
	pthread_mutex_lock(&spawner->lock);
	bh_spawnable *list = BH_TAKE(spawner->list);
	size_t count = spawner->count;
	spawner->count = spawner->capacity = 0;
	pthread_mutex_unlock(&spawner->lock);
	for (size_t i = 0; i < count; i++)
		drop(&list[i]);
	bh_free(list);
	bh_spawner_unref(spawner);
}

/* With the lock held. */
static bh_spawnable *find(const bh_spawner *spawner, const char *name)
{
	for (size_t i = 0; i < spawner->count; i++)
		if (!strcmp(spawner->list[i].name, name))
			return &spawner->list[i];
	return NULL;
}

static bh_status append(bh_spawner *spawner, const bh_spawnable *entry, bh_error **err)
{
	bh_spawnable *grown = bh_grow(spawner->list, spawner->count, &spawner->capacity, sizeof *grown);
	if (!grown)
		return bh_fail_memory(err);
	spawner->list = grown;
	grown[spawner->count++] = *entry;
	return BH_OK;
}

/* What is not on the list afterwards is left in `entry`. */
static bh_status put(bh_spawner *spawner, bh_spawnable *entry, bool replace, bh_error **err)
{
	bh_spawnable *before = find(spawner, entry->name), added = *entry;
	if (before && !replace)
		return bh_fail(err, BH_E_INVALID, "%s is on the list already", entry->name);
	bh_status status = before ? BH_OK : append(spawner, &added, err);
	if (status)
		return status;
	*entry = before ? *before : (bh_spawnable){0};
	if (before)
		*before = added;
	return BH_OK;
}

static bh_status list_it(bh_spawner *spawner, const char *name, bh_component *component,
                         const bh_instance_options *instance, bool replace, bh_error **err)
{
	if (!spawner || !component || !name || !bh_is_child_name(name) || *name == '.')
		return bh_fail(err, BH_E_INVALID, "%s: a component, and a name of letters, digits, '-', '_', '.'",
		               replace ? "bh_spawner_replace" : "bh_spawner_allow");
	bh_spawnable entry = {bh_strdup(name), bh_component_ref(component), instance};
	pthread_mutex_lock(&spawner->lock);
	bh_status status = entry.name ? put(spawner, &entry, replace, err) : bh_fail_memory(err);
	pthread_mutex_unlock(&spawner->lock);
	drop(&entry);
	return status;
}

bh_status bh_spawner_allow(bh_spawner *spawner, const char *name, bh_component *component,
                           const bh_instance_options *instance, bh_error **err)
{
	return list_it(spawner, name, component, instance, false, err);
}

bh_status bh_spawner_replace(bh_spawner *spawner, const char *name, bh_component *component,
                             const bh_instance_options *instance, bh_error **err)
{
	return list_it(spawner, name, component, instance, true, err);
}

void bh_spawner_forbid(bh_spawner *spawner, const char *name)
{
	bh_spawnable gone = {0};
	pthread_mutex_lock(&spawner->lock);
	bh_spawnable *entry = find(spawner, name);
	if (entry) {
		gone = *entry;
		*entry = spawner->list[--spawner->count];
	}
	pthread_mutex_unlock(&spawner->lock);
	drop(&gone);
}

bh_status bh_spawner_find(bh_spawnable *out, bh_spawner *spawner, const char *name, bh_error **err)
{
	pthread_mutex_lock(&spawner->lock);
	const bh_spawnable *entry = find(spawner, name);
	if (entry)
		*out = (bh_spawnable){.component = bh_component_ref(entry->component), .instance = entry->instance};
	pthread_mutex_unlock(&spawner->lock);
	return entry ? BH_OK : bh_fail(err, BH_E_NOT_FOUND, "%s is not on the host's list", name);
}

bh_status bh_spawner_count(bh_spawner *spawner, bh_error **err)
{
	if (atomic_fetch_add(&spawner->living, 1) < spawner->options.max_total) {
		bh_spawner_ref(spawner);
		return BH_OK;
	}
	atomic_fetch_sub(&spawner->living, 1);
	return bh_fail(err, BH_E_RESOURCE_LIMIT, "as many children as all guests together may have: %u",
	               spawner->options.max_total);
}

void bh_spawner_forget(bh_spawner *spawner)
{
	if (!spawner)
		return;
	atomic_fetch_sub(&spawner->living, 1);
	bh_spawner_unref(spawner);
}

/* Bounds. */

/* Fewer capabilities, where that is asked for; what is not on the list cannot be among them. */
static bh_status fewer(bh_permissions **out, const bh_permissions *listed, const bh_spawn_bounds *bounds,
                       bh_error **err)
{
	for (size_t i = 0; i < bounds->capability_count; i++)
		if (!listed || !bh_permissions_capable(listed, bounds->capabilities[i]))
			return bh_fail(err, BH_E_DENIED, "the host's list does not grant it the capability %s",
			               bounds->capabilities[i]);
	return listed ? bh_permissions_copy_with(out, listed, bounds->capabilities, bounds->capability_count, err) : BH_OK;
}

/* The guest is not told what folders and peers others have. */
static bh_status check_within(const bh_permissions *asked, const bh_permissions *granted, bh_error **err)
{
	const char *capability;
	for (size_t i = 0; asked && (capability = bh_permissions_capability_at(asked, i)); i++)
		if (!granted || !bh_permissions_capable(granted, capability))
			return bh_fail(err, BH_E_DENIED, "it needs the capability %s, which its parent was not granted",
			               capability);
	if (!asked || !bh_permissions_count(asked))
		return BH_OK;
	bh_status status = granted ? bh_permissions_within(asked, granted, NULL) : BH_E_DENIED;
	return status == BH_E_DENIED
	           ? bh_fail(err, BH_E_DENIED, "it is granted folders or peers that its parent was not granted")
	       : status ? bh_fail_memory(err)
	                : BH_OK;
}

static bh_status check_limits(const bh_limits *asked, const bh_limits *parent, bh_error **err)
{
	bh_limits limits = *asked;
	BH_AUTO(bh_error_free) bh_error *why = NULL;
	if (!bh_limits_bound(&limits, parent, BH_CEILING_REJECT, &why))
		return BH_OK;
	uint64_t allowed, wanted;
	int limit = bh_error_limit(why, &allowed, &wanted);
	const bh_limit_info *info = bh_limit_describe((bh_limit)limit);
	char has[48], wants[48];
	bh_limit_format(has, sizeof has, (bh_limit)limit, allowed);
	bh_limit_format(wants, sizeof wants, (bh_limit)limit, wanted);
	return bh_fail(err, BH_E_DENIED, "its %s is %s, its parent's %s", info ? info->key : "limit", wants, has);
}

static bh_status narrow(bh_component **out, const bh_spawnable *what, const bh_limits *limits,
                        const bh_permissions *permissions, bh_error **err)
{
	bh_component_options options = BH_COMPONENT_OPTIONS_INIT;
	options.limits = *limits;
	options.permissions = permissions;
	options.imports = bh_code_provided(what->component->code);
	options.interceptors = bh_intercept_chain_own(what->component->chain);
	options.share = what->component->group.share;
	return bh_component_wrap(out, what->component->host, what->component, &options, err);
}

bh_status bh_spawner_bound(bh_component **out, bh_component *parent, const bh_spawnable *what,
                           const bh_spawn_bounds *bounds, bh_error **err)
{
	BH_AUTO(bh_permissions_free) bh_permissions *some = NULL;
	const bh_permissions *permissions = bh_component_permissions(what->component);
	bh_limits limits = *bh_component_limits(what->component);
	bh_status status = bounds->capabilities ? fewer(&some, permissions, bounds, err) : BH_OK;
	if (some)
		permissions = some;
	if (!status && bounds->memory > limits.memory)
		status = bh_fail(err, BH_E_DENIED, "more memory than on the host's list");
	if (!status && bounds->memory) {
		limits.memory = bounds->memory;
		if (limits.initial_memory > limits.memory)
			limits.initial_memory = limits.memory;
	}
	if (!status)
		status = check_within(permissions, bh_component_permissions(parent), err);
	if (!status)
		status = check_limits(&limits, bh_component_limits(parent), err);
	if (status)
		return status;
	if (some || bounds->memory)
		return narrow(out, what, &limits, permissions, err);
	*out = bh_component_ref(what->component);
	return BH_OK;
}
