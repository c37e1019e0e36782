/* A flow's way through the chain: the request, then the upstream, then the response; or an error. */
#include <string.h>

#include "flow.h"
#include "memory.h"
#include "say.h"

/* Answers: the first one counts. */

static bool settle(flow *f, answer_kind kind)
{
	if (f->kind != ANSWER_NONE)
		return false;
	f->kind = kind;
	return true;
}

void turn_reply(flow *f, unsigned status, const char *reason, const char *text)
{
	char *line = store_take(&f->store, strlen(text) + 2);
	bh_header *headers = (bh_header *)(void *)store_take(&f->store, 2 * sizeof *headers);
	pthread_mutex_lock(&f->lock);
	if (settle(f, ANSWER_WHOLE)) {
		f->status = status;
		if (line && headers) {
			size_t length = strlen(text);
			memcpy(line, text, length);
			line[length] = '\n';
			line[length + 1] = '\0';
			headers[0] = (bh_header){{"content-type", 12}, {"text/plain; charset=utf-8", 25}};
			headers[1] = (bh_header){{"x-bulkhead-reason", 17}, {reason, strlen(reason)}};
			f->answer_headers = headers;
			f->answer_header_count = 2;
			f->answer_body = (bh_bytes){(const uint8_t *)line, length + 1};
		}
		answer_ready(f);
	}
	pthread_mutex_unlock(&f->lock);
}

/* What the modules made of it. */
static void reply_with(flow *f, const bh_http_response *response)
{
	pthread_mutex_lock(&f->lock);
	if (settle(f, ANSWER_WHOLE)) {
		f->status = response->status;
		f->answer_headers = response->headers;
		f->answer_header_count = response->header_count;
		f->answer_body = response->body;
		answer_ready(f);
	}
	pthread_mutex_unlock(&f->lock);
}

static void say_why(const flow *f)
{
	bh_exchange_failure failure = bh_exchange_get_failure(f->exchange);
	if (failure.status && failure.module)
		say(BH_LOG_WARNING, "gateway: %s failed: %s (request %s)", failure.module, failure.message, f->request_id);
}

/* Parts. Each holds a reference while modules are asked. */

static bool ask(flow *f)
{
	pthread_mutex_lock(&f->lock);
	bool go = !f->cancelled;
	f->asking = go;
	pthread_mutex_unlock(&f->lock);
	if (go)
		flow_ref(f);
	return go;
}

/* True: somebody still waits. */
static bool asked(flow *f)
{
	pthread_mutex_lock(&f->lock);
	f->asking = false;
	bool go = !f->cancelled;
	pthread_mutex_unlock(&f->lock);
	return go;
}

static void give_up(flow *f)
{
	pthread_mutex_lock(&f->lock);
	if (settle(f, ANSWER_CUT))
		answer_ready(f);
	pthread_mutex_unlock(&f->lock);
}

static void request_through(void *data, bh_exchange *exchange)
{
	flow *f = data;
	if (!asked(f)) {
		give_up(f);
	} else if (bh_exchange_result(exchange) == BH_EXCHANGE_REPLY) {
		say_why(f);
		reply_with(f, bh_exchange_get_response(exchange));
	} else {
		pthread_mutex_lock(&f->lock);
		f->sent = true;
		pthread_mutex_unlock(&f->lock);
		loop_signal(f);
	}
	flow_unref(f);
}

void turn_begin(flow *f)
{
	if (!ask(f)) {
		give_up(f);
		return;
	}
	if (bh_exchange_request_start(f->exchange, request_through, f, NULL)) {
		(void)asked(f);
		turn_reply(f, MHD_HTTP_SERVICE_UNAVAILABLE, "busy", "busy");
		flow_unref(f);
	}
}

static void response_through(void *data, bh_exchange *exchange)
{
	flow *f = data;
	if (asked(f)) {
		say_why(f);
		reply_with(f, bh_exchange_get_response(exchange));
	} else {
		give_up(f);
	}
	flow_unref(f);
}

void turn_response(flow *f)
{
	bh_http_response response = BH_HTTP_RESPONSE_INIT;
	response.status = (uint16_t)f->came_status;
	response.headers = f->came.items;
	response.header_count = f->came.count;
	response.body = (bh_bytes){(const uint8_t *)f->came_body.data, f->came_body.length};
	if (!ask(f)) {
		give_up(f);
		return;
	}
	if (bh_exchange_response_start(f->exchange, &response, response_through, f, NULL)) {
		(void)asked(f);
		turn_reply(f, MHD_HTTP_SERVICE_UNAVAILABLE, "busy", "busy");
		flow_unref(f);
	}
}

void turn_error(flow *f, unsigned status, const char *message)
{
	proxy_add(f->lane, COUNT_UPSTREAM);
	say(BH_LOG_WARNING, "gateway: %u: %s (request %s)", status, message, f->request_id);
	if (!ask(f)) {
		give_up(f);
		return;
	}
	if (bh_exchange_error_start(f->exchange, (uint16_t)status, message, response_through, f, NULL)) {
		(void)asked(f);
		turn_reply(f, status, "upstream", "the server behind this gateway did not answer as it should");
		flow_unref(f);
	}
}
