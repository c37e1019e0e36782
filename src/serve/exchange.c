/* Requests and answers: who may ask, what is asked, and sending what was answered, at once or later. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "http.h"
#include "listen.h"
#include "memory.h"

exchange *exchange_ref(exchange *self)
{
	atomic_fetch_add_explicit(&self->references, 1, memory_order_relaxed);
	return self;
}

static void answer_deinit(answer *what)
{
	sv_free(what->body);
	stream_free(what->stream);
	*what = (answer){0};
}

void exchange_unref(exchange *self)
{
	if (!self || atomic_fetch_sub_explicit(&self->references, 1, memory_order_acq_rel) != 1)
		return;
	if (self->release_work)
		self->release_work(self->work);
	answer_deinit(&self->answer);
	sv_text_deinit(&self->body);
	sv_free(self->child);
	sv_free(self->url);
	admin_unref(self->server);
	sv_free(self);
}

const char *exchange_query(const exchange *self, const char *name)
{
	return MHD_lookup_connection_value(self->connection, MHD_GET_ARGUMENT_KIND, name);
}

/* Answering. */

void exchange_answer(exchange *self, answer what)
{
	admin *server = self->server;
	pthread_mutex_lock(&server->lock);
	if (!self->answered) {
		self->answered = true;
		self->answer = what;
		what = (answer){0};
		self->abandon = NULL;
		if (self->suspended) {
			self->suspended = false;
			server->waiting--;
			MHD_resume_connection(self->connection);
			pthread_cond_broadcast(&server->changed);
		}
	}
	pthread_mutex_unlock(&server->lock);
	answer_deinit(&what);
}

void exchange_may_abandon(exchange *self, void (*abandon)(exchange *self))
{
	pthread_mutex_lock(&self->server->lock);
	if (!self->answered)
		self->abandon = abandon;
	pthread_mutex_unlock(&self->server->lock);
}

void exchange_answer_within(exchange *self, unsigned ms)
{
	pthread_mutex_lock(&self->server->lock);
	self->answer_by = now_ms() + ms;
	pthread_mutex_unlock(&self->server->lock);
	door_wake(self->server);
}

void exchange_give_up(admin *server, exchange *self)
{
	void (*abandon)(exchange *) = self->abandon;
	self->abandon = NULL;
	exchange_ref(self);
	bool late = self->answer_by && now_ms() >= self->answer_by;
	pthread_mutex_unlock(&server->lock);
	if (abandon)
		abandon(self);
	if (late)
		answer_problem(self, MHD_HTTP_GATEWAY_TIMEOUT, "this takes longer than is waited for; it goes on");
	else
		answer_problem(self, MHD_HTTP_SERVICE_UNAVAILABLE, "nobody waits for the answer any more");
	exchange_unref(self);
	pthread_mutex_lock(&server->lock);
}

/* Sending. */

static struct MHD_Response *make_response(answer *what)
{
	if (what->stream)
		return stream_response(SV_TAKE(what->stream));
	char *body = SV_TAKE(what->body);
	struct MHD_Response *made = MHD_create_response_from_buffer(what->length, body ? body : (void *)"",
	                                                            body ? MHD_RESPMEM_MUST_FREE : MHD_RESPMEM_PERSISTENT);
	if (!made)
		sv_free(body);
	return made;
}

static enum MHD_Result send_answer(exchange *self)
{
	answer *what = &self->answer;
	struct MHD_Response *response = make_response(what);
	if (!response)
		return MHD_NO;
	char seconds[16];
	snprintf(seconds, sizeof seconds, "%u", what->retry_s);
	enum MHD_Result good = MHD_YES;
	if (what->type)
		good &= MHD_add_response_header(response, MHD_HTTP_HEADER_CONTENT_TYPE, what->type);
	good &=
		MHD_add_response_header(response, MHD_HTTP_HEADER_CACHE_CONTROL, what->cached ? "max-age=3600" : "no-store");
	good &= MHD_add_response_header(response, "X-Content-Type-Options", "nosniff");
	if (what->allow)
		good &= MHD_add_response_header(response, MHD_HTTP_HEADER_ALLOW, what->allow);
	if (what->retry_s)
		good &= MHD_add_response_header(response, MHD_HTTP_HEADER_RETRY_AFTER, seconds);
	if (what->status == MHD_HTTP_UNAUTHORIZED)
		good &= MHD_add_response_header(response, MHD_HTTP_HEADER_WWW_AUTHENTICATE, "Bearer realm=\"bulkhead\"");
	if (what->close)
		good &= MHD_add_response_header(response, MHD_HTTP_HEADER_CONNECTION, "close");
	if (good)
		good = MHD_queue_response(self->connection, what->status, response);
	MHD_destroy_response(response);
	return good;
}

