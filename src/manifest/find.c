/* Where a component's manifest is, and the smallest one for a component that has none. */
#include <ctype.h>
#include <string.h>

#include "base/file.h"
#include "base/text.h"
#include "manifest/manifest.h"

static const char *base_name(const char *path)
{
	const char *slash = strrchr(path, '/');
	return slash ? slash + 1 : path;
}

/* The length of a name without its extension; a leading dot begins none. */
static size_t stem_length(const char *name)
{
	const char *dot = strrchr(name, '.');
	return dot && dot != name ? (size_t)(dot - name) : strlen(name);
}

bh_status bh_manifest_find(char **out, const char *component_path, bh_error **err)
{
	if (!component_path)
		return bh_fail(err, BH_E_INVALID, "no path");
	const char *name = base_name(component_path);
	size_t folder = (size_t)(name - component_path);
	char *found = bh_format("%.*s%.*s.toml", (int)folder, component_path, (int)stem_length(name), name);
	if (!found)
		return bh_fail_memory(err);
	if (!*name || !bh_file_exists(found)) {
		bh_free(found);
		found = bh_format("%.*sComponent.toml", (int)folder, component_path);
		if (!found)
			return bh_fail_memory(err);
	}
	if (!bh_file_exists(found)) {
		bh_free(found);
		found = NULL;
	}
	*out = found;
	return BH_OK;
}

char *bh_manifest_guess_name(const char *path)
{
	if (!path)
		return NULL;
	const char *name = base_name(path);
	size_t length = stem_length(name);
	if (!length || !strcmp(name, "Component.toml"))
		return NULL;
	return bh_strndup(name, length);
}

/* How many bytes of UTF-8 begin here; 0 if they are none. */
static size_t character_length(const char *text)
{
	unsigned char first = (unsigned char)*text;
	size_t length = first < 0x80 ? 1 : first >= 0xc2 && first < 0xe0 ? 2 : first >= 0xe0 && first < 0xf0 ? 3 : 0;
	if (first >= 0xf0 && first < 0xf5)
		length = 4;
	for (size_t i = 1; i < length; i++)
		if (((unsigned char)text[i] & 0xc0) != 0x80)
			return 0;
	/* Longer than need be, a surrogate half, or beyond the last character. */
	unsigned char second = length > 1 ? (unsigned char)text[1] : 0;
	bool odd = (first == 0xe0 && second < 0xa0) || (first == 0xed && second > 0x9f) ||
	           (first == 0xf0 && second < 0x90) || (first == 0xf4 && second > 0x8f);
	return odd ? 0 : length;
}

/* A TOML string. File names can be any bytes: what is no text becomes a question mark. */
static void add_quoted(bh_text *text, const char *value)
{
	bh_text_add(text, "\"");
	while (*value) {
		size_t length = character_length(value);
		if (!length)
			bh_text_add(text, "?");
		else if (*value == '"' || *value == '\\')
			bh_text_add(text, "\\%c", *value);
		else if (iscntrl((unsigned char)*value))
			bh_text_add(text, "\\u%04X", (unsigned char)*value);
		else
			bh_text_add_n(text, value, length);
		value += length ? length : 1;
	}
	bh_text_add(text, "\"");
}

char *bh_manifest_example(const char *component_name)
{
	bh_text text = {0};
	bh_text_add(&text, "[component]\nname = ");
	add_quoted(&text, component_name && *component_name ? component_name : "my-component");
	bh_text_add(&text, "\nversion = \"0.1.0\"\n\n[resources]\nmax_memory = \"64MB\"\nmax_stack = \"1MB\"\n");
	return bh_text_take(&text);
}
