/* bulkhead call: one export, once. */
#include <string.h>
#include <unistd.h>

#include "admin.h"
#include "call_child.h"
#include "command.h"
#include "exit_code.h"
#include "guest.h"
#include "json.h"
#include "json_value.h"
#include "memory.h"
#include "output.h"
#include "report_json.h"
#include "text.h"

/* "name(args)" in its two parts; without parentheses there are no arguments. */
typedef struct {
	char *name;
	const char *args; /* with the parentheses */
} call_text;

static call_text split_call(const char *text)
{
	size_t length = strcspn(text, "(");
	const char *args = text[length] ? text + length : "()";
	while (length && text[length - 1] == ' ')
		length--;
	return (call_text){x_copy_n(text, length), args};
}

static int print_result(const report *about, const bh_value *result, bool returns)
{
	int code = result->kind == BH_KIND_RESULT && result->as.result.is_err ? EXIT_GUEST_ERR : EXIT_OK;
	if (report_is_json()) {
		report_json_result(stdout, about, returns ? json_value(result) : json_null(), code);
		return code;
	}
	char *wave = NULL;
	bh_error *err = NULL;
	bh_status status = returns ? bh_value_to_wave(&wave, result, &err) : BH_OK;
	if (status)
		return report_error(about, status, err, -1);
	if (wave)
		put_line(wave);
	bh_string_free(wave);
	report_usage(about);
	return code;
}

/* What the library says to programs, which can keep an instance, is no help at the prompt. */
static int handle_leads_nowhere(const report *about, bh_error *err)
{
	int code = report_words(about, BH_E_UNSUPPORTED, bh_error_message(err),
	                        "A handle lives in an instance, and `bulkhead call` makes a fresh one for each call.");
	bh_error_free(err);
	return code;
}

/*
 * The result has stdout to itself: what the guest writes there goes to stderr, and its stdin is empty, so that
 * a call in a loop does not eat the loop's input.
 */
static int call_export(guest *g, const settings *s, bh_export *callee, const bh_value *args, size_t count)
{
	const char *name = text_file_name(g->terms->file);
	bh_instance_options instance = BH_INSTANCE_OPTIONS_INIT;
	instance.args = &name;
	instance.arg_count = 1;
	instance.env = s->env.items;
	instance.env_count = s->env.count;
	instance.out = (bh_stdio){.mode = BH_STDIO_FD, .fd = STDERR_FILENO};
	instance.err = instance.out;
	bh_call_options options = BH_CALL_OPTIONS_INIT;
	options.instance = &instance;
	int code = guest_prepare_call(g, &options);
	if (!code)
		code = guest_profile(g, s, &instance);
	if (code)
		return code;
	bh_usage usage = BH_USAGE_INIT;
	bh_value result = BH_VALUE_INIT;
	bh_error *err = NULL;
	bh_status status = bh_export_call(callee, args, count, &result, &options, &usage, &err);
	const report about = guest_report(g, s, &usage);
	if (status == BH_E_UNSUPPORTED)
		code = handle_leads_nowhere(&about, err);
	else
		code = status ? guest_failed(g, s, &usage, status, err)
		              : print_result(&about, &result, bh_export_result_type(callee) != NULL);
	bh_value_deinit(&result);
	int unwritten = guest_write_profile(g, s);
	return code ? code : unwritten;
}

static int parse_and_call(guest *g, const settings *s, bh_export *callee, const char *text)
{
	size_t count = bh_export_param_count(callee);
	bh_value *args = x_alloc(count * sizeof *args);
	bh_error *err = NULL;
	bh_status status = bh_export_parse_args(args, callee, text, &err);
	int code = status ? report_error(&(report){.file = g->terms->file}, status, err, -1)
	                  : call_export(g, s, callee, args, count);
	for (size_t i = 0; i < count; i++)
		bh_value_deinit(&args[i]);
	x_free(args);
	return code;
}

static int find_and_call(guest *g, const settings *s, const char *text)
{
	call_text wanted = split_call(text);
	bh_export *callee = NULL;
	bh_error *err = NULL;
	bh_status status = bh_export_find(&callee, g->component, wanted.name, &err);
	int code = status ? report_error(&(report){.file = g->terms->file}, status, err, -1)
	                  : parse_and_call(g, s, callee, wanted.args);
	bh_export_free(callee);
	x_free(wanted.name);
	return code;
}

static int load_and_call(const settings *s, const char *file, const char *text)
{
	terms t;
	guest g = {0};
	int code = terms_settle(&t, file, TERMS_CALL, s);
	if (!code)
		code = guest_load(&g, &t,
		                  &(guest_options){.debug_info = s->debug_info,
		                                   .coredumps = s->coredump != NULL,
		                                   .trust = s->trust,
		                                   .untrusted = s->untrusted,
		                                   .quiet = s->quiet || s->json});
	if (!code)
		code = find_and_call(&g, s, text);
	guest_deinit(&g);
	terms_deinit(&t);
	return code;
}

static int run(const command *self, int argc, char **argv)
{
	settings s = SETTINGS_INIT;
	settings_rows rows;
	admin_place place = {0};
	const option_group groups[] = {settings_group(&rows, &s), admin_group(&place)};
	const option_set set = {groups, X_COUNT(groups), .stop_at_operand = false};
	operands words;
	int code;
	if (command_options(self, &set, argc, argv, &words, &code)) {
		if (s.quiet)
			output_be_quiet();
		report_as(s.json ? REPORT_JSON : REPORT_TEXT, s.verbose);
		if (words.count == 2 && names_a_child(words.items[0], &place))
			code = call_child(words.items[0], words.items[1], &s, &place);
		else if (words.count == 2)
			code = load_and_call(&s, words.items[0], words.items[1]);
		else
			code = say_usage_error(self->name,
			                       "it takes FILE or NAME and 'export(args)', quoted for the shell; got %zu words",
			                       words.count);
	}
	settings_deinit(&s);
	return code;
}

const command command_call = {
	.name = "call",
	.synopsis = "[OPTION...] FILE|NAME 'EXPORT(ARGS)'",
	.summary = "call one export under limits",
	.details = "Calls one export of a component on a fresh instance and prints its result. Arguments and result\n"
			   "are WAVE text, which looks like WIT: (1, \"two\", {x: 3}, [4, 5], some(6)). EXPORT is a name, as\n"
			   "long as only one interface exports it, or ns:package/interface@1.0.0#name. Where nothing else is\n"
			   "said, a call may use 1,000,000 units of fuel and 100 ms. What the guest prints goes to stderr.\n"
			   "A word that is no file is the NAME of a service of the daemon, as bulkhead ps lists them; with\n"
			   "--socket or --url it always is, and ./NAME never. Its limits are those of bulkhead.toml, and\n"
			   "--timeout is how long to wait for the answer.",
	.examples = "bulkhead call --memory 64MB calc.wasm 'divide({numerator: 7, denominator: 2})'\n"
				"bulkhead call --json --timeout 1s calc.wasm 'acme:calc/math@1.0.0#area(circle(2.5))' | jq .result\n"
				"bulkhead call counter 'increment()'",
	.see = "man bulkhead-call; bulkhead inspect FILE lists the exports",
	.run = run,
	.names = NAMES_FILES_AND_CHILDREN,
};
