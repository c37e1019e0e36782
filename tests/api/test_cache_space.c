// test: timeout=120 waits
/*
 * The compile cache where something is used up: space, names, the length of files, descriptors; and on a file system that
 * nobody can write to.
 */
#include <sched.h>
#include <sys/mount.h>
#include <sys/resource.h>

#include "cache_children.h"

static int play_file_size(const char *dir)
{
	struct sigaction ignore = {.sa_handler = SIG_IGN};
	sigaction(SIGXFSZ, &ignore, NULL);
	setrlimit(RLIMIT_FSIZE, &(struct rlimit){4096, 4096});
	return play_plain(dir);
}

static int play_file_size_signal(const char *dir)
{
	setrlimit(RLIMIT_FSIZE, &(struct rlimit){4096, 4096});
	return play_plain(dir);
}

static bool mount_at(const char *dir, const char *options)
{
	if (unshare(CLONE_NEWNS) || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL))
		return false;
	return (!mkdir(dir, 0700) || errno == EEXIST) && !mount("none", dir, "tmpfs", 0, options);
}

static int play_full(const char *dir)
{
	return mount_at(dir, "size=12k,mode=0700") ? play_plain(dir) : CANNOT;
}

static int play_full_of_names(const char *dir)
{
	return mount_at(dir, "nr_inodes=4,mode=0700") ? play_plain(dir) : CANNOT;
}

/* Full only when something is there already: that goes on being used. */
static int play_filled(const char *dir)
{
	char filler[PATH_MAX];
	if (!mount_at(dir, "size=1m,mode=0700"))
		return CANNOT;
	EXPECT(is(ask(dir, ANSWER), BH_CODE_COMPILED, 0));
	snprintf(filler, sizeof filler, "%.4000s/filler", dir);
	int fd = open(filler, O_WRONLY | O_CREAT, 0600);
	char page[4096] = {0};
	while (write(fd, page, sizeof page) > 0)
		;
	close(fd);
	EXPECT(is(ask(dir, ANSWER), BH_CODE_FROM_DISK, 0));
	EXPECT(is(ask(dir, OTHER), BH_CODE_COMPILED, 1));
	/* No half of a file is left. */
	unlink(filler);
	EXPECT(stats_of(dir).entries == 1);
	EXPECT(is(ask(dir, OTHER), BH_CODE_COMPILED, 0));
	return tell(ask(dir, OTHER));
}

static int play_read_only(const char *dir)
{
	char source[PATH_MAX];
	snprintf(source, sizeof source, "%.4000s-source.wat", dir);
	write_guest(source, ANSWER);
	if (!mount_at(dir, "size=8m,mode=0700"))
		return CANNOT;
	EXPECT(is(ask(dir, ANSWER), BH_CODE_COMPILED, 0));
	EXPECT(!mount(NULL, dir, NULL, MS_REMOUNT | MS_RDONLY, NULL));
	EXPECT(is(ask(dir, ANSWER), BH_CODE_FROM_DISK, 0));
	EXPECT(is(ask(dir, OTHER), BH_CODE_COMPILED, 1));
	/* A file that would be noted. */
	t_sleep_ms(3100);
	EXPECT(ask_file(dir, source, ANSWER).origin == BH_CODE_FROM_DISK);
	EXPECT(stats_of(dir).entries == 1);
	/* Damage that nobody can mend, at each load anew. */
	wanted_entry entry = entry_of(dir, "g41");
	EXPECT(!mount(NULL, dir, NULL, MS_REMOUNT, NULL));
	EXPECT(!truncate(entry.path, 1000));
	EXPECT(!mount(NULL, dir, NULL, MS_REMOUNT | MS_RDONLY, NULL));
	EXPECT(is(ask(dir, ANSWER), BH_CODE_COMPILED, 1));
	return tell(ask(dir, ANSWER));
}

static int play_read_only_empty(const char *dir)
{
	if (!mount_at(dir, "size=8m,mode=0700"))
		return CANNOT;
	EXPECT(!mount(NULL, dir, NULL, MS_REMOUNT | MS_RDONLY, NULL));
	return play_plain(dir);
}

/* A last descriptor is left for the folder, none for the file in it. */
static int play_descriptors(const char *dir)
{
	EXPECT(is(ask(dir, ANSWER), BH_CODE_COMPILED, 0));
	wanted_entry entry = entry_of(dir, "g41");
	cached c;
	cached_open(&c, dir);
	bh_component_unref(load_guest(c.host, OTHER));
	int next = dup(0);
	EXPECT(next >= 0 && !close(next));
	struct rlimit few = {.rlim_cur = (rlim_t)next + 1}, before;
	getrlimit(RLIMIT_NOFILE, &before);
	few.rlim_max = before.rlim_max;
	setrlimit(RLIMIT_NOFILE, &few);
	bh_component *component = load_guest(c.host, ANSWER);
	setrlimit(RLIMIT_NOFILE, &before);
	answer_of(&c, component, ANSWER);
	EXPECT(exists(entry.path));
	EXPECT(stats_of(dir).corrupt == 0);
	return tell(ask(dir, ANSWER));
}

static const part parts[] = {
	{"known", play_known},
	{"file-size", play_file_size},
	{"file-size-signal", play_file_size_signal},
	{"full", play_full},
	{"full-of-names", play_full_of_names},
	{"filled", play_filled},
	{"read-only", play_read_only},
	{"read-only-empty", play_read_only_empty},
	{"descriptors", play_descriptors},
};

/* What needs a file system of its own says so where that is not allowed. */
static void on_a_file_system(const char *name, int wanted)
{
	int got = in_child(name, below("%s", name), false);
	if (got == CANNOT)
		print_message("%s: not tested, for this process may not mount a tmpfs\n", name);
	else if (got != wanted)
		print_error("%s: ended with %d, expected %d\n", name, got, wanted);
	assert_true(got == wanted || got == CANNOT);
}

static void test_no_space(void **state)
{
	(void)state;
	on_a_file_system("full", COMPILED_AND_WARNED);
	on_a_file_system("full-of-names", COMPILED_AND_WARNED);
	on_a_file_system("filled", FROM_DISK);
	assert_int_equal(in_child("file-size", below("file-size"), false), COMPILED_AND_WARNED);
	assert_int_equal(stats_of(below("file-size")).entries, 0);
}

static void test_file_size_limit(void **state)
{
	(void)state;
	assert_int_equal(in_child("file-size-signal", below("file-size-signal"), false), COMPILED_AND_WARNED);
}

static void test_read_only(void **state)
{
	(void)state;
	on_a_file_system("read-only", COMPILED_AND_WARNED);
	on_a_file_system("read-only-empty", COMPILED_AND_WARNED);
}

static void test_no_descriptors(void **state)
{
	(void)state;
	assert_int_equal(in_child("descriptors", below("descriptors"), false), FROM_DISK);
}

int main(int argc, char **argv)
{
	if (argc == 4)
		return play(parts, sizeof parts / sizeof *parts, argv);
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_no_space),
		cmocka_unit_test(test_file_size_limit),
		cmocka_unit_test(test_read_only),
		cmocka_unit_test(test_no_descriptors),
	};
	return cmocka_run_group_tests(tests, work_set_up, work_tear_down);
}
