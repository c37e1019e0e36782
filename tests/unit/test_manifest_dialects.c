/* The nested and the package dialect, mixtures, what is missing, and text that is no TOML. */
#include "test_manifest.h"

#define NESTED "[resources.memory]\nmax_bytes = 1048576\n[resources.cpu]\nmax_fuel = 10000\ntimeout_seconds = 30\n"
#define PACKAGE "[package]\nname = \"p\"\nversion = \"1.2.3\"\n[runtime]\nmemory_max_mb = 64\n"

static void test_nested(void **state)
{
	(void)state;
	bh_manifest *m = parse(NESTED);
	assert_int_equal(bh_manifest_dialect(m), BH_DIALECT_NESTED);
	assert_int_equal(bh_manifest_limits(m)->memory, 1048576);
	assert_int_equal(bh_manifest_limits(m)->fuel, 10000);
	assert_int_equal(bh_manifest_limits(m)->execution_ms, 30000);
	assert_int_equal(bh_manifest_limits(m)->stack, 0);
	bh_manifest_free(m);
	m = parse("[component]\nname = \"n\"\nversion = \"1\"\nstateful = false\n" NESTED
	          "[permissions]\nfilesystem.read = [\"./data\"]\n");
	assert_string_equal(bh_manifest_name(m), "n");
	assert_false(bh_manifest_stateful(m));
	assert_string_equal(bh_permissions_describe(bh_manifest_permissions(m), 0), "read data as /data");
	bh_manifest_free(m);
}

static void test_package(void **state)
{
	(void)state;
	bh_manifest *m = parse(PACKAGE);
	assert_int_equal(bh_manifest_dialect(m), BH_DIALECT_PACKAGE);
	assert_string_equal(bh_manifest_name(m), "p");
	assert_string_equal(bh_manifest_version(m), "1.2.3");
	assert_int_equal(bh_manifest_limits(m)->memory, BH_MIB(64));
	assert_int_equal(bh_manifest_limits(m)->stack, 0);
	assert_true(bh_manifest_stateful(m));
	bh_manifest_free(m);
	m = parse(
		"[package]\nname = \"p\"\nversion = \"1\"\ndescription = \"d\"\nauthors = [\"a\", \"b\"]\nlicense = \"MIT\"\n"
		"repository = \"r\"\nhomepage = \"h\"\n[runtime]\nmemory_min_mb = 1\nmemory_max_mb = \"64MB\"\n"
		"timeout_ms = \"2s\"\nstateful = false\n[permissions]\nstorage = false\n");
	assert_int_equal(bh_manifest_limits(m)->memory, 64000000);
	assert_int_equal(bh_manifest_limits(m)->initial_memory, BH_MIB(1));
	assert_int_equal(bh_manifest_limits(m)->execution_ms, 2000);
	assert_false(bh_manifest_stateful(m));
	assert_int_equal(bh_manifest_diagnostic_count(m), 0);
	bh_manifest_free(m);
}

static void test_first_memory(void **state)
{
	(void)state;
	bh_error *err = refuse("[package]\nname = \"p\"\n[runtime]\nmemory_min_mb = 65\nmemory_max_mb = 64\n", BH_E_CONFIG);
	assert_string_equal(bh_error_message(err), "memory_min_mb is 65 MiB, but the memory limit is 64 MiB");
	assert_int_equal(bh_error_location(err)->line, 4);
	bh_error_free(err);
}

