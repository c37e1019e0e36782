/* FOLDER/v1 and the folders in it: kept open, and made again where somebody removed them. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/io.h"
#include "cache/cache.h"

/* So often in a row nobody removes a folder between its making and the first file in it. */
enum { MOST_TRIES = 32 };

bh_status bh_cache_root_open(int *out, const bh_cache *cache, bh_error **err)
{
	__attribute__((cleanup(bh_close_auto))) int base = -1;
	bh_status status = bh_folder_open(&base, cache->settings.folder, err);
	if (status)
		return status;
	int fd = bh_folder_open_in(base, "v1", true);
	if (fd < 0)
		return bh_fail_errno(err, BH_E_IO, errno, "%s/v1", cache->settings.folder);
	*out = fd;
	return BH_OK;
}

static bool is_gone(int fd)
{
	struct stat info;
	return fstat(fd, &info) < 0 || info.st_nlink == 0;
}

/* Those who are just looking into the old folder under this number find the new one. */
static bool replace(int number, int fd)
{
	bool replaced = dup3(fd, number, O_CLOEXEC) >= 0;
	close(fd);
	return replaced;
}

static bool renew_root(const bh_cache *cache)
{
	int fd = -1;
	return is_gone(cache->folder) && !bh_cache_root_open(&fd, cache, NULL) && replace(cache->folder, fd);
}

static int open_in(const bh_cache *cache, const char *name, bool make)
{
	int fd = bh_folder_open_in(cache->folder, name, make);
	if (fd < 0 && errno == ENOENT && renew_root(cache))
		fd = bh_folder_open_in(cache->folder, name, make);
	return fd;
}

static bool renew(const bh_cache *cache, const bh_subfolder *kept, bool make)
{
	int fd = open_in(cache, kept->name, make);
	return fd >= 0 && replace(kept->fd, fd);
}

static const bh_subfolder *find(const bh_cache *cache, const char *name)
{
	for (uint32_t i = 0; i < cache->subfolder_count; i++)
		if (!strcmp(cache->subfolders[i].name, name))
			return &cache->subfolders[i];
	return NULL;
}

static bh_subfolder_use open_one(bh_cache *cache, const char *name, bool make)
{
	int fd = open_in(cache, name, make);
	bool keep = fd >= 0 && cache->subfolder_count < BH_CACHE_SUBFOLDERS;
	if (keep) {
		bh_subfolder *place = &cache->subfolders[cache->subfolder_count++];
		place->fd = fd;
		snprintf(place->name, sizeof place->name, "%s", name);
	}
	return (bh_subfolder_use){fd, fd >= 0 && !keep};
}

bh_subfolder_use bh_cache_subfolder(bh_cache *cache, const char *name, bool make)
{
	pthread_mutex_lock(&cache->lock);
	const bh_subfolder *kept = find(cache, name);
	/* One who only looks finds nothing in a folder that is gone, and asks then: bh_cache_subfolder_renew(). */
	if (kept && make && is_gone(kept->fd))
		(void)!renew(cache, kept, true);
	bh_subfolder_use use = kept ? (bh_subfolder_use){kept->fd, false} : open_one(cache, name, make);
	int number = errno;
	pthread_mutex_unlock(&cache->lock);
	errno = number;
	return use;
}

bool bh_cache_subfolder_renew(bh_cache *cache, const bh_subfolder_use *use)
{
	bool renewed = false;
	pthread_mutex_lock(&cache->lock);
	for (uint32_t i = 0; i < cache->subfolder_count && !use->close && !renewed; i++)
		if (cache->subfolders[i].fd == use->fd && is_gone(use->fd))
			renewed = renew(cache, &cache->subfolders[i], false);
	pthread_mutex_unlock(&cache->lock);
	return renewed;
}

void bh_cache_engine_name(char out[BH_HASH_TEXT], const uint8_t engine[BH_HASH])
{
	bh_hash_text(out, engine);
	out[BH_HASH] = '\0'; /* half of it is enough for a name; the record has all */
}

void bh_cache_subfolder_done(const bh_subfolder_use *use)
{
	int number = errno;
	if (use->close)
		close(use->fd);
	errno = number;
}

bool bh_cache_publish(bh_cache *cache, const char *folder, const char *name, const bh_piece *pieces, size_t count,
                      bool sync, struct stat *info)
{
	for (int i = 0; i < MOST_TRIES; i++) {
		__attribute__((cleanup(bh_cache_subfolder_done))) bh_subfolder_use use =
			bh_cache_subfolder(cache, folder, true);
		if (use.fd >= 0 && bh_folder_write(use.fd, name, pieces, count, sync, info) == 0)
			return true;
		if (errno != ENOENT)
			break;
	}
	return false;
}

void bh_cache_subfolders_close(bh_cache *cache)
{
	for (uint32_t i = 0; i < cache->subfolder_count; i++)
		close(cache->subfolders[i].fd);
	cache->subfolder_count = 0;
}
