/* Manifests in the flat dialect: every key, right and wrong; what is said, and where. */
#include "test_manifest.h"

#define HEAD "[component]\nname = \"hello\"\nversion = \"0.1.0\"\n\n[resources]\n"
#define FULL HEAD "max_memory = \"64MB\"\nmax_stack = \"1MB\"\n"

static void test_smallest(void **state)
{
	(void)state;
	bh_manifest *m = parse(FULL);
	const bh_limits *limits = bh_manifest_limits(m);
	assert_int_equal(bh_manifest_dialect(m), BH_DIALECT_FLAT);
	assert_string_equal(bh_manifest_name(m), "hello");
	assert_string_equal(bh_manifest_version(m), "0.1.0");
	assert_null(bh_manifest_path(m));
	assert_true(bh_manifest_stateful(m));
	assert_int_equal(bh_manifest_diagnostic_count(m), 0);
	assert_null(bh_manifest_diagnostic(m, 0));
	assert_int_equal(limits->memory, 64000000);
	assert_int_equal(limits->stack, 1000000);
	assert_int_equal(limits->fuel, 0);
	assert_int_equal(limits->execution_ms, 0);
	assert_int_equal(limits->on_memory_limit, BH_MEMORY_LIMIT_FAIL);
	assert_int_equal(limits->struct_size, sizeof *limits);
	assert_int_equal(bh_permissions_count(bh_manifest_permissions(m)), 0);
	bh_manifest_free(m);
	bh_manifest_free(NULL);
}

static void test_amounts(void **state)
{
	static const struct {
		const char *line;
		bh_limit limit;
		uint64_t value;
	} cases[] = {
		{"max_fuel_per_execution = 5", BH_LIMIT_FUEL, 5},
		{"max_fuel_per_execution = 1_000_000", BH_LIMIT_FUEL, 1000000},
		{"max_fuel_per_execution = \"1_000\"", BH_LIMIT_FUEL, 1000},
		{"max_fuel_per_execution = 0x10", BH_LIMIT_FUEL, 16},
		{"max_fuel_per_execution = \"unlimited\"", BH_LIMIT_FUEL, BH_UNLIMITED},
		{"max_fuel_per_execution = 9223372036854775807", BH_LIMIT_FUEL, INT64_MAX},
		{"max_execution_time_ms = 5", BH_LIMIT_EXECUTION_TIME, 5},
		{"max_execution_time_ms = \"5\"", BH_LIMIT_EXECUTION_TIME, 5},
		{"max_execution_time_ms = \"100ms\"", BH_LIMIT_EXECUTION_TIME, 100},
		{"max_execution_time_ms = \"2s\"", BH_LIMIT_EXECUTION_TIME, 2000},
		{"max_execution_time_ms = \"1 m\"", BH_LIMIT_EXECUTION_TIME, 60000},
		{"max_execution_time_ms = \"unlimited\"", BH_LIMIT_EXECUTION_TIME, BH_UNLIMITED},
		{"max_queue_time_ms = \"1h\"", BH_LIMIT_QUEUE_TIME, 3600000},
		{"initial_memory = \"1MiB\"", BH_LIMIT_INITIAL_MEMORY, BH_MIB(1)},
		{"initial_memory = 65536", BH_LIMIT_INITIAL_MEMORY, 65536},
		{"initial_memory = \"65536\"", BH_LIMIT_INITIAL_MEMORY, 65536},
		{"initial_memory = \"1000 kb\"", BH_LIMIT_INITIAL_MEMORY, 1000000},
		{"max_tables = 3", BH_LIMIT_TABLES, 3},
		{"max_table_elements = 20000", BH_LIMIT_TABLE_ELEMENTS, 20000},
		{"max_instances = 10", BH_LIMIT_INSTANCES, 10},
		{"max_memories = 2", BH_LIMIT_MEMORIES, 2},
		{"max_resources = 500", BH_LIMIT_RESOURCES, 500},
		{"max_hostcall_bytes = \"1MiB\"", BH_LIMIT_HOSTCALL_BYTES, BH_MIB(1)},
		{"max_output_bytes = \"10KB\"", BH_LIMIT_OUTPUT_BYTES, 10000},
		{"max_open_files = 7", BH_LIMIT_OPEN_FILES, 7},
		{"max_io_bytes = \"1GiB\"", BH_LIMIT_IO_BYTES, BH_GIB(1)},
		{"max_io_bytes = \"unlimited\"", BH_LIMIT_IO_BYTES, BH_UNLIMITED},
		{"max_blocking = 2", BH_LIMIT_BLOCKING, 2},
	};
	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		char text[512];
		snprintf(text, sizeof text, FULL "%s\n", cases[i].line);
		bh_manifest *m = parse(text);
		assert_int_equal(bh_limits_get(bh_manifest_limits(m), cases[i].limit), cases[i].value);
		assert_int_equal(bh_manifest_diagnostic_count(m), 0);
		bh_manifest_free(m);
	}
}