/* Every key of both dialects, wrong in some way; the fix, put in its place, is right. */
static const struct {
	const char *table;
	const char *key;
	const char *value;
	const char *message;
	const char *fix; /* NULL: none */
} wrong[] = {
	{"resources.memory", "max_bytes", "524287", "max_bytes = 524287: less than is allowed", "max_bytes = 524288"},
	{"resources.memory", "max_bytes", "4194305", "max_bytes = 4194305: more than is allowed", "max_bytes = 4194304"},
	{"resources.memory", "max_bytes", "\"64MB\"", "max_bytes = \"64MB\": more than is allowed", "max_bytes = 4194304"},
	{"resources.memory", "max_bytes", "\"2 M\"", "max_bytes = \"2 M\": not a size", "max_bytes = \"2MB\""},
	{"resources.memory", "max_bytes", "true", "max_bytes = true: not a size", "max_bytes = 4194304"},
	{"resources.memory", "max_bytes", "\"unlimited\"", "max_bytes = \"unlimited\": this limit cannot be lifted",
     "max_bytes = 4194304"},
	{"resources.memory", "guard_pages", "[]", "guard_pages = []: not a count", "guard_pages = 1"},
	{"resources.cpu", "max_fuel", "999", "max_fuel = 999: less than is allowed", "max_fuel = 1000"},
	{"resources.cpu", "max_fuel", "100000001", "max_fuel = 100000001: more than is allowed", "max_fuel = 100000000"},
	{"resources.cpu", "max_fuel", "\"lots\"", "max_fuel = \"lots\": not a count", "max_fuel = 1000000"},
	{"resources.cpu", "max_fuel", "\"unlimited\"", "max_fuel = \"unlimited\": this limit cannot be lifted",
     "max_fuel = 100000000"},
	{"resources.cpu", "timeout_seconds", "0", "timeout_seconds = 0: less than is allowed", "timeout_seconds = 1"},
	{"resources.cpu", "timeout_seconds", "301", "timeout_seconds = 301: more than is allowed", "timeout_seconds = 300"},
	{"resources.cpu", "timeout_seconds", "\"500ms\"", "timeout_seconds = \"500ms\": less than is allowed",
     "timeout_seconds = 1"},
	{"resources.cpu", "timeout_seconds", "\"5 minutes\"", "timeout_seconds = \"5 minutes\": not a duration",
     "timeout_seconds = \"5m\""},
	{"resources.cpu", "timeout_seconds", "2.5", "timeout_seconds = 2.5: not a duration", "timeout_seconds = 30"},
	{"resources.cpu", "timeout_seconds", "-9223372036854775808",
     "timeout_seconds = -9223372036854775808: less than is allowed", "timeout_seconds = 1"},
	{"resources.cpu", "timeout_seconds", "9223372036854775807", "timeout_seconds = 9223372036854775807: not a duration",
     "timeout_seconds = 30"},
	{"package", "name", "1", "package.name: 1 is not a string", NULL},
	{"package", "version", "1.0", "package.version: 1.0 is not a string", NULL},
	{"package", "description", "[]", "package.description: [] is not a string", NULL},
	{"package", "license", "{}", "package.license: {} is not a string", NULL},
	{"package", "repository", "\"\"", "package.repository: \"\" is empty", NULL},
	{"package", "homepage", "true", "package.homepage: true is not a string", NULL},
	{"package", "authors", "\"me\"", "authors = \"me\": not a list", "authors = [\"me\"]"},
	{"package", "authors", "[1]", "package.authors: 1 is not a string", NULL},
	{"runtime", "memory_max_mb", "0", "memory_max_mb = 0: less than is allowed", "memory_max_mb = 1"},
	{"runtime", "memory_max_mb", "4097", "memory_max_mb = 4097: more than is allowed", "memory_max_mb = 4096"},
	{"runtime", "memory_max_mb", "\"64 mega\"", "memory_max_mb = \"64 mega\": not a size", "memory_max_mb = \"64MB\""},
	{"runtime", "memory_max_mb", "64.5", "memory_max_mb = 64.5: not a size", "memory_max_mb = 64"},
	{"runtime", "memory_min_mb", "\"x\"", "memory_min_mb = \"x\": not a size", "memory_min_mb = 1"},
	{"runtime", "timeout_ms", "0", "timeout_ms = 0: less than is allowed", "timeout_ms = 1"},
	{"runtime", "timeout_ms", "\"soon\"", "timeout_ms = \"soon\": not a duration", "timeout_ms = 100"},
	{"runtime", "stateful", "\"no\"", "stateful = \"no\": not true or false", "stateful = false"},
	{"runtime", "stateful", "1", "stateful = 1: not true or false", "stateful = true"},
};

/* A whole manifest of the row's dialect with one line in its place; the required keys are in another table's way. */
static void build(char *out, size_t size, size_t row, const char *line)
{
	static const struct {
		const char *table;
		const char *key;
		const char *line;
	} others[] = {
		{"resources.memory", "max_bytes", "max_bytes = 1048576"},     {"resources.cpu", "max_fuel", "max_fuel = 10000"},
		{"resources.cpu", "timeout_seconds", "timeout_seconds = 30"}, {"package", NULL, NULL},
		{"runtime", "memory_max_mb", "memory_max_mb = 64"},
	};
	bool nested = !strncmp(wrong[row].table, "resources", 9);
	const char *table = "";
	size_t used = (size_t)snprintf(out, size, "[%s]\n%s\n", wrong[row].table, line);
	for (int here = 1; here >= 0; here--)
		for (size_t i = 0; i < sizeof others / sizeof *others; i++) {
			bool same = !strcmp(others[i].table, wrong[row].table);
			if (!others[i].key || !strcmp(others[i].key, wrong[row].key) || same != here ||
			    (!strncmp(others[i].table, "resources", 9)) != nested)
				continue;
			if (!same && strcmp(table, others[i].table) != 0)
				used += (size_t)snprintf(out + used, size - used, "[%s]\n", others[i].table);
			table = others[i].table;
			used += (size_t)snprintf(out + used, size - used, "%s\n", others[i].line);
		}
}

