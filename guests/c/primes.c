/* Counts the primes up to argv[1] (1,000,000 by default): a job that needs the processor and nothing else. */
#include <stdio.h>
#include <stdlib.h>

#include "kernels.h"

int main(int argc, char **argv)
{
	unsigned limit = argc > 1 ? (unsigned)strtoul(argv[1], NULL, 10) : 1000000;

	printf("%u primes up to %u\n", kernel_sieve(limit), limit);
	return 0;
}
