#include "json_value.h"

#include "json.h"

/* The library writes values; here they become part of a larger report. */
json_t *json_value(const bh_value *value)
{
	char *text = NULL;
	if (bh_value_to_json(&text, value, NULL))
		return json_made(NULL);
	json_t *made = json_made(json_loads(text, JSON_DECODE_ANY | JSON_ALLOW_NUL, NULL));
	bh_string_free(text);
	return made;
}
