/*
 * Reading bulkhead.toml, with the reader of manifests: the same remarks, the same amounts and grants.
 *
 * A table of the file is read by rows of keys into a struct. What a row reads that belongs to a manifest (limits, grants)
 * is read into the scratch manifest that also collects the remarks, and taken from there.
 */
#ifndef BH_MANIFEST_CONFIG_H
#define BH_MANIFEST_CONFIG_H

#include "bulkhead/config.h"
#include "manifest/keys.h"

/* Texts of the file that are kept; names of children. */
enum { BH_CONFIG_MAX_TEXT = 4096, BH_CONFIG_MAX_NAME = 64, BH_CONFIG_MAX_ITEMS = 1024, BH_CONFIG_MAX_DEPTH = 30 };

/* Beside the bits of bh_child_kind: keys of the root, and of what children may spawn. */
enum { BH_CONFIG_ROOT = 1 << 8, BH_CONFIG_COMPONENT = 1 << 9 };

/* Keys of children that can turn out to be wrong when what they name is looked at. */
enum { BH_CONFIG_PLACED = 5 };

/* One child as it is read. Texts in `shown` and `options` are owned. */
typedef struct bh_config_entry {
	bh_config_child shown; /* first: what others have is a pointer to it */
	bh_child_options options;
	bh_limits limits;
	/* Where the values of some keys are, as bh_config_child_place() knows them; line 0: nowhere. */
	struct {
		uint32_t line, column;
	} places[BH_CONFIG_PLACED];
	const char *supervisor; /* as written: the name of a [supervisor.NAME]; NULL: the root */
	/* While it is read: */
	const bh_toml_node *node;
	const bh_toml_node *supervisor_node, *spawn_node;
	struct bh_config_entry *parent;
	struct bh_config_entry *below, *next; /* its children in the order of the file; its next sibling */
	size_t depth;
} bh_config_entry;

/* One [[gateway.module]]. Texts in `shown` are owned. */
typedef struct {
	bh_config_module shown; /* first: what others have is a pointer to it */
	bh_limits limits;
	bh_chain_match *matches; /* texts owned */
	size_t match_count, match_capacity;
} bh_config_module_entry;

struct bh_config {
	bh_manifest *notes; /* the remarks, and room for what is being read */
	bh_host_options host;
	bh_cache_options cache;
	bh_config_log log;
	bh_config_admin admin;
	bool has_gateway;
	bh_config_gateway gateway;
	bh_config_module_entry **modules;
	size_t module_count, module_capacity;
	bh_child_options root;
	bh_config_entry **entries; /* in the order of the file, then in that of adding */
	size_t entry_count, entry_capacity;
	bh_config_entry **by_path;    /* sorted */
	bh_config_entry **components; /* by name */
	size_t component_count, component_capacity;
};

BH_DEFINE_AUTO(bh_config *, bh_config_free)

typedef struct {
	bh_reader r;
	bh_config *config;
} bh_config_reader;

typedef struct bh_config_key bh_config_key;
typedef void bh_config_read_fn(bh_config_reader *c, void *target, const bh_config_key *key, const bh_toml_node *node);

struct bh_config_key {
	const char *name;
	unsigned kinds; /* of children that have it: bits of bh_child_kind; 0: not of a child's table */
	bh_config_read_fn *read;
	size_t offset;
	/* Amounts: */
	bh_limit like; /* a limit with the same unit */
	uint64_t minimum, maximum;
	const char *example;
	bool zero; /* 0 can be said, and means: */
	uint64_t zero_value;
	/* Choices: names of 0, 1, ...; NULL ends them. */
	const char *const *choices;
};

typedef struct {
	const bh_config_key *keys;
	size_t count;
} bh_config_section;

extern const bh_config_section bh_config_host_section, bh_config_log_section, bh_config_admin_section,
	bh_config_child_section, bh_config_gateway_section, bh_config_module_section;

/* Read a table by a section's rows; `kind`: a bit of bh_child_kind, or 0. Tables in [supervisor] are skipped. */
void bh_config_read_table(bh_config_reader *c, const bh_config_section *section, unsigned kind, void *target,
                          const bh_toml_node *table);

/* [gateway] (config_gateway.c). */
void bh_config_read_gateway(bh_config_reader *c, const bh_toml_node *table);
void bh_config_free_gateway(bh_config *config);

/* Whether it is ADDRESS:PORT, the address in brackets if it has colons itself; `loopback`: of this machine alone. */
bool bh_config_is_address(const char *text, bool loopback);

/* The whole document (config_walk.c), and what is to be said of the children together (config_children.c). */
void bh_config_walk(bh_config_reader *c, const bh_toml_node *root);
void bh_config_read_children(bh_config_reader *c, const bh_toml_node *root);

/* Remember where the values of some keys are. */
void bh_config_note_places(bh_config_entry *entry);

/* What they may spawn, after them (config_components.c). */
void bh_config_read_components(bh_config_reader *c, const bh_toml_node *root);

/* Names become parts of paths, of files' names and of statistics; false after a remark. */
bool bh_config_check_name(bh_config_reader *c, const bh_toml_node *node);

/* Readers of values (config_values.c). */
bh_config_read_fn bh_config_amount, bh_config_amount32, bh_config_choice, bh_config_flag, bh_config_text,
	bh_config_path, bh_config_factor, bh_config_list, bh_config_spawn, bh_config_env, bh_config_limits,
	bh_config_grants, bh_config_supervisor, bh_config_cache, bh_config_modules, bh_config_attach, bh_config_match,
	bh_config_sample;

/* A text that is short enough to be kept, to be freed; NULL after a remark. */
char *bh_config_take_text(bh_config_reader *c, const bh_config_key *key, const bh_toml_node *node);

/* "KEY = VALUE: what is wrong", with a hint and perhaps the line as it would be right. Takes over `fix`. */
void bh_config_refuse(bh_config_reader *c, const bh_config_key *key, const bh_toml_node *node, const char *what,
                      const char *hint, char *fix);

/* How many texts a list or table may hold; false after a remark. */
bool bh_config_few_enough(bh_config_reader *c, const bh_config_key *key, const bh_toml_node *node);

/* Read a text, however much of it is wrong: what is, is in the remarks. */
bh_status bh_config_read(bh_config **out, const char *text, size_t length, const char *path, bh_error **err);

#endif
