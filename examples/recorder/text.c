#include <stdio.h>
#include <stdlib.h>

#include "recorder.h"

json_t *text_of(const bh_value *value)
{
	char *wave = NULL;
	if (bh_value_to_wave(&wave, value, NULL))
		return json_null();
	json_t *text = json_string(wave);
	bh_string_free(wave);
	return text;
}

json_t *texts_of(const bh_value *values, size_t count)
{
	json_t *texts = json_array();
	for (size_t i = 0; texts && i < count; i++)
		if (json_array_append_new(texts, text_of(&values[i]))) {
			json_decref(texts);
			texts = NULL;
		}
	return texts;
}

char *call_text(const char *function, const json_t *args)
{
	char *text = NULL;
	size_t size = 0;
	bool whole = true;
	FILE *out = open_memstream(&text, &size);
	if (!out)
		return NULL;
	fprintf(out, "%s(", function);
	for (size_t i = 0; i < json_array_size(args); i++) {
		const char *arg = json_string_value(json_array_get(args, i));
		whole &= arg != NULL;
		fprintf(out, "%s%s", i ? ", " : "", arg ? arg : "?");
	}
	fputc(')', out);
	whole &= !ferror(out);
	if (fclose(out) || !whole) {
		free(text);
		return NULL;
	}
	return text;
}

int report(const char *about, bh_error *err)
{
	fprintf(stderr, "recorder: %s: %s\n", about, bh_error_message(err));
	if (bh_error_hint(err))
		fprintf(stderr, "%s\n", bh_error_hint(err));
	bh_error_free(err);
	return FAILED;
}
