#include "memory.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* A test that has one says which allocations fail. */
extern bool sv_refuse(void) __attribute__((weak));

static bool refused(void)
{
	return sv_refuse && sv_refuse();
}

void *sv_alloc(size_t size)
{
	return refused() ? NULL : calloc(1, size ? size : 1);
}

char *sv_copy_n(const char *text, size_t length)
{
	char *copy = length < SIZE_MAX ? sv_alloc(length + 1) : NULL;
	if (copy)
		memcpy(copy, text, length);
	return copy;
}

char *sv_copy(const char *text)
{
	return sv_copy_n(text, strlen(text));
}

char *sv_vformat(const char *format, va_list args)
{
	char *text;
	return refused() || vasprintf(&text, format, args) < 0 ? NULL : text;
}

char *sv_format(const char *format, ...)
{
	va_list args;
	va_start(args, format);
	char *text = sv_vformat(format, args);
	va_end(args);
	return text;
}

void *sv_grow(void *array, size_t count, size_t *capacity, size_t element)
{
	if (count < *capacity)
		return array;
	size_t wanted = *capacity ? *capacity * 2 : 8;
	void *grown = refused() ? NULL : reallocarray(array, wanted, element);
	if (grown)
		*capacity = wanted;
	return grown;
}

void sv_free(void *block)
{
	free(block);
}
