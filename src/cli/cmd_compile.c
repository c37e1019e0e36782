/* bulkhead compile: a component, ahead of time. */
#include <stdio.h>
#include <string.h>

#include "command.h"
#include "exit_code.h"
#include "interrupt.h"
#include "key_file.h"
#include "memory.h"
#include "output.h"
#include "progress.h"
#include "report.h"
#include "text.h"

typedef struct {
	const char *output;
	const char *target_cpu;
	const char *sign;
	bool metered;
	bool debug_info;
	bool quiet;
} compile_options;

static const option_row rows[] = {
	{"output", 'o', "OUT", "The artifact to write; by default FILE with .cwasm", take_text,
     offsetof(compile_options, output)},
	{"metered", 0, NULL, "For components that have a fuel limit; without it,\nfor those that have none", take_flag,
     offsetof(compile_options, metered)},
	{"target-cpu", 0, "native|baseline", "For this machine's CPU (default), or for any of its kind", take_text,
     offsetof(compile_options, target_cpu)},
	{"sign", 0, "KEY", "Sign with a secret key of `bulkhead keygen`", take_text, offsetof(compile_options, sign)},
	{"debug-info", 'g', NULL, "With debug information, for runs with --debug-info", take_flag,
     offsetof(compile_options, debug_info)},
	{"quiet", 'q', NULL, "Say nothing but an error's one line", take_flag, offsetof(compile_options, quiet)},
};

static char *output_name(const char *file)
{
	size_t length = strlen(file);
	const char *dot = strrchr(text_file_name(file), '.');
	return x_format("%.*s.cwasm", dot ? (int)(dot - file) : (int)length, file);
}

static int compile(const char *file, const compile_options *o)
{
	bh_compile_options options = BH_COMPILE_OPTIONS_INIT;
	uint8_t key[BH_SECRET_KEY];
	X_AUTO char *name = o->output ? x_copy(o->output) : output_name(file);
	int code = o->sign ? key_read(key, KEY_SECRET, o->sign) : 0;
	if (code)
		return code;
	options.metered = o->metered;
	options.baseline = o->target_cpu && !strcmp(o->target_cpu, "baseline");
	options.wrap_modules = true;
	options.profile = o->debug_info ? BH_PROFILE_DEVELOPMENT : BH_PROFILE_PRODUCTION;
	options.secret_key = o->sign ? key : NULL;
	report_if_interrupted(&(report){.file = file});
	interrupt_catch();
	if (!o->quiet)
		progress_begin(file);
	bh_error *err = NULL;
	bh_status status = bh_artifact_compile(name, file, &options, &err);
	progress_end();
	interrupt_cancels(NULL);
	if (status)
		return report_error(&(report){.file = file}, status, err, -1);
	if (!o->quiet)
		put("%s\n", name);
	return EXIT_OK;
}

static int run(const command *self, int argc, char **argv)
{
	compile_options o = {0};
	const option_group groups[] = {OPTION_GROUP(rows, &o)};
	const option_set set = {groups, X_COUNT(groups), .stop_at_operand = false};
	operands words;
	int code;
	if (!command_options(self, &set, argc, argv, &words, &code))
		return code;
	if (words.count != 1)
		return say_usage_error(self->name, words.count ? "one FILE at a time" : "which FILE?");
	if (o.target_cpu && strcmp(o.target_cpu, "native") != 0 && strcmp(o.target_cpu, "baseline") != 0)
		return say_usage_error(self->name, "--target-cpu \"%s\": expected native or baseline", o.target_cpu);
	if (o.quiet)
		output_be_quiet();
	return compile(words.items[0], &o);
}

const command command_compile = {
	.name = "compile",
	.synopsis = "[OPTION...] FILE",
	.summary = "compile a component ahead of time",
	.details = "Writes an artifact that `run` and `call` take in FILE's place and start without compiling. It fits\n"
			   "this build of bulkhead, and components with a fuel limit (--metered) or without; anything else\n"
			   "is refused with the command that makes the right one. Machine code is run as it is, so an\n"
			   "artifact must be your own, in a folder that nobody else can write to, or signed with a key that\n"
			   "you name (--trust).",
	.examples = "bulkhead compile hello.wasm && bulkhead run --memory 64MB hello.cwasm\n"
				"bulkhead compile plugin.wasm -o plugin.cwasm --target-cpu baseline --sign release.key\n"
				"bulkhead run --trust release.pub --memory 64MB plugin.cwasm",
	.see = "man bulkhead-compile",
	.run = run,
};
