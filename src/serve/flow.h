/*
 * What the files of the proxy share.
 *
 * A flow is one request on its way, on the lane that has the client's connection. Two kinds of threads have a part in it: the
 * lane's loop (proxy_loop.c), which has a libmicrohttpd, a libcurl, and clocks of its own, so that a request without modules is
 * handed to nobody; and the host's workers, which tell when modules are through. None of them waits for another: bodies go through pipes of bounded size (proxy_store.c), and whoever finds one
 * full, or empty, stops until it is told. The flow's lock is over what they share; it is taken before the lane's, that
 * before the proxy's, and nothing of the library is called with any.
 */
#ifndef BH_SERVE_FLOW_H
#define BH_SERVE_FLOW_H

#include <curl/curl.h>
#include <microhttpd.h>
#include <netinet/in.h>
#include <pthread.h>
#include <stdatomic.h>

#include "proxy.h"
#include "text.h"

typedef struct flow flow;
typedef struct client client;
typedef struct lane lane;
typedef struct arrival arrival;

/* Options as they are for requests that begin now; reference-counted. */
struct terms {
	_Atomic unsigned references;
	proxy_options is;
	char *upstream;
};

/* Memory that goes all at once. */
typedef struct store_block store_block;
typedef struct {
	store_block *blocks;
	size_t left, used;
} store;
char *store_take(store *s, size_t size); /* NULL: no memory */
char *store_copy(store *s, const char *text, size_t length);
void store_free(store *s);

/* Headers in their order. */
typedef struct {
	bh_header *items;
	size_t count, capacity;
	size_t bytes; /* of all names and values */
} heads;
bool heads_add(heads *h, store *s, bh_string name, bh_string value); /* copied; false: no memory */
const bh_header *heads_find(const heads *h, const char *name);
size_t heads_count(const heads *h, const char *name);
void heads_remove(heads *h, const char *name);
void heads_free(heads *h);
bool header_is(const bh_header *header, const char *name);
bool header_is_sound(const bh_header *header); /* a token, and a value without control characters */
bool header_has_token(bh_string value, const char *token);
/* Take out what is for one connection: the fixed ones, and what Connection names. */
void heads_drop_hops(heads *h);

/* Bytes on their way from one thread to another. */
enum { PIPE_SIZE = 64 << 10 };
typedef struct {
	char *data;  /* `size`, made when first used */
	size_t size; /* 0: PIPE_SIZE */
	size_t from, length;
	bool closed;  /* no more will come */
	bool broken;  /* and it is not whole */
	bool starved; /* the reader waits */
	bool full;    /* the writer waits */
} pipe_;
size_t pipe_write(pipe_ *p, const char *data, size_t length); /* as much as fits; SIZE_MAX: no memory */
size_t pipe_read(pipe_ *p, char *data, size_t most);
size_t pipe_room(const pipe_ *p);
void pipe_expect(pipe_ *p, int64_t length); /* before it is used: no more than that will be in it; -1: not known */

typedef enum { ANSWER_NONE, ANSWER_WHOLE, ANSWER_STREAM, ANSWER_CUT } answer_kind;

struct flow {
	_Atomic unsigned references;
	lane *lane;
	terms *terms;
	client *client; /* the loop's, until the request is completed */
	struct MHD_Connection *connection;
	uint64_t began; /* ms */
	store store;

	/* The request, once its head is read. */
	char *uri; /* as it came */
	bh_string method, path, query;
	heads headers;
	char request_id[129];
	bh_http_request view;
	bool begun;             /* the handler saw it */
	bool ended;             /* all of it is there */
	_Atomic uint64_t moved; /* a byte of the request's body came, ms; 0: none is waited for */
	bool head;              /* HEAD */
	bool has_body;          /* one follows */
	bool collecting;        /* the modules want it whole */
	int64_t length;         /* of the body; -1: not known */
	sv_text body;           /* collected */
	size_t discarded;       /* of a body that nobody wants any more */
	bool too_large;
	bh_exchange *exchange; /* of whoever's turn it is */

	pthread_mutex_t lock;
	/* The lock: */
	bool suspended; /* libmicrohttpd waits to be told */
	bool over;      /* libmicrohttpd is through with it */
	bool cancelled; /* the client went, or time is up */
	bool asking;    /* modules are being asked */
	bool sent;      /* given to the loop */
	bool signalled; /* the loop is to look at it */
	flow *next_signal;
	pipe_ up, down;
	answer_kind kind;
	unsigned status;
	const bh_header *answer_headers;
	size_t answer_header_count;
	bh_bytes answer_body;
	int64_t answer_length; /* of a stream; -1: not known */
	bool close;

