/*
 * Logs on a disk that hangs: outputs.c with a write() of our own, which waits on files while a file "stuck" is in the working
 * folder. What is tested is that who prints does not wait, and that what was dropped is counted and said.
 *
 *   logs LINES      prints so many lines through one output while the disk hangs; then it goes on
 *   logs forever    the disk never comes back
 *
 * Prints how many lines of the last ones are in memory, and ends with 0.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "serve/http.h"
#include "serve/memory.h"
#include "serve/outputs.h"
#include "serve/say.h"

ssize_t write(int fd, const void *data, size_t size)
{
	struct stat info;
	if (fd > STDERR_FILENO && fstat(fd, &info) == 0 && S_ISREG(info.st_mode))
		while (access("stuck", F_OK) == 0)
			usleep(10000);
	return syscall(SYS_write, fd, data, size);
}

static _Noreturn void die(const char *what)
{
	fprintf(stderr, "logs: %s\n", what);
	exit(1);
}

/* What a guest does: the pipe blocks it while nobody reads. */
static void print_lines(int fd, unsigned count)
{
	for (unsigned i = 1; i <= count; i++) {
		char line[128];
		int length = snprintf(line, sizeof line, "line %u %*s\n", i, 100, "");
		if (write(fd, line, (size_t)length) != length)
			die("the pipe is closed");
	}
}

/* All that was printed was read. */
static bool knows(output *one, const char *last)
{
	for (int i = 0; i < 1000; i++, usleep(10000)) {
		uint64_t after = 0;
		SV_AUTO char *text = output_lines(one, &after, 1);
		if (text && strstr(text, last))
			return true;
	}
	return false;
}

int main(int argc, char **argv)
{
	bool forever = argc > 1 && !strcmp(argv[1], "forever");
	unsigned count = argc > 1 && !forever ? (unsigned)strtoul(argv[1], NULL, 10) : 100;
	const bh_config_log settings = {.directory = "logs", .max_size = 1 << 30, .keep = 1, .lines = 10};
	outputs *all = NULL;
	output *one = NULL, *other = NULL;
	say_begin();
	if (outputs_new(&all, &settings, NULL) || output_new(&one, all, "one", NULL) ||
	    output_new(&other, all, "other", NULL))
		die("no outputs");
	uint64_t began = now_ms();
	char last[32];
	snprintf(last, sizeof last, "line %u ", count);
	print_lines(output_fd(one), count);
	if (!knows(one, last))
		die("the last line was not read");
	print_lines(output_fd(other), 1);
	if (!knows(other, "line 1 "))
		die("another child's line was not read");
	/* Settings change, and children come, while the disk hangs. */
	output *late = NULL;
	if (outputs_change(all, &settings, NULL) || output_new(&late, all, "late", NULL))
		die("no change");
	printf("read after %s\n", now_ms() - began < 5000 ? "a moment" : "too long");
	if (!forever) {
		unlink("stuck");
		usleep(500000);
		print_lines(output_fd(late), 1);
	}
	output_free(one);
	output_free(other);
	output_free(late);
	outputs_free(all);
	printf("ended\n");
	return 0;
}
