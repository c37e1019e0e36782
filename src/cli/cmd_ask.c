/* bulkhead start, stop, restart, reset: asked of a child of the daemon, and seen to its end. */
#include <string.h>
#include <time.h>

#include "admin_command.h"
#include "child_row.h"
#include "clock.h"
#include "exit_code.h"
#include "json.h"
#include "memory.h"
#include "output.h"
#include "report.h"

enum { WAIT_MS = 30000, LOOK_MS = 50 };

typedef struct {
	bool json;
	bool no_wait;
	uint64_t wait_ms;
	const char *verb; /* which of the commands it is */
} ask_options;

/* What is being asked for. */
typedef struct {
	admin_client *client;
	const ask_options *options;
	const char *child;
	double generations; /* of all its replicas together, before it was asked */
} request;

/* How it is: the first of its replicas that is not what is wanted decides. */
typedef struct {
	char state[16];
	double generations;
	bool down, up, failed; /* all of them are down; up, or ended; one of them failed */
} sight;

static const char *state_of(const json_t *child)
{
	const char *state = json_string_value(json_object_get(child, "state"));
	return state ? state : "unknown";
}

static bool is_one_of(const char *word, const char *const *words, size_t count)
{
	size_t at = 0;
	while (at < count && strcmp(word, words[at]) != 0)
		at++;
	return at < count;
}

static bool is_down(const char *state)
{
	static const char *const down[] = {"stopped", "ended", "failed"};
	return is_one_of(state, down, X_COUNT(down));
}

/* As far up as it gets. */
static bool is_up(const char *state)
{
	static const char *const up[] = {"running", "scheduled", "ended", "failed"};
	return is_one_of(state, up, X_COUNT(up));
}

static int look(const request *r, sight *out)
{
	json_t *answer = NULL;
	X_AUTO char *path = admin_child_path(r->child, "");
	int code = admin_get(r->client, path, r->child, &answer);
	if (code)
		return code;
	const char *own = json_string_value(json_object_get(answer, "path"));
	/* Its own state was looked at a moment before those of its replicas, and is what is shown. */
	*out = (sight){.down = is_down(state_of(answer)), .up = is_up(state_of(answer))};
	snprintf(out->state, sizeof out->state, "%s", state_of(answer));
	size_t i;
	const json_t *child;
	json_array_foreach(json_object_get(answer, "children"), i, child)
	{
		const char *at = json_string_value(json_object_get(child, "path")), *state = state_of(child);
		if (!own || !at || strcmp(own, at) != 0)
			continue;
		out->generations += child_number(child, "generation");
		out->down = out->down && is_down(state);
		out->up = out->up && is_up(state);
		out->failed = out->failed || !strcmp(state, "failed");
	}
	json_decref(answer);
	return 0;
}

static bool is_there(const request *r, const sight *now)
{
	if (!strcmp(r->options->verb, "stop"))
		return now->down;
	bool again = now->generations > r->generations || now->failed;
	return now->up && (!strcmp(r->options->verb, "start") || again);
}

static int tell_state(const request *r, const char *state, int code)
{
	if (report_is_json()) {
		json_t *object = json_made(json_object());
		put_text(object, "path", r->child);
		put_text(object, "state", state);
		put_number(object, "exit", (uint64_t)code);
		json_print(stdout, object);
	} else {
		put("%s: %s\n", r->child, state);
	}
	return code;
}

static int wait_for_it(const request *r)
{
	static const struct timespec moment = {.tv_nsec = LOOK_MS * 1000000L};
	uint64_t until = x_now_ms() + r->options->wait_ms;
	for (;;) {
		sight now;
		int code = look(r, &now);
		if (code)
			return code;
		if (is_there(r, &now) && (!now.failed || !strcmp(r->options->verb, "stop")))
			return tell_state(r, now.state, EXIT_OK);
		const report about = {.file = r->child};
		if (is_there(r, &now))
			return report_words(&about, BH_E_DOWN, "it did not come up: it failed for good",
			                    "bulkhead events says why, bulkhead logs what it wrote.");
		X_AUTO char *message = x_format("it is %s still; it was asked to %s", now.state, r->options->verb);
		if (x_now_ms() >= until)
			return report_words(&about, BH_E_DEADLINE, message, "Wait longer with --wait, or look with bulkhead ps.");
		nanosleep(&moment, NULL);
	}
}

