/* Readers of amounts: sizes, durations and counts, each with the range of its limit or a narrower one. */
#include <ctype.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "manifest/keys.h"

/* Enough for any amount; longer text is none. */
enum { MAX_AMOUNT = 64 };

static uint64_t minimum_of(const bh_key *key)
{
	return key->minimum ? key->minimum : bh_limit_describe(key->limit)->minimum;
}

static uint64_t maximum_of(const bh_key *key)
{
	return key->maximum ? key->maximum : bh_limit_describe(key->limit)->maximum;
}

static bool may_be_unlimited(const bh_key *key)
{
	return !key->maximum && bh_limit_describe(key->limit)->may_be_unlimited;
}

static bool fits(const bh_key *key, uint64_t value)
{
	if (value == BH_UNLIMITED)
		return may_be_unlimited(key);
	return value >= minimum_of(key) && value <= maximum_of(key);
}

static bool is_bare(const char *text)
{
	for (const char *p = text; *p; p++)
		if (!isdigit((unsigned char)*p) && *p != '_')
			return false;
	return *text != '\0';
}

/* A value as the file would have it; rounded up where its unit is coarser. */
static void to_toml(char *out, size_t size, const bh_key *key, uint64_t value)
{
	static const struct {
		uint64_t factor;
		const char *name;
	} units[] = {{1 << 30, "GiB"}, {1 << 20, "MiB"}, {1 << 10, "KiB"}};
	bool bytes = bh_limit_describe(key->limit)->unit == BH_UNIT_BYTES;
	if (value == BH_UNLIMITED) {
		snprintf(out, size, "\"unlimited\"");
		return;
	}
	if (key->unit) {
		uint64_t factor = !strcmp(key->unit, "s") ? 1000 : 1 << 20;
		value = value / factor + (value % factor != 0);
	}
	for (size_t i = 0; i < BH_COUNT(units) && bytes && !key->unit && !key->maximum; i++)
		if (value && value % units[i].factor == 0) {
			snprintf(out, size, "\"%" PRIu64 "%s\"", value / units[i].factor, units[i].name);
			return;
		}
	snprintf(out, size, "%" PRIu64, value);
}

char *bh_amount_example(bh_reader *r, const bh_key *key)
{
	char text[MAX_AMOUNT];
	if (key->example)
		return bh_reader_format(r, "%s", key->example);
	to_toml(text, sizeof text, key, bh_limit_describe(key->limit)->fallback);
	return bh_reader_format(r, "%s", text);
}

static void name_bound(char *out, size_t size, const bh_key *key, uint64_t value)
{
	if (key->unit && !strcmp(key->unit, "s"))
		snprintf(out, size, "%" PRIu64 " s", value / 1000);
	else
		bh_limit_format(out, size, key->limit, value);
}

/* "Allowed here: 64 KiB to 4 GiB." */
static char *allowed(bh_reader *r, const bh_key *key)
{
	char low[MAX_AMOUNT], high[MAX_AMOUNT];
	const char *unlimited = may_be_unlimited(key) ? ", or \"unlimited\"" : "";
	name_bound(low, sizeof low, key, minimum_of(key));
	name_bound(high, sizeof high, key, maximum_of(key));
	if (maximum_of(key) >= INT64_MAX) /* nobody gets there */
		return bh_reader_format(r, "Allowed here: from %s%s.", low, unlimited);
	return bh_reader_format(r, "Allowed here: %s to %s%s.", low, high, unlimited);
}

/* An error about an amount: `asked` is what was asked for, 0 if that is not known. */
static void say(bh_reader *r, const bh_key *key, const bh_toml_node *node, uint64_t asked, const char *what,
                const char *shape, const char *fix)
{
	char *value = bh_reader_excerpt(r, node->span), *range = allowed(r, key);
	if (value && range)
		bh_reader_say(r, (bh_saying){.severity = BH_SEVERITY_ERROR,
		                             .status = BH_E_CONFIG,
		                             .limit = key->limit,
		                             .allowed = maximum_of(key),
		                             .asked = asked,
		                             .at = node->span,
		                             .key = bh_reader_path(r, node),
		                             .message = bh_reader_format(r, "%s = %s: %s", key->name, value, what),
		                             .hint = bh_reader_format(r, "%s%s%s", shape, *shape ? " " : "", range),
		                             .fix = bh_reader_corrected(r, node, fix)});
	bh_free(value);
	bh_free(range);
}

static const char *shape_of(const bh_key *key)
{
	switch (bh_limit_describe(key->limit)->unit) {
	case BH_UNIT_BYTES:
		return key->unit ? "A size is a whole number of MiB here, or has a unit: \"64MB\", \"64MiB\"."
		                 : "A size is a number with a unit: \"64MB\", \"64MiB\", or bytes.";
	case BH_UNIT_MILLISECONDS:
		return key->unit ? "A duration is a whole number of seconds here, or has a unit: \"2s\", \"1m\"."
		                 : "A duration is a number with a unit: \"100ms\", \"2s\", \"1m\", or milliseconds.";
	default:
		return "A count is a whole number: 1000000 or 1_000_000.";
	}
}

