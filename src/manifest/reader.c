#include "manifest/reader.h"

#include <ctype.h>
#include <string.h>

#include "base/text.h"

/* Lines and excerpts are shown to people: longer ones say nothing more. */
enum { MAX_LINE = 400, MAX_EXCERPT = 60 };

char *bh_reader_keep(bh_reader *r, char *text)
{
	if (!text)
		r->failed = true;
	return text;
}

char *bh_reader_format(bh_reader *r, const char *format, ...)
{
	va_list args;
	va_start(args, format);
	char *text = bh_vformat(format, args);
	va_end(args);
	return bh_reader_keep(r, text);
}

bool bh_reader_goes_on(const bh_reader *r)
{
	return !r->failed && !r->full;
}

void bh_remark_deinit(bh_remark *remark)
{
	bh_free((char *)remark->shown.where.key);
	bh_free((char *)remark->shown.message);
	bh_free((char *)remark->shown.hint);
	bh_free((char *)remark->shown.source);
	bh_free((char *)remark->shown.fix);
}

/* A place for one more remark; when all are taken, an error takes a warning's. NULL if there is none. */
static bh_remark *next_remark(bh_reader *r, bh_severity severity)
{
	bh_manifest *m = r->manifest;
	if (m->remark_count < BH_MAX_REMARKS) {
		bh_remark *grown = bh_grow(m->remarks, m->remark_count, &m->remark_capacity, sizeof *grown);
		if (!bh_reader_keep(r, (char *)grown))
			return NULL;
		m->remarks = grown;
		return &m->remarks[m->remark_count++];
	}
	for (size_t i = m->remark_count; i-- && severity == BH_SEVERITY_ERROR;)
		if (m->remarks[i].shown.severity == BH_SEVERITY_WARNING) {
			bh_remark_deinit(&m->remarks[i]);
			return &m->remarks[i];
		}
	r->full = r->full || severity == BH_SEVERITY_ERROR;
	r->incomplete = r->incomplete || r->full;
	return NULL;
}

/* A span as the rest of its first line. */
static uint32_t length_on_line(const bh_reader *r, bh_toml_span at)
{
	uint32_t length = 0;
	while (length < at.length && at.offset + length < r->length && !strchr("\r\n", r->text[at.offset + length]))
		length++;
	return length;
}

void bh_reader_say(bh_reader *r, bh_saying saying)
{
	/* What is missing altogether is on no line. */
	bool shows_line = saying.at.line && (saying.at.length || saying.status != BH_E_MISSING_LIMITS);
	bh_remark remark = {
		.shown =
			{
				.severity = saying.severity,
				.where = {.file = r->manifest->path,
	                      .key = saying.key,
	                      .line = saying.at.line,
	                      .column = saying.at.column,
	                      .length = length_on_line(r, saying.at)},
				.message = bh_reader_keep(r, saying.message),
				.hint = saying.hint,
				.source = shows_line ? bh_reader_line(r, saying.at) : NULL,
				.fix = saying.fix,
			},
		.status = saying.status,
		.limit = saying.limit,
		.allowed = saying.allowed,
		.asked = saying.asked,
	};
	bh_remark *place = r->failed ? NULL : next_remark(r, saying.severity);
	if (place)
		*place = remark;
	else
		bh_remark_deinit(&remark);
}

void bh_reader_error(bh_reader *r, const bh_toml_node *node, bh_status status, char *message, char *hint, char *fix)
{
	bh_reader_say(r, (bh_saying){.severity = BH_SEVERITY_ERROR,
	                             .status = status,
	                             .at = node->span,
	                             .key = bh_reader_path(r, node),
	                             .message = message,
	                             .hint = hint,
	                             .fix = fix});
}

void bh_reader_warn(bh_reader *r, const bh_toml_node *node, char *message, char *fix)
{
	bh_reader_say(r, (bh_saying){.severity = BH_SEVERITY_WARNING,
	                             .at = node->key_span.line ? node->key_span : node->span,
	                             .key = bh_reader_path(r, node),
	                             .message = message,
	                             .fix = fix});
}

static bool after(const bh_location *a, const bh_location *b)
{
	return a->line != b->line ? a->line > b->line : a->column > b->column;
}

void bh_reader_sort(bh_reader *r)
{
	/* By insertion: there are few, nearly sorted, and those of one place keep their order. */
	bh_remark *remarks = r->manifest->remarks;
	for (size_t i = 1; i < r->manifest->remark_count; i++) {
		bh_remark moving = remarks[i];
		size_t j = i;
		for (; j && after(&remarks[j - 1].shown.where, &moving.shown.where); j--)
			remarks[j] = remarks[j - 1];
		remarks[j] = moving;
	}
}

