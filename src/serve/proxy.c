/* The proxy from its beginning to its end. */
#include "proxy.h"

#include <errno.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "flow.h"
#include "listen.h"
#include "memory.h"

/* A private key and a chain of certificates have less. */
enum { MOST_PEM = 1 << 20, FLUSH_MS = 500, LAST_MS = 60000 };

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

static void release(proxy *p)
{
	for (unsigned i = 0; i < p->count; i++)
		lane_free(p->lanes[i]);
	if (p->listen_fd >= 0)
		close(p->listen_fd);
	sv_free(p->cert);
	if (p->key)
		explicit_bzero(p->key, strlen(p->key));
	sv_free(p->key);
	pthread_mutex_destroy(&p->lock);
	sv_free(p);
}

/* One for each processor that we may run on. */
static unsigned lanes_of(const proxy_options *o)
{
	cpu_set_t set;
	unsigned count = sched_getaffinity(0, sizeof set, &set) ? 1 : (unsigned)CPU_COUNT(&set);
	if (o->lanes)
		count = o->lanes;
	const unsigned bounds[] = {MOST_LANES, o->max_upstream, o->max_connections};
	for (size_t i = 0; i < SV_COUNT(bounds); i++)
		count = count > bounds[i] ? bounds[i] : count;
	return count ? count : 1;
}

/* What is written here is read by the lanes' threads, which begin when all of it is there. */
static bh_status make_lanes(proxy *p, const proxy_options *options, bh_error **err)
{
	unsigned count = lanes_of(options);
	terms *t = terms_new(options);
	bh_status status = t ? BH_OK : no_memory(err);
	for (unsigned i = 0; i < count && !status; i++)
		status = lane_new(p, options, t, (options->max_upstream + i) / count, err);
	terms_unref(t);
	if (!status && !accept_begin(p))
		status = bh_error_new(err, BH_E_SYSTEM, "the gateway's socket cannot be watched: %s", strerror(errno));
	return status;
}

/* Those that run end before anything of them is released. */
static bh_status begin(proxy *p, bh_error **err)
{
	bh_status status = BH_OK;
	for (unsigned i = 0; i < p->count && !status; i++)
		status = loop_begin(p->lanes[i], err);
	return status;
}

static void end(proxy *p)
{
	for (unsigned i = 0; i < p->count; i++)
		if (p->lanes[i]->loop_runs)
			loop_end(p->lanes[i]);
}

static bh_status read_pems(proxy *p, const proxy_options *options, bh_error **err)
{
	bh_status status = BH_OK;
	if (p->tls)
		status = read_pem(&p->cert, options->tls_cert, err);
	if (!status && p->tls)
		status = read_pem(&p->key, options->tls_key, err);
	return status;
}

bh_status proxy_start(proxy **out, bh_chain *chain, const proxy_options *options, bh_error **err)
{
	proxy *p = sv_alloc(sizeof *p);
	if (!p)
		return no_memory(err);
	pthread_mutex_init(&p->lock, NULL);
	p->chain = chain;
	p->listen_fd = -1;
	p->tls = options->tls_cert;
	p->busy = options->busy;
	p->busy_data = options->busy_data;
	p->most_clients = options->max_connections;
	bh_status status = read_pems(p, options, err);
	if (!status)
		status = listen_tcp(&p->listen_fd, options->listen, err);
	if (!status && curl_global_init(CURL_GLOBAL_DEFAULT))
		status = bh_error_new(err, BH_E_SYSTEM, "libcurl cannot be started");
	if (!status)
		status = make_lanes(p, options, err);
	if (!status) {
		p->port = listen_port(p->listen_fd);
		status = begin(p, err);
	}
	if (!status) {
		*out = p;
		return BH_OK;
	}
	accept_end(p);
	end(p);
	release(p);
	return status;
}

bh_status proxy_prepare(terms **out, const proxy_options *options, bh_error **err)
{
	terms *fresh = terms_new(options);
	if (!fresh)
		return no_memory(err);
	*out = fresh;
	return BH_OK;
}

