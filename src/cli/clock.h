/* The monotonic clock. */
#ifndef BH_CLI_CLOCK_H
#define BH_CLI_CLOCK_H

#include <stdint.h>
#include <time.h>

static inline uint64_t x_now_ns(void)
{
	struct timespec now;
	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
}

static inline uint64_t x_now_ms(void)
{
	return x_now_ns() / 1000000;
}

#endif
