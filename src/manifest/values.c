/* Readers of plain values: texts, flags, choices. */
#include <string.h>

#include "base/text.h"
#include "manifest/keys.h"

static void *field(bh_reader *r, const bh_key *key)
{
	return (char *)r->manifest + key->offset;
}

/* Names go into messages and tables. */
enum { MAX_KEPT = 128 };

void bh_read_text(bh_reader *r, const bh_key *key, const bh_toml_node *node)
{
	if (!bh_reader_plain(r, node) || !key->offset)
		return;
	if (node->as.text.length > MAX_KEPT) {
		bh_reader_error(r, node, BH_E_CONFIG, bh_reader_format(r, "%s: longer than %d bytes", key->name, MAX_KEPT),
		                NULL, NULL);
		return;
	}
	char *text = bh_reader_keep(r, bh_strndup(node->as.text.data, node->as.text.length));
	char **kept = field(r, key);
	bh_free(*kept);
	*kept = text;
}

void bh_read_texts(bh_reader *r, const bh_key *key, const bh_toml_node *node)
{
	if (node->type == BH_TOML_ARRAY) {
		for (size_t i = 0; i < node->count && bh_reader_goes_on(r); i++)
			bh_reader_plain(r, &node->children[i]);
		return;
	}
	char *value = bh_reader_excerpt(r, node->span), *item = bh_reader_verbatim(r, node->span);
	char *list = bh_reader_format(r, "[%s]", item && node->type == BH_TOML_STRING ? item : "\"...\"");
	if (value && list)
		bh_reader_error(r, node, BH_E_CONFIG, bh_reader_format(r, "%s = %s: not a list", key->name, value),
		                bh_reader_format(r, "A list of texts is wanted here."), bh_reader_corrected(r, node, list));
	bh_free(list);
	bh_free(item);
	bh_free(value);
}

void bh_read_flag(bh_reader *r, const bh_key *key, const bh_toml_node *node)
{
	if (node->type == BH_TOML_BOOL) {
		bool *kept = field(r, key);
		*kept = node->as.boolean;
		return;
	}
	bool no =
		bh_toml_is(node, "false") || bh_toml_is(node, "no") || (node->type == BH_TOML_INTEGER && node->as.integer == 0);
	char *value = bh_reader_excerpt(r, node->span);
	if (value)
		bh_reader_error(r, node, BH_E_CONFIG, bh_reader_format(r, "%s = %s: not true or false", key->name, value),
		                bh_reader_format(r, "Write true or false, without quotes."),
		                bh_reader_corrected(r, node, no ? "false" : "true"));
	bh_free(value);
}

void bh_read_memory_action(bh_reader *r, const bh_key *key, const bh_toml_node *node)
{
	static const char *const names[] = {"fail", "trap"};
	static const bh_memory_limit_action actions[] = {BH_MEMORY_LIMIT_FAIL, BH_MEMORY_LIMIT_TRAP};
	for (size_t i = 0; i < BH_COUNT(names); i++)
		if (bh_toml_is(node, names[i])) {
			r->manifest->limits.on_memory_limit = actions[i];
			return;
		}
	const char *near = node->type == BH_TOML_STRING ? bh_text_nearest(node->as.text.data, names, 2) : NULL;
	char *value = bh_reader_excerpt(r, node->span);
	if (value)
		bh_reader_error(
			r, node, BH_E_CONFIG, bh_reader_format(r, "%s = %s: neither \"fail\" nor \"trap\"", key->name, value),
			bh_reader_format(r, "\"fail\": memory.grow answers -1 and the guest may cope. \"trap\": the guest "
		                        "is stopped where it asked."),
			bh_reader_corrected(r, node, near && !strcmp(near, "trap") ? "\"trap\"" : "\"fail\""));
	bh_free(value);
}

/* Understood, and nothing follows from it: the engine has larger guard regions around each memory anyway. */
void bh_read_guard_pages(bh_reader *r, const bh_key *key, const bh_toml_node *node)
{
	if (node->type == BH_TOML_INTEGER && node->as.integer >= 0)
		return;
	char *value = bh_reader_excerpt(r, node->span);
	if (value)
		bh_reader_error(r, node, BH_E_CONFIG, bh_reader_format(r, "%s = %s: not a count", key->name, value),
		                bh_reader_format(r, "A whole number of pages is wanted here. The engine guards every memory "
		                                    "anyway: the key may be left out."),
		                bh_reader_corrected(r, node, "1"));
	bh_free(value);
}
