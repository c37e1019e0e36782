/*
 * The loop: accepts connections, bounds how many there are and how long they may take to ask, and sees clients go while they
 * are waited for, which libmicrohttpd does not look for then.
 *
 * A door that is full sends away whoever is slowest to ask. So many clients that open connections and say nothing keep
 * nobody out who has something to ask.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "http.h"
#include "listen.h"
#include "memory.h"

enum {
	WAKE_ID = 2, /* before it the doors */
	FIRST_PEER_ID = 16,
	TICK_MS = 50, /* while somebody has to be looked after; who only has a time is looked at when it is up */
	ANSWERING_MS = 1000,
	MAY_GO_MS = 250, /* who has been so long without asking may be sent away for others */
	KNOWN_MS = 5000, /* a connection that libmicrohttpd could not take, for want of memory, is forgotten then */
};

uint64_t now_ms(void)
{
	struct timespec now;
	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

static door *door_of(admin *server, const peer *p)
{
	return &server->doors[p->tcp ? 1 : 0];
}

static void watch(const admin *server, int fd, uint32_t events, uint64_t id)
{
	struct epoll_event event = {.events = events, .data.u64 = id};
	epoll_ctl(server->epoll, EPOLL_CTL_ADD, fd, &event);
}

static void unwatch(const admin *server, int fd)
{
	epoll_ctl(server->epoll, EPOLL_CTL_DEL, fd, NULL);
}

/* Peers; all of it with the lock. */

/* The client sees an end; libmicrohttpd does too, and lets go of it. */
static void shut(admin *server, peer *p)
{
	if (!p->shut)
		door_of(server, p)->open--;
	p->shut = true;
	shutdown(p->fd, SHUT_RDWR);
}

static void forget(admin *server, peer *p)
{
	for (peer **at = &server->peers; *at; at = &(*at)->next) {
		if (*at != p)
			continue;
		*at = p->next;
		break;
	}
	if (!p->shut)
		door_of(server, p)->open--;
	unwatch(server, p->fd);
	close(p->fd);
	sv_free(p);
}

/* The one that has been waited for longest, and long enough; `like` of the same address, where it is given. */
static peer *slowest(admin *server, bool tcp, const peer *like)
{
	peer *found = NULL;
	for (peer *p = server->peers; p; p = p->next)
		if (p->tcp == tcp && p->reading && !p->shut && (!found || p->since < found->since) &&
		    (!like || !memcmp(&p->address, &like->address, sizeof p->address)))
			found = p;
	return found && now_ms() - found->since >= MAY_GO_MS ? found : NULL;
}

static unsigned count_like(const admin *server, const peer *like)
{
	unsigned count = 0;
	for (const peer *p = server->peers; p; p = p->next)
		count += p != like && p->tcp && !p->shut && !memcmp(&p->address, &like->address, sizeof p->address);
	return count;
}

/* Whether somebody waits to be let in. */
static bool has_caller(const door *d)
{
	struct pollfd waits = {.fd = d->fd, .events = POLLIN};
	return d->fd >= 0 && poll(&waits, 1, 0) > 0;
}

/* Room for one more, made where it must be. */
static bool make_room(admin *server, door *d)
{
	if (d->open < d->most)
		return true;
	peer *p = slowest(server, d->tcp, NULL);
	if (p)
		shut(server, p);
	return p != NULL;
}

static bool may_be_one_more(admin *server, const peer *like)
{
	if (!like->tcp || count_like(server, like) < server->bounds.per_peer)
		return true;
	peer *p = slowest(server, true, like);
	if (p)
		shut(server, p);
	return p != NULL;
}

static void keep_address(peer *p, const struct sockaddr_storage *from)
{
	if (from->ss_family == AF_INET6)
		p->address = ((const struct sockaddr_in6 *)from)->sin6_addr;
	else if (from->ss_family == AF_INET)
		memcpy(&p->address, &((const struct sockaddr_in *)from)->sin_addr, sizeof(struct in_addr));
}

static peer *new_peer(admin *server, door *d, int fd, const struct sockaddr_storage *from)
{
	peer *p = sv_alloc(sizeof *p);
	int own = p ? fcntl(fd, F_DUPFD_CLOEXEC, 0) : -1;
	if (own < 0) {
		sv_free(p);
		return NULL;
	}
	*p = (peer){.id = server->next_id++, .fd = own, .http_fd = fd, .tcp = d->tcp, .reading = true, .since = now_ms()};
	keep_address(p, from);
	p->foreign = !d->tcp && !listen_is_own(fd);
	p->next = server->peers;
	server->peers = p;
	d->open++;
	watch(server, own, EPOLLRDHUP | EPOLLONESHOT, p->id);
	if (may_be_one_more(server, p))
		return p;
	forget(server, p);
	return NULL;
}

static peer *find_peer(const admin *server, uint64_t id)
{
	peer *p = server->peers;
	while (p && p->id != id)
		p = p->next;
	return p;
}

/* Accepting. */

/* With the lock, which is given back meanwhile: libmicrohttpd has its own. */
static void hand_over(admin *server, const peer *p, const struct sockaddr_storage *from, socklen_t length)
{
	int fd = p->http_fd;
	uint64_t id = p->id;
	pthread_mutex_unlock(&server->lock);
	enum MHD_Result taken = MHD_add_connection(server->http, fd, (const struct sockaddr *)from, length);
	pthread_mutex_lock(&server->lock);
	peer *still = taken ? NULL : find_peer(server, id);
	if (still && !still->known)
		forget(server, still);
}

/* Who waits goes on waiting: looked at again with the ticks, not at once, as he would be there at once again. */
static void pause_door(admin *server, door *d, uint64_t ms)
{
	unwatch(server, d->fd);
	d->paused = true;
	d->paused_until = now_ms() + ms;
}

static void accept_all(admin *server, door *d)
{
	while (!server->stopping && has_caller(d)) {
		if (!make_room(server, d)) {
			pause_door(server, d, 0);
			return;
		}
		struct sockaddr_storage from = {0};
		socklen_t length = sizeof from;
		int fd = accept4(d->fd, (struct sockaddr *)&from, &length, SOCK_NONBLOCK | SOCK_CLOEXEC);
		if (fd < 0) {
			if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM)
				pause_door(server, d, TICK_MS);
			return;
		}
		if (!d->tcp)
			from.ss_family = AF_UNIX;
		peer *p = new_peer(server, d, fd, &from);
		if (p)
			hand_over(server, p, &from, d->tcp ? length : sizeof(struct sockaddr_un));
		else
			close(fd);
	}
}

