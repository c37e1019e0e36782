/* bulkhead doctor: what this machine offers, and what is missing. */
#include <stdio.h>

#include "command.h"
#include "doctor.h"
#include "exit_code.h"
#include "json.h"
#include "memory.h"
#include "output.h"
#include "text.h"

typedef struct {
	bool json;
} doctor_options;

static const char *const state_names[] = {
	[FINDING_OK] = "ok",
	[FINDING_WARNING] = "warning",
	[FINDING_FAILURE] = "failure",
};

static void put_finding(const char *name, const finding *found)
{
	static const output_style styles[] = {STYLE_BOLD, STYLE_WARNING, STYLE_ERROR};
	printf("%s%-8s%s ", output_style_on(stdout, styles[found->state]), state_names[found->state],
	       output_style_on(stdout, STYLE_OFF));
	put("%-14s %s\n", name, found->value);
	if (found->advice) {
		X_AUTO char *advice = text_indent(found->advice, 24);
		put("%s", advice);
	}
}

static json_t *finding_json(const char *name, const finding *found)
{
	json_t *object = json_made(json_object());
	put_text(object, "name", name);
	put_text(object, "state", state_names[found->state]);
	put_text(object, "value", found->value);
	put_text(object, "advice", found->advice);
	return object;
}

static int examine_all(bool as_json)
{
	finding_state worst = FINDING_OK;
	json_t *findings = json_made(json_array());
	const examination *one;
	for (size_t i = 0; (one = examination_at(i)); i++) {
		finding found = one->examine();
		if (as_json)
			put_element(findings, finding_json(one->name, &found));
		else
			put_finding(one->name, &found);
		if (found.state > worst)
			worst = found.state;
		x_free(found.value);
		x_free(found.advice);
	}
	int code = worst == FINDING_FAILURE ? EXIT_INTERNAL : EXIT_OK;
	json_t *object = json_made(json_object());
	put_member(object, "findings", findings);
	put_text(object, "worst", state_names[worst]);
	put_number(object, "exit", (uint64_t)code);
	if (as_json)
		json_print(stdout, object);
	else
		json_decref(object);
	return code;
}

static const option_row rows[] = {
	{"json", 'j', NULL, "Print JSON", take_flag, offsetof(doctor_options, json)},
};

static int run(const command *self, int argc, char **argv)
{
	doctor_options o = {0};
	const option_group groups[] = {OPTION_GROUP(rows, &o)};
	const option_set set = {groups, X_COUNT(groups), .stop_at_operand = false};
	operands words;
	int code;
	if (!command_options(self, &set, argc, argv, &words, &code))
		return code;
	if (words.count)
		return say_usage_error(self->name, "it takes no arguments");
	return examine_all(o.json);
}

const command command_doctor = {
	.name = "doctor",
	.synopsis = "[OPTION...]",
	.summary = "show what this machine offers",
	.details = "Examines this machine: whether the engine works, how many instances fit, which system calls and\n"
			   "folders are there. Warnings are no failure: only what keeps components from running is.",
	.examples = "bulkhead doctor\n"
				"bulkhead doctor --json | jq '.findings[] | select(.state != \"ok\")'",
	.see = "man bulkhead-doctor",
	.run = run,
	.names = NAMES_NOTHING,
};
