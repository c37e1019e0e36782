// test: timeout=120
/*
 * Whatever lies in a cache folder, and however the sources change: the guest answers rightly, a host warns once at
 * most, and what was damaged is whole again afterwards.
 */
#include <time.h>

#include "cache_tools.h"

enum { ANSWER = 41, OTHER = 42, THIRD = 43 };

/* A source that is old enough to be noted in the index: its time of change cannot be set, so it is made first. */
static char trusted[300];
static double trusted_since;

static void wait_for_trust(double since)
{
	double left = since + 3100 - t_now_ms();
	if (left > 0)
		t_sleep_ms((unsigned)left);
}

static const char *fresh(void)
{
	static unsigned count;
	static char dir[300];
	snprintf(dir, sizeof dir, "%s/c%u", work, count++);
	return dir;
}

/* Where things are in a cache that holds the trusted source. */
typedef enum { ROOT, V1, ENGINE, INDEX, ARTIFACT, SEEN, NOTE, COUNTERS, PLACES } place;
static const char *const place_names[] = {"folder", "v1", "engine", "index", "artifact", "seen", "note", "counters"};
typedef struct {
	char paths[PLACES][PATH_MAX];
} layout;

static void seen_of(char *out, const char *artifact)
{
	snprintf(out, PATH_MAX, "%.*s.seen", (int)(strlen(artifact) - strlen(".cwasm")), artifact);
}

static void only_file_in(char *out, const char *folder)
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

static layout fill(const char *dir)
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

/* Other things in the place of files and folders. */

typedef enum { LINK, LINK_TO_NOTHING, LINK_TO_ITSELF, FIFO, SOCKET, FILE_, FOLDER, FULL_FOLDER, KINDS } kind;
static const char *const kind_names[] = {"a link", "a link to nothing", "a link to itself",       "a FIFO", "a socket",
                                         "a file", "a folder",          "a folder with something"};

static void put(kind what, const char *path, const char *aside)
{
	char inside[PATH_MAX];
	if (what == LINK)
		EXPECT(!rename(path, aside));
	else
		remove_all(path);
	switch (what) {
	case LINK:
		EXPECT(!symlink(aside, path));
		break;
	case LINK_TO_NOTHING:
		EXPECT(!symlink("/nowhere/at/all", path));
		break;
	case LINK_TO_ITSELF:
		EXPECT(!symlink(path, path));
		break;
	case FIFO:
		EXPECT(!mkfifo(path, 0600));
		break;
	case SOCKET:
		EXPECT(!mknod(path, S_IFSOCK | 0600, 0));
		break;
	case FILE_:
		write_file(path, "nonsense", 8);
		break;
	default:
		EXPECT(!mkdir(path, 0700));
		snprintf(inside, sizeof inside, "%.4000s/something", path);
		if (what == FULL_FOLDER)
			write_file(inside, "nonsense", 8);
	}
}

/* Names, sizes and times of all that is in a tree. */
static uint64_t trace;

static int trace_one(const char *path, const struct stat *info, int type, struct FTW *where)
{
	(void)type;
	uint64_t values[] = {info->st_ino, (uint64_t)info->st_size, (uint64_t)info->st_mtim.tv_nsec, info->st_mode};
	for (const char *c = path + where->base; *c; c++)
		trace = trace * 31 + (unsigned char)*c;
	for (size_t i = 0; i < sizeof values / sizeof *values; i++)
		trace = trace * 1000003 + values[i];
	return 0;
}

static uint64_t trace_of(const char *path)
{
	trace = 1;
	EXPECT(!nftw(path, trace_one, 16, FTW_PHYS));
	return trace;
}

static void in_place_of(place where, kind what)
{
	char dir[300], aside[300];
	snprintf(dir, sizeof dir, "%s", fresh());
	snprintf(aside, sizeof aside, "%.250s-aside", dir);
	layout l = fill(dir);
	put(what, l.paths[where], aside);
	uint64_t before = what == LINK ? trace_of(aside) : 0;
	outcome first = ask_file(dir, trusted, ANSWER);
	outcome second = ask_file(dir, trusted, ANSWER);
	ask(dir, OTHER);
	/* Nothing is written through a link. */
	EXPECT(what != LINK || trace_of(aside) == before);
	if (where == ARTIFACT) {
		bool stays = what == FOLDER || what == FULL_FOLDER;
		EXPECT(is(first, BH_CODE_COMPILED, 1));
		EXPECT(is(second, stays ? BH_CODE_COMPILED : BH_CODE_FROM_DISK, stays));
	}
	if (where == SEEN || where == NOTE || where == COUNTERS)
		EXPECT(first.origin == BH_CODE_FROM_DISK && second.origin == BH_CODE_FROM_DISK);
	if (where <= ENGINE && what < FOLDER)
		EXPECT(is(second, BH_CODE_COMPILED, 1));
}

