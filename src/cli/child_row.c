#include "child_row.h"

#include <stdlib.h>
#include <string.h>

#include "memory.h"
#include "text.h"

double child_number(const json_t *object, const char *key)
{
	const json_t *value = json_object_get(object, key);
	return json_is_string(value) ? strtod(json_string_value(value), NULL) : json_number_value(value);
}

uint64_t child_count(const json_t *object, const char *key)
{
	double number = child_number(object, key);
	return number > 0 && number < 9e18 ? (uint64_t)number : 0;
}

static const char *text_in(const json_t *object, const char *key)
{
	const char *text = json_string_value(json_object_get(object, key));
	return text ? text : "";
}

char *one_line(const char *text)
{
	char *clean = text_clean(text);
	for (char *p = clean; *p; p++)
		if (*p == '\n' || *p == '\t')
			*p = ' ';
	return clean;
}

char *duration_text(double ms)
{
	enum { S = 1000, M = 60 * S, H = 60 * M, D = 24 * H };
	unsigned long long t = ms > 0 && ms < 1e15 ? (unsigned long long)ms : 0;
	if (t < 10 * S)
		return x_format("%.1f s", (double)t / S);
	if (t < M)
		return x_format("%llu s", t / S);
	if (t < H)
		return x_format("%llum %llus", t / M, t % M / S);
	if (t < D)
		return x_format("%lluh %llum", t / H, t % H / M);
	return x_format("%llud %lluh", t / D, t % D / H);
}

static char *name_text(const json_t *child)
{
	X_AUTO char *path = one_line(text_in(child, "path"));
	unsigned replica = (unsigned)child_count(child, "replica");
	return replica ? x_format("%s#%u", path, replica) : x_copy(path);
}

/* So many of what a limit's text is in: "1.2/64 MiB". */
static char *memory_text(uint64_t peak, uint64_t limit)
{
	static const struct {
		const char *name;
		double bytes;
	} units[] = {{"bytes", 1}, {"B", 1},         {"KB", 1e3},      {"kB", 1e3},     {"MB", 1e6},
	             {"GB", 1e9},  {"KiB", 1 << 10}, {"MiB", 1 << 20}, {"GiB", 1 << 30}};
	X_AUTO char *text = x_copy(text_bytes(limit));
	const char *unit = strrchr(text, ' ');
	for (size_t i = 0; unit && i < X_COUNT(units); i++)
		if (!strcmp(unit + 1, units[i].name)) {
			double value = (double)peak / units[i].bytes;
			return x_format("%.*f/%s", value < 100 && units[i].bytes > 1 ? 1 : 0, value, text);
		}
	return x_format("%s/%s", text_bytes(peak), text);
}

char *rate_text(const json_t *object, const char *key, const char *count)
{
	const json_t *rate = json_object_get(object, key);
	double value = json_number_value(rate);
	if (!json_is_number(rate))
		return x_copy(child_count(object, count) ? "-" : "0");
	if (value > 0 && value < 10)
		return x_format("%.1f", value);
	return x_copy(text_count(value > 0 && value < 1e18 ? (uint64_t)(value + 0.5) : 0));
}

/* What ended it, in the words of the command. */
static char *cause_text(const json_t *child, const json_t *last)
{
	const char *status = text_in(last, "status"), *how = text_in(last, "how"), *trap = text_in(last, "trap");
	const json_t *statistics = json_object_get(child, "statistics");
	uint64_t memory = child_count(statistics, "memory_limit");
	if (!strcmp(how, "not-up") || !strcmp(how, "unhealthy") || !*status)
		return *status ? x_format("%s: %s", how, text_in(last, "text")) : x_copy(how);
	if (!strcmp(status, "BH_E_TRAP") && *trap) {
		char *text = x_format("trapped: %s", trap);
		for (char *p = text; *p; p++)
			*p = *p == '-' ? ' ' : *p;
		return text;
	}
	if (!strcmp(status, "BH_E_TIMEOUT"))
		return x_copy("timeout");
	if (!strcmp(status, "BH_E_OUT_OF_FUEL"))
		return x_copy("out of fuel");
	if (!strcmp(status, "BH_E_MEMORY_LIMIT"))
		return memory ? x_format("memory limit %s", text_bytes(memory)) : x_copy("memory limit");
	return x_copy(text_in(last, "text"));
}

static char *last_exit_text(const json_t *child)
{
	const json_t *last = json_object_get(child, "last_exit");
	const char *state = text_in(child, "state");
	double next = child_number(child, "next_start_ms");
	if (!json_is_object(last))
		return x_copy("-");
	X_AUTO char *raw = cause_text(child, last);
	X_AUTO char *cause = one_line(raw);
	X_AUTO char *ago = duration_text(child_number(last, "ago_ms"));
	X_AUTO char *until = duration_text(next);
	unsigned long long restarts = child_count(child, "restarts");
	if (!strcmp(state, "waiting") && next > 0)
		return x_format("%s (next try in %s)", cause, until);
	if (!strcmp(state, "failed") && restarts)
		return x_format("%s (gave up after %llu restart%s, %s ago)", cause, restarts, restarts == 1 ? "" : "s", ago);
	return x_format("%s (%s ago)", cause, ago);
}

void child_row_make(char *cells[CELL_COUNT], const json_t *child)
{
	const json_t *statistics = json_object_get(child, "statistics");
	bool counted = json_is_object(statistics), called = child_count(statistics, "calls") > 0;
	bool metered = json_is_number(json_object_get(statistics, "fuel_limit"));
	bool running = !strcmp(text_in(child, "state"), "running");
	cells[CELL_NAME] = name_text(child);
	cells[CELL_STATE] = one_line(text_in(child, "state"));
	cells[CELL_UPTIME] = running ? duration_text(child_number(child, "up_ms")) : x_copy("-");
	cells[CELL_RESTARTS] = x_copy(text_count(child_count(child, "restarts")));
	cells[CELL_RATE] = counted ? rate_text(statistics, "calls_per_s", "calls") : x_copy("-");
	cells[CELL_P99] = x_copy(called ? text_nanoseconds(child_count(statistics, "p99_ns")) : "-");
	cells[CELL_FUEL] = x_copy(called && metered ? text_count(child_count(statistics, "fuel_per_call")) : "-");
	cells[CELL_MEMORY] =
		counted && child_count(statistics, "peak_memory")
			? memory_text(child_count(statistics, "peak_memory"), child_count(statistics, "memory_limit"))
			: x_copy("-");
	cells[CELL_LAST_EXIT] = last_exit_text(child);
}
