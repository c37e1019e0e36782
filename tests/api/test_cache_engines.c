// test: timeout=120
/* Engines side by side in one cache: each finds its own code, and none runs another's. */
#include "cache_folders.h"

typedef struct {
	bool metered;
	bh_profile profile;
} engine;

static outcome ask_engine(const char *dir, const engine *e)
{
	cached c;
	char text[GUEST_TEXT];
	bh_cache_options cache = cache_in(dir);
	bh_component_options options = named("guest");
	bh_component *component = NULL;
	options.limits.fuel = e->metered ? 1000000 : BH_UNLIMITED;
	cached_open_with(&c, &cache, e->profile);
	guest_text(text, ANSWER);
	OK(bh_component_load_bytes(&component, c.host, text, strlen(text), &options, &t_err));
	bh_usage usage = BH_USAGE_INIT;
	OK(t_call(NULL, component, "answer", "", NULL, &usage, &t_err));
	EXPECT((usage.fuel > 0) == e->metered); /* its own code, then */
	return answer_of(&c, component, ANSWER);
}

static void test_engines(void **state)
{
	(void)state;
	static const engine engines[] = {
		{false, BH_PROFILE_PRODUCTION},
		{true, BH_PROFILE_PRODUCTION},
		{false, BH_PROFILE_DEVELOPMENT},
		{true, BH_PROFILE_DEVELOPMENT},
	};
	enum { COUNT = sizeof engines / sizeof *engines };
	char dir[300], paths[COUNT][PATH_MAX];
	snprintf(dir, sizeof dir, "%s", fresh());
	for (int i = 0; i < COUNT; i++) {
		EXPECT(is(ask_engine(dir, &engines[i]), BH_CODE_COMPILED, 0));
		assert_int_equal(stats_of(dir).entries, i + 1);
	}
	for (int i = 0; i < COUNT; i++)
		EXPECT(is(ask_engine(dir, &engines[i]), BH_CODE_FROM_DISK, 0));
	/* Each engine has a folder; the same name is in all of them. */
	const char *other_dir = fresh();
	EXPECT(is(ask(other_dir, ANSWER), BH_CODE_COMPILED, 0));
	wanted_entry one = entry_of(other_dir, "g41");
	const char *name = strrchr(one.path, '/') + 1;
	char v1[PATH_MAX];
	snprintf(v1, sizeof v1, "%.4000s/v1", dir);
	DIR *folders = opendir(v1);
	int found = 0;
	for (const struct dirent *entry; (entry = readdir(folders));)
		if (strlen(entry->d_name) == 32) {
			EXPECT(found < COUNT);
			snprintf(paths[found], PATH_MAX, "%.3000s/%.40s/%.80s", v1, entry->d_name, name);
			EXPECT(exists(paths[found++]));
		}
	closedir(folders);
	assert_int_equal(found, COUNT);
	/* Turned round by one: no engine runs another's code. */
	size_t lengths[COUNT];
	char *bytes[COUNT];
	for (int i = 0; i < COUNT; i++)
		bytes[i] = read_whole(paths[i], &lengths[i]);
	for (int i = 0; i < COUNT; i++) {
		replace_file(paths[i], bytes[(i + 1) % COUNT], lengths[(i + 1) % COUNT]);
		vouch(paths[i]);
	}
	for (int i = 0; i < COUNT; i++)
		EXPECT(is(ask_engine(dir, &engines[i]), BH_CODE_COMPILED, 1));
	for (int i = 0; i < COUNT; i++) {
		EXPECT(is(ask_engine(dir, &engines[i]), BH_CODE_FROM_DISK, 0));
		free(bytes[i]);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_engines),
	};
	return cmocka_run_group_tests(tests, work_set_up, work_tear_down);
}
