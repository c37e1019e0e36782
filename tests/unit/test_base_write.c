/* Writing all of it to a descriptor: through short writes and interruptions, and what is said of failures; no signals. */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/alloc.h"
#include "base/io.h"

/* Many times what a pipe holds. */
enum { LENGTH = 1 << 20, PIECE = 8192, PAUSE_US = 500 };

static volatile sig_atomic_t interruptions;

static void interrupt(int signal)
{
	(void)signal;
	interruptions++;
}

/* Reads slowly, so that the writer waits, and is interrupted while it waits. Returns how many bytes were right. */
static void *read_slowly(void *data)
{
	int fd = *(int *)data;
	size_t right = 0, at = 0;
	unsigned char piece[PIECE];
	for (ssize_t n; (n = read(fd, piece, sizeof piece)) > 0; usleep(PAUSE_US))
		for (ssize_t i = 0; i < n; i++, at++)
			right += piece[i] == (unsigned char)(at * 7);
	return (void *)(uintptr_t)right;
}

static void test_interrupted(void **state)
{
	(void)state;
	int ends[2];
	pthread_t reader;
	void *right;
	sigset_t alarms;
	unsigned char *data = bh_alloc(LENGTH);
	assert_non_null(data);
	for (size_t i = 0; i < LENGTH; i++)
		data[i] = (unsigned char)(i * 7);
	assert_int_equal(pipe2(ends, O_CLOEXEC), 0);

	/* The reader does not take the alarms: they are for the one who writes. */
	sigemptyset(&alarms);
	sigaddset(&alarms, SIGALRM);
	pthread_sigmask(SIG_BLOCK, &alarms, NULL);
	assert_int_equal(pthread_create(&reader, NULL, read_slowly, &ends[0]), 0);
	pthread_sigmask(SIG_UNBLOCK, &alarms, NULL);
	sigaction(SIGALRM, &(struct sigaction){.sa_handler = interrupt}, NULL);
	setitimer(ITIMER_REAL, &(struct itimerval){{0, PAUSE_US}, {0, PAUSE_US}}, NULL);
	bool written = bh_write_all(ends[1], data, LENGTH);
	setitimer(ITIMER_REAL, &(struct itimerval){0}, NULL);

	close(ends[1]);
	assert_int_equal(pthread_join(reader, &right), 0);
	close(ends[0]);
	bh_free(data);
	assert_true(written);
	assert_int_equal((uintptr_t)right, LENGTH);
	assert_true(interruptions > 0);
}

static void test_failures(void **state)
{
	(void)state;
	int full = open("/dev/full", O_WRONLY | O_CLOEXEC), ends[2];
	assert_true(full >= 0);
	assert_false(bh_write_all(full, "x", 1));
	assert_int_equal(errno, ENOSPC);
	assert_true(bh_write_all(full, NULL, 0));
	close(full);
	assert_false(bh_write_all(full, "x", 1));
	assert_int_equal(errno, EBADF);

	/* Nobody reads: what fits is written, and then there is no waiting. */
	static const char data[LENGTH];
	assert_int_equal(pipe2(ends, O_CLOEXEC | O_NONBLOCK), 0);
	assert_false(bh_write_all(ends[1], data, sizeof data));
	assert_int_equal(errno, EAGAIN);
	close(ends[0]);
	close(ends[1]);
}

/* Signals at their defaults, which end the program. */
static void expect_deadly_signals(void)
{
	signal(SIGPIPE, SIG_DFL);
	signal(SIGXFSZ, SIG_DFL);
}

static bool is_blocked(int number)
{
	sigset_t now;
	pthread_sigmask(SIG_SETMASK, NULL, &now);
	return sigismember(&now, number);
}

static bool is_pending(int number)
{
	sigset_t now;
	sigpending(&now);
	return sigismember(&now, number);
}

/* Reads a little, and goes away while somebody writes: then that has written a part. */
static void *read_and_leave(void *data)
{
	unsigned char piece[PIECE];
	int fd = *(int *)data;
	(void)!read(fd, piece, sizeof piece);
	usleep(20 * PAUSE_US);
	close(fd);
	return NULL;
}

