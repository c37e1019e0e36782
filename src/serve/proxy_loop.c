/*
 * The loop: runs libmicrohttpd, moves libcurl's transfers on, sees clients go while nobody else looks at them, and has the
 * clocks. All of it is one thread's: a request that is asked of no module is never handed from one thread to another, which
 * took more time than the request did.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "flow.h"
#include "memory.h"

enum { TICK_MS = 100, EVENTS = 64 };

uint64_t proxy_now_ms(void)
{
	struct timespec now;
	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

void proxy_add(proxy *p, int which)
{
	atomic_fetch_add_explicit(&p->counts[which], 1, memory_order_relaxed);
}

/* What is to be seen was written before: either the loop finds it before it sleeps, or it is woken. */
void loop_wake(proxy *p)
{
	uint64_t one = 1;
	if (atomic_exchange(&p->asleep, false))
		(void)!write(p->wake, &one, sizeof one);
}

void loop_signal(flow *f)
{
	proxy *p = f->proxy;
	pthread_mutex_lock(&p->lock);
	bool fresh = !f->signalled && !p->ending; /* at the end nobody looks any more */
	if (fresh) {
		f->signalled = true;
		f->next_signal = NULL;
		*p->last_signal = flow_ref(f);
		p->last_signal = &f->next_signal;
	}
	pthread_mutex_unlock(&p->lock);
	if (fresh)
		loop_wake(p);
}

/* Transfers. */

static void leave(flow *f)
{
	proxy *p = f->proxy;
	*(f->previous ? &f->previous->next : &p->under_way) = f->next;
	if (f->next)
		f->next->previous = f->previous;
	f->next = f->previous = NULL;
}

static void finish(flow *f, CURLcode code)
{
	leave(f);
	upstream_done(f, code);
	flow_unref(f);
}

static void begin(flow *f)
{
	proxy *p = f->proxy;
	flow_ref(f);
	f->previous = NULL;
	f->next = p->under_way;
	if (f->next)
		f->next->previous = f;
	p->under_way = f;
	if (!upstream_start(f))
		finish(f, CURLE_OUT_OF_MEMORY);
}

static void look_at(flow *f)
{
	pthread_mutex_lock(&f->lock);
	bool cancelled = f->cancelled || (f->over && !f->easy);
	bool start = f->sent;
	if (start && !f->easy)
		f->sent = false; /* it is begun once */
	pthread_mutex_unlock(&f->lock);
	if (f->easy && cancelled)
		finish(f, CURLE_ABORTED_BY_CALLBACK);
	else if (f->easy)
		curl_easy_pause(f->easy, CURLPAUSE_CONT);
	else if (start && !cancelled)
		begin(f);
}

static void take_signals(proxy *p)
{
	pthread_mutex_lock(&p->lock);
	flow *list = p->signals;
	p->signals = NULL;
	p->last_signal = &p->signals;
	pthread_mutex_unlock(&p->lock);
	for (flow *f = list, *next; f; f = next) {
		pthread_mutex_lock(&p->lock);
		next = f->next_signal;
		f->signalled = false;
		pthread_mutex_unlock(&p->lock);
		look_at(f);
		flow_unref(f);
	}
}

static void take_results(proxy *p)
{
	int left;
	for (CURLMsg *message; (message = curl_multi_info_read(p->multi, &left));) {
		flow *f = NULL;
		CURLcode code = message->data.result;
		if (message->msg != CURLMSG_DONE)
			continue;
		curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, (char **)&f);
		finish(f, code);
	}
}

/* Clients. */

/* With the proxy's lock. Whether a word can still be said before the end: nothing of an answer was sent yet. */
static void shut(const proxy *p, client *c, bool say)
{
	static const char text[] = "HTTP/1.1 408 Request Timeout\r\nConnection: close\r\nContent-Length: 0\r\n\r\n";
	if (say && !p->tls)
		(void)!send(c->fd, text, sizeof text - 1, MSG_NOSIGNAL | MSG_DONTWAIT);
	shutdown(c->fd, SHUT_RDWR);
	c->shut = true;
}

