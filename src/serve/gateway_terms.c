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
	bh_limits lower = *out;
	put_over(&lower, said);
	for (int i = BH_LIMIT_NONE + 1; i < BH_LIMIT_COUNT; i++) {
		uint64_t most = bh_limits_get(out, (bh_limit)i), wanted = bh_limits_get(&lower, (bh_limit)i);
		if (wanted && (!most || wanted < most))
			bh_limits_set(out, (bh_limit)i, wanted);
	}
	out->on_memory_limit = lower.on_memory_limit;
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

/* What a manifest has wrong is for the operator: it may be a link to what is no business of whoever asks. */
bh_status terms_of_file(module_terms *given, const gateway *g, const char *file, bh_error **err)
{
	bh_error *why = NULL;
	begin(given, g);
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

void terms_free(module_terms *given)
{
	bh_manifest_free(given->manifest);
	given->manifest = NULL;
}
