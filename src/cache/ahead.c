#include "cache/ahead.h"

#include <errno.h>
#include <fcntl.h>
#include <sodium.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "base/io.h"
#include "base/text.h"
#include "bulkhead/artifact.h"
#include "bulkhead/limits.h"

_Static_assert(BH_PUBLIC_KEY == crypto_sign_PUBLICKEYBYTES && BH_SECRET_KEY == crypto_sign_SECRETKEYBYTES &&
                   sizeof(((bh_record *)0)->signature) == crypto_sign_BYTES,
               "Ed25519 as libsodium has it");

/* A component file larger than this is refused. */
#define MAX_SOURCE BH_MIB(512)

bool bh_ahead_named(const char *path)
{
	size_t length = strlen(path), tail = strlen(BH_CACHE_ARTIFACT);
	return length > tail && !strcmp(path + length - tail, BH_CACHE_ARTIFACT);
}

static bh_status open_file(bh_ahead *out, struct stat *info, const char *path, bh_error **err)
{
	out->fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	if (out->fd < 0 && (errno == ENOENT || errno == ENOTDIR))
		return bh_fail(err, BH_E_NOT_FOUND, "%s: no such file", path);
	if (out->fd < 0 || fstat(out->fd, info) < 0)
		return bh_fail_errno(err, BH_E_IO, errno, "%s", path);
	if (!S_ISREG(info->st_mode))
		return bh_fail(err, BH_E_IO, "%s: not a regular file", path);
	out->identity = bh_identity_of(info);
	return BH_OK;
}

static bool only_ours(const struct stat *info)
{
	return info->st_uid == geteuid() && !(info->st_mode & (S_IWGRP | S_IWOTH));
}

/* The file that is open is ours, and so is the folder where it was found. */
static bool is_private(const char *path, const struct stat *file)
{
	struct stat folder;
	BH_AUTO(bh_free) char *where = bh_path_folder(path);
	return only_ours(file) && where && stat(where, &folder) == 0 && only_ours(&folder);
}

static bool is_signed(const bh_record *record)
{
	return !sodium_is_zero(record->key, sizeof record->key);
}

static bool signed_by(const bh_record *record, const uint8_t *key)
{
	return is_signed(record) && !sodium_memcmp(record->key, key, BH_PUBLIC_KEY) &&
	       !crypto_sign_verify_detached(record->signature, (const unsigned char *)record,
	                                    offsetof(bh_record, signature), key);
}

static bh_status untrusted(const bh_record *record, const uint8_t *key, bh_error **err)
{
	char by[BH_HASH_TEXT];
	bh_hash_text(by, record->key);
	bh_error *e;
	if (key && is_signed(record))
		e = bh_error_begin(err, BH_E_UNTRUSTED, "the artifact is signed, but not with the trusted key");
	else if (key)
		e = bh_error_begin(err, BH_E_UNTRUSTED, "the artifact is not signed");
	else
		e = bh_error_begin(err, BH_E_UNTRUSTED,
		                   "others could have written this artifact: the file or its folder is "
		                   "not this user's alone");
	if (is_signed(record))
		bh_error_hint_set(e, "It says that it is signed by %s. Trust that key, or compile it again.", by);
	else
		bh_error_hint_set(e,
		                  "Compiled code is run as it is. chmod go-w the file and its folder, sign it, or compile it "
		                  "again.");
	return BH_E_UNTRUSTED;
}

static bh_status damaged(const char *path, bh_error **err)
{
	bh_error *e = bh_error_begin(err, BH_E_PARSE, "%s: not an artifact, or a damaged one", path);
	bh_error_hint_set(e, "Make one:  bulkhead compile FILE.wasm -o %s", path);
	return BH_E_PARSE;
}

/* Whether somebody else may write to the open file. Root may write to anything. */
static bool is_shared(const struct stat *info)
{
	return (info->st_uid != geteuid() && info->st_uid) || info->st_mode & (S_IWGRP | S_IWOTH);
}

static bh_status check_code(const bh_ahead *ahead, const char *path, bh_error **err)
{
	bh_check found = bh_record_check(&ahead->record, ahead->fd, 0);
	if (found == BH_CHECK_UNKNOWN)
		return errno == ENOMEM ? bh_fail_memory(err) : bh_fail_errno(err, BH_E_IO, errno, "%s", path);
	return found == BH_CHECK_GOOD ? BH_OK : damaged(path, err);
}

