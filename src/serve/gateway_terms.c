/* What a module may: what the gateway says, over that its Component.toml, over that what the configuration says of it. */
#include <string.h>

#include "gateway_internal.h"
#include "memory.h"
#include "say.h"

enum { OUTPUT = 16 << 10 }; /* bytes a call: it goes into the daemon's log */

static void put_over(bh_limits *out, const bh_limits *said)
{
	for (int i = BH_LIMIT_NONE + 1; said && i < BH_LIMIT_COUNT; i++)
		if (bh_limits_get(said, (bh_limit)i))
			bh_limits_set(out, (bh_limit)i, bh_limits_get(said, (bh_limit)i));
	if (said && said->on_memory_limit)
		out->on_memory_limit = said->on_memory_limit;
}

/* Whoever may register a module over HTTP may not give it more than the operator gives to all. */
static void narrow(bh_limits *out, const bh_limits *said)
{
	bh_limits most = *out;
	bh_limits_fill(&most);
	for (int i = BH_LIMIT_NONE + 1; i < BH_LIMIT_COUNT; i++) {
		uint64_t wanted = bh_limits_get(said, (bh_limit)i);
		if (wanted && wanted < bh_limits_get(&most, (bh_limit)i))
			bh_limits_set(out, (bh_limit)i, wanted);
	}
	if (said->on_memory_limit)
		out->on_memory_limit = said->on_memory_limit;
}

static void begin(module_terms *given, const gateway *g)
{
	*given = (module_terms){.limits = BH_LIMITS_INIT};
	bh_gateway_settings_limits(&g->settings, &given->limits);
	given->limits.output_bytes = OUTPUT;
}

static bh_status find_manifest(bh_manifest **out, const char *file, bh_error **err)
{
	char *path = NULL;
	bh_status status = bh_manifest_find(&path, file, err);
	if (!status && path)
		status = bh_manifest_load(out, path, err);
	bh_string_free(path);
	return status;
}

bh_status terms_of_config(module_terms *given, const gateway *g, const bh_config_module *said, bh_error **err)
{
	begin(given, g);
	bh_status status = find_manifest(&given->manifest, said->file, err);
	if (status)
		return status;
	if (given->manifest) {
		put_over(&given->limits, bh_manifest_limits(given->manifest));
		given->permissions = bh_manifest_permissions(given->manifest);
	}
	put_over(&given->limits, said->limits);
	if (said->permissions)
		given->permissions = said->permissions;
	return BH_OK;
}

bh_limit terms_wider(const gateway *g, const bh_limits *said)
{
	module_terms all;
	begin(&all, g);
	bh_limits_fill(&all.limits);
	for (int i = BH_LIMIT_NONE + 1; i < BH_LIMIT_COUNT; i++)
		if (bh_limits_get(said, (bh_limit)i) > bh_limits_get(&all.limits, (bh_limit)i))
			return (bh_limit)i;
	return BH_LIMIT_NONE;
}

/*
 * The manifest that lies beside it. What it has wrong is for the operator: it may be a link to what is no business of whoever
 * asks.
 */
static bh_status manifest_beside(module_terms *given, const char *file, bh_error **err)
{
	bh_error *why = NULL;
	bh_status status = find_manifest(&given->manifest, file, &why);
	if (status) {
		say_failure(BH_LOG_WARNING, file, why);
		bh_error_free(why);
		return bh_error_new(err, status, "%s: its manifest cannot be read: see the log", file);
	}
	if (given->manifest)
		narrow(&given->limits, bh_manifest_limits(given->manifest));
	return BH_OK;
}

/* The one that was named, as it was when it was. Its paths are those from its own folder. */
static bh_status manifest_named(module_terms *given, const module_said *said, bh_error **err)
{
	json_t *keys = said->keys ? json_loads(said->keys, 0, NULL) : NULL;
	const char *path = json_string_value(json_object_get(keys, "manifest"));
	bh_status status =
		path ? bh_manifest_parse(&given->manifest, said->manifest, strlen(said->manifest), path, err) : no_memory(err);
	json_decref(keys);
	if (status)
		return status;
	put_over(&given->limits, bh_manifest_limits(given->manifest));
	given->permissions = bh_manifest_permissions(given->manifest);
	return BH_OK;
}

bh_status terms_of_file(module_terms *given, const gateway *g, const module_record *m, bh_error **err)
{
	const module_said *said = &m->said;
	begin(given, g);
	bool named = said->trusted && said->manifest;
	bh_status status = named ? manifest_named(given, said, err) : manifest_beside(given, m->file, err);
	if (!status && said->keys)
		status = said_config(&given->config, said, m->file, g->on_failure, err);
	if (status || !given->config)
		return status;
	const bh_config_module *module = bh_config_module_at(given->config, 0);
	if (said->trusted)
		put_over(&given->limits, module->limits);
	else
		narrow(&given->limits, module->limits);
	if (said->trusted && module->permissions)
		given->permissions = module->permissions;
	return BH_OK;
}

void terms_free(module_terms *given)
{
	bh_manifest_free(given->manifest);
	bh_config_free(given->config);
	given->manifest = NULL;
	given->config = NULL;
}
