/** Types of exports and imports, as WIT has them. */
#ifndef BULKHEAD_TYPE_H
#define BULKHEAD_TYPE_H

#include "base.h"

BH_BEGIN

/** Every kind of value of the component model. BH_KIND_BYTES is list<u8>, which is handled as one block. */
typedef enum {
	BH_KIND_NONE, /**< no value */
	BH_KIND_BOOL,
	BH_KIND_S8,
	BH_KIND_U8,
	BH_KIND_S16,
	BH_KIND_U16,
	BH_KIND_S32,
	BH_KIND_U32,
	BH_KIND_S64,
	BH_KIND_U64,
	BH_KIND_F32,
	BH_KIND_F64,
	BH_KIND_CHAR,
	BH_KIND_STRING,
	BH_KIND_BYTES,
	BH_KIND_LIST,
	BH_KIND_RECORD,
	BH_KIND_TUPLE,
	BH_KIND_VARIANT,
	BH_KIND_ENUM,
	BH_KIND_OPTION,
	BH_KIND_RESULT,
	BH_KIND_FLAGS,
	BH_KIND_OWN,
	BH_KIND_BORROW,
	BH_KIND_COUNT
} bh_kind;

/** "s32", "list", ... Never NULL. Any thread. */
BH_API const char *bh_kind_name(bh_kind kind);

/** A type is immutable, lives as long as the component it came from, and may be read from any thread. */

BH_API bh_kind bh_type_kind(const bh_type *type);

/**
 * How many parts it has: fields of a record, members of a tuple, cases of a variant or enum, flags; 1 for a
 * list and an option; 2 for a result (ok, then err).
 */
BH_API size_t bh_type_count(const bh_type *type);

/** A part's name (field, case, flag); NULL where parts have none or the index is past the end. */
BH_API const char *bh_type_name(const bh_type *type, size_t index);

/** A part's type; NULL where it has none (enum, flag, a case without payload) or past the end. */
BH_API const bh_type *bh_type_at(const bh_type *type, size_t index);

/**
 * The type as WIT text with nested types written out: "list<tuple<string, u8>>".
 *
 * \return the length needed, as snprintf does; at most `size` bytes are written, always terminated
 */
BH_API size_t bh_type_format(char *out, size_t size, const bh_type *type);

BH_END

#endif
