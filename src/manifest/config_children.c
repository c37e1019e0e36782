/* The children of a configuration: each by itself, then who is below whom, and in what order they are added. */
#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "manifest/config.h"
#include "manifest/walk.h"

bool bh_config_check_name(bh_config_reader *c, const bh_toml_node *node)
{
	bool right = node->key_length && node->key_length <= BH_CONFIG_MAX_NAME && node->key[0] != '.';
	for (size_t i = 0; right && i < node->key_length; i++)
		right = isalnum((unsigned char)node->key[i]) || strchr("-_.", node->key[i] ? node->key[i] : ' ');
	if (right)
		return true;
	char *name = bh_reader_excerpt(&c->r, node->key_span);
	if (name)
		bh_reader_say(&c->r, (bh_saying){.severity = BH_SEVERITY_ERROR,
		                                 .status = BH_E_CONFIG,
		                                 .at = node->key_span,
		                                 .key = bh_reader_path(&c->r, node),
		                                 .message = bh_reader_format(&c->r, "%s: not a name", name),
		                                 .hint = bh_reader_format(&c->r,
		                                                          "A name has letters, digits, '-', '_' and "
		                                                          "'.', no '.' first, and at most %d bytes.",
		                                                          BH_CONFIG_MAX_NAME)});
	bh_free(name);
	return false;
}

static bh_config_entry *add_entry(bh_config_reader *c)
{
	bh_config *config = c->config;
	bh_config_entry *entry = bh_calloc(1, sizeof *entry);
	bh_config_entry **grown =
		entry ? bh_grow(config->entries, config->entry_count, &config->entry_capacity, sizeof *grown) : NULL;
	if (!grown) {
		bh_free(entry);
		c->r.failed = true;
		return NULL;
	}
	config->entries = grown;
	config->entries[config->entry_count++] = entry;
	return entry;
}

/* What a child lacks, or has one too many of. */
static void check_entry(bh_config_reader *c, const bh_config_entry *entry)
{
	const bh_toml_node *node = entry->node, *cron = bh_toml_find(node, "cron");
	if (entry->options.kind != BH_CHILD_SUPERVISOR && !bh_toml_find(node, "file") && !c->r.incomplete)
		bh_reader_error(&c->r, node, BH_E_CONFIG, bh_reader_format(&c->r, "%s: no file", node->key),
		                bh_reader_format(&c->r, "A %s runs a component. Add which:", node->parent->key),
		                bh_reader_format(&c->r, "file = \"%s.wasm\"", node->key));
	if (entry->options.every_ms && entry->options.cron)
		bh_reader_error(&c->r, cron, BH_E_CONFIG, bh_reader_format(&c->r, "both every and cron"),
		                bh_reader_format(&c->r, "A task is run every so often, or at moments: keep one of them."),
		                NULL);
}

static const char *const placed[BH_CONFIG_PLACED] = {"file", "export", "ready", "health", "cron"};

void bh_config_note_places(bh_config_entry *entry)
{
	for (size_t i = 0; i < BH_CONFIG_PLACED; i++) {
		const bh_toml_node *value = bh_toml_find(entry->node, placed[i]);
		if (!value)
			continue;
		entry->places[i].line = value->span.line;
		entry->places[i].column = value->span.column;
	}
}

bool bh_config_child_place(const bh_config_child *child, const char *key, uint32_t *line, uint32_t *column)
{
	const bh_config_entry *entry = (const bh_config_entry *)child;
	for (size_t i = 0; i < BH_CONFIG_PLACED; i++)
		if (!strcmp(placed[i], key) && entry->places[i].line) {
			*line = entry->places[i].line;
			*column = entry->places[i].column;
			return true;
		}
	return false;
}

