#include "serve_check.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "memory.h"

bh_status serve_check_begin(serve_check *c, const bh_config *config, bh_error **err)
{
	*c = (serve_check){0};
	bh_host_options host = *bh_config_host(config);
	host.allocation = BH_ALLOCATION_ON_DEMAND; /* nothing is run: no pool, no crowd of workers */
	host.workers = 1;
	bh_status status = bh_host_new(&c->host, &host, err);
	if (!status)
		status = bh_supervisor_new(&c->tree, NULL, err);
	if (!status)
		status = bh_imports_new(&c->imports, err);
	if (!status)
		status = bh_imports_define_bulkhead_host(c->imports, NULL, err);
	if (!status)
		status = bh_spawner_new(&c->spawner, NULL, err);
	if (!status)
		status = bh_imports_new(&c->spawning, err);
	if (!status)
		status = bh_imports_define_bulkhead_host(c->spawning, NULL, err);
	if (!status)
		status = bh_imports_define_supervision(c->spawning, c->spawner, err);
	return status;
}

void serve_check_end(serve_check *c)
{
	bh_supervisor_free(c->tree);
	bh_imports_free(c->imports);
	bh_imports_free(c->spawning);
	bh_spawner_free(c->spawner);
	bh_host_free(c->host);
}

static bh_status load(bh_component **out, const serve_check *c, const bh_config_child *child, bh_error **err)
{
	bh_limits limits = BH_LIMITS_INIT;
	bh_permissions *permissions = NULL;
	bh_status status = bh_config_child_terms(child, &limits, &permissions, err);
	if (status)
		return status;
	bh_component_options options = BH_COMPONENT_OPTIONS_INIT;
	options.limits = limits;
	options.permissions = permissions;
	options.name = child->path;
	options.wrap_modules = true;
	options.imports = child->spawn_count ? c->spawning : c->imports;
	options.compiler = "/proc/self/exe";
	options.compile_mode = child->untrusted ? BH_COMPILE_ISOLATED : BH_COMPILE_INLINE;
	status = bh_component_load_file(out, c->host, child->file, &options, err);
	bh_permissions_free(permissions);
	return status;
}

/* Whether a tree would take it, with no more asked of it than this. */
static bh_status try_it(const serve_check *c, bh_component *component, bh_child_options asked, bh_error **err)
{
	bh_child *added = NULL;
	asked.component = component;
	bh_status status = bh_child_add(&added, bh_supervisor_root(c->tree), &asked, err);
	if (added)
		bh_child_remove(added);
	bh_child_unref(added);
	return status;
}

/* One key after the other, so that it is known which of them it is. */
static bh_error *check_exports(const serve_check *c, const bh_config_child *child, bh_component *component,
                               const char **key)
{
	const bh_child_options *all = child->options;
	bh_child_options bare = *all;
	const struct {
		const char *key, *export_, *ready, *health;
	} steps[] = {
		{all->export_ ? "export" : "file", all->export_, NULL, NULL},
		{"ready", all->ready, all->ready, NULL},
		{"health", all->health, NULL, all->health},
	};
	for (size_t i = 0; i < X_COUNT(steps); i++) {
		bh_error *err = NULL;
		bare.ready = steps[i].ready;
		bare.health = steps[i].health;
		if ((i && !steps[i].export_) || !try_it(c, component, bare, &err))
			continue;
		*key = steps[i].key;
		return err;
	}
	return NULL;
}

bh_error *serve_check_child(const serve_check *c, const bh_config_child *child, const char **key)
{
	bh_error *err = NULL;
	bh_component *component = NULL;
	*key = NULL;
	if (child->options->kind == BH_CHILD_SUPERVISOR)
		return NULL;
	if (child->options->cron && bh_cron_check(child->options->cron, &err)) {
		*key = "cron";
		return err;
	}
	if (access(child->file, R_OK) < 0) {
		*key = "file";
		(void)bh_error_new(&err, BH_E_NOT_FOUND, "%s: %s", child->file, strerror(errno));
		return err;
	}
	if (load(&component, c, child, &err)) {
		bh_status status = bh_error_status(err);
		bool of_terms =
			status == BH_E_CONFIG || status == BH_E_POLICY || status == BH_E_MISSING_LIMITS || status == BH_E_DENIED;
		*key = of_terms ? NULL : "file";
		return err;
	}
	err = child->listed ? NULL : check_exports(c, child, component, key);
	bh_component_unref(component);
	return err;
}
