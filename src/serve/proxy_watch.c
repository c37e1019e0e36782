/*
 * What the loop waits for: one epoll has libmicrohttpd's, the clients that may go, and libcurl's connections.
 *
 * libcurl forgets a connection after each request and wants it watched again for the next. epoll is told neither: a descriptor
 * stays until it is closed, or until something happens to it while nobody wants to know. That is so for connections, whose
 * beginning libcurl tells: another descriptor may be closed, and its number be another's, without a word.
 */
#include <errno.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "flow.h"
#include "memory.h"

/* Of a descriptor: what libcurl wants (CURL_POLL_IN, _OUT), and the same, shifted, as epoll was told; that it has
 * it; that it is a connection; that a request was sent on it. */
enum { WANTED = CURL_POLL_INOUT, TOLD_SHIFT = 2, HAS = 1 << 4, CONNECTION = 1 << 5, USED = 1 << 6 };

bool watch_add(const lane *l, int fd, unsigned events, unsigned kind, uint64_t id)
{
	struct epoll_event event = {.events = events, .data.u64 = id * WATCH_KINDS + kind};
	return !epoll_ctl(l->epoll, EPOLL_CTL_ADD, fd, &event);
}

static bool has_place(lane *l, size_t fd)
{
	if (fd < l->watched_size)
		return true;
	size_t size = fd * 2 + 64; /* descriptors are small numbers, and their limit bounds this */
	unsigned char *longer = sv_alloc(size);
	link_use *more = sv_alloc(size * sizeof *more);
	if (!longer || !more) {
		sv_free(longer);
		sv_free(more);
		return false;
	}
	if (l->watched_size) {
		memcpy(longer, l->watched, l->watched_size);
		memcpy(more, l->taken, l->watched_size * sizeof *more);
	}
	sv_free(l->watched);
	sv_free(l->taken);
	l->watched = longer;
	l->taken = more;
	l->watched_size = size;
	return true;
}

static void tell(const lane *l, int fd, unsigned wanted)
{
	unsigned char *state = &l->watched[fd];
	unsigned events = (wanted & CURL_POLL_IN ? EPOLLIN : 0U) | (wanted & CURL_POLL_OUT ? EPOLLOUT : 0U);
	struct epoll_event event = {.events = events, .data.u64 = (uint64_t)fd * WATCH_KINDS + WATCH_UPSTREAM};
	if (epoll_ctl(l->epoll, *state & HAS ? EPOLL_CTL_MOD : EPOLL_CTL_ADD, fd, &event))
		epoll_ctl(l->epoll, errno == EEXIST ? EPOLL_CTL_MOD : EPOLL_CTL_ADD, fd, &event);
	*state = (unsigned char)((*state & (WANTED | CONNECTION | USED)) | wanted << TOLD_SHIFT | HAS);
}

static void leave_alone(const lane *l, int fd)
{
	epoll_ctl(l->epoll, EPOLL_CTL_DEL, fd, NULL);
	l->watched[fd] &= CONNECTION | USED;
}

/* Always 0: libcurl gives all transfers up on anything else. Without memory the one ends by the clock. */
static int want(CURL *easy, curl_socket_t fd, int what, void *data, void *ignored)
{
	(void)easy;
	(void)ignored;
	lane *l = data;
	unsigned wanted = what == CURL_POLL_REMOVE ? 0 : (unsigned)what & WANTED;
	if (fd < 0 || !has_place(l, (size_t)fd))
		return 0;
	unsigned char *state = &l->watched[fd];
	*state = (unsigned char)((*state & ~(unsigned)WANTED) | wanted);
	if (wanted && wanted != (*state >> TOLD_SHIFT & WANTED))
		tell(l, fd, wanted);
	else if (!wanted && !(*state & CONNECTION))
		leave_alone(l, fd);
	return 0;
}

static int set_clock(CURLM *multi, long ms, void *data)
{
	(void)multi;
	lane *l = data;
	l->curl_due = ms < 0 ? UINT64_MAX : ms == 0 ? 0 : proxy_now_ms() + (uint64_t)ms;
	return 0;
}

bool watch_upstreams(lane *l)
{
	return !curl_multi_setopt(l->multi, CURLMOPT_SOCKETFUNCTION, want) &&
	       !curl_multi_setopt(l->multi, CURLMOPT_SOCKETDATA, l) &&
	       !curl_multi_setopt(l->multi, CURLMOPT_TIMERFUNCTION, set_clock) &&
	       !curl_multi_setopt(l->multi, CURLMOPT_TIMERDATA, l);
}

/* Whatever had this number before is closed. */
static curl_socket_t make(void *data, curlsocktype purpose, struct curl_sockaddr *address)
{
	(void)purpose;
	lane *l = data;
	int fd = socket(address->family, address->socktype | SOCK_CLOEXEC, address->protocol);
	if (fd >= 0 && has_place(l, (size_t)fd)) {
		l->watched[fd] = CONNECTION;
		l->taken[fd] = (link_use){0};
	}
	return fd < 0 ? CURL_SOCKET_BAD : fd;
}

