#include "log_file.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

void log_file_close(log_file *file)
{
	if (file->fd >= 0)
		close(file->fd);
	*file = (log_file)LOG_FILE_INIT;
}

/* The path of the nth file before the one that is written. */
static bool path_of(char out[PATH_MAX], const log_place *place, uint32_t nth)
{
	int length = nth ? snprintf(out, PATH_MAX, "%s/%s.log.%u", place->directory, place->name, nth)
	                 : snprintf(out, PATH_MAX, "%s/%s.log", place->directory, place->name);
	if (length >= 0 && length < PATH_MAX)
		return true;
	errno = ENAMETOOLONG;
	return false;
}

/* A process that was killed in the middle of a line leaves half of one: what comes is a line of its own. */
static bool end_last_line(int fd, uint64_t *size)
{
	char last;
	if (!*size || pread(fd, &last, 1, (off_t)(*size - 1)) != 1 || last == '\n')
		return true;
	if (write(fd, "\n", 1) != 1)
		return false;
	(*size)++;
	return true;
}

static int open_file(const log_place *place, uint64_t *size)
{
	char path[PATH_MAX];
	struct stat info;
	if (!path_of(path, place, 0))
		return -1;
	/* Without O_NONBLOCK a FIFO in its place would hold up the logs of all. */
	int fd = open(path, O_RDWR | O_CREAT | O_APPEND | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC, 0640);
	if (fd < 0)
		return -1;
	if (fstat(fd, &info) == 0 && S_ISREG(info.st_mode)) {
		*size = (uint64_t)info.st_size;
		if (end_last_line(fd, size))
			return fd;
	} else {
		errno = EINVAL;
	}
	int why = errno;
	close(fd);
	errno = why;
	return -1;
}

/* Open it if it is not, or if somebody has taken it away. */
static bool is_open(log_file *file, const log_place *place)
{
	char path[PATH_MAX];
	struct stat info = {0}, there;
	if (file->fd >= 0 && path_of(path, place, 0) && fstat(file->fd, &info) == 0 && lstat(path, &there) == 0 &&
	    info.st_ino == there.st_ino && info.st_dev == there.st_dev)
		return true;
	uint64_t size = 0;
	int fd = open_file(place, &size);
	/* Where it cannot be, the old one is better than none. */
	if (fd < 0)
		return file->fd >= 0 && info.st_nlink;
	log_file_close(file);
	*file = (log_file){.fd = fd, .size = size};
	return true;
}

/* Each file takes the name of the one before it; the oldest goes. */
static bool put_aside(const log_place *place)
{
	char from[PATH_MAX], to[PATH_MAX];
	if (!place->keep)
		return path_of(from, place, 0) && unlink(from) == 0;
	for (uint32_t nth = place->keep; nth--;)
		if (!path_of(from, place, nth) || !path_of(to, place, nth + 1) || (rename(from, to) < 0 && errno != ENOENT))
			return false;
	return true;
}

/*
 * Begin the next file. The full one stays open until there is a next one: where anything of this fails, lines go on into it,
 * under whatever name it has by then.
 */
static void rotate(log_file *file, const log_place *place)
{
	uint64_t size = 0;
	int next = file->size >= file->stuck_until && put_aside(place) ? open_file(place, &size) : -1;
	if (next < 0) {
		if (file->size >= file->stuck_until)
			file->stuck_until = file->size + place->max_size;
		return;
	}
	close(file->fd);
	*file = (log_file){.fd = next, .size = size};
}

/* All of it, or nothing: half a line on a full disk is taken back. */
static bool append(log_file *file, const char *data, size_t length)
{
	size_t done = 0;
	while (done < length) {
		ssize_t wrote = write(file->fd, data + done, length - done);
		if (wrote < 0 && errno == EINTR)
			continue;
		if (wrote <= 0) {
			int why = wrote < 0 ? errno : EIO;
			if (done && ftruncate(file->fd, (off_t)file->size) < 0)
				file->size += done;
			errno = why;
			return false;
		}
		done += (size_t)wrote;
	}
	file->size += length;
	return true;
}

static size_t count_lines(const char *data, size_t length)
{
	size_t count = 0;
	for (size_t i = 0; i < length; i++)
		count += data[i] == '\n';
	return count;
}

/* Of these lines, as many bytes as the file has room for; one line at least. */
static size_t that_fit(uint64_t room, const char *lines, size_t length)
{
	size_t part = 0;
	while (part < length) {
		const char *end = memchr(lines + part, '\n', length - part);
		size_t next = end ? (size_t)(end - lines) + 1 : length;
		if (part && next > room)
			break;
		part = next;
	}
	return part;
}

size_t log_file_write(log_file *file, const log_place *place, const char *lines, size_t length)
{
	size_t lost = 0;
	int why = 0;
	while (length) {
		if (!is_open(file, place))
			return lost + count_lines(lines, length);
		uint64_t room = file->size < place->max_size ? place->max_size - file->size : 0;
		size_t part = that_fit(room, lines, length);
		if (file->size && part > room) {
			rotate(file, place);
			room = file->size < place->max_size ? place->max_size - file->size : place->max_size;
			part = that_fit(room, lines, length);
		}
		if (!append(file, lines, part)) {
			why = errno;
			lost += count_lines(lines, part);
		}
		lines += part;
		length -= part;
	}
	errno = why;
	return lost;
}
