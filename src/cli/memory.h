/*
 * Memory for the command: allocations that never return NULL. A command that cannot get a few kilobytes has
 * nothing left to do but say so, and no caller has to check.
 */
#ifndef BH_CLI_MEMORY_H
#define BH_CLI_MEMORY_H

#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>

/* Zeroed. */
void *x_alloc(size_t size) __attribute__((malloc, returns_nonnull));

/* Room for one more element in an array that grows by doubling; the new room is not zeroed. */
void *x_grow(void *array, size_t count, size_t *capacity, size_t element) __attribute__((returns_nonnull));

char *x_copy(const char *text) __attribute__((malloc, returns_nonnull));
char *x_copy_n(const char *text, size_t length) __attribute__((malloc, returns_nonnull));
char *x_format(const char *format, ...) __attribute__((format(printf, 1, 2), malloc, returns_nonnull));
char *x_vformat(const char *format, va_list args) __attribute__((format(printf, 1, 0), malloc, returns_nonnull));
void x_free(void *block);

/* A text that grows: write to `stream`, and take the text with x_text_end(), to be freed with x_free(). */
typedef struct {
	char *text;
	size_t length;
	FILE *stream;
} x_writer;

void x_text_begin(x_writer *out);
char *x_text_end(x_writer *out) __attribute__((returns_nonnull));

/* Say that there is no memory and exit. */
_Noreturn void x_no_memory(void);

/* Owners clean up by themselves: X_AUTO char *text = x_format(...). */
static inline void x_free_auto(void *owner)
{
	x_free(*(void **)owner);
}
#define X_AUTO __attribute__((cleanup(x_free_auto)))

#define X_COUNT(array) (sizeof(array) / sizeof *(array))

#endif
