/*
 * A cache folder that is private to this user: opened once, everything in it by names below it.
 *
 * Nothing here follows a link, and nothing is changed in place: files are written beside, and renamed.
 */
#ifndef BH_CACHE_FOLDER_H
#define BH_CACHE_FOLDER_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/stat.h>

#include "base/error.h"

/* What a file was when it was looked at: as long as this is the same, it was not changed. */
typedef struct {
	uint64_t device, inode, size;
	int64_t mtime_s, mtime_ns, ctime_s, ctime_ns;
} bh_identity;

bh_identity bh_identity_of(const struct stat *info);
bool bh_identity_same(const bh_identity *a, const bh_identity *b);

/*
 * Whether a change could still come that the identity would not show: the file was changed within the last 2 s (the
 * coarsest clock of a file system), or in the future.
 */
bool bh_identity_young(const bh_identity *identity);

/*
 * Open a folder, and make it (with those above it) where it does not exist. It must be this user's, and nobody else's
 * to write; a link in its place is refused. BH_OK; BH_E_IO, with what is wrong; BH_E_NO_MEMORY.
 */
bh_status bh_folder_open(int *out, const char *path, bh_error **err);

/* The same below an open one. -1 with errno. */
int bh_folder_open_in(int folder, const char *name, bool make);

/* A regular file of ours for reading: -1 with errno; EPERM for one that somebody else could have written. */
int bh_folder_file(int folder, const char *name, struct stat *info);

/* Read a whole small file of exactly so many bytes. */
bool bh_folder_read(int folder, const char *name, void *out, size_t length, struct stat *info);

/* What a file is written from. */
typedef struct {
	const void *data; /* NULL: bytes of another file, from `at` on */
	uint64_t length;
	int fd;
	uint64_t at;
} bh_piece;

/* Write pieces to an open, empty file, as they are. False with errno; nothing was written where that is EFBIG. */
bool bh_pieces_write(int fd, const bh_piece *pieces, size_t count);

/*
 * Write pieces as a file, so that nobody sees half of it: -1 with errno; ENOENT where the folder, or the file on its way,
 * was removed meanwhile. `sync`: it must not come out of a power cut empty. `info` (may be NULL) receives what it is now.
 */
int bh_folder_write(int folder, const char *name, const bh_piece *pieces, size_t count, bool sync, struct stat *info);

/*
 * A copy of bytes of a file that nobody else can write to, and that has no name: in `folder`, or in memory and sealed
 * where that is -1, or where its file system has no such files. -1 with errno; EIO where the file ends before.
 */
int bh_folder_copy(int folder, int from, uint64_t at, uint64_t length);

/* Names of files half-written begin so. */
#define BH_FOLDER_TEMPORARY ".new-"

#endif
