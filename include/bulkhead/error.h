/** Errors: what went wrong, why, where in the guest, and what to do about it. */
#ifndef BULKHEAD_ERROR_H
#define BULKHEAD_ERROR_H

#include "base.h"
#include "status.h"
#include "trap.h"

BH_BEGIN

/**
 * An error belongs to whoever received it and is used by one thread at a time.
 * When no memory is left for one, a static error with BH_E_NO_MEMORY is handed out; freeing it is harmless.
 */

/** One frame of a guest's stack, innermost first. Pointers live as long as the error. */
typedef struct {
	const char *function; /**< demangled where possible; NULL if the guest carries no names */
	const char *module;   /**< NULL if it has no name */
	const char *file;     /**< NULL without debug information */
	uint32_t line;        /**< 0 without debug information */
	uint32_t column;
	uint32_t function_index;
	uint32_t offset; /**< byte offset into the core module */
} bh_frame;

/** Where in a configuration an error lies. Pointers live as long as the error. */
typedef struct {
	const char *file; /**< NULL if the error lies in no file */
	const char *key;  /**< dotted; NULL if it is about no key */
	uint32_t line;    /**< from 1 */
	uint32_t column;  /**< from 1, in bytes */
	uint32_t length;  /**< of the offending text, in bytes */
} bh_location;

BH_API bh_status bh_error_status(const bh_error *err);

/** What happened, in one line without a full stop. */
BH_API const char *bh_error_message(const bh_error *err);

/** What to do about it: one or more lines; NULL if there is nothing to say. */
BH_API const char *bh_error_hint(const bh_error *err);

/** How many causes are known; cause 0 is nearest to the error. */
BH_API size_t bh_error_cause_count(const bh_error *err);
BH_API const char *bh_error_cause(const bh_error *err, size_t index);

/** The trap that ended the guest; BH_TRAP_NONE if it did not trap. */
BH_API bh_trap bh_error_trap(const bh_error *err);

/** The guest's stack when it trapped. */
BH_API size_t bh_error_frame_count(const bh_error *err);
BH_API const bh_frame *bh_error_frame(const bh_error *err, size_t index);

/**
 * The limit that was reached, as a bh_limit (0: none), its value, and what was attempted (0 if that is not
 * known). The out-parameters may be NULL.
 */
BH_API int bh_error_limit(const bh_error *err, uint64_t *allowed, uint64_t *attempted);

/** The exit status of a guest that exited; 0 otherwise. */
BH_API int bh_error_exit_status(const bh_error *err);

/** Where in a configuration file; NULL if nowhere. */
BH_API const bh_location *bh_error_location(const bh_error *err);

/**
 * Make an error, in a function of the program's that the library calls: `return bh_error_new(err, BH_E_IO, "...")`.
 *
 * \param err  where the library wants it; NULL: nobody wants details
 *
 * \return status
 */
BH_API bh_status bh_error_new(bh_error **err, bh_status status, const char *format, ...) BH_PRINTF(3, 4);

/** Another error like it, without a core dump. Without memory for it, the static one. NULL for NULL. */
BH_API bh_error *bh_error_copy(const bh_error *err);

/** Release an error. NULL is allowed. */
BH_API void bh_error_free(bh_error *err);

BH_END

#endif
