/*
 * The TOML parser in the engine archive (engine/src/toml.rs), as C sees it. Only src/base/toml.c includes this.
 *
 * A document becomes one flat array of nodes and one array of text that they point into. The children of a
 * node are neighbours, in the order of the file; node 0 is the root table.
 */
#ifndef BULKHEAD_TOML_H
#define BULKHEAD_TOML_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Longer documents are refused, and so are more than 80 brackets open at once or 80 parts in one key. */
#define BHX_TOML_MAX_BYTES ((size_t)1 << 20)

enum {
	BHX_TOML_TABLE,
	BHX_TOML_ARRAY,
	BHX_TOML_STRING,
	BHX_TOML_INTEGER,
	BHX_TOML_FLOAT,
	BHX_TOML_BOOL,
	BHX_TOML_DATETIME
};

/* A stretch of the document: bytes from its start; line and column from 1, columns in bytes. Line 0: nowhere. */
typedef struct {
	uint32_t offset;
	uint32_t length;
	uint32_t line;
	uint32_t column;
} bhx_toml_span;

typedef struct {
	uint32_t kind;
	uint32_t parent; /* of the root: itself */
	uint32_t first_child;
	uint32_t child_count;
	uint32_t key; /* offset into the text, NUL-terminated there; items of arrays have an empty key */
	uint32_t key_length;
	uint32_t string; /* value of a string */
	uint32_t string_length;
	int64_t integer; /* value of an integer, and of a bool as 0 and 1 */
	double real;     /* value of a float */
	bhx_toml_span key_span;
	bhx_toml_span span; /* a table's is its header, or else its key */
} bhx_toml_node;

typedef struct {
	const bhx_toml_node *nodes;
	size_t count;
	const char *text;
	size_t text_length;
} bhx_toml;

typedef struct {
	char message[256]; /* UTF-8, one line, cut where it is longer */
	bhx_toml_span where;
} bhx_toml_error;

/*
 * Parse `length` bytes. Returns true, with *out to be given back to bhx_toml_free(), or false with *error
 * filled in. The text is not needed afterwards. Panics become errors. Takes up to 512 KiB of stack.
 */
bool bhx_toml_parse(const char *text, size_t length, const bhx_toml **out, bhx_toml_error *error);

/* NULL is allowed. */
void bhx_toml_free(const bhx_toml *document);

#endif
