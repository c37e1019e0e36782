// test: timeout=120
/*
 * Bundles where memory, the disk or the place for what they hold is missing: the words for it are about that, what was
 * taken is counted, and the folder stays within its bounds.
 */
#include <sys/syscall.h>

#include "../api/cache_tools.h"
#include "base/alloc.h"
#include "cache/cache.h"

enum { FIRST = 61, ENTRIES = 3 };

/* In the place of libc's: at most so many bytes at once, and the nth from now on fails. */
static size_t most_at_once;
static unsigned fail_at, reads;

ssize_t pread(int fd, void *out, size_t length, off_t at)
{
	if (fail_at && ++reads == fail_at) {
		errno = EIO;
		return -1;
	}
	if (most_at_once && length > most_at_once)
		length = most_at_once;
	return (ssize_t)syscall(SYS_pread64, fd, out, length, at);
}

static uint8_t public_key[BH_PUBLIC_KEY], secret_key[BH_SECRET_KEY];
static char filled[PATH_MAX], bundle[PATH_MAX];
static uint64_t filled_bytes;

static bh_cache *open_with(const char *dir, uint64_t max_bytes)
{
	bh_cache_options options = cache_in(dir);
	bh_cache *cache = NULL;
	options.max_bytes = max_bytes;
	OK(bh_cache_open(&cache, &options, &t_err));
	return cache;
}

static void test_short_reads(void **state)
{
	(void)state;
	uint64_t count = 77;
	bh_cache *from = look_into(filled), *to = look_into(fresh());
	const char *again = below("again.bundle");
	most_at_once = 1000;
	OK(bh_cache_export(from, again, secret_key, &count, &t_err));
	assert_int_equal(count, ENTRIES);
	OK(bh_cache_import(to, again, public_key, &count, &t_err));
	assert_int_equal(count, ENTRIES);
	most_at_once = 0;
	assert_int_equal(stats_of(bh_cache_dir(to)).bytes, filled_bytes);
	bh_cache_close(from);
	bh_cache_close(to);
}

/* Every read fails once: it is never said that the bundle is none. */
static void test_reads_fail(void **state)
{
	(void)state;
	unsigned failed = 0;
	for (unsigned nth = 1;; nth++) {
		uint64_t count = 77;
		bh_cache *cache = look_into(fresh());
		t_begin();
		reads = 0;
		fail_at = nth;
		bh_status status = bh_cache_import(cache, bundle, public_key, &count, &t_err);
		bool reached = reads >= nth;
		fail_at = 0;
		/* Reading the counters may fail, too, and is no matter. */
		assert_true(status == BH_OK || (status == BH_E_IO && t_says("Input/output error")));
		failed += status != BH_OK;
		assert_int_equal(stats_of(bh_cache_dir(cache)).entries, count);
		assert_true(status || count == ENTRIES);
		bh_cache_close(cache);
		if (!reached)
			break;
	}
	assert_true(failed > 3 * ENTRIES);
}

static bool faults_work(void)
{
	bh_alloc_fail_at(0, false);
	bh_free(bh_alloc(1));
	return bh_alloc_count() == 1;
}

static void test_no_memory(void **state)
{
	(void)state;
	if (!faults_work())
		skip();
	for (int sticky = 0; sticky < 2; sticky++)
		for (uint64_t nth = 1;; nth++) {
			uint64_t in = 77, out = 77;
			bh_cache *from = look_into(filled), *to = look_into(fresh());
			t_begin();
			bh_alloc_fail_at(nth, sticky);
			bh_status exported = bh_cache_export(from, below("starved.bundle"), secret_key, &out, &t_err);
			bool reached = bh_alloc_count() >= nth;
			bh_alloc_fail_at(0, false);
			assert_true(exported == BH_E_NO_MEMORY || (exported == BH_OK && out == ENTRIES));
			t_begin();
			bh_alloc_fail_at(nth, sticky);
			bh_status imported = bh_cache_import(to, bundle, public_key, &in, &t_err);
			reached |= bh_alloc_count() >= nth;
			bh_alloc_fail_at(0, false);
			t_begin();
			assert_true(imported == BH_E_NO_MEMORY || (imported == BH_OK && in == ENTRIES));
			assert_int_equal(stats_of(bh_cache_dir(to)).entries, in);
			bh_cache_close(from);
			bh_cache_close(to);
			if (!reached)
				break;
		}
}

