/*
 * Making errors: the one error idiom of the library.
 *
 *     if (!found)
 *         return bh_fail(err, BH_E_NOT_FOUND, "%s: no such file", path);
 *
 * and where there is more to say:
 *
 *     bh_error *e = bh_error_begin(err, BH_E_MEMORY_LIMIT, "memory limit reached: ...");
 *     bh_error_hint_set(e, "raise it with ...");
 *     return BH_E_MEMORY_LIMIT;
 *
 * Every setter accepts NULL (nobody wants details) and drops what it cannot store: an error about an error
 * would help nobody.
 */
#ifndef BH_BASE_ERROR_H
#define BH_BASE_ERROR_H

#include "base/alloc.h"
#include "bulkhead/error.h"

/* Make an error with a message, store it through `err` if that is not NULL, and return its status. */
bh_status bh_fail(bh_error **err, bh_status status, const char *format, ...) __attribute__((format(printf, 3, 4)));

bh_status bh_vfail(bh_error **err, bh_status status, const char *format, va_list args)
	__attribute__((format(printf, 3, 0)));

/* The same with errno's text behind the message. */
bh_status bh_fail_errno(bh_error **err, bh_status status, int number, const char *format, ...)
	__attribute__((format(printf, 4, 5)));

/* No memory: the static error. */
bh_status bh_fail_memory(bh_error **err);

/* Make an error to be given more details; NULL when `err` is. */
bh_error *bh_error_begin(bh_error **err, bh_status status, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

void bh_error_hint_set(bh_error *e, const char *format, ...) __attribute__((format(printf, 2, 3)));
void bh_error_cause_add(bh_error *e, const char *format, ...) __attribute__((format(printf, 2, 3)));
void bh_error_trap_set(bh_error *e, bh_trap trap);
void bh_error_frame_add(bh_error *e, const bh_frame *frame); /* copies the strings */
void bh_error_limit_set(bh_error *e, int limit, uint64_t allowed, uint64_t attempted);
void bh_error_exit_set(bh_error *e, int status);
void bh_error_coredump_set(bh_error *e, void *dump, size_t length); /* takes the block over */
#define BH_NO_COREDUMP "no core dump: "                             /* begins the cause that says why not */
void bh_error_location_set(bh_error *e, const bh_location *where);  /* copies the strings */

/* Put words before an error's message: "plugin.wasm: " and what it said. */
void bh_error_prefix(bh_error *e, const char *format, ...) __attribute__((format(printf, 2, 3)));

BH_DEFINE_AUTO(bh_error *, bh_error_free)

#endif
