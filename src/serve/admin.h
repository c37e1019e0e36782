/*
 * The admin API over HTTP: what docs/guide/admin-api.md and openapi.json say. Knows the tree and the host; what is the
 * daemon's (its configuration, its logs) it asks for by callbacks.
 */
#ifndef BH_SERVE_ADMIN_H
#define BH_SERVE_ADMIN_H

#include <bulkhead.h>

typedef struct admin admin;

/* Zero means the default. */
typedef struct {
	size_t body;           /* bytes of a request's body; default 1 MiB */
	size_t memory;         /* bytes that one connection has for its headers and what it is sent; default 32 KiB */
	unsigned connections;  /* at once; default 64. One more takes the place of one that is idle, or slow to ask */
	unsigned per_peer;     /* of them from one address over TCP; default 16 */
	unsigned streams;      /* events and logs that are followed, at once; default 16 */
	unsigned idle_ms;      /* a connection that nothing is sent or read on; default 30,000 */
	unsigned request_ms;   /* from its first byte to its last a request may take; default 10,000 */
	unsigned reload_ms;    /* reading the configuration for who asks for a reload; default 10,000 */
	unsigned heartbeat_ms; /* between comments on a stream of events where nothing happens; default 15,000 */
} admin_bounds;

typedef struct {
	const char *socket_path; /* a Unix socket, of mode 0600; NULL: none */
	int socket_fd;           /* it is there already, and listens (socket activation); -1: make it at socket_path */
	const char *listen;      /* "HOST:PORT", "[::1]:PORT"; port 0: any that is free. NULL: no TCP */
	int listen_fd;           /* likewise; -1: make it */
	const char *token; /* what TCP asks for: 32 to 512 characters of A-Z a-z 0-9 - . _ ~ + / = ; required for TCP */
	bool compat;       /* /wasm alone, by TCP without a token: only for addresses of this machine */
	admin_bounds bounds;
} admin_options;

#define ADMIN_OPTIONS_INIT                                                                                             \
	{                                                                                                                  \
		.socket_fd = -1, .listen_fd = -1                                                                               \
	}

/* Told once, on any thread, how an upgrade went; `err` is lent. */
typedef void admin_done(void *data, bh_status status, const bh_error *err);

/*
 * What the server is for, and whom it asks. Callbacks come from the server's threads, several at once, until admin_stop()
 * returns; none may block for long, as others wait for that thread. Paths are those of children: "web/front". Where a
 * callback is NULL its route says that this is not offered (501).
 */
typedef struct {
	bh_host *host;
	bh_supervisor *tree;
	struct gateway *gateway; /* NULL: there is none. It is there until admin_stop() returns */
	void *data;
	/*
	 * Begin to give a child another version of its component, from a file. BH_OK: `done` will be told with `done_data`, now
	 * or later, also after admin_stop(). Otherwise it will not.
	 */
	bh_status (*upgrade)(void *data, const char *path, const char *file, admin_done *done, void *done_data,
	                     bh_error **err);
	/*
	 * Ask for the configuration to be read again. BH_OK: `done` will be told, as above, of BH_OK where it is good, and was put
	 * in force or is being, or of what is wrong with it. Otherwise it will not.
	 */
	bh_status (*reload)(void *data, admin_done *done, void *done_data, bh_error **err);
	/*
	 * What a child wrote: the last `lines` lines that came after line number *after (0: the first there still is), each with
	 * its line end, as text that goes back with sv_free() ("": nothing new). *after becomes the number of the last one.
	 * NULL with an error: no such child, no memory.
	 */
	char *(*logs)(void *data, const char *path, uint64_t *after, size_t lines, bh_error **err);
	/* The file that a child's component is from, to be given back with sv_free(); NULL: not known. */
	char *(*file)(void *data, const char *path);
	/* Whether all is up that should be: /readyz. NULL: while the root runs. */
	bool (*ready)(void *data);
} admin_daemon;

/*
 * Begin to serve; returns when clients can connect.
 *
 * The socket appears at its path only once it has its mode; its folder must be there. One that a dead process left there is
 * replaced; where somebody answers, BH_E_BUSY.
 *
 * `options` and `daemon` are copied, texts included; what they point to besides stays until admin_stop(). Descriptors that
 * were given are closed by admin_stop(), not before, and not where this fails.
 *
 * Returns BH_OK; BH_E_CONFIG (listen, token: the error says what is wrong); BH_E_BUSY (socket or port are taken);
 * BH_E_SYSTEM; BH_E_NO_MEMORY.
 */
bh_status admin_start(admin **out, const admin_options *options, const admin_daemon *daemon, bh_error **err)
	BH_MUST_USE;

/*
 * Take no more connections, answer what was asked (calls under way get up to wait_ms to end, then they are cancelled;
 * streams end), and release all; the socket's file goes. Blocks for up to wait_ms and about a second. NULL is allowed.
 */
void admin_stop(admin *server, unsigned wait_ms);

/* The port of TCP, 0 where there is none; the socket's path, NULL likewise. */
unsigned admin_port(const admin *server);
const char *admin_socket(const admin *server);

/*
 * For a watchdog: whether its loop came round since this was last asked, or that was less than so many milliseconds ago. Has it
 * come round. One thread at a time.
 */
bool admin_alive(admin *server, unsigned within_ms);

#endif
