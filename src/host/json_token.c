/* The words of JSON: texts, numbers, signs. Nothing is read past the NUL byte at the end. */
#include "host/json_token.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/text.h"

void bh_json_wrong(bh_json *r, const bh_type *type, const char *what)
{
	if (r->status)
		return;
	char wanted[160] = "";
	if (type)
		bh_type_format(wanted, sizeof wanted, type);
	bh_error *e = bh_error_begin(r->err, BH_E_TYPE, "at byte %zu: %s", (size_t)(r->at - r->start) + 1, what);
	if (type)
		bh_error_hint_set(e, "A value of %s is wanted.", wanted);
	r->status = BH_E_TYPE;
}

void bh_json_no_memory(bh_json *r)
{
	if (!r->status)
		r->status = bh_fail_memory(r->err);
}

/* Tokens. */

char bh_json_next(bh_json *r)
{
	r->at += strspn(r->at, " \t\r\n");
	return *r->at;
}

bool bh_json_took(bh_json *r, char c)
{
	if (r->status || bh_json_next(r) != c)
		return false;
	r->at++;
	return true;
}

bool bh_json_took_word(bh_json *r, const char *word)
{
	size_t length = strlen(word);
	if (r->status || !bh_json_next(r) || strncmp(r->at, word, length) != 0)
		return false;
	r->at += length;
	return true;
}

static int hex4(const char *at)
{
	int value = 0;
	for (int i = 0; i < 4; i++) {
		char c = at[i];
		int digit = c >= '0' && c <= '9'   ? c - '0'
		            : c >= 'a' && c <= 'f' ? c - 'a' + 10
		            : c >= 'A' && c <= 'F' ? c - 'A' + 10
		                                   : -1;
		if (digit < 0)
			return -1;
		value = value * 16 + digit;
	}
	return value;
}

static size_t put_utf8(char *out, uint32_t c)
{
	size_t length = c < 0x80 ? 1 : c < 0x800 ? 2 : c < 0x10000 ? 3 : 4;
	out[0] = (char)c;
	for (size_t i = length; i-- > 1; c >>= 6)
		out[i] = (char)(0x80 | (c & 0x3f));
	if (length > 1)
		out[0] = (char)((0xf00 >> length & 0xff) | c);
	return length;
}

/* What follows "\u", surrogates by twos; -1: no character. */
static int64_t read_unicode(bh_json *r)
{
	int c = hex4(r->at);
	if (c < 0 || (c >= 0xdc00 && c <= 0xdfff))
		return -1;
	r->at += 4;
	if (c < 0xd800 || c > 0xdbff)
		return c;
	int low = r->at[0] == '\\' && r->at[1] == 'u' ? hex4(r->at + 2) : -1;
	if (low < 0xdc00 || low > 0xdfff)
		return -1;
	r->at += 6;
	return 0x10000 + (((int64_t)c - 0xd800) << 10) + (low - 0xdc00);
}

/* One escape, its backslash read. */
static size_t read_escape(bh_json *r, char *out)
{
	static const char letters[] = "\"\\/bfnrt", plain[] = "\"\\/\b\f\n\r\t";
	char c = *r->at;
	const char *found = c ? strchr(letters, c) : NULL;
	if (found) {
		r->at++;
		*out = plain[found - letters];
		return 1;
	}
	int64_t code = -1;
	if (c == 'u') {
		r->at++;
		code = read_unicode(r);
	}
	if (code < 0) {
		bh_json_wrong(r, NULL, "an escape that is none");
		return 0;
	}
	return put_utf8(out, (uint32_t)code);
}

/* A text, which belongs to the caller; NULL where there is none, and something is wrong then. */
char *bh_json_text(bh_json *r, size_t *length, const bh_type *type)
{
	if (!bh_json_took(r, '"')) {
		bh_json_wrong(r, type, "a text is wanted here");
		return NULL;
	}
	const char *end = r->at;
	while (*end && *end != '"')
		end += *end == '\\' && end[1] ? 2 : 1;
	BH_AUTO(bh_free) char *text = bh_alloc((size_t)(end - r->at) + 1); /* escapes are longer than what they mean */
	size_t n = 0;
	if (!text)
		bh_json_no_memory(r);
	while (!r->status && *r->at != '"') {
		unsigned char c = (unsigned char)*r->at;
		if (c < ' ') {
			bh_json_wrong(r, NULL, c ? "a control character in a text" : "a text without its end");
		} else if (c == '\\') {
			r->at++;
			n += read_escape(r, text + n);
		} else {
			text[n++] = *r->at++;
		}
	}
	if (r->status)
		return NULL;
	r->at++;
	text[n] = '\0';
	*length = n;
	return BH_TAKE(text);
}

/* Numbers. */

/* JSON's form, as a copy that strto*() reads: in quotes too, as numbers are written that are too long for some. */
static bool read_number(bh_json *r, char out[64], const bh_type *type)
{
	bool quoted = bh_json_took(r, '"');
	bh_json_next(r);
	size_t length = strspn(r->at, "+-.0123456789eE");
	if (!length || length > 62 || (quoted && r->at[length] != '"')) {
		bh_json_wrong(r, type, "a number is wanted here");
		return false;
	}
	memcpy(out, r->at, length);
	out[length] = '\0';
	r->at += length + quoted;
	return true;
}

static const char *digits_of(const char *text)
{
	return text + (*text == '-');
}

void bh_json_integer(bh_json *r, const bh_type *type, int64_t least, uint64_t most, uint64_t *out)
{
	char text[64], *end = NULL;
	const char *from = r->at;
	if (!read_number(r, text, type))
		return;
	const char *digits = digits_of(text);
	errno = 0;
	unsigned long long size = strtoull(digits, &end, 10);
	bool negative = digits != text && size;
	bool fits = negative ? least < 0 && size <= (uint64_t) - (least + 1) + 1 : size <= most;
	if (errno || *end || *digits < '0' || *digits > '9' || (*digits == '0' && digits[1]) || !fits) {
		r->at = from;
		bh_json_wrong(r, type, "this is no whole number, or not within the type's range");
		return;
	}
	*out = negative ? 0 - (uint64_t)size : (uint64_t)size;
}

/* strtod() reads the point that the program's locale has. */
static double to_real(const char *text, bool is_single, char **end)
{
	char local[72], point[4];
	snprintf(point, sizeof point, "%.1f", 0.0);
	snprintf(local, sizeof local, "%s", text);
	char *sign = strchr(local, '.');
	if (sign)
		*sign = point[1];
	double number = is_single ? (double)strtof(local, end) : strtod(local, end);
	*end = **end ? *end : NULL;
	return number;
}

void bh_json_real(bh_json *r, const bh_type *type, bool is_single, double *out)
{
	static const char *const names[] = {"\"NaN\"", "\"Infinity\"", "\"-Infinity\""};
	static const double numbers[] = {__builtin_nan(""), __builtin_inf(), -__builtin_inf()};
	for (size_t i = 0; i < BH_COUNT(names); i++)
		if (bh_json_took_word(r, names[i])) {
			*out = numbers[i];
			return;
		}
	char text[64], *rest;
	const char *from = r->at;
	if (!read_number(r, text, type))
		return;
	*out = to_real(text, is_single, &rest);
	const char *digits = digits_of(text);
	if (rest || *digits < '0' || *digits > '9' || __builtin_isinf(*out)) {
		r->at = from;
		bh_json_wrong(r, type, "this is no number, or none that the type can hold");
	}
}