/* A folder in the place of an artifact, in a cache of its own. */
static const char *blocked_at(unsigned answer)
{
	char name[20], path[PATH_MAX];
	const char *dir = fresh();
	snprintf(name, sizeof name, "g%u", answer);
	wanted_entry entry = entry_of(filled, name);
	bh_cache_close(look_into(dir));
	snprintf(path, sizeof path, "%s%s", dir, entry.path + strlen(filled));
	*strrchr(path, '/') = '\0';
	EXPECT(!mkdir(path, 0700));
	snprintf(path, sizeof path, "%s%s", dir, entry.path + strlen(filled));
	EXPECT(!mkdir(path, 0700));
	write_file(below("%s/%s", path + strlen(work) + 1, "something"), "something", 9);
	return dir;
}

/* What the cache has written since it was last gone through, and when that was. */
static void read_counters(bh_cache *cache, uint64_t *written, uint64_t *swept_s)
{
	uint64_t values[BH_COUNTER_COUNT];
	assert_true(bh_counters_flush(&cache->counters, cache->folder, values));
	*written = values[BH_COUNTER_written];
	*swept_s = values[BH_COUNTER_swept_s];
}

static void test_taken_in_part(void **state)
{
	(void)state;
	uint64_t taken = 0, written, swept_s;
	for (unsigned i = 0; i < ENTRIES; i++) {
		uint64_t count = 77;
		bh_cache *cache = look_into(blocked_at(FIRST + i));
		bh_counters_swept(&cache->counters, cache->folder);
		FAILS(BH_E_IO, bh_cache_import(cache, bundle, public_key, &count, &t_err));
		assert_true(t_says(bh_cache_dir(cache)));
		assert_true(count < ENTRIES);
		assert_int_equal(stats_of(bh_cache_dir(cache)).entries, count + 1);
		/* What stays is counted for the next sweep. */
		read_counters(cache, &written, &swept_s);
		assert_int_equal(written > 0, count > 0);
		taken += count;
		bh_cache_close(cache);
	}
	/* Each is at another place in the bundle: after none, one and two others. */
	assert_int_equal(taken, 0 + 1 + 2);
}

static void test_swept(void **state)
{
	(void)state;
	uint64_t count = 77, written, swept_s;
	char dir[300];
	snprintf(dir, sizeof dir, "%s", fresh());
	bh_cache *cache = open_with(dir, filled_bytes / 2);
	OK(bh_cache_import(cache, bundle, public_key, &count, &t_err));
	assert_int_equal(count, ENTRIES);
	assert_int_equal(stats_of(dir).entries, ENTRIES / 2);
	assert_true(stats_of(dir).bytes <= filled_bytes / 2);
	read_counters(cache, &written, &swept_s);
	assert_int_equal(written, 0);
	assert_true(swept_s > 0);
	bh_cache_close(cache);
}

static void test_arguments(void **state)
{
	(void)state;
	bh_cache *cache = look_into(filled);
	FAILS(BH_E_INVALID, bh_cache_import(cache, bundle, NULL, NULL, &t_err));
	FAILS(BH_E_INVALID, bh_cache_import(cache, NULL, public_key, NULL, &t_err));
	FAILS(BH_E_INVALID, bh_cache_export(cache, bundle, NULL, NULL, &t_err));
	FAILS(BH_E_INVALID, bh_cache_export(cache, NULL, secret_key, NULL, &t_err));
	FAILS(BH_E_NOT_FOUND, bh_cache_import(cache, below("none"), public_key, NULL, &t_err));
	FAILS(BH_E_NOT_FOUND, bh_cache_import(cache, "/dev/null/none", public_key, NULL, &t_err));
	FAILS(BH_E_IO, bh_cache_import(cache, work, public_key, NULL, &t_err));
	bh_cache_close(cache);
}

static int set_up(void **state)
{
	int failed = work_set_up(state);
	uint64_t count = 0;
	OK(bh_keys_generate(public_key, secret_key, &t_err));
	snprintf(filled, sizeof filled, "%s", below("filled"));
	snprintf(bundle, sizeof bundle, "%s", below("all.bundle"));
	for (unsigned i = 0; i < ENTRIES; i++)
		ask(filled, FIRST + i);
	filled_bytes = stats_of(filled).bytes;
	bh_cache *cache = look_into(filled);
	OK(bh_cache_export(cache, bundle, secret_key, &count, &t_err));
	bh_cache_close(cache);
	return failed || count != ENTRIES;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_short_reads),   cmocka_unit_test(test_reads_fail), cmocka_unit_test(test_no_memory),
		cmocka_unit_test(test_taken_in_part), cmocka_unit_test(test_swept),      cmocka_unit_test(test_arguments),
	};
	return cmocka_run_group_tests(tests, set_up, work_tear_down);
}
