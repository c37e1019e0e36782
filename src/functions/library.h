/* Finding libbulkhead-net. */
#ifndef BH_FUNCTIONS_LIBRARY_H
#define BH_FUNCTIONS_LIBRARY_H

#include "net/net.h"

/*
 * Load it, from `path` or from where it should be. It stays loaded: its threads may end later than anybody knows. NULL
 * with `why`, to be freed: what is missing, and what to do.
 */
const bh_net_library *bh_net_library_load(const char *path, char **why);

#endif
