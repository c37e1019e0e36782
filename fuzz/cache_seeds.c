/*
 * Writes the inputs that the fuzz targets of the cache begin with, those that nobody could type: cache_seeds CORPUS
 * makes CORPUS/artifact, CORPUS/bundle and CORPUS/cache_notes. To be run again where a format changes.
 */
#include "cache_files.h"

#include <inttypes.h>

#include "cache/counters.h"
#include "cache/folder.h"

enum { CODE = 40, ARTIFACT = CODE + sizeof(bh_record), WORD = sizeof(uint64_t), MAX_SEED = 16384 };

/* A seed that grows. */
typedef struct {
	uint8_t data[MAX_SEED];
	size_t size;
} seed;

static key_pair keys;
static char folder[200];

static void add(seed *s, const void *data, size_t size)
{
	assert(s->size + size <= sizeof s->data);
	memcpy(s->data + s->size, data, size);
	s->size += size;
}

static void add_word(seed *s, uint64_t word)
{
	add(s, &word, sizeof word);
}

static void save(const seed *s, const char *kind, const char *name)
{
	char path[PATH_MAX];
	snprintf(path, sizeof path, "%s/%s", folder, kind);
	assert(!mkdir(path, 0777) || errno == EEXIST);
	snprintf(path, sizeof path, "%s/%s/%s", folder, kind, name);
	FILE *file = fopen(path, "wb");
	assert(file && fwrite(s->data, 1, s->size, file) == s->size && !fclose(file));
}

/* Artifacts. */

static bh_record plain_record(void)
{
	bh_record record = {
		.code_length = CODE,
		.initial_memory = 65536,
		.core_instances = 1,
		.memories = 1,
		.compile_ns = 1500000,
		.created_s = 1700000000,
		.engine_text = "48.0.8 x86_64",
		.name = "hello.wasm",
	};
	memcpy(record.magic, artifact_magic, sizeof record.magic);
	memset(record.engine, 0x11, sizeof record.engine);
	memset(record.source, 0x22, sizeof record.source);
	return record;
}

static const uint8_t code[CODE] = "\177ELF, or so it begins, and goes on long";

/* With a checksum and a seal that hold, whatever else is said. */
static void add_artifact(seed *s, bh_record record, const key_pair *signer)
{
	bh_hash_blake2(record.checksum, code, sizeof code);
	seal_and_sign(&record, signer);
	add(s, code, sizeof code);
	add(s, &record, sizeof record);
}

static void save_artifact(const char *name, bh_record record, const key_pair *signer)
{
	seed s = {.size = 0};
	add_artifact(&s, record, signer);
	save(&s, "artifact", name);
}

/* Records that hold, and say strange things. */
static void save_strange_records(void)
{
	static const uint64_t lengths[] = {0, CODE - 1, CODE + 1, ARTIFACT, INT64_MAX, UINT64_MAX, UINT64_C(1) << 63};
	char name[40];
	for (size_t i = 0; i < sizeof lengths / sizeof *lengths; i++) {
		bh_record record = plain_record();
		record.code_length = lengths[i];
		snprintf(name, sizeof name, "length-%" PRIx64, lengths[i]);
		save_artifact(name, record, NULL);
	}
	bh_record record = plain_record();
	record.created_s = INT64_MIN;
	record.compile_ns = record.initial_memory = record.core_instances = UINT64_MAX;
	record.memories = record.tables = record.wrapped = record.quiet = UINT32_MAX;
	save_artifact("numbers-largest", record, &keys);
	record = plain_record();
	snprintf(record.name, sizeof record.name, "../../../../etc/passwd");
	save_artifact("name-upwards", record, &keys);
	snprintf(record.name, sizeof record.name, "\033[31mred\r\nand another line\xff\xfe");
	snprintf(record.engine_text, sizeof record.engine_text, "%%s%%n metered\t\x9b");
	save_artifact("name-with-escapes", record, NULL);
	memset(record.name, 'n', sizeof record.name);
	save_artifact("name-without-end", record, NULL);
	record = plain_record();
	memset(record.engine_text, 'e', sizeof record.engine_text);
	save_artifact("engine-without-end", record, &keys);
	memset(&record, 0, sizeof record);
	memcpy(record.magic, artifact_magic, sizeof record.magic);
	record.code_length = CODE;
	save_artifact("says-nothing", record, NULL);
}

static void save_part(const char *name, const seed *whole, size_t from, size_t size)
{
	seed s = {.size = 0};
	add(&s, whole->data + from, size);
	save(&s, "artifact", name);
}

static void save_flipped(const char *name, const seed *whole, size_t at)
{
	seed s = *whole;
	s.data[at] ^= 1;
	save(&s, "artifact", name);
}

