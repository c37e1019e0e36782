/* Three small jobs for measuring, the same C for a guest and for a native program. */
#ifndef GUESTS_KERNELS_H
#define GUESTS_KERNELS_H

#include <stdint.h>

/* How many primes there are up to n. Byte stores in a tight loop. 0 where memory is refused. */
uint32_t kernel_sieve(uint32_t n);

/* The nth Fibonacci number, by two recursive calls. Calls and nothing else. */
uint32_t kernel_fib(uint32_t n);

/* Copies so many bytes so often with memcpy; a sum over what it copied. 0 where memory is refused. */
uint32_t kernel_copy(uint32_t bytes, uint32_t rounds);

#endif
