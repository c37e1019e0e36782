/* Memory of a flow, its headers, and the pipes that bodies go through. */
#include <string.h>
#include <strings.h>

#include "flow.h"
#include "memory.h"

struct store_block {
	store_block *next;
	_Alignas(16) char data[];
};

enum { BLOCK = 4000 };

char *store_take(store *s, size_t size)
{
	size_t rounded;
	if (__builtin_add_overflow(size, 15, &rounded))
		return NULL;
	rounded &= ~(size_t)15;
	if (rounded > s->left) {
		size_t room = rounded > BLOCK ? rounded : BLOCK;
		store_block *block = sv_alloc(sizeof *block + room);
		if (!block)
			return NULL;
		block->next = s->blocks;
		s->blocks = block;
		s->left = room;
		s->used = 0;
	}
	char *at = s->blocks->data + s->used;
	s->used += rounded;
	s->left -= rounded;
	return at;
}

char *store_copy(store *s, const char *text, size_t length)
{
	char *copy = store_take(s, length + 1);
	if (!copy)
		return NULL;
	if (length)
		memcpy(copy, text, length);
	copy[length] = '\0';
	return copy;
}

void store_free(store *s)
{
	for (store_block *block = s->blocks, *next; block; block = next) {
		next = block->next;
		sv_free(block);
	}
	*s = (store){0};
}

/* Headers. */

bool heads_add(heads *h, store *s, bh_string name, bh_string value)
{
	bh_header *grown = sv_grow(h->items, h->count, &h->capacity, sizeof *grown);
	if (!grown)
		return false;
	h->items = grown;
	char *name_copy = store_copy(s, name.data, name.length), *value_copy = store_copy(s, value.data, value.length);
	if (!name_copy || !value_copy)
		return false;
	h->items[h->count++] = (bh_header){{name_copy, name.length}, {value_copy, value.length}};
	h->bytes += name.length + value.length;
	return true;
}

bool header_is(const bh_header *header, const char *name)
{
	return strlen(name) == header->name.length && !strncasecmp(header->name.data, name, header->name.length);
}

const bh_header *heads_find(const heads *h, const char *name)
{
	for (size_t i = 0; i < h->count; i++)
		if (header_is(&h->items[i], name))
			return &h->items[i];
	return NULL;
}

size_t heads_count(const heads *h, const char *name)
{
	size_t count = 0;
	for (size_t i = 0; i < h->count; i++)
		count += header_is(&h->items[i], name);
	return count;
}

void heads_remove(heads *h, const char *name)
{
	size_t kept = 0;
	for (size_t i = 0; i < h->count; i++)
		if (!header_is(&h->items[i], name))
			h->items[kept++] = h->items[i];
	h->count = kept;
}

void heads_free(heads *h)
{
	sv_free(h->items);
	*h = (heads){0};
}

bool header_is_sound(const bh_header *header)
{
	static const char others[] = "!#$%&'*+-.^_`|~";
	for (size_t i = 0; i < header->name.length; i++) {
		unsigned char c = (unsigned char)header->name.data[i];
		bool letter = (c | 32) >= 'a' && (c | 32) <= 'z', digit = c >= '0' && c <= '9';
		if (!letter && !digit && (!c || !strchr(others, c)))
			return false;
	}
	for (size_t i = 0; i < header->value.length; i++) {
		unsigned char c = (unsigned char)header->value.data[i];
		if ((c < ' ' && c != '\t') || c == 127)
			return false;
	}
	return header->name.length > 0;
}

/* The items of a list with commas, one after another, without spaces around them. False: no more. */
static bool next_item(bh_string list, size_t *at, bh_string *out)
{
	while (*at < list.length) {
		const char *from = list.data + *at, *comma = memchr(from, ',', list.length - *at);
		size_t length = comma ? (size_t)(comma - from) : list.length - *at;
		*at += length + 1;
		while (length && (*from == ' ' || *from == '\t'))
			from++, length--;
		while (length && (from[length - 1] == ' ' || from[length - 1] == '\t'))
			length--;
		*out = (bh_string){from, length};
		if (length)
			return true;
	}
	return false;
}

bool header_has_token(bh_string value, const char *token)
{
	bh_string item;
	for (size_t at = 0; next_item(value, &at, &item);)
		if (strlen(token) == item.length && !strncasecmp(item.data, token, item.length))
			return true;
	return false;
}

static bool is_for_one_hop(const heads *h, const bh_header *header)
{
	static const char *const hops[] = {
		"keep-alive",        "proxy-connection",   "te", "trailer", "upgrade", "proxy-authenticate",
		"transfer-encoding", "proxy-authorization"};
	for (size_t i = 0; i < SV_COUNT(hops); i++)
		if (header_is(header, hops[i]))
			return true;
	for (size_t i = 0; i < h->count; i++) {
		bh_string item;
		for (size_t at = 0; header_is(&h->items[i], "connection") && next_item(h->items[i].value, &at, &item);)
			if (item.length == header->name.length && !strncasecmp(item.data, header->name.data, item.length))
				return true;
	}
	return false;
}

/* Connection itself goes last, as it names others: until then each of them is among the kept or those to come. */
void heads_drop_hops(heads *h)
{
	size_t kept = 0;
	for (size_t i = 0; i < h->count; i++)
		if (header_is(&h->items[i], "connection") || !is_for_one_hop(h, &h->items[i]))
			h->items[kept++] = h->items[i];
	h->count = kept;
	heads_remove(h, "connection");
}

/* Pipes. */

void pipe_expect(pipe_ *p, int64_t length)
{
	p->size = length > 0 && length < PIPE_SIZE ? (size_t)length : PIPE_SIZE;
}

size_t pipe_room(const pipe_ *p)
{
	return (p->size ? p->size : PIPE_SIZE) - p->length;
}

size_t pipe_write(pipe_ *p, const char *data, size_t length)
{
	if (!p->size)
		p->size = PIPE_SIZE;
	if (!p->data)
		p->data = sv_alloc(p->size);
	if (!p->data)
		return SIZE_MAX;
	size_t done = 0;
	while (done < length && p->length < p->size) {
		size_t at = (p->from + p->length) % p->size;
		size_t room = at < p->from ? p->from - at : p->size - at;
		if (room > p->size - p->length)
			room = p->size - p->length;
		size_t part = length - done < room ? length - done : room;
		memcpy(p->data + at, data + done, part);
		p->length += part;
		done += part;
	}
	return done;
}

size_t pipe_read(pipe_ *p, char *data, size_t most)
{
	size_t done = 0;
	while (done < most && p->length) {
		size_t part = p->size - p->from < p->length ? p->size - p->from : p->length;
		if (part > most - done)
			part = most - done;
		memcpy(data + done, p->data + p->from, part);
		p->from = (p->from + part) % p->size;
		p->length -= part;
		done += part;
	}
	return done;
}
