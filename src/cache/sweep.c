/* Going through the folder: to list, to check, to keep within the bounds, to clear. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/text.h"
#include "bulkhead/version.h"
#include "cache/cache.h"

enum {
	SWEEP_EVERY_S = 24 * 60 * 60, /* at least, where somebody compiles */
	HALF_WRITTEN_S = 60 * 60,     /* a file so old that is still half-written belongs to nobody any more */
	MAX_NAME = 256
};

/* One artifact, or one file that is no artifact but belongs to the cache. */
typedef struct {
	char engine[BH_HASH + 1]; /* folder; empty for the index */
	char name[MAX_NAME];
	uint64_t bytes;
	int64_t used_s;
} item;

typedef struct {
	item *items;
	size_t count, capacity;
	bool no_memory;
} collection;

static bool ends_with(const char *name, const char *end)
{
	size_t length = strlen(name), tail = strlen(end);
	return length > tail && !strcmp(name + length - tail, end);
}

/* Calls `visit` for each name in a folder below FOLDER/v1. */
static void each_name(int parent, const char *folder, void (*visit)(void *data, int folder, const char *name),
                      void *data)
{
	int fd = bh_folder_open_in(parent, folder, false);
	DIR *dir = fd >= 0 ? fdopendir(fd) : NULL;
	if (!dir) {
		bh_close_auto(&fd);
		return;
	}
	for (struct dirent *entry; (entry = readdir(dir));)
		if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0 && strlen(entry->d_name) < MAX_NAME)
			visit(data, dirfd(dir), entry->d_name);
	closedir(dir);
}

static void collect_engine(void *data, int parent, const char *name)
{
	(void)parent;
	collection *engines = data;
	if (strlen(name) != BH_HASH || strspn(name, "0123456789abcdef") != BH_HASH)
		return;
	item *grown = bh_grow(engines->items, engines->count, &engines->capacity, sizeof *grown);
	engines->no_memory |= !grown;
	if (!grown)
		return;
	engines->items = grown;
	item *one = &grown[engines->count++];
	*one = (item){0};
	snprintf(one->name, sizeof one->name, "%s", name);
}

typedef struct {
	collection *into;
	const char *engine;
	bh_cache *cache;
} collecting;

static int64_t used_at(int folder, const char *artifact, const struct stat *info)
{
	struct stat seen;
	char name[MAX_NAME + 8];
	snprintf(name, sizeof name, "%.*s" BH_CACHE_SEEN, (int)(strlen(artifact) - strlen(BH_CACHE_ARTIFACT)), artifact);
	bool known = fstatat(folder, name, &seen, AT_SYMLINK_NOFOLLOW) == 0;
	return known && seen.st_mtim.tv_sec > info->st_mtim.tv_sec ? seen.st_mtim.tv_sec : info->st_mtim.tv_sec;
}

static void collect_artifact(void *data, int folder, const char *name)
{
	const collecting *c = data;
	struct stat info;
	if (fstatat(folder, name, &info, AT_SYMLINK_NOFOLLOW) < 0)
		return;
	if (!strncmp(name, BH_FOLDER_TEMPORARY, strlen(BH_FOLDER_TEMPORARY)) &&
	    time(NULL) - info.st_mtim.tv_sec > HALF_WRITTEN_S)
		unlinkat(folder, name, 0);
	if (!ends_with(name, BH_CACHE_ARTIFACT))
		return;
	item *grown = bh_grow(c->into->items, c->into->count, &c->into->capacity, sizeof *grown);
	c->into->no_memory |= !grown;
	if (!grown)
		return;
	c->into->items = grown;
	item *one = &grown[c->into->count++];
	one->bytes = (uint64_t)info.st_size;
	one->used_s = used_at(folder, name, &info);
	snprintf(one->engine, sizeof one->engine, "%s", c->engine);
	snprintf(one->name, sizeof one->name, "%s", name);
}

static bh_status collect(bh_cache *cache, collection *out, bh_error **err)
{
	collection engines = {0};
	*out = (collection){0};
	each_name(cache->folder, ".", collect_engine, &engines);
	for (size_t i = 0; i < engines.count; i++)
		each_name(cache->folder, engines.items[i].name, collect_artifact,
		          &(collecting){out, engines.items[i].name, cache});
	bh_free(engines.items);
	if (!engines.no_memory && !out->no_memory)
		return BH_OK;
	bh_free(out->items);
	*out = (collection){0};
	return bh_fail_memory(err);
}

