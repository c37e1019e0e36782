#include "cache/artifact.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/io.h"

_Static_assert(sizeof(bh_record) == 528, "a part of the format: with another size goes another magic");

static const char magic[16] = "bulkhead-cwasm-1";

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
		.quiet = info->quiet,
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
		.quiet = record->quiet,
	};
}

bool bh_record_holds(const bh_record *record, uint64_t code_length)
{
	uint8_t seal[BH_HASH];
	seal_of(seal, record);
	/* Text for people ends in any case. */
	return !memcmp(record->magic, magic, sizeof magic) && record->code_length == code_length &&
	       !memcmp(seal, record->seal, sizeof seal) && !record->name[sizeof record->name - 1] &&
	       !record->engine_text[sizeof record->engine_text - 1];
}

bool bh_record_read(bh_record *out, int fd, const struct stat *info)
{
	off_t at = info->st_size - (off_t)sizeof *out;
	return at > 0 && bh_read_at(fd, out, sizeof *out, (uint64_t)at) && bh_record_holds(out, (uint64_t)at);
}

bh_check bh_record_check(const bh_record *record, int fd, uint64_t at)
{
	uint8_t checksum[BH_HASH];
	bh_hashed read = bh_hash_file(checksum, fd, at, record->code_length);
	if (read == BH_HASH_UNREAD)
		return BH_CHECK_UNKNOWN;
	bool good = read == BH_HASH_DONE && !memcmp(checksum, record->checksum, BH_HASH);
	return good ? BH_CHECK_GOOD : BH_CHECK_BAD;
}
