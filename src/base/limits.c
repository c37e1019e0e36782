/* Limits: one table, and what works on any row of it. A new limit is a row here and a field in bh_limits. */
#include "bulkhead/limits.h"

#include <ctype.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"

typedef struct {
	bh_limit_info info;
	size_t offset;
} limit_row;

#define ROW(field, ...) {.offset = offsetof(bh_limits, field), .info = {__VA_ARGS__}}

static const limit_row rows[BH_LIMIT_COUNT] = {
	[BH_LIMIT_MEMORY] = ROW(memory, "max_memory", "memory", BH_UNIT_BYTES, 0, BH_KIB(64), BH_GIB(4), false,
                            "linear memory, all memories together"),
	[BH_LIMIT_INITIAL_MEMORY] = ROW(initial_memory, "initial_memory", NULL, BH_UNIT_BYTES, BH_KIB(64), BH_KIB(64),
                                    BH_GIB(4), false, "memory reserved for an instance"),
	[BH_LIMIT_STACK] =
		ROW(stack, "max_stack", "stack", BH_UNIT_BYTES, BH_MIB(1), BH_KIB(64), BH_MIB(64), false, "wasm stack"),
	[BH_LIMIT_FUEL] =
		ROW(fuel, "max_fuel_per_execution", "fuel", BH_UNIT_COUNT, 1000000, 1, INT64_MAX, true, "fuel a call"),
	[BH_LIMIT_EXECUTION_TIME] = ROW(execution_ms, "max_execution_time_ms", "timeout", BH_UNIT_MILLISECONDS, 100, 1,
                                    UINT64_C(86400000) * 365, true, "wall time a call"),
	[BH_LIMIT_QUEUE_TIME] = ROW(queue_ms, "max_queue_time_ms", NULL, BH_UNIT_MILLISECONDS, 1000, 1,
                                UINT64_C(86400000) * 365, true, "time a call waits for its turn"),
	[BH_LIMIT_TABLES] = ROW(tables, "max_tables", NULL, BH_UNIT_COUNT, 100, 1, 100, false, "tables of one instance"),
	[BH_LIMIT_TABLE_ELEMENTS] = ROW(table_elements, "max_table_elements", NULL, BH_UNIT_COUNT, 10000, 1, 10000000,
                                    false, "elements of all tables together"),
	[BH_LIMIT_INSTANCES] = ROW(instances, "max_instances", NULL, BH_UNIT_COUNT, 1000, 1, 1000, false,
                               "core instances in one component instance"),
	[BH_LIMIT_MEMORIES] =
		ROW(memories, "max_memories", NULL, BH_UNIT_COUNT, 100, 1, 100, false, "memories of one component instance"),
	[BH_LIMIT_RESOURCES] =
		ROW(resources, "max_resources", NULL, BH_UNIT_COUNT, 10000, 16, 1000000, false, "live host resources"),
	[BH_LIMIT_HOSTCALL_BYTES] = ROW(hostcall_bytes, "max_hostcall_bytes", NULL, BH_UNIT_BYTES, BH_MIB(32), BH_KIB(4),
                                    BH_GIB(2), false, "host memory one host call or result may take"),
	[BH_LIMIT_OUTPUT_BYTES] =
		ROW(output_bytes, "max_output_bytes", NULL, BH_UNIT_BYTES, BH_MIB(1), 1, BH_GIB(1), false, "captured output"),
	[BH_LIMIT_OPEN_FILES] =
		ROW(open_files, "max_open_files", NULL, BH_UNIT_COUNT, 64, 1, 100000, false, "open descriptors"),
	[BH_LIMIT_IO_BYTES] = ROW(io_bytes, "max_io_bytes", NULL, BH_UNIT_BYTES, BH_UNLIMITED, 1, INT64_MAX, true,
                              "bytes read and written a call"),
	[BH_LIMIT_BLOCKING] =
		ROW(blocking, "max_blocking", NULL, BH_UNIT_COUNT, 4, 1, 64, false, "blocking file operations at once"),
};

