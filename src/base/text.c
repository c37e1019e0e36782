#include "base/text.h"

#include <stdio.h>
#include <string.h>

static bool reserve(bh_text *text, size_t more)
{
	size_t needed, wanted = text->capacity ? text->capacity : 64;
	if (text->failed)
		return false;
	bool overflow = __builtin_add_overflow(text->length, more, &needed) || __builtin_add_overflow(needed, 1, &needed);
	if (!overflow && text->data && needed <= text->capacity)
		return true;
	while (!overflow && wanted < needed)
		overflow = __builtin_mul_overflow(wanted, 2, &wanted);
	char *grown = overflow ? NULL : bh_realloc(text->data, wanted);
	if (!grown) {
		text->failed = true;
		return false;
	}
	text->data = grown;
	text->capacity = wanted;
	return true;
}

void bh_text_add_n(bh_text *text, const char *data, size_t length)
{
	if (!reserve(text, length))
		return;
	if (length)
		memcpy(text->data + text->length, data, length);
	text->length += length;
	text->data[text->length] = '\0';
}

void bh_text_add(bh_text *text, const char *format, ...)
{
	va_list args;
	va_start(args, format);
	int length = vsnprintf(NULL, 0, format, args);
	va_end(args);
	if (length < 0 || !reserve(text, (size_t)length))
		return;
	va_start(args, format);
	vsnprintf(text->data + text->length, (size_t)length + 1, format, args);
	va_end(args);
	text->length += (size_t)length;
}

char *bh_text_take(bh_text *text)
{
	if (!text->data)
		bh_text_add_n(text, "", 0);
	char *data = text->failed ? NULL : BH_TAKE(text->data);
	bh_text_deinit(text);
	return data;
}

void bh_text_deinit(bh_text *text)
{
	bh_free(text->data);
	*text = (bh_text){0};
}

char *bh_text_tame(const char *data, size_t length)
{
	char *text = bh_strndup(data, length);
	for (size_t i = 0; text && i < length; i++) {
		unsigned char c = (unsigned char)text[i], next = (unsigned char)text[i + 1];
		bool c1 = c == 0xC2 && next >= 0x80 && next < 0xA0;
		if (c < 0x20 || c == 0x7F || c1)
			text[i] = c == '\n' ? ' ' : '?';
		if (c1)
			text[i + 1] = '?';
	}
	return text;
}

size_t bh_text_distance(const char *a, const char *b, size_t bound)
{
	enum { MAX = 96 };
	size_t m = strlen(a), n = strlen(b);
	if (m > MAX || n > MAX)
		return bound + 1;
	size_t row[MAX + 1];
	for (size_t j = 0; j <= n; j++)
		row[j] = j;
	for (size_t i = 1; i <= m; i++) {
		size_t diagonal = row[0];
		row[0] = i;
		for (size_t j = 1; j <= n; j++) {
			size_t above = row[j];
			size_t best = diagonal + (a[i - 1] != b[j - 1]);
			if (above + 1 < best)
				best = above + 1;
			if (row[j - 1] + 1 < best)
				best = row[j - 1] + 1;
			diagonal = above;
			row[j] = best;
		}
	}
	return row[n] <= bound ? row[n] : bound + 1;
}

const char *bh_text_nearest(const char *word, const char *const *candidates, size_t count)
{
	size_t length = strlen(word);
	size_t best = length < 4 ? 1 : length / 3;
	const char *nearest = NULL;
	for (size_t i = 0; i < count; i++) {
		size_t distance = bh_text_distance(word, candidates[i], best);
		if (distance > best || (nearest && distance == best))
			continue;
		best = distance;
		nearest = candidates[i];
	}
	return nearest;
}
