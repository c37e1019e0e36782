/* bulkhead logs: what a child of the daemon wrote, and writes. */
#include <string.h>

#include "admin_command.h"
#include "exit_code.h"
#include "follow.h"
#include "json.h"
#include "memory.h"
#include "output.h"
#include "report.h"

enum { LINES = 100, MOST_LINES = 100000, TIME_LENGTH = 24, LONGEST_LINE = 1 << 20 };

typedef struct {
	bool json;
	bool follow;
	const char *lines;
	long most; /* that is */
} logs_options;

/* What was read of a log. Its lines begin with their times, in order: by them a reader finds where it was. */
typedef struct {
	const char *child;
	long lines;
	char *line; /* that is still coming */
	size_t length, capacity;
	char last[TIME_LENGTH + 1]; /* the time of the last line that was printed; "": none was */
	size_t at_last;             /* how many lines of that time were */
	size_t skipped;             /* of them: how many came again */
	bool again;                 /* the stream began again: what was printed comes first */
} reading;

static void print_line(const char *line)
{
	const char *space = strchr(line, ' ');
	if (!report_is_json()) {
		put_line(line);
		return;
	}
	X_AUTO char *time = x_copy_n(line, space ? (size_t)(space - line) : 0);
	json_t *object = json_made(json_object());
	put_text(object, "time", time);
	put_text(object, "line", space ? space + 1 : line);
	json_print(stdout, object);
}

/* Whether it was printed before the stream began again. */
static bool was_printed(reading *r, const char *line)
{
	int order = r->again && *r->last ? strncmp(line, r->last, TIME_LENGTH) : 1;
	if (!order && r->skipped < r->at_last) {
		r->skipped++;
		return true;
	}
	return order < 0;
}

static void take_line(reading *r)
{
	r->line[r->length] = '\0';
	r->length = 0;
	if (was_printed(r, r->line))
		return;
	r->again = false;
	char time[TIME_LENGTH + 1];
	snprintf(time, sizeof time, "%s", r->line);
	r->at_last = strcmp(time, r->last) == 0 ? r->at_last + 1 : 1;
	memcpy(r->last, time, sizeof time);
	print_line(r->line);
}

static bool read_some(void *data, const char *text, size_t length)
{
	reading *r = data;
	for (size_t i = 0; i < length; i++) {
		while (r->length + 2 > r->capacity)
			r->line = x_grow(r->line, r->capacity, &r->capacity, 1);
		if (text[i] == '\n' || r->length == LONGEST_LINE)
			take_line(r);
		if (text[i] != '\n')
			r->line[r->length++] = text[i];
	}
	return follow_flush();
}

static char *stream_path(void *data)
{
	reading *r = data;
	r->length = r->skipped = 0;
	r->again = *r->last != '\0';
	X_AUTO char *rest = x_format("/logs?lines=%ld&follow=1", r->again ? MOST_LINES : r->lines);
	return admin_child_path(r->child, rest);
}

static int read_once(admin_client *client, reading *r)
{
	enum { TIMEOUT_MS = 30000 };
	X_AUTO char *rest = x_format("/logs?lines=%ld", r->lines);
	X_AUTO char *path = admin_child_path(r->child, rest);
	admin_answer answer =
		admin_ask(client, &(admin_request){.path = path, .reader = read_some, .data = r, .timeout_ms = TIMEOUT_MS});
	int code = admin_went_well(&answer)          ? EXIT_OK
	           : answer.outcome == ADMIN_STOPPED ? EXIT_INTERNAL
	                                             : admin_failed(client, &answer, r->child);
	admin_answer_deinit(&answer);
	return code;
}

static int show(admin_client *client, const operands *words, void *data)
{
	const logs_options *o = data;
	const char *child = words->items[0];
	reading r = {.child = child, .lines = o->most};
	int code;
	if (o->follow)
		code = follow_run(
			&(follow){.client = client, .subject = child, .path = stream_path, .reader = read_some, .data = &r});
	else
		code = read_once(client, &r);
	x_free(r.line);
	return code;
}

static const option_row rows[] = {
	{"follow", 'f', NULL, "Go on with what it writes, over restarts of the daemon", take_flag,
     offsetof(logs_options, follow)},
	{"lines", 'n', "N", "So many of the last lines; 100", take_text, offsetof(logs_options, lines)},
	{"json", 'j', NULL, "Print a JSON object a line, with time and line", take_flag, offsetof(logs_options, json)},
};

static int check(const command *self, void *data)
{
	logs_options *o = data;
	return admin_lines(self, o->lines, LINES, 1, MOST_LINES, &o->most);
}

static int run(const command *self, int argc, char **argv)
{
	logs_options o = {0};
	return admin_command(self, argc, argv,
	                     &(admin_task){.options = OPTION_GROUP(rows, &o),
	                                   .json = &o.json,
	                                   .least = 1,
	                                   .most = 1,
	                                   .words = "it takes the NAME of a child; bulkhead ps lists them",
	                                   .check = check,
	                                   .ask = show,
	                                   .data = &o});
}

const command command_logs = {
	.name = "logs",
	.synopsis = "[OPTION...] NAME",
	.summary = "show what a child of the daemon wrote",
	.details = "Prints the last lines that a child wrote to stdout and stderr, each with its time. The daemon keeps\n"
			   "1,000 of each child in memory; its log files, where it has a folder for them, have more. With\n"
			   "--follow it goes on with what comes; where the daemon ends it waits half a minute for another.",
	.examples = "bulkhead logs web/front\n"
				"bulkhead logs -f -n 10 import\n"
				"bulkhead logs --json web | jq -r .line",
	.see = "man bulkhead-logs; bulkhead ps",
	.run = run,
	.names = NAMES_CHILDREN,
};
