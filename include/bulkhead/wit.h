/** Worlds: what a component, or a WIT file, says it imports and exports, with its types by name. */
#ifndef BULKHEAD_WIT_H
#define BULKHEAD_WIT_H

#include "error.h"
#include "type.h"

BH_BEGIN

/** No type: of a case without payload, a function without result. */
#define BH_WIT_NO_TYPE SIZE_MAX

/** A type is: */
typedef enum {
	BH_WIT_VALUE,   /**< a type of values, of the given kind */
	BH_WIT_ALIAS,   /**< another name for the type of its one part: `type` and `use` */
	BH_WIT_RESOURCE /**< a resource, which handles are of */
} bh_wit_form;

/** A part of a type, or a parameter. */
typedef struct {
	const char *name; /**< field, case, flag, parameter; NULL where parts have none */
	size_t type;      /**< a number of a type, or BH_WIT_NO_TYPE */
} bh_wit_part;

/** A type. */
typedef struct {
	bh_wit_form form;
	bh_kind kind;
	const char *interface; /**< that it is of: "acme:kv/store@1.0.0"; NULL: the world's own, or of none */
	const char *name;      /**< NULL: it has none, as list<string> */
	const char *docs;      /**< the comment before it; NULL: none */
	/** As bh_type_at() has them: all of them named and typed, but for kinds that have neither. own and borrow: one, the
	 *  resource. Only types of lower numbers, so that types are made of each other without end. */
	const bh_wit_part *parts;
	size_t part_count;
} bh_wit_type;

/** A function. */
typedef struct {
	const char *interface; /**< NULL: the world's own */
	const char *name;      /**< "get", "[method]bag.add" */
	const char *docs;
	const char *signature; /**< types written out, as bh_host_function.signature has it */
	const bh_wit_part *params;
	size_t param_count;
	size_t result;
	size_t resource; /**< the resource whose constructor, method or static function it is */
} bh_wit_function;

/** A world. It belongs to the caller, may be read from any thread, and is released with bh_wit_free(). */
typedef struct {
	const char *package; /**< "acme:kv@1.0.0"; NULL: none */
	const char *name;
	const char *docs;
	const bh_wit_type *types;
	size_t type_count;
	const bh_wit_function *imports; /**< without those of the interfaces that the library provides itself */
	size_t import_count;
	const bh_wit_function *exports;
	size_t export_count;
	const size_t *resources; /**< types: the resources that a program has to define */
	size_t resource_count;
} bh_wit;

/**
 * Read a world. Blocks while files are read.
 *
 * Bounded: 4 MiB of text, 10,000 functions, 50,000 types and 500,000 parts, types nested 100 deep, names of 255 bytes.
 *
 * \param path   a WIT file, a folder with a WIT package and the packages it uses in `deps/`, or a component
 * \param world  which world of the package; NULL: the only one
 *
 * \return BH_OK; BH_E_NOT_FOUND; BH_E_PARSE (the hint shows the place); BH_E_UNSUPPORTED (futures, streams, maps, functions
 *         that are async in WIT; more than the bounds allow); BH_E_SYSTEM (no thread); BH_E_NO_MEMORY
 */
BH_API BH_MUST_USE bh_status bh_wit_read(bh_wit **out, const char *path, const char *world, bh_error **err);

/** Release. NULL is allowed. */
BH_API void bh_wit_free(bh_wit *wit);

BH_END

#endif
