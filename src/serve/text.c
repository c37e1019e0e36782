#include "text.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "memory.h"

/* Growing. */

static bool reserve(sv_text *text, size_t more)
{
	size_t wanted;
	if (text->failed || __builtin_add_overflow(text->length + 1, more, &wanted)) {
		text->failed = true;
		return false;
	}
	while (wanted > text->capacity) {
		char *grown = sv_grow(text->data, text->capacity, &text->capacity, 1);
		if (!grown) {
			text->failed = true;
			return false;
		}
		text->data = grown;
	}
	return true;
}

void sv_text_add_n(sv_text *text, const char *data, size_t length)
{
	if (!reserve(text, length))
		return;
	if (length)
		memcpy(text->data + text->length, data, length);
	text->length += length;
	text->data[text->length] = '\0';
}

void sv_text_add(sv_text *text, const char *format, ...)
{
	va_list args;
	va_start(args, format);
	SV_AUTO char *more = sv_vformat(format, args);
	va_end(args);
	if (more)
		sv_text_add_n(text, more, strlen(more));
	else
		text->failed = true;
}

void sv_text_deinit(sv_text *text)
{
	sv_free(text->data);
	*text = (sv_text){0};
}

char *sv_text_take(sv_text *text)
{
	sv_text_add_n(text, "", 0);
	char *data = text->failed ? NULL : SV_TAKE(text->data);
	sv_text_deinit(text);
	return data;
}

/* JSON. */

static void separate(sv_text *out)
{
	if (out->length && !strchr("{[:,", out->data[out->length - 1]))
		sv_text_add_n(out, ",", 1);
}

void js_open(sv_text *out, char bracket)
{
	separate(out);
	sv_text_add_n(out, &bracket, 1);
}

void js_close(sv_text *out, char bracket)
{
	sv_text_add_n(out, &bracket, 1);
}

/* How many bytes of well-formed UTF-8 a character at `p` has; 0: it is none. */
static size_t utf8_length(const unsigned char *p)
{
	if (p[0] < 0x80)
		return 1;
	size_t length = p[0] >= 0xc2 && p[0] <= 0xdf   ? 2
	                : p[0] >= 0xe0 && p[0] <= 0xef ? 3
	                : p[0] >= 0xf0 && p[0] <= 0xf4 ? 4
	                                               : 0;
	for (size_t i = 1; i < length; i++)
		if ((p[i] & 0xc0) != 0x80)
			return 0;
	/* Longer than it need be, a surrogate, past the last one. */
	if ((p[0] == 0xe0 && p[1] < 0xa0) || (p[0] == 0xed && p[1] > 0x9f) || (p[0] == 0xf0 && p[1] < 0x90) ||
	    (p[0] == 0xf4 && p[1] > 0x8f))
		return 0;
	return length;
}

static void escape(sv_text *out, unsigned char c)
{
	static const char plain[] = "\"\\\b\f\n\r\t", letters[] = "\"\\bfnrt";
	const char *found = c ? strchr(plain, c) : NULL;
	if (found) {
		const char text[] = {'\\', letters[found - plain]};
		sv_text_add_n(out, text, 2);
	} else {
		sv_text_add(out, "\\u%04x", c);
	}
}

static void string(sv_text *out, const char *text)
{
	const unsigned char *p = (const unsigned char *)text;
	sv_text_add_n(out, "\"", 1);
	while (*p) {
		const unsigned char *from = p;
		size_t length = 1;
		while (*p >= ' ' && *p != '"' && *p != '\\' && *p != 0x7f && (length = utf8_length(p)))
			p += length;
		sv_text_add_n(out, (const char *)from, (size_t)(p - from));
		if (!*p)
			break;
		if (!length)
			sv_text_add_n(out, "\xef\xbf\xbd", 3);
		else
			escape(out, *p);
		p++;
	}
	sv_text_add_n(out, "\"", 1);
}

void js_key(sv_text *out, const char *key)
{
	separate(out);
	string(out, key);
	sv_text_add_n(out, ":", 1);
}

void js_text(sv_text *out, const char *text)
{
	if (!text) {
		js_null(out);
		return;
	}
	separate(out);
	string(out, text);
}

/* Lists have many of them: without printf(). */
void js_number(sv_text *out, uint64_t number)
{
	char text[24];
	bool quoted = number > INT64_MAX;
	size_t at = sizeof text;
	if (quoted)
		text[--at] = '"';
	do
		text[--at] = (char)('0' + number % 10);
	while (number /= 10);
	if (quoted)
		text[--at] = '"';
	separate(out);
	sv_text_add_n(out, text + at, sizeof text - at);
}

void js_real(sv_text *out, double number)
{
	separate(out);
	if (isfinite(number))
		sv_text_add(out, "%.6g", number);
	else
		sv_text_add_n(out, "null", 4);
}

void js_raw(sv_text *out, const char *json)
{
	separate(out);
	sv_text_add_n(out, json, strlen(json));
}

void js_bool(sv_text *out, bool value)
{
	js_raw(out, value ? "true" : "false");
}

void js_null(sv_text *out)
{
	js_raw(out, "null");
}

void js_put_text(sv_text *out, const char *key, const char *text)
{
	js_key(out, key);
	js_text(out, text);
}

void js_put_number(sv_text *out, const char *key, uint64_t number)
{
	js_key(out, key);
	js_number(out, number);
}

void js_put_bool(sv_text *out, const char *key, bool value)
{
	js_key(out, key);
	js_bool(out, value);
}
