/* The children of a daemon as a table. */
#ifndef BH_CLI_CHILD_TABLE_H
#define BH_CLI_CHILD_TABLE_H

#include <jansson.h>

#include "table.h"

typedef enum {
	CHILDREN_IN_ORDER, /* of the tree */
	CHILDREN_BY_RATE,
	CHILDREN_BY_P99,
	CHILDREN_BY_FUEL,
	CHILDREN_BY_MEMORY,
	CHILDREN_BY_RESTARTS,
} children_order;

/* Of the array "children" of the admin API, as table_make(). */
void child_table_make(table *out, const json_t *children, children_order order, size_t width);

#endif
