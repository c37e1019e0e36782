/* The daemon's own log. The level and where it goes are the process's: there is one stderr. */
#include "say.h"

#include <errno.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

enum { LONGEST = 4096 };

static atomic_int most = BH_LOG_INFO;
static bool journal;

void say_begin(void)
{
	const char *stream = getenv("JOURNAL_STREAM");
	unsigned long long device, inode;
	struct stat info;
	journal = stream && sscanf(stream, "%llu:%llu", &device, &inode) == 2 && fstat(STDERR_FILENO, &info) == 0 &&
	          info.st_dev == device && info.st_ino == inode;
}

void say_level(bh_log_level level)
{
	atomic_store(&most, level);
}

void say_time(char out[SAY_TIME])
{
	struct timespec now;
	struct tm parts;
	char seconds[24];
	clock_gettime(CLOCK_REALTIME, &now);
	gmtime_r(&now.tv_sec, &parts);
	strftime(seconds, sizeof seconds, "%Y-%m-%dT%H:%M:%S", &parts);
	snprintf(out, SAY_TIME, "%s.%03uZ", seconds, (unsigned)(now.tv_nsec / 1000000) % 1000);
}

/* One line, one write: lines of several threads do not mix. What cannot be written is lost, and that is all. */
static void write_line(char *line, size_t length)
{
	for (size_t i = 0; i < length; i++) {
		unsigned char c = (unsigned char)line[i];
		if (c < 0x20 || c == 0x7f)
			line[i] = ' ';
	}
	line[length] = '\n';
	while (write(STDERR_FILENO, line, length + 1) < 0 && errno == EINTR) {}
}

void say(bh_log_level level, const char *format, ...)
{
	static const char *const words[] = {"error", "warning", "info", "debug"};
	static const int priorities[] = {3, 4, 6, 7};
	if ((int)level > atomic_load(&most))
		return;
	char line[LONGEST + 2], now[SAY_TIME];
	int used;
	if (journal) {
		used = snprintf(line, LONGEST, "<%d>", priorities[level]);
	} else {
		say_time(now);
		used = snprintf(line, LONGEST, "%s %-7s ", now, words[level]);
	}
	va_list args;
	va_start(args, format);
	int more = vsnprintf(line + used, (size_t)(LONGEST - used), format, args);
	va_end(args);
	if (more < 0)
		return;
	size_t length = (size_t)used + (size_t)more;
	write_line(line, length < LONGEST ? length : LONGEST - 1);
}

void say_failure(bh_log_level level, const char *what, const bh_error *err)
{
	const char *hint = err ? bh_error_hint(err) : NULL;
	const bh_location *where = err ? bh_error_location(err) : NULL;
	if (where && where->file && where->line)
		say(level, "%s: %s:%u:%u: %s", what, where->file, where->line, where->column, bh_error_message(err));
	else
		say(level, "%s: %s", what, err ? bh_error_message(err) : "no memory");
	if (hint)
		say(level, "  %s", hint);
}
