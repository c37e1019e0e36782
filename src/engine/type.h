/* Types as trees, built in one pass from what the engine tells. */
#ifndef BH_ENGINE_TYPE_H
#define BH_ENGINE_TYPE_H

#include "base/text.h"
#include "bulkhead/type.h"
#include "engine/internal.h"

struct bh_type {
	bh_kind kind;
	char *name; /* as a part: of a parameter, field, case or flag */
	size_t count;
	size_t capacity;
	bh_type **parts;
};

/*
 * A function's type: a root of kind NONE whose parts are the parameters and, last, the result (of kind NONE if
 * there is none). BH_E_UNSUPPORTED for types too large or of a kind that is not handled.
 */
bh_status bh_type_of_function(bh_type **out, const wasmtime_component_func_type_t *type, bh_error **err);
void bh_type_free(bh_type *type);

/* Whether both are one type, names included. */
bool bh_type_same(const bh_type *a, const bh_type *b);

/* How many parts it has, parts of parts and itself included. */
size_t bh_type_size(const bh_type *type);

/* "func(a: s32) -> string" */
void bh_type_write_function(bh_text *text, const bh_type *root);
void bh_type_write(bh_text *text, const bh_type *type);

/* An example value in WAVE. */
void bh_type_write_example(bh_text *text, const bh_type *type);

static inline const bh_type *bh_type_part(const bh_type *type, size_t index)
{
	return type->parts[index];
}

#endif
