/* Files: read whole with a bound, written whole or not at all, never over another. */
#include <dirent.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/file.h"

/* The tests' working directory is a folder of their own. */
static char folder[] = "/tmp/bulkhead-test-XXXXXX";

static int enter(void **state)
{
	(void)state;
	return mkdtemp(folder) ? chdir(folder) : -1;
}

static int leave(void **state)
{
	char command[128];
	(void)state;
	snprintf(command, sizeof command, "rm -rf %s", folder);
	return chdir("/") || system(command);
}

static size_t count_files(const char *path)
{
	size_t count = 0;
	DIR *dir = opendir(path);
	assert_non_null(dir);
	while (readdir(dir))
		count++;
	closedir(dir);
	return count - 2;
}

static size_t count_descriptors(void)
{
	return count_files("/proc/self/fd");
}

static void test_round_trip(void **state)
{
	(void)state;
	static const size_t sizes[] = {0, 1, 4096, 1 << 20};
	char *data = malloc(1 << 20), *read = NULL;
	assert_non_null(data);
	for (size_t i = 0; i < 1 << 20; i++)
		data[i] = (char)(i * 7);
	size_t before = count_descriptors();
	for (size_t i = 0; i < BH_COUNT(sizes); i++) {
		size_t length = 99;
		assert_int_equal(bh_file_create("file", data, sizes[i], NULL), BH_OK);
		assert_int_equal(bh_file_read(&read, &length, "file", 1 << 20, NULL), BH_OK);
		assert_int_equal(length, sizes[i]);
		assert_memory_equal(read, data, length);
		assert_int_equal(read[length], 0);
		bh_free(read);
		assert_int_equal(count_files("."), 1);
		assert_int_equal(unlink("file"), 0);
	}
	assert_int_equal(count_descriptors(), before);
	free(data);
}

static void test_bounds(void **state)
{
	(void)state;
	char *read = NULL;
	size_t length = 99;
	bh_error *err = NULL;
	assert_int_equal(bh_file_create("ten", "0123456789", 10, NULL), BH_OK);
	assert_int_equal(bh_file_read(&read, &length, "ten", 10, NULL), BH_OK);
	bh_free(read);
	read = NULL;
	length = 99;
	assert_int_equal(bh_file_read(&read, &length, "ten", 9, &err), BH_E_IO);
	assert_string_equal(bh_error_message(err), "ten: larger than 9 bytes");
	bh_error_free(err);
	/* A file that says it is empty, and is not. */
	assert_int_equal(bh_file_read(&read, &length, "/proc/self/status", 1 << 20, NULL), BH_OK);
	assert_true(length > 100);
	bh_free(read);
	read = NULL;
	assert_int_equal(bh_file_read(&read, &length, "/proc/self/status", 50, &err), BH_E_IO);
	bh_error_free(err);
	assert_null(read);
	assert_int_equal(unlink("ten"), 0);
}

static void test_cannot_be_read(void **state)
{
	(void)state;
	char *read = NULL;
	size_t length;
	bh_error *err = NULL;
	assert_int_equal(mkfifo("fifo", 0600), 0);
	assert_int_equal(symlink("nowhere", "dangling"), 0);
	static const struct {
		const char *path;
		bh_status status;
		const char *message;
	} cases[] = {
		{"none", BH_E_NOT_FOUND, "none: no such file"},
		{"dangling", BH_E_NOT_FOUND, "dangling: no such file"},
		{"fifo/x", BH_E_NOT_FOUND, "fifo/x: no such file"},
		{"", BH_E_NOT_FOUND, ": no such file"},
		{".", BH_E_IO, ".: is a folder"},
		{"fifo", BH_E_IO, "fifo: not a regular file"},
		{"/dev/null", BH_E_IO, "/dev/null: not a regular file"},
	};
	for (size_t i = 0; i < BH_COUNT(cases); i++) {
		assert_int_equal(bh_file_read(&read, &length, cases[i].path, 100, &err), cases[i].status);
		assert_string_equal(bh_error_message(err), cases[i].message);
		bh_error_free(err);
	}
	assert_null(read);
	assert_int_equal(unlink("fifo") | unlink("dangling"), 0);
}

