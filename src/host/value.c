/* Values in memory: copying, comparing, emptying. */
#include <math.h>
#include <string.h>

#include "base/error.h"
#include "bulkhead/value.h"

const bh_value *bh_value_field(const bh_value *value, const char *name)
{
	if (value->kind != BH_KIND_RECORD)
		return NULL;
	for (size_t i = 0; i < value->as.record.count; i++)
		if (value->as.record.fields[i].name && !strcmp(value->as.record.fields[i].name, name))
			return &value->as.record.fields[i].value;
	return NULL;
}

static void free_boxed(bh_value *value)
{
	bh_value_deinit(value);
	bh_free(value);
}

static void free_below(bh_value *value)
{
	switch ((bh_kind)value->kind) {
	case BH_KIND_STRING:
		bh_free((char *)value->as.string.data);
		break;
	case BH_KIND_BYTES:
		bh_free((uint8_t *)value->as.bytes.data);
		break;
	case BH_KIND_LIST:
	case BH_KIND_TUPLE:
		for (size_t i = 0; i < value->as.list.count; i++)
			bh_value_deinit(&value->as.list.items[i]);
		bh_free(value->as.list.items);
		break;
	case BH_KIND_RECORD:
		for (size_t i = 0; i < value->as.record.count; i++) {
			bh_free((char *)value->as.record.fields[i].name);
			bh_value_deinit(&value->as.record.fields[i].value);
		}
		bh_free(value->as.record.fields);
		break;
	case BH_KIND_VARIANT:
	case BH_KIND_ENUM:
		bh_free((char *)value->as.variant.name);
		free_boxed(value->as.variant.payload);
		break;
	case BH_KIND_OPTION:
		free_boxed(value->as.option);
		break;
	case BH_KIND_RESULT:
		free_boxed(value->as.result.payload);
		break;
	case BH_KIND_FLAGS:
		for (size_t i = 0; i < value->as.flags.count; i++)
			bh_free((char *)value->as.flags.names[i]);
		bh_free(value->as.flags.names);
		break;
	case BH_KIND_OWN:
	case BH_KIND_BORROW:
		bh_resource_unref(value->as.resource);
		break;
	default:
		break;
	}
}

void bh_value_deinit(bh_value *value)
{
	if (!value)
		return;
	if (value->owned && value->kind > BH_KIND_CHAR)
		free_below(value);
	*value = (bh_value)BH_VALUE_INIT;
}

static bool copy_into(bh_value *out, const bh_value *from);

static bool copy_boxed(bh_value **out, const bh_value *from)
{
	*out = NULL;
	if (!from)
		return true;
	*out = bh_calloc(1, sizeof **out);
	return *out && copy_into(*out, from);
}

static bool copy_items(bh_value *out, const bh_value *from)
{
	out->as.list.items = bh_calloc(from->as.list.count, sizeof *out->as.list.items);
	if (!out->as.list.items)
		return false;
	for (; out->as.list.count < from->as.list.count; out->as.list.count++)
		if (!copy_into(&out->as.list.items[out->as.list.count], &from->as.list.items[out->as.list.count])) {
			out->as.list.count++;
			return false;
		}
	return true;
}

static bool copy_fields(bh_value *out, const bh_value *from)
{
	out->as.record.fields = bh_calloc(from->as.record.count, sizeof *out->as.record.fields);
	if (!out->as.record.fields)
		return false;
	for (size_t i = 0; i < from->as.record.count; i++) {
		bh_field *field = &out->as.record.fields[i];
		out->as.record.count = i + 1;
		field->name = bh_strdup(from->as.record.fields[i].name);
		if (!field->name || !copy_into(&field->value, &from->as.record.fields[i].value))
			return false;
	}
	return true;
}

static bool copy_flags(bh_value *out, const bh_value *from)
{
	out->as.flags.names = bh_calloc(from->as.flags.count, sizeof *out->as.flags.names);
	if (!out->as.flags.names)
		return false;
	for (size_t i = 0; i < from->as.flags.count; i++) {
		out->as.flags.count = i + 1;
		out->as.flags.names[i] = bh_strdup(from->as.flags.names[i]);
		if (!out->as.flags.names[i])
			return false;
	}
	return true;
}

/* What is copied half-way can be emptied like a whole value. */
static bool copy_into(bh_value *out, const bh_value *from)
{
	*out = bh_value_of((bh_kind)from->kind);
	out->owned = true;
	switch ((bh_kind)from->kind) {
	case BH_KIND_STRING:
		out->as.string.data = bh_strndup(from->as.string.data, from->as.string.length);
		out->as.string.length = from->as.string.length;
		return out->as.string.data;
	case BH_KIND_BYTES:
		out->as.bytes.data = bh_memdup(from->as.bytes.data, from->as.bytes.length);
		out->as.bytes.length = from->as.bytes.length;
		return out->as.bytes.data;
	case BH_KIND_LIST:
	case BH_KIND_TUPLE:
		return copy_items(out, from);
	case BH_KIND_RECORD:
		return copy_fields(out, from);
	case BH_KIND_VARIANT:
	case BH_KIND_ENUM:
		out->as.variant.name = bh_strdup(from->as.variant.name);
		return out->as.variant.name && copy_boxed(&out->as.variant.payload, from->as.variant.payload);
	case BH_KIND_OPTION:
		return copy_boxed(&out->as.option, from->as.option);
	case BH_KIND_RESULT:
		out->as.result.is_err = from->as.result.is_err;
		return copy_boxed(&out->as.result.payload, from->as.result.payload);
	case BH_KIND_FLAGS:
		return copy_flags(out, from);
	case BH_KIND_OWN:
	case BH_KIND_BORROW:
		out->as.resource = from->as.resource ? bh_resource_ref(from->as.resource) : NULL;
		return true;
	default:
		out->as = from->as;
		return true;
	}
}

