/** Values: arguments and results of calls, of every type the component model has. */
#ifndef BULKHEAD_VALUE_H
#define BULKHEAD_VALUE_H

#include <string.h>

#include "error.h"
#include "type.h"

BH_BEGIN

typedef struct bh_value bh_value;
typedef struct bh_field bh_field;

/**
 * One value. A plain struct, used by one thread at a time.
 *
 * Ownership: a value made by the bh_..._of functions and BH_... macros borrows what it points to, which must
 * outlive it. A value filled by the library (results, bh_value_copy, bh_value_parse) owns everything below it
 * and is emptied with bh_value_deinit(). Deinitialising a borrowing value does nothing.
 *
 * Strings are UTF-8 and may contain NUL; those filled by the library are followed by a NUL byte as well.
 * Names (fields, cases, flags) are NUL-terminated.
 */
struct bh_value {
	uint8_t kind; /**< bh_kind */
	bool owned;   /**< bh_value_deinit() frees what it points to */
	union {
		bool boolean;
		int8_t s8;
		uint8_t u8;
		int16_t s16;
		uint16_t u16;
		int32_t s32;
		uint32_t u32;
		int64_t s64;
		uint64_t u64;
		float f32;
		double f64;
		uint32_t character; /**< a Unicode scalar value */
		struct {
			const char *data;
			size_t length;
		} string;
		struct {
			const uint8_t *data;
			size_t length;
		} bytes;
		struct {
			bh_value *items;
			size_t count;
		} list; /**< list and tuple */
		struct {
			bh_field *fields;
			size_t count;
		} record;
		struct {
			const char *name;
			bh_value *payload; /**< NULL where the case has none */
		} variant;             /**< variant, and enum with a NULL payload */
		bh_value *option;      /**< NULL for none */
		struct {
			bh_value *payload; /**< NULL where it has none */
			bool is_err;
		} result;
		struct {
			const char **names; /**< the flags that are set */
			size_t count;
		} flags;
		bh_resource *resource; /**< own and borrow */
	} as;
};

struct bh_field {
	const char *name;
	bh_value value;
};

#define BH_VALUE_INIT {0}

/* Values that borrow. */

static inline bh_value bh_value_of(bh_kind kind)
{
	bh_value value;
	memset(&value, 0, sizeof value);
	value.kind = (uint8_t)kind;
	return value;
}

#define BH_SCALARS(X)                                                                                                  \
	X(bool, BOOL, boolean, bool)                                                                                       \
	X(s8, S8, s8, int8_t)                                                                                              \
	X(u8, U8, u8, uint8_t)                                                                                             \
	X(s16, S16, s16, int16_t)                                                                                          \
	X(u16, U16, u16, uint16_t)                                                                                         \
	X(s32, S32, s32, int32_t)                                                                                          \
	X(u32, U32, u32, uint32_t)                                                                                         \
	X(s64, S64, s64, int64_t)                                                                                          \
	X(u64, U64, u64, uint64_t)                                                                                         \
	X(f32, F32, f32, float)                                                                                            \
	X(f64, F64, f64, double)                                                                                           \
	X(char, CHAR, character, uint32_t)

