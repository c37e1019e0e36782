/*
 * The loop: moves libcurl's transfers on, sees clients go while nobody else looks at them, and has the clocks.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/epoll.h>
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
		curl_multi_wakeup(p->multi);
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
	struct epoll_event event = {.events = EPOLLRDHUP | EPOLLONESHOT, .data.u64 = c->id};
	epoll_ctl(p->epoll, EPOLL_CTL_ADD, fd, &event);
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

static void see_them_go(proxy *p)
{
	struct epoll_event events[EVENTS];
	int count = epoll_wait(p->epoll, events, EVENTS, 0);
	for (int i = 0; i < count; i++) {
		flow *f = flow_of(p, events[i].data.u64);
		if (!f)
			continue;
		cancel(f);
		flow_unref(f);
	}
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

static bool goes_on(proxy *p)
{
	pthread_mutex_lock(&p->lock);
	bool on = !p->ending;
	pthread_mutex_unlock(&p->lock);
	return on;
}

static void cut_all(proxy *p)
{
	take_signals(p);
	while (p->under_way)
		finish(p->under_way, CURLE_ABORTED_BY_CALLBACK);
}

static void *loop(void *data)
{
	proxy *p = data;
	uint64_t looked = proxy_now_ms();
	while (goes_on(p)) {
		int running;
		struct curl_waitfd clients = {.fd = p->epoll, .events = CURL_WAIT_POLLIN};
		take_signals(p);
		curl_multi_perform(p->multi, &running);
		take_results(p);
		curl_multi_poll(p->multi, &clients, 1, TICK_MS, NULL);
		if (clients.revents)
			see_them_go(p);
		uint64_t now = proxy_now_ms();
		if (now - looked >= TICK_MS) {
			look_at_clocks(p, now);
			looked = now;
		}
	}
	cut_all(p);
	return NULL;
}

bh_status loop_begin(proxy *p, bh_error **err)
{
	sigset_t all, before;
	p->last_signal = &p->signals;
	p->epoll = epoll_create1(EPOLL_CLOEXEC);
	p->multi = curl_multi_init();
	if (p->epoll < 0 || !p->multi)
		return bh_error_new(err, BH_E_SYSTEM, "the gateway: %s", strerror(errno));
	curl_multi_setopt(p->multi, CURLMOPT_MAX_TOTAL_CONNECTIONS, (long)p->terms->is.max_upstream);
	curl_multi_setopt(p->multi, CURLMOPT_MAXCONNECTS, (long)p->terms->is.max_upstream);
	curl_multi_setopt(p->multi, CURLMOPT_PIPELINING, (long)CURLPIPE_NOTHING);
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	int failed = pthread_create(&p->loop, NULL, loop, p);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	p->loop_runs = !failed;
	return failed ? bh_error_new(err, BH_E_SYSTEM, "the gateway's thread: %s", strerror(failed)) : BH_OK;
}

void loop_end(proxy *p)
{
	if (p->loop_runs) {
		pthread_mutex_lock(&p->lock);
		p->ending = true;
		pthread_mutex_unlock(&p->lock);
		curl_multi_wakeup(p->multi);
		pthread_join(p->loop, NULL);
	}
	p->loop_runs = false;
}