static void test_every_key_wrong(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
		char text[512], line[128];
		snprintf(line, sizeof line, "%s = %s", wrong[i].key, wrong[i].value);
		build(text, sizeof text, i, line);
		bh_manifest *m = check(text);
		if (bh_manifest_diagnostic_count(m) != 1) {
			print_remarks(m);
			fail_msg("%s", text);
		}
		const bh_diagnostic *d = bh_manifest_diagnostic(m, 0);
		assert_int_equal(d->severity, BH_SEVERITY_ERROR);
		assert_string_equal(d->message, wrong[i].message);
		assert_int_equal(d->where.line, 2);
		if (!wrong[i].fix) {
			assert_null(d->fix);
			bh_manifest_free(m);
			continue;
		}
		assert_string_equal(d->fix, wrong[i].fix);
		build(text, sizeof text, i, d->fix);
		bh_manifest_free(m);
		m = check(text);
		if (count_of(m, BH_SEVERITY_ERROR))
			fail_msg("%s", text);
		bh_manifest_free(m);
	}
}

static void test_missing(void **state)
{
	static const struct {
		const char *text;
		const char *message;
		const char *hint;
		uint32_t line;
		const char *key;
	} cases[] = {
		{"[component]\nname = \"hello\"\n", "no memory and no stack limit declared",
	     "hello must say how much it may use. Add:\n\n    [resources]\n    max_memory = \"64MB\"\n    max_stack = "
	     "\"1MB\"",
	     1, "resources.max_memory"},
		{"[component]\nname = \"hello\"\n[resources]\nmax_stack = \"1MB\"\n", "no memory limit declared",
	     "hello must say how much it may use. Add below [resources] (line 3):\n\n    max_memory = \"64MB\"", 3,
	     "resources.max_memory"},
		{"[resources]\nmax_memory = \"1MB\"\n", "no stack limit declared",
	     "A component must say how much it may use. Add below [resources] (line 1):\n\n    max_stack = \"1MB\"", 1,
	     "resources.max_stack"},
		{"resources.max_memory = \"1MB\"\n", "no stack limit declared",
	     "A component must say how much it may use. Add:\n\n    resources.max_stack = \"1MB\"", 1,
	     "resources.max_stack"},
		{"resources = { max_memory = \"1MB\" }\n", "no stack limit declared",
	     "A component must say how much it may use. Add inside the braces of resources (line 1):\n\n"
	     "    max_stack = \"1MB\"",
	     1, "resources.max_stack"},
		{"", "no memory and no stack limit declared",
	     "A component must say how much it may use. Add:\n\n    [component]\n    name = \"my-component\"\n"
	     "    version = \"0.1.0\"\n\n    [resources]\n    max_memory = \"64MB\"\n    max_stack = \"1MB\"",
	     1, "resources.max_memory"},
		{"[resources.memory]\n", "no memory and no fuel and no time limit declared",
	     "A component must say how much it may use. Add below [resources.memory] (line 1):\n\n    max_bytes = "
	     "4194304\n\n"
	     "    [resources.cpu]\n    max_fuel = 1000000\n    timeout_seconds = 30",
	     1, "resources.memory.max_bytes"},
		{"[resources.cpu]\nmax_fuel = 1000\n[resources.memory]\nmax_bytes = 1048576\n", "no time limit declared",
	     "A component must say how much it may use. Add below [resources.cpu] (line 1):\n\n    timeout_seconds = 30", 1,
	     "resources.cpu.timeout_seconds"},
		{"[package]\nname = \"p\"\n", "no memory limit declared",
	     "p must say how much it may use. Add:\n\n    [runtime]\n    memory_max_mb = 64", 1, "runtime.memory_max_mb"},
	};
	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		bh_error *err = refuse(cases[i].text, BH_E_MISSING_LIMITS);
		assert_string_equal(bh_error_message(err), cases[i].message);
		assert_string_equal(bh_error_hint(err), cases[i].hint);
		assert_int_equal(bh_error_location(err)->line, cases[i].line);
		assert_string_equal(bh_error_location(err)->key, cases[i].key);
		assert_true(bh_error_limit(err, NULL, NULL) != BH_LIMIT_NONE);
		bh_error_free(err);
	}
}

