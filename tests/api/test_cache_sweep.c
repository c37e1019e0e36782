/* Pruning and clearing: what is left over goes, and what could not be removed is not counted as removed. */
#include <time.h>

#include "cache_tools.h"

enum { KEPT = 51, GONE = 52, LONG_AGO_S = 2 * 60 * 60 };

/* Two entries with all that belongs to them, in a cache of their own. */
typedef struct {
	char dir[PATH_MAX], kept[PATH_MAX], gone[PATH_MAX];
} two;

/* The path of another file of the same entry. */
static const char *beside(const char *artifact, const char *ending)
{
	static char path[PATH_MAX];
	snprintf(path, sizeof path, "%.*s%s", (int)(strlen(artifact) - strlen(".cwasm")), artifact, ending);
	return path;
}

static two fill(const char *name)
{
	two t;
	snprintf(t.dir, sizeof t.dir, "%s", below("%s", name));
	EXPECT(is(ask(t.dir, KEPT), BH_CODE_COMPILED, 0));
	EXPECT(is(ask(t.dir, GONE), BH_CODE_COMPILED, 0));
	snprintf(t.kept, sizeof t.kept, "%s", entry_of(t.dir, "g51").path);
	snprintf(t.gone, sizeof t.gone, "%s", entry_of(t.dir, "g52").path);
	EXPECT(exists(beside(t.kept, ".seen")) && exists(beside(t.gone, ".seen")));
	return t;
}

static void set_back(const char *path)
{
	struct timespec then = {.tv_sec = time(NULL) - LONG_AGO_S}, times[2] = {then, then};
	EXPECT(!utimensat(AT_FDCWD, path, times, AT_SYMLINK_NOFOLLOW));
}

static uint64_t prune(const char *dir, uint64_t max_bytes, uint64_t max_age_s)
{
	uint64_t removed = 99;
	bh_cache *cache = look_into(dir);
	OK(bh_cache_prune(cache, max_bytes, max_age_s, &removed, &t_err));
	bh_cache_close(cache);
	return removed;
}

static void test_leftovers(void **state)
{
	(void)state;
	two t = fill("leftovers");
	char young[PATH_MAX], old[PATH_MAX];
	snprintf(young, sizeof young, "%.*s/.new-young", (int)(strrchr(t.kept, '/') - t.kept), t.kept);
	snprintf(old, sizeof old, "%.*s/.new-old", (int)(strrchr(t.kept, '/') - t.kept), t.kept);
	write_file(young, "half", 4);
	write_file(old, "half", 4);
	set_back(old);
	EXPECT(!unlink(t.gone));

	/* Who only looks changes nothing. */
	assert_int_equal(stats_of(t.dir).entries, 1);
	assert_true(exists(old) && exists(beside(t.gone, ".seen")));

	assert_int_equal(prune(t.dir, 0, 0), 0);
	assert_false(exists(beside(t.gone, ".seen")));
	assert_true(exists(t.kept) && exists(beside(t.kept, ".seen")));
	assert_false(exists(old));
	assert_true(exists(young));
	assert_int_equal(stats_of(t.dir).evicted, 0);
	assert_true(is(ask(t.dir, KEPT), BH_CODE_FROM_DISK, 0));
	assert_true(is(ask(t.dir, GONE), BH_CODE_COMPILED, 0));
}

/* A folder with something in it, in the place of an artifact: also root cannot unlink that. */
static void make_fast(const char *artifact)
{
	char inside[PATH_MAX];
	EXPECT(!unlink(artifact) && !mkdir(artifact, 0700));
	snprintf(inside, sizeof inside, "%.4000s/something", artifact);
	write_file(inside, "something", 9);
	set_back(artifact);
	set_back(beside(artifact, ".seen"));
}

