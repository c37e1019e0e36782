/* Errors as application/problem+json (RFC 9457), and the HTTP status of each of ours. */
#include <stdarg.h>
#include <string.h>

#include "http.h"
#include "memory.h"

/* One place; the compiler says when a status is missing. */
unsigned problem_http_status(bh_status status)
{
	switch (status) {
	case BH_OK:
		return MHD_HTTP_OK;
	case BH_E_INVALID:
	case BH_E_TYPE:
		return MHD_HTTP_BAD_REQUEST;
	case BH_E_NOT_FOUND:
	case BH_E_NO_EXPORT:
		return MHD_HTTP_NOT_FOUND;
	case BH_E_IO:
	case BH_E_NOT_A_COMPONENT:
	case BH_E_PARSE:
	case BH_E_VALIDATION:
	case BH_E_COMPILE:
	case BH_E_LINK:
	case BH_E_STALE:
	case BH_E_UNTRUSTED:
	case BH_E_CONFIG:
	case BH_E_MISSING_LIMITS:
	case BH_E_POLICY:
	case BH_E_UNSUPPORTED:
	case BH_E_EXIT:
	case BH_E_TRAP:
	case BH_E_DENIED:
	case BH_E_HOST_FUNCTION:
	case BH_E_OUT_OF_FUEL:
	case BH_E_MEMORY_LIMIT:
	case BH_E_RESOURCE_LIMIT:
	case BH_E_BAD_RESULT:
		return MHD_HTTP_UNPROCESSABLE_CONTENT;
	case BH_E_TIMEOUT:
	case BH_E_DEADLINE:
		return MHD_HTTP_GATEWAY_TIMEOUT;
	case BH_E_BUSY:
		return MHD_HTTP_TOO_MANY_REQUESTS;
	case BH_E_POISONED:
	case BH_E_CANCELLED:
	case BH_E_DOWN:
	case BH_E_NO_MEMORY:
		return MHD_HTTP_SERVICE_UNAVAILABLE;
	case BH_E_SYSTEM:
	case BH_E_ENGINE:
	case BH_E_WRONG_HOST:
		return MHD_HTTP_INTERNAL_SERVER_ERROR;
	}
	return MHD_HTTP_INTERNAL_SERVER_ERROR;
}

static void put_details(sv_text *out, const bh_error *err)
{
	bool trapped = err && bh_error_trap(err) != BH_TRAP_NONE;
	js_put_text(out, "trap", trapped ? bh_trap_name(bh_error_trap(err)) : NULL);
	js_put_text(out, "hint", err ? bh_error_hint(err) : NULL);
	js_key(out, "causes");
	js_open(out, '[');
	for (size_t i = 0; err && i < bh_error_cause_count(err); i++)
		js_text(out, bh_error_cause(err, i));
	js_close(out, ']');
	js_key(out, "frames");
	js_open(out, '[');
	for (size_t i = 0; err && i < bh_error_frame_count(err); i++) {
		const bh_frame *frame = bh_error_frame(err, i);
		js_open(out, '{');
		js_put_text(out, "function", frame->function);
		js_put_text(out, "module", frame->module);
		js_put_text(out, "file", frame->file);
		js_put_number(out, "line", frame->line);
		js_put_number(out, "offset", frame->offset);
		js_close(out, '}');
	}
	js_close(out, ']');
}

static void put_limit(sv_text *out, const bh_error *err)
{
	uint64_t allowed = 0, attempted = 0;
	const bh_limit_info *info = err ? bh_limit_describe((bh_limit)bh_error_limit(err, &allowed, &attempted)) : NULL;
	js_key(out, "limit");
	if (!info) {
		js_null(out);
		return;
	}
	js_open(out, '{');
	js_put_text(out, "name", info->key);
	js_put_number(out, "allowed", allowed);
	js_put_number(out, "attempted", attempted);
	js_close(out, '}');
}

/* Where in a configuration it lies. */
static void put_location(sv_text *out, const bh_error *err)
{
	const bh_location *where = err ? bh_error_location(err) : NULL;
	js_key(out, "location");
	if (!where) {
		js_null(out);
		return;
	}
	js_open(out, '{');
	js_put_text(out, "file", where->file);
	js_put_number(out, "line", where->line);
	js_put_number(out, "column", where->column);
	js_put_text(out, "key", where->key);
	js_close(out, '}');
}

void problem_begin(sv_text *out, const exchange *about, unsigned http_status, bh_status status, const bh_error *err)
{
	js_open(out, '{');
	js_put_text(out, "type", "about:blank");
	js_put_text(out, "title", MHD_get_reason_phrase_for(http_status));
	js_put_number(out, "status", http_status);
	js_put_text(out, "detail", err ? bh_error_message(err) : bh_status_text(status));
	js_put_text(out, "instance", about->url);
	js_put_text(out, "code", status ? bh_status_name(status) : NULL);
	js_put_text(out, "kind", status ? bh_status_kind(status) : NULL);
	put_details(out, err);
	put_limit(out, err);
	put_location(out, err);
}

void problem_end(sv_text *out)
{
	js_close(out, '}');
}

/* Without memory for its words, the status says it. */
void answer_problem_text(exchange *self, unsigned status, sv_text *body)
{
	size_t length = body->length;
	answer what = {.status = status,
	               .retry_s = status == MHD_HTTP_TOO_MANY_REQUESTS || status == MHD_HTTP_SERVICE_UNAVAILABLE};
	what.body = sv_text_take(body);
	what.length = what.body ? length : 0;
	what.type = what.body ? "application/problem+json" : NULL;
	exchange_answer(self, what);
}

void answer_error(exchange *self, bh_status status, const bh_error *err)
{
	sv_text body = {0};
	unsigned http_status = problem_http_status(status);
	problem_begin(&body, self, http_status, status, err);
	problem_end(&body);
	answer_problem_text(self, http_status, &body);
}

void answer_problem(exchange *self, unsigned status, const char *format, ...)
{
	va_list args;
	va_start(args, format);
	SV_AUTO char *detail = sv_vformat(format, args);
	va_end(args);
	sv_text body = {0};
	js_open(&body, '{');
	js_put_text(&body, "type", "about:blank");
	js_put_text(&body, "title", MHD_get_reason_phrase_for(status));
	js_put_number(&body, "status", status);
	js_put_text(&body, "detail", detail);
	js_put_text(&body, "instance", self->url);
	js_close(&body, '}');
	answer_problem_text(self, status, &body);
}

void answer_json(exchange *self, unsigned status, sv_text *body)
{
	size_t length = body->length;
	char *text = sv_text_take(body);
	if (text)
		exchange_answer(self, (answer){.status = status, .type = "application/json", .body = text, .length = length});
	else
		answer_error(self, BH_E_NO_MEMORY, NULL);
}

void answer_text(exchange *self, const char *type, char *text)
{
	if (text)
		exchange_answer(self, (answer){.status = MHD_HTTP_OK, .type = type, .body = text, .length = strlen(text)});
	else
		answer_error(self, BH_E_NO_MEMORY, NULL);
}
