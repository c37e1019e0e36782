/* The name of an errno value: what tests compare, where a message would vary with the C library. */
#ifndef GUESTS_ERRNAME_H
#define GUESTS_ERRNAME_H

#include <errno.h>
#include <stddef.h>

static inline const char *errname(int error)
{
#define NAMED(value) [value] = #value
	static const char *const names[] = {
		NAMED(EACCES), NAMED(EAGAIN),       NAMED(EBADF),   NAMED(EEXIST), NAMED(EFBIG),       NAMED(EINTR),
		NAMED(EINVAL), NAMED(EIO),          NAMED(EISDIR),  NAMED(ELOOP),  NAMED(EMFILE),      NAMED(ENODEV),
		NAMED(ENOENT), NAMED(ENAMETOOLONG), NAMED(ENOMEM),  NAMED(ENOSPC), NAMED(ENOTCAPABLE), NAMED(ENOTDIR),
		NAMED(ENFILE), NAMED(ENOSYS),       NAMED(ENOTSUP), NAMED(ENXIO),  NAMED(EPERM),       NAMED(EPIPE),
		NAMED(EROFS),  NAMED(ESPIPE),       NAMED(EXDEV),
	};
#undef NAMED
	const size_t count = sizeof names / sizeof names[0];

	return error >= 0 && (size_t)error < count && names[error] ? names[error] : "an error without a name here";
}

#endif
