/*
 * What the files of the admin server share.
 *
 * Two threads: libmicrohttpd's, which reads requests, runs the handlers of routes and sends; and the loop (door.c), which
 * accepts connections, bounds them in number and time, and sees clients go. A handler never waits: it answers, or begins
 * something that answers later, from any thread. The server's lock is held for a few instructions; nothing of the library
 * is called with it.
 */
#ifndef BH_SERVE_HTTP_H
#define BH_SERVE_HTTP_H

#include <microhttpd.h>
#include <netinet/in.h>
#include <pthread.h>
#include <stdatomic.h>
#include <sys/stat.h>

#include "admin.h"
#include "text.h"

typedef struct peer peer;
typedef struct exchange exchange;
typedef struct stream stream;
typedef struct route route;

/* One connection; the server's lock. */
struct peer {
	peer *next;
	uint64_t id;
	int fd;      /* our own duplicate: to shut down, and to see the client go */
	int http_fd; /* libmicrohttpd's, as a number to know it by */
	bool tcp;
	bool foreign;   /* another user's */
	bool known;     /* libmicrohttpd has it */
	bool gone;      /* the client sends no more */
	bool shut;      /* by us: it no longer counts */
	bool reading;   /* a request is being waited for, or read */
	bool used;      /* it had one before */
	uint64_t since; /* ... and since when, ms */
	struct in6_addr address;
	exchange *exchange; /* under way; lent */
};

/* What is sent back. */
typedef struct {
	unsigned status;
	const char *type;
	char *body; /* owned */
	size_t length;
	stream *stream; /* instead of a body; owned */
	const char *allow;
	unsigned retry_s;
	bool close;
	bool cached; /* the client may keep it */
} answer;

/* One request and its answer. Reference-counted: libmicrohttpd has it, and who answers later. */
struct exchange {
	_Atomic unsigned references;
	admin *server; /* with a reference */
	struct MHD_Connection *connection;
	peer *peer;
	const route *route;
	char *child; /* the path in the URL, decoded; NULL: the route has none */
	char *url;
	bool head;
	bool too_long;
	bool dry; /* of a change that is made later, when the connection may be gone: to be tried only */
	sv_text body;
	/* The server's lock: */
	bool begun;     /* its handler was called */
	bool suspended; /* libmicrohttpd waits for exchange_answer() */
	bool answered;
	uint64_t answer_by; /* ms: then it is answered that this takes too long; 0: whenever */
	answer answer;
	void (*abandon)(exchange *self); /* what it began is of no use any more; called at most once, without the lock */
	/* The handler's: what it began, and how that goes with the exchange. */
	void *work;
	void (*release_work)(void *work);
};

struct route {
	const char *method;
	const char *pattern; /* "{path}" is one segment, percent-encoded */
	void (*handle)(exchange *self);
	bool body;   /* it takes one */
	bool compat; /* existing tools of the gateway ask for it, without a token */
};

/* A door: a socket that listens, and the connections from it. */
typedef struct {
	int fd; /* -1: none */
	bool tcp;
	bool paused; /* full, and nobody may be sent away yet; or nothing to take anybody in with */
	uint64_t paused_until;
	unsigned open, most;
} door;

struct admin {
	_Atomic unsigned references;
	admin_daemon daemon;
	admin_bounds bounds;
	char *socket_path, *listen, *token;
	bool compat;
	struct stat socket_made;
	bool socket_is_ours;
	unsigned port;
	struct MHD_Daemon *http;
	pthread_t loop;
	int epoll, wake;
	uint64_t instance;          /* a number of its own, by which a client sees that another daemon answers */
	_Atomic uint64_t looked_at; /* the loop, ms */
	uint64_t asked_at;          /* whether it does; of who asks */
	pthread_mutex_t lock;
	pthread_cond_t changed;
	/* The lock: */
	door doors[2];
	peer *peers;
	uint64_t next_id;
	unsigned exchanges; /* between their first byte and their last */
	unsigned waiting;   /* of them: begun, and to be answered later */
	stream *streams;
	unsigned stream_count;
	bool stopping; /* no new requests */
	bool cutting;  /* and none is waited for */
	bool loop_runs, loop_over;
	struct samples *samples; /* stats.c */
};

