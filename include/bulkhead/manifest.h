/** Component.toml: what a component is, how much it may use, what it may reach. */
#ifndef BULKHEAD_MANIFEST_H
#define BULKHEAD_MANIFEST_H

#include "component.h"
#include "error.h"
#include "limits.h"
#include "permissions.h"

BH_BEGIN

/** A manifest is immutable once read; it may be used from any thread. */

/** The dialects in the field, told apart by what a file holds (docs/guide/manifest.md). */
typedef enum {
	BH_DIALECT_FLAT,   /**< [component] and [resources] max_memory, max_stack, ... */
	BH_DIALECT_NESTED, /**< [resources.memory] max_bytes, [resources.cpu] max_fuel, timeout_seconds */
	BH_DIALECT_PACKAGE /**< [package], [permissions], [runtime] */
} bh_dialect;

/**
 * Read a manifest from a file, or from memory.
 *
 * The first error ends the reading unless `bh_manifest_check...` is used; unknown keys are warnings.
 * Relative paths in it are taken from the manifest's own folder.
 *
 * \return BH_OK; BH_E_NOT_FOUND; BH_E_IO; BH_E_CONFIG (bh_error_location() says where);
 *         BH_E_MISSING_LIMITS; BH_E_UNSUPPORTED (a permission that cannot be expressed); BH_E_NO_MEMORY
 */
BH_API BH_MUST_USE bh_status bh_manifest_load(bh_manifest **out, const char *path, bh_error **err);
BH_API BH_MUST_USE bh_status bh_manifest_parse(bh_manifest **out, const char *text, size_t length, const char *path,
                                               bh_error **err);

/**
 * Find the manifest of a component: `NAME.toml` beside NAME.wasm, else `Component.toml` in its folder.
 *
 * \param out  receives a path to be freed with bh_string_free(); NULL if there is none
 *
 * \return BH_OK, whether or not there is one; BH_E_NO_MEMORY
 */
BH_API BH_MUST_USE bh_status bh_manifest_find(char **out, const char *component_path, bh_error **err);

/**
 * A smallest Component.toml to paste, for a component that has none: the same that errors about missing limits
 * show.
 *
 * \param component_name  what to call the component in it; NULL if that is not known
 *
 * \return text to be freed with bh_string_free(); NULL when there is no memory
 */
BH_API char *bh_manifest_example(const char *component_name);

/** Release. NULL is allowed. */
BH_API void bh_manifest_free(bh_manifest *manifest);

BH_API bh_dialect bh_manifest_dialect(const bh_manifest *manifest);
BH_API const char *bh_manifest_path(const bh_manifest *manifest);
BH_API const char *bh_manifest_name(const bh_manifest *manifest);    /**< NULL if not said */
BH_API const char *bh_manifest_version(const bh_manifest *manifest); /**< NULL if not said */

/** Limits as written: zero where the manifest says nothing. */
BH_API const bh_limits *bh_manifest_limits(const bh_manifest *manifest);

/** Grants; never NULL. */
BH_API const bh_permissions *bh_manifest_permissions(const bh_manifest *manifest);

/** Whether instances keep state between calls (default) or each call gets a fresh one. */
BH_API bool bh_manifest_stateful(const bh_manifest *manifest);

typedef enum { BH_SEVERITY_WARNING, BH_SEVERITY_ERROR } bh_severity;

/** One remark on a manifest. Pointers live as long as the manifest or report they came from. */
typedef struct {
	bh_severity severity;
	bh_location where;
	const char *message; /**< one line without a full stop */
	const char *hint;    /**< what is allowed, and why: one or more lines; NULL if there is nothing to say */
	const char *source;  /**< the line of the file it is about; NULL if there is none */
	const char *fix;     /**< lines to paste in its place, or to add; NULL if there are none */
} bh_diagnostic;

/** Remarks are in the order of the file; there are never more than a hundred. */
BH_API size_t bh_manifest_diagnostic_count(const bh_manifest *manifest);

/** A remark; NULL past the end. */
BH_API const bh_diagnostic *bh_manifest_diagnostic(const bh_manifest *manifest, size_t index);

/**
 * Read a manifest for its remarks alone: collects every error instead of stopping at the first. The manifest
 * that comes back may be incomplete and is good for its diagnostics only.
 *
 * \return BH_OK, however many errors it found; BH_E_NOT_FOUND; BH_E_IO; BH_E_NO_MEMORY
 */
BH_API BH_MUST_USE bh_status bh_manifest_check(bh_manifest **out, const char *path, bh_error **err);

BH_END

#endif
