/*
 * The disk cache. Nothing in here fails a load: what does not work is a miss, and one warning.
 *
 *     FOLDER/v1/<engine>/<sha256>.cwasm   an artifact: code compiled for that engine from bytes of that digest
 *     FOLDER/v1/<engine>/<sha256>.seen    what the artifact was when its checksum was right; its own mtime says when
 *                                         the artifact was last used
 *     FOLDER/v1/index/<device>-<inode>    what file had which digest
 *     FOLDER/v1/counters
 */
#ifndef BH_CACHE_CACHE_H
#define BH_CACHE_CACHE_H

#include <pthread.h>

#include "cache/artifact.h"
#include "cache/counters.h"
#include "cache/settings.h"

typedef void bh_cache_warn(void *data, const char *message);

/* Engines that a process has at a time are few; the folders of those beyond are opened and closed each time. */
enum { BH_CACHE_SUBFOLDERS = 8 };

typedef struct {
	char name[BH_HASH + 1];
	int fd;
} bh_subfolder;

struct bh_cache {
	bh_cache_settings settings;
	bh_counters counters;
	pthread_mutex_t lock; /* over opening, and the subfolders */
	int folder;           /* FOLDER/v1, the same number for good; -1: there is none */
	bh_subfolder subfolders[BH_CACHE_SUBFOLDERS];
	uint32_t subfolder_count;
	_Atomic int64_t flushed_s; /* when the counters were last written */
	_Atomic bool warned;
	bh_cache_warn *warn;
	void *warn_data;
};

/* For a host: looks at nothing before it is first used. */
bh_status bh_cache_new(bh_cache **out, const bh_cache_options *options, bh_cache_warn *warn, void *data,
                       bh_error **err);

/* Whether there is a folder to work with; opens it the first time. */
bool bh_cache_on(bh_cache *cache);

/* Which bytes a file has, by its identity alone. */
bool bh_cache_recall(bh_cache *cache, const bh_identity *file, uint8_t source[BH_HASH]);

/* Note that; a file that is too young is not noted. */
void bh_cache_note(bh_cache *cache, const bh_identity *file, const uint8_t source[BH_HASH]);

/*
 * Code compiled from bytes of that digest, mapped. BH_OK with NULL: there is none, or it was no good and is gone now.
 * Fails only with what compiling would fail with too: BH_E_LINK.
 */
bh_status bh_cache_find(bh_cache *cache, bh_code **out, bh_variant *variant, const uint8_t source[BH_HASH],
                        const bh_code_options *options, bh_error **err);

/* Keep code that was compiled. */
void bh_cache_keep(bh_cache *cache, const bh_code *code, bh_variant *variant, const uint8_t source[BH_HASH],
                   const char *name);

/* Tell what went wrong, once. */
void bh_cache_complain(bh_cache *cache, const char *what, int number);

/* sweep.c: keep within the bounds, if it is time. */
void bh_cache_sweep_if_due(bh_cache *cache);

/* subfolder.c: open FOLDER/v1; it is made where it does not exist. */
bh_status bh_cache_root_open(int *out, const bh_cache *cache, bh_error **err);

/*
 * A folder below FOLDER/v1, which stays open for the next who asks: opening and checking one is as dear as all else that
 * finding an artifact takes. fd is -1 with errno where there is none.
 */
typedef struct {
	int fd;
	bool close; /* there was no place to keep it */
} bh_subfolder_use;

bh_subfolder_use bh_cache_subfolder(bh_cache *cache, const char *name, bool make);
void bh_cache_subfolder_done(const bh_subfolder_use *use);
void bh_cache_subfolders_close(bh_cache *cache);

/* For one who found nothing in it: true where it was gone, and another has its number now. */
bool bh_cache_subfolder_renew(bh_cache *cache, const bh_subfolder_use *use);

/* What the folder of an engine is called. */
void bh_cache_engine_name(char out[BH_HASH_TEXT], const uint8_t engine[BH_HASH]);

/*
 * bh_folder_write() into a folder below FOLDER/v1. Others may remove that, and all of FOLDER, at any moment: then they
 * are made again. False with errno.
 */
bool bh_cache_publish(bh_cache *cache, const char *folder, const char *name, const bh_piece *pieces, size_t count,
                      bool sync, struct stat *info);

#define BH_CACHE_ARTIFACT ".cwasm"
#define BH_CACHE_SEEN ".seen"

#endif
