/* bulkhead inspect: what a component exports, imports and needs. */
#include <stdio.h>
#include <string.h>

#include "command.h"
#include "exit_code.h"
#include "json.h"
#include "limits_text.h"
#include "memory.h"
#include "output.h"
#include "survey.h"
#include "text.h"

typedef const bh_item *item_at(const bh_component *component, size_t index);

/* The heading stands in the first line only. */
static void put_heading(const char *heading, bool *first)
{
	put("%-11s ", *first ? heading : "");
	*first = false;
}

static bool same_text(const char *a, const char *b)
{
	return a == b || (a && b && !strcmp(a, b));
}

/* Functions under their interfaces, and interfaces by themselves. */
static void put_items(const bh_component *component, const char *heading, item_at *at, bool imports)
{
	const bh_item *item;
	const char *interface = NULL;
	bool first = true;
	for (size_t i = 0; (item = at(component, i)); i++) {
		if (item->interface && (!item->name || !same_text(item->interface, interface))) {
			put_heading(heading, &first);
			const char *when = imports ? survey_availability(item->interface) : NULL;
			put(when ? "%-37s (%s)\n" : "%s\n", item->interface, when);
		}
		interface = item->interface;
		if (!item->name)
			continue;
		put_heading(heading, &first);
		put("%s%s: %s\n", item->interface ? "  " : "", item->name, item->signature ? item->signature : "?");
	}
	if (first)
		put("%-11s none\n", heading);
}

static void put_memories(const survey *v)
{
	if (!v->needs.memories) {
		put("%-11s none\n", "memories");
		return;
	}
	put("%-11s %u: %s at %s", "memories", v->needs.memories, v->needs.memories == 1 ? "starts" : "start",
	    v->needs.initial_memory ? text_bytes(v->needs.initial_memory) : "nothing");
	const char *grow = v->needs.memories == 1 ? "grows" : "grow";
	if (v->bytes.kind == WASM_OTHER)
		put("\n");
	else if (v->bytes.bounded)
		put(", %s to %s of %s own\n", grow, text_bytes(v->bytes.maximum), v->needs.memories == 1 ? "its" : "their");
	else
		put(", %s without bound of %s own\n", grow, v->needs.memories == 1 ? "its" : "their");
}

static void put_terms(const survey *v)
{
	X_AUTO char *line = limits_line(&v->terms.limits);
	if (v->terms.manifest)
		put("%-11s %s: %s\n", "limits", bh_manifest_path(v->terms.manifest), line);
	else
		put("%-11s none declared; to write them down:  bulkhead init %s\n", "limits", v->file);
	const char *grant;
	bool first = true;
	for (size_t i = 0; (grant = bh_permissions_describe(v->terms.permissions, i)); i++) {
		put_heading("grants", &first);
		put("%s\n", grant);
	}
}

static const char *kind_text(const survey *v)
{
	if (v->artifact.engine[0])
		return "artifact";
	if (v->needs.wrapped)
		return "core module for WASI 0.1 (wrapped)";
	return v->bytes.kind == WASM_OTHER ? "component (text)" : "component";
}

static void put_compiled(const survey *v)
{
	if (v->artifact.engine[0])
		put("%-11s from %s, for %s%s\n", "compiled", v->artifact.name, v->artifact.engine,
		    v->artifact.is_signed ? ", signed" : "");
	else if (v->needs.origin == BH_CODE_FROM_DISK)
		put("%-11s yes, %s in the cache, loaded in %s\n", "compiled", text_bytes(v->needs.code_bytes),
		    text_nanoseconds(v->guest.load_ns));
	else
		put("%-11s just now, in %s\n", "compiled", text_nanoseconds(v->guest.load_ns));
}

static void put_survey(const survey *v)
{
	X_AUTO char *wasi = survey_wasi_version(v);
	put("%-11s %s%s, %s, sha256 %.12s…%s%s\n", text_file_name(v->file), v->needs.command ? "command " : "",
	    kind_text(v), text_bytes(v->bytes.size), v->bytes.sha256, wasi ? ", wasi " : "", wasi ? wasi : "");
	put_items(v->guest.component, "exports", bh_component_export_at, false);
	put_items(v->guest.component, "imports", bh_component_import_at, true);
	put_memories(v);
	put_terms(v);
	put_compiled(v);
}

