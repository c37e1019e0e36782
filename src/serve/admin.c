/* The admin server from its beginning to its end. */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>
#include <unistd.h>

#include "http.h"
#include "listen.h"
#include "memory.h"
#include "mhd.h"
#include "samples.h"

enum {
	BODY = 1 << 20,
	MEMORY = 32 << 10,
	LEAST_MEMORY = 4 << 10,
	CONNECTIONS = 64,
	PER_PEER = 16,
	STREAMS = 16,
	IDLE_MS = 30000,
	REQUEST_MS = 10000,
	RELOAD_MS = 10000,
	HEARTBEAT_MS = 15000,
	TOKEN_LEAST = 32,
	TOKEN_MOST = 512,
	FLUSH_MS = 500, /* what was answered gets so long to be sent, at the end */
};

admin *admin_ref(admin *server)
{
	atomic_fetch_add_explicit(&server->references, 1, memory_order_relaxed);
	return server;
}

void admin_unref(admin *server)
{
	if (!server || atomic_fetch_sub_explicit(&server->references, 1, memory_order_acq_rel) != 1)
		return;
	pthread_mutex_destroy(&server->lock);
	pthread_cond_destroy(&server->changed);
	samples_free(server->samples);
	sv_free(server->socket_path);
	sv_free(server->listen);
	if (server->token)
		explicit_bzero(server->token, strlen(server->token));
	sv_free(server->token);
	sv_free(server);
}

/* What is asked for. */

static unsigned either(unsigned given, unsigned otherwise)
{
	return given ? given : otherwise;
}

static admin_bounds bounds_of(const admin_bounds *given)
{
	return (admin_bounds){
		.body = given->body ? given->body : BODY,
		.memory = !given->memory                 ? MEMORY
	              : given->memory < LEAST_MEMORY ? LEAST_MEMORY
	                                             : given->memory,
		.connections = either(given->connections, CONNECTIONS),
		.per_peer = either(given->per_peer, PER_PEER),
		.streams = either(given->streams, STREAMS),
		.idle_ms = either(given->idle_ms, IDLE_MS),
		.request_ms = either(given->request_ms, REQUEST_MS),
		.reload_ms = either(given->reload_ms, RELOAD_MS),
		.heartbeat_ms = either(given->heartbeat_ms, HEARTBEAT_MS),
	};
}

static bh_status check_token(const char *token, bh_error **err)
{
	static const char allowed[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~+/=";
	if (!token)
		return bh_error_new(
			err, BH_E_CONFIG,
			"TCP without a token: whoever can connect could do anything. Give it one, or use the socket");
	size_t length = strlen(token);
	if (length < TOKEN_LEAST || length > TOKEN_MOST)
		return bh_error_new(err, BH_E_CONFIG, "a token of %zu characters; it has %d to %d", length, TOKEN_LEAST,
		                    TOKEN_MOST);
	if (token[strspn(token, allowed)])
		return bh_error_new(err, BH_E_CONFIG, "the token has a character that is none of A-Z a-z 0-9 - . _ ~ + / =");
	return BH_OK;
}

static bh_status copy_text(char **out, const char *text, bh_error **err)
{
	*out = text ? sv_copy(text) : NULL;
	return text && !*out ? no_memory(err) : BH_OK;
}

static bh_status make(admin **out, const admin_options *o, const admin_daemon *daemon, bh_error **err)
{
	admin *server = sv_alloc(sizeof *server);
	if (!server)
		return no_memory(err);
	atomic_init(&server->references, 1);
	pthread_mutex_init(&server->lock, NULL);
	pthread_condattr_t monotonic;
	pthread_condattr_init(&monotonic);
	pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
	pthread_cond_init(&server->changed, &monotonic);
	pthread_condattr_destroy(&monotonic);
	server->daemon = *daemon;
	server->compat = o->compat;
	if (getrandom(&server->instance, sizeof server->instance, GRND_NONBLOCK) < 0)
		server->instance = now_ms() << 20 ^ (uint64_t)getpid();
	server->bounds = bounds_of(&o->bounds);
	server->epoll = server->wake = -1;
	server->doors[0] = (door){.fd = -1};
	server->doors[1] = (door){.fd = -1, .tcp = true};
	*out = server;
	bh_status status = copy_text(&server->socket_path, o->socket_path, err);
	if (!status)
		status = copy_text(&server->listen, o->listen, err);
	if (!status)
		status = copy_text(&server->token, o->token, err);
	if (!status && !(server->samples = samples_new()))
		status = no_memory(err);
	return status;
}

/* Sockets. */

static void make_ready(int fd)
{
	fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK);
	fcntl(fd, F_SETFD, FD_CLOEXEC);
}

static bh_status open_sockets(admin *server, const admin_options *o, bh_error **err)
{
	bool tcp = o->listen || o->listen_fd >= 0;
	bh_status status = tcp && !o->compat ? check_token(o->token, err) : BH_OK;
	if (!status && o->socket_fd < 0 && o->socket_path) {
		status = listen_unix(&server->doors[0].fd, o->socket_path, &server->socket_made, err);
		server->socket_is_ours = !status;
	}
	if (!status && o->listen_fd < 0 && o->listen)
		status = listen_tcp(&server->doors[1].fd, o->listen, err);
	if (status)
		return status;
	for (int i = 0; i < 2; i++) {
		int given = i ? o->listen_fd : o->socket_fd;
		if (given < 0)
			continue;
		server->doors[i].fd = given;
		make_ready(given);
	}
	/* Who comes by TCP cannot take the places of those who come by the socket. */
	unsigned all = server->bounds.connections;
	server->doors[0].most = all;
	server->doors[1].most = all > 4 ? all - all / 4 : all;
	server->port = tcp ? listen_port(server->doors[1].fd) : 0;
	return BH_OK;
}

