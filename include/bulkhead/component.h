/** Components: compiled code that instances are made from. */
#ifndef BULKHEAD_COMPONENT_H
#define BULKHEAD_COMPONENT_H

#include "error.h"
#include "limits.h"
#include "permissions.h"
#include "type.h"

BH_BEGIN

/**
 * A component is immutable and belongs to the host that loaded it. It may be used from any thread.
 * It is reference-counted: each successful load or ref is paired with one unref.
 */

/** Where a component is compiled that has to be. */
typedef enum {
	BH_COMPILE_INLINE,   /**< in this process (default): for components whose author is known */
	BH_COMPILE_ISOLATED, /**< in a child process with limits on memory, CPU and time, without files or network */
} bh_compile_mode;

/** When a component is told that it may not call what it imports, where `permissions` do not grant it. */
typedef enum {
	BH_DENY_AT_CALL, /**< the call fails with BH_E_DENIED (default): what it does not call does no harm */
	BH_DENY_AT_LINK, /**< loading it does */
} bh_deny;

/** How to load a component. Start from BH_COMPONENT_OPTIONS_INIT; zero means the default. */
typedef struct {
	size_t struct_size;                /**< set by the initialiser; lets the struct grow */
	bh_limits limits;                  /**< limits.memory is required */
	const bh_permissions *permissions; /**< NULL grants nothing; copied */
	const char *name;                  /**< for messages and statistics; NULL: taken from the path */
	bool wrap_modules;                 /**< take a core module built for WASI 0.1 too, and wrap it */
	bool unlinked; /**< to look at only: imports that nobody provides are no error; calling it is BH_E_LINK */
	/**
	 * SHA-256 of the file or bytes, 32 bytes, if the caller knows it: compiled code is then found without reading them.
	 * Believed for finding; what is compiled is kept under the true one. NULL: computed, or recalled for a file that
	 * did not change.
	 */
	const uint8_t *sha256;
	/**
	 * For artifacts (artifact.h): the key they must be signed with, 32 bytes. NULL: they must be this user's alone.
	 * One in a file that others may write to is copied into memory each time, so that what was checked is what runs.
	 */
	const uint8_t *trusted_key;
	bh_compile_mode compile_mode;
	const char *compiler;     /**< isolated: the `bulkhead` command that compiles; NULL: BULKHEAD_COMPILER, or the
	                           installed one */
	uint64_t compile_memory;  /**< isolated: bytes of address space; default 4 GiB */
	uint32_t compile_seconds; /**< isolated: of CPU time, and twice that of wall time; default 120 */
	/**
	 * Of the workers' time, beside other components that have calls under way: in proportion to theirs. 1 to 10,000;
	 * default 100. A component gets more where the others leave it.
	 */
	uint32_t share;
	uint32_t max_calls;     /**< calls under way at once; more wait their turn (limits.queue_ms). 0: no bound */
	uint32_t max_instances; /**< instances at once, fresh and live; more wait their turn. 0: no bound */
	bh_imports *imports;    /**< what the program defines for it to import (imports.h); NULL: nothing. Kept alive */
	bh_deny deny;           /**< when a host function that was not granted is refused */
	bh_interceptors *interceptors; /**< see its calls (interceptor.h), behind the host's; NULL: none. Kept alive */
} bh_component_options;

#define BH_COMPONENT_OPTIONS_INIT BH_SIZED(bh_component_options)

/**
 * Load a component from a file and compile it, unless the host or the compile cache (cache.h) has its code already.
 *
 * Blocks while compiling: seconds for large components. Of several callers with the same bytes one compiles, the others
 * wait for it.
 *
 * \param out      receives a new reference; untouched on failure
 * \param host     the host it will belong to
 * \param path     a component, binary or text
 * \param options  see above; NULL is refused with BH_E_MISSING_LIMITS
 * \param err      receives details on failure; may be NULL. Free with bh_error_free()
 *
 * \return BH_OK; BH_E_NOT_FOUND; BH_E_IO; BH_E_MISSING_LIMITS; BH_E_CONFIG; BH_E_POLICY; BH_E_NOT_A_COMPONENT
 *         (a core module: the error says how to wrap it); BH_E_PARSE; BH_E_VALIDATION; BH_E_COMPILE; BH_E_LINK
 *         (an import nobody provides, or of another type); BH_E_DENIED (with BH_DENY_AT_LINK); BH_E_MEMORY_LIMIT (its
 *         own initial memories need more than limits.memory); BH_E_BUSY (all engine variants are taken); BH_E_ENGINE; BH_E_NO_MEMORY
 */
