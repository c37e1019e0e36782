/* `bulkhead call` of a child of the daemon. */
#ifndef BH_CLI_CALL_CHILD_H
#define BH_CLI_CALL_CHILD_H

#include "admin.h"
#include "settings.h"

/*
 * Whether a word of the command line names a child and no file: somebody says where the daemon is, or there is no such
 * file and it does not look like one.
 */
bool names_a_child(const char *word, const admin_place *place);

/* Call it, print the result; the exit code. */
int call_child(const char *child, const char *text, const settings *s, const admin_place *place);

#endif