static void test_not_removable(void **state)
{
	(void)state;
	two t = fill("fast");
	make_fast(t.kept);
	set_back(t.gone);
	set_back(beside(t.gone, ".seen"));

	assert_int_equal(prune(t.dir, 0, LONG_AGO_S / 2), 1);
	assert_true(exists(t.kept));
	assert_false(exists(t.gone) || exists(beside(t.gone, ".seen")));
	assert_int_equal(stats_of(t.dir).entries, 1);
	assert_int_equal(stats_of(t.dir).evicted, 1);
	assert_int_equal(prune(t.dir, 1, 0), 0);
	assert_int_equal(stats_of(t.dir).evicted, 1);

	assert_true(is(ask(t.dir, GONE), BH_CODE_COMPILED, 0));
	uint64_t removed = 99;
	bh_cache *cache = look_into(t.dir);
	OK(bh_cache_clear(cache, &removed, &t_err));
	bh_cache_close(cache);
	assert_int_equal(removed, 1);
	assert_true(exists(t.kept));
	assert_false(exists(t.gone));
}

/* What cannot be removed still takes its place: others go until the rest is within the bound. */
static void test_bound(void **state)
{
	(void)state;
	two t = fill("bound");
	uint64_t bytes = stats_of(t.dir).bytes;
	make_fast(t.kept);
	assert_int_equal(prune(t.dir, bytes / 2, 0), 1);
	assert_true(exists(t.kept));
	assert_false(exists(t.gone));
}

static bool count_entry(void *data, const bh_cache_entry *entry)
{
	(void)entry;
	++*(unsigned *)data;
	return true;
}

/* Damaged, and not to be removed: an error that names it, and the others go all the same. */
static void test_verify(void **state)
{
	(void)state;
	two t = fill("verify");
	unsigned shown = 0;
	make_fast(t.kept);
	EXPECT(!truncate(t.gone, 1000));
	bh_cache *cache = look_into(t.dir);
	FAILS(BH_E_IO, bh_cache_verify(cache, count_entry, &shown, &t_err));
	assert_true(t_says(t.kept) && t_says("cannot be removed"));
	assert_int_equal(shown, 1);
	assert_true(exists(t.kept) && !exists(t.gone));
	/* Again: it is still there, and still not counted. */
	FAILS(BH_E_IO, bh_cache_verify(cache, count_entry, &shown, &t_err));
	assert_int_equal(shown, 1);
	bh_cache_close(cache);
	assert_int_equal(stats_of(t.dir).corrupt, 1);
}

/* The folder of an artifact. */
static const char *folder_of(const char *artifact)
{
	static char path[PATH_MAX];
	snprintf(path, sizeof path, "%.*s", (int)(strrchr(artifact, '/') - artifact), artifact);
	return path;
}

/* Folders of engines with nothing left in them go; who has one open finds its next one. */
static void test_empty_folders(void **state)
{
	(void)state;
	two t = fill("empty");
	const char *engine = folder_of(t.kept);
	const char *old = below("empty/v1/00112233445566778899aabbccddeeff"), *other = below("empty/v1/other");
	EXPECT(!mkdir(old, 0700) && !mkdir(other, 0700));
	cached c;
	cached_open(&c, t.dir);
	bh_component_unref(load_guest(c.host, KEPT));

	assert_int_equal(prune(t.dir, 0, 0), 0);
	assert_true(!exists(old) && exists(other) && exists(engine));
	assert_int_equal(prune(t.dir, 1, 0), 2);
	assert_false(exists(engine));

	/* One that has it open puts the next one where others find it, and finds what others put there. */
	bh_component_unref(load_guest(c.host, GONE));
	assert_true(is(ask(t.dir, GONE), BH_CODE_FROM_DISK, 0));
	assert_int_equal(prune(t.dir, 1, 0), 1);
	assert_true(is(ask(t.dir, GONE + 1), BH_CODE_COMPILED, 0));
	assert_true(is(answer_of(&c, load_guest(c.host, GONE + 1), GONE + 1), BH_CODE_FROM_DISK, 0));
}

static int leave(void **state)
{
	(void)state;
	work_end();
	return 0;
}

static int enter(void **state)
{
	(void)state;
	work_begin();
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_leftovers), cmocka_unit_test(test_not_removable), cmocka_unit_test(test_bound),
		cmocka_unit_test(test_verify),    cmocka_unit_test(test_empty_folders),
	};
	return cmocka_run_group_tests(tests, enter, leave);
}
