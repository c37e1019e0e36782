/*
 * Bundles: the artifacts of a cache as one signed file, so that one machine's compiling serves the next.
 *
 *     "bulkhead-bundle1" { [length] [artifact] }... [0] [count] [public key] [signature]
 *
 * Numbers are 64 bits, little-endian. The signature is over the BLAKE2b-256 of everything before it. Nothing of a
 * bundle is used before all of it was read and its signature found right.
 */
#include <errno.h>
#include <fcntl.h>
#include <sodium.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/file.h"
#include "bulkhead/artifact.h"
#include "cache/cache.h"

static const char magic[16] = "bulkhead-bundle1";

enum { CHUNK = 256 * 1024 };

/* One artifact larger than this is none of ours. */
#define MAX_ARTIFACT BH_GIB(2)

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
		ssize_t n = pread(fd, chunk, CHUNK, (off_t)at);
		if (n <= 0)
			w->failed = n < 0 ? errno : EIO;
		else
			add(w, chunk, (size_t)n);
		at += n > 0 ? (uint64_t)n : 0;
	}
	w->count++;
}

/* Entries that this build can load; what is damaged or another's is left behind. */
static bool add_entry(void *data, const bh_cache_entry *entry)
{
	writer *w = data;
	struct stat info;
	bh_record record;
	__attribute__((cleanup(bh_close_auto))) int fd = open(entry->path, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0 || fstat(fd, &info) < 0 || !bh_record_read(&record, fd, &info) ||
	    memcmp(record.release, bh_engine_release(), BH_HASH) != 0 || bh_record_check(&record, fd) != BH_CHECK_GOOD)
		return true;
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
	return w->failed ? bh_fail_errno(err, BH_E_IO, w->failed, "the bundle could not be written") : BH_OK;
}

