/* Any bytes as an artifact, and the same with a record that holds: nothing but what it says is believed of it. */
#include "cache_files.h"

#include "cache/ahead.h"
#include "engine/variant.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerInitialize(int *argc, char ***argv);

static char path[PATH_MAX], copy_path[PATH_MAX];
static key_pair keys;
static bh_variant *variant;

static void free_variant(void)
{
	bh_variant_free(variant);
}

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	(void)argc, (void)argv;
	const bh_variant_spec spec = {.stack = BH_MIB(1)};
	make_work();
	work_path(path, "one.cwasm");
	work_path(copy_path, "copy.cwasm");
	keys = fuzz_key();
	assert(bh_variant_new(&variant, &spec, NULL) == BH_OK);
	atexit(free_variant);
	return 0;
}

/* What a record says, written again, says the same. */
static void check_record(const bh_record *record, const uint8_t *data)
{
	bh_record again = *record;
	struct stat info;
	bh_record_seal(&again);
	assert(!memcmp(&again, record, sizeof again));
	const bh_piece pieces[] = {{.data = data, .length = record->code_length}, {.data = &again, .length = sizeof again}};
	int fd = open(copy_path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	assert(fd >= 0 && bh_pieces_write(fd, pieces, 2) && !fstat(fd, &info));
	assert(bh_record_read(&again, fd, &info) && !memcmp(&again, record, sizeof again));
	assert(bh_record_check(&again, fd, 0) == (code_holds(record, data) ? BH_CHECK_GOOD : BH_CHECK_BAD));
	close(fd);
	bh_code_info known = bh_record_info(record);
	assert(known.initial_memory == record->initial_memory && known.memories == record->memories &&
	       known.tables == record->tables && known.wrapped == (record->wrapped != 0));
}

static bool check_read(const uint8_t *data, size_t size)
{
	bh_record record;
	struct stat info;
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	assert(fd >= 0 && !fstat(fd, &info));
	bool good = bh_record_read(&record, fd, &info);
	close(fd);
	assert(good == record_holds(data, size));
	if (good)
		check_record(&record, data);
	return good;
}

static void check_described(bool good, const uint8_t *data, size_t size)
{
	bh_artifact_info said = BH_ARTIFACT_INFO_INIT;
	bh_error *err = NULL;
	bh_status status = bh_artifact_describe(&said, path, &err);
	if (!good) {
		const bh_artifact_info untouched = BH_ARTIFACT_INFO_INIT;
		assert(!memcmp(&said, &untouched, sizeof said));
		check_refusal(status, BH_E_PARSE, err);
		return;
	}
	bh_record record = record_at_end(data, size);
	assert(status == BH_OK && !err);
	assert(said.code_bytes == record.code_length && said.created_s == record.created_s);
	assert(said.is_signed == !sodium_is_zero(record.key, sizeof record.key));
	assert(!strcmp(said.name, record.name) && !strcmp(said.engine, record.engine_text));
	assert(!memcmp(said.key, record.key, sizeof said.key) && !memcmp(said.source, record.source, sizeof said.source));
}

/* Code of this very build is not mapped: it is run as it is, and this is not code. */
static void check_stale(const bh_ahead *ahead)
{
	bh_error *err = NULL;
	bh_code *code = NULL;
	if (!memcmp(ahead->record.release, bh_engine_release(), BH_HASH))
		return;
	bh_status status = bh_ahead_map(&code, ahead, variant, path, true, &err);
	assert(!code);
	check_refusal(status, BH_E_STALE, err);
}

/* Opened as its owner does, and as somebody who trusts our key. */
static void check_opened(const uint8_t *key, bh_status wanted, const uint8_t *data, size_t size)
{
	bh_ahead ahead;
	bh_error *err = NULL;
	bh_status status = bh_ahead_open(&ahead, path, key, NULL, &err);
	if (wanted) {
		check_refusal(status, wanted, err);
		return;
	}
	assert(status == BH_OK && !err && ahead.identity.size == size);
	assert(!memcmp(&ahead.record, data + size - sizeof ahead.record, sizeof ahead.record));
	check_stale(&ahead);
	close(ahead.fd);
}

static bool signed_by_us(const uint8_t *data, size_t size)
{
	bh_record record = record_at_end(data, size);
	return !memcmp(record.key, keys.public_key, sizeof record.key) &&
	       !crypto_sign_verify_detached(record.signature, (const uint8_t *)&record, offsetof(bh_record, signature),
	                                    keys.public_key);
}

static void check_file(const uint8_t *data, size_t size)
{
	write_whole(path, data, size);
	bool good = check_read(data, size);
	check_described(good, data, size);
	bh_record record;
	bool holds = good && (record = record_at_end(data, size), code_holds(&record, data));
	check_opened(NULL, holds ? BH_OK : BH_E_PARSE, data, size);
	bool trusted = good && signed_by_us(data, size);
	check_opened(keys.public_key, good && !trusted ? BH_E_UNTRUSTED : holds ? BH_OK : BH_E_PARSE, data, size);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	check_file(data, size);
	if (size <= sizeof(bh_record))
		return 0;
	uint8_t *mended = malloc(size);
	assert(mended);
	memcpy(mended, data, size);
	mend_artifact(mended, size, NULL);
	check_file(mended, size);
	mend_artifact(mended, size, &keys);
	check_file(mended, size);
	/* One bit of what is signed, wherever the input says: nobody trusts it then. */
	bh_record record = record_at_end(mended, size);
	size_t bit = (size_t)record.created_s % (8 * offsetof(bh_record, signature));
	mended[size - sizeof record + bit / 8] ^= (uint8_t)(1 << bit % 8);
	assert(!record_holds(mended, size));
	check_file(mended, size);
	free(mended);
	return 0;
}
