#include "admin_command.h"

#include <stdlib.h>

#include "interrupt.h"
#include "memory.h"
#include "output.h"
#include "report.h"

int admin_command(const command *self, int argc, char **argv, const admin_task *task)
{
	admin_place place = {0};
	const option_group groups[] = {task->options, admin_group(&place)};
	const option_set set = {groups, X_COUNT(groups), .stop_at_operand = false};
	operands words;
	int code;
	if (!command_options(self, &set, argc, argv, &words, &code))
		return code;
	if (words.count < task->least || words.count > task->most)
		return say_usage_error(self->name, "%s", task->words);
	code = task->check ? task->check(self, task->data) : 0;
	if (code)
		return code;
	interrupt_catch();
	report_as(*task->json ? REPORT_JSON : REPORT_TEXT, false);
	admin_client *client = NULL;
	code = admin_open(&client, &place);
	if (!code)
		code = task->ask(client, &words, task->data);
	admin_close(client);
	return code;
}

int admin_lines(const command *self, const char *text, long given, long least, long most, long *out)
{
	char *end = NULL;
	*out = text ? strtol(text, &end, 10) : given;
	if (*out >= least && *out <= most && (!text || (!*end && end != text)))
		return 0;
	return say_usage_error(self->name, "--lines \"%s\": not a number from %ld to %ld", text, least, most);
}
