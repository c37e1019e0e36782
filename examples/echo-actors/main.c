/*
 * A TCP server that gives each connection an actor: a live instance of one component, whose state is that connection's.
 *
 *   echo-actors serve COMPONENT [PORT [MAX]]      until it is interrupted; PORT 0 takes a free one, and says which
 *   echo-actors load PORT CONNECTIONS LINES       opens so many, keeps them all open, sends so many lines on each
 *
 * COMPONENT is guests/c/actor.c: it numbers the lines it is sent. One thread has all the sockets; two workers of the
 * library run the actors. An actor that traps, or takes too long, loses its own connection and nobody else's.
 */
#include <arpa/inet.h>
#include <bulkhead.h>
#include <errno.h>
#include <inttypes.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { LINE_MAX_BYTES = 4096, DEFAULT_MAX = 12000 };

static void die(const char *what)
{
	perror(what);
	exit(70);
}

static _Noreturn void fail(const char *doing, bh_error *err)
{
	fprintf(stderr, "%s: %s\n", doing, bh_error_message(err));
	exit(70);
}

static void want_descriptors(void)
{
	struct rlimit limit;
	getrlimit(RLIMIT_NOFILE, &limit);
	limit.rlim_cur = limit.rlim_max;
	setrlimit(RLIMIT_NOFILE, &limit);
}

static double now(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

/* The server. */

typedef struct {
	bh_host *host;
	bh_component *component;
	bh_export *line;
	int epoll, listener, calls;
	uint32_t open;
	uint64_t lines, lost;
} server;

/* Freed when its peer has gone and no call of it is under way. */
typedef struct {
	server *server;
	int fd;
	bh_instance *actor;
	bool busy, gone;
	size_t length;
	char input[LINE_MAX_BYTES];
} connection;

static volatile sig_atomic_t interrupted;

static void interrupt(int signal)
{
	(void)signal;
	interrupted = 1;
}

static void hang_up(connection *c)
{
	if (!c->gone) {
		close(c->fd);
		c->server->open--;
	}
	c->gone = true;
	if (c->busy)
		return; /* answered() comes once more */
	bh_instance_free(c->actor);
	free(c);
}

static void next_line(connection *c);

/* Told by bh_host_dispatch(), on the thread that has the sockets. */
static void answered(void *data, bh_call *call)
{
	connection *c = data;
	bh_value answer = BH_VALUE_INIT;
	bh_error *err = NULL;
	bh_status status = bh_call_take(call, &answer, NULL, &err);
	c->busy = false;
	if (status) {
		c->server->lost++;
		fprintf(stderr, "a connection is lost: %s\n", bh_error_message(err));
		bh_error_free(err);
		hang_up(c);
		return;
	}
	/* A peer that does not read its answers loses the connection: nothing is kept for it. */
	char out[LINE_MAX_BYTES + 32];
	int length = snprintf(out, sizeof out, "%s\n", bh_value_string(&answer));
	bool sent = !c->gone && send(c->fd, out, (size_t)length, MSG_NOSIGNAL | MSG_DONTWAIT) == length;
	bh_value_deinit(&answer);
	c->server->lines++;
	if (sent)
		next_line(c);
	else
		hang_up(c);
}

/* Start a call for the first whole line there is. */
static void next_line(connection *c)
{
	char *end = c->busy ? NULL : memchr(c->input, '\n', c->length);
	if (!end) {
		if (c->length == sizeof c->input)
			hang_up(c); /* no line is that long */
		return;
	}
	size_t length = (size_t)(end - c->input);
	bh_value text = bh_of_string_n(c->input, length);
	bh_call_options options = BH_CALL_OPTIONS_INIT;
	options.done = answered;
	options.done_data = c;
	options.dispatch = true;
	bh_error *err = NULL;
	if (bh_call_start(NULL, c->server->line, c->actor, &text, 1, &options, &err)) {
		fprintf(stderr, "a connection is refused: %s\n", bh_error_message(err));
		bh_error_free(err);
		hang_up(c);
		return;
	}
	c->busy = true;
	c->length -= length + 1;
	memmove(c->input, end + 1, c->length);
}

static void readable(connection *c)
{
	ssize_t n = recv(c->fd, c->input + c->length, sizeof c->input - c->length, MSG_DONTWAIT);
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n <= 0) {
		hang_up(c);
		return;
	}
	c->length += (size_t)n;
	next_line(c);
}

static void take_connection(server *s)
{
	int one = 1, fd = accept4(s->listener, NULL, NULL, SOCK_CLOEXEC);
	connection *c = fd < 0 ? NULL : calloc(1, sizeof *c);
	bh_error *err = NULL;
	if (!c) {
		if (fd >= 0)
			close(fd);
		return;
	}
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
	*c = (connection){.server = s, .fd = fd};
	s->open++;
	struct epoll_event event = {.events = EPOLLIN, .data.ptr = c};
	if (bh_instance_new(&c->actor, s->component, NULL, &err) || epoll_ctl(s->epoll, EPOLL_CTL_ADD, fd, &event) < 0) {
		fprintf(stderr, "no actor for a connection: %s\n", err ? bh_error_message(err) : strerror(errno));
		bh_error_free(err);
		hang_up(c);
	}
}

