/*
 * A server for the gateway's tests to stand in front of: does what the path says.
 *
 *   upstream [PORT]     prints "port N"; until a signal
 *
 *   /echo               the request as it came, head and body, as text
 *   /hello              5 bytes, sent with the head at once, as servers do; /split: apart, 20 ms later
 *   /size/N             N bytes 'x', with their length; /chunks/N: in chunks; /until-close/N: until the end
 *   /slow               never answers; /drip: a byte every 100 ms, for ever
 *   /cut/N              says 100000 bytes, sends N, goes; /cut-chunks/N: likewise in chunks
 *   /stall/N            says 100000 bytes, sends N, and no more; /stall-chunks/N: likewise in chunks
 *   /reset/N            says 100000 bytes, sends N, and resets the connection
 *   /status/N           that status, without a body
 *   /junk               no HTTP; /huge-head: 200,000 bytes of headers; /bad-head: a header that is none
 *   /hops               headers that are for one connection alone; /interim: a 103 before the 200; /fold: a folded header
 *   /close              answers, and goes
 *   /deaf               never reads the body
 *   /say/TEXT           sends TEXT as it is, where ~ stands for CR LF and _ for a space; /say-late/TEXT: behind a good answer,
 *                       100 ms later
 *   /interims, /trailers  interim responses, trailers, for ever
 *   /early              answers 413 before the body is there, and reads on
 */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <unistd.h>

enum { MOST = 4 << 20 };

typedef struct {
	int fd;
	char *data; /* what came and was not taken */
	size_t length;
} connection;

static bool more(connection *c)
{
	if (c->length == MOST)
		return false;
	ssize_t got = read(c->fd, c->data + c->length, MOST - c->length);
	if (got > 0)
		c->length += (size_t)got;
	return got > 0;
}

static void take(connection *c, size_t length)
{
	memmove(c->data, c->data + length, c->length - length);
	c->length -= length;
}

static bool say_n(const connection *c, const char *text, size_t length)
{
	while (length) {
		ssize_t done = send(c->fd, text, length, MSG_NOSIGNAL);
		if (done <= 0)
			return false;
		text += done;
		length -= (size_t)done;
	}
	return true;
}

static bool say(const connection *c, const char *text)
{
	return say_n(c, text, strlen(text));
}

static bool fill(const connection *c, size_t length, bool chunks)
{
	char block[16384];
	char line[32];
	memset(block, 'x', sizeof block);
	while (length) {
		size_t part = length < sizeof block ? length : sizeof block;
		snprintf(line, sizeof line, "%zx\r\n", part);
		if ((chunks && !say(c, line)) || !say_n(c, block, part) || (chunks && !say(c, "\r\n")))
			return false;
		length -= part;
	}
	return true;
}

static const char *header(const char *head, const char *name)
{
	for (const char *line = strstr(head, "\r\n"); line; line = strstr(line, "\r\n")) {
		line += 2;
		if (!strncasecmp(line, name, strlen(name)) && line[strlen(name)] == ':')
			return line + strlen(name) + 1;
	}
	return NULL;
}

/* The body behind the head, without its framing, into `body`. False: it was cut. */
static bool read_body(connection *c, const char *head, char *body, size_t *length)
{
	const char *said = header(head, "content-length"), *coded = header(head, "transfer-encoding");
	*length = 0;
	if (said) {
		size_t wanted = strtoul(said, NULL, 10);
		while (c->length < wanted)
			if (!more(c))
				return false;
		memcpy(body, c->data, wanted);
		take(c, wanted);
		*length = wanted;
		return true;
	}
	while (coded) {
		char *line;
		while (c->data[c->length] = '\0', !(line = strstr(c->data, "\r\n")))
			if (!more(c))
				return false;
		size_t part = strtoul(c->data, NULL, 16), from = (size_t)(line + 2 - c->data);
		while (c->length < from + part + 2)
			if (!more(c))
				return false;
		memcpy(body + *length, c->data + from, part);
		*length += part;
		take(c, from + part + 2);
		if (!part)
			break;
	}
	return true;
}

