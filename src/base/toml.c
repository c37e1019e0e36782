#include "base/toml.h"

#include <string.h>

#include "bulkhead_toml.h"

/* The parser's document stays alive below the tree: keys and strings point into its text. */
struct bh_toml {
	const bhx_toml *parsed;
	bh_toml_node *nodes;
};

_Static_assert(BH_TOML_MAX_BYTES == BHX_TOML_MAX_BYTES, "one bound");
_Static_assert((int)BH_TOML_TABLE == BHX_TOML_TABLE && (int)BH_TOML_DATETIME == BHX_TOML_DATETIME, "one numbering");

static bh_toml_span span_of(bhx_toml_span from)
{
	return (bh_toml_span){from.offset, from.length, from.line, from.column};
}

static void fill(bh_toml *document, size_t index)
{
	const bhx_toml_node *from = &document->parsed->nodes[index];
	const char *text = document->parsed->text;
	bh_toml_node *to = &document->nodes[index];
	to->type = (bh_toml_type)from->kind;
	to->key = text + from->key;
	to->key_length = from->key_length;
	to->key_span = span_of(from->key_span);
	to->span = span_of(from->span);
	to->parent = index ? &document->nodes[from->parent] : NULL;
	to->children = &document->nodes[from->first_child];
	to->count = from->child_count;
	switch (to->type) {
	case BH_TOML_STRING:
		to->as.text.data = text + from->string;
		to->as.text.length = from->string_length;
		break;
	case BH_TOML_BOOL:
		to->as.boolean = from->integer != 0;
		break;
	case BH_TOML_FLOAT:
		to->as.real = from->real;
		break;
	default:
		to->as.integer = from->integer;
	}
}

static bh_status syntax_error(const bhx_toml_error *error, bh_error **err)
{
	bh_error *e = bh_error_begin(err, BH_E_CONFIG, "%s", error->message);
	bh_location where = {.line = error->where.line, .column = error->where.column, .length = error->where.length};
	if (where.line)
		bh_error_location_set(e, &where);
	return BH_E_CONFIG;
}

bh_status bh_toml_parse(bh_toml **out, const char *text, size_t length, bh_error **err)
{
	BH_AUTO(bh_toml_free) bh_toml *document = bh_calloc(1, sizeof *document);
	if (!document)
		return bh_fail_memory(err);
	bhx_toml_error error;
	if (!bhx_toml_parse(text, length, &document->parsed, &error))
		return syntax_error(&error, err);
	document->nodes = bh_calloc(document->parsed->count, sizeof *document->nodes);
	if (!document->nodes)
		return bh_fail_memory(err);
	for (size_t i = 0; i < document->parsed->count; i++)
		fill(document, i);
	*out = BH_TAKE(document);
	return BH_OK;
}

void bh_toml_free(bh_toml *document)
{
	if (!document)
		return;
	bhx_toml_free(document->parsed);
	bh_free(document->nodes);
	bh_free(document);
}

const bh_toml_node *bh_toml_root(const bh_toml *document)
{
	return &document->nodes[0];
}

/* Lengths count: a key may hold a NUL byte. */
static bool key_is(const bh_toml_node *node, const char *name)
{
	return node->key_length == strlen(name) && !memcmp(node->key, name, node->key_length);
}

const bh_toml_node *bh_toml_find(const bh_toml_node *table, const char *key)
{
	if (!table || table->type != BH_TOML_TABLE)
		return NULL;
	for (size_t i = 0; i < table->count; i++)
		if (key_is(&table->children[i], key))
			return &table->children[i];
	return NULL;
}

size_t bh_toml_key_among(const bh_toml_node *node, const char *const *names, size_t count)
{
	size_t i = 0;
	while (i < count && !key_is(node, names[i]))
		i++;
	return i;
}

bool bh_toml_is(const bh_toml_node *node, const char *text)
{
	return node->type == BH_TOML_STRING && node->as.text.length == strlen(text) &&
	       !memcmp(node->as.text.data, text, node->as.text.length);
}
