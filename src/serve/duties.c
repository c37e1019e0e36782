/* What the daemon does that may take long: starting, reading its configuration again, stopping. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "daemon.h"
#include "gateway.h"
#include "lock.h"
#include "memory.h"
#include "notify.h"
#include "say.h"

/* Calls of clients that are under way when all services are down already. */
enum { ADMIN_STOP_MS = 2000, GATEWAY_STOP_MS = 5000, HOST_DRAIN_MS = 1000, MOST_TOKEN = 4096 };
enum { REST_MS = 30000 }; /* stopping: what comes after the children */

/* The configuration. */

static void say_remark(const bh_diagnostic *remark, const char *path)
{
	bh_log_level level = remark->severity == BH_SEVERITY_ERROR ? BH_LOG_ERROR : BH_LOG_WARNING;
	say(level, "%s:%u:%u: %s", path, remark->where.line, remark->where.column, remark->message);
	if (remark->hint)
		say(level, "  %s", remark->hint);
	if (remark->fix)
		say(level, "  %s", remark->fix);
}

/* What this library can say of a child that the reader of the file cannot. */
static bh_status check_child(const bh_config_child *child, const char *path, bh_error **err)
{
	bh_error *why = NULL;
	bh_status status = child->options->cron ? bh_cron_check(child->options->cron, &why) : BH_OK;
	uint32_t line = child->line, column = 1;
	(void)bh_config_child_place(child, "cron", &line, &column);
	if (status)
		(void)bh_error_new(err, status, "%s:%u:%u: %s: cron: %s", path, line, column, child->path,
		                   why ? bh_error_message(why) : "no memory");
	bh_error_free(why);
	return status;
}

bh_status daemon_check_config(const bh_config *config, const char *path, bh_error **err)
{
	const bh_config_child *child;
	bh_status status = BH_OK;
	for (size_t i = 0; !status && (child = bh_config_child_at(config, i)); i++)
		status = check_child(child, path, err);
	return status;
}

static bool say_wrong_child(const bh_config_child *child, const char *path)
{
	bh_error *why = NULL;
	bh_status status = check_child(child, path, &why);
	if (status)
		say(BH_LOG_ERROR, "%s", why ? bh_error_message(why) : "no memory");
	bh_error_free(why);
	return status != BH_OK;
}

bh_status daemon_read_config(bh_config **out, const char *path, bh_error **err)
{
	bh_config *config = NULL;
	bh_status status = bh_config_check(&config, path, err);
	if (status)
		return status;
	size_t errors = 0;
	const bh_diagnostic *remark;
	for (size_t i = 0; (remark = bh_config_diagnostic(config, i)); i++) {
		say_remark(remark, path);
		errors += remark->severity == BH_SEVERITY_ERROR;
	}
	const bh_config_child *child;
	for (size_t i = 0; (child = bh_config_child_at(config, i)); i++)
		errors += say_wrong_child(child, path);
	if (!errors) {
		*out = config;
		return BH_OK;
	}
	bh_config_free(config);
	return bh_error_new(err, BH_E_CONFIG, "%s: %zu error%s", path, errors, errors == 1 ? "" : "s");
}

/* The token of TCP. Whoever can read it can do all that the daemon can. */
static bh_status read_token(char **out, const char *path, bh_error **err)
{
	char text[MOST_TOKEN + 1];
	struct stat info;
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	if (fd < 0)
		return bh_error_new(err, BH_E_CONFIG, "token_file %s: %s", path, strerror(errno));
	bool fits = fstat(fd, &info) == 0 && S_ISREG(info.st_mode);
	ssize_t length = fits ? read(fd, text, MOST_TOKEN) : -1;
	close(fd);
	if (length < 0)
		return bh_error_new(err, BH_E_CONFIG, "token_file %s: cannot be read", path);
	if (info.st_mode & (S_IRWXG | S_IRWXO))
		return bh_error_new(err, BH_E_CONFIG, "token_file %s: others may read it; run:  chmod 600 %s", path, path);
	text[length] = '\0';
	text[strcspn(text, "\r\n")] = '\0';
	*out = sv_copy(text);
	return *out ? BH_OK : bh_error_new(err, BH_E_NO_MEMORY, "no memory");
}

/* Starting. */

static void pass_on(void *data, bh_log_level level, const char *message)
{
	(void)data;
	say(level, "%s", message);
}

