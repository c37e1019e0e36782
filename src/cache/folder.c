#include "cache/folder.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <time.h>
#include <unistd.h>

#include "base/io.h"

enum { YOUNG_S = 2 };

bh_identity bh_identity_of(const struct stat *info)
{
	return (bh_identity){
		.device = info->st_dev,
		.inode = info->st_ino,
		.size = (uint64_t)info->st_size,
		.mtime_s = info->st_mtim.tv_sec,
		.mtime_ns = info->st_mtim.tv_nsec,
		.ctime_s = info->st_ctim.tv_sec,
		.ctime_ns = info->st_ctim.tv_nsec,
	};
}

bool bh_identity_same(const bh_identity *a, const bh_identity *b)
{
	return !memcmp(a, b, sizeof *a);
}

bool bh_identity_young(const bh_identity *identity)
{
	struct timespec now;
	clock_gettime(CLOCK_REALTIME, &now);
	int64_t latest = identity->mtime_s > identity->ctime_s ? identity->mtime_s : identity->ctime_s;
	return now.tv_sec - latest <= YOUNG_S;
}

static bool is_private(const struct stat *info)
{
	return info->st_uid == geteuid() && !(info->st_mode & (S_IWGRP | S_IWOTH));
}

/* Make the folder and those above it; what is there already is left as it is. */
static bool make_all(char *path)
{
	for (char *slash = path + (*path == '/'); (slash = strchr(slash, '/')); slash++) {
		*slash = '\0';
		bool made = mkdir(path, 0700) == 0 || errno == EEXIST;
		*slash = '/';
		if (!made)
			return false;
	}
	return mkdir(path, 0700) == 0 || errno == EEXIST;
}

static bh_status not_private(const char *path, const struct stat *info, bh_error **err)
{
	bool owner = info->st_uid != geteuid();
	bh_error *e = bh_error_begin(err, BH_E_IO, "%s: %s", path,
	                             owner ? "the folder belongs to another user" : "others may write to the folder");
	if (owner)
		bh_error_hint_set(e, "Compiled code is run as it is, so it is only kept in a folder of one's own. "
		                     "Name another with BULKHEAD_CACHE_DIR.");
	else
		bh_error_hint_set(e, "chmod go-w %s", path);
	return BH_E_IO;
}

bh_status bh_folder_open(int *out, const char *path, bh_error **err)
{
	enum { FLAGS = O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC };
	struct stat info;
	if (!*path)
		return bh_fail(err, BH_E_IO, "the name of the folder is empty");
	int fd = open(path, FLAGS);
	if (fd < 0 && errno == ENOENT) {
		BH_AUTO(bh_free) char *copy = bh_strdup(path);
		if (!copy)
			return bh_fail_memory(err);
		fd = make_all(copy) ? open(path, FLAGS) : -1;
	}
	if (fd < 0 && (errno == ELOOP || errno == ENOTDIR))
		return bh_fail(err, BH_E_IO, "%s: %s", path,
		               lstat(path, &info) == 0 && S_ISLNK(info.st_mode) ? "a link, not a folder" : "not a folder");
	if (fd < 0 || fstat(fd, &info) < 0) {
		bh_status status = bh_fail_errno(err, BH_E_IO, errno, "%s", path);
		if (fd >= 0)
			close(fd);
		return status;
	}
	if (!is_private(&info)) {
		close(fd);
		return not_private(path, &info, err);
	}
	*out = fd;
	return BH_OK;
}

int bh_folder_open_in(int folder, const char *name, bool make)
{
	enum { FLAGS = O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC };
	struct stat info;
	int fd = openat(folder, name, FLAGS);
	if (fd < 0 && errno == ENOENT && make && (mkdirat(folder, name, 0700) == 0 || errno == EEXIST))
		fd = openat(folder, name, FLAGS);
	if (fd < 0 || (fstat(fd, &info) == 0 && is_private(&info)))
		return fd;
	close(fd);
	errno = EPERM;
	return -1;
}

int bh_folder_file(int folder, const char *name, struct stat *info)
{
	/* Not blocking: what is no file is seen below. */
	int fd = openat(folder, name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	if (fd < 0)
		return -1;
	if (fstat(fd, info) == 0 && S_ISREG(info->st_mode) && is_private(info))
		return fd;
	close(fd);
	errno = EPERM;
	return -1;
}

bool bh_folder_read(int folder, const char *name, void *out, size_t length, struct stat *info)
{
	__attribute__((cleanup(bh_close_auto))) int fd = bh_folder_file(folder, name, info);
	return fd >= 0 && info->st_size == (off_t)length && pread(fd, out, length, 0) == (ssize_t)length;
}

static bool write_piece(int fd, const bh_piece *piece)
{
	return piece->data ? bh_write_all(fd, piece->data, (size_t)piece->length)
	                   : bh_copy_bytes(fd, piece->fd, piece->at, piece->length);
}

bool bh_pieces_write(int fd, const bh_piece *pieces, size_t count)
{
	uint64_t length = 0;
	for (size_t i = 0; i < count; i++)
		length += pieces[i].length;
	if (!bh_may_write(length))
		return false;
	for (size_t i = 0; i < count; i++)
		if (!write_piece(fd, &pieces[i]))
			return false;
	return true;
}

static bool seal(int fd)
{
	return fcntl(fd, F_ADD_SEALS, F_SEAL_WRITE | F_SEAL_GROW | F_SEAL_SHRINK | F_SEAL_SEAL) == 0;
}

int bh_folder_copy(int folder, int from, uint64_t at, uint64_t length)
{
	if (!bh_may_write(length))
		return -1;
	int fd = folder < 0 ? -1 : openat(folder, ".", O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
	bool in_memory = fd < 0;
	if (in_memory)
		fd = memfd_create("bulkhead-copy", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	if (fd >= 0 && bh_copy_bytes(fd, from, at, length) && (!in_memory || seal(fd)))
		return fd;
	int number = errno;
	bh_close_auto(&fd);
	errno = number;
	return -1;
}

int bh_folder_write(int folder, const char *name, const bh_piece *pieces, size_t count, bool sync, struct stat *info)
{
	uint64_t random;
	char temporary[40];
	if (getrandom(&random, sizeof random, 0) != sizeof random)
		return -1;
	snprintf(temporary, sizeof temporary, BH_FOLDER_TEMPORARY "%016" PRIx64, random);
	__attribute__((cleanup(bh_close_auto))) int fd =
		openat(folder, temporary, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (fd < 0)
		return -1;
	if (bh_pieces_write(fd, pieces, count) && (!sync || fsync(fd) == 0) &&
	    renameat(folder, temporary, folder, name) == 0)
		return info ? fstat(fd, info) : 0;
	int number = errno;
	unlinkat(folder, temporary, 0);
	errno = number;
	return -1;
}
