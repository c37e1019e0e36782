#include "manifest/walk.h"

#include <stdio.h>
#include <string.h>

#include "base/text.h"
#include "manifest/keys.h"

/* Tables are known three deep; whatever lies deeper is below an unknown key. */
enum { MAX_PATH = 64, MAX_NAMES = 64 };

void bh_warn_unknown(bh_reader *r, const bh_toml_node *node, const char *meant)
{
	char *path = bh_reader_path(r, node);
	if (!path)
		return;
	/* In messages the last part is enough: the location says where. */
	const char *dot = strrchr(path, '.');
	const char *name = dot ? dot + 1 : path;
	const char *what = node->type == BH_TOML_TABLE ? "table" : "key";
	char *message = meant ? bh_reader_format(r, "unknown %s %s (did you mean %s?)", what, name, meant)
	                      : bh_reader_format(r, "unknown %s %s", what, name);
	bool simple = meant && !strchr(meant, ' ');
	bh_reader_warn(r, node, message, simple ? bh_reader_replace(r, node->key_span, meant) : NULL);
	bh_free(path);
}

void bh_want_table(bh_reader *r, const bh_toml_node *node)
{
	char *path = bh_reader_path(r, node), *value = bh_reader_excerpt(r, node->span);
	if (path && value)
		bh_reader_error(
			r, node, BH_E_CONFIG, bh_reader_format(r, "%s = %s: not a table", path, value),
			bh_reader_format(r, "Keys belong below it: [%s] on a line of its own, then one key a line.", path), NULL);
	bh_free(path);
	bh_free(value);
}

/* The name that may be meant by an unknown one: a near one in its table, or the same one elsewhere. */
static const char *suggest(const bh_manifest *m, const char *table, const char *name, char *buffer, size_t size)
{
	const char *names[MAX_NAMES];
	size_t count = 0;
	bh_key key;
	bh_limit limit = bh_limit_find(name);
	for (size_t i = 0; bh_key_at(&key, i); i++) {
		if (!(key.dialects & 1u << m->dialect))
			continue;
		bool here = !strcmp(key.table, table);
		if (here && key.read == bh_read_amount && limit != BH_LIMIT_NONE && key.limit == limit)
			return key.name; /* the command line's name for it: "memory" */
		if (here && count < MAX_NAMES)
			names[count++] = key.name;
		if (here || strcmp(key.name, name) != 0)
			continue;
		snprintf(buffer, size, *key.table ? "%s in [%s]" : "%s%s at the top", key.name, key.table);
		return buffer;
	}
	return bh_text_nearest(name, names, count);
}

static void unknown(bh_reader *r, const char *table, const bh_toml_node *node)
{
	char buffer[MAX_PATH * 2];
	if (r->manifest->remark_count == BH_MAX_REMARKS) /* it would not be kept, and looking for names takes long */
		return;
	bh_warn_unknown(r, node, suggest(r->manifest, table, node->key, buffer, sizeof buffer));
}

static void read_table(bh_reader *r, const bh_toml_node *table, const char *path)
{
	for (size_t i = 0; i < table->count && bh_reader_goes_on(r); i++) {
		const bh_toml_node *node = &table->children[i];
		char inner[MAX_PATH];
		bh_key key;
		if (!bh_key_find(&key, path, node->key, node->key_length)) {
			unknown(r, path, node);
		} else if (key.read) {
			key.read(r, &key, node);
		} else if (node->type != BH_TOML_TABLE) {
			/* [resources] memory = "64MB" is a slip, not the nested dialect's table. */
			if (bh_limit_find(key.name) != BH_LIMIT_NONE && r->manifest->dialect == BH_DIALECT_FLAT)
				unknown(r, path, node);
			else
				bh_want_table(r, node);
		} else {
			snprintf(inner, sizeof inner, "%s%s%s", path, *path ? "." : "", key.name);
			read_table(r, node, inner);
		}
	}
}

/* What is reserved at first cannot be more than there may ever be. */
static void check_initial(bh_reader *r, const bh_toml_node *root)
{
	const bh_limits *limits = &r->manifest->limits;
	if (!limits->memory || limits->initial_memory <= limits->memory)
		return;
	const bh_toml_node *node = bh_toml_find(bh_toml_find(root, "resources"), "initial_memory");
	if (!node)
		node = bh_toml_find(bh_toml_find(root, "runtime"), "memory_min_mb");
	if (!node)
		return;
	char asked[48], allowed[48];
	bh_limit_format(asked, sizeof asked, BH_LIMIT_MEMORY, limits->initial_memory);
	bh_limit_format(allowed, sizeof allowed, BH_LIMIT_MEMORY, limits->memory);
	bh_reader_error(r, node, BH_E_CONFIG,
	                bh_reader_format(r, "%s is %s, but the memory limit is %s", node->key, asked, allowed),
	                bh_reader_format(r, "Lower it, or raise the memory limit."), NULL);
}

void bh_walk(bh_reader *r, const bh_toml_node *root)
{
	bh_dialect_tell(r, root);
	read_table(r, root, "");
	check_initial(r, root);
	if (!r->incomplete)
		bh_missing_say(r, root);
}
