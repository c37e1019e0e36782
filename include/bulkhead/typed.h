/**
 * Typed calls: what the headers that `bulkhead bindgen` writes are made of.
 *
 * A program that uses such a header needs bh_string, bh_bytes and the functions that make and free them. The rest is for
 * the headers themselves, and documented for whoever reads one.
 *
 * One rule of ownership, everywhere: arguments are lent, results are given. What is passed as an argument stays its owner's
 * and need only be there until the function returns. What comes as a result belongs to whoever asked for it and is freed
 * with the _free function of its type; so do, the other way round, the results of functions that the program defines: what
 * is in them must be memory from bh_string_copy(), bh_bytes_copy() and bh_items_new(), and handles that may be given up.
 */
#ifndef BULKHEAD_TYPED_H
#define BULKHEAD_TYPED_H

#include "call.h"
#include "imports.h"

BH_BEGIN

/** What generated headers ask for: raised when those made before no longer fit. */
#define BH_TYPED 1

/** A string: UTF-8, which may contain NUL. Those that the library made have a NUL byte behind them as well. */
typedef struct {
	const char *data;
	size_t length;
} bh_string;

/** A list<u8>. */
typedef struct {
	const uint8_t *data;
	size_t length;
} bh_bytes;

/** A text as an argument. */
static inline bh_string bh_string_lend(const char *text)
{
	bh_string string;
	string.data = text;
	string.length = strlen(text);
	return string;
}

static inline bh_bytes bh_bytes_lend(const void *data, size_t length)
{
	bh_bytes bytes;
	bytes.data = (const uint8_t *)data;
	bytes.length = length;
	return bytes;
}

/** A text as a result, or a part of one: a copy. \return BH_OK; BH_E_NO_MEMORY */
BH_API BH_MUST_USE bh_status bh_string_copy(bh_string *out, const char *data, size_t length, bh_error **err);
BH_API BH_MUST_USE bh_status bh_bytes_copy(bh_bytes *out, const void *data, size_t length, bh_error **err);

/** Room for the items of a list that is a result, or a part of one: all zero. NULL: no memory, or more than there can be. */
BH_API void *bh_items_new(size_t count, size_t size);

/** Free what bh_items_new() made. NULL is allowed. Of the items themselves nothing is freed. */
BH_API void bh_items_free(void *items);

/** Free a string that was a result, and empty it. */
static inline void bh_string_deinit(bh_string *string)
{
	bh_items_free((void *)string->data);
	memset(string, 0, sizeof *string);
}

static inline void bh_bytes_deinit(bh_bytes *bytes)
{
	bh_items_free((void *)bytes->data);
	memset(bytes, 0, sizeof *bytes);
}

/* From here on: for generated headers. */

/** Memory that is needed until a conversion is used up: a place of the caller's first, blocks after that. */
typedef struct {
	char *at;
	size_t left;
	void *blocks;
} bh_scope;

/** How many values the place on the stack holds that conversions begin with. */
#define BH_SCOPE_ROOM 16

static inline bh_scope bh_scope_on(bh_value *room, size_t count)
{
	bh_scope scope;
	scope.at = (char *)room;
	scope.left = count * sizeof *room;
	scope.blocks = NULL;
	return scope;
}

/** Room for `count` things of `size` bytes, not zeroed, until the scope ends. NULL: no memory. */
BH_API void *bh_scope_take(bh_scope *scope, size_t count, size_t size);

/** Free what was taken. */
BH_API void bh_scope_end(bh_scope *scope);

/** Room for the items of a list: of the scope, or the receiver's own where that is NULL. */
static inline void *bh_scope_items(bh_scope *scope, size_t count, size_t size)
{
	return scope ? bh_scope_take(scope, count, size) : bh_items_new(count, size);
}

/*
 * Conversions. TYPE_to() makes a value that borrows from `in` and from the scope. TYPE_from() reads a value: with a scope
 * what it makes borrows from value and scope, without one it moves out of the value what it can, and the receiver owns it.
 * After a failure `out` holds what can be freed. BH_E_TYPE: it does not fit.
 */
#define X(name, kind_, field, type)                                                                                    \
	static inline bh_status bh_##name##_from(type *out, bh_value *in, bh_scope *scope)                                 \
	{                                                                                                                  \
		(void)scope;                                                                                                   \
		if (in->kind != BH_KIND_##kind_)                                                                               \
			return BH_E_TYPE;                                                                                          \
		*out = in->as.field;                                                                                           \
		return BH_OK;                                                                                                  \
	}                                                                                                                  \
	static inline bh_status bh_##name##_to(bh_value *out, const type *in, bh_scope *scope)                             \
	{                                                                                                                  \
		(void)scope;                                                                                                   \
		*out = bh_of_##name(*in);                                                                                      \
		return BH_OK;                                                                                                  \
	}
BH_SCALARS(X)
#undef X

BH_API bh_status bh_string_from(bh_string *out, bh_value *in, bh_scope *scope);
BH_API bh_status bh_bytes_from(bh_bytes *out, bh_value *in, bh_scope *scope);
BH_API bh_status bh_handle_from(bh_resource **out, bh_value *in, bh_scope *scope);

static inline bh_status bh_string_to(bh_value *out, const bh_string *in, bh_scope *scope)
{
	(void)scope;
	*out = bh_of_string_n(in->data, in->length);
	return BH_OK;
}

static inline bh_status bh_bytes_to(bh_value *out, const bh_bytes *in, bh_scope *scope)
{
	(void)scope;
	*out = bh_of_bytes(in->data, in->length);
	return BH_OK;
}

static inline bh_status bh_handle_to(bh_value *out, bh_resource *const *in, bh_scope *scope)
{
	(void)scope;
	*out = bh_of_resource(*in);
	return *in ? BH_OK : BH_E_TYPE;
}

/** Whether a value is a record of these fields, in this order. */
BH_API bool bh_is_record(const bh_value *value, const char *const *names, size_t count);

/** The case of that name, or `count`. */
BH_API size_t bh_case_find(const char *name, const char *const *names, size_t count);

/** Flags as bits, and back; as many words of 64 as the names need. */
BH_API bh_status bh_flags_from(uint64_t *bits, const bh_value *in, const char *const *names, size_t count);
BH_API bh_status bh_flags_to(bh_value *out, const uint64_t *bits, const char *const *names, size_t count,
                             bh_scope *scope);

/** A conversion failed: makes the error. \return status */
BH_API bh_status bh_typed_fail(bh_error **err, bh_status status, const char *function);

/** An export as a header was made for. */
typedef struct {
	const char *name; /**< "interface#function" */
	const char *signature;
} bh_typed_export;

/**
 * Look up exports, all or none.
 *
 * \param out  room for `count`, to be released with bh_typed_release()
 * \return as bh_export_find(); BH_E_TYPE (an export is of another type)
 */
BH_API BH_MUST_USE bh_status bh_typed_prepare(bh_export **out, bh_component *component, const bh_typed_export *wanted,
                                              size_t count, bh_error **err);

BH_API void bh_typed_release(bh_export **exports_, size_t count);

/** bh_instance_call(), or bh_export_call() where `on` is NULL. */
static inline bh_status bh_typed_call(bh_export *export_, bh_instance *on, const bh_value *args, size_t count,
                                      bh_value *result, const bh_call_options *options, bh_usage *usage, bh_error **err)
{
	return on ? bh_instance_call(on, export_, args, count, result, options, usage, err)
	          : bh_export_call(export_, args, count, result, options, usage, err);
}

BH_END

#endif