void loop_client(void *data, struct MHD_Connection *connection, void **context,
                 enum MHD_ConnectionNotificationCode code)
{
	proxy *p = data;
	client *c = *context;
	if (code == MHD_CONNECTION_NOTIFY_CLOSED) {
		*context = NULL;
		if (!c)
			return;
		pthread_mutex_lock(&p->lock);
		*(c->previous ? &c->previous->next : &p->clients) = c->next;
		if (c->next)
			c->next->previous = c->previous;
		pthread_mutex_unlock(&p->lock);
		epoll_ctl(p->epoll, EPOLL_CTL_DEL, c->fd, NULL);
		close(c->fd);
		sv_free(c);
		return;
	}
	const union MHD_ConnectionInfo *info = MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CONNECTION_FD);
	c = info ? sv_alloc(sizeof *c) : NULL;
	int fd = c ? fcntl(info->connect_fd, F_DUPFD_CLOEXEC, 0) : -1;
	if (fd < 0) { /* without one its requests are refused */
		sv_free(c);
		return;
	}
	c->fd = fd;
	c->reading = true;
	c->since = proxy_now_ms();
	pthread_mutex_lock(&p->lock);
	c->id = ++p->next_id;
	c->next = p->clients;
	if (c->next)
		c->next->previous = c;
	p->clients = c;
	watch_add(p, fd, EPOLLRDHUP | EPOLLONESHOT, WATCH_CLIENT, c->id);
	pthread_mutex_unlock(&p->lock);
	*context = c;
}

static void cancel(flow *f)
{
	pthread_mutex_lock(&f->lock);
	f->cancelled = true;
	bool asking = f->asking;
	if (f->kind == ANSWER_NONE)
		f->kind = ANSWER_CUT;
	f->up.closed = f->up.broken = true;
	answer_ready(f);
	pthread_mutex_unlock(&f->lock);
	if (asking)
		bh_exchange_cancel(f->exchange);
	look_at(f);
}

static flow *flow_of(proxy *p, uint64_t id)
{
	pthread_mutex_lock(&p->lock);
	client *c = p->clients;
	while (c && c->id != id)
		c = c->next;
	flow *f = c && c->flow ? flow_ref(c->flow) : NULL;
	pthread_mutex_unlock(&p->lock);
	return f;
}

static void see_it_go(proxy *p, uint64_t id)
{
	flow *f = flow_of(p, id);
	if (f)
		cancel(f);
	flow_unref(f);
}

/* Clocks. */

static void look_at_client(proxy *p, client *c, uint64_t now)
{
	const proxy_options *o = &p->terms->is;
	uint64_t moved = c->flow ? atomic_load(&c->flow->moved) : 0;
	if (c->shut)
		return;
	if (c->flow && now - c->flow->began > c->flow->terms->is.total_ms + 1000)
		shut(p, c, false);
	else if (c->reading && now - c->since > o->header_ms + (c->used ? o->idle_ms : 0))
		shut(p, c, !c->used);
	else if (moved && now > moved && now - moved > o->idle_ms)
		shut(p, c, true);
}

static void look_at_clocks(proxy *p, uint64_t now)
{
	pthread_mutex_lock(&p->lock);
	for (client *c = p->clients; c; c = c->next)
		look_at_client(p, c, now);
	pthread_mutex_unlock(&p->lock);
	for (flow *f = p->under_way, *next; f; f = next) {
		const proxy_options *o = &f->terms->is;
		next = f->next;
		bool waits_for_client = f->down_paused || f->up_paused;
		if ((!waits_for_client && now - f->upstream_moved > o->upstream_ms) || now - f->began > o->total_ms)
			finish(f, CURLE_OPERATION_TIMEDOUT);
	}
}

static void cut_all(proxy *p)
{
	take_signals(p);
	while (p->under_way)
		finish(p->under_way, CURLE_ABORTED_BY_CALLBACK);
	pthread_mutex_lock(&p->lock);
	p->ended = true;
	pthread_cond_broadcast(&p->changed);
	pthread_mutex_unlock(&p->lock);
}

/* The loop's thread. */

/* Requests are read and answers sent while there are any; clients that always have more do not keep the upstream's waiting. */
static void run_http(proxy *p)
{
	enum { MOST_TURNS = 4 };
	MHD_UNSIGNED_LONG_LONG soon = 0;
	for (int i = 0; i < MOST_TURNS; i++) {
		atomic_store(&p->http_due, false);
		MHD_run(p->http);
		take_signals(p);
		if (!atomic_load(&p->http_due) && (MHD_get_timeout(p->http, &soon) != MHD_YES || soon))
			return;
	}
	atomic_store(&p->http_due, true);
}

/* False: the thread is to go. */
static bool obey(proxy *p, bool *quiet)
{
	pthread_mutex_lock(&p->lock);
	bool stopping = p->stopping, cut = p->ending && !p->ended, leaving = p->leaving;
	pthread_mutex_unlock(&p->lock);
	if (stopping && !*quiet) {
		MHD_quiesce_daemon(p->http);
		*quiet = true;
	}
	if (cut)
		cut_all(p);
	return !leaving;
}