/* One line more or instead, with memory and stack as they should be unless the line is about them. */
static bh_manifest *check_line(const char *key, const char *value)
{
	char text[1024];
	size_t used = (size_t)snprintf(text, sizeof text, HEAD "%s = %s\n", key, value);
	const char *memory = !strcmp(key, "initial_memory") ? "4GiB" : "64MB";
	if (strcmp(key, "max_memory") != 0)
		used += (size_t)snprintf(text + used, sizeof text - used, "max_memory = \"%s\"\n", memory);
	if (strcmp(key, "max_stack") != 0)
		snprintf(text + used, sizeof text - used, "max_stack = \"1MB\"\n");
	return check(text);
}

/* What a remark says must come true: its fix, put in place of the line, leaves nothing to complain about. */
static void assert_fixed_by(const char *key, const char *fix)
{
	char with[256];
	size_t length = strlen(key);
	assert_non_null(fix);
	assert_memory_equal(fix, key, length);
	assert_memory_equal(fix + length, " = ", 3);
	snprintf(with, sizeof with, "%s", fix + length + 3);
	bh_manifest *m = check_line(key, with);
	if (bh_manifest_diagnostic_count(m))
		fail_msg("%s: %s", fix, bh_manifest_diagnostic(m, 0)->message);
	bh_manifest_free(m);
}

/* One error, on line 6, about the value, with what is allowed and a line that would do. */
static void assert_one_error(const char *key, const char *value, const char *message)
{
	char full[64];
	bh_manifest *m = check_line(key, value);
	if (bh_manifest_diagnostic_count(m) != 1) {
		print_remarks(m);
		fail_msg("%s = %s: %zu remarks", key, value, bh_manifest_diagnostic_count(m));
	}
	const bh_diagnostic *d = bh_manifest_diagnostic(m, 0);
	assert_int_equal(d->severity, BH_SEVERITY_ERROR);
	assert_int_equal(d->where.line, 6);
	assert_int_equal(d->where.column, strlen(key) + 4);
	assert_int_equal(d->where.length, strlen(value));
	assert_string_equal(d->where.file, bh_manifest_path(m));
	snprintf(full, sizeof full, "resources.%s", key);
	assert_string_equal(d->where.key, full);
	assert_non_null(d->hint);
	assert_memory_equal(d->source, key, strlen(key));
	if (message)
		assert_string_equal(d->message, message);
	assert_fixed_by(key, d->fix);
	bh_manifest_free(m);
}

/* For every row of the limits table, values of each wrong kind. A new limit is tested by being there. */
static void test_every_limit_wrong(void **state)
{
	static const char *const shapes[] = {"true", "[]", "{}", "1.5", "\"\"", "\"lots\"", "\"64 apples\"", "1979-05-27"};
	static const char *const nouns[] = {"size", "duration", "count"};
	(void)state;
	for (int i = BH_LIMIT_NONE + 1; i < BH_LIMIT_COUNT; i++) {
		const bh_limit_info *info = bh_limit_describe((bh_limit)i);
		char value[64], message[256];
		for (size_t j = 0; j < sizeof shapes / sizeof *shapes; j++) {
			snprintf(message, sizeof message, "%s = %s: not a %s", info->key, shapes[j], nouns[info->unit]);
			assert_one_error(info->key, shapes[j], message);
		}
		snprintf(message, sizeof message, "%s = -1: less than is allowed", info->key);
		assert_one_error(info->key, "-1", message);
		snprintf(message, sizeof message, "%s = 0: less than is allowed", info->key);
		assert_one_error(info->key, "0", message);
		if (info->maximum < INT64_MAX) {
			snprintf(value, sizeof value, "%llu", (unsigned long long)info->maximum + 1);
			snprintf(message, sizeof message, "%s = %s: more than is allowed", info->key, value);
			assert_one_error(info->key, value, message);
		}
		if (!info->may_be_unlimited) {
			snprintf(message, sizeof message, "%s = \"unlimited\": this limit cannot be lifted", info->key);
			assert_one_error(info->key, "\"unlimited\"", message);
		}
	}
}