/* The bounds of the line that holds an offset, without its end; false if it is longer than anybody reads. */
static bool line_bounds(const bh_reader *r, size_t offset, size_t *start, size_t *end)
{
	size_t from = offset < r->length ? offset : r->length, to = from;
	while (from && r->text[from - 1] != '\n' && to - from <= MAX_LINE)
		from--;
	while (to < r->length && r->text[to] != '\n' && to - from <= MAX_LINE)
		to++;
	while (to > from && r->text[to - 1] == '\r')
		to--;
	*start = from;
	*end = to;
	return to - from <= MAX_LINE;
}

/* Control characters could do anything to a terminal; bytes keep their places, so that columns stay right. */
static void disarm(char *text, size_t length)
{
	for (size_t i = 0; i < length; i++) {
		unsigned char c = (unsigned char)text[i], next = i + 1 < length ? (unsigned char)text[i + 1] : 0;
		if (c == 0xc2 && next >= 0x80 && next < 0xa0) /* the second set of them, in UTF-8 */
			text[i] = text[i + 1] = '?';
		else if (iscntrl(c) && c != '\t')
			text[i] = '?';
	}
}

/* A stretch of the document as a string that can be shown. */
static char *stretch(bh_reader *r, size_t start, size_t end)
{
	char *text = bh_reader_keep(r, bh_strndup(r->text + start, end - start));
	if (text)
		disarm(text, end - start);
	return text;
}

char *bh_reader_line(bh_reader *r, bh_toml_span at)
{
	size_t start, end;
	return line_bounds(r, at.offset, &start, &end) && end > start ? stretch(r, start, end) : NULL;
}

char *bh_reader_excerpt(bh_reader *r, bh_toml_span at)
{
	size_t length = length_on_line(r, at);
	bool whole = length == at.length && length <= MAX_EXCERPT;
	if (length > MAX_EXCERPT)
		length = MAX_EXCERPT;
	/* Not in the middle of a character. */
	while (!whole && length && at.offset + length < r->length &&
	       ((unsigned char)r->text[at.offset + length] & 0xc0) == 0x80)
		length--;
	char *text = stretch(r, at.offset, at.offset + length);
	if (whole || !text)
		return text;
	char *cut = bh_reader_format(r, "%s...", text);
	bh_free(text);
	return cut;
}

char *bh_reader_verbatim(bh_reader *r, bh_toml_span at)
{
	if (at.length > MAX_LINE || length_on_line(r, at) != at.length)
		return NULL;
	return stretch(r, at.offset, at.offset + at.length);
}

char *bh_reader_path(bh_reader *r, const bh_toml_node *node)
{
	/* From the node up to the root, then back: keys are found in the wrong order. */
	enum { MAX_DEPTH = 16 };
	const bh_toml_node *chain[MAX_DEPTH];
	size_t depth = 0;
	for (; node && node->parent && depth < MAX_DEPTH; node = node->parent)
		if (node->key_length)
			chain[depth++] = node;
	bh_text path = {0};
	while (depth--)
		bh_text_add(&path, "%s%s", path.length ? "." : "", chain[depth]->key);
	char *text = bh_reader_keep(r, bh_text_take(&path));
	if (text)
		disarm(text, strlen(text));
	return text;
}

char *bh_reader_replace(bh_reader *r, bh_toml_span at, const char *text)
{
	size_t start, end;
	if (!at.line || !line_bounds(r, at.offset, &start, &end) || at.offset + at.length > end)
		return NULL;
	while (start < at.offset && (r->text[start] == ' ' || r->text[start] == '\t'))
		start++;
	char *before = stretch(r, start, at.offset), *after = stretch(r, at.offset + at.length, end);
	char *line = before && after ? bh_reader_format(r, "%s%s%s", before, text, after) : NULL;
	bh_free(before);
	bh_free(after);
	return line;
}

char *bh_reader_corrected(bh_reader *r, const bh_toml_node *node, const char *value)
{
	char *line = bh_reader_replace(r, node->span, value);
	if (line || r->failed || !node->key_length)
		return line;
	char *key = bh_reader_verbatim(r, node->key_span);
	line = key ? bh_reader_format(r, "%s = %s", key, value) : NULL;
	bh_free(key);
	return line;
}

bool bh_reader_plain(bh_reader *r, const bh_toml_node *node)
{
	const char *problem = NULL;
	if (node->type != BH_TOML_STRING)
		problem = "is not a string";
	else if (!node->as.text.length)
		problem = "is empty";
	for (size_t i = 0; !problem && i < node->as.text.length; i++)
		if (iscntrl((unsigned char)node->as.text.data[i]))
			problem = "holds control characters";
	if (!problem)
		return true;
	char *value = bh_reader_excerpt(r, node->span), *path = bh_reader_path(r, node);
	if (value && path)
		bh_reader_error(r, node, BH_E_CONFIG, bh_reader_format(r, "%s: %s %s", path, value, problem),
		                bh_reader_format(r, "Text in quotes is wanted here."), NULL);
	bh_free(value);
	bh_free(path);
	return false;
}