/* What is missing is not asked for where a line about it is there, however wrong. */
static void test_wrong_is_not_missing(void **state)
{
	static const char *const texts[] = {
		"[resources]\nmax_memory = \"lots\"\nmax_stack = \"1MB\"\n",
		"[resources]\nmax_memory = 64MB\nmax_stack = \"1MB\"\n",
		"resources = 1\n",
	};
	(void)state;
	for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
		bh_error_free(refuse(texts[i], BH_E_CONFIG));
}

static void test_mixed(void **state)
{
	static const struct {
		const char *text;
		const char *message;
		const char *hint;
		uint32_t line;
	} cases[] = {
		{"[component]\nname = \"c\"\n[resources]\nmax_memory = \"64MB\"\n[resources.memory]\nmax_bytes = 1048576\n",
	     "two dialects mixed: resources.max_memory (line 4) is flat, [resources.memory] (line 5) is nested",
	     "flat: resources.max_memory (line 4)\nnested: [resources.memory] (line 5), resources.memory.max_bytes (line "
	     "6)\n"
	     "Keep one dialect, and write the rest in its words.",
	     5},
		{PACKAGE "[resources]\nmax_stack = \"1MB\"\n",
	     "two dialects mixed: [package] (line 1) is package, [resources] (line 6) is flat or nested", NULL, 6},
		{"[component]\nname = \"c\"\n[runtime]\nmemory_max_mb = 64\n",
	     "two dialects mixed: [component] (line 1) is flat or nested, [runtime] (line 3) is package", NULL, 3},
		{"[runtime]\nstateful = true\n" NESTED,
	     "two dialects mixed: [runtime] (line 1) is package, [resources] (line 3) is flat or nested", NULL, 3},
	};
	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		bh_error *err = refuse(cases[i].text, BH_E_CONFIG);
		assert_string_equal(bh_error_message(err), cases[i].message);
		assert_int_equal(bh_error_location(err)->line, cases[i].line);
		if (cases[i].hint)
			assert_string_equal(bh_error_hint(err), cases[i].hint);
		bh_error_free(err);
	}
}

static void test_syntax(void **state)
{
	static const struct {
		const char *line;
		const char *message;
		uint32_t column, length;
		const char *fix;
	} cases[] = {
		{"max_memory = 64MB", "text must be in quotes", 14, 4, "max_memory = \"64MB\""},
		{"  max_memory=64MB # big", "text must be in quotes", 14, 4, "max_memory = \"64MB\""},
		{"max_memory =", "the value is missing", 13, 0, NULL},
		{"max_memory: \"64MB\"", "key with no value, expected `=`", 13, 0, "max_memory = \"64MB\""},
		{"max_memory: 64MB", "key with no value, expected `=`", 13, 0, "max_memory = \"64MB\""},
		{"max_memory = \"64MB", "invalid basic string, expected `\"`", 19, 0, NULL},
		{"max_stack = 5", "duplicate key", 1, 9, NULL},
		{"max_memory = 99999999999999999999", "integer number overflowed", 14, 20, NULL},
		{"max_memory = 2024-13-01", "invalid date, expected month between 01 and 12", 14, 10, NULL},
		{"\xff = 1", "not UTF-8", 1, 1, NULL},
		{"a = \"\xc3\"", "not UTF-8", 6, 1, NULL},
	};
	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		char text[256];
		snprintf(text, sizeof text, "[resources]\nmax_stack = \"1MB\"\n%s\nzzz = 1\n", cases[i].line);
		bh_manifest *m = check(text);
		const bh_diagnostic *d = bh_manifest_diagnostic(m, 0);
		assert_non_null(d);
		assert_int_equal(d->severity, BH_SEVERITY_ERROR);
		assert_int_equal(d->where.line, 3);
		if (strncmp(d->message, cases[i].message, strlen(cases[i].message)) != 0)
			assert_string_equal(d->message, cases[i].message);
		assert_int_equal(d->where.column, cases[i].column);
		assert_int_equal(d->where.length, cases[i].length);
		assert_null(d->where.key);
		if (cases[i].fix)
			assert_string_equal(d->fix, cases[i].fix);
		/* Read on behind it. */
		assert_non_null(about(m, "resources.zzz"));
		bh_manifest_free(m);
	}
}