	/* The loop's. */
	flow *next, *previous; /* under way */
	CURL *easy;
	int fd;                                       /* of its connection, once its request was sent; else -1 */
	struct curl_slist *sent_headers, **last_sent; /* in the store */
	bool plain;                                   /* `easy` is as it was made, but for what each request sets */
	heads came;                                   /* the upstream's headers */
	bool came_whole, streams, bad, wants_whole;
	unsigned came_status;
	int64_t came_length;
	uint64_t came_head; /* bytes of heads and trailers */
	sv_text came_body;
	bool too_much;
	uint64_t upstream_moved; /* ms */
	bool up_paused, down_paused;
	char why[CURL_ERROR_SIZE];
};

/* One connection of a client; the lane's lock. */
struct client {
	client *next, *previous;
	uint64_t id;
	int fd;       /* our own duplicate */
	bool used;    /* it had a request before */
	bool reading; /* a head is being waited for, or read */
	bool shut;
	bool cut; /* at the end: its flow was told */
	uint64_t since;
	flow *flow; /* under way; with a reference while the lock is held only */
};

/* Bytes of chance that the kernel was asked for, many at once. */
typedef struct {
	unsigned char bytes[512];
	size_t left;
} chance;

/* A connection to the upstream on which requests were sent. */
typedef struct {
	unsigned port;     /* ours */
	const flow *owner; /* whose request it is; NULL: nobody's */
} link_use;

enum { IDLE_EASY = 64 };

/* A thread and what is its own. */
struct lane {
	proxy *proxy;
	struct MHD_Daemon *http;
	CURLM *multi;
	pthread_t loop;
	bool loop_runs;
	int epoll, wake;
	atomic_bool asleep;           /* the loop: who signals wakes it */
	atomic_bool http_due;         /* a connection was resumed */
	_Atomic unsigned clients_had; /* connections, those that arrive included */
	_Atomic uint64_t counts[12];
	pthread_mutex_t lock;
	pthread_cond_t changed;
	/* The lock: */
	terms *terms;
	client *clients;
	arrival *arrivals; /* accepted, and not seen by the loop */
	uint64_t next_id;
	flow *signals, **last_signal;
	unsigned flows;
	bool stopping;      /* no more requests */
	bool ending;        /* no more transfers */
	bool ended;         /* and none is left */
	bool leaving;       /* the loop's thread */
	bool changed_terms; /* what is due when may be another moment now */
	/* The loop's. */
	bool adopted; /* libmicrohttpd told of the connection it was given */
	flow *under_way;
	CURL *idle[IDLE_EASY]; /* to be used again */
	size_t idle_count;
	chance chance;
	uint64_t curl_due;      /* ms; UINT64_MAX: never */
	unsigned char *watched; /* by descriptor: what libcurl wants of it, and what epoll was told */
	link_use *taken;        /* likewise, of connections */
	size_t watched_size;
};

enum { MOST_LANES = 8 };

struct proxy {
	bh_chain *chain;
	bool tls;
	int listen_fd;
	unsigned port;
	char *cert, *key;
	atomic_bool closed_to_all;
	atomic_bool tells; /* `busy` is to be called */
	void (*busy)(void *data);
	void *busy_data;
	unsigned most_clients;
	pthread_mutex_t lock;
	/* The lock: */
	unsigned clients; /* places that are taken */
	bool listening;   /* the first lane watches for more */
	bool closed;      /* and never will again */
	unsigned count;   /* of lanes, from the start on */
	lane *lanes[MOST_LANES];
};

enum { COUNT_REQUESTS, COUNT_ANSWERED, COUNT_REFUSED = COUNT_ANSWERED + 6, COUNT_UPSTREAM, COUNT_GONE };
void proxy_add(lane *l, int which);
uint64_t proxy_now_ms(void);
void proxy_is_busy(proxy *p); /* a request came, and is counted */

flow *flow_ref(flow *f);
void flow_unref(flow *f);

/* proxy_request.c: libmicrohttpd's callbacks. */
void *request_uri(void *data, const char *uri, struct MHD_Connection *connection);
enum MHD_Result request_handle(void *data, struct MHD_Connection *connection, const char *url, const char *method,
                               const char *version, const char *upload, size_t *upload_size, void **context);
