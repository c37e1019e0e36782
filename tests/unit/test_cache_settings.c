/* cache.toml: what it may say, what is said about mistakes in it, and what holds then. */
#include <sys/stat.h>

#include "../api/cache_tools.h"
#include "cache/settings.h"

static char toml[PATH_MAX], default_folder[PATH_MAX];

static bh_status decide(bh_cache_settings *out)
{
	t_begin();
	return bh_cache_settings_decide(out, NULL, &t_err);
}

static bh_status decide_by(bh_cache_settings *out, const char *text)
{
	write_file(toml, text, strlen(text));
	return decide(out);
}

/* As if there were no file. */
static void is_default(const bh_cache_settings *s)
{
	assert_true(s->enabled);
	assert_string_equal(s->folder, default_folder);
	assert_string_equal(s->decided_by, "XDG_CACHE_HOME");
	assert_true(s->max_bytes == BH_GIB(2) && s->max_age_s == 30 * 86400);
}

static void test_amounts(void **state)
{
	static const struct {
		const char *text;
		uint64_t bytes, age_s; /* 0: the default */
	} rows[] = {
		{"max_bytes = \"1GiB\"", BH_GIB(1), 0},
		{"max_bytes = 4096", 4096, 0},
		{"max_bytes = 9223372036854775807", INT64_MAX, 0},
		{"max_bytes = \"unlimited\"", BH_UNLIMITED, 0},
		{"max_age = \"7d\"", 0, 7 * 86400},
		{"max_age = 60", 0, 60},
		{"max_age = \"36500d\"", 0, UINT64_C(3153600000)},
		{"max_age = 3153600000", 0, UINT64_C(3153600000)},
		{"max_age = \"unlimited\"", 0, BH_UNLIMITED},
	};
	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		bh_cache_settings s;
		char text[100];
		snprintf(text, sizeof text, "[cache]\n%s\n", rows[i].text);
		assert_int_equal(decide_by(&s, text), BH_OK);
		assert_true(s.max_bytes == (rows[i].bytes ? rows[i].bytes : BH_GIB(2)));
		assert_true(s.max_age_s == (rows[i].age_s ? rows[i].age_s : 30 * 86400));
		bh_cache_settings_deinit(&s);
	}
}

/* The whole file is left out, and the error says where, once. */
static void test_mistakes(void **state)
{
	static const struct {
		const char *line, *message;
	} rows[] = {
		{"max_age = 3153600001", "cache.max_age: expected a time up to 36500 days, or \"unlimited\""},
		{"max_age = 9223372036854775807", "cache.max_age: expected a time up to 36500 days, or \"unlimited\""},
		{"max_age = 0", "cache.max_age: expected a time up to 36500 days, or \"unlimited\""},
		{"max_age = -1", "cache.max_age: expected a time up to 36500 days, or \"unlimited\""},
		{"max_age = \"36501d\"", "cache.max_age: expected a time up to 36500 days, or \"unlimited\""},
		{"max_age = \"1d\\u0000junk\"", "cache.max_age: expected a time up to 36500 days, or \"unlimited\""},
		{"max_age = \"unlimited\\u0000\"", "cache.max_age: expected a time up to 36500 days, or \"unlimited\""},
		{"max_age = true", "cache.max_age: expected a time up to 36500 days, or \"unlimited\""},
		{"max_bytes = \"1GiB\\u0000junk\"", "cache.max_bytes: expected a size"},
		{"max_bytes = \"\\u0000\"", "cache.max_bytes: expected a size"},
		{"directory = \"/tmp\\u0000/x\"", "cache.directory: expected an absolute path"},
		{"\"enabled\\u0000x\" = false", "cache.enabled?x: no such key"},
		{"\"\\u001b[31mred\\n\\u009b\\u007f\" = 1", "cache.?[31mred ???: no such key"},
	};
	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		bh_cache_settings s;
		char text[200];
		snprintf(text, sizeof text, "[cache]\nenabled = false\n\n%s\n", rows[i].line);
		assert_int_equal(decide_by(&s, text), BH_E_CONFIG);
		is_default(&s);
		assert_string_equal(bh_error_message(t_err), rows[i].message);
		const bh_location *where = bh_error_location(t_err);
		assert_non_null(where);
		assert_string_equal(where->file, toml);
		assert_int_equal(where->line, 4);
		assert_true(where->column > 0 && where->length > 0);
		assert_memory_equal(where->key, rows[i].message, strlen(where->key));
		assert_non_null(bh_error_hint(t_err));
		bh_cache_settings_deinit(&s);
	}
}

