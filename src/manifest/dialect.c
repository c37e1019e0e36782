/* Which of the dialects a manifest is written in, told by the keys it holds. */
#include <stdio.h>

#include "base/text.h"
#include "manifest/keys.h"
#include "manifest/walk.h"

enum { MAX_SEEN = 64, MAX_PATH = 64 };

/* The known keys of a file, in its order, with the dialects that have each. */
typedef struct {
	struct {
		const bh_toml_node *node;
		unsigned dialects;
	} keys[MAX_SEEN];
	size_t count;
} sighting;

static void look(sighting *seen, const bh_toml_node *table, const char *path)
{
	for (size_t i = 0; i < table->count && seen->count < MAX_SEEN; i++) {
		const bh_toml_node *node = &table->children[i];
		char inner[MAX_PATH];
		bh_key key;
		if (!bh_key_find(&key, path, node->key, node->key_length))
			continue;
		if (!key.read && node->type != BH_TOML_TABLE)
			continue;
		seen->keys[seen->count].node = node;
		seen->keys[seen->count++].dialects = key.dialects;
		if (key.read)
			continue;
		snprintf(inner, sizeof inner, "%s%s%s", path, *path ? "." : "", key.name);
		look(seen, node, inner);
	}
}

/* "flat", "flat or nested". */
static void name_dialects(char *out, size_t size, unsigned dialects)
{
	size_t used = 0;
	*out = '\0';
	for (int i = 0; i <= BH_DIALECT_PACKAGE; i++)
		if (dialects & 1u << i && used < size)
			used +=
				(size_t)snprintf(out + used, size - used, "%s%s", used ? " or " : "", bh_dialect_name((bh_dialect)i));
}

/* "flat: resources.max_memory (line 4), ..." for the keys that only these dialects have. */
static void list_keys(bh_reader *r, bh_text *text, const sighting *seen, unsigned dialects)
{
	const char *separator = ": ";
	char name[48];
	for (size_t i = 0; i < seen->count; i++) {
		const bh_toml_node *node = seen->keys[i].node;
		if (seen->keys[i].dialects != dialects)
			continue;
		char *path = bh_reader_path(r, node);
		if (!path)
			return;
		name_dialects(name, sizeof name, dialects);
		if (*separator == ':')
			bh_text_add(text, "%s%s", text->length ? "\n" : "", name);
		bh_text_add(text, node->type == BH_TOML_TABLE ? "%s[%s] (line %u)" : "%s%s (line %u)", separator, path,
		            node->key_span.line);
		bh_free(path);
		separator = ", ";
	}
}

/* Whether some key rules these dialects out. */
static bool disputed(const sighting *seen, unsigned dialects)
{
	for (size_t i = 0; i < seen->count; i++)
		if (!(seen->keys[i].dialects & dialects))
			return true;
	return false;
}

/* "[runtime] (line 3) belongs to package" */
static void add_claim(bh_reader *r, bh_text *text, const bh_toml_node *node, unsigned dialects)
{
	char name[48];
	char *path = bh_reader_path(r, node);
	name_dialects(name, sizeof name, dialects);
	bool table = node->type == BH_TOML_TABLE;
	if (path)
		bh_text_add(text, "%s%s%s (line %u) is %s", table ? "[" : "", path, table ? "]" : "", node->key_span.line,
		            name);
	bh_free(path);
}

static void say_mixed(bh_reader *r, const sighting *seen, size_t first, size_t second)
{
	const bh_toml_node *at = seen->keys[second].node;
	bh_text message = {0}, hint = {0};
	bh_text_add(&message, "two dialects mixed: ");
	add_claim(r, &message, seen->keys[first].node, seen->keys[first].dialects);
	bh_text_add(&message, ", ");
	add_claim(r, &message, at, seen->keys[second].dialects);
	for (unsigned dialects = 1; dialects < BH_IN_ALL; dialects++)
		if (disputed(seen, dialects))
			list_keys(r, &hint, seen, dialects);
	bh_text_add(&hint, "\nKeep one dialect, and write the rest in its words.");
	bh_reader_say(r, (bh_saying){.severity = BH_SEVERITY_ERROR,
	                             .status = BH_E_CONFIG,
	                             .at = at->key_span,
	                             .key = bh_reader_path(r, at),
	                             .message = bh_text_take(&message),
	                             .hint = bh_reader_keep(r, bh_text_take(&hint))});
}

static bh_dialect first_of(unsigned dialects)
{
	return (bh_dialect)__builtin_ctz(dialects);
}

void bh_dialect_tell(bh_reader *r, const bh_toml_node *root)
{
	sighting seen = {.count = 0};
	unsigned possible = BH_IN_ALL;
	look(&seen, root, "");
	for (size_t i = 0; i < seen.count; i++) {
		if (possible & seen.keys[i].dialects) {
			possible &= seen.keys[i].dialects;
			continue;
		}
		/* Each of these sets meets every other one that leaves something: some earlier key alone excludes it. */
		size_t j = 0;
		while (j < i && seen.keys[j].dialects & seen.keys[i].dialects)
			j++;
		r->incomplete = true;
		say_mixed(r, &seen, j, i);
		break;
	}
	r->manifest->dialect = first_of(possible);
}
