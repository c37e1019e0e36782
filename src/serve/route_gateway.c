/*
 * The gateway's routes: /wasm in the form that existing users know, and /v1/gateway for what it has not: the order, replacing
 * in place, trying without doing. What changes something is done by the gateway's own thread.
 */
#include <jansson.h>
#include <string.h>

#include "gateway.h"
#include "http.h"
#include "memory.h"

static gateway *gateway_of(exchange *self)
{
	gateway *g = self->server->daemon.gateway;
	if (!g)
		answer_problem(self, MHD_HTTP_NOT_IMPLEMENTED, "there is no [gateway] in the configuration");
	return g;
}

static bool is_dry(const exchange *self)
{
	const char *said = exchange_query(self, "dry_run");
	return said && strcmp(said, "false") != 0 && strcmp(said, "0") != 0;
}

/*
 * Have it done later; the exchange is answered then. Its client may have gone by then, and what libmicrohttpd has of the
 * connection with him: what is needed of that is taken here.
 */
static void later(exchange *self, gateway_job *job)
{
	gateway *g = gateway_of(self);
	bh_error *err = NULL;
	if (!g)
		return;
	self->dry = is_dry(self);
	bh_status status = gateway_do(g, job, exchange_ref(self), &err);
	if (status) {
		answer_error(self, status, err);
		exchange_unref(self);
	}
	bh_error_free(err);
}

/* A problem that names the member of the body that it is about, where it is about one. */
static void answer_field(exchange *self, bh_status status, const bh_error *err, const char *field)
{
	sv_text body = {0};
	unsigned http_status = problem_http_status(status);
	problem_begin(&body, self, http_status, status, err);
	js_put_text(&body, "field", field);
	problem_end(&body);
	answer_problem_text(self, http_status, &body);
}

static void answer_done(exchange *self, bh_status status, bh_error *err, const char *field, const char *what)
{
	if (status && field) {
		answer_field(self, status, err, field);
	} else if (status) {
		answer_error(self, status, err);
	} else {
		sv_text out = {0};
		js_open(&out, '{');
		js_put_bool(&out, what, true);
		js_put_bool(&out, "dry_run", self->dry);
		js_close(&out, '}');
		answer_json(self, MHD_HTTP_OK, &out);
	}
	bh_error_free(err);
	exchange_unref(self);
}

/* /wasm */

static void do_register(void *data, gateway *g)
{
	exchange *self = data;
	const gateway_request asked = {
		.body = self->body.data, .length = self->body.length, .dry = self->dry, .trusted = !self->server->compat};
	sv_text out = {0};
	SV_AUTO char *field = NULL;
	bh_error *err = NULL;
	unsigned http;
	bh_status status = gateway_register(g, &asked, &http, &out, &field, &err);
	if (status)
		answer_field(self, status, err, field);
	else
		answer_json(self, http, &out);
	sv_text_deinit(&out);
	bh_error_free(err);
	exchange_unref(self);
}

void route_wasm_add(exchange *self)
{
	later(self, do_register);
}

void route_wasm_list(exchange *self)
{
	gateway *g = gateway_of(self);
	sv_text out = {0};
	if (!g)
		return;
	gateway_list(g, &out);
	answer_json(self, MHD_HTTP_OK, &out);
}

/* Existing users look at the status, and are told in words. */
static void do_remove(void *data, gateway *g)
{
	exchange *self = data;
	bh_error *err = NULL;
	bh_status status = gateway_remove(g, self->child, &err);
	if (!status)
		answer_text(self, "text/plain; charset=utf-8", sv_copy("Module removed successfully"));
	else
		answer_problem(self, MHD_HTTP_BAD_REQUEST, "%s", err ? bh_error_message(err) : bh_status_text(status));
	bh_error_free(err);
	exchange_unref(self);
}

void route_wasm_remove(exchange *self)
{
	later(self, do_remove);
}

/* /v1/gateway */

void route_gateway(exchange *self)
{
	gateway *g = gateway_of(self);
	sv_text out = {0};
	if (!g)
		return;
	gateway_describe(g, &out);
	answer_json(self, MHD_HTTP_OK, &out);
}

static json_t *body_of(exchange *self)
{
	json_error_t wrong;
	return json_loadb(self->body.data ? self->body.data : "", self->body.length, JSON_REJECT_DUPLICATES, &wrong);
}

static void do_order(void *data, gateway *g)
{
	exchange *self = data;
	const char *names[BH_CHAIN_MODULES];
	json_t *body = body_of(self), *list = json_object_get(body, "order");
	size_t count = json_array_size(list);
	bh_error *err = NULL;
	bool right = json_is_array(list) && count <= BH_CHAIN_MODULES;
	for (size_t i = 0; right && i < count; i++)
		right = (names[i] = json_string_value(json_array_get(list, i)));
	bh_status status = right ? gateway_order(g, names, count, self->dry, &err)
	                         : bh_error_new(&err, BH_E_INVALID, "the body is to be {\"order\": [\"NAME\", ...]}");
	answer_done(self, status, err, NULL, "ordered");
	json_decref(body);
}

void route_gateway_order(exchange *self)
{
	later(self, do_order);
}

static void do_replace(void *data, gateway *g)
{
	exchange *self = data;
	json_t *body = body_of(self);
	SV_AUTO char *field = NULL;
	bh_error *err = NULL;
	bh_status status = json_object_size(body)
	                       ? gateway_replace(g, self->child, body, self->dry, &field, &err)
	                       : bh_error_new(&err, BH_E_INVALID,
	                                      "the body is to be {\"file_path\": \"/an/absolute/path.wasm\"}, or have what "
	                                      "is to be said of the module, or both");
	answer_done(self, status, err, field, "replaced");
	json_decref(body);
}

void route_gateway_replace(exchange *self)
{
	later(self, do_replace);
}
