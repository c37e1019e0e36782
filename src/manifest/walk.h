/* Going through a manifest's tables: what each key says, and what is unknown. */
#ifndef BH_MANIFEST_WALK_H
#define BH_MANIFEST_WALK_H

#include "manifest/reader.h"

/* Read a whole document into r->manifest. */
void bh_walk(bh_reader *r, const bh_toml_node *root);

/* Tell which dialect a document is (dialect.c). A mixture is an error, and the first one met is assumed. */
void bh_dialect_tell(bh_reader *r, const bh_toml_node *root);

/* Say what limits should be there and are not (missing.c). */
void bh_missing_say(bh_reader *r, const bh_toml_node *root);

/* The warning about a key that nobody knows; `meant` (NULL: no idea) is the one that may be meant. */
void bh_warn_unknown(bh_reader *r, const bh_toml_node *node, const char *meant);

/* The error about a value that should be a table. */
void bh_want_table(bh_reader *r, const bh_toml_node *node);

#endif
