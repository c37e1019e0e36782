/* Options of chains, and the settings of the gateway that existing users have: ranges, and what they mean here. */
#include <inttypes.h>

#include "gateway/settings.h"

typedef struct {
	const char *name;
	uint64_t fallback, low, high;
} range;

static bh_status check(uint64_t *value, const range *r, bh_error **err)
{
	if (!*value)
		*value = r->fallback;
	if (*value >= r->low && *value <= r->high)
		return BH_OK;
	bh_error *e = bh_error_begin(err, BH_E_CONFIG, "%s = %" PRIu64 ": not allowed", r->name, *value);
	bh_error_hint_set(e, "Allowed: %" PRIu64 " to %" PRIu64 "; %" PRIu64 " unless said otherwise.", r->low, r->high,
	                  r->fallback);
	return BH_E_CONFIG;
}

#define MAX_BODY BH_MIB(100)
static const range body_size = {"max_body_size", BH_MIB(10), 1, MAX_BODY};

bh_status bh_chain_options_check(bh_chain_options *options, bh_error **err)
{
	static const range headers = {"max_headers", 256, 1, 10000};
	static const range header_bytes = {"max_header_bytes", BH_KIB(64), 256, BH_MIB(16)};
	static const range context = {"max_context", BH_KIB(64), 1, BH_MIB(16)};
	uint64_t count = options->max_headers;
	bh_status status = check(&options->max_body_size, &body_size, err);
	if (!status)
		status = check(&count, &headers, err);
	if (!status)
		status = check(&options->max_header_bytes, &header_bytes, err);
	if (!status)
		status = check(&options->max_context, &context, err);
	options->max_headers = (uint32_t)count;
	return status;
}

bh_status bh_gateway_settings_check(bh_gateway_settings *settings, bh_error **err)
{
	const struct {
		uint64_t *value;
		range range;
	} rows[] = {
		{&settings->max_memory_pages, {"max_memory_pages", 1024, 1, 65536}},
		{&settings->max_execution_time_ms, {"max_execution_time_ms", 1000, 1, 300000}},
		{&settings->max_stack_size, {"max_stack_size", BH_MIB(1), BH_KIB(64), BH_MIB(16)}},
		{&settings->module_cache_size, {"module_cache_size", 10, 1, 1000}},
		{&settings->max_body_size, body_size},
	};
	for (size_t i = 0; i < BH_COUNT(rows); i++) {
		bh_status status = check(rows[i].value, &rows[i].range, err);
		if (status)
			return status;
	}
	/* Zero stays: the host counts the processors itself. */
	static const range threads = {"thread_pool_size", 1, 1, 256};
	return settings->thread_pool_size ? check(&settings->thread_pool_size, &threads, err) : BH_OK;
}

/* Beside the body a module returns headers: what a chain takes of those by default, with room for how they lie. */
void bh_gateway_settings_limits(const bh_gateway_settings *settings, bh_limits *limits)
{
	limits->memory = settings->max_memory_pages * BH_KIB(64);
	limits->execution_ms = settings->max_execution_time_ms;
	limits->stack = settings->max_stack_size;
	limits->fuel = BH_UNLIMITED;
	limits->hostcall_bytes = settings->max_body_size + BH_KIB(256);
}

void bh_gateway_settings_host(const bh_gateway_settings *settings, bh_host_options *host, bh_cache_options *cache)
{
	host->workers = (uint32_t)settings->thread_pool_size;
	host->default_stack = settings->max_stack_size;
	cache->memory_entries = (uint32_t)settings->module_cache_size;
}

void bh_gateway_settings_chain(const bh_gateway_settings *settings, bh_chain_options *chain)
{
	chain->max_body_size = settings->max_body_size;
}
