/* What a cache is to be: from options, environment, cache.toml and XDG, in that order. */
#ifndef BH_CACHE_SETTINGS_H
#define BH_CACHE_SETTINGS_H

#include "base/error.h"
#include "bulkhead/cache.h"

typedef struct {
	bool enabled;
	char *folder;     /* NULL: there is no place for one */
	char *decided_by; /* what switched it off, or named the folder */
	uint64_t max_bytes;
	uint64_t max_age_s;
	uint32_t memory_entries;
	uint64_t memory_bytes;
} bh_cache_settings;

/*
 * BH_OK; BH_E_CONFIG for a cache.toml that has mistakes, or is there and cannot be read: it is left out, all of it, and
 * everything else decided as it can be; BH_E_NO_MEMORY. Empty it with bh_cache_settings_deinit() in any case.
 */
bh_status bh_cache_settings_decide(bh_cache_settings *out, const bh_cache_options *options, bh_error **err);
void bh_cache_settings_deinit(bh_cache_settings *settings);

#endif