void request_completed(void *data, struct MHD_Connection *connection, void **context,
                       enum MHD_RequestTerminationCode code);

/* proxy_head.c: reads the request's head into the flow. 0, or the status it is refused with, and why. */
bool header_length(bh_string text, int64_t *out); /* digits alone, that fit; otherwise false */
unsigned head_read(flow *f, const char *method, const char *version, const char **why);

/* proxy_turn.c: the flow's way through the chain. Any thread; no lock is held. */
void turn_begin(flow *f);                                                        /* the request is there */
void turn_response(flow *f);                                                     /* the upstream answered, wholly */
void turn_error(flow *f, unsigned status, const char *message);                  /* it did not */
void turn_reply(flow *f, unsigned status, const char *reason, const char *text); /* an answer of our own */

/* proxy_answer.c: what is answered, and sending it. The first answer counts. */
void answer_ready(flow *f);           /* with the lock: libmicrohttpd goes on */
enum MHD_Result answer_send(flow *f); /* the loop's thread */
enum MHD_Result answer_refusal(flow *f, unsigned status, const char *why);

/* proxy_accept.c: connections, shared out among the lanes. As many as there may be have a place; more wait in the kernel. */
bool accept_begin(proxy *p);
void accept_some(proxy *p);  /* the first lane's thread, as all that wait */
bool accept_again(proxy *p); /* the first lane's: descriptors were short, and may be there again. True: they were */
void accept_end(proxy *p);
void accept_arrivals(lane *l); /* the lane's thread: those that are for it */
void accept_gone(lane *l);     /* a connection has ended */
void accept_release(lane *l);

/* proxy_lane.c */
bh_status lane_new(proxy *p, const proxy_options *options, terms *t, unsigned most_upstream, bh_error **err);
bool lane_wait(lane *l, uint64_t until_ms); /* until it has no flow; false: it still has some */
void lane_cut(lane *l);                     /* whoever waits is told that nothing comes */
void lane_free(lane *l);

/* proxy_loop.c */
bh_status loop_prepare(lane *l, unsigned most_upstream, bh_error **err);
bh_status loop_begin(lane *l,
                     bh_error **err); /* once libmicrohttpd's daemon is there, which is the loop's from then on */
void loop_cut(lane *l);               /* end all transfers; answers are still sent */
void loop_end(lane *l);
void loop_release(lane *l);
void loop_wake(lane *l);   /* any thread */
void loop_look(lane *l);   /* any thread, with the lane's lock: clocks go by other terms */
void loop_signal(flow *f); /* any thread: look at it. With or without the flow's lock */
void loop_client(void *data, struct MHD_Connection *connection, void **context,
                 enum MHD_ConnectionNotificationCode code);

/* proxy_watch.c: what the loop waits for. The loop's thread. */
enum { WATCH_CLIENT, WATCH_UPSTREAM, WATCH_HTTP, WATCH_WAKE, WATCH_LISTEN, WATCH_KINDS = 8 };
bool watch_add(const lane *l, int fd, unsigned events, unsigned kind, uint64_t id);
bool watch_upstreams(lane *l);                    /* libcurl's descriptors and its clock */
void watch_connection(const lane *l, CURL *easy); /* of this transfer, if it makes one */
void watch_begin(flow *f);                        /* this transfer's */
void watch_end(flow *f);
void watch_upstream(lane *l, uint64_t fd, uint32_t events); /* this happened */
void watch_clock(lane *l, uint64_t now);
uint64_t watch_due(const lane *l,
                   uint64_t otherwise); /* when libcurl is to be asked again, or otherwise: what is first */

/* proxy_response.c: libcurl's callbacks. Each line of a head with its end; bytes of the body. Less than all: the transfer fails. */
size_t response_header(char *line, size_t size, size_t count, void *data);
size_t response_body(char *bytes, size_t size, size_t count, void *data);

/* proxy_upstream.c: one transfer; the loop's thread. */
bool upstream_start(flow *f); /* false: no memory */
void upstream_done(flow *f, CURLcode code);
void upstream_end(flow *f); /* forget it */

void upstream_release(lane *l); /* what is kept between transfers */

/* A version 7 UUID. `kept` belongs to one thread; NULL: the kernel is asked each time. */
void uuid7(char out[37], chance *kept);

#endif
