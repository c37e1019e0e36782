/* The proxy from its beginning to its end. */
#include "proxy.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "flow.h"
#include "listen.h"
#include "memory.h"

/* A private key and a chain of certificates have less. */
enum { MOST_PEM = 1 << 20, FLUSH_MS = 500 };

static void say_nothing(void *data, const char *format, va_list args)
{
	(void)data;
	(void)format;
	(void)args;
}

/* Paths go on in their bytes. */
static size_t leave_escaped(void *data, struct MHD_Connection *connection, char *text)
{
	(void)data;
	(void)connection;
	return strlen(text);
}

static terms *terms_new(const proxy_options *options)
{
	terms *t = sv_alloc(sizeof *t);
	if (!t)
		return NULL;
	atomic_init(&t->references, 1);
	t->is = *options;
	size_t length = strlen(options->upstream);
	while (length && options->upstream[length - 1] == '/')
		length--;
	t->upstream = sv_copy_n(options->upstream, length);
	t->is.listen = t->is.upstream = t->is.tls_cert = t->is.tls_key = NULL;
	if (t->upstream)
		return t;
	sv_free(t);
	return NULL;
}

void terms_unref(terms *t)
{
	if (!t || atomic_fetch_sub_explicit(&t->references, 1, memory_order_acq_rel) != 1)
		return;
	sv_free(t->upstream);
	sv_free(t);
}

static bh_status read_pem(char **out, const char *path, bh_error **err)
{
	FILE *file = fopen(path, "re");
	char *text = file ? sv_alloc(MOST_PEM + 1) : NULL;
	size_t length = text ? fread(text, 1, MOST_PEM, file) : 0;
	int failed = errno;
	if (file)
		fclose(file);
	if (!length) {
		sv_free(text);
		return bh_error_new(err, BH_E_CONFIG, "%s: %s", path, file ? "nothing could be read" : strerror(failed));
	}
	*out = text;
	return BH_OK;
}

static bh_status start_http(proxy *p, const proxy_options *o, bh_error **err)
{
	uint64_t idle = (o->idle_ms + o->header_ms) / 1000 + 2;
	struct MHD_OptionItem options[16] = {
		{MHD_OPTION_EXTERNAL_LOGGER, (intptr_t)say_nothing, NULL},
		{MHD_OPTION_CONNECTION_LIMIT, (intptr_t)o->max_connections, NULL},
		{MHD_OPTION_CONNECTION_TIMEOUT, (intptr_t)(idle < 1000000 ? idle : 1000000), NULL},
		/* Headers of the request and of the answer, and what is read at once. It is zeroed after each request. */
		{MHD_OPTION_CONNECTION_MEMORY_LIMIT, (intptr_t)(o->max_header * 2 + (32 << 10)), NULL},
		{MHD_OPTION_CONNECTION_MEMORY_INCREMENT, 16 << 10, NULL},
		{MHD_OPTION_STRICT_FOR_CLIENT, 1, NULL},
		{MHD_OPTION_UNESCAPE_CALLBACK, (intptr_t)leave_escaped, NULL},
		{MHD_OPTION_NOTIFY_COMPLETED, (intptr_t)request_completed, p},
		{MHD_OPTION_NOTIFY_CONNECTION, (intptr_t)loop_client, p},
		{MHD_OPTION_URI_LOG_CALLBACK, (intptr_t)request_uri, p},
		{MHD_OPTION_LISTEN_SOCKET, p->listen_fd, NULL},
		{p->tls ? MHD_OPTION_HTTPS_MEM_CERT : MHD_OPTION_END, 0, p->cert},
		{MHD_OPTION_HTTPS_MEM_KEY, 0, p->key},
		{MHD_OPTION_END, 0, NULL},
	};
	unsigned flags = MHD_USE_EPOLL | MHD_ALLOW_SUSPEND_RESUME | MHD_USE_ITC | MHD_USE_ERROR_LOG;
	if (p->tls)
		flags |= MHD_USE_TLS;
	p->http = MHD_start_daemon(flags, 0, NULL, NULL, request_handle, p, MHD_OPTION_ARRAY, options, MHD_OPTION_END);
	if (p->http)
		return BH_OK;
	return p->tls ? bh_error_new(err, BH_E_CONFIG,
	                             "the gateway's HTTP server cannot be started: are %s and %s a "
	                             "certificate and its key, in PEM?",
	                             o->tls_cert, o->tls_key)
	              : bh_error_new(err, BH_E_SYSTEM, "the gateway's HTTP server cannot be started: %s", strerror(errno));
}

static void release(proxy *p)
{
	if (p->http)
		MHD_stop_daemon(p->http);
	loop_release(p);
	if (p->listen_fd >= 0)
		close(p->listen_fd);
	terms_unref(p->terms);
	sv_free(p->cert);
	if (p->key)
		explicit_bzero(p->key, strlen(p->key));
	sv_free(p->key);
	pthread_mutex_destroy(&p->lock);
	pthread_cond_destroy(&p->changed);
	sv_free(p);
}

