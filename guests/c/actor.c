/* World actor of wit/guests/actor.wit: numbers the lines of one connection. */
#include "actor/actor.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static uint32_t count;

void exports_actor_line(actor_string_t *text, actor_string_t *ret)
{
	char number[16];
	size_t digits = (size_t)snprintf(number, sizeof number, "%u: ", ++count);

	ret->len = digits + text->len;
	ret->ptr = malloc(ret->len);
	if (!ret->ptr)
		abort();
	memcpy(ret->ptr, number, digits);
	memcpy(ret->ptr + digits, text->ptr, text->len);
	actor_string_free(text);
}

uint32_t exports_actor_lines(void)
{
	return count;
}