const bh_limit_info *bh_limit_describe(bh_limit limit)
{
	return limit > BH_LIMIT_NONE && limit < BH_LIMIT_COUNT ? &rows[limit].info : NULL;
}

bh_limit bh_limit_find(const char *key)
{
	for (int i = BH_LIMIT_NONE + 1; i < BH_LIMIT_COUNT; i++) {
		const bh_limit_info *info = &rows[i].info;
		if (!strcmp(info->key, key) || (info->flag && !strcmp(info->flag, key)))
			return (bh_limit)i;
	}
	return BH_LIMIT_NONE;
}

static uint64_t *slot(bh_limits *limits, bh_limit limit)
{
	return (uint64_t *)(void *)((char *)limits + rows[limit].offset);
}

uint64_t bh_limits_get(const bh_limits *limits, bh_limit limit)
{
	return bh_limit_describe(limit) ? *slot((bh_limits *)limits, limit) : 0;
}

void bh_limits_set(bh_limits *limits, bh_limit limit, uint64_t value)
{
	if (bh_limit_describe(limit))
		*slot(limits, limit) = value;
}

void bh_limits_fill(bh_limits *limits)
{
	for (int i = BH_LIMIT_NONE + 1; i < BH_LIMIT_COUNT; i++)
		if (!*slot(limits, (bh_limit)i))
			*slot(limits, (bh_limit)i) = rows[i].info.fallback;
}

static bool in_range(const bh_limit_info *info, uint64_t value)
{
	if (value == BH_UNLIMITED)
		return info->may_be_unlimited;
	return value >= info->minimum && value <= info->maximum;
}

static bh_status out_of_range(bh_limit limit, uint64_t value, bh_error **err)
{
	const bh_limit_info *info = &rows[limit].info;
	char given[48], low[48], high[48];
	bh_limit_format(given, sizeof given, limit, value);
	bh_limit_format(low, sizeof low, limit, info->minimum);
	bh_limit_format(high, sizeof high, limit, info->maximum);
	bh_error *e = bh_error_begin(err, BH_E_CONFIG, "%s = %s: not allowed", info->key, given);
	bh_error_limit_set(e, limit, info->maximum, value);
	bh_error_hint_set(e, "Allowed: %s to %s%s.", low, high, info->may_be_unlimited ? ", or \"unlimited\"" : "");
	return BH_E_CONFIG;
}

bh_status bh_limits_check(const bh_limits *limits, bh_error **err)
{
	if (!limits->memory) {
		bh_error *e = bh_error_begin(err, BH_E_MISSING_LIMITS, "no memory limit declared");
		bh_error_limit_set(e, BH_LIMIT_MEMORY, 0, 0);
		bh_error_hint_set(e, "A component must say how much it may use: set max_memory, for example to \"64MB\".");
		return BH_E_MISSING_LIMITS;
	}
	for (int i = BH_LIMIT_NONE + 1; i < BH_LIMIT_COUNT; i++) {
		uint64_t value = bh_limits_get(limits, (bh_limit)i);
		if (value && !in_range(&rows[i].info, value))
			return out_of_range((bh_limit)i, value, err);
	}
	return BH_OK;
}

bh_status bh_limits_bound(bh_limits *limits, const bh_limits *ceilings, bh_ceiling_policy policy, bh_error **err)
{
	for (int i = BH_LIMIT_NONE + 1; i < BH_LIMIT_COUNT; i++) {
		uint64_t *value = slot(limits, (bh_limit)i);
		uint64_t ceiling = bh_limits_get(ceilings, (bh_limit)i);
		if (!ceiling || *value <= ceiling)
			continue;
		if (policy == BH_CEILING_CLAMP) {
			*value = ceiling;
			continue;
		}
		char asked[48], allowed[48];
		bh_limit_format(asked, sizeof asked, (bh_limit)i, *value);
		bh_limit_format(allowed, sizeof allowed, (bh_limit)i, ceiling);
		bh_error *e = bh_error_begin(err, BH_E_POLICY, "%s: %s asked for, %s allowed by the host", rows[i].info.key,
		                             asked, allowed);
		bh_error_limit_set(e, i, ceiling, *value);
		bh_error_hint_set(e, "Lower %s to %s, or raise the host's ceiling.", rows[i].info.key, allowed);
		return BH_E_POLICY;
	}
	return BH_OK;
}

