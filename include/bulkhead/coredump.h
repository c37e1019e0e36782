/** Core dumps: what a guest left behind when it trapped. */
#ifndef BULKHEAD_COREDUMP_H
#define BULKHEAD_COREDUMP_H

#include "error.h"

BH_BEGIN

/**
 * A host with bh_host_options.coredumps puts a core dump into the error of every guest that ends in its own code: by a
 * trap, out of fuel, or at a limit that ends guests. There is none where the guest was stopped from outside (BH_E_TIMEOUT,
 * BH_E_DEADLINE, BH_E_CANCELLED), where it exited, where a host function failed, and where it had returned already and its
 * result was wrong.
 *
 * The dump holds all memories and globals of the instance and up to 64 frames of its stack, in the format of
 * https://github.com/WebAssembly/tool-conventions/blob/main/Coredump.md, which is a WebAssembly module: `wasm-tools print`
 * shows it. Tables, locals and objects that are garbage-collected are not in it. It is made before the failed call
 * returns, outside of its time limit, and copies what the guest has in use of its memory, at most limits.memory (and less
 * than 4 GiB). Where no dump can be made, because there is no memory for it, a cause of the error says so.
 *
 * It contains whatever the guest had in memory, keys and personal data included.
 */

/** The dump, which lives as long as the error; NULL, and a length of 0, if there is none. */
BH_API const void *bh_error_coredump(const bh_error *error, size_t *length);

/**
 * Write it to a file that only this user can read (0600), which replaces a file of that name, and is there whole or not
 * at all. A character device is written to as it is. Blocks.
 *
 * \return BH_OK; BH_E_INVALID (there is none; the path is of a folder, a FIFO or the like); BH_E_NOT_FOUND (no such
 *         folder); BH_E_IO; BH_E_SYSTEM; BH_E_NO_MEMORY
 */
BH_API BH_MUST_USE bh_status bh_error_coredump_write(const bh_error *error, const char *path, bh_error **err);

BH_END

#endif
