/*
 * An HTTP server for tests, on 127.0.0.1, a thread for each connection. What it does is in the path:
 *
 *   /hello             200 "hello"
 *   /echo              200 with the request as it came
 *   /jump/N            302 to /jump/N-1, at 0 as /hello
 *   /to/CODE/LOCATION  that status, and that location, as it is
 *   /status/CODE       that status
 *   /head              headers of all kinds
 *   /silent            nothing at all
 *   /drip              a head, then a byte each 20 ms
 *   /slowhead          a byte of a head each 20 ms
 *   /big /bighead      without end
 *   /close /half /garbage  what breaks off
 */
#ifndef BH_TEST_HTTP_SERVER_H
#define BH_TEST_HTTP_SERVER_H

#include <arpa/inet.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "api.h"

typedef struct {
	int listening;
	uint16_t port;
	pthread_t thread;
	_Atomic int open;   /* connections */
	_Atomic int served; /* that there ever were */
	_Atomic bool ending;
} server;

typedef struct {
	server *server;
	int fd;
} connection;

/* False: nobody reads any more. */
static inline bool say(int fd, const char *text, size_t length)
{
	while (length) {
		ssize_t sent = send(fd, text, length, MSG_NOSIGNAL);
		if (sent <= 0)
			return false;
		text += sent;
		length -= (size_t)sent;
	}
	return true;
}

static inline void say_whole(int fd, const char *status, const char *head, const char *body, size_t length)
{
	char text[1024];
	int n = snprintf(text, sizeof text, "HTTP/1.1 %s\r\n%sContent-Length: %zu\r\n\r\n", status, head, length);
	(void)(say(fd, text, (size_t)n) && say(fd, body, length));
}

/* Until the other side is gone. */
static inline void keep_quiet(const connection *c)
{
	char byte;
	while (!atomic_load(&c->server->ending) && recv(c->fd, &byte, 1, 0) > 0)
		;
}

static inline void drip(const connection *c, const char *head)
{
	if (!say(c->fd, head, strlen(head)))
		return;
	while (!atomic_load(&c->server->ending) && say(c->fd, "x", 1))
		t_sleep_ms(20);
}

static inline void say_for_ever(const connection *c, const char *head, const char *line)
{
	if (!say(c->fd, head, strlen(head)))
		return;
	while (!atomic_load(&c->server->ending) && say(c->fd, line, strlen(line)))
		;
}

static inline void redirect(int fd, const char *code, const char *location)
{
	char status[64], head[600];
	snprintf(status, sizeof status, "%.3s Elsewhere", code);
	snprintf(head, sizeof head, "Location: %s\r\n", location);
	say_whole(fd, status, head, "look there", 10);
}

static inline void answer(const connection *c, const char *path, const char *request, size_t length)
{
	static const char plain[] = "HTTP/1.1 200 Fine\r\n\r\n";
	char location[64];
	int fd = c->fd;
	if (!strcmp(path, "/hello") || !strcmp(path, "/jump/0")) {
		say_whole(fd, "200 Fine", "Content-Type: text/plain\r\n", "hello", 5);
	} else if (!strcmp(path, "/echo")) {
		say_whole(fd, "200 Fine", "", request, length);
	} else if (!strncmp(path, "/jump/", 6)) {
		snprintf(location, sizeof location, "/jump/%d", atoi(path + 6) - 1);
		redirect(fd, "302", location);
	} else if (!strncmp(path, "/to/", 4)) {
		redirect(fd, path + 4, path + 8);
	} else if (!strncmp(path, "/status/", 8)) {
		say_whole(fd, path + 8, "", "so it is", 8);
	} else if (!strcmp(path, "/head")) {
		say_whole(fd, "200 Fine", "A: one\r\na:  two \r\nLatin: caf\xe9\r\nUtf8: caf\xc3\xa9\r\nEmpty:\r\n", "", 0);
	} else if (!strcmp(path, "/silent")) {
		keep_quiet(c);
	} else if (!strcmp(path, "/drip")) {
		drip(c, plain);
	} else if (!strcmp(path, "/slowhead")) {
		drip(c, "HTTP/1.1 200 Fine\r\nA: ");
	} else if (!strcmp(path, "/big")) {
		say_for_ever(c, plain, "0123456789012345678901234567890123456789012345678901234567890123456789\n");
	} else if (!strcmp(path, "/bighead")) {
		say_for_ever(c, "HTTP/1.1 200 Fine\r\n", "A: 01234567890123456789012345678901234567890123456789\r\n");
	} else if (!strcmp(path, "/half")) {
		(void)say(fd, "HTTP/1.1 200 Fine\r\nContent-Length: 100\r\n\r\nhalf", 45);
	} else if (!strcmp(path, "/garbage")) {
		(void)say(fd, "no such protocol\r\n\r\n", 20);
	} else if (strcmp(path, "/close") != 0) {
		say_whole(fd, "404 None", "", "", 0);
	}
}

