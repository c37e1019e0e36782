// test: timeout=60
/*
 * Standard streams on descriptors: pipes that are full, empty, closed or shared. Nothing blocks the host, SIGPIPE
 * keeps its deadly default and is never raised, and no descriptor's flags are touched.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include "api.h"

static bh_host *host;
static bh_component *cat, *flood, *readstdin;
static bh_component *strict_flood, *strict_read; /* 100 ms */

static bh_stdio on_fd(int fd)
{
	return (bh_stdio){.mode = BH_STDIO_FD, .fd = fd};
}

static bh_status run(bh_component *component, const char *const *args, bh_stdio in, bh_stdio out, bh_stdio err,
                     int *exit_status)
{
	bh_instance_options base = BH_INSTANCE_OPTIONS_INIT;
	base.in = in;
	base.out = out;
	base.err = err;
	t_begin();
	return t_run(component, args, &base, NULL, exit_status, &t_err);
}

static const bh_stdio nothing = {.mode = BH_STDIO_DISCARD};

typedef struct {
	int fd;
	size_t length;
	unsigned pause_us;
	size_t count;
	uint32_t sum;
} feeder;

static void *feed(void *data)
{
	feeder *f = data;
	char block[1000];
	for (size_t done = 0; done < f->length;) {
		for (size_t i = 0; i < sizeof block; i++)
			block[i] = (char)((done + i) * 31 >> 3);
		size_t n = f->length - done < sizeof block ? f->length - done : sizeof block;
		ssize_t wrote = write(f->fd, block, n);
		EXPECT(wrote > 0);
		for (ssize_t i = 0; i < wrote; i++)
			f->sum = f->sum * 33 + (uint8_t)block[i];
		done += (size_t)wrote;
		f->count = done;
		if (f->pause_us)
			usleep(f->pause_us);
	}
	close(f->fd);
	return NULL;
}

static void *drain(void *data)
{
	feeder *f = data;
	char block[3000];
	ssize_t got;
	while ((got = read(f->fd, block, sizeof block)) > 0) {
		for (ssize_t i = 0; i < got; i++)
			f->sum = f->sum * 33 + (uint8_t)block[i];
		f->count += (size_t)got;
		if (f->pause_us)
			usleep(f->pause_us);
	}
	return NULL;
}

/* Through a guest, from a pipe into a pipe (or sockets), with ends that are slow. */
static void through_a_guest(void **state)
{
	(void)state;
	static const struct {
		size_t length;
		unsigned feed_us, drain_us;
		bool sockets;
	} rows[] = {{2000000, 0, 0, false}, {300000, 0, 1000, false}, {100000, 500, 0, false}, {1000000, 0, 0, true}};
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		int in[2], out[2], exit_status;
		if (rows[i].sockets) {
			assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, in), 0);
			assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, out), 0);
		} else {
			assert_int_equal(pipe2(in, O_CLOEXEC), 0);
			assert_int_equal(pipe2(out, O_CLOEXEC), 0);
		}
		feeder source = {.fd = in[1], .length = rows[i].length, .pause_us = rows[i].feed_us};
		feeder sink = {.fd = out[0], .pause_us = rows[i].drain_us};
		pthread_t feeding, draining;
		assert_int_equal(pthread_create(&feeding, NULL, feed, &source), 0);
		assert_int_equal(pthread_create(&draining, NULL, drain, &sink), 0);
		assert_int_equal(run(cat, T_ARGS("cat"), on_fd(in[0]), on_fd(out[1]), nothing, &exit_status), BH_OK);
		assert_int_equal(exit_status, 0);
		close(out[1]);
		pthread_join(feeding, NULL);
		pthread_join(draining, NULL);
		assert_int_equal(sink.count, rows[i].length);
		assert_int_equal(sink.sum, source.sum);
		close(in[0]);
		close(out[0]);
	}
}

static void ends_in_time(bh_component *component, const char *const *args, bh_stdio in, bh_stdio out)
{
	double best = 1e9;
	for (int i = 0; i < 3 && best > 150; i++) {
		int exit_status;
		double start = t_now_ms();
		assert_int_equal(run(component, args, in, out, nothing, &exit_status), BH_E_TIMEOUT);
		double took = t_now_ms() - start;
		assert_true(took >= 99);
		best = took < best ? took : best;
	}
	print_message("ended after %.1f ms\n", best);
	assert_true(best < (t_slack() > 5 ? 500 : 150));
}

