/**
 * Bulkhead: run other people's WebAssembly components inside a C program, with limits that hold.
 *
 * This header includes the whole public API; each noun also has a header of its own.
 *
 * Conventions, everywhere:
 * - A function that can fail returns bh_status and takes `bh_error **err` last. `err` may be NULL. On
 *   failure it receives details, to be freed with bh_error_free(); on success it is left untouched.
 * - Outputs come first and are untouched on failure.
 * - Option structs start from their BH_..._INIT. Zero, or NULL for the whole struct, means the default.
 * - Sizes are bytes, durations milliseconds unless the name says otherwise.
 * - `_new`/`_free` make and release things on the heap, `_deinit` empties a struct in place; releasing
 *   NULL is allowed. `_ref`/`_unref` count references to things that are shared.
 * - The library prints nothing, installs no exit handlers, and never exits or aborts on bad input.
 *
 * What a program that embeds the library must know about threads, signals and fork is in
 * docs/guide/embedding.md.
 */
#ifndef BULKHEAD_H
#define BULKHEAD_H

#include "bulkhead/artifact.h"
#include "bulkhead/base.h"
#include "bulkhead/cache.h"
#include "bulkhead/call.h"
#include "bulkhead/chain.h"
#include "bulkhead/component.h"
#include "bulkhead/config.h"
#include "bulkhead/coredump.h"
#include "bulkhead/error.h"
#include "bulkhead/host.h"
#include "bulkhead/hostfunctions.h"
#include "bulkhead/imports.h"
#include "bulkhead/instance.h"
#include "bulkhead/interceptor.h"
#include "bulkhead/limits.h"
#include "bulkhead/manifest.h"
#include "bulkhead/permissions.h"
#include "bulkhead/sampler.h"
#include "bulkhead/spawner.h"
#include "bulkhead/stats.h"
#include "bulkhead/status.h"
#include "bulkhead/supervisor.h"
#include "bulkhead/trap.h"
#include "bulkhead/type.h"
#include "bulkhead/typed.h"
#include "bulkhead/usage.h"
#include "bulkhead/value.h"
#include "bulkhead/version.h"
#include "bulkhead/wit.h"

#endif
