#include "base/io.h"

#include <errno.h>
#include <signal.h>
#include <sys/resource.h>
#include <time.h>

#include "base/alloc.h"

/* At once, from one file to the next. */
enum { CHUNK = 256 * 1024 };

/* What a write may raise, in the thread that writes. */
static sigset_t raised_by_writing(void)
{
	sigset_t set;
	sigemptyset(&set);
	sigaddset(&set, SIGPIPE);
	sigaddset(&set, SIGXFSZ);
	return set;
}

/* Of those only one that was blocked before can have been pending, and is not ours to take back. */
static sigset_t not_ours(const sigset_t *blocked)
{
	sigset_t pending;
	sigemptyset(&pending);
	if (sigismember(blocked, SIGPIPE) || sigismember(blocked, SIGXFSZ))
		sigpending(&pending);
	return pending;
}

static void take_back(const sigset_t *pending_before)
{
	const struct timespec none = {0};
	sigset_t ours = raised_by_writing();
	if (sigismember(pending_before, SIGPIPE))
		sigdelset(&ours, SIGPIPE);
	if (sigismember(pending_before, SIGXFSZ))
		sigdelset(&ours, SIGXFSZ);
	while (sigtimedwait(&ours, NULL, &none) > 0 || errno == EINTR)
		;
}

ssize_t bh_write_quietly(int fd, const void *data, size_t length)
{
	sigset_t signals = raised_by_writing(), before;
	pthread_sigmask(SIG_BLOCK, &signals, &before);
	sigset_t pending = not_ours(&before);
	ssize_t wrote = write(fd, data, length);
	int number = errno;
	/* A write that wrote a part may have raised one as well. */
	if (wrote < 0 || (size_t)wrote < length)
		take_back(&pending);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	errno = number;
	return wrote;
}

bool bh_write_all(int fd, const void *data, size_t length)
{
	for (const char *at = data; length;) {
		ssize_t n = bh_write_quietly(fd, at, length);
		if (n < 0 && errno == EINTR)
			continue;
		/* Some devices take nothing for ever. */
		if (n == 0)
			errno = EIO;
		if (n <= 0)
			return false;
		at += n;
		length -= (size_t)n;
	}
	return true;
}

bool bh_may_write(uint64_t length)
{
	struct rlimit limit;
	if (getrlimit(RLIMIT_FSIZE, &limit) < 0 || limit.rlim_cur == RLIM_INFINITY || length <= limit.rlim_cur)
		return true;
	errno = EFBIG;
	return false;
}

bool bh_read_at(int fd, void *out, size_t length, uint64_t at)
{
	for (char *to = out; length;) {
		ssize_t n = pread(fd, to, length, (off_t)at);
		if (n < 0 && errno == EINTR)
			continue;
		if (n == 0)
			errno = EIO;
		if (n <= 0)
			return false;
		to += n;
		at += (uint64_t)n;
		length -= (size_t)n;
	}
	return true;
}

bool bh_copy_bytes(int to, int from, uint64_t at, uint64_t length)
{
	BH_AUTO(bh_free) void *chunk = bh_alloc(CHUNK);
	if (!chunk) {
		errno = ENOMEM;
		return false;
	}
	while (length) {
		size_t part = length < CHUNK ? (size_t)length : CHUNK;
		if (!bh_read_at(from, chunk, part, at) || !bh_write_all(to, chunk, part))
			return false;
		at += part;
		length -= part;
	}
	return true;
}
