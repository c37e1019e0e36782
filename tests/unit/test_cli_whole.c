/* The command's reading and writing of all there is: through interruptions, short writes, and files that take nothing. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/syscall.h>

#include <cmocka.h>

#include "cli/whole.c"

/* In the place of libc's: what each call does in turn; then all of it is done. */
typedef enum { ALL, INTERRUPTED, ONE_BYTE, NOTHING, FAILED } step;
static const step *script;
static char file[100];
static size_t written;
static unsigned calls;

static ssize_t play(size_t length)
{
	calls++;
	switch (script ? *script++ : ALL) {
	case INTERRUPTED:
		errno = EINTR;
		return -1;
	case FAILED:
		errno = ENOSPC;
		return -1;
	case NOTHING:
		return 0;
	case ONE_BYTE:
		return length ? 1 : 0;
	default:
		script = NULL;
		return (ssize_t)length;
	}
}

enum { FAKE = 1000 };

ssize_t write(int fd, const void *data, size_t length)
{
	if (fd != FAKE)
		return syscall(SYS_write, fd, data, length);
	ssize_t n = play(length);
	if (n > 0)
		memcpy(file + written, data, (size_t)n);
	written += n > 0 ? (size_t)n : 0;
	return n;
}

ssize_t pread(int fd, void *out, size_t length, off_t at)
{
	if (fd != FAKE)
		return syscall(SYS_pread64, fd, out, length, at);
	size_t left = sizeof file - (size_t)at;
	ssize_t n = play(length < left ? length : left);
	if (n > 0)
		memcpy(out, file + at, (size_t)n);
	return n;
}

static const char text[] = "all of it";

static bool write_by(const step *steps)
{
	script = steps;
	written = calls = 0;
	memset(file, 0, sizeof file);
	return write_whole(FAKE, text, sizeof text);
}

static void test_write(void **state)
{
	(void)state;
	static const step steps[] = {INTERRUPTED, ONE_BYTE, INTERRUPTED, INTERRUPTED, ONE_BYTE, ALL};
	assert_true(write_by(steps));
	assert_int_equal(calls, sizeof steps / sizeof *steps);
	assert_int_equal(written, sizeof text);
	assert_string_equal(file, text);
	static const step full[] = {ONE_BYTE, FAILED};
	assert_false(write_by(full));
	assert_int_equal(errno, ENOSPC);
	static const step deaf[] = {ONE_BYTE, NOTHING};
	assert_false(write_by(deaf));
	assert_int_equal(errno, EIO);
	assert_int_equal(calls, 2);
	assert_true(write_whole(FAKE, NULL, 0));
}

static bool read_by(const step *steps, char *out, size_t size, size_t *length)
{
	script = steps;
	calls = 0;
	for (size_t i = 0; i < sizeof file; i++)
		file[i] = (char)i;
	return read_whole(FAKE, out, size, length);
}

static void test_read(void **state)
{
	(void)state;
	char out[200];
	size_t length = 77;
	static const step steps[] = {ONE_BYTE, INTERRUPTED, ONE_BYTE, ALL};
	assert_true(read_by(steps, out, 50, &length));
	assert_int_equal(length, 50);
	assert_memory_equal(out, file, 50);
	/* It ends before. */
	assert_true(read_by(NULL, out, sizeof out, &length));
	assert_int_equal(length, sizeof file);
	static const step failing[] = {ONE_BYTE, FAILED};
	length = 77;
	assert_false(read_by(failing, out, 50, &length));
	assert_int_equal(errno, ENOSPC);
	assert_int_equal(length, 77);
	assert_true(read_by(NULL, out, 0, &length));
	assert_int_equal(length, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_write),
		cmocka_unit_test(test_read),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
