/* Limits that must be declared and are not: one error with everything that is to be added. */
#include <stdio.h>
#include <string.h>

#include "base/text.h"
#include "manifest/keys.h"
#include "manifest/walk.h"

static const char *word_for(bh_limit limit)
{
	switch (limit) {
	case BH_LIMIT_MEMORY:
		return "memory";
	case BH_LIMIT_STACK:
		return "stack";
	case BH_LIMIT_FUEL:
		return "fuel";
	default:
		return "time";
	}
}

static const bh_toml_node *find_table(const bh_toml_node *root, const char *path)
{
	const char *dot = strchr(path, '.');
	if (!dot)
		return bh_toml_find(root, path);
	char first[32];
	snprintf(first, sizeof first, "%.*s", (int)(dot - path), path);
	return find_table(bh_toml_find(root, first), dot + 1);
}

/* How a table is written in the file, and so how a key is added to it. */
typedef enum { ABSENT, HEADER, BRACES, DOTTED } shape;

static shape shape_of(const bh_reader *r, const bh_toml_node *table)
{
	if (!table)
		return ABSENT;
	char first = table->span.length ? r->text[table->span.offset] : 0;
	return first == '[' ? HEADER : first == '{' ? BRACES : DOTTED;
}

/* Add `key = value` in the way of its table; `table` is the one that the last key was in. */
static void add_key(bh_reader *r, bh_text *fix, const bh_key *key, const bh_toml_node *root, const char **table)
{
	char *example = bh_amount_example(r, key);
	if (!example)
		return;
	shape table_shape = shape_of(r, find_table(root, key->table));
	if (table_shape == ABSENT && strcmp(*table, key->table) != 0)
		bh_text_add(fix, "%s[%s]\n", fix->length ? "\n" : "", key->table);
	*table = key->table;
	if (table_shape == DOTTED)
		bh_text_add(fix, "%s.", key->table);
	bh_text_add(fix, "%s = %s\n", key->name, example);
	bh_free(example);
}

static char *hint_for(bh_reader *r, const bh_toml_node *root, const bh_key *first)
{
	const char *name = r->manifest->name ? r->manifest->name : "A component";
	const bh_toml_node *table = find_table(root, first->table);
	switch (shape_of(r, table)) {
	case HEADER:
		return bh_reader_format(r, "%s must say how much it may use. Add below [%s] (line %u):", name, first->table,
		                        table->span.line);
	case BRACES:
		return bh_reader_format(r, "%s must say how much it may use. Add inside the braces of %s (line %u):", name,
		                        first->table, table->span.line);
	default:
		return bh_reader_format(r, "%s must say how much it may use. Add:", name);
	}
}

/* A file that says nothing at all gets the whole example. */
static char *whole_example(bh_reader *r)
{
	char *name = bh_manifest_guess_name(r->manifest->path);
	char *example = bh_reader_keep(r, bh_manifest_example(name));
	bh_free(name);
	return example;
}

static void take_newline_off(char *text)
{
	size_t length = text ? strlen(text) : 0;
	if (length && text[length - 1] == '\n')
		text[length - 1] = '\0';
}

void bh_missing_say(bh_reader *r, const bh_toml_node *root)
{
	bh_key key, first = {0};
	bh_text message = {0}, fix = {0};
	const char *table = "";
	for (size_t i = 0; bh_key_at(&key, i); i++) {
		if (!key.required || !(key.dialects & 1u << r->manifest->dialect) || r->declared & UINT64_C(1) << key.limit)
			continue;
		bh_text_add(&message, "%s%s", message.length ? " and no " : "no ", word_for(key.limit));
		add_key(r, &fix, &key, root, &table);
		if (!first.name)
			first = key;
	}
	if (first.name) {
		char *lines = root->count ? bh_reader_keep(r, bh_text_take(&fix)) : whole_example(r);
		const bh_toml_node *node = find_table(root, first.table);
		bh_toml_span at = node ? node->span : (bh_toml_span){.line = 1, .column = 1};
		bh_text_add(&message, " limit declared");
		take_newline_off(lines);
		bh_reader_say(r, (bh_saying){.severity = BH_SEVERITY_ERROR,
		                             .status = BH_E_MISSING_LIMITS,
		                             .limit = first.limit,
		                             .at = at,
		                             .key = bh_reader_format(r, "%s.%s", first.table, first.name),
		                             .message = bh_text_take(&message),
		                             .hint = hint_for(r, root, &first),
		                             .fix = lines});
	}
	bh_text_deinit(&message);
	bh_text_deinit(&fix);
}
