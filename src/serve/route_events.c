/*
 * GET /v1/events: Server-Sent Events. Each reader has a subscription of his own, so that a slow one misses what the tree
 * keeps no longer, is told how much that was, and holds up nobody.
 */
#include <stdlib.h>
#include <string.h>

#include "http.h"
#include "memory.h"

enum { EVENTS_A_LOOK = 32 };

typedef struct {
	bh_supervisor *tree;
	bh_subscription *events;
	uint64_t after; /* events up to this one were told before */
	uint64_t seen;  /* the last one there was */
	bool resumes;   /* it has still to be seen where he goes on */
	bool once;      /* he wants what there is, and does not wait for more */
	uint64_t said_at, heartbeat_ms;
} reader;

static void release(void *data)
{
	reader *r = data;
	bh_subscription_free(r->events);
	sv_free(r);
}

static void put_cause(sv_text *out, const bh_error *cause)
{
	js_key(out, "cause");
	if (!cause) {
		js_null(out);
		return;
	}
	bool trapped = bh_error_trap(cause) != BH_TRAP_NONE;
	js_open(out, '{');
	js_put_text(out, "code", bh_status_name(bh_error_status(cause)));
	js_put_text(out, "kind", bh_status_kind(bh_error_status(cause)));
	js_put_text(out, "message", bh_error_message(cause));
	js_put_text(out, "hint", bh_error_hint(cause));
	js_put_text(out, "trap", trapped ? bh_trap_name(bh_error_trap(cause)) : NULL);
	js_key(out, "frames");
	js_open(out, '[');
	for (size_t i = 0; i < bh_error_frame_count(cause); i++) {
		const bh_frame *frame = bh_error_frame(cause, i);
		js_open(out, '{');
		js_put_text(out, "function", frame->function);
		js_put_text(out, "module", frame->module);
		js_put_number(out, "offset", frame->offset);
		js_close(out, '}');
	}
	js_close(out, ']');
	js_close(out, '}');
}

/* In words, and as numbers where it was about how many restarts there were. */
static void put_reason(sv_text *out, const bh_supervisor_event *e)
{
	char *reason = bh_supervisor_event_reason(e);
	js_put_text(out, "reason", reason);
	bh_string_free(reason);
	js_key(out, "intensity");
	if (!e->window_ms) {
		js_null(out);
		return;
	}
	js_open(out, '{');
	js_put_number(out, "restarts", e->counted);
	js_put_number(out, "most_restarts", e->most_restarts);
	js_put_number(out, "window_ms", e->window_ms);
	js_close(out, '}');
}

static void put_exit(sv_text *out, const bh_supervisor_event *e)
{
	js_put_text(out, "exit", bh_exit_name(e->exit));
	js_put_text(out, "decision", bh_decision_name(e->decision));
	put_reason(out, e);
	js_put_number(out, "delay_ms", e->delay_ms);
	put_cause(out, e->cause);
	js_key(out, "usage");
	js_open(out, '{');
	js_put_number(out, "fuel", e->usage.fuel);
	js_put_number(out, "wall_ns", e->usage.wall_ns);
	js_put_number(out, "host_ns", e->usage.host_ns);
	js_put_number(out, "peak_memory", e->usage.peak_memory);
	js_close(out, '}');
}

static void put_event(sv_text *out, const bh_supervisor_event *e)
{
	sv_text data = {0};
	js_open(&data, '{');
	js_put_number(&data, "sequence", e->sequence);
	if (e->lost) {
		js_put_number(&data, "lost", e->lost);
	} else {
		js_put_number(&data, "time_ms", (uint64_t)e->time_ms);
		js_put_text(&data, "kind", bh_event_name(e->kind));
		js_put_text(&data, "path", e->path);
		js_put_number(&data, "generation", e->generation);
		js_put_text(&data, "health", bh_health_name(e->health));
		if (e->kind == BH_EVENT_EXITED)
			put_exit(&data, e);
		else if (e->cause)
			put_cause(&data, e->cause);
	}
	js_close(&data, '}');
	SV_AUTO char *json = sv_text_take(&data);
	if (json)
		sv_text_add(out, "id: %llu\nevent: %s\ndata: %s\n\n", (unsigned long long)e->sequence,
		            e->lost ? "gap" : bh_event_name(e->kind), json);
	else
		out->failed = true;
}

/* The first one that he has not had yet is not the next one: those between were overwritten. */
static void put_gap(reader *r, sv_text *out, uint64_t before)
{
	const bh_supervisor_event gap = {.sequence = before - 1, .lost = before - 1 - r->after};
	if (r->resumes && gap.lost)
		put_event(out, &gap);
	r->resumes = false;
}

/* What he had last never was: he was here when another daemon was, and has had nothing of this one's. */
static bool begin_anew(reader *r)
{
	bh_subscription *fresh = NULL;
	if (!r->resumes || r->seen >= r->after || bh_subscription_new(&fresh, r->tree, true, NULL))
		return false;
	bh_subscription_free(r->events);
	r->events = fresh;
	r->after = 0;
	return true;
}

/* False: the tree is gone. */
static bool put_next(reader *r, sv_text *out, bool *none)
{
	bh_supervisor_event event = BH_SUPERVISOR_EVENT_INIT;
	bh_status status = bh_subscription_next(r->events, &event, 0, NULL);
	*none = status != BH_OK && !begin_anew(r);
	if (!status) {
		r->seen = event.sequence;
		if (event.sequence > r->after) {
			put_gap(r, out, event.lost ? r->after + 1 : event.sequence);
			put_event(out, &event);
		}
	}
	bh_supervisor_event_deinit(&event);
	return status != BH_E_DOWN;
}

static bool fill(void *data, sv_text *out)
{
	reader *r = data;
	bool none = false, more = true;
	for (int i = 0; i < EVENTS_A_LOOK && more && !none; i++)
		more = put_next(r, out, &none);
	uint64_t now = now_ms();
	if (!out->length && now - r->said_at >= r->heartbeat_ms)
		sv_text_add(out, ":\n\n");
	if (out->length)
		r->said_at = now;
	return more && !(r->once && none);
}

/* From where a reader goes on, who was here before; 0: he was not. */
static uint64_t last_id(const exchange *self, bool *given)
{
	const char *text = MHD_lookup_connection_value(self->connection, MHD_HEADER_KIND, "Last-Event-ID");
	if (!text)
		text = exchange_query(self, "after");
	*given = text && *text && !text[strspn(text, "0123456789")] && strlen(text) <= 19;
	return *given ? strtoull(text, NULL, 10) : 0;
}

void route_events(exchange *self)
{
	bool resumes;
	const char *follows = exchange_query(self, "follow");
	if (follows && strcmp(follows, "1") != 0 && strcmp(follows, "0") != 0) {
		answer_problem(self, MHD_HTTP_BAD_REQUEST, "follow: 1 or 0");
		return;
	}
	uint64_t after = last_id(self, &resumes);
	bh_error *err = NULL;
	if (self->head) {
		answer_text(self, "text/event-stream", sv_copy(""));
		return;
	}
	reader *r = sv_alloc(sizeof *r);
	bh_status status = r ? bh_subscription_new(&r->events, self->server->daemon.tree, resumes, &err) : BH_E_NO_MEMORY;
	if (status) {
		sv_free(r);
		answer_error(self, status, err);
		bh_error_free(err);
		return;
	}
	r->tree = self->server->daemon.tree;
	r->after = after;
	r->resumes = resumes;
	r->once = follows && *follows == '0';
	r->heartbeat_ms = self->server->bounds.heartbeat_ms;
	answer_stream(self, "text/event-stream", fill, release, r);
}
