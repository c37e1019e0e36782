/* bulkhead.toml from the outside: reading one whole, and what came of it. */
#include "manifest/config.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "base/permissions.h"
#include "manifest/syntax.h"

static void free_texts(const char *const *texts, size_t count)
{
	for (size_t i = 0; i < count; i++)
		bh_free((char *)texts[i]);
	bh_free((void *)texts);
}

static void entry_free(bh_config_entry *entry)
{
	bh_free((char *)entry->shown.path);
	bh_free((char *)entry->shown.file);
	bh_free((char *)entry->shown.manifest);
	bh_free((char *)entry->options.cron);
	bh_permissions_free((bh_permissions *)entry->shown.permissions);
	free_texts(entry->shown.args, entry->shown.arg_count);
	free_texts(entry->shown.env, entry->shown.env_count);
	free_texts(entry->shown.spawn, entry->shown.spawn_count);
	bh_free((char *)entry->options.name);
	bh_free((char *)entry->options.ready);
	bh_free((char *)entry->options.health);
	bh_free((char *)entry->options.export_);
	bh_free((char *)entry->supervisor);
	bh_free(entry);
}

void bh_config_free(bh_config *config)
{
	if (!config)
		return;
	for (size_t i = 0; i < config->entry_count; i++)
		entry_free(config->entries[i]);
	for (size_t i = 0; i < config->component_count; i++)
		entry_free(config->components[i]);
	bh_free(config->components);
	bh_free(config->entries);
	bh_free(config->by_path);
	bh_free((char *)config->cache.dir);
	bh_free((char *)config->log.directory);
	bh_free((char *)config->admin.socket);
	bh_free((char *)config->admin.listen);
	bh_free((char *)config->admin.token_file);
	bh_config_free_gateway(config);
	bh_manifest_free(config->notes);
	bh_free(config);
}

static bh_status make(bh_config **out, const char *path, bh_error **err)
{
	BH_AUTO(bh_config_free) bh_config *config = bh_calloc(1, sizeof *config);
	if (!config)
		return bh_fail_memory(err);
	config->host.struct_size = sizeof config->host;
	config->host.ceilings.struct_size = sizeof config->host.ceilings;
	config->cache.struct_size = sizeof config->cache;
	config->root.struct_size = sizeof config->root;
	config->root.kind = BH_CHILD_SUPERVISOR;
	config->gateway.settings.struct_size = sizeof config->gateway.settings;
	config->log = (bh_config_log){.level = BH_LOG_INFO, .max_size = 10000000, .keep = 5, .lines = 1000};
	bh_status status = bh_manifest_make(&config->notes, path, err);
	if (!status)
		*out = BH_TAKE(config);
	return status;
}

static void connect_entry(bh_config_entry *entry)
{
	entry->shown.options = &entry->options;
	entry->shown.limits = &entry->limits;
	entry->node = entry->supervisor_node = entry->spawn_node = NULL;
}

/* What points at its neighbours, when nothing moves any more and the document goes. */
static void connect(bh_config *config)
{
	config->host.cache = &config->cache;
	for (size_t i = 0; i < config->entry_count; i++)
		connect_entry(config->entries[i]);
	for (size_t i = 0; i < config->component_count; i++)
		connect_entry(config->components[i]);
}

bh_status bh_config_read(bh_config **out, const char *text, size_t length, const char *path, bh_error **err)
{
	if (length > BH_TOML_MAX_BYTES)
		return bh_fail(err, BH_E_CONFIG, "%s: larger than 1 MiB", path ? path : "the configuration");
	BH_AUTO(bh_config_free) bh_config *config = NULL;
	bh_status status = make(&config, path, err);
	if (status)
		return status;
	BH_AUTO(bh_free) char *folder = path ? bh_path_folder(path) : bh_strdup(".");
	bh_config_reader c = {
		.r = {.manifest = config->notes, .text = text, .length = length, .folder = folder, .failed = !folder},
		.config = config};
	BH_AUTO(bh_toml_free) bh_toml *document = bh_syntax_parse(&c.r);
	if (document)
		bh_config_walk(&c, bh_toml_root(document));
	if (c.r.failed)
		return bh_fail_memory(err);
	bh_reader_sort(&c.r);
	connect(config);
	*out = BH_TAKE(config);
	return BH_OK;
}

bh_status bh_config_parse(bh_config **out, const char *text, size_t length, const char *path, bh_error **err)
{
	if (!text && length)
		return bh_fail(err, BH_E_INVALID, "no text");
	BH_AUTO(bh_config_free) bh_config *config = NULL;
	bh_status status = bh_config_read(&config, text ? text : "", length, path, err);
	if (!status)
		status = bh_manifest_first_error(config->notes, err);
	if (!status)
		*out = BH_TAKE(config);
	return status;
}

bh_status bh_config_load(bh_config **out, const char *path, bh_error **err)
{
	if (!path)
		return bh_fail(err, BH_E_INVALID, "no path");
	BH_AUTO(bh_free) char *text = NULL;
	size_t length = 0;
	bh_status status = bh_file_read(&text, &length, path, BH_TOML_MAX_BYTES, err);
	return status ? status : bh_config_parse(out, text, length, path, err);
}

bh_status bh_config_check(bh_config **out, const char *path, bh_error **err)
{
	if (!path)
		return bh_fail(err, BH_E_INVALID, "no path");
	BH_AUTO(bh_free) char *text = NULL;
	size_t length = 0;
	bh_status status = bh_file_read(&text, &length, path, BH_TOML_MAX_BYTES, err);
	return status ? status : bh_config_read(out, text, length, path, err);
}

size_t bh_config_diagnostic_count(const bh_config *config)
{
	return bh_manifest_diagnostic_count(config->notes);
}

const bh_diagnostic *bh_config_diagnostic(const bh_config *config, size_t index)
{
	return bh_manifest_diagnostic(config->notes, index);
}

const bh_host_options *bh_config_host(const bh_config *config)
{
	return &config->host;
}

const bh_config_log *bh_config_log_of(const bh_config *config)
{
	return &config->log;
}

const bh_config_admin *bh_config_admin_of(const bh_config *config)
{
	return &config->admin;
}

const bh_child_options *bh_config_root(const bh_config *config)
{
	return &config->root;
}

size_t bh_config_child_count(const bh_config *config)
{
	return config->entry_count;
}

const bh_config_child *bh_config_child_at(const bh_config *config, size_t index)
{
	return index < config->entry_count ? &config->entries[index]->shown : NULL;
}

size_t bh_config_component_count(const bh_config *config)
{
	return config->component_count;
}

const bh_config_child *bh_config_component_at(const bh_config *config, size_t index)
{
	return index < config->component_count ? &config->components[index]->shown : NULL;
}

static int compare_path(const void *path, const void *entry)
{
	return strcmp(path, (*(bh_config_entry *const *)entry)->shown.path);
}

const bh_config_child *bh_config_child_find(const bh_config *config, const char *path)
{
	bh_config_entry *const *found = config->entry_count && path ? bsearch(path, config->by_path, config->entry_count,
	                                                                      sizeof *config->by_path, compare_path)
	                                                            : NULL;
	return found ? &(*found)->shown : NULL;
}

char *bh_config_default_socket(void)
{
	const char *runtime = getenv("XDG_RUNTIME_DIR");
	if (runtime && *runtime == '/')
		return bh_format("%s/bulkhead/admin.sock", runtime);
	if (!geteuid())
		return bh_strdup("/run/bulkhead/admin.sock");
	return bh_format("/tmp/bulkhead-%u/admin.sock", (unsigned)geteuid());
}
