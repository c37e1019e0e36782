#include "base/error.h"

#include <stdio.h>
#include <string.h>

#include "bulkhead/coredump.h"

/* More would be noise, and a hostile guest must not make an error cost much memory. */
enum { MAX_CAUSES = 16, MAX_FRAMES = 64 };

struct bh_error {
	bh_status status;
	bh_trap trap;
	int exit_status;
	int limit;
	uint64_t allowed;
	uint64_t attempted;
	char *message;
	char *hint;
	char *causes[MAX_CAUSES];
	size_t cause_count;
	bh_frame *frames;
	size_t frame_count;
	void *coredump;
	size_t coredump_length;
	bh_location location;
	bool located;
};

/* Handed out when there is no memory for an error; never changed, never freed. */
static bh_error out_of_memory = {.status = BH_E_NO_MEMORY};

static bool writable(const bh_error *e)
{
	return e && e != &out_of_memory;
}

__attribute__((format(printf, 3, 0))) static bh_error *make(bh_error **err, bh_status status, const char *format,
                                                            va_list args)
{
	if (!err)
		return NULL;
	bh_error *e = bh_calloc(1, sizeof *e);
	char *message = e ? bh_vformat(format, args) : NULL;
	if (!message) {
		bh_free(e);
		*err = &out_of_memory;
		return NULL;
	}
	e->status = status;
	e->message = message;
	*err = e;
	return e;
}

bh_status bh_fail(bh_error **err, bh_status status, const char *format, ...)
{
	va_list args;
	va_start(args, format);
	make(err, status, format, args);
	va_end(args);
	return status;
}

bh_status bh_vfail(bh_error **err, bh_status status, const char *format, va_list args)
{
	make(err, status, format, args);
	return status;
}

bh_status bh_error_new(bh_error **err, bh_status status, const char *format, ...)
{
	va_list args;
	va_start(args, format);
	make(err, status, format, args);
	va_end(args);
	return status;
}

bh_error *bh_error_begin(bh_error **err, bh_status status, const char *format, ...)
{
	va_list args;
	va_start(args, format);
	bh_error *e = make(err, status, format, args);
	va_end(args);
	return e;
}

bh_status bh_fail_errno(bh_error **err, bh_status status, int number, const char *format, ...)
{
	va_list args;
	va_start(args, format);
	bh_error *e = make(err, status, format, args);
	va_end(args);
	if (e) {
		char text[128];
		const char *reason = strerror_r(number, text, sizeof text);
		char *longer = bh_format("%s: %s", e->message, reason);
		if (longer) {
			bh_free(e->message);
			e->message = longer;
		}
	}
	return status;
}

bh_status bh_fail_memory(bh_error **err)
{
	if (err)
		*err = &out_of_memory;
	return BH_E_NO_MEMORY;
}

void bh_error_hint_set(bh_error *e, const char *format, ...)
{
	if (!writable(e))
		return;
	va_list args;
	va_start(args, format);
	bh_free(e->hint);
	e->hint = bh_vformat(format, args);
	va_end(args);
}

void bh_error_prefix(bh_error *e, const char *format, ...)
{
	if (!writable(e))
		return;
	va_list args;
	va_start(args, format);
	BH_AUTO(bh_free) char *prefix = bh_vformat(format, args);
	va_end(args);
	char *longer = prefix ? bh_format("%s%s", prefix, e->message) : NULL;
	if (!longer)
		return;
	bh_free(e->message);
	e->message = longer;
}

void bh_error_cause_add(bh_error *e, const char *format, ...)
{
	if (!writable(e) || e->cause_count == MAX_CAUSES)
		return;
	va_list args;
	va_start(args, format);
	char *cause = bh_vformat(format, args);
	va_end(args);
	if (cause)
		e->causes[e->cause_count++] = cause;
}

void bh_error_trap_set(bh_error *e, bh_trap trap)
{
	if (writable(e))
		e->trap = trap;
}

void bh_error_exit_set(bh_error *e, int status)
{
	if (writable(e))
		e->exit_status = status;
}

