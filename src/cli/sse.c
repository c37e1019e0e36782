#include "sse.h"

#include <string.h>

#include "memory.h"

enum { LONGEST = 1 << 20 };

static void append(char **to, size_t *length, size_t *capacity, const char *text, size_t more)
{
	while (*length + more + 1 > *capacity)
		*to = x_grow(*to, *capacity, capacity, 1);
	memcpy(*to + *length, text, more);
	*length += more;
	(*to)[*length] = '\0';
}

static bool end_event(sse_reader *r)
{
	bool more = !r->text_length || r->broken || r->take(r->data, r->text);
	r->text_length = 0;
	r->broken = false;
	return more;
}

/* Other fields than data say nothing that is not in it. */
static bool end_line(sse_reader *r)
{
	static const char field[] = "data:";
	size_t length = r->line_length, name = sizeof field - 1;
	const char *line = length ? r->line : "";
	r->line_length = 0;
	if (length && line[length - 1] == '\r')
		length--;
	if (!length)
		return end_event(r);
	if (length < name || strncmp(line, field, name) != 0)
		return true;
	size_t from = name + (length > name && line[name] == ' ');
	if (r->text_length + length > LONGEST)
		r->broken = true;
	if (r->broken)
		return true;
	if (r->text_length)
		append(&r->text, &r->text_length, &r->text_capacity, "\n", 1);
	append(&r->text, &r->text_length, &r->text_capacity, line + from, length - from);
	return true;
}

bool sse_read(sse_reader *r, const char *text, size_t length)
{
	while (length) {
		const char *end = memchr(text, '\n', length);
		size_t part = end ? (size_t)(end - text) : length;
		if (r->line_length + part > LONGEST)
			r->broken = true;
		else
			append(&r->line, &r->line_length, &r->line_capacity, text, part);
		if (end && !end_line(r))
			return false;
		part += end != NULL;
		text += part;
		length -= part;
	}
	return true;
}

void sse_reset(sse_reader *r)
{
	r->line_length = r->text_length = 0;
	r->broken = false;
}

void sse_deinit(sse_reader *r)
{
	x_free(r->line);
	x_free(r->text);
	*r = (sse_reader){0};
}
