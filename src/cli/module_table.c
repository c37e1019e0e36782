#include "module_table.h"

#include <string.h>

#include "child_row.h"
#include "clock.h"
#include "exit_code.h"
#include "json.h"
#include "memory.h"
#include "text.h"

typedef enum { M_NAME, M_POINT, M_CALLS, M_REJECTED, M_MODIFIED, M_FAILED, M_P99, M_COUNT } module_cell;

/* What is counted of a point: there, here, and by the second. */
static const struct {
	const char *theirs, *ours, *rate;
	module_cell cell;
} counters[] = {
	{"calls", "calls", "calls_per_s", M_CALLS},
	{"rejected", "rejected", "rejected_per_s", M_REJECTED},
	{"modified", "modified", "modified_per_s", M_MODIFIED},
	{"failures", "failed", "failed_per_s", M_FAILED},
};

/* Looking. */

static bool same_text(const json_t *a, const json_t *b, const char *key)
{
	const char *one = json_string_value(json_object_get(a, key)), *other = json_string_value(json_object_get(b, key));
	return one && other && !strcmp(one, other);
}

/* The row of the same point in the look before; NULL: it was not called by then. */
static const json_t *row_before(const modules_sight *s, const json_t *row)
{
	size_t i;
	const json_t *other;
	json_array_foreach(s->rows, i, other)
	{
		if (same_text(other, row, "name") && same_text(other, row, "attach"))
			return other;
	}
	return NULL;
}

static void put_rates(const modules_sight *s, json_t *row, uint64_t now)
{
	const json_t *before = row_before(s, row);
	for (size_t i = 0; i < X_COUNT(counters); i++) {
		double count = (double)child_count(row, counters[i].ours), was = (double)child_count(before, counters[i].ours);
		bool known = s->rows && now > s->at && count >= was;
		put_member(row, counters[i].rate,
		           known ? json_real((count - was) * 1000 / (double)(now - s->at)) : json_null());
	}
}

/* `point` NULL: it was never asked. */
static void add_row(json_t *rows, const modules_sight *s, const json_t *module, const json_t *point, uint64_t now)
{
	json_t *row = json_made(json_object());
	put_text(row, "name", json_string_value(json_object_get(module, "name")));
	put_text(row, "attach", json_string_value(json_object_get(point, "attach")));
	put_member(row, "missing", json_boolean(json_is_true(json_object_get(module, "missing"))));
	for (size_t i = 0; i < X_COUNT(counters); i++)
		put_number(row, counters[i].ours, child_count(point, counters[i].theirs));
	put_rates(s, row, now);
	put_number(row, "p99_ns", child_count(point, "p99_ns"));
	put_element(rows, row);
}

static json_t *rows_of(const modules_sight *s, const json_t *modules, uint64_t now)
{
	json_t *rows = json_made(json_array());
	const json_t *module;
	size_t i, n;
	json_array_foreach(modules, i, module)
	{
		const json_t *points = json_object_get(module, "points");
		for (n = 0; n < json_array_size(points); n++)
			add_row(rows, s, module, json_array_get(points, n), now);
		if (!n)
			add_row(rows, s, module, NULL, now);
	}
	return rows;
}

int modules_look(modules_sight *s, admin_client *client, uint32_t timeout_ms, bool tells)
{
	enum { NOT_FOUND = 404, NOT_IMPLEMENTED = 501 }; /* of daemons that have no such route, or no gateway */
	admin_answer answer = admin_ask(client, &(admin_request){.path = "/v1/gateway", .timeout_ms = timeout_ms});
	bool none = answer.outcome == ADMIN_ANSWERED && (answer.status == NOT_FOUND || answer.status == NOT_IMPLEMENTED);
	const json_t *modules = admin_went_well(&answer) ? json_object_get(answer.json, "modules") : NULL;
	uint64_t now = x_now_ms();
	int code = 0;
	if (none || json_is_array(modules)) {
		json_t *rows = none ? NULL : rows_of(s, modules, now);
		json_decref(s->rows);
		s->rows = rows;
		s->at = now;
	} else {
		code = tells ? admin_failed(client, &answer, NULL) : EXIT_BUSY;
	}
	admin_answer_deinit(&answer);
	return code;
}

void modules_sight_deinit(modules_sight *s)
{
	json_decref(s->rows);
	*s = (modules_sight){0};
}

/* Showing. */

/* At 80 columns there is room for all of them, and 14 characters of a name. */
static const table_column columns[M_COUNT] = {
	[M_NAME] = {.heading = "MODULE", .least = 12, .cut_first = true},
	[M_POINT] = {.heading = "POINT"},
	[M_CALLS] = {.heading = "CALLS/S"},
	[M_REJECTED] = {.heading = "REJECTED/S", .goes = 2},
	[M_MODIFIED] = {.heading = "MODIFIED/S", .goes = 4},
	[M_FAILED] = {.heading = "FAILED/S", .goes = 1},
	[M_P99] = {.heading = "P99", .goes = 3},
};

static char *point_text(const json_t *row)
{
	const char *attach = json_string_value(json_object_get(row, "attach"));
	if (json_is_true(json_object_get(row, "missing")))
		return x_copy("missing");
	return one_line(attach ? attach : "-");
}

static void make_row(char *cells[M_COUNT], const json_t *row)
{
	const char *name = json_string_value(json_object_get(row, "name"));
	bool called = child_count(row, "calls") > 0;
	cells[M_NAME] = one_line(name ? name : "");
	cells[M_POINT] = point_text(row);
	for (size_t i = 0; i < X_COUNT(counters); i++)
		cells[counters[i].cell] = rate_text(row, counters[i].rate, counters[i].ours);
	cells[M_P99] = x_copy(called ? text_nanoseconds(child_count(row, "p99_ns")) : "-");
}

void module_table_make(table *out, const json_t *rows, size_t width)
{
	static const table_form form = {.columns = columns, .count = M_COUNT};
	size_t count = json_array_size(rows);
	char **cells = x_alloc(count * M_COUNT * sizeof *cells);
	for (size_t i = 0; i < count; i++)
		make_row(cells + i * M_COUNT, json_array_get(rows, i));
	table_make(out, &form, cells, count, width);
}
