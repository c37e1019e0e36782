/* WAVE text from a value alone: without its type, so values are taken as they describe themselves. */
#include <string.h>

#include "engine/internal.h"

static bool untyped(wasmtime_component_val_t *out, const bh_value *value);

/* Names come from the caller: the engine panics on those that are not UTF-8. */
static bool set_name(wasm_name_t *out, const char *name)
{
	if (!name || !bh_text_is_utf8(name, strlen(name)))
		return false;
	wasm_byte_vec_new(out, strlen(name), name);
	return true;
}

static bool boxed(wasmtime_component_val_t **out, const bh_value *value)
{
	wasmtime_component_val_t inner = {.kind = WASMTIME_COMPONENT_BOOL};
	*out = NULL;
	if (!value)
		return true;
	bool good = untyped(&inner, value);
	*out = wasmtime_component_val_new(&inner);
	return good;
}

static bool items(wasmtime_component_val_t *out, const bh_value *values, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (!untyped(&out[i], &values[i]))
			return false;
	return true;
}

static bool record(wasmtime_component_val_t *out, const bh_value *value)
{
	wasmtime_component_valrecord_new_uninit(&out->of.record, value->as.record.count);
	out->kind = WASMTIME_COMPONENT_RECORD;
	for (size_t i = 0; i < value->as.record.count; i++) {
		wasmtime_component_valrecord_entry_t *entry = &out->of.record.data[i];
		wasm_byte_vec_delete(&entry->name);
		if (!set_name(&entry->name, value->as.record.fields[i].name) ||
		    !untyped(&entry->val, &value->as.record.fields[i].value))
			return false;
	}
	return true;
}

static bool bytes(wasmtime_component_val_t *out, const bh_value *value)
{
	wasmtime_component_vallist_new_uninit(&out->of.list, value->as.bytes.length);
	out->kind = WASMTIME_COMPONENT_LIST;
	for (size_t i = 0; i < value->as.bytes.length; i++) {
		out->of.list.data[i].kind = WASMTIME_COMPONENT_U8;
		out->of.list.data[i].of.u8 = value->as.bytes.data[i];
	}
	return true;
}

static bool compound(wasmtime_component_val_t *out, const bh_value *value)
{
	switch ((bh_kind)value->kind) {
	case BH_KIND_LIST:
		wasmtime_component_vallist_new_uninit(&out->of.list, value->as.list.count);
		out->kind = WASMTIME_COMPONENT_LIST;
		return items(out->of.list.data, value->as.list.items, value->as.list.count);
	case BH_KIND_TUPLE:
		wasmtime_component_valtuple_new_uninit(&out->of.tuple, value->as.list.count);
		out->kind = WASMTIME_COMPONENT_TUPLE;
		return items(out->of.tuple.data, value->as.list.items, value->as.list.count);
	case BH_KIND_RECORD:
		return record(out, value);
	case BH_KIND_BYTES:
		return bytes(out, value);
	case BH_KIND_ENUM:
		if (!set_name(&out->of.enumeration, value->as.variant.name))
			return false;
		out->kind = WASMTIME_COMPONENT_ENUM;
		return true;
	case BH_KIND_VARIANT:
		if (!set_name(&out->of.variant.discriminant, value->as.variant.name))
			return false;
		out->kind = WASMTIME_COMPONENT_VARIANT;
		return boxed(&out->of.variant.val, value->as.variant.payload);
	case BH_KIND_OPTION:
		out->kind = WASMTIME_COMPONENT_OPTION;
		return boxed(&out->of.option, value->as.option);
	case BH_KIND_RESULT:
		out->of.result.is_ok = !value->as.result.is_err;
		out->kind = WASMTIME_COMPONENT_RESULT;
		return boxed(&out->of.result.val, value->as.result.payload);
	case BH_KIND_FLAGS:
		wasmtime_component_valflags_new_uninit(&out->of.flags, value->as.flags.count);
		out->kind = WASMTIME_COMPONENT_FLAGS;
		for (size_t i = 0; i < value->as.flags.count; i++)
			if (!set_name(&out->of.flags.data[i], value->as.flags.names[i]))
				return false;
		return true;
	default:
		return false;
	}
}

static bool untyped(wasmtime_component_val_t *out, const bh_value *value)
{
	if (bh_value_lower_scalar(out, value))
		return true;
	switch ((bh_kind)value->kind) {
	case BH_KIND_CHAR:
		if (value->as.character > 0x10FFFF || (value->as.character >= 0xD800 && value->as.character <= 0xDFFF))
			return false;
		out->of.character = value->as.character;
		out->kind = WASMTIME_COMPONENT_CHAR;
		return true;
	case BH_KIND_STRING:
		if (!bh_text_is_utf8(value->as.string.data, value->as.string.length))
			return false;
		wasm_byte_vec_new(&out->of.string, value->as.string.length, value->as.string.data);
		out->kind = WASMTIME_COMPONENT_STRING;
		return true;
	default:
		return compound(out, value);
	}
}

bh_status bh_value_to_wave(char **out, const bh_value *value, bh_error **err)
{
	wasmtime_component_val_t converted = {.kind = WASMTIME_COMPONENT_BOOL};
	bool good = untyped(&converted, value);
	bhx_block_t block = {0};
	wasmtime_error_t *failed = good ? bhx_wave_format(&converted, &block) : NULL;
	wasmtime_component_val_delete(&converted);
	if (!good)
		return bh_fail(err, BH_E_UNSUPPORTED, "the value cannot be written as text (a handle, or bad text)");
	if (failed)
		return bh_engine_fail(err, BH_E_UNSUPPORTED, failed, "the value cannot be written as text");
	*out = (char *)block.data;
	return BH_OK;
}
