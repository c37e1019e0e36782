// test: timeout=120
/*
 * The compile cache between processes: without rights, without space, without a place, killed while writing, and
 * with ten thousand entries. PUBLISHES children are killed while they publish.
 */
#include <sched.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>

#include "cache_tools.h"

#ifndef PUBLISHES
#define PUBLISHES 100
#endif

enum { ANSWER = 41, OTHER = 42, NOBODY = 65534, CANNOT = 77, TELLS = 100 };

/* Parts that children play: `program PART FOLDER`. Their exit status tells what became of it. */

static int tell(outcome found)
{
	return TELLS + 10 * (int)found.warnings + (int)found.origin;
}

/* A guest that is new, and again with another host. */
static int play_plain(const char *dir)
{
	outcome new = ask(dir, OTHER);
	outcome again = ask(dir, OTHER);
	EXPECT(new.origin == BH_CODE_COMPILED);
	return tell(again);
}

static int play_known(const char *dir)
{
	return tell(ask(dir, ANSWER));
}

static int play_private(const char *dir)
{
	struct stat info;
	int code = play_plain(dir);
	EXPECT(!stat(dir, &info) && (info.st_mode & 0777) == 0700 && info.st_uid == geteuid());
	return code;
}

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

/* Publishers and readers: see below. They share the number of the first guest that is of interest now. */

enum { WINDOW = 8, PER_PUBLISHER = 40 };

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

static const struct {
	const char *name;
	int (*play)(const char *dir);
} parts[] = {
	{"plain", play_plain},
	{"known", play_known},
	{"private", play_private},
	{"file-size", play_file_size},
	{"file-size-signal", play_file_size_signal},
	{"full", play_full},
	{"full-of-names", play_full_of_names},
	{"filled", play_filled},
	{"read-only", play_read_only},
	{"read-only-empty", play_read_only_empty},
	{"homeless", play_homeless},
	{"off", play_off},
	{"descriptors", play_descriptors},
	{"publisher", play_publisher},
	{"reader", play_reader},
	{"verifier", play_verifier},
	{"pruner", play_pruner},
	{"clearer", play_clearer},
	{"loader", play_loader},
};

static int play(const char *name, const char *dir, const char *user)
{
	if (*user && (setresgid(NOBODY, NOBODY, NOBODY) || setresuid(NOBODY, NOBODY, NOBODY)))
		return 1;
	prctl(PR_SET_DUMPABLE, 1); /* or a leak check at its end would fail */
	for (size_t i = 0; i < sizeof parts / sizeof *parts; i++)
		if (SAME(parts[i].name, name))
			return parts[i].play(dir);
	return 1;
}

/* `as_nobody`: root may do anything, so it has to become somebody else for a while. */
static pid_t start(const char *part, const char *dir, bool as_nobody)
{
	fflush(NULL);
	pid_t child = fork();
	EXPECT(child >= 0);
	if (child)
		return child;
	prctl(PR_SET_PDEATHSIG, SIGKILL); /* a failed test leaves nobody behind */
	execl("/proc/self/exe", "part", part, dir, as_nobody ? "nobody" : "", (char *)NULL);
	_exit(1);
}

static int end_of(pid_t child)
{
	int status = -1;
	EXPECT(waitpid(child, &status, 0) == child);
	return WIFEXITED(status) ? WEXITSTATUS(status) : 1000 + WTERMSIG(status);
}

static int in_child(const char *part, const char *dir, bool as_nobody)
{
	return end_of(start(part, dir, as_nobody));
}

enum {
	COMPILED = TELLS + BH_CODE_COMPILED,
	COMPILED_AND_WARNED = COMPILED + 10,
	FROM_DISK = TELLS + BH_CODE_FROM_DISK,
};

