/* A command: what it is called, how it is explained, and the function that does it. */
#ifndef BH_CLI_COMMAND_H
#define BH_CLI_COMMAND_H

#include <stdio.h>

#include "options.h"

typedef struct command command;

/* What its operands name, for the completion at a shell. */
typedef enum { NAMES_FILES, NAMES_CHILDREN, NAMES_FILES_AND_CHILDREN, NAMES_COMMANDS, NAMES_NOTHING } operand_names;

struct command {
	const char *name;
	const char *synopsis;                                   /* what follows the name: "[OPTION...] FILE" */
	const char *summary;                                    /* one line for the list of commands */
	const char *details;                                    /* what it does, in a few lines */
	const char *examples;                                   /* lines to paste */
	const char *see;                                        /* where to read on */
	int (*run)(const command *self, int argc, char **argv); /* arguments after the name; returns the exit code */
	operand_names names;
};

/* The table, in the order in which they are listed; NULL past the end. A new command is a row in main.c. */
const command *command_at(size_t index);
const command *command_find(const char *name);

/*
 * Read a command's options and explain the command if that is asked for. False: nothing is left to do but to
 * return *exit_code.
 */
bool command_options(const command *self, const option_set *set, int argc, char **argv, operands *out, int *exit_code);

/* Explain one command, or all of them. */
void help_command(const command *self, const option_set *set);
void help_overview(FILE *stream);

#define OPTION_GROUP(rows_, target_)                                                                                   \
	{                                                                                                                  \
		(rows_), sizeof(rows_) / sizeof *(rows_), (target_)                                                            \
	}

extern const command command_bindgen, command_cache, command_call, command_check, command_compile, command_doctor,
	command_events, command_help, command_init, command_inspect, command_keygen, command_logs, command_ps,
	command_reload, command_reset, command_restart, command_run, command_serve, command_start, command_stop,
	command_top, command_upgrade, command_version;

#endif