void proxy_change(proxy *p, terms *fresh)
{
	for (unsigned i = 0; i < p->count; i++) {
		lane *l = p->lanes[i];
		atomic_fetch_add(&fresh->references, 1);
		pthread_mutex_lock(&l->lock);
		terms *old = l->terms;
		l->terms = fresh;
		loop_look(l);
		pthread_mutex_unlock(&l->lock);
		terms_unref(old);
	}
	terms_unref(fresh);
}

static bool has_pem(const char *path, const char *now)
{
	char *text = NULL;
	if (!path || !now)
		return !path && !now;
	if (read_pem(&text, path, NULL) || !text)
		return false;
	bool same = !strcmp(text, now);
	explicit_bzero(text, strlen(text));
	sv_free(text);
	return same;
}

bool proxy_has_cert(const proxy *p, const proxy_options *options)
{
	return has_pem(options->tls_cert, p->cert);
}

bool proxy_has_key(const proxy *p, const proxy_options *options)
{
	return has_pem(options->tls_key, p->key);
}

void proxy_tell_next(proxy *p)
{
	atomic_store(&p->tells, true);
}

/* Nearly always there is nobody to be told: that is all that a request pays. */
void proxy_is_busy(proxy *p)
{
	if (atomic_load_explicit(&p->tells, memory_order_relaxed) && atomic_exchange(&p->tells, false) && p->busy)
		p->busy(p->busy_data);
}

void proxy_close_to_all(proxy *p, bool closed)
{
	atomic_store(&p->closed_to_all, closed);
}

/* False: some flow is left. */
static bool wait_for_all(proxy *p, unsigned ms)
{
	bool none = true;
	uint64_t until = proxy_now_ms() + ms;
	for (unsigned i = 0; i < p->count; i++)
		none = lane_wait(p->lanes[i], until) && none;
	return none;
}

static void stop_requests(lane *l)
{
	pthread_mutex_lock(&l->lock);
	l->stopping = true;
	pthread_mutex_unlock(&l->lock);
	loop_wake(l);
}

/*
 * Modules that were asked tell of their end from workers, and use a flow and its lane for that. They are cancelled, so that this
 * takes no time; if one does not come back, what it uses stays, and its exchange keeps the chain.
 */
void proxy_stop(proxy *p, unsigned wait_ms)
{
	if (!p)
		return;
	accept_end(p);
	for (unsigned i = 0; i < p->count; i++)
		stop_requests(p->lanes[i]);
	(void)wait_for_all(p, wait_ms);
	for (unsigned i = 0; i < p->count; i++) {
		loop_cut(p->lanes[i]);
		lane_cut(p->lanes[i]);
	}
	(void)wait_for_all(p, FLUSH_MS);
	end(p);
	for (unsigned i = 0; i < p->count; i++) {
		MHD_stop_daemon(p->lanes[i]->http);
		p->lanes[i]->http = NULL;
	}
	if (wait_for_all(p, LAST_MS))
		release(p);
}

unsigned proxy_port(const proxy *p)
{
	return p->port;
}

static void count_lane(lane *l, proxy_counts *out)
{
	out->requests += atomic_load(&l->counts[COUNT_REQUESTS]);
	for (int i = 0; i < 6; i++)
		out->answered[i] += atomic_load(&l->counts[COUNT_ANSWERED + i]);
	out->refused += atomic_load(&l->counts[COUNT_REFUSED]);
	out->upstream_failures += atomic_load(&l->counts[COUNT_UPSTREAM]);
	out->gone += atomic_load(&l->counts[COUNT_GONE]);
	pthread_mutex_lock(&l->lock);
	out->in_flight += l->flows;
	for (const client *c = l->clients; c; c = c->next)
		out->connections++;
	pthread_mutex_unlock(&l->lock);
}

proxy_counts proxy_count(proxy *p)
{
	proxy_counts out = {0};
	for (unsigned i = 0; i < p->count; i++)
		count_lane(p->lanes[i], &out);
	return out;
}
