/* World parent of wit/guests/parent: passes on to bulkhead:host/supervision, and uses it in ways of its own. */
#include "parent/parent.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The same types on both sides, by two names. */

void exports_bulkhead_host_supervision_spawn(exports_bulkhead_host_supervision_child_t *child,
                                             exports_bulkhead_host_supervision_result_void_error_t *ret)
{
	bulkhead_host_supervision_spawn((void *)child, (void *)ret);
}

void exports_bulkhead_host_supervision_spawn_and_wait(exports_bulkhead_host_supervision_child_t *child,
                                                      uint64_t timeout_ms,
                                                      exports_bulkhead_host_supervision_result_exit_error_t *ret)
{
	bulkhead_host_supervision_spawn_and_wait((void *)child, timeout_ms, (void *)ret);
}

void exports_bulkhead_host_supervision_list(exports_bulkhead_host_supervision_list_info_t *ret)
{
	bulkhead_host_supervision_list((void *)ret);
}

void exports_bulkhead_host_supervision_state(parent_string_t *name,
                                             exports_bulkhead_host_supervision_result_info_error_t *ret)
{
	bulkhead_host_supervision_state(name, (void *)ret);
}

void exports_bulkhead_host_supervision_stop(parent_string_t *name,
                                            exports_bulkhead_host_supervision_result_void_error_t *ret)
{
	bulkhead_host_supervision_stop(name, (void *)ret);
}

void exports_bulkhead_host_supervision_restart(parent_string_t *name,
                                               exports_bulkhead_host_supervision_result_void_error_t *ret)
{
	bulkhead_host_supervision_restart(name, (void *)ret);
}

void exports_bulkhead_host_supervision_next_event(uint64_t timeout_ms,
                                                  exports_bulkhead_host_supervision_result_event_error_t *ret)
{
	bulkhead_host_supervision_next_event(timeout_ms, (void *)ret);
}

void exports_bulkhead_host_supervision_call(parent_string_t *name, parent_string_t *function, parent_string_t *args,
                                            uint64_t timeout_ms,
                                            exports_bulkhead_host_supervision_result_string_error_t *ret)
{
	bulkhead_host_supervision_call(name, function, args, timeout_ms, (void *)ret);
}

static parent_string_t text(const char *words)
{
	return (parent_string_t){(uint8_t *)words, strlen(words)};
}

/* "limit: as many as ..." */
static void say_why(parent_string_t *out, const bulkhead_host_supervision_error_t *error)
{
	static const char *const cases[] = {"invalid", "not-found", "denied", "limit", "busy", "down", "timeout", "failed"};
	char words[512];
	snprintf(words, sizeof words, "%s: %.*s", cases[error->tag], (int)error->val.invalid.len,
	         (char *)error->val.invalid.ptr);
	parent_string_dup(out, words);
}

static bool spawn(const char *name, parent_string_t component, bulkhead_host_supervision_error_t *why)
{
	bulkhead_host_supervision_child_t child = {.name = text(name), .component = component, .restart = 1};
	bulkhead_host_supervision_result_void_error_t result;
	bulkhead_host_supervision_spawn(&child, &result);
	*why = result.val.err;
	return !result.is_err;
}

void exports_parent_flood(parent_string_t *component, parent_tuple2_u32_string_t *ret)
{
	bulkhead_host_supervision_error_t why;
	for (ret->f0 = 0;; ret->f0++) {
		char name[32];
		snprintf(name, sizeof name, "child-%u", ret->f0);
		if (!spawn(name, *component, &why))
			break;
	}
	say_why(&ret->f1, &why);
}

void exports_parent_dig(parent_tuple2_u32_string_t *ret)
{
	parent_string_t below = text("below"), dig = text("dig"), none = text("()");
	bulkhead_host_supervision_error_t why;
	bulkhead_host_supervision_result_string_error_t said;
	ret->f0 = 0;
	if (!spawn("below", text("parent"), &why)) {
		say_why(&ret->f1, &why);
		return;
	}
	bulkhead_host_supervision_call(&below, &dig, &none, 20000, &said);
	if (said.is_err) {
		say_why(&ret->f1, &said.val.err);
		return;
	}
	/* (3, "limit: ...") */
	char words[512] = "";
	said.val.ok.ptr[said.val.ok.len - 1] = 0;
	sscanf((char *)said.val.ok.ptr, "(%u, \"%511[^\"]", &ret->f0, words);
	ret->f0++;
	parent_string_dup(&ret->f1, words);
}

void exports_parent_spawn_and_trap(parent_string_t *component, uint32_t count)
{
	bulkhead_host_supervision_error_t why;
	for (uint32_t i = 0; i < count; i++) {
		char name[32];
		snprintf(name, sizeof name, "child-%u", i);
		if (!spawn(name, *component, &why))
			return;
	}
	__builtin_trap();
}
