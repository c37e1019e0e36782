/* libmicrohttpd's side of a flow: the head, the body, and going on where it stopped. */
#include <stdlib.h>
#include <string.h>

#include "flow.h"
#include "memory.h"

enum { DISCARDED = 1 << 20 };

flow *flow_ref(flow *f)
{
	atomic_fetch_add_explicit(&f->references, 1, memory_order_relaxed);
	return f;
}

void flow_unref(flow *f)
{
	if (!f || atomic_fetch_sub_explicit(&f->references, 1, memory_order_acq_rel) != 1)
		return;
	lane *l = f->lane;
	bh_exchange_free(f->exchange);
	heads_free(&f->headers);
	heads_free(&f->came);
	sv_text_deinit(&f->body);
	sv_text_deinit(&f->came_body);
	sv_free(f->up.data);
	sv_free(f->down.data);
	sv_free(f->uri);
	store_free(&f->store);
	terms_unref(f->terms);
	pthread_mutex_destroy(&f->lock);
	sv_free(f);
	pthread_mutex_lock(&l->lock);
	l->flows--;
	pthread_cond_broadcast(&l->changed);
	pthread_mutex_unlock(&l->lock);
}

/* Here a request begins: its target is given in its bytes once, before libmicrohttpd takes it apart. */
void *request_uri(void *data, const char *uri, struct MHD_Connection *connection)
{
	lane *l = data;
	const union MHD_ConnectionInfo *info = MHD_get_connection_info(connection, MHD_CONNECTION_INFO_SOCKET_CONTEXT);
	flow *f = info && info->socket_context ? sv_alloc(sizeof *f) : NULL;
	if (!f)
		return NULL;
	atomic_init(&f->references, 1);
	pthread_mutex_init(&f->lock, NULL);
	f->lane = l;
	f->client = info->socket_context;
	f->connection = connection;
	f->began = proxy_now_ms();
	atomic_init(&f->moved, f->began);
	f->answer_length = f->came_length = f->fd = -1;
	f->uri = sv_copy(uri);
	pthread_mutex_lock(&l->lock);
	f->terms = l->terms;
	atomic_fetch_add(&f->terms->references, 1);
	f->client->flow = f;
	f->client->used = true;
	l->flows++;
	pthread_mutex_unlock(&l->lock);
	proxy_add(l, COUNT_REQUESTS);
	return f;
}

static bh_status show(flow *f)
{
	f->view = (bh_http_request)BH_HTTP_REQUEST_INIT;
	f->view.method = f->method;
	f->view.path = f->path;
	f->view.query = f->query;
	f->view.headers = f->headers.items;
	f->view.header_count = f->headers.count;
	f->view.body = (bh_bytes){(const uint8_t *)f->body.data, f->body.length};
	f->view.request_id = (bh_string){f->request_id, strlen(f->request_id)};
	bh_exchange_free(f->exchange);
	f->exchange = NULL;
	return bh_exchange_new(&f->exchange, f->lane->proxy->chain, &f->view, NULL);
}

static enum MHD_Result refuse(flow *f, unsigned status, const char *why)
{
	proxy_add(f->lane, COUNT_REFUSED);
	return answer_refusal(f, status, why);
}

static enum MHD_Result take_head(flow *f, const char *method, const char *version)
{
	const char *why = NULL;
	f->begun = true;
	pthread_mutex_lock(&f->lane->lock);
	f->client->reading = false;
	bool stopping = f->lane->stopping;
	pthread_mutex_unlock(&f->lane->lock);
	unsigned status = head_read(f, method, version, &why);
	if (status)
		return refuse(f, status, why);
	if (stopping || atomic_load(&f->lane->proxy->closed_to_all))
		return answer_refusal(f, MHD_HTTP_SERVICE_UNAVAILABLE, stopping ? "stopping" : "a module is missing");
	if (show(f))
		return answer_refusal(f, MHD_HTTP_SERVICE_UNAVAILABLE, "out of memory");
	proxy_is_busy(f->lane->proxy);
	f->collecting = f->has_body && bh_exchange_wants(f->exchange, BH_ATTACH_REQUEST);
	if (f->collecting && f->length > 0 && (uint64_t)f->length > f->terms->is.max_body)
		return refuse(f, MHD_HTTP_CONTENT_TOO_LARGE, "a body of that size is not taken");
	if (f->has_body && !f->collecting)
		turn_begin(f); /* nobody is asked: it goes on while its body comes */
	return MHD_YES;
}

