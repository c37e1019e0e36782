/* A child's log file: appended to by whole lines, followed by the next one when it is full. One thread. */
#ifndef BH_SERVE_LOG_FILE_H
#define BH_SERVE_LOG_FILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct {
	int fd; /* -1: not open */
	uint64_t size;
	uint64_t stuck_until; /* it could not be put aside: tried again when it is so long */
} log_file;

#define LOG_FILE_INIT                                                                                                  \
	{                                                                                                                  \
		.fd = -1                                                                                                       \
	}

/* Where and how much. */
typedef struct {
	const char *directory;
	const char *name; /* of the child's files: NAME.log, NAME.log.1 is the one before it, ... */
	uint64_t max_size;
	uint32_t keep;
} log_place;

/* Write lines, whole ones, each or none. Returns how many could not be written, then with errno. */
size_t log_file_write(log_file *file, const log_place *place, const char *lines, size_t length);

void log_file_close(log_file *file);

#endif