static void test_other_things_in_place(void **state)
{
	(void)state;
	for (int where = 0; where < PLACES; where++)
		for (int what = 0; what < KINDS; what++) {
			if (getenv("BH_TEST_VERBOSE"))
				fprintf(stderr, "%s in place of %s\n", kind_names[what], place_names[where]);
			in_place_of((place)where, (kind)what);
		}
}

static void test_folders_that_others_may_write_to(void **state)
{
	(void)state;
	static const place folders[] = {ROOT, V1, ENGINE, INDEX};
	static const mode_t modes[] = {0720, 0702, 0777};
	for (size_t i = 0; i < 4; i++)
		for (size_t m = 0; m < 3; m++) {
			layout l = fill(fresh());
			EXPECT(!chmod(l.paths[folders[i]], modes[m]));
			uint64_t before = trace_of(l.paths[ENGINE]);
			outcome found = ask_file(l.paths[ROOT], trusted, ANSWER);
			EXPECT(folders[i] == INDEX ? found.origin == BH_CODE_FROM_DISK : is(found, BH_CODE_COMPILED, 1));
			EXPECT(trace_of(l.paths[ENGINE]) == before);
		}
	static const place files[] = {ARTIFACT, SEEN, NOTE};
	for (size_t i = 0; i < 3; i++) {
		layout l = fill(fresh());
		EXPECT(!chmod(l.paths[files[i]], 0666));
		outcome found = ask_file(l.paths[ROOT], trusted, ANSWER);
		EXPECT(is(found, i ? BH_CODE_FROM_DISK : BH_CODE_COMPILED, !i));
	}
}

/* Damage. */

/* At the end of an artifact is a record, and at its end a signature. */
enum { SIGNATURE = 64 };
static const char record_magic[] = "bulkhead-cwasm-";

/* Says that the artifact, as it is now, was found good: the cache's own note, forged. */
static void vouch(const char *artifact)
{
	char seen[PATH_MAX];
	struct stat info;
	EXPECT(!stat(artifact, &info));
	int64_t note[] = {(int64_t)info.st_dev, (int64_t)info.st_ino, info.st_size,        info.st_mtim.tv_sec,
	                  info.st_mtim.tv_nsec, info.st_ctim.tv_sec,  info.st_ctim.tv_nsec};
	seen_of(seen, artifact);
	replace_file(seen, note, sizeof note);
}

static void forget(const char *artifact)
{
	char seen[PATH_MAX];
	seen_of(seen, artifact);
	(void)!unlink(seen);
}

static void heals(const char *dir, unsigned answer)
{
	EXPECT(is(ask(dir, answer), BH_CODE_COMPILED, 1));
	EXPECT(is(ask(dir, answer), BH_CODE_FROM_DISK, 0));
}

typedef struct {
	char dir[300];
	char path[PATH_MAX];
	char *bytes;
	size_t length, record; /* of the whole, and of the record at its end */
} artifact;

static artifact make_artifact(unsigned answer)
{
	artifact a;
	char name[20];
	snprintf(name, sizeof name, "g%u", answer);
	snprintf(a.dir, sizeof a.dir, "%s", fresh());
	EXPECT(is(ask(a.dir, answer), BH_CODE_COMPILED, 0));
	snprintf(a.path, sizeof a.path, "%s", entry_of(a.dir, name).path);
	a.bytes = read_whole(a.path, &a.length);
	for (a.record = SIGNATURE; a.record < a.length; a.record++)
		if (!memcmp(a.bytes + a.length - a.record, record_magic, sizeof record_magic - 1))
			break;
	EXPECT(a.length > 2 * a.record);
	return a;
}

