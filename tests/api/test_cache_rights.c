// test: timeout=120
/* The compile cache without permissions, and in folders of another user. */
#include "cache_children.h"

static int play_private(const char *dir)
{
	struct stat info;
	int code = play_plain(dir);
	EXPECT(!stat(dir, &info) && (info.st_mode & 0777) == 0700 && info.st_uid == geteuid());
	return code;
}

static const part parts[] = {
	{"plain", play_plain},
	{"known", play_known},
	{"private", play_private},
};

static void test_no_permission(void **state)
{
	(void)state;
	bool nobody = !geteuid();
	static const mode_t modes[] = {0000, 0100, 0200, 0300, 0400, 0500};
	for (size_t i = 0; i < sizeof modes / sizeof *modes; i++) {
		const char *dir = below("empty-%o", modes[i]);
		EXPECT(!mkdir(dir, 0700) && (!nobody || !chown(dir, NOBODY, NOBODY)) && !chmod(dir, modes[i]));
		assert_int_equal(in_child("plain", dir, nobody), COMPILED_AND_WARNED);
		EXPECT(!chmod(dir, 0700));
		assert_int_equal(in_child("plain", dir, nobody), FROM_DISK);
	}
	for (size_t i = 0; i < sizeof modes / sizeof *modes; i++) {
		char dir[PATH_MAX], v1[PATH_MAX], engine[PATH_MAX];
		snprintf(dir, sizeof dir, "%s", below("full-%o", modes[i]));
		snprintf(engine, sizeof engine, "%s", cache_of(dir, nobody));
		snprintf(v1, sizeof v1, "%.1000s/v1", dir);
		const char *const places[] = {dir, v1, engine};
		for (size_t p = 0; p < 3; p++) {
			/* What can be read is used. */
			bool readable = modes[i] == 0500;
			EXPECT(!chmod(places[p], modes[i]));
			assert_int_equal(in_child("known", dir, nobody), readable ? FROM_DISK : COMPILED_AND_WARNED);
			if (p == 2)
				assert_int_equal(in_child("plain", dir, nobody), COMPILED_AND_WARNED);
			EXPECT(!chmod(places[p], 0700));
			assert_int_equal(in_child("known", dir, nobody), FROM_DISK);
		}
	}
	/* A folder that cannot be made, or reached. */
	EXPECT(!mkdir(below("closed"), 0700) && !mkdir(below("closed/inside"), 0700));
	EXPECT(!chmod(below("closed"), nobody ? 0700 : 0000)); /* root's own, then */
	assert_int_equal(in_child("plain", below("closed/inside"), nobody), COMPILED_AND_WARNED);
	assert_int_equal(in_child("plain", below("closed/new/and/deeper"), nobody), COMPILED_AND_WARNED);
	EXPECT(!chmod(below("closed"), 0700));
	assert_int_equal(in_child("plain", "/proc/nothing/here", false), COMPILED_AND_WARNED);
	assert_int_equal(in_child("plain", "/dev/null", false), COMPILED_AND_WARNED);
	assert_int_equal(in_child("plain", "/dev/null/inside", false), COMPILED_AND_WARNED);
	/* And one that can: private, whatever the mask says. */
	mode_t mask = umask(0);
	assert_int_equal(in_child("private", below("made/of/its/own"), false), FROM_DISK);
	umask(mask);
}

static void test_of_another_user(void **state)
{
	(void)state;
	if (geteuid()) {
		/* Not root: there is one folder at least that is. */
		assert_int_equal(in_child("plain", "/usr", false), COMPILED_AND_WARNED);
		return;
	}
	char dir[PATH_MAX], engine[PATH_MAX];
	snprintf(dir, sizeof dir, "%s", below("theirs"));
	EXPECT(!mkdir(dir, 0700) && !chown(dir, NOBODY, NOBODY));
	assert_int_equal(in_child("plain", dir, false), COMPILED_AND_WARNED);
	EXPECT(!rmdir(dir)); /* it is as empty as it was */
	/* Parts of it. */
	snprintf(engine, sizeof engine, "%s", cache_of(dir, false));
	EXPECT(!chown(engine, NOBODY, NOBODY));
	assert_int_equal(in_child("known", dir, false), COMPILED_AND_WARNED);
	EXPECT(!chown(engine, 0, 0));
	char artifact[PATH_MAX];
	snprintf(artifact, sizeof artifact, "%s", entry_of(dir, "g41").path);
	EXPECT(!chown(artifact, NOBODY, NOBODY));
	assert_int_equal(in_child("known", dir, false), COMPILED_AND_WARNED);
	assert_int_equal(in_child("known", dir, false), FROM_DISK);
	struct stat info;
	EXPECT(!stat(artifact, &info) && !info.st_uid);
}

int main(int argc, char **argv)
{
	if (argc == 4)
		return play(parts, sizeof parts / sizeof *parts, argv);
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_no_permission),
		cmocka_unit_test(test_of_another_user),
	};
	return cmocka_run_group_tests(tests, work_set_up, work_tear_down);
}
