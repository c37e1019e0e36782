/* bulkhead bindgen: a C header for a world, with its types and typed functions for its exports and imports. */
#include <ctype.h>
#include <errno.h>
#include <string.h>

#include "bindgen.h"
#include "command.h"
#include "exit_code.h"
#include "new_file.h"
#include "output.h"
#include "report.h"
#include "settings.h"
#include "text.h"
#include "whole.h"

typedef struct {
	settings common; /* --quiet and --verbose */
	const char *world;
	const char *output;
	const char *prefix;
	text_list async;
} bindgen_settings;

enum { LONGEST_PREFIX = 64 };

static bool is_prefix(const char *text)
{
	size_t length = strlen(text);
	if (!length || length > LONGEST_PREFIX || !islower((unsigned char)text[0]) || text[length - 1] == '_')
		return false;
	for (const char *p = text; *p; p++)
		if (!islower((unsigned char)*p) && !isdigit((unsigned char)*p) && *p != '_')
			return false;
	return strcmp(text, "bh") != 0 && strncmp(text, "bh_", 3) != 0;
}

/* The world's name; the file's where that has none of its own, as the world of a component. To be freed. */
static char *usual_prefix(const bh_wit *wit, const char *path)
{
	bool nameless = !strcmp(wit->name, "root") && (!wit->package || !strncmp(wit->package, "root:", 5));
	const char *file = text_file_name(path);
	X_AUTO char *stem = nameless ? x_copy_n(file, strcspn(file, ".")) : x_copy(wit->name);
	char *prefix = c_snake(stem);
	if (strlen(prefix) > LONGEST_PREFIX)
		prefix[LONGEST_PREFIX] = '\0';
	for (size_t end = strlen(prefix); end && prefix[end - 1] == '_'; end--)
		prefix[end - 1] = '\0';
	if (is_prefix(prefix))
		return prefix;
	char *other = x_format("world%s%s", *prefix ? "_" : "", prefix);
	x_free(prefix);
	return other;
}

/* Each --async must mean a function. */
static int check_async(const bh_wit *wit, const text_list *async)
{
	for (size_t i = 0; i < async->count; i++) {
		bool found = !strcmp(async->items[i], "all");
		for (size_t k = 0; k < wit->import_count && !found; k++) {
			const bh_wit_function *f = &wit->imports[k];
			X_AUTO char *whole = x_format("%s#%s", f->interface ? f->interface : "", f->name);
			found = !strcmp(async->items[i], f->name) || !strcmp(async->items[i], whole);
		}
		if (!found)
			return say_usage_error("bindgen", "--async %s: the world imports no such function", async->items[i]);
	}
	return EXIT_OK;
}

static int cannot_write(const char *path)
{
	say_error(path, "cannot be written: %s", strerror(errno));
	return EXIT_INTERNAL;
}

static int write_file(const char *path, const char *text)
{
	new_file file;
	if (!new_file_begin(&file, path))
		return cannot_write(path);
	bool written = write_whole(file.fd, text, strlen(text));
	int number = errno;
	if (new_file_end(&file, written) && written)
		return EXIT_OK;
	errno = written ? errno : number;
	return cannot_write(path);
}

static int generate(const bh_wit *wit, const char *path, const bindgen_settings *o)
{
	int code = check_async(wit, &o->async);
	if (code)
		return code;
	X_AUTO char *prefix = o->prefix ? x_copy(o->prefix) : usual_prefix(wit, path);
	bindgen_options options = {.prefix = prefix, .async = &o->async};
	X_AUTO char *text = bindgen_header(wit, &options);
	if (o->output && strcmp(o->output, "-") != 0)
		return write_file(o->output, text);
	fputs(text, stdout);
	return EXIT_OK;
}

static int bindgen_file(const char *path, const bindgen_settings *o)
{
	bh_wit *wit = NULL;
	bh_error *err = NULL;
	bh_status status = bh_wit_read(&wit, path, o->world, &err);
	if (status)
		return report_error(&(report){.file = path}, status, err, status == BH_E_UNSUPPORTED ? EXIT_COMPONENT : -1);
	int code = generate(wit, path, o);
	bh_wit_free(wit);
	return code;
}

static const option_row rows[] = {
	{"world", 'w', "NAME", "Which world, where the package has several", take_text, offsetof(bindgen_settings, world)},
	{"output", 'o', "FILE", "Write to FILE instead of stdout", take_text, offsetof(bindgen_settings, output)},
	{"prefix", 'p', "NAME", "What all names begin with; the world's name if it\nis not given", take_text,
     offsetof(bindgen_settings, prefix)},
	{"async", 0, "FUNCTION", "An import that is answered later; may be repeated.\n\"all\" is all of them", take_append,
     offsetof(bindgen_settings, async)},
	{"quiet", 'q', NULL, "Say nothing but an error's one line", take_flag, offsetof(bindgen_settings, common.quiet)},
	{"verbose", 'v', NULL, "Say more about errors", take_flag, offsetof(bindgen_settings, common.verbose)},
};

static int run(const command *self, int argc, char **argv)
{
	bindgen_settings o = {.common = SETTINGS_INIT};
	const option_group groups[] = {OPTION_GROUP(rows, &o)};
	const option_set set = {groups, X_COUNT(groups), .stop_at_operand = false};
	operands words;
	int code;
	if (!command_options(self, &set, argc, argv, &words, &code)) {
		text_list_deinit(&o.async);
		return code;
	}
	if (o.common.quiet)
		output_be_quiet();
	report_as(REPORT_TEXT, o.common.verbose);
	if (words.count != 1)
		code = say_usage_error(self->name, words.count ? "it takes one PATH" : "which WIT?");
	else if (o.prefix && !is_prefix(o.prefix))
		code = say_usage_error(
			self->name, "--prefix %s: it begins with a small letter, goes on with those, digits and _, and is not bh",
			o.prefix);
	else
		code = bindgen_file(words.items[0], &o);
	text_list_deinit(&o.async);
	return code;
}

const command command_bindgen = {
	.name = "bindgen",
	.synopsis = "[OPTION...] PATH",
	.summary = "write a C header for a world: typed calls and imports",
	.details = "PATH is a WIT file, a folder with a WIT package (and what it uses in deps/), or a component.\n"
			   "The header has the world's types as C structs, a function for each export, and a struct of functions\n"
			   "to define for what the world imports and Bulkhead does not provide.",
	.examples = "bulkhead bindgen -o calc.h wit/\n"
				"bulkhead bindgen --world plugin --prefix acme --async fetch -o acme.h wit/\n"
				"bulkhead bindgen calc.wasm",
	.see = "man bulkhead-bindgen",
	.run = run,
};
