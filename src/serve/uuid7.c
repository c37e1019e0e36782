/* Version 7 UUIDs (RFC 9562): the time, then chance. They sort by when they were made. */
#include <stdint.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>

#include "flow.h"

/* False: the kernel has not enough of it yet. */
static bool take_chance(uint8_t *out, size_t size, chance *kept)
{
	if (!kept)
		return getrandom(out, size, GRND_NONBLOCK) == (ssize_t)size;
	if (kept->left < size) {
		if (getrandom(kept->bytes, sizeof kept->bytes, GRND_NONBLOCK) != (ssize_t)sizeof kept->bytes)
			return false;
		kept->left = sizeof kept->bytes;
	}
	kept->left -= size;
	memcpy(out, kept->bytes + kept->left, size);
	return true;
}

void uuid7(char out[37], chance *kept)
{
	static const char digits[] = "0123456789abcdef";
	uint8_t b[16];
	struct timespec now;
	clock_gettime(CLOCK_REALTIME, &now);
	uint64_t ms = (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
	if (!take_chance(b, sizeof b, kept))
		for (size_t i = 0; i < sizeof b; i++) /* before the kernel has chance enough: unique, not secret */
			b[i] = (uint8_t)((uint64_t)now.tv_nsec * (i + 1) >> i % 8);
	for (int i = 0; i < 6; i++)
		b[i] = (uint8_t)(ms >> (40 - 8 * i));
	b[6] = (uint8_t)(0x70 | (b[6] & 15));
	b[8] = (uint8_t)(0x80 | (b[8] & 63));
	for (size_t i = 0; i < sizeof b; i++) {
		if (i == 4 || i == 6 || i == 8 || i == 10)
			*out++ = '-';
		*out++ = digits[b[i] >> 4];
		*out++ = digits[b[i] & 15];
	}
	*out = '\0';
}