static proxy *make(bh_chain *chain, const proxy_options *options)
{
	proxy *p = sv_alloc(sizeof *p);
	if (!p)
		return NULL;
	pthread_condattr_t monotonic;
	pthread_mutex_init(&p->lock, NULL);
	pthread_condattr_init(&monotonic);
	pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
	pthread_cond_init(&p->changed, &monotonic);
	pthread_condattr_destroy(&monotonic);
	p->chain = chain;
	p->epoll = p->wake = p->listen_fd = -1;
	p->tls = options->tls_cert;
	p->terms = terms_new(options);
	return p;
}

bh_status proxy_start(proxy **out, bh_chain *chain, const proxy_options *options, bh_error **err)
{
	proxy *p = make(chain, options);
	if (!p)
		return bh_error_new(err, BH_E_NO_MEMORY, "out of memory");
	bh_status status = p->terms ? BH_OK : bh_error_new(err, BH_E_NO_MEMORY, "out of memory");
	if (!status && p->tls)
		status = read_pem(&p->cert, options->tls_cert, err);
	if (!status && p->tls)
		status = read_pem(&p->key, options->tls_key, err);
	if (!status)
		status = listen_tcp(&p->listen_fd, options->listen, err);
	if (!status && curl_global_init(CURL_GLOBAL_DEFAULT))
		status = bh_error_new(err, BH_E_SYSTEM, "libcurl cannot be started");
	if (!status)
		status = loop_prepare(p, err);
	if (!status) {
		p->port = listen_port(p->listen_fd);
		status = start_http(p, options, err);
	}
	if (!status)
		status = loop_begin(p, err);
	if (!status) {
		*out = p;
		return BH_OK;
	}
	if (p->http)
		MHD_quiesce_daemon(p->http); /* the socket is closed once */
	release(p);
	return status;
}

bh_status proxy_change(proxy *p, const proxy_options *options, bh_error **err)
{
	terms *fresh = terms_new(options);
	if (!fresh)
		return bh_error_new(err, BH_E_NO_MEMORY, "out of memory");
	pthread_mutex_lock(&p->lock);
	terms *old = p->terms;
	p->terms = fresh;
	pthread_mutex_unlock(&p->lock);
	terms_unref(old);
	return BH_OK;
}

void proxy_close_to_all(proxy *p, bool closed)
{
	atomic_store(&p->closed_to_all, closed);
}

/* With the lock. */
static void wait_for_flows(proxy *p, unsigned ms)
{
	uint64_t until_ms = proxy_now_ms() + ms;
	const struct timespec until = {.tv_sec = (time_t)(until_ms / 1000), .tv_nsec = (long)(until_ms % 1000) * 1000000};
	while (p->flows && pthread_cond_timedwait(&p->changed, &p->lock, &until) != ETIMEDOUT) {}
}

/* Whoever waits is told that nothing comes, as libmicrohttpd ends only what is not suspended. */
static void cut_flows(proxy *p)
{
	for (bool some = true; some;) {
		flow *f = NULL;
		pthread_mutex_lock(&p->lock);
		for (client *c = p->clients; c && !f; c = c->next)
			if (c->flow && !c->cut) {
				c->cut = c->shut = true;
				f = flow_ref(c->flow);
			}
		pthread_mutex_unlock(&p->lock);
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

void proxy_stop(proxy *p, unsigned wait_ms)
{
	if (!p)
		return;
	pthread_mutex_lock(&p->lock);
	p->stopping = true;
	loop_wake(p);
	wait_for_flows(p, wait_ms);
	pthread_mutex_unlock(&p->lock);
	loop_cut(p);
	cut_flows(p);
	pthread_mutex_lock(&p->lock);
	wait_for_flows(p, FLUSH_MS);
	pthread_mutex_unlock(&p->lock);
	loop_end(p);
	MHD_stop_daemon(p->http);
	p->http = NULL;
	/* Modules that were asked tell of their end, from workers. */
	pthread_mutex_lock(&p->lock);
	wait_for_flows(p, 60000);
	bool left = p->flows;
	pthread_mutex_unlock(&p->lock);
	if (!left)
		release(p);
}

unsigned proxy_port(const proxy *p)
{
	return p->port;
}

proxy_counts proxy_count(proxy *p)
{
	proxy_counts out = {0};
	out.requests = atomic_load(&p->counts[COUNT_REQUESTS]);
	for (int i = 0; i < 6; i++)
		out.answered[i] = atomic_load(&p->counts[COUNT_ANSWERED + i]);
	out.refused = atomic_load(&p->counts[COUNT_REFUSED]);
	out.upstream_failures = atomic_load(&p->counts[COUNT_UPSTREAM]);
	out.gone = atomic_load(&p->counts[COUNT_GONE]);
	pthread_mutex_lock(&p->lock);
	out.in_flight = p->flows;
	for (const client *c = p->clients; c; c = c->next)
		out.connections++;
	pthread_mutex_unlock(&p->lock);
	return out;
}
