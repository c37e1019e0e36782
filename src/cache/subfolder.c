#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cache/cache.h"

static bool is_gone(int fd)
{
	struct stat info;
	return fstat(fd, &info) < 0 || info.st_nlink == 0;
}

/* Somebody cleared the cache. Those who still look into the old folder under this number find the new one. */
static void renew(const bh_cache *cache, const bh_subfolder *kept)
{
	int fd = bh_folder_open_in(cache->folder, kept->name, true);
	if (fd < 0)
		return;
	(void)!dup3(fd, kept->fd, O_CLOEXEC);
	close(fd);
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
	int fd = bh_folder_open_in(cache->folder, name, make);
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
	/* Only one who writes needs to know: in a folder that is gone there is nothing to be found either. */
	if (kept && make && is_gone(kept->fd))
		renew(cache, kept);
	bh_subfolder_use use = kept ? (bh_subfolder_use){kept->fd, false} : open_one(cache, name, make);
	int number = errno;
	pthread_mutex_unlock(&cache->lock);
	errno = number;
	return use;
}

bh_subfolder_use bh_cache_engine_folder(bh_cache *cache, const uint8_t engine[BH_HASH], bool make)
{
	char name[BH_HASH_TEXT];
	bh_hash_text(name, engine);
	name[BH_HASH] = '\0'; /* half of it is enough for a name; the record has all */
	return bh_cache_subfolder(cache, name, make);
}

void bh_cache_subfolder_done(const bh_subfolder_use *use)
{
	int number = errno;
	if (use->close)
		close(use->fd);
	errno = number;
}

void bh_cache_subfolders_close(bh_cache *cache)
{
	for (uint32_t i = 0; i < cache->subfolder_count; i++)
		close(cache->subfolders[i].fd);
	cache->subfolder_count = 0;
}
