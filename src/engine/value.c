/*
 * Values to and from the engine's. Lowering checks a value against its type on the way: what the engine is
 * handed must be right, because on some mistakes it aborts (a string that is not UTF-8, a char that is none).
 */
#include <string.h>

#include "engine/resource.h"
#include "engine/type.h"

/* Wasmtime's constructors take memory from malloc, as we do; a vector is filled in place. */

static bool name_to_engine(wasm_name_t *out, const char *text, size_t length)
{
	wasm_byte_vec_new(out, length, text);
	return out->data || !length;
}

/* UTF-8 as the Unicode standard has it (table 3-7): no overlong forms, no surrogates, nothing above 10FFFF. */
static bool is_utf8(const char *text, size_t length)
{
	if (!length)
		return true; /* the pointer may be NULL */
	const unsigned char *p = (const unsigned char *)text, *end = p + length;
	while (p < end) {
		if (*p < 0x80) {
			p++;
			continue;
		}
		size_t more = *p >= 0xF0 ? 3 : *p >= 0xE0 ? 2 : 1;
		if (*p < 0xC2 || *p > 0xF4 || (size_t)(end - p) <= more)
			return false;
		unsigned char low = *p == 0xE0 ? 0xA0 : *p == 0xF0 ? 0x90 : 0x80;
		unsigned char high = *p == 0xED ? 0x9F : *p == 0xF4 ? 0x8F : 0xBF;
		if (p[1] < low || p[1] > high)
			return false;
		for (size_t i = 2; i <= more; i++)
			if ((p[i] & 0xC0) != 0x80)
				return false;
		p += more + 1;
	}
	return true;
}

bool bh_text_is_utf8(const char *text, size_t length)
{
	return is_utf8(text, length);
}

/* How a value is described in an error. */
static const char *kind_of(const bh_value *value)
{
	return value->kind == BH_KIND_BYTES ? "bytes" : bh_kind_name((bh_kind)value->kind);
}

static bh_status mismatch(const bh_value *value, const bh_type *type, const char *what, bh_error **err)
{
	char wanted[160];
	bh_type_format(wanted, sizeof wanted, type);
	return bh_fail(err, BH_E_TYPE, "%s: expected %s, got %s", what, wanted, kind_of(value));
}

static bh_status lower(wasmtime_component_val_t *out, const bh_value *value, const bh_type *type, const char *what,
                       bh_error **err);

static bh_status lower_boxed(wasmtime_component_val_t **out, const bh_value *value, const bh_type *type,
                             const char *what, bh_error **err)
{
	wasmtime_component_val_t inner = {0};
	bh_status status = lower(&inner, value, type, what, err);
	if (!status)
		*out = wasmtime_component_val_new(&inner);
	return status;
}

static bh_status lower_items(wasmtime_component_val_t *out, const bh_value *items, const bh_type *type, size_t count,
                             const char *what, bh_error **err)
{
	for (size_t i = 0; i < count; i++) {
		const bh_type *item = type->kind == BH_KIND_TUPLE ? type->parts[i] : type->parts[0];
		bh_status status = lower(&out[i], &items[i], item, what, err);
		if (status)
			return status;
	}
	return BH_OK;
}

static bh_status lower_list(wasmtime_component_val_t *out, const bh_value *value, const bh_type *type, const char *what,
                            bh_error **err)
{
	wasmtime_component_vallist_new_uninit(&out->of.list, value->as.list.count);
	out->kind = WASMTIME_COMPONENT_LIST;
	return lower_items(out->of.list.data, value->as.list.items, type, value->as.list.count, what, err);
}

static bh_status lower_tuple(wasmtime_component_val_t *out, const bh_value *value, const bh_type *type,
                             const char *what, bh_error **err)
{
	if (value->as.list.count != type->count)
		return bh_fail(err, BH_E_TYPE, "%s: expected a tuple of %zu, got one of %zu", what, type->count,
		               value->as.list.count);
	wasmtime_component_valtuple_new_uninit(&out->of.tuple, type->count);
	out->kind = WASMTIME_COMPONENT_TUPLE;
	return lower_items(out->of.tuple.data, value->as.list.items, type, type->count, what, err);
}

/* A list<u8>, value by value: the price of bytes inside something else. */
static bh_status lower_bytes(wasmtime_component_val_t *out, const bh_value *value, const char *what, bh_error **err)
{
	size_t count = value->kind == BH_KIND_BYTES ? value->as.bytes.length : value->as.list.count;
	wasmtime_component_vallist_new_uninit(&out->of.list, count);
	out->kind = WASMTIME_COMPONENT_LIST;
	for (size_t i = 0; i < count; i++) {
		wasmtime_component_val_t *item = &out->of.list.data[i];
		item->kind = WASMTIME_COMPONENT_U8;
		if (value->kind == BH_KIND_BYTES) {
			item->of.u8 = value->as.bytes.data[i];
			continue;
		}
		if (value->as.list.items[i].kind != BH_KIND_U8)
			return bh_fail(err, BH_E_TYPE, "%s: expected list<u8>, got a list of %s", what,
			               kind_of(&value->as.list.items[i]));
		item->of.u8 = value->as.list.items[i].as.u8;
	}
	return BH_OK;
}

