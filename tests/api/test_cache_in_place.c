// test: timeout=120 cost=5 waits
/*
 * Whatever lies in the place of a cache's files and folders, and whoever may write there: the guest answers rightly, a
 * host warns once at most, and nothing is written through a link.
 */
#include "cache_folders.h"

static const char *const place_names[] = {"folder", "v1", "engine", "index", "artifact", "seen", "note", "counters"};

/* Other things in the place of files and folders. */

typedef enum { LINK, LINK_TO_NOTHING, LINK_TO_ITSELF, FIFO, SOCKET, FILE_, FOLDER, FULL_FOLDER, KINDS } kind;
static const char *const kind_names[] = {"a link", "a link to nothing", "a link to itself",       "a FIFO", "a socket",
                                         "a file", "a folder",          "a folder with something"};

static void put(kind what, const char *path, const char *aside)
{
	char inside[PATH_MAX];
	if (what == LINK)
		EXPECT(!rename(path, aside));
	else
		remove_all(path);
	switch (what) {
	case LINK:
		EXPECT(!symlink(aside, path));
		break;
	case LINK_TO_NOTHING:
		EXPECT(!symlink("/nowhere/at/all", path));
		break;
	case LINK_TO_ITSELF:
		EXPECT(!symlink(path, path));
		break;
	case FIFO:
		EXPECT(!mkfifo(path, 0600));
		break;
	case SOCKET:
		EXPECT(!mknod(path, S_IFSOCK | 0600, 0));
		break;
	case FILE_:
		write_file(path, "nonsense", 8);
		break;
	default:
		EXPECT(!mkdir(path, 0700));
		snprintf(inside, sizeof inside, "%.4000s/something", path);
		if (what == FULL_FOLDER)
			write_file(inside, "nonsense", 8);
	}
}

/* Names, sizes and times of all that is in a tree. */
static uint64_t trace;

static int trace_one(const char *path, const struct stat *info, int type, struct FTW *where)
{
	(void)type;
	uint64_t values[] = {info->st_ino, (uint64_t)info->st_size, (uint64_t)info->st_mtim.tv_nsec, info->st_mode};
	for (const char *c = path + where->base; *c; c++)
		trace = trace * 31 + (unsigned char)*c;
	for (size_t i = 0; i < sizeof values / sizeof *values; i++)
		trace = trace * 1000003 + values[i];
	return 0;
}

static uint64_t trace_of(const char *path)
{
	trace = 1;
	EXPECT(!nftw(path, trace_one, 16, FTW_PHYS));
	return trace;
}

static void in_place_of(place where, kind what)
{
	char dir[300], aside[300];
	snprintf(dir, sizeof dir, "%s", fresh());
	snprintf(aside, sizeof aside, "%.250s-aside", dir);
	layout l = fill(dir);
	put(what, l.paths[where], aside);
	uint64_t before = what == LINK ? trace_of(aside) : 0;
	outcome first = ask_file(dir, trusted, ANSWER);
	outcome second = ask_file(dir, trusted, ANSWER);
	ask(dir, OTHER);
	/* Nothing is written through a link. */
	EXPECT(what != LINK || trace_of(aside) == before);
	if (where == ARTIFACT) {
		bool stays = what == FOLDER || what == FULL_FOLDER;
		EXPECT(is(first, BH_CODE_COMPILED, 1));
		EXPECT(is(second, stays ? BH_CODE_COMPILED : BH_CODE_FROM_DISK, stays));
	}
	if (where == SEEN || where == NOTE || where == COUNTERS)
		EXPECT(first.origin == BH_CODE_FROM_DISK && second.origin == BH_CODE_FROM_DISK);
	if (where <= ENGINE && what < FOLDER)
		EXPECT(is(second, BH_CODE_COMPILED, 1));
}

static void test_other_things_in_place(void **state)
{
	(void)state;
	for (int where = 0; where < PLACES; where++)
		for (int what = 0; what < KINDS; what++) {
			if (getenv("BH_TEST_VERBOSE"))
				fprintf(stderr, "%s in place of %s\n", kind_names[what], place_names[where]);
			in_place_of((place)where, (kind)what);
		}
}

static void test_folders_that_others_may_write_to(void **state)
{
	(void)state;
	static const place folders[] = {ROOT, V1, ENGINE, INDEX};
	static const mode_t modes[] = {0720, 0702, 0777};
	for (size_t i = 0; i < 4; i++)
		for (size_t m = 0; m < 3; m++) {
			layout l = fill(fresh());
			EXPECT(!chmod(l.paths[folders[i]], modes[m]));
			uint64_t before = trace_of(l.paths[ENGINE]);
			outcome found = ask_file(l.paths[ROOT], trusted, ANSWER);
			EXPECT(folders[i] == INDEX ? found.origin == BH_CODE_FROM_DISK : is(found, BH_CODE_COMPILED, 1));
			EXPECT(trace_of(l.paths[ENGINE]) == before);
		}
	static const place files[] = {ARTIFACT, SEEN, NOTE};
	for (size_t i = 0; i < 3; i++) {
		layout l = fill(fresh());
		EXPECT(!chmod(l.paths[files[i]], 0666));
		outcome found = ask_file(l.paths[ROOT], trusted, ANSWER);
		EXPECT(is(found, i ? BH_CODE_FROM_DISK : BH_CODE_COMPILED, !i));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_other_things_in_place),
		cmocka_unit_test(test_folders_that_others_may_write_to),
	};
	return cmocka_run_group_tests(tests, trust_set_up, work_tear_down);
}
