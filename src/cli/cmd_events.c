/* bulkhead events: what happened to the children of the daemon, and what happens. */
#include <string.h>
#include <time.h>

#include "admin_command.h"
#include "child_row.h"
#include "exit_code.h"
#include "follow.h"
#include "json.h"
#include "memory.h"
#include "output.h"
#include "report.h"
#include "sse.h"

enum { LINES = 100, LINES_FOLLOWING = 10, MOST_LINES = 100000 };

typedef struct {
	bool json;
	bool follow;
	const char *lines;
	long most; /* that is */
} events_options;

/* What was read of the stream. */
typedef struct {
	const char *below; /* of this child and those below it alone; NULL: of all */
	long last;         /* the last event that was told */
	sse_reader sse;
	json_t *kept; /* of those before now the last ones, `most` of them; NULL: they are printed as they come */
	size_t most;
} watch;

static const char *text_in(const json_t *object, const char *key)
{
	const char *text = json_string_value(json_object_get(object, key));
	return text ? text : "";
}

/* "2026-11-21T19:03:42.123Z" */
static void put_time(double ms)
{
	char text[32] = "-";
	time_t seconds = (time_t)(ms / 1000);
	struct tm parts;
	if (gmtime_r(&seconds, &parts))
		strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%S", &parts);
	put("%s.%03uZ", text, (unsigned)((uint64_t)ms % 1000));
}

/* "restart in 200 ms" */
static char *decided_text(const json_t *event)
{
	const char *decision = text_in(event, "decision");
	double delay = child_number(event, "delay_ms");
	if (strcmp(decision, "restart") != 0 || delay <= 0)
		return x_copy(strcmp(decision, "none") != 0 ? decision : "nothing to do");
	if (delay < 1000)
		return x_format("restart in %.0f ms", delay);
	X_AUTO char *after = duration_text(delay);
	return x_format("restart in %s", after);
}

/* And why; daemons before this one do not say. */
static char *decision_text(const json_t *event)
{
	const char *reason = text_in(event, "reason");
	if (!*text_in(event, "decision"))
		return x_copy("");
	X_AUTO char *decided = decided_text(event);
	X_AUTO char *raw = x_format(" (%s%s%s)", decided, *reason ? ": " : "", reason);
	return one_line(raw);
}

static void put_event(const json_t *event)
{
	const char *path = text_in(event, "path"), *kind = text_in(event, "kind"), *how = text_in(event, "exit");
	const char *cause = text_in(json_object_get(event, "cause"), "message");
	if (json_object_get(event, "lost")) {
		put("... %.0f events were lost: there were more than the daemon keeps\n", child_number(event, "lost"));
		return;
	}
	if (!strcmp(kind, "health"))
		how = text_in(event, "health");
	X_AUTO char *name = one_line(*path ? path : "(root)");
	X_AUTO char *raw = x_format("%s%s%s", how, *how && *cause ? ": " : "", cause);
	X_AUTO char *why = one_line(raw);
	X_AUTO char *decision = decision_text(event);
	put_time(child_number(event, "time_ms"));
	if (*why || *decision)
		put("  %-16s %-9s %s%s\n", name, kind, why, decision);
	else
		put("  %-16s %s\n", name, kind);
}

static void print_event(json_t *event)
{
	if (report_is_json())
		json_print(stdout, json_incref(event));
	else
		put_event(event);
}

static bool concerns(const watch *w, const json_t *event)
{
	const char *path = text_in(event, "path");
	size_t length = w->below ? strlen(w->below) : 0;
	if (!length || json_object_get(event, "lost"))
		return true;
	return !strncmp(path, w->below, length) && (!path[length] || strchr("/#", path[length]));
}

static bool take_event(void *data, const char *text)
{
	watch *w = data;
	json_t *event = json_loads(text, 0, NULL);
	if (!json_is_object(event)) {
		json_decref(event);
		return true;
	}
	w->last = (long)child_number(event, "sequence");
	if (concerns(w, event)) {
		if (!w->kept) {
			print_event(event);
		} else {
			put_element(w->kept, json_incref(event));
			if (json_array_size(w->kept) > w->most)
				json_array_remove(w->kept, 0);
		}
	}
	json_decref(event);
	return true;
}

