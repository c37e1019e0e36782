/*
 * The loop of a lane: runs libmicrohttpd, moves libcurl's transfers on, sees clients go while nobody else looks at them, and has the
 * clocks. All of it is one thread's: a request that is asked of no module is never handed from one thread to another, which
 * took more time than the request did.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "flow.h"
#include "memory.h"

/* While something happens clocks are looked at every TICK_MS; while nothing does, when the first of them is due. */
enum { TICK_MS = 100, EVENTS = 64 };

uint64_t proxy_now_ms(void)
{
	struct timespec now;
	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

void proxy_add(lane *l, int which)
{
	atomic_fetch_add_explicit(&l->counts[which], 1, memory_order_relaxed);
}

/* What is to be seen was written before: either the loop finds it before it sleeps, or it is woken. */
void loop_wake(lane *l)
{
	uint64_t one = 1;
	if (atomic_exchange(&l->asleep, false))
		(void)!write(l->wake, &one, sizeof one);
}

void loop_look(lane *l)
{
	l->changed_terms = true;
	loop_wake(l);
}

void loop_signal(flow *f)
{
	lane *l = f->lane;
	pthread_mutex_lock(&l->lock);
	bool fresh = !f->signalled && !l->ending; /* at the end nobody looks any more */
	if (fresh) {
		f->signalled = true;
		f->next_signal = NULL;
		*l->last_signal = flow_ref(f);
		l->last_signal = &f->next_signal;
	}
	pthread_mutex_unlock(&l->lock);
	if (fresh)
		loop_wake(l);
}

/* Transfers. */

static void leave(flow *f)
{
	lane *l = f->lane;
	*(f->previous ? &f->previous->next : &l->under_way) = f->next;
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
	lane *l = f->lane;
	flow_ref(f);
	f->previous = NULL;
	f->next = l->under_way;
	if (f->next)
		f->next->previous = f;
	l->under_way = f;
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

static void take_signals(lane *l)
{
	pthread_mutex_lock(&l->lock);
	flow *list = l->signals;
	l->signals = NULL;
	l->last_signal = &l->signals;
	pthread_mutex_unlock(&l->lock);
	for (flow *f = list, *next; f; f = next) {
		pthread_mutex_lock(&l->lock);
		next = f->next_signal;
		f->signalled = false;
		pthread_mutex_unlock(&l->lock);
		look_at(f);
		flow_unref(f);
	}
}

static void take_results(lane *l)
{
	int left;
	for (CURLMsg *message; (message = curl_multi_info_read(l->multi, &left));) {
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
static void shut(const lane *l, client *c, bool say)
{
	static const char text[] = "HTTP/1.1 408 Request Timeout\r\nConnection: close\r\nContent-Length: 0\r\n\r\n";
	if (say && !l->proxy->tls)
		(void)!send(c->fd, text, sizeof text - 1, MSG_NOSIGNAL | MSG_DONTWAIT);
	shutdown(c->fd, SHUT_RDWR);
	c->shut = true;
}

void loop_client(void *data, struct MHD_Connection *connection, void **context,
                 enum MHD_ConnectionNotificationCode code)
{
	lane *l = data;
	client *c = *context;
	if (code == MHD_CONNECTION_NOTIFY_CLOSED) {
		*context = NULL;
		accept_gone(l);
		if (!c)
			return;
		pthread_mutex_lock(&l->lock);
		*(c->previous ? &c->previous->next : &l->clients) = c->next;
		if (c->next)
			c->next->previous = c->previous;
		pthread_mutex_unlock(&l->lock);
		epoll_ctl(l->epoll, EPOLL_CTL_DEL, c->fd, NULL);
		close(c->fd);
		sv_free(c);
		return;
	}
	l->adopted = true;
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
	pthread_mutex_lock(&l->lock);
	c->id = ++l->next_id;
	c->next = l->clients;
	if (c->next)
		c->next->previous = c;
	l->clients = c;
	watch_add(l, fd, EPOLLRDHUP | EPOLLONESHOT, WATCH_CLIENT, c->id);
	pthread_mutex_unlock(&l->lock);
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

static flow *flow_of(lane *l, uint64_t id)
{
	pthread_mutex_lock(&l->lock);
	client *c = l->clients;
	while (c && c->id != id)
		c = c->next;
	flow *f = c && c->flow ? flow_ref(c->flow) : NULL;
	pthread_mutex_unlock(&l->lock);
	return f;
}

static void see_it_go(lane *l, uint64_t id)
{
	flow *f = flow_of(l, id);
	if (f)
		cancel(f);
	flow_unref(f);
}

/* Clocks. */

/* More than so long after it began; `now` is late enough where the moment has come. */
static uint64_t after(uint64_t began, uint64_t ms)
{
	uint64_t due;
	return __builtin_add_overflow(began, ms, &due) || due == UINT64_MAX ? UINT64_MAX : due + 1;
}

static uint64_t sooner(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

/* With the lock. When its time is up, UINT64_MAX: never; `say`: whether a word can be said then. */
static uint64_t client_due(const lane *l, const client *c, bool *say)
{
	const proxy_options *o = &l->terms->is;
	uint64_t moved = c->flow ? atomic_load(&c->flow->moved) : 0;
	uint64_t total = c->flow ? after(c->flow->began, c->flow->terms->is.total_ms + 1000) : UINT64_MAX;
	uint64_t reads = c->reading ? after(c->since, o->header_ms + (c->used ? o->idle_ms : 0)) : UINT64_MAX;
	uint64_t stops = moved ? after(moved, o->idle_ms) : UINT64_MAX;
	uint64_t due = sooner(total, sooner(reads, stops));
	*say = due != total && (due != reads || !c->used);
	return due;
}

/* When the next of them is due. */
static uint64_t look_at_clients(lane *l, uint64_t now)
{
	uint64_t next = UINT64_MAX;
	bool say = false;
	pthread_mutex_lock(&l->lock);
	for (client *c = l->clients; c; c = c->next) {
		uint64_t due = c->shut ? UINT64_MAX : client_due(l, c, &say);
		if (due <= now)
			shut(l, c, say);
		else
			next = sooner(next, due);
	}
	pthread_mutex_unlock(&l->lock);
	return next;
}

static uint64_t look_at_transfers(lane *l, uint64_t now)
{
	uint64_t soonest = UINT64_MAX;
	for (flow *f = l->under_way, *next; f; f = next) {
		const proxy_options *o = &f->terms->is;
		next = f->next;
		bool waits_for_client = f->down_paused || f->up_paused;
		uint64_t due = after(f->began, o->total_ms);
		if (!waits_for_client)
			due = sooner(due, after(f->upstream_moved, o->upstream_ms));
		if (due <= now)
			finish(f, CURLE_OPERATION_TIMEDOUT);
		else
			soonest = sooner(soonest, due);
	}
	return soonest;
}

static void cut_all(lane *l)
{
	take_signals(l);
	while (l->under_way)
		finish(l->under_way, CURLE_ABORTED_BY_CALLBACK);
	pthread_mutex_lock(&l->lock);
	l->ended = true;
	pthread_cond_broadcast(&l->changed);
	pthread_mutex_unlock(&l->lock);
}

/* The loop's thread. */

/* Requests are read and answers sent while there are any; clients that always have more do not keep the upstream's waiting. */
static void run_http(lane *l)
{
	enum { MOST_TURNS = 4 };
	MHD_UNSIGNED_LONG_LONG soon = 0;
	for (int i = 0; i < MOST_TURNS; i++) {
		atomic_store(&l->http_due, false);
		MHD_run(l->http);
		take_signals(l);
		if (!atomic_load(&l->http_due) && (MHD_get_timeout(l->http, &soon) != MHD_YES || soon))
			return;
	}
	atomic_store(&l->http_due, true);
}

/* False: the thread is to go. */
static bool obey(lane *l)
{
	pthread_mutex_lock(&l->lock);
	bool cut = l->ending && !l->ended, leaving = l->leaving;
	pthread_mutex_unlock(&l->lock);
	if (cut)
		cut_all(l);
	return !leaving;
}

/* Nothing was signalled before `asleep` was set; what is from then on wakes. */
static int sleep_until(lane *l, struct epoll_event *events, uint64_t until)
{
	uint64_t now = proxy_now_ms(), due = watch_due(l, until);
	uint64_t left = due > now ? due - now : 0;
	int ms = due == UINT64_MAX ? -1 : left < INT_MAX ? (int)left : INT_MAX;
	atomic_store(&l->asleep, true);
	pthread_mutex_lock(&l->lock);
	bool waiting = l->signals || l->arrivals || (l->ending && !l->ended) || l->leaving || l->changed_terms;
	l->changed_terms = false;
	pthread_mutex_unlock(&l->lock);
	int count = epoll_wait(l->epoll, events, EVENTS, waiting || atomic_load(&l->http_due) ? 0 : ms);
	atomic_store(&l->asleep, false);
	return count;
}

static void turn(lane *l, const struct epoll_event *events, int count)
{
	uint64_t ignored;
	bool http = false;
	for (int i = 0; i < count; i++) {
		unsigned kind = events[i].data.u64 % WATCH_KINDS;
		if (kind == WATCH_UPSTREAM)
			watch_upstream(l, events[i].data.u64 / WATCH_KINDS, events[i].events);
		else if (kind == WATCH_WAKE)
			(void)!read(l->wake, &ignored, sizeof ignored);
		else if (kind == WATCH_LISTEN)
			accept_some(l->proxy);
		http = http || kind == WATCH_HTTP;
	}
	accept_arrivals(l);
	take_results(l);
	take_signals(l);
	if (http || atomic_load(&l->http_due))
		run_http(l);
	/* Last: what such a client asked for is known by now. */
	for (int i = 0; i < count; i++)
		if (events[i].data.u64 % WATCH_KINDS == WATCH_CLIENT)
			see_it_go(l, events[i].data.u64 / WATCH_KINDS);
	watch_clock(l, proxy_now_ms());
	take_results(l);
}

/* All that has a time, libmicrohttpd's clocks included. When to look again, if nothing happens before. */
static uint64_t look_around(lane *l, uint64_t now)
{
	MHD_UNSIGNED_LONG_LONG left;
	run_http(l); /* first, as clocks may begin there */
	uint64_t next = look_at_clients(l, now);
	next = sooner(next, look_at_transfers(l, now));
	if (MHD_get_timeout(l->http, &left) == MHD_YES)
		next = sooner(next, after(now, left));
	bool again = l == l->proxy->lanes[0] && accept_again(l->proxy);
	return again || next < now + TICK_MS ? now + TICK_MS : next;
}

/* What happens may begin a clock, or move one: they are looked at soon after. */
static void *loop(void *data)
{
	lane *l = data;
	struct epoll_event events[EVENTS];
	uint64_t now = proxy_now_ms(), next = now;
	while (obey(l)) {
		turn(l, events, sleep_until(l, events, next));
		now = proxy_now_ms();
		if (now >= next)
			next = look_around(l, now);
		else
			next = sooner(next, now + TICK_MS);
	}
	return NULL;
}

bh_status loop_prepare(lane *l, unsigned most_upstream, bh_error **err)
{
	l->last_signal = &l->signals;
	l->curl_due = UINT64_MAX;
	l->epoll = epoll_create1(EPOLL_CLOEXEC);
	l->wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	l->multi = curl_multi_init();
	if (l->epoll < 0 || l->wake < 0 || !l->multi || !watch_add(l, l->wake, EPOLLIN, WATCH_WAKE, 0) ||
	    !watch_upstreams(l))
		return bh_error_new(err, BH_E_SYSTEM, "the gateway: %s", strerror(errno));
	curl_multi_setopt(l->multi, CURLMOPT_MAX_TOTAL_CONNECTIONS, (long)most_upstream);
	curl_multi_setopt(l->multi, CURLMOPT_MAXCONNECTS, (long)most_upstream);
	curl_multi_setopt(l->multi, CURLMOPT_PIPELINING, (long)CURLPIPE_NOTHING);
	return BH_OK;
}

bh_status loop_begin(lane *l, bh_error **err)
{
	sigset_t all, before;
	const union MHD_DaemonInfo *http = MHD_get_daemon_info(l->http, MHD_DAEMON_INFO_EPOLL_FD);
	if (!http || !watch_add(l, http->epoll_fd, EPOLLIN, WATCH_HTTP, 0))
		return bh_error_new(err, BH_E_SYSTEM, "the gateway's HTTP server cannot be watched: %s", strerror(errno));
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	int failed = pthread_create(&l->loop, NULL, loop, l);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	l->loop_runs = !failed;
	return failed ? bh_error_new(err, BH_E_SYSTEM, "the gateway's thread: %s", strerror(failed)) : BH_OK;
}

void loop_cut(lane *l)
{
	pthread_mutex_lock(&l->lock);
	l->ending = true;
	loop_wake(l);
	while (!l->ended)
		pthread_cond_wait(&l->changed, &l->lock);
	pthread_mutex_unlock(&l->lock);
}

void loop_end(lane *l)
{
	pthread_mutex_lock(&l->lock);
	l->leaving = true;
	pthread_mutex_unlock(&l->lock);
	loop_wake(l);
	pthread_join(l->loop, NULL);
}

void loop_release(lane *l)
{
	upstream_release(l);
	if (l->multi)
		curl_multi_cleanup(l->multi);
	sv_free(l->watched);
	sv_free(l->taken);
	if (l->wake >= 0)
		close(l->wake);
	if (l->epoll >= 0)
		close(l->epoll);
}
