/*
 * Any bytes as what the cache notes beside its artifacts: the digest of a file (index), what an artifact was (.seen), and
 * the counters. As they are, and as long and marked as they should be. A note that does not hold costs time, no more.
 */
#include "cache_files.h"

#include "cache/cache.h"
#include "engine/code.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerInitialize(int *argc, char ***argv);

/* As cache.c and counters.c write them. */
typedef struct {
	char magic[8];
	bh_identity file;
	uint8_t source[BH_HASH];
	uint8_t seal[BH_HASH];
} index_note;

typedef struct {
	char magic[8];
	uint64_t values[BH_COUNTER_COUNT];
} counters_note;

static const char guest[] = "(component (core module $m (func (export \"f\")))"
							" (core instance $i (instantiate $m))"
							" (func (export \"nothing\") (canon lift (core func $i \"f\"))))";
static const bh_code_options how = {.name = "nothing", .linking = BH_LINK_NOTHING};
static const uint8_t source[BH_HASH] = "the digest of a guest"; /* whatever it is: only the name of a file */

static char dir[PATH_MAX], engine_dir[PATH_MAX], index_dir[PATH_MAX], counters_path[PATH_MAX];
static char artifact_path[PATH_MAX], seen_path[PATH_MAX];
static uint8_t *artifact;
static size_t artifact_size;
static bh_variant *variant;
static bh_cache *cache;
static unsigned warnings;

static void clean_up(void)
{
	bh_cache_close(cache);
	bh_variant_free(variant);
	free(artifact);
}

static void count_warning(void *data, const char *message)
{
	(void)data;
	assert(*message);
	warnings++;
}

static void open_cache(void)
{
	bh_cache_options options = BH_CACHE_OPTIONS_INIT;
	options.mode = BH_CACHE_ON;
	options.dir = dir;
	warnings = 0;
	assert(bh_cache_new(&cache, &options, count_warning, NULL, NULL) == BH_OK && bh_cache_on(cache));
}

static void name_places(void)
{
	char engine[BH_HASH_TEXT], text[BH_HASH_TEXT];
	bh_hash_text(engine, bh_variant_identity(variant));
	bh_hash_text(text, source);
	work_path(index_dir, "cache/v1/index");
	work_path(counters_path, "cache/v1/counters");
	snprintf(engine_dir, sizeof engine_dir, "%.200s/v1/%.*s", dir, BH_HASH, engine);
	snprintf(artifact_path, sizeof artifact_path, "%.400s/%s.cwasm", engine_dir, text);
	snprintf(seen_path, sizeof seen_path, "%.400s/%s.seen", engine_dir, text);
}

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	(void)argc, (void)argv;
	const bh_variant_spec spec = {.stack = BH_MIB(1)};
	bh_code *code = NULL;
	make_work();
	work_path(dir, "cache");
	assert(bh_variant_new(&variant, &spec, NULL) == BH_OK);
	name_places();
	open_cache();
	assert(bh_code_compile(&code, variant, guest, sizeof guest - 1, &how, NULL) == BH_OK);
	bh_cache_keep(cache, code, variant, source, "nothing");
	bh_code_free(code);
	artifact = read_whole(artifact_path, &artifact_size);
	assert(!mkdir(index_dir, 0700) && !warnings);
	atexit(clean_up);
	return 0;
}

/* Only a note of the very same file, whole, is believed, and says what was noted. */
static void check_index(const void *data, size_t size)
{
	static const bh_identity file = {.device = 0x801, .inode = 4711, .size = 300, .mtime_s = 1, .ctime_s = 1};
	char path[PATH_MAX];
	index_note note;
	uint8_t seal[BH_HASH], said[BH_HASH] = "untouched", untouched[BH_HASH] = "untouched";
	snprintf(path, sizeof path, "%.400s/801-1267", index_dir);
	write_whole(path, data, size);
	bool holds = size == sizeof note;
	if (holds) {
		memcpy(&note, data, sizeof note);
		bh_hash_blake2(seal, &note, offsetof(index_note, seal));
		holds = !memcmp(note.magic, "bh-idx1", 8) && !memcmp(&note.file, &file, sizeof file) &&
		        !memcmp(note.seal, seal, sizeof seal);
	}
	assert(bh_cache_recall(cache, &file, said) == holds);
	assert(!memcmp(said, holds ? note.source : untouched, sizeof said));
	/* Noted anew, whatever was there; the same digest is the same note. */
	bh_cache_note(cache, &file, said);
	size_t length;
	uint8_t *again = read_whole(path, &length);
	assert(length == sizeof note && (!holds || !memcmp(again, data, size)));
	assert(bh_cache_recall(cache, &file, untouched) && !memcmp(untouched, said, sizeof said));
	free(again);
}