static void test_nobody_reads(void **state)
{
	(void)state;
	static const char data[LENGTH];
	int ends[2];
	pthread_t reader;
	expect_deadly_signals();
	assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
	close(ends[0]);
	assert_int_equal(bh_write_quietly(ends[1], "x", 1), -1);
	assert_int_equal(errno, EPIPE);
	assert_false(bh_write_all(ends[1], "x", 1));
	assert_int_equal(errno, EPIPE);
	close(ends[1]);

	for (int i = 0; i < 5; i++) {
		assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
		assert_int_equal(pthread_create(&reader, NULL, read_and_leave, &ends[0]), 0);
		assert_false(bh_write_all(ends[1], data, sizeof data));
		assert_int_equal(errno, EPIPE);
		assert_int_equal(pthread_join(reader, NULL), 0);
		close(ends[1]);
	}
	assert_false(is_blocked(SIGPIPE) || is_blocked(SIGXFSZ) || is_pending(SIGPIPE));
}

static void test_file_size_limit(void **state)
{
	(void)state;
	static const char data[LENGTH];
	char path[] = "/tmp/bulkhead-write-XXXXXX";
	int fd = mkostemp(path, O_CLOEXEC);
	struct rlimit before;
	expect_deadly_signals();
	assert_true(fd >= 0 && !unlink(path));
	assert_int_equal(getrlimit(RLIMIT_FSIZE, &before), 0);
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &(struct rlimit){PIECE, before.rlim_max}), 0);
	bool written = bh_write_all(fd, data, sizeof data);
	int number = errno;
	bool at_limit = bh_may_write(PIECE), beyond = bh_may_write(PIECE + 1);
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &before), 0);
	assert_false(written);
	assert_int_equal(number, EFBIG);
	assert_true(at_limit && !beyond);
	assert_int_equal(lseek(fd, 0, SEEK_END), PIECE);
	assert_true(bh_write_all(fd, data, sizeof data));
	assert_false(is_blocked(SIGXFSZ) || is_pending(SIGXFSZ));
	close(fd);
}

/* One of the program's own that is pending stays so, and blocked what was blocked. */
static void test_pending_before(void **state)
{
	(void)state;
	int ends[2];
	sigset_t pipes;
	expect_deadly_signals();
	sigemptyset(&pipes);
	sigaddset(&pipes, SIGPIPE);
	pthread_sigmask(SIG_BLOCK, &pipes, NULL);
	assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
	close(ends[0]);
	assert_false(bh_write_all(ends[1], "x", 1));
	assert_true(is_blocked(SIGPIPE) && !is_pending(SIGPIPE));
	pthread_kill(pthread_self(), SIGPIPE);
	assert_false(bh_write_all(ends[1], "x", 1));
	assert_true(is_blocked(SIGPIPE) && is_pending(SIGPIPE));
	assert_int_equal(sigtimedwait(&pipes, NULL, &(struct timespec){0}), SIGPIPE);
	pthread_sigmask(SIG_UNBLOCK, &pipes, NULL);
	close(ends[1]);
}

static void test_copy(void **state)
{
	(void)state;
	enum { SOME = 300 * 1024 };
	char paths[2][30] = {"/tmp/bulkhead-copy-XXXXXX", "/tmp/bulkhead-copy-XXXXXX"};
	int fds[2];
	unsigned char *data = bh_alloc(SOME), *back = bh_alloc(SOME);
	assert_true(data && back);
	for (size_t i = 0; i < SOME; i++)
		data[i] = (unsigned char)(i % 251);
	for (int i = 0; i < 2; i++) {
		fds[i] = mkostemp(paths[i], O_CLOEXEC);
		assert_true(fds[i] >= 0 && !unlink(paths[i]));
	}
	assert_true(bh_write_all(fds[0], data, SOME));
	assert_true(bh_copy_bytes(fds[1], fds[0], 5, SOME - 7));
	assert_true(bh_copy_bytes(fds[1], fds[0], 0, 0));
	assert_int_equal(lseek(fds[1], 0, SEEK_END), SOME - 7);
	assert_true(bh_read_at(fds[1], back, SOME - 7, 0));
	assert_memory_equal(back, data + 5, SOME - 7);
	assert_false(bh_read_at(fds[1], back, SOME, 0));
	assert_int_equal(errno, EIO);
	assert_false(bh_copy_bytes(fds[1], fds[0], 1, SOME));
	assert_int_equal(errno, EIO);
	for (int i = 0; i < 2; i++)
		bh_close_auto(&fds[i]);
	bh_free(data);
	bh_free(back);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_interrupted),    cmocka_unit_test(test_failures),
		cmocka_unit_test(test_nobody_reads),   cmocka_unit_test(test_file_size_limit),
		cmocka_unit_test(test_pending_before), cmocka_unit_test(test_copy),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
