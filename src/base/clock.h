/* The clocks: monotonic for deadlines, CPU time of this thread for usage. Nanoseconds. */
#ifndef BH_BASE_CLOCK_H
#define BH_BASE_CLOCK_H

#include <stdint.h>
#include <time.h>

#define BH_NEVER UINT64_MAX

static inline uint64_t bh_clock_read(clockid_t clock)
{
	struct timespec now;
	clock_gettime(clock, &now);
	return (uint64_t)now.tv_sec * UINT64_C(1000000000) + (uint64_t)now.tv_nsec;
}

static inline uint64_t bh_now(void)
{
	return bh_clock_read(CLOCK_MONOTONIC);
}

static inline uint64_t bh_cpu_now(void)
{
	return bh_clock_read(CLOCK_THREAD_CPUTIME_ID);
}

/* A moment so many milliseconds after `from`; BH_NEVER for an unlimited span, and where it would overflow. */
static inline uint64_t bh_after_ms(uint64_t from, uint64_t ms)
{
	uint64_t span;
	if (__builtin_mul_overflow(ms, UINT64_C(1000000), &span) || from > BH_NEVER - span)
		return BH_NEVER;
	return from + span;
}

#endif
