/* Reports for machines. */
#ifndef BH_CLI_REPORT_JSON_H
#define BH_CLI_REPORT_JSON_H

#include <jansson.h>

#include "wording.h"

/* {"error": {...}, "exit": 124, "usage": {...}} */
void report_json_error(FILE *stream, const report *about, bh_status status, const bh_error *err, const wording *words,
                       int exit_code);

/* {"exit": 0, "usage": {...}} */
void report_json_exit(FILE *stream, const report *about, int status);

/* {"result": ..., "exit": 0, "usage": {...}}; takes `result` over */
void report_json_result(FILE *stream, const report *about, json_t *result, int exit_code);

#endif
