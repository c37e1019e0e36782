/* A lane of the proxy: one thread with a libmicrohttpd and a libcurl of its own. */
#include <errno.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "flow.h"
#include "memory.h"
#include "mhd.h"

/* Connections are counted by the proxy: libmicrohttpd's own bound is never reached. */
enum { SPARE_CONNECTIONS = 64 };

static bh_status start_http(lane *l, const proxy_options *o, bh_error **err)
{
	const proxy *p = l->proxy;
	uint64_t idle = (o->idle_ms + o->header_ms) / 1000 + 2;
	struct MHD_OptionItem options[16] = {
		{MHD_OPTION_EXTERNAL_LOGGER, (intptr_t)mhd_say_nothing, NULL},
		{MHD_OPTION_CONNECTION_LIMIT, (intptr_t)o->max_connections + SPARE_CONNECTIONS, NULL},
		{MHD_OPTION_CONNECTION_TIMEOUT, (intptr_t)(idle < 1000000 ? idle : 1000000), NULL},
		/* Headers of the request and of the answer, and what is read at once. It is zeroed after each request. */
		{MHD_OPTION_CONNECTION_MEMORY_LIMIT, (intptr_t)(o->max_header * 2 + (32 << 10)), NULL},
		{MHD_OPTION_CONNECTION_MEMORY_INCREMENT, 16 << 10, NULL},
		{MHD_OPTION_STRICT_FOR_CLIENT, 1, NULL},
		{MHD_OPTION_UNESCAPE_CALLBACK, (intptr_t)mhd_leave_escaped, NULL},
		{MHD_OPTION_NOTIFY_COMPLETED, (intptr_t)request_completed, l},
		{MHD_OPTION_NOTIFY_CONNECTION, (intptr_t)loop_client, l},
		{MHD_OPTION_URI_LOG_CALLBACK, (intptr_t)request_uri, l},
		{p->tls ? MHD_OPTION_HTTPS_MEM_CERT : MHD_OPTION_END, 0, p->cert},
		{MHD_OPTION_HTTPS_MEM_KEY, 0, p->key},
		{MHD_OPTION_END, 0, NULL},
	};
	unsigned flags =
		MHD_USE_EPOLL | MHD_USE_NO_LISTEN_SOCKET | MHD_ALLOW_SUSPEND_RESUME | MHD_USE_ITC | MHD_USE_ERROR_LOG;
	if (p->tls)
		flags |= MHD_USE_TLS;
	l->http = MHD_start_daemon(flags, 0, NULL, NULL, request_handle, l, MHD_OPTION_ARRAY, options, MHD_OPTION_END);
	if (l->http)
		return BH_OK;
	return p->tls ? bh_error_new(err, BH_E_CONFIG,
	                             "the gateway's HTTP server cannot be started: are %s and %s a "
	                             "certificate and its key, in PEM?",
	                             o->tls_cert, o->tls_key)
	              : bh_error_new(err, BH_E_SYSTEM, "the gateway's HTTP server cannot be started: %s", strerror(errno));
}

static lane *make(proxy *p, terms *t)
{
	lane *l = sv_alloc(sizeof *l);
	if (!l)
		return NULL;
	pthread_condattr_t monotonic;
	pthread_mutex_init(&l->lock, NULL);
	pthread_condattr_init(&monotonic);
	pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
	pthread_cond_init(&l->changed, &monotonic);
	pthread_condattr_destroy(&monotonic);
	l->proxy = p;
	l->epoll = l->wake = -1;
	atomic_fetch_add(&t->references, 1);
	l->terms = t;
	return l;
}

/* All lanes together have as many connections to the upstream as there may be, and each has one. */
bh_status lane_new(proxy *p, const proxy_options *options, terms *t, unsigned most_upstream, bh_error **err)
{
	lane *l = make(p, t);
	if (!l)
		return no_memory(err);
	p->lanes[p->count++] = l;
	bh_status status = loop_prepare(l, most_upstream, err);
	return status ? status : start_http(l, options, err);
}

void lane_free(lane *l)
{
	if (l->http)
		MHD_stop_daemon(l->http);
	accept_release(l);
	loop_release(l);
	terms_unref(l->terms);
	pthread_mutex_destroy(&l->lock);
	pthread_cond_destroy(&l->changed);
	sv_free(l);
}

bool lane_wait(lane *l, uint64_t until_ms)
{
	const struct timespec until = {.tv_sec = (time_t)(until_ms / 1000), .tv_nsec = (long)(until_ms % 1000) * 1000000};
	pthread_mutex_lock(&l->lock);
	while (l->flows && pthread_cond_timedwait(&l->changed, &l->lock, &until) != ETIMEDOUT) {}
	bool none = !l->flows;
	pthread_mutex_unlock(&l->lock);
	return none;
}

/* Whoever waits is told that nothing comes, as libmicrohttpd ends only what is not suspended. */
void lane_cut(lane *l)
{
	for (bool some = true; some;) {
		flow *f = NULL;
		pthread_mutex_lock(&l->lock);
		for (client *c = l->clients; c && !f; c = c->next)
			if (c->flow && !c->cut) {
				c->cut = c->shut = true;
				f = flow_ref(c->flow);
			}
		pthread_mutex_unlock(&l->lock);
		some = f;
		if (!f)
			break;
		pthread_mutex_lock(&f->lock);
		f->cancelled = true;
		if (f->kind == ANSWER_NONE)
			f->kind = ANSWER_CUT;
		f->down.closed = f->down.broken = true;
		bool asking = f->asking;
		answer_ready(f);
		pthread_mutex_unlock(&f->lock);
		if (asking)
			bh_exchange_cancel(f->exchange);
		flow_unref(f);
	}
}
