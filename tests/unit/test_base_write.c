/* Writing all of it to a descriptor: through short writes and interruptions, and what is said of failures. */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/time.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/alloc.h"
#include "base/file.h"

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

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_interrupted),
		cmocka_unit_test(test_failures),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