static json_t *items_json(const bh_component *component, item_at *at, bool imports)
{
	json_t *array = json_made(json_array());
	const bh_item *item;
	for (size_t i = 0; (item = at(component, i)); i++) {
		json_t *one = json_made(json_object());
		put_text(one, "interface", item->interface);
		put_text(one, "name", item->name);
		put_text(one, "signature", item->signature);
		if (imports)
			put_text(one, "available", survey_availability(item->interface));
		put_element(array, one);
	}
	return array;
}

static json_t *grants_json(const terms *t)
{
	json_t *array = json_made(json_array());
	const char *grant;
	for (size_t i = 0; (grant = bh_permissions_describe(t->permissions, i)); i++)
		put_element(array, json_text(grant));
	return array;
}

static json_t *memories_json(const survey *v)
{
	json_t *object = json_made(json_object());
	put_number(object, "count", v->needs.memories);
	put_number(object, "initial", v->needs.initial_memory);
	bool known = v->bytes.kind != WASM_OTHER && v->bytes.bounded;
	put_member(object, "maximum", known ? json_number(v->bytes.maximum) : json_null());
	return object;
}

static void print_json(const survey *v)
{
	X_AUTO char *wasi = survey_wasi_version(v);
	json_t *object = json_made(json_object());
	put_text(object, "file", v->file);
	put_text(object, "kind", v->needs.wrapped ? "module" : "component");
	put_bool(object, "command", v->needs.command);
	put_number(object, "size", v->bytes.size);
	put_text(object, "sha256", v->bytes.sha256);
	put_text(object, "wasi", wasi);
	put_member(object, "exports", items_json(v->guest.component, bh_component_export_at, false));
	put_member(object, "imports", items_json(v->guest.component, bh_component_import_at, true));
	put_member(object, "memories", memories_json(v));
	put_number(object, "tables", v->needs.tables);
	put_number(object, "core_instances", v->needs.core_instances);
	put_text(object, "manifest", v->terms.manifest ? bh_manifest_path(v->terms.manifest) : NULL);
	put_member(object, "limits", v->terms.manifest ? limits_json(&v->terms.limits) : json_null());
	put_member(object, "grants", grants_json(&v->terms));
	put_number(object, "load_ns", v->guest.load_ns);
	json_print(stdout, object);
}

#define AT(field) offsetof(settings, field)

static const option_row rows[] = {
	{"manifest", 'm', "FILE", "Show limits from FILE instead of the Component.toml\nbeside the component", take_text,
     AT(manifest)},
	{"trust", 0, "KEY", "Of artifacts, take what this public key signed", take_text, AT(trust)},
	{"json", 'j', NULL, "Print JSON", take_flag, AT(json)},
	{"quiet", 'q', NULL, "Show no progress and no warnings", take_flag, AT(quiet)},
	{"verbose", 'v', NULL, "Say more about errors", take_flag, AT(verbose)},
};

static int inspect(const char *file, const settings *s)
{
	survey v;
	int code = survey_take(&v, file, s);
	if (!code && s->json)
		print_json(&v);
	else if (!code)
		put_survey(&v);
	survey_deinit(&v);
	return code;
}

static int run(const command *self, int argc, char **argv)
{
	settings s = SETTINGS_INIT;
	const option_group groups[] = {OPTION_GROUP(rows, &s)};
	const option_set set = {groups, X_COUNT(groups), .stop_at_operand = false};
	operands words;
	int code;
	if (!command_options(self, &set, argc, argv, &words, &code))
		return code;
	if (s.quiet)
		output_be_quiet();
	report_as(s.json ? REPORT_JSON : REPORT_TEXT, s.verbose);
	if (words.count != 1)
		return say_usage_error(self->name, words.count ? "it takes one FILE" : "which FILE?");
	return inspect(words.items[0], &s);
}

const command command_inspect = {
	.name = "inspect",
	.synopsis = "[OPTION...] FILE",
	.summary = "show what a component exports, imports and needs",
	.details = "Shows a component's exports with their types, its imports and when they are there, the memory it\n"
			   "starts with, and the limits that its Component.toml declares. Nothing of it is run.",
	.examples = "bulkhead inspect calc.wasm\n"
				"bulkhead inspect --json calc.wasm | jq -r '.exports[] | .name + \": \" + .signature'",
	.see = "man bulkhead-inspect",
	.run = run,
};