static const bh_value *field_of(const bh_value *value, const char *name, size_t hint)
{
	const bh_field *likely = hint < value->as.record.count ? &value->as.record.fields[hint] : NULL;
	if (likely && likely->name && !strcmp(likely->name, name))
		return &likely->value;
	return bh_value_field(value, name);
}

/* Fields are found by name: the caller's order is free, the engine's is the type's. */
static bh_status lower_record(wasmtime_component_val_t *out, const bh_value *value, const bh_type *type,
                              const char *what, bh_error **err)
{
	wasmtime_component_valrecord_new_uninit(&out->of.record, type->count);
	out->kind = WASMTIME_COMPONENT_RECORD;
	if (value->as.record.count != type->count)
		return bh_fail(err, BH_E_TYPE, "%s: expected a record of %zu fields, got one of %zu", what, type->count,
		               value->as.record.count);
	for (size_t i = 0; i < type->count; i++) {
		wasmtime_component_valrecord_entry_t *entry = &out->of.record.data[i];
		const char *name = type->parts[i]->name;
		const bh_value *field = field_of(value, name, i);
		if (!field)
			return bh_fail(err, BH_E_TYPE, "%s: the record has no field %s", what, name);
		wasm_byte_vec_delete(&entry->name);
		if (!name_to_engine(&entry->name, name, strlen(name)))
			return bh_fail_memory(err);
		bh_status status = lower(&entry->val, field, type->parts[i], name, err);
		if (status)
			return status;
	}
	return BH_OK;
}

static const bh_type *case_of(const bh_type *type, const char *name)
{
	for (size_t i = 0; name && i < type->count; i++)
		if (!strcmp(type->parts[i]->name, name))
			return type->parts[i];
	return NULL;
}

static bh_status no_such_case(const bh_type *type, const char *name, const char *what, bh_error **err)
{
	char wanted[160];
	bh_type_format(wanted, sizeof wanted, type);
	return bh_fail(err, BH_E_TYPE, "%s: %s is not in %s", what, name ? name : "(null)", wanted);
}

static bh_status lower_variant(wasmtime_component_val_t *out, const bh_value *value, const bh_type *type,
                               const char *what, bh_error **err)
{
	const char *name = value->as.variant.name;
	const bh_type *chosen = case_of(type, name);
	if (!chosen)
		return no_such_case(type, name, what, err);
	if ((chosen->kind != BH_KIND_NONE) != (value->as.variant.payload != NULL))
		return bh_fail(err, BH_E_TYPE, "%s: case %s %s a payload", what, name,
		               chosen->kind == BH_KIND_NONE ? "does not take" : "needs");
	wasm_name_t *slot = type->kind == BH_KIND_ENUM ? &out->of.enumeration : &out->of.variant.discriminant;
	out->of.variant.val = NULL;
	if (!name_to_engine(slot, name, strlen(name)))
		return bh_fail_memory(err);
	out->kind = type->kind == BH_KIND_ENUM ? WASMTIME_COMPONENT_ENUM : WASMTIME_COMPONENT_VARIANT;
	if (chosen->kind == BH_KIND_NONE)
		return BH_OK;
	return lower_boxed(&out->of.variant.val, value->as.variant.payload, chosen, name, err);
}

static bh_status lower_flags(wasmtime_component_val_t *out, const bh_value *value, const bh_type *type,
                             const char *what, bh_error **err)
{
	size_t count = value->as.flags.count;
	if (count > type->count)
		return bh_fail(err, BH_E_TYPE, "%s: more flags than the type has", what);
	for (size_t i = 0; i < count; i++)
		if (!case_of(type, value->as.flags.names[i]))
			return no_such_case(type, value->as.flags.names[i], what, err);
	wasmtime_component_valflags_new_uninit(&out->of.flags, count);
	out->kind = WASMTIME_COMPONENT_FLAGS;
	for (size_t i = 0; i < count; i++) {
		const char *name = value->as.flags.names[i];
		if (!name_to_engine(&out->of.flags.data[i], name, strlen(name)))
			return bh_fail_memory(err);
	}
	return BH_OK;
}

