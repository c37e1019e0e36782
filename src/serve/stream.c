/*
 * Answers that go on: events, and logs that are followed. A stream is asked for more when what it had is sent, and every
 * moment while it has nothing; meanwhile its connection is suspended. So a reader who does not read holds one piece of text
 * and a place, until libmicrohttpd's idle time is over.
 */
#include <string.h>

#include "http.h"
#include "memory.h"

enum { BLOCK = 8192, RETRY_S = 5 };

struct stream {
	stream *next; /* of the server's; its lock */
	admin *server;
	exchange *exchange; /* with a reference */
	stream_fill *fill;
	void (*release)(void *data);
	void *data;
	sv_text text; /* to be sent, from `sent` on */
	size_t sent;
	/* The server's lock: */
	bool suspended;
	bool look; /* there may be more since it was asked */
	bool over;
};

/* With the lock. */
static void wake(stream *self)
{
	self->look = true;
	if (!self->suspended)
		return;
	self->suspended = false;
	MHD_resume_connection(self->exchange->connection);
}

void streams_look(admin *server)
{
	for (stream *s = server->streams; s; s = s->next)
		wake(s);
}

void streams_end(admin *server)
{
	for (stream *s = server->streams; s; s = s->next) {
		s->over = true;
		wake(s);
	}
}

void stream_end_of(admin *server, const exchange *which)
{
	for (stream *s = server->streams; s; s = s->next) {
		if (s->exchange != which)
			continue;
		s->over = true;
		wake(s);
	}
}

static bool ask(stream *self)
{
	self->sent = 0;
	self->text.length = 0;
	bool more = self->fill(self->data, &self->text);
	pthread_mutex_lock(&self->server->lock);
	self->over = self->over || !more || self->text.failed;
	pthread_mutex_unlock(&self->server->lock);
	return self->text.length > 0 && !self->text.failed;
}

typedef enum { AGAIN, SUSPENDED, OVER } next_step;

static next_step settle(stream *self)
{
	next_step next = AGAIN;
	pthread_mutex_lock(&self->server->lock);
	if (self->over || self->server->cutting) {
		next = OVER;
	} else if (!self->look) {
		MHD_suspend_connection(self->exchange->connection);
		self->suspended = true;
		next = SUSPENDED;
	}
	self->look = false;
	pthread_mutex_unlock(&self->server->lock);
	return next;
}

static ssize_t read_more(void *data, uint64_t position, char *out, size_t most)
{
	(void)position;
	stream *self = data;
	while (self->sent == self->text.length) {
		if (ask(self))
			break;
		next_step next = settle(self);
		if (next == OVER)
			return MHD_CONTENT_READER_END_OF_STREAM;
		if (next == SUSPENDED)
			return 0;
	}
	size_t length = self->text.length - self->sent;
	length = length < most ? length : most;
	memcpy(out, self->text.data + self->sent, length);
	self->sent += length;
	return (ssize_t)length;
}

void stream_free(stream *self)
{
	if (!self)
		return;
	admin *server = self->server;
	pthread_mutex_lock(&server->lock);
	for (stream **at = &server->streams; *at; at = &(*at)->next) {
		if (*at != self)
			continue;
		*at = self->next;
		break;
	}
	server->stream_count--;
	pthread_mutex_unlock(&server->lock);
	self->release(self->data);
	sv_text_deinit(&self->text);
	exchange_unref(self->exchange);
	admin_unref(server);
	sv_free(self);
}

static void free_one(void *data)
{
	stream_free(data);
}

struct MHD_Response *stream_response(stream *self)
{
	struct MHD_Response *made = MHD_create_response_from_callback(MHD_SIZE_UNKNOWN, BLOCK, read_more, self, free_one);
	if (!made)
		stream_free(self);
	return made;
}

/* A place among the streams; false: there is none. */
static bool enter(admin *server, stream *self)
{
	pthread_mutex_lock(&server->lock);
	bool room = server->stream_count < server->bounds.streams && !server->stopping;
	if (room) {
		server->stream_count++;
		self->next = server->streams;
		server->streams = self;
	}
	pthread_mutex_unlock(&server->lock);
	if (room)
		door_wake(server);
	return room;
}

void answer_stream(exchange *self, const char *type, stream_fill *fill, void (*release)(void *data), void *data)
{
	stream *s = sv_alloc(sizeof *s);
	if (!s) {
		release(data);
		answer_error(self, BH_E_NO_MEMORY, NULL);
		return;
	}
	*s = (stream){.server = self->server, .fill = fill, .release = release, .data = data};
	if (!enter(self->server, s)) {
		release(data);
		sv_free(s);
		answer_problem(self, MHD_HTTP_SERVICE_UNAVAILABLE, "%u streams are followed already, and that is the bound",
		               self->server->bounds.streams);
		return;
	}
	admin_ref(self->server);
	s->exchange = exchange_ref(self);
	exchange_answer(self, (answer){.status = MHD_HTTP_OK, .type = type, .stream = s});
}