/* Who may ask. */

/* How long this takes says nothing about where they differ. */
static bool same_secret(const char *given, const char *secret)
{
	size_t length = strlen(secret), have = strlen(given);
	unsigned difference = have != length;
	for (size_t i = 0; i < length; i++)
		difference |= (unsigned char)secret[i] ^ (unsigned char)given[have ? i % have : 0];
	return !difference;
}

static bool has_token(const exchange *self)
{
	const char *given = MHD_lookup_connection_value(self->connection, MHD_HEADER_KIND, MHD_HTTP_HEADER_AUTHORIZATION);
	if (!given || strncasecmp(given, "Bearer ", 7) != 0)
		return false;
	for (given += 7; *given == ' '; given++) {}
	return same_secret(given, self->server->token);
}

/* False: that was answered. */
static bool may_ask(exchange *self)
{
	const admin *server = self->server;
	const char *host = MHD_lookup_connection_value(self->connection, MHD_HEADER_KIND, MHD_HTTP_HEADER_HOST);
	if (self->peer->foreign)
		answer_problem(self, MHD_HTTP_FORBIDDEN, "the socket is for the user who runs the daemon, and for root");
	else if (self->peer->tcp && !listen_is_host(host, server->listen))
		answer_problem(self, MHD_HTTP_MISDIRECTED_REQUEST, "the Host header names another host");
	else if (server->compat && MHD_lookup_connection_value(self->connection, MHD_HEADER_KIND, "Origin"))
		answer_problem(self, MHD_HTTP_FORBIDDEN, "this is for tools, not for pages in a browser");
	else if (self->peer->tcp && !server->compat && !has_token(self))
		answer_problem(self, MHD_HTTP_UNAUTHORIZED, "a bearer token is needed, and this is not it");
	return !self->answered;
}

/* What is asked. */

static bool find_route(exchange *self, const char *method)
{
	const char *allow = NULL;
	bh_status wrong = BH_OK;
	self->head = !strcmp(method, MHD_HTTP_METHOD_HEAD);
	self->route = route_find(self->head ? MHD_HTTP_METHOD_GET : method, self->url, self->server->compat, &self->child,
	                         &allow, &wrong);
	if (self->route)
		return true;
	if (wrong == BH_E_NO_MEMORY) {
		answer_error(self, wrong, NULL);
	} else if (wrong) {
		answer_problem(self, MHD_HTTP_BAD_REQUEST, "the path is not encoded as it should be");
	} else if (allow) {
		answer_problem(self, MHD_HTTP_METHOD_NOT_ALLOWED, "%s is not for this; allowed: %s", method, allow);
		self->answer.allow = allow;
	} else {
		answer_problem(self, MHD_HTTP_NOT_FOUND, "no such route; /v1/openapi.json lists them");
	}
	return false;
}

/* The body is refused before it is sent, where its length is known. */
static bool body_fits(exchange *self)
{
	const char *text = MHD_lookup_connection_value(self->connection, MHD_HEADER_KIND, MHD_HTTP_HEADER_CONTENT_LENGTH);
	unsigned long long length = text ? strtoull(text, NULL, 10) : 0;
	if (length > self->server->bounds.body)
		answer_problem(self, MHD_HTTP_CONTENT_TOO_LARGE, "a body has at most %zu bytes", self->server->bounds.body);
	return !self->answered;
}

