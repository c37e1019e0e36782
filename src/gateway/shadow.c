/*
 * Shadows: a module that is asked about a copy of the message, while that goes on. The copy is an exchange of its own, of one
 * call, which nobody waits for. How many there are is bounded, and so is what they hold.
 */
#include <string.h>

#include "gateway/turns.h"

static uint64_t size_of(const bh_message *m)
{
	uint64_t size = m->method.length + m->path.length + m->query.length + m->request_id.length + m->message.length +
	                m->module.length + m->body.length + m->header_count * sizeof *m->headers +
	                m->context_count * sizeof *m->context;
	for (size_t i = 0; i < m->header_count; i++)
		size += m->headers[i].name.length + m->headers[i].value.length;
	for (size_t i = 0; i < m->context_count; i++)
		size += m->context[i].key.length + m->context[i].value.length;
	return size;
}

/* One that is larger than all may be together is let in where there is no other. */
static bool enter(bh_chain *chain, uint64_t size)
{
	pthread_mutex_lock(&chain->lock);
	bool room =
		chain->shadows < BH_CHAIN_SHADOWS && (!chain->shadows || chain->shadow_bytes + size <= BH_CHAIN_SHADOW_BYTES);
	if (room) {
		chain->shadows++;
		chain->shadow_bytes += size;
	}
	pthread_mutex_unlock(&chain->lock);
	return room;
}

static void leave(bh_chain *chain, uint64_t size)
{
	pthread_mutex_lock(&chain->lock);
	chain->shadows--;
	chain->shadow_bytes -= size;
	pthread_mutex_unlock(&chain->lock);
}

/* Copies go into one block, which was measured. */
static const void *put(char **at, const void *data, size_t length)
{
	char *copy = *at;
	if (length)
		memcpy(copy, data, length);
	*at += length;
	return copy;
}

static void put_text(char **at, bh_string *text)
{
	text->data = put(at, text->data, text->length);
}

static void put_bytes(char **at, bh_bytes *bytes)
{
	bytes->data = put(at, bytes->data, bytes->length);
}

/* What must be aligned comes first. */
static void copy_message(bh_message *m, char *at)
{
	bh_header *headers = (bh_header *)put(&at, m->headers, m->header_count * sizeof *headers);
	bh_context_entry *context = (bh_context_entry *)put(&at, m->context, m->context_count * sizeof *context);
	bh_string *const texts[] = {&m->method, &m->path, &m->query, &m->request_id, &m->message, &m->module};
	for (size_t i = 0; i < BH_COUNT(texts); i++)
		put_text(&at, texts[i]);
	for (size_t i = 0; i < m->header_count; i++) {
		put_text(&at, &headers[i].name);
		put_text(&at, &headers[i].value);
	}
	for (size_t i = 0; i < m->context_count; i++) {
		put_text(&at, &context[i].key);
		put_bytes(&at, &context[i].value);
	}
	put_bytes(&at, &m->body);
	m->headers = headers;
	m->context = context;
}

static bh_exchange *copy_of(const bh_exchange *exchange, uint64_t size)
{
	bh_exchange *copy = bh_alloc(sizeof *copy);
	if (!copy)
		return NULL;
	memset(copy, 0, offsetof(bh_exchange, room));
	copy->scope = (bh_scope){.at = copy->room, .left = sizeof copy->room};
	char *room = bh_exchange_take(copy, size, 1);
	if (!room) {
		bh_scope_end(&copy->scope);
		bh_free(copy);
		return NULL;
	}
	pthread_mutex_init(&copy->lock, NULL);
	copy->chain = bh_chain_ref(exchange->chain);
	copy->modules = exchange->modules;
	atomic_fetch_add(&copy->modules->references, 1);
	copy->held = size;
	copy->part = BH_PART_OVER;
	copy->point = exchange->point;
	copy->at = exchange->at;
	copy->failed_index = SIZE_MAX;
	copy->context_count = exchange->context_count;
	copy->context_bytes = exchange->context_bytes;
	copy->message = exchange->message;
	copy_message(&copy->message, room);
	copy->context = (bh_context_entry *)copy->message.context;
	return copy;
}

/* Its share is given back before the chain may go. */
static void end(void *data, bh_exchange *copy)
{
	(void)data;
	leave(copy->chain, copy->held);
	bh_exchange_free(copy);
}

bool bh_shadow_start(const bh_exchange *exchange)
{
	uint64_t size = size_of(&exchange->message);
	if (!enter(exchange->chain, size))
		return false;
	bh_exchange *copy = copy_of(exchange, size);
	if (!copy) {
		leave(exchange->chain, size);
		return false;
	}
	copy->done = end;
	bh_turns_apart(copy);
	return true;
}
