#include "memory.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "exit_code.h"

void x_no_memory(void)
{
	static const char text[] = "bulkhead: out of memory\n";
	if (write(STDERR_FILENO, text, sizeof text - 1) < 0)
		_exit(EXIT_INTERNAL);
	_exit(EXIT_INTERNAL);
}

void *x_alloc(size_t size)
{
	void *block = calloc(1, size ? size : 1);
	if (!block)
		x_no_memory();
	return block;
}

void *x_grow(void *array, size_t count, size_t *capacity, size_t element)
{
	if (count < *capacity)
		return array;
	size_t wanted = *capacity ? *capacity * 2 : 8;
	void *grown = reallocarray(array, wanted, element);
	if (!grown)
		x_no_memory();
	*capacity = wanted;
	return grown;
}

char *x_copy_n(const char *text, size_t length)
{
	char *copy = x_alloc(length + 1);
	memcpy(copy, text, length);
	return copy;
}

char *x_copy(const char *text)
{
	return x_copy_n(text, strlen(text));
}

char *x_vformat(const char *format, va_list args)
{
	char *text;
	if (vasprintf(&text, format, args) < 0)
		x_no_memory();
	return text;
}

char *x_format(const char *format, ...)
{
	va_list args;
	va_start(args, format);
	char *text = x_vformat(format, args);
	va_end(args);
	return text;
}

void x_text_begin(x_writer *out)
{
	*out = (x_writer){0};
	out->stream = open_memstream(&out->text, &out->length);
	if (!out->stream)
		x_no_memory();
}

char *x_text_end(x_writer *out)
{
	if (fclose(out->stream) || !out->text)
		x_no_memory();
	out->stream = NULL;
	return out->text;
}

void x_free(void *block)
{
	free(block);
}