static void test_truncated(void **state)
{
	(void)state;
	artifact a = make_artifact(ANSWER);
	const size_t lengths[] = {0,
	                          1,
	                          a.record - 1,
	                          a.record,
	                          a.record + 1,
	                          4096,
	                          a.length / 2,
	                          a.length - a.record,
	                          a.length - 2 * a.record,
	                          a.length - SIGNATURE,
	                          a.length - 1};
	for (size_t i = 0; i < sizeof lengths / sizeof *lengths; i++)
		for (int vouched = 0; vouched < 3; vouched++) {
			replace_file(a.path, a.bytes, lengths[i]);
			if (vouched == 1)
				vouch(a.path);
			else if (!vouched)
				forget(a.path);
			heals(a.dir, ANSWER);
		}
	/* Longer than it should be, with a good record at the end. */
	char *twice = malloc(2 * a.length + 1);
	memcpy(twice, a.bytes, a.length);
	memcpy(twice + a.length, a.bytes, a.length);
	replace_file(a.path, twice, 2 * a.length);
	heals(a.dir, ANSWER);
	replace_file(a.path, twice, a.length + 1);
	heals(a.dir, ANSWER);
	memset(twice, 0, a.length);
	replace_file(a.path, twice, a.length);
	heals(a.dir, ANSWER);
	memcpy(twice + a.length - a.record, a.bytes + a.length - a.record, a.record);
	replace_file(a.path, twice, a.length);
	heals(a.dir, ANSWER);
	EXPECT(stats_of(a.dir).corrupt == 3 * sizeof lengths / sizeof *lengths + 4);
	free(twice);
	free(a.bytes);
}

/* One bit anywhere; but the signature, which nobody looks at as long as nobody signs. */
static void test_flipped(void **state)
{
	(void)state;
	enum { FLIPS = 200 };
	artifact a = make_artifact(ANSWER);
	for (size_t i = 0; i < FLIPS; i++) {
		size_t at = i * (a.length - 1) / (FLIPS - 1);
		a.bytes[at] ^= (char)(1 << i % 8);
		replace_file(a.path, a.bytes, a.length);
		forget(a.path);
		if (at < a.length - SIGNATURE)
			EXPECT(is(ask(a.dir, ANSWER), BH_CODE_COMPILED, 1));
		else
			EXPECT(is(ask(a.dir, ANSWER), BH_CODE_FROM_DISK, 0));
		a.bytes[at] ^= (char)(1 << i % 8);
	}
	/* The record is not believed for being vouched for. */
	for (size_t at = a.length - a.record; at < a.length - SIGNATURE; at += 3) {
		a.bytes[at] ^= (char)(1 << at % 8);
		replace_file(a.path, a.bytes, a.length);
		vouch(a.path);
		EXPECT(is(ask(a.dir, ANSWER), BH_CODE_COMPILED, 1));
		a.bytes[at] ^= (char)(1 << at % 8);
	}
	replace_file(a.path, a.bytes, a.length);
	EXPECT(is(ask(a.dir, ANSWER), BH_CODE_FROM_DISK, 0));
	free(a.bytes);
}

/* Whole, but something else than the name says. */
static void test_swapped(void **state)
{
	(void)state;
	artifact a = make_artifact(ANSWER);
	EXPECT(is(ask(a.dir, OTHER), BH_CODE_COMPILED, 0));
	wanted_entry b = entry_of(a.dir, "g42");
	for (int vouched = 0; vouched < 2; vouched++) {
		char between[PATH_MAX];
		snprintf(between, sizeof between, "%.4000s/between", a.dir);
		EXPECT(!rename(a.path, between) && !rename(b.path, a.path) && !rename(between, b.path));
		if (vouched) {
			vouch(a.path);
			vouch(b.path);
		}
		heals(a.dir, ANSWER);
		heals(a.dir, OTHER);
	}
	/* A second name of the same file. */
	EXPECT(!unlink(b.path) && !link(a.path, b.path));
	heals(a.dir, OTHER);
	EXPECT(is(ask(a.dir, ANSWER), BH_CODE_FROM_DISK, 0));
	free(a.bytes);
}

/* The note beside an artifact is a shortcut: without it, or with a wrong one, the artifact is read. */
static void test_notes(void **state)
{
	(void)state;
	artifact a = make_artifact(ANSWER);
	static const size_t lengths[] = {0, 1, 55, 56, 57, 4096};
	char seen[PATH_MAX], wrong[4096];
	struct stat info;
	seen_of(seen, a.path);
	memset(wrong, 0xA5, sizeof wrong);
	for (size_t i = 0; i < sizeof lengths / sizeof *lengths; i++) {
		replace_file(seen, wrong, lengths[i]);
		EXPECT(is(ask(a.dir, ANSWER), BH_CODE_FROM_DISK, 0));
		EXPECT(!stat(seen, &info) && info.st_size == 56);
	}
	for (size_t i = 0; i < sizeof lengths / sizeof *lengths; i++) {
		layout l = fill(fresh());
		replace_file(l.paths[NOTE], wrong, lengths[i]);
		replace_file(l.paths[COUNTERS], wrong, lengths[i]);
		EXPECT(is(ask_file(l.paths[ROOT], trusted, ANSWER), BH_CODE_FROM_DISK, 0));
		EXPECT(is(ask(l.paths[ROOT], OTHER), BH_CODE_COMPILED, 0));
		EXPECT(is(ask(l.paths[ROOT], OTHER), BH_CODE_FROM_DISK, 0));
	}
	free(a.bytes);
}

