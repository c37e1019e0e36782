// test: timeout=60 waits
/* The cache's folder is removed below a program that goes on: it makes another, and says nothing about it. */
#include <pthread.h>

#include "cache_tools.h"

enum { BEFORE = 71, AFTER = 72, LATER = 73, THREADS = 4, LOADS = 60 };

static bh_code_origin origin_in(bh_host *host, unsigned answer)
{
	bh_component *component = load_guest(host, answer);
	bh_code_origin origin = origin_of(component);
	EXPECT(t_number(component, "answer", "") == answer);
	bh_component_unref(component);
	return origin;
}

/* Whatever goes: the folder, what is in it, or what is in that. */
static void removed(const char *name, const char *gone)
{
	char dir[PATH_MAX], what[PATH_MAX];
	snprintf(dir, sizeof dir, "%s", below("%s/deep/cache", name));
	snprintf(what, sizeof what, "%s", below("%s/%s", name, gone));
	cached c;
	bh_cache_options cache = cache_in(dir);
	cache.memory_entries = 1; /* of all others the disk is asked */
	cached_open_with(&c, &cache, BH_PROFILE_PRODUCTION);
	assert_int_equal(origin_in(c.host, BEFORE), BH_CODE_COMPILED);
	for (int again = 0; again < 2; again++) {
		remove_all(what);
		EXPECT(!exists(what));
		assert_int_equal(origin_in(c.host, AFTER), BH_CODE_COMPILED);
		assert_int_equal(origin_in(c.host, BEFORE), BH_CODE_COMPILED);
		assert_int_equal(origin_in(c.host, AFTER), BH_CODE_FROM_DISK);
		/* Others find it, and are found. */
		assert_true(is(ask(dir, AFTER), BH_CODE_FROM_DISK, 0));
		assert_true(is(ask(dir, LATER), BH_CODE_COMPILED, 0));
		assert_int_equal(origin_in(c.host, LATER), BH_CODE_FROM_DISK);
	}
	/* Made by another before this one looks. */
	remove_all(what);
	assert_true(is(ask(dir, BEFORE), BH_CODE_COMPILED, 0));
	assert_int_equal(origin_in(c.host, BEFORE), BH_CODE_FROM_DISK);
	assert_int_equal(cached_close(&c), 0);
	struct stat info;
	EXPECT(!stat(dir, &info) && (info.st_mode & 0777) == 0700);
	assert_int_equal(stats_of(dir).corrupt, 0);
}

static void test_all_of_it(void **state)
{
	(void)state;
	removed("all", "deep");
}

static void test_version(void **state)
{
	(void)state;
	removed("version", "deep/cache/v1");
}

/* Somebody else's by then: not used, and said once. */
static void test_not_ours(void **state)
{
	(void)state;
	char dir[PATH_MAX];
	snprintf(dir, sizeof dir, "%s", below("not-ours"));
	cached c;
	cached_open(&c, dir);
	assert_int_equal(origin_in(c.host, BEFORE), BH_CODE_COMPILED);
	remove_all(dir);
	EXPECT(!mkdir(dir, 0777) && !chmod(dir, 0777));
	assert_int_equal(origin_in(c.host, AFTER), BH_CODE_COMPILED);
	assert_int_equal(origin_in(c.host, LATER), BH_CODE_COMPILED);
	assert_int_equal(cached_close(&c), 1);
	EXPECT(!rmdir(dir)); /* nothing was made in it */
}

/* It could not be had at first: said once, and used as soon as somebody has mended that. */
static void test_mended(void **state)
{
	(void)state;
	char place[PATH_MAX], dir[PATH_MAX];
	snprintf(place, sizeof place, "%s", below("mended"));
	snprintf(dir, sizeof dir, "%s", below("mended/cache"));
	write_file(place, "", 0);
	cached c;
	cached_open(&c, dir);
	assert_int_equal(origin_in(c.host, BEFORE), BH_CODE_COMPILED);
	assert_int_equal(origin_in(c.host, AFTER), BH_CODE_COMPILED);
	EXPECT(!unlink(place));
	assert_int_equal(origin_in(c.host, LATER), BH_CODE_COMPILED);
	assert_true(is(ask(dir, LATER), BH_CODE_FROM_DISK, 0));
	assert_int_equal(cached_close(&c), 1);
}

/* While threads of one host use it. */

typedef struct {
	bh_host *host;
	_Atomic unsigned next, done;
} crowd;

static void *load_many(void *data)
{
	crowd *all = data;
	for (unsigned i; (i = atomic_fetch_add(&all->next, 1)) < THREADS * LOADS;)
		origin_in(all->host, 100 + i % 16);
	atomic_fetch_add(&all->done, 1);
	t_begin();
	return NULL;
}

static void test_while_used(void **state)
{
	(void)state;
	char dir[PATH_MAX];
	pthread_t threads[THREADS];
	unsigned removals = 0;
	snprintf(dir, sizeof dir, "%s", below("used"));
	cached c;
	bh_cache_options cache = cache_in(dir);
	cache.memory_entries = 1;
	cached_open_with(&c, &cache, BH_PROFILE_PRODUCTION);
	crowd all = {.host = c.host};
	for (int i = 0; i < THREADS; i++)
		EXPECT(!pthread_create(&threads[i], NULL, load_many, &all));
	for (; atomic_load(&all.done) < THREADS; removals++) {
		remove_all(dir);
		t_sleep_ms(3);
	}
	for (int i = 0; i < THREADS; i++)
		pthread_join(threads[i], NULL);
	print_message("removed %u times\n", removals);
	assert_int_equal(origin_in(c.host, BEFORE), BH_CODE_COMPILED);
	cached_close(&c); /* a file that is removed on its way each time it is tried is complained of */
	assert_true(is(ask(dir, BEFORE), BH_CODE_FROM_DISK, 0));
	assert_int_equal(stats_of(dir).corrupt, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_all_of_it), cmocka_unit_test(test_version),    cmocka_unit_test(test_not_ours),
		cmocka_unit_test(test_mended),    cmocka_unit_test(test_while_used),
	};
	return cmocka_run_group_tests(tests, work_set_up, work_tear_down);
}
