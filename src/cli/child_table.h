/* The children of a daemon as a table, which fits into a width. */
#ifndef BH_CLI_CHILD_TABLE_H
#define BH_CLI_CHILD_TABLE_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

typedef enum {
	CHILDREN_IN_ORDER, /* of the tree */
	CHILDREN_BY_RATE,
	CHILDREN_BY_P99,
	CHILDREN_BY_FUEL,
	CHILDREN_BY_MEMORY,
	CHILDREN_BY_RESTARTS,
} children_order;

/* Lines, with colours where stdout takes them; to be released. */
typedef struct {
	char **lines; /* the heading first */
	size_t count, capacity;
} child_table;

/* Of the array "children" of the admin API. `width` in columns; 0: as wide as it gets. */
void child_table_make(child_table *out, const json_t *children, children_order order, size_t width);
void child_table_deinit(child_table *table);

/* The columns of the terminal that stdout is; 0: it is none. */
size_t terminal_columns(void);

#endif
