/* Server-Sent Events: what comes in pieces of any size, as events. */
#ifndef BH_CLI_SSE_H
#define BH_CLI_SSE_H

#include <stdbool.h>
#include <stddef.h>

/* An event's data; its lines are joined by newlines. False: no more. */
typedef bool sse_take(void *data, const char *text);

typedef struct {
	sse_take *take;
	void *data;
	char *line; /* that is still coming */
	size_t line_length, line_capacity;
	char *text; /* the data so far; NULL: none */
	size_t text_length, text_capacity;
	bool broken; /* a line or event was too long: what there is of it is left out */
} sse_reader;

/* False: `take` wants no more. An event of more than 1 MiB is left out. */
bool sse_read(sse_reader *reader, const char *text, size_t length);

/* What is half read is forgotten: the stream begins anew. */
void sse_reset(sse_reader *reader);
void sse_deinit(sse_reader *reader);

#endif
