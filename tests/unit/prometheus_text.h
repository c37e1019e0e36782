/*
 * A strict reader of Prometheus' text format, version 0.0.4, for tests: it fails the test at the first line that
 * breaks a rule, some of which are only recommendations.
 */
#ifndef BH_TEST_PROMETHEUS_TEXT_H
#define BH_TEST_PROMETHEUS_TEXT_H

#include <ctype.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <jansson.h>

enum { P_FAMILIES = 64, P_NAME = 128, P_SERIES = 8192 };

typedef struct {
	char name[P_NAME];
	char type[16];
	/* The series of a histogram that is being read. */
	char series[P_SERIES];
	double last_bound, last_count;
	bool in_series, has_infinity, has_sum;
} p_family;

typedef struct {
	p_family families[P_FAMILIES];
	size_t count;
	char **seen; /* samples, without values */
	size_t seen_count;
	const char *line; /* for messages */
} p_reader;

static void p_expect(const p_reader *reader, bool truth, const char *rule)
{
	if (truth)
		return;
	print_error("%s: %.*s\n", rule, (int)strcspn(reader->line, "\n"), reader->line);
	fail();
}

/* A name, up to what follows it. */
static const char *p_name(const p_reader *reader, const char *at, bool colons, char out[P_NAME])
{
	size_t length = 0;
	while (isalnum((unsigned char)at[length]) || at[length] == '_' || (colons && at[length] == ':'))
		length++;
	p_expect(reader, length && length < P_NAME && !isdigit((unsigned char)*at), "a name is wrong");
	memcpy(out, at, length);
	out[length] = '\0';
	return at + length;
}

/* Labels in braces. `le` receives that one's value, and `rest` the others as they are written. */
static const char *p_labels(const p_reader *reader, const char *at, char *le, char *rest)
{
	*le = *rest = '\0';
	if (*at != '{')
		return at;
	do {
		char name[P_NAME];
		const char *begin = ++at;
		at = p_name(reader, at, false, name);
		p_expect(reader, at[0] == '=' && at[1] == '"', "no value after a label");
		const char *value = at += 2;
		for (; *at != '"'; at++) {
			p_expect(reader, *at && *at != '\n', "a label's value does not end");
			if (*at == '\\')
				p_expect(reader, strchr("\\\"n", *++at) != NULL, "a wrong escape");
		}
		json_t *valid = json_stringn(value, (size_t)(at - value));
		p_expect(reader, valid != NULL, "a label is not UTF-8");
		json_decref(valid);
		if (!strcmp(name, "le"))
			snprintf(le, 32, "%.*s", (int)(at - value), value);
		else
			snprintf(rest + strlen(rest), P_SERIES - strlen(rest), "%.*s,", (int)(at + 1 - begin), begin);
		at++;
	} while (*at == ',');
	p_expect(reader, *at == '}', "labels do not end");
	return at + 1;
}

static void p_new_sample(p_reader *reader, const char *end)
{
	char *name = strndup(reader->line, (size_t)(end - reader->line));
	for (size_t i = 0; i < reader->seen_count; i++)
		p_expect(reader, strcmp(reader->seen[i], name) != 0, "the same series twice");
	reader->seen = realloc(reader->seen, (reader->seen_count + 1) * sizeof *reader->seen);
	reader->seen[reader->seen_count++] = name;
}

static void p_begin_histogram(p_reader *reader, p_family *family, const char *labels)
{
	p_expect(reader, !family->in_series, "the histogram before has no count");
	snprintf(family->series, sizeof family->series, "%s", labels);
	family->in_series = true;
	family->has_infinity = family->has_sum = false;
	family->last_bound = -INFINITY;
	family->last_count = 0;
}

/* Buckets in order, up to infinity; then the sum, then the count, which is that of infinity. */
static void p_histogram(p_reader *reader, p_family *family, const char *suffix, const char *labels, const char *le,
                        double value)
{
	if (!strcmp(suffix, "_bucket")) {
		if (!family->in_series || strcmp(family->series, labels) != 0)
			p_begin_histogram(reader, family, labels);
		char *end;
		double bound = strtod(le, &end);
		p_expect(reader, *le && !*end && bound > family->last_bound, "buckets are not in order");
		p_expect(reader, value >= family->last_count && value == floor(value), "buckets are not cumulative");
		family->last_bound = bound;
		family->last_count = value;
		family->has_infinity = isinf(bound);
		p_expect(reader, !family->has_infinity || !strcmp(le, "+Inf"), "infinity is written +Inf");
		return;
	}
	p_expect(reader, family->in_series && family->has_infinity && !strcmp(family->series, labels) && !*le,
	         "no buckets before");
	if (!strcmp(suffix, "_sum")) {
		p_expect(reader, !family->has_sum, "two sums");
		family->has_sum = true;
		return;
	}
	p_expect(reader, !strcmp(suffix, "_count") && family->has_sum && value == family->last_count, "a wrong count");
	family->in_series = false;
}