static void test_fixes(void **state)
{
	static const struct {
		const char *key;
		const char *value;
		const char *fix;
	} cases[] = {
		{"max_memory", "\"64 apples\"", "max_memory = \"64MB\""},
		{"max_memory", "\"64M\"", "max_memory = \"64MB\""},
		{"max_memory", "\"64 Mi\"", "max_memory = \"64MiB\""},
		{"max_memory", "\"512 kilobytes\"", "max_memory = \"512KB\""},
		{"max_memory", "64", "max_memory = \"64MB\""},
		{"max_memory", "8589934592", "max_memory = \"4GiB\""},
		{"max_memory", "\"1.5GB\"", "max_memory = \"64MB\""},
		{"max_memory", "128.0", "max_memory = \"64MB\""},
		{"max_memory", "67108864.0", "max_memory = \"64MiB\""},
		{"max_stack", "\"1KB\"", "max_stack = \"64KiB\""},
		{"max_stack", "\"1GB\"", "max_stack = \"64MiB\""},
		{"max_execution_time_ms", "\"5 minutes\"", "max_execution_time_ms = \"5m\""},
		{"max_execution_time_ms", "\"5 seconds\"", "max_execution_time_ms = \"5s\""},
		{"max_execution_time_ms", "\"5 milliseconds\"", "max_execution_time_ms = 5"},
		{"max_execution_time_ms", "\"5 msec\"", "max_execution_time_ms = \"5ms\""},
		{"max_execution_time_ms", "false", "max_execution_time_ms = 100"},
		{"max_fuel_per_execution", "\"5 units\"", "max_fuel_per_execution = 5"},
		{"max_fuel_per_execution", "2.0", "max_fuel_per_execution = 2"},
		{"max_io_bytes", "true", "max_io_bytes = \"unlimited\""},
		{"max_tables", "101", "max_tables = 100"},
	};
	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		bh_manifest *m = check_line(cases[i].key, cases[i].value);
		assert_int_equal(bh_manifest_diagnostic_count(m), 1);
		assert_string_equal(bh_manifest_diagnostic(m, 0)->fix, cases[i].fix);
		assert_fixed_by(cases[i].key, cases[i].fix);
		bh_manifest_free(m);
	}
}

/* The example of the guide, to the letter. */
static void test_says_what_is_allowed(void **state)
{
	(void)state;
	bh_error *err = refuse(HEAD "\nmax_memory = \"64 apples\" # a lot\nmax_stack = \"1MB\"\n", BH_E_CONFIG);
	const bh_location *where = bh_error_location(err);
	uint64_t allowed, asked;
	assert_string_equal(bh_error_message(err), "max_memory = \"64 apples\": not a size");
	assert_string_equal(bh_error_hint(err),
	                    "A size is a number with a unit: \"64MB\", \"64MiB\", or bytes. Allowed here: "
	                    "64 KiB to 4 GiB.\n\n    max_memory = \"64MB\" # a lot");
	assert_string_equal(where->file, "Component.toml");
	assert_string_equal(where->key, "resources.max_memory");
	assert_int_equal(where->line, 7);
	assert_int_equal(where->column, 14);
	assert_int_equal(where->length, 11);
	assert_int_equal(bh_error_limit(err, &allowed, &asked), BH_LIMIT_MEMORY);
	assert_int_equal(allowed, BH_GIB(4));
	assert_int_equal(asked, 0);
	bh_error_free(err);

	err = refuse(HEAD "max_memory = \"5GiB\"\nmax_stack = 1\n", BH_E_CONFIG);
	assert_string_equal(bh_error_message(err), "max_memory = \"5GiB\": more than is allowed");
	assert_int_equal(bh_error_limit(err, &allowed, &asked), BH_LIMIT_MEMORY);
	assert_int_equal(asked, BH_GIB(5));
	bh_error_free(err);

	bh_manifest *m = NULL;
	assert_int_equal(bh_manifest_parse(&m, "x", 1, NULL, NULL), BH_E_CONFIG);
	assert_int_equal(bh_manifest_parse(&m, NULL, 5, NULL, NULL), BH_E_INVALID);
}