/* Nothing was signalled before `asleep` was set; what is from then on wakes. */
static int sleep_until(proxy *p, struct epoll_event *events, uint64_t until)
{
	uint64_t now = proxy_now_ms();
	uint64_t ms = watch_wait_ms(p, now, until > now ? until - now : 0);
	atomic_store(&p->asleep, true);
	pthread_mutex_lock(&p->lock);
	bool waiting = p->signals || (p->ending && !p->ended) || p->leaving;
	pthread_mutex_unlock(&p->lock);
	int count = epoll_wait(p->epoll, events, EVENTS, waiting || atomic_load(&p->http_due) ? 0 : (int)ms);
	atomic_store(&p->asleep, false);
	return count;
}

static void turn(proxy *p, const struct epoll_event *events, int count)
{
	uint64_t ignored;
	bool http = false;
	for (int i = 0; i < count; i++) {
		unsigned kind = events[i].data.u64 % WATCH_KINDS;
		if (kind == WATCH_UPSTREAM)
			watch_upstream(p, events[i].data.u64 / WATCH_KINDS, events[i].events);
		else if (kind == WATCH_WAKE)
			(void)!read(p->wake, &ignored, sizeof ignored);
		http = http || kind == WATCH_HTTP;
	}
	take_results(p);
	take_signals(p);
	if (http || atomic_load(&p->http_due))
		run_http(p);
	/* Last: what such a client asked for is known by now. */
	for (int i = 0; i < count; i++)
		if (events[i].data.u64 % WATCH_KINDS == WATCH_CLIENT)
			see_it_go(p, events[i].data.u64 / WATCH_KINDS);
	watch_clock(p, proxy_now_ms());
	take_results(p);
}

static void *loop(void *data)
{
	proxy *p = data;
	struct epoll_event events[EVENTS];
	uint64_t looked = proxy_now_ms();
	for (bool quiet = false; obey(p, &quiet);) {
		turn(p, events, sleep_until(p, events, looked + TICK_MS));
		uint64_t now = proxy_now_ms();
		if (now - looked < TICK_MS)
			continue;
		look_at_clocks(p, now);
		run_http(p); /* it has clocks of its own */
		looked = now;
	}
	return NULL;
}

bh_status loop_prepare(proxy *p, bh_error **err)
{
	p->last_signal = &p->signals;
	p->curl_due = UINT64_MAX;
	p->epoll = epoll_create1(EPOLL_CLOEXEC);
	p->wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	p->multi = curl_multi_init();
	if (p->epoll < 0 || p->wake < 0 || !p->multi || !watch_add(p, p->wake, EPOLLIN, WATCH_WAKE, 0) ||
	    !watch_upstreams(p))
		return bh_error_new(err, BH_E_SYSTEM, "the gateway: %s", strerror(errno));
	curl_multi_setopt(p->multi, CURLMOPT_MAX_TOTAL_CONNECTIONS, (long)p->terms->is.max_upstream);
	curl_multi_setopt(p->multi, CURLMOPT_MAXCONNECTS, (long)p->terms->is.max_upstream);
	curl_multi_setopt(p->multi, CURLMOPT_PIPELINING, (long)CURLPIPE_NOTHING);
	return BH_OK;
}

bh_status loop_begin(proxy *p, bh_error **err)
{
	sigset_t all, before;
	const union MHD_DaemonInfo *http = MHD_get_daemon_info(p->http, MHD_DAEMON_INFO_EPOLL_FD);
	if (!http || !watch_add(p, http->epoll_fd, EPOLLIN, WATCH_HTTP, 0))
		return bh_error_new(err, BH_E_SYSTEM, "the gateway's HTTP server cannot be watched: %s", strerror(errno));
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	int failed = pthread_create(&p->loop, NULL, loop, p);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	p->loop_runs = !failed;
	return failed ? bh_error_new(err, BH_E_SYSTEM, "the gateway's thread: %s", strerror(failed)) : BH_OK;
}

void loop_cut(proxy *p)
{
	pthread_mutex_lock(&p->lock);
	p->ending = true;
	loop_wake(p);
	while (!p->ended)
		pthread_cond_wait(&p->changed, &p->lock);
	pthread_mutex_unlock(&p->lock);
}

void loop_end(proxy *p)
{
	pthread_mutex_lock(&p->lock);
	p->leaving = true;
	pthread_mutex_unlock(&p->lock);
	loop_wake(p);
	pthread_join(p->loop, NULL);
}

void loop_release(proxy *p)
{
	upstream_release(p);
	if (p->multi)
		curl_multi_cleanup(p->multi);
	sv_free(p->watched);
	if (p->wake >= 0)
		close(p->wake);
	if (p->epoll >= 0)
		close(p->epoll);
}
