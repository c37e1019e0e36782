/* Readers of values in bulkhead.toml: amounts, choices, texts, lists, and what it has in common with Component.toml. */
#include <string.h>

#include "base/file.h"
#include "base/permissions.h"
#include "base/text.h"
#include "manifest/config.h"
#include "manifest/walk.h"

static void *field(void *target, const bh_config_key *key)
{
	return (char *)target + key->offset;
}

void bh_config_refuse(bh_config_reader *c, const bh_config_key *key, const bh_toml_node *node, const char *what,
                      const char *hint, char *fix)
{
	char *value = bh_reader_excerpt(&c->r, node->span);
	if (value)
		bh_reader_error(&c->r, node, BH_E_CONFIG, bh_reader_format(&c->r, "%s = %s: %s", key->name, value, what),
		                bh_reader_format(&c->r, "%s", hint), fix);
	else
		bh_free(fix);
	bh_free(value);
}

/* An amount, with the reader that manifests have; false after a remark. */
static bool amount(bh_config_reader *c, const bh_config_key *key, const bh_toml_node *node, uint64_t *out)
{
	bh_limits *scratch = &c->r.manifest->limits;
	const bh_key like = {.name = key->name,
	                     .limit = key->like,
	                     .example = key->example,
	                     .minimum = key->minimum,
	                     .maximum = key->maximum};
	if (key->zero && node->type == BH_TOML_INTEGER && !node->as.integer) {
		*out = key->zero_value;
		return true;
	}
	bh_limits_set(scratch, key->like, 0);
	bh_read_amount(&c->r, &like, node);
	*out = bh_limits_get(scratch, key->like);
	return *out != 0;
}

void bh_config_amount(bh_config_reader *c, void *target, const bh_config_key *key, const bh_toml_node *node)
{
	uint64_t value;
	if (amount(c, key, node, &value))
		*(uint64_t *)field(target, key) = value;
}

void bh_config_amount32(bh_config_reader *c, void *target, const bh_config_key *key, const bh_toml_node *node)
{
	uint64_t value;
	if (amount(c, key, node, &value))
		*(uint32_t *)field(target, key) = (uint32_t)value;
}

void bh_config_choice(bh_config_reader *c, void *target, const bh_config_key *key, const bh_toml_node *node)
{
	bh_text hint = {0};
	size_t count = 0;
	for (; key->choices[count]; count++) {
		if (bh_toml_is(node, key->choices[count])) {
			*(unsigned *)field(target, key) = (unsigned)count;
			bh_text_deinit(&hint);
			return;
		}
		bh_text_add(&hint, "%s\"%s\"", count ? ", " : "Allowed here: ", key->choices[count]);
	}
	bh_text_add(&hint, ".");
	const char *near = node->type == BH_TOML_STRING ? bh_text_nearest(node->as.text.data, key->choices, count) : NULL;
	char *all = bh_reader_keep(&c->r, bh_text_take(&hint));
	char *right = bh_reader_format(&c->r, "\"%s\"", near ? near : key->choices[0]);
	if (all && right)
		bh_config_refuse(c, key, node, "not a choice", all, bh_reader_corrected(&c->r, node, right));
	bh_free(right);
	bh_free(all);
}

void bh_config_flag(bh_config_reader *c, void *target, const bh_config_key *key, const bh_toml_node *node)
{
	bool no = bh_toml_is(node, "false") || bh_toml_is(node, "no");
	if (node->type == BH_TOML_BOOL)
		*(bool *)field(target, key) = node->as.boolean;
	else
		bh_config_refuse(c, key, node, "not true or false", "Write true or false, without quotes.",
		                 bh_reader_corrected(&c->r, node, no ? "false" : "true"));
}

char *bh_config_take_text(bh_config_reader *c, const bh_config_key *key, const bh_toml_node *node)
{
	if (!bh_reader_plain(&c->r, node))
		return NULL;
	if (node->as.text.length <= BH_CONFIG_MAX_TEXT)
		return bh_reader_keep(&c->r, bh_strndup(node->as.text.data, node->as.text.length));
	bh_config_refuse(c, key, node, "too long", "A text may have 4096 bytes here.", NULL);
	return NULL;
}