static void test_long_key(void **state)
{
	(void)state;
	bh_cache_settings s;
	/* Two bytes each, and one in front: the bound is in the middle of one. */
	char text[200] = "[cache]\n\"x", wanted[200] = "cache.x";
	for (int i = 0; i < 40; i++)
		strcat(text, "\xc3\xa9");
	strcat(text, "\" = 1\n");
	for (int i = 0; i < 29; i++)
		strcat(wanted, "\xc3\xa9");
	strcat(wanted, "...: no such key");
	assert_int_equal(decide_by(&s, text), BH_E_CONFIG);
	assert_string_equal(bh_error_message(t_err), wanted);
	bh_cache_settings_deinit(&s);
}

static void test_syntax(void **state)
{
	(void)state;
	bh_cache_settings s;
	assert_int_equal(decide_by(&s, "[cache]\nenabled = = 1\n"), BH_E_CONFIG);
	is_default(&s);
	const bh_location *where = bh_error_location(t_err);
	assert_non_null(where);
	assert_string_equal(where->file, toml);
	assert_int_equal(where->line, 2);
	assert_null(strstr(bh_error_message(t_err), toml));
	bh_cache_settings_deinit(&s);
}

/* A table whose name only begins like ours is another program's. */
static void test_other_tables(void **state)
{
	(void)state;
	bh_cache_settings s;
	assert_int_equal(decide_by(&s, "[\"cache\\u0000x\"]\nenabled = false\n[cache.x]\n"), BH_E_CONFIG);
	bh_cache_settings_deinit(&s);
	assert_int_equal(decide_by(&s, "[\"cache\\u0000x\"]\nenabled = false\n[caches]\nenabled = false\n"), BH_OK);
	is_default(&s);
	bh_cache_settings_deinit(&s);
}

static void is_refused(const char *why)
{
	bh_cache_settings s;
	assert_int_equal(decide(&s), BH_E_CONFIG);
	is_default(&s);
	assert_true(t_says(toml));
	assert_true(t_says(why));
	bh_cache_settings_deinit(&s);
	/* A host warns, once, and has its cache. */
	cached c;
	cached_open(&c, NULL);
	outcome found = answer_of(&c, load_guest(c.host, 7), 7);
	assert_int_equal(found.warnings, 1);
	assert_non_null(strstr(c.last, toml));
	remove_all(toml);
}

/* There, and not to be read: it could say anything. */
static void test_unreadable(void **state)
{
	(void)state;
	bh_cache_settings s;
	enum { MUCH = 70 * 1024 };
	char *much = malloc(MUCH);
	assert_non_null(much);
	memset(much, '#', MUCH);
	remove_all(toml);
	write_file(toml, much, MUCH);
	free(much);
	is_refused("larger than 65536 bytes");
	assert_int_equal(mkdir(toml, 0700), 0);
	is_refused("is a folder");
	assert_int_equal(mkfifo(toml, 0600), 0);
	is_refused("not a regular file");
	assert_int_equal(symlink(toml, toml), 0);
	is_refused("symbolic links");
	if (geteuid()) {
		write_file(toml, "", 0);
		assert_int_equal(chmod(toml, 0), 0);
		is_refused("Permission denied");
	}
	/* Not there, or nobody could tell. */
	assert_int_equal(symlink("/nowhere/at/all", toml), 0);
	assert_int_equal(decide(&s), BH_OK);
	is_default(&s);
	bh_cache_settings_deinit(&s);
	remove_all(toml);
	assert_int_equal(decide(&s), BH_OK);
	is_default(&s);
	bh_cache_settings_deinit(&s);
}

static int set_up(void **state)
{
	static const char *const names[] = {"BULKHEAD_CACHE", "BULKHEAD_CACHE_DIR", "WASMTIME_CACHE_DIR",
	                                    "WASMTIME_CACHE_ENABLED"};
	for (size_t i = 0; i < sizeof names / sizeof *names; i++)
		unsetenv(names[i]);
	int failed = work_set_up(state);
	setenv("XDG_CONFIG_HOME", work, 1);
	setenv("XDG_CACHE_HOME", work, 1);
	snprintf(toml, sizeof toml, "%s", below("bulkhead/cache.toml"));
	snprintf(default_folder, sizeof default_folder, "%s", below("bulkhead"));
	return failed || mkdir(default_folder, 0700);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_amounts), cmocka_unit_test(test_mistakes),     cmocka_unit_test(test_long_key),
		cmocka_unit_test(test_syntax),  cmocka_unit_test(test_other_tables), cmocka_unit_test(test_unreadable),
	};
	return cmocka_run_group_tests(tests, set_up, work_tear_down);
}
