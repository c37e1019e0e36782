/* bulkhead upgrade: another version of a component takes the place of the one that runs. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "admin_command.h"
#include "exit_code.h"
#include "json.h"
#include "memory.h"
#include "output.h"
#include "report.h"

typedef struct {
	bool json;
} upgrade_options;

static int upgrade(admin_client *client, const operands *words, void *data)
{
	const char *child = words->items[0], *file = words->items[1];
	(void)data;
	char *real = realpath(file, NULL);
	if (!real)
		return report_missing_file(file, errno);
	json_t *body = json_made(json_object());
	put_text(body, "file", real);
	char *text = json_dumps(body, JSON_COMPACT);
	json_decref(body);
	x_free(real);
	if (!text)
		x_no_memory();
	X_AUTO char *path = admin_child_path(child, "/upgrade");
	admin_answer answer = admin_ask(client, &(admin_request){.path = path, .post = true, .body = text});
	x_free(text);
	int code = EXIT_OK;
	if (!admin_went_well(&answer)) {
		code = admin_failed(client, &answer, child);
	} else if (report_is_json()) {
		json_t *object = json_made(json_object());
		put_text(object, "path", child);
		put_bool(object, "upgraded", true);
		put_number(object, "exit", EXIT_OK);
		json_print(stdout, object);
	} else {
		put("%s: upgraded\n", child);
	}
	admin_answer_deinit(&answer);
	return code;
}

static const option_row rows[] = {
	{"json", 'j', NULL, "Print JSON", take_flag, offsetof(upgrade_options, json)},
};

static int run(const command *self, int argc, char **argv)
{
	upgrade_options o = {0};
	return admin_command(self, argc, argv,
	                     &(admin_task){.options = OPTION_GROUP(rows, &o),
	                                   .json = &o.json,
	                                   .least = 2,
	                                   .most = 2,
	                                   .words = "it takes the NAME of a child and a FILE",
	                                   .ask = upgrade,
	                                   .data = &o});
}

const command command_upgrade = {
	.name = "upgrade",
	.synopsis = "[OPTION...] NAME FILE",
	.summary = "replace the component of a child of the daemon, live",
	.details = "Has the daemon load FILE, start it beside what NAME runs, and move the calls over once it is up and\n"
			   "ready; no call is lost. Where anything fails the old one goes on, and the reason is shown. The\n"
			   "daemon reads FILE itself. At its next start it runs what its bulkhead.toml names again.",
	.examples = "bulkhead upgrade web/front build/front.wasm",
	.see = "man bulkhead-upgrade; bulkhead events",
	.run = run,
	.names = NAMES_FILES_AND_CHILDREN,
};
