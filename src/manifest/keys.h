/* The keys a manifest may have, in each of its dialects. A new limit is a key without a change here. */
#ifndef BH_MANIFEST_KEYS_H
#define BH_MANIFEST_KEYS_H

#include "manifest/reader.h"

enum {
	BH_IN_FLAT = 1 << BH_DIALECT_FLAT,
	BH_IN_NESTED = 1 << BH_DIALECT_NESTED,
	BH_IN_PACKAGE = 1 << BH_DIALECT_PACKAGE,
	BH_IN_ALL = BH_IN_FLAT | BH_IN_NESTED | BH_IN_PACKAGE
};

typedef struct bh_key bh_key;

struct bh_key {
	const char *table; /* dotted; "" is the top of the file */
	const char *name;
	unsigned dialects;                                                       /* BH_IN_..., or-ed */
	void (*read)(bh_reader *r, const bh_key *key, const bh_toml_node *node); /* NULL: a table of further keys */
	size_t offset; /* texts and flags: of the field in bh_manifest; 0: it is checked and dropped */

	/* Amounts only. */
	bh_limit limit;
	bool required;
	const char *unit;    /* what a bare number counts: "MiB", "s"; NULL: the limit's own unit */
	const char *example; /* a value as the file would have it; NULL: the default of the limit */
	uint64_t minimum;    /* a narrower range than the limit's own; 0: that of the limit */
	uint64_t maximum;
};

/* The row of a key. False if there is none. */
bool bh_key_find(bh_key *out, const char *table, const char *name, size_t length);

/* Row by row, those of the limits table among them; false past the end. */
bool bh_key_at(bh_key *out, size_t index);

/* What a dialect is called. */
const char *bh_dialect_name(bh_dialect dialect);

/* Readers of values (values.c, amounts.c, access.c). */
void bh_read_text(bh_reader *r, const bh_key *key, const bh_toml_node *node);
void bh_read_texts(bh_reader *r, const bh_key *key, const bh_toml_node *node);
void bh_read_flag(bh_reader *r, const bh_key *key, const bh_toml_node *node);
void bh_read_memory_action(bh_reader *r, const bh_key *key, const bh_toml_node *node);
void bh_read_guard_pages(bh_reader *r, const bh_key *key, const bh_toml_node *node);
void bh_read_amount(bh_reader *r, const bh_key *key, const bh_toml_node *node);
void bh_read_permissions(bh_reader *r, const bh_key *key, const bh_toml_node *node);

/* What a correct value for an amount looks like in the file: "\"64MB\"", "1000000". To be freed. */
char *bh_amount_example(bh_reader *r, const bh_key *key);

#endif
