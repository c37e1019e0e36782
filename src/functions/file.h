/* Files of granted folders: which folder a guest's path is in, and reading what is there without ever leaving it. */
#ifndef BH_FUNCTIONS_FILE_H
#define BH_FUNCTIONS_FILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Why not: a case of the interface's error, and what to say. No name: it went well. */
typedef struct {
	const char *name;
	const char *text;
} bh_file_failure;

/*
 * What is behind `folder` in `path`, both as a guest writes them, and how many parts the folder has; NULL if the path is
 * not in it. Parts are compared as text, "." and doubled slashes do not count, nor does a slash at the beginning.
 */
const char *bh_path_within(const char *path, const char *folder, size_t *parts);

/*
 * Read a regular file of at most `max` bytes in a folder of ours. Blocks as long as the disk does. The bytes are to be
 * freed. `moved` is told of each piece, of none before the first; false: nobody wants the rest.
 */
typedef bool bh_file_moved(void *data, size_t bytes);
bh_file_failure bh_granted_file_read(uint8_t **out, size_t *length, const char *folder, const char *inside,
                                     uint64_t max, bh_file_moved *moved, void *data);

#endif
