/* Manifests on disk: reading them, finding them, and the example for who has none. */
#include <sys/stat.h>

#include "test_manifest.h"

static const char good[] = "[component]\nname = \"x\"\n[resources]\nmax_memory = \"64MB\"\nmax_stack = \"1MB\"\n"
						   "[permissions]\nfilesystem.read = [\"./data\"]\n";

static void test_load(void **state)
{
	(void)state;
	const char *path = write_file("Component.toml", good, sizeof good - 1);
	char expected[300];
	bh_manifest *m = NULL;
	assert_int_equal(bh_manifest_load(&m, path, NULL), BH_OK);
	assert_string_equal(bh_manifest_path(m), path);
	snprintf(expected, sizeof expected, "read %s/data as /data", scratch());
	assert_string_equal(bh_permissions_describe(bh_manifest_permissions(m), 0), expected);
	bh_manifest_free(m);
}

static void test_cannot_be_read(void **state)
{
	(void)state;
	bh_manifest *m = NULL;
	bh_error *err = NULL;
	char expected[300];
	const char *nowhere = scratch_path("no/such/file.toml");
	snprintf(expected, sizeof expected, "%s: no such file", nowhere);
	assert_int_equal(bh_manifest_load(&m, nowhere, &err), BH_E_NOT_FOUND);
	assert_string_equal(bh_error_message(err), expected);
	bh_error_free(err);
	assert_int_equal(bh_manifest_check(&m, nowhere, NULL), BH_E_NOT_FOUND);

	assert_int_equal(bh_manifest_load(&m, scratch(), &err), BH_E_IO);
	snprintf(expected, sizeof expected, "%s: is a folder", scratch());
	assert_string_equal(bh_error_message(err), expected);
	bh_error_free(err);

	const char *fifo = scratch_path("fifo.toml");
	assert_int_equal(mkfifo(fifo, 0600), 0);
	assert_int_equal(bh_manifest_load(&m, fifo, &err), BH_E_IO);
	bh_error_free(err);
	assert_int_equal(bh_manifest_load(&m, "/dev/zero", NULL), BH_E_IO);
	assert_int_equal(bh_manifest_load(&m, NULL, NULL), BH_E_INVALID);
	assert_int_equal(bh_manifest_check(&m, NULL, NULL), BH_E_INVALID);
	char *found = NULL;
	assert_int_equal(bh_manifest_find(&found, NULL, NULL), BH_E_INVALID);
	assert_null(m);
}

static void test_size(void **state)
{
	enum { MAX = 1 << 20 };
	(void)state;
	char *text = malloc(MAX + 1);
	assert_non_null(text);
	memset(text, '#', MAX + 1);
	memcpy(text, good, sizeof good - 1);
	bh_manifest *m = NULL;
	bh_error *err = NULL;
	assert_int_equal(bh_manifest_load(&m, write_file("large.toml", text, MAX), NULL), BH_OK);
	bh_manifest_free(m);
	m = NULL;
	assert_int_equal(bh_manifest_load(&m, write_file("large.toml", text, MAX + 1), &err), BH_E_IO);
	assert_non_null(strstr(bh_error_message(err), "large.toml: larger than 1 MiB"));
	bh_error_free(err);
	assert_int_equal(bh_manifest_parse(&m, text, MAX + 1, NULL, &err), BH_E_CONFIG);
	bh_error_free(err);
	assert_null(m);
	free(text);
}

static void assert_finds(const char *component, const char *expected)
{
	char *found = NULL;
	assert_int_equal(bh_manifest_find(&found, component, NULL), BH_OK);
	if (expected)
		assert_string_equal(found, expected);
	else
		assert_null(found);
	bh_string_free(found);
}

static void test_find(void **state)
{
	(void)state;
	assert_int_equal(mkdir(scratch_path("app"), 0700), 0);
	assert_finds(scratch_path("app/hello.wasm"), NULL);
	write_file("app/Component.toml", good, sizeof good - 1);
	assert_finds(scratch_path("app/hello.wasm"), scratch_path("app/Component.toml"));
	write_file("app/hello.toml", good, sizeof good - 1);
	assert_finds(scratch_path("app/hello.wasm"), scratch_path("app/hello.toml"));
	assert_finds(scratch_path("app/hello"), scratch_path("app/hello.toml"));
	assert_finds(scratch_path("app/hello.component.wasm"), scratch_path("app/Component.toml"));
	assert_finds(scratch_path("app/.wasm"), scratch_path("app/Component.toml"));
	assert_finds(scratch_path("app/"), scratch_path("app/Component.toml"));
	/* A folder of that name is no manifest. */
	assert_int_equal(mkdir(scratch_path("app/dir.toml"), 0700), 0);
	assert_finds(scratch_path("app/dir.wasm"), scratch_path("app/Component.toml"));

	assert_int_equal(chdir(scratch_path("app")), 0);
	assert_finds("hello.wasm", "hello.toml");
	assert_finds("./other.wasm", "./Component.toml");
	assert_finds("other.wasm", "Component.toml");
	assert_int_equal(chdir("/"), 0);
}

static void test_example(void **state)
{
	static const struct {
		const char *name;
		const char *read; /* what the manifest then says */
	} cases[] = {
		{"hello", "hello"},
		{NULL, "my-component"},
		{"", "my-component"},
		{"a \"quoted\" \\ name", "a \"quoted\" \\ name"},
		{"gr\xc3\xbc\xc3\x9f", "gr\xc3\xbc\xc3\x9f"},
		{"\xf0\x9f\x9a\xa2", "\xf0\x9f\x9a\xa2"},
		{"bad \xff\xc3 \xed\xa0\x80 \xc0\x80 \xf5\x80\x80\x80", "bad ?? ??? ?? ????"},
		{"cut \xe2\x82", "cut ??"},
	};
	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		char *text = bh_manifest_example(cases[i].name);
		assert_non_null(text);
		bh_manifest *m = parse(text);
		assert_string_equal(bh_manifest_name(m), cases[i].read);
		assert_string_equal(bh_manifest_version(m), "0.1.0");
		assert_int_equal(bh_manifest_limits(m)->memory, 64000000);
		assert_int_equal(bh_manifest_diagnostic_count(m), 0);
		bh_manifest_free(m);
		bh_string_free(text);
	}
	/* Control characters stay what they are in the text, and are refused as part of a name. */
	char *text = bh_manifest_example("tab\there\x7f\n");
	assert_non_null(strstr(text, "name = \"tab\\u0009here\\u007F\\u000A\"\n"));
	bh_string_free(text);
}

/* An empty file is told what it should hold, with the name that it has. */
static void test_example_in_hint(void **state)
{
	(void)state;
	bh_manifest *m = NULL;
	bh_error *err = NULL;
	assert_int_equal(bh_manifest_load(&m, write_file("ship.toml", "# nothing\n", 10), &err), BH_E_MISSING_LIMITS);
	assert_string_equal(bh_error_hint(err), "A component must say how much it may use. Add:\n\n    [component]\n"
	                                        "    name = \"ship\"\n    version = \"0.1.0\"\n\n    [resources]\n"
	                                        "    max_memory = \"64MB\"\n    max_stack = \"1MB\"");
	bh_error_free(err);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_load), cmocka_unit_test(test_cannot_be_read), cmocka_unit_test(test_size),
		cmocka_unit_test(test_find), cmocka_unit_test(test_example),        cmocka_unit_test(test_example_in_hint),
	};
	return cmocka_run_group_tests(tests, NULL, remove_scratch);
}
