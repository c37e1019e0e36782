/* bulkhead run: a program, from its start to its end. */
#include "command.h"
#include "exit_code.h"
#include "guest.h"
#include "memory.h"
#include "output.h"
#include "text.h"

/* A guest's status as a process can have it: eight bits, and a failure stays one. */
static int own_status(int status)
{
	return status && !(status & 0xff) ? 1 : status & 0xff;
}

static int run_guest(guest *g, const settings *s, const operands *words)
{
	/* The guest's name for itself is the file's name: where that file lies is not its business. */
	char **args = x_alloc(words->count * sizeof *args);
	for (size_t i = 0; i < words->count; i++)
		args[i] = i ? words->items[i] : (char *)text_file_name(words->items[0]);
	bh_instance_options instance = BH_INSTANCE_OPTIONS_INIT;
	instance.args = (const char *const *)args;
	instance.arg_count = words->count;
	instance.env = s->env.items;
	instance.env_count = s->env.count;
	instance.in.mode = instance.out.mode = instance.err.mode = BH_STDIO_INHERIT;
	bh_call_options options = BH_CALL_OPTIONS_INIT;
	options.instance = &instance;
	bh_usage usage = BH_USAGE_INIT;
	bh_error *err = NULL;
	int status = 0;
	int code = guest_prepare_call(g, &options);
	if (!code)
		code = guest_profile(g, s, &instance);
	if (!code) {
		bh_status failed = bh_component_run(g->component, &status, &options, &usage, &err);
		const report about = guest_report(g, s, &usage);
		code = failed ? guest_failed(g, s, &usage, failed, err) : report_exit(&about, own_status(status));
		int unwritten = guest_write_profile(g, s);
		code = code ? code : unwritten;
	}
	x_free(args);
	return code;
}

static int load_and_run(const settings *s, const operands *words)
{
	terms t;
	guest g = {0};
	int code = terms_settle(&t, words->items[0], TERMS_RUN, s);
	if (!code)
		code = guest_load(&g, &t,
		                  &(guest_options){.wrap_modules = true,
		                                   .debug_info = s->debug_info,
		                                   .coredumps = s->coredump != NULL,
		                                   .trust = s->trust,
		                                   .untrusted = s->untrusted,
		                                   .quiet = s->quiet || s->json});
	if (!code)
		code = run_guest(&g, s, words);
	guest_deinit(&g);
	terms_deinit(&t);
	return code;
}

static int run(const command *self, int argc, char **argv)
{
	settings s = SETTINGS_INIT;
	settings_rows rows;
	const option_group groups[] = {settings_group(&rows, &s)};
	const option_set set = {groups, X_COUNT(groups), .stop_at_operand = true};
	operands words;
	int code;
	if (command_options(self, &set, argc, argv, &words, &code)) {
		if (s.quiet)
			output_be_quiet();
		report_as(s.json ? REPORT_JSON_ON_STDERR : REPORT_TEXT, s.verbose);
		code = words.count ? load_and_run(&s, &words) : say_usage_error(self->name, "which FILE?");
	}
	settings_deinit(&s);
	return code;
}

const command command_run = {
	.name = "run",
	.synopsis = "[OPTION...] FILE [ARG...]",
	.summary = "run a program under limits",
	.details = "Runs a WASI command component, or a core module built for WASI 0.1, from its start to its end.\n"
			   "What follows FILE are the guest's arguments. Its stdin, stdout and stderr are ours; nothing else\n"
			   "is allowed that was not asked for, here or in the Component.toml beside FILE. It must have a\n"
			   "memory limit; without a fuel or time limit it runs as long as it likes.\n"
			   "With --json the report is one line on stderr when the guest has ended.",
	.examples = "bulkhead run --memory 64MB hello.wasm ada\n"
				"bulkhead run --memory 64MB --timeout 2s --dir ./data::/data:ro convert.wasm /data/in.csv",
	.see = "man bulkhead-run, man Component.toml; bulkhead init FILE writes a Component.toml",
	.run = run,
};
