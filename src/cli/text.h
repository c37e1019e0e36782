/* Text: what is safe to show, how numbers read, and which word was meant. */
#ifndef BH_CLI_TEXT_H
#define BH_CLI_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * The length in bytes of the UTF-8 character at `text`, of which `left` bytes remain, and the character itself;
 * 0 where the bytes are not UTF-8.
 */
size_t utf8_next(const char *text, size_t left, uint32_t *out);

/*
 * The text as it may go to a terminal: names and messages come from components and files that nobody vouches
 * for, so control characters (but newlines and tabs), bytes that are not UTF-8 and marks that reverse the
 * reading direction are written out as escapes. To be freed with x_free().
 */
char *text_clean(const char *text);

/* The same text with what is not UTF-8 replaced by U+FFFD, for JSON. */
char *text_utf8(const char *text);

/* The word nearest to `word`, if near enough to have been meant; NULL otherwise. */
typedef const char *word_at(const void *data, size_t index); /* NULL past the end */
const char *text_nearest(const char *word, word_at *at, const void *data);

/* "1.1 MiB", "100.6 ms", "1,000,000": short-lived texts, a few of which may be in use at once. */
const char *text_bytes(uint64_t bytes);
const char *text_nanoseconds(uint64_t ns);
const char *text_count(uint64_t count);

/* Every line of the text moved to the right, and a newline after the last; to be freed with x_free(). */
char *text_indent(const char *text, int columns);

/* The part of a path after its last slash. */
const char *text_file_name(const char *path);

/* A component's name, from its file's, in the letters that a name may have; to be freed with x_free(). */
char *text_component_name(const char *file);

#endif
