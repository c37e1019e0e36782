#include "cache/artifact.h"

#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

_Static_assert(sizeof(bh_record) == 528, "a part of the format: with another size goes another magic");

static const char magic[16] = "bulkhead-cwasm-1";

/* At once, when a whole artifact is read. */
enum { CHUNK = 256 * 1024 };

static void seal_of(uint8_t out[BH_HASH], const bh_record *record)
{
	bh_hash_blake2(out, record, offsetof(bh_record, seal));
}

void bh_record_fill(bh_record *out, const bh_code *code, const bh_variant *variant, const uint8_t source[BH_HASH],
                    const char *name, const void *bytes, size_t length)
{
	const bh_code_info *info = bh_code_describe(code);
	*out = (bh_record){
		.code_length = length,
		.initial_memory = info->initial_memory,
		.core_instances = info->core_instances,
		.memories = info->memories,
		.tables = info->tables,
		.compile_ns = info->compile_ns,
		.created_s = time(NULL),
		.wrapped = info->wrapped,
	};
	memcpy(out->magic, magic, sizeof magic);
	memcpy(out->engine, bh_variant_identity(variant), BH_HASH);
	memcpy(out->release, bh_engine_release(), BH_HASH);
	memcpy(out->source, source, BH_HASH);
	bh_hash_blake2(out->checksum, bytes, length);
	snprintf(out->engine_text, sizeof out->engine_text, "%s", bh_variant_text(variant));
	snprintf(out->name, sizeof out->name, "%s", name);
}

void bh_record_seal(bh_record *record)
{
	seal_of(record->seal, record);
}

bh_code_info bh_record_info(const bh_record *record)
{
	return (bh_code_info){
		.initial_memory = record->initial_memory,
		.core_instances = record->core_instances,
		.memories = record->memories,
		.tables = record->tables,
		.compile_ns = record->compile_ns,
		.wrapped = record->wrapped,
	};
}

bool bh_record_read(bh_record *out, int fd, const struct stat *info)
{
	uint8_t seal[BH_HASH];
	off_t at = info->st_size - (off_t)sizeof *out;
	if (at <= 0 || pread(fd, out, sizeof *out, at) != (ssize_t)sizeof *out)
		return false;
	seal_of(seal, out);
	/* Text for people ends in any case: the seal is only good against accidents. */
	return !memcmp(out->magic, magic, sizeof magic) && out->code_length == (uint64_t)at &&
	       !memcmp(seal, out->seal, sizeof seal) && !out->name[sizeof out->name - 1] &&
	       !out->engine_text[sizeof out->engine_text - 1];
}

bh_check bh_record_check(const bh_record *record, int fd)
{
	BH_AUTO(bh_free) void *chunk = bh_alloc(CHUNK);
	uint8_t checksum[BH_HASH];
	bh_hash hash;
	if (!chunk)
		return BH_CHECK_UNKNOWN;
	bh_hash_begin(&hash);
	for (uint64_t at = 0; at < record->code_length;) {
		uint64_t left = record->code_length - at;
		ssize_t n = pread(fd, chunk, left < CHUNK ? left : CHUNK, (off_t)at);
		if (n <= 0)
			return n < 0 ? BH_CHECK_UNKNOWN : BH_CHECK_BAD;
		bh_hash_add(&hash, chunk, (size_t)n);
		at += (uint64_t)n;
	}
	bh_hash_end(&hash, checksum);
	return memcmp(checksum, record->checksum, BH_HASH) ? BH_CHECK_BAD : BH_CHECK_GOOD;
}
