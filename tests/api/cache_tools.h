/* What the tests of the compile cache share: a folder of their own, guests that answer a number, counted warnings. */
#ifndef BH_TEST_CACHE_TOOLS_H
#define BH_TEST_CACHE_TOOLS_H

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <limits.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "api.h"

#define SAME(text, other) (!strcmp((text), (other)))

/* Where a program works; goes with it. */
static char work[200];

static inline void work_begin(void)
{
	const char *place = getenv("TMPDIR");
	snprintf(work, sizeof work, "%s/bh-cache-XXXXXX", place && *place == '/' ? place : "/tmp");
	EXPECT(mkdtemp(work));
	EXPECT(!chmod(work, 0711)); /* children with fewer rights pass through */
}

static inline int remove_one(const char *path, const struct stat *info, int type, struct FTW *where)
{
	(void)info;
	(void)type;
	(void)where;
	return remove(path);
}

static inline void remove_all(const char *path)
{
	(void)!nftw(path, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

static inline void work_end(void)
{
	t_begin();
	remove_all(work);
}

/* A path below `work`; the text lives until the fourth call from now. */
static inline const char *below(const char *format, ...) __attribute__((format(printf, 1, 2)));
static inline const char *below(const char *format, ...)
{
	static char texts[4][PATH_MAX];
	static unsigned next;
	char *text = texts[next++ % 4];
	int used = snprintf(text, PATH_MAX, "%s/", work);
	va_list args;
	va_start(args, format);
	vsnprintf(text + used, PATH_MAX - (size_t)used, format, args);
	va_end(args);
	return text;
}

/* A folder that is not there yet; the text lives until the fourth call from now. */
static inline const char *fresh(void)
{
	static unsigned count;
	static char dirs[4][300];
	char *dir = dirs[count % 4];
	snprintf(dir, sizeof dirs[0], "%s/c%u", work, count++);
	return dir;
}

/* A component whose function `answer` says that number: the text is as long for all of them. */
enum { GUEST_TEXT = 300 };

static inline const char *guest_text(char out[GUEST_TEXT], unsigned answer)
{
	snprintf(out, GUEST_TEXT,
	         "(component (core module $m (func (export \"f\") (result i32) i32.const %09u))"
	         " (core instance $i (instantiate $m))"
	         " (func (export \"answer\") (result u32) (canon lift (core func $i \"f\"))))",
	         answer);
	return out;
}

static inline void write_file(const char *path, const void *data, size_t length)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	EXPECT(fd >= 0);
	EXPECT(write(fd, data, length) == (ssize_t)length);
	close(fd);
}

/* As another file in its place, the way editors and the cache itself do it. */
static inline void replace_file(const char *path, const void *data, size_t length)
{
	char beside[PATH_MAX];
	snprintf(beside, sizeof beside, "%.4000s.beside", path);
	write_file(beside, data, length);
	EXPECT(!rename(beside, path));
}

static inline char *read_whole(const char *path, size_t *length)
{
	struct stat info;
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	EXPECT(fd >= 0 && !fstat(fd, &info));
	char *data = malloc((size_t)info.st_size + 1);
	EXPECT(data && read(fd, data, (size_t)info.st_size) == info.st_size);
	close(fd);
	*length = (size_t)info.st_size;
	return data;
}

static inline void write_guest(const char *path, unsigned answer)
{
	char text[GUEST_TEXT];
	guest_text(text, answer);
	write_file(path, text, strlen(text));
}

/* A host with a cache in `dir`; with NULL, wherever the environment says. */
typedef struct {
	bh_host *host;
	_Atomic unsigned warnings;
	char last[400];
} cached;

static inline void count_warning(void *data, bh_log_level level, const char *message)
{
	cached *c = data;
	if (level > BH_LOG_WARNING)
		return;
	atomic_fetch_add(&c->warnings, 1);
	snprintf(c->last, sizeof c->last, "%s", message);
}

static inline bh_cache_options cache_in(const char *dir)
{
	bh_cache_options cache = BH_CACHE_OPTIONS_INIT;
	cache.mode = dir ? BH_CACHE_ON : BH_CACHE_AUTO;
	cache.dir = dir;
	return cache;
}

static inline void cached_open_with(cached *c, const bh_cache_options *cache, bh_profile profile)
{
	*c = (cached){0};
	bh_host_options options = BH_HOST_OPTIONS_INIT;
	options.allocation = BH_ALLOCATION_ON_DEMAND;
	options.profile = profile;
	options.log = count_warning;
	options.log_data = c;
	options.cache = cache;
	OK(bh_host_new(&c->host, &options, &t_err));
}

static inline void cached_open(cached *c, const char *dir)
{
	bh_cache_options cache = cache_in(dir);
	cached_open_with(c, &cache, BH_PROFILE_PRODUCTION);
}

/* How often it warned. */
static inline unsigned cached_close(cached *c)
{
	bh_host_free(c->host);
	return atomic_load(&c->warnings);
}

static inline bh_code_origin origin_of(const bh_component *component)
{
	bh_component_needs needs = {.struct_size = sizeof needs};
	bh_component_describe(component, &needs);
	EXPECT((needs.compile_ns > 0) == (needs.origin == BH_CODE_COMPILED));
	return needs.origin;
}

static inline bh_component_options named(const char *name)
{
	bh_component_options options = BH_COMPONENT_OPTIONS_INIT;
	options.limits = t_limits();
	options.name = name;
	return options;
}

static inline bh_component *load_guest(bh_host *host, unsigned answer)
{
	char text[GUEST_TEXT], name[20];
	snprintf(name, sizeof name, "g%u", answer);
	bh_component_options options = named(name);
	bh_component *component = NULL;
	guest_text(text, answer);
	OK(bh_component_load_bytes(&component, host, text, strlen(text), &options, &t_err));
	return component;
}

static inline bh_component *load_path(bh_host *host, const char *path)
{
	bh_component_options options = named(NULL);
	bh_component *component = NULL;
	OK(bh_component_load_file(&component, host, path, &options, &t_err));
	return component;
}

/* What a host of its own makes of a guest: the answer must be right, and at most one warning said. */
typedef struct {
	bh_code_origin origin;
	unsigned warnings;
} outcome;

static inline outcome answer_of(cached *c, bh_component *component, unsigned answer)
{
	outcome found = {.origin = origin_of(component)};
	EXPECT(t_number(component, "answer", "") == answer);
	bh_component_unref(component);
	found.warnings = cached_close(c);
	if (found.warnings > 1)
		fprintf(stderr, "%u warnings, the last one: %s\n", found.warnings, c->last);
	EXPECT(found.warnings <= 1);
	return found;
}

static inline outcome ask(const char *dir, unsigned answer)
{
	cached c;
	cached_open(&c, dir);
	return answer_of(&c, load_guest(c.host, answer), answer);
}

static inline outcome ask_file(const char *dir, const char *path, unsigned answer)
{
	cached c;
	cached_open(&c, dir);
	return answer_of(&c, load_path(c.host, path), answer);
}

/* For groups of tests: what the engine opens once is its own, and nothing of all the rest is left open. */
static size_t descriptors_before;

static inline int work_set_up(void **state)
{
	(void)state;
	work_begin();
	ask(below("first"), 1);
	descriptors_before = t_descriptors();
	return 0;
}

static inline int work_tear_down(void **state)
{
	(void)state;
	size_t left = t_descriptors();
	work_end();
	if (left > descriptors_before)
		print_error("%zu descriptors before, %zu after\n", descriptors_before, left);
	return left > descriptors_before;
}

static inline bool is(outcome found, bh_code_origin origin, unsigned warnings)
{
	if (found.origin == origin && found.warnings == warnings)
		return true;
	fprintf(stderr, "origin %d with %u warnings, expected %d with %u\n", (int)found.origin, found.warnings, (int)origin,
	        warnings);
	return false;
}

/* The cache looked at from outside. */
static inline bh_cache *look_into(const char *dir)
{
	bh_cache_options options = cache_in(dir);
	bh_cache *cache = NULL;
	OK(bh_cache_open(&cache, &options, &t_err));
	return cache;
}

static inline bh_cache_stats stats_of(const char *dir)
{
	bh_cache_stats stats = BH_CACHE_STATS_INIT;
	bh_cache *cache = look_into(dir);
	OK(bh_cache_stats_read(cache, &stats, &t_err));
	bh_cache_close(cache);
	return stats;
}

typedef struct {
	const char *name, *engine; /* NULL: any */
	char path[PATH_MAX];
	char source[80];
	unsigned count;
} wanted_entry;

static inline bool take_entry(void *data, const bh_cache_entry *entry)
{
	wanted_entry *wanted = data;
	if ((wanted->name && !SAME(wanted->name, entry->name)) ||
	    (wanted->engine && !strstr(entry->engine, wanted->engine)))
		return true;
	snprintf(wanted->path, sizeof wanted->path, "%s", entry->path);
	snprintf(wanted->source, sizeof wanted->source, "%s", entry->source);
	wanted->count++;
	return true;
}

/* The one entry of that name. */
static inline wanted_entry entry_of(const char *dir, const char *name)
{
	wanted_entry wanted = {.name = name};
	bh_cache *cache = look_into(dir);
	OK(bh_cache_list(cache, take_entry, &wanted, &t_err));
	bh_cache_close(cache);
	EXPECT(wanted.count == 1);
	return wanted;
}

static inline bool exists(const char *path)
{
	struct stat info;
	return lstat(path, &info) == 0;
}

#endif
