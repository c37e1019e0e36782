/*
 * Values from the engine. What the guest sent has been checked by the engine against its type and bounded by
 * max_hostcall_bytes; strings are taken over, not copied.
 */
#include <string.h>

#include "engine/resource.h"
#include "engine/type.h"

typedef struct {
	bh_instance *instance;
	bool no_memory;
	bool dead_handle;
} lifting;

static void lift(lifting *l, bh_value *out, wasmtime_component_val_t *from, const bh_type *type);

/* Take a string over: only a NUL is added behind it. */
static char *take_name(lifting *l, wasm_name_t *name, size_t *length)
{
	*length = name->size;
	char *text = name->size ? bh_realloc(name->data, name->size + 1) : bh_alloc(1);
	if (!text) {
		l->no_memory = true;
		return NULL;
	}
	text[name->size] = '\0';
	*name = (wasm_name_t){0};
	return text;
}

static char *take_text(lifting *l, wasm_name_t *name)
{
	size_t length;
	return take_name(l, name, &length);
}

static bh_value *lift_boxed(lifting *l, wasmtime_component_val_t *from, const bh_type *type)
{
	if (!from)
		return NULL;
	bh_value *value = bh_calloc(1, sizeof *value);
	if (value)
		lift(l, value, from, type);
	l->no_memory |= !value;
	return value;
}

static void lift_items(lifting *l, bh_value *out, wasmtime_component_val_t *items, size_t count, const bh_type *type)
{
	out->as.list.items = bh_calloc(count, sizeof *out->as.list.items);
	if (!out->as.list.items) {
		l->no_memory = true;
		return;
	}
	out->as.list.count = count;
	for (size_t i = 0; i < count; i++)
		lift(l, &out->as.list.items[i], &items[i], type->kind == BH_KIND_TUPLE ? type->parts[i] : type->parts[0]);
}

static void lift_bytes(lifting *l, bh_value *out, const wasmtime_component_vallist_t *list)
{
	uint8_t *data = bh_alloc(list->size + 1);
	if (!data) {
		l->no_memory = true;
		return;
	}
	for (size_t i = 0; i < list->size; i++)
		data[i] = list->data[i].of.u8;
	data[list->size] = 0;
	out->as.bytes.data = data;
	out->as.bytes.length = list->size;
}

static void lift_record(lifting *l, bh_value *out, wasmtime_component_valrecord_t *record, const bh_type *type)
{
	out->as.record.fields = bh_calloc(record->size, sizeof *out->as.record.fields);
	if (!out->as.record.fields) {
		l->no_memory = true;
		return;
	}
	out->as.record.count = record->size;
	for (size_t i = 0; i < record->size; i++) {
		out->as.record.fields[i].name = take_text(l, &record->data[i].name);
		lift(l, &out->as.record.fields[i].value, &record->data[i].val, type->parts[i]);
	}
}

static void lift_variant(lifting *l, bh_value *out, wasmtime_component_valvariant_t *variant, const bh_type *type)
{
	const bh_type *chosen = NULL;
	out->as.variant.name = take_text(l, &variant->discriminant);
	for (size_t i = 0; out->as.variant.name && i < type->count && !chosen; i++)
		if (!strcmp(type->parts[i]->name, out->as.variant.name))
			chosen = type->parts[i];
	if (chosen)
		out->as.variant.payload = lift_boxed(l, variant->val, chosen);
}

static void lift_flags(lifting *l, bh_value *out, wasmtime_component_valflags_t *flags)
{
	out->as.flags.names = bh_calloc(flags->size, sizeof *out->as.flags.names);
	if (!out->as.flags.names) {
		l->no_memory = true;
		return;
	}
	out->as.flags.count = flags->size;
	for (size_t i = 0; i < flags->size; i++)
		out->as.flags.names[i] = take_text(l, &flags->data[i]);
}

static void lift_resource(lifting *l, bh_value *out, wasmtime_component_val_t *from)
{
	if (!l->instance) {
		l->dead_handle = true;
		return;
	}
	out->as.resource = bh_resource_wrap(from->of.resource, l->instance);
	if (out->as.resource)
		from->kind = WASMTIME_COMPONENT_BOOL; /* the handle went into the resource */
	else
		l->no_memory = true;
}

static void lift(lifting *l, bh_value *out, wasmtime_component_val_t *from, const bh_type *type)
{
	*out = bh_value_of(type->kind);
	out->owned = true;
	switch (type->kind) {
	case BH_KIND_STRING:
		out->as.string.data = take_name(l, &from->of.string, &out->as.string.length);
		break;
	case BH_KIND_BYTES:
		lift_bytes(l, out, &from->of.list);
		break;
	case BH_KIND_LIST:
	case BH_KIND_TUPLE:
		lift_items(l, out, from->of.list.data, from->of.list.size, type);
		break;
	case BH_KIND_RECORD:
		lift_record(l, out, &from->of.record, type);
		break;
	case BH_KIND_VARIANT:
		lift_variant(l, out, &from->of.variant, type);
		break;
	case BH_KIND_ENUM:
		out->as.variant.name = take_text(l, &from->of.enumeration);
		break;
	case BH_KIND_OPTION:
		out->as.option = lift_boxed(l, from->of.option, type->parts[0]);
		break;
	case BH_KIND_RESULT:
		out->as.result.is_err = !from->of.result.is_ok;
		out->as.result.payload = lift_boxed(l, from->of.result.val, type->parts[out->as.result.is_err]);
		break;
	case BH_KIND_FLAGS:
		lift_flags(l, out, &from->of.flags);
		break;
	case BH_KIND_OWN:
	case BH_KIND_BORROW:
		lift_resource(l, out, from);
		break;
	default:
		/* Scalars are the same few bytes on both sides, eight at the most. */
		out->as.u64 = from->of.u64;
	}
}

bh_status bh_value_lift(bh_value *out, wasmtime_component_val_t *from, const bh_type *type, bh_instance *instance,
                        bh_error **err)
{
	lifting l = {.instance = instance};
	bh_value value = BH_VALUE_INIT;
	lift(&l, &value, from, type);
	if (!l.no_memory && !l.dead_handle) {
		*out = value;
		return BH_OK;
	}
	bh_value_deinit(&value);
	if (l.no_memory)
		return bh_fail_memory(err);
	bh_error *e = bh_error_begin(err, BH_E_UNSUPPORTED, "the result holds a resource handle");
	bh_error_hint_set(e, "A handle lives in an instance: make one with bh_instance_new() and call that.");
	return BH_E_UNSUPPORTED;
}
