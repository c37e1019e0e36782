/* Version 7 UUIDs (RFC 9562): the time, then chance. They sort by when they were made. */
#include <stdint.h>
#include <stdio.h>
#include <sys/random.h>
#include <time.h>

#include "flow.h"

void uuid7(char out[37])
{
	uint8_t b[16];
	struct timespec now;
	clock_gettime(CLOCK_REALTIME, &now);
	uint64_t ms = (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
	if (getrandom(b, sizeof b, GRND_NONBLOCK) != (ssize_t)sizeof b)
		for (size_t i = 0; i < sizeof b; i++) /* before the kernel has chance enough: unique, not secret */
			b[i] = (uint8_t)((uint64_t)now.tv_nsec * (i + 1) >> i % 8);
	for (int i = 0; i < 6; i++)
		b[i] = (uint8_t)(ms >> (40 - 8 * i));
	b[6] = (uint8_t)(0x70 | (b[6] & 15));
	b[8] = (uint8_t)(0x80 | (b[8] & 63));
	snprintf(out, 37, "%02x%02x%02x%02x-%02x%02x-%02x%02x-%02x%02x-%02x%02x%02x%02x%02x%02x", b[0], b[1], b[2], b[3],
	         b[4], b[5], b[6], b[7], b[8], b[9], b[10], b[11], b[12], b[13], b[14], b[15]);
}
