/* POST start, stop, restart, reset, upgrade, and reload: what people ask for. It happens in its order, and events tell. */
#include <jansson.h>
#include <string.h>

#include "http.h"
#include "memory.h"

static void answer_state(exchange *self, unsigned status, bh_child *child)
{
	sv_text out = {0};
	js_open(&out, '{');
	js_put_text(&out, "path", self->child);
	js_put_text(&out, "state", bh_child_state_name(bh_child_state_of(child)));
	js_close(&out, '}');
	answer_json(self, status, &out);
}

static void ask(exchange *self, void (*what)(bh_child *child))
{
	bh_child *child = route_child(self);
	if (!child)
		return;
	what(child);
	answer_state(self, MHD_HTTP_ACCEPTED, child);
	bh_child_unref(child);
}

void route_start(exchange *self)
{
	ask(self, bh_child_start);
}

void route_stop(exchange *self)
{
	ask(self, bh_child_stop);
}

void route_restart(exchange *self)
{
	ask(self, bh_child_restart);
}

/* One that failed for good gets another chance; of another that is not asked for by mistake. */
void route_reset(exchange *self)
{
	bh_child *child = route_child(self);
	if (!child)
		return;
	bh_child_state state = bh_child_state_of(child);
	if (state == BH_CHILD_FAILED) {
		bh_child_start(child);
		answer_state(self, MHD_HTTP_ACCEPTED, child);
	} else {
		answer_problem(self, MHD_HTTP_CONFLICT, "%s did not fail for good: it is %s", self->child,
		               bh_child_state_name(state));
	}
	bh_child_unref(child);
}

/* Upgrades. */

static void upgraded(void *data, bh_status status, const bh_error *err)
{
	exchange *self = data;
	if (status) {
		answer_error(self, status, err);
	} else {
		sv_text out = {0};
		js_open(&out, '{');
		js_put_text(&out, "path", self->child);
		js_put_bool(&out, "upgraded", true);
		js_close(&out, '}');
		answer_json(self, MHD_HTTP_OK, &out);
	}
	exchange_unref(self);
}

static char *read_file_name(exchange *self)
{
	json_error_t wrong;
	json_t *body =
		json_loadb(self->body.data ? self->body.data : "", self->body.length, JSON_REJECT_DUPLICATES, &wrong);
	const char *file = json_string_value(json_object_get(body, "file"));
	char *copy = NULL;
	if (!body)
		answer_problem(self, MHD_HTTP_BAD_REQUEST, "the body is no JSON: %s", wrong.text);
	else if (!file || file[0] != '/' || json_object_size(body) != 1)
		answer_problem(self, MHD_HTTP_BAD_REQUEST, "the body is to be {\"file\": \"/an/absolute/path.wasm\"}");
	else if (!(copy = sv_copy(file)))
		answer_error(self, BH_E_NO_MEMORY, NULL);
	json_decref(body);
	return copy;
}

void route_upgrade(exchange *self)
{
	const admin_daemon *d = &self->server->daemon;
	bh_child *child = route_child(self);
	if (!child)
		return;
	bh_child_unref(child);
	if (!d->upgrade) {
		answer_problem(self, MHD_HTTP_NOT_IMPLEMENTED, "upgrades are not offered here");
		return;
	}
	SV_AUTO char *file = read_file_name(self);
	if (!file)
		return;
	bh_error *err = NULL;
	bh_status status = d->upgrade(d->data, self->child, file, upgraded, exchange_ref(self), &err);
	if (status) {
		answer_error(self, status, err);
		exchange_unref(self);
	}
	bh_error_free(err);
}

static void reloaded(void *data, bh_status status, const bh_error *err)
{
	exchange *self = data;
	sv_text out = {0};
	if (status) {
		answer_error(self, status, err);
	} else {
		js_open(&out, '{');
		js_put_bool(&out, "reloaded", true);
		js_close(&out, '}');
		answer_json(self, MHD_HTTP_OK, &out);
	}
	exchange_unref(self);
}

void route_reload(exchange *self)
{
	const admin_daemon *d = &self->server->daemon;
	if (!d->reload) {
		answer_problem(self, MHD_HTTP_NOT_IMPLEMENTED, "there is no configuration to read again");
		return;
	}
	bh_error *err = NULL;
	exchange_answer_within(self, self->server->bounds.reload_ms);
	bh_status status = d->reload(d->data, reloaded, exchange_ref(self), &err);
	if (status)
		reloaded(self, status, err);
	bh_error_free(err);
}
