/* What comes back: headers and body, as much as is allowed and no more. */
#include <string.h>

#include "base/alloc.h"
#include "net/net_thread.h"

/* Any other number than it was given stops a transfer. */
static size_t spoil(bh_fetch *fetch, bh_fetch_outcome outcome)
{
	fetch->spoiled = outcome;
	return (size_t)-1;
}

static void *make_room(void *block, size_t needed, size_t *capacity, uint64_t most)
{
	if (needed <= *capacity)
		return block;
	size_t wanted = *capacity ? *capacity : 4096;
	while (wanted < needed)
		wanted *= 2;
	if (wanted > most)
		wanted = (size_t)most;
	void *grown = bh_realloc(block, wanted);
	if (grown)
		*capacity = wanted;
	return grown;
}

static bool is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

/* A new head: of the answer after "100 Continue", say. */
static void forget_head(bh_fetch *fetch)
{
	fetch->head_length = 0;
	fetch->place_count = 0;
}

static bool add_place(bh_fetch *fetch, const char *line, size_t length)
{
	const char *colon = memchr(line, ':', length);
	if (!colon || colon == line || is_blank(*line))
		return true; /* the status, the end, or nothing that we know */
	bh_header_place *grown = bh_grow(fetch->places, fetch->place_count, &fetch->place_capacity, sizeof *grown);
	if (!grown)
		return false;
	fetch->places = grown;
	const char *value = colon + 1, *end = line + length;
	while (value < end && is_blank(*value))
		value++;
	while (end > value && is_blank(end[-1]))
		end--;
	uint32_t at = (uint32_t)fetch->head_length;
	grown[fetch->place_count++] = (bh_header_place){.name = at,
	                                                .name_length = (uint32_t)(colon - line),
	                                                .value = at + (uint32_t)(value - line),
	                                                .value_length = (uint32_t)(end - value)};
	return true;
}

size_t bh_take_header(char *line, size_t one, size_t length, void *data)
{
	(void)one; /* always 1 */
	bh_fetch *fetch = data;
	uint32_t most = bh_net_terms(fetch->net)->bounds.max_header_bytes;
	fetch->head_bytes += length;
	if (fetch->head_bytes > most)
		return spoil(fetch, BH_FETCH_TOO_LARGE);
	if (fetch->body_began)
		return length; /* trailers */
	if (length >= 5 && !memcmp(line, "HTTP/", 5))
		forget_head(fetch);
	char *head = make_room(fetch->head, fetch->head_length + length, &fetch->head_capacity, most);
	if (!head)
		return spoil(fetch, BH_FETCH_NO_MEMORY);
	fetch->head = head;
	memcpy(head + fetch->head_length, line, length);
	if (!add_place(fetch, line, length))
		return spoil(fetch, BH_FETCH_NO_MEMORY);
	fetch->head_length += length;
	return length;
}

size_t bh_take_body(char *bytes, size_t one, size_t length, void *data)
{
	(void)one;
	bh_fetch *fetch = data;
	uint64_t most = bh_net_terms(fetch->net)->bounds.max_response;
	fetch->body_began = true;
	if (!fetch->request.moved(fetch->request.data, length))
		return spoil(fetch, BH_FETCH_OVER_LIMIT);
	if (length > most - fetch->body_length)
		return spoil(fetch, BH_FETCH_TOO_LARGE);
	uint8_t *body = make_room(fetch->body, fetch->body_length + length, &fetch->body_capacity, most);
	if (!body)
		return spoil(fetch, BH_FETCH_NO_MEMORY);
	fetch->body = body;
	memcpy(body + fetch->body_length, bytes, length);
	fetch->body_length += length;
	return length;
}