/* Code is mapped: what others write to the file after it was looked at would be run. They cannot write to a copy. */
static bh_status take_copy(bh_ahead *ahead, const char *path, bh_error **err)
{
	int fd = bh_folder_copy(-1, ahead->fd, 0, ahead->record.code_length);
	if (fd < 0 && errno == ENOMEM)
		return bh_fail_memory(err);
	if (fd < 0)
		return bh_fail_errno(err, BH_E_IO, errno, "%s: others may write to it, and it cannot be copied", path);
	close(ahead->fd);
	ahead->fd = fd;
	return check_code(ahead, path, err);
}

/* Reading it all is spared where that was done, and the file has not changed since. */
static bh_status check(const bh_ahead *ahead, const char *path, bh_cache *cache, bh_error **err)
{
	uint8_t before[BH_HASH];
	if (bh_cache_recall(cache, &ahead->identity, before) && !memcmp(before, ahead->record.checksum, BH_HASH))
		return BH_OK;
	bh_status status = check_code(ahead, path, err);
	if (!status)
		bh_cache_note(cache, &ahead->identity, ahead->record.checksum);
	return status;
}

bh_status bh_ahead_open(bh_ahead *out, const char *path, const uint8_t *key, bh_cache *cache, bh_error **err)
{
	struct stat info;
	bh_status status = open_file(out, &info, path, err);
	if (!status && !bh_record_read(&out->record, out->fd, &info))
		status = damaged(path, err);
	/* Who names a key wants that, and nothing else. */
	if (!status && !(key ? signed_by(&out->record, key) : is_private(path, &info)))
		status = untrusted(&out->record, key, err);
	if (!status)
		status = is_shared(&info) ? take_copy(out, path, err) : check(out, path, cache, err);
	if (status && out->fd >= 0)
		close(out->fd);
	return status;
}

bh_status bh_artifact_describe(bh_artifact_info *out, const char *path, bh_error **err)
{
	bh_ahead ahead;
	struct stat info;
	bh_status status = open_file(&ahead, &info, path, err);
	if (!status && !bh_record_read(&ahead.record, ahead.fd, &info))
		status = damaged(path, err);
	bh_close_auto(&ahead.fd);
	if (status)
		return status;
	const bh_record *record = &ahead.record;
	bh_artifact_info said = {
		.struct_size = out->struct_size,
		.metered = strstr(record->engine_text, " metered"),
		.current = !memcmp(record->release, bh_engine_release(), BH_HASH),
		.is_signed = is_signed(record),
		.code_bytes = record->code_length,
		.compile_ns = record->compile_ns,
		.created_s = record->created_s,
	};
	memcpy(said.key, record->key, sizeof said.key);
	memcpy(said.source, record->source, sizeof said.source);
	memcpy(said.engine, record->engine_text, sizeof said.engine);
	memcpy(said.name, record->name, sizeof said.name);
	memcpy(out, &said, out->struct_size && out->struct_size < sizeof said ? out->struct_size : sizeof said);
	return BH_OK;
}

static bh_status stale(const bh_record *record, const bh_variant *variant, const char *path, bh_error **err)
{
	bool other_fuel = !strstr(record->engine_text, " metered") == bh_variant_describe(variant)->metered;
	bool other_build = memcmp(record->release, bh_engine_release(), BH_HASH) != 0;
	BH_AUTO(bh_free) char *engine = bh_text_tame(record->engine_text, strlen(record->engine_text));
	BH_AUTO(bh_free) char *name = bh_text_tame(record->name, strlen(record->name));
	if (!engine || !name)
		return bh_fail_memory(err);
	bh_error *e =
		other_build
			? bh_error_begin(err, BH_E_STALE, "%s: compiled by another build of this program (%s)", path, engine)
			: bh_error_begin(err, BH_E_STALE, "%s: compiled for another engine: it is for %s, this is %s", path, engine,
	                         bh_variant_text(variant));
	bh_error_hint_set(e, "Compile it again:  bulkhead compile%s %s -o %s",
	                  other_fuel && bh_variant_describe(variant)->metered ? " --metered" : "", name, path);
	return BH_E_STALE;
}

bh_status bh_ahead_map(bh_code **out, const bh_ahead *ahead, bh_variant *variant, const char *path, bh_linking linking,
                       bh_error **err)
{
	const bh_record *record = &ahead->record;
	/* Of this very build; whether it fits this CPU and these settings the engine looks itself. */
	if (memcmp(record->release, bh_engine_release(), BH_HASH) != 0)
		return stale(record, variant, path, err);
	BH_AUTO(bh_error_free) bh_error *why = NULL;
	bh_code_info info = bh_record_info(record);
	bh_status status = bh_code_map(out, variant, ahead->fd, &info, linking, &why);
	if (status == BH_E_ENGINE)
		return stale(record, variant, path, err);
	if (status && err)
		*err = BH_TAKE(why);
	return status;
}

