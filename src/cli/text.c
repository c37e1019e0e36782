#include "text.h"

#include <bulkhead.h>
#include <stdio.h>
#include <string.h>

#include "memory.h"

size_t utf8_next(const char *text, size_t left, uint32_t *out)
{
	static const uint32_t smallest[] = {0, 0, 0x80, 0x800, 0x10000};
	const unsigned char *p = (const unsigned char *)text;
	if (!left)
		return 0;
	size_t length = p[0] < 0x80 ? 1 : p[0] >> 5 == 6 ? 2 : p[0] >> 4 == 14 ? 3 : p[0] >> 3 == 30 ? 4 : 0;
	if (!length || length > left)
		return 0;
	uint32_t c = length == 1 ? p[0] : p[0] & (0x7fU >> length);
	for (size_t i = 1; i < length; i++) {
		if (p[i] >> 6 != 2)
			return 0;
		c = c << 6 | (p[i] & 0x3fU);
	}
	if (c < smallest[length] || c > 0x10ffff || (c >= 0xd800 && c <= 0xdfff))
		return 0;
	*out = c;
	return length;
}

static bool shown_as_is(uint32_t c)
{
	if (c == '\n' || c == '\t')
		return true;
	bool control = c < 0x20 || (c >= 0x7f && c < 0xa0);
	bool turns_text_round = (c >= 0x202a && c <= 0x202e) || (c >= 0x2066 && c <= 0x2069);
	return !control && !turns_text_round;
}

/* One character made safe: how many bytes of `text` it took, its length in *out_length; out may be NULL. */
static size_t clean_one(char *out, size_t *out_length, const char *text, size_t left)
{
	uint32_t c;
	char escape[16];
	size_t step = utf8_next(text, left, &c);
	if (step && shown_as_is(c)) {
		if (out)
			memcpy(out, text, step);
		*out_length = step;
		return step;
	}
	int length = step ? snprintf(escape, sizeof escape, "\\u{%x}", c)
	                  : snprintf(escape, sizeof escape, "\\x%02x", (unsigned char)*text);
	if (out)
		memcpy(out, escape, (size_t)length);
	*out_length = (size_t)length;
	return step ? step : 1;
}

char *text_clean(const char *text)
{
	size_t length = strlen(text), needed = 0, n = 0, one;
	for (size_t i = 0; i < length; needed += one)
		i += clean_one(NULL, &one, text + i, length - i);
	char *clean = x_alloc(needed + 1);
	for (size_t i = 0; i < length; n += one)
		i += clean_one(clean + n, &one, text + i, length - i);
	return clean;
}

char *text_utf8(const char *text)
{
	size_t length = strlen(text), n = 0;
	char *valid = x_alloc(length * 3 + 1);
	for (size_t i = 0, step; i < length; i += step ? step : 1) {
		uint32_t c;
		step = utf8_next(text + i, length - i, &c);
		memcpy(valid + n, step ? text + i : "\xef\xbf\xbd", step ? step : 3);
		n += step ? step : 3;
	}
	valid[n] = '\0';
	return valid;
}

/* Edit distance; words longer than the table are not worth a guess. */
static size_t distance(const char *a, const char *b)
{
	enum { MAX = 64 };
	size_t m = strlen(a), n = strlen(b);
	if (m > MAX || n > MAX)
		return MAX;
	size_t row[MAX + 1];
	for (size_t j = 0; j <= n; j++)
		row[j] = j;
	for (size_t i = 1; i <= m; i++) {
		size_t diagonal = row[0];
		row[0] = i;
		for (size_t j = 1; j <= n; j++) {
			size_t best = diagonal + (a[i - 1] != b[j - 1]);
			if (row[j] + 1 < best)
				best = row[j] + 1;
			if (row[j - 1] + 1 < best)
				best = row[j - 1] + 1;
			diagonal = row[j];
			row[j] = best;
		}
	}
	return row[n];
}

const char *text_nearest(const char *word, word_at *at, const void *data)
{
	size_t length = strlen(word), bound = length < 4 ? 1 : length / 3, best = bound + 1;
	const char *nearest = NULL;
	for (size_t i = 0; at(data, i); i++) {
		size_t d = distance(word, at(data, i));
		if (d < best) {
			best = d;
			nearest = at(data, i);
		}
	}
	return nearest;
}

/* Room for a text that lives until a few more have been asked for. The command writes from one thread. */
static char *scratch(size_t *size)
{
	enum { TEXTS = 8, SIZE = 48 };
	static char ring[TEXTS][SIZE];
	static unsigned next;
	*size = SIZE;
	return ring[next++ % TEXTS];
}

const char *text_bytes(uint64_t bytes)
{
	size_t size;
	char *out = scratch(&size);
	if (bytes >> 40)
		snprintf(out, size, "%.0f TiB", (double)bytes / (double)(UINT64_C(1) << 40));
	else
		bh_limit_format(out, size, BH_LIMIT_MEMORY, bytes);
	return out;
}

const char *text_count(uint64_t count)
{
	size_t size;
	char *out = scratch(&size);
	bh_limit_format(out, size, BH_LIMIT_FUEL, count);
	return out;
}

const char *text_nanoseconds(uint64_t ns)
{
	size_t size;
	char *out = scratch(&size);
	double value = (double)ns;
	if (ns < 10000)
		snprintf(out, size, "%.1f us", value / 1e3);
	else if (ns < 1000000)
		snprintf(out, size, "%.0f us", value / 1e3);
	else if (ns < 10000000000)
		snprintf(out, size, "%.1f ms", value / 1e6);
	else
		snprintf(out, size, "%.1f s", value / 1e9);
	return out;
}

char *text_indent(const char *text, int columns)
{
	x_writer out;
	x_text_begin(&out);
	while (*text) {
		int length = (int)strcspn(text, "\n");
		fprintf(out.stream, "%*s%.*s\n", length ? columns : 0, "", length, text);
		text += length + (text[length] == '\n');
	}
	return x_text_end(&out);
}

const char *text_file_name(const char *path)
{
	const char *slash = strrchr(path, '/');
	return slash ? slash + 1 : path;
}

char *text_component_name(const char *file)
{
	char *name = x_copy(text_file_name(file));
	char *dot = strchr(name, '.');
	if (dot && dot != name)
		*dot = '\0';
	for (char *p = name; *p; p++)
		if (!strchr("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_", *p))
			*p = '-';
	return name;
}
