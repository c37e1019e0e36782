/*
 * The crew: what the configuration names, as it runs. It is given one configuration after the other, and changes what differs.
 * One thread gives it configurations; asking is for any.
 */
#ifndef BH_SERVE_CREW_H
#define BH_SERVE_CREW_H

#include <stdatomic.h>

#include "outputs.h"

typedef struct crew crew;

/* What was done about a configuration. */
typedef struct {
	unsigned kept, added, changed, upgraded, removed;
	unsigned broken; /* of those that should be there now: they cannot run, or there was no memory for them */
} crew_changes;

/* All three stay until the crew goes. */
bh_status crew_new(crew **out, bh_host *host, bh_supervisor *tree, outputs *all, bh_error **err) BH_MUST_USE;

/*
 * Put a configuration in force. All of it is looked at and loaded before anything is changed: where this fails nothing was.
 * What did not change goes on untouched, its instances too. What has another component or manifest, and changed in nothing
 * else, is upgraded while it is called. What changed otherwise is stopped in its order and replaced, what is gone is removed;
 * what cannot be loaded is there as failed, with the reason, unless `strict`: then that is the error. Blocks while components
 * compile, and while what is replaced stops or comes up.
 *
 * `config` is kept where this succeeds. `stop`: set from elsewhere, it ends what is not begun yet (BH_E_CANCELLED).
 */
bh_status crew_apply(crew *c, bh_config *config, bool strict, const atomic_bool *stop, crew_changes *changes,
                     bh_error **err) BH_MUST_USE;

/* The configuration in force; NULL: none. The thread that gives them. */
const bh_config *crew_config(const crew *c);

/* What stopping all of it takes at most, where each child takes the time that it has. The thread that gives configurations. */
uint64_t crew_stop_ms(const crew *c);

/* For admin_daemon: what a child wrote, and the file it is from. */
char *crew_logs(crew *c, const char *path, uint64_t *after, size_t lines, bh_error **err);
char *crew_file(crew *c, const char *path);

/*
 * Upgrade a child to the component in a file, with the limits and permissions that it has. Returns at once; `done` is told on
 * another thread. BH_OK; BH_E_BUSY (as many as are allowed are under way); BH_E_NOT_FOUND; BH_E_SYSTEM; BH_E_NO_MEMORY
 */
bh_status crew_upgrade(crew *c, const char *path, const char *file,
                       void (*done)(void *data, bh_status status, const bh_error *err), void *done_data, bh_error **err)
	BH_MUST_USE;

/* Wait for the upgrades that are being loaded: they then fail, as the tree is stopping. */
void crew_finish(crew *c);

/* Whether there is anything to let go of, now or later. */
bool crew_is_untidy(const crew *c);

/* Let go of what was removed a while ago; now and then, while no configuration is being put in force. */
void crew_tidy(crew *c);

/* When the tree has gone. NULL is allowed. */
void crew_free(crew *c);

#endif