/* Making them. */

bh_status bh_keys_generate(uint8_t public_key[BH_PUBLIC_KEY], uint8_t secret_key[BH_SECRET_KEY], bh_error **err)
{
	if (sodium_init() < 0 || crypto_sign_keypair(public_key, secret_key))
		return bh_fail(err, BH_E_SYSTEM, "no random numbers");
	return BH_OK;
}

static void sign(bh_record *record, const uint8_t *secret_key)
{
	if (secret_key)
		crypto_sign_ed25519_sk_to_pk(record->key, secret_key);
	bh_record_seal(record);
	if (secret_key)
		crypto_sign_detached(record->signature, NULL, (const unsigned char *)record, offsetof(bh_record, signature),
		                     secret_key);
}

static bh_status write_artifact(const char *path, const bh_piece *pieces, bh_error **err)
{
	BH_AUTO(bh_free) char *folder = bh_path_folder(path);
	const char *slash = strrchr(path, '/');
	if (!folder)
		return bh_fail_memory(err);
	__attribute__((cleanup(bh_close_auto))) int fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0 || bh_folder_write(fd, slash ? slash + 1 : path, pieces, 2, true, NULL) < 0)
		return bh_fail_errno(err, BH_E_IO, errno, "%s", path);
	return BH_OK;
}

static bh_compile_options taken(const bh_compile_options *given)
{
	bh_compile_options options = BH_COMPILE_OPTIONS_INIT;
	if (given)
		memcpy(&options, given,
		       given->struct_size && given->struct_size < sizeof options ? given->struct_size : sizeof options);
	return options;
}

/* Compile, and hand the pieces of an artifact to `write`. */
static bh_status compile(const char *name, const void *bytes, size_t length, const bh_compile_options *options,
                         bh_status (*write)(const void *where, const bh_piece *pieces, bh_error **err),
                         const void *where, bh_error **err)
{
	bh_variant_spec spec = {
		.metered = options->metered,
		.development = options->profile == BH_PROFILE_DEVELOPMENT,
		.baseline = options->baseline,
		.stack = bh_limit_describe(BH_LIMIT_STACK)->fallback,
	};
	bh_variant *variant = NULL;
	bh_code *code = NULL;
	BH_AUTO(bh_free) void *compiled = NULL;
	size_t size;
	bh_code_options how = {.name = name, .wrap = options->wrap_modules, .linking = BH_LINK_NOTHING};
	bh_status status = bh_variant_new(&variant, &spec, err);
	if (!status)
		status = bh_code_compile(&code, variant, bytes, length, &how, err);
	if (!status && !(status = bh_code_serialize(code, &compiled, &size, err))) {
		bh_record record;
		uint8_t source[BH_HASH];
		bh_hash_sha256(source, bytes, length);
		bh_record_fill(&record, code, variant, source, name, compiled, size);
		sign(&record, options->secret_key);
		const bh_piece pieces[] = {{.data = compiled, .length = size}, {.data = &record, .length = sizeof record}};
		status = write(where, pieces, err);
	}
	bh_code_free(code);
	bh_variant_free(variant);
	return status;
}

static bh_status to_path(const void *where, const bh_piece *pieces, bh_error **err)
{
	return write_artifact(where, pieces, err);
}

bh_status bh_artifact_compile(const char *out, const char *in, const bh_compile_options *given, bh_error **err)
{
	bh_compile_options options = taken(given);
	BH_AUTO(bh_free) char *bytes = NULL;
	size_t length;
	if (!out || !in)
		return bh_fail(err, BH_E_INVALID, "bh_artifact_compile: no path");
	bh_status status = bh_file_read(&bytes, &length, in, MAX_SOURCE, err);
	const char *slash = strrchr(in, '/');
	return status ? status : compile(slash ? slash + 1 : in, bytes, length, &options, to_path, out, err);
}

static bh_status to_descriptor(const void *where, const bh_piece *pieces, bh_error **err)
{
	return bh_pieces_write(*(const int *)where, pieces, 2) ? BH_OK : bh_fail_errno(err, BH_E_IO, errno, "the artifact");
}

bh_status bh_artifact_compile_to(int fd, const char *name, const void *bytes, size_t length,
                                 const bh_compile_options *given, bh_error **err)
{
	bh_compile_options options = taken(given);
	return compile(name ? name : "component", bytes, length, &options, to_descriptor, &fd, err);
}