static void test_other_keys(void **state)
{
	(void)state;
	bh_manifest *m = parse(FULL "on_memory_limit = \"trap\"\nguard_pages = 3\n");
	assert_int_equal(bh_manifest_limits(m)->on_memory_limit, BH_MEMORY_LIMIT_TRAP);
	bh_manifest_free(m);
	m = parse(FULL "on_memory_limit = \"fail\"\n");
	assert_int_equal(bh_manifest_limits(m)->on_memory_limit, BH_MEMORY_LIMIT_FAIL);
	bh_manifest_free(m);
	m = parse("[component]\nstateful = false\n[resources]\nmax_memory = 65536\nmax_stack = 65536");
	assert_false(bh_manifest_stateful(m));
	assert_null(bh_manifest_name(m));
	bh_manifest_free(m);

	assert_one_error("on_memory_limit", "\"trapp\"", "on_memory_limit = \"trapp\": neither \"fail\" nor \"trap\"");
	assert_one_error("on_memory_limit", "1", "on_memory_limit = 1: neither \"fail\" nor \"trap\"");
	assert_one_error("guard_pages", "-1", "guard_pages = -1: not a count");
	assert_one_error("guard_pages", "\"1\"", "guard_pages = \"1\": not a count");
}

static void test_texts(void **state)
{
	static const struct {
		const char *line;
		const char *message;
	} cases[] = {
		{"name = 5", "component.name: 5 is not a string"},
		{"name = \"\"", "component.name: \"\" is empty"},
		{"version = [\"1\"]", "component.version: [\"1\"] is not a string"},
		{"name = \"a\\u0000b\"", "component.name: \"a\\u0000b\" holds control characters"},
		{"name = \"\\u001b[31m\"", "component.name: \"\\u001b[31m\" holds control characters"},
		{"name = \"\"\"a\nb\"\"\"", "component.name: \"\"\"a... holds control characters"},
		{"stateful = \"no\"", "stateful = \"no\": not true or false"},
		{"stateful = 1", "stateful = 1: not true or false"},
	};
	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		char text[256];
		snprintf(text, sizeof text, "[component]\n%s\n[resources]\nmax_memory = 65536\nmax_stack = 65536\n",
		         cases[i].line);
		bh_error *err = refuse(text, BH_E_CONFIG);
		assert_string_equal(bh_error_message(err), cases[i].message);
		assert_int_equal(bh_error_location(err)->line, 2);
		bh_error_free(err);
	}
	char text[600], name[200];
	memset(name, 'n', sizeof name);
	snprintf(text, sizeof text, "[component]\nname = \"%.199s\"\n[resources]\nmax_memory = 65536\nmax_stack = 65536\n",
	         name);
	bh_error *err = refuse(text, BH_E_CONFIG);
	assert_string_equal(bh_error_message(err), "name: longer than 128 bytes");
	bh_error_free(err);
}

