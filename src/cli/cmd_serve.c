/* bulkhead serve: the daemon, which is a program of its own; and checking its configuration, which is done here. */
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "command.h"
#include "diagnostics.h"
#include "exit_code.h"
#include "json.h"
#include "memory.h"
#include "output.h"
#include "report.h"
#include "serve_check.h"

typedef struct {
	bool check;
	bool strict;
	bool json;
} serve_options;

/* As a diagnostic on its place in the configuration, or the child's; `message` is to stay. */
static bh_diagnostic as_diagnostic(const bh_error *err, const char *message, const bh_config_child *child,
                                   const char *key, const char *file)
{
	bh_diagnostic mistake = {
		.severity = BH_SEVERITY_ERROR,
		.where = {.file = file, .key = child->path, .line = child->line, .column = 1},
		.message = message,
		.hint = bh_error_hint(err),
	};
	if (key && bh_config_child_place(child, key, &mistake.where.line, &mistake.where.column))
		mistake.where.key = key;
	return mistake;
}

/* Where remarks go: to the person, or into a list. */
static void put_remark(const bh_diagnostic *remark, json_t *list)
{
	if (list)
		put_element(list, diagnostic_json(remark));
	else
		diagnostic_show(remark);
}

/* With the child's name and the key in front, unless they are there. */
static char *said_of(const bh_config_child *child, const char *key, const char *message)
{
	size_t length = strlen(child->path);
	bool named = !strncmp(message, child->path, length) && !strncmp(message + length, ": ", 2);
	if (key)
		return x_format("%s: %s: %s", child->path, key, message + (named ? length + 2 : 0));
	return named ? x_copy(message) : x_format("%s: %s", child->path, message);
}

/* Returns whether there was one. */
static bool put_mistake(const serve_check *checks, const bh_config_child *child, const char *path, json_t *list)
{
	const char *key = NULL;
	bh_error *err = serve_check_child(checks, child, &key);
	if (!err)
		return false;
	X_AUTO char *message = said_of(child, key, bh_error_message(err));
	bh_diagnostic mistake = as_diagnostic(err, message, child, key, path);
	/* The library's own words are for who writes programs. */
	if (!child->spawn_count && strstr(message, "bulkhead:host/supervision")) {
		mistake.hint =
			"Say what it may spawn, each with a table [component.NAME], and grant it the capability supervision:";
		mistake.fix = "spawn = [\"NAME\"]";
	}
	put_remark(&mistake, list);
	bh_error_free(err);
	return true;
}

/* All that is wrong with children. Returns how much. */
static size_t put_mistakes(const serve_check *checks, const bh_config *config, const char *path, json_t *list)
{
	size_t errors = 0;
	const bh_config_child *child;
	for (size_t i = 0; (child = bh_config_child_at(config, i)); i++)
		errors += put_mistake(checks, child, path, list);
	for (size_t i = 0; (child = bh_config_component_at(config, i)); i++)
		errors += put_mistake(checks, child, path, list);
	return errors;
}

/* All remarks of the file. Returns how many are errors. */
static size_t put_remarks(const bh_config *config, json_t *list)
{
	size_t errors = 0;
	const bh_diagnostic *remark;
	for (size_t i = 0; (remark = bh_config_diagnostic(config, i)); i++) {
		put_remark(remark, list);
		errors += remark->severity == BH_SEVERITY_ERROR;
	}
	return errors;
}

