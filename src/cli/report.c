/* How a process reports is decided once, by its options, and kept here. */
#include "report.h"

#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "exit_code.h"
#include "interrupt.h"
#include "memory.h"
#include "output.h"
#include "report_json.h"
#include "text.h"
#include "wording.h"

enum { FRAMES_SHOWN = 8 };

static report_form form;
static bool verbose;

void report_as(report_form wanted, bool more)
{
	form = wanted;
	verbose = more;
}

bool report_is_json(void)
{
	return form != REPORT_TEXT;
}

bool report_is_verbose(void)
{
	return verbose;
}

static FILE *json_stream(void)
{
	return form == REPORT_JSON ? stdout : stderr;
}

/* Frames are worth their lines when they carry names, and when the guest was stopped for what it did just there. */
static bool frames_tell(const report *about, const bh_error *err)
{
	bool named = false;
	for (size_t i = 0; i < bh_error_frame_count(err); i++)
		named = named || bh_error_frame(err, i)->function;
	if (bh_error_status(err) == BH_E_MEMORY_LIMIT)
		return named && about->terms && about->terms->limits.on_memory_limit == BH_MEMORY_LIMIT_TRAP;
	return named && bh_error_status(err) == BH_E_TRAP;
}

static void say_frames(const report *about, const bh_error *err)
{
	size_t count = bh_error_frame_count(err), shown = 0;
	if (!verbose && !frames_tell(about, err))
		return;
	for (; shown < count && (verbose || shown < FRAMES_SHOWN); shown++) {
		X_AUTO char *line = wording_of_frame(bh_error_frame(err, shown), verbose);
		say_more("    %s", line);
	}
	if (shown < count)
		say_more("    ... %zu more (--verbose)", count - shown);
}

static void say_details(const report *about, const bh_error *err)
{
	say_frames(about, err);
	for (size_t i = 0; verbose && i < bh_error_cause_count(err); i++)
		say_more("cause: %s", bh_error_cause(err, i));
}

static void say_coredump(const report *about)
{
	if (about->no_coredump)
		say_remark(about->file, "warning: --coredump: %s", about->no_coredump);
	else if (about->coredump)
		say_remark(about->file, "core dump written to %s", about->coredump);
}

static void say_failure(const report *about, const bh_error *err, const wording *words)
{
	const bh_location *where = err ? bh_error_location(err) : NULL;
	if (where && where->file && where->line) {
		X_AUTO char *place = x_format("%s:%" PRIu32 ":%" PRIu32, where->file, where->line, where->column);
		say_error(place, "%s", words->message);
	} else {
		say_error(about->file, "%s", words->message);
	}
	if (err)
		say_details(about, err);
	if (words->hint)
		say_more("%s", words->hint);
	report_usage(about);
	say_coredump(about);
}

static int tell(const report *about, bh_status status, const bh_error *err, const wording *words, int code)
{
	if (report_is_json())
		report_json_error(json_stream(), about, status, err, words, code);
	else
		say_failure(about, err, words);
	return code;
}

int report_error(const report *about, bh_status status, bh_error *err, int code)
{
	wording words = wording_of(about, status, err);
	tell(about, status, err, &words, code < 0 ? exit_code_of(status) : code);
	wording_deinit(&words);
	bh_error_free(err);
	return code < 0 ? exit_code_of(status) : code;
}

int report_words(const report *about, bh_status status, const char *message, const char *hint)
{
	const wording words = {(char *)message, (char *)hint};
	return tell(about, status, NULL, &words, exit_code_of(status));
}

static char *text_of_interrupt(const report *about, int code)
{
	const wording words = {(char *)"interrupted", NULL};
	if (!report_is_json()) {
		X_AUTO char *line = output_error_line(about->file, words.message);
		return x_format("%s%s", isatty(STDERR_FILENO) ? "\r\033[K" : "", line); /* over the line of progress */
	}
	char *text = NULL;
	size_t length;
	FILE *memory = open_memstream(&text, &length);
	if (memory)
		report_json_error(memory, about, BH_E_CANCELLED, NULL, &words, code);
	if (!memory || fclose(memory))
		x_no_memory();
	return text;
}