void bh_config_text(bh_config_reader *c, void *target, const bh_config_key *key, const bh_toml_node *node)
{
	char **kept = field(target, key);
	char *value = bh_config_take_text(c, key, node);
	bh_free(*kept);
	*kept = value;
}

void bh_config_path(bh_config_reader *c, void *target, const bh_config_key *key, const bh_toml_node *node)
{
	char **kept = field(target, key);
	BH_AUTO(bh_free) char *value = bh_config_take_text(c, key, node);
	bh_free(*kept);
	*kept = value ? bh_reader_keep(&c->r, bh_path_join(c->r.folder, value)) : NULL;
}

/* A number such as 1.5, kept in percent. */
void bh_config_factor(bh_config_reader *c, void *target, const bh_config_key *key, const bh_toml_node *node)
{
	double value = node->type == BH_TOML_FLOAT     ? node->as.real
	               : node->type == BH_TOML_INTEGER ? (double)node->as.integer
	                                               : 0;
	if (value >= 1 && value <= 100)
		*(uint32_t *)field(target, key) = (uint32_t)(value * 100 + 0.5);
	else
		bh_config_refuse(c, key, node, "not a factor", "A factor is a number from 1 to 100, such as 1.5.",
		                 bh_reader_corrected(&c->r, node, "1.5"));
}

bool bh_config_few_enough(bh_config_reader *c, const bh_config_key *key, const bh_toml_node *node)
{
	if (node->count <= BH_CONFIG_MAX_ITEMS)
		return true;
	bh_reader_error(&c->r, node, BH_E_CONFIG, bh_reader_format(&c->r, "%s: %zu are too many", key->name, node->count),
	                bh_reader_format(&c->r, "At most %d are allowed.", BH_CONFIG_MAX_ITEMS), NULL);
	return false;
}

static void free_texts(const char *const *texts, size_t count)
{
	for (size_t i = 0; i < count; i++)
		bh_free((char *)texts[i]);
	bh_free((void *)texts);
}

/* A list of texts, in place of the one there was. */
static void read_list(bh_config_reader *c, const char *const **out, size_t *count_out, const bh_config_key *key,
                      const bh_toml_node *node, bool may_be_empty)
{
	if (node->type != BH_TOML_ARRAY) {
		char *item = bh_reader_verbatim(&c->r, node->span);
		char *list = bh_reader_format(&c->r, "[%s]", item && node->type == BH_TOML_STRING ? item : "\"...\"");
		bh_config_refuse(c, key, node, "not a list", "A list of texts is wanted here.",
		                 list ? bh_reader_corrected(&c->r, node, list) : NULL);
		bh_free(list);
		bh_free(item);
		return;
	}
	if (!bh_config_few_enough(c, key, node))
		return;
	const char **items = bh_calloc(node->count + 1, sizeof *items);
	size_t count = 0;
	for (size_t i = 0; items && i < node->count && bh_reader_goes_on(&c->r); i++) {
		const bh_toml_node *item = &node->children[i];
		bool empty = may_be_empty && item->type == BH_TOML_STRING && !item->as.text.length;
		char *value = empty ? bh_reader_keep(&c->r, bh_strdup("")) : bh_config_take_text(c, key, item);
		if (value)
			items[count++] = value;
	}
	if (!items)
		c->r.failed = true;
	free_texts(*out, *count_out);
	*out = items;
	*count_out = count;
}

/* An argument may be empty, which other texts may not. */
void bh_config_list(bh_config_reader *c, void *target, const bh_config_key *key, const bh_toml_node *node)
{
	bh_config_entry *entry = target;
	read_list(c, &entry->shown.args, &entry->shown.arg_count, key, node, true);
}

void bh_config_spawn(bh_config_reader *c, void *target, const bh_config_key *key, const bh_toml_node *node)
{
	bh_config_entry *entry = target;
	entry->spawn_node = node;
	read_list(c, &entry->shown.spawn, &entry->shown.spawn_count, key, node, false);
}

