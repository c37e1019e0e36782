/* Help texts, put together from the tables: commands, their options, exit codes. */
#include <stdio.h>
#include <string.h>

#include "command.h"
#include "complete.h"
#include "exit_code.h"
#include "memory.h"
#include "text.h"

enum { HELP_COLUMN = 30 };

static void print_lines(const char *text, int indent)
{
	X_AUTO char *lines = text_indent(text, indent);
	fputs(lines, stdout);
}

static void print_option(const option_row *row)
{
	char letter[8] = "    ";
	if (row->letter)
		snprintf(letter, sizeof letter, "-%c, ", row->letter);
	X_AUTO char *left =
		x_format("  %s--%s%s%s", letter, row->name, row->argument ? " " : "", row->argument ? row->argument : "");
	const char *help = row->help;
	int length = (int)strcspn(help, "\n");
	if (strlen(left) + 2 > HELP_COLUMN)
		printf("%s\n%*s%.*s\n", left, HELP_COLUMN, "", length, help);
	else
		printf("%-*s%.*s\n", HELP_COLUMN, left, length, help);
	if (help[length])
		print_lines(help + length + 1, HELP_COLUMN);
}

void help_command(const command *self, const option_set *set)
{
	printf("Usage: bulkhead %s %s\n\n", self->name, self->synopsis);
	print_lines(self->details, 0);
	printf("\nOptions:\n");
	const option_row *row;
	for (size_t i = 0; (row = options_at(set, i, NULL)); i++)
		print_option(row);
	printf("\nExamples:\n");
	print_lines(self->examples, 2);
	printf("\nExit codes:\n");
	const exit_code_row *code;
	for (size_t i = 0; (code = exit_code_at(i)); i++)
		printf("  %3d  %s\n", code->code, code->text);
	printf("\nRead on: %s\n", self->see);
}

void help_overview(FILE *stream)
{
	fprintf(stream, "Usage: bulkhead COMMAND [OPTION...] [ARGUMENT...]\n\n"
	                "Runs WebAssembly components that you did not write, under limits that hold.\n\nCommands:\n");
	const command *one;
	for (size_t i = 0; (one = command_at(i)); i++)
		fprintf(stream, "  %-10s%s\n", one->name, one->summary);
	fprintf(stream, "\nBegin with:\n"
	                "  bulkhead run --memory 64MB hello.wasm     run a program\n"
	                "  bulkhead inspect hello.wasm               see what it exports, and what it wants\n"
	                "  bulkhead init hello.wasm                  write down what it may use\n\n"
	                "Read on: bulkhead COMMAND --help, man bulkhead\n");
}

bool command_options(const command *self, const option_set *set, int argc, char **argv, operands *out, int *exit_code)
{
	if (argc && !strcmp(argv[0], COMPLETE_COMMAND)) {
		complete_operands(self, set, argc - 1, argv + 1);
		*exit_code = EXIT_OK;
		return false;
	}
	switch (options_read(set, self->name, argc, argv, out, exit_code)) {
	case OPTIONS_READ:
		return true;
	case OPTIONS_HELP:
		help_command(self, set);
		*exit_code = EXIT_OK;
		return false;
	default:
		return false;
	}
}
