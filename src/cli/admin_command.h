/* What the commands that ask the daemon have in common: options, words, and somebody to ask. */
#ifndef BH_CLI_ADMIN_COMMAND_H
#define BH_CLI_ADMIN_COMMAND_H

#include "admin.h"
#include "command.h"

typedef struct {
	option_group options; /* besides those that say where the daemon is */
	const bool *json;     /* one of them */
	size_t least, most;   /* words */
	const char *words;    /* what is said of fewer or more */
	/* Looks at the options; 0, or an exit code after a message. NULL: they are right as they are. */
	int (*check)(const command *self, void *data);
	int (*ask)(admin_client *client, const operands *words, void *data);
	void *data;
} admin_task;

int admin_command(const command *self, int argc, char **argv, const admin_task *task);

/* --lines: `given` where nothing was said, else a number from `least` to `most`. 0, or an exit code after a message. */
int admin_lines(const command *self, const char *text, long given, long least, long most, long *out);

#endif
