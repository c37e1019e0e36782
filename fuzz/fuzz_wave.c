/* Any text as the arguments of every function of guest calc, and as a value of each type there: what is read is written, and read again the same. */
#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <bulkhead.h>

enum { MAX_PARAMS = 32, MAX_EXPORTS = 100 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerInitialize(int *argc, char ***argv);

static bh_host *host;
static bh_component *calc;
static bh_export *exports[MAX_EXPORTS];
static size_t export_count;

static void clean_up(void)
{
	for (size_t i = 0; i < export_count; i++)
		bh_export_free(exports[i]);
	bh_component_unref(calc);
	bh_host_free(host);
}

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	(void)argc, (void)argv;
	bh_host_options how = BH_HOST_OPTIONS_INIT;
	bh_component_options options = BH_COMPONENT_OPTIONS_INIT;
	how.allocation = BH_ALLOCATION_ON_DEMAND;
	options.limits.memory = BH_MIB(1);
	assert(bh_host_new(&host, &how, NULL) == BH_OK);
	bh_status status = bh_component_load_file(&calc, host, BH_TEST_GUESTS_DIR "/calc.wasm", &options, NULL);
	if (status == BH_E_NOT_FOUND) {
		fprintf(stderr, "guest calc is not built\n");
		exit(77);
	}
	assert(status == BH_OK);
	for (size_t i = 0; i < bh_component_export_count(calc) && i < MAX_EXPORTS; i++) {
		const bh_item *item = bh_component_export_at(calc, i);
		char name[200];
		snprintf(name, sizeof name, "%s#%s", item->interface, item->name);
		assert(bh_export_find(&exports[i], calc, name, NULL) == BH_OK);
		assert(bh_export_param_count(exports[i]) <= MAX_PARAMS);
		export_count = i + 1;
	}
	atexit(clean_up);
	return 0;
}

/* The arguments as text again, to be freed. */
static char *write_args(const bh_value *args, size_t count)
{
	char *text = strdup("(");
	for (size_t i = 0; text && i < count; i++) {
		char *one = NULL, *longer = NULL;
		assert(bh_value_to_wave(&one, &args[i], NULL) == BH_OK);
		assert(asprintf(&longer, "%s%s%s", text, i ? ", " : "", one) > 0);
		bh_string_free(one);
		free(text);
		text = longer;
	}
	char *closed = NULL;
	assert(asprintf(&closed, "%s)", text) > 0);
	free(text);
	return closed;
}

static void deinit_args(bh_value *args, size_t count)
{
	for (size_t i = 0; i < count; i++)
		bh_value_deinit(&args[i]);
}

static void check_refusal(bh_status status, bh_error *err)
{
	assert(status == BH_E_TYPE && err && bh_error_status(err) == BH_E_TYPE);
	assert(*bh_error_message(err) && !strpbrk(bh_error_message(err), "\n\r\x1b"));
	assert(bh_error_hint(err) == NULL || *bh_error_hint(err));
	bh_error_free(err);
}

static void try_export(const bh_export *export_, const char *text)
{
	size_t count = bh_export_param_count(export_);
	bh_value args[MAX_PARAMS] = {0}, again[MAX_PARAMS] = {0};
	bh_error *err = NULL;
	bh_status status = bh_export_parse_args(args, export_, text, &err);
	if (status) {
		check_refusal(status, err);
		for (size_t i = 0; i < count; i++)
			assert(!args[i].kind);
		return;
	}
	assert(!err);
	for (size_t i = 0; i < count; i++)
		assert(args[i].kind == bh_type_kind(bh_export_param_type(export_, i)));
	char *first = write_args(args, count);
	assert(bh_export_parse_args(again, export_, first, NULL) == BH_OK);
	char *second = write_args(again, count);
	assert(!strcmp(first, second));
	free(first);
	free(second);
	deinit_args(args, count);
	deinit_args(again, count);
}

static void try_type(const bh_type *type, const char *text)
{
	bh_value value = BH_VALUE_INIT, again = BH_VALUE_INIT;
	bh_error *err = NULL;
	bh_status status = bh_value_parse(&value, type, text, &err);
	if (status) {
		check_refusal(status, err);
		assert(!value.kind);
		return;
	}
	char *written = NULL;
	assert(!err && value.kind == bh_type_kind(type));
	assert(bh_value_to_wave(&written, &value, NULL) == BH_OK);
	assert(bh_value_parse(&again, type, written, NULL) == BH_OK);
	assert(bh_value_equal(&value, &again));
	bh_string_free(written);
	bh_value_deinit(&value);
	bh_value_deinit(&again);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text = malloc(size + 1);
	assert(text);
	memcpy(text, data, size);
	text[size] = '\0';
	for (size_t i = 0; i < export_count; i++) {
		try_export(exports[i], text);
		for (size_t n = 0; n < bh_export_param_count(exports[i]); n++)
			try_type(bh_export_param_type(exports[i], n), text);
	}
	free(text);
	return 0;
}
