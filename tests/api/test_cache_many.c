// test: timeout=120
/* Ten thousand entries: names for one file, each with a time of its own; and bounds that nothing reaches. */
#include <time.h>

#include "cache_tools.h"

enum { ANSWER = 41, OTHER = 42, ENTRIES = 10000, STAY = 100 };

static void name_of(char out[100], unsigned number, const char *end)
{
	snprintf(out, 100, "%056x%08x%s", 0, number, end);
}

static void touch(int folder, const char *name, time_t seconds)
{
	struct timespec times[2] = {{.tv_sec = seconds}, {.tv_sec = seconds}};
	int fd = openat(folder, name, O_WRONLY | O_CREAT, 0600);
	EXPECT(fd >= 0 && !futimens(fd, times));
	close(fd);
}

/* A cache with the entry of ANSWER under that many names more. */
typedef struct {
	char dir[300];
	wanted_entry entry;
	uint64_t each; /* bytes */
	int folder;    /* of the engine */
	time_t begin_s;
} crowd;

static void make_crowd(crowd *all)
{
	char engine[PATH_MAX], name[100];
	struct stat info;
	snprintf(all->dir, sizeof all->dir, "%s", below("many"));
	EXPECT(is(ask(all->dir, ANSWER), BH_CODE_COMPILED, 0));
	all->entry = entry_of(all->dir, "g41");
	EXPECT(!stat(all->entry.path, &info));
	all->each = (uint64_t)info.st_size;
	snprintf(engine, sizeof engine, "%.*s", (int)(strrchr(all->entry.path, '/') - all->entry.path), all->entry.path);
	all->folder = open(engine, O_RDONLY | O_DIRECTORY);
	EXPECT(all->folder >= 0);
	all->begin_s = time(NULL) - 4 * ENTRIES;
	for (unsigned i = 0; i < ENTRIES; i++) {
		/* A file has 65,000 names at most on some file systems; a new one now and then is no matter. */
		name_of(name, i, ".cwasm");
		EXPECT(!linkat(AT_FDCWD, all->entry.path, all->folder, name, 0));
		name_of(name, i, ".seen");
		touch(all->folder, name, all->begin_s + 2 + i * 3);
	}
}

/* One that is mapped, and was used before all others. */
static bh_component *hold(const crowd *all, cached *c)
{
	char seen[100];
	struct timespec old[2] = {{.tv_sec = all->begin_s}, {.tv_sec = all->begin_s}};
	cached_open(c, all->dir);
	bh_component *held = load_guest(c->host, ANSWER);
	EXPECT(origin_of(held) == BH_CODE_FROM_DISK);
	snprintf(seen, sizeof seen, "%s.seen", all->entry.source);
	touch(all->folder, seen, all->begin_s + 1);
	EXPECT(!utimensat(AT_FDCWD, all->entry.path, old, 0));
	return held;
}

typedef struct {
	unsigned all, known, enough;
} tally;

static bool count_entries(void *data, const bh_cache_entry *entry)
{
	tally *counts = data;
	counts->all++;
	counts->known += SAME(entry->name, "g41") && entry->current;
	return counts->all < counts->enough;
}

/* The last ones stayed, and what goes with the others went with them. */
static void check_stayed(const crowd *all)
{
	char name[100];
	for (unsigned i = 0; i < ENTRIES; i++)
		for (int seen = 0; seen < 2; seen++) {
			name_of(name, i, seen ? ".seen" : ".cwasm");
			EXPECT((faccessat(all->folder, name, F_OK, 0) == 0) == (i >= ENTRIES - STAY));
		}
	EXPECT(!exists(all->entry.path));
}

