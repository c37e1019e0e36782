/* See kernels.h. The buffers stay allocated between calls, so that the allocator is not measured. */
#include "kernels.h"

#include <stdlib.h>
#include <string.h>

struct buffer {
	uint8_t *data;
	size_t size;
};

static uint8_t *reserve(struct buffer *buffer, size_t size)
{
	if (buffer->size < size) {
		free(buffer->data);
		buffer->data = malloc(size);
		buffer->size = buffer->data ? size : 0;
	}
	return buffer->data;
}

uint32_t kernel_sieve(uint32_t n)
{
	static struct buffer flags;
	uint32_t count = 0;

	if (n < 2)
		return 0;
	uint8_t *composite = n < UINT32_MAX ? reserve(&flags, (size_t)n + 1) : NULL;
	if (!composite)
		return 0;
	memset(composite, 0, (size_t)n + 1);
	for (uint32_t i = 2; i <= n; i++) {
		if (composite[i])
			continue;
		count++;
		for (uint64_t j = (uint64_t)i * i; j <= n; j += i)
			composite[j] = 1;
	}
	return count;
}

uint32_t kernel_fib(uint32_t n)
{
	return n < 2 ? n : kernel_fib(n - 1) + kernel_fib(n - 2);
}

uint32_t kernel_copy(uint32_t bytes, uint32_t rounds)
{
	static struct buffer from, to;
	uint32_t sum = 0;

	if (bytes == 0)
		return 0;
	int fresh = from.size < bytes;
	uint8_t *source = reserve(&from, bytes), *target = reserve(&to, bytes);
	if (!source || !target)
		return 0;
	if (fresh)
		memset(source, 1, bytes);
	for (uint32_t round = 0; round < rounds; round++) {
		/* A byte that changes and one that is looked at: no round can be left out. */
		source[round % bytes] = (uint8_t)round;
		memcpy(target, source, bytes);
		sum += target[(round * 7) % bytes] + target[round % bytes];
	}
	return sum;
}
