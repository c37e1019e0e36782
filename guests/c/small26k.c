/* World small26k of wit/guests/small26k.wit: a few functions of the C library behind exports. */
#include "small26k/small26k.h"

#include <stdlib.h>
#include <string.h>

void exports_small26k_greet(small26k_string_t *name, small26k_string_t *ret)
{
	static const char hello[] = "hello ";
	const size_t prefix = sizeof hello - 1;

	ret->len = prefix + name->len;
	ret->ptr = malloc(ret->len);
	if (!ret->ptr)
		abort();
	memcpy(ret->ptr, hello, prefix);
	memcpy(ret->ptr + prefix, name->ptr, name->len);
	small26k_string_free(name);
}

static int compare(const void *left, const void *right)
{
	const uint32_t a = *(const uint32_t *)left, b = *(const uint32_t *)right;

	return (a > b) - (a < b);
}

void exports_small26k_sort(small26k_list_u32_t *xs, small26k_list_u32_t *ret)
{
	*ret = *xs;
	qsort(ret->ptr, ret->len, sizeof *ret->ptr, compare);
}

bool exports_small26k_parse(small26k_string_t *digits, double *ret)
{
	char text[64], *end;
	const bool fits = digits->len > 0 && digits->len < sizeof text;

	if (fits) {
		memcpy(text, digits->ptr, digits->len);
		text[digits->len] = '\0';
		*ret = strtod(text, &end);
	}
	const bool whole = fits && end == text + digits->len;
	small26k_string_free(digits);
	return whole;
}

uint32_t exports_small26k_checksum(small26k_list_u8_t *b)
{
	uint32_t a = 1, s = 0;

	for (size_t i = 0; i < b->len; i++) {
		a = (a + b->ptr[i]) % 65521;
		s = (s + a) % 65521;
	}
	small26k_list_u8_free(b);
	return s << 16 | a;
}