BH_API BH_MUST_USE bh_status bh_component_load_file(bh_component **out, bh_host *host, const char *path,
                                                    const bh_component_options *options, bh_error **err);

/** The same from memory: binary or text. The bytes are not needed afterwards. */
BH_API BH_MUST_USE bh_status bh_component_load_bytes(bh_component **out, bh_host *host, const void *bytes,
                                                     size_t length, const bh_component_options *options,
                                                     bh_error **err);

/** Another reference. \return the same component */
BH_API bh_component *bh_component_ref(bh_component *component);

/** Give up a reference. NULL is allowed. */
BH_API void bh_component_unref(bh_component *component);

/** Its name; lives as long as the component. */
BH_API const char *bh_component_name(const bh_component *component);

/**
 * The SHA-256 of what it was loaded from, 32 bytes; lives as long as the component. Of an artifact, of what that was
 * compiled from; bh_component_options.sha256, where that was given and nothing had to be compiled.
 */
BH_API const uint8_t *bh_component_digest(const bh_component *component);

/** The limits in force: options, defaults and the host's ceilings put together. */
BH_API const bh_limits *bh_component_limits(const bh_component *component);

/** What it was granted; lives as long as the component. NULL: nothing. */
BH_API const bh_permissions *bh_component_permissions(const bh_component *component);

/** One function a component exports, or one thing it imports. Pointers live as long as the component. */
typedef struct {
	const char *interface; /**< "acme:calc/math@1.0.0"; NULL for a function of the world itself */
	const char *name;      /**< "divide"; NULL for an import that is a whole interface */
	const char *signature; /**< "func(a: s32) -> string"; NULL where name is */
} bh_item;

BH_API size_t bh_component_export_count(const bh_component *component);

/** An export; NULL past the end. */
BH_API const bh_item *bh_component_export_at(const bh_component *component, size_t index);

BH_API size_t bh_component_import_count(const bh_component *component);

/** An import; NULL past the end. */
BH_API const bh_item *bh_component_import_at(const bh_component *component, size_t index);

/**
 * A component of `handle`'s code, with limits, permissions and a name of its own: nothing is read or compiled. This is
 * how one compiled component serves many tenants.
 *
 * \param options  NULL: as the handle, with the same imports and interceptors. Its limits must be of the handle's engine: fuel metered or
 *                 not, and the same stack
 *
 * \return BH_OK; BH_E_WRONG_HOST (the handle was loaded by another host, whose engine's code this one cannot run, or the
 *         limits ask for another engine); BH_E_INVALID; BH_E_MISSING_LIMITS; BH_E_CONFIG; BH_E_POLICY; BH_E_MEMORY_LIMIT;
 *         BH_E_LINK; BH_E_DENIED; BH_E_NO_MEMORY; BH_E_SYSTEM
 */
BH_API BH_MUST_USE bh_status bh_component_wrap(bh_component **out, bh_host *host, bh_component *handle,
                                               const bh_component_options *options, bh_error **err);

/** Where compiled code came from. */
typedef enum {
	BH_CODE_COMPILED,
	BH_CODE_FROM_DISK,   /**< the compile cache, or an artifact */
	BH_CODE_FROM_MEMORY, /**< this host had it */
} bh_code_origin;

/** What its instances need before they run, and how it was loaded. */
typedef struct {
	size_t struct_size;
	uint64_t initial_memory; /**< all memories together; bytes */
	uint32_t memories;
	uint32_t tables;
	uint32_t core_instances;
	bool wrapped; /**< it was a core module, and was wrapped */
	bool command; /**< it exports wasi:cli/run */
	bh_code_origin origin;
	uint64_t find_ns;    /**< reading, hashing, looking in the cache, mapping, linking */
	uint64_t compile_ns; /**< 0 where nothing was compiled */
	uint64_t keep_ns;    /**< writing the code to the cache */
	uint64_t code_bytes; /**< machine code */
} bh_component_needs;

BH_API void bh_component_describe(const bh_component *component, bh_component_needs *out);

BH_END

#endif