static void save_artifacts(void)
{
	seed whole = {.size = 0};
	key_pair others;
	static const uint8_t other[crypto_sign_SEEDBYTES] = "another key, that nobody trusts";
	assert(!crypto_sign_seed_keypair(others.public_key, others.secret_key, other));
	save_artifact("unsigned", plain_record(), NULL);
	save_artifact("signed-by-another", plain_record(), &others);
	/* Our signature, of a record that names the other key. */
	memcpy(others.secret_key, keys.secret_key, sizeof others.secret_key);
	save_artifact("key-of-another", plain_record(), &others);
	add_artifact(&whole, plain_record(), &keys);
	save_part("signed", &whole, 0, ARTIFACT);
	save_part("empty", &whole, 0, 0);
	save_part("cut-by-one", &whole, 0, ARTIFACT - 1);
	save_part("cut-in-front", &whole, 1, ARTIFACT - 1);
	save_part("cut-to-one-byte-of-code", &whole, CODE - 1, ARTIFACT - CODE + 1);
	save_part("cut-to-the-record", &whole, CODE, sizeof(bh_record));
	save_flipped("magic", &whole, CODE);
	save_flipped("code", &whole, 0);
	save_flipped("key", &whole, CODE + offsetof(bh_record, key));
	save_flipped("seal", &whole, CODE + offsetof(bh_record, seal));
	save_flipped("signature", &whole, ARTIFACT - 1);
	add(&whole, whole.data, ARTIFACT);
	save(&whole, "artifact", "twice");
	add_word(&whole, 0);
	save(&whole, "artifact", "with-more-behind");
	save_strange_records();
}

/* Bundles. */

static seed begin_bundle(void)
{
	seed s = {.size = 0};
	add(&s, "bulkhead-bundle1", 16);
	return s;
}

/* Engines and sources by their number; the release is left zero, for the target to fill in. */
static void add_numbered(seed *s, unsigned engine, unsigned source)
{
	bh_record record = plain_record();
	memset(record.engine, (int)engine, sizeof record.engine);
	memset(record.source, (int)source, sizeof record.source);
	add_word(s, ARTIFACT);
	add_artifact(s, record, NULL);
}

static void sign_seed(seed *s)
{
	uint8_t digest[BH_HASH], signature[crypto_sign_BYTES];
	add(s, keys.public_key, sizeof keys.public_key);
	bh_hash_blake2(digest, s->data, s->size);
	crypto_sign_detached(signature, NULL, digest, sizeof digest, keys.secret_key);
	add(s, signature, sizeof signature);
}

static void save_bundle(const char *name, seed *s)
{
	sign_seed(s);
	save(s, "bundle", name);
}

static void end_bundle(const char *name, seed *s, uint64_t count)
{
	add_word(s, 0);
	add_word(s, count);
	save_bundle(name, s);
}

static void save_good_bundles(void)
{
	seed s = begin_bundle();
	end_bundle("of-nothing", &s, 0);
	s = begin_bundle();
	add_numbered(&s, 1, 1);
	end_bundle("of-one", &s, 1);
	save_part("a-bundle", &s, 0, s.size);
	s.data[s.size - 1] ^= 1;
	save(&s, "bundle", "signature");
	s = begin_bundle();
	for (unsigned i = 0; i < 3; i++)
		add_numbered(&s, 1 + i / 2, 7 + i);
	end_bundle("of-three", &s, 3);
	s = begin_bundle();
	for (unsigned i = 0; i < 12; i++)
		add_numbered(&s, 1 + i, 1);
	end_bundle("of-many-engines", &s, 12);
	s = begin_bundle();
	for (unsigned i = 0; i < 3; i++)
		add_numbered(&s, 1, 1);
	end_bundle("one-name-thrice", &s, 3);
	/* The names of files are made of half the engine's digest and the source's: these are told apart by neither. */
	s = begin_bundle();
	for (uint8_t i = 0; i < 2; i++) {
		bh_record record = plain_record();
		record.engine[BH_HASH - 1] = i;
		record.compile_ns = i;
		snprintf(record.name, sizeof record.name, "../../%u.cwasm", i);
		add_word(&s, ARTIFACT);
		add_artifact(&s, record, NULL);
	}
	end_bundle("names-overlap", &s, 2);
}

