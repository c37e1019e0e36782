/*
 * Chains of middleware beside smg-wasm, the crate of the gateway that existing modules were built for, in turn in one run: a
 * request that one module looks at (guests/gateway/auth.c: 4 headers, a body of 1 KB), by callers who have it started, on
 * two workers. What one costs a thread that waits for it comes first.
 */
#include <stdio.h>

#include "gateway.h"

enum { BATCH = 200, BATCHES = 200, ROUNDS = 5, COLD_ROUNDS = 5 };

static const char guest[] = "gateway-auth.wasm";

typedef struct {
	bh_chain *chain;
	size_t size;
} target;

static double waited(void *data, unsigned batch)
{
	const target *t = data;
	const bh_http_request request = gateway_request(t->size);
	double begin = bench_now();
	for (unsigned i = 0; i < batch; i++) {
		bh_error *err = NULL;
		bh_exchange *exchange = NULL;
		calls_check(bh_exchange_new(&exchange, t->chain, &request, &err), err, "exchange");
		calls_check(bh_exchange_request(exchange, &err), err, "request");
		gateway_expect_continue(exchange);
		bh_exchange_free(exchange);
	}
	return bench_now() - begin;
}

static void report_waited(const char *name, bh_host *host, bh_component *component, uint32_t reuse)
{
	target t = {gateway_chain(host, component, reuse, 0), 1024};
	bench_samples samples = bench_take(waited, &t, BATCH, BATCHES);
	bench_report(name, "us", 1e6, &samples);
	bench_free(&samples);
	bh_chain_free(t.chain);
}

/* Ours and theirs, round by round; medians of both, and of the ratios. */

typedef struct {
	double ours[ROUNDS], theirs[ROUNDS], ratios[ROUNDS];
	unsigned count;
	bool beside;
} pairs;

static void note(pairs *p, double ours, double theirs, bool beside)
{
	p->ours[p->count] = ours;
	p->theirs[p->count] = theirs;
	p->ratios[p->count++] = beside ? ours / theirs : 0;
	p->beside = beside;
}

static void report(const char *name, const char *unit, const char *better, pairs *p)
{
	printf("{\"name\":\"%s\",\"unit\":\"%s\",\"median\":%.6g,\"samples\":%u,\"better\":\"%s\"", name, unit,
	       peer_median(p->ours, p->count), p->count, better);
	if (p->beside)
		printf(",\"peer\":\"smg-wasm\",\"peer_median\":%.6g,\"ratio\":%.4g", peer_median(p->theirs, p->count),
		       peer_median(p->ratios, p->count));
	printf("}\n");
	fflush(stdout);
}

typedef struct {
	const char *rate, *p50, *p99; /* what the figures are called; NULL: not told */
	unsigned callers, modules;
	size_t size;
	bool waits;     /* a thread, for each of its requests */
	uint32_t reuse; /* requests that an instance of ours sees; theirs sees one */
} contest;

static void beside(bh_host *host, bh_component *component, const contest *c)
{
	enum { TENTHS = 7 };
	char arguments[1200];
	pairs rates = {.count = 0}, medians = {.count = 0}, tails = {.count = 0};
	bh_chain *chain = gateway_chain(host, component, c->reuse, c->modules - 1);
	snprintf(arguments, sizeof arguments, "rate '%s' %u 0.%d --size %zu --modules %u", bench_guest(guest), c->callers,
	         TENTHS, c->size, c->modules);
	for (int i = 0; i < ROUNDS; i++) {
		peer_value theirs[] = {{.name = "smg.rate"}, {.name = "smg.latency"}};
		gateway_flow ours = c->waits ? gateway_waited(chain, c->size, TENTHS / 10.0)
		                             : gateway_started(chain, c->callers, c->size, TENTHS / 10.0);
		bool there = peer_run("SMG_WASM", arguments, theirs, 2);
		note(&rates, ours.rate, theirs[0].median, there);
		note(&medians, ours.p50 * 1e6, theirs[1].median, there);
		note(&tails, ours.p99 * 1e6, theirs[1].p99, there);
	}
	bh_chain_free(chain);
	report(c->rate, "requests/s", "higher", &rates);
	if (c->p50)
		report(c->p50, "us", "lower", &medians);
	if (c->p99)
		report(c->p99, "us", "lower", &tails);
}

/* The first request of a program that has just started: its engine, the module's code, its instance. */
static double cold(void)
{
	double start = bench_now();
	bh_host *host = calls_host(2, 1000);
	bh_component *component = gateway_load(host, guest, 0);
	target t = {gateway_chain(host, component, 0, 0), 1024};
	waited(&t, 1);
	double took = bench_now() - start;
	bh_chain_free(t.chain);
	bh_component_unref(component);
	bh_host_free(host);
	return took;
}

static void report_cold(void)
{
	char arguments[1200];
	pairs p = {.count = 0};
	snprintf(arguments, sizeof arguments, "cold '%s' 1", bench_guest(guest));
	for (int i = 0; i < COLD_ROUNDS; i++) {
		peer_value theirs = {.name = "smg.cold"};
		double ours = cold() * 1e3;
		bool there = peer_run("SMG_WASM", arguments, &theirs, 1);
		note(&p, ours, theirs.median, there);
	}
	report("chain_cold", "ms", "lower", &p);
}

int main(void)
{
	static const contest contests[] = {
		{"chain_vs_smg.1", "chain_p50_vs_smg.1", "chain_p99_vs_smg.1", 1, 1, 1024, false, 0},
		{"chain_vs_smg.1.waits", "chain_p50_vs_smg.1.waits", NULL, 1, 1, 1024, true, 0},
		{"chain_vs_smg.16", "chain_p50_vs_smg.16", "chain_p99_vs_smg.16", 16, 1, 1024, false, 0},
		{"chain_vs_smg.64", "chain_p50_vs_smg.64", "chain_p99_vs_smg.64", 64, 1, 1024, false, 0},
		{"chain_vs_smg.64.reuse", NULL, "chain_p99_vs_smg.64.reuse", 64, 1, 1024, false, 1000},
		{"chain_body.0", NULL, NULL, 16, 1, 0, false, 0},
		{"chain_body.64k", NULL, NULL, 16, 1, 65536, false, 0},
		{"chain_body.1m", NULL, NULL, 16, 1, GATEWAY_BODY, false, 0},
		{"chain_loaded.1", NULL, NULL, 16, 1, 1024, false, 0},
		{"chain_loaded.10", NULL, NULL, 16, 10, 1024, false, 0},
		{"chain_loaded.100", NULL, NULL, 16, 100, 1024, false, 0},
	};
	bh_host *host = calls_host(2, 1000);
	bh_component *component = gateway_load(host, guest, 0);
	report_waited("chain_call", host, component, 0);
	report_waited("chain_call.reuse", host, component, 1000);
	for (size_t i = 0; i < sizeof contests / sizeof *contests; i++)
		beside(host, component, &contests[i]);
	bh_component_unref(component);
	bh_host_free(host);
	report_cold();
	return 0;
}