bh_status bh_cache_export(bh_cache *cache, const char *path, const uint8_t *secret_key, uint64_t *count, bh_error **err)
{
	if (!secret_key || sodium_init() < 0)
		return bh_fail(err, BH_E_INVALID, "bh_cache_export: no key to sign with");
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

/* Reading. */

static bh_status not_a_bundle(const char *path, bh_error **err)
{
	return bh_fail(err, BH_E_PARSE, "%s: not a bundle, or a damaged one", path);
}

static bh_status check_signature(int fd, uint64_t size, const char *path, const uint8_t *trusted_key, bh_error **err)
{
	uint8_t digest[BH_HASH], by[BH_PUBLIC_KEY], signature[crypto_sign_BYTES];
	char start[sizeof magic];
	uint64_t body = size - sizeof by - sizeof signature;
	if (size < sizeof magic + 2 * sizeof(uint64_t) + sizeof by + sizeof signature ||
	    pread(fd, start, sizeof start, 0) != sizeof start || memcmp(start, magic, sizeof magic) != 0 ||
	    pread(fd, by, sizeof by, (off_t)body) != sizeof by ||
	    pread(fd, signature, sizeof signature, (off_t)(body + sizeof by)) != sizeof signature ||
	    bh_hash_file(digest, fd, body + sizeof by) != BH_HASH_DONE)
		return not_a_bundle(path, err);
	if (!sodium_memcmp(by, trusted_key, sizeof by) &&
	    !crypto_sign_verify_detached(signature, digest, sizeof digest, trusted_key))
		return BH_OK;
	char text[BH_HASH_TEXT];
	bh_hash_text(text, by);
	bh_error *e = bh_error_begin(err, BH_E_UNTRUSTED, "%s: not signed with the trusted key, or changed since", path);
	bh_error_hint_set(e, "It says that it is signed by %s.", text);
	return BH_E_UNTRUSTED;
}

static bool is_artifact(bh_record *record, const uint8_t *bytes, uint64_t length)
{
	uint8_t checksum[BH_HASH];
	if (length <= sizeof *record)
		return false;
	memcpy(record, bytes + length - sizeof *record, sizeof *record);
	if (!bh_record_holds(record, length - sizeof *record))
		return false;
	bh_hash_blake2(checksum, bytes, record->code_length);
	return !memcmp(checksum, record->checksum, BH_HASH);
}

static bool keep(bh_cache *cache, const bh_record *record, const void *bytes, uint64_t length)
{
	char text[BH_HASH_TEXT], name[BH_HASH_TEXT + 8];
	__attribute__((cleanup(bh_cache_subfolder_done))) bh_subfolder_use folder =
		bh_cache_engine_folder(cache, record->engine, true);
	bh_hash_text(text, record->source);
	snprintf(name, sizeof name, "%s" BH_CACHE_ARTIFACT, text);
	const bh_piece piece = {bytes, length};
	return folder.fd >= 0 && bh_folder_write(folder.fd, name, &piece, 1, true, NULL) == 0;
}

/* `end`: where the public key begins. Nothing behind it is signed. */
static bh_status unpack(bh_cache *cache, int fd, uint64_t end, const char *path, uint64_t *count, bh_error **err)
{
	uint64_t length, said;
	for (uint64_t at = sizeof magic;; at += length) {
		bh_record record;
		if (end - at < sizeof length || pread(fd, &length, sizeof length, (off_t)at) != sizeof length)
			return not_a_bundle(path, err);
		at += sizeof length;
		bool at_end = end - at == sizeof said && pread(fd, &said, sizeof said, (off_t)at) == sizeof said;
		if (!length)
			return at_end && said == *count ? BH_OK : not_a_bundle(path, err);
		if (length > end - at || length > MAX_ARTIFACT)
			return not_a_bundle(path, err);
		BH_AUTO(bh_free) uint8_t *bytes = bh_alloc(length);
		if (!bytes)
			return bh_fail_memory(err);
		if (pread(fd, bytes, length, (off_t)at) != (ssize_t)length || !is_artifact(&record, bytes, length))
			return not_a_bundle(path, err);
		if (!keep(cache, &record, bytes, length))
			return bh_fail_errno(err, BH_E_IO, errno, "%s", cache->settings.folder);
		++*count;
	}
}

/*
 * A copy that nobody else can write to: the file may be anybody's, who could change it after its signature was looked at.
 * -1 with errno.
 */
static int copy_of(const bh_cache *cache, int from, uint64_t size)
{
	BH_AUTO(bh_free) void *chunk = bh_alloc(CHUNK);
	int fd = openat(cache->folder, ".", O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
	if (fd < 0 && (errno == EOPNOTSUPP || errno == EISDIR || errno == EINVAL))
		fd = memfd_create("bulkhead-bundle", MFD_CLOEXEC);
	bool good = chunk && fd >= 0 && bh_may_write(size);
	for (uint64_t at = 0; at < size && good;) {
		uint64_t left = size - at;
		ssize_t n = pread(from, chunk, left < CHUNK ? left : CHUNK, (off_t)at);
		if (n == 0)
			errno = EIO; /* it has become shorter */
		good = n > 0 && bh_write_all(fd, chunk, (size_t)n);
		at += n > 0 ? (uint64_t)n : 0;
	}
	if (good)
		return fd;
	int number = errno;
	bh_close_auto(&fd);
	errno = number;
	return -1;
}

bh_status bh_cache_import(bh_cache *cache, const char *path, const uint8_t *trusted_key, uint64_t *count,
                          bh_error **err)
{
	struct stat info;
	uint64_t taken = 0;
	if (!trusted_key || sodium_init() < 0)
		return bh_fail(err, BH_E_INVALID, "bh_cache_import: no key to trust");
	__attribute__((cleanup(bh_close_auto))) int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	if (fd < 0 && errno == ENOENT)
		return bh_fail(err, BH_E_NOT_FOUND, "%s: no such file", path);
	if (fd < 0 || fstat(fd, &info) < 0)
		return bh_fail_errno(err, BH_E_IO, errno, "%s", path);
	if (!S_ISREG(info.st_mode))
		return bh_fail(err, BH_E_IO, "%s: not a regular file", path);
	__attribute__((cleanup(bh_close_auto))) int own = copy_of(cache, fd, (uint64_t)info.st_size);
	if (own < 0)
		return bh_fail_errno(err, BH_E_IO, errno, "%s", path);
	bh_status status = check_signature(own, (uint64_t)info.st_size, path, trusted_key, err);
	if (!status)
		status = unpack(cache, own, (uint64_t)info.st_size - BH_PUBLIC_KEY - crypto_sign_BYTES, path, &taken, err);
	if (count)
		*count = taken;
	if (!status)
		bh_counters_add(&cache->counters, BH_COUNTER_written, (uint64_t)info.st_size);
	return status;
}
