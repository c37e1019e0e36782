/* Limits in force, as a line, a table or JSON. */
#ifndef BH_CLI_LIMITS_TEXT_H
#define BH_CLI_LIMITS_TEXT_H

#include <bulkhead.h>
#include <jansson.h>

/* "memory 64 MiB, stack 1 MiB, fuel 1,000,000, time 100 ms"; to be freed with x_free(). */
char *limits_line(const bh_limits *limits);

/* One limit's value: "64 MiB", "none: required"; to be freed with x_free(). */
char *limits_value(const bh_limits *limits, bh_limit limit);

/* {"max_memory": 67108864, ...}: null where a limit is not set */
json_t *limits_json(const bh_limits *limits);

const char *limits_action_name(bh_memory_limit_action action);

#endif
