/*
 * Requests beside modules that fail: of ten that come, a millisecond apart, one spins in its module until the limit ends it,
 * and one traps in another; the others skip both. How long those take, beside a calm time in which all skip both; and how
 * much later than its limit a module ends.
 */
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "gateway.h"

enum { LIMIT_MS = 10, APART_US = 1000, A_ROUND = 2000, ROUNDS = 7, SPINS = 300 };

#define TEXT(text) {(text), sizeof(text) - 1}
static const bh_header key = {TEXT("x-api-key"), TEXT("let-me-in")};
static const bh_header spins[] = {{TEXT("x-do"), TEXT("spin")}, {TEXT("x-api-key"), TEXT("let-me-in")}};
static const bh_header traps[] = {{TEXT("x-do"), TEXT("crash")}, {TEXT("x-api-key"), TEXT("let-me-in")}};

typedef struct {
	double *took; /* of those that skip; seconds */
	_Atomic size_t count;
	_Atomic unsigned live;
} tally;

typedef struct {
	tally *tally;
	double begin, took;
	bool skips;
	_Atomic bool through;
} flight;

static bh_http_request request_to(const char *path, const bh_header *headers, size_t count)
{
	bh_http_request request = gateway_request(1024);
	request.path = bh_string_lend(path);
	request.headers = headers;
	request.header_count = count;
	return request;
}

static void through(void *data, bh_exchange *exchange)
{
	flight *f = data;
	f->took = bench_now() - f->begin;
	bool passed = bh_exchange_result(exchange) == BH_EXCHANGE_CONTINUE;
	if (passed != f->skips)
		bench_die("%s: %s", f->skips ? "a request that skips" : "one that does not",
		          passed ? "passed" : bh_exchange_get_failure(exchange).message);
	bh_exchange_free(exchange);
	if (f->skips)
		f->tally->took[atomic_fetch_add(&f->tally->count, 1)] = f->took;
	atomic_store(&f->through, true);
	atomic_fetch_sub(&f->tally->live, 1);
}

static void launch(bh_chain *chain, flight *f, tally *to, const bh_http_request *request, bool skips)
{
	bh_error *err = NULL;
	bh_exchange *exchange = NULL;
	f->tally = to;
	f->skips = skips;
	atomic_fetch_add(&to->live, 1);
	f->begin = bench_now();
	calls_check(bh_exchange_new(&exchange, chain, request, &err), err, "exchange");
	calls_check(bh_exchange_request_start(exchange, through, f, &err), err, "start");
}

static void await(tally *t)
{
	while (atomic_load(&t->live))
		usleep(100);
}

static double round_of(bh_chain *chain, bool storm)
{
	static flight flights[A_ROUND];
	static double took[A_ROUND];
	tally t = {.took = took};
	bh_http_request plain = request_to("/v1", &key, 1), spin = request_to("/spin", spins, 2),
					trap = request_to("/trap", traps, 2);
	struct timespec next;
	memset(flights, 0, sizeof flights);
	clock_gettime(CLOCK_MONOTONIC, &next);
	for (int i = 0; i < A_ROUND; i++) {
		bool spinning = storm && i % 10 == 3, trapping = storm && i % 10 == 7;
		launch(chain, &flights[i], &t, spinning ? &spin : trapping ? &trap : &plain, !spinning && !trapping);
		next.tv_nsec += APART_US * 1000L;
		next.tv_sec += next.tv_nsec / 1000000000;
		next.tv_nsec %= 1000000000;
		clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &next, NULL);
	}
	await(&t);
	return gateway_flow_of(took, t.count, 1).p99;
}

static void storm(bh_chain *chain)
{
	double calm[ROUNDS], stormy[ROUNDS], ratios[ROUNDS];
	for (int i = -1; i < ROUNDS; i++) { /* the first to warm up */
		double a = round_of(chain, false), b = round_of(chain, true);
		if (i < 0)
			continue;
		calm[i] = a;
		stormy[i] = b;
		ratios[i] = b / a;
	}
	printf("{\"name\":\"skip_p99_in_storm\",\"unit\":\"us\",\"median\":%.6g,\"samples\":%d,\"better\":\"lower\","
	       "\"peer\":\"calm\",\"peer_median\":%.6g,\"ratio\":%.4g}\n",
	       peer_median(stormy, ROUNDS) * 1e6, ROUNDS, peer_median(calm, ROUNDS) * 1e6, peer_median(ratios, ROUNDS));
	fflush(stdout);
}

/* One after another, beside requests that come a millisecond apart. */
static void overshoot(bh_chain *chain)
{
	static double late[SPINS], took[1];
	static flight others[SPINS * 10 * LIMIT_MS];
	static double ignored[SPINS * 10 * LIMIT_MS];
	size_t begun = 0, room = sizeof others / sizeof *others;
	tally spinning = {.took = took}, beside = {.took = ignored};
	bh_http_request plain = request_to("/v1", &key, 1), spin = request_to("/spin", spins, 2);
	for (int i = 0; i < SPINS; i++) {
		flight f = {0};
		launch(chain, &f, &spinning, &spin, false);
		while (!atomic_load(&f.through)) {
			if (begun < room)
				launch(chain, &others[begun++], &beside, &plain, true);
			usleep(APART_US);
		}
		await(&spinning);
		late[i] = f.took - LIMIT_MS / 1e3;
	}
	await(&beside);
	gateway_flow f = gateway_flow_of(late, SPINS, 1);
	printf("{\"name\":\"chain_timeout_overshoot\",\"unit\":\"ms\",\"median\":%.4g,\"p99\":%.4g,\"samples\":%d,"
	       "\"better\":\"lower\"}\n",
	       f.p50 * 1e3, f.p99 * 1e3, SPINS);
	fflush(stdout);
}

int main(void)
{
	bh_error *err = NULL;
	bh_chain *chain = NULL;
	bh_host *host = calls_host(2, 1000);
	bh_component *auth = gateway_load(host, "gateway-auth.wasm", 0);
	bh_component *edit = gateway_load(host, "gateway-edit.wasm", LIMIT_MS);
	calls_check(bh_chain_new(&chain, host, NULL, &err), err, "chain");
	gateway_add(chain, "spins", edit, "/spin", 0);
	gateway_add(chain, "traps", edit, "/trap", 0);
	gateway_add(chain, "auth", auth, NULL, 0);
	storm(chain);
	overshoot(chain);
	bh_chain_free(chain);
	bh_component_unref(auth);
	bh_component_unref(edit);
	bh_host_free(host);
	return 0;
}
