#include "cache/cache.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/io.h"

/* When an artifact was used is written down this often, not at each use. */
enum { USED_EVERY_S = 60 * 60 };

bh_status bh_cache_new(bh_cache **out, const bh_cache_options *options, bh_cache_warn *warn, void *data, bh_error **err)
{
	bh_cache *cache = bh_calloc(1, sizeof *cache);
	if (!cache)
		return bh_fail_memory(err);
	cache->folder = -1;
	cache->warn = warn;
	cache->warn_data = data;
	pthread_mutex_init(&cache->lock, NULL);
	bh_status status = bh_cache_settings_decide(&cache->settings, options, err);
	*out = cache;
	return status;
}

void bh_cache_close(bh_cache *cache)
{
	if (!cache)
		return;
	if (cache->folder >= 0) {
		bh_counters_flush(&cache->counters, cache->folder, NULL);
		bh_cache_subfolders_close(cache);
		close(cache->folder);
	}
	bh_cache_settings_deinit(&cache->settings);
	pthread_mutex_destroy(&cache->lock);
	bh_free(cache);
}

void bh_cache_complain(bh_cache *cache, const char *what, int number)
{
	char text[300];
	if (atomic_exchange(&cache->warned, true) || !cache->warn)
		return;
	if (number)
		snprintf(text, sizeof text, "compile cache: %s: %s", what, strerrordesc_np(number));
	else
		snprintf(text, sizeof text, "compile cache: %s", what);
	cache->warn(cache->warn_data, text);
}

bool bh_cache_on(bh_cache *cache)
{
	if (!cache || !cache->settings.enabled || !cache->settings.folder)
		return false;
	BH_AUTO(bh_error_free) bh_error *why = NULL;
	bh_status status = BH_OK;
	pthread_mutex_lock(&cache->lock);
	/* Tried again each time it could not be had: somebody may just have removed it, or may mend what is wrong. */
	if (cache->folder < 0)
		status = bh_cache_root_open(&cache->folder, cache, &why);
	int folder = cache->folder;
	pthread_mutex_unlock(&cache->lock);
	if (status)
		bh_cache_complain(cache, why ? bh_error_message(why) : "no memory", 0);
	return folder >= 0;
}

/* Whether there is to be a cache, and a place for it. */
static bh_status has_place(const bh_cache_settings *settings, bh_error **err)
{
	if (!settings->enabled)
		return bh_fail(err, BH_E_INVALID, "the compile cache is switched off by %s",
		               settings->decided_by ? settings->decided_by : "options");
	if (settings->folder)
		return BH_OK;
	bh_error *e = bh_error_begin(err, BH_E_IO, "there is no place for a compile cache: HOME is not set");
	bh_error_hint_set(e, "Name a folder with BULKHEAD_CACHE_DIR.");
	return BH_E_IO;
}

bh_status bh_cache_locate(char **dir, char **decided_by, const bh_cache_options *options, bh_error **err)
{
	bh_cache_settings settings;
	bh_status status = bh_cache_settings_decide(&settings, options, err);
	if (!status)
		status = has_place(&settings, err);
	if (!status) {
		*dir = BH_TAKE(settings.folder);
		*decided_by = BH_TAKE(settings.decided_by);
	}
	bh_cache_settings_deinit(&settings);
	return status;
}

bh_status bh_cache_open(bh_cache **out, const bh_cache_options *options, bh_error **err)
{
	bh_cache *cache = NULL;
	bh_status status = bh_cache_new(&cache, options, NULL, NULL, err);
	if (!status)
		status = has_place(&cache->settings, err);
	if (!status)
		status = bh_cache_root_open(&cache->folder, cache, err);
	if (status) {
		bh_cache_close(cache);
		return status;
	}
	*out = cache;
	return BH_OK;
}

const char *bh_cache_dir(const bh_cache *cache)
{
	return cache->settings.folder;
}

const char *bh_cache_decided_by(const bh_cache *cache)
{
	return cache->settings.decided_by;
}

/* The index. */

typedef struct {
	char magic[8];
	bh_identity file;
	uint8_t source[BH_HASH];
	uint8_t seal[BH_HASH];
} index_entry;

static const char index_magic[8] = "bh-idx1";

