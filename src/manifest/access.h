/* [permissions]: what the guest may reach. */
#ifndef BH_MANIFEST_ACCESS_H
#define BH_MANIFEST_ACCESS_H

#include "manifest/reader.h"

/* [permissions] filesystem (folders.c) and network (peers.c). */
void bh_read_folders(bh_reader *r, const bh_toml_node *table);
void bh_read_network(bh_reader *r, const bh_toml_node *table);

/*
 * An error of bh_permissions_allow_...: as a remark on `node`, with the status a manifest has for it. `extra`
 * (NULL: nothing) is added to the hint. Frees the error.
 */
void bh_reader_refused(bh_reader *r, const bh_toml_node *node, bh_error *err, const char *extra, char *fix);

#endif
