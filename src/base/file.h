/* Files, whole: read with a bound, written so that nobody ever sees half of one. */
#ifndef BH_BASE_FILE_H
#define BH_BASE_FILE_H

#include <sys/types.h>

#include "base/error.h"

/*
 * Read a regular file of at most `max` bytes. The content is followed by a NUL byte that *length does not count.
 * Free it with bh_free(). Anything but a regular file is refused: opening a FIFO can block for ever.
 *
 * BH_OK; BH_E_NOT_FOUND; BH_E_IO; BH_E_NO_MEMORY
 */
bh_status bh_file_read(char **out, size_t *length, const char *path, size_t max, bh_error **err);

/*
 * Write a file that must not exist yet: into a temporary file beside it, synced, then given its name. A file
 * that exists is never touched, also if it appears meanwhile. The permissions are 0666 less the umask.
 *
 * BH_OK; BH_E_INVALID (it exists); BH_E_NOT_FOUND (no such folder); BH_E_IO; BH_E_NO_MEMORY
 */
bh_status bh_file_create(const char *path, const void *data, size_t length, bh_error **err);

/*
 * Write a file in the same way whether or not it exists: one that does is replaced, or left as it is if this fails. A
 * link is replaced, not followed. `mode`: its permissions, less the umask. A character device is written to as it is.
 *
 * BH_OK; BH_E_INVALID (it is a folder, a FIFO or the like); BH_E_NOT_FOUND (no such folder); BH_E_IO; BH_E_NO_MEMORY
 */
bh_status bh_file_replace(const char *path, const void *data, size_t length, mode_t mode, bh_error **err);

/* The folder part of a path, without its last slash ("." if it names none), to be freed; NULL without memory. */
char *bh_path_folder(const char *path) __attribute__((warn_unused_result));

/* `path` as seen from `folder`: itself if absolute or if `folder` is ".", else both joined; NULL without memory. */
char *bh_path_join(const char *folder, const char *path) __attribute__((warn_unused_result));

/* Whether there is a regular file, a link to one included. */
bool bh_file_exists(const char *path);

#endif
