/*
 * Bundles: the artifacts of a cache as one signed file, so that one machine's compiling serves the next.
 *
 *     "bulkhead-bundle1" { [length] [artifact] }... [0] [count] [public key] [signature]
 *
 * Numbers are 64 bits, little-endian. The signature is over the BLAKE2b-256 of everything before it. Nothing of a
 * bundle is used before its signature and all that it holds were found right.
 */
#include <errno.h>
#include <fcntl.h>
#include <sodium.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/io.h"
#include "bulkhead/artifact.h"
#include "cache/cache.h"

static const char magic[16] = "bulkhead-bundle1";

/* At once, from an artifact into a bundle. */
enum { CHUNK = 256 * 1024 };

/* Writing: into a temporary file, hashed on the way. */

typedef struct {
	bh_cache *cache;
	int fd;
	bh_hash hash;
	uint64_t count;
	uint64_t length;
	int failed; /* errno */
} writer;

static void add(writer *w, const void *data, size_t length)
{
	bh_hash_add(&w->hash, data, length);
	w->length += length;
	if (!w->failed && (!bh_may_write(w->length) || !bh_write_all(w->fd, data, length)))
		w->failed = errno;
}

static void add_file(writer *w, int fd, uint64_t length)
{
	BH_AUTO(bh_free) void *chunk = bh_alloc(CHUNK);
	if (!chunk)
		w->failed = ENOMEM;
	add(w, &length, sizeof length);
	for (uint64_t at = 0; at < length && !w->failed;) {
		size_t part = length - at < CHUNK ? (size_t)(length - at) : CHUNK;
		if (bh_read_at(fd, chunk, part, at))
			add(w, chunk, part);
		else
			w->failed = errno;
		at += part;
	}
	w->count++;
}

/* Entries that this build can load; what is damaged, gone meanwhile, or another's is left behind. */
static bool add_entry(void *data, const bh_cache_entry *entry)
{
	writer *w = data;
	struct stat info;
	bh_record record;
	__attribute__((cleanup(bh_close_auto))) int fd = open(entry->path, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0 && (errno == EMFILE || errno == ENFILE || errno == ENOMEM))
		w->failed = errno;
	if (fd < 0 || fstat(fd, &info) < 0 || !bh_record_read(&record, fd, &info) ||
	    memcmp(record.release, bh_engine_release(), BH_HASH) != 0)
		return !w->failed;
	bh_check found = bh_record_check(&record, fd, 0);
	if (found == BH_CHECK_UNKNOWN)
		w->failed = errno;
	if (found == BH_CHECK_GOOD)
		add_file(w, fd, (uint64_t)info.st_size);
	return !w->failed;
}

static bh_status write_bundle(writer *w, const uint8_t *secret_key, bh_error **err)
{
	uint8_t digest[BH_HASH], public_key[BH_PUBLIC_KEY], signature[crypto_sign_BYTES];
	bh_hash_begin(&w->hash);
	add(w, magic, sizeof magic);
	bh_status status = bh_cache_list(w->cache, add_entry, w, err);
	if (status)
		return status;
	const uint64_t end[] = {0, w->count};
	add(w, end, sizeof end);
	crypto_sign_ed25519_sk_to_pk(public_key, secret_key);
	add(w, public_key, sizeof public_key);
	bh_hash_end(&w->hash, digest);
	crypto_sign_detached(signature, NULL, digest, sizeof digest, secret_key);
	bh_hash_begin(&w->hash);
	add(w, signature, sizeof signature);
	if (!w->failed && fsync(w->fd) < 0)
		w->failed = errno;
	if (w->failed == ENOMEM)
		return bh_fail_memory(err);
	return w->failed ? bh_fail_errno(err, BH_E_IO, w->failed, "the bundle could not be written") : BH_OK;
}

bh_status bh_cache_export(bh_cache *cache, const char *path, const uint8_t *secret_key, uint64_t *count, bh_error **err)
{
	if (!path || !secret_key || sodium_init() < 0)
		return bh_fail(err, BH_E_INVALID, "bh_cache_export: no %s", path ? "key to sign with" : "path");
	BH_AUTO(bh_free) char *temporary = bh_format("%s.new-%ld", path, (long)getpid());
	if (!temporary)
		return bh_fail_memory(err);
	writer w = {.cache = cache};
	w.fd = open(temporary, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0666);
	if (w.fd < 0)
		return bh_fail_errno(err, BH_E_IO, errno, "%s", path);
	bh_status status = write_bundle(&w, secret_key, err);
	close(w.fd);
	if (!status && rename(temporary, path) < 0)
		status = bh_fail_errno(err, BH_E_IO, errno, "%s", path);
	if (status)
		unlink(temporary);
	if (count)
		*count = w.count;
	return status;
}

/* Reading. What is read is a copy of ours by then: the file may be anybody's, who could change it between two looks. */

typedef struct {
	bh_cache *cache;
	const char *path; /* as it was named */
	int fd;
	uint64_t end;   /* where the public key begins: nothing behind that is signed */
	uint64_t count; /* of those taken */
	uint64_t bytes;
} reader;

static bh_status not_a_bundle(const reader *r, bh_error **err)
{
	return bh_fail(err, BH_E_PARSE, "%s: not a bundle, or a damaged one", r->path);
}

/* errno says why. */
static bh_status not_read(const reader *r, bh_error **err)
{
	return errno == ENOMEM ? bh_fail_memory(err) : bh_fail_errno(err, BH_E_IO, errno, "%s", r->path);
}

