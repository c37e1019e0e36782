/* One child of a daemon in words: the cells of a row of the table. */
#ifndef BH_CLI_CHILD_ROW_H
#define BH_CLI_CHILD_ROW_H

#include <jansson.h>
#include <stddef.h>
#include <stdint.h>

typedef enum {
	CELL_NAME,
	CELL_STATE,
	CELL_UPTIME,
	CELL_RESTARTS,
	CELL_RATE,
	CELL_P99,
	CELL_FUEL,
	CELL_MEMORY,
	CELL_LAST_EXIT,
	CELL_COUNT
} cell;

/* Each to be freed; safe for terminals, within one line. Members that are not there show as "-". */
void child_row_make(char *cells[CELL_COUNT], const json_t *child);

/* Of the API's numbers, which are texts where they are too large; 0 where there is none. */
double child_number(const json_t *object, const char *key);

/* The same of what is counted; 0 where that is no count. */
uint64_t child_count(const json_t *object, const char *key);

/* A rate by the second, and what it is the rate of: where it is not known yet, "-" if that is not 0. To be freed. */
char *rate_text(const json_t *object, const char *key, const char *count);

/* "2m 13s", to be freed. */
char *duration_text(double ms);

/* Text from others within one line: text_clean(), and no newlines or tabs. To be freed. */
char *one_line(const char *text);

#endif
