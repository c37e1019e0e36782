/*
 * What the fuzz targets of the compile cache share: a folder of their own, a key of their own, and files that hold
 * together again, for mutated ones would not get past the first checksum.
 */
#ifndef BH_FUZZ_CACHE_FILES_H
#define BH_FUZZ_CACHE_FILES_H

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <limits.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "bulkhead/artifact.h"
#include "bulkhead/cache.h"
#include "cache/artifact.h"

/* Where a target works. In memory where that can be: an input is written several times. */
static char work[100];

static inline int remove_one(const char *path, const struct stat *info, int type, struct FTW *where)
{
	(void)info, (void)type, (void)where;
	return remove(path);
}

static inline void remove_work(void)
{
	(void)!nftw(work, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

/* Also forgets what the user's environment says about caches. */
static inline void make_work(void)
{
	static const char *const names[] = {"BULKHEAD_CACHE",         "BULKHEAD_CACHE_DIR", "WASMTIME_CACHE_DIR",
	                                    "WASMTIME_CACHE_ENABLED", "XDG_CACHE_HOME",     "HOME"};
	snprintf(work, sizeof work, "%s/bh-fuzz-XXXXXX", access("/dev/shm", W_OK | X_OK) ? "/tmp" : "/dev/shm");
	assert(mkdtemp(work));
	atexit(remove_work);
	for (size_t i = 0; i < sizeof names / sizeof *names; i++)
		unsetenv(names[i]);
	setenv("XDG_CONFIG_HOME", work, 1);
}

static inline void work_path(char out[PATH_MAX], const char *name)
{
	snprintf(out, PATH_MAX, "%s/%s", work, name);
}

static inline void write_whole(const char *path, const void *data, size_t size)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	assert(fd >= 0 && write(fd, data, size) == (ssize_t)size);
	close(fd);
}

/* To be freed. */
static inline uint8_t *read_whole(const char *path, size_t *size)
{
	struct stat info;
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	assert(fd >= 0 && !fstat(fd, &info));
	*size = (size_t)info.st_size;
	uint8_t *data = malloc(*size + 1);
	assert(data && read(fd, data, *size) == (ssize_t)*size);
	close(fd);
	return data;
}

/* The same for all runs, so that seeds that it signed stay good; no secret, and trusted by nobody else. */
typedef struct {
	uint8_t public_key[BH_PUBLIC_KEY], secret_key[BH_SECRET_KEY];
} key_pair;

static inline key_pair fuzz_key(void)
{
	static const uint8_t seed[crypto_sign_SEEDBYTES] = "a key to fuzz with, of no value";
	key_pair keys;
	assert(sodium_init() >= 0 && !crypto_sign_seed_keypair(keys.public_key, keys.secret_key, seed));
	return keys;
}

static const char artifact_magic[16] = "bulkhead-cwasm-1";

static inline bh_record record_at_end(const uint8_t *data, size_t size)
{
	bh_record record;
	assert(size > sizeof record);
	memcpy(&record, data + size - sizeof record, sizeof record);
	return record;
}

/* Without a key it is sealed only; `key` and `signature` are as they were. */
static inline void seal_and_sign(bh_record *record, const key_pair *keys)
{
	if (keys)
		memcpy(record->key, keys->public_key, sizeof record->key);
	bh_record_seal(record);
	if (keys)
		crypto_sign_detached(record->signature, NULL, (const uint8_t *)record, offsetof(bh_record, signature),
		                     keys->secret_key);
}

/* Makes any bytes longer than a record an artifact. A release of zeros becomes this build's. */
static inline void mend_artifact(uint8_t *data, size_t size, const key_pair *keys)
{
	bh_record record = record_at_end(data, size);
	memcpy(record.magic, artifact_magic, sizeof record.magic);
	record.code_length = size - sizeof record;
	bh_hash_blake2(record.checksum, data, record.code_length);
	if (sodium_is_zero(record.release, sizeof record.release))
		memcpy(record.release, bh_engine_release(), sizeof record.release);
	seal_and_sign(&record, keys);
	memcpy(data + size - sizeof record, &record, sizeof record);
}

/* Whether the code is what the record says. */
static inline bool code_holds(const bh_record *record, const uint8_t *data)
{
	uint8_t checksum[BH_HASH];
	bh_hash_blake2(checksum, data, record->code_length);
	return !memcmp(checksum, record->checksum, sizeof checksum);
}

/* Whether there is a good record at the end, by what artifact.h says and not by what artifact.c does. */
static inline bool record_holds(const uint8_t *data, size_t size)
{
	uint8_t seal[BH_HASH];
	if (size <= sizeof(bh_record))
		return false;
	bh_record record = record_at_end(data, size);
	bh_hash_blake2(seal, &record, offsetof(bh_record, seal));
	return !memcmp(record.magic, artifact_magic, sizeof record.magic) && record.code_length == size - sizeof record &&
	       !memcmp(seal, record.seal, sizeof seal) && !record.name[sizeof record.name - 1] &&
	       !record.engine_text[sizeof record.engine_text - 1];
}

/* Nothing that a terminal would take for a command. */
static inline bool is_tame(const char *text)
{
	for (const unsigned char *c = (const unsigned char *)text; *c; c++)
		if ((*c < 0x20 && *c != '\n') || *c == 0x7F || (*c == 0xC2 && c[1] >= 0x80 && c[1] < 0xA0))
			return false;
	return true;
}

/* A refusal with words for it, and nothing but that. */
static inline void check_refusal(bh_status status, bh_status wanted, bh_error *err)
{
	assert(is_tame(bh_error_message(err)) && (!bh_error_hint(err) || is_tame(bh_error_hint(err))));
	assert(status == wanted && err && bh_error_status(err) == wanted);
	assert(*bh_error_message(err) && (!bh_error_hint(err) || *bh_error_hint(err)));
	bh_error_free(err);
}

#endif
