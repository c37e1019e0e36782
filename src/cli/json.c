#include "json.h"

#include <float.h>
#include <stdlib.h>

#include "memory.h"
#include "output.h"
#include "text.h"

json_t *json_made(json_t *value)
{
	if (!value)
		x_no_memory();
	return value;
}

void put_member(json_t *object, const char *key, json_t *value)
{
	if (json_object_set_new(object, key, json_made(value)))
		x_no_memory();
}

void put_element(json_t *array, json_t *value)
{
	if (json_array_append_new(array, json_made(value)))
		x_no_memory();
}

json_t *json_text(const char *text)
{
	if (!text)
		return json_null();
	X_AUTO char *valid = text_utf8(text);
	return json_made(json_string(valid));
}

json_t *json_number(uint64_t number)
{
	if (number <= INT64_MAX)
		return json_made(json_integer((json_int_t)number));
	char text[32];
	snprintf(text, sizeof text, "%llu", (unsigned long long)number);
	return json_made(json_string(text));
}

json_t *json_limit(uint64_t value)
{
	if (!value)
		return json_null();
	return value == BH_UNLIMITED ? json_made(json_string("unlimited")) : json_number(value);
}

void put_text(json_t *object, const char *key, const char *text)
{
	put_member(object, key, json_text(text));
}

void put_number(json_t *object, const char *key, uint64_t number)
{
	put_member(object, key, json_number(number));
}

void put_bool(json_t *object, const char *key, bool value)
{
	put_member(object, key, json_boolean(value));
}

/* Digits that a number needs to be read back as itself. */
static size_t digits_of(double number)
{
	char text[40];
	for (int digits = DBL_DIG; digits < DBL_DECIMAL_DIG; digits++) {
		snprintf(text, sizeof text, "%.*g", digits, number);
		if (strtod(text, NULL) == number)
			return (size_t)digits;
	}
	return DBL_DECIMAL_DIG;
}

/* The most digits that any number in it needs: jansson has one setting for all. 0.1 is to read as 0.1. */
static size_t digits_in(json_t *value)
{
	size_t most = DBL_DIG, i;
	const char *key;
	json_t *part;
	if (json_is_real(value))
		return digits_of(json_real_value(value));
	json_array_foreach(value, i, part)
	{
		size_t digits = digits_in(part);
		most = digits > most ? digits : most;
	}
	json_object_foreach(value, key, part)
	{
		size_t digits = digits_in(part);
		most = digits > most ? digits : most;
	}
	return most;
}

void json_print(FILE *stream, json_t *value)
{
	size_t precision = JSON_REAL_PRECISION(digits_in(json_made(value)));
	char *line = json_dumps(value, JSON_COMPACT | JSON_ENCODE_ANY | precision);
	if (!line)
		x_no_memory();
	output_line(stream, line);
	x_free(line);
	json_decref(value);
}