uint64_t now_ms(void);
admin *admin_ref(admin *server);
void admin_unref(admin *server);

/* door.c */
bh_status door_open(admin *server, bh_error **err);
void door_close(admin *server); /* accept no more; the loop goes on */
void door_end(admin *server);   /* and the loop is over */
void door_wake(admin *server);
void door_notify(void *data, struct MHD_Connection *connection, void **context,
                 enum MHD_ConnectionNotificationCode code);

/* exchange.c */
enum MHD_Result exchange_handle(void *data, struct MHD_Connection *connection, const char *url, const char *method,
                                const char *version, const char *upload, size_t *upload_size, void **context);
void exchange_completed(void *data, struct MHD_Connection *connection, void **context,
                        enum MHD_RequestTerminationCode code);
exchange *exchange_ref(exchange *self);
void exchange_unref(exchange *self);

/* Nobody waits for the answer any more, or no longer: it is given up. With the lock, which is given back and taken again. */
void exchange_give_up(admin *server, exchange *self);

/* The answer may take so long. In a handler, before what it begins can answer. */
void exchange_answer_within(exchange *self, unsigned ms);

/* The value of "?name=" in its URL; NULL: it has none. As it was sent: nothing of ours needs decoding. */
const char *exchange_query(const exchange *self, const char *name);

/* From here on what was begun may be given up, which is told once, without the lock. */
void exchange_may_abandon(exchange *self, void (*abandon)(exchange *self));

/* Answers: the first one counts. Any thread. What is given is taken over. */
void exchange_answer(exchange *self, answer what);
void answer_json(exchange *self, unsigned status, sv_text *body);
void answer_text(exchange *self, const char *type, char *text); /* NULL: no memory */
void answer_error(exchange *self, bh_status status, const bh_error *err);
void answer_problem_text(exchange *self, unsigned status, sv_text *body);
void answer_problem(exchange *self, unsigned status, const char *format, ...) __attribute__((format(printf, 3, 4)));

/* problem.c: RFC 9457. Members to add are written in between. */
unsigned problem_http_status(bh_status status);
void problem_begin(sv_text *out, const exchange *about, unsigned http_status, bh_status status, const bh_error *err);
void problem_end(sv_text *out);

/* stream.c. What a stream sends next: appended to `out`; nothing where there is nothing yet. False: that was all. */
typedef bool stream_fill(void *data, sv_text *out);
void answer_stream(exchange *self, const char *type, stream_fill *fill, void (*release)(void *data), void *data);
struct MHD_Response *stream_response(stream *self);
void stream_free(stream *self);
void streams_look(admin *server); /* with the lock: each may have more */
void streams_end(admin *server);  /* likewise: they are over */
void stream_end_of(admin *server, const exchange *which);

/* routes.c. NULL: there is none, or the path is `wrong`: BH_E_INVALID, or BH_E_NO_MEMORY for what it names. */
const route *route_find(const char *method, const char *path, bool compat, char **child, const char **allow,
                        bh_status *wrong);
const route *route_at(size_t index);

/* The child that the URL names, with a reference; NULL: there is none, and that was answered. */
bh_child *route_child(exchange *self);

/* Handlers. */
void route_children(exchange *self);
void route_inspect(exchange *self);
void route_call(exchange *self);
void route_start(exchange *self);
void route_stop(exchange *self);
void route_restart(exchange *self);
void route_reset(exchange *self);
void route_upgrade(exchange *self);
void route_logs(exchange *self);
void route_events(exchange *self);
void route_stats(exchange *self);
void route_reload(exchange *self);
void route_metrics(exchange *self);
void route_healthz(exchange *self);
void route_readyz(exchange *self);
void route_openapi(exchange *self);
void route_version(exchange *self);
void route_wasm_add(exchange *self);
void route_wasm_list(exchange *self);
void route_wasm_remove(exchange *self);
void route_gateway(exchange *self);
void route_gateway_order(exchange *self);
void route_gateway_replace(exchange *self);

#endif