static void remove_item(const bh_cache *cache, const item *one)
{
	char name[MAX_NAME + 8];
	__attribute__((cleanup(bh_close_auto))) int folder = bh_folder_open_in(cache->folder, one->engine, false);
	if (folder < 0)
		return;
	unlinkat(folder, one->name, 0);
	snprintf(name, sizeof name, "%.*s" BH_CACHE_SEEN, (int)(strlen(one->name) - strlen(BH_CACHE_ARTIFACT)), one->name);
	unlinkat(folder, name, 0);
}

static int by_use(const void *a, const void *b)
{
	int64_t first = ((const item *)a)->used_s, second = ((const item *)b)->used_s;
	return (first > second) - (first < second);
}

/* Notes about files that were not looked at for so long; and those that were never finished. */
static void sweep_note(void *data, int folder, const char *name)
{
	struct stat info;
	int64_t age = *(const int64_t *)data;
	if (!strncmp(name, BH_FOLDER_TEMPORARY, strlen(BH_FOLDER_TEMPORARY)))
		age = HALF_WRITTEN_S;
	if (fstatat(folder, name, &info, AT_SYMLINK_NOFOLLOW) == 0 && time(NULL) - info.st_mtim.tv_sec > age)
		unlinkat(folder, name, 0);
}

bh_status bh_cache_prune(bh_cache *cache, uint64_t max_bytes, uint64_t max_age_s, uint64_t *removed, bh_error **err)
{
	collection all;
	uint64_t gone = 0, total = 0, most = max_bytes ? max_bytes : cache->settings.max_bytes;
	uint64_t oldest = max_age_s ? max_age_s : cache->settings.max_age_s;
	int64_t age = oldest > INT64_MAX ? INT64_MAX : (int64_t)oldest, now = time(NULL);
	bh_status status = collect(cache, &all, err);
	if (status)
		return status;
	if (all.count)
		qsort(all.items, all.count, sizeof *all.items, by_use);
	for (size_t i = 0; i < all.count; i++)
		total += all.items[i].bytes;
	for (size_t i = 0; i < all.count && (total > most || now - all.items[i].used_s > age); i++) {
		remove_item(cache, &all.items[i]);
		total -= all.items[i].bytes;
		gone++;
	}
	bh_free(all.items);
	each_name(cache->folder, "index", sweep_note, &age);
	bh_counters_add(&cache->counters, BH_COUNTER_evicted, gone);
	bh_counters_swept(&cache->counters, cache->folder);
	if (removed)
		*removed = gone;
	return BH_OK;
}

void bh_cache_sweep_if_due(bh_cache *cache)
{
	uint64_t values[BH_COUNTER_COUNT];
	/* What was written since the last time is at most a tenth over the bound before it is noticed. */
	/* Without the file nobody knows: now and then is often enough then. */
	if (!bh_counters_flush(&cache->counters, cache->folder, values) && time(NULL) % 64)
		return;
	bool large = values[BH_COUNTER_written] > cache->settings.max_bytes / 10;
	bool late = (uint64_t)time(NULL) - values[BH_COUNTER_swept_s] > SWEEP_EVERY_S;
	if (large || late)
		(void)!bh_cache_prune(cache, 0, 0, NULL, NULL);
}

/* What an artifact says of itself. */
static bool describe(const bh_cache *cache, const item *one, bh_record *record, int *fd)
{
	struct stat info;
	__attribute__((cleanup(bh_close_auto))) int folder = bh_folder_open_in(cache->folder, one->engine, false);
	*fd = folder >= 0 ? bh_folder_file(folder, one->name, &info) : -1;
	return *fd >= 0 && bh_record_read(record, *fd, &info);
}

static bool show(const bh_cache *cache, const item *one, const bh_record *record, bh_cache_visit *visit, void *data)
{
	char source[BH_HASH_TEXT];
	BH_AUTO(bh_free) char *path = bh_format("%s/v1/%s/%s", cache->settings.folder, one->engine, one->name);
	snprintf(source, sizeof source, "%.*s", BH_HASH * 2, one->name);
	bh_cache_entry entry = {
		.path = path ? path : "",
		.source = source,
		.name = record ? record->name : "",
		.engine = record ? record->engine_text : "",
		.current = record && !strncmp(record->engine_text, bh_engine_version(), strlen(bh_engine_version())),
		.bytes = one->bytes,
		.compile_ns = record ? record->compile_ns : 0,
		.created_s = record ? record->created_s : 0,
		.used_s = one->used_s,
	};
	return visit(data, &entry);
}

