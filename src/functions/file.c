#include "functions/file.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/io.h"

enum {
	PIECE = 256 * 1024, /* between two looks at whether anybody still waits */
	SMALLEST = 4096,
	TRIES = 64 /* openat2() gives up where folders are renamed while it walks through them */
};

/* The next part of a path that is not "."; false past the end. */
static bool next_part(const char **at, const char **part, size_t *length)
{
	do {
		*at += strspn(*at, "/");
		*part = *at;
		*length = strcspn(*at, "/");
		*at += *length;
	} while (*length == 1 && **part == '.');
	return *length;
}

const char *bh_path_within(const char *path, const char *folder, size_t *parts)
{
	const char *wanted, *part;
	size_t wanted_length, length;
	*parts = 0;
	while (next_part(&folder, &wanted, &wanted_length)) {
		if (!next_part(&path, &part, &length) || length != wanted_length || memcmp(part, wanted, length) != 0)
			return NULL;
		++*parts;
	}
	return path + strspn(path, "/");
}

static bh_file_failure why(int number)
{
	switch (number) {
	case ENOENT:
	case ENOTDIR:
	case ENAMETOOLONG:
		return (bh_file_failure){"not-found", "no such file"};
	case EXDEV:
		return (bh_file_failure){"denied", "it leads out of the granted folder"};
	case ELOOP:
		return (bh_file_failure){"denied", "links that are not followed"};
	case EACCES:
	case EPERM:
		return (bh_file_failure){"denied", "the host may not read it"};
	case ENXIO:
		return (bh_file_failure){"not-a-file", "not a regular file"};
	case ENOMEM:
		return (bh_file_failure){"io", "no memory for it"};
	default: {
		const char *text = strerrordesc_np(number);
		return (bh_file_failure){"io", text ? text : "it could not be read"};
	}
	}
}

static int open_beneath(int folder, const char *path, uint64_t flags)
{
	struct open_how how = {.flags = flags | O_CLOEXEC, .resolve = RESOLVE_BENEATH | RESOLVE_NO_MAGICLINKS};
	long fd = -1;
	for (int i = 0; i < TRIES && fd < 0; i++) {
		fd = syscall(SYS_openat2, folder, path, &how, sizeof how);
		if (fd < 0 && errno != EAGAIN && errno != EINTR)
			break;
	}
	return (int)fd;
}

static bh_file_failure check_plain(int fd, uint64_t max, uint64_t *size)
{
	struct stat info;
	if (fstat(fd, &info) < 0)
		return why(errno);
	if (S_ISDIR(info.st_mode))
		return (bh_file_failure){"not-a-file", "a folder"};
	if (!S_ISREG(info.st_mode))
		return (bh_file_failure){"not-a-file", "not a regular file"};
	*size = info.st_size > 0 ? (uint64_t)info.st_size : 0;
	if (*size > max)
		return (bh_file_failure){"too-large", "longer than this host reads"};
	return (bh_file_failure){0};
}

/* From its beginning to its end, which may be elsewhere than its size said. */
static bh_file_failure read_all(uint8_t **out, size_t *length, int fd, uint64_t size, uint64_t max,
                                bh_file_moved *moved, void *who)
{
	size_t capacity = (size_t)size + 1, filled = 0;
	if (capacity < SMALLEST)
		capacity = SMALLEST;
	BH_AUTO(bh_free) uint8_t *data = bh_alloc(capacity);
	bool wanted = moved(who, 0);
	for (bool more = data; more && wanted;) {
		if (filled == capacity) {
			uint8_t *grown = bh_realloc(data, capacity *= 2);
			if (!grown)
				return why(ENOMEM);
			data = grown;
		}
		size_t room = capacity - filled < PIECE ? capacity - filled : PIECE;
		ssize_t got = read(fd, data + filled, room);
		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return why(errno);
		filled += (size_t)got;
		wanted = moved(who, (size_t)got);
		more = got;
		if (filled > max)
			return (bh_file_failure){"too-large", "longer than this host reads"};
	}
	if (!data)
		return why(ENOMEM);
	if (!wanted)
		return (bh_file_failure){"io", "nobody waits for it"};
	*out = BH_TAKE(data);
	*length = filled;
	return (bh_file_failure){0};
}

/*
 * The file is looked at before it is opened, because opening a device can have effects, and a FIFO lets go of who waits
 * at its other end. What takes its place in between is opened without waiting, and found out afterwards.
 */
bh_file_failure bh_granted_file_read(uint8_t **out, size_t *length, const char *folder, const char *inside,
                                     uint64_t max, bh_file_moved *moved, void *data)
{
	uint64_t size = 0;
	__attribute__((cleanup(bh_close_auto))) int root = open(folder, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (root < 0)
		return (bh_file_failure){"io", "the granted folder cannot be opened"};
	__attribute__((cleanup(bh_close_auto))) int looked = open_beneath(root, inside, O_PATH);
	if (looked < 0)
		return why(errno);
	bh_file_failure failure = check_plain(looked, max, &size);
	if (failure.name)
		return failure;
	__attribute__((cleanup(bh_close_auto))) int fd =
		open_beneath(root, inside, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_LARGEFILE);
	if (fd < 0)
		return why(errno);
	failure = check_plain(fd, max, &size);
	return failure.name ? failure : read_all(out, length, fd, size, max, moved, data);
}