static void p_sample(p_reader *reader)
{
	static char le[32], labels[P_SERIES];
	char name[P_NAME];
	const char *at = p_labels(reader, p_name(reader, reader->line, true, name), le, labels);
	p_new_sample(reader, at);
	p_expect(reader, *at == ' ', "no space before the value");
	char *end;
	double value = strtod(at + 1, &end);
	p_expect(reader, end > at + 1 && *end == '\n', "a wrong value");
	p_expect(reader, reader->count > 0, "a sample before any TYPE");
	p_family *family = &reader->families[reader->count - 1];
	size_t length = strlen(family->name);
	p_expect(reader, *family->type && !strncmp(name, family->name, length), "a sample of another family");
	if (!strcmp(family->type, "histogram")) {
		p_histogram(reader, family, name + length, labels, le, value);
		return;
	}
	p_expect(reader, !name[length] && !*le, "a sample of another family");
	bool counter = !strcmp(family->type, "counter");
	p_expect(reader, value >= 0 && isfinite(value), "a negative number");
	p_expect(reader, counter == (length > 6 && !strcmp(name + length - 6, "_total")), "only counters are totals");
}

/* HELP, and TYPE just behind it; each family once. */
static void p_comment(p_reader *reader)
{
	char name[P_NAME];
	const char *at = p_name(reader, reader->line + 7, true, name);
	p_expect(reader, *at == ' ' && at[1] != '\n', "no text");
	if (!strncmp(reader->line, "# HELP ", 7)) {
		for (size_t i = 0; i < reader->count; i++)
			p_expect(reader, strcmp(reader->families[i].name, name) != 0, "a family twice");
		p_expect(reader, !reader->count || *reader->families[reader->count - 1].type, "no TYPE after HELP");
		p_expect(reader, !reader->count || !reader->families[reader->count - 1].in_series, "a histogram without count");
		p_expect(reader, reader->count < P_FAMILIES, "too many families for this reader");
		snprintf(reader->families[reader->count++].name, P_NAME, "%s", name);
		return;
	}
	p_expect(reader, !strncmp(reader->line, "# TYPE ", 7) && reader->count, "neither HELP nor TYPE");
	p_family *family = &reader->families[reader->count - 1];
	p_expect(reader, !strcmp(family->name, name) && !*family->type, "TYPE does not follow its HELP");
	snprintf(family->type, sizeof family->type, "%.*s", (int)strcspn(at + 1, "\n"), at + 1);
	p_expect(reader,
	         !strcmp(family->type, "counter") || !strcmp(family->type, "gauge") || !strcmp(family->type, "histogram"),
	         "a wrong type");
}

/* Fails the test where the text breaks a rule. Returns how many families there are. */
static size_t p_check(const char *text)
{
	p_reader *reader = calloc(1, sizeof *reader);
	for (const char *end; *text; text = end + 1) {
		reader->line = text;
		end = strchr(text, '\n');
		p_expect(reader, end != NULL && end != text, "a line that is empty, or does not end");
		if (*text == '#')
			p_comment(reader);
		else
			p_sample(reader);
	}
	size_t count = reader->count;
	p_expect(reader, count && *reader->families[count - 1].type && !reader->families[count - 1].in_series,
	         "the last family is not complete");
	for (size_t i = 0; i < reader->seen_count; i++)
		free(reader->seen[i]);
	free(reader->seen);
	free(reader);
	return count;
}

/* The value of a series, as it is written; NULL where it is not there. To be freed. */
static char *p_value(const char *text, const char *series)
{
	size_t length = strlen(series);
	for (const char *line = text; *line; line = strchr(line, '\n') + 1)
		if (!strncmp(line, series, length) && line[length] == ' ')
			return strndup(line + length + 1, strcspn(line + length + 1, "\n"));
	return NULL;
}

#endif