/* bh_of_s32(-1), bh_of_bool(true), ... */
#define X(name, kind_, field, type)                                                                                    \
	static inline bh_value bh_of_##name(type v)                                                                        \
	{                                                                                                                  \
		bh_value value = bh_value_of(BH_KIND_##kind_);                                                                 \
		value.as.field = v;                                                                                            \
		return value;                                                                                                  \
	}
BH_SCALARS(X)
#undef X

static inline bh_value bh_of_string_n(const char *data, size_t length)
{
	bh_value value = bh_value_of(BH_KIND_STRING);
	value.as.string.data = data;
	value.as.string.length = length;
	return value;
}

static inline bh_value bh_of_string(const char *text)
{
	return bh_of_string_n(text, strlen(text));
}

static inline bh_value bh_of_bytes(const void *data, size_t length)
{
	bh_value value = bh_value_of(BH_KIND_BYTES);
	value.as.bytes.data = (const uint8_t *)data;
	value.as.bytes.length = length;
	return value;
}

static inline bh_value bh_of_list(bh_value *items, size_t count)
{
	bh_value value = bh_value_of(BH_KIND_LIST);
	value.as.list.items = items;
	value.as.list.count = count;
	return value;
}

static inline bh_value bh_of_tuple(bh_value *items, size_t count)
{
	bh_value value = bh_of_list(items, count);
	value.kind = BH_KIND_TUPLE;
	return value;
}

static inline bh_value bh_of_record(bh_field *fields, size_t count)
{
	bh_value value = bh_value_of(BH_KIND_RECORD);
	value.as.record.fields = fields;
	value.as.record.count = count;
	return value;
}

static inline bh_value bh_of_variant(const char *name, bh_value *payload)
{
	bh_value value = bh_value_of(BH_KIND_VARIANT);
	value.as.variant.name = name;
	value.as.variant.payload = payload;
	return value;
}

static inline bh_value bh_of_enum(const char *name)
{
	bh_value value = bh_of_variant(name, NULL);
	value.kind = BH_KIND_ENUM;
	return value;
}

/** NULL for none. */
static inline bh_value bh_of_option(bh_value *some)
{
	bh_value value = bh_value_of(BH_KIND_OPTION);
	value.as.option = some;
	return value;
}

static inline bh_value bh_of_ok(bh_value *payload)
{
	bh_value value = bh_value_of(BH_KIND_RESULT);
	value.as.result.payload = payload;
	return value;
}

static inline bh_value bh_of_err(bh_value *payload)
{
	bh_value value = bh_of_ok(payload);
	value.as.result.is_err = true;
	return value;
}

static inline bh_value bh_of_flags(const char **names, size_t count)
{
	bh_value value = bh_value_of(BH_KIND_FLAGS);
	value.as.flags.names = names;
	value.as.flags.count = count;
	return value;
}

/** A handle to pass on: as own it leaves the caller when the call begins, as borrow it stays. */
static inline bh_value bh_of_resource(bh_resource *resource)
{
	bh_value value = bh_value_of(BH_KIND_OWN);
	value.as.resource = resource;
	return value;
}

#define BH_STRING(text) bh_of_string(text)
#define BH_BYTES(data, length) bh_of_bytes(data, length)

/* Reading. */

/** The string's bytes, NUL-terminated if the library filled it; NULL if the value is no string. */
static inline const char *bh_value_string(const bh_value *value)
{
	return value->kind == BH_KIND_STRING ? value->as.string.data : NULL;
}

/** The field of that name; NULL if the value is no record or has none. */
BH_API const bh_value *bh_value_field(const bh_value *value, const char *name);

/** Whether both are the same value. Handles are equal when they are the same handle; NaN equals NaN. */
BH_API bool bh_value_equal(const bh_value *a, const bh_value *b);

/**
 * A deep copy that owns everything. A resource handle in it is another reference to the same handle.
 *
 * \return BH_OK; BH_E_NO_MEMORY
 */
BH_API BH_MUST_USE bh_status bh_value_copy(bh_value *out, const bh_value *from, bh_error **err);

/** Empty a value: free what it owns and set it to BH_VALUE_INIT. NULL is allowed. */
BH_API void bh_value_deinit(bh_value *value);

/**
 * The value as WAVE text (https://github.com/bytecodealliance/wasm-tools/tree/main/crates/wasm-wave).
 *
 * \param out  receives a NUL-terminated string to be freed with bh_string_free()
 *
 * \return BH_OK; BH_E_UNSUPPORTED (a resource handle); BH_E_NO_MEMORY
 */
BH_API BH_MUST_USE bh_status bh_value_to_wave(char **out, const bh_value *value, bh_error **err);

/**
 * Read a value of a type from WAVE text, such as bh_value_to_wave() writes.
 *
 * \param out  receives a value that owns everything
 *
 * \return BH_OK; BH_E_TYPE (the error says what does not fit; handles have no text); BH_E_INVALID; BH_E_NO_MEMORY
 */
BH_API BH_MUST_USE bh_status bh_value_parse(bh_value *out, const bh_type *type, const char *text, bh_error **err);

/**
 * The value as JSON: records are objects, lists and tuples arrays, flags arrays of names, enums texts; {"case": payload}, null
 * where it has none; {"ok": v}, {"err": v}; an option is null or its value, {"some": v} where that is an option itself; bytes
 * are {"base64": "..."}. Integers above 2^63 - 1, and floats that are no numbers ("NaN", "Infinity"), are texts. A handle is
 * {"resource": true}, which is not read back.
 *
 * \param out  receives a NUL-terminated string on one line, to be freed with bh_string_free()
 *
 * \return BH_OK; BH_E_NO_MEMORY. Any thread.
 */
BH_API BH_MUST_USE bh_status bh_value_to_json(char **out, const bh_value *value, bh_error **err);

/**
 * Read a value of a type from JSON, such as bh_value_to_json() writes. Besides, fields that are options may be left out,
 * bytes may be an array of numbers, any integer may be a text, and a case without payload its name alone.
 *
 * \param out   receives a value that owns everything; untouched on failure
 * \param text  JSON and nothing else
 *
 * \return BH_OK; BH_E_TYPE (the error says at which byte what is wanted); BH_E_INVALID; BH_E_NO_MEMORY. Any thread.
 */
BH_API BH_MUST_USE bh_status bh_value_parse_json(bh_value *out, const bh_type *type, const char *text, bh_error **err);

/** Release a string that the library handed out. NULL is allowed. */
BH_API void bh_string_free(char *text);

/**
 * Resource handles.
 *
 * A handle belongs to the instance it came from, keeps that instance alive, and is reference-counted. It may
 * be used by one thread at a time.
 */
BH_API bh_resource *bh_resource_ref(bh_resource *resource);

/**
 * Give up a reference. With the last one an owned resource is dropped without running the guest's destructor,
 * unless bh_resource_drop() did that before. NULL is allowed.
 */
BH_API void bh_resource_unref(bh_resource *resource);

/**
 * Drop an owned resource: runs the guest's destructor, under the limits of a call. The handle becomes invalid.
 *
 * \return BH_OK; BH_E_INVALID (already dropped or passed on); BH_E_POISONED; what a call can end with
 */
BH_API BH_MUST_USE bh_status bh_resource_drop(bh_resource *resource, bh_error **err);

BH_END

#endif
