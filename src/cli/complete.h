/*
 * Completion: what the word that is being typed at a shell may become. The shells' scripts (contrib/completions) run
 * `bulkhead __complete WORD...`, with the last word being that one, and get a line for each: the word, a tab, what it is.
 * The line ":files" stands for names of files.
 */
#ifndef BH_CLI_COMPLETE_H
#define BH_CLI_COMPLETE_H

#include "command.h"

#define COMPLETE_COMMAND "__complete"

/* The words after that. Says nothing on stderr, asks the daemon for half a second at most, and never fails. */
int complete_run(int count, char **words);

/* Its second half, in the command whose options these are: `words` follow its name. */
void complete_operands(const command *self, const option_set *set, int count, char **words);

#endif