static void load_actor(server *s, const char *path, uint32_t max)
{
	bh_error *err = NULL;
	bh_host_options host = BH_HOST_OPTIONS_INIT;
	host.workers = 2;
	host.pool_slots = max;
	bh_component_options options = BH_COMPONENT_OPTIONS_INIT;
	options.limits.memory = BH_MIB(1);
	options.limits.execution_ms = 100;
	options.limits.queue_ms = 10000; /* until its turn: ten thousand may be before it */
	options.max_instances = max;
	if (bh_host_new(&s->host, &host, &err) || bh_component_load_file(&s->component, s->host, path, &options, &err) ||
	    bh_export_find(&s->line, s->component, "line", &err))
		fail(path, err);
}

static void listen_on(server *s, uint16_t port)
{
	struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(port)};
	socklen_t length = sizeof address;
	int one = 1;
	address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	s->listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	setsockopt(s->listener, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
	if (bind(s->listener, (struct sockaddr *)&address, sizeof address) < 0 || listen(s->listener, 4096) < 0)
		die("listen");
	getsockname(s->listener, (struct sockaddr *)&address, &length);
	printf("listening on 127.0.0.1:%u\n", ntohs(address.sin_port));
	fflush(stdout);
}

static long resident_kib(void)
{
	long pages = 0, ignored;
	FILE *file = fopen("/proc/self/statm", "r");
	if (!file || fscanf(file, "%ld %ld", &ignored, &pages) != 2)
		pages = 0;
	if (file)
		fclose(file);
	return pages * (sysconf(_SC_PAGESIZE) / 1024);
}

static int serve(const char *path, uint16_t port, uint32_t max)
{
	static server s; /* there until the process ends, as what is open then is */
	bh_error *err = NULL;
	s.epoll = epoll_create1(EPOLL_CLOEXEC);
	load_actor(&s, path, max);
	listen_on(&s, port);
	s.calls = bh_host_fd(s.host, &err);
	if (s.epoll < 0 || s.calls < 0)
		die("epoll");
	struct epoll_event listener = {.events = EPOLLIN, .data.ptr = &s.listener};
	struct epoll_event calls = {.events = EPOLLIN, .data.ptr = &s.calls};
	epoll_ctl(s.epoll, EPOLL_CTL_ADD, s.listener, &listener);
	epoll_ctl(s.epoll, EPOLL_CTL_ADD, s.calls, &calls);
	uint32_t most = 0;
	long kib = 0, kib_before = resident_kib();
	while (!interrupted) {
		struct epoll_event event;
		if (epoll_wait(s.epoll, &event, 1, -1) < 1)
			continue;
		/* One event at a time: what it leads to may free the connection of another. */
		if (event.data.ptr == &s.listener)
			take_connection(&s);
		else if (event.data.ptr == &s.calls)
			bh_host_dispatch(s.host);
		else
			readable(event.data.ptr);
		if (s.open > most && (most = s.open) % 1000 == 0)
			kib = resident_kib();
	}
	printf("most connections at once: %u, lines: %" PRIu64 ", lost: %" PRIu64 "\n", most, s.lines, s.lost);
	if (kib)
		printf("memory: %ld KiB before, %.1f KiB more for each of %u connections\n", kib_before,
		       (double)(kib - kib_before) / (most / 1000 * 1000), most / 1000 * 1000);
	fflush(stdout);
	/* Connections are the kernel's to close; the end of the process is the end of all. */
	return 0;
}

/* The load. */

static int connect_to(uint16_t port)
{
	struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(port)};
	address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	int one = 1, fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0 || connect(fd, (struct sockaddr *)&address, sizeof address) < 0)
		die("connect");
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
	return fd;
}

/* The answer to the nth line, which is "n: hello\n". */
static bool answer_is_right(int fd, long n)
{
	char wanted[64], got[64];
	int length = snprintf(wanted, sizeof wanted, "%ld: hello\n", n);
	return recv(fd, got, (size_t)length, MSG_WAITALL) == length && !memcmp(got, wanted, (size_t)length);
}

static int load(uint16_t port, long connections, long lines)
{
	int *fds = calloc((size_t)connections, sizeof *fds);
	long wrong = 0;
	if (!fds)
		die("load");
	double begin = now();
	for (long i = 0; i < connections; i++)
		fds[i] = connect_to(port);
	double connected = now();
	for (long n = 1; n <= lines; n++) {
		for (long i = 0; i < connections; i++)
			if (send(fds[i], "hello\n", 6, MSG_NOSIGNAL) != 6)
				wrong++;
		for (long i = 0; i < connections; i++)
			wrong += !answer_is_right(fds[i], n);
	}
	double end = now();
	printf("%ld connections in %.2f s, %ld lines each in %.2f s: %.0f lines/s, %ld wrong\n", connections,
	       connected - begin, lines, end - connected, (double)(connections * lines) / (end - connected), wrong);
	free(fds);
	return wrong ? 1 : 0;
}

int main(int argc, char **argv)
{
	want_descriptors();
	struct sigaction action = {.sa_handler = interrupt};
	sigaction(SIGINT, &action, NULL);
	sigaction(SIGTERM, &action, NULL);
	if (argc >= 3 && !strcmp(argv[1], "serve"))
		return serve(argv[2], (uint16_t)(argc > 3 ? atoi(argv[3]) : 0),
		             argc > 4 ? (uint32_t)atol(argv[4]) : DEFAULT_MAX);
	if (argc == 5 && !strcmp(argv[1], "load"))
		return load((uint16_t)atoi(argv[2]), atol(argv[3]), atol(argv[4]));
	fprintf(stderr,
	        "usage: echo-actors serve COMPONENT [PORT [MAX]]\n       echo-actors load PORT CONNECTIONS LINES\n");
	return 64;
}