static bool is_going(exchange *self)
{
	pthread_mutex_lock(&self->server->lock);
	bool stopping = self->server->stopping;
	pthread_mutex_unlock(&self->server->lock);
	if (!stopping)
		return false;
	answer_problem(self, MHD_HTTP_SERVICE_UNAVAILABLE, "the daemon is stopping");
	return true;
}

static exchange *begin(admin *server, struct MHD_Connection *connection, const char *url)
{
	const union MHD_ConnectionInfo *info = MHD_get_connection_info(connection, MHD_CONNECTION_INFO_SOCKET_CONTEXT);
	exchange *self = info && info->socket_context ? sv_alloc(sizeof *self) : NULL;
	if (!self)
		return NULL;
	atomic_init(&self->references, 1);
	self->server = admin_ref(server);
	self->connection = connection;
	self->peer = info->socket_context;
	self->url = sv_copy(url);
	pthread_mutex_lock(&server->lock);
	self->peer->exchange = self;
	server->exchanges++;
	pthread_mutex_unlock(&server->lock);
	return self;
}

static enum MHD_Result take_head(exchange *self, const char *method)
{
	if (!self->url)
		return MHD_NO;
	if (!may_ask(self) || is_going(self) || !find_route(self, method) || !body_fits(self)) {
		self->answer.close = true; /* a body may follow that nobody reads */
		return send_answer(self);
	}
	return MHD_YES;
}

static void take_body(exchange *self, const char *data, size_t length)
{
	size_t most = self->server->bounds.body;
	self->too_long = self->too_long || length > most - self->body.length;
	if (!self->too_long)
		sv_text_add_n(&self->body, data, length);
}

static void run(exchange *self)
{
	admin *server = self->server;
	pthread_mutex_lock(&server->lock);
	self->begun = true;
	self->peer->reading = false;
	pthread_mutex_unlock(&server->lock);
	if (self->too_long)
		answer_problem(self, MHD_HTTP_CONTENT_TOO_LARGE, "a body has at most %zu bytes", server->bounds.body);
	else if (self->body.failed)
		answer_error(self, BH_E_NO_MEMORY, NULL);
	else
		self->route->handle(self);
}

/* It is answered later; a client who went meanwhile, or a server that stops, is no longer waited for. */
static void wait_for_answer(exchange *self)
{
	admin *server = self->server;
	pthread_mutex_lock(&server->lock);
	if (!self->answered && (server->cutting || self->peer->gone))
		exchange_give_up(server, self);
	if (!self->answered) {
		self->suspended = true;
		server->waiting++;
		MHD_suspend_connection(self->connection);
	}
	pthread_mutex_unlock(&server->lock);
}

enum MHD_Result exchange_handle(void *data, struct MHD_Connection *connection, const char *url, const char *method,
                                const char *version, const char *upload, size_t *upload_size, void **context)
{
	(void)version;
	exchange *self = *context;
	if (!self) {
		*context = self = begin(data, connection, url);
		return self ? take_head(self, method) : MHD_NO;
	}
	if (*upload_size) {
		take_body(self, upload, *upload_size);
		*upload_size = 0;
		return MHD_YES;
	}
	if (!self->begun)
		run(self);
	wait_for_answer(self);
	pthread_mutex_lock(&self->server->lock);
	bool answered = self->answered;
	pthread_mutex_unlock(&self->server->lock);
	return answered ? send_answer(self) : MHD_YES;
}

void exchange_completed(void *data, struct MHD_Connection *connection, void **context,
                        enum MHD_RequestTerminationCode code)
{
	(void)connection;
	(void)code;
	admin *server = data;
	exchange *self = *context;
	if (!self)
		return;
	*context = NULL;
	pthread_mutex_lock(&server->lock);
	if (self->peer->exchange == self)
		self->peer->exchange = NULL;
	self->peer->reading = true;
	self->peer->used = true;
	self->peer->since = now_ms();
	server->exchanges--;
	pthread_cond_broadcast(&server->changed);
	pthread_mutex_unlock(&server->lock);
	exchange_unref(self);
}
