/* What the benchmarks of the suite `gateway` share: chains, the request that all see, callers that have it started. */
#ifndef BENCH_GATEWAY_H
#define BENCH_GATEWAY_H

#include <bulkhead.h>

#include "calls.h"

enum { GATEWAY_BODY = 1 << 20, GATEWAY_CALLERS = 64 };

/* A guest with the limits of gateways, but so many milliseconds (0: as many as there). */
bh_component *gateway_load(bh_host *host, const char *guest, uint64_t ms);

/* Add a module; `prefix` NULL: it is asked about all requests. */
void gateway_add(bh_chain *chain, const char *name, bh_component *component, const char *prefix, uint32_t reuse);

/* A chain of which one module is asked, in the midst of so many that are not. */
bh_chain *gateway_chain(bh_host *host, bh_component *component, uint32_t reuse, unsigned others);

/* 4 headers and a body of that size; that the guest gateway-auth lets pass. */
bh_http_request gateway_request(size_t size);

/* The request was to be sent on. */
void gateway_expect_continue(const bh_exchange *exchange);

typedef struct {
	double rate, p50, p99; /* a second; seconds */
} gateway_flow;

/* So many callers have one request after another started, for so many seconds. */
gateway_flow gateway_started(bh_chain *chain, unsigned callers, size_t size, double seconds);

/* A thread that waits for each. */
gateway_flow gateway_waited(bh_chain *chain, size_t size, double seconds);

/* Sorts, and picks. */
gateway_flow gateway_flow_of(double *times, size_t count, double seconds);

#endif
