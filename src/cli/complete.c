#include "complete.h"

#include <stdio.h>
#include <string.h>

#include "admin.h"
#include "exit_code.h"
#include "memory.h"
#include "output.h"

enum { ASK_MS = 500 };

static void offer(const char *word, const char *about, const char *begun)
{
	if (!strncmp(word, begun, strlen(begun)))
		put("%s\t%.*s\n", word, (int)strcspn(about, "\n"), about);
}

static void offer_commands(const char *begun)
{
	const command *one;
	for (size_t i = 0; (one = command_at(i)); i++)
		offer(one->name, one->summary, begun);
}

static void offer_options(const option_set *set, const char *begun)
{
	const option_row *row;
	for (size_t i = 0; (row = options_at(set, i, NULL)); i++) {
		X_AUTO char *word = x_format("--%s", row->name);
		offer(word, row->help, begun);
	}
}

/* What shells would have to quote is left out: daemons give no such names. */
static bool is_plain(const char *name)
{
	return *name && !name[strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_./")];
}

/* Where the daemon is, if the words before say it. */
static admin_place place_in(int count, char **words)
{
	admin_place place = {0};
	for (int i = 0; i + 1 < count; i++) {
		if (!strcmp(words[i], "--socket") || !strcmp(words[i], "-S"))
			place.socket = words[i + 1];
		else if (!strcmp(words[i], "--url"))
			place.url = words[i + 1];
		else if (!strcmp(words[i], "--token-file"))
			place.token_file = words[i + 1];
	}
	return place;
}

static void offer_children(const admin_place *place, const char *begun)
{
	admin_client *client = NULL;
	if (admin_open(&client, place))
		return;
	admin_answer answer = admin_ask(client, &(admin_request){.path = "/v1/children", .timeout_ms = ASK_MS});
	size_t i;
	const json_t *child;
	json_array_foreach(json_object_get(answer.json, "children"), i, child)
	{
		const char *path = json_string_value(json_object_get(child, "path"));
		const char *state = json_string_value(json_object_get(child, "state"));
		double replica = json_number_value(json_object_get(child, "replica"));
		if (path && is_plain(path) && replica <= 1)
			offer(path, state ? state : "", begun);
	}
	admin_answer_deinit(&answer);
	admin_close(client);
}

/* The option that a word is, if it takes a value in the next one. */
static const option_row *wants_value(const option_set *set, const char *word)
{
	const option_row *row;
	for (size_t i = 0; word && word[0] == '-' && (row = options_at(set, i, NULL)); i++) {
		bool named = word[1] == '-' ? !strcmp(row->name, word + 2) : row->letter && row->letter == word[1] && !word[2];
		if (named)
			return row->argument ? row : NULL;
	}
	return NULL;
}

void complete_operands(const command *self, const option_set *set, int count, char **words)
{
	const char *begun = count ? words[count - 1] : "";
	const option_row *row = wants_value(set, count > 1 ? words[count - 2] : NULL);
	if (row && strcmp(row->argument, "TIME") != 0 && strcmp(row->argument, "N") != 0 &&
	    strcmp(row->argument, "SIZE") != 0) {
		put(":files\n");
	} else if (row) {
		return;
	} else if (*begun == '-') {
		offer_options(set, begun);
	} else {
		const admin_place place = place_in(count, words);
		if (self->names == NAMES_COMMANDS)
			offer_commands(begun);
		if (self->names == NAMES_CHILDREN || self->names == NAMES_FILES_AND_CHILDREN)
			offer_children(&place, begun);
		if (self->names == NAMES_FILES || self->names == NAMES_FILES_AND_CHILDREN)
			put(":files\n");
	}
}

int complete_run(int count, char **words)
{
	if (!freopen("/dev/null", "w", stderr))
		return EXIT_INTERNAL;
	if (count < 2) {
		offer_commands(count ? words[0] : "");
		return EXIT_OK;
	}
	const command *found = command_find(words[0]);
	if (!found)
		return EXIT_OK;
	static char marker[] = COMPLETE_COMMAND;
	words[0] = marker;
	return found->run(found, count, words);
}