static bh_status make_parts(bulkheadd *d, const bh_config *config, bh_error **err)
{
	bh_host_options host = *bh_config_host(config);
	bh_cache_options cache = host.cache ? *host.cache : (bh_cache_options)BH_CACHE_OPTIONS_INIT;
	const bh_config_gateway *front = bh_config_gateway_of(config);
	if (front) { /* [host] counts where it says something */
		bh_gateway_settings said = front->settings;
		bh_host_options wanted = host;
		if (bh_gateway_settings_check(&said, err))
			return BH_E_CONFIG;
		bh_gateway_settings_host(&said, &wanted, &cache);
		host.workers = host.workers ? host.workers : wanted.workers;
		host.cache = &cache;
	}
	host.log = pass_on;
	bh_status status = bh_host_new(&d->host, &host, err);
	if (!status)
		status = bh_supervisor_new(&d->tree, bh_config_root(config), err);
	if (!status)
		status = outputs_new(&d->all, bh_config_log_of(config), err);
	if (!status)
		status = crew_new(&d->crew, d->host, d->tree, d->all, err);
	return status ? status : tell_begin(d, err);
}

static void say_changes(const char *what, const crew_changes *changes)
{
	say(BH_LOG_INFO, "%s: %u kept, %u added, %u changed, %u upgraded, %u removed%s", what, changes->kept,
	    changes->added, changes->changed, changes->upgraded, changes->removed,
	    changes->broken ? "; some cannot run" : "");
}

static bh_status serve_admin(bulkheadd *d, const char *socket, const bh_config_admin *settings, bh_error **err)
{
	SV_AUTO char *token = NULL;
	admin_options options = ADMIN_OPTIONS_INIT;
	admin_daemon hooks = daemon_hooks(d);
	bh_status status = settings->token_file ? read_token(&token, settings->token_file, err) : BH_OK;
	if (status)
		return status;
	options.socket_path = socket;
	options.socket_fd = notify_take_socket("admin", true);
	options.listen = settings->listen;
	options.token = token;
	options.listen_fd = token ? notify_take_socket("admin", false) : -1;
	return admin_start(&d->server, &options, &hooks, err);
}

/* The folder of the configuration, where nobody says where the state is kept. */
static bh_status serve_gateway(bulkheadd *d, const bh_config *config, bh_error **err)
{
	const bh_config_gateway *settings = bh_config_gateway_of(config);
	if (!settings)
		return BH_OK;
	const char *slash = strrchr(d->options.config, '/');
	SV_AUTO char *folder =
		slash ? sv_copy_n(d->options.config, (size_t)(slash - d->options.config) + (slash == d->options.config))
			  : sv_copy(".");
	if (!folder)
		return bh_error_new(err, BH_E_NO_MEMORY, "no memory");
	bh_status status = gateway_start(&d->gateway, d->host, config, folder, err);
	if (!status)
		say(BH_LOG_INFO, "gateway: %s, port %u, to %s", settings->listen, gateway_port(d->gateway), settings->upstream);
	return status;
}

/* For existing tools, which send no token. */
static bh_status serve_compat(bulkheadd *d, const bh_config *config, bh_error **err)
{
	const bh_config_gateway *settings = bh_config_gateway_of(config);
	if (!settings || !settings->compat_listen)
		return BH_OK;
	admin_options options = ADMIN_OPTIONS_INIT;
	admin_daemon hooks = daemon_hooks(d);
	options.listen = settings->compat_listen;
	options.compat = true;
	return admin_start(&d->compat, &options, &hooks, err);
}

static bh_status take_place(bulkheadd *d, char **socket, const bh_config_admin *settings, bh_error **err)
{
	char *place = settings->socket ? NULL : bh_config_default_socket();
	const char *path = settings->socket ? settings->socket : place;
	*socket = path ? sv_copy(path) : NULL;
	bh_string_free(place);
	if (!*socket)
		return bh_error_new(err, BH_E_NO_MEMORY, "no memory");
	return lock_take(&d->lock, *socket, !settings->socket, err);
}

