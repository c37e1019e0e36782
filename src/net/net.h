/*
 * What libbulkhead and libbulkhead-net say to each other. The one decides who may be asked for what, the other carries
 * it out with libcurl, on a thread of its own. Both come from one build: they check that.
 */
#ifndef BH_NET_NET_H
#define BH_NET_NET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

/* Raised with every change of this file. */
#define BH_NET_ABI 2

typedef struct bh_net bh_net;     /* a thread, and what it fetches */
typedef struct bh_fetch bh_fetch; /* one of those */

typedef enum {
	BH_FETCH_OK,
	BH_FETCH_INVALID,
	BH_FETCH_DENIED,
	BH_FETCH_UNREACHABLE,
	BH_FETCH_TLS,
	BH_FETCH_TIMEOUT,
	BH_FETCH_TOO_LARGE,
	BH_FETCH_TOO_MANY_REDIRECTS,
	BH_FETCH_CANCELLED,
	BH_FETCH_OVER_LIMIT, /* `moved` said so */
	BH_FETCH_NO_MEMORY,
} bh_fetch_outcome;

/* Bytes of whoever sent them: no NUL behind them, no rules kept. */
typedef struct {
	const char *name;
	size_t name_length;
	const char *value;
	size_t value_length;
} bh_net_header;

typedef struct {
	bh_fetch_outcome outcome;
	char why[160]; /* where it failed: one line */
	unsigned status;
	const bh_net_header *headers;
	size_t header_count;
	const uint8_t *body;
	size_t body_length;
	const char *url; /* the last one asked for; NULL: none was */
} bh_net_response;

/* Everything it points to stays until `over` has returned. */
typedef struct {
	const char *method;
	const char *url;
	const bh_net_header *headers;
	size_t header_count;
	const uint8_t *body;
	size_t body_length;
	uint64_t timeout_ms;
	uint32_t max_redirects;
	const void *owner; /* who is counted; never looked at */
	void *data;
	/* Whether a peer may be asked for, each redirect's too; whether it may be connected to there. On the net's thread. */
	bool (*may_ask)(void *data, const char *host, uint16_t port);
	bool (*may_connect)(void *data, const struct sockaddr *address);
	/* So much of a body is about to be sent, or was received. False: no more may be. On the net's thread. */
	bool (*moved)(void *data, size_t bytes);
	/* The end, whatever it is; once, on the net's thread. The response is the net's; the fetch goes afterwards. */
	void (*over)(void *data, const bh_net_response *response);
} bh_net_request;

typedef struct {
	uint64_t max_response;
	uint32_t max_header_bytes;
	uint32_t running;    /* at once */
	uint32_t each;       /* of one owner */
	uint32_t waiting;    /* for their turn */
	bool proxies;        /* of the environment; `may_connect` is not asked then */
	const char *ca_file; /* copied */
} bh_net_bounds;

typedef struct {
	uint32_t abi;
	/* False without memory, or a thread. */
	bool (*open)(bh_net **out, const bh_net_bounds *bounds);
	/* What is under way is cancelled, the thread ends. Waits for nothing. */
	void (*close)(bh_net *net);
	/* Any thread. NULL without memory. */
	bh_fetch *(*prepare)(bh_net *net, const bh_net_request *request);
	/* Any thread. False: too many wait, and `over` will not be called; discard it. */
	bool (*submit)(bh_fetch *fetch);
	void (*discard)(bh_fetch *fetch);
	/* Any thread, until `over` has returned: end it soon. */
	void (*cancel)(bh_fetch *fetch);
} bh_net_library;

/* What libbulkhead-net exports, under this name. */
#define BH_NET_ENTRY "bh_net_library_1"
extern const bh_net_library bh_net_library_1 __attribute__((visibility("default")));

#endif
