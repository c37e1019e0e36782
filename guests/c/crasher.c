/* Fails in the way that argv[1] names: unreachable, div0, oob, abort, or exit N. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Functions of their own, so that a backtrace names them; volatile, so that the compiler keeps them. */

static __attribute__((noinline)) int divide_by_zero(void)
{
	volatile int one = 1, zero = 0;
	return one / zero;
}

static __attribute__((noinline)) int read_out_of_bounds(void)
{
	volatile uintptr_t address = UINTPTR_MAX - 15;
	return *(volatile int *)address;
}

int main(int argc, char **argv)
{
	const char *how = argc > 1 ? argv[1] : "";

	if (strcmp(how, "unreachable") == 0)
		__builtin_trap();
	if (strcmp(how, "div0") == 0)
		return divide_by_zero();
	if (strcmp(how, "oob") == 0)
		return read_out_of_bounds();
	if (strcmp(how, "abort") == 0)
		abort();
	if (strcmp(how, "exit") == 0 && argc > 2)
		exit(atoi(argv[2]));
	fprintf(stderr, "usage: crasher unreachable|div0|oob|abort|exit N\n");
	return 2;
}
