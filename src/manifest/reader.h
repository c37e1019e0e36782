/*
 * Reading a manifest: the text, what was understood so far, and the remarks on the rest.
 *
 * Nothing here returns a status. Whoever reads a key adds a remark if something is wrong and goes on, so that
 * one reading finds everything; when memory runs out `failed` is set, and the caller looks at it at the end.
 * What a file repeats is read while bh_reader_goes_on(): a hostile file must not keep us busy for long.
 */
#ifndef BH_MANIFEST_READER_H
#define BH_MANIFEST_READER_H

#include "base/toml.h"
#include "manifest/manifest.h"

typedef struct {
	bh_manifest *manifest;
	const char *text;
	size_t length;
	char *folder;      /* relative paths in the manifest start here */
	bool failed;       /* memory ran out */
	bool full;         /* so many errors that no more are kept */
	bool incomplete;   /* parts of the file were not understood: nothing can be said about what is missing */
	uint64_t declared; /* a bit for each bh_limit that the file mentions, right or wrong */
} bh_reader;

/* What to say. The strings are handed over; a message that is NULL means that memory ran out. */
typedef struct {
	bh_severity severity;
	bh_status status;
	bh_limit limit; /* that it is about, with what is allowed and what was asked for; 0: not known */
	uint64_t allowed;
	uint64_t asked;
	bh_toml_span at;
	char *key;
	char *message;
	char *hint;
	char *fix;
} bh_saying;

/* Whether there is any use in reading more. */
bool bh_reader_goes_on(const bh_reader *r);

/* Add a remark. Takes over the strings of `saying`. */
void bh_reader_say(bh_reader *r, bh_saying saying);

/* An error about a node's value, and a warning about its key. They take over the strings, too. */
void bh_reader_error(bh_reader *r, const bh_toml_node *node, bh_status status, char *message, char *hint, char *fix);
void bh_reader_warn(bh_reader *r, const bh_toml_node *node, char *message, char *fix);

/* A string that must be there: NULL sets `failed`. */
char *bh_reader_keep(bh_reader *r, char *text);
char *bh_reader_format(bh_reader *r, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Put the remarks in the order of the file. */
void bh_reader_sort(bh_reader *r);

/* The line a span starts on, fit for a terminal: without control characters; NULL if it is too long. */
char *bh_reader_line(bh_reader *r, bh_toml_span at);

/* The document's text under a span, on one line, fit for a message: cut where it is long. */
char *bh_reader_excerpt(bh_reader *r, bh_toml_span at);

/* The document's text under a span in full, to be pasted; NULL unless it lies on one line of bounded length. */
char *bh_reader_verbatim(bh_reader *r, bh_toml_span at);

/* A node's key from the top ("resources.max_memory"); of an item, its list's. */
char *bh_reader_path(bh_reader *r, const bh_toml_node *node);

/* The line of a span with that span replaced; NULL where it does not lie on one line. */
char *bh_reader_replace(bh_reader *r, bh_toml_span at, const char *text);

/* The line that would give `node` another value. */
char *bh_reader_corrected(bh_reader *r, const bh_toml_node *node, const char *value);

/* Whether a string holds nothing that C or a path could trip over; an error remark if it does. */
bool bh_reader_plain(bh_reader *r, const bh_toml_node *node);

#endif
