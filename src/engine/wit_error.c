#include "engine/wit_error.h"

#include <stdlib.h>
#include <string.h>

#include "base/text.h"

static void note_text(void *data, const uint8_t *bytes, size_t length)
{
	char **text = data;
	bh_free(*text);
	*text = bh_strndup((const char *)bytes, length);
}

/* One line after the other, so that line ends stay and nothing else does. */
static void add_tame(bh_text *out, const char *text)
{
	while (*text) {
		size_t length = strcspn(text, "\n");
		BH_AUTO(bh_free) char *line = bh_text_tame(text, length);
		bh_text_add(out, "%s%s", out->length ? "\n" : "", line ? line : "");
		text += length + (text[length] == '\n');
	}
}

/* "     --> wit/calc.wit:4:28" */
static void set_place(bh_error *e, char *line)
{
	bh_location where = {0};
	uint32_t *const numbers[] = {&where.column, &where.line};
	for (size_t i = 0; i < BH_COUNT(numbers); i++) {
		char *colon = strrchr(line, ':'), *end;
		unsigned long number = colon ? strtoul(colon + 1, &end, 10) : 0;
		if (!number || number > UINT32_MAX || *end)
			return;
		*numbers[i] = (uint32_t)number;
		*colon = '\0';
	}
	where.file = line;
	bh_error_location_set(e, &where);
}

bh_status bh_wit_not_read(wasmtime_error_t *failed, bh_error **err)
{
	BH_AUTO(bh_free) char *raw = NULL;
	__attribute__((cleanup(bh_text_auto))) bh_text text = {0};
	bhx_error_causes(failed, note_text, &raw);
	wasmtime_error_delete(failed);
	if (raw)
		add_tame(&text, raw);
	if (!text.data || text.failed)
		return bh_fail_memory(err);
	char *rest = strchr(text.data, '\n');
	if (rest)
		*rest++ = '\0';
	bh_error *e = bh_error_begin(err, BH_E_PARSE, "%s", text.data);
	if (!rest)
		return BH_E_PARSE;
	bh_error_hint_set(e, "%s", rest);
	char *place = strstr(rest, "--> ");
	if (place) {
		place += strlen("--> ");
		place[strcspn(place, "\n")] = '\0';
		set_place(e, place);
	}
	return BH_E_PARSE;
}
