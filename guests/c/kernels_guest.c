/* World kernels of wit/guests/kernels.wit: the jobs of kernels.c as exports. */
#include "kernels/kernels.h"

#include "kernels.h"

uint32_t exports_kernels_sieve(uint32_t n)
{
	return kernel_sieve(n);
}

uint32_t exports_kernels_fib(uint32_t n)
{
	return kernel_fib(n);
}

uint32_t exports_kernels_copy(uint32_t bytes, uint32_t rounds)
{
	return kernel_copy(bytes, rounds);
}

void exports_kernels_nop(void)
{
}

int32_t exports_kernels_add(int32_t a, int32_t b)
{
	return (int32_t)((uint32_t)a + (uint32_t)b);
}
