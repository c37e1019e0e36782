#include "table.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "memory.h"
#include "output.h"

enum { GAP = 2 };

typedef struct {
	const table_form *form;
	size_t width[TABLE_COLUMNS]; /* 0: left out */
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

static size_t total_of(const layout *l)
{
	size_t total = 0;
	for (size_t c = 0; c < l->form->count; c++)
		total += l->width[c] ? l->width[c] + GAP : 0;
	return total ? total - GAP : 0;
}

static void cut(layout *l, bool first, size_t wanted)
{
	for (size_t c = 0; c < l->form->count; c++) {
		size_t total = total_of(l), *width = &l->width[c], least = l->form->columns[c].least;
		if (total <= wanted || !least || *width <= least || l->form->columns[c].cut_first != first)
			continue;
		size_t spare = *width - least, over = total - wanted;
		*width -= spare < over ? spare : over;
	}
}

static void fit(layout *l, size_t wanted)
{
	cut(l, true, wanted);
	for (unsigned goes = TABLE_GOES; goes && total_of(l) > wanted; goes--)
		for (size_t c = 0; c < l->form->count; c++)
			if (l->form->columns[c].goes == goes && total_of(l) > wanted)
				l->width[c] = 0;
	cut(l, false, wanted);
}

static void measure(layout *l, char *const *cells, size_t rows, size_t wanted)
{
	size_t count = l->form->count;
	for (size_t c = 0; c < count; c++) {
		l->width[c] = strlen(l->form->columns[c].heading);
		for (size_t i = 0; i < rows; i++) {
			size_t width = columns_of(cells[i * count + c]);
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

/* Without cells: the headings. */
static void add_line(table *out, const layout *l, char *const *cells)
{
	size_t last = l->form->count - 1;
	while (last > 0 && !l->width[last])
		last--;
	x_writer line;
	x_text_begin(&line);
	if (!cells)
		fputs(output_style_on(stdout, STYLE_BOLD), line.stream);
	for (size_t c = 0; c <= last; c++) {
		if (!l->width[c])
			continue;
		const char *colour = cells && l->form->colour ? l->form->colour(c, cells[c]) : "";
		fputs(colour, line.stream);
		put_cell(line.stream, cells ? cells[c] : l->form->columns[c].heading, l->width[c], c == last);
		if (*colour)
			fputs(output_style_on(stdout, STYLE_OFF), line.stream);
	}
	if (!cells)
		fputs(output_style_on(stdout, STYLE_OFF), line.stream);
	out->lines = x_grow(out->lines, out->count, &out->capacity, sizeof *out->lines);
	out->lines[out->count++] = x_text_end(&line);
}

void table_make(table *out, const table_form *form, char **cells, size_t rows, size_t width)
{
	layout l = {.form = form};
	assert(form->count && form->count <= TABLE_COLUMNS);
	*out = (table){0};
	measure(&l, cells, rows, width);
	add_line(out, &l, NULL);
	for (size_t i = 0; i < rows; i++)
		add_line(out, &l, cells + i * form->count);
	for (size_t i = 0; i < rows * form->count; i++)
		x_free(cells[i]);
	x_free(cells);
}

void table_deinit(table *t)
{
	for (size_t i = 0; i < t->count; i++)
		x_free(t->lines[i]);
	x_free(t->lines);
	*t = (table){0};
}
