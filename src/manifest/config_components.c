/* [component.NAME]: what children may spawn; and the lists that say which of them. */
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "manifest/config.h"
#include "manifest/walk.h"

static bh_config_entry *add_component(bh_config_reader *c)
{
	bh_config *config = c->config;
	bh_config_entry *entry = bh_calloc(1, sizeof *entry);
	bh_config_entry **grown =
		entry ? bh_grow(config->components, config->component_count, &config->component_capacity, sizeof *grown) : NULL;
	if (!grown) {
		bh_free(entry);
		c->r.failed = true;
		return NULL;
	}
	config->components = grown;
	config->components[config->component_count++] = entry;
	return entry;
}

static void read_component(bh_config_reader *c, const bh_toml_node *node)
{
	if (!bh_config_check_name(c, node))
		return;
	if (node->type != BH_TOML_TABLE) {
		bh_want_table(&c->r, node);
		return;
	}
	if (c->config->component_count == BH_CONFIG_MAX_ITEMS) {
		bh_reader_error(&c->r, node, BH_E_CONFIG,
		                bh_reader_format(&c->r, "more than %d components", BH_CONFIG_MAX_ITEMS), NULL, NULL);
		c->r.full = true;
		return;
	}
	bh_config_entry *entry = add_component(c);
	if (!entry)
		return;
	entry->options.struct_size = sizeof entry->options;
	entry->limits.struct_size = sizeof entry->limits;
	entry->options.kind = BH_CHILD_SERVICE;
	entry->node = node;
	entry->shown.line = node->key_span.line;
	entry->shown.parent = "";
	entry->shown.listed = true;
	entry->options.name = bh_reader_keep(&c->r, bh_strdup(node->key));
	entry->shown.path = bh_reader_format(&c->r, "component.%s", node->key);
	bh_config_note_places(entry);
	bh_config_read_table(c, &bh_config_child_section, BH_CONFIG_COMPONENT, entry, node);
	if (!bh_toml_find(node, "file") && !c->r.incomplete)
		bh_reader_error(&c->r, node, BH_E_CONFIG, bh_reader_format(&c->r, "%s: no file", node->key),
		                bh_reader_format(&c->r, "Say which component it is:"),
		                bh_reader_format(&c->r, "file = \"%s.wasm\"", node->key));
}

static int by_name(const void *a, const void *b)
{
	const bh_config_entry *const *one = a, *const *other = b;
	return strcmp((*one)->options.name, (*other)->options.name);
}

static int compare_name(const void *name, const void *entry)
{
	return strcmp(name, (*(bh_config_entry *const *)entry)->options.name);
}

static bool is_component(const bh_config *config, const char *name)
{
	return config->component_count &&
	       bsearch(name, config->components, config->component_count, sizeof *config->components, compare_name);
}

static void no_component(bh_config_reader *c, const bh_toml_node *at, const char *name)
{
	enum { MOST = 64 };
	const bh_config *config = c->config;
	const char *names[MOST];
	size_t some = config->component_count < MOST ? config->component_count : MOST;
	for (size_t i = 0; i < some; i++)
		names[i] = config->components[i]->options.name;
	const char *near = bh_text_nearest(name, names, some);
	bh_reader_error(&c->r, at, BH_E_CONFIG,
	                near ? bh_reader_format(&c->r, "no component named %s (did you mean %s?)", name, near)
	                     : bh_reader_format(&c->r, "no component named %s", name),
	                bh_reader_format(&c->r, "What may be spawned has a table of its own. Add it:"),
	                near ? NULL : bh_reader_format(&c->r, "[component.%s]\nfile = \"%s.wasm\"", name, name));
}

/* The names that one may spawn: each a component, and once. */
static void check_list(bh_config_reader *c, const bh_config_entry *entry)
{
	const bh_config_child *shown = &entry->shown;
	const bh_toml_node *list = entry->spawn_node;
	for (size_t i = 0; i < shown->spawn_count && bh_reader_goes_on(&c->r); i++) {
		/* Where an item of it was wrong, places have moved. */
		const bh_toml_node *at = list->count == shown->spawn_count ? &list->children[i] : list;
		bool twice = false;
		for (size_t j = 0; j < i && !twice; j++)
			twice = !strcmp(shown->spawn[i], shown->spawn[j]);
		if (twice)
			bh_reader_error(&c->r, at, BH_E_CONFIG, bh_reader_format(&c->r, "%s is named twice", shown->spawn[i]),
			                bh_reader_format(&c->r, "Once is enough: how many may be spawned is spawn_children."),
			                NULL);
		else if (!is_component(c->config, shown->spawn[i]))
			no_component(c, at, shown->spawn[i]);
	}
}

void bh_config_read_components(bh_config_reader *c, const bh_toml_node *root)
{
	bh_config *config = c->config;
	const bh_toml_node *table = bh_toml_find(root, "component");
	for (size_t i = 0; table && table->type == BH_TOML_TABLE && i < table->count && bh_reader_goes_on(&c->r); i++)
		read_component(c, &table->children[i]);
	if (c->r.failed)
		return;
	if (config->component_count)
		qsort(config->components, config->component_count, sizeof *config->components, by_name);
	for (size_t i = 0; i < config->component_count && bh_reader_goes_on(&c->r); i++)
		check_list(c, config->components[i]);
	for (size_t i = 0; i < config->entry_count && bh_reader_goes_on(&c->r); i++)
		check_list(c, config->entries[i]);
}