bh_status bh_cache_list(bh_cache *cache, bh_cache_visit *visit, void *data, bh_error **err)
{
	collection all;
	bh_status status = collect(cache, &all, err);
	bool more = true;
	for (size_t i = 0; i < all.count && more; i++) {
		bh_record record;
		__attribute__((cleanup(bh_close_auto))) int fd;
		more = show(cache, &all.items[i], describe(cache, &all.items[i], &record, &fd) ? &record : NULL, visit, data);
	}
	bh_free(all.items);
	return status;
}

/* Whether the name still means the file that is open: another process may have put a good one there. */
static bool still_there(const bh_cache *cache, const item *one, int fd)
{
	struct stat open_one, named;
	__attribute__((cleanup(bh_close_auto))) int folder = bh_folder_open_in(cache->folder, one->engine, false);
	if (fd < 0)
		return folder >= 0;
	return folder >= 0 && fstat(fd, &open_one) == 0 && fstatat(folder, one->name, &named, AT_SYMLINK_NOFOLLOW) == 0 &&
	       open_one.st_ino == named.st_ino && open_one.st_dev == named.st_dev;
}

bh_status bh_cache_verify(bh_cache *cache, bh_cache_visit *visit, void *data, bh_error **err)
{
	collection all;
	bh_status status = collect(cache, &all, err);
	bool more = true;
	for (size_t i = 0; i < all.count && more; i++) {
		bh_record record;
		__attribute__((cleanup(bh_close_auto))) int fd;
		errno = 0;
		bool readable = describe(cache, &all.items[i], &record, &fd);
		bh_check found = readable ? bh_record_check(&record, fd) : BH_CHECK_BAD;
		/* Gone meanwhile, or not to be read just now: neither is damage. */
		bool something_else = fd < 0 && (errno == ELOOP || errno == EPERM || errno == ENXIO);
		if (found != BH_CHECK_BAD || (fd < 0 && !something_else) || !still_there(cache, &all.items[i], fd))
			continue;
		remove_item(cache, &all.items[i]);
		bh_counters_add(&cache->counters, BH_COUNTER_corrupt, 1);
		more = !visit || show(cache, &all.items[i], readable ? &record : NULL, visit, data);
	}
	bh_free(all.items);
	return status;
}

static void remove_name(void *data, int folder, const char *name)
{
	(void)data;
	unlinkat(folder, name, 0);
}

bh_status bh_cache_clear(bh_cache *cache, uint64_t *removed, bh_error **err)
{
	collection all, engines = {0};
	bh_status status = collect(cache, &all, err);
	if (status)
		return status;
	each_name(cache->folder, ".", collect_engine, &engines);
	for (size_t i = 0; i < engines.count; i++) {
		each_name(cache->folder, engines.items[i].name, remove_name, NULL);
		unlinkat(cache->folder, engines.items[i].name, AT_REMOVEDIR);
	}
	each_name(cache->folder, "index", remove_name, NULL);
	unlinkat(cache->folder, "index", AT_REMOVEDIR);
	unlinkat(cache->folder, "counters", 0);
	if (removed)
		*removed = all.count;
	bh_free(engines.items);
	bh_free(all.items);
	return BH_OK;
}

bh_status bh_cache_stats_read(bh_cache *cache, bh_cache_stats *out, bh_error **err)
{
	collection all;
	uint64_t values[BH_COUNTER_COUNT];
	bh_status status = collect(cache, &all, err);
	if (status)
		return status;
	bh_counters_flush(&cache->counters, cache->folder, values);
	bh_cache_stats stats = {
		.struct_size = out->struct_size,
		.hits = values[BH_COUNTER_hits],
		.misses = values[BH_COUNTER_misses],
		.corrupt = values[BH_COUNTER_corrupt],
		.evicted = values[BH_COUNTER_evicted],
		.saved_ns = values[BH_COUNTER_saved_ns],
		.entries = all.count,
	};
	for (size_t i = 0; i < all.count; i++)
		stats.bytes += all.items[i].bytes;
	bh_free(all.items);
	memcpy(out, &stats, out->struct_size && out->struct_size < sizeof stats ? out->struct_size : sizeof stats);
	return BH_OK;
}