/* Each line that is wrong by itself is found; one that opens or closes something ends the reading. */
static void test_several_syntax_errors(void **state)
{
	(void)state;
	bh_manifest *m = check("[resources]\nmax_memory = 64MB\nmax_stack = 1MB\nmax_tables = 500\n");
	assert_int_equal(count_of(m, BH_SEVERITY_ERROR), 3);
	bh_manifest_free(m);
	m = check("[resources\nmax_memory = 64MB\nmax_stack = 1MB\nmax_tables = 500\n");
	assert_int_equal(count_of(m, BH_SEVERITY_ERROR), 1);
	assert_string_equal(bh_manifest_diagnostic(m, 0)->message, "unclosed table, expected `]`");
	bh_manifest_free(m);
	m = check("[permissions]\nfilesystem.read = [\"a\"\nmax_memory = 64MB\n");
	assert_true(count_of(m, BH_SEVERITY_ERROR) >= 1);
	bh_manifest_free(m);
}

/* A megabyte of the same; a %d in it counts. */
static void repeat(char *text, const char *start, const char *middle, const char *end)
{
	size_t used = (size_t)sprintf(text, "%s", start);
	for (int i = 0; used + 64 < 1 << 20; i++) {
		const char *number = strstr(middle, "%d");
		if (number)
			used += (size_t)sprintf(text + used, "%.*s%d%s", (int)(number - middle), middle, i, number + 2);
		else
			used += (size_t)sprintf(text + used, "%s", middle);
	}
	used += (size_t)sprintf(text + used, "%s", end);
	bh_manifest *m = check_n(text, used);
	assert_true(count_of(m, BH_SEVERITY_ERROR) > 0);
	bh_manifest_free(m);
}

static void test_hostile_documents(void **state)
{
	(void)state;
	/* Deep in brackets, deep in keys, both, and very long. */
	char *text = malloc(1 << 20);
	assert_non_null(text);
	memset(text, '[', 1 << 20);
	memcpy(text, "a = ", 4);
	bh_manifest_free(check_n(text, 1 << 20));
	for (size_t i = 0; i < 1 << 20; i += 2)
		memcpy(text + i, "a.", 2);
	bh_manifest_free(check_n(text, 1 << 20));
	size_t used = 0;
	for (int i = 0; i < 79; i++) {
		for (int j = 0; j < 79; j++)
			used += (size_t)sprintf(text + used, "%sk", j ? "." : "");
		used += (size_t)sprintf(text + used, " = { ");
	}
	used += (size_t)sprintf(text + used, "a = 1");
	for (int i = 0; i < 79; i++)
		text[used++] = '}';
	bh_manifest *m = check_n(text, used);
	assert_int_equal(count_of(m, BH_SEVERITY_ERROR), 1);
	assert_string_equal(about(m, "resources.max_memory")->message, "no memory and no stack limit declared");
	assert_string_equal(about(m, "k")->message, "unknown table k");
	bh_manifest_free(m);
	/* The same mistake a hundred thousand times, all on one line. */
	repeat(text, "a = [", "1, ", "]");
	repeat(text, "[permissions]\nfilesystem.read = [", "1, ", "]");
	repeat(text, "[permissions]\nfilesystem.read = [", "'*', ", "]");
	repeat(text, "[permissions]\nfilesystem.read = [", "'x', ", "]");
	repeat(text, "[permissions]\nnetwork.inbound = [", "{}, ", "]");
	repeat(text, "[permissions]\nnetwork.inbound = [", "1, ", "]");
	repeat(text, "[permissions]\nnetwork.inbound = [{ port = 1, protocol = [", "1, ", "]}]");
	repeat(text, "[package]\nauthors = [", "1, ", "]");
	repeat(text, "[resources]\n", "%d = 1\n", "");
	repeat(text, "resources = {", "%d = 1, ", "}");
	repeat(text, "[permissions]\nfilesystem = {", "%d = 1, ", "}");
	repeat(text, "[permissions]\nnetwork.outbound = [{", "%d = 1, ", "}]");
	repeat(text, "", "x = 1\n", "");
	memset(text, '\n', 1 << 20);
	bh_manifest_free(check_n(text, 1 << 20));
	memset(text, 0, 1 << 20);
	bh_manifest_free(check_n(text, 1 << 20));
	free(text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_nested),
		cmocka_unit_test(test_package),
		cmocka_unit_test(test_first_memory),
		cmocka_unit_test(test_every_key_wrong),
		cmocka_unit_test(test_missing),
		cmocka_unit_test(test_wrong_is_not_missing),
		cmocka_unit_test(test_mixed),
		cmocka_unit_test(test_syntax),
		cmocka_unit_test(test_several_syntax_errors),
		cmocka_unit_test(test_hostile_documents),
	};
	return cmocka_run_group_tests(tests, NULL, remove_scratch);
}
