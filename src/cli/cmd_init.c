/* bulkhead init: writes a Component.toml for a component, from what the component needs. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "command.h"
#include "exit_code.h"
#include "memory.h"
#include "output.h"
#include "survey.h"
#include "text.h"
#include "whole.h"

typedef struct {
	settings common; /* --quiet and --verbose */
	const char *output;
} init_options;

/* Enough to start and to work with: four times what it starts with, as a power of two, and at least 16 MiB. */
static uint64_t sensible_memory(uint64_t initial)
{
	uint64_t most = bh_limit_describe(BH_LIMIT_MEMORY)->maximum, memory = BH_MIB(16);
	while (memory < most && memory / 4 < initial)
		memory *= 2;
	return memory < most ? memory : most;
}

/* "64MiB": a value as the manifest takes it, which is without the space. To be freed. */
static char *toml_size(uint64_t bytes)
{
	return bytes % BH_GIB(1) == 0 ? x_format("%lluGiB", (unsigned long long)(bytes / BH_GIB(1)))
	                              : x_format("%lluMiB", (unsigned long long)(bytes / BH_MIB(1)));
}

static void write_component(FILE *out, const survey *v)
{
	X_AUTO char *name = text_component_name(v->file);
	X_AUTO char *file = text_clean(text_file_name(v->file));
	for (char *p = file; *p; p++)
		if (*p == '\n')
			*p = '?';
	fprintf(out,
	        "# What %s is, how much it may use, and what it may reach.\n"
	        "# man Component.toml explains the keys; `bulkhead check` checks this file.\n\n"
	        "[component]\nname = \"%s\"\nversion = \"0.1.0\"\n\n",
	        file, name);
}

static void write_resources(FILE *out, const survey *v)
{
	X_AUTO char *memory = toml_size(sensible_memory(v->needs.initial_memory));
	fprintf(out,
	        "[resources]\n"
	        "# It starts with %s. All its memories together may grow to:\n"
	        "max_memory = \"%s\"\n"
	        "max_stack = \"1MiB\"\n\n",
	        v->needs.initial_memory ? text_bytes(v->needs.initial_memory) : "no memory", memory);
	if (v->needs.command)
		fprintf(out, "# It is a program, which runs as long as it likes unless these are set:\n"
		             "# max_fuel_per_execution = 1_000_000_000\n"
		             "# max_execution_time_ms = \"10s\"\n");
	else
		fprintf(
			out,
			"# A call may use 1,000,000 units of fuel and 100 ms unless these are set; \"unlimited\" is a value too:\n"
			"# max_fuel_per_execution = 10_000_000\n"
			"# max_execution_time_ms = \"1s\"\n");
	fprintf(out, "\n# When it wants more memory than that it is told so and may cope; \"trap\" stops it there:\n"
	             "# on_memory_limit = \"trap\"\n");
}

/* Of bulkhead:host: what it imports of that needs a capability, and a folder or a peer besides. */
static void write_capabilities(FILE *out, const survey *v)
{
	static const struct {
		const char *interface, *capability;
	} rows[] = {
		{"bulkhead:host/filesystem", "filesystem::read"},
		{"bulkhead:host/network", "network::http_fetch"},
		{"bulkhead:host/time", "time::sleep"},
		{"bulkhead:host/supervision", "supervision"},
	};
	const char *separator = "# It imports bulkhead:host. What of that it may call:\n# capabilities = [";
	bool any = false;
	for (size_t i = 0; i < X_COUNT(rows); i++) {
		if (!survey_imports(v, rows[i].interface))
			continue;
		fprintf(out, "%s\"%s\"", separator, rows[i].capability);
		separator = ", ";
		any = true;
	}
	if (any)
		fprintf(out, "]\n");
}

