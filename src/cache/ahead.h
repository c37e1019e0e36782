/* Artifacts that a user names by their path: whether they are to be trusted, and whether they fit. */
#ifndef BH_CACHE_AHEAD_H
#define BH_CACHE_AHEAD_H

#include "cache/cache.h"

/* An open artifact, or its code alone; close `fd`. */
typedef struct {
	int fd;
	bh_identity identity;
	bh_record record;
} bh_ahead;

/* Whether a path is named like an artifact. */
bool bh_ahead_named(const char *path);

/*
 * Open, and see that it may be run: `key` (32 bytes, NULL: none) signed it, or it is ours alone. Its checksum is right,
 * too; that is read once, and noted in `cache`. Of a file that others may write to `fd` is a copy in memory, made and
 * read each time.
 * BH_OK; BH_E_NOT_FOUND; BH_E_IO; BH_E_PARSE (no artifact, or damaged); BH_E_UNTRUSTED; BH_E_NO_MEMORY.
 */
bh_status bh_ahead_open(bh_ahead *out, const char *path, const uint8_t *key, bh_cache *cache, bh_error **err);

/* Map it. BH_E_STALE where another engine made it. */
bh_status bh_ahead_map(bh_code **out, const bh_ahead *ahead, bh_variant *variant, const char *path, bh_linking linking,
                       bh_error **err);

#endif