/* Units as people misspell them: by how they begin. The first that fits is meant. */
static const struct {
	bh_unit unit;
	const char *start;
	const char *meant;
} misspelt[] = {
	{BH_UNIT_BYTES, "kilo", "KB"},     {BH_UNIT_BYTES, "ki", "KiB"},      {BH_UNIT_BYTES, "k", "KB"},
	{BH_UNIT_BYTES, "mega", "MB"},     {BH_UNIT_BYTES, "mi", "MiB"},      {BH_UNIT_BYTES, "m", "MB"},
	{BH_UNIT_BYTES, "giga", "GB"},     {BH_UNIT_BYTES, "gi", "GiB"},      {BH_UNIT_BYTES, "g", "GB"},
	{BH_UNIT_BYTES, "", "MB"},         {BH_UNIT_MILLISECONDS, "mil", ""}, {BH_UNIT_MILLISECONDS, "mi", "m"},
	{BH_UNIT_MILLISECONDS, "m", "ms"}, {BH_UNIT_MILLISECONDS, "s", "s"},  {BH_UNIT_MILLISECONDS, "h", "h"},
	{BH_UNIT_MILLISECONDS, "", ""},    {BH_UNIT_COUNT, "", ""},
};

/* The value that text was perhaps meant to be: its leading number with a unit; false if that is none either. */
static bool guess(char *out, size_t size, const bh_key *key, const char *text)
{
	char number[24], candidate[MAX_AMOUNT];
	size_t digits = strspn(text, "0123456789_"), i = 0;
	const char *rest = text + digits;
	uint64_t value;
	if (!digits || digits >= sizeof number || *rest == '.' || *rest == ',')
		return false;
	memcpy(number, text, digits);
	number[digits] = '\0';
	while (*rest == ' ')
		rest++;
	bh_unit unit = bh_limit_describe(key->limit)->unit;
	while (misspelt[i].unit != unit || strncasecmp(rest, misspelt[i].start, strlen(misspelt[i].start)) != 0)
		i++;
	snprintf(candidate, sizeof candidate, "%s%s", number, misspelt[i].meant);
	if (bh_limit_parse(&value, key->limit, candidate, NULL) || !fits(key, value))
		return false;
	snprintf(out, size, is_bare(candidate) ? "%s" : "\"%s\"", candidate);
	return true;
}

static void say_out_of_range(bh_reader *r, const bh_key *key, const bh_toml_node *node, uint64_t value)
{
	char fix[MAX_AMOUNT + 2], bare[24];
	bool low = value < minimum_of(key);
	to_toml(fix, sizeof fix, key, low ? minimum_of(key) : maximum_of(key));
	/* Who writes max_memory = 64 has forgotten the unit. */
	snprintf(bare, sizeof bare, "%" PRIu64, value);
	if (low && value && bh_limit_describe(key->limit)->unit == BH_UNIT_BYTES && !key->unit && !key->maximum)
		guess(fix, sizeof fix, key, bare);
	const char *what = low ? "less than is allowed" : "more than is allowed";
	say(r, key, node, value, value == BH_UNLIMITED ? "this limit cannot be lifted" : what, "", fix);
}

static void say_shape(bh_reader *r, const bh_key *key, const bh_toml_node *node)
{
	static const char *const what[] = {
		[BH_UNIT_BYTES] = "not a size", [BH_UNIT_MILLISECONDS] = "not a duration", [BH_UNIT_COUNT] = "not a count"};
	char text[MAX_AMOUNT + 2];
	char *example = bh_amount_example(r, key);
	if (!example)
		return;
	snprintf(text, sizeof text, "%s", example);
	if (node->type == BH_TOML_STRING)
		guess(text, sizeof text, key, node->as.text.data);
	else if (node->type == BH_TOML_FLOAT && node->as.real >= 1 && node->as.real <= 1e15 &&
	         fits(key, (uint64_t)node->as.real))
		to_toml(text, sizeof text, key, (uint64_t)node->as.real);
	say(r, key, node, 0, what[bh_limit_describe(key->limit)->unit], shape_of(key), text);
	bh_free(example);
}

/* The amount as text with its unit; false if it cannot be one. */
static bool as_text(char *out, size_t size, const bh_key *key, const bh_toml_node *node)
{
	if (node->type == BH_TOML_INTEGER) {
		snprintf(out, size, "%" PRId64 "%s", node->as.integer, key->unit ? key->unit : "");
		return true;
	}
	if (node->type != BH_TOML_STRING || node->as.text.length > MAX_AMOUNT - 8 ||
	    strlen(node->as.text.data) != node->as.text.length)
		return false;
	snprintf(out, size, "%s%s", node->as.text.data, key->unit && is_bare(node->as.text.data) ? key->unit : "");
	return true;
}

void bh_read_amount(bh_reader *r, const bh_key *key, const bh_toml_node *node)
{
	char text[MAX_AMOUNT];
	uint64_t value = 0;
	r->declared |= UINT64_C(1) << key->limit;
	if (node->type == BH_TOML_INTEGER && node->as.integer < 0) {
		say_out_of_range(r, key, node, 0);
		return;
	}
	if (!as_text(text, sizeof text, key, node)) {
		say_shape(r, key, node);
		return;
	}
	BH_AUTO(bh_error_free) bh_error *err = NULL;
	bh_status status = bh_limit_parse(&value, key->limit, text, &err);
	if (status && bh_error_status(err) == BH_E_NO_MEMORY)
		r->failed = true;
	else if (status && !bh_error_limit(err, NULL, &value))
		say_shape(r, key, node);
	else if (status || !fits(key, value))
		say_out_of_range(r, key, node, value);
	else
		bh_limits_set(&r->manifest->limits, key->limit, value);
}