static bool count_entry(void *data, const bh_cache_entry *entry)
{
	(void)entry;
	++*(unsigned *)data;
	return true;
}

static void test_verify(void **state)
{
	(void)state;
	artifact a = make_artifact(ANSWER);
	unsigned damaged = 0;
	EXPECT(is(ask(a.dir, OTHER), BH_CODE_COMPILED, 0));
	bh_cache *cache = look_into(a.dir);
	OK(bh_cache_verify(cache, count_entry, &damaged, &t_err));
	assert_int_equal(damaged, 0);
	/* Mapped by now, and replaced below it: it goes on. */
	cached c;
	cached_open(&c, a.dir);
	bh_component *held = load_guest(c.host, ANSWER);
	EXPECT(origin_of(held) == BH_CODE_FROM_DISK);
	a.bytes[a.length / 2] ^= 1;
	replace_file(a.path, a.bytes, a.length);
	vouch(a.path);
	OK(bh_cache_verify(cache, count_entry, &damaged, &t_err));
	assert_int_equal(damaged, 1);
	EXPECT(!exists(a.path));
	EXPECT(t_number(held, "answer", "") == ANSWER);
	bh_component_unref(held);
	assert_int_equal(cached_close(&c), 0);
	EXPECT(is(ask(a.dir, ANSWER), BH_CODE_COMPILED, 0));
	EXPECT(is(ask(a.dir, OTHER), BH_CODE_FROM_DISK, 0));
	bh_cache_close(cache);
	free(a.bytes);
}

/* Engines side by side. */

typedef struct {
	bool metered;
	bh_profile profile;
} engine;

static outcome ask_engine(const char *dir, const engine *e)
{
	cached c;
	char text[GUEST_TEXT];
	bh_cache_options cache = cache_in(dir);
	bh_component_options options = named("guest");
	bh_component *component = NULL;
	options.limits.fuel = e->metered ? 1000000 : BH_UNLIMITED;
	cached_open_with(&c, &cache, e->profile);
	guest_text(text, ANSWER);
	OK(bh_component_load_bytes(&component, c.host, text, strlen(text), &options, &t_err));
	bh_usage usage = BH_USAGE_INIT;
	OK(t_call(NULL, component, "answer", "", NULL, &usage, &t_err));
	EXPECT((usage.fuel > 0) == e->metered); /* its own code, then */
	return answer_of(&c, component, ANSWER);
}

static void test_engines(void **state)
{
	(void)state;
	static const engine engines[] = {
		{false, BH_PROFILE_PRODUCTION},
		{true, BH_PROFILE_PRODUCTION},
		{false, BH_PROFILE_DEVELOPMENT},
		{true, BH_PROFILE_DEVELOPMENT},
	};
	enum { COUNT = sizeof engines / sizeof *engines };
	char dir[300], paths[COUNT][PATH_MAX];
	snprintf(dir, sizeof dir, "%s", fresh());
	for (int i = 0; i < COUNT; i++) {
		EXPECT(is(ask_engine(dir, &engines[i]), BH_CODE_COMPILED, 0));
		assert_int_equal(stats_of(dir).entries, i + 1);
	}
	for (int i = 0; i < COUNT; i++)
		EXPECT(is(ask_engine(dir, &engines[i]), BH_CODE_FROM_DISK, 0));
	/* Each engine has a folder; the same name is in all of them. */
	artifact one = make_artifact(ANSWER);
	const char *name = strrchr(one.path, '/') + 1;
	free(one.bytes);
	char v1[PATH_MAX];
	snprintf(v1, sizeof v1, "%.4000s/v1", dir);
	DIR *folders = opendir(v1);
	int found = 0;
	for (const struct dirent *entry; (entry = readdir(folders));)
		if (strlen(entry->d_name) == 32) {
			EXPECT(found < COUNT);
			snprintf(paths[found], PATH_MAX, "%.3000s/%.40s/%.80s", v1, entry->d_name, name);
			EXPECT(exists(paths[found++]));
		}
	closedir(folders);
	assert_int_equal(found, COUNT);
	/* Turned round by one: no engine runs another's code. */
	size_t lengths[COUNT];
	char *bytes[COUNT];
	for (int i = 0; i < COUNT; i++)
		bytes[i] = read_whole(paths[i], &lengths[i]);
	for (int i = 0; i < COUNT; i++) {
		replace_file(paths[i], bytes[(i + 1) % COUNT], lengths[(i + 1) % COUNT]);
		vouch(paths[i]);
	}
	for (int i = 0; i < COUNT; i++)
		EXPECT(is(ask_engine(dir, &engines[i]), BH_CODE_COMPILED, 1));
	for (int i = 0; i < COUNT; i++) {
		EXPECT(is(ask_engine(dir, &engines[i]), BH_CODE_FROM_DISK, 0));
		free(bytes[i]);
	}
}