static void index_name(char out[60], const bh_identity *file)
{
	snprintf(out, 60, "%" PRIx64 "-%" PRIx64, file->device, file->inode);
}

static void index_seal(uint8_t out[BH_HASH], const index_entry *entry)
{
	bh_hash_blake2(out, entry, offsetof(index_entry, seal));
}

bool bh_cache_recall(bh_cache *cache, const bh_identity *file, uint8_t source[BH_HASH])
{
	char name[60];
	struct stat info;
	index_entry entry;
	uint8_t seal[BH_HASH];
	if (!bh_cache_on(cache) || bh_identity_young(file))
		return false;
	index_name(name, file);
	__attribute__((cleanup(bh_cache_subfolder_done))) bh_subfolder_use index =
		bh_cache_subfolder(cache, "index", false);
	if (index.fd < 0 || !bh_folder_read(index.fd, name, &entry, sizeof entry, &info) ||
	    memcmp(entry.magic, index_magic, sizeof index_magic) != 0 || !bh_identity_same(&entry.file, file))
		return false;
	index_seal(seal, &entry);
	if (memcmp(seal, entry.seal, sizeof seal) != 0)
		return false;
	memcpy(source, entry.source, BH_HASH);
	return true;
}

void bh_cache_note(bh_cache *cache, const bh_identity *file, const uint8_t source[BH_HASH])
{
	char name[60];
	index_entry entry = {.file = *file};
	if (!bh_cache_on(cache) || bh_identity_young(file))
		return;
	memcpy(entry.magic, index_magic, sizeof index_magic);
	memcpy(entry.source, source, BH_HASH);
	index_seal(entry.seal, &entry);
	index_name(name, file);
	bh_piece piece = {.data = &entry, .length = sizeof entry};
	if (!bh_cache_publish(cache, "index", name, &piece, 1, false, NULL))
		bh_cache_complain(cache, "what was compiled cannot be noted", errno);
}

/* Artifacts. */

typedef struct {
	bh_cache *cache;
	bh_variant *variant;
	const uint8_t *source;
	bh_subfolder_use folder;
	char engine[BH_HASH_TEXT]; /* the folder's name */
	char artifact[BH_HASH_TEXT + 8];
	char seen[BH_HASH_TEXT + 8];
} place;

static void place_close(const place *p)
{
	bh_cache_subfolder_done(&p->folder);
}

/* The folder need not be there. */
static place find_place(bh_cache *cache, bh_variant *variant, const uint8_t source[BH_HASH])
{
	char text[BH_HASH_TEXT];
	bh_hash_text(text, source);
	place p = {.cache = cache, .variant = variant, .source = source};
	bh_cache_engine_name(p.engine, bh_variant_identity(variant));
	snprintf(p.artifact, sizeof p.artifact, "%s" BH_CACHE_ARTIFACT, text);
	snprintf(p.seen, sizeof p.seen, "%s" BH_CACHE_SEEN, text);
	p.folder = bh_cache_subfolder(cache, p.engine, false);
	return p;
}

static void note_seen(const place *p, const bh_identity *identity)
{
	bh_piece piece = {.data = identity, .length = sizeof *identity};
	(void)!bh_cache_publish(p->cache, p->engine, p->seen, &piece, 1, false, NULL);
}

/* Whether the file is as it was when its checksum was right; also notes that it is used. */
static bool was_seen(const place *p, const bh_identity *identity)
{
	bh_identity before;
	struct stat info;
	if (!bh_folder_read(p->folder.fd, p->seen, &before, sizeof before, &info) || !bh_identity_same(&before, identity))
		return false;
	if (time(NULL) - info.st_mtim.tv_sec > USED_EVERY_S)
		(void)utimensat(p->folder.fd, p->seen, NULL, AT_SYMLINK_NOFOLLOW);
	return true;
}

static bool fits(const place *p, const bh_record *record)
{
	return !memcmp(record->engine, bh_variant_identity(p->variant), BH_HASH) &&
	       !memcmp(record->source, p->source, BH_HASH);
}

static bh_check check(const place *p, const bh_record *record, int fd, const struct stat *info)
{
	bh_identity identity = bh_identity_of(info);
	if (!fits(p, record))
		return BH_CHECK_BAD;
	if (was_seen(p, &identity))
		return BH_CHECK_GOOD;
	bh_check found = bh_record_check(record, fd, 0);
	if (found == BH_CHECK_GOOD)
		note_seen(p, &identity);
	return found;
}

