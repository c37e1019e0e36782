/* JSON out: jansson without the checks, which would all end the same way. Names begin with put_. */
#ifndef BH_CLI_JSON_H
#define BH_CLI_JSON_H

#include <bulkhead.h>
#include <jansson.h>
#include <stdio.h>

/* A value that jansson made; no memory ends the command. */
json_t *json_made(json_t *value);

/* A member, an element; `value` is taken over. */
void put_member(json_t *object, const char *key, json_t *value);
void put_element(json_t *array, json_t *value);

/* The usual members. Text that is not UTF-8 is repaired; NULL becomes null. */
void put_text(json_t *object, const char *key, const char *text);
void put_number(json_t *object, const char *key, uint64_t number);
void put_bool(json_t *object, const char *key, bool value);

json_t *json_text(const char *text);

/* An unsigned number; those that JSON readers cannot hold as integers become texts. */
json_t *json_number(uint64_t number);

/* A limit's value: a number, null where it is not set, "unlimited". */
json_t *json_limit(uint64_t value);

/* Write as one line and let go of it. A stdout that cannot be written to shows in output_finish(). */
void json_print(FILE *stream, json_t *value);

#endif
