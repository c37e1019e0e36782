/* bulkhead reload: the daemon reads its configuration again. */
#include "admin_command.h"
#include "exit_code.h"
#include "json.h"
#include "memory.h"
#include "output.h"
#include "report.h"

typedef struct {
	bool json;
} reload_options;

static int reload(admin_client *client, const operands *words, void *data)
{
	(void)words;
	(void)data;
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
	return admin_command(self, argc, argv,
	                     &(admin_task){.options = OPTION_GROUP(rows, &o),
	                                   .json = &o.json,
	                                   .least = 0,
	                                   .most = 0,
	                                   .words = "it takes no arguments: the daemon knows its file",
	                                   .ask = reload,
	                                   .data = &o});
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
