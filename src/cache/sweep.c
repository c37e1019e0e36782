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

#include "base/io.h"
#include "base/text.h"
#include "bulkhead/version.h"
#include "cache/cache.h"

enum {
	SWEEP_EVERY_S = 24 * 60 * 60, /* at least, where somebody compiles */
	HALF_WRITTEN_S = 60 * 60,     /* a file so old that is still half-written belongs to nobody any more */
	MAX_NAME = 256
};

/* One artifact. */
typedef struct {
	char engine[BH_HASH + 1]; /* its folder */
	char name[MAX_NAME];
	uint64_t bytes;
	int64_t used_s;
} item;

typedef struct {
	item *items;
	size_t count, capacity;
	bool no_memory;
	const char *engine; /* the folder that is being looked through */
} collection;

static bool ends_with(const char *name, const char *end)
{
	size_t length = strlen(name), tail = strlen(end);
	return length > tail && !strcmp(name + length - tail, end);
}

static bool is_temporary(const char *name)
{
	return !strncmp(name, BH_FOLDER_TEMPORARY, strlen(BH_FOLDER_TEMPORARY));
}

static bool is_engine(const char *name)
{
	return strlen(name) == BH_HASH && strspn(name, "0123456789abcdef") == BH_HASH;
}

/* The name of what is noted about an artifact. */
static void seen_of(char out[MAX_NAME + 8], const char *artifact)
{
	snprintf(out, MAX_NAME + 8, "%.*s" BH_CACHE_SEEN, (int)(strlen(artifact) - strlen(BH_CACHE_ARTIFACT)), artifact);
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

static int64_t used_at(int folder, const char *artifact, const struct stat *info)
{
	struct stat seen;
	char name[MAX_NAME + 8];
	seen_of(name, artifact);
	bool known = fstatat(folder, name, &seen, AT_SYMLINK_NOFOLLOW) == 0;
	return known && seen.st_mtim.tv_sec > info->st_mtim.tv_sec ? seen.st_mtim.tv_sec : info->st_mtim.tv_sec;
}

static void collect_artifact(void *data, int folder, const char *name)
{
	collection *all = data;
	struct stat info;
	if (!ends_with(name, BH_CACHE_ARTIFACT) || fstatat(folder, name, &info, AT_SYMLINK_NOFOLLOW) < 0)
		return;
	item *grown = bh_grow(all->items, all->count, &all->capacity, sizeof *grown);
	all->no_memory |= !grown;
	if (!grown)
		return;
	all->items = grown;
	item *one = &grown[all->count++];
	one->bytes = (uint64_t)info.st_size;
	one->used_s = used_at(folder, name, &info);
	snprintf(one->engine, sizeof one->engine, "%s", all->engine);
	snprintf(one->name, sizeof one->name, "%s", name);
}

static void collect_engine(void *data, int parent, const char *name)
{
	collection *all = data;
	all->engine = name;
	if (is_engine(name))
		each_name(parent, name, collect_artifact, all);
}

static bh_status collect(bh_cache *cache, collection *out, bh_error **err)
{
	*out = (collection){0};
	each_name(cache->folder, ".", collect_engine, out);
	if (!out->no_memory)
		return BH_OK;
	bh_free(out->items);
	*out = (collection){0};
	return bh_fail_memory(err);
}

/* False with errno: ENOENT where somebody else was first, else it is still there. */
static bool remove_item(const bh_cache *cache, const item *one)
{
	char name[MAX_NAME + 8];
	__attribute__((cleanup(bh_close_auto))) int folder = bh_folder_open_in(cache->folder, one->engine, false);
	if (folder < 0 || unlinkat(folder, one->name, 0) < 0)
		return false;
	seen_of(name, one->name);
	unlinkat(folder, name, 0);
	return true;
}

static int by_use(const void *a, const void *b)
{
	int64_t first = ((const item *)a)->used_s, second = ((const item *)b)->used_s;
	return (first > second) - (first < second);
}

/* What was never finished; and what is noted about an artifact that is gone. */
static void sweep_leftover(void *data, int folder, const char *name)
{
	(void)data;
	struct stat info;
	char artifact[MAX_NAME + 8];
	if (is_temporary(name) && fstatat(folder, name, &info, AT_SYMLINK_NOFOLLOW) == 0 &&
	    time(NULL) - info.st_mtim.tv_sec > HALF_WRITTEN_S)
		unlinkat(folder, name, 0);
	if (!ends_with(name, BH_CACHE_SEEN))
		return;
	/* Should one be put there just now, its checksum is looked at once more than it had to be. */
	snprintf(artifact, sizeof artifact, "%.*s" BH_CACHE_ARTIFACT, (int)(strlen(name) - strlen(BH_CACHE_SEEN)), name);
	if (fstatat(folder, artifact, &info, AT_SYMLINK_NOFOLLOW) < 0 && errno == ENOENT)
		unlinkat(folder, name, 0);
}

static void sweep_engine(void *data, int parent, const char *name)
{
	if (!is_engine(name))
		return;
	each_name(parent, name, sweep_leftover, data);
	/* Only where nothing is left. Who is about to put something there makes it again: bh_cache_publish(). */
	unlinkat(parent, name, AT_REMOVEDIR);
}

/* Notes about files that were not looked at for so long; and those that were never finished. */
static void sweep_note(void *data, int folder, const char *name)
{
	struct stat info;
	int64_t age = is_temporary(name) ? HALF_WRITTEN_S : *(const int64_t *)data;
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
		bool removed_one = remove_item(cache, &all.items[i]);
		if (!removed_one && errno != ENOENT)
			continue; /* it still takes its place */
		total -= all.items[i].bytes;
		gone += removed_one;
	}
	bh_free(all.items);
	each_name(cache->folder, ".", sweep_engine, NULL);
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

/* `more`: whether that is wanted. */
static bh_status show(const bh_cache *cache, const item *one, const bh_record *record, bh_cache_visit *visit,
                      void *data, bool *more, bh_error **err)
{
	char source[BH_HASH_TEXT];
	BH_AUTO(bh_free) char *path = bh_format("%s/v1/%s/%s", cache->settings.folder, one->engine, one->name);
	if (!path)
		return bh_fail_memory(err);
	snprintf(source, sizeof source, "%.*s", BH_HASH * 2, one->name);
	bh_cache_entry entry = {
		.path = path,
		.source = source,
		.name = record ? record->name : "",
		.engine = record ? record->engine_text : "",
		.current = record && !strncmp(record->engine_text, bh_engine_version(), strlen(bh_engine_version())),
		.bytes = one->bytes,
		.compile_ns = record ? record->compile_ns : 0,
		.created_s = record ? record->created_s : 0,
		.used_s = one->used_s,
	};
	*more = visit(data, &entry);
	return BH_OK;
}

bh_status bh_cache_list(bh_cache *cache, bh_cache_visit *visit, void *data, bh_error **err)
{
	collection all;
	bh_status status = collect(cache, &all, err);
	bool more = true;
	for (size_t i = 0; i < all.count && more && !status; i++) {
		bh_record record;
		__attribute__((cleanup(bh_close_auto))) int fd;
		bool readable = describe(cache, &all.items[i], &record, &fd);
		status = show(cache, &all.items[i], readable ? &record : NULL, visit, data, &more, err);
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

/* Damaged, as far as can be told; and not gone or replaced meanwhile. */
static bool is_damaged(const bh_cache *cache, const item *one, bh_record *record, bool *readable)
{
	__attribute__((cleanup(bh_close_auto))) int fd;
	errno = 0;
	*readable = describe(cache, one, record, &fd);
	bh_check found = *readable ? bh_record_check(record, fd, 0) : BH_CHECK_BAD;
	/* Gone, or not to be read just now: neither is damage. */
	bool something_else = fd < 0 && (errno == ELOOP || errno == EPERM || errno == ENXIO);
	return found == BH_CHECK_BAD && (fd >= 0 || something_else) && still_there(cache, one, fd);
}

static bh_status cannot_remove(const bh_cache *cache, const item *one, int number, bh_error **err)
{
	return bh_fail_errno(err, BH_E_IO, number, "%s/v1/%s/%s: damaged, and cannot be removed", cache->settings.folder,
	                     one->engine, one->name);
}

bh_status bh_cache_verify(bh_cache *cache, bh_cache_visit *visit, void *data, bh_error **err)
{
	collection all;
	bh_status status = collect(cache, &all, err), stuck = BH_OK;
	bool more = true;
	for (size_t i = 0; i < all.count && more && !status; i++) {
		bh_record record;
		bool readable;
		if (!is_damaged(cache, &all.items[i], &record, &readable))
			continue;
		if (remove_item(cache, &all.items[i])) {
			bh_counters_add(&cache->counters, BH_COUNTER_corrupt, 1);
			if (visit)
				status = show(cache, &all.items[i], readable ? &record : NULL, visit, data, &more, stuck ? NULL : err);
		} else if (errno != ENOENT && !stuck) {
			stuck = cannot_remove(cache, &all.items[i], errno, err);
		}
	}
	bh_free(all.items);
	return stuck ? stuck : status;
}

static void remove_name(void *data, int folder, const char *name)
{
	uint64_t *artifacts = data;
	if (unlinkat(folder, name, 0) == 0 && ends_with(name, BH_CACHE_ARTIFACT))
		++*artifacts;
}

static void remove_engine(void *data, int parent, const char *name)
{
	if (!is_engine(name))
		return;
	each_name(parent, name, remove_name, data);
	unlinkat(parent, name, AT_REMOVEDIR);
}

bh_status bh_cache_clear(bh_cache *cache, uint64_t *removed, bh_error **err)
{
	uint64_t gone = 0;
	(void)err;
	each_name(cache->folder, ".", remove_engine, &gone);
	each_name(cache->folder, "index", remove_name, &gone);
	unlinkat(cache->folder, "index", AT_REMOVEDIR);
	unlinkat(cache->folder, "counters", 0);
	if (removed)
		*removed = gone;
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
