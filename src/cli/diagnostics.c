#include "diagnostics.h"

#include <inttypes.h>
#include <string.h>

#include "json.h"
#include "memory.h"
#include "output.h"
#include "text.h"

static const char *severity_name(bh_severity severity)
{
	return severity == BH_SEVERITY_ERROR ? "error" : "warning";
}

/* "Component.toml:7:12"; to be freed. */
static char *place_of(const bh_location *where)
{
	const char *file = where->file ? where->file : "Component.toml";
	if (!where->line)
		return x_copy(file);
	return x_format("%s:%" PRIu32 ":%" PRIu32, file, where->line, where->column ? where->column : 1);
}

void diagnostics_say(const bh_manifest *manifest)
{
	for (size_t i = 0; i < bh_manifest_diagnostic_count(manifest); i++) {
		const bh_diagnostic *one = bh_manifest_diagnostic(manifest, i);
		X_AUTO char *place = place_of(&one->where);
		say_remark(place, "%s: %s", severity_name(one->severity), one->message);
	}
}

/* How many characters the first `bytes` bytes of a line are. */
static size_t characters(const char *line, size_t bytes)
{
	size_t count = 0, length = strnlen(line, bytes);
	for (size_t i = 0; i < length; i++)
		count += ((unsigned char)line[i] & 0xc0) != 0x80;
	return count;
}

/*
 * The line, and carets under what the remark is about. A tab stays a tab in the margin of the carets, so that
 * they stand right whatever a tab is worth.
 */
static void show_source(const bh_diagnostic *diagnostic)
{
	const char *source = diagnostic->source;
	size_t length = strlen(source);
	size_t start = diagnostic->where.column ? diagnostic->where.column - 1 : 0;
	if (start > length)
		start = length;
	size_t marked = diagnostic->where.length ? diagnostic->where.length : 1;
	if (marked > length - start && length > start)
		marked = length - start;
	put("%7" PRIu32 " | %s\n", diagnostic->where.line, source);
	X_AUTO char *margin = x_alloc(length + 1);
	size_t n = 0;
	for (size_t i = 0; i < start; i++)
		if (((unsigned char)source[i] & 0xc0) != 0x80)
			margin[n++] = source[i] == '\t' ? '\t' : ' ';
	size_t carets = start < length ? characters(source + start, marked) : 1;
	X_AUTO char *under = x_alloc(carets + 2);
	memset(under, '^', carets ? carets : 1);
	put("%7s | %s%s\n", "", margin, under);
}

/* What would be right. A hint that ends with a colon leads to the lines to paste by itself. */
static void show_advice(const char *hint, const char *fix)
{
	X_AUTO char *hint_lines = text_indent(hint ? hint : "", 2);
	put("%s", hint_lines);
	if (!fix)
		return;
	size_t length = hint ? strlen(hint) : 0;
	bool led_to = length && hint[length - 1] == ':';
	X_AUTO char *lines = text_indent(fix, 6);
	if (!strchr(fix, '\n') && !led_to)
		put("  Write:  %s\n", fix);
	else
		put("%s\n%s", led_to ? "" : "  Write:\n", lines);
}

void diagnostic_show(const bh_diagnostic *diagnostic)
{
	X_AUTO char *place = place_of(&diagnostic->where);
	bool error = diagnostic->severity == BH_SEVERITY_ERROR;
	put("%s: ", place);
	printf("%s%s:%s ", output_style_on(stdout, error ? STYLE_ERROR : STYLE_WARNING),
	       severity_name(diagnostic->severity), output_style_on(stdout, STYLE_OFF));
	put("%s\n", diagnostic->message);
	if (diagnostic->source && diagnostic->where.line)
		show_source(diagnostic);
	show_advice(diagnostic->hint, diagnostic->fix);
}

json_t *diagnostic_json(const bh_diagnostic *diagnostic)
{
	json_t *object = json_object();
	put_text(object, "severity", severity_name(diagnostic->severity));
	put_text(object, "file", diagnostic->where.file);
	put_number(object, "line", diagnostic->where.line);
	put_number(object, "column", diagnostic->where.column);
	put_number(object, "length", diagnostic->where.length);
	put_text(object, "key", diagnostic->where.key);
	put_text(object, "message", diagnostic->message);
	put_text(object, "hint", diagnostic->hint);
	put_text(object, "fix", diagnostic->fix);
	return object;
}
