/* Options: one table of rows for each command, from which they are both read and explained. */
#ifndef BH_CLI_OPTIONS_H
#define BH_CLI_OPTIONS_H

#include <stdbool.h>
#include <stddef.h>

typedef struct option_row option_row;

/* Take an option's value (NULL for an option that has none): 0, or an exit code after a message. */
typedef int option_taker(void *target, const option_row *row, const char *value);

struct option_row {
	const char *name;     /* without dashes */
	char letter;          /* 0: none */
	const char *argument; /* what its value is called in the help; NULL: it takes none */
	const char *help;     /* one line; further lines after \n */
	option_taker *take;
	size_t offset; /* for `take`: where in the target it writes */
};

/* Rows, and the struct they write to. */
typedef struct {
	const option_row *rows;
	size_t count;
	void *target;
} option_group;

typedef struct {
	const option_group *groups;
	size_t count;
	bool stop_at_operand; /* what follows the first operand belongs to somebody else */
} option_set;

/* What is left: operands, in order. Points into argv, which is rearranged. */
typedef struct {
	char **items;
	size_t count;
} operands;

typedef enum { OPTIONS_READ, OPTIONS_HELP, OPTIONS_WRONG } options_result;

/*
 * Read the command line after the command's name. Options are "--name value", "--name=value" or a letter's
 * "-n value" and "-nvalue"; a long name may be cut short as long as it is clear which one is meant; "--" ends
 * the options.
 *
 * OPTIONS_HELP: -h or --help was there. OPTIONS_WRONG: a message has been printed; *exit_code is set.
 */
options_result options_read(const option_set *set, const char *command, int argc, char **argv, operands *out,
                            int *exit_code);

/* A row by position over all groups, NULL past the end; and the target it writes to. */
const option_row *options_at(const option_set *set, size_t index, void **target);

/* Takers for the usual targets. */
option_taker take_flag;   /* bool */
option_taker take_text;   /* const char * */
option_taker take_append; /* text_list */

/* Texts in the order they were given; the texts themselves are borrowed. */
typedef struct {
	const char **items;
	size_t count;
	size_t capacity;
} text_list;

void text_list_add(text_list *list, const char *text);
void text_list_deinit(text_list *list);

#endif
