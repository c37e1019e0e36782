/* Whole-block reading and writing for the guests that move bytes. */
#ifndef GUESTS_BLOCK_H
#define GUESTS_BLOCK_H

#include <stddef.h>
#include <unistd.h>

enum { BLOCK_SIZE = 64 * 1024 };

/* Writes all of it; 0, or -1 with errno set. */
static inline int write_all(int fd, const char *data, size_t size)
{
	while (size > 0) {
		ssize_t n = write(fd, data, size);
		if (n < 0)
			return -1;
		data += n;
		size -= (size_t)n;
	}
	return 0;
}

/* Copies from one descriptor to another until the end; 0, or -1 with errno set. */
static inline int pump(int from, int to)
{
	static char block[BLOCK_SIZE];
	ssize_t n;

	while ((n = read(from, block, sizeof block)) > 0)
		if (write_all(to, block, (size_t)n) < 0)
			return -1;
	return n < 0 ? -1 : 0;
}

#endif