static void full_and_empty_pipes(void **state)
{
	(void)state;
	int full[2], empty[2];
	assert_int_equal(pipe2(full, O_CLOEXEC), 0);
	assert_int_equal(pipe2(empty, O_CLOEXEC), 0);
	ends_in_time(strict_flood, T_ARGS("flood"), nothing, on_fd(full[1]));
	ends_in_time(strict_flood, T_ARGS("flood"), nothing, on_fd(full[1])); /* full from the start */
	ends_in_time(strict_read, T_ARGS("readstdin"), on_fd(empty[0]), nothing);
	close(full[0]);
	close(full[1]);
	close(empty[0]);
	close(empty[1]);
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, full), 0);
	ends_in_time(strict_flood, T_ARGS("flood"), nothing, on_fd(full[1]));
	ends_in_time(strict_read, T_ARGS("readstdin"), on_fd(full[1]), nothing);
	close(full[0]);
	close(full[1]);
}

static void a_terminal(void **state)
{
	(void)state;
	int ours = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC);
	if (ours < 0 || grantpt(ours) || unlockpt(ours))
		skip();
	int theirs = open(ptsname(ours), O_RDWR | O_NOCTTY | O_CLOEXEC);
	assert_true(theirs >= 0);
	int flags = fcntl(theirs, F_GETFL);
	ends_in_time(strict_read, T_ARGS("readstdin"), on_fd(theirs), nothing);
	ends_in_time(strict_flood, T_ARGS("flood"), nothing, on_fd(theirs));
	assert_int_equal(fcntl(theirs, F_GETFL), flags);
	close(theirs);
	close(ours);
}

/* A reader that is gone: the guest gets an error, and this process lives though SIGPIPE would end it. */
static void closed_pipes(void **state)
{
	(void)state;
	struct sigaction action;
	assert_int_equal(sigaction(SIGPIPE, NULL, &action), 0);
	assert_true(action.sa_handler == SIG_DFL);
	for (int sockets = 0; sockets < 2; sockets++) {
		int ends[2], exit_status;
		assert_int_equal(sockets ? socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) : pipe2(ends, O_CLOEXEC),
		                 0);
		close(ends[0]);
		bh_buffer said = BH_BUFFER_INIT;
		bh_stdio capture = {.mode = BH_STDIO_CAPTURE, .buffer = &said};
		assert_int_equal(run(flood, T_ARGS("flood"), nothing, on_fd(ends[1]), capture, &exit_status), BH_OK);
		assert_int_equal(exit_status, 1);
		assert_non_null(strstr(said.data, "flood: "));
		bh_buffer_deinit(&said);
		close(ends[1]);
	}
	/* It leaves while the guest writes. */
	for (int i = 0; i < 10; i++) {
		int ends[2], exit_status;
		assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
		feeder sink = {.fd = ends[0]};
		pthread_t thread;
		void *reader(void *data);
		assert_int_equal(pthread_create(&thread, NULL, reader, &sink), 0);
		assert_int_equal(run(flood, T_ARGS("flood"), nothing, on_fd(ends[1]), nothing, &exit_status), BH_OK);
		assert_int_equal(exit_status, 1);
		pthread_join(thread, NULL);
		close(ends[1]);
	}
	/* The process's own mask and pending signals are as they were. */
	sigset_t set;
	assert_int_equal(pthread_sigmask(SIG_BLOCK, NULL, &set), 0);
	assert_int_equal(sigismember(&set, SIGPIPE), 0);
	assert_int_equal(sigpending(&set), 0);
	assert_int_equal(sigismember(&set, SIGPIPE), 0);
}

/* A file that may not grow: the same, though SIGXFSZ would end this process. */
static void a_file_size_limit(void **state)
{
	(void)state;
	enum { MOST = 100000 };
	struct sigaction action;
	struct rlimit before;
	char path[] = "/tmp/bulkhead-output-XXXXXX";
	int fd = mkostemp(path, O_CLOEXEC), exit_status;
	assert_true(fd >= 0 && !unlink(path));
	assert_int_equal(sigaction(SIGXFSZ, NULL, &action), 0);
	assert_true(action.sa_handler == SIG_DFL);
	assert_int_equal(getrlimit(RLIMIT_FSIZE, &before), 0);
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &(struct rlimit){MOST, before.rlim_max}), 0);
	bh_status status = run(flood, T_ARGS("flood"), nothing, on_fd(fd), nothing, &exit_status);
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &before), 0);
	assert_int_equal(status, BH_OK);
	assert_int_equal(exit_status, 1);
	assert_int_equal(lseek(fd, 0, SEEK_END), MOST);
	close(fd);
}