static bh_status start_http(admin *server, bh_error **err)
{
	unsigned idle = (server->bounds.idle_ms + 999) / 1000;
	/* Bounded by the loop; those that are being shut are there a little longer. */
	unsigned most = server->bounds.connections * 4 + 64;
	const struct MHD_OptionItem options[] = {
		{MHD_OPTION_EXTERNAL_LOGGER, (intptr_t)mhd_say_nothing, NULL},
		{MHD_OPTION_CONNECTION_LIMIT, (intptr_t)most, NULL},
		{MHD_OPTION_CONNECTION_TIMEOUT, (intptr_t)idle, NULL},
		{MHD_OPTION_CONNECTION_MEMORY_LIMIT, (intptr_t)server->bounds.memory, NULL},
		{MHD_OPTION_STRICT_FOR_CLIENT, 1, NULL},
		{MHD_OPTION_UNESCAPE_CALLBACK, (intptr_t)mhd_leave_escaped, NULL},
		{MHD_OPTION_NOTIFY_COMPLETED, (intptr_t)exchange_completed, server},
		{MHD_OPTION_NOTIFY_CONNECTION, (intptr_t)door_notify, server},
		{MHD_OPTION_END, 0, NULL},
	};
	unsigned flags = MHD_USE_EPOLL_INTERNAL_THREAD | MHD_USE_NO_LISTEN_SOCKET | MHD_ALLOW_SUSPEND_RESUME | MHD_USE_ITC |
	                 MHD_USE_ERROR_LOG;
	server->http =
		MHD_start_daemon(flags, 0, NULL, NULL, exchange_handle, server, MHD_OPTION_ARRAY, options, MHD_OPTION_END);
	return server->http ? BH_OK
	                    : bh_error_new(err, BH_E_SYSTEM, "the HTTP server cannot be started: %s", strerror(errno));
}

static void release(admin *server)
{
	door_end(server);
	if (server->http)
		MHD_stop_daemon(server->http);
	door_close(server);
	if (server->socket_is_ours)
		listen_unlink(server->socket_path, &server->socket_made);
	if (server->epoll >= 0)
		close(server->epoll);
	if (server->wake >= 0)
		close(server->wake);
	server->epoll = server->wake = -1;
	admin_unref(server);
}

bh_status admin_start(admin **out, const admin_options *options, const admin_daemon *daemon, bh_error **err)
{
	admin *server = NULL;
	bh_status status = make(&server, options, daemon, err);
	if (!status)
		status = open_sockets(server, options, err);
	if (!status)
		status = start_http(server, err);
	if (!status)
		status = door_open(server, err);
	if (!status) {
		*out = server;
		return BH_OK;
	}
	if (server) {
		/* Those that were given stay their owner's. */
		for (int i = 0; i < 2; i++)
			if (server->doors[i].fd == (i ? options->listen_fd : options->socket_fd))
				server->doors[i].fd = -1;
		release(server);
	}
	return status;
}

/* Stopping. */

static bool none_waiting(const admin *server)
{
	return !server->waiting;
}

static bool none_under_way(const admin *server)
{
	return !server->exchanges;
}

/* With the lock. */
static void wait_until(admin *server, bool (*is)(const admin *server), uint64_t until_ms)
{
	const struct timespec until = {.tv_sec = (time_t)(until_ms / 1000), .tv_nsec = (long)(until_ms % 1000) * 1000000};
	while (!is(server) && pthread_cond_timedwait(&server->changed, &server->lock, &until) != ETIMEDOUT) {}
}

/* With the lock, which is given back meanwhile: so the list is begun again each time. */
static void give_up_all(admin *server)
{
	for (peer *p = server->peers; p;) {
		exchange *e = p->exchange;
		if (e && e->suspended && !e->answered) {
			exchange_give_up(server, e);
			p = server->peers;
		} else {
			p = p->next;
		}
	}
}

void admin_stop(admin *server, unsigned wait_ms)
{
	if (!server)
		return;
	door_close(server);
	pthread_mutex_lock(&server->lock);
	streams_end(server);
	wait_until(server, none_waiting, now_ms() + wait_ms);
	server->cutting = true;
	give_up_all(server);
	streams_end(server);
	wait_until(server, none_under_way, now_ms() + FLUSH_MS);
	pthread_mutex_unlock(&server->lock);
	release(server);
}

unsigned admin_port(const admin *server)
{
	return server->port;
}

const char *admin_socket(const admin *server)
{
	return server->socket_path;
}

bool admin_alive(admin *server, unsigned within_ms)
{
	uint64_t now = now_ms();
	if (atomic_load_explicit(&server->looked_at, memory_order_relaxed) < server->asked_at)
		return now - server->asked_at <= within_ms;
	server->asked_at = now;
	door_wake(server);
	return true;
}
