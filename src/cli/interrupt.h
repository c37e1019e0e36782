/*
 * Interruption: SIGINT and SIGTERM stop the guest first, and the command ends by itself then; a second signal,
 * or one while there is no guest to stop, ends the command at once.
 */
#ifndef BH_CLI_INTERRUPT_H
#define BH_CLI_INTERRUPT_H

#include <bulkhead.h>

/* Take the signals over. A signal that is ignored stays ignored (nohup, shells' background jobs). */
void interrupt_catch(void);

/* Write a text, which it takes over, to a descriptor where this signal ends the command at once; until interrupt_cancels(). */
void interrupt_says(int number, int fd, char *text);

/* Cancel this token at the first signal; NULL: there is no guest to stop. */
void interrupt_cancels(bh_cancel *cancel);

/* The exit code for the signal that came; 0 if none did. */
int interrupt_exit_code(void);

#endif