static bool read_some(void *data, const char *text, size_t length)
{
	watch *w = data;
	bool more = sse_read(&w->sse, text, length);
	return follow_flush() && more;
}

/* What there is. A gap at its beginning is what the daemon keeps no longer, and no news. */
static int read_past(admin_client *client, watch *w)
{
	enum { TIMEOUT_MS = 10000 };
	w->kept = json_made(json_array());
	const admin_request request = {
		.path = "/v1/events?after=0&follow=0", .reader = read_some, .data = w, .timeout_ms = TIMEOUT_MS};
	admin_answer answer = admin_ask(client, &request);
	int code = admin_went_well(&answer) ? 0 : admin_failed(client, &answer, NULL);
	admin_answer_deinit(&answer);
	size_t i;
	json_t *event;
	json_array_foreach(w->kept, i, event) if (!code && (i || !json_object_get(event, "lost"))) print_event(event);
	json_decref(w->kept);
	w->kept = NULL;
	return code;
}

static char *stream_path(void *data)
{
	sse_reset(&((watch *)data)->sse);
	return x_copy("/v1/events");
}

static char *last_id(void *data)
{
	return x_format("%ld", ((watch *)data)->last);
}

static void begin_anew(void *data)
{
	((watch *)data)->last = 0;
}

static int show(admin_client *client, const operands *words, void *data)
{
	const events_options *o = data;
	watch w = {.below = words->count ? words->items[0] : NULL, .most = (size_t)o->most};
	w.sse = (sse_reader){.take = take_event, .data = &w};
	int code = read_past(client, &w);
	if (!code && !follow_flush())
		code = EXIT_INTERNAL;
	if (!code && o->follow)
		code = follow_run(&(follow){.client = client,
		                            .path = stream_path,
		                            .last_id = last_id,
		                            .reader = read_some,
		                            .anew = begin_anew,
		                            .data = &w});
	sse_deinit(&w.sse);
	return code;
}

static const option_row rows[] = {
	{"follow", 'f', NULL, "Go on with what happens, over restarts of the daemon", take_flag,
     offsetof(events_options, follow)},
	{"lines", 'n', "N", "So many of those that were; 100, with --follow 10", take_text,
     offsetof(events_options, lines)},
	{"json", 'j', NULL, "Print a JSON object a line", take_flag, offsetof(events_options, json)},
};

static int check(const command *self, void *data)
{
	events_options *o = data;
	return admin_lines(self, o->lines, o->follow ? LINES_FOLLOWING : LINES, 0, MOST_LINES, &o->most);
}

static int run(const command *self, int argc, char **argv)
{
	events_options o = {0};
	return admin_command(self, argc, argv,
	                     &(admin_task){.options = OPTION_GROUP(rows, &o),
	                                   .json = &o.json,
	                                   .least = 0,
	                                   .most = 1,
	                                   .words = "it takes one NAME",
	                                   .check = check,
	                                   .ask = show,
	                                   .data = &o});
}

const command command_events = {
	.name = "events",
	.synopsis = "[OPTION...] [NAME]",
	.summary = "show what happened to the children of the daemon",
	.details = "Prints a line for each thing that happened, to NAME and what is below it or to all children: when, to\n"
			   "which, what, why, what the supervisor decided, and why that. The daemon keeps the last 1,024 events.\n"
			   "With --follow it goes on with what happens; where the daemon ends it waits half a minute for another.",
	.examples = "bulkhead events\n"
				"bulkhead events -f web\n"
				"bulkhead events --json | jq -r 'select(.exit == \"crashed\") | .path'",
	.see = "man bulkhead-events; bulkhead ps",
	.run = run,
	.names = NAMES_CHILDREN,
};
