/*
 * Clients that behave badly, for tests/serve/admin_*.sh.
 *
 *   client never-reads SOCKET N     N readers of events that never read, until a signal
 *   client slow SOCKET|PORT N       N connections that send a byte a second, until a signal; new ones for those that end
 *   client half SOCKET CHILD        asks for a call that sleeps, and goes 50 ms later
 *   client raw SOCKET|PORT          sends stdin, prints what comes until the other end closes, at most 5 s
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

static int connect_to(const char *where)
{
	struct sockaddr_un path = {.sun_family = AF_UNIX};
	struct sockaddr_in port = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	int number = atoi(where);
	int fd = socket(number ? AF_INET : AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	snprintf(path.sun_path, sizeof path.sun_path, "%s", where);
	port.sin_port = htons((uint16_t)number);
	int failed = number ? connect(fd, (struct sockaddr *)&port, sizeof port)
	                    : connect(fd, (struct sockaddr *)&path, sizeof path);
	if (fd < 0 || failed) {
		perror("client: connect");
		exit(1);
	}
	return fd;
}

static void say(int fd, const char *text)
{
	if (send(fd, text, strlen(text), MSG_NOSIGNAL) < 0)
		perror("client: send");
}

static _Noreturn void never_reads(const char *where, int count)
{
	for (int i = 0; i < count; i++)
		say(connect_to(where), "GET /v1/events HTTP/1.1\r\nHost: x\r\nLast-Event-ID: 0\r\n\r\n");
	for (;;)
		pause();
}

static _Noreturn void slow(const char *where, int count)
{
	static const char text[] = "GET /healthz HTTP/1.1\r\nHost: x\r\nX-Slow: ";
	struct rlimit most;
	getrlimit(RLIMIT_NOFILE, &most);
	most.rlim_cur = most.rlim_max;
	setrlimit(RLIMIT_NOFILE, &most);
	int *fds = calloc((size_t)count, sizeof *fds);
	size_t at = 0;
	for (int i = 0; i < count; i++)
		fds[i] = connect_to(where);
	puts("connected");
	fflush(stdout);
	for (;; at++) {
		for (int i = 0; i < count; i++) {
			char c = at < sizeof text - 1 ? text[at] : 'x';
			if (send(fds[i], &c, 1, MSG_NOSIGNAL | MSG_DONTWAIT) >= 0)
				continue;
			close(fds[i]);
			fds[i] = connect_to(where);
		}
		sleep(1);
	}
}

static int half(const char *where, const char *child)
{
	char text[512];
	static const char body[] = "{\"export\": \"sleep-ms\", \"args\": [250]}";
	int fd = connect_to(where);
	snprintf(text, sizeof text, "POST /v1/children/%s/call HTTP/1.1\r\nHost: x\r\nContent-Length: %zu\r\n\r\n%s", child,
	         sizeof body - 1, body);
	say(fd, text);
	usleep(50000);
	close(fd);
	return 0;
}

static int raw(const char *where)
{
	static char block[65536];
	int fd = connect_to(where);
	ssize_t n;
	while ((n = read(STDIN_FILENO, block, sizeof block)) > 0)
		for (ssize_t at = 0, sent; at < n; at += sent)
			if ((sent = send(fd, block + at, (size_t)(n - at), MSG_NOSIGNAL)) < 0)
				goto answered; /* it may have said no already */
answered:;
	struct pollfd waits = {.fd = fd, .events = POLLIN};
	while (poll(&waits, 1, 5000) > 0 && (n = read(fd, block, sizeof block)) > 0)
		if (write(STDOUT_FILENO, block, (size_t)n) < 0)
			return 1;
	close(fd);
	return 0;
}

int main(int argc, char **argv)
{
	if (argc == 4 && !strcmp(argv[1], "never-reads"))
		never_reads(argv[2], atoi(argv[3]));
	if (argc == 4 && !strcmp(argv[1], "slow"))
		slow(argv[2], atoi(argv[3]));
	if (argc == 4 && !strcmp(argv[1], "half"))
		return half(argv[2], argv[3]);
	if (argc == 3 && !strcmp(argv[1], "raw"))
		return raw(argv[2]);
	fprintf(stderr, "usage: client never-reads|slow|half|raw ...\n");
	return 2;
}
