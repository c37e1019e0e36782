/*
 * Allocates and touches memory until malloc refuses, then says how much it got and exits with 1.
 * With "trap" as argv[1] it aborts when malloc refuses.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int main(int argc, char **argv)
{
	const size_t block = 64 * 1024, page = 4096;
	size_t total = 0;
	volatile char *p;

	while ((p = malloc(block))) {
		for (size_t i = 0; i < block; i += page)
			p[i] = 1;
		total += block;
	}
	if (argc > 1 && strcmp(argv[1], "trap") == 0)
		abort();
	printf("malloc refused after %zu bytes\n", total);
	return 1;
}
