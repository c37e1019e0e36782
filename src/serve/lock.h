/* Where the admin socket is, and that no other daemon has it. */
#ifndef BH_SERVE_LOCK_H
#define BH_SERVE_LOCK_H

#include <bulkhead.h>

/*
 * Take the place of a socket for this process: its folder must be there, that of the default place is made. The lock is a file
 * beside it, PATH.lock, with our process number; it goes with the process, whatever ends it.
 *
 * BH_OK; BH_E_BUSY (another daemon has it: the error says which); BH_E_DENIED, BH_E_IO (the folder); BH_E_NO_MEMORY
 */
bh_status lock_take(int *out, const char *path, bool is_default, bh_error **err) BH_MUST_USE;

/* Give it back. The file stays: who waits for it may have it open. */
void lock_release(int lock);

#endif