bh_status daemon_start(bulkheadd *d, bh_error **err)
{
	SV_AUTO char *socket = NULL;
	crew_changes changes;
	bh_config *config = NULL;
	bh_status status = daemon_read_config(&config, d->options.config, err);
	if (status)
		return status;
	const bh_config_admin *settings = bh_config_admin_of(config);
	say_level(bh_config_log_of(config)->level);
	notify("STATUS=loading components");
	status = take_place(d, &socket, settings, err);
	if (!status)
		status = make_parts(d, config, err);
	if (!status)
		status = crew_apply(d->crew, config, d->options.strict, &d->stopping, &changes, err);
	if (status) {
		bh_config_free(config);
		return status;
	}
	bh_child_start(bh_supervisor_root(d->tree));
	atomic_store(&d->loaded, true);
	status = serve_gateway(d, config, err);
	if (!status)
		status = serve_compat(d, config, err);
	if (!status)
		status = serve_admin(d, socket, settings, err);
	if (status)
		return status;
	say_changes("started", &changes);
	notify("READY=1\nSTATUS=%u children, %u cannot run", changes.added, changes.broken);
	return BH_OK;
}

/* Reading the configuration again. */

static void change_logs(bulkheadd *d, const bh_config *config)
{
	bh_error *why = NULL;
	say_level(bh_config_log_of(config)->level);
	if (outputs_change(d->all, bh_config_log_of(config), &why))
		say_failure(BH_LOG_WARNING, "[log] stays as it was", why);
	bh_error_free(why);
}

static void say_gateway_restart(const gateway *g, const bh_config *config)
{
	sv_text keys = {0};
	gateway_restart_keys(g, config, &keys);
	if (keys.length && !keys.failed)
		say(BH_LOG_WARNING, "[gateway] %s: changed; this is in force after a restart of the daemon", keys.data);
	sv_text_deinit(&keys);
}

static bh_status put_in_force(bulkheadd *d, crew_changes *changes, bh_error **err)
{
	bh_config *config = NULL;
	bh_status status = daemon_read_config(&config, d->options.config, err);
	if (status)
		return status;
	const bh_config *before = crew_config(d->crew);
	bool restart = bh_config_needs_restart(before, config);
	/* What is started by it prints at once. */
	change_logs(d, config);
	say_gateway_restart(d->gateway, config);
	gateway_plan *plan = NULL;
	status = d->gateway ? gateway_prepare(&plan, d->gateway, config, err) : BH_OK;
	if (!status)
		status = crew_apply(d->crew, config, d->options.strict, &d->stopping, changes, err);
	if (status) {
		gateway_drop(plan);
		change_logs(d, before);
		bh_config_free(config);
		return status;
	}
	gateway_commit(plan);
	if (restart)
		say(BH_LOG_WARNING, "[host], [admin] or [supervisor] has changed: that is in force after a restart");
	return BH_OK;
}

/* A mistake changes nothing: what runs goes on. */
bh_status daemon_reload(bulkheadd *d, bh_error **err)
{
	crew_changes changes;
	bh_error *why = NULL;
	(void)err;
	notify_reloading();
	bh_status status = put_in_force(d, &changes, &why);
	if (status)
		say_failure(BH_LOG_ERROR, "not reloaded, all stays as it was", why);
	else
		say_changes("reloaded", &changes);
	bh_error_free(why);
	notify("READY=1\nSTATUS=%s", status ? "the configuration has mistakes; the one before is in force" : "reloaded");
	return BH_OK;
}

/* Stopping. */

/* All of it that there is: starting may have failed half way. */
bh_status daemon_stop(bulkheadd *d, bh_error **err)
{
	notify("STOPPING=1\nSTATUS=stopping children");
	if (d->crew)
		notify_extend(crew_stop_ms(d->crew) + REST_MS);
	if (d->tree) {
		bh_child *root = bh_supervisor_root(d->tree);
		bh_child_stop(root);
		(void)bh_child_wait(root, BH_CHILD_STOPPED, BH_UNLIMITED); /* their shutdown times bound it */
	}
	if (d->crew)
		crew_finish(d->crew);
	if (d->server)
		admin_stop(d->server, ADMIN_STOP_MS);
	if (d->compat)
		admin_stop(d->compat, ADMIN_STOP_MS);
	d->server = d->compat = NULL;
	gateway_stop(d->gateway, GATEWAY_STOP_MS);
	d->gateway = NULL;
	bh_supervisor_free(d->tree);
	tell_end(d);
	d->tree = NULL;
	bh_status status = d->host ? bh_host_drain(d->host, HOST_DRAIN_MS, err) : BH_OK;
	crew_free(d->crew);
	d->crew = NULL;
	outputs_free(d->all);
	d->all = NULL;
	bh_host_free(d->host);
	d->host = NULL;
	lock_release(d->lock);
	d->lock = -1;
	return status;
}