static void test_unknown_keys(void **state)
{
	static const struct {
		const char *key;
		const char *message;
		uint32_t line, column, length;
		const char *fix;
	} cases[] = {
		{"componet", "unknown table componet (did you mean component?)", 1, 2, 8, "[component]"},
		{"resources.max_fule_per_execution",
	     "unknown key max_fule_per_execution (did you mean max_fuel_per_execution?)", 6, 1, 22,
	     "max_fuel_per_execution = 5"},
		{"resources.fuel", "unknown key fuel (did you mean max_fuel_per_execution?)", 7, 3, 4,
	     "max_fuel_per_execution = 5"},
		{"resources.timeout", "unknown key timeout (did you mean max_execution_time_ms?)", 8, 1, 7,
	     "max_execution_time_ms = 5"},
		{"resources.memory", "unknown key memory (did you mean max_memory?)", 9, 1, 6, "max_memory = \"1MB\""},
		{"resources.name", "unknown key name (did you mean name in [component]?)", 10, 1, 4, NULL},
		{"resources.zzz", "unknown key zzz", 11, 1, 3, NULL},
		{"resources.a b", "unknown key a b", 12, 1, 5, NULL},
		{"max_tables", "unknown table max_tables (did you mean max_tables in [resources]?)", 13, 2, 10, NULL},
		{"extra", "unknown table extra", 14, 2, 5, NULL},
	};
	(void)state;
	bh_manifest *m =
		check("[componet]\nname = \"x\"\n[resources]\nmax_memory = \"64MB\"\nmax_stack = \"1MB\"\n"
	          "max_fule_per_execution = 5\n  fuel = 5\ntimeout = 5\nmemory = \"1MB\"\nname = \"x\"\nzzz = 1\n"
	          "\"a b\" = 1\n[max_tables]\n[extra]\nanything = { goes = [1, 2] }\n");
	size_t count = sizeof cases / sizeof *cases;
	assert_int_equal(count_of(m, BH_SEVERITY_ERROR), 0);
	assert_int_equal(bh_manifest_diagnostic_count(m), count);
	for (size_t i = 0; i < count; i++) {
		const bh_diagnostic *d = bh_manifest_diagnostic(m, i);
		assert_int_equal(d->severity, BH_SEVERITY_WARNING);
		assert_string_equal(d->message, cases[i].message);
		assert_string_equal(d->where.key, cases[i].key);
		assert_int_equal(d->where.line, cases[i].line);
		assert_int_equal(d->where.column, cases[i].column);
		assert_int_equal(d->where.length, cases[i].length);
		if (cases[i].fix)
			assert_string_equal(d->fix, cases[i].fix);
		else
			assert_null(d->fix);
	}
	bh_manifest_free(m);
}

static void test_not_tables(void **state)
{
	(void)state;
	bh_error *err = refuse("resources = 5\n", BH_E_CONFIG);
	assert_string_equal(bh_error_message(err), "resources = 5: not a table");
	bh_error_free(err);
	err = refuse("[[component]]\nname = \"x\"\n", BH_E_CONFIG);
	assert_string_equal(bh_error_message(err), "component = [[component]]: not a table");
	bh_error_free(err);
	err = refuse(FULL "[[permissions]]\n", BH_E_CONFIG);
	assert_string_equal(bh_error_message(err), "permissions = [[permissions]]: not a table");
	bh_error_free(err);
	err = refuse(FULL "[permissions]\nnetwork = false\n", BH_E_CONFIG);
	assert_string_equal(bh_error_message(err), "permissions.network = false: not a table");
	bh_error_free(err);
}

/* The same, written in the other ways that TOML has. */
static void test_spellings(void **state)
{
	static const char *const texts[] = {
		"component.name = \"hello\"\nresources.max_memory = \"64MB\"\nresources.max_stack = \"1MB\"\n",
		"component = { name = \"hello\" }\nresources = { max_memory = \"64MB\", max_stack = \"1MB\" }\n",
		"\xef\xbb\xbf[component]\r\nname = 'hello'\r\n[resources]\r\n\"max_memory\" = '''64MB'''\r\nmax_stack='1MB'",
		"[\"component\"]\nname = \"h\\u0065llo\"\n[ resources ]\nmax_memory=64_000_000\nmax_stack=1_000_000",
	};
	(void)state;
	for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
		bh_manifest *m = parse(texts[i]);
		assert_string_equal(bh_manifest_name(m), "hello");
		assert_int_equal(bh_manifest_limits(m)->memory, 64000000);
		assert_int_equal(bh_manifest_limits(m)->stack, 1000000);
		assert_int_equal(bh_manifest_diagnostic_count(m), 0);
		bh_manifest_free(m);
	}
}

