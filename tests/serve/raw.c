/*
 * Bytes to a server as they are, for tests of what clients may send.
 *
 *   raw PORT            sends stdin, prints what comes until the other end closes, or nothing came for 2 s
 *   raw half PORT PATH  asks for it, and goes 100 ms later
 *   raw cut PORT N      says a body of 1000 bytes, sends N of them, goes
 *   raw drip PORT MS    sends a request a byte each MS ms; prints what comes
 *   raw body PORT MS    the head at once, then a body a byte each MS ms; prints what comes
 *   raw idle PORT N     N connections that say nothing, until a signal
 *   raw swap A B LINK   turns LINK from A to B and back, until a signal
 */
#include <arpa/inet.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static int connect_to(const char *port)
{
	struct sockaddr_in name = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	name.sin_port = htons((uint16_t)atoi(port));
	if (fd < 0 || connect(fd, (struct sockaddr *)&name, sizeof name)) {
		perror("raw: connect");
		exit(1);
	}
	return fd;
}

static int say(int fd, const char *text, size_t length)
{
	return send(fd, text, length, MSG_NOSIGNAL) == (ssize_t)length;
}

static void print_rest(int fd, int wait_ms)
{
	char block[65536];
	struct pollfd waits = {.fd = fd, .events = POLLIN};
	while (poll(&waits, 1, wait_ms) > 0) {
		ssize_t got = read(fd, block, sizeof block);
		if (got <= 0) {
			fputs(got ? "<reset>" : "<closed>", stdout);
			return;
		}
		fwrite(block, 1, (size_t)got, stdout);
	}
	fputs("<open>", stdout);
}

static int raw(const char *port)
{
	static char text[16 << 20];
	size_t length = fread(text, 1, sizeof text, stdin);
	int fd = connect_to(port);
	(void)say(fd, text, length);
	print_rest(fd, 2000);
	return 0;
}

static int drip(const char *port, int ms, int body)
{
	static const char head[] = "POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n\r\n";
	int fd = connect_to(port), good = body ? say(fd, head, sizeof head - 1) : 1;
	for (size_t i = 0; good && i < 500; i++) {
		struct pollfd waits = {.fd = fd, .events = POLLIN};
		good = say(fd, body ? "x" : i < sizeof head - 3 ? head + i : "x", 1);
		if (poll(&waits, 1, ms) > 0)
			break;
	}
	print_rest(fd, 2000);
	return 0;
}

int main(int argc, char **argv)
{
	char text[512];
	const char *what = argc > 1 ? argv[1] : "";
	signal(SIGPIPE, SIG_IGN);
	if (argc == 2)
		return raw(what);
	if (!strcmp(what, "half") && argc == 4) {
		int fd = connect_to(argv[2]);
		snprintf(text, sizeof text, "GET %s HTTP/1.1\r\nHost: x\r\n\r\n", argv[3]);
		(void)say(fd, text, strlen(text));
		usleep(100000);
		return close(fd);
	}
	if (!strcmp(what, "cut") && argc == 4) {
		int fd = connect_to(argv[2]);
		snprintf(text, sizeof text, "POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n\r\n%0*d", atoi(argv[3]),
		         0);
		(void)say(fd, text, strlen(text));
		usleep(100000);
		return close(fd);
	}
	if ((!strcmp(what, "drip") || !strcmp(what, "body")) && argc == 4)
		return drip(argv[2], atoi(argv[3]), what[0] == 'b');
	if (!strcmp(what, "idle") && argc == 4) {
		for (int i = 0; i < atoi(argv[3]); i++)
			(void)connect_to(argv[2]);
		puts("connected");
		fflush(stdout);
		for (;;)
			pause();
	}
	if (!strcmp(what, "swap") && argc == 5) {
		snprintf(text, sizeof text, "%s.new", argv[4]);
		for (int i = 0;; i++) {
			unlink(text);
			if (symlink(argv[2 + i % 2], text) || rename(text, argv[4]))
				return 1;
		}
	}
	fputs("raw: see the top of raw.c\n", stderr);
	return 64;
}
