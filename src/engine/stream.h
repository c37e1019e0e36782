/*
 * Standard streams: what a guest's stdin, stdout and stderr lead to.
 *
 * No call here blocks, whatever the descriptor is. Pipes and terminals are opened anew through /proc/self/fd, so
 * that non-blocking mode is ours alone and not felt by other processes that share the descriptor; sockets are read
 * and written with MSG_DONTWAIT; plain files do not block.
 */
#ifndef BH_ENGINE_STREAM_H
#define BH_ENGINE_STREAM_H

#include "bulkhead/instance.h"
#include "engine/internal.h"

typedef struct bh_stream bh_stream;

/* What the streams of one instance share: counters, read after a call. */
typedef struct {
	uint64_t output_bytes;
	bool truncated;
} bh_stream_counts;

/*
 * Open one of them. `fd_of_inherit` is the descriptor that BH_STDIO_INHERIT means. `counts` must outlive the
 * stream. NULL with BH_OK where the mode is to discard.
 */
bh_status bh_stream_open(bh_stream **out, const bh_stdio *where, int fd_of_inherit, uint64_t capture_limit,
                         bh_stream_counts *counts, bh_error **err);

/* What the engine is given; it releases its reference, the caller keeps his own. */
bhx_stream_t bh_stream_for_engine(bh_stream *stream);
void bh_stream_release(bh_stream *stream);

/* Hand out what is buffered; true when nothing is left, or nobody will ever take it. */
bool bh_stream_flush(bh_stream *stream);

/* A descriptor that becomes writable when bh_stream_flush() would get on; -1 if none. */
int bh_stream_fd(const bh_stream *stream);

#endif
