/* Exit codes: what the command's number means. A death by signal is never one of them. */
#ifndef BH_CLI_EXIT_CODE_H
#define BH_CLI_EXIT_CODE_H

#include <bulkhead/error.h>

enum {
	EXIT_OK = 0,
	EXIT_GUEST_ERR = 1, /* `call`: the export returned err(...) */
	EXIT_USAGE = 64,
	EXIT_COMPONENT = 65,
	EXIT_NO_FILE = 66,
	EXIT_BUSY = 69,
	EXIT_INTERNAL = 70,
	EXIT_DENIED = 77,
	EXIT_CONFIG = 78,
	EXIT_TIMEOUT = 124,
	EXIT_INTERRUPTED = 130,
	EXIT_TERMINATED = 143,
	EXIT_TRAP = 134,
	EXIT_LIMIT = 137,
	EXIT_FUEL = 152
};

/* The exit code for a status. A guest's own exit status is not in here: see bh_error_exit_status(). */
int exit_code_of(bh_status status);

/* One line of help: its number, what it means; NULL past the end. */
typedef struct {
	int code;
	const char *text;
} exit_code_row;

const exit_code_row *exit_code_at(size_t index);

#endif
