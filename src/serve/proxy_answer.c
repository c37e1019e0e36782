/* Sending what was answered: whole, or as it comes from the upstream. */
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "flow.h"
#include "memory.h"

enum { BLOCK = 32 << 10 };

/* With the flow's lock. */
void answer_ready(flow *f)
{
	if (!f->suspended)
		return;
	f->suspended = false;
	MHD_resume_connection(f->connection);
	atomic_store(&f->lane->http_due, true);
	loop_wake(f->lane); /* libmicrohttpd's own word may be taken by a run that began before it */
}

static ssize_t read_stream(void *data, uint64_t position, char *buffer, size_t most)
{
	(void)position;
	flow *f = data;
	pthread_mutex_lock(&f->lock);
	ssize_t result = (ssize_t)pipe_read(&f->down, buffer, most);
	bool room = result > 0 && f->down.full;
	if (room)
		f->down.full = false;
	if (!result && f->down.closed)
		result = f->down.broken ? MHD_CONTENT_READER_END_WITH_ERROR : MHD_CONTENT_READER_END_OF_STREAM;
	else if (!result && f->cancelled)
		result = MHD_CONTENT_READER_END_WITH_ERROR;
	if (!result) {
		f->suspended = true;
		MHD_suspend_connection(f->connection);
	}
	pthread_mutex_unlock(&f->lock);
	if (room)
		loop_signal(f);
	return result;
}

static void release_stream(void *data)
{
	flow_unref(data);
}

/* What the server says itself, or what goes with one connection. */
static bool is_ours(const bh_header *header)
{
	static const char *const names[] = {"content-length", "transfer-encoding", "connection", "keep-alive", "te",
	                                    "trailer",        "proxy-connection",  "upgrade"};
	for (size_t i = 0; i < SV_COUNT(names); i++)
		if (header_is(header, names[i]))
			return true;
	return false;
}

/* libmicrohttpd takes texts that end with a NUL byte, and no empty values: those are left out. */
static bool add_headers(flow *f, struct MHD_Response *response)
{
	for (size_t i = 0; i < f->answer_header_count; i++) {
		const bh_header *header = &f->answer_headers[i];
		if (is_ours(header) || !header->value.length)
			continue;
		const char *name = store_copy(&f->store, header->name.data, header->name.length);
		const char *value = store_copy(&f->store, header->value.data, header->value.length);
		if (!name || !value || !MHD_add_response_header(response, name, value))
			return false;
	}
	return !f->close || MHD_add_response_header(response, "Connection", "close");
}

/* A small body that came at once: libmicrohttpd sends it with its head, in one piece. */
static bool is_all_there(flow *f)
{
	pthread_mutex_lock(&f->lock);
	const pipe_ *p = &f->down;
	bool whole = f->kind == ANSWER_STREAM && !f->head && p->data && p->closed && !p->broken && !f->cancelled &&
	             !p->from && f->answer_length >= 0 && p->length == (size_t)f->answer_length;
	pthread_mutex_unlock(&f->lock);
	return whole;
}

static struct MHD_Response *make(flow *f)
{
	if (f->status == MHD_HTTP_NO_CONTENT || f->status == MHD_HTTP_NOT_MODIFIED)
		return MHD_create_response_from_buffer(0, (void *)"", MHD_RESPMEM_PERSISTENT);
	if (is_all_there(f))
		return MHD_create_response_from_buffer(f->down.length, f->down.data, MHD_RESPMEM_PERSISTENT);
	/* To HEAD the length is said that GET would have. */
	bool lengthless = (f->head && f->came_whole && !f->answer_body.length);
	if (f->kind == ANSWER_WHOLE && !lengthless)
		return MHD_create_response_from_buffer(f->answer_body.length, (void *)f->answer_body.data,
		                                       MHD_RESPMEM_PERSISTENT);
	int64_t length = f->kind == ANSWER_STREAM ? f->answer_length : f->came_length;
	uint64_t size = length < 0 ? MHD_SIZE_UNKNOWN : (uint64_t)length;
	struct MHD_Response *response =
		MHD_create_response_from_callback(size, BLOCK, read_stream, flow_ref(f), release_stream);
	if (!response)
		flow_unref(f);
	return response;
}

/* A kind is set once: from then on all of the answer but the pipe stays as it is. */
enum MHD_Result answer_send(flow *f)
{
	if (f->kind == ANSWER_CUT)
		return MHD_NO;
	struct MHD_Response *response = make(f);
	enum MHD_Result good = response && add_headers(f, response) ? MHD_YES : MHD_NO;
	if (good)
		good = MHD_queue_response(f->connection, f->status, response);
	if (response)
		MHD_destroy_response(response);
	if (good)
		proxy_add(f->lane, COUNT_ANSWERED + (int)(f->status / 100 < 6 ? f->status / 100 : 0));
	return good;
}

/* To a request that is not read on: what follows on the connection means nothing. */
enum MHD_Result answer_refusal(flow *f, unsigned status, const char *why)
{
	f->close = true;
	atomic_store(&f->moved, 0);
	f->ended = true;
	turn_reply(f, status, "request", why);
	return answer_send(f);
}
