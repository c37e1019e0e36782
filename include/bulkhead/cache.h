/** The compile cache: compiled code kept on disk between programs, and in memory within one. */
#ifndef BULKHEAD_CACHE_H
#define BULKHEAD_CACHE_H

#include "error.h"

BH_BEGIN

/**
 * Nothing is compiled twice on a machine unless its bytes or the engine changed. Every host uses the cache unless told
 * not to; whatever is wrong with it (no permission, a full disk, damaged files) costs time, never a program.
 *
 * What decides, first one wins: bh_cache_options; BULKHEAD_CACHE_DIR, BULKHEAD_CACHE=0; WASMTIME_CACHE_DIR,
 * WASMTIME_CACHE_ENABLED=0; `cache.toml` in the folder bulkhead of XDG_CONFIG_HOME; XDG_CACHE_HOME, ~/.cache.
 * A cache.toml that has a mistake, or is there and cannot be read, is left out, all of it: what decides besides holds
 * then. Hosts warn of it, once; bh_cache_open() and bh_cache_locate() fail with BH_E_CONFIG.
 * The file docs/guide/cache.md says what lies there and what is trusted.
 */
typedef enum {
	BH_CACHE_AUTO, /**< on, unless the environment or cache.toml say otherwise (default) */
	BH_CACHE_ON,
	BH_CACHE_OFF, /**< neither read nor written; what one host compiled is still shared within it */
} bh_cache_mode;

/** Start from BH_CACHE_OPTIONS_INIT; zero means the default. */
typedef struct {
	size_t struct_size;
	bh_cache_mode mode;
	const char *dir;         /**< NULL: as decided above. Made, private to this user, where it does not exist */
	uint64_t max_bytes;      /**< beyond it the least recently used go; default 2 GiB */
	uint64_t max_age_s;      /**< what was not used for so long goes; default 30 days */
	uint32_t memory_entries; /**< components that a host keeps compiled though nobody holds them; default 128 */
	uint64_t memory_bytes;   /**< machine code that it keeps so; default 256 MiB */
} bh_cache_options;

#define BH_CACHE_OPTIONS_INIT BH_SIZED(bh_cache_options)

/** What a cache has done since it was made, over all processes. */
typedef struct {
	size_t struct_size;
	uint64_t hits;
	uint64_t misses;
	uint64_t corrupt;  /**< damaged entries found, and replaced */
	uint64_t evicted;  /**< entries removed to keep within max_bytes and max_age_s */
	uint64_t entries;  /**< there now */
	uint64_t bytes;    /**< there now */
	uint64_t saved_ns; /**< compile time that hits did not spend */
} bh_cache_stats;

#define BH_CACHE_STATS_INIT BH_SIZED(bh_cache_stats)

/** One entry. The pointers live until the callback returns. */
typedef struct {
	const char *path;   /**< of the artifact */
	const char *source; /**< SHA-256 of what was compiled, in hexadecimal digits */
	const char *name;   /**< what it was called when it was compiled */
	const char *engine; /**< "48.0.8 x86_64-unknown-linux-gnu metered" */
	bool current;       /**< this build of the library can load it */
	uint64_t bytes;
	uint64_t compile_ns;
	int64_t created_s; /**< seconds since 1970 */
	int64_t used_s;
} bh_cache_entry;

/** A cache folder. One thread at a time. */
typedef struct bh_cache bh_cache;

/**
 * Open a cache to look after it; hosts do that themselves. Makes the folder where it does not exist.
 * \param options NULL: as a host without options would.
 * \return BH_OK; BH_E_INVALID (switched off: the error says by what); BH_E_CONFIG (cache.toml); BH_E_IO (no place for
 *         a folder, or one that is not private to this user); BH_E_NO_MEMORY
 */
BH_API BH_MUST_USE bh_status bh_cache_open(bh_cache **out, const bh_cache_options *options, bh_error **err);

/**
 * Where a cache would be, without making anything.
 * \param dir, decided_by  receive new strings, to be freed with bh_string_free()
 * \return as bh_cache_open()
 */
BH_API BH_MUST_USE bh_status bh_cache_locate(char **dir, char **decided_by, const bh_cache_options *options,
                                             bh_error **err);

/** Close it. NULL is allowed. */
BH_API void bh_cache_close(bh_cache *cache);

/** Its folder; lives as long as the cache. */
BH_API const char *bh_cache_dir(const bh_cache *cache);

/** What decided about the folder: "BULKHEAD_CACHE_DIR", or the path of cache.toml, ... */
BH_API const char *bh_cache_decided_by(const bh_cache *cache);

/** Counters and sizes. \return BH_OK; BH_E_IO */
BH_API BH_MUST_USE bh_status bh_cache_stats_read(bh_cache *cache, bh_cache_stats *out, bh_error **err);

/** Called for each entry until it says false. */
typedef bool bh_cache_visit(void *data, const bh_cache_entry *entry);

/** All entries, those of other engines included, in no order. \return BH_OK; BH_E_IO; BH_E_NO_MEMORY */
BH_API BH_MUST_USE bh_status bh_cache_list(bh_cache *cache, bh_cache_visit *visit, void *data, bh_error **err);

/**
 * Check every entry's checksum; damaged ones are removed, and passed to `visit` (may be NULL). One that cannot be removed
 * is neither counted nor passed on: then all others are looked at, and the first such is the error.
 * Blocks: reads the whole folder. \return BH_OK; BH_E_IO (one cannot be removed); BH_E_NO_MEMORY
 */
BH_API BH_MUST_USE bh_status bh_cache_verify(bh_cache *cache, bh_cache_visit *visit, void *data, bh_error **err);

/**
 * Remove what is over the bounds, least recently used first, what processes left half-written, and what is empty then.
 * \param max_bytes, max_age_s  0: the cache's own
 * \param removed               receives how many entries went; may be NULL
 */
BH_API BH_MUST_USE bh_status bh_cache_prune(bh_cache *cache, uint64_t max_bytes, uint64_t max_age_s, uint64_t *removed,
                                            bh_error **err);

/**
 * Write all that this build can load into one file, signed, for another machine's bh_cache_import(). A file of that name
 * is replaced when the new one is whole.
 * \param secret_key  to sign with (bh_keys_generate())
 * \param count       receives how many entries it holds; may be NULL
 * \return BH_OK; BH_E_INVALID (no key); BH_E_IO; BH_E_NO_MEMORY
 */
BH_API BH_MUST_USE bh_status bh_cache_export(bh_cache *cache, const char *path, const uint8_t *secret_key,
                                             uint64_t *count, bh_error **err);

/**
 * Take the entries of such a file, once its signature was found to be by `trusted_key` and all of it was found whole.
 * What they hold is run as it is. The file is copied into the folder first, for as long as this takes. The folder is kept
 * within its bounds.
 * \param count  receives how many were taken; may be NULL. If the disk fills meanwhile, those that were taken stay, and
 *               are counted here
 * \return BH_OK; BH_E_INVALID (no key); BH_E_UNTRUSTED; BH_E_PARSE (no bundle, or damaged); BH_E_NOT_FOUND; BH_E_IO;
 *         BH_E_NO_MEMORY
 */
BH_API BH_MUST_USE bh_status bh_cache_import(bh_cache *cache, const char *path, const uint8_t *trusted_key,
                                             uint64_t *count, bh_error **err);

/** Remove everything, counters included. Programs that run keep what they have mapped. */
BH_API BH_MUST_USE bh_status bh_cache_clear(bh_cache *cache, uint64_t *removed, bh_error **err);

BH_END

#endif