/* A cache of theirs with the guest ANSWER in it; the path of its artifact. */
static const char *cache_of(const char *dir, bool nobody)
{
	static char path[PATH_MAX];
	EXPECT(!mkdir(dir, 0700) && (!nobody || !chown(dir, NOBODY, NOBODY)));
	assert_int_equal(in_child("known", dir, nobody), COMPILED);
	/* The cache would not be opened for root, who is another user: the folder is looked for by hand. */
	char v1[PATH_MAX];
	snprintf(v1, sizeof v1, "%.1000s/v1", dir);
	DIR *folders = opendir(v1);
	for (const struct dirent *entry; (entry = readdir(folders));)
		if (strlen(entry->d_name) == 32)
			snprintf(path, sizeof path, "%.2000s/%.255s", v1, entry->d_name);
	closedir(folders);
	return path;
}

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

/* What needs a file system of its own says so where that is not allowed. */
static void on_a_file_system(const char *part, int wanted)
{
	int got = in_child(part, below("%s", part), false);
	if (got == CANNOT)
		print_message("%s: not tested, for this process may not mount a tmpfs\n", part);
	else if (got != wanted)
		print_error("%s: ended with %d, expected %d\n", part, got, wanted);
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

static void test_no_descriptors(void **state)
{
	(void)state;
	assert_int_equal(in_child("descriptors", below("descriptors"), false), FROM_DISK);
}

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

static void kill_publishers(const char *dir, board *b, unsigned *kills)
{
	pid_t publishers[PUBLISHERS] = {0};
	double end = t_now_ms() + 4e5;
	while (atomic_load(&b->published) < PUBLISHES) {
		EXPECT(t_now_ms() < end);
		for (int i = 0; i < PUBLISHERS; i++)
			publishers[i] = start("publisher", dir, false);
		/* Up to what a few guests take; a start costs about 10 ms, with sanitizers more. */
		for (int i = 0; i < PUBLISHERS; i++) {
			t_sleep_ms((10 + dice(60)) * (unsigned)(t_slack() / 5));
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
	snprintf(engine, sizeof engine, "%s", cache_of(dir, false));
	board *b = open_board(dir);
	for (int i = 0; i < READERS; i++)
		readers[i] = start("reader", dir, false);
	/* One is stopped at some moment, and for good: nobody waits for it. */
	pid_t stopped = start("publisher", dir, false);
	t_sleep_ms(30 + dice(30));
	EXPECT(!kill(stopped, SIGSTOP));
	double begin = t_now_ms();
	kill_publishers(dir, b, &kills);
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
static void swept_by(const char *sweeper)
{
	enum { LOADERS = 3, LOADS = 300 };
	char dir[PATH_MAX];
	pid_t children[LOADERS + 2];
	snprintf(dir, sizeof dir, "%s", below("swept-%s", sweeper));
	cache_of(dir, false);
	board *b = open_board(dir);
	for (int i = 0; i < LOADERS; i++)
		children[i] = start("loader", dir, false);
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
	swept_by("pruner");
}

/* Counters go with the rest: what was found damaged is only known since then. */
static void test_cleared_while_used(void **state)
{
	(void)state;
	swept_by("clearer");
}

/* Ten thousand entries: names for one file, each with a time of its own. */

enum { ENTRIES = 10000, STAY = 100 };

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

static bool count_entries(void *data, const bh_cache_entry *entry)
{
	unsigned *counts = data; /* all, those of known names, the bytes' sum in KiB */
	counts[0]++;
	counts[1] += SAME(entry->name, "g41") && entry->current;
	return counts[0] < counts[2];
}

static void test_ten_thousand_entries(void **state)
{
	(void)state;
	char dir[PATH_MAX], engine[PATH_MAX], name[100];
	struct stat info;
	snprintf(dir, sizeof dir, "%s", below("many"));
	snprintf(engine, sizeof engine, "%s", cache_of(dir, false));
	wanted_entry entry = entry_of(dir, "g41");
	EXPECT(!stat(entry.path, &info));
	int folder = open(engine, O_RDONLY | O_DIRECTORY);
	EXPECT(folder >= 0);
	time_t start_s = time(NULL) - 4 * ENTRIES;
	struct timespec old[2] = {{.tv_sec = start_s}, {.tv_sec = start_s}};
	char first[100];
	for (unsigned i = 0; i < ENTRIES; i++) {
		/* A file has 65,000 names at most on some file systems; a new one now and then is no matter. */
		name_of(name, i, ".cwasm");
		EXPECT(!linkat(AT_FDCWD, entry.path, folder, name, 0));
		name_of(name, i, ".seen");
		touch(folder, name, start_s + 2 + i * 3);
	}
	/* One that is mapped, and was used before all others. */
	cached c;
	cached_open(&c, dir);
	bh_component *held = load_guest(c.host, ANSWER);
	EXPECT(origin_of(held) == BH_CODE_FROM_DISK);
	bh_instance *instance = t_instance(held);
	snprintf(first, sizeof first, "%s.seen", entry.source);
	touch(folder, first, start_s + 1);
	EXPECT(!utimensat(AT_FDCWD, entry.path, old, 0));

	double begin = t_now_ms();
	EXPECT(is(ask(dir, OTHER), BH_CODE_COMPILED, 0));
	EXPECT(is(ask(dir, OTHER), BH_CODE_FROM_DISK, 0));
	double loaded = t_now_ms();
	bh_cache *cache = look_into(dir);
	bh_cache_stats stats = BH_CACHE_STATS_INIT;
	OK(bh_cache_stats_read(cache, &stats, &t_err));
	assert_int_equal(stats.entries, ENTRIES + 2);
	uint64_t each = (uint64_t)info.st_size, other = stats.bytes - (ENTRIES + 1) * each;
	double counted = t_now_ms();
	unsigned counts[3] = {0, 0, UINT_MAX}, some[3] = {0, 0, 10};
	OK(bh_cache_list(cache, count_entries, counts, &t_err));
	assert_int_equal(counts[0], ENTRIES + 2);
	assert_int_equal(counts[1], ENTRIES + 1);
	OK(bh_cache_list(cache, count_entries, some, &t_err));
	assert_int_equal(some[0], 10);
	double listed = t_now_ms();
	uint64_t removed = 0;
	OK(bh_cache_prune(cache, STAY * each + other, 0, &removed, &t_err));
	print_message("with %d entries: loads %.0f ms, stats %.0f ms, list %.0f ms, prune %.0f ms\n", ENTRIES,
	              loaded - begin, counted - loaded, listed - counted, t_now_ms() - listed);
	assert_int_equal(removed, ENTRIES + 1 - STAY);

	/* The last ones stayed, and what goes with the others went with them. */
	for (unsigned i = 0; i < ENTRIES; i++)
		for (int seen = 0; seen < 2; seen++) {
			name_of(name, i, seen ? ".seen" : ".cwasm");
			EXPECT((faccessat(folder, name, F_OK, 0) == 0) == (i >= ENTRIES - STAY));
		}
	EXPECT(!exists(entry.path));
	assert_int_equal(t_number_live(instance, held, "answer", ""), ANSWER);
	assert_int_equal(t_number(held, "answer", ""), ANSWER);
	bh_instance_free(instance);
	bh_component_unref(held);
	assert_int_equal(cached_close(&c), 0);
	EXPECT(is(ask(dir, OTHER), BH_CODE_FROM_DISK, 0));
	EXPECT(is(ask(dir, ANSWER), BH_CODE_COMPILED, 0));
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
	assert_int_equal(stats_of(dir).entries, 0);
	EXPECT(is(ask(dir, ANSWER), BH_CODE_COMPILED, 0));
	close(folder);
}

static int set_up(void **state)
{
	(void)state;
	work_begin();
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	work_end();
	return 0;
}

int main(int argc, char **argv)
{
	if (argc == 4)
		return play(argv[1], argv[2], argv[3]);
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_no_permission),
		cmocka_unit_test(test_of_another_user),
		cmocka_unit_test(test_no_space),
		cmocka_unit_test(test_file_size_limit),
		cmocka_unit_test(test_read_only),
		cmocka_unit_test(test_no_home),
		cmocka_unit_test(test_off),
		cmocka_unit_test(test_no_descriptors),
		cmocka_unit_test(test_ten_thousand_entries),
		cmocka_unit_test(test_killed_while_publishing),
		cmocka_unit_test(test_swept_while_used),
		cmocka_unit_test(test_cleared_while_used),
	};
	return cmocka_run_group_tests(tests, set_up, tear_down);
}
