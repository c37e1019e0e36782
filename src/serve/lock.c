#include "lock.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "memory.h"

static bh_status failed(const char *what, int number, bh_error **err)
{
	bool denied = number == EACCES || number == EPERM || number == EROFS;
	return bh_error_new(err, denied ? BH_E_DENIED : BH_E_IO, "%s: %s", what, strerror(number));
}

/* A folder of this user's alone: in a place like /tmp somebody else could have made it. */
static bh_status check_private(const char *folder, bh_error **err)
{
	struct stat info;
	if (lstat(folder, &info) < 0)
		return failed(folder, errno, err);
	if (!S_ISDIR(info.st_mode) || info.st_uid != geteuid() || info.st_mode & (S_IWGRP | S_IWOTH))
		return bh_error_new(err, BH_E_DENIED, "%s: not a folder that this user alone can write to", folder);
	return BH_OK;
}

static bh_status make_folder(const char *folder, bh_error **err)
{
	if (mkdir(folder, 0700) < 0 && errno != EEXIST)
		return failed(folder, errno, err);
	return check_private(folder, err);
}

static bh_status open_lock(int *out, const char *file, bh_error **err)
{
	int fd = open(file, O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (fd < 0)
		return failed(file, errno, err);
	if (flock(fd, LOCK_EX | LOCK_NB) == 0) {
		*out = fd;
		return BH_OK;
	}
	int why = errno;
	char pid[24] = "";
	ssize_t length = why == EWOULDBLOCK ? pread(fd, pid, sizeof pid - 1, 0) : 0;
	pid[length > 0 ? strcspn(pid, "\n") : 0] = '\0';
	close(fd);
	if (why != EWOULDBLOCK)
		return failed(file, why, err);
	return bh_error_new(err, BH_E_BUSY, "another daemon runs with this socket%s%s (%s)", *pid ? ", process " : "", pid,
	                    file);
}

bh_status lock_take(int *out, const char *path, bool is_default, bh_error **err)
{
	const char *slash = strrchr(path, '/');
	SV_AUTO char *folder = slash > path ? sv_copy_n(path, (size_t)(slash - path)) : sv_copy(slash ? "/" : ".");
	SV_AUTO char *file = sv_format("%s.lock", path);
	if (!folder || !file)
		return bh_error_new(err, BH_E_NO_MEMORY, "no memory");
	int lock = -1;
	bh_status status = is_default ? make_folder(folder, err) : BH_OK;
	if (!status)
		status = open_lock(&lock, file, err);
	if (status)
		return status;
	char pid[24];
	int length = snprintf(pid, sizeof pid, "%ld\n", (long)getpid());
	if (ftruncate(lock, 0) < 0 || pwrite(lock, pid, (size_t)length, 0) != length) {
		/* A full disk: the lock holds without its number. */
	}
	*out = lock;
	return BH_OK;
}

void lock_release(int lock)
{
	if (lock >= 0)
		close(lock);
}
