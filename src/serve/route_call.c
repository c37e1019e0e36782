/* POST /v1/children/{path}/call: a call of a service, without a thread that waits for it. */
#include <string.h>

#include "call_body.h"
#include "http.h"
#include "memory.h"

static void put_usage(sv_text *out, const bh_usage *usage)
{
	js_key(out, "usage");
	js_open(out, '{');
	js_put_number(out, "fuel", usage->fuel);
	js_put_number(out, "wall_ns", usage->wall_ns);
	js_put_number(out, "queue_ns", usage->queue_ns);
	js_put_number(out, "host_ns", usage->host_ns);
	js_put_number(out, "memory", usage->memory);
	js_put_number(out, "peak_memory", usage->peak_memory);
	js_put_number(out, "output_bytes", usage->output_bytes);
	js_put_number(out, "io_bytes", usage->io_bytes);
	js_close(out, '}');
}

static void answer_failed(exchange *self, bh_status status, const bh_error *err, const bh_usage *usage)
{
	sv_text out = {0};
	unsigned http_status = problem_http_status(status);
	problem_begin(&out, self, http_status, status, err);
	put_usage(&out, usage);
	problem_end(&out);
	answer_problem_text(self, http_status, &out);
}

static void answer_result(exchange *self, const bh_value *result, const bh_usage *usage)
{
	char *json = NULL, *wave = NULL;
	bool returns = result->kind != BH_KIND_NONE;
	bh_status status = returns ? bh_value_to_json(&json, result, NULL) : BH_OK;
	if (!status && returns)
		(void)!bh_value_to_wave(&wave, result, NULL); /* a handle has no text */
	sv_text out = {.failed = status != BH_OK};
	js_open(&out, '{');
	js_key(&out, "result");
	js_raw(&out, json ? json : "null");
	js_put_text(&out, "wave", wave);
	put_usage(&out, usage);
	js_close(&out, '}');
	bh_string_free(json);
	bh_string_free(wave);
	answer_json(self, MHD_HTTP_OK, &out);
}

/* On a worker of the library: short, and never blocking. */
static void over(void *data, bh_call *call)
{
	exchange *self = data;
	bh_value result = BH_VALUE_INIT;
	bh_usage usage = BH_USAGE_INIT;
	bh_error *err = NULL;
	bh_status status = bh_call_take(call, &result, &usage, &err);
	if (status)
		answer_failed(self, status, err, &usage);
	else
		answer_result(self, &result, &usage);
	bh_value_deinit(&result);
	bh_error_free(err);
	exchange_unref(self);
}

/* The client went, or the server stops: a service goes on with what it is in the middle of, and nobody hears of it. */
static void abandon(exchange *self)
{
	bh_call_cancel(self->work, BH_CANCEL_ABANDON);
}

static void release(void *call)
{
	bh_call_free(call);
}

static bh_status start(exchange *self, bh_child *child, const call_body *body, bh_value *args, size_t count,
                       bh_error **err)
{
	bh_call_options options = BH_CALL_OPTIONS_INIT;
	options.deadline_ms = body->deadline_ms;
	options.done = over;
	options.done_data = exchange_ref(self);
	options.give_args = true;
	bh_call *call = NULL;
	bh_status status = bh_child_call_start(&call, child, body->export_, args, count, &options, err);
	if (status) {
		exchange_unref(self);
		return status;
	}
	self->work = call;
	self->release_work = release;
	exchange_may_abandon(self, abandon);
	return BH_OK;
}

static bh_status parse_and_start(exchange *self, bh_child *child, bh_export *callee, const call_body *body,
                                 bh_error **err)
{
	size_t count = bh_export_param_count(callee);
	bh_value *args = sv_alloc(count * sizeof *args);
	if (!args)
		return no_memory(err);
	bh_status status = body->wave ? bh_export_parse_args(args, callee, body->args, err)
	                              : bh_export_parse_json_args(args, callee, body->args, err);
	if (!status)
		status = start(self, child, body, args, count, err);
	if (status)
		for (size_t i = 0; i < count; i++)
			bh_value_deinit(&args[i]);
	sv_free(args);
	return status;
}

static bh_status call(exchange *self, bh_child *child, bh_error **err)
{
	bh_component *component = bh_child_component(child);
	if (!component) {
		answer_problem(self, MHD_HTTP_CONFLICT,
		               "%s cannot be called: it is a supervisor, or its component could not be loaded", self->child);
		return BH_OK;
	}
	call_body body = {0};
	bh_export *callee = NULL;
	bh_status status = call_body_read(&body, self->body.data, self->body.length, err);
	if (!status)
		status = bh_export_find(&callee, component, body.export_, err);
	if (!status)
		status = parse_and_start(self, child, callee, &body, err);
	bh_export_free(callee);
	bh_component_unref(component);
	call_body_deinit(&body);
	return status;
}

void route_call(exchange *self)
{
	bh_child *child = route_child(self);
	if (!child)
		return;
	bh_error *err = NULL;
	bh_status status = call(self, child, &err);
	if (status)
		answer_error(self, status, err);
	bh_error_free(err);
	bh_child_unref(child);
}
