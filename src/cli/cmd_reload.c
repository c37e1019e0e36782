/* bulkhead reload: the daemon reads its configuration again. */
#include "admin.h"
#include "command.h"
#include "exit_code.h"
#include "interrupt.h"
#include "json.h"
#include "memory.h"
#include "output.h"
#include "report.h"

typedef struct {
	bool json;
} reload_options;

static int reload(admin_client *client)
{
	admin_answer answer = admin_ask(client, &(admin_request){.path = "/v1/reload", .post = true});
	int code = EXIT_OK;
	if (!admin_went_well(&answer)) {
		code = admin_failed(client, &answer, NULL);
	} else if (report_is_json()) {
		json_t *object = json_made(json_object());
		put_bool(object, "reloaded", true);
		put_number(object, "exit", EXIT_OK);
		json_print(stdout, object);
	} else {
		put("reloaded\n");
	}
	admin_answer_deinit(&answer);
	return code;
}

static const option_row rows[] = {
	{"json", 'j', NULL, "Print JSON", take_flag, offsetof(reload_options, json)},
};

static int run(const command *self, int argc, char **argv)
{
	reload_options o = {0};
	admin_place place = {0};
	const option_group groups[] = {OPTION_GROUP(rows, &o), admin_group(&place)};
	const option_set set = {groups, X_COUNT(groups), .stop_at_operand = false};
	operands words;
	int code;
	if (!command_options(self, &set, argc, argv, &words, &code))
		return code;
	if (words.count)
		return say_usage_error(self->name, "it takes no arguments: the daemon knows its file");
	interrupt_catch();
	report_as(o.json ? REPORT_JSON : REPORT_TEXT, false);
	admin_client *client = NULL;
	code = admin_open(&client, &place);
	if (!code)
		code = reload(client);
	admin_close(client);
	return code;
}

const command command_reload = {
	.name = "reload",
	.synopsis = "[OPTION...]",
	.summary = "have the daemon read its bulkhead.toml again",
	.details = "What changed is replaced, what is new is added, what is gone is stopped, and what says the same goes\n"
			   "on untouched. A mistake in the file changes nothing, and is shown. SIGHUP to the daemon does the same.",
	.examples = "bulkhead serve --check /etc/bulkhead/bulkhead.toml && bulkhead reload",
	.see = "man bulkhead-reload, man bulkhead.toml",
	.run = run,
	.names = NAMES_NOTHING,
};