/* Sources. */

static void set_times(const char *path, time_t seconds)
{
	struct timespec times[2] = {{.tv_sec = seconds}, {.tv_sec = seconds}};
	EXPECT(!utimensat(AT_FDCWD, path, times, AT_SYMLINK_NOFOLLOW));
}

/* The same length, within the same tick of the clock, with the same time set: what is there now is what runs. */
static void test_edited_at_once(void **state)
{
	(void)state;
	char dir[300];
	const char *path = below("edited.wat");
	snprintf(dir, sizeof dir, "%s", fresh());
	cached kept;
	cached_open(&kept, dir);
	for (unsigned i = 0; i < 120; i++) {
		unsigned answer = 1000 + i % 3;
		write_guest(path, answer);
		if (i % 2)
			set_times(path, 1600000000);
		bh_component *component = load_path(kept.host, path);
		EXPECT(t_number(component, "answer", "") == answer);
		bh_component_unref(component);
		if (i % 4 == 0)
			ask_file(dir, path, answer);
	}
	assert_int_equal(cached_close(&kept), 0);
	assert_int_equal(stats_of(dir).entries, 3);
}

/* The same, of files that were trusted before. */
static void test_edited_after_trust(void **state)
{
	(void)state;
	enum { FILES = 4 };
	char dir[300], paths[FILES][PATH_MAX];
	unsigned answers[FILES];
	snprintf(dir, sizeof dir, "%s", fresh());
	for (unsigned i = 0; i < FILES; i++) {
		snprintf(paths[i], PATH_MAX, "%s", below("trusted%u.wat", i));
		answers[i] = 2000 + i;
		write_guest(paths[i], answers[i]);
		set_times(paths[i], 1600000000);
	}
	wait_for_trust(t_now_ms());
	cached kept;
	cached_open(&kept, dir);
	for (int step = 0; step < 6; step++) {
		for (int again = 0; again < 2; again++)
			for (unsigned i = 0; i < FILES; i++) {
				bh_component *component = load_path(kept.host, paths[i]);
				EXPECT(t_number(component, "answer", "") == answers[i]);
				bh_component_unref(component);
				ask_file(dir, paths[i], answers[i]);
			}
		unsigned first = answers[0];
		switch (step) {
		case 0: /* in place, and the time set back */
			write_guest(paths[0], answers[0] = 2100);
			set_times(paths[0], 1600000000);
			break;
		case 1: /* by another trusted file's taking its place */
			EXPECT(!rename(paths[3], paths[1]));
			answers[1] = answers[3];
			write_guest(paths[3], answers[3]);
			break;
		case 2: /* two files change names */
			EXPECT(!renameat2(AT_FDCWD, paths[0], AT_FDCWD, paths[2], RENAME_EXCHANGE));
			answers[0] = answers[2];
			answers[2] = first;
			break;
		case 3: /* through another name, and through a link */
			EXPECT(!unlink(paths[3]) && !link(paths[1], paths[3]));
			EXPECT(!unlink(paths[0]) && !symlink(paths[2], paths[0]));
			answers[3] = answers[1];
			answers[0] = answers[2];
			break;
		case 4: /* a link that leads elsewhere from now on */
			EXPECT(!unlink(paths[0]) && !symlink(paths[1], paths[0]));
			answers[0] = answers[1];
		}
	}
	assert_int_equal(cached_close(&kept), 0);
	/* Something that is no component any more, or is gone, is not answered for by the cache. */
	bh_component_options options = named(NULL);
	bh_component *component = NULL;
	cached_open(&kept, dir);
	size_t length;
	char *text = read_whole(paths[1], &length);
	memcpy(text + length - 9, "         ", 9);
	write_file(paths[1], text, length);
	free(text);
	FAILS(BH_E_PARSE, bh_component_load_file(&component, kept.host, paths[1], &options, &t_err));
	EXPECT(!unlink(paths[1]));
	FAILS(BH_E_NOT_FOUND, bh_component_load_file(&component, kept.host, paths[1], &options, &t_err));
	EXPECT(!mkdir(paths[1], 0700));
	FAILS(BH_E_IO, bh_component_load_file(&component, kept.host, paths[1], &options, &t_err));
	assert_int_equal(cached_close(&kept), 0);
}

