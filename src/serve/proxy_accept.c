/*
 * Connections of clients: accepted by the first lane, and given to the lane that has the fewest. The kernel would do either
 * worse: a socket for each lane takes connections by chance, though their lane has no place and others have; one that all
 * watch gives most of them to whoever sleeps least.
 */
#include <errno.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "flow.h"
#include "memory.h"

enum { MOST_AT_ONCE = 64 };

struct arrival {
	arrival *next;
	int fd;
	socklen_t length;
	struct sockaddr_storage from;
};

/* With the proxy's lock. */
static void listen_for_more(proxy *p, bool more)
{
	struct epoll_event event = {.events = more ? EPOLLIN : 0, .data.u64 = WATCH_LISTEN};
	if (p->closed || !p->count || p->listening == more)
		return;
	p->listening = more;
	epoll_ctl(p->lanes[0]->epoll, EPOLL_CTL_MOD, p->listen_fd, &event);
}

static bool take_place(proxy *p)
{
	pthread_mutex_lock(&p->lock);
	bool free = !p->closed && p->clients < p->most_clients;
	if (free)
		p->clients++;
	else
		listen_for_more(p, false);
	pthread_mutex_unlock(&p->lock);
	return free;
}

static void leave_place(proxy *p, bool more)
{
	pthread_mutex_lock(&p->lock);
	p->clients--;
	listen_for_more(p, more);
	pthread_mutex_unlock(&p->lock);
}

void accept_gone(lane *l)
{
	atomic_fetch_sub(&l->clients_had, 1);
	leave_place(l->proxy, true);
}

static lane *least(proxy *p)
{
	lane *out = p->lanes[0];
	for (unsigned i = 1; i < p->count; i++)
		if (atomic_load(&p->lanes[i]->clients_had) < atomic_load(&out->clients_had))
			out = p->lanes[i];
	return out;
}

static void give(lane *l, arrival *a)
{
	atomic_fetch_add(&l->clients_had, 1);
	pthread_mutex_lock(&l->lock);
	a->next = l->arrivals;
	l->arrivals = a;
	pthread_mutex_unlock(&l->lock);
	loop_wake(l);
}

/* False: no more for now. */
static bool accept_one(proxy *p)
{
	arrival *a = sv_alloc(sizeof *a);
	if (a) {
		a->length = sizeof a->from;
		a->fd = accept4(p->listen_fd, (struct sockaddr *)&a->from, &a->length, SOCK_CLOEXEC | SOCK_NONBLOCK);
	}
	if (a && a->fd >= 0) {
		give(least(p), a);
		return true;
	}
	/* One that went before it was accepted is no reason to stop; for want of descriptors or memory it is tried again soon. */
	bool gone = a && (errno == ECONNABORTED || errno == EINTR), none = a && (errno == EAGAIN || errno == EWOULDBLOCK);
	sv_free(a);
	leave_place(p, gone || none);
	return gone;
}

void accept_some(proxy *p)
{
	for (int i = 0; i < MOST_AT_ONCE && take_place(p); i++)
		if (!accept_one(p))
			return;
}

bool accept_again(proxy *p)
{
	pthread_mutex_lock(&p->lock);
	bool was_short = !p->listening && !p->closed && p->clients < p->most_clients;
	if (was_short)
		listen_for_more(p, true);
	pthread_mutex_unlock(&p->lock);
	return was_short;
}

bool accept_begin(proxy *p)
{
	p->listening = true;
	return watch_add(p->lanes[0], p->listen_fd, EPOLLIN, WATCH_LISTEN, 0);
}

void accept_end(proxy *p)
{
	pthread_mutex_lock(&p->lock);
	listen_for_more(p, false);
	p->closed = true;
	pthread_mutex_unlock(&p->lock);
}

static arrival *take_arrivals(lane *l, bool *stopping)
{
	pthread_mutex_lock(&l->lock);
	arrival *list = l->arrivals;
	l->arrivals = NULL;
	*stopping = l->stopping;
	pthread_mutex_unlock(&l->lock);
	return list;
}

/* libmicrohttpd closes what it does not take; where it told of the connection before, it also tells of its end. */
static void adopt(lane *l, const arrival *a)
{
	l->adopted = false;
	if (MHD_add_connection(l->http, a->fd, (const struct sockaddr *)&a->from, a->length) != MHD_YES && !l->adopted)
		accept_gone(l);
}

void accept_arrivals(lane *l)
{
	bool stopping;
	for (arrival *a = take_arrivals(l, &stopping), *next; a; a = next) {
		next = a->next;
		if (stopping) {
			close(a->fd);
			accept_gone(l);
		} else {
			adopt(l, a);
		}
		sv_free(a);
	}
}

void accept_release(lane *l)
{
	for (arrival *a = l->arrivals, *next; a; a = next) {
		next = a->next;
		close(a->fd);
		sv_free(a);
	}
}
