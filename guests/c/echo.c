/* World echo of wit/guests/echo.wit: gives back what it is given. */
#include "echo/echo.h"

#include <stdlib.h>
#include <string.h>

/* What comes in belongs to us, what goes out is freed after the call: so it can be handed on as it is. */

void exports_bulkhead_guests_api_greet(echo_string_t *name, echo_string_t *ret)
{
	static const char hello[] = "hello ";
	const size_t prefix = sizeof hello - 1;

	ret->len = prefix + name->len;
	ret->ptr = malloc(ret->len);
	if (!ret->ptr)
		abort();
	memcpy(ret->ptr, hello, prefix);
	memcpy(ret->ptr + prefix, name->ptr, name->len);
	echo_string_free(name);
}

void exports_bulkhead_guests_api_bytes(echo_list_u8_t *b, echo_list_u8_t *ret)
{
	*ret = *b;
}

void exports_bulkhead_guests_api_text(echo_string_t *s, echo_string_t *ret)
{
	*ret = *s;
}

int32_t exports_bulkhead_guests_api_number(int32_t n)
{
	return n;
}

void exports_echo_echo_bytes(echo_list_u8_t *b, echo_list_u8_t *ret)
{
	*ret = *b;
}

void exports_echo_echo_text(echo_string_t *s, echo_string_t *ret)
{
	*ret = *s;
}

int32_t exports_echo_echo_s32(int32_t n)
{
	return n;
}