/* Clocks that were wrong: times far ahead and far behind, of everything there is. */
static void test_wrong_times(void **state)
{
	(void)state;
	const time_t now = time(NULL), times[] = {now + 10 * 365 * 86400, now + 86400, 0, 1, -86400, INT32_MAX};
	char source[300];
	snprintf(source, sizeof source, "%s/times.wat", work);
	for (size_t i = 0; i < sizeof times / sizeof *times; i++) {
		layout l = fill(fresh());
		for (place where = INDEX; where < PLACES; where++)
			set_times(l.paths[where], times[i]);
		EXPECT(is(ask_file(l.paths[ROOT], trusted, ANSWER), BH_CODE_FROM_DISK, 0));
		/* A source from the future is never trusted, and right all the same. */
		for (unsigned n = 0; n < 3; n++) {
			write_guest(source, 3000 + n);
			set_times(source, times[i]);
			EXPECT(is(ask_file(l.paths[ROOT], source, 3000 + n), BH_CODE_COMPILED, 0));
			EXPECT(is(ask_file(l.paths[ROOT], source, 3000 + n), BH_CODE_FROM_DISK, 0));
		}
		bh_cache *cache = look_into(l.paths[ROOT]);
		uint64_t removed = 77;
		OK(bh_cache_verify(cache, NULL, NULL, &t_err));
		OK(bh_cache_prune(cache, 0, 0, &removed, &t_err));
		/* What is used by then has a time of its own, and three were made just now. */
		assert_in_range(removed, 0, 1);
		bh_cache_close(cache);
		assert_true(stats_of(l.paths[ROOT]).entries >= 3);
		ask_file(l.paths[ROOT], trusted, ANSWER);
	}
}

/* "No limit" is a bound that nothing reaches. */
static void test_unlimited(void **state)
{
	(void)state;
	artifact a = make_artifact(ANSWER);
	bh_cache_options options = cache_in(a.dir);
	bh_cache *cache = NULL;
	options.max_bytes = options.max_age_s = BH_UNLIMITED;
	uint64_t removed[2] = {77, 77};
	free(a.bytes);
	OK(bh_cache_open(&cache, &options, &t_err));
	OK(bh_cache_prune(cache, 0, 0, &removed[0], &t_err));
	OK(bh_cache_prune(cache, BH_UNLIMITED, BH_UNLIMITED, &removed[1], &t_err));
	bh_cache_close(cache);
	assert_int_equal(removed[0], 0);
	assert_int_equal(removed[1], 0);
	EXPECT(is(ask(a.dir, ANSWER), BH_CODE_FROM_DISK, 0));
}

/* Nothing of all this is left open. */
static size_t descriptors;

static int set_up(void **state)
{
	(void)state;
	work_begin();
	ask(below("first"), ANSWER); /* what the engine opens once is its own */
	descriptors = t_descriptors();
	snprintf(trusted, sizeof trusted, "%s/trusted.wat", work);
	write_guest(trusted, ANSWER);
	trusted_since = t_now_ms();
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	size_t left = t_descriptors();
	work_end();
	if (left > descriptors)
		print_error("%zu descriptors before, %zu after\n", descriptors, left);
	return left > descriptors;
}

int main(void)
{
	/* Those first that need no trusted source. */
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_truncated),
		cmocka_unit_test(test_flipped),
		cmocka_unit_test(test_swapped),
		cmocka_unit_test(test_verify),
		cmocka_unit_test(test_engines),
		cmocka_unit_test(test_unlimited),
		cmocka_unit_test(test_edited_at_once),
		cmocka_unit_test(test_notes),
		cmocka_unit_test(test_other_things_in_place),
		cmocka_unit_test(test_folders_that_others_may_write_to),
		cmocka_unit_test(test_edited_after_trust),
		cmocka_unit_test(test_wrong_times),
	};
	return cmocka_run_group_tests(tests, set_up, tear_down);
}
