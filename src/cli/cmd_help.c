#include <string.h>

#include "command.h"
#include "exit_code.h"
#include "output.h"

static int run(const command *self, int argc, char **argv)
{
	const option_set set = {0};
	operands rest;
	int exit_code;
	if (!command_options(self, &set, argc, argv, &rest, &exit_code))
		return exit_code;
	if (!rest.count) {
		help_overview(stdout);
		return EXIT_OK;
	}
	const command *about = command_find(rest.items[0]);
	if (!about)
		return say_usage_error(NULL, "no command named %s", rest.items[0]);
	if (about == self) {
		help_command(self, &set);
		return EXIT_OK;
	}
	char flag[] = "--help";
	char *ask[] = {flag, NULL};
	return about->run(about, 1, ask);
}

const command command_help = {
	.name = "help",
	.synopsis = "[COMMAND]",
	.summary = "explain a command",
	.details = "Explains a command, or lists them all.",
	.examples = "bulkhead help\nbulkhead help run",
	.see = "man bulkhead",
	.run = run,
	.names = NAMES_COMMANDS,
};
