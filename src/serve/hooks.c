/* What the admin server asks of the daemon. Its threads. */
#include "daemon.h"
#include "memory.h"

/* Who asks for a reload. */
typedef struct {
	bulkheadd *daemon;
	admin_done *done;
	void *done_data;
} request;

/* On a thread of its own: a file may come from a disk that takes long, or from none. */
static void *look_at_config(void *data)
{
	request *r = data;
	bulkheadd *d = r->daemon;
	bh_config *config = NULL;
	bh_error *err = NULL;
	bh_status status = bh_config_load(&config, d->options.config, &err);
	if (!status)
		status = daemon_check_config(config, d->options.config, &err);
	bh_config_free(config);
	if (!status) {
		atomic_store(&d->reload_wanted, true);
		daemon_wake(d);
	}
	atomic_store(&d->looking, false);
	r->done(r->done_data, status, err);
	bh_error_free(err);
	sv_free(r);
	return NULL;
}

/* Looked at here, so that who asks is told what is wrong; put in force by the thread that does such things. */
static bh_status reload(void *data, admin_done *done, void *done_data, bh_error **err)
{
	bulkheadd *d = data;
	pthread_t thread = 0;
	if (atomic_load(&d->stopping))
		return bh_error_new(err, BH_E_DOWN, "the daemon is stopping");
	request *r = sv_alloc(sizeof *r);
	if (!r)
		return bh_error_new(err, BH_E_NO_MEMORY, "no memory");
	*r = (request){d, done, done_data};
	bh_status status = BH_OK;
	if (atomic_exchange(&d->looking, true))
		status = bh_error_new(err, BH_E_BUSY, "the configuration is being read for somebody else");
	else if (pthread_create(&thread, NULL, look_at_config, r)) {
		atomic_store(&d->looking, false);
		status = bh_error_new(err, BH_E_SYSTEM, "no thread to read the configuration");
	}
	if (status)
		sv_free(r);
	else
		pthread_detach(thread);
	return status;
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
