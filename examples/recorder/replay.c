/* The calls of a record once more: what the guest imports is answered from the record, and compared with it. */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "recorder.h"

typedef struct {
	const record *record;
	size_t at, end; /* imports of the call under way that are to come; then the call itself */
	size_t answered, calls;
	unsigned differences;
	bool damaged; /* the record is */
} replaying;

__attribute__((format(printf, 3, 4))) static void differs(replaying *r, const entry *e, const char *format, ...)
{
	va_list args;
	va_start(args, format);
	printf("%s:%u: ", r->record->path, e->line);
	vprintf(format, args);
	putchar('\n');
	va_end(args);
	r->differences++;
}

static bool same_text(const char *a, const char *b)
{
	return a && b ? !strcmp(a, b) : a == b;
}

static bool same_function(const entry *e, const bh_intercepted *call)
{
	return !strcmp(e->function, call->function) && same_text(e->interface, call->interface);
}

static void compare_args(replaying *r, const entry *e, const bh_intercepted *call)
{
	json_t *args = texts_of(call->args, call->arg_count);
	if (args && !json_equal(args, e->args)) {
		char *now = call_text(call->function, args), *then = call_text(e->function, e->args);
		differs(r, e, "it calls %s; recorded is %s", now ? now : call->function, then ? then : e->function);
		free(now);
		free(then);
	}
	json_decref(args);
}

static bh_status answer(replaying *r, const entry *e, const bh_intercepted *call, bh_value *result, bh_error **err)
{
	if (e->status)
		return bh_error_new(err, e->status, "%s", e->error ? e->error : "as recorded");
	if (!e->result && !call->result_type)
		return BH_OK;
	bh_error *why = NULL;
	bh_status status = BH_E_TYPE;
	if (e->result && call->result_type)
		status = value_of(result, call->result_type, e->result, &why);
	if (!status)
		return BH_OK;
	fprintf(stderr, "recorder: %s:%u: %s is no answer to %s: %s\n", r->record->path, e->line,
	        e->result ? e->result : "nothing", call->function,
	        why ? bh_error_message(why) : "it has a result, or has none, other than then");
	bh_error_free(why);
	r->damaged = true;
	return bh_error_new(err, status, "the record has no answer");
}

static bh_status imported(void *data, const bh_intercepted *call, bh_value *result, bool *answered, bh_error **err)
{
	replaying *r = data;
	const entry *e = &r->record->entries[r->at];
	if (r->at == r->end || !same_function(e, call)) {
		differs(r, e, "it calls %s; recorded is %s %s", call->function, r->at == r->end ? "the end of" : "a call of",
		        e->function);
		return bh_error_new(err, BH_E_NOT_FOUND, "the record has no such call here");
	}
	r->at++;
	r->answered++;
	compare_args(r, e, call);
	*answered = true;
	return answer(r, e, call, result, err);
}

static void compare_result(replaying *r, const entry *e, bh_status status, const bh_value *result, const bh_error *why)
{
	const json_t *null = json_null();
	json_t *text = status || result->kind == BH_KIND_NONE ? json_null() : text_of(result);
	if (status != e->status)
		differs(r, e, "%s ends with %s%s%s; recorded is %s", e->function, bh_status_name(status), why ? ": " : "",
		        why ? bh_error_message(why) : "", bh_status_name(e->status));
	else if (!same_text(json_string_value(text), e->result))
		differs(r, e, "%s returns %s; recorded is %s", e->function, text == null ? "nothing" : json_string_value(text),
		        e->result ? e->result : "nothing");
	json_decref(text);
}

static bh_status call(replaying *r, guest *g, const entry *e, bh_export *export_)
{
	size_t count = bh_export_param_count(export_);
	bh_value *args = calloc(count + 1, sizeof *args), result = BH_VALUE_INIT;
	char *text = call_text("", e->args);
	bh_error *why = NULL;
	bh_status status = text ? BH_E_NO_MEMORY : BH_E_UNSUPPORTED; /* a handle has no text */
	if (args && text && !(status = bh_export_parse_args(args, export_, text, &why))) {
		status = guest_call(g, export_, args, &result, &why);
		compare_result(r, e, status, &result, why);
		if (r->at < r->end)
			differs(r, &r->record->entries[r->at], "%s is not called any more", r->record->entries[r->at].function);
		status = BH_OK;
	} else if (status == BH_E_TYPE) {
		differs(r, e, "%s takes other arguments: %s", e->function, bh_error_message(why));
		status = BH_OK;
	}
	bh_error_free(why);
	bh_value_deinit(&result);
	for (size_t i = 0; args && i < count; i++)
		bh_value_deinit(&args[i]);
	free(args);
	free(text);
	return status;
}

/* The call of entry `at`, before which its imports were recorded. */
static bool call_again(replaying *r, guest *g, size_t from, size_t at)
{
	const entry *e = &r->record->entries[at];
	bh_export *export_ = NULL;
	char *name = NULL;
	r->at = from;
	r->end = at;
	r->calls++;
	if (e->interface && asprintf(&name, "%s#%s", e->interface, e->function) < 0)
		return false;
	bh_status status = bh_export_find(&export_, g->component, name ? name : e->function, NULL);
	if (status == BH_E_NO_EXPORT)
		differs(r, e, "there is no %s any more", e->function);
	else if (!status && (status = call(r, g, e, export_)))
		fprintf(stderr, "recorder: %s:%u: cannot be replayed: %s\n", r->record->path, e->line, bh_status_text(status));
	free(name);
	bh_export_free(export_);
	return !status || status == BH_E_NO_EXPORT;
}

static bool call_all(replaying *r, guest *g)
{
	size_t from = 0;
	for (size_t i = 0; i < r->record->count; i++) {
		if (r->record->entries[i].import)
			continue;
		if (!call_again(r, g, from, i) || r->damaged)
			return false;
		from = i + 1;
	}
	return true;
}

int replay(const record *from, const char *component)
{
	replaying r = {.record = from};
	guest g = {0};
	bh_error *err = NULL;
	bh_interceptors *set = NULL;
	bh_interceptor answering = BH_INTERCEPTOR_INIT;
	answering.before_import = imported;
	answering.data = &r;
	bh_status status = bh_interceptors_new(&set, &err);
	if (!status)
		status = bh_interceptors_add(set, &answering, &err);
	if (!status)
		status = guest_load(&g, component, set, &err);
	int code = status ? report(component, err) : SAME;
	if (!code && !call_all(&r, &g))
		code = FAILED;
	else if (!code)
		printf("%zu calls, %zu imports answered: %u differences\n", r.calls, r.answered, r.differences);
	guest_unload(&g);
	bh_interceptors_free(set);
	return code ? code : r.differences ? DIFFERENT : SAME;
}