/* The modules are to see it whole. */
static enum MHD_Result collect(flow *f, const char *data, size_t length)
{
	size_t most = f->terms->is.max_body;
	f->too_large = f->too_large || length > most - f->body.length;
	if (!f->too_large) {
		sv_text_add_n(&f->body, data, length);
		return f->body.failed ? MHD_NO : MHD_YES;
	}
	/* Read on for a while: a client that is cut off in the middle of sending does not see the answer. */
	f->discarded += length;
	return f->discarded <= most + DISCARDED ? MHD_YES : MHD_NO;
}

/* How much was taken; the rest is brought again when the loop has made room. */
static size_t pass_on(flow *f, const char *data, size_t length)
{
	atomic_store(&f->moved, proxy_now_ms());
	pthread_mutex_lock(&f->lock);
	if (f->kind != ANSWER_NONE || f->cancelled) { /* answered before it was all there: the rest is of no use */
		pthread_mutex_unlock(&f->lock);
		return length;
	}
	size_t taken = pipe_write(&f->up, data, length);
	if (taken == SIZE_MAX) {
		f->up.closed = f->up.broken = true;
		taken = length;
	} else if (taken < length) {
		f->up.full = true;
		atomic_store(&f->moved, 0); /* it is not the client who is slow */
		f->suspended = true;
		MHD_suspend_connection(f->connection);
	}
	bool starved = f->up.starved;
	f->up.starved = false;
	pthread_mutex_unlock(&f->lock);
	if (starved)
		loop_signal(f);
	return taken;
}

/* All of it is there. */
static void take_end(flow *f)
{
	if (f->has_body && !f->collecting) {
		pthread_mutex_lock(&f->lock);
		f->up.closed = true;
		f->up.starved = false;
		pthread_mutex_unlock(&f->lock);
		loop_signal(f);
		return;
	}
	f->has_body = false; /* no more comes */
	if (f->too_large) {
		proxy_add(f->lane, COUNT_REFUSED);
		turn_reply(f, MHD_HTTP_CONTENT_TOO_LARGE, "body", "a body of that size is not taken");
	} else if (f->collecting && show(f)) {
		turn_reply(f, MHD_HTTP_SERVICE_UNAVAILABLE, "memory", "out of memory");
	} else {
		turn_begin(f);
	}
}

enum MHD_Result request_handle(void *data, struct MHD_Connection *connection, const char *url, const char *method,
                               const char *version, const char *upload, size_t *upload_size, void **context)
{
	(void)data;
	(void)connection;
	(void)url;
	flow *f = *context;
	if (!f)
		return MHD_NO;
	if (!f->begun)
		return take_head(f, method, version);
	if (*upload_size) {
		if (f->collecting) {
			atomic_store(&f->moved, proxy_now_ms());
			enum MHD_Result good = collect(f, upload, *upload_size);
			*upload_size = 0;
			return good;
		}
		*upload_size -= pass_on(f, upload, *upload_size);
		return MHD_YES;
	}
	if (!f->ended) {
		f->ended = true;
		atomic_store(&f->moved, 0);
		take_end(f);
	}
	pthread_mutex_lock(&f->lock);
	bool ready = f->kind != ANSWER_NONE;
	if (!ready) {
		f->suspended = true;
		MHD_suspend_connection(f->connection);
	}
	pthread_mutex_unlock(&f->lock);
	return ready ? answer_send(f) : MHD_YES;
}

void request_completed(void *data, struct MHD_Connection *connection, void **context,
                       enum MHD_RequestTerminationCode code)
{
	(void)connection;
	lane *l = data;
	flow *f = *context;
	if (!f)
		return;
	*context = NULL;
	pthread_mutex_lock(&l->lock);
	f->client->flow = NULL;
	f->client->reading = true;
	f->client->since = proxy_now_ms();
	pthread_mutex_unlock(&l->lock);
	pthread_mutex_lock(&f->lock);
	bool whole = code == MHD_REQUEST_TERMINATED_COMPLETED_OK;
	f->over = true;
	f->cancelled = f->cancelled || !whole;
	if (!whole)
		f->up.closed = f->up.broken = true;
	bool cancel = f->cancelled && f->asking;
	pthread_mutex_unlock(&f->lock);
	if (!whole && f->begun)
		proxy_add(l, COUNT_GONE);
	if (cancel)
		bh_exchange_cancel(f->exchange);
	if (!whole && f->begun)
		loop_signal(f);
	flow_unref(f);
}