static bh_status check_signature(const reader *r, const uint8_t *trusted_key, bh_error **err)
{
	uint8_t digest[BH_HASH], by[BH_PUBLIC_KEY], signature[crypto_sign_BYTES];
	char start[sizeof magic];
	if (!bh_read_at(r->fd, start, sizeof start, 0) || !bh_read_at(r->fd, by, sizeof by, r->end) ||
	    !bh_read_at(r->fd, signature, sizeof signature, r->end + sizeof by))
		return not_read(r, err);
	if (memcmp(start, magic, sizeof magic) != 0)
		return not_a_bundle(r, err);
	if (bh_hash_file(digest, r->fd, 0, r->end + sizeof by) != BH_HASH_DONE)
		return not_read(r, err);
	if (!sodium_memcmp(by, trusted_key, sizeof by) &&
	    !crypto_sign_verify_detached(signature, digest, sizeof digest, trusted_key))
		return BH_OK;
	char text[BH_HASH_TEXT];
	bh_hash_text(text, by);
	bh_error *e = bh_error_begin(err, BH_E_UNTRUSTED, "%s: not signed with the trusted key, or changed since", r->path);
	bh_error_hint_set(e, "It says that it is signed by %s.", text);
	return BH_E_UNTRUSTED;
}

typedef bh_status visit(reader *r, const bh_record *record, uint64_t at, uint64_t length, bh_error **err);

static bh_status check_one(reader *r, const bh_record *record, uint64_t at, uint64_t length, bh_error **err)
{
	(void)length;
	bh_check found = bh_record_check(record, r->fd, at);
	if (found == BH_CHECK_UNKNOWN)
		return not_read(r, err);
	return found == BH_CHECK_GOOD ? BH_OK : not_a_bundle(r, err);
}

static bh_status take_one(reader *r, const bh_record *record, uint64_t at, uint64_t length, bh_error **err)
{
	char folder[BH_HASH_TEXT], text[BH_HASH_TEXT], name[BH_HASH_TEXT + 8];
	const bh_piece piece = {.fd = r->fd, .at = at, .length = length};
	bh_cache_engine_name(folder, record->engine);
	bh_hash_text(text, record->source);
	snprintf(name, sizeof name, "%s" BH_CACHE_ARTIFACT, text);
	if (!bh_cache_publish(r->cache, folder, name, &piece, 1, true, NULL))
		return errno == ENOMEM ? bh_fail_memory(err)
		                       : bh_fail_errno(err, BH_E_IO, errno, "%s", r->cache->settings.folder);
	r->count++;
	r->bytes += length;
	return BH_OK;
}

static bh_status check_end(const reader *r, uint64_t at, uint64_t count, bh_error **err)
{
	uint64_t said;
	if (r->end - at != sizeof said)
		return not_a_bundle(r, err);
	if (!bh_read_at(r->fd, &said, sizeof said, at))
		return not_read(r, err);
	return said == count ? BH_OK : not_a_bundle(r, err);
}

/* Each artifact, in order, its record found whole. */
static bh_status each(reader *r, visit *look, bh_error **err)
{
	bh_record record;
	uint64_t length, count = 0;
	for (uint64_t at = sizeof magic;; at += length, count++) {
		if (r->end - at < sizeof length)
			return not_a_bundle(r, err);
		if (!bh_read_at(r->fd, &length, sizeof length, at))
			return not_read(r, err);
		at += sizeof length;
		if (!length)
			return check_end(r, at, count, err);
		if (length <= sizeof record || length > r->end - at)
			return not_a_bundle(r, err);
		if (!bh_read_at(r->fd, &record, sizeof record, at + length - sizeof record))
			return not_read(r, err);
		if (!bh_record_holds(&record, length - sizeof record))
			return not_a_bundle(r, err);
		bh_status status = look(r, &record, at, length, err);
		if (status)
			return status;
	}
}

static bh_status import(reader *r, const uint8_t *trusted_key, bh_error **err)
{
	struct stat info;
	enum { TRAILER = BH_PUBLIC_KEY + crypto_sign_BYTES, LEAST = sizeof magic + 2 * sizeof(uint64_t) + TRAILER };
	__attribute__((cleanup(bh_close_auto))) int fd = open(r->path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	if (fd < 0 && (errno == ENOENT || errno == ENOTDIR))
		return bh_fail(err, BH_E_NOT_FOUND, "%s: no such file", r->path);
	if (fd < 0 || fstat(fd, &info) < 0)
		return bh_fail_errno(err, BH_E_IO, errno, "%s", r->path);
	if (!S_ISREG(info.st_mode))
		return bh_fail(err, BH_E_IO, "%s: not a regular file", r->path);
	if (info.st_size < LEAST)
		return not_a_bundle(r, err);
	__attribute__((cleanup(bh_close_auto))) int own = bh_folder_copy(r->cache->folder, fd, 0, (uint64_t)info.st_size);
	if (own < 0 && errno != ENOMEM)
		return bh_fail_errno(err, BH_E_IO, errno, "%s: cannot be copied", r->path);
	if (own < 0)
		return bh_fail_memory(err);
	r->fd = own;
	r->end = (uint64_t)info.st_size - TRAILER;
	bh_status status = check_signature(r, trusted_key, err);
	if (!status)
		status = each(r, check_one, err);
	return status ? status : each(r, take_one, err);
}

bh_status bh_cache_import(bh_cache *cache, const char *path, const uint8_t *trusted_key, uint64_t *count,
                          bh_error **err)
{
	if (!path || !trusted_key || sodium_init() < 0)
		return bh_fail(err, BH_E_INVALID, "bh_cache_import: no %s", path ? "key to trust" : "path");
	reader r = {.cache = cache, .path = path};
	bh_status status = import(&r, trusted_key, err);
	if (count)
		*count = r.count;
	/* What was taken before something failed stays, and counts. */
	bh_counters_add(&cache->counters, BH_COUNTER_written, r.bytes);
	if (r.count)
		bh_cache_sweep_if_due(cache);
	return status;
}
