// test: timeout=120
/* The compile cache where there is no place for one, and where there is to be none. */
#include "cache_children.h"

static void forget_environment(void)
{
	static const char *const names[] = {"BULKHEAD_CACHE",     "BULKHEAD_CACHE_DIR",     "XDG_CACHE_HOME", "HOME",
	                                    "WASMTIME_CACHE_DIR", "WASMTIME_CACHE_ENABLED", "XDG_CONFIG_HOME"};
	for (size_t i = 0; i < sizeof names / sizeof *names; i++)
		unsetenv(names[i]);
}

static int play_homeless(const char *dir)
{
	forget_environment();
	EXPECT(!mkdir(dir, 0700) && !chdir(dir));
	bh_cache *cache = NULL;
	FAILS(BH_E_IO, bh_cache_open(&cache, NULL, &t_err));
	EXPECT(t_says("HOME"));
	/* Nor one in the working folder, for names that are no absolute paths. */
	static const char *const homes[] = {NULL, "", "home", "."};
	for (size_t i = 0; i < 4; i++) {
		if (homes[i]) {
			setenv("HOME", homes[i], 1);
			setenv("XDG_CACHE_HOME", homes[i], 1);
		}
		EXPECT(is(ask(NULL, OTHER), BH_CODE_COMPILED, 0));
	}
	EXPECT(!rmdir(dir)); /* nothing was made in it */
	return tell(ask(NULL, OTHER));
}

static int play_off(const char *dir)
{
	forget_environment();
	EXPECT(!mkdir(dir, 0700));
	setenv("HOME", dir, 1);
	setenv("BULKHEAD_CACHE", "0", 1);
	EXPECT(is(ask(NULL, OTHER), BH_CODE_COMPILED, 0));
	setenv("BULKHEAD_CACHE", "1", 1);
	bh_cache_options options = BH_CACHE_OPTIONS_INIT;
	options.mode = BH_CACHE_OFF;
	for (int named_too = 0; named_too < 2; named_too++) {
		cached c;
		options.dir = named_too ? dir : NULL;
		cached_open_with(&c, &options, BH_PROFILE_PRODUCTION);
		bh_component *first = load_guest(c.host, OTHER), *second = load_guest(c.host, OTHER);
		EXPECT(origin_of(first) == BH_CODE_COMPILED && origin_of(second) == BH_CODE_FROM_MEMORY);
		bh_component_unref(first);
		EXPECT(is(answer_of(&c, second, OTHER), BH_CODE_FROM_MEMORY, 0));
	}
	EXPECT(!rmdir(dir));
	return tell(ask(NULL, OTHER)); /* and with it: compiled, and made */
}

static const part parts[] = {
	{"homeless", play_homeless},
	{"off", play_off},
};

static void test_no_home(void **state)
{
	(void)state;
	assert_int_equal(in_child("homeless", below("homeless"), false), COMPILED);
}

static void test_off(void **state)
{
	(void)state;
	assert_int_equal(in_child("off", below("off"), false), COMPILED);
	assert_true(exists(below("off/.cache/bulkhead/v1")));
}

int main(int argc, char **argv)
{
	if (argc == 4)
		return play(parts, sizeof parts / sizeof *parts, argv);
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_no_home),
		cmocka_unit_test(test_off),
	};
	return cmocka_run_group_tests(tests, work_set_up, work_tear_down);
}
