#include "engine/resource.h"

#include <stdatomic.h>
#include <string.h>

#include "engine/type.h"

bh_resource *bh_resource_wrap(wasmtime_component_resource_any_t *handle, bh_instance *instance)
{
	bh_resource *resource = bh_calloc(1, sizeof *resource);
	if (!resource)
		return NULL;
	resource->handle = handle;
	resource->owned = wasmtime_component_resource_any_owned(handle);
	resource->instance = instance;
	atomic_init(&resource->references, 1);
	bh_instance_retain(instance);
	return resource;
}

wasmtime_component_resource_any_t *bh_resource_lend(bh_resource *resource)
{
	return resource && resource->handle ? wasmtime_component_resource_any_clone(resource->handle) : NULL;
}

bh_instance *bh_resource_instance(const bh_resource *resource)
{
	return resource->instance;
}

bool bh_resource_live(const bh_resource *resource)
{
	return resource->owned && resource->handle;
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

static bool belongs(const bh_value *value, void *instance)
{
	if (is_handle(value))
		return value->as.resource->instance == instance;
	return each_part(value, belongs, instance);
}

bool bh_value_belongs(const bh_value *value, const bh_instance *instance)
{
	return belongs(value, (void *)instance);
}

/* Own handles become invalid on our side when the engine has taken them; borrowed ones stay. */
void bh_value_pass_on(const bh_value *value, const bh_type *type)
{
	if (type->kind == BH_KIND_OWN && is_handle(value) && value->as.resource->handle) {
		wasmtime_component_resource_any_delete(value->as.resource->handle);
		value->as.resource->handle = NULL;
		return;
	}
	switch (type->kind) {
	case BH_KIND_LIST:
	case BH_KIND_TUPLE:
		for (size_t i = 0; i < value->as.list.count; i++)
			bh_value_pass_on(&value->as.list.items[i], type->parts[type->kind == BH_KIND_TUPLE ? i : 0]);
		return;
	case BH_KIND_RECORD:
		for (size_t i = 0; i < type->count; i++) {
			const bh_value *field = bh_value_field(value, type->parts[i]->name);
			if (field)
				bh_value_pass_on(field, type->parts[i]);
		}
		return;
	case BH_KIND_VARIANT:
		for (size_t i = 0; value->as.variant.payload && i < type->count; i++)
			if (!strcmp(type->parts[i]->name, value->as.variant.name))
				bh_value_pass_on(value->as.variant.payload, type->parts[i]);
		return;
	case BH_KIND_OPTION:
		if (value->as.option)
			bh_value_pass_on(value->as.option, type->parts[0]);
		return;
	case BH_KIND_RESULT:
		if (value->as.result.payload)
			bh_value_pass_on(value->as.result.payload, type->parts[value->as.result.is_err]);
		return;
	default:
		return;
	}
}
