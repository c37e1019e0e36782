#include "gateway.h"

#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { MOST_TIMES = 1 << 20 };

bh_component *gateway_load(bh_host *host, const char *guest, uint64_t ms)
{
	bh_error *err = NULL;
	bh_component *component = NULL;
	bh_gateway_settings settings = BH_GATEWAY_SETTINGS_INIT;
	bh_component_options options = BH_COMPONENT_OPTIONS_INIT;
	settings.max_execution_time_ms = ms;
	calls_check(bh_gateway_settings_check(&settings, &err), err, "settings");
	bh_gateway_settings_limits(&settings, &options.limits);
	options.limits.queue_ms = 60000;
	calls_check(bh_component_load_file(&component, host, bench_guest(guest), &options, &err), err, guest);
	return component;
}

static void add(bh_chain_edit *edit, const char *name, bh_component *component, const char *prefix, uint32_t reuse)
{
	bh_error *err = NULL;
	const bh_chain_match match = {.path_prefix = prefix};
	bh_chain_module_options options = BH_CHAIN_MODULE_INIT;
	options.name = name;
	options.component = component;
	options.reuse = reuse;
	options.matches = &match;
	options.match_count = prefix != NULL;
	calls_check(bh_chain_edit_add(edit, &options, &err), err, name);
}

void gateway_add(bh_chain *chain, const char *name, bh_component *component, const char *prefix, uint32_t reuse)
{
	bh_error *err = NULL;
	bh_chain_edit *edit = NULL;
	calls_check(bh_chain_edit_new(&edit, chain, &err), err, "edit");
	add(edit, name, component, prefix, reuse);
	calls_check(bh_chain_edit_commit(edit, &err), err, "commit");
	bh_chain_edit_free(edit);
}

bh_chain *gateway_chain(bh_host *host, bh_component *component, uint32_t reuse, unsigned others)
{
	bh_error *err = NULL;
	bh_chain *chain = NULL;
	bh_chain_edit *edit = NULL;
	char name[20];
	calls_check(bh_chain_new(&chain, host, NULL, &err), err, "chain");
	calls_check(bh_chain_edit_new(&edit, chain, &err), err, "edit");
	for (unsigned i = 0; i <= others; i++) {
		snprintf(name, sizeof name, "m%u", i);
		add(edit, name, component, i == others / 2 ? NULL : "/elsewhere", reuse);
	}
	calls_check(bh_chain_edit_commit(edit, &err), err, "commit");
	bh_chain_edit_free(edit);
	return chain;
}

#define TEXT(text) {(text), sizeof(text) - 1}

bh_http_request gateway_request(size_t size)
{
	static char body[GATEWAY_BODY];
	static const bh_header headers[] = {
		{TEXT("host"), TEXT("gateway.example")},
		{TEXT("content-type"), TEXT("application/json")},
		{TEXT("user-agent"), TEXT("bench/1.0")},
		{TEXT("x-api-key"), TEXT("let-me-in")},
	};
	bh_http_request request = BH_HTTP_REQUEST_INIT;
	if (size > sizeof body)
		bench_die("a body of %zu bytes", size);
	memset(body, 'b', size);
	request.method = bh_string_lend("POST");
	request.path = bh_string_lend("/v1/chat/completions");
	request.query = bh_string_lend("");
	request.request_id = bh_string_lend("0195f3c2-7d1e-7b1a-9a55-3c1f6e0d2b11");
	request.headers = headers;
	request.header_count = sizeof headers / sizeof *headers;
	request.body = bh_bytes_lend(body, size);
	return request;
}

void gateway_expect_continue(const bh_exchange *exchange)
{
	if (bh_exchange_result(exchange) != BH_EXCHANGE_CONTINUE)
		bench_die("rejected: %s", bh_exchange_get_failure(exchange).message);
}

static int compare(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;
	return (x > y) - (x < y);
}

gateway_flow gateway_flow_of(double *times, size_t count, double seconds)
{
	if (!count)
		bench_die("no request was through in time");
	qsort(times, count, sizeof *times, compare);
	return (gateway_flow){(double)count / seconds, times[count / 2], times[count * 99 / 100]};
}

static double *room_for_times(void)
{
	double *times = calloc(MOST_TIMES, sizeof *times);
	if (!times)
		bench_die("out of memory");
	return times;
}

/* Started. */

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
	gateway_expect_continue(exchange);
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

gateway_flow gateway_started(bh_chain *chain, unsigned callers, size_t size, double seconds)
{
	caller all[GATEWAY_CALLERS];
	flow f = {.chain = chain, .request = gateway_request(size), .live = callers, .times = room_for_times()};
	for (unsigned i = 0; i < callers; i++) {
		all[i].flow = &f;
		begin(&all[i]);
	}
	usleep(100000);
	double start = bench_now();
	atomic_store(&f.measuring, true);
	usleep((useconds_t)(seconds * 1e6));
	atomic_store(&f.measuring, false);
	double took = bench_now() - start;
	atomic_store(&f.stop, true);
	while (atomic_load(&f.live))
		usleep(100);
	if (f.count > MOST_TIMES)
		bench_die("too many requests for the room there is");
	gateway_flow result = gateway_flow_of(f.times, f.count, took);
	free(f.times);
	return result;
}

gateway_flow gateway_waited(bh_chain *chain, size_t size, double seconds)
{
	double *times = room_for_times();
	size_t count = 0;
	const bh_http_request request = gateway_request(size);
	double start = bench_now(), now = start;
	while (now - start < seconds && count < MOST_TIMES) {
		bh_error *err = NULL;
		bh_exchange *exchange = NULL;
		double before = now;
		calls_check(bh_exchange_new(&exchange, chain, &request, &err), err, "exchange");
		calls_check(bh_exchange_request(exchange, &err), err, "request");
		gateway_expect_continue(exchange);
		bh_exchange_free(exchange);
		now = bench_now();
		times[count++] = now - before;
	}
	gateway_flow result = gateway_flow_of(times, count, now - start);
	free(times);
	return result;
}
