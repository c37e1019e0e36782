/* Chains for tests: modules in one line, requests in one, exchanges that are waited for. */
#ifndef BH_TEST_CHAIN_TOOLS_H
#define BH_TEST_CHAIN_TOOLS_H

#include <stdlib.h>

#include "api.h"

static inline bh_string str(const char *text)
{
	return bh_string_lend(text);
}

static inline bh_header header(const char *name, const char *value)
{
	return (bh_header){str(name), str(value)};
}

static inline bool string_is(bh_string text, const char *wanted)
{
	return text.length == strlen(wanted) && !memcmp(text.data, wanted, text.length);
}

static inline bool body_is(bh_bytes body, const char *wanted)
{
	return body.length == strlen(wanted) && (!body.length || !memcmp(body.data, wanted, body.length));
}

/* The value of the first header of exactly that name; "(none)". Valid for a few calls. */
static inline const char *value_in(const bh_header *headers, size_t count, const char *name)
{
	static _Thread_local char texts[4][300];
	static _Thread_local unsigned next;
	char *text = texts[next++ % 4];
	strcpy(text, "(none)");
	for (size_t i = count; i-- > 0;)
		if (string_is(headers[i].name, name))
			snprintf(text, sizeof texts[0], "%.*s", (int)headers[i].value.length, headers[i].value.data);
	return text;
}

static inline const char *request_header(const bh_exchange *e, const char *name)
{
	const bh_http_request *r = bh_exchange_get_request(e);
	return value_in(r->headers, r->header_count, name);
}

static inline const char *response_header(const bh_exchange *e, const char *name)
{
	const bh_http_response *r = bh_exchange_get_response(e);
	return value_in(r->headers, r->header_count, name);
}

static inline bh_http_request request_of(const char *method, const char *path, const bh_header *headers, size_t count)
{
	bh_http_request request = BH_HTTP_REQUEST_INIT;
	request.method = str(method);
	request.path = str(path);
	request.query = str("q=1");
	request.headers = headers;
	request.header_count = count;
	request.request_id = str("id-1");
	request.now_epoch_ms = 1234567890123;
	return request;
}
#define GET(path, ...)                                                                                                 \
	request_of("GET", (path), (const bh_header[]){__VA_ARGS__},                                                        \
	           sizeof((const bh_header[]){__VA_ARGS__}) / sizeof(bh_header))

static inline bh_http_response response_of(uint16_t status, const bh_header *headers, size_t count)
{
	bh_http_response response = BH_HTTP_RESPONSE_INIT;
	response.status = status;
	response.headers = headers;
	response.header_count = count;
	return response;
}
#define RESPONSE(status, ...)                                                                                          \
	response_of((status), (const bh_header[]){__VA_ARGS__},                                                            \
	            sizeof((const bh_header[]){__VA_ARGS__}) / sizeof(bh_header))

static inline bh_chain *t_chain(bh_host *on)
{
	bh_chain *chain = NULL;
	OK(bh_chain_new(&chain, on, NULL, &t_err));
	return chain;
}

/* A guest as a module component: no fuel, so many milliseconds. */
static inline bh_component *t_middleware(bh_host *on, const char *guest, uint64_t ms)
{
	bh_gateway_settings settings = BH_GATEWAY_SETTINGS_INIT;
	bh_limits limits = BH_LIMITS_INIT;
	settings.max_execution_time_ms = ms;
	OK(bh_gateway_settings_check(&settings, &t_err));
	bh_gateway_settings_limits(&settings, &limits);
	return t_load(on, guest, &limits);
}

/* The same with an interceptor that counts the calls it sees: they are made with values, then. */
static inline bh_status t_count_call(void *data, const bh_intercepted *call, bh_error **err)
{
	unsigned *seen = data;
	(void)err;
	EXPECT(call->arg_count == 1 && call->args[0].kind == BH_KIND_RECORD);
	++*seen;
	return BH_OK;
}

/* `ms`: 0 for the default, with fuel */
static inline bh_component *t_watched_for(bh_host *on, const char *guest, uint64_t ms, unsigned *seen)
{
	bh_component *component = NULL;
	bh_component_options load = BH_COMPONENT_OPTIONS_INIT;
	bh_interceptor counts = BH_INTERCEPTOR_INIT;
	load.limits = t_limits();
	if (ms) {
		load.limits.execution_ms = ms;
		load.limits.fuel = BH_UNLIMITED;
	}
	counts.after_export = t_count_call;
	counts.data = seen;
	OK(bh_interceptors_new(&load.interceptors, &t_err));
	OK(bh_interceptors_add(load.interceptors, &counts, &t_err));
	OK(bh_component_load_file(&component, on, t_guest(guest), &load, &t_err));
	bh_interceptors_free(load.interceptors);
	return component;
}

static inline bh_component *t_watched(bh_host *on, const char *guest, unsigned *seen)
{
	return t_watched_for(on, guest, 0, seen);
}

static inline bh_chain_module_options module_of(const char *name, bh_component *component)
{
	bh_chain_module_options options = BH_CHAIN_MODULE_INIT;
	options.name = name;
	options.component = component;
	return options;
}

/* Add a module by itself. */
static inline void t_add(bh_chain *chain, const bh_chain_module_options *options)
{
	bh_chain_edit *edit = NULL;
	OK(bh_chain_edit_new(&edit, chain, &t_err));
	OK(bh_chain_edit_add(edit, options, &t_err));
	OK(bh_chain_edit_commit(edit, &t_err));
	bh_chain_edit_free(edit);
}

static inline bh_exchange *t_begin_exchange(bh_chain *chain, const bh_http_request *request)
{
	bh_exchange *exchange = NULL;
	OK(bh_exchange_new(&exchange, chain, request, &t_err));
	return exchange;
}

/* A request that all modules have seen. */
static inline bh_exchange *t_ask(bh_chain *chain, const bh_http_request *request)
{
	bh_exchange *exchange = t_begin_exchange(chain, request);
	OK(bh_exchange_request(exchange, &t_err));
	return exchange;
}

#define REPLIES(e, wanted)                                                                                             \
	do {                                                                                                               \
		assert_int_equal(bh_exchange_result(e), BH_EXCHANGE_REPLY);                                                    \
		assert_int_equal(bh_exchange_get_response(e)->status, (wanted));                                               \
	} while (0)
#define CONTINUES(e) assert_int_equal(bh_exchange_result(e), BH_EXCHANGE_CONTINUE)

/* What was counted of a module at a point; NULL: it was not called. Free `*stats`. */
static inline const bh_chain_stats_entry *t_counted(bh_chain_stats **stats, bh_chain *chain, const char *module,
                                                    bh_attach attach)
{
	OK(bh_chain_stats_new(stats, chain, &t_err));
	for (size_t i = 0; i < bh_chain_stats_count(*stats); i++) {
		const bh_chain_stats_entry *entry = bh_chain_stats_at(*stats, i);
		if (!strcmp(entry->module, module) && entry->attach == attach)
			return entry;
	}
	return NULL;
}

#endif
