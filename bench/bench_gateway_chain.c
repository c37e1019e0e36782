/*
 * Chains of middleware: what a request costs that one module looks at (guests/gateway/auth.c: 4 headers, a body of 1 KB), by a
 * thread that waits for it, and by callers who have it started, on two workers.
 */
#include <bulkhead.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "bench.h"
#include "calls.h"

enum { BATCH = 200, BATCHES = 200, MOST_CALLERS = 64, MOST_TIMES = 1 << 20 };

static char body[1 << 20];

static bh_component *load(bh_host *host, const char *guest)
{
	bh_error *err = NULL;
	bh_component *component = NULL;
	bh_gateway_settings settings = BH_GATEWAY_SETTINGS_INIT;
	bh_component_options options = BH_COMPONENT_OPTIONS_INIT;
	calls_check(bh_gateway_settings_check(&settings, &err), err, "settings");
	bh_gateway_settings_limits(&settings, &options.limits);
	options.limits.queue_ms = 60000;
	calls_check(bh_component_load_file(&component, host, bench_guest(guest), &options, &err), err, guest);
	return component;
}

/* A chain of which one module is asked, and `others` that are not. */
static bh_chain *chain_of(bh_host *host, bh_component *component, uint32_t reuse, unsigned others)
{
	bh_error *err = NULL;
	bh_chain *chain = NULL;
	bh_chain_edit *edit = NULL;
	char name[20];
	const bh_chain_match elsewhere = {.path_prefix = "/elsewhere"};
	calls_check(bh_chain_new(&chain, host, NULL, &err), err, "chain");
	calls_check(bh_chain_edit_new(&edit, chain, &err), err, "edit");
	for (unsigned i = 0; i <= others; i++) {
		bh_chain_module_options options = BH_CHAIN_MODULE_INIT;
		snprintf(name, sizeof name, "m%u", i);
		options.name = name;
		options.component = component;
		options.reuse = reuse;
		options.matches = &elsewhere;
		options.match_count = i != others / 2;
		calls_check(bh_chain_edit_add(edit, &options, &err), err, "module");
	}
	calls_check(bh_chain_edit_commit(edit, &err), err, "commit");
	bh_chain_edit_free(edit);
	return chain;
}

#define TEXT(text) {(text), sizeof(text) - 1}

static bh_http_request request_of(size_t size)
{
	static const bh_header headers[] = {
		{TEXT("host"), TEXT("gateway.example")},
		{TEXT("content-type"), TEXT("application/json")},
		{TEXT("user-agent"), TEXT("bench/1.0")},
		{TEXT("x-api-key"), TEXT("let-me-in")},
	};
	bh_http_request request = BH_HTTP_REQUEST_INIT;
	request.method = bh_string_lend("POST");
	request.path = bh_string_lend("/v1/chat/completions");
	request.query = bh_string_lend("");
	request.request_id = bh_string_lend("0195f3c2-7d1e-7b1a-9a55-3c1f6e0d2b11");
	request.headers = headers;
	request.header_count = sizeof headers / sizeof *headers;
	request.body = bh_bytes_lend(body, size);
	return request;
}

static void expect_continue(const bh_exchange *exchange)
{
	if (bh_exchange_result(exchange) != BH_EXCHANGE_CONTINUE)
		bench_die("rejected: %s", bh_exchange_get_failure(exchange).message);
}

typedef struct {
	bh_chain *chain;
	size_t size;
} target;

static double waited(void *data, unsigned batch)
{
	const target *t = data;
	const bh_http_request request = request_of(t->size);
	double begin = bench_now();
	for (unsigned i = 0; i < batch; i++) {
		bh_error *err = NULL;
		bh_exchange *exchange = NULL;
		calls_check(bh_exchange_new(&exchange, t->chain, &request, &err), err, "exchange");
		calls_check(bh_exchange_request(exchange, &err), err, "request");
		expect_continue(exchange);
		bh_exchange_free(exchange);
	}
	return bench_now() - begin;
}

static void report_waited(const char *name, bh_chain *chain, size_t size, unsigned batch)
{
	target t = {chain, size};
	bench_samples samples = bench_take(waited, &t, batch, BATCHES);
	bench_report(name, "us", 1e6, &samples);
	bench_free(&samples);
}

