/*
 * The daemon. One thread waits for signals and moments (daemon.c); what may take long (starting, reading the configuration
 * again, stopping) is done by another, one thing at a time (duties.c), so that a signal always finds somebody.
 */
#ifndef BH_SERVE_DAEMON_H
#define BH_SERVE_DAEMON_H

#include <pthread.h>
#include <stdatomic.h>

#include "admin.h"
#include "crew.h"

typedef struct {
	const char *config; /* path */
	bool strict;        /* what cannot run is an error */
} daemon_options;

typedef struct {
	daemon_options options;
	int wake; /* an eventfd: something below changed */
	atomic_bool stopping, loaded, tree_failed, reload_wanted;
	atomic_bool looking; /* at the configuration, for who asked for a reload */

	/* Of the duty that is done; between duties, of the first thread. */
	bh_host *host;
	bh_supervisor *tree;
	outputs *all;
	crew *crew;
	admin *server;
	struct gateway *gateway;
	admin *compat; /* /wasm for existing tools */
	bh_subscription *events;
	bh_child *root;   /* for the teller, also when the tree goes */
	pthread_t teller; /* the thread that puts events into the log */
	bool tells;
	int lock;
} bulkheadd;

/* Run until a signal ends it. Returns the exit code. */
int daemon_run(const daemon_options *options);

/* Duties: each returns how it went. */
typedef bh_status daemon_duty(bulkheadd *d, bh_error **err);
daemon_duty daemon_start, daemon_reload, daemon_stop;

/* Have the first thread look. Any thread. */
void daemon_wake(bulkheadd *d);

/* What the admin server asks (hooks.c). */
admin_daemon daemon_hooks(bulkheadd *d);

/* The configuration, with everything that is to be said of it in the log. */
bh_status daemon_read_config(bh_config **out, const char *path, bh_error **err) BH_MUST_USE;

/* What the reader of the file cannot say of it. BH_OK; BH_E_CONFIG, the first mistake with its place */
bh_status daemon_check_config(const bh_config *config, const char *path, bh_error **err) BH_MUST_USE;

/* Tell the log of what happens in the tree, until that has gone. */
bh_status tell_begin(bulkheadd *d, bh_error **err) BH_MUST_USE;
void tell_end(bulkheadd *d);

/* Exit codes, as the command has them. */
enum {
	EXIT_USAGE = 64,
	EXIT_COMPONENT = 65,
	EXIT_NO_FILE = 66,
	EXIT_BUSY = 69,
	EXIT_INTERNAL = 70,
	EXIT_DENIED = 77,
	EXIT_CONFIG = 78
};
int daemon_exit_code(bh_status status);

#endif