/* Damaged, or not what its name says: the next one who compiles it puts a good one there. */
static void discard(const place *p)
{
	bh_counters_add(&p->cache->counters, BH_COUNTER_corrupt, 1);
	unlinkat(p->folder.fd, p->artifact, 0);
	unlinkat(p->folder.fd, p->seen, 0);
	bh_cache_complain(p->cache, "a damaged entry was found, and is replaced", 0);
}

static bh_status map(const place *p, bh_code **out, const bh_code_options *options, bh_error **err)
{
	struct stat info;
	bh_record record;
	__attribute__((cleanup(bh_close_auto))) int fd = bh_folder_file(p->folder.fd, p->artifact, &info);
	if (fd < 0 && errno == ENOENT && bh_cache_subfolder_renew(p->cache, &p->folder))
		fd = bh_folder_file(p->folder.fd, p->artifact, &info);
	if (fd < 0) {
		/* Something else is in its place. Without descriptors or memory, nothing is known of it. */
		if (errno == ELOOP || errno == EPERM || errno == ENXIO)
			discard(p);
		return BH_OK;
	}
	bh_check found = bh_record_read(&record, fd, &info) ? check(p, &record, fd, &info) : BH_CHECK_BAD;
	if (found == BH_CHECK_BAD)
		discard(p);
	if (found != BH_CHECK_GOOD)
		return BH_OK;
	/* A module that may not be wrapped gets the compiler's words about it. */
	if (record.wrapped && !options->wrap)
		return BH_OK;
	BH_AUTO(bh_error_free) bh_error *why = NULL;
	bh_code_info known = bh_record_info(&record);
	bh_status status = bh_code_map(out, p->variant, fd, &known, options->linking, &why);
	if (!status)
		bh_counters_add(&p->cache->counters, BH_COUNTER_saved_ns, record.compile_ns);
	if (status != BH_E_LINK)
		return BH_OK;
	if (err)
		*err = BH_TAKE(why);
	return status;
}

/* Once a second at most: a process that ends without a word loses no more than that. */
static void flush_now_and_then(bh_cache *cache)
{
	int64_t now = time(NULL);
	if (atomic_exchange_explicit(&cache->flushed_s, now, memory_order_relaxed) != now)
		bh_counters_flush(&cache->counters, cache->folder, NULL);
}

bh_status bh_cache_find(bh_cache *cache, bh_code **out, bh_variant *variant, const uint8_t source[BH_HASH],
                        const bh_code_options *options, bh_error **err)
{
	*out = NULL;
	if (!bh_cache_on(cache))
		return BH_OK;
	__attribute__((cleanup(place_close))) place p = find_place(cache, variant, source);
	bh_status status = p.folder.fd >= 0 ? map(&p, out, options, err) : BH_OK;
	bh_counters_add(&cache->counters, *out ? BH_COUNTER_hits : BH_COUNTER_misses, 1);
	flush_now_and_then(cache);
	return status;
}

void bh_cache_keep(bh_cache *cache, const bh_code *code, bh_variant *variant, const uint8_t source[BH_HASH],
                   const char *name)
{
	BH_AUTO(bh_free) void *bytes = NULL;
	size_t length;
	bh_record record;
	struct stat info;
	if (!bh_cache_on(cache) || bh_code_serialize(code, &bytes, &length, NULL))
		return;
	bh_record_fill(&record, code, variant, source, name, bytes, length);
	bh_record_seal(&record);
	const bh_piece pieces[] = {{.data = bytes, .length = length}, {.data = &record, .length = sizeof record}};
	__attribute__((cleanup(place_close))) place p = find_place(cache, variant, source);
	if (!bh_cache_publish(cache, p.engine, p.artifact, pieces, BH_COUNT(pieces), true, &info)) {
		bh_cache_complain(cache, "compiled code cannot be kept", errno);
		return;
	}
	bh_identity identity = bh_identity_of(&info);
	note_seen(&p, &identity);
	bh_counters_add(&cache->counters, BH_COUNTER_written, length + sizeof record);
	bh_cache_sweep_if_due(cache);
}
