// test: timeout=300 cost=18
/*
 * Each hostile file in a process of its own: it survives, ends as guests/hostile says, in little time and memory.
 * With arguments: feeds those files instead, and says what came of it.
 */
#include <dirent.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "feed.h"

/* What one input may cost the host, with others running beside it. Most take milliseconds and 20 MiB. */
enum { MAX_SECONDS = 60, MAX_MIB = 800 };

/* Files that take seconds of a processor each: for the slow test alone. Each has a smaller one beside it, which is not. */
#ifndef HEAVY_TOO
#define HEAVY_TOO false
#endif
static const char *const heavy[] = {"core-functions-100000.wasm", "core-types-10000.wasm",
                                    "import-functions-500000.wasm"};
enum { HEAVY = sizeof heavy / sizeof *heavy };
static size_t heavy_seen;

static bool verbose;

typedef struct {
	int wait_status;
	double seconds;
	long mib;
	feed_result result;
} verdict;

static bh_host *make_host(bh_allocation allocation)
{
	bh_host_options options = BH_HOST_OPTIONS_INIT;
	bh_host *host = NULL;
	options.allocation = allocation;
	options.pool_slots = 8;
	if (bh_host_new(&host, &options, NULL))
		abort();
	return host;
}

static double now(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static feed_result feed_to(bh_allocation allocation, const char *path, bool wrap)
{
	size_t length = 0;
	unsigned char *bytes = feed_read(path, &length);
	if (!bytes)
		_exit(97);
	feed_name(MAX_SECONDS, "%s%s", path, wrap ? ", wrapped" : "");
	bh_host *host = make_host(allocation);
	feed_result result = feed(host, bytes, length, wrap);
	bh_host_free(host);
	feed_done();
	free(bytes);
	return result;
}

/* In the child: as a component on demand; from a pool, with modules wrapped, where that was quick. */
static feed_result feed_both_ways(const char *path)
{
	double start = now();
	feed_result result = feed_to(BH_ALLOCATION_ON_DEMAND, path, false);
	if (now() - start > 1)
		return result;
	feed_result pooled = feed_to(BH_ALLOCATION_POOLED, path, true);
	bool timed = result.status == BH_E_TIMEOUT || pooled.status == BH_E_TIMEOUT;
	if (result.status != BH_E_NOT_A_COMPONENT && pooled.end != result.end && !timed) {
		fprintf(stderr, "%s: %d, %s\n  but pooled %d, %s\n", path, result.end, result.what, pooled.end, pooled.what);
		_exit(96);
	}
	return result;
}

static verdict try_file(const char *path)
{
	verdict v = {0};
	struct rusage usage;
	int pipes[2];
	if (pipe(pipes))
		abort();
	fflush(NULL);
	double start = now();
	pid_t child = fork();
	if (!child) {
		feed_result result = feed_both_ways(path);
		if (write(pipes[1], &result, sizeof result) != sizeof result)
			_exit(95);
		exit(0); /* not _exit: leaks are looked for here */
	}
	close(pipes[1]);
	if (read(pipes[0], &v.result, sizeof v.result) != sizeof v.result)
		v.result.end = FEED_REFUSED;
	close(pipes[0]);
	wait4(child, &v.wait_status, 0, &usage);
	v.seconds = now() - start;
	v.mib = usage.ru_maxrss / 1024;
	return v;
}

static const char *end_name(feed_end end)
{
	static const char *const names[] = {"refused", "loaded", "trapped", "ran"};
	return names[end];
}

static void tell(const char *path, const verdict *v)
{
	const char *slash = strrchr(path, '/');
	printf("%-48s %-8s %6.2f s %5ld MiB  %s\n", slash ? slash + 1 : path, end_name(v->result.end), v->seconds, v->mib,
	       v->result.what);
}

static bool is_heavy(const char *file)
{
	for (size_t i = 0; i < HEAVY; i++)
		if (!strcmp(file, heavy[i]))
			return true;
	return false;
}

static bool as_expected(const char *must, feed_end end)
{
	if (!strcmp(must, "refused"))
		return end == FEED_REFUSED;
	if (!strcmp(must, "traps"))
		return end == FEED_TRAPPED;
	if (!strcmp(must, "runs"))
		return end == FEED_RAN;
	return !strcmp(must, "any");
}

/* Returns how many things are wrong with it. */
static int judge(const char *path, const char *must)
{
	verdict v = try_file(path);
	int wrong = 0;
	if (verbose)
		tell(path, &v);
	if (v.wait_status) {
		print_error("%s: the host ended with wait status 0x%x\n", path, (unsigned)v.wait_status);
		return 1;
	}
	if (!as_expected(must, v.result.end)) {
		print_error("%s: must be %s, but %s: %s\n", path, must, end_name(v.result.end), v.result.what);
		wrong++;
	}
	if (!FEED_SANITIZED && v.mib > MAX_MIB) {
		print_error("%s: took %ld MiB\n", path, v.mib);
		wrong++;
	}
	return wrong;
}

/* All files that a generator in guests/hostile makes. */
static void test_generator(const char *generator, int least)
{
	char folder[] = "/tmp/bulkhead-hostile-XXXXXX", command[400];
	int wrong = 0, files = 0;
	size_t length = 0;
	assert_non_null(mkdtemp(folder));
	snprintf(command, sizeof command, "PYTHONDONTWRITEBYTECODE=1 python3 %s/../guests/hostile/%s %s >/dev/null",
	         BH_TEST_SOURCE_DIR, generator, folder);
	assert_int_equal(system(command), 0);
	snprintf(command, sizeof command, "%s/index.tsv", folder);
	/* Read at once: children that exit move the offset of files they share. */
	char *index = (char *)feed_read(command, &length), *rest = NULL;
	assert_true(index && length);
	index[length - 1] = '\0';
	for (char *line = strtok_r(index, "\n", &rest); line; line = strtok_r(NULL, "\n", &rest)) {
		char path[700], *must = strchr(line, '\t'), *what = must ? strchr(must + 1, '\t') : NULL;
		if (*line == '#' || !what)
			continue;
		*must = *what = '\0';
		bool heavy_one = is_heavy(line);
		heavy_seen += heavy_one;
		if (heavy_one && !HEAVY_TOO)
			continue;
		snprintf(path, sizeof path, "%s/%s", folder, line);
		wrong += judge(path, must + 1);
		files++;
	}
	free(index);
	snprintf(command, sizeof command, "rm -rf %s", folder);
	assert_int_equal(system(command), 0);
	printf("%d files\n", files);
	assert_in_range(files, least, 1000);
	assert_int_equal(wrong, 0);
}

static void test_malformed(void **state)
{
	(void)state;
	test_generator("gen.py", 100);
}

static void test_bombs(void **state)
{
	(void)state;
	test_generator("bombs.py", 50);
}

/* None of the table is left out of the generators by a change of its name. */
static void test_heavy_seen(void **state)
{
	(void)state;
	assert_int_equal(heavy_seen, HEAVY);
}

static void test_text_guests(void **state)
{
	(void)state;
	int wrong = 0, files = 0;
	DIR *folder = opendir(BH_TEST_GUESTS_DIR "/wat");
	assert_non_null(folder);
	for (struct dirent *entry; (entry = readdir(folder));) {
		char path[600];
		if (!strstr(entry->d_name, ".wat"))
			continue;
		snprintf(path, sizeof path, "%s/wat/%s", BH_TEST_GUESTS_DIR, entry->d_name);
		wrong += judge(path, "any");
		files++;
	}
	closedir(folder);
	printf("%d files\n", files);
	assert_in_range(files, 50, 1000);
	assert_int_equal(wrong, 0);
}

int main(int argc, char **argv)
{
	verbose = argc > 1;
	if (argc > 1 && strcmp(argv[1], "-v") != 0) {
		int wrong = 0;
		for (int i = 1; i < argc; i++)
			wrong += judge(argv[i], "any");
		return wrong != 0;
	}
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_malformed),
		cmocka_unit_test(test_bombs),
		cmocka_unit_test(test_heavy_seen),
		cmocka_unit_test(test_text_guests),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
