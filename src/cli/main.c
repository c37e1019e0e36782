/* The command's entry: finds the subcommand. Nothing happens before that, so that a start costs nothing. */
#include <bulkhead/artifact.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "command.h"
#include "complete.h"
#include "exit_code.h"
#include "memory.h"
#include "output.h"
#include "text.h"
#include "worker.h"

static const command *const commands[] = {
	&command_run,    &command_call,    &command_inspect, &command_init,    &command_check,   &command_compile,
	&command_serve,  &command_ps,      &command_top,     &command_logs,    &command_events,  &command_start,
	&command_stop,   &command_restart, &command_reset,   &command_upgrade, &command_reload,  &command_cache,
	&command_keygen, &command_bindgen, &command_doctor,  &command_help,    &command_version,
};

const command *command_at(size_t index)
{
	return index < X_COUNT(commands) ? commands[index] : NULL;
}

const command *command_find(const char *name)
{
	for (size_t i = 0; i < X_COUNT(commands); i++)
		if (!strcmp(commands[i]->name, name))
			return commands[i];
	return NULL;
}

static const char *command_name_at(const void *unused, size_t index)
{
	(void)unused;
	return index < X_COUNT(commands) ? commands[index]->name : NULL;
}

static int unknown_command(const char *word)
{
	if (word[0] == '-')
		return say_usage_error(NULL, "unknown option %s", word);
	const char *near = text_nearest(word, command_name_at, NULL);
	if (near)
		return say_usage_error(NULL, "no command named %s (did you mean %s?)", word, near);
	if (access(word, F_OK) == 0)
		return say_usage_error(NULL, "no command named %s; to run that file:  bulkhead run %s", word, word);
	return say_usage_error(NULL, "no command named %s", word);
}

/*
 * A program started with a closed standard descriptor would hand its number to the next file it opens, and
 * its messages to that file. The stand-ins refuse what is done with them, as a closed descriptor would.
 */
static void occupy_standard_descriptors(void)
{
	for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++) {
		if (fcntl(fd, F_GETFD) >= 0)
			continue;
		if (open("/dev/null", (fd == STDIN_FILENO ? O_WRONLY : O_RDONLY) | O_NOCTTY) != fd)
			_exit(EXIT_INTERNAL);
	}
}

int main(int argc, char **argv)
{
	occupy_standard_descriptors();
	/* Where nobody reads, or a file may not grow, writing fails, and that is all. */
	signal(SIGPIPE, SIG_IGN);
	signal(SIGXFSZ, SIG_IGN);
	if (argc < 2) {
		help_overview(stderr);
		return EXIT_USAGE;
	}
	const char *word = argv[1];
	if (!strcmp(word, BH_WORKER_COMMAND))
		return worker_run(argc - 2, argv + 2);
	if (!strcmp(word, COMPLETE_COMMAND))
		return output_finish(complete_run(argc - 2, argv + 2));
	if (!strcmp(word, "--version") || !strcmp(word, "-V"))
		word = "version";
	else if (!strcmp(word, "--help") || !strcmp(word, "-h"))
		word = "help";
	const command *found = command_find(word);
	if (!found)
		return unknown_command(word);
	return output_finish(found->run(found, argc - 2, argv + 2));
}