/* Looked at, listed, and all but STAY of them pruned. */
static void use_crowd(const crowd *all, bh_cache *cache)
{
	double begin = t_now_ms();
	EXPECT(is(ask(all->dir, OTHER), BH_CODE_COMPILED, 0));
	EXPECT(is(ask(all->dir, OTHER), BH_CODE_FROM_DISK, 0));
	double loaded = t_now_ms();
	bh_cache_stats stats = BH_CACHE_STATS_INIT;
	OK(bh_cache_stats_read(cache, &stats, &t_err));
	assert_int_equal(stats.entries, ENTRIES + 2);
	uint64_t other = stats.bytes - (ENTRIES + 1) * all->each, removed = 0;
	double counted = t_now_ms();
	tally counts = {.enough = UINT_MAX}, some = {.enough = 10};
	OK(bh_cache_list(cache, count_entries, &counts, &t_err));
	assert_int_equal(counts.all, ENTRIES + 2);
	assert_int_equal(counts.known, ENTRIES + 1);
	OK(bh_cache_list(cache, count_entries, &some, &t_err));
	assert_int_equal(some.all, 10);
	double listed = t_now_ms();
	OK(bh_cache_prune(cache, STAY * all->each + other, 0, &removed, &t_err));
	print_message("with %d entries: loads %.0f ms, stats %.0f ms, list %.0f ms, prune %.0f ms\n", ENTRIES,
	              loaded - begin, counted - loaded, listed - counted, t_now_ms() - listed);
	assert_int_equal(removed, ENTRIES + 1 - STAY);
}

static void test_ten_thousand_entries(void **state)
{
	(void)state;
	crowd all;
	cached c;
	make_crowd(&all);
	bh_component *held = hold(&all, &c);
	bh_instance *instance = t_instance(held);
	bh_cache *cache = look_into(all.dir);
	use_crowd(&all, cache);
	check_stayed(&all);
	assert_int_equal(t_number_live(instance, held, "answer", ""), ANSWER);
	assert_int_equal(t_number(held, "answer", ""), ANSWER);
	bh_instance_free(instance);
	bh_component_unref(held);
	assert_int_equal(cached_close(&c), 0);
	EXPECT(is(ask(all.dir, OTHER), BH_CODE_FROM_DISK, 0));
	EXPECT(is(ask(all.dir, ANSWER), BH_CODE_COMPILED, 0));
	uint64_t removed = 0;
	bh_cache_stats stats = BH_CACHE_STATS_INIT;
	OK(bh_cache_stats_read(cache, &stats, &t_err));
	assert_int_equal(stats.entries, STAY + 2);
	assert_int_equal(stats.evicted, ENTRIES + 1 - STAY);
	/* By age: all the old ones go, however little they are. */
	OK(bh_cache_prune(cache, 0, ENTRIES - 1, &removed, &t_err));
	assert_int_equal(removed, STAY);
	OK(bh_cache_clear(cache, &removed, &t_err));
	assert_int_equal(removed, 2);
	OK(bh_cache_prune(cache, 1, 1, &removed, &t_err)); /* nothing left to do */
	assert_int_equal(removed, 0);
	bh_cache_close(cache);
	assert_int_equal(stats_of(all.dir).entries, 0);
	EXPECT(is(ask(all.dir, ANSWER), BH_CODE_COMPILED, 0));
	close(all.folder);
}

/* "No limit" is a bound that nothing reaches. */
static void test_unlimited(void **state)
{
	(void)state;
	const char *dir = below("unlimited");
	bh_cache_options options = cache_in(dir);
	bh_cache *cache = NULL;
	options.max_bytes = options.max_age_s = BH_UNLIMITED;
	uint64_t removed[2] = {77, 77};
	EXPECT(is(ask(dir, ANSWER), BH_CODE_COMPILED, 0));
	OK(bh_cache_open(&cache, &options, &t_err));
	OK(bh_cache_prune(cache, 0, 0, &removed[0], &t_err));
	OK(bh_cache_prune(cache, BH_UNLIMITED, BH_UNLIMITED, &removed[1], &t_err));
	bh_cache_close(cache);
	assert_int_equal(removed[0], 0);
	assert_int_equal(removed[1], 0);
	EXPECT(is(ask(dir, ANSWER), BH_CODE_FROM_DISK, 0));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_ten_thousand_entries),
		cmocka_unit_test(test_unlimited),
	};
	return cmocka_run_group_tests(tests, work_set_up, work_tear_down);
}
