// test: timeout=120
/*
 * The compile cache between processes: killed while they publish, and while others prune and clear what they use.
 * PUBLISHES children are killed while they publish.
 */
#include <sys/mman.h>
#include <time.h>

#include "cache_children.h"

#ifndef PUBLISHES
#define PUBLISHES 50
#define LOADS 150 /* while a folder is looked after */
#endif

/* Publishers and readers: see below. They share the number of the first guest that is of interest now. */

enum { WINDOW = 8 };

typedef struct {
	_Atomic unsigned first, published;
	_Atomic bool stop;
} board;

static board *open_board(const char *dir)
{
	char path[PATH_MAX];
	snprintf(path, sizeof path, "%.4000s-board", dir);
	int fd = open(path, O_RDWR | O_CREAT, 0600);
	EXPECT(fd >= 0 && !ftruncate(fd, sizeof(board)));
	board *b = mmap(NULL, sizeof *b, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	EXPECT(b != MAP_FAILED);
	close(fd);
	return b;
}

/* Publishes guests that nobody has compiled, until it is killed. */
static int play_publisher(const char *dir)
{
	board *b = open_board(dir);
	while (!atomic_load(&b->stop)) {
		unsigned number = atomic_fetch_add(&b->first, 1) + WINDOW;
		outcome found = ask(dir, number);
		EXPECT(!found.warnings);
		if (found.origin == BH_CODE_COMPILED)
			atomic_fetch_add(&b->published, 1);
	}
	return 0;
}

/* Loads what is being published, always. */
static int play_reader(const char *dir)
{
	board *b = open_board(dir);
	unsigned random = (unsigned)getpid();
	pid_t parent = getppid();
	while (!atomic_load(&b->stop) && getppid() == parent) {
		random = random * 1103515245 + 12345;
		unsigned number = atomic_load(&b->first) + (random >> 16) % (WINDOW + 2);
		EXPECT(!ask(dir, number).warnings);
	}
	return 0;
}

/* Looks after the folder all the while: checks it, and makes it small. What it finds damaged would be made up. */
static int play_verifier(const char *dir)
{
	board *b = open_board(dir);
	while (!atomic_load(&b->stop)) {
		bh_cache *cache = look_into(dir);
		OK(bh_cache_verify(cache, NULL, NULL, &t_err));
		bh_cache_close(cache);
	}
	return 0;
}

static int play_pruner(const char *dir)
{
	board *b = open_board(dir);
	while (!atomic_load(&b->stop)) {
		bh_cache *cache = look_into(dir);
		OK(bh_cache_prune(cache, BH_KIB(256), 0, NULL, &t_err));
		bh_cache_close(cache);
		t_sleep_ms(5);
	}
	return 0;
}

/* Leaves nothing: with the last entry its folder goes. Whoever is about to put something there makes it again. */
static int play_emptier(const char *dir)
{
	board *b = open_board(dir);
	while (!atomic_load(&b->stop)) {
		bh_cache *cache = look_into(dir);
		OK(bh_cache_prune(cache, 1, 0, NULL, &t_err));
		bh_cache_close(cache);
	}
	return 0;
}

static int play_clearer(const char *dir)
{
	board *b = open_board(dir);
	while (!atomic_load(&b->stop)) {
		bh_cache *cache = look_into(dir);
		OK(bh_cache_clear(cache, NULL, &t_err));
		bh_cache_close(cache);
		t_sleep_ms(5);
	}
	return 0;
}

/* The same as a publisher, where what it writes may be taken away below it. */
static int play_loader(const char *dir)
{
	board *b = open_board(dir);
	while (!atomic_load(&b->stop)) {
		ask(dir, atomic_fetch_add(&b->first, 1) % 32);
		atomic_fetch_add(&b->published, 1);
	}
	return 0;
}

/* One host for all of it, which keeps the folder open, and nothing in memory. It never has anything to complain of. */
static int play_resident(const char *dir)
{
	board *b = open_board(dir);
	cached c;
	bh_cache_options cache = cache_in(dir);
	cache.memory_entries = 1;
	cached_open_with(&c, &cache, BH_PROFILE_PRODUCTION);
	while (!atomic_load(&b->stop)) {
		unsigned answer = atomic_fetch_add(&b->first, 1) % 32;
		bh_component *component = load_guest(c.host, answer);
		EXPECT(t_number(component, "answer", "") == answer);
		bh_component_unref(component);
		atomic_fetch_add(&b->published, 1);
	}
	if (atomic_load(&c.warnings))
		fprintf(stderr, "a resident warned: %s\n", c.last);
	EXPECT(!cached_close(&c));
	return 0;
}

static const part parts[] = {
	{"known", play_known},       {"publisher", play_publisher}, {"reader", play_reader},
	{"verifier", play_verifier}, {"pruner", play_pruner},       {"clearer", play_clearer},
	{"loader", play_loader},     {"emptier", play_emptier},     {"resident", play_resident},
};

/* Children that are killed at any moment, beside others who want the same. */

enum { READERS = 8, PUBLISHERS = 2 };

static unsigned dice(unsigned sides)
{
	static unsigned state = 12345;
	state = state * 1103515245 + 12345;
	return (state >> 16) % sides;
}

static unsigned count_files(const char *folder, const char *begin)
{
	DIR *dir = opendir(folder);
	unsigned count = 0;
	EXPECT(dir);
	for (const struct dirent *entry; (entry = readdir(dir));)
		count += !strncmp(entry->d_name, begin, strlen(begin));
	closedir(dir);
	return count;
}

/* `once_ms`: what a start and a guest take here. */
static void kill_publishers(const char *dir, board *b, unsigned once_ms, unsigned *kills)
{
	pid_t publishers[PUBLISHERS] = {0};
	double end = t_now_ms() + 4e5;
	while (atomic_load(&b->published) < PUBLISHES) {
		EXPECT(t_now_ms() < end);
		for (int i = 0; i < PUBLISHERS; i++)
			publishers[i] = start("publisher", dir, false);
		/* Up to what a few guests take. */
		for (int i = 0; i < PUBLISHERS; i++) {
			t_sleep_ms(once_ms / 2 + dice(2 * once_ms));
			EXPECT(!kill(publishers[i], SIGKILL));
			assert_int_equal(end_of(publishers[i]), 1000 + SIGKILL);
			++*kills;
		}
	}
}

static void set_back(const char *folder, time_t seconds)
{
	DIR *dir = opendir(folder);
	struct timespec times[2] = {{.tv_sec = seconds}, {.tv_sec = seconds}};
	EXPECT(dir);
	for (const struct dirent *entry; (entry = readdir(dir));)
		if (!strncmp(entry->d_name, ".new-", 5))
			EXPECT(!utimensat(dirfd(dir), entry->d_name, times, AT_SYMLINK_NOFOLLOW));
	closedir(dir);
}

static void test_killed_while_publishing(void **state)
{
	(void)state;
	char dir[PATH_MAX], engine[PATH_MAX];
	pid_t readers[READERS];
	unsigned kills = 0;
	snprintf(dir, sizeof dir, "%s", below("killed"));
	double begin = t_now_ms();
	snprintf(engine, sizeof engine, "%s", cache_of(dir, false));
	unsigned once_ms = 1 + (unsigned)(t_now_ms() - begin);
	board *b = open_board(dir);
	for (int i = 0; i < READERS; i++)
		readers[i] = start("reader", dir, false);
	/* One is stopped at some moment, and for good: nobody waits for it. */
	pid_t stopped = start("publisher", dir, false);
	t_sleep_ms(30 + dice(30));
	EXPECT(!kill(stopped, SIGSTOP));
	begin = t_now_ms();
	kill_publishers(dir, b, once_ms, &kills);
	atomic_store(&b->stop, true);
	for (int i = 0; i < READERS; i++)
		assert_int_equal(end_of(readers[i]), 0);
	EXPECT(!kill(stopped, SIGKILL));
	assert_int_equal(end_of(stopped), 1000 + SIGKILL);
	unsigned left = count_files(engine, ".new-");
	print_message("%u published, %u killed, %u files half-written, %.1f s\n", atomic_load(&b->published), kills, left,
	              (t_now_ms() - begin) / 1e3);
	/* All that is there is whole; what was left half-written goes once it is old. */
	bh_cache *cache = look_into(dir);
	bh_cache_stats before = stats_of(dir);
	assert_true(before.entries >= PUBLISHES);
	assert_int_equal(before.corrupt, 0);
	OK(bh_cache_verify(cache, NULL, NULL, &t_err));
	OK(bh_cache_prune(cache, 0, 0, NULL, &t_err));
	assert_int_equal(count_files(engine, ".new-"), left);
	set_back(engine, time(NULL) - 2 * 60 * 60);
	OK(bh_cache_prune(cache, 0, 0, NULL, &t_err));
	assert_int_equal(count_files(engine, ".new-"), 0);
	bh_cache_close(cache);
	assert_int_equal(stats_of(dir).entries, before.entries);
	assert_int_equal(stats_of(dir).corrupt, 0);
	munmap(b, sizeof *b);
}

/* Folders that are looked after while they are used: no load fails, and nothing whole is called damaged. */
static void swept_by(const char *sweeper, const char *loader)
{
	enum { LOADERS = 3 };
	char dir[PATH_MAX];
	pid_t children[LOADERS + 2];
	snprintf(dir, sizeof dir, "%s", below("swept-%s", sweeper));
	cache_of(dir, false);
	board *b = open_board(dir);
	for (int i = 0; i < LOADERS; i++)
		children[i] = start(loader, dir, false);
	children[LOADERS] = start("verifier", dir, false);
	children[LOADERS + 1] = start(sweeper, dir, false);
	double end = t_now_ms() + 60000;
	while (atomic_load(&b->published) < LOADS && t_now_ms() < end)
		t_sleep_ms(20);
	atomic_store(&b->stop, true);
	for (int i = 0; i < LOADERS + 2; i++)
		assert_int_equal(end_of(children[i]), 0);
	assert_true(atomic_load(&b->published) >= LOADS);
	assert_int_equal(stats_of(dir).corrupt, 0);
	munmap(b, sizeof *b);
}

static void test_swept_while_used(void **state)
{
	(void)state;
	swept_by("pruner", "loader");
}

static void test_emptied_while_used(void **state)
{
	(void)state;
	swept_by("emptier", "resident");
}

/* Counters go with the rest: what was found damaged is only known since then. */
static void test_cleared_while_used(void **state)
{
	(void)state;
	swept_by("clearer", "loader");
}

int main(int argc, char **argv)
{
	if (argc == 4)
		return play(parts, sizeof parts / sizeof *parts, argv);
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_killed_while_publishing),
		cmocka_unit_test(test_swept_while_used),
		cmocka_unit_test(test_emptied_while_used),
		cmocka_unit_test(test_cleared_while_used),
	};
	return cmocka_run_group_tests(tests, work_set_up, work_tear_down);
}