static bh_status lower_result(wasmtime_component_val_t *out, const bh_value *value, const bh_type *type,
                              const char *what, bh_error **err)
{
	bool is_err = value->as.result.is_err;
	const bh_type *payload = bh_type_at(type, is_err);
	if ((payload != NULL) != (value->as.result.payload != NULL))
		return bh_fail(err, BH_E_TYPE, "%s: %s %s a payload", what, is_err ? "err" : "ok",
		               payload ? "needs" : "does not take");
	out->of.result.val = NULL;
	out->of.result.is_ok = !is_err;
	out->kind = WASMTIME_COMPONENT_RESULT;
	if (!payload)
		return BH_OK;
	return lower_boxed(&out->of.result.val, value->as.result.payload, payload, is_err ? "err" : "ok", err);
}

static bh_status lower_string(wasmtime_component_val_t *out, const bh_value *value, const char *what, bh_error **err)
{
	if (!is_utf8(value->as.string.data, value->as.string.length))
		return bh_fail(err, BH_E_TYPE, "%s: the string is not UTF-8", what);
	if (!name_to_engine(&out->of.string, value->as.string.data, value->as.string.length))
		return bh_fail_memory(err);
	out->kind = WASMTIME_COMPONENT_STRING;
	return BH_OK;
}

static bh_status lower_char(wasmtime_component_val_t *out, const bh_value *value, const char *what, bh_error **err)
{
	uint32_t c = value->as.character;
	if (c > 0x10FFFF || (c >= 0xD800 && c <= 0xDFFF))
		return bh_fail(err, BH_E_TYPE, "%s: U+%X is no character", what, c);
	out->of.character = c;
	out->kind = WASMTIME_COMPONENT_CHAR;
	return BH_OK;
}

static bool fits(const bh_value *value, const bh_type *type)
{
	if (value->kind == type->kind)
		return true;
	if (type->kind == BH_KIND_BYTES)
		return value->kind == BH_KIND_LIST;
	return type->kind == BH_KIND_BORROW && value->kind == BH_KIND_OWN;
}

/* Kinds whose value is the same few bytes on both sides. */
bool bh_value_lower_scalar(wasmtime_component_val_t *out, const bh_value *value)
{
	switch ((bh_kind)value->kind) {
#define COPY(KIND, field)                                                                                              \
	case BH_KIND_##KIND:                                                                                               \
		out->of.field = value->as.field;                                                                               \
		out->kind = WASMTIME_COMPONENT_##KIND;                                                                         \
		return true;
		COPY(BOOL, boolean)
		COPY(S8, s8)
		COPY(U8, u8)
		COPY(S16, s16)
		COPY(U16, u16)
		COPY(S32, s32)
		COPY(U32, u32)
		COPY(S64, s64)
		COPY(U64, u64)
		COPY(F32, f32)
		COPY(F64, f64)
#undef COPY
	default:
		return false;
	}
}

static bh_status lower(wasmtime_component_val_t *out, const bh_value *value, const bh_type *type, const char *what,
                       bh_error **err)
{
	if (!fits(value, type))
		return mismatch(value, type, what, err);
	if (bh_value_lower_scalar(out, value))
		return BH_OK;
	switch (type->kind) {
	case BH_KIND_CHAR:
		return lower_char(out, value, what, err);
	case BH_KIND_STRING:
		return lower_string(out, value, what, err);
	case BH_KIND_BYTES:
		return lower_bytes(out, value, what, err);
	case BH_KIND_LIST:
		return lower_list(out, value, type, what, err);
	case BH_KIND_TUPLE:
		return lower_tuple(out, value, type, what, err);
	case BH_KIND_RECORD:
		return lower_record(out, value, type, what, err);
	case BH_KIND_VARIANT:
	case BH_KIND_ENUM:
		return lower_variant(out, value, type, what, err);
	case BH_KIND_FLAGS:
		return lower_flags(out, value, type, what, err);
	case BH_KIND_RESULT:
		return lower_result(out, value, type, what, err);
	case BH_KIND_OPTION:
		out->kind = WASMTIME_COMPONENT_OPTION;
		out->of.option = NULL;
		return value->as.option ? lower_boxed(&out->of.option, value->as.option, type->parts[0], what, err) : BH_OK;
	case BH_KIND_OWN:
	case BH_KIND_BORROW:
		out->of.resource = bh_resource_lend(value->as.resource);
		if (!out->of.resource)
			return bh_fail(err, BH_E_INVALID, "%s: the resource handle was dropped or passed on", what);
		out->kind = WASMTIME_COMPONENT_RESOURCE;
		return BH_OK;
	default:
		return mismatch(value, type, what, err);
	}
}

bh_status bh_value_lower(wasmtime_component_val_t *out, const bh_value *value, const bh_type *type, const char *what,
                         bh_error **err)
{
	/* A bool owns nothing: what fails half-way can be deleted like a whole value. */
	*out = (wasmtime_component_val_t){.kind = WASMTIME_COMPONENT_BOOL};
	return lower(out, value, type, what, err);
}
