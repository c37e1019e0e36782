/* What a daemon would find wrong with a child of its configuration. Components are loaded, and nothing of them is run. */
#ifndef BH_CLI_SERVE_CHECK_H
#define BH_CLI_SERVE_CHECK_H

#include <bulkhead.h>

typedef struct {
	bh_host *host;
	bh_supervisor *tree; /* never started */
	bh_imports *imports;
	bh_imports *spawning; /* for those who may spawn */
	bh_spawner *spawner;
} serve_check;

/* To be ended either way. */
bh_status serve_check_begin(serve_check *check, const bh_config *config, bh_error **err);
void serve_check_end(serve_check *check);

/* To be freed; NULL: nothing. `key`: what of the child it is about; NULL: all of it. */
bh_error *serve_check_child(const serve_check *check, const bh_config_child *child, const char **key);

#endif
