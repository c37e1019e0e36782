#include "manifest/syntax.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include "base/text.h"

/*
 * Who makes more syntax errors than these wants them one by one. Each takes another parsing of the whole, so in
 * a file larger than people write the first one must do.
 */
enum { MAX_ERRORS = 20, MAX_REPARSED = 1 << 16 };

/* A line of the document, without blanks at either end, without its comment if that can be told. */
typedef struct {
	const char *start;
	size_t length;
} slice;

static slice trimmed(const char *start, size_t length)
{
	while (length && isspace((unsigned char)*start)) {
		start++;
		length--;
	}
	while (length && isspace((unsigned char)start[length - 1]))
		length--;
	return (slice){start, length};
}

static bool has(slice s, const char *text)
{
	return memmem(s.start, s.length, text, strlen(text)) != NULL;
}

static slice find_line(const char *text, size_t length, uint32_t line)
{
	const char *p = text, *end = text + length;
	for (uint32_t i = 1; i < line && p < end; i++) {
		const char *next = memchr(p, '\n', (size_t)(end - p));
		p = next ? next + 1 : end;
	}
	const char *stop = memchr(p, '\n', (size_t)(end - p));
	return (slice){p, (size_t)((stop ? stop : end) - p)};
}

static bool is_word(slice s)
{
	for (size_t i = 0; i < s.length; i++)
		if (!isalnum((unsigned char)s.start[i]) && !strchr("_-./:%", s.start[i]))
			return false;
	return s.length > 0;
}

/* The line with its value in quotes, or with = where it has a colon; NULL if it is neither of these slips. */
static char *corrected(bh_reader *r, slice line)
{
	line = trimmed(line.start, line.length);
	const char *equals = memchr(line.start, '=', line.length);
	const char *colon = memchr(line.start, ':', line.length);
	const char *sign = equals ? equals : colon;
	if (!sign || line.length > 200)
		return NULL;
	slice key = trimmed(line.start, (size_t)(sign - line.start));
	slice value = trimmed(sign + 1, line.length - (size_t)(sign - line.start) - 1);
	const char *comment = memchr(value.start, '#', value.length);
	if (comment)
		value = trimmed(value.start, (size_t)(comment - value.start));
	if (!is_word(key))
		return NULL;
	if (is_word(value))
		return bh_reader_format(r, "%.*s = \"%.*s\"", (int)key.length, key.start, (int)value.length, value.start);
	bool quoted = value.length > 2 && value.start[0] == '"' && value.start[value.length - 1] == '"' &&
	              is_word((slice){value.start + 1, value.length - 2});
	if (!equals && quoted)
		return bh_reader_format(r, "%.*s = %.*s", (int)key.length, key.start, (int)value.length, value.start);
	return NULL;
}

/* The parser's words, less what it expects where that is plain from the rest. */
static char *words(bh_reader *r, const char *message, slice line)
{
	static const char unquoted[] = "string values must be quoted";
	line = trimmed(line.start, line.length);
	if (strncmp(message, unquoted, strlen(unquoted)) != 0)
		return bh_reader_format(r, "%s", message);
	if (line.length && line.start[line.length - 1] == '=')
		return bh_reader_format(r, "the value is missing");
	return bh_reader_format(r, "text must be in quotes");
}

static void say(bh_reader *r, const bh_error *err, slice line)
{
	const bh_location *where = bh_error_location(err);
	bh_saying saying = {
		.severity = BH_SEVERITY_ERROR,
		.status = BH_E_CONFIG,
		.message = words(r, bh_error_message(err), line),
	};
	if (where) {
		saying.at = (bh_toml_span){.line = where->line, .column = where->column, .length = where->length};
		saying.at.offset = (uint32_t)(line.start - r->text) + where->column - 1;
		saying.fix = corrected(r, line);
	}
	bh_reader_say(r, saying);
}

/* Whether a line means nothing to the lines around it: a key and its value, all of it. */
static bool stands_alone(slice line)
{
	static const char brackets[] = "[]{}";
	line = trimmed(line.start, line.length);
	if (!line.length || *line.start == '[' || has(line, "\"\"\"") || has(line, "'''"))
		return false;
	int depth[2] = {0, 0};
	for (size_t i = 0; i < line.length; i++) {
		const char *bracket = strchr(brackets, line.start[i]);
		if (bracket && *bracket)
			depth[(bracket - brackets) / 2] += (bracket - brackets) % 2 ? -1 : 1;
	}
	return !depth[0] && !depth[1] && (has(line, "=") || has(line, ":"));
}

bh_toml *bh_syntax_parse(bh_reader *r)
{
	BH_AUTO(bh_free) char *text = bh_reader_keep(r, bh_memdup(r->text, r->length));
	for (int errors = 0; text && errors < MAX_ERRORS && !r->failed; errors++) {
		BH_AUTO(bh_error_free) bh_error *err = NULL;
		bh_toml *document = NULL;
		if (!bh_toml_parse(&document, text, r->length, &err))
			return document;
		if (bh_error_status(err) == BH_E_NO_MEMORY) {
			r->failed = true;
			break;
		}
		r->incomplete = true;
		const bh_location *where = bh_error_location(err);
		slice line = find_line(text, r->length, where ? where->line : 1);
		size_t offset = (size_t)(line.start - text);
		say(r, err, (slice){r->text + offset, line.length});
		if (!where || !stands_alone(line) || r->length > MAX_REPARSED)
			break;
		memset(text + offset, ' ', line.length);
	}
	return NULL;
}
