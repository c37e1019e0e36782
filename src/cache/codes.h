/*
 * Where a host gets compiled code from: from memory, from disk, from the compiler; each first asks the one before.
 *
 * What is in memory is shared by all components made from the same bytes for the same engine. While one caller
 * compiles, others who want the same wait for it.
 */
#ifndef BH_CACHE_CODES_H
#define BH_CACHE_CODES_H

#include "cache/ahead.h"
#include "cache/isolate.h"

typedef struct bh_codes bh_codes;

/* A component file, or its bytes; read and hashed only when something needs that. */
typedef struct {
	const char *path; /* NULL: bytes */
	const char *name; /* for people */
	const void *bytes;
	size_t length;
	size_t max; /* a longer file is refused */
	char *read; /* the file's content, once it was read */
	bool identified;
	bh_identity identity;       /* of the file */
	const uint8_t *trusted_key; /* for artifacts; NULL: they must be ours */
	bool isolated;              /* compile in a process of its own, so: */
	bh_isolation isolation;
	bool is_artifact;
	bh_ahead artifact;
	bool hashed;
	bool hash_given; /* by the caller, and believed until something is written */
	uint8_t hash[BH_HASH];
} bh_source;

void bh_source_deinit(bh_source *source);

/* How code was come by, and how long that took. */
typedef struct {
	bh_code_origin origin;
	uint64_t find_ns;    /* reading, hashing, looking, mapping */
	uint64_t compile_ns; /* compiling; 0 where nothing was */
	uint64_t keep_ns;    /* writing it to disk */
} bh_code_history;

/* `warn` is told what is wrong with the disk cache, at most once. */
bh_status bh_codes_new(bh_codes **out, const bh_cache_options *options, bh_cache_warn *warn, void *data,
                       bh_error **err);

/* Every reference handed out keeps its code; it must be given up before its variant goes. */
void bh_codes_free(bh_codes *codes);

/* The code for a source, as another reference. Blocks while it is compiled, here or by another caller. */
bh_status bh_codes_get(bh_codes *codes, bh_code **out, bh_variant *variant, bh_source *source,
                       const bh_code_options *options, bh_code_history *history, bh_error **err);

#endif
