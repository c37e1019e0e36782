/* bulkhead check: everything that is wrong with a Component.toml, and what it amounts to. */
#include <stdio.h>
#include <string.h>

#include "command.h"
#include "diagnostics.h"
#include "exit_code.h"
#include "json.h"
#include "limits_text.h"
#include "memory.h"
#include "output.h"
#include "report.h"

typedef struct {
	bool effective;
	bool json;
	bool quiet;
} check_options;

static const char *dialect_name(bh_dialect dialect)
{
	switch (dialect) {
	case BH_DIALECT_NESTED:
		return "nested";
	case BH_DIALECT_PACKAGE:
		return "package";
	default:
		return "flat";
	}
}

/* The manifest's limits after defaults, for `run` or for `call`. */
static bh_limits effective_limits(const bh_manifest *manifest, terms_kind kind)
{
	bh_limits limits = *bh_manifest_limits(manifest);
	terms_fill(&limits, kind);
	return limits;
}

static void put_effective(const bh_manifest *manifest)
{
	bh_limits run = effective_limits(manifest, TERMS_RUN), call = effective_limits(manifest, TERMS_CALL);
	put("%-24s %-14s %-14s\n", "limit", "run", "call");
	for (int i = BH_LIMIT_NONE + 1; i < BH_LIMIT_COUNT; i++) {
		bool written = bh_limits_get(bh_manifest_limits(manifest), (bh_limit)i) != 0;
		X_AUTO char *for_run = limits_value(&run, (bh_limit)i);
		X_AUTO char *for_call = limits_value(&call, (bh_limit)i);
		put("%-24s %-14s %-14s %s\n", bh_limit_describe((bh_limit)i)->key, for_run, for_call,
		    written ? "as written" : "default");
	}
	const char *action = limits_action_name(run.on_memory_limit);
	put("%-24s %-14s %-14s\n", "on_memory_limit", action, action);
	const char *grant;
	for (size_t i = 0; (grant = bh_permissions_describe(bh_manifest_permissions(manifest), i)); i++)
		put("%-24s %s\n", i ? "" : "grants", grant);
}

static size_t errors_in(const bh_manifest *manifest)
{
	size_t errors = 0;
	for (size_t i = 0; i < bh_manifest_diagnostic_count(manifest); i++)
		errors += bh_manifest_diagnostic(manifest, i)->severity == BH_SEVERITY_ERROR;
	return errors;
}

static void put_check(const bh_manifest *manifest, const char *path, const check_options *o)
{
	size_t count = bh_manifest_diagnostic_count(manifest), errors = errors_in(manifest);
	for (size_t i = 0; i < count; i++) {
		const bh_diagnostic *one = bh_manifest_diagnostic(manifest, i);
		if (!o->quiet || one->severity == BH_SEVERITY_ERROR)
			diagnostic_show(one);
	}
	if (errors)
		return;
	const bh_limits call = effective_limits(manifest, TERMS_CALL);
	X_AUTO char *line = limits_line(&call);
	if (!o->quiet)
		put("%s: ok (%s dialect): %s\n", path, dialect_name(bh_manifest_dialect(manifest)), line);
	if (o->effective)
		put_effective(manifest);
}

static void print_json(const bh_manifest *manifest, const char *path, const check_options *o, int code)
{
	json_t *object = json_made(json_object()), *diagnostics = json_made(json_array());
	for (size_t i = 0; i < bh_manifest_diagnostic_count(manifest); i++)
		put_element(diagnostics, diagnostic_json(bh_manifest_diagnostic(manifest, i)));
	put_text(object, "file", path);
	put_bool(object, "ok", code == EXIT_OK);
	put_text(object, "dialect", dialect_name(bh_manifest_dialect(manifest)));
	put_text(object, "name", bh_manifest_name(manifest));
	put_text(object, "version", bh_manifest_version(manifest));
	put_member(object, "diagnostics", diagnostics);
	if (o->effective && code == EXIT_OK) {
		const bh_limits run = effective_limits(manifest, TERMS_RUN), call = effective_limits(manifest, TERMS_CALL);
		json_t *effective = json_made(json_object());
		put_member(effective, "run", limits_json(&run));
		put_member(effective, "call", limits_json(&call));
		put_member(object, "effective", effective);
	}
	put_number(object, "exit", (uint64_t)code);
	json_print(stdout, object);
}

static int check(const char *path, bool by_default, const check_options *o)
{
	bh_manifest *manifest = NULL;
	bh_error *err = NULL;
	bh_status status = bh_manifest_check(&manifest, path, &err);
	if (status) {
		int code = report_error(&(report){.file = path}, status, err, -1);
		if (status == BH_E_NOT_FOUND && by_default && !o->json)
			say_more("To write one:  bulkhead init FILE");
		return code;
	}
	int code = errors_in(manifest) ? EXIT_CONFIG : EXIT_OK;
	if (o->json)
		print_json(manifest, path, o, code);
	else
		put_check(manifest, path, o);
	bh_manifest_free(manifest);
	return code;
}

static const option_row rows[] = {
	{"effective", 'e', NULL, "Print the limits in force after defaults, for `run`\nand for `call`", take_flag,
     offsetof(check_options, effective)},
	{"json", 'j', NULL, "Print JSON", take_flag, offsetof(check_options, json)},
	{"quiet", 'q', NULL, "Print errors only", take_flag, offsetof(check_options, quiet)},
};

static int run(const command *self, int argc, char **argv)
{
	check_options o = {0};
	const option_group groups[] = {OPTION_GROUP(rows, &o)};
	const option_set set = {groups, X_COUNT(groups), .stop_at_operand = false};
	operands words;
	int code;
	if (!command_options(self, &set, argc, argv, &words, &code))
		return code;
	if (words.count > 1)
		return say_usage_error(self->name, "it takes one FILE");
	report_as(o.json ? REPORT_JSON : REPORT_TEXT, false);
	return check(words.count ? words.items[0] : "Component.toml", !words.count, &o);
}

const command command_check = {
	.name = "check",
	.synopsis = "[OPTION...] [FILE]",
	.summary = "check a Component.toml",
	.details = "Checks a manifest (./Component.toml if no FILE is named) and shows every error and warning with its\n"
			   "place and what would be right. Warnings alone are no failure.",
	.examples = "bulkhead check\n"
				"bulkhead check --effective plugins/resize/Component.toml",
	.see = "man bulkhead-check, man Component.toml",
	.run = run,
};