void *reader(void *data);
void *reader(void *data)
{
	const feeder *f = data;
	char block[1000];
	for (int i = 0; i < 100; i++)
		EXPECT(read(f->fd, block, sizeof block) > 0);
	close(f->fd);
	return NULL;
}

/* A SIGPIPE of the program's own that is pending stays pending. */
static void a_signal_of_the_programs_own(void **state)
{
	(void)state;
	sigset_t set, before;
	sigemptyset(&set);
	sigaddset(&set, SIGPIPE);
	assert_int_equal(pthread_sigmask(SIG_BLOCK, &set, &before), 0);
	assert_int_equal(pthread_kill(pthread_self(), SIGPIPE), 0);
	int ends[2], exit_status;
	assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
	close(ends[0]);
	assert_int_equal(run(flood, T_ARGS("flood"), nothing, on_fd(ends[1]), nothing, &exit_status), BH_OK);
	close(ends[1]);
	sigset_t pending;
	assert_int_equal(sigpending(&pending), 0);
	assert_int_equal(sigismember(&pending, SIGPIPE), 1);
	struct timespec none = {0};
	assert_int_equal(sigtimedwait(&set, NULL, &none), SIGPIPE);
	assert_int_equal(pthread_sigmask(SIG_SETMASK, &before, NULL), 0);
}

static void flags_stay(void **state)
{
	(void)state;
	int ends[2], exit_status;
	assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
	for (int nonblocking = 0; nonblocking < 2; nonblocking++) {
		int flags = nonblocking ? O_NONBLOCK : 0;
		assert_int_equal(fcntl(ends[0], F_SETFL, flags), 0);
		assert_int_equal(fcntl(ends[1], F_SETFL, flags), 0);
		int before[2] = {fcntl(ends[0], F_GETFL), fcntl(ends[1], F_GETFL)};
		size_t open_before = t_descriptors();
		assert_int_equal(run(flood, T_ARGS("flood", "1000"), nothing, on_fd(ends[1]), nothing, &exit_status), BH_OK);
		assert_int_equal(exit_status, 0);
		assert_int_equal(run(strict_read, T_ARGS("readstdin"), on_fd(ends[0]), nothing, nothing, &exit_status),
		                 BH_E_TIMEOUT);
		assert_int_equal(fcntl(ends[0], F_GETFL), before[0]);
		assert_int_equal(fcntl(ends[1], F_GETFL), before[1]);
		assert_int_equal(t_descriptors(), open_before);
	}
	close(ends[0]);
	close(ends[1]);
}

/* What the guest has not read is there for the next. */
static void nothing_is_swallowed(void **state)
{
	(void)state;
	int ends[2], exit_status;
	assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
	assert_int_equal(write(ends[1], "for the next", 12), 12);
	bh_component *hello = t_load(host, "hello.wasm", NULL);
	for (int i = 0; i < 3; i++)
		assert_int_equal(run(hello, T_ARGS("hello"), on_fd(ends[0]), nothing, nothing, &exit_status), BH_OK);
	bh_component_unref(hello);
	char text[32];
	assert_int_equal(read(ends[0], text, sizeof text), 12);
	close(ends[0]);
	close(ends[1]);
}

static void from_memory(void **state)
{
	(void)state;
	size_t length = 300001;
	char *bytes = malloc(length);
	assert_non_null(bytes);
	for (size_t i = 0; i < length; i++)
		bytes[i] = (char)(i * 7 >> 2);
	bh_buffer out = BH_BUFFER_INIT;
	int exit_status;
	bh_stdio in = {.mode = BH_STDIO_BYTES, .bytes = bytes, .length = length};
	bh_stdio capture = {.mode = BH_STDIO_CAPTURE, .buffer = &out};
	assert_int_equal(run(cat, T_ARGS("cat"), in, capture, nothing, &exit_status), BH_OK);
	assert_int_equal(out.length, length);
	assert_memory_equal(out.data, bytes, length);
	free(bytes);
	/* What a buffer holds already stays in front. */
	out.length = 3;
	in = (bh_stdio){.mode = BH_STDIO_BYTES, .bytes = "def", .length = 3};
	memcpy(out.data, "abc", 4);
	assert_int_equal(run(cat, T_ARGS("cat"), in, capture, nothing, &exit_status), BH_OK);
	assert_string_equal(out.data, "abcdef");
	bh_buffer_deinit(&out);
	in.length = 0;
	assert_int_equal(run(readstdin, T_ARGS("readstdin"), in, capture, nothing, &exit_status), BH_OK);
	assert_string_equal(out.data, "0\n");
	bh_buffer_deinit(&out);
}

