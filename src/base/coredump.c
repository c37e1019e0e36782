/* Core dumps as files. */
#include "bulkhead/coredump.h"

#include <string.h>

#include "base/file.h"

static bh_status none(const bh_error *error, bh_error **err)
{
	for (size_t i = 0; error && i < bh_error_cause_count(error); i++) {
		const char *cause = bh_error_cause(error, i);
		if (!strncmp(cause, BH_NO_COREDUMP, strlen(BH_NO_COREDUMP)))
			return bh_fail(err, BH_E_INVALID, "%s", cause);
	}
	return bh_fail(err, BH_E_INVALID, BH_NO_COREDUMP "the guest was stopped from outside, or had returned already");
}

bh_status bh_error_coredump_write(const bh_error *error, const char *path, bh_error **err)
{
	size_t length = 0;
	const void *dump = error ? bh_error_coredump(error, &length) : NULL;
	if (!dump)
		return none(error, err);
	if (!path)
		return bh_fail(err, BH_E_INVALID, "bh_error_coredump_write: no path");
	/* For nobody but this user: it holds what the guest had in memory. */
	return bh_file_replace(path, dump, length, 0600, err);
}
