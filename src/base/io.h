/* Descriptors: all of it read or written, whatever interrupts, and no signal for what cannot be written. */
#ifndef BH_BASE_IO_H
#define BH_BASE_IO_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>
#include <unistd.h>

/*
 * write(2), without the signals that end programs: where nobody reads any more errno is EPIPE, and EFBIG past the limit
 * that the process has for files, and that is all.
 */
ssize_t bh_write_quietly(int fd, const void *data, size_t length) __attribute__((warn_unused_result));

/*
 * Write all of it in this way, after interruptions and short writes too. False with errno: what write() said, EAGAIN of
 * a descriptor that does not block included, or EIO where it took nothing and said nothing; how much was written is not
 * known then. On success errno means nothing.
 */
bool bh_write_all(int fd, const void *data, size_t length) __attribute__((warn_unused_result));

/* Whether a file may become so long, asked before the first byte of it is written. False with errno EFBIG. */
bool bh_may_write(uint64_t length) __attribute__((warn_unused_result));

/* Read exactly so many bytes of a file from `at` on. False with errno: EIO where the file ends before. */
bool bh_read_at(int fd, void *out, size_t length, uint64_t at) __attribute__((warn_unused_result));

/*
 * Write so many bytes that a file has from `at` on to another descriptor, at its position. False with errno: as for
 * reading and for writing, or ENOMEM.
 */
bool bh_copy_bytes(int to, int from, uint64_t at, uint64_t length) __attribute__((warn_unused_result));

/* For __attribute__((cleanup(bh_close_auto))) int fd: closes it, unless it is negative. */
static inline void bh_close_auto(const int *fd)
{
	if (*fd >= 0)
		close(*fd);
}

#endif
