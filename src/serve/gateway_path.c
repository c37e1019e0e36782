/*
 * Files that may be registered over HTTP. The rules are looked at twice: for the path as it is written, and for the file that
 * was opened by it, as the kernel names it. What is read is that file, so that a link which is turned round in between leads
 * nowhere else.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "gateway_internal.h"
#include "memory.h"

enum { MOST_PATH = 4096 };

/* What a key may name. */
typedef struct {
	const char *key, *ending;
	off_t most;
	const char *most_text;
} path_rule;

static const path_rule module_rule = {"file_path", ".wasm", 64 << 20, "64 MiB"},
					   manifest_rule = {"manifest", ".toml", 64 << 10, "64 KiB"};

static const char *const forbidden[] = {"/etc",  "/proc",    "/sys",     "/dev", "/boot",
                                        "/root", "/var/log", "/var/run", "/run"};

static bool is_under(const char *path, const char *folder)
{
	size_t length = strlen(folder);
	return !strncmp(path, folder, length) && (!path[length] || path[length] == '/');
}

static bool has_dots(const char *path)
{
	for (const char *at = path; at; at = strchr(at, '/')) {
		at += *at == '/';
		size_t length = strcspn(at, "/");
		if ((length == 1 && at[0] == '.') || (length == 2 && at[0] == '.' && at[1] == '.'))
			return true;
	}
	return false;
}

static bh_status path_check(const char *path, const path_rule *rule, bh_error **err)
{
	size_t length = strlen(path), end = strlen(rule->ending);
	if (!length)
		return bh_error_new(err, BH_E_INVALID, "%s is empty", rule->key);
	if (path[0] != '/')
		return bh_error_new(err, BH_E_INVALID, "%s is to be absolute: %s", rule->key, path);
	if (length >= MOST_PATH || has_dots(path))
		return bh_error_new(err, BH_E_INVALID, "%s has '.' or '..' in it, or is too long", rule->key);
	if (length <= end || strcmp(path + length - end, rule->ending) != 0)
		return bh_error_new(err, BH_E_INVALID, "%s is to end in %s: %s", rule->key, rule->ending, path);
	for (size_t i = 0; i < SV_COUNT(forbidden); i++)
		if (is_under(path, forbidden[i]))
			return bh_error_new(err, BH_E_DENIED, "%s is below %s, where no modules may be", rule->key, forbidden[i]);
	return BH_OK;
}

/* The name that the kernel has for what was opened. */
static bh_status true_name(char out[MOST_PATH], int fd, bh_error **err)
{
	char link[64];
	snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
	ssize_t length = readlink(link, out, MOST_PATH - 1);
	if (length <= 0 || length >= MOST_PATH - 1)
		return bh_error_new(err, BH_E_IO, "the file's true path cannot be found");
	out[length] = '\0';
	return BH_OK;
}

static bh_status read_all(char **bytes, size_t *length, int fd, const char *path, const path_rule *rule, bh_error **err)
{
	struct stat info;
	if (fstat(fd, &info) || !S_ISREG(info.st_mode))
		return bh_error_new(err, BH_E_IO, "%s: not a file", path);
	if (info.st_size <= 0)
		return bh_error_new(err, BH_E_INVALID, "%s: empty", path);
	if (info.st_size > rule->most)
		return bh_error_new(err, BH_E_RESOURCE_LIMIT, "%s: larger than %s", path, rule->most_text);
	SV_AUTO char *text = sv_alloc((size_t)info.st_size + 1);
	if (!text)
		return no_memory(err);
	size_t done = 0;
	for (ssize_t got = 1; got > 0 && done<(size_t)info.st_size; done += got> 0 ? (size_t)got : 0)
		got = pread(fd, text + done, (size_t)info.st_size - done, (off_t)done);
	if (done != (size_t)info.st_size)
		return bh_error_new(err, BH_E_IO, "%s: it changed while it was read, or cannot be read", path);
	*bytes = SV_TAKE(text);
	*length = done;
	return BH_OK;
}

static bh_status read_by(const path_rule *rule, char **bytes, size_t *length, const char *path, bh_error **err)
{
	char name[MOST_PATH];
	bh_status status = path_check(path, rule, err);
	if (status)
		return status;
	/* O_NONBLOCK: a FIFO must not hold us. */
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	if (fd < 0)
		return bh_error_new(err, errno == ENOENT ? BH_E_NOT_FOUND : BH_E_IO, "%s: %s", path, strerror(errno));
	status = true_name(name, fd, err);
	if (!status)
		status = path_check(name, rule, err);
	if (!status)
		status = read_all(bytes, length, fd, path, rule, err);
	close(fd);
	return status;
}

bh_status module_read(char **bytes, size_t *length, const char *path, bh_error **err)
{
	return read_by(&module_rule, bytes, length, path, err);
}

bh_status manifest_read(char **text, size_t *length, const char *path, bh_error **err)
{
	return read_by(&manifest_rule, text, length, path, err);
}