static inline void *serve_one(void *data)
{
	connection *c = data;
	char request[8192], path[600] = "";
	size_t length = 0;
	ssize_t got = 1;
	request[0] = '\0';
	/* Not what begins as TLS does: nobody here speaks it. */
	while (!strstr(request, "\r\n\r\n") && request[0] != 0x16 && got > 0 && length < sizeof request - 1) {
		got = recv(c->fd, request + length, sizeof request - 1 - length, 0);
		length += got > 0 ? (size_t)got : 0;
		request[length] = '\0';
	}
	const char *declared = strstr(request, "Content-Length: ");
	const char *body = strstr(request, "\r\n\r\n");
	size_t wanted = declared && body ? (size_t)(body + 4 - request) + strtoul(declared + 16, NULL, 10) : 0;
	while (got > 0 && length < wanted && length < sizeof request - 1) {
		got = recv(c->fd, request + length, sizeof request - 1 - length, 0);
		length += got > 0 ? (size_t)got : 0;
	}
	if (sscanf(request, "%*s %599s", path) == 1)
		answer(c, path, request, length);
	shutdown(c->fd, SHUT_WR);
	keep_quiet(c);
	close(c->fd);
	atomic_fetch_sub(&c->server->open, 1);
	free(c);
	return NULL;
}

static inline void *serve(void *data)
{
	server *s = data;
	for (int fd; (fd = accept4(s->listening, NULL, NULL, SOCK_CLOEXEC)) >= 0;) {
		connection *c = malloc(sizeof *c);
		pthread_t thread;
		*c = (connection){s, fd};
		atomic_fetch_add(&s->open, 1);
		atomic_fetch_add(&s->served, 1);
		EXPECT(!pthread_create(&thread, NULL, serve_one, c));
		pthread_detach(thread);
	}
	return NULL;
}

static inline void server_begin(server *s)
{
	struct sockaddr_in local = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t size = sizeof local;
	s->listening = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_int_equal(bind(s->listening, (struct sockaddr *)&local, size), 0);
	assert_int_equal(listen(s->listening, 1000), 0);
	assert_int_equal(getsockname(s->listening, (struct sockaddr *)&local, &size), 0);
	s->port = ntohs(local.sin_port);
	assert_int_equal(pthread_create(&s->thread, NULL, serve, s), 0);
}

/* Waits for the connections to be gone: who leaves one open has to answer for it. */
static inline bool server_end(server *s)
{
	double end = t_now_ms() + 5000 * t_slack();
	atomic_store(&s->ending, true);
	shutdown(s->listening, SHUT_RDWR);
	pthread_join(s->thread, NULL);
	close(s->listening);
	while (atomic_load(&s->open) && t_now_ms() < end)
		t_sleep_ms(5);
	return !atomic_load(&s->open);
}

#endif
