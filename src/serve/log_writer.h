/*
 * Who writes log files: a thread of its own, so that a disk that is slow, or does not answer, holds up nobody who prints. What
 * waits to be written is bounded; where that is full, who puts more waits for a moment, and then lines are dropped, counted
 * and told of in the daemon's log.
 */
#ifndef BH_SERVE_LOG_WRITER_H
#define BH_SERVE_LOG_WRITER_H

#include <bulkhead.h>

typedef struct log_writer log_writer;

/* One child's file, by whatever name it has meanwhile. */
typedef struct log_sink log_sink;

/* `settings` are copied. BH_OK; BH_E_IO (the folder cannot be made); BH_E_SYSTEM; BH_E_NO_MEMORY */
bh_status log_writer_new(log_writer **out, const bh_config_log *settings, bh_error **err) BH_MUST_USE;

/* Other settings: for what is written from now on. */
bh_status log_writer_change(log_writer *writer, const bh_config_log *settings, bh_error **err) BH_MUST_USE;

/*
 * Write what waits, and end; all sinks were ended. A disk on which nothing goes on for seconds is not waited for: what is not
 * written by then is lost, which is said. NULL is allowed.
 */
void log_writer_free(log_writer *writer);

/* NULL: no memory. `name`: of its files, copied. */
log_sink *log_sink_new(const char *name);

/* Whole lines to be written, in their order. Waits for a moment at most. */
void log_sink_put(log_writer *writer, log_sink *sink, const char *lines, size_t length);

/* After what was put: close and release it. NULL is allowed. */
void log_sink_end(log_writer *writer, log_sink *sink);

#endif
