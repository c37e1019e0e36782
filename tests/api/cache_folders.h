/* Where things are in a cache, and notes that the cache might have written, for tests that put something else there. */
#ifndef BH_TEST_CACHE_FOLDERS_H
#define BH_TEST_CACHE_FOLDERS_H

#include <time.h>

#include "cache_tools.h"

enum { ANSWER = 41, OTHER = 42 };

/* A source that is old enough to be noted in the index: its time of change cannot be set, so it is made first. */
static char trusted[300];
static double trusted_since;

static inline void wait_for_trust(double since)
{
	double left = since + 3100 - t_now_ms();
	if (left > 0)
		t_sleep_ms((unsigned)left);
}

/* To be called before anything else is done: by the time the source is needed it may be old enough. */
static inline int trust_set_up(void **state)
{
	work_set_up(state);
	snprintf(trusted, sizeof trusted, "%s/trusted.wat", work);
	write_guest(trusted, ANSWER);
	trusted_since = t_now_ms();
	return 0;
}

/* Where things are in a cache that holds the trusted source. */
typedef enum { ROOT, V1, ENGINE, INDEX, ARTIFACT, SEEN, NOTE, COUNTERS, PLACES } place;
typedef struct {
	char paths[PLACES][PATH_MAX];
} layout;

static inline void seen_of(char *out, const char *artifact)
{
	snprintf(out, PATH_MAX, "%.*s.seen", (int)(strlen(artifact) - strlen(".cwasm")), artifact);
}

static inline void only_file_in(char *out, const char *folder)
{
	DIR *dir = opendir(folder);
	EXPECT(dir);
	unsigned count = 0;
	for (const struct dirent *entry; (entry = readdir(dir));)
		if (entry->d_name[0] != '.' && ++count)
			snprintf(out, PATH_MAX, "%.3000s/%.255s", folder, entry->d_name);
	closedir(dir);
	EXPECT(count == 1);
}

static inline layout fill(const char *dir)
{
	layout l;
	wait_for_trust(trusted_since);
	EXPECT(is(ask_file(dir, trusted, ANSWER), BH_CODE_COMPILED, 0));
	EXPECT(is(ask_file(dir, trusted, ANSWER), BH_CODE_FROM_DISK, 0));
	snprintf(l.paths[ROOT], PATH_MAX, "%s", dir);
	snprintf(l.paths[V1], PATH_MAX, "%.4000s/v1", dir);
	snprintf(l.paths[INDEX], PATH_MAX, "%.4000s/v1/index", dir);
	snprintf(l.paths[COUNTERS], PATH_MAX, "%.4000s/v1/counters", dir);
	snprintf(l.paths[ARTIFACT], PATH_MAX, "%s", entry_of(dir, NULL).path);
	snprintf(l.paths[ENGINE], PATH_MAX, "%s", l.paths[ARTIFACT]);
	*strrchr(l.paths[ENGINE], '/') = '\0';
	seen_of(l.paths[SEEN], l.paths[ARTIFACT]);
	only_file_in(l.paths[NOTE], l.paths[INDEX]);
	for (int i = 0; i < PLACES; i++)
		EXPECT(exists(l.paths[i]));
	return l;
}

/* Says that the artifact, as it is now, was found good: the cache's own note, forged. */
static inline void vouch(const char *artifact)
{
	char seen[PATH_MAX];
	struct stat info;
	EXPECT(!stat(artifact, &info));
	int64_t note[] = {(int64_t)info.st_dev, (int64_t)info.st_ino, info.st_size,        info.st_mtim.tv_sec,
	                  info.st_mtim.tv_nsec, info.st_ctim.tv_sec,  info.st_ctim.tv_nsec};
	seen_of(seen, artifact);
	replace_file(seen, note, sizeof note);
}

#endif
