/*
 * Whether values fit their types. Checked before a call begins: what does not fit would end the call half-way, and
 * the instance with it. The conversion itself is engine/src/lower.rs and lift.rs.
 */
#include <pthread.h>
#include <string.h>

#include "engine/resource.h"
#include "engine/type.h"

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

static bh_status check_items(const bh_value *items, const bh_type *type, size_t count, const char *what, bh_error **err)
{
	for (size_t i = 0; i < count; i++) {
		bh_status status = bh_value_check(&items[i], type->parts[type->kind == BH_KIND_TUPLE ? i : 0], what, err);
		if (status)
			return status;
	}
	return BH_OK;
}

static bh_status check_tuple(const bh_value *value, const bh_type *type, const char *what, bh_error **err)
{
	if (value->as.list.count != type->count)
		return bh_fail(err, BH_E_TYPE, "%s: expected a tuple of %zu, got one of %zu", what, type->count,
		               value->as.list.count);
	return check_items(value->as.list.items, type, type->count, what, err);
}

/* A list<u8>, value by value. */
static bh_status check_bytes(const bh_value *value, const char *what, bh_error **err)
{
	for (size_t i = 0; value->kind == BH_KIND_LIST && i < value->as.list.count; i++)
		if (value->as.list.items[i].kind != BH_KIND_U8)
			return bh_fail(err, BH_E_TYPE, "%s: expected list<u8>, got a list of %s", what,
			               kind_of(&value->as.list.items[i]));
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
static bh_status check_record(const bh_value *value, const bh_type *type, const char *what, bh_error **err)
{
	if (value->as.record.count != type->count)
		return bh_fail(err, BH_E_TYPE, "%s: expected a record of %zu fields, got one of %zu", what, type->count,
		               value->as.record.count);
	for (size_t i = 0; i < type->count; i++) {
		const char *name = type->parts[i]->name;
		const bh_value *field = field_of(value, name, i);
		if (!field)
			return bh_fail(err, BH_E_TYPE, "%s: the record has no field %s", what, name);
		bh_status status = bh_value_check(field, type->parts[i], name, err);
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

static bh_status check_variant(const bh_value *value, const bh_type *type, const char *what, bh_error **err)
{
	const char *name = value->as.variant.name;
	const bh_type *chosen = case_of(type, name);
	if (!chosen)
		return no_such_case(type, name, what, err);
	if ((chosen->kind != BH_KIND_NONE) != (value->as.variant.payload != NULL))
		return bh_fail(err, BH_E_TYPE, "%s: case %s %s a payload", what, name,
		               chosen->kind == BH_KIND_NONE ? "does not take" : "needs");
	return chosen->kind == BH_KIND_NONE ? BH_OK : bh_value_check(value->as.variant.payload, chosen, name, err);
}

static bh_status check_flags(const bh_value *value, const bh_type *type, const char *what, bh_error **err)
{
	size_t count = value->as.flags.count;
	if (count > type->count)
		return bh_fail(err, BH_E_TYPE, "%s: more flags than the type has", what);
	for (size_t i = 0; i < count; i++)
		if (!case_of(type, value->as.flags.names[i]))
			return no_such_case(type, value->as.flags.names[i], what, err);
	return BH_OK;
}

static bh_status check_result(const bh_value *value, const bh_type *type, const char *what, bh_error **err)
{
	bool is_err = value->as.result.is_err;
	const bh_type *payload = bh_type_at(type, is_err);
	if ((payload != NULL) != (value->as.result.payload != NULL))
		return bh_fail(err, BH_E_TYPE, "%s: %s %s a payload", what, is_err ? "err" : "ok",
		               payload ? "needs" : "does not take");
	return payload ? bh_value_check(value->as.result.payload, payload, is_err ? "err" : "ok", err) : BH_OK;
}

static bh_status check_string(const bh_value *value, const char *what, bh_error **err)
{
	if (!bhx_text_is_utf8(value->as.string.data, value->as.string.length))
		return bh_fail(err, BH_E_TYPE, "%s: the string is not UTF-8", what);
	return BH_OK;
}

static bh_status check_char(const bh_value *value, const char *what, bh_error **err)
{
	uint32_t c = value->as.character;
	if (c > 0x10FFFF || (c >= 0xD800 && c <= 0xDFFF))
		return bh_fail(err, BH_E_TYPE, "%s: U+%X is no character", what, c);
	return BH_OK;
}

static bh_status check_resource(const bh_value *value, const char *what, bh_error **err)
{
	if (!bh_resource_here(value->as.resource))
		return bh_fail(err, BH_E_INVALID, "%s: the resource handle was dropped or passed on", what);
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

bh_status bh_value_check(const bh_value *value, const bh_type *type, const char *what, bh_error **err)
{
	if (!fits(value, type))
		return mismatch(value, type, what, err);
	switch (type->kind) {
	case BH_KIND_CHAR:
		return check_char(value, what, err);
	case BH_KIND_STRING:
		return check_string(value, what, err);
	case BH_KIND_BYTES:
		return check_bytes(value, what, err);
	case BH_KIND_LIST:
		return check_items(value->as.list.items, type, value->as.list.count, what, err);
	case BH_KIND_TUPLE:
		return check_tuple(value, type, what, err);
	case BH_KIND_RECORD:
		return check_record(value, type, what, err);
	case BH_KIND_VARIANT:
	case BH_KIND_ENUM:
		return check_variant(value, type, what, err);
	case BH_KIND_FLAGS:
		return check_flags(value, type, what, err);
	case BH_KIND_RESULT:
		return check_result(value, type, what, err);
	case BH_KIND_OPTION:
		return value->as.option ? bh_value_check(value->as.option, type->parts[0], what, err) : BH_OK;
	case BH_KIND_OWN:
	case BH_KIND_BORROW:
		return check_resource(value, what, err);
	case BH_KIND_NONE:
		return mismatch(value, type, what, err);
	default:
		return BH_OK; /* a scalar of the right kind */
	}
}

/* The engine's side of values: what it fills is of our memory, and owns our resources. */

_Static_assert(sizeof(bh_value) == 24 && sizeof(bh_field) == 32, "engine/src/value.rs has these in Rust");

static void use(void)
{
	static const bhx_value_ops_t ops = {
		.alloc = bh_alloc,
		.clear = bh_value_deinit,
		.lend = bh_resource_lend,
		.wrap = bh_resource_wrap,
		.lend_host = bh_resource_lend_host,
		.wrap_host = bh_resource_wrap_host,
		.raise_no_memory = BH_RAISE_NO_MEMORY,
		.raise_no_memory_in_call = BH_RAISE_NO_MEMORY_IN_CALL,
	};
	bhx_values_use(&ops);
}

void bh_values_prepare(void)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;
	pthread_once(&once, use);
}
