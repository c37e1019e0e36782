/* Writes argv[1] numbered lines, and rests argv[2] milliseconds between them. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

int main(int argc, char **argv)
{
	const unsigned long count = argc > 1 ? strtoul(argv[1], NULL, 10) : 10;
	const unsigned long ms = argc > 2 ? strtoul(argv[2], NULL, 10) : 0;

	for (unsigned long i = 1; i <= count; i++) {
		struct timespec rest = {.tv_sec = (time_t)(ms / 1000), .tv_nsec = (long)(ms % 1000) * 1000000};

		printf("line %lu\n", i);
		if (fflush(stdout) != 0)
			return 1;
		while (ms && nanosleep(&rest, &rest) < 0 && errno == EINTR)
			;
	}
	return 0;
}
