/* bulkhead top: the table of `ps`, and one of the gateway's modules, live. */
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "admin_command.h"
#include "child_row.h"
#include "child_table.h"
#include "clock.h"
#include "exit_code.h"
#include "follow.h"
#include "json.h"
#include "memory.h"
#include "module_table.h"
#include "output.h"
#include "report.h"
#include "screen.h"
#include "text.h"

enum {
	INTERVAL_MS = 1000,
	SHORTEST_MS = 100,
	FIRST_MS = 250, /* rates are told of two looks, and the daemon takes two within 200 ms for one */
	TIMEOUT_MS = 5000,
};

typedef struct {
	bool json, once;
	uint64_t count; /* 0: until it is ended */
	uint64_t interval_ms;
} top_options;

/* What was seen. */
typedef struct {
	admin_client *client;
	json_t *children, *host;
	modules_sight modules;
	double calls, rate; /* of the host; rate < 0: not known yet */
	uint64_t at;        /* ms */
	bool missed;        /* the last time nobody answered: this is older */
	children_order order;
	size_t first; /* the row at the top */
} sight;

/* A member of an answer, in place of what was there; 0, or an exit code, after a message if `tells`. */
static int ask(sight *s, const char *path, const char *member, json_t **into, bool tells)
{
	admin_answer answer = admin_ask(s->client, &(admin_request){.path = path, .timeout_ms = TIMEOUT_MS});
	json_t *found = admin_went_well(&answer) ? json_object_get(answer.json, member) : NULL;
	int code = found ? 0 : EXIT_BUSY;
	if (found) {
		json_decref(*into);
		*into = json_incref(found);
	} else if (tells) {
		code = admin_failed(s->client, &answer, NULL);
	}
	admin_answer_deinit(&answer);
	return code;
}

static int look(sight *s, bool tells)
{
	int code = ask(s, "/v1/children", "children", &s->children, tells);
	if (!code)
		code = ask(s, "/v1/stats", "host", &s->host, tells);
	if (!code)
		code = modules_look(&s->modules, s->client, TIMEOUT_MS, tells);
	s->missed = code != 0;
	if (code)
		return code;
	uint64_t now = x_now_ms();
	double calls = child_number(s->host, "calls");
	s->rate = s->at && now > s->at && calls >= s->calls ? (calls - s->calls) * 1000 / (double)(now - s->at) : -1;
	s->calls = calls;
	s->at = now;
	return 0;
}

/* "3 running, 1 failed" */
static char *states_text(const json_t *children)
{
	static const char *const states[] = {"running", "starting", "waiting", "stopping",
	                                     "stopped", "ended",    "failed",  "scheduled"};
	size_t counts[X_COUNT(states)] = {0}, i;
	const json_t *child;
	json_array_foreach(children, i, child)
	{
		const char *path = json_string_value(json_object_get(child, "path"));
		const char *state = json_string_value(json_object_get(child, "state"));
		for (size_t n = 0; n < X_COUNT(states) && path && *path && state; n++)
			counts[n] += !strcmp(state, states[n]);
	}
	x_writer out;
	x_text_begin(&out);
	const char *comma = "";
	for (i = 0; i < X_COUNT(states); i++) {
		if (counts[i])
			fprintf(out.stream, "%s%zu %s", comma, counts[i], states[i]);
		comma = counts[i] ? ", " : comma;
	}
	return x_text_end(&out);
}

static char *host_text(const sight *s)
{
	X_AUTO char *states = states_text(s->children);
	X_AUTO char *rate = s->rate < 0 ? x_copy("-") : x_copy(text_count((uint64_t)(s->rate + 0.5)));
	return x_format("%s calls/s, %.0f in flight, %.0f instances, largest %s; children: %s", rate,
	                child_number(s->host, "in_flight"), child_number(s->host, "instances"),
	                text_bytes((uint64_t)child_number(s->host, "peak_memory")), *states ? states : "none");
}

/* Plain output. */