static void save_wrong_lengths(void)
{
	static const uint64_t lengths[] = {1,
	                                   sizeof(bh_record),
	                                   ARTIFACT - 1,
	                                   ARTIFACT + 1,
	                                   ARTIFACT + 2 * WORD,
	                                   ARTIFACT + 2 * WORD + 96,
	                                   INT32_MAX,
	                                   UINT32_MAX,
	                                   BH_GIB(2),
	                                   BH_GIB(2) + 1,
	                                   INT64_MAX,
	                                   UINT64_C(1) << 63,
	                                   UINT64_MAX - ARTIFACT,
	                                   UINT64_MAX};
	char name[40];
	for (size_t i = 0; i < sizeof lengths / sizeof *lengths; i++) {
		seed s = begin_bundle();
		add_word(&s, lengths[i]);
		add_artifact(&s, plain_record(), NULL);
		snprintf(name, sizeof name, "length-%" PRIx64, lengths[i]);
		end_bundle(name, &s, 1);
	}
}

static void save_bad_bundles(void)
{
	seed s = begin_bundle();
	save(&s, "bundle", "magic-only");
	save_bundle("without-end", &s);
	s = begin_bundle();
	add_word(&s, 0);
	save_bundle("without-count", &s);
	s = begin_bundle();
	add_numbered(&s, 1, 1);
	save_bundle("of-one-without-end", &s);
	s.size -= 200;
	save(&s, "bundle", "cut");
	s = begin_bundle();
	add_numbered(&s, 1, 1);
	s.size -= crypto_sign_BYTES / 2;
	save_bundle("reaches-into-the-key", &s);
	s = begin_bundle();
	add_numbered(&s, 1, 1);
	end_bundle("count-too-large", &s, UINT64_MAX);
	s = begin_bundle();
	add_word(&s, 0);
	end_bundle("more-behind", &s, 0);
	s = begin_bundle();
	add_numbered(&s, 1, 1);
	add_numbered(&s, 1, 2);
	s.data[s.size - sizeof(bh_record) - 1] ^= 1;
	end_bundle("second-damaged", &s, 2);
	s = begin_bundle();
	add_numbered(&s, 1, 1);
	s.data[s.size - sizeof(bh_record)] ^= 1;
	end_bundle("artifact-unmarked", &s, 1);
	s.size = 0;
	save(&s, "bundle", "empty");
}

/* Notes. */

static void save_index(const char *name, uint64_t size_of_file, bool sealed)
{
	const bh_identity file = {.device = 0x801, .inode = 4711, .size = size_of_file, .mtime_s = 1, .ctime_s = 1};
	seed s = {.size = 0};
	uint8_t source[BH_HASH] = "what the file was", seal[BH_HASH] = {0};
	add(&s, "bh-idx1", 8);
	add(&s, &file, sizeof file);
	add(&s, source, sizeof source);
	if (sealed)
		bh_hash_blake2(seal, s.data, s.size);
	add(&s, seal, sizeof seal);
	save(&s, "cache_notes", name);
}

static void save_counters(const char *name, uint64_t first, uint64_t last, size_t count)
{
	seed s = {.size = 0};
	add(&s, "bh-cnt1", 8);
	for (size_t i = 0; i < count; i++)
		add_word(&s, i + 1 < BH_COUNTER_COUNT ? first : last);
	save(&s, "cache_notes", name);
}

static void save_notes(void)
{
	seed s = {.size = 0};
	save(&s, "cache_notes", "empty");
	save_index("index", 300, true);
	save_index("index-of-another-size", UINT64_MAX, true);
	save_index("index-unsealed", 300, false);
	save_counters("counters", 12, 1700000000, BH_COUNTER_COUNT);
	save_counters("counters-largest", UINT64_MAX, UINT64_MAX, BH_COUNTER_COUNT);
	save_counters("counters-from-the-future", 0, INT64_MAX, BH_COUNTER_COUNT);
	save_counters("counters-too-few", 1, 1, BH_COUNTER_COUNT - 1);
	save_counters("counters-too-many", 1, 1, BH_COUNTER_COUNT + 3);
	const bh_identity was = {1, 2, 3, 4, 5, 6, 7}, never = {0};
	add(&s, &was, sizeof was);
	save(&s, "cache_notes", "seen");
	s.size--;
	save(&s, "cache_notes", "seen-cut");
	s.size = 0;
	add(&s, &never, sizeof never);
	save(&s, "cache_notes", "seen-never");
	add(&s, &never, sizeof never);
	save(&s, "cache_notes", "seen-twice");
}

int main(int argc, char **argv)
{
	if (argc != 2 || strlen(argv[1]) >= sizeof folder) {
		fprintf(stderr, "usage: cache_seeds CORPUS\n");
		return 2;
	}
	snprintf(folder, sizeof folder, "%s", argv[1]);
	keys = fuzz_key();
	save_artifacts();
	save_good_bundles();
	save_wrong_lengths();
	save_bad_bundles();
	save_notes();
	return 0;
}