/* The same with all that makes it a note but, in one of two, the seal; what is noted is the input's. */
static void check_mended_index(const uint8_t *data, size_t size)
{
	index_note note = {.magic = "bh-idx1", .file = {0x801, 4711, 300, 1, 0, 1, 0}};
	memcpy(note.source, data, size < BH_HASH ? size : BH_HASH);
	if (size > BH_HASH)
		memcpy(note.seal, data + BH_HASH, size - BH_HASH < BH_HASH ? size - BH_HASH : BH_HASH);
	check_index(&note, sizeof note);
	bh_hash_blake2(note.seal, &note, offsetof(index_note, seal));
	check_index(&note, sizeof note);
}

static bool is_found(void)
{
	bh_code *code = NULL;
	assert(bh_cache_find(cache, &code, variant, source, &how, NULL) == BH_OK);
	bh_code_free(code);
	return code;
}

/* The artifact is found whatever is noted of it; a damaged one is not, but for a note that was forged for it. */
static void check_seen(const uint8_t *data, size_t size, bool damaged)
{
	bh_identity note;
	struct stat info;
	/* A sweep removes it when nothing is in it. */
	assert(!mkdir(engine_dir, 0700) || errno == EEXIST);
	if (damaged)
		artifact[artifact_size / 3] ^= 1;
	write_whole(artifact_path, artifact, artifact_size);
	if (damaged)
		artifact[artifact_size / 3] ^= 1;
	write_whole(seen_path, data, size);
	assert(!stat(artifact_path, &info));
	bh_identity identity = bh_identity_of(&info);
	assert(size != sizeof identity || memcmp(data, &identity, size) != 0);
	assert(is_found() == !damaged);
	assert(access(artifact_path, F_OK) == -damaged && access(seen_path, F_OK) == -damaged);
	if (damaged)
		return;
	uint8_t *noted = read_whole(seen_path, &size);
	assert(size == sizeof note && !memcmp(noted, &identity, size));
	free(noted);
	assert(is_found());
}

static void check_counters(const void *data, size_t size)
{
	const counters_note none = {0};
	counters_note before, after;
	uint64_t values[BH_COUNTER_COUNT];
	bh_counters counters = {0};
	char folder[PATH_MAX];
	size_t length;
	/* A longer file than this build writes may be another's. */
	bool holds = size >= sizeof before && !memcmp(data, "bh-cnt1", 8);
	memcpy(&before, holds ? data : &none, sizeof before);
	write_whole(counters_path, data, size);
	work_path(folder, "cache/v1");
	int fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	assert(fd >= 0 && bh_counters_flush(&counters, fd, values));
	assert(!memcmp(values, before.values, sizeof values));
	bh_counters_add(&counters, BH_COUNTER_hits, 3);
	bh_counters_add(&counters, BH_COUNTER_saved_ns, UINT64_MAX);
	assert(bh_counters_flush(&counters, fd, NULL) && bh_counters_flush(&counters, fd, values));
	uint8_t *written = read_whole(counters_path, &length);
	assert(length == (size > sizeof after ? size : sizeof after));
	memcpy(&after, written, sizeof after);
	free(written);
	assert(!memcmp(after.magic, "bh-cnt1", 8) && !memcmp(after.values, values, sizeof values));
	before.values[BH_COUNTER_hits] += 3;
	before.values[BH_COUNTER_saved_ns] += UINT64_MAX;
	assert(!memcmp(before.values, values, sizeof values));
	/* However much it says was written, and whenever it says that was looked at. */
	bh_cache_sweep_if_due(cache);
	bh_counters_swept(&counters, fd);
	assert(bh_counters_flush(&counters, fd, values) && !values[BH_COUNTER_written]);
	close(fd);
}

static void check_mended_counters(const uint8_t *data, size_t size)
{
	counters_note note = {.magic = "bh-cnt1"};
	memcpy(note.values, data, size < sizeof note.values ? size : sizeof note.values);
	check_counters(&note, sizeof note);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	check_index(data, size);
	check_mended_index(data, size);
	check_seen(data, size, false);
	check_seen(data, size, true);
	check_counters(data, size);
	check_mended_counters(data, size);
	/* A new one: it warns once, and keeps what was counted until it is closed. */
	assert(warnings <= 1);
	bh_cache_close(cache);
	open_cache();
	return 0;
}
