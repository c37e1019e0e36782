/* Sleeps argv[1] seconds (a fraction is fine), or 60. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

int main(int argc, char **argv)
{
	double seconds = argc > 1 ? strtod(argv[1], NULL) : 60;
	struct timespec rest = {
		.tv_sec = (time_t)seconds,
		.tv_nsec = (long)((seconds - (double)(time_t)seconds) * 1e9),
	};

	while (nanosleep(&rest, &rest) < 0) {
		if (errno != EINTR) {
			perror("sleeper");
			return 1;
		}
	}
	printf("slept %g s\n", seconds);
	return 0;
}
