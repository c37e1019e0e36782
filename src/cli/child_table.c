#include "child_table.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "child_row.h"
#include "memory.h"
#include "output.h"

enum { GAP = 2, NARROWEST_EXIT = 14, NARROWEST_NAME = 8 };

static const struct {
	const char *heading;
	unsigned goes; /* the larger, the sooner it is left out where there is no room; 0: never */
} columns[CELL_COUNT] = {
	[CELL_NAME] = {"NAME", 0},         [CELL_STATE] = {"STATE", 0},   [CELL_UPTIME] = {"UPTIME", 3},
	[CELL_RESTARTS] = {"RESTARTS", 1}, [CELL_RATE] = {"CALLS/S", 2},  [CELL_P99] = {"P99", 5},
	[CELL_FUEL] = {"FUEL/CALL", 6},    [CELL_MEMORY] = {"MEMORY", 4}, [CELL_LAST_EXIT] = {"LAST EXIT", 1},
};

typedef struct {
	const json_t *child;
	char *cells[CELL_COUNT];
	size_t position;
	double key;
} row;

typedef struct {
	size_t width[CELL_COUNT]; /* 0: left out */
	row *rows;
	size_t count;
} layout;

size_t terminal_columns(void)
{
	struct winsize size;
	if (!isatty(STDOUT_FILENO))
		return 0;
	return ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col ? size.ws_col : 80;
}

/* Characters, each of which is taken to be one column wide. */
static size_t columns_of(const char *text)
{
	size_t count = 0;
	for (; *text; text++)
		count += ((unsigned char)*text & 0xc0) != 0x80;
	return count;
}

/* How many bytes the first characters of a text take. */
static size_t bytes_of(const char *text, size_t characters)
{
	size_t i = 0;
	while (text[i] && (characters || ((unsigned char)text[i] & 0xc0) == 0x80)) {
		characters -= ((unsigned char)text[i] & 0xc0) != 0x80;
		i++;
	}
	return i;
}

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
static void gather(layout *l, const json_t *children, children_order order)
{
	size_t count = json_array_size(children);
	l->rows = x_alloc(count * sizeof *l->rows);
	for (size_t i = 0; i < count; i++) {
		const json_t *child = json_array_get(children, i);
		const char *path = json_string_value(json_object_get(child, "path"));
		if (path && *path)
			l->rows[l->count++] = (row){.child = child, .position = i, .key = key_of(child, order)};
	}
	if (l->count)
		qsort(l->rows, l->count, sizeof *l->rows, compare);
	for (size_t i = 0; i < l->count; i++)
		child_row_make(l->rows[i].cells, l->rows[i].child);
}

static size_t total_of(const layout *l)
{
	size_t total = 0;
	for (int c = 0; c < CELL_COUNT; c++)
		total += l->width[c] ? l->width[c] + GAP : 0;
	return total ? total - GAP : 0;
}

static void narrow(layout *l, cell which, size_t least, size_t wanted)
{
	size_t total = total_of(l), *width = &l->width[which];
	if (total <= wanted || *width <= least)
		return;
	size_t spare = *width - least, over = total - wanted;
	*width -= spare < over ? spare : over;
}

/* First the last column is cut, then columns go, then names are cut. */
static void fit(layout *l, size_t wanted)
{
	narrow(l, CELL_LAST_EXIT, NARROWEST_EXIT, wanted);
	for (unsigned goes = 6; goes && total_of(l) > wanted; goes--)
		for (int c = 0; c < CELL_COUNT; c++)
			if (columns[c].goes == goes && total_of(l) > wanted)
				l->width[c] = 0;
	narrow(l, CELL_NAME, NARROWEST_NAME, wanted);
}

static void measure(layout *l, size_t wanted)
{
	for (int c = 0; c < CELL_COUNT; c++) {
		l->width[c] = strlen(columns[c].heading);
		for (size_t i = 0; i < l->count; i++) {
			size_t width = columns_of(l->rows[i].cells[c]);
			l->width[c] = width > l->width[c] ? width : l->width[c];
		}
	}
	if (wanted)
		fit(l, wanted);
}

/* A cell as wide as its column, cut with a '~' where it is wider; the last one of a line is not filled. */
static void put_cell(FILE *out, const char *text, size_t width, bool last)
{
	size_t have = columns_of(text);
	if (have > width)
		fprintf(out, "%.*s~", (int)bytes_of(text, width - 1), text);
	else
		fprintf(out, "%s%*s", text, last ? 0 : (int)(width - have), "");
	if (!last)
		fprintf(out, "%*s", GAP, "");
}

static const char *colour_of(int column, const char *text)
{
	if (column != CELL_STATE)
		return "";
	if (!strcmp(text, "failed"))
		return output_style_on(stdout, STYLE_ERROR);
	bool calm = !strcmp(text, "running") || !strcmp(text, "ended") || !strcmp(text, "stopped");
	return calm ? "" : output_style_on(stdout, STYLE_WARNING);
}

static void add_line(child_table *out, const layout *l, char *const cells[CELL_COUNT])
{
	int last = CELL_COUNT - 1;
	while (last > 0 && !l->width[last])
		last--;
	x_writer line;
	x_text_begin(&line);
	if (!cells)
		fputs(output_style_on(stdout, STYLE_BOLD), line.stream);
	for (int c = 0; c <= last; c++) {
		if (!l->width[c])
			continue;
		const char *colour = cells ? colour_of(c, cells[c]) : "";
		fputs(colour, line.stream);
		put_cell(line.stream, cells ? cells[c] : columns[c].heading, l->width[c], c == last);
		if (*colour)
			fputs(output_style_on(stdout, STYLE_OFF), line.stream);
	}
	if (!cells)
		fputs(output_style_on(stdout, STYLE_OFF), line.stream);
	out->lines = x_grow(out->lines, out->count, &out->capacity, sizeof *out->lines);
	out->lines[out->count++] = x_text_end(&line);
}

void child_table_make(child_table *out, const json_t *children, children_order order, size_t width)
{
	layout l = {0};
	*out = (child_table){0};
	gather(&l, children, order);
	measure(&l, width);
	add_line(out, &l, NULL);
	for (size_t i = 0; i < l.count; i++) {
		add_line(out, &l, l.rows[i].cells);
		for (int c = 0; c < CELL_COUNT; c++)
			x_free(l.rows[i].cells[c]);
	}
	x_free(l.rows);
}

void child_table_deinit(child_table *table)
{
	for (size_t i = 0; i < table->count; i++)
		x_free(table->lines[i]);
	x_free(table->lines);
	*table = (child_table){0};
}
