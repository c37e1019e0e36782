/** Artifacts: components compiled ahead of time, into files that are loaded like components. */
#ifndef BULKHEAD_ARTIFACT_H
#define BULKHEAD_ARTIFACT_H

#include "error.h"
#include "host.h"

BH_BEGIN

/**
 * An artifact holds machine code, which is run as it is: who wrote it can do anything. So one is loaded only if it is
 * this user's own, in a folder that nobody else can write to, or if it is signed with a key that the caller names
 * (bh_component_options.trusted_key); what others do to the file afterwards changes nothing of what runs. It fits one build of the library and one kind of engine; anything else is
 * BH_E_STALE, with what it is and what is needed.
 */

enum { BH_PUBLIC_KEY = 32, BH_SECRET_KEY = 64 }; /**< bytes of an Ed25519 key (RFC 8032; secret: seed and public key) */

/** A new pair of keys. \return BH_OK; BH_E_SYSTEM */
BH_API BH_MUST_USE bh_status bh_keys_generate(uint8_t public_key[BH_PUBLIC_KEY], uint8_t secret_key[BH_SECRET_KEY],
                                              bh_error **err);

/** How to compile. Start from BH_COMPILE_OPTIONS_INIT; zero means the default. */
typedef struct {
	size_t struct_size;
	bool metered;              /**< for components with a fuel limit; default: for those without */
	bool baseline;             /**< for any CPU of this architecture; default: for this machine's */
	bool wrap_modules;         /**< take a core module built for WASI 0.1 too, and wrap it */
	bh_profile profile;        /**< as the host's that will load it */
	const uint8_t *secret_key; /**< sign it; NULL: not signed */
} bh_compile_options;

#define BH_COMPILE_OPTIONS_INIT BH_SIZED(bh_compile_options)

/**
 * Compile a component file into an artifact, which bh_component_load_file() takes if its name ends in ".cwasm".
 * A file of that name is replaced at once, when the new one is whole: programs that have the old one mapped keep it.
 * Blocks while compiling.
 *
 * \return BH_OK; BH_E_NOT_FOUND; BH_E_IO; BH_E_NOT_A_COMPONENT; BH_E_PARSE; BH_E_VALIDATION; BH_E_COMPILE; BH_E_ENGINE;
 *         BH_E_NO_MEMORY
 */
BH_API BH_MUST_USE bh_status bh_artifact_compile(const char *out, const char *in, const bh_compile_options *options,
                                                 bh_error **err);

/**
 * The same from memory, into an open file: for programs that compile in a process of their own. `name` is what the
 * artifact says it was made from.
 */
BH_API BH_MUST_USE bh_status bh_artifact_compile_to(int fd, const char *name, const void *bytes, size_t length,
                                                    const bh_compile_options *options, bh_error **err);

/*
 * What the library and the program that compiles for it (`bulkhead`) agree on; for no one else. The program is started
 * with BH_WORKER_COMMAND and what to do, reads a component from descriptor 0, and writes an artifact or a complaint to
 * BH_WORKER_OUT.
 */
#define BH_WORKER_COMMAND "--compile-worker"
#define BH_WORKER_MAGIC "bh-worker-says1"
enum { BH_WORKER_OUT = 3 };

typedef struct {
	char magic[16];
	int32_t status;
	char message[500];
	char hint[500];
} bh_worker_complaint;

/** What an artifact says of itself; whether that is true, only loading it tells. */
typedef struct {
	size_t struct_size;
	bool metered;
	bool current; /**< this build of the library made it */
	bool is_signed;
	uint8_t key[BH_PUBLIC_KEY]; /**< by whom */
	uint8_t source[32];         /**< SHA-256 of what was compiled */
	uint64_t code_bytes;
	uint64_t compile_ns;
	int64_t created_s; /**< seconds since 1970 */
	char engine[80];   /**< "48.0.8 x86_64 metered" */
	char name[120];    /**< what the source was called */
} bh_artifact_info;

#define BH_ARTIFACT_INFO_INIT BH_SIZED(bh_artifact_info)

/** Read that. \return BH_OK; BH_E_NOT_FOUND; BH_E_IO; BH_E_PARSE (no artifact, or damaged) */
BH_API BH_MUST_USE bh_status bh_artifact_describe(bh_artifact_info *out, const char *path, bh_error **err);

BH_END

#endif
