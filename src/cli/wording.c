#include "wording.h"

#include <string.h>

#include "memory.h"
#include "text.h"

void wording_deinit(wording *words)
{
	x_free(words->message);
	x_free(words->hint);
	*words = (wording){0};
}

/* "100 ms", "1,000,000"; to be freed. */
static char *value_text(bh_limit limit, uint64_t value)
{
	char text[48];
	bh_limit_format(text, sizeof text, limit, value);
	return x_copy(text);
}

static wording timeout_words(const report *about, uint64_t allowed)
{
	X_AUTO char *limit = value_text(BH_LIMIT_EXECUTION_TIME, allowed);
	X_AUTO char *source = terms_source_text(about->terms, BH_LIMIT_EXECUTION_TIME);
	X_AUTO char *raise = terms_raise_text(about->terms, BH_LIMIT_EXECUTION_TIME);
	const bh_usage *usage = about->usage;
	bool metered = about->terms->limits.fuel != BH_UNLIMITED;
	X_AUTO char *fuel = metered ? x_format("%s fuel used", text_count(usage->fuel)) : x_copy("fuel not metered");
	/* A guest that waits takes next to no CPU time; one that computes may have to share its processor. */
	bool computing = usage->cpu_ns > usage->wall_ns / 10;
	X_AUTO char *doing = computing ? x_format("still computing: %s", fuel)
	                               : x_format("waiting (for input, output or a sleep): %s of CPU time, %s",
	                                          text_nanoseconds(usage->cpu_ns), fuel);
	return (wording){x_format("stopped after %s (%s)", limit, source),
	                 x_format("It was %s. Raise it with %s.", doing, raise)};
}

static wording fuel_words(const report *about, uint64_t allowed)
{
	X_AUTO char *limit = value_text(BH_LIMIT_FUEL, allowed);
	X_AUTO char *source = terms_source_text(about->terms, BH_LIMIT_FUEL);
	X_AUTO char *raise = terms_raise_text(about->terms, BH_LIMIT_FUEL);
	return (wording){x_format("out of fuel: all %s used (%s)", limit, source),
	                 x_format("Raise it with %s; --fuel unlimited takes it away.", raise)};
}

static wording memory_words(const report *about, uint64_t allowed, uint64_t attempted)
{
	X_AUTO char *limit = value_text(BH_LIMIT_MEMORY, allowed);
	X_AUTO char *wanted = attempted ? value_text(BH_LIMIT_MEMORY, attempted) : NULL;
	X_AUTO char *source = terms_source_text(about->terms, BH_LIMIT_MEMORY);
	X_AUTO char *raise = terms_raise_text(about->terms, BH_LIMIT_MEMORY);
	const char *what = about->usage ? "memory limit reached" : "it needs more memory to begin with than its limit";
	return (wording){x_format("%s: %s allowed%s%s%s (%s)", what, limit, wanted ? ", " : "", wanted ? wanted : "",
	                          wanted ? " wanted" : "", source),
	                 x_format("Raise it with %s.", raise)};
}

/* The limits that few people know: said with what they are about. */
static wording resource_words(const report *about, bh_limit limit, uint64_t allowed, uint64_t attempted)
{
	X_AUTO char *most = value_text(limit, allowed);
	X_AUTO char *wanted = attempted ? value_text(limit, attempted) : NULL;
	X_AUTO char *source = terms_source_text(about->terms, limit);
	X_AUTO char *raise = terms_raise_text(about->terms, limit);
	return (wording){x_format("limit reached: %s: %s allowed%s%s%s (%s)", bh_limit_describe(limit)->text, most,
	                          wanted ? ", " : "", wanted ? wanted : "", wanted ? " wanted" : "", source),
	                 x_format("Raise it with %s.", raise)};
}

/* A trap's kind says more than the engine's text for it; where it has more to tell, the causes hold it. */
static wording trap_words(const bh_error *err)
{
	const char *hint = bh_error_hint(err);
	return (wording){x_format("trapped: %s", bh_trap_text(bh_error_trap(err))), hint ? x_copy(hint) : NULL};
}

static wording exit_words(const bh_error *err)
{
	int status = bh_error_exit_status(err);
	return (wording){x_format("exited with %d before it returned a result", status), NULL};
}

/* Messages about files may begin with their names, which we put first ourselves. */
static const char *without_subject(const char *message, const char *subject)
{
	size_t length = subject ? strlen(subject) : 0;
	bool repeats = length && !strncmp(message, subject, length) && !strncmp(message + length, ": ", 2);
	return repeats ? message + length + 2 : message;
}

wording wording_of(const report *about, bh_status status, const bh_error *err)
{
	if (!err)
		return (wording){x_copy(bh_status_text(status)), NULL};
	uint64_t allowed, attempted;
	bh_limit limit = (bh_limit)bh_error_limit(err, &allowed, &attempted);
	if (status == BH_E_TIMEOUT && about->terms && about->usage)
		return timeout_words(about, allowed ? allowed : about->terms->limits.execution_ms);
	if (status == BH_E_OUT_OF_FUEL && about->terms)
		return fuel_words(about, allowed ? allowed : about->terms->limits.fuel);
	if (status == BH_E_MEMORY_LIMIT && about->terms && limit == BH_LIMIT_MEMORY)
		return memory_words(about, allowed ? allowed : about->terms->limits.memory, attempted);
	if (status == BH_E_RESOURCE_LIMIT && about->terms && bh_limit_describe(limit) && allowed)
		return resource_words(about, limit, allowed, attempted);
	if (status == BH_E_TRAP && bh_error_trap(err) > BH_TRAP_UNKNOWN)
		return trap_words(err);
	if (status == BH_E_EXIT)
		return exit_words(err);
	if (status == BH_E_CANCELLED)
		return (wording){x_copy("interrupted"), NULL};
	const char *hint = bh_error_hint(err);
	return (wording){x_copy(without_subject(bh_error_message(err), about->file)), hint ? x_copy(hint) : NULL};
}

/* What the compiler calls main() when it takes arguments is nothing that anybody wrote. */
static const char *source_name(const char *function)
{
	return strcmp(function, "__main_argc_argv") == 0 ? "main" : function;
}

char *wording_of_frame(const bh_frame *frame, bool whole_path)
{
	X_AUTO char *function = frame->function ? x_copy(source_name(frame->function))
	                                        : x_format("function %u", (unsigned)frame->function_index);
	if (frame->file && frame->line)
		return x_format("at %s (%s:%u)", function, whole_path ? frame->file : text_file_name(frame->file),
		                (unsigned)frame->line);
	if (frame->module)
		return x_format("at %s (%s+0x%x)", function, frame->module, (unsigned)frame->offset);
	return x_format("at %s (0x%x)", function, (unsigned)frame->offset);
}