static int ask(request *r)
{
	sight before = {0};
	int code = look(r, &before);
	if (code)
		return code;
	r->generations = before.generations;
	X_AUTO char *rest = x_format("/%s", r->options->verb);
	X_AUTO char *path = admin_child_path(r->child, rest);
	admin_answer answer = admin_ask(r->client, &(admin_request){.path = path, .post = true, .timeout_ms = 10000});
	if (!admin_went_well(&answer))
		code = admin_failed(r->client, &answer, r->child);
	else if (r->options->no_wait)
		code = tell_state(r, state_of(answer.json), EXIT_OK);
	else
		code = wait_for_it(r);
	admin_answer_deinit(&answer);
	return code;
}

static int take_wait(void *target, const option_row *row, const char *value)
{
	ask_options *o = target;
	bh_error *err = NULL;
	if (bh_limit_parse(&o->wait_ms, BH_LIMIT_EXECUTION_TIME, value, &err) == BH_OK)
		return 0;
	bh_error_free(err);
	return say_usage_error(NULL, "--%s \"%s\": not a time, such as 10s", row->name, value);
}

static const option_row rows[] = {
	{"json", 'j', NULL, "Print JSON", take_flag, offsetof(ask_options, json)},
	{"wait", 'w', "TIME", "Wait for it at most so long; 30s", take_wait, 0},
	{"no-wait", 0, NULL, "Ask for it, and do not wait until it is so", take_flag, offsetof(ask_options, no_wait)},
};

/* All of them are asked, whatever becomes of one; the first failure is the exit code. */
static int ask_all(admin_client *client, const operands *words, void *data)
{
	int first = 0;
	for (size_t i = 0; i < words->count; i++) {
		request r = {.client = client, .options = data, .child = words->items[i]};
		int code = ask(&r);
		first = first ? first : code;
	}
	return first;
}

static int run(const command *self, int argc, char **argv)
{
	ask_options o = {.wait_ms = WAIT_MS, .verb = self->name};
	return admin_command(self, argc, argv,
	                     &(admin_task){.options = OPTION_GROUP(rows, &o),
	                                   .json = &o.json,
	                                   .least = 1,
	                                   .most = SIZE_MAX,
	                                   .words = "it takes the NAME of a child; bulkhead ps lists them",
	                                   .ask = ask_all,
	                                   .data = &o});
}

const command command_start = {
	.name = "start",
	.synopsis = "[OPTION...] NAME...",
	.summary = "start children of the daemon that are down",
	.details = "Asks the daemon to start children that were stopped, ended or failed, and waits until they are up.\n"
			   "One that failed for good gets another chance.",
	.examples = "bulkhead start web/front\n"
				"bulkhead start --no-wait import",
	.see = "man bulkhead-start; bulkhead ps",
	.run = run,
	.names = NAMES_CHILDREN,
};

const command command_stop = {
	.name = "stop",
	.synopsis = "[OPTION...] NAME...",
	.summary = "stop children of the daemon",
	.details = "Asks the daemon to stop children, and waits until they are down. Calls under way come to their end\n"
			   "within the child's shutdown_timeout. They stay down until somebody starts them, over a reload too.",
	.examples = "bulkhead stop web/front\n"
				"bulkhead stop --wait 5s web import",
	.see = "man bulkhead-start; bulkhead ps",
	.run = run,
	.names = NAMES_CHILDREN,
};

const command command_restart = {
	.name = "restart",
	.synopsis = "[OPTION...] NAME...",
	.summary = "stop children of the daemon and start them again",
	.details = "Asks the daemon to stop children and start them again, each by itself, and waits until they are up.",
	.examples = "bulkhead restart web/front",
	.see = "man bulkhead-start; bulkhead ps",
	.run = run,
	.names = NAMES_CHILDREN,
};

const command command_reset = {
	.name = "reset",
	.synopsis = "[OPTION...] NAME...",
	.summary = "give children that failed for good another chance",
	.details = "Asks the daemon to start children that failed for good; of others that is an error, so that nothing\n"
			   "is started by mistake.",
	.examples =
		"bulkhead reset leaky\n"
		"bulkhead ps --json | jq -r '.children[] | select(.state == \"failed\") | .path' | xargs bulkhead reset",
	.see = "man bulkhead-start; bulkhead ps",
	.run = run,
	.names = NAMES_CHILDREN,
};
