/*
 * Any bytes as a bundle: as they are; signed with our key, so that they are looked into; and with artifacts that hold,
 * so that they are kept. What comes of it is in the cache's folder, under names of ours, and nowhere else.
 */
#include "cache_files.h"

#include "base/hash.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerInitialize(int *argc, char ***argv);

static const char bundle_magic[16] = "bulkhead-bundle1";

enum {
	WORD = sizeof(uint64_t),
	TRAILER = BH_PUBLIC_KEY + crypto_sign_BYTES,
	SMALLEST = sizeof bundle_magic + 2 * WORD + TRAILER,
	MAX_FRAMES = 64, /* of longer bundles only the status is looked at */
};

static char bundle_path[PATH_MAX], exported_path[PATH_MAX], first_dir[PATH_MAX], second_dir[PATH_MAX];
static key_pair keys;

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	(void)argc, (void)argv;
	make_work();
	work_path(bundle_path, "bundle");
	work_path(exported_path, "exported");
	work_path(first_dir, "first");
	work_path(second_dir, "second");
	keys = fuzz_key();
	return 0;
}

static void sign_bundle(uint8_t *data, size_t size)
{
	uint8_t digest[BH_HASH];
	size_t body = size - TRAILER;
	memcpy(data, bundle_magic, sizeof bundle_magic);
	memcpy(data + body, keys.public_key, BH_PUBLIC_KEY);
	bh_hash_blake2(digest, data, body + BH_PUBLIC_KEY);
	crypto_sign_detached(data + body + BH_PUBLIC_KEY, NULL, digest, sizeof digest, keys.secret_key);
}

static bool signed_by_us(const uint8_t *data, size_t size)
{
	uint8_t digest[BH_HASH];
	size_t body = size - TRAILER;
	bh_hash_blake2(digest, data, body + BH_PUBLIC_KEY);
	return !memcmp(data + body, keys.public_key, BH_PUBLIC_KEY) &&
	       !crypto_sign_verify_detached(data + body + BH_PUBLIC_KEY, digest, sizeof digest, keys.public_key);
}

/* The artifacts of a bundle, by what bundle.c says of the format. */
typedef struct {
	const uint8_t *data;
	uint64_t length;
	char name[2 * BH_HASH_TEXT]; /* ENGINE/SOURCE.cwasm, as cache.h has it */
} frame;

typedef struct {
	frame frames[MAX_FRAMES];
	size_t count;
	bool whole; /* every record holds, nothing is missing, and nothing is too much */
} contents;

static uint64_t word_at(const uint8_t *data)
{
	uint64_t word;
	memcpy(&word, data, sizeof word);
	return word;
}

static bool is_artifact(const uint8_t *data, uint64_t length)
{
	if (length <= sizeof(bh_record))
		return false;
	bh_record record = record_at_end(data, length);
	return record.code_length == length - sizeof record && code_holds(&record, data);
}

static void name_frame(frame *f)
{
	char engine[BH_HASH_TEXT], source[BH_HASH_TEXT];
	bh_record record = record_at_end(f->data, f->length);
	bh_hash_text(engine, record.engine);
	bh_hash_text(source, record.source);
	snprintf(f->name, sizeof f->name, "%.*s/%s.cwasm", BH_HASH, engine, source);
}

/* Ends before what is no artifact, or reaches into the key: nothing behind that is any artifact either. */
static contents walk(const uint8_t *data, size_t size)
{
	contents all = {.count = 0};
	bool hold = true;
	size_t at = sizeof bundle_magic, end = size - TRAILER;
	while (end - at >= WORD && all.count < MAX_FRAMES) {
		uint64_t length = word_at(data + at);
		at += WORD;
		if (!length) {
			all.whole = hold && end - at == WORD && word_at(data + at) == all.count;
			break;
		}
		if (length > end - at || !is_artifact(data + at, length))
			break;
		frame *f = &all.frames[all.count++];
		*f = (frame){data + at, length, ""};
		name_frame(f);
		hold &= record_holds(f->data, length);
		at += length;
	}
	return all;
}

/* As walk() goes, but what it finds is made an artifact. */
static void mend_frames(uint8_t *data, size_t size)
{
	size_t at = sizeof bundle_magic, end = size - TRAILER;
	while (end - at >= WORD) {
		uint64_t length = word_at(data + at);
		at += WORD;
		if (!length || length > end - at)
			break;
		if (length > sizeof(bh_record))
			mend_artifact(data + at, length, NULL);
		at += length;
	}
}

/* Later ones replace earlier ones of the same name. */
static const frame *last_of(const contents *all, size_t count, const char *name)
{
	for (size_t i = count; i--;)
		if (!strcmp(all->frames[i].name, name))
			return &all->frames[i];
	return NULL;
}

static size_t distinct(const contents *all, size_t count)
{
	size_t n = 0;
	for (size_t i = 0; i < count; i++)
		n += last_of(all, count, all->frames[i].name) == &all->frames[i];
	return n;
}

/* nftw() hands nothing through: what is looked for, and what was found. */
static const contents *wanted;
static size_t wanted_count, found;

static int check_entry(const char *path, const struct stat *info, int type, struct FTW *where)
{
	(void)where;
	const char *name = path + strlen(first_dir);
	if (type == FTW_DP || type == FTW_D) {
		assert((info->st_mode & 0777) == 0700);
		return 0;
	}
	assert(type == FTW_F && (info->st_mode & 0777) == 0600 && !strncmp(name, "/v1/", 4));
	if (!strcmp(name, "/v1/counters"))
		return 0;
	const frame *f = last_of(wanted, wanted_count, name + 4);
	size_t size;
	uint8_t *data = read_whole(path, &size);
	assert(f && size == f->length && !memcmp(data, f->data, size));
	free(data);
	found++;
	return 0;
}