bh_status bh_value_copy(bh_value *out, const bh_value *from, bh_error **err)
{
	/* A number points to nothing: arguments of calls are mostly those. */
	if (from->kind <= BH_KIND_CHAR) {
		*out = *from;
		out->owned = true;
		return BH_OK;
	}
	bh_value copy;
	if (!copy_into(&copy, from)) {
		bh_value_deinit(&copy);
		return bh_fail_memory(err);
	}
	*out = copy;
	return BH_OK;
}

static bool equal_boxed(const bh_value *a, const bh_value *b)
{
	return a && b ? bh_value_equal(a, b) : a == b;
}

static bool equal_text(const char *a, size_t a_length, const char *b, size_t b_length)
{
	return a_length == b_length && (!a_length || !memcmp(a, b, a_length));
}

static bool has_flag(const bh_value *value, const char *name)
{
	for (size_t i = 0; i < value->as.flags.count; i++)
		if (!strcmp(value->as.flags.names[i], name))
			return true;
	return false;
}

static bool equal_parts(const bh_value *a, const bh_value *b)
{
	switch ((bh_kind)a->kind) {
	case BH_KIND_LIST:
	case BH_KIND_TUPLE:
		if (a->as.list.count != b->as.list.count)
			return false;
		for (size_t i = 0; i < a->as.list.count; i++)
			if (!bh_value_equal(&a->as.list.items[i], &b->as.list.items[i]))
				return false;
		return true;
	case BH_KIND_RECORD:
		if (a->as.record.count != b->as.record.count)
			return false;
		for (size_t i = 0; i < a->as.record.count; i++) {
			const bh_value *other = bh_value_field(b, a->as.record.fields[i].name);
			if (!other || !bh_value_equal(&a->as.record.fields[i].value, other))
				return false;
		}
		return true;
	case BH_KIND_FLAGS:
		if (a->as.flags.count != b->as.flags.count)
			return false;
		for (size_t i = 0; i < a->as.flags.count; i++)
			if (!has_flag(b, a->as.flags.names[i]) || !has_flag(a, b->as.flags.names[i]))
				return false;
		return true;
	default:
		return false;
	}
}

static bool same_float(double a, double b)
{
	return isnan(a) ? isnan(b) : a == b && signbit(a) == signbit(b);
}

bool bh_value_equal(const bh_value *a, const bh_value *b)
{
	if (a->kind != b->kind)
		return false;
	switch ((bh_kind)a->kind) {
	case BH_KIND_NONE:
		return true;
	case BH_KIND_BOOL:
		return a->as.boolean == b->as.boolean;
	case BH_KIND_S8:
	case BH_KIND_U8:
		return a->as.u8 == b->as.u8;
	case BH_KIND_S16:
	case BH_KIND_U16:
		return a->as.u16 == b->as.u16;
	case BH_KIND_S32:
	case BH_KIND_U32:
	case BH_KIND_CHAR:
		return a->as.u32 == b->as.u32;
	case BH_KIND_S64:
	case BH_KIND_U64:
		return a->as.u64 == b->as.u64;
	case BH_KIND_F32:
		return same_float((double)a->as.f32, (double)b->as.f32);
	case BH_KIND_F64:
		return same_float(a->as.f64, b->as.f64);
	case BH_KIND_STRING:
		return equal_text(a->as.string.data, a->as.string.length, b->as.string.data, b->as.string.length);
	case BH_KIND_BYTES:
		return equal_text((const char *)a->as.bytes.data, a->as.bytes.length, (const char *)b->as.bytes.data,
		                  b->as.bytes.length);
	case BH_KIND_VARIANT:
	case BH_KIND_ENUM:
		return !strcmp(a->as.variant.name, b->as.variant.name) &&
		       equal_boxed(a->as.variant.payload, b->as.variant.payload);
	case BH_KIND_OPTION:
		return equal_boxed(a->as.option, b->as.option);
	case BH_KIND_RESULT:
		return a->as.result.is_err == b->as.result.is_err && equal_boxed(a->as.result.payload, b->as.result.payload);
	case BH_KIND_OWN:
	case BH_KIND_BORROW:
		return a->as.resource == b->as.resource;
	default:
		return equal_parts(a, b);
	}
}