void report_if_interrupted(const report *about)
{
	static const int signals[] = {SIGINT, SIGTERM};
	for (size_t i = 0; i < X_COUNT(signals); i++)
		interrupt_says(signals[i], report_is_json() ? fileno(json_stream()) : STDERR_FILENO,
		               text_of_interrupt(about, 128 + signals[i]));
}

int report_missing_file(const char *path, int number)
{
	bh_status status = number == ENOENT || number == ENOTDIR ? BH_E_NOT_FOUND : BH_E_IO;
	X_AUTO char *message =
		status == BH_E_NOT_FOUND ? x_copy("no such file") : x_format("cannot be reached: %s", strerror(number));
	return report_words(&(report){.file = path}, status, message, NULL);
}

/* What a start is made of. */
static void say_phases(const report *about)
{
	const bh_component_needs *needs = about->needs;
	if (!needs)
		return;
	X_AUTO char *compiled =
		needs->compile_ns ? x_format(", compiling %s", text_nanoseconds(needs->compile_ns)) : x_copy("");
	X_AUTO char *kept = needs->keep_ns ? x_format(", caching %s", text_nanoseconds(needs->keep_ns)) : x_copy("");
	say_more("start: finding %s%s%s, instantiating %s", text_nanoseconds(needs->find_ns), compiled, kept,
	         text_nanoseconds(about->usage->instantiate_ns));
}

char *host_time_text(uint64_t ns)
{
	return ns ? x_format(", host functions %s", text_nanoseconds(ns)) : x_copy("");
}

void report_usage(const report *about)
{
	const bh_usage *usage = about->usage;
	if (!about->show_usage || !usage || report_is_json())
		return;
	bool metered = about->terms->limits.fuel != BH_UNLIMITED;
	X_AUTO char *fuel = metered ? x_format("fuel %" PRIu64, usage->fuel) : x_copy("fuel not metered");
	X_AUTO char *refused =
		usage->refused_growths ? x_format(", %" PRIu64 " growths refused", usage->refused_growths) : x_copy("");
	X_AUTO char *host = host_time_text(usage->host_ns);
	bool cached = about->needs && about->needs->origin != BH_CODE_COMPILED;
	say_more("usage: wall %s, cpu %s%s, %s, peak memory %s of %s%s, %s in %s%s", text_nanoseconds(usage->wall_ns),
	         text_nanoseconds(usage->cpu_ns), host, fuel, text_bytes(usage->peak_memory),
	         text_bytes(about->terms->limits.memory), refused, cached ? "loaded" : "compiled",
	         text_nanoseconds(about->load_ns), cached ? " (cached)" : "");
	say_phases(about);
}

int report_exit(const report *about, int status)
{
	if (report_is_json()) {
		report_json_exit(json_stream(), about, status);
		return status;
	}
	bool wanted_files = about->imports_files && !terms_grant_folders(about->terms);
	if (status && (wanted_files || verbose))
		say_remark(about->file, "exited with %d", status);
	if (status && wanted_files)
		say_more(
			"note: it imports wasi:filesystem and no folder is granted. To let it read one: --dir ./data::/data:ro\n"
			"or in Component.toml:  [permissions]  filesystem.read = [\"./data\"]");
	report_usage(about);
	return status;
}

int report_missing_limits(const char *file, const char *command_name)
{
	X_AUTO char *name = text_component_name(file);
	const char *rest = strcmp(command_name, "call") == 0 ? " 'export(args)'" : "";
	char *example = bh_manifest_example(name);
	X_AUTO char *shown = text_indent(example ? example : "", 4);
	bh_string_free(example);
	X_AUTO char *hint = x_format("A component must say how much it may use. Put a Component.toml beside it:\n\n"
	                             "%s\n"
	                             "or write one with:  bulkhead init %s\n"
	                             "or for this run:    bulkhead %s --memory 64MB %s%s",
	                             shown, file, command_name, file, rest);
	return report_words(&(report){.file = file}, BH_E_MISSING_LIMITS, "no memory limit declared", hint);
}
