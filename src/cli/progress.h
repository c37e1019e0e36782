/* Progress: what a person at a terminal sees when compiling takes longer than a second. */
#ifndef BH_CLI_PROGRESS_H
#define BH_CLI_PROGRESS_H

/* "compiling FILE ... 3 s" on stderr, from a second on. Nothing unless stderr is a terminal. */
void progress_begin(const char *file);

/* It is done: the line is erased. */
void progress_end(void);

#endif
