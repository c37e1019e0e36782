/* A process has one stdout and one stderr: whether it is quiet, and what became of stdout, is kept here. */
#include "output.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "exit_code.h"
#include "memory.h"
#include "text.h"

static bool quiet;
static int stdout_errno; /* of the first write to stdout that failed */

void output_be_quiet(void)
{
	quiet = true;
}

const char *output_style_on(FILE *stream, output_style style)
{
	static const char *const sequences[] = {
		[STYLE_BOLD] = "\033[1m",
		[STYLE_ERROR] = "\033[1;31m",
		[STYLE_WARNING] = "\033[1;35m",
		[STYLE_OFF] = "\033[0m",
	};
	const char *no_color = getenv("NO_COLOR"), *term = getenv("TERM");
	bool plain = (no_color && *no_color) || !term || !strcmp(term, "dumb") || !isatty(fileno(stream));
	return plain ? "" : sequences[style];
}

static char *line_of(output_style style, const char *subject, const char *message)
{
	X_AUTO char *raw = subject ? x_format("%s: %s", subject, message) : x_copy(message);
	X_AUTO char *clean = text_clean(raw);
	return x_format("%sbulkhead:%s %s\n", output_style_on(stderr, style), output_style_on(stderr, STYLE_OFF), clean);
}

/* One write for one message, so that messages of ours and of the guest do not mix within a line. */
static void say(output_style style, const char *subject, const char *format, va_list args)
{
	X_AUTO char *message = x_vformat(format, args);
	X_AUTO char *line = line_of(style, subject, message);
	fputs(line, stderr);
}

char *output_error_line(const char *subject, const char *message)
{
	return line_of(STYLE_ERROR, subject, message);
}

void say_error(const char *subject, const char *format, ...)
{
	va_list args;
	va_start(args, format);
	say(STYLE_ERROR, subject, format, args);
	va_end(args);
}

void say_remark(const char *subject, const char *format, ...)
{
	if (quiet)
		return;
	va_list args;
	va_start(args, format);
	say(STYLE_BOLD, subject, format, args);
	va_end(args);
}

void say_more(const char *format, ...)
{
	if (quiet)
		return;
	va_list args;
	va_start(args, format);
	X_AUTO char *raw = x_vformat(format, args);
	va_end(args);
	X_AUTO char *clean = text_clean(raw);
	X_AUTO char *lines = text_indent(clean, 2);
	fputs(lines, stderr);
}

int say_usage_error(const char *command, const char *format, ...)
{
	va_list args;
	va_start(args, format);
	say(STYLE_ERROR, command, format, args);
	va_end(args);
	if (command)
		say_more("Read on with:  bulkhead %s --help", command);
	else
		say_more("Read on with:  bulkhead --help");
	return EXIT_USAGE;
}

void put(const char *format, ...)
{
	va_list args;
	va_start(args, format);
	X_AUTO char *raw = x_vformat(format, args);
	va_end(args);
	X_AUTO char *clean = text_clean(raw);
	if (fputs(clean, stdout) == EOF && !stdout_errno)
		stdout_errno = errno;
}

void put_line(const char *line)
{
	X_AUTO char *clean = text_clean(line);
	output_line(stdout, clean);
}

void output_line(FILE *stream, const char *line)
{
	bool failed = fputs(line, stream) == EOF || fputc('\n', stream) == EOF;
	if (failed && stream == stdout && !stdout_errno)
		stdout_errno = errno;
}

int output_finish(int exit_code)
{
	if (fflush(stdout) && !stdout_errno)
		stdout_errno = errno;
	if (!stdout_errno)
		return exit_code;
	if (stdout_errno != EPIPE)
		say_error(NULL, "cannot write the output: %s", strerror(stdout_errno));
	return exit_code ? exit_code : EXIT_INTERNAL;
}