static void read_child(bh_config_reader *c, bh_child_kind kind, const bh_toml_node *node)
{
	if (!bh_config_check_name(c, node))
		return;
	if (node->type != BH_TOML_TABLE) {
		bh_want_table(&c->r, node);
		return;
	}
	if (c->config->entry_count == BH_CONFIG_MAX_CHILDREN) {
		bh_reader_error(&c->r, node, BH_E_CONFIG,
		                bh_reader_format(&c->r, "more than %d children", BH_CONFIG_MAX_CHILDREN), NULL, NULL);
		c->r.full = true;
		return;
	}
	bh_config_entry *entry = add_entry(c);
	if (!entry)
		return;
	entry->options.struct_size = sizeof entry->options;
	entry->limits.struct_size = sizeof entry->limits;
	entry->options.kind = kind;
	entry->node = node;
	entry->shown.line = node->key_span.line;
	entry->options.name = bh_reader_keep(&c->r, bh_strdup(node->key));
	bh_config_note_places(entry);
	bh_config_read_table(c, &bh_config_child_section, 1U << kind, entry, node);
	check_entry(c, entry);
}

static int by_place(const void *a, const void *b)
{
	const bh_config_entry *const *one = a, *const *other = b;
	uint32_t x = (*one)->node->key_span.offset, y = (*other)->node->key_span.offset;
	return (x > y) - (x < y);
}

static int by_name(const void *a, const void *b)
{
	const bh_config_entry *const *one = a, *const *other = b;
	return strcmp((*one)->options.name, (*other)->options.name);
}

static int by_path(const void *a, const void *b)
{
	const bh_config_entry *const *one = a, *const *other = b;
	int order = strcmp((*one)->shown.path, (*other)->shown.path);
	return order ? order : by_place(a, b);
}

static bh_config_entry *find_supervisor(bh_config_entry *const *sorted, size_t count, const char *name)
{
	bh_config_entry wanted = {.options.name = name}, *key = &wanted;
	bh_config_entry *const *found = count ? bsearch(&key, sorted, count, sizeof *sorted, by_name) : NULL;
	return found ? *found : NULL;
}

static void no_supervisor(bh_config_reader *c, const bh_config_entry *entry, bh_config_entry *const *sorted,
                          size_t count)
{
	enum { MOST = 64 };
	const char *names[MOST];
	size_t some = count < MOST ? count : MOST;
	for (size_t i = 0; i < some; i++)
		names[i] = sorted[i]->options.name;
	const char *near = bh_text_nearest(entry->supervisor, names, some);
	char *right = near ? bh_reader_format(&c->r, "\"%s\"", near) : NULL;
	bh_reader_error(&c->r, entry->supervisor_node, BH_E_CONFIG,
	                near ? bh_reader_format(&c->r, "no supervisor named %s (did you mean %s?)", entry->supervisor, near)
	                     : bh_reader_format(&c->r, "no supervisor named %s", entry->supervisor),
	                bh_reader_format(&c->r,
	                                 "A supervisor has a table of its own: [supervisor.NAME]. Without this key it is "
	                                 "the root."),
	                right ? bh_reader_corrected(&c->r, entry->supervisor_node, right) : NULL);
	bh_free(right);
}

/* Find each one's supervisor, by name. */
static void find_parents(bh_config_reader *c)
{
	bh_config *config = c->config;
	bh_config_entry **sorted = bh_calloc(config->entry_count + 1, sizeof *sorted);
	size_t count = 0;
	if (!sorted) {
		c->r.failed = true;
		return;
	}
	for (size_t i = 0; i < config->entry_count; i++)
		if (config->entries[i]->options.kind == BH_CHILD_SUPERVISOR)
			sorted[count++] = config->entries[i];
	qsort(sorted, count, sizeof *sorted, by_name);
	for (size_t i = 0; i < config->entry_count && bh_reader_goes_on(&c->r); i++) {
		bh_config_entry *entry = config->entries[i];
		if (!entry->supervisor)
			continue;
		entry->parent = find_supervisor(sorted, count, entry->supervisor);
		if (!entry->parent)
			no_supervisor(c, entry, sorted, count);
	}
	bh_free(sorted);
}