static void print_json(const sight *s)
{
	static const char *const members[] = {"calls", "failures", "in_flight", "instances", "peak_memory"};
	struct timespec now;
	clock_gettime(CLOCK_REALTIME, &now);
	json_t *object = json_made(json_object()), *host = json_made(json_object());
	put_number(object, "time_ms", (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000);
	put_member(host, "calls_per_s", s->rate < 0 ? json_null() : json_real(s->rate));
	for (size_t i = 0; i < X_COUNT(members); i++)
		put_number(host, members[i], (uint64_t)child_number(s->host, members[i]));
	put_member(object, "host", host);
	put_member(object, "children", json_incref(s->children));
	json_t *gateway = s->modules.rows ? json_made(json_object()) : NULL;
	if (gateway)
		put_member(gateway, "modules", json_incref(s->modules.rows));
	put_member(object, "gateway", gateway ? gateway : json_null());
	json_print(stdout, object);
}

static void print_table(table *shown)
{
	for (size_t i = 0; i < shown->count; i++)
		output_line(stdout, shown->lines[i]);
	table_deinit(shown);
}

static void print_plain(const sight *s, bool more)
{
	if (report_is_json()) {
		print_json(s);
		return;
	}
	X_AUTO char *host = host_text(s);
	put("%s\n", host);
	table shown;
	child_table_make(&shown, s->children, s->order, terminal_columns());
	print_table(&shown);
	if (s->modules.rows) {
		put("\n");
		module_table_make(&shown, s->modules.rows, terminal_columns());
		print_table(&shown);
	}
	if (more)
		put("\n");
}

static void rest(uint64_t ms)
{
	const struct timespec time = {.tv_sec = (time_t)(ms / 1000), .tv_nsec = (long)(ms % 1000) * 1000000};
	nanosleep(&time, NULL);
}

static int run_plain(sight *s, const top_options *o)
{
	for (uint64_t n = 1;; n++) {
		bool last = o->count && n == o->count;
		print_plain(s, !last);
		if (!follow_flush())
			return EXIT_INTERNAL;
		if (last)
			return EXIT_OK;
		rest(o->interval_ms);
		int code = look(s, true);
		if (code)
			return code;
	}
}

/* At a terminal. */

static void add_cut(FILE *out, const char *text, size_t columns)
{
	fprintf(out, "%.*s\n", (int)columns, text);
}

/* Of the lines there are for both tables, those below: a blank one and the modules. 0: no room for them. */
static size_t lines_below(size_t room, size_t children, size_t modules)
{
	enum { LEAST = 3 };
	size_t wanted = modules + 1, left = room > children ? room - children : 0;
	size_t below = left > room / 2 ? left : room / 2; /* children scroll: a half is enough for them */
	below = below < wanted ? below : wanted;
	return below < LEAST ? 0 : below;
}

/* Returns whether there are more than fit. */
static bool add_children(FILE *out, sight *s, const table *children, size_t room)
{
	size_t lines = children->count - 1, most = lines > room ? lines - room : 0;
	s->first = s->first < most ? s->first : most;
	fprintf(out, "%s\n", children->lines[0]);
	for (size_t i = 0; i < room && s->first + i < lines; i++)
		fprintf(out, "%s\n", children->lines[1 + s->first + i]);
	return most > 0;
}

static void add_modules(FILE *out, const table *modules, size_t lines)
{
	fputs("\n", out);
	for (size_t i = 0; i + 1 < lines && i < modules->count; i++)
		fprintf(out, "%s\n", modules->lines[i]);
}

/* All that fits: two lines above the tables, one below them. */
static char *frame_of(sight *s, size_t rows, size_t columns)
{
	enum { AROUND = 4 };
	x_writer out;
	x_text_begin(&out);
	X_AUTO char *host = host_text(s);
	X_AUTO char *title =
		x_format("bulkhead top: %s%s", admin_where(s->client), s->missed ? "  NO ANSWER, trying again" : "");
	X_AUTO char *clean = one_line(title);
	add_cut(out.stream, clean, columns);
	add_cut(out.stream, host, columns);
	table children, modules = {0};
	child_table_make(&children, s->children, s->order, columns);
	if (s->modules.rows)
		module_table_make(&modules, s->modules.rows, columns);
	size_t room = rows > AROUND ? rows - AROUND : 1;
	size_t below = modules.count ? lines_below(room, children.count - 1, modules.count) : 0;
	bool scrolls = add_children(out.stream, s, &children, room - below);
	if (below)
		add_modules(out.stream, &modules, below);
	table_deinit(&children);
	table_deinit(&modules);
	X_AUTO char *keys = x_format("q quit  sort: n name  c calls/s  p p99  f fuel  m memory  r restarts%s",
	                             scrolls ? "  arrows scroll" : "");
	fprintf(out.stream, "%.*s", (int)columns, keys);
	return x_text_end(&out);
}

static bool draw(sight *s)
{
	size_t rows, columns;
	screen_size(&rows, &columns);
	X_AUTO char *frame = frame_of(s, rows, columns);
	return screen_draw(frame);
}

/* False: that was the end. */
static bool obey(sight *s, int key)
{
	static const char orders[] = {[CHILDREN_IN_ORDER] = 'n', [CHILDREN_BY_RATE] = 'c',   [CHILDREN_BY_P99] = 'p',
	                              [CHILDREN_BY_FUEL] = 'f',  [CHILDREN_BY_MEMORY] = 'm', [CHILDREN_BY_RESTARTS] = 'r'};
	enum { PAGE = 10 };
	for (size_t i = 0; i < sizeof orders; i++)
		if (key == orders[i])
			s->order = (children_order)i;
	if (key == KEY_DOWN || key == 'j')
		s->first++;
	else if (key == KEY_PAGE_DOWN)
		s->first += PAGE;
	else if (s->first && (key == KEY_UP || key == 'k'))
		s->first--;
	else if (key == KEY_PAGE_UP)
		s->first -= s->first < PAGE ? s->first : PAGE;
	return key != 'q' && key != KEY_GONE;
}

static void run_live(sight *s, const top_options *o)
{
	screen_enter();
	uint64_t shown = 0;
	for (bool goes_on = true; goes_on && (!o->count || shown < o->count); shown++) {
		uint64_t until = x_now_ms() + o->interval_ms, now;
		goes_on = draw(s);
		while (goes_on && (now = x_now_ms()) < until)
			goes_on = obey(s, screen_wait((uint32_t)(until - now))) && draw(s);
		if (goes_on)
			look(s, false);
	}
	screen_leave();
}

static int show(admin_client *client, const operands *words, void *data)
{
	top_options *o = data;
	(void)words;
	if (o->once)
		o->count = 1;
	sight s = {.client = client, .rate = -1};
	int code = look(&s, true);
	if (!code) {
		rest(FIRST_MS);
		code = look(&s, true);
	}
	if (!code && !o->json && !o->once && isatty(STDOUT_FILENO))
		run_live(&s, o);
	else if (!code)
		code = run_plain(&s, o);
	json_decref(s.children);
	json_decref(s.host);
	modules_sight_deinit(&s.modules);
	return code;
}

static int take_number(void *target, const option_row *row, const char *value)
{
	uint64_t *out = (uint64_t *)(void *)((char *)target + row->offset);
	bool time = row->letter == 'd';
	bh_error *err = NULL;
	if (bh_limit_parse(out, time ? BH_LIMIT_EXECUTION_TIME : BH_LIMIT_FUEL, value, &err) == BH_OK &&
	    *out != BH_UNLIMITED && *out >= (time ? (uint64_t)SHORTEST_MS : 1) && *out <= 3600000)
		return 0;
	bh_error_free(err);
	return say_usage_error("top", time ? "--%s \"%s\": not a time from 100ms to 1h" : "--%s \"%s\": not a number",
	                       row->name, value);
}

static const option_row rows[] = {
	{"interval", 'd', "TIME", "Look so often; 1s", take_number, offsetof(top_options, interval_ms)},
	{"count", 'n', "N", "Look so many times and end", take_number, offsetof(top_options, count)},
	{"once", '1', NULL, "Print the table once, plainly", take_flag, offsetof(top_options, once)},
	{"json", 'j', NULL, "Print a JSON object for each look", take_flag, offsetof(top_options, json)},
};

static int run(const command *self, int argc, char **argv)
{
	top_options o = {.interval_ms = INTERVAL_MS};
	return admin_command(self, argc, argv,
	                     &(admin_task){.options = OPTION_GROUP(rows, &o),
	                                   .json = &o.json,
	                                   .least = 0,
	                                   .most = 0,
	                                   .words = "it takes no arguments",
	                                   .ask = show,
	                                   .data = &o});
}

const command command_top = {
	.name = "top",
	.synopsis = "[OPTION...]",
	.summary = "watch what the daemon runs",
	.details =
		"Shows the table of `bulkhead ps` and a line about the whole, again each second; and where the daemon has\n"
		"a gateway, what its modules did to requests. Keys: q quits; n sorts by the tree, c by calls a second,\n"
		"p by p99, f by fuel, m by memory, r by restarts; arrows scroll.\n"
		"Where stdout is no terminal, the table is printed each time, one below the other.",
	.examples = "bulkhead top\n"
				"bulkhead top --once\n"
				"bulkhead top --json --interval 10s | jq -c .host",
	.see = "man bulkhead-top; bulkhead ps",
	.run = run,
	.names = NAMES_NOTHING,
};
