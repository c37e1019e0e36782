#include "base/file.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/io.h"

/* Open for reading, if it is a regular file; -1 with an error otherwise. */
static int open_regular(const char *path, struct stat *info, bh_error **err, bh_status *status)
{
	/* Not blocking: a FIFO or a device would otherwise hold us here before we can see what it is. */
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	if (fd < 0 && (errno == ENOENT || errno == ENOTDIR)) {
		*status = bh_fail(err, BH_E_NOT_FOUND, "%s: no such file", path);
		return -1;
	}
	if (fd < 0) {
		*status = bh_fail_errno(err, BH_E_IO, errno, "%s", path);
		return -1;
	}
	if (fstat(fd, info) == 0 && S_ISREG(info->st_mode))
		return fd;
	*status = bh_fail(err, BH_E_IO, "%s: %s", path, S_ISDIR(info->st_mode) ? "is a folder" : "not a regular file");
	close(fd);
	return -1;
}

static bh_status too_large(const char *path, size_t max, bh_error **err)
{
	if (max >= 1 << 20)
		return bh_fail(err, BH_E_IO, "%s: larger than %zu MiB", path, max >> 20);
	return bh_fail(err, BH_E_IO, "%s: larger than %zu bytes", path, max);
}

bh_status bh_file_read(char **out, size_t *length, const char *path, size_t max, bh_error **err)
{
	struct stat info = {0};
	bh_status status = BH_OK;
	__attribute__((cleanup(bh_close_auto))) int fd = open_regular(path, &info, err, &status);
	if (fd < 0)
		return status;
	if (info.st_size < 0 || (uint64_t)info.st_size > max)
		return too_large(path, max, err);

	/* One byte more than expected: a file that grows meanwhile is noticed, and the NUL has its place. */
	size_t capacity = (size_t)info.st_size + 1, used = 0;
	BH_AUTO(bh_free) char *data = bh_alloc(capacity);
	if (!data)
		return bh_fail_memory(err);
	for (;;) {
		if (used == capacity) {
			size_t wanted = capacity * 2 <= max ? capacity * 2 : max + 1;
			if (used > max)
				return too_large(path, max, err);
			char *grown = bh_realloc(data, wanted);
			if (!grown)
				return bh_fail_memory(err);
			data = grown;
			capacity = wanted;
		}
		ssize_t n = read(fd, data + used, capacity - used);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return bh_fail_errno(err, BH_E_IO, errno, "%s", path);
		if (n == 0)
			break;
		used += (size_t)n;
	}
	data[used] = '\0';
	*length = used;
	*out = BH_TAKE(data);
	return BH_OK;
}

/* Give the temporary file its name, unless the name is taken. */
static int publish(const char *temporary, const char *path)
{
	if (renameat2(AT_FDCWD, temporary, AT_FDCWD, path, RENAME_NOREPLACE) == 0)
		return 0;
	if (errno != EINVAL && errno != ENOSYS)
		return -1;
	/* A file system without that flag: a second name refuses to replace, too. */
	if (link(temporary, path) < 0)
		return -1;
	unlink(temporary);
	return 0;
}

static bh_status create_failed(const char *path, int number, bh_error **err)
{
	if (number == EEXIST)
		return bh_fail(err, BH_E_INVALID, "%s exists already and was left as it is", path);
	if (number == ENOENT || number == ENOTDIR)
		return bh_fail(err, BH_E_NOT_FOUND, "%s: no such folder", path);
	return bh_fail_errno(err, BH_E_IO, number, "%s", path);
}

/* The name is not durable before its folder is synced. Failing at that loses nothing that was there before. */
static void sync_folder(const char *folder)
{
	__attribute__((cleanup(bh_close_auto))) int fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd >= 0)
		(void)fsync(fd);
}

/* Into a temporary file beside it, synced, and then by `name` to its place. */
static bh_status write_beside(const char *path, const void *data, size_t length, mode_t mode,
                              int (*name)(const char *temporary, const char *path), bh_error **err)
{
	uint64_t random = 0;
	if (getrandom(&random, sizeof random, 0) != sizeof random)
		return bh_fail_errno(err, BH_E_SYSTEM, errno, "no random numbers");
	BH_AUTO(bh_free) char *folder = bh_path_folder(path);
	BH_AUTO(bh_free) char *temporary = folder ? bh_format("%s/.bulkhead-%016" PRIx64, folder, random) : NULL;
	if (!temporary)
		return bh_fail_memory(err);

	__attribute__((cleanup(bh_close_auto))) int fd = open(temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode);
	if (fd < 0)
		return create_failed(path, errno, err);
	if (!bh_write_all(fd, data, length) || fsync(fd) < 0 || name(temporary, path) < 0) {
		int number = errno;
		unlink(temporary);
		return create_failed(path, number, err);
	}
	sync_folder(folder);
	return BH_OK;
}

bh_status bh_file_create(const char *path, const void *data, size_t length, bh_error **err)
{
	struct stat info;
	if (lstat(path, &info) == 0)
		return create_failed(path, EEXIST, err);
	return write_beside(path, data, length, 0666, publish, err);
}

static bh_status write_device(const char *path, const void *data, size_t length, bh_error **err)
{
	__attribute__((cleanup(bh_close_auto))) int fd = open(path, O_WRONLY | O_CLOEXEC | O_NOCTTY);
	if (fd < 0 || !bh_write_all(fd, data, length))
		return bh_fail_errno(err, BH_E_IO, errno, "%s", path);
	return BH_OK;
}

bh_status bh_file_replace(const char *path, const void *data, size_t length, mode_t mode, bh_error **err)
{
	struct stat info;
	bool exists = stat(path, &info) == 0;
	/* To those who may, the name of a device is as easily taken as that of a file: /dev/null would be one. */
	if (exists && S_ISCHR(info.st_mode))
		return write_device(path, data, length, err);
	if (exists && !S_ISREG(info.st_mode))
		return bh_fail(err, BH_E_INVALID, "%s: %s", path, S_ISDIR(info.st_mode) ? "is a folder" : "not a regular file");
	return write_beside(path, data, length, mode, rename, err);
}

char *bh_path_folder(const char *path)
{
	const char *slash = strrchr(path, '/');
	if (!slash)
		return bh_strdup(".");
	return bh_strndup(path, slash == path ? 1 : (size_t)(slash - path));
}

char *bh_path_join(const char *folder, const char *path)
{
	if (*path == '/' || !strcmp(folder, "."))
		return bh_strdup(path);
	while (path[0] == '.' && path[1] == '/')
		path += 2;
	size_t length = strlen(folder);
	return bh_format("%s%s%s", folder, length && folder[length - 1] == '/' ? "" : "/", path);
}

bool bh_file_exists(const char *path)
{
	struct stat info;
	return stat(path, &info) == 0 && S_ISREG(info.st_mode);
}