/* One variable as "NAME=value"; NULL after a remark. */
static char *variable(bh_config_reader *c, const bh_config_key *key, const bh_toml_node *node)
{
	bool named = node->key_length && strlen(node->key) == node->key_length && !strchr(node->key, '=');
	if (!named) {
		bh_config_refuse(c, key, node, "not a variable", "A variable's name has no '=' in it.", NULL);
		return NULL;
	}
	bool empty = node->type == BH_TOML_STRING && !node->as.text.length;
	BH_AUTO(bh_free) char *value = empty ? bh_reader_keep(&c->r, bh_strdup("")) : bh_config_take_text(c, key, node);
	return value ? bh_reader_format(&c->r, "%s=%s", node->key, value) : NULL;
}

void bh_config_env(bh_config_reader *c, void *target, const bh_config_key *key, const bh_toml_node *node)
{
	bh_config_entry *entry = target;
	if (node->type != BH_TOML_TABLE) {
		bh_config_refuse(c, key, node, "not a table", "Variables are a table: env = { NAME = \"value\" }",
		                 bh_reader_corrected(&c->r, node, "{ NAME = \"value\" }"));
		return;
	}
	if (!bh_config_few_enough(c, key, node))
		return;
	const char **items = bh_calloc(node->count + 1, sizeof *items);
	size_t count = 0;
	for (size_t i = 0; items && i < node->count && bh_reader_goes_on(&c->r); i++) {
		char *value = variable(c, key, &node->children[i]);
		if (value)
			items[count++] = value;
	}
	if (!items)
		c->r.failed = true;
	free_texts(entry->shown.env, entry->shown.env_count);
	entry->shown.env = items;
	entry->shown.env_count = count;
}

/* The name that may be meant among those of limits. */
static const char *near_limit(const char *name)
{
	const char *names[BH_LIMIT_COUNT];
	size_t count = 0;
	bh_limit same = bh_limit_find(name);
	if (same != BH_LIMIT_NONE)
		return bh_limit_describe(same)->key;
	for (int i = BH_LIMIT_NONE + 1; i < BH_LIMIT_COUNT; i++)
		names[count++] = bh_limit_describe((bh_limit)i)->key;
	return bh_text_nearest(name, names, count);
}

void bh_config_limits(bh_config_reader *c, void *target, const bh_config_key *key, const bh_toml_node *table)
{
	bh_limits *scratch = &c->r.manifest->limits;
	if (table->type != BH_TOML_TABLE) {
		bh_want_table(&c->r, table);
		return;
	}
	*scratch = (bh_limits)BH_LIMITS_INIT;
	for (size_t i = 0; i < table->count && bh_reader_goes_on(&c->r); i++) {
		const bh_toml_node *node = &table->children[i];
		bh_key row;
		if (bh_key_find(&row, "resources", node->key, node->key_length) && row.dialects & BH_IN_FLAT && row.read)
			row.read(&c->r, &row, node);
		else
			bh_warn_unknown(&c->r, node, near_limit(node->key));
	}
	*(bh_limits *)field(target, key) = *scratch;
}

void bh_config_grants(bh_config_reader *c, void *target, const bh_config_key *key, const bh_toml_node *table)
{
	bh_permissions **scratch = &c->r.manifest->permissions, *empty = NULL;
	const bh_permissions **kept = field(target, key);
	if (bh_permissions_new(&empty, NULL)) {
		c->r.failed = true;
		return;
	}
	bh_read_permissions(&c->r, NULL, table);
	bh_permissions_free((bh_permissions *)*kept);
	*kept = *scratch;
	*scratch = empty;
}

void bh_config_supervisor(bh_config_reader *c, void *target, const bh_config_key *key, const bh_toml_node *node)
{
	bh_config_entry *entry = target;
	bh_config_text(c, target, key, node);
	entry->supervisor_node = node;
}

/* cache = false: neither read nor written. */
void bh_config_cache(bh_config_reader *c, void *target, const bh_config_key *key, const bh_toml_node *node)
{
	struct {
		bool on;
	} said = {.on = true};
	bh_config_key flag = *key;
	flag.offset = 0;
	bh_config_flag(c, &said, &flag, node);
	*(bh_cache_mode *)field(target, key) = said.on ? BH_CACHE_AUTO : BH_CACHE_OFF;
}