/* In the folder is what the first `count` artifacts make, and nothing else. */
static void check_folder(const contents *all, size_t count)
{
	wanted = all;
	wanted_count = count;
	found = 0;
	assert(!nftw(first_dir, check_entry, 16, FTW_PHYS));
	assert(found == distinct(all, count));
}

static int count_place(const char *path, const struct stat *info, int type, struct FTW *where)
{
	(void)path, (void)info, (void)type;
	found += where->level == 1;
	return where->level == 1 ? FTW_SKIP_SUBTREE : FTW_CONTINUE;
}

/* Beside the folders and the bundles nothing was made. */
static void check_outside(void)
{
	size_t ours = 0;
	found = 0;
	assert(!nftw(work, count_place, 16, FTW_PHYS | FTW_ACTIONRETVAL));
	const char *const paths[] = {bundle_path, exported_path, first_dir, second_dir};
	for (size_t i = 0; i < sizeof paths / sizeof *paths; i++)
		ours += !access(paths[i], F_OK);
	assert(found == ours);
}

static bh_cache *open_cache(const char *dir)
{
	bh_cache_options options = BH_CACHE_OPTIONS_INIT;
	bh_cache *cache = NULL;
	options.mode = BH_CACHE_ON;
	options.dir = dir;
	assert(bh_cache_open(&cache, &options, NULL) == BH_OK);
	return cache;
}

typedef struct {
	size_t entries, current;
	uint64_t bytes;
} sums;

static bool add_entry(void *data, const bh_cache_entry *entry)
{
	sums *s = data;
	s->entries++;
	s->current += entry->current;
	s->bytes += entry->bytes;
	assert(strlen(entry->source) == BH_HASH_TEXT - 1 && strlen(entry->name) < sizeof((bh_record *)0)->name);
	assert(!strncmp(entry->path, work, strlen(work)));
	return true;
}

static sums list(bh_cache *cache)
{
	sums s = {0};
	assert(bh_cache_list(cache, add_entry, &s, NULL) == BH_OK);
	return s;
}

/* Those that hold, and those of them that this build made. */
static sums sums_of(const contents *all, bool of_this_build)
{
	sums s = {0};
	for (size_t i = 0; i < all->count; i++) {
		const frame *f = &all->frames[i];
		bh_record record = record_at_end(f->data, f->length);
		if (!record_holds(f->data, f->length) || last_of(all, all->count, f->name) != f ||
		    (of_this_build && memcmp(record.release, bh_engine_release(), BH_HASH) != 0))
			continue;
		s.entries++;
		s.bytes += f->length;
	}
	return s;
}

/* What was taken goes into a bundle, and from there into another cache, as it is. */
static void check_passed_on(bh_cache *cache, const contents *all)
{
	bh_error *err = NULL;
	sums good = sums_of(all, false), ours = sums_of(all, true), kept;
	assert(bh_cache_verify(cache, NULL, NULL, NULL) == BH_OK);
	kept = list(cache);
	assert(kept.entries == good.entries && kept.bytes == good.bytes);
	uint64_t written = 77, read = 77;
	assert(bh_cache_export(cache, exported_path, keys.secret_key, &written, &err) == BH_OK && !err);
	assert(written == ours.entries);
	bh_cache *second = open_cache(second_dir);
	assert(bh_cache_import(second, exported_path, keys.public_key, &read, &err) == BH_OK && !err);
	assert(read == written);
	kept = list(second);
	assert(kept.entries == ours.entries && kept.bytes == ours.bytes);
	assert(bh_cache_verify(second, NULL, NULL, NULL) == BH_OK && list(second).entries == ours.entries);
	assert(bh_cache_clear(second, NULL, NULL) == BH_OK);
	bh_cache_close(second);
}

static void check_taken(bh_cache *cache, const uint8_t *data, size_t size, bh_status status, uint64_t count)
{
	contents all = walk(data, size);
	if (all.count == MAX_FRAMES)
		return;
	assert(all.whole == (status == BH_OK));
	/* All of it, or nothing. */
	assert(count == (status ? 0 : all.count));
	all.count = count;
	check_folder(&all, count);
	assert(list(cache).entries == distinct(&all, count));
	check_passed_on(cache, &all);
}

static void check_bundle(const uint8_t *data, size_t size)
{
	bh_error *err = NULL;
	uint64_t count = 77;
	bh_cache *cache = open_cache(first_dir);
	write_whole(bundle_path, data, size);
	bh_status status = bh_cache_import(cache, bundle_path, keys.public_key, &count, &err);
	bool looks_right = size >= SMALLEST && !memcmp(data, bundle_magic, sizeof bundle_magic);
	bool is_signed = looks_right && signed_by_us(data, size);
	if (status)
		check_refusal(status, looks_right && !is_signed ? BH_E_UNTRUSTED : BH_E_PARSE, err);
	else
		assert(is_signed && !err);
	if (is_signed)
		check_taken(cache, data, size, status, count);
	else
		assert(!count && !list(cache).entries);
	check_outside();
	assert(bh_cache_clear(cache, NULL, NULL) == BH_OK && !list(cache).entries);
	bh_cache_close(cache);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	check_bundle(data, size);
	if (size < SMALLEST)
		return 0;
	uint8_t *mended = malloc(size);
	assert(mended);
	memcpy(mended, data, size);
	sign_bundle(mended, size);
	check_bundle(mended, size);
	mend_frames(mended, size);
	sign_bundle(mended, size);
	check_bundle(mended, size);
	free(mended);
	return 0;
}