void bh_error_limit_set(bh_error *e, int limit, uint64_t allowed, uint64_t attempted)
{
	if (!writable(e))
		return;
	e->limit = limit;
	e->allowed = allowed;
	e->attempted = attempted;
}

static const char *copy_or_null(const char *text)
{
	return text ? bh_strdup(text) : NULL;
}

void bh_error_frame_add(bh_error *e, const bh_frame *frame)
{
	if (!writable(e) || e->frame_count == MAX_FRAMES)
		return;
	if (!e->frames)
		e->frames = bh_calloc(MAX_FRAMES, sizeof *e->frames);
	if (!e->frames)
		return;
	bh_frame *kept = &e->frames[e->frame_count++];
	*kept = *frame;
	kept->function = copy_or_null(frame->function);
	kept->module = copy_or_null(frame->module);
	kept->file = copy_or_null(frame->file);
}

void bh_error_coredump_set(bh_error *e, void *dump, size_t length)
{
	if (!writable(e) || e->coredump) {
		bh_free(dump);
		return;
	}
	e->coredump = dump;
	e->coredump_length = length;
}

void bh_error_location_set(bh_error *e, const bh_location *where)
{
	if (!writable(e) || e->located)
		return;
	e->location = *where;
	e->location.file = copy_or_null(where->file);
	e->location.key = copy_or_null(where->key);
	e->located = true;
}

bh_status bh_error_status(const bh_error *e)
{
	return e->status;
}

const char *bh_error_message(const bh_error *e)
{
	return e->message ? e->message : bh_status_text(e->status);
}

const char *bh_error_hint(const bh_error *e)
{
	return e->hint;
}

size_t bh_error_cause_count(const bh_error *e)
{
	return e->cause_count;
}

const char *bh_error_cause(const bh_error *e, size_t index)
{
	return index < e->cause_count ? e->causes[index] : NULL;
}

bh_trap bh_error_trap(const bh_error *e)
{
	return e->trap;
}

size_t bh_error_frame_count(const bh_error *e)
{
	return e->frame_count;
}

const bh_frame *bh_error_frame(const bh_error *e, size_t index)
{
	return index < e->frame_count ? &e->frames[index] : NULL;
}

const void *bh_error_coredump(const bh_error *e, size_t *length)
{
	if (length)
		*length = e->coredump_length;
	return e->coredump;
}

int bh_error_limit(const bh_error *e, uint64_t *allowed, uint64_t *attempted)
{
	if (allowed)
		*allowed = e->allowed;
	if (attempted)
		*attempted = e->attempted;
	return e->limit;
}

int bh_error_exit_status(const bh_error *e)
{
	return e->exit_status;
}

const bh_location *bh_error_location(const bh_error *e)
{
	return e->located ? &e->location : NULL;
}

bh_error *bh_error_copy(const bh_error *e)
{
	if (!e || !writable(e))
		return (bh_error *)e;
	bh_error *copy = NULL;
	if (!bh_error_begin(&copy, e->status, "%s", e->message))
		return copy;
	copy->trap = e->trap;
	copy->exit_status = e->exit_status;
	copy->hint = (char *)copy_or_null(e->hint);
	bh_error_limit_set(copy, e->limit, e->allowed, e->attempted);
	for (size_t i = 0; i < e->cause_count; i++)
		bh_error_cause_add(copy, "%s", e->causes[i]);
	for (size_t i = 0; i < e->frame_count; i++)
		bh_error_frame_add(copy, &e->frames[i]);
	if (e->located)
		bh_error_location_set(copy, &e->location);
	return copy;
}

void bh_error_free(bh_error *e)
{
	if (!writable(e))
		return;
	for (size_t i = 0; i < e->cause_count; i++)
		bh_free(e->causes[i]);
	for (size_t i = 0; i < e->frame_count; i++) {
		bh_free((char *)e->frames[i].function);
		bh_free((char *)e->frames[i].module);
		bh_free((char *)e->frames[i].file);
	}
	bh_free(e->frames);
	bh_free(e->coredump);
	bh_free((char *)e->location.file);
	bh_free((char *)e->location.key);
	bh_free(e->hint);
	bh_free(e->message);
	bh_free(e);
}