static int check(const char *path, const serve_options *o)
{
	bh_config *config = NULL;
	bh_error *err = NULL;
	bh_status status = bh_config_check(&config, path, &err);
	if (status)
		return report_error(&(report){.file = path}, status, err, -1);
	json_t *list = o->json ? json_made(json_array()) : NULL;
	size_t errors = put_remarks(config, list);
	if (!errors) { /* of a file with mistakes nothing is certain */
		serve_check checks;
		status = serve_check_begin(&checks, config, &err);
		errors = status ? 0 : put_mistakes(&checks, config, path, list);
		serve_check_end(&checks);
	}
	if (status) {
		json_decref(list);
		bh_config_free(config);
		return report_error(&(report){.file = path}, status, err, -1);
	}
	int code = errors ? EXIT_CONFIG : EXIT_OK;
	if (o->json) {
		json_t *object = json_made(json_object());
		put_text(object, "file", path);
		put_bool(object, "ok", !errors);
		put_number(object, "children", bh_config_child_count(config));
		put_member(object, "diagnostics", list);
		put_number(object, "exit", (uint64_t)code);
		json_print(stdout, object);
	} else if (!errors) {
		put("%s: ok: %zu children\n", path, bh_config_child_count(config));
	}
	bh_config_free(config);
	return code;
}

/* The folder this program is in; NULL where that cannot be told. To be freed. */
static char *own_folder(void)
{
	char path[PATH_MAX];
	ssize_t length = readlink("/proc/self/exe", path, sizeof path - 1);
	if (length <= 0)
		return NULL;
	path[length] = '\0';
	char *slash = strrchr(path, '/');
	return slash ? x_copy_n(path, (size_t)(slash - path)) : NULL;
}

/* Become the daemon: beside this program, in libexec beside that, or on the path. Returns where there is none. */
static int become_daemon(const char *path, const serve_options *o)
{
	static const char *const places[] = {"%s/bulkheadd", "%s/../libexec/bulkhead/bulkheadd"};
	const char *words[5] = {"bulkheadd"};
	size_t count = 1;
	if (o->strict)
		words[count++] = "--strict";
	words[count++] = "--";
	words[count] = path;
	char *const *arguments = (char *const *)words;
	X_AUTO char *folder = own_folder();
	for (size_t i = 0; i < X_COUNT(places) && folder; i++) {
		X_AUTO char *program = x_format(places[i], folder);
		execv(program, arguments);
		if (errno != ENOENT && errno != ENOTDIR) {
			say_error(program, "%s", strerror(errno));
			return EXIT_INTERNAL;
		}
	}
	execvp("bulkheadd", arguments);
	say_error(NULL, "bulkheadd: %s", errno == ENOENT ? "not found" : strerror(errno));
	say_more("The daemon is a program of its own. It belongs beside this one%s%s, or on the path.",
	         folder ? ", in " : "", folder ? folder : "");
	return EXIT_NO_FILE;
}

static const option_row rows[] = {
	{"check", 'c', NULL, "Check the file and what it names, run nothing", take_flag, offsetof(serve_options, check)},
	{"json", 'j', NULL, "With --check: print JSON", take_flag, offsetof(serve_options, json)},
	{"strict", 's', NULL, "Do not start where a component cannot be loaded", take_flag,
     offsetof(serve_options, strict)},
};

static int run(const command *self, int argc, char **argv)
{
	serve_options o = {0};
	const option_group groups[] = {OPTION_GROUP(rows, &o)};
	const option_set set = {groups, X_COUNT(groups), .stop_at_operand = false};
	operands words;
	int code;
	if (!command_options(self, &set, argc, argv, &words, &code))
		return code;
	if (words.count > 1)
		return say_usage_error(self->name, "it takes one FILE");
	if (o.json && !o.check)
		return say_usage_error(self->name, "--json belongs to --check");
	const char *path = words.count ? words.items[0] : "bulkhead.toml";
	if (!o.check)
		return become_daemon(path, &o);
	report_as(o.json ? REPORT_JSON : REPORT_TEXT, false);
	return check(path, &o);
}

const command command_serve = {
	.name = "serve",
	.synopsis = "[OPTION...] [FILE]",
	.summary = "keep the components of a bulkhead.toml running",
	.details = "Becomes the daemon bulkheadd, which runs the services and tasks that FILE (./bulkhead.toml) names,\n"
			   "restarts what crashes, and answers on its admin socket. SIGHUP has it read FILE again, SIGTERM stop.",
	.examples = "bulkhead serve\n"
				"bulkhead serve --check /etc/bulkhead/bulkhead.toml",
	.see = "man bulkhead-serve, man bulkhead.toml",
	.run = run,
};
