#include "whole.h"

#include <errno.h>
#include <unistd.h>

bool write_whole(int fd, const void *data, size_t length)
{
	for (const char *at = data; length;) {
		ssize_t n = write(fd, at, length);
		if (n < 0 && errno == EINTR)
			continue;
		if (n == 0)
			errno = EIO;
		if (n <= 0)
			return false;
		at += n;
		length -= (size_t)n;
	}
	return true;
}

bool read_whole(int fd, void *out, size_t size, size_t *length)
{
	char *to = out;
	size_t done = 0;
	while (done < size) {
		ssize_t n = pread(fd, to + done, size - done, (off_t)done);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return false;
		if (n == 0)
			break;
		done += (size_t)n;
	}
	*length = done;
	return true;
}
