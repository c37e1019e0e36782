#include "engine/resource.h"

#include <stdatomic.h>
#include <string.h>

#include "engine/type.h"

bh_resource *bh_resource_wrap(wasmtime_component_resource_any_t *handle)
{
	bh_resource *resource = bh_calloc(1, sizeof *resource);
	if (!resource)
		return NULL;
	resource->handle = handle;
	resource->owned = wasmtime_component_resource_any_owned(handle);
	atomic_init(&resource->references, 1);
	return resource;
}

const wasmtime_component_resource_any_t *bh_resource_lend(bh_resource *resource)
{
	return resource ? resource->handle : NULL;
}

bool bh_resource_here(const bh_resource *resource)
{
	return resource && (resource->handle || resource->host.kind) && !resource->given;
}

bh_instance *bh_resource_instance(const bh_resource *resource)
{
	return resource->instance;
}

bool bh_resource_live(const bh_resource *resource)
{
	return resource->owned && resource->handle && bh_resource_here(resource);
}

bh_resource *bh_resource_ref(bh_resource *resource)
{
	atomic_fetch_add(&resource->references, 1);
	return resource;
}

void bh_resource_unref(bh_resource *resource)
{
	if (!resource || atomic_fetch_sub(&resource->references, 1) != 1)
		return;
	if (resource->handle)
		wasmtime_component_resource_any_delete(resource->handle);
	bh_resource_forget_host(resource);
	bh_instance_release(resource->instance);
	bh_free(resource);
}

/* Calls `visit` for every value that is directly below `value`. */
static bool each_part(const bh_value *value, bool (*visit)(const bh_value *part, void *data), void *data)
{
	switch ((bh_kind)value->kind) {
	case BH_KIND_LIST:
	case BH_KIND_TUPLE:
		for (size_t i = 0; i < value->as.list.count; i++)
			if (!visit(&value->as.list.items[i], data))
				return false;
		return true;
	case BH_KIND_RECORD:
		for (size_t i = 0; i < value->as.record.count; i++)
			if (!visit(&value->as.record.fields[i].value, data))
				return false;
		return true;
	case BH_KIND_VARIANT:
		return !value->as.variant.payload || visit(value->as.variant.payload, data);
	case BH_KIND_OPTION:
		return !value->as.option || visit(value->as.option, data);
	case BH_KIND_RESULT:
		return !value->as.result.payload || visit(value->as.result.payload, data);
	default:
		return true;
	}
}

static bool is_handle(const bh_value *value)
{
	return (value->kind == BH_KIND_OWN || value->kind == BH_KIND_BORROW) && value->as.resource;
}

typedef struct {
	bool (*visit)(bh_resource *resource, void *data);
	void *data;
} visiting;

static bool visit_handles(const bh_value *value, void *data)
{
	const visiting *v = data;
	return is_handle(value) ? v->visit(value->as.resource, v->data) : each_part(value, visit_handles, data);
}

bool bh_value_handles(const bh_value *value, bool (*visit)(bh_resource *resource, void *data), void *data)
{
	visiting v = {visit, data};
	return visit_handles(value, &v);
}

static bool belongs(bh_resource *resource, void *instance)
{
	return resource->host.kind || resource->instance == instance;
}

bool bh_value_belongs(const bh_value *value, const bh_instance *instance)
{
	return bh_value_handles(value, belongs, (void *)instance);
}

static bool adopt(bh_resource *resource, void *instance)
{
	if (resource->host.kind)
		return true;
	resource->instance = instance;
	bh_instance_retain(instance);
	return true;
}

void bh_value_adopt(const bh_value *value, bh_instance *instance)
{
	bh_value_handles(value, adopt, instance);
}

typedef bool handle_visit(bh_resource *resource, bh_kind as, void *data);

/* Calls `visit` for every handle in a value that fits its type, until it says false. */
static bool each_handle(const bh_value *value, const bh_type *type, handle_visit *visit, void *data)
{
	switch (type->kind) {
	case BH_KIND_OWN:
	case BH_KIND_BORROW:
		return visit(value->as.resource, type->kind, data);
	case BH_KIND_LIST:
	case BH_KIND_TUPLE:
		for (size_t i = 0; i < value->as.list.count; i++)
			if (!each_handle(&value->as.list.items[i], type->parts[type->kind == BH_KIND_TUPLE ? i : 0], visit, data))
				return false;
		return true;
	case BH_KIND_RECORD:
		for (size_t i = 0; i < type->count; i++) {
			const bh_value *field = bh_value_field(value, type->parts[i]->name);
			if (field && !each_handle(field, type->parts[i], visit, data))
				return false;
		}
		return true;
	case BH_KIND_VARIANT:
		for (size_t i = 0; value->as.variant.payload && i < type->count; i++)
			if (!strcmp(type->parts[i]->name, value->as.variant.name))
				return each_handle(value->as.variant.payload, type->parts[i], visit, data);
		return true;
	case BH_KIND_OPTION:
		return !value->as.option || each_handle(value->as.option, type->parts[0], visit, data);
	case BH_KIND_RESULT:
		return !value->as.result.payload ||
		       each_handle(value->as.result.payload, type->parts[value->as.result.is_err], visit, data);
	default:
		return true;
	}
}

bool bh_args_handles(const bh_value *args, const bh_type *params, size_t count, handle_visit *visit, void *data)
{
	for (size_t i = 0; i < count; i++)
		if (!each_handle(&args[i], params->parts[i], visit, data))
			return false;
	return true;
}

static bool claim(bh_resource *resource, bh_kind as, void *data)
{
	const uint64_t *call = data;
	if (as == BH_KIND_OWN && resource->given_in == *call)
		return false;
	if (as == BH_KIND_OWN)
		resource->given_in = *call;
	return true;
}

static bool not_claimed(bh_resource *resource, bh_kind as, void *data)
{
	const uint64_t *call = data;
	return as == BH_KIND_OWN || resource->given_in != *call;
}

/* The engine would find out about a handle that is not there any more too late, and trap. */
bool bh_args_claim(const bh_value *args, const bh_type *params, size_t count, uint64_t call)
{
	return bh_args_handles(args, params, count, claim, &call) &&
	       bh_args_handles(args, params, count, not_claimed, &call);
}

static bool give(bh_resource *resource, bh_kind as, void *data)
{
	(void)data;
	resource->given |= as == BH_KIND_OWN;
	return true;
}

void bh_args_give(const bh_value *args, const bh_type *params, size_t count)
{
	bh_args_handles(args, params, count, give, NULL);
}
