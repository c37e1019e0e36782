/*
 * No memory: each allocation of the daemon's own fails in turn while it starts, answers, reloads and stops.
 *
 *   starve FIRST STEP LAST      lets the FIRST one fail, the one STEP later, and so on up to LAST; each in a daemon of its own
 *
 * In the working folder: bulkhead.toml, other.toml to be reloaded, with their admin socket at ./admin.sock. Ends with 0 where
 * each daemon started, or said why not, answered each request or closed its connection, was well afterwards, and stopped.
 * Prints how many allocations there are.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#include "serve/daemon.h"
#include "serve/gateway_internal.h"
#include "serve/say.h"

static _Atomic unsigned long count, fails_at;

bool sv_refuse(void);
bool sv_refuse(void)
{
	return atomic_fetch_add(&count, 1) + 1 == atomic_load(&fails_at);
}

static _Noreturn void die(const char *what)
{
	fprintf(stderr, "starve: allocation %lu: %s\n", atomic_load(&fails_at), what);
	exit(1);
}

/* The status of the answer; 0: the connection was closed without one. */
static int ask(const char *method, const char *path, const char *body)
{
	char text[8192];
	struct sockaddr_un where = {.sun_family = AF_UNIX, .sun_path = "admin.sock"};
	const struct timeval patience = {.tv_sec = 10};
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
	if (fd < 0 || connect(fd, (struct sockaddr *)&where, sizeof where))
		die("the admin socket is not there");
	int length =
		snprintf(text, sizeof text, "%s %s HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: %zu\r\n\r\n%s",
	             method, path, strlen(body), body);
	int status = 0;
	if (send(fd, text, (size_t)length, MSG_NOSIGNAL) == length) {
		ssize_t got = recv(fd, text, sizeof text - 1, 0);
		if (got < 0 && errno == EAGAIN)
			die("no answer, and no end");
		text[got > 0 ? got : 0] = '\0';
		if (sscanf(text, "HTTP/1.1 %d", &status) != 1)
			status = 0;
		while (got > 0)
			got = recv(fd, text, sizeof text, 0);
	}
	close(fd);
	return status;
}

static void expect(int status, int wanted, const char *what)
{
	if (status != wanted && status != 0 && status < 500)
		die(what);
}

/* bulkhead.toml has one module and no server at port 1, other.toml two and none at port 2: all of one of them, wherever it failed. */
static void expect_one_of_both(bulkheadd *d)
{
	gateway *g = d->gateway;
	if (!g)
		return;
	const proxy *p = g->proxy;
	bool other = g->modules.count == 2;
	for (unsigned i = 0; i < p->count; i++)
		if (!strcmp(p->lanes[i]->terms->upstream, "http://127.0.0.1:2") != other)
			die("half a reload: the upstream");
	if (bh_chain_module_count(g->chain) != g->modules.count || (g->on_failure == BH_FAIL_OPEN) != other ||
	    !g->config_order[0] || (g->config_order[1] != NULL) != other)
		die("half a reload: the modules");
}

static void use(bulkheadd *d)
{
	expect(ask("GET", "/v1/children", ""), 200, "/v1/children");
	/* There may have been no memory to add it, which is in the log. */
	bool there = ask("GET", "/v1/children/a", "") != 404;
	int called = ask("POST", "/v1/children/a/call", "{\"wave\": \"increment()\"}");
	if (there && called != 422) /* it may be what cannot run */
		expect(called, 200, "a call");
	expect(ask("POST", "/v1/children/none/stop", ""), 404, "no such child");
	expect(there ? ask("GET", "/v1/children/a/logs", "") : 0, 200, "logs");
	expect(ask("GET", "/metrics", ""), 200, "/metrics");
	expect(ask("GET", "/v1/openapi.json", ""), 200, "the API");
	expect(ask("POST", "/v1/reload", ""), 200, "a reload that is asked for");
	d->options.config = "other.toml";
	(void)daemon_reload(d, NULL);
	expect_one_of_both(d);
	d->options.config = "bulkhead.toml";
	(void)daemon_reload(d, NULL);
	expect_one_of_both(d);
}

/* The one that failed is behind it. */
static void expect_well(bulkheadd *d)
{
	atomic_store(&fails_at, 0);
	(void)daemon_reload(d, NULL);
	if (ask("GET", "/healthz", "") != 200)
		die("not healthy afterwards");
	bh_child *a = bh_supervisor_find(d->tree, "a");
	if (!a || !bh_child_wait(a, BH_CHILD_RUNNING, 10000))
		die("the service is not up after a reload");
	bh_child_unref(a);
}

static unsigned long run(unsigned long nth)
{
	bulkheadd d = {.options.config = "bulkhead.toml", .lock = -1, .wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)};
	bh_error *err = NULL;
	atomic_store(&count, 0);
	atomic_store(&fails_at, nth);
	bh_status status = daemon_start(&d, &err);
	if (!status) {
		use(&d);
		expect_well(&d);
	} else if (atomic_load(&count) < nth) {
		die("it did not start, without a reason");
	}
	bh_error_free(err);
	unsigned long all = atomic_load(&count);
	atomic_store(&fails_at, 0);
	atomic_store(&d.stopping, true);
	if (daemon_stop(&d, NULL))
		die("it did not stop");
	close(d.wake);
	return all;
}

int main(int argc, char **argv)
{
	if (argc != 4)
		return 2;
	unsigned long step = strtoul(argv[2], NULL, 10), last = strtoul(argv[3], NULL, 10);
	say_begin();
	unsigned long all = run(0);
	printf("%lu allocations\n", all);
	for (unsigned long nth = strtoul(argv[1], NULL, 10); nth <= last && nth <= all; nth += step)
		(void)run(nth);
	return 0;
}
