/* All of it written, all of it read, whatever interrupts. */
#ifndef BH_CLI_WHOLE_H
#define BH_CLI_WHOLE_H

#include <stdbool.h>
#include <stddef.h>

/* False with errno: EIO where the file takes nothing and says nothing. */
bool write_whole(int fd, const void *data, size_t length);

/*
 * Read a file from its start: `size` bytes, or as many as it has. False with errno. `length` receives how many there
 * were.
 */
bool read_whole(int fd, void *out, size_t size, size_t *length);

#endif