/* How deep each is; what is below itself gets no further. */
static void measure(bh_config_reader *c)
{
	for (size_t i = 0; i < c->config->entry_count && bh_reader_goes_on(&c->r); i++) {
		bh_config_entry *entry = c->config->entries[i];
		size_t depth = 0;
		for (const bh_config_entry *up = entry->parent; up && depth <= BH_CONFIG_MAX_DEPTH; up = up->parent)
			depth++;
		entry->depth = depth;
		if (depth <= BH_CONFIG_MAX_DEPTH)
			continue;
		bh_reader_error(
			&c->r, entry->supervisor_node, BH_E_CONFIG,
			bh_reader_format(&c->r, "%s: its supervisors go round in a circle, or too deep", entry->options.name),
			bh_reader_format(&c->r, "Supervisors nest %d deep at most, and none is below itself.", BH_CONFIG_MAX_DEPTH),
			NULL);
		entry->parent = NULL;
	}
}

/* Put each on its parent's list; those of the root on `top`. The lists are in the order of the file. */
static void hang(bh_config *config, bh_config_entry **top)
{
	for (size_t i = config->entry_count; i--;) {
		bh_config_entry *entry = config->entries[i];
		bh_config_entry **list = entry->parent ? &entry->parent->below : top;
		entry->next = *list;
		*list = entry;
	}
}

/* Entries so that whoever is above comes before, siblings as in the file; and their paths. */
static void put_in_order(bh_config_reader *c)
{
	bh_config *config = c->config;
	bh_config_entry *next = NULL;
	size_t count = 0;
	hang(config, &next);
	while (next) {
		bh_config_entry *entry = next;
		const char *above = entry->parent ? entry->parent->shown.path : "";
		entry->shown.parent = above ? above : "";
		entry->shown.path = bh_reader_format(&c->r, "%s%s%s", entry->shown.parent, *entry->shown.parent ? "/" : "",
		                                     entry->options.name);
		config->entries[count++] = entry;
		next = entry->below ? entry->below : entry->next;
		for (const bh_config_entry *up = entry->parent; !next && up; up = up->parent)
			next = up->next;
	}
}

static void check_paths(bh_config_reader *c)
{
	bh_config *config = c->config;
	config->by_path = bh_calloc(config->entry_count + 1, sizeof *config->by_path);
	if (!config->by_path) {
		c->r.failed = true;
		return;
	}
	if (config->entry_count) {
		memcpy(config->by_path, config->entries, config->entry_count * sizeof *config->by_path);
		qsort(config->by_path, config->entry_count, sizeof *config->by_path, by_path);
	}
	for (size_t i = 1; i < config->entry_count && bh_reader_goes_on(&c->r); i++) {
		const bh_config_entry *first = config->by_path[i - 1], *second = config->by_path[i];
		if (strcmp(first->shown.path, second->shown.path) != 0)
			continue;
		bh_reader_error(
			&c->r, second->node, BH_E_CONFIG,
			bh_reader_format(&c->r, "%s: the name is taken (line %u)", second->shown.path, first->shown.line),
			bh_reader_format(&c->r, "Services, tasks and supervisors below one supervisor have names of "
		                            "their own."),
			NULL);
	}
}

void bh_config_read_children(bh_config_reader *c, const bh_toml_node *root)
{
	static const struct {
		const char *table;
		bh_child_kind kind;
	} kinds[] = {{"service", BH_CHILD_SERVICE}, {"task", BH_CHILD_TASK}, {"supervisor", BH_CHILD_SUPERVISOR}};
	for (size_t k = 0; k < BH_COUNT(kinds); k++) {
		const bh_toml_node *table = bh_toml_find(root, kinds[k].table);
		for (size_t i = 0; table && table->type == BH_TOML_TABLE && i < table->count && bh_reader_goes_on(&c->r); i++)
			if (kinds[k].kind != BH_CHILD_SUPERVISOR || table->children[i].type == BH_TOML_TABLE)
				read_child(c, kinds[k].kind, &table->children[i]);
	}
	if (c->r.failed)
		return;
	if (c->config->entry_count)
		qsort(c->config->entries, c->config->entry_count, sizeof(bh_config_entry *), by_place);
	find_parents(c);
	measure(c);
	if (c->r.failed)
		return;
	put_in_order(c);
	if (!c->r.failed)
		check_paths(c);
}
