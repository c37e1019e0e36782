#include "new_file.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "memory.h"
#include "text.h"

static int own_stream(const struct stat *seen)
{
	struct stat own;
	for (int fd = STDOUT_FILENO; fd <= STDERR_FILENO; fd++)
		if (fstat(fd, &own) == 0 && own.st_dev == seen->st_dev && own.st_ino == seen->st_ino)
			return fd;
	return -1;
}

int new_file_own_stream(const char *path)
{
	struct stat seen;
	return stat(path, &seen) == 0 ? own_stream(&seen) : -1;
}

/* The path with its links followed, where it is a file; to be freed. */
static char *place_of(const char *path, bool exists)
{
	char real[PATH_MAX];
	if (!exists)
		return x_copy(path);
	return realpath(path, real) ? x_copy(real) : NULL;
}

bool new_file_possible(const char *path)
{
	struct stat seen;
	bool exists = stat(path, &seen) == 0;
	if (!exists && errno != ENOENT)
		return false;
	if (exists && S_ISDIR(seen.st_mode)) {
		errno = EISDIR;
		return false;
	}
	if (exists && (!S_ISREG(seen.st_mode) || own_stream(&seen) >= 0))
		return true;
	X_AUTO char *place = place_of(path, exists);
	if (!place)
		return false;
	char *slash = strrchr(place, '/');
	if (slash)
		slash[slash == place] = '\0';
	return access(slash ? place : ".", W_OK | X_OK) == 0;
}

static mode_t usual_mode(void)
{
	mode_t mask = umask(0);
	umask(mask);
	return 0666 & ~mask;
}

bool new_file_begin(new_file *f, const char *path)
{
	struct stat seen;
	bool exists = stat(path, &seen) == 0;
	int own = exists ? own_stream(&seen) : -1;
	*f = (new_file){.fd = -1};
	if (!exists && errno != ENOENT)
		return false;
	if (own >= 0) {
		fflush(stdout);
		f->fd = fcntl(own, F_DUPFD_CLOEXEC, STDERR_FILENO + 1);
		return f->fd >= 0;
	}
	if (exists && !S_ISREG(seen.st_mode)) {
		f->fd = open(path, O_WRONLY | O_CLOEXEC | O_NOCTTY);
		return f->fd >= 0;
	}
	f->place = place_of(path, exists);
	f->beside = f->place ? x_format("%s.XXXXXX", f->place) : NULL;
	f->fd = f->beside ? mkostemp(f->beside, O_CLOEXEC) : -1;
	if (f->fd >= 0 && fchmod(f->fd, exists ? seen.st_mode & 0777 : usual_mode()) == 0)
		return true;
	int number = errno;
	if (f->fd >= 0)
		new_file_end(f, false);
	x_free(f->place);
	x_free(f->beside);
	*f = (new_file){.fd = -1};
	errno = number;
	return false;
}

bool new_file_end(new_file *f, bool good)
{
	bool done = !good || !f->place || fsync(f->fd) == 0;
	int number = errno;
	if (close(f->fd) < 0 && done) {
		number = errno;
		done = !good;
	}
	if (f->place && good && done && rename(f->beside, f->place) < 0) {
		number = errno;
		done = false;
	}
	if (f->place && (!good || !done))
		unlink(f->beside);
	x_free(f->place);
	x_free(f->beside);
	*f = (new_file){.fd = -1};
	errno = number;
	return done;
}
