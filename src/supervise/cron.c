#include "supervise/cron.h"

#include <string.h>
#include <strings.h>

#include "base/error.h"
#include "base/text.h"

enum { LONGEST = 256, FIELDS = 5 };

/* Reading. */

static const char *const months[] = {"jan", "feb", "mar", "apr", "may", "jun",
                                     "jul", "aug", "sep", "oct", "nov", "dec"};
static const char *const weekdays[] = {"sun", "mon", "tue", "wed", "thu", "fri", "sat"};

static const struct {
	const char *name, *allowed;
	unsigned low, high;
	const char *const *words; /* of values from `low` */
	size_t word_count;
} fields[FIELDS] = {
	{"minute", "0 to 59", 0, 59, NULL, 0},
	{"hour", "0 to 23", 0, 23, NULL, 0},
	{"day of the month", "1 to 31", 1, 31, NULL, 0},
	{"month", "1 to 12, or jan to dec", 1, 12, months, BH_COUNT(months)},
	{"day of the week", "0 to 7 (0 and 7 are Sunday), or sun to sat", 0, 7, weekdays, BH_COUNT(weekdays)},
};
enum { MINUTE, HOUR, DAY, MONTH, WEEKDAY };

static const struct {
	const char *name, *line;
} nicknames[] = {
	{"@yearly", "0 0 1 1 *"}, {"@annually", "0 0 1 1 *"}, {"@monthly", "0 0 1 * *"}, {"@weekly", "0 0 * * 0"},
	{"@daily", "0 0 * * *"},  {"@midnight", "0 0 * * *"}, {"@hourly", "0 * * * *"},
};

/* Where the reader is: in which field of which text. */
typedef struct {
	const char *line; /* all of it, for messages */
	int field;
	const char *at, *end; /* of the part of a list that is read */
	bh_error **err;
} reader;

static bh_status wrong(const reader *r, const char *what)
{
	bh_error *e = bh_error_begin(r->err, BH_E_CONFIG, "\"%s\": %s: \"%.*s\": %s", r->line, fields[r->field].name,
	                             (int)(r->end - r->at), r->at, what);
	bh_error_hint_set(e, "Allowed for the %s: %s, * for all, lists (1,15), ranges (2-5), steps (*/2, 2-8/2).",
	                  fields[r->field].name, fields[r->field].allowed);
	return BH_E_CONFIG;
}

static bool is_word(const char *at, const char *end, const char *word)
{
	return (size_t)(end - at) == strlen(word) && !strncasecmp(at, word, strlen(word));
}

/* A number of a few digits; moves on behind it. */
static bool read_digits(const char **at, const char *end, unsigned *out)
{
	unsigned value = 0;
	const char *p = *at;
	for (; p < end && *p >= '0' && *p <= '9' && p - *at < 4; p++)
		value = value * 10 + (unsigned)(*p - '0');
	if (p == *at)
		return false;
	*at = p;
	*out = value;
	return true;
}

/* A number or a name, up to `end` or a '-' or '/'. */
static bool read_value(const reader *r, const char **at, unsigned *out)
{
	const char *end = *at;
	while (end < r->end && *end != '-' && *end != '/')
		end++;
	for (size_t i = 0; i < fields[r->field].word_count; i++)
		if (is_word(*at, end, fields[r->field].words[i])) {
			*at = end;
			*out = fields[r->field].low + (unsigned)i;
			return true;
		}
	return read_digits(at, end, out) && *at == end && *out >= fields[r->field].low && *out <= fields[r->field].high;
}

/* One part of a list: "*", "5", "2-8", each but the number with a step behind it. */
static bh_status read_part(const reader *r, uint64_t *bits)
{
	const char *at = r->at;
	unsigned low = fields[r->field].low, high = fields[r->field].high, step = 1;
	bool many = at < r->end && *at == '*';
	if (many) {
		at++;
		high -= r->field == WEEKDAY; /* Sunday is there once */
	} else if (!read_value(r, &at, &low)) {
		return wrong(r, "not a value");
	} else if (at < r->end && *at == '-') {
		at++;
		many = true;
		if (!read_value(r, &at, &high))
			return wrong(r, "the range has no end that is a value");
		if (r->field == WEEKDAY && low && !high)
			high = 7;
	} else {
		high = low;
	}
	if (at < r->end && *at == '/') {
		at++;
		if (!many)
			return wrong(r, "a step needs a range before it");
		if (!read_digits(&at, r->end, &step) || !step || step > fields[r->field].high)
			return wrong(r, "not a step");
	}
	if (at < r->end)
		return wrong(r, "not a value");
	if (low > high)
		return wrong(r, "the range ends before it begins");
	for (unsigned value = low; value <= high; value += step)
		*bits |= UINT64_C(1) << value;
	return BH_OK;
}

