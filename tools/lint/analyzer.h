/*
 * For clang-tidy only, included before every file of the library: what the analyzer cannot see across files.
 * A function that makes an error returns the status it was given, and that is never BH_OK.
 */
#include "base/error.h"

#define bh_fail(err, status, ...) (bh_fail(err, status, __VA_ARGS__), (status))
#define bh_fail_errno(err, status, ...) (bh_fail_errno(err, status, __VA_ARGS__), (status))
#define bh_fail_memory(err) (bh_fail_memory(err), BH_E_NO_MEMORY)
