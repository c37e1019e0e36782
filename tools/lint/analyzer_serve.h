/*
 * For clang-tidy only, included before every file of the daemon, as analyzer.h is before those of the library: what makes an
 * error returns the status it was given, and that is never BH_OK.
 */
#include "bulkhead/error.h"

#define bh_error_new(err, status, ...) (bh_error_new(err, status, __VA_ARGS__), (status))
