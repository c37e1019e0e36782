/* What the admin server asks of the daemon. Its threads. */
#include "daemon.h"
#include "memory.h"

/* Looked at here, so that who asks is told what is wrong; put in force by the thread that does such things. */
static bh_status reload(void *data, bh_error **err)
{
	bulkheadd *d = data;
	bh_config *config = NULL;
	if (atomic_load(&d->stopping))
		return bh_error_new(err, BH_E_DOWN, "the daemon is stopping");
	bh_status status = bh_config_load(&config, d->options.config, err);
	bh_config_free(config);
	if (status)
		return status;
	atomic_store(&d->reload_wanted, true);
	daemon_wake(d);
	return BH_OK;
}

static bh_status upgrade(void *data, const char *path, const char *name, admin_done *done, void *done_data,
                         bh_error **err)
{
	bulkheadd *d = data;
	return crew_upgrade(d->crew, path, name, done, done_data, err);
}

static char *logs(void *data, const char *path, uint64_t *after, size_t lines, bh_error **err)
{
	bulkheadd *d = data;
	return crew_logs(d->crew, path, after, lines, err);
}

static char *file(void *data, const char *path)
{
	bulkheadd *d = data;
	return crew_file(d->crew, path);
}

static bool ready(void *data)
{
	bulkheadd *d = data;
	return !atomic_load(&d->stopping) && atomic_load(&d->loaded) &&
	       bh_child_state_of(bh_supervisor_root(d->tree)) == BH_CHILD_RUNNING;
}

admin_daemon daemon_hooks(bulkheadd *d)
{
	return (admin_daemon){
		.host = d->host,
		.tree = d->tree,
		.gateway = d->gateway,
		.data = d,
		.upgrade = upgrade,
		.reload = reload,
		.logs = logs,
		.file = file,
		.ready = ready,
	};
}
