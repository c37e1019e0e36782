/*
 * A recorder: runs calls of a component whose host is never twice the same, writes down what was called with what and
 * what came of it, and runs the same calls again later, from the record alone.
 *
 *   recorder record COMPONENT 'EXPORT(ARGS)'... -o FILE
 *   recorder replay FILE COMPONENT
 *
 * README.md has more. Arguments and results are WAVE text, as those of `bulkhead call`.
 */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "recorder.h"

static int usage(void)
{
	fprintf(stderr, "usage: recorder record COMPONENT 'EXPORT(ARGS)'... -o FILE\n"
	                "       recorder replay FILE COMPONENT\n");
	return FAILED;
}

static void say(const char *text, bh_status status, const bh_value *result, const bh_error *why)
{
	char *wave = NULL;
	if (status)
		printf("%s: %s: %s\n", text, bh_status_name(status), bh_error_message(why));
	else if (result->kind == BH_KIND_NONE)
		printf("%s\n", text);
	else if (!bh_value_to_wave(&wave, result, NULL))
		printf("%s = %s\n", text, wave);
	bh_string_free(wave);
}

/* A call that fails is recorded like any other. One that cannot be made is a mistake of the caller's. */
static int record_call(guest *g, const char *text)
{
	bh_error *err = NULL;
	bh_export *export_ = NULL;
	size_t length = strcspn(text, "(");
	char *name = strndup(text, length);
	bh_status status = name ? bh_export_find(&export_, g->component, name, &err) : BH_E_NO_MEMORY;
	free(name);
	if (status)
		return report(text, err);
	size_t count = bh_export_param_count(export_);
	bh_value *args = calloc(count + 1, sizeof *args), result = BH_VALUE_INIT;
	int code = SAME;
	if (!args || bh_export_parse_args(args, export_, text + length, &err)) {
		code = report(text, err);
	} else {
		status = guest_call(g, export_, args, &result, &err);
		say(text, status, &result, err);
		bh_error_free(err);
	}
	bh_value_deinit(&result);
	for (size_t i = 0; args && i < count; i++)
		bh_value_deinit(&args[i]);
	free(args);
	bh_export_free(export_);
	return code;
}

static int record_calls(const char *component, char **calls, int count, const char *path)
{
	guest g = {0};
	journal *j = NULL;
	bh_error *err = NULL;
	bh_interceptors *set = NULL;
	int code = journal_open(&j, path, &err) ? report(path, err) : SAME;
	if (!code &&
	    (bh_interceptors_new(&set, &err) || journal_watch(j, set, &err) || guest_load(&g, component, set, &err)))
		code = report(component, err);
	for (int i = 0; i < count && !code; i++)
		code = record_call(&g, calls[i]);
	guest_unload(&g);
	bh_interceptors_free(set);
	journal_close(j);
	return code;
}

static int replay_file(const char *path, const char *component)
{
	record r;
	bh_error *err = NULL;
	int code;
	if (record_read(&r, path, &err)) {
		fprintf(stderr, "recorder: %s\n", bh_error_message(err));
		bh_error_free(err);
		code = FAILED;
	} else {
		code = replay(&r, component);
	}
	record_free(&r);
	return code;
}

int main(int argc, char **argv)
{
	signal(SIGXFSZ, SIG_IGN); /* a record that may not grow is an error of the write */
	if (argc >= 6 && !strcmp(argv[1], "record") && !strcmp(argv[argc - 2], "-o"))
		return record_calls(argv[2], &argv[3], argc - 5, argv[argc - 1]);
	if (argc == 4 && !strcmp(argv[1], "replay"))
		return replay_file(argv[2], argv[3]);
	return usage();
}
