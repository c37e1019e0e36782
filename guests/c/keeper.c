/* World keeper of wit/guests/keeper: a sum that is kept as text, behind the version of its form. */
#include "keeper/keeper.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char form[] = "sum 1 ";
static uint32_t sum;

uint32_t exports_keeper_add(uint32_t number)
{
	sum += number;
	return sum;
}

void exports_keeper_crash(void)
{
	__builtin_trap();
}

void exports_bulkhead_service_state_snapshot(keeper_list_u8_t *ret)
{
	char text[40];
	int length = snprintf(text, sizeof text, "%s%u", form, (unsigned)sum);

	ret->ptr = malloc((size_t)length);
	if (!ret->ptr)
		abort();
	memcpy(ret->ptr, text, (size_t)length);
	ret->len = (size_t)length;
}

bool exports_bulkhead_service_state_restore(keeper_list_u8_t *state, keeper_string_t *err)
{
	char text[40] = {0};
	bool ours = state->len < sizeof text && state->len > strlen(form) && !memcmp(state->ptr, form, strlen(form));

	if (ours)
		memcpy(text, state->ptr, state->len);
	keeper_list_u8_free(state);
	if (!ours) {
		keeper_string_dup(err, "no sum of version 1");
		return false;
	}
	sum = (uint32_t)strtoul(text + strlen(form), NULL, 10);
	return true;
}