static void write_permissions(FILE *out, const survey *v)
{
	bool files = survey_imports(v, "wasi:filesystem/"), sockets = survey_imports(v, "wasi:sockets/"),
		 http = survey_imports(v, "wasi:http/"), ours = survey_imports(v, "bulkhead:host/"),
		 reads = survey_imports(v, "bulkhead:host/filesystem"), fetches = survey_imports(v, "bulkhead:host/network");
	if (!files && !sockets && !http && !ours) {
		fprintf(out, "\n# It asks for nothing outside itself, so it needs no [permissions].\n");
		return;
	}
	fprintf(out, "\n# Nothing is allowed that is not said here.\n# [permissions]\n");
	if (files || reads)
		fprintf(out,
		        "# It imports %s. Folders that it may read, seen from this file:\n"
		        "# filesystem.read = [\"./data\"]\n",
		        files ? "wasi:filesystem" : "bulkhead:host/filesystem");
	if (sockets || http || fetches)
		fprintf(out,
		        "# It imports %s. What it may connect to:\n"
		        "# network.outbound = [{ host = \"example.com\", port = 443 }]\n",
		        sockets ? "wasi:sockets"
		        : http  ? "wasi:http"
		                : "bulkhead:host/network");
	write_capabilities(out, v);
}

static char *manifest_text(const survey *v)
{
	x_writer out;
	x_text_begin(&out);
	write_component(out.stream, v);
	write_resources(out.stream, v);
	write_permissions(out.stream, v);
	return x_text_end(&out);
}

static int cannot_write(const char *path, const char *doing)
{
	say_error(path, "cannot %s: %s", doing, strerror(errno));
	return EXIT_INTERNAL;
}

static int write_new_file(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
	if (fd < 0 && errno == EEXIST) {
		say_error(path, "it exists, and is never overwritten");
		say_more("To write another:  bulkhead init FILE -o OTHER.toml   (-o - prints it)\n"
		         "To check this one:  bulkhead check %s",
		         path);
		return EXIT_USAGE;
	}
	if (fd < 0)
		return cannot_write(path, "be created");
	bool written = write_whole(fd, text, strlen(text));
	int code = written ? EXIT_OK : cannot_write(path, "be written");
	if (close(fd) < 0 && !code)
		code = cannot_write(path, "be written");
	if (code)
		unlink(path); /* half a manifest would be found and believed */
	return code;
}

/* Component.toml beside the component; to be freed. */
static char *path_beside(const char *file)
{
	return x_format("%.*sComponent.toml", (int)(text_file_name(file) - file), file);
}

static int init(const char *file, const init_options *o)
{
	survey v;
	int code = survey_take(&v, file, &o->common);
	X_AUTO char *text = code ? NULL : manifest_text(&v);
	X_AUTO char *path = o->output ? x_copy(o->output) : path_beside(file);
	if (!code && !strcmp(path, "-")) {
		put("%s", text);
	} else if (!code) {
		code = write_new_file(path, text);
		if (!code && !o->common.quiet)
			put("wrote %s: memory %s, stack 1 MiB\n", path, text_bytes(sensible_memory(v.needs.initial_memory)));
	}
	survey_deinit(&v);
	return code;
}

static const option_row rows[] = {
	{"output", 'o', "FILE", "Write to FILE instead of the Component.toml beside\nthe component; - is stdout", take_text,
     offsetof(init_options, output)},
	{"quiet", 'q', NULL, "Say nothing but an error's one line", take_flag, offsetof(init_options, common.quiet)},
	{"verbose", 'v', NULL, "Say more about errors", take_flag, offsetof(init_options, common.verbose)},
};

static int run(const command *self, int argc, char **argv)
{
	init_options o = {.common = SETTINGS_INIT};
	const option_group groups[] = {OPTION_GROUP(rows, &o)};
	const option_set set = {groups, X_COUNT(groups), .stop_at_operand = false};
	operands words;
	int code;
	if (!command_options(self, &set, argc, argv, &words, &code))
		return code;
	if (o.common.quiet)
		output_be_quiet();
	report_as(REPORT_TEXT, o.common.verbose);
	if (words.count != 1)
		return say_usage_error(self->name, words.count ? "it takes one FILE" : "which FILE?");
	return init(words.items[0], &o);
}

const command command_init = {
	.name = "init",
	.synopsis = "[OPTION...] FILE",
	.summary = "write a Component.toml for a component",
	.details = "Looks at a component and writes a commented Component.toml beside it: a memory limit of four times\n"
			   "what it starts with (at least 16 MiB), a stack of 1 MiB, and what it may want besides as comments.\n"
			   "It grants nothing, and never overwrites a file.",
	.examples = "bulkhead init hello.wasm\n"
				"bulkhead init -o - hello.wasm",
	.see = "man bulkhead-init, man Component.toml",
	.run = run,
};