static void both_outputs(void **state)
{
	(void)state;
	bh_buffer out = BH_BUFFER_INIT, err = BH_BUFFER_INIT;
	bh_stdio to_out = {.mode = BH_STDIO_CAPTURE, .buffer = &out}, to_err = {.mode = BH_STDIO_CAPTURE, .buffer = &err};
	bh_component *ls = t_load(host, "ls.wasm", NULL);
	int exit_status;
	assert_int_equal(run(ls, T_ARGS("ls", "/"), nothing, to_out, to_err, &exit_status), BH_OK);
	assert_int_equal(exit_status, 1);
	assert_null(out.data);
	assert_non_null(strstr(err.data, "ls: cannot open"));
	bh_component_unref(ls);
	bh_buffer_deinit(&out);
	bh_buffer_deinit(&err);
}

static void modes_that_are_none(void **state)
{
	(void)state;
	int exit_status;
	bh_buffer out = BH_BUFFER_INIT;
	bh_stdio capture = {.mode = BH_STDIO_CAPTURE, .buffer = &out}, no_buffer = {.mode = BH_STDIO_CAPTURE};
	bh_stdio bytes = {.mode = BH_STDIO_BYTES, .bytes = "", .length = 0}, unknown = {.mode = (bh_stdio_mode)77};
	assert_int_equal(run(cat, T_ARGS("cat"), capture, nothing, nothing, &exit_status), BH_E_INVALID);
	assert_int_equal(run(cat, T_ARGS("cat"), nothing, no_buffer, nothing, &exit_status), BH_E_INVALID);
	assert_int_equal(run(cat, T_ARGS("cat"), nothing, bytes, nothing, &exit_status), BH_E_INVALID);
	assert_int_equal(run(cat, T_ARGS("cat"), nothing, nothing, unknown, &exit_status), BH_E_INVALID);
	assert_int_equal(run(cat, T_ARGS("cat"), on_fd(-1), nothing, nothing, &exit_status), BH_E_INVALID);
	assert_int_equal(run(cat, T_ARGS("cat"), on_fd(9999), nothing, nothing, &exit_status), BH_E_INVALID);
	/* A descriptor that is open for the other direction is the guest's problem. */
	int file = open("/dev/null", O_WRONLY | O_CLOEXEC);
	assert_int_equal(run(readstdin, T_ARGS("readstdin"), on_fd(file), nothing, nothing, &exit_status), BH_OK);
	close(file);
}

/* Many instances wait on one pipe: each is served, none by another's thread. */
static void *read_one(void *data)
{
	bh_instance_options base = BH_INSTANCE_OPTIONS_INIT;
	base.in = on_fd(*(int *)data);
	int exit_status;
	EXPECT(t_run(readstdin, T_ARGS("readstdin"), &base, NULL, &exit_status, NULL) == BH_OK);
	return NULL;
}

static void one_pipe_many_readers(void **state)
{
	(void)state;
	int ends[2];
	assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
	pthread_t threads[8];
	for (int i = 0; i < 8; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, read_one, &ends[0]), 0);
	for (int i = 0; i < 50; i++) {
		assert_int_equal(write(ends[1], "some bytes", 10), 10);
		usleep(1000);
	}
	close(ends[1]);
	for (int i = 0; i < 8; i++)
		pthread_join(threads[i], NULL);
	close(ends[0]);
}

static int set_up(void **state)
{
	(void)state;
	bh_limits limits = t_limits();
	host = t_host();
	cat = t_load(host, "cat.wasm", NULL);
	flood = t_load(host, "flood.wasm", NULL);
	readstdin = t_load(host, "readstdin.wasm", NULL);
	limits.execution_ms = 100;
	strict_flood = t_load(host, "flood.wasm", &limits);
	strict_read = t_load(host, "readstdin.wasm", &limits);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	t_begin();
	bh_component *all[] = {cat, flood, readstdin, strict_flood, strict_read};
	for (size_t i = 0; i < 5; i++)
		bh_component_unref(all[i]);
	bh_host_free(host);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(through_a_guest),     cmocka_unit_test(full_and_empty_pipes),
		cmocka_unit_test(a_terminal),          cmocka_unit_test(closed_pipes),
		cmocka_unit_test(a_file_size_limit),   cmocka_unit_test(a_signal_of_the_programs_own),
		cmocka_unit_test(flags_stay),          cmocka_unit_test(nothing_is_swallowed),
		cmocka_unit_test(from_memory),         cmocka_unit_test(both_outputs),
		cmocka_unit_test(modes_that_are_none), cmocka_unit_test(one_pipe_many_readers),
	};
	return cmocka_run_group_tests(tests, set_up, tear_down);
}