void door_notify(void *data, struct MHD_Connection *connection, void **context,
                 enum MHD_ConnectionNotificationCode code)
{
	admin *server = data;
	const union MHD_ConnectionInfo *info = MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CONNECTION_FD);
	pthread_mutex_lock(&server->lock);
	peer *p = *context;
	if (code == MHD_CONNECTION_NOTIFY_CLOSED) {
		*context = NULL;
		if (p)
			forget(server, p);
	} else if (info) {
		p = server->peers; /* the newest is the first */
		while (p && (p->known || p->http_fd != info->connect_fd))
			p = p->next;
		if (p)
			p->known = true;
		*context = p;
	}
	pthread_mutex_unlock(&server->lock);
}

/* Looking after them. */

static void client_is_gone(admin *server, peer *p)
{
	p->gone = true;
	exchange *e = p->exchange;
	if (!e || !e->begun)
		return;
	stream_end_of(server, e);
	if (e->suspended && !e->answered)
		exchange_give_up(server, e);
}

/* What a request may take, from the connection or from the request before. */
static uint64_t patience(const admin *server, const peer *p)
{
	return server->bounds.request_ms + (p->used ? server->bounds.idle_ms : 0);
}

/* What was begun takes too long. The lock is given back meanwhile, so that the list is begun again. */
static void end_late_ones(admin *server)
{
	uint64_t now = now_ms();
	for (peer *p = server->peers; p;) {
		exchange *e = p->exchange;
		if (e && e->suspended && !e->answered && e->answer_by && now >= e->answer_by) {
			exchange_give_up(server, e);
			p = server->peers;
		} else {
			p = p->next;
		}
	}
}

static void end_slow_ones(admin *server)
{
	uint64_t now = now_ms();
	for (peer *p = server->peers, *next; p; p = next) {
		next = p->next;
		if (!p->known && now - p->since > KNOWN_MS)
			forget(server, p);
		else if (p->reading && !p->shut && now - p->since > patience(server, p))
			shut(server, p);
	}
}

/*
 * The first moment from `now` on at which somebody's time is up; UINT64_MAX: never. Whoever is being answered begins to be waited for
 * without a word to the loop, so that is looked at now and then.
 */