/* In seconds, what no limit is counted in. */
enum { UNIT_AGE = BH_UNIT_COUNT + 1 };

/* Years enough; and far from where seconds since 1970 overflow. */
#define MAX_AGE_S (UINT64_C(36500) * 86400)

/* Suffixes a value may carry, by unit. */
static const struct {
	int unit;
	const char *suffix;
	uint64_t factor;
} suffixes[] = {
	{BH_UNIT_BYTES, "", 1},
	{BH_UNIT_BYTES, "b", 1},
	{BH_UNIT_BYTES, "kb", 1000},
	{BH_UNIT_BYTES, "mb", 1000000},
	{BH_UNIT_BYTES, "gb", 1000000000},
	{BH_UNIT_BYTES, "kib", 1 << 10},
	{BH_UNIT_BYTES, "mib", 1 << 20},
	{BH_UNIT_BYTES, "gib", 1 << 30},
	{BH_UNIT_MILLISECONDS, "", 1},
	{BH_UNIT_MILLISECONDS, "ms", 1},
	{BH_UNIT_MILLISECONDS, "s", 1000},
	{BH_UNIT_MILLISECONDS, "m", 60000},
	{BH_UNIT_MILLISECONDS, "h", 3600000},
	{BH_UNIT_COUNT, "", 1},
	{UNIT_AGE, "", 1},
	{UNIT_AGE, "s", 1},
	{UNIT_AGE, "m", 60},
	{UNIT_AGE, "h", 3600},
	{UNIT_AGE, "d", 86400},
};

static const char *shape_of(bh_unit unit)
{
	switch (unit) {
	case BH_UNIT_BYTES:
		return "a size is a number with a unit: \"64MB\", \"64MiB\", or bytes";
	case BH_UNIT_MILLISECONDS:
		return "a duration is a number with a unit: \"100ms\", \"2s\", \"1m\", or milliseconds";
	default:
		return "a count is a whole number: 1000000 or 1_000_000";
	}
}

static bh_status not_a_value(bh_limit limit, const char *text, bh_error **err)
{
	const bh_limit_info *info = &rows[limit].info;
	const char *what = info->unit == BH_UNIT_BYTES ? "size" : info->unit == BH_UNIT_MILLISECONDS ? "duration" : "count";
	bh_error *e = bh_error_begin(err, BH_E_CONFIG, "%s = \"%s\": not a %s", info->key, text, what);
	char low[48], high[48];
	bh_limit_format(low, sizeof low, limit, info->minimum);
	bh_limit_format(high, sizeof high, limit, info->maximum);
	bh_error_hint_set(e, "%s. Allowed here: %s to %s%s.", shape_of(info->unit), low, high,
	                  info->may_be_unlimited ? ", or \"unlimited\"" : "");
	return BH_E_CONFIG;
}

/* The digits of a number, with _ between them; false on overflow or none. */
static bool read_digits(const char **text, uint64_t *out)
{
	const char *p = *text;
	if (!isdigit((unsigned char)*p))
		return false;
	uint64_t value = 0;
	for (; isdigit((unsigned char)*p) || (*p == '_' && isdigit((unsigned char)p[1])); p++) {
		if (*p == '_')
			continue;
		if (__builtin_mul_overflow(value, 10, &value) || __builtin_add_overflow(value, (uint64_t)(*p - '0'), &value))
			return false;
	}
	*text = p;
	*out = value;
	return true;
}

