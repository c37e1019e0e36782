/*
 * Artifacts: compiled code as a file, and behind it a record of what it is and where it came from.
 *
 *     [compiled code, as the engine writes it] [bh_record]
 *
 * The engine reads from the front and maps the file as it is; the record is at the end so that one file, renamed
 * into place, is all there is to an artifact. In the machine's own byte order: it is for this machine's engine.
 */
#ifndef BH_CACHE_ARTIFACT_H
#define BH_CACHE_ARTIFACT_H

#include "base/hash.h"
#include "cache/folder.h"
#include "engine/code.h"

typedef struct {
	char magic[16];
	uint64_t code_length;
	uint8_t engine[BH_HASH];   /* bh_variant_identity() */
	uint8_t release[BH_HASH];  /* bh_engine_release() */
	uint8_t source[BH_HASH];   /* SHA-256 of what was compiled */
	uint8_t checksum[BH_HASH]; /* of the code */
	uint64_t initial_memory, core_instances;
	uint32_t memories, tables;
	uint64_t compile_ns;
	int64_t created_s;
	uint32_t wrapped;     /* 1: it was a core module */
	uint32_t quiet;       /* 1: it has no start functions; earlier records do not say */
	char engine_text[80]; /* for people */
	char name[120];
	uint8_t key[32];       /* who signed it; zero: nobody */
	uint8_t seal[BH_HASH]; /* of everything above */
	uint8_t signature[64]; /* over everything above */
} bh_record;

/* Describe code that was compiled from `source`. `code` and its checksum are filled in here too. */
void bh_record_fill(bh_record *out, const bh_code *code, const bh_variant *variant, const uint8_t source[BH_HASH],
                    const char *name, const void *bytes, size_t length);

/* Seal it, after the last change but the signature. */
void bh_record_seal(bh_record *record);

/* What bh_code_map() needs to know. */
bh_code_info bh_record_info(const bh_record *record);

/* Whether it is whole, and a record of code of that length. The seal is only good against accidents. */
bool bh_record_holds(const bh_record *record, uint64_t code_length);

/* Read the record at the end of a file. False: it is no artifact, or a damaged one. */
bool bh_record_read(bh_record *out, int fd, const struct stat *info);

/* Whether the code, which begins at `at` in the file, is what the record says. Reads it all. */
typedef enum { BH_CHECK_BAD, BH_CHECK_GOOD, BH_CHECK_UNKNOWN /* it could not be read: errno says why */ } bh_check;
bh_check bh_record_check(const bh_record *record, int fd, uint64_t at);

#endif