static void test_never_overwrites(void **state)
{
	(void)state;
	char *read = NULL;
	size_t length;
	bh_error *err = NULL;
	assert_int_equal(bh_file_create("file", "old", 3, NULL), BH_OK);
	assert_int_equal(bh_file_create("file", "new", 3, &err), BH_E_INVALID);
	assert_string_equal(bh_error_message(err), "file exists already and was left as it is");
	bh_error_free(err);
	assert_int_equal(bh_file_read(&read, &length, "file", 10, NULL), BH_OK);
	assert_string_equal(read, "old");
	bh_free(read);
	/* Nor what a link points to, nor the link. */
	assert_int_equal(symlink("elsewhere", "link"), 0);
	assert_int_equal(bh_file_create("link", "new", 3, NULL), BH_E_INVALID);
	assert_int_not_equal(access("elsewhere", F_OK), 0);
	assert_int_equal(bh_file_create("no/file", "new", 3, &err), BH_E_NOT_FOUND);
	assert_string_equal(bh_error_message(err), "no/file: no such folder");
	bh_error_free(err);
	assert_int_equal(count_files("."), 2);
	assert_int_equal(unlink("file") | unlink("link"), 0);
}

static void test_mode(void **state)
{
	struct stat info;
	(void)state;
	mode_t mask = umask(027);
	assert_int_equal(bh_file_create("file", "x", 1, NULL), BH_OK);
	umask(mask);
	assert_int_equal(stat("file", &info), 0);
	assert_int_equal(info.st_mode & 0777, 0640);
	assert_int_equal(unlink("file"), 0);
}

static void test_paths(void **state)
{
	static const char *const folders[][2] = {
		{"x", "."}, {"./x", "."}, {"a/x", "a"}, {"/x", "/"}, {"/a/x", "/a"}, {"a/b/", "a/b"}, {"", "."},
	};
	static const char *const joins[][3] = {
		{".", "x", "x"},  {".", "./x", "./x"}, {"a", "x", "a/x"},       {"a", "./x", "a/x"}, {"a", "././x", "a/x"},
		{"/", "x", "/x"}, {"a", "/x", "/x"},   {"a", "../x", "a/../x"}, {"a/", "x", "a/x"},  {"a", ".", "a/."},
	};
	(void)state;
	for (size_t i = 0; i < BH_COUNT(folders); i++) {
		char *path = bh_path_folder(folders[i][0]);
		assert_string_equal(path, folders[i][1]);
		bh_free(path);
	}
	for (size_t i = 0; i < BH_COUNT(joins); i++) {
		char *path = bh_path_join(joins[i][0], joins[i][1]);
		assert_string_equal(path, joins[i][2]);
		bh_free(path);
	}
	assert_false(bh_file_exists("."));
	assert_false(bh_file_exists("none"));
	assert_true(bh_file_exists("/proc/self/status"));
}

static void test_no_memory(void **state)
{
	(void)state;
	size_t descriptors = count_descriptors();
	bool failed = true;
	for (uint64_t nth = 1; failed; nth++) {
		char *read = NULL;
		size_t length;
		bh_alloc_fail_at(nth, false);
		bh_status created = bh_file_create("file", "x", 1, NULL);
		bh_status status = bh_file_read(&read, &length, "/proc/self/status", 1 << 20, NULL);
		failed = bh_alloc_count() >= nth;
		bh_alloc_fail_at(0, false);
		assert_true(created == BH_OK || created == BH_E_NO_MEMORY);
		assert_true(status == BH_OK || status == BH_E_NO_MEMORY);
		assert_int_equal(count_files("."), created == BH_OK);
		assert_int_equal(unlink("file"), created == BH_OK ? 0 : -1);
		bh_free(read);
	}
	assert_int_equal(count_descriptors(), descriptors);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_round_trip),       cmocka_unit_test(test_bounds), cmocka_unit_test(test_cannot_be_read),
		cmocka_unit_test(test_never_overwrites), cmocka_unit_test(test_mode),   cmocka_unit_test(test_paths),
		cmocka_unit_test(test_no_memory),
	};
	return cmocka_run_group_tests(tests, enter, leave);
}
