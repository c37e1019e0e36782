#include "settings.h"

#include <assert.h>
#include <ctype.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "exit_code.h"
#include "memory.h"
#include "output.h"

/* The value of an option that is named like a limit's flag. */
static int take_limit(void *target, const option_row *row, const char *value)
{
	settings *s = target;
	bh_limit limit = bh_limit_find(row->name);
	uint64_t number;
	bh_error *err = NULL;
	if (bh_limit_parse(&number, limit, value, &err) == BH_OK) {
		bh_limits_set(&s->limits, limit, number);
		return 0;
	}
	const char *hint = bh_error_hint(err);
	say_error(NULL, "--%s \"%s\": not a value that it takes", row->name, value);
	if (hint)
		say_more("%c%s", toupper((unsigned char)*hint), hint + 1);
	bh_error_free(err);
	return EXIT_USAGE;
}

/* --env NAME=value, or NAME to pass our own value on. */
static int take_env(void *target, const option_row *row, const char *value)
{
	settings *s = target;
	const char *equals = strchr(value, '=');
	if (!*value || equals == value)
		return say_usage_error(NULL, "--env \"%s\": a variable needs a name", value);
	if (equals)
		return take_append(target, row, value);
	size_t length = strlen(value);
	for (char **entry = environ; *entry; entry++) {
		if (strncmp(*entry, value, length) != 0 || (*entry)[length] != '=')
			continue;
		text_list_add(&s->env, *entry);
		return 0;
	}
	return say_usage_error(NULL, "--env %s: there is no such variable to pass on; to set one: --env %s=VALUE", value,
	                       value);
}

#define AT(field) offsetof(settings, field)

static const option_row first_rows[] = {
	{"manifest", 'm', "FILE",
     "Take limits and permissions from FILE instead of the\nComponent.toml beside the component", take_text,
     AT(manifest)},
};

static const option_row last_rows[] = {
	{"dir", 0, "HOST[::GUEST][:ro]", "Let it use the folder HOST, which it sees as GUEST;\n:ro for reading only",
     take_append, AT(dirs)},
	{"env", 0, "NAME[=VALUE]", "Set an environment variable, or pass ours on", take_env, AT(env)},
	{"allow-net", 0, "HOST:PORT[/udp]",
     "Let it connect to a name, an address or a network, by\nTCP and HTTP; * is any port, /udp behind it is UDP",
     take_append, AT(nets)},
	{"allow-listen", 0, "[ADDRESS:]PORT[/udp]", "Let it listen on a local port", take_append, AT(listens)},
	{"allow", 0, "CAPABILITY", "Let it call what needs that, such as time::sleep", take_append, AT(capabilities)},
	{"quiet", 'q', NULL, "Say nothing but an error's one line", take_flag, AT(quiet)},
	{"json", 'j', NULL, "Report as JSON", take_flag, AT(json)},
	{"usage", 'u', NULL, "Say at the end what it used: time, fuel, memory", take_flag, AT(usage)},
	{"verbose", 'v', NULL, "Say more about errors: causes, all frames", take_flag, AT(verbose)},
	{"profile", 0, "OUT", "Write where it computes, sampled each millisecond, for\nhttps://profiler.firefox.com",
     take_text, AT(profile)},
	{"coredump", 0, "OUT", "If it traps, write its whole memory and its stack; where\nit does not, no file", take_text,
     AT(coredump)},
	{"untrusted", 0, NULL, "Compile in a process of its own, with limits; the\ndefault above 1 MiB", take_flag,
     AT(untrusted)},
	{"trust", 0, "KEY", "Of artifacts, take what this public key signed", take_text, AT(trust)},
	{"debug-info", 'g', NULL, "Compile with debug information: traps name files and\nlines; slower", take_flag,
     AT(debug_info)},
};

/* What a limit's value is called in the help. */
static const char *argument_name(bh_unit unit)
{
	return unit == BH_UNIT_BYTES ? "SIZE" : unit == BH_UNIT_MILLISECONDS ? "TIME" : "N";
}

static void add_rows(settings_rows *rows, const option_row *from, size_t count)
{
	assert(rows->count + count <= X_COUNT(rows->rows));
	memcpy(rows->rows + rows->count, from, count * sizeof *from);
	rows->count += count;
}

/* The limits that have a flag. The library's text for one begins with a small letter, the help's with a capital. */
static void add_limit_rows(settings_rows *rows)
{
	for (int i = BH_LIMIT_NONE + 1; i < BH_LIMIT_COUNT; i++) {
		const bh_limit_info *info = bh_limit_describe((bh_limit)i);
		if (!info->flag)
			continue;
		char *help = rows->help[i];
		snprintf(help, sizeof rows->help[i], "%c%s (%s)", toupper((unsigned char)info->text[0]), info->text + 1,
		         info->key);
		option_row row = {.name = info->flag, .argument = argument_name(info->unit), .help = help, .take = take_limit};
		add_rows(rows, &row, 1);
	}
}

option_group settings_group(settings_rows *rows, settings *target)
{
	rows->count = 0;
	add_rows(rows, first_rows, X_COUNT(first_rows));
	add_limit_rows(rows);
	add_rows(rows, last_rows, X_COUNT(last_rows));
	return (option_group){rows->rows, rows->count, target};
}

void settings_deinit(settings *s)
{
	text_list_deinit(&s->dirs);
	text_list_deinit(&s->nets);
	text_list_deinit(&s->listens);
	text_list_deinit(&s->capabilities);
	text_list_deinit(&s->env);
}
