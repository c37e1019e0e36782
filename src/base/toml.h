/*
 * TOML: a document as a tree, with the place of every key and value.
 *
 * The tree is read-only and lives until bh_toml_free(). The parser behind it is in the engine archive; nothing
 * but toml.c knows that.
 */
#ifndef BH_BASE_TOML_H
#define BH_BASE_TOML_H

#include "base/error.h"

/* A longer document is refused. */
#define BH_TOML_MAX_BYTES ((size_t)1 << 20)

typedef enum {
	BH_TOML_TABLE,
	BH_TOML_ARRAY,
	BH_TOML_STRING,
	BH_TOML_INTEGER,
	BH_TOML_FLOAT,
	BH_TOML_BOOL,
	BH_TOML_DATETIME
} bh_toml_type;

/* A stretch of the document: line and column from 1, columns and lengths in bytes. Line 0 is nowhere. */
typedef struct {
	uint32_t offset;
	uint32_t length;
	uint32_t line;
	uint32_t column;
} bh_toml_span;

typedef struct bh_toml bh_toml;

typedef struct bh_toml_node {
	bh_toml_type type;
	const char *key; /* empty for the root and for items of arrays; may hold NUL bytes, as text may */
	size_t key_length;
	bh_toml_span key_span;
	bh_toml_span span;                 /* a table's is its header, or else its key */
	const struct bh_toml_node *parent; /* NULL for the root */
	const struct bh_toml_node *children;
	size_t count; /* of children */
	union {
		struct {
			const char *data; /* NUL-terminated */
			size_t length;
		} text;
		int64_t integer;
		double real;
		bool boolean;
	} as;
} bh_toml_node;

/*
 * Parse a document. BH_OK; BH_E_CONFIG, with the parser's words and a location without a file; BH_E_NO_MEMORY.
 * Takes up to 512 KiB of stack, for documents that nest as deeply as is allowed.
 */
bh_status bh_toml_parse(bh_toml **out, const char *text, size_t length, bh_error **err);
void bh_toml_free(bh_toml *document);
BH_DEFINE_AUTO(bh_toml *, bh_toml_free)

/* The root table. */
const bh_toml_node *bh_toml_root(const bh_toml *document);

/* The child of that name; NULL if there is none, or `table` is NULL or no table. */
const bh_toml_node *bh_toml_find(const bh_toml_node *table, const char *key);

/* Whether the string is exactly `text`; false for other types. */
bool bh_toml_is(const bh_toml_node *node, const char *text);

/* Which of `names` the node's key is; `count` if it is none of them. */
size_t bh_toml_key_among(const bh_toml_node *node, const char *const *names, size_t count);

#endif