/* Started, by so many callers. */

typedef struct {
	bh_chain *chain;
	bh_http_request request;
	_Atomic bool stop, measuring;
	_Atomic unsigned live;
	_Atomic size_t count;
	double *times;
} flow;

typedef struct {
	flow *flow;
	double begin;
} caller;

static void begin(caller *c);

static void through(void *data, bh_exchange *exchange)
{
	caller *c = data;
	flow *f = c->flow;
	expect_continue(exchange);
	bh_exchange_free(exchange);
	if (atomic_load_explicit(&f->measuring, memory_order_relaxed)) {
		size_t at = atomic_fetch_add_explicit(&f->count, 1, memory_order_relaxed);
		if (at < MOST_TIMES)
			f->times[at] = bench_now() - c->begin;
	}
	if (atomic_load(&f->stop))
		atomic_fetch_sub(&f->live, 1);
	else
		begin(c);
}

static void begin(caller *c)
{
	bh_error *err = NULL;
	bh_exchange *exchange = NULL;
	c->begin = bench_now();
	calls_check(bh_exchange_new(&exchange, c->flow->chain, &c->flow->request, &err), err, "exchange");
	calls_check(bh_exchange_request_start(exchange, through, c, &err), err, "start");
}

static int compare(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;
	return (x > y) - (x < y);
}

static void report_flow(const char *suffix, bh_chain *chain, unsigned callers)
{
	static caller all[MOST_CALLERS];
	flow f = {.chain = chain, .request = request_of(1024), .live = callers};
	f.times = calloc(MOST_TIMES, sizeof *f.times);
	if (!f.times)
		bench_die("out of memory");
	for (unsigned i = 0; i < callers; i++) {
		all[i].flow = &f;
		begin(&all[i]);
	}
	usleep(100000);
	double start = bench_now();
	atomic_store(&f.measuring, true);
	usleep(1500000);
	atomic_store(&f.measuring, false);
	double seconds = bench_now() - start;
	atomic_store(&f.stop, true);
	while (atomic_load(&f.live))
		usleep(100);
	size_t count = f.count < MOST_TIMES ? f.count : MOST_TIMES;
	qsort(f.times, count, sizeof *f.times, compare);
	double rate = (double)f.count / seconds;
	printf("{\"name\":\"chain_rate.%s\",\"unit\":\"requests/s\",\"median\":%.6g,\"p99\":%.6g,\"samples\":1,"
	       "\"better\":\"higher\"}\n",
	       suffix, rate, rate);
	printf("{\"name\":\"chain_latency.%s\",\"unit\":\"us\",\"median\":%.6g,\"p99\":%.6g,\"samples\":%zu,"
	       "\"better\":\"lower\"}\n",
	       suffix, f.times[count / 2] * 1e6, f.times[count * 99 / 100] * 1e6, count);
	fflush(stdout);
	free(f.times);
}

int main(void)
{
	memset(body, 'b', sizeof body);
	bh_host *host = calls_host(2, 1000);
	bh_component *auth = load(host, "gateway-auth.wasm");
	bh_chain *chain = chain_of(host, auth, 0, 0), *kept = chain_of(host, auth, 1000, 0);
	report_waited("chain_call", chain, 1024, BATCH);
	report_waited("chain_call.reuse", kept, 1024, BATCH);
	report_waited("chain_body.0", chain, 0, BATCH);
	report_waited("chain_body.64k", chain, 65536, BATCH / 2);
	report_waited("chain_body.1m", chain, sizeof body, 10);
	static const unsigned callers[] = {1, 16, 64};
	for (int i = 0; i < 3; i++) {
		char suffix[20];
		snprintf(suffix, sizeof suffix, "%u", callers[i]);
		report_flow(suffix, chain, callers[i]);
	}
	bh_chain_free(chain);
	bh_chain_free(kept);
	static const unsigned loaded[] = {1, 10, 100};
	for (int i = 0; i < 3; i++) {
		char name[30];
		chain = chain_of(host, auth, 0, loaded[i] - 1);
		snprintf(name, sizeof name, "chain_loaded.%u", loaded[i]);
		report_waited(name, chain, 1024, BATCH);
		bh_chain_free(chain);
	}
	bh_component_unref(auth);
	bh_host_free(host);
	return 0;
}
