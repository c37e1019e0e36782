/* Reports: how a problem, or the end of a guest, is told to a person or to a machine. */
#ifndef BH_CLI_REPORT_H
#define BH_CLI_REPORT_H

#include "terms.h"

typedef enum {
	REPORT_TEXT,           /* messages on stderr */
	REPORT_JSON,           /* one JSON object on stdout */
	REPORT_JSON_ON_STDERR, /* the same on stderr: stdout belongs to the guest */
} report_form;

/* How the rest of this process reports. */
void report_as(report_form form, bool verbose);
bool report_is_json(void);
bool report_is_verbose(void);

/* What is known about the guest a report is about; NULL or zero where it does not apply. */
typedef struct {
	const char *file; /* the component, or a configuration file */
	const terms *terms;
	const bh_usage *usage; /* of the call; NULL: nothing ran */
	bool show_usage;       /* --usage */
	uint64_t load_ns;
	const bh_component_needs *needs; /* how it was loaded; NULL: it was not */
	bool imports_files;              /* it imports wasi:filesystem */
	const char *coredump;            /* the file that its core dump was to go to; NULL: none was asked for */
	const char *no_coredump;         /* why it is not there; NULL: it is */
} report;

/* Report a failure and free the error, which may be NULL. Returns `code`, or the exit code of the status if that is
 * negative. */
int report_error(const report *about, bh_status status, bh_error *err, int code);

/* The same in words of our own. */
int report_words(const report *about, bh_status status, const char *message, const char *hint);

/* Say so at a signal that ends the command at once: what is interrupted has no guest yet to be stopped (interrupt.h). */
void report_if_interrupted(const report *about);

/* A file that cannot be found (or reached: errno says). */
int report_missing_file(const char *path, int number);

/* A component without limits: the error with its paste-ready example. */
int report_missing_limits(const char *file, const char *command_name);

/* A guest that ended with a status of its own: a note if it fits, the usage if asked for. Returns the status. */
int report_exit(const report *about, int status);

/* Of a usage line: ", host functions 1.2 ms"; empty where no time passed in any. To be freed. */
char *host_time_text(uint64_t ns);

/* The usage line alone. */
void report_usage(const report *about);

#endif
