#include "options.h"

#include <string.h>

#include "exit_code.h"
#include "memory.h"
#include "output.h"
#include "text.h"

static const option_row help_row = {.name = "help", .letter = 'h', .help = "Explain the command", .take = NULL};

const option_row *options_at(const option_set *set, size_t index, void **target)
{
	for (size_t g = 0; g < set->count; g++) {
		const option_group *group = &set->groups[g];
		if (index < group->count) {
			if (target)
				*target = group->target;
			return &group->rows[index];
		}
		index -= group->count;
	}
	return index == 0 ? &help_row : NULL;
}

static const char *name_at(const void *set, size_t index)
{
	const option_row *row = options_at(set, index, NULL);
	return row ? row->name : NULL;
}

static const option_row *by_letter(const option_set *set, char letter, void **target)
{
	const option_row *row;
	for (size_t i = 0; (row = options_at(set, i, target)); i++)
		if (row->letter == letter)
			return row;
	return NULL;
}

/* The row of that name, or the only one whose name begins so; *ambiguous where several do. */
static const option_row *by_name(const option_set *set, const char *name, size_t length, void **target, bool *ambiguous)
{
	const option_row *row, *found = NULL;
	void *owner = NULL;
	size_t matches = 0;
	for (size_t i = 0; (row = options_at(set, i, &owner)); i++) {
		if (strncmp(row->name, name, length) != 0)
			continue;
		found = row;
		*target = owner;
		if (!row->name[length])
			return row;
		matches++;
	}
	*ambiguous = matches > 1;
	return matches == 1 ? found : NULL;
}

static int unknown(const option_set *set, const char *command, const char *shown, const char *name, bool ambiguous)
{
	if (ambiguous)
		return say_usage_error(command, "%s could be more than one option", shown);
	const char *near = text_nearest(name, name_at, set);
	if (near)
		return say_usage_error(command, "unknown option %s (did you mean --%s?)", shown, near);
	return say_usage_error(command, "unknown option %s", shown);
}

/* Where the reader is. */
typedef struct {
	const option_set *set;
	const char *command;
	char **argv;
	int argc;
	int next;
	bool help;
} reader;

static int take(reader *r, const option_row *row, void *target, const char *value)
{
	if (row == &help_row) {
		r->help = true;
		return 0;
	}
	return row->take(target, row, value);
}

static int read_long(reader *r, const char *word)
{
	const char *name = word + 2;
	size_t length = strcspn(name, "=");
	const char *value = name[length] ? name + length + 1 : NULL;
	bool ambiguous = false;
	void *target = NULL;
	const option_row *row = length ? by_name(r->set, name, length, &target, &ambiguous) : NULL;
	X_AUTO char *shown = x_copy_n(word, length + 2);
	if (!row)
		return unknown(r->set, r->command, shown, shown + 2, ambiguous);
	if (!row->argument && value)
		return say_usage_error(r->command, "--%s takes no value", row->name);
	if (row->argument && !value) {
		if (r->next == r->argc)
			return say_usage_error(r->command, "--%s needs a value: --%s %s", row->name, row->name, row->argument);
		value = r->argv[r->next++];
	}
	return take(r, row, target, value);
}

/* One word of letters: "-qj", "-oFILE", or "-o FILE". */
static int read_letters(reader *r, const char *word)
{
	for (const char *p = word + 1; *p; p++) {
		void *target = NULL;
		const option_row *row = by_letter(r->set, *p, &target);
		if (!row)
			return unknown(r->set, r->command, word, word + 1, false);
		const char *value = NULL;
		if (row->argument) {
			if (!p[1] && r->next == r->argc)
				return say_usage_error(r->command, "-%c needs a value: -%c %s", *p, *p, row->argument);
			value = p[1] ? p + 1 : r->argv[r->next++];
		}
		int code = take(r, row, target, value);
		if (code || row->argument || r->help)
			return code;
	}
	return 0;
}

options_result options_read(const option_set *set, const char *command, int argc, char **argv, operands *out,
                            int *exit_code)
{
	reader r = {.set = set, .command = command, .argv = argv, .argc = argc};
	int kept = 0;
	while (r.next < argc) {
		char *word = argv[r.next++];
		bool ends = !strcmp(word, "--");
		if (!ends && word[0] == '-' && word[1]) {
			int code = word[1] == '-' ? read_long(&r, word) : read_letters(&r, word);
			if (code) {
				*exit_code = code;
				return OPTIONS_WRONG;
			}
			if (r.help)
				return OPTIONS_HELP;
			continue;
		}
		if (!ends)
			argv[kept++] = word;
		if (ends || set->stop_at_operand)
			break;
	}
	/* After "--" an operand is an operand; after the first one of `run`, all is the guest's, "--" included. */
	while (r.next < argc)
		argv[kept++] = argv[r.next++];
	*out = (operands){argv, (size_t)kept};
	return OPTIONS_READ;
}

int take_flag(void *target, const option_row *row, const char *value)
{
	(void)value;
	*(bool *)(void *)((char *)target + row->offset) = true;
	return 0;
}

int take_text(void *target, const option_row *row, const char *value)
{
	*(const char **)(void *)((char *)target + row->offset) = value;
	return 0;
}

int take_append(void *target, const option_row *row, const char *value)
{
	text_list_add((text_list *)(void *)((char *)target + row->offset), value);
	return 0;
}

void text_list_add(text_list *list, const char *text)
{
	list->items = x_grow(list->items, list->count, &list->capacity, sizeof *list->items);
	list->items[list->count++] = text;
}

void text_list_deinit(text_list *list)
{
	x_free(list->items);
	*list = (text_list){0};
}
