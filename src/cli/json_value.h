/*
 * Values as JSON. man bulkhead-call has the table; what JSON cannot say is said with a member's name:
 * {"ok": v} and {"err": v}, {"case": payload}, {"base64": "..."}, {"some": v} for an option in an option.
 */
#ifndef BH_CLI_JSON_VALUE_H
#define BH_CLI_JSON_VALUE_H

#include <bulkhead.h>
#include <jansson.h>

json_t *json_value(const bh_value *value);

#endif
