/* bulkhead ps: what the daemon runs, and how it is. */
#include <string.h>
#include <unistd.h>

#include "admin_command.h"
#include "child_table.h"
#include "children.h"
#include "exit_code.h"
#include "json.h"
#include "memory.h"
#include "output.h"
#include "report.h"

typedef struct {
	bool json;
} ps_options;

static void print_table(const json_t *children)
{
	table shown;
	child_table_make(&shown, children, CHILDREN_IN_ORDER, terminal_columns());
	for (size_t i = 0; i < shown.count; i++)
		output_line(stdout, shown.lines[i]);
	table_deinit(&shown);
}

static int show(admin_client *client, const operands *words, void *data)
{
	const ps_options *o = data;
	const char *below = words->count ? words->items[0] : NULL;
	json_t *children = NULL;
	int code = children_ask(client, below, &children);
	if (code)
		return code;
	if (o->json) {
		json_t *object = json_made(json_object());
		put_member(object, "children", json_incref(children));
		put_number(object, "exit", EXIT_OK);
		json_print(stdout, object);
	} else {
		print_table(children);
	}
	json_decref(children);
	return EXIT_OK;
}

static const option_row rows[] = {
	{"json", 'j', NULL, "Print JSON: what GET /v1/children answers", take_flag, offsetof(ps_options, json)},
};

static int run(const command *self, int argc, char **argv)
{
	ps_options o = {0};
	return admin_command(self, argc, argv,
	                     &(admin_task){.options = OPTION_GROUP(rows, &o),
	                                   .json = &o.json,
	                                   .least = 0,
	                                   .most = 1,
	                                   .words = "it takes one NAME",
	                                   .ask = show,
	                                   .data = &o});
}

const command command_ps = {
	.name = "ps",
	.synopsis = "[OPTION...] [NAME]",
	.summary = "list what the daemon runs",
	.details = "Lists the children of the daemon, or NAME and what is below it: their states, how often they were\n"
			   "restarted, calls a second over the last seconds, the time that 99 of 100 calls stay within, fuel a\n"
			   "call, the most memory that an instance used of what it may, and how it ended last. A name is a\n"
			   "path, as in web/front; web#2 is the second replica. At a terminal the table fits its width.",
	.examples = "bulkhead ps\n"
				"bulkhead ps --json | jq -r '.children[] | select(.state == \"failed\") | .path'",
	.see = "man bulkhead-ps, man bulkhead-serve",
	.run = run,
	.names = NAMES_CHILDREN,
};
