/*
 * The HTTP proxy of the gateway: takes requests, shows them to a chain, sends them on to one upstream, and answers.
 * docs/guide/gateway.md says what it promises.
 */
#ifndef BH_SERVE_PROXY_H
#define BH_SERVE_PROXY_H

#include <bulkhead.h>
#include <stdatomic.h>

typedef struct proxy proxy;
typedef struct terms terms;

typedef struct {
	const char *listen; /* "HOST:PORT"; port 0: any that is free */
	const char *upstream;
	const char *tls_cert, *tls_key; /* paths; NULL: plain HTTP */
	uint64_t max_body, max_header;
	uint32_t max_connections, max_upstream;
	uint32_t lanes; /* threads; 0: one for each processor, up to 8 */
	uint64_t header_ms, idle_ms, connect_ms, upstream_ms, total_ms;
	void (*busy)(void *data); /* see proxy_tell_next(); NULL: nobody is told */
	void *busy_data;
} proxy_options;

/* Counted since the start. */
typedef struct {
	uint64_t requests, answered[6];  /* by the first digit of the status */
	uint64_t refused;                /* requests that are not allowed, or too large */
	uint64_t upstream_failures;      /* down, late, not HTTP, cut */
	uint64_t gone;                   /* clients that did not wait */
	uint64_t connections, in_flight; /* now */
} proxy_counts;

/*
 * Begin to serve; the chain stays the caller's and must be there until proxy_stop(). Options are copied.
 *
 * Returns BH_OK; BH_E_CONFIG (listen, certificates); BH_E_BUSY (the port is taken); BH_E_SYSTEM; BH_E_NO_MEMORY.
 */
bh_status proxy_start(proxy **out, bh_chain *chain, const proxy_options *options, bh_error **err)
	__attribute__((warn_unused_result));

/*
 * Other bounds and another upstream, for requests that begin once proxy_change() has put them in force; that cannot fail, and takes
 * them over. Of the options listen, tls_, max_connections and busy are not looked at. BH_E_NO_MEMORY.
 */
bh_status proxy_prepare(terms **out, const proxy_options *options, bh_error **err) __attribute__((warn_unused_result));
void proxy_change(proxy *p, terms *fresh);
void terms_unref(terms *t); /* of what is not put in force; NULL is allowed */

/* The files that the options name have what the proxy began with. False: not, or they cannot be read. */
bool proxy_has_cert(const proxy *p, const proxy_options *options);
bool proxy_has_key(const proxy *p, const proxy_options *options);

/* Call `busy` once, on a thread of the proxy, when the next request comes. It returns soon. */
void proxy_tell_next(proxy *p);

/* All requests are refused with 503 while this is not NULL: a module that must look at them is missing. */
void proxy_close_to_all(proxy *p, bool closed);

/* Take no more requests, wait up to wait_ms for those under way, cut the others, release all. NULL is allowed. */
void proxy_stop(proxy *p, unsigned wait_ms);

unsigned proxy_port(const proxy *p);
proxy_counts proxy_count(proxy *p);

#endif
