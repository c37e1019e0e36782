#include "child_table.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "child_row.h"
#include "memory.h"
#include "output.h"

static const table_column columns[CELL_COUNT] = {
	[CELL_NAME] = {.heading = "NAME", .least = 8},
	[CELL_STATE] = {.heading = "STATE"},
	[CELL_UPTIME] = {.heading = "UPTIME", .goes = 3},
	[CELL_RESTARTS] = {.heading = "RESTARTS", .goes = 1},
	[CELL_RATE] = {.heading = "CALLS/S", .goes = 2},
	[CELL_P99] = {.heading = "P99", .goes = 5},
	[CELL_FUEL] = {.heading = "FUEL/CALL", .goes = 6},
	[CELL_MEMORY] = {.heading = "MEMORY", .goes = 4},
	[CELL_LAST_EXIT] = {.heading = "LAST EXIT", .goes = 1, .least = 14, .cut_first = true},
};

typedef struct {
	const json_t *child;
	size_t position;
	double key;
} row;

static double key_of(const json_t *child, children_order order)
{
	static const char *const keys[] = {[CHILDREN_BY_RATE] = "calls_per_s",
	                                   [CHILDREN_BY_P99] = "p99_ns",
	                                   [CHILDREN_BY_FUEL] = "fuel_per_call",
	                                   [CHILDREN_BY_MEMORY] = "peak_memory"};
	if (order == CHILDREN_IN_ORDER)
		return 0;
	if (order == CHILDREN_BY_RESTARTS)
		return child_number(child, "restarts");
	return child_number(json_object_get(child, "statistics"), keys[order]);
}

/* The largest first; what is alike stays in the tree's order. */
static int compare(const void *one, const void *other)
{
	const row *a = one, *b = other;
	if (a->key != b->key)
		return a->key > b->key ? -1 : 1;
	return a->position < b->position ? -1 : 1;
}

/* The root is what the daemon is, and no row. */
static row *gather(size_t *count, const json_t *children, children_order order)
{
	size_t all = json_array_size(children);
	row *rows = x_alloc(all * sizeof *rows);
	*count = 0;
	for (size_t i = 0; i < all; i++) {
		const json_t *child = json_array_get(children, i);
		const char *path = json_string_value(json_object_get(child, "path"));
		if (path && *path)
			rows[(*count)++] = (row){.child = child, .position = i, .key = key_of(child, order)};
	}
	if (*count)
		qsort(rows, *count, sizeof *rows, compare);
	return rows;
}

static const char *colour_of(size_t column, const char *text)
{
	if (column != CELL_STATE)
		return "";
	if (!strcmp(text, "failed"))
		return output_style_on(stdout, STYLE_ERROR);
	bool calm = !strcmp(text, "running") || !strcmp(text, "ended") || !strcmp(text, "stopped");
	return calm ? "" : output_style_on(stdout, STYLE_WARNING);
}

void child_table_make(table *out, const json_t *children, children_order order, size_t width)
{
	static const table_form form = {.columns = columns, .count = CELL_COUNT, .colour = colour_of};
	size_t count;
	row *rows = gather(&count, children, order);
	char **cells = x_alloc(count * CELL_COUNT * sizeof *cells);
	for (size_t i = 0; i < count; i++)
		child_row_make(cells + i * CELL_COUNT, rows[i].child);
	x_free(rows);
	table_make(out, &form, cells, count, width);
}
