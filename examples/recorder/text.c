#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "recorder.h"

#define POT "pot#"

json_t *text_of(const bh_value *value)
{
	char *wave = NULL;
	uint64_t number;
	if ((value->kind == BH_KIND_OWN || value->kind == BH_KIND_BORROW) && pot_number(&number, value))
		return json_sprintf(POT "%" PRIu64, number);
	if (bh_value_to_wave(&wave, value, NULL))
		return json_null();
	json_t *text = json_string(wave);
	bh_string_free(wave);
	return text;
}

bh_status value_of(bh_value *out, const bh_type *type, const char *text, bh_error **err)
{
	size_t begin = strlen(POT);
	if (bh_type_kind(type) != BH_KIND_OWN || strncmp(text, POT, begin) != 0)
		return bh_value_parse(out, type, text, err);
	char *end;
	errno = 0;
	uint64_t number = strtoull(text + begin, &end, 10);
	if (errno || *end || text[begin] < '0' || text[begin] > '9')
		return bh_error_new(err, BH_E_PARSE, "no number of a pot");
	return pot_handle(out, number, err);
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