static bool factor_of(int unit, const char *suffix, uint64_t *out)
{
	while (*suffix == ' ')
		suffix++;
	for (size_t i = 0; i < BH_COUNT(suffixes); i++)
		if (suffixes[i].unit == unit && !strcasecmp(suffixes[i].suffix, suffix)) {
			*out = suffixes[i].factor;
			return true;
		}
	return false;
}

static bool read_value(uint64_t *out, int unit, const char *text)
{
	uint64_t factor;
	return read_digits(&text, out) && factor_of(unit, text, &factor) && !__builtin_mul_overflow(*out, factor, out);
}

bh_status bh_limit_parse(uint64_t *out, bh_limit limit, const char *text, bh_error **err)
{
	const bh_limit_info *info = bh_limit_describe(limit);
	if (!info)
		return bh_fail(err, BH_E_INVALID, "no such limit");
	uint64_t value = BH_UNLIMITED;
	if (strcmp(text, "unlimited") != 0 && !read_value(&value, (int)info->unit, text))
		return not_a_value(limit, text, err);
	if (!in_range(info, value))
		return out_of_range(limit, value, err);
	*out = value;
	return BH_OK;
}

bh_status bh_age_parse(uint64_t *out, const char *text, bh_error **err)
{
	uint64_t value;
	if (read_value(&value, UNIT_AGE, text) && value && value <= MAX_AGE_S) {
		*out = value;
		return BH_OK;
	}
	bh_error *e = bh_error_begin(err, BH_E_CONFIG, "\"%s\": not an age", text);
	bh_error_hint_set(e, "An age is a number with a unit: \"30d\", \"12h\", \"5m\", \"10s\", or seconds. "
	                     "Allowed: 1 second to 36500 days.");
	return BH_E_CONFIG;
}

/* Exact in the units people wrote it in, binary or decimal; else rounded. */
static size_t format_bytes(char *out, size_t size, uint64_t value)
{
	static const struct {
		uint64_t factor;
		const char *name;
	} units[] = {{UINT64_C(1) << 40, "TiB"}, {1 << 30, "GiB"}, {1000000000, "GB"}, {1 << 20, "MiB"}, {1000000, "MB"},
	             {1 << 10, "KiB"},           {1000, "KB"}};
	for (size_t i = 0; i < BH_COUNT(units); i++)
		if (value >= units[i].factor && value % units[i].factor == 0 && value / units[i].factor < 10000)
			return (size_t)snprintf(out, size, "%" PRIu64 " %s", value / units[i].factor, units[i].name);
	for (size_t i = 0; i < BH_COUNT(units); i++)
		if (value >= units[i].factor && units[i].name[1] == 'i')
			return (size_t)snprintf(out, size, "%.1f %s", (double)value / (double)units[i].factor, units[i].name);
	return (size_t)snprintf(out, size, "%" PRIu64 " byte%s", value, value == 1 ? "" : "s");
}

static size_t format_count(char *out, size_t size, uint64_t value)
{
	char digits[32], grouped[48];
	int length = snprintf(digits, sizeof digits, "%" PRIu64, value);
	size_t n = 0;
	for (int i = 0; i < length; i++) {
		if (i && (length - i) % 3 == 0)
			grouped[n++] = ',';
		grouped[n++] = digits[i];
	}
	grouped[n] = '\0';
	return (size_t)snprintf(out, size, "%s", grouped);
}

size_t bh_limit_format(char *out, size_t size, bh_limit limit, uint64_t value)
{
	const bh_limit_info *info = bh_limit_describe(limit);
	if (value == BH_UNLIMITED)
		return (size_t)snprintf(out, size, "unlimited");
	if (info && info->unit == BH_UNIT_BYTES)
		return format_bytes(out, size, value);
	if (info && info->unit == BH_UNIT_MILLISECONDS)
		return (size_t)snprintf(out, size, "%" PRIu64 " ms", value);
	return format_count(out, size, value);
}