static bh_status read_field(reader *r, const char *text, size_t length, uint64_t *bits)
{
	const char *end = text + length;
	*bits = 0;
	for (r->at = text;; r->at = r->end + 1) {
		r->end = r->at;
		while (r->end < end && *r->end != ',')
			r->end++;
		bh_status status = read_part(r, bits);
		if (status || r->end == end)
			return status;
	}
}

static bh_status not_fields(const char *line, int count, bh_error **err)
{
	bh_error *e =
		bh_error_begin(err, BH_E_CONFIG, "\"%s\": %d field%s, not %d", line, count, count == 1 ? "" : "s", (int)FIELDS);
	bh_error_hint_set(e, "Minute, hour, day of the month, month, day of the week: \"30 2 * * mon-fri\". Or @hourly, "
	                     "@daily, @weekly, @monthly, @yearly.");
	return BH_E_CONFIG;
}

/* The 30th of February, and its like. */
static bool ever_comes(const bh_cron *cron)
{
	static const unsigned most[] = {0, 31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
	for (unsigned month = 1; month <= 12; month++)
		if ((cron->months >> month & 1) && (cron->days & ((UINT64_C(2) << most[month]) - 1)))
			return true;
	return cron->either_day;
}

static const char blank[] = " \t";

static bh_status read_line(bh_cron *out, const char *line, const char *shown, bh_error **err)
{
	uint64_t bits[FIELDS] = {0};
	bool star[FIELDS] = {false};
	reader r = {.line = shown, .err = err};
	int count = 0;
	for (const char *at = line + strspn(line, blank); *at; at += strspn(at, blank), count++) {
		size_t length = strcspn(at, blank);
		if (count < FIELDS) {
			r.field = count;
			star[count] = *at == '*';
			bh_status status = read_field(&r, at, length, &bits[count]);
			if (status)
				return status;
		}
		at += length;
	}
	if (count != FIELDS)
		return not_fields(shown, count, err);
	bits[WEEKDAY] |= bits[WEEKDAY] >> 7;
	*out = (bh_cron){
		.minutes = bits[MINUTE],
		.hours = (uint32_t)bits[HOUR],
		.days = (uint32_t)bits[DAY],
		.months = (uint32_t)bits[MONTH],
		.weekdays = (uint32_t)bits[WEEKDAY] & 0x7f,
		.either_day = !star[DAY] && !star[WEEKDAY],
		.fixed = !star[MINUTE] && !star[HOUR],
	};
	return BH_OK;
}

static bh_status not_a_line(const char *text, size_t length, bh_error **err)
{
	BH_AUTO(bh_free) char *tame = bh_text_tame(text, length < LONGEST ? length : LONGEST);
	bh_error *e = bh_error_begin(err, BH_E_CONFIG, "\"%s\": not a cron line", tame ? tame : "");
	bh_error_hint_set(e, "Minute, hour, day of the month, month, day of the week: \"30 2 * * mon-fri\". Or @hourly, "
	                     "@daily, @weekly, @monthly, @yearly.");
	return BH_E_CONFIG;
}

bh_status bh_cron_parse(bh_cron *out, const char *text, bh_error **err)
{
	static const char allowed[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789*,-/@ \t";
	size_t length = strlen(text);
	const char *line = text;
	bh_cron cron;
	/* What may stand in one may also stand in messages. */
	if (length > LONGEST || strspn(text, allowed) != length)
		return not_a_line(text, length, err);
	const char *first = text + strspn(text, blank), *end = first + strcspn(first, blank);
	if (*first == '@') {
		line = NULL;
		for (size_t i = 0; i < BH_COUNT(nicknames) && !end[strspn(end, blank)]; i++)
			if (is_word(first, end, nicknames[i].name))
				line = nicknames[i].line;
		if (!line)
			return not_a_line(text, length, err);
	}
	bh_status status = read_line(&cron, line, text, err);
	if (status)
		return status;
	if (!ever_comes(&cron))
		return bh_fail(err, BH_E_CONFIG, "\"%s\": day of the month: no such day in any of these months", text);
	*out = cron;
	return BH_OK;
}

bh_status bh_cron_check(const char *line, bh_error **err)
{
	bh_cron cron;
	return line ? bh_cron_parse(&cron, line, err) : bh_fail(err, BH_E_INVALID, "bh_cron_check: no line");
}
