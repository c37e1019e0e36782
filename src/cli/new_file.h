/*
 * A file that the command makes: it is there whole, or what was there before stays. It is written under another name
 * beside its place and takes that when it is finished.
 */
#ifndef BH_CLI_NEW_FILE_H
#define BH_CLI_NEW_FILE_H

#include <stdbool.h>

/* What is no file, as a terminal or a pipe, has no name to be taken: it is written to as it is. */
typedef struct {
	int fd;
	char *place;  /* where it will be, which is where a link leads to; NULL: it is there already */
	char *beside; /* its name until then */
} new_file;

/*
 * Our own stdout or stderr by another name (/dev/stdout, or the file it goes to); -1: neither. Those are not replaced: what
 * was written before would be lost, and where /dev is ours to write the link in it too.
 */
int new_file_own_stream(const char *path);

/* Whether it is likely to succeed, without a trace; false with errno. For asking before the work that it will hold. */
bool new_file_possible(const char *path);

/* False with errno. */
bool new_file_begin(new_file *f, const char *path);

/* End it: kept if it is good, else given up. False with errno, where it was good and cannot be kept. */
bool new_file_end(new_file *f, bool good);

#endif