static uint64_t next_due(const admin *server, uint64_t now)
{
	uint64_t next = UINT64_MAX;
	for (const peer *p = server->peers; p; p = p->next) {
		const exchange *e = p->exchange;
		bool waits = p->reading && !p->shut;
		uint64_t due = waits ? p->since + patience(server, p) + 1 : now + ANSWERING_MS;
		/* It becomes known without a word, too. */
		if (!p->known && p->since + KNOWN_MS < due)
			due = p->since + KNOWN_MS + 1;
		if (e && !e->answered && e->answer_by && e->answer_by < due)
			due = e->answer_by;
		next = due < next ? due : next;
	}
	return next;
}

static bool look_around(admin *server)
{
	bool busy = server->stream_count > 0;
	end_slow_ones(server);
	end_late_ones(server);
	streams_look(server);
	for (size_t i = 0; i < SV_COUNT(server->doors); i++) {
		door *d = &server->doors[i];
		bool due = d->paused && d->fd >= 0 && now_ms() >= d->paused_until;
		if (due && (!has_caller(d) || make_room(server, d))) {
			d->paused = false;
			watch(server, d->fd, EPOLLIN, i);
		}
		busy = busy || d->paused;
	}
	return busy;
}

static void happened(admin *server, uint64_t id)
{
	uint64_t count;
	peer *p;
	if (id < SV_COUNT(server->doors))
		accept_all(server, &server->doors[id]);
	else if (id == WAKE_ID)
		(void)!read(server->wake, &count, sizeof count);
	else if ((p = find_peer(server, id)))
		client_is_gone(server, p);
}

/* How long nothing has to be looked at, if nothing happens; -1: for ever. */
static int wait_for(const admin *server, bool busy)
{
	uint64_t now = now_ms(), due = next_due(server, now);
	if (busy || due < now + TICK_MS)
		return TICK_MS;
	return due == UINT64_MAX ? -1 : due - now < INT_MAX ? (int)(due - now) : INT_MAX;
}

static void *loop(void *data)
{
	admin *server = data;
	int wait_ms = -1;
	for (bool over = false; !over;) {
		struct epoll_event events[32];
		int count = epoll_wait(server->epoll, events, SV_COUNT(events), wait_ms);
		atomic_store_explicit(&server->looked_at, now_ms(), memory_order_relaxed);
		pthread_mutex_lock(&server->lock);
		for (int i = 0; i < count; i++)
			happened(server, events[i].data.u64);
		bool busy = look_around(server);
		wait_ms = wait_for(server, busy);
		over = server->loop_over;
		pthread_mutex_unlock(&server->lock);
	}
	return NULL;
}

/* Beginning and ending. */

bh_status door_open(admin *server, bh_error **err)
{
	server->next_id = FIRST_PEER_ID;
	server->epoll = epoll_create1(EPOLL_CLOEXEC);
	server->wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (server->epoll < 0 || server->wake < 0)
		return bh_error_new(err, BH_E_SYSTEM, "the admin server: %s", strerror(errno));
	watch(server, server->wake, EPOLLIN, WAKE_ID);
	for (size_t i = 0; i < SV_COUNT(server->doors); i++)
		if (server->doors[i].fd >= 0)
			watch(server, server->doors[i].fd, EPOLLIN, i);
	atomic_store(&server->looked_at, now_ms());
	sigset_t all, before;
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	int failed = pthread_create(&server->loop, NULL, loop, server);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	if (failed)
		return bh_error_new(err, BH_E_SYSTEM, "the admin server's thread: %s", strerror(failed));
	server->loop_runs = true;
	return BH_OK;
}

void door_wake(admin *server)
{
	const uint64_t one = 1;
	(void)!write(server->wake, &one, sizeof one);
}

void door_close(admin *server)
{
	pthread_mutex_lock(&server->lock);
	server->stopping = true;
	for (size_t i = 0; i < SV_COUNT(server->doors); i++) {
		door *d = &server->doors[i];
		if (d->fd < 0)
			continue;
		if (!d->paused)
			unwatch(server, d->fd);
		close(d->fd);
		d->fd = -1;
	}
	pthread_mutex_unlock(&server->lock);
}

void door_end(admin *server)
{
	if (!server->loop_runs)
		return;
	pthread_mutex_lock(&server->lock);
	server->loop_over = true;
	pthread_mutex_unlock(&server->lock);
	door_wake(server);
	pthread_join(server->loop, NULL);
	server->loop_runs = false;
}
