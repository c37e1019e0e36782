/** Instances: live components that keep their state between calls. */
#ifndef BULKHEAD_INSTANCE_H
#define BULKHEAD_INSTANCE_H

#include "component.h"
#include "sampler.h"
#include "usage.h"
#include "value.h"

BH_BEGIN

/** Bytes a guest wrote. Start from BH_BUFFER_INIT; empty with bh_buffer_deinit(). */
typedef struct {
	char *data; /**< NUL-terminated if not NULL */
	size_t length;
	bool truncated; /**< the guest wrote more than limits.output_bytes */
} bh_buffer;

#define BH_BUFFER_INIT {0}

/** Free what a buffer holds and empty it. NULL is allowed. */
BH_API void bh_buffer_deinit(bh_buffer *buffer);

typedef enum {
	BH_STDIO_DISCARD, /**< input is empty, output goes nowhere (default) */
	BH_STDIO_INHERIT, /**< the process's own */
	BH_STDIO_FD,      /**< a descriptor; it must stay open as long as the instance */
	BH_STDIO_CAPTURE, /**< output only: into `buffer`, bounded by limits.output_bytes */
	BH_STDIO_BYTES    /**< input only: from `bytes`, which must stay as long as the instance */
} bh_stdio_mode;

/**
 * Where one of stdin, stdout and stderr leads.
 *
 * Descriptors are read and written without ever blocking a thread of ours, and a closed pipe, or a file that may
 * not grow, is an error that the guest sees: no SIGPIPE or SIGXFSZ is raised. Descriptors are not switched to non-blocking mode, which other
 * processes that share them would feel.
 */
typedef struct {
	bh_stdio_mode mode;
	int fd;
	bh_buffer *buffer; /**< must live as long as the instance */
	const void *bytes;
	size_t length;
} bh_stdio;

/** What an instance is given. Start from BH_INSTANCE_OPTIONS_INIT. */
typedef struct {
	size_t struct_size;
	const char *const *args; /**< what the guest sees as its arguments, name first; copied */
	size_t arg_count;
	const char *const *env; /**< "NAME=value"; copied */
	size_t env_count;
	bh_stdio in;
	bh_stdio out;
	bh_stdio err;
	bh_sampler
		*sampler; /**< sample it (sampler.h), of the same component and by one instance at a time; NULL: do not */
	uint32_t
		mailbox; /**< calls that may wait for their turn on a live instance, beyond which BH_E_BUSY; default 1000 */
} bh_instance_options;

#define BH_INSTANCE_OPTIONS_INIT BH_SIZED(bh_instance_options)

/**
 * Make an instance. Its start functions run here, under the limits of a call.
 *
 * An instance may be used from any thread; one call runs at a time, others wait their turn (limits.queue_ms).
 *
 * \return BH_OK; what a call can end with; BH_E_SYSTEM (a granted folder cannot be opened)
 */
BH_API BH_MUST_USE bh_status bh_instance_new(bh_instance **out, bh_component *component,
                                             const bh_instance_options *options, bh_error **err);

/**
 * Give an instance up. A call under way on another thread is killed. NULL is allowed.
 * Memory is released when its last resource handle is gone too.
 */
BH_API void bh_instance_free(bh_instance *instance);

/**
 * End the call under way, and serve no more: it ends with BH_E_CANCELLED, those that wait with BH_E_POISONED. The instance
 * stays to be freed. Any thread, any moment, idempotent.
 */
BH_API void bh_instance_kill(bh_instance *instance);

/** Whether it can still be called: false after a trap, an exit or a limit ended a call. */
BH_API bool bh_instance_usable(const bh_instance *instance);

BH_END

#endif
