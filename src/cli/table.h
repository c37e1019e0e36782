/* Text in columns, which fits into a width: cells are cut, and columns left out. */
#ifndef BH_CLI_TABLE_H
#define BH_CLI_TABLE_H

#include <stdbool.h>
#include <stddef.h>

typedef struct {
	const char *heading;
	unsigned goes;  /* the larger, the sooner it is left out where there is no room; 0: never */
	size_t least;   /* it may be cut to so many characters; 0: it is not */
	bool cut_first; /* before columns are left out; otherwise behind that */
} table_column;

enum { TABLE_COLUMNS = 16, TABLE_GOES = 9 };

typedef struct {
	const table_column *columns;
	size_t count;                                           /* up to TABLE_COLUMNS */
	const char *(*colour)(size_t column, const char *text); /* "" or a sequence; NULL: none has any */
} table_form;

/* Lines, with colours where stdout takes them; to be released. */
typedef struct {
	char **lines; /* the heading first */
	size_t count, capacity;
} table;

/* `cells`: each row's behind each other; they are given away. `width` in columns; 0: as wide as it gets. */
void table_make(table *out, const table_form *form, char **cells, size_t rows, size_t width);
void table_deinit(table *t);

/* The columns of the terminal that stdout is; 0: it is none. */
size_t terminal_columns(void);

#endif