static bool whole(const connection *c, const char *head, const char *text, size_t length, const char *body,
                  size_t body_length)
{
	char line[4096];
	size_t size = (size_t)snprintf(line, sizeof line,
	                               "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: %zu\r\n\r\n",
	                               length + body_length);
	if (!strncmp(head, "HEAD ", 5))
		return say(c, line);
	if (length < sizeof line - size) {
		memcpy(line + size, text, length);
		size += length;
		length = 0;
	}
	return say_n(c, line, size) && say_n(c, text, length) && say_n(c, body, body_length);
}

static bool say_text(const connection *c, const char *text)
{
	bool good = true;
	for (; *text && good; text++)
		good = *text == '~' ? say(c, "\r\n") : say_n(c, *text == '_' ? " " : text, 1);
	return good;
}

static bool for_ever(const connection *c, const char *text)
{
	while (say(c, text)) {}
	return false;
}

/* False: the connection ends. */
static bool answer(connection *c, const char *head, const char *path, const char *body, size_t length)
{
	char line[256];
	size_t n = strrchr(path, '/') ? strtoul(strrchr(path, '/') + 1, NULL, 10) : 0;
	bool only_head = !strncmp(head, "HEAD ", 5);
	if (!strncmp(path, "/size/", 6)) {
		snprintf(line, sizeof line, "HTTP/1.1 200 OK\r\nContent-Length: %zu\r\n\r\n", n);
		return say(c, line) && (only_head || fill(c, n, false));
	}
	if (!strncmp(path, "/chunks/", 8))
		return say(c, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n") &&
		       (only_head || (fill(c, n, true) && say(c, "0\r\n\r\n")));
	if (!strncmp(path, "/until-close/", 13))
		return say(c, "HTTP/1.1 200 OK\r\n\r\n") && fill(c, n, false) && false;
	if (!strncmp(path, "/cut/", 5))
		return say(c, "HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n") && fill(c, n, false) && false;
	if (!strncmp(path, "/cut-chunks/", 12))
		return say(c, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n") && fill(c, n, true) && false;
	if (!strncmp(path, "/stall/", 7))
		return say(c, "HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n") && fill(c, n, false) && sleep(3600);
	if (!strncmp(path, "/stall-chunks/", 14))
		return say(c, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n") && fill(c, n, true) && sleep(3600);
	if (!strncmp(path, "/reset/", 7)) {
		const struct linger at_once = {.l_onoff = 1};
		bool good = say(c, "HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n") && fill(c, n, false);
		usleep(20000); /* what was sent is read before the reset */
		return good && setsockopt(c->fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once) && false;
	}
	if (!strncmp(path, "/status/", 8)) {
		snprintf(line, sizeof line, "HTTP/1.1 %zu Whatever\r\n%s\r\n", n,
		         n == 204 || n == 304 ? "ETag: \"a\"\r\n" : "Content-Length: 0\r\n");
		return say(c, line);
	}
	if (!strcmp(path, "/slow"))
		return sleep(3600), false;
	if (!strcmp(path, "/drip")) {
		bool good = say(c, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n");
		while (good && !usleep(100000))
			good = say(c, "1\r\nx\r\n");
		return false;
	}
	if (!strcmp(path, "/junk"))
		return say(c, "hello, I am no web server\r\n\r\n") && false;
	if (!strcmp(path, "/bad-head"))
		return say(c, "HTTP/1.1 200 OK\r\nno colon here\r\nContent-Length: 0\r\n\r\n") && false;
	if (!strcmp(path, "/fold"))
		return say(c, "HTTP/1.1 200 OK\r\nX-A: b\r\n c\r\nContent-Length: 0\r\n\r\n") && false;
	if (!strcmp(path, "/huge-head")) {
		bool good = say(c, "HTTP/1.1 200 OK\r\n");
		for (int i = 0; i < 200 && good; i++) {
			snprintf(line, sizeof line, "X-%d: ", i);
			good = say(c, line) && fill(c, 1000, false) && say(c, "\r\n");
		}
		return good && say(c, "Content-Length: 0\r\n\r\n") && false;
	}
	if (!strcmp(path, "/hops"))
		return say(c, "HTTP/1.1 200 OK\r\nConnection: keep-alive, X-Secret\r\nX-Secret: 1\r\nKeep-Alive: timeout=5\r\n"
		              "Proxy-Authenticate: Basic\r\nX-Kept: 1\r\nSet-Cookie: a=1\r\nSet-Cookie: b=2\r\n"
		              "Content-Length: 0\r\n\r\n");
	if (!strcmp(path, "/interim"))
		return say(c, "HTTP/1.1 103 Early Hints\r\nX-Early: 1\r\n\r\n") && whole(c, head, "hello", 5, "", 0);
	if (!strcmp(path, "/close"))
		return say(c, "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 5\r\n\r\nhello") && false;
	if (!strncmp(path, "/say/", 5))
		return say_text(c, path + 5);
	if (!strncmp(path, "/say-late/", 10))
		return whole(c, head, "good", 4, "", 0) && !usleep(100000) && say_text(c, path + 10);
	if (!strcmp(path, "/interims"))
		return for_ever(c, "HTTP/1.1 103 Early Hints\r\nX-Early: 0123456789012345678901234567890123456789\r\n\r\n");
	if (!strcmp(path, "/trailers"))
		return say(c, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nx\r\n0\r\n") &&
		       for_ever(c, "X-Late: 0123456789012345678901234567890123456789\r\n");
	if (!strcmp(path, "/split"))
		return say(c, "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n") && !usleep(20000) && say(c, "hello");
	if (!strcmp(path, "/hello"))
		return whole(c, head, "hello", 5, "", 0);
	return whole(c, head, head, strlen(head), body, length);
}

static void *serve(void *data)
{
	connection c = {.fd = (int)(long)data, .data = malloc(MOST + 1)};
	char *body = malloc(MOST), *head = malloc(MOST);
	bool good = c.data && body && head;
	while (good) {
		char *end, path[2048] = "";
		size_t length;
		while (c.data[c.length] = '\0', good && !(end = strstr(c.data, "\r\n\r\n")))
			good = more(&c);
		if (!good)
			break;
		size_t head_length = (size_t)(end + 4 - c.data);
		memcpy(head, c.data, head_length);
		head[head_length] = '\0';
		take(&c, head_length);
		sscanf(head, "%*s %2047[^ ?]", path);
		if (!strcmp(path, "/early"))
			good = say(&c, "HTTP/1.1 413 Too Large\r\nContent-Length: 3\r\n\r\nbig");
		if (!strcmp(path, "/deaf"))
			sleep(3600);
		good = good && read_body(&c, head, body, &length);
		if (!good) {
			fprintf(stderr, "cut: %s\n", path);
			break;
		}
		if (strcmp(path, "/early") != 0)
			good = answer(&c, head, path, body, length);
	}
	close(c.fd);
	free(c.data);
	free(body);
	free(head);
	return NULL;
}

int main(int argc, char **argv)
{
	struct sockaddr_in name = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t length = sizeof name;
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), on = 1;
	name.sin_port = htons((uint16_t)(argc > 1 ? atoi(argv[1]) : 0));
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
	signal(SIGPIPE, SIG_IGN);
	if (bind(fd, (struct sockaddr *)&name, sizeof name) || listen(fd, 512) ||
	    getsockname(fd, (struct sockaddr *)&name, &length)) {
		perror("upstream");
		return 1;
	}
	printf("port %d\n", ntohs(name.sin_port));
	fflush(stdout);
	for (;;) {
		int one = accept4(fd, NULL, NULL, SOCK_CLOEXEC);
		pthread_t thread;
		setsockopt(one, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on); /* head and body are sent apart */
		if (one < 0 && errno != EINTR && errno != ECONNABORTED && errno != EMFILE)
			return 1;
		if (one >= 0 && pthread_create(&thread, NULL, serve, (void *)(long)one))
			close(one);
		else if (one >= 0)
			pthread_detach(thread);
	}
}