/* A value over several lines is shown by its first, and corrected by a line of its own. */
static void test_long_values(void **state)
{
	(void)state;
	bh_manifest *m = check_line("max_fuel_per_execution", "[\n  1,\n]");
	const bh_diagnostic *d = bh_manifest_diagnostic(m, 0);
	assert_string_equal(d->message, "max_fuel_per_execution = [...: not a count");
	assert_int_equal(d->where.length, 1);
	assert_string_equal(d->source, "max_fuel_per_execution = [");
	assert_fixed_by("max_fuel_per_execution", d->fix);
	bh_manifest_free(m);

	/* Cut, but not in the middle of a character. */
	char value[200] = "\"x", shown[128];
	for (int i = 0; i < 60; i++)
		strcat(value, "\xc3\xa9");
	strcat(value, "\"");
	m = check_line("on_memory_limit", value);
	d = bh_manifest_diagnostic(m, 0);
	snprintf(shown, sizeof shown, "on_memory_limit = %.60s...: neither \"fail\" nor \"trap\"", value);
	assert_string_equal(d->message, shown);
	assert_fixed_by("on_memory_limit", d->fix);
	bh_manifest_free(m);
}

static void test_initial_memory(void **state)
{
	(void)state;
	bh_error *err = refuse(FULL "initial_memory = \"65MB\"\n", BH_E_CONFIG);
	assert_string_equal(bh_error_message(err), "initial_memory is 65 MB, but the memory limit is 64 MB");
	bh_error_free(err);
}

/* However much is wrong, remarks are bounded, and errors are not crowded out by warnings. */
static void test_many_remarks(void **state)
{
	enum { KEYS = 5000 };
	static char text[KEYS * 12 + 200];
	size_t used = (size_t)snprintf(text, sizeof text, "[resources]\n");
	(void)state;
	for (int i = 0; i < KEYS; i++)
		used += (size_t)snprintf(text + used, sizeof text - used, "zz%d = 1\n", i);
	snprintf(text + used, sizeof text - used, "max_memory = 1\nmax_stack = 1\n");
	bh_manifest *m = check(text);
	assert_int_equal(bh_manifest_diagnostic_count(m), 100);
	assert_int_equal(count_of(m, BH_SEVERITY_ERROR), 2);
	assert_string_equal(bh_manifest_diagnostic(m, 0)->where.key, "resources.zz0");
	assert_string_equal(bh_manifest_diagnostic(m, 99)->where.key, "resources.max_stack");
	bh_manifest_free(m);
	bh_error_free(refuse(text, BH_E_CONFIG));
}

/* What is shown to people can do nothing to their terminals. */
static void test_control_characters(void **state)
{
	static const char text[] = "[resources]\n\"k\x7f\" = \"\xc2\x9b\"\nmax_memory = \"\xc2\x9b"
							   "31m\"\nbad = \x1b[31m\n";
	(void)state;
	bh_manifest *m = check(text);
	assert_true(bh_manifest_diagnostic_count(m) > 0);
	for (size_t i = 0; i < bh_manifest_diagnostic_count(m); i++) {
		const bh_diagnostic *d = bh_manifest_diagnostic(m, i);
		const char *const shown[] = {d->message, d->source, d->fix, d->where.key};
		for (size_t j = 0; j < sizeof shown / sizeof *shown; j++) {
			assert_null(shown[j] ? strchr(shown[j], 0x1b) : NULL);
			assert_null(shown[j] ? strchr(shown[j], 0x7f) : NULL);
			assert_null(shown[j] ? strstr(shown[j], "\xc2\x9b") : NULL);
		}
	}
	bh_manifest_free(m);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_smallest),
		cmocka_unit_test(test_amounts),
		cmocka_unit_test(test_every_limit_wrong),
		cmocka_unit_test(test_fixes),
		cmocka_unit_test(test_says_what_is_allowed),
		cmocka_unit_test(test_other_keys),
		cmocka_unit_test(test_texts),
		cmocka_unit_test(test_unknown_keys),
		cmocka_unit_test(test_not_tables),
		cmocka_unit_test(test_spellings),
		cmocka_unit_test(test_long_values),
		cmocka_unit_test(test_initial_memory),
		cmocka_unit_test(test_many_remarks),
		cmocka_unit_test(test_control_characters),
	};
	return cmocka_run_group_tests(tests, NULL, remove_scratch);
}
