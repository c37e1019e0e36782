#include <bulkhead.h>

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
	if (rest.count)
		return say_usage_error(self->name, "it takes no arguments");
	put("bulkhead %s (engine: wasmtime %s)\n", bh_version(), bh_engine_version());
	return EXIT_OK;
}

const command command_version = {
	.name = "version",
	.synopsis = "",
	.summary = "print the versions of the command and of the engine",
	.details = "Prints the version of the command and of the engine inside it.",
	.examples = "bulkhead version\nbulkhead --version",
	.see = "man bulkhead",
	.run = run,
	.names = NAMES_NOTHING,
};