static int forget(void *data, curl_socket_t fd)
{
	lane *l = data;
	if (fd >= 0 && (size_t)fd < l->watched_size) {
		l->watched[fd] = 0;
		l->taken[fd] = (link_use){0};
	}
	return close(fd);
}

/*
 * What comes on a connection while nothing is asked for on it would be the answer to the next request, another client's:
 * libcurl before 8.0 takes it so. It is thrown away, and the connection looks, and is, closed.
 */
static void hang_up(int fd)
{
	char block[4096];
	shutdown(fd, SHUT_RDWR);
	while (recv(fd, block, sizeof block, MSG_DONTWAIT) > 0) {} /* what came until now; nothing is let in any more */
}

static bool has_port(int fd, unsigned port)
{
	struct sockaddr_storage name = {0};
	socklen_t length = sizeof name;
	if (getsockname(fd, (struct sockaddr *)&name, &length))
		return false;
	/* The port is in the same place of both. */
	return (name.ss_family == AF_INET || name.ss_family == AF_INET6) &&
	       ntohs(((const struct sockaddr_in *)(const void *)&name)->sin_port) == port;
}

/* libcurl says which connection it takes by its port alone. One that is new has not been USED. -1: not known. */
static int find_connection(const lane *l, unsigned port, bool used)
{
	const unsigned flags = CONNECTION | (used ? USED : 0);
	for (size_t fd = 0; fd < l->watched_size; fd++)
		if ((l->watched[fd] & (CONNECTION | USED)) == flags && (!used || !(l->watched[fd] & WANTED)) &&
		    (used ? l->taken[fd].port == port : has_port((int)fd, port)))
			return (int)fd;
	return -1;
}

/* Just before a request is sent: what came since the loop last looked. If the connection is closed now, libcurl takes another. */
static int before_request(void *data, char *ip, char *local_ip, int port, int local_port)
{
	(void)ip;
	(void)local_ip;
	(void)port;
	char byte;
	flow *f = data;
	const lane *l = f->lane;
	int fd = find_connection(l, (unsigned)local_port, true);
	if (fd >= 0 && recv(fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT) >= 0)
		hang_up(fd);
	if (fd < 0)
		fd = find_connection(l, (unsigned)local_port, false);
	if (fd < 0)
		return CURL_PREREQFUNC_OK;
	l->watched[fd] |= USED;
	l->taken[fd] = (link_use){(unsigned)local_port, f};
	f->fd = fd;
	return CURL_PREREQFUNC_OK;
}

void watch_begin(flow *f)
{
	f->fd = -1;
	curl_easy_setopt(f->easy, CURLOPT_PREREQDATA, f);
}

/* Its connection may be closed, and its number another's. */
void watch_end(flow *f)
{
	const lane *l = f->lane;
	if (f->fd >= 0 && (size_t)f->fd < l->watched_size && l->taken[f->fd].owner == f)
		l->taken[f->fd].owner = NULL;
	f->fd = -1;
}

void watch_connection(const lane *l, CURL *easy)
{
	curl_easy_setopt(easy, CURLOPT_PREREQFUNCTION, before_request);
	curl_easy_setopt(easy, CURLOPT_OPENSOCKETFUNCTION, make);
	curl_easy_setopt(easy, CURLOPT_OPENSOCKETDATA, l);
	curl_easy_setopt(easy, CURLOPT_CLOSESOCKETFUNCTION, forget);
	curl_easy_setopt(easy, CURLOPT_CLOSESOCKETDATA, l);
}

void watch_upstream(lane *l, uint64_t fd, uint32_t events)
{
	int running;
	if (fd >= l->watched_size || !(l->watched[fd] & HAS))
		return;
	unsigned wanted = l->watched[fd] & WANTED;
	int what = (events & EPOLLIN ? CURL_CSELECT_IN : 0) | (events & EPOLLOUT ? CURL_CSELECT_OUT : 0) |
	           (events & (EPOLLERR | EPOLLHUP) ? CURL_CSELECT_ERR : 0);
	if (wanted) {
		curl_multi_socket_action(l->multi, (curl_socket_t)fd, what, &running);
		return;
	}
	/* Of a transfer that is paused it is kept; of nobody's, it is no answer. */
	if (l->watched[fd] & USED && !l->taken[fd].owner)
		hang_up((int)fd);
	leave_alone(l, (int)fd);
}

/* What is begun, or goes on after a pause, is due at once; each may bring the next. */
void watch_clock(lane *l, uint64_t now)
{
	enum { MOST_TURNS = 16 };
	int running;
	for (int i = 0; i < MOST_TURNS && l->curl_due <= now; i++) {
		l->curl_due = UINT64_MAX;
		curl_multi_socket_action(l->multi, CURL_SOCKET_TIMEOUT, 0, &running);
	}
}

uint64_t watch_due(const lane *l, uint64_t otherwise)
{
	return l->curl_due < otherwise ? l->curl_due : otherwise;
}
