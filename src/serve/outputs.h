/*
 * What children print: a pipe for each, read by one thread into lines. The last lines of each stay in memory, to be asked for;
 * where a folder is set all of them go into a file for each child, which is followed by the next when it is full.
 *
 * A line is never lost when files change. Where a file cannot be written, or not as fast as lines come, lines are lost, which is
 * said once, and that is all that happens: no child fails for its log, or waits for a disk (log_writer.h).
 */
#ifndef BH_SERVE_OUTPUTS_H
#define BH_SERVE_OUTPUTS_H

#include <bulkhead.h>

typedef struct outputs outputs;
typedef struct output output;

/* `settings` are copied. BH_OK; BH_E_IO (the folder cannot be made); BH_E_SYSTEM; BH_E_NO_MEMORY */
bh_status outputs_new(outputs **out, const bh_config_log *settings, bh_error **err) BH_MUST_USE;

/* Other settings, from the next line on. */
bh_status outputs_change(outputs *all, const bh_config_log *settings, bh_error **err) BH_MUST_USE;

/* Read what is there, and end. NULL is allowed. */
void outputs_free(outputs *all);

/* For a child: `path` names its file, with '+' for each '/'. */
bh_status output_new(output **out, outputs *all, const char *path, bh_error **err) BH_MUST_USE;

/* Where the child writes. */
int output_fd(const output *one);

/* What is in the pipe is read still; the rest of a line is a line. The descriptor is closed: nobody may write any more. */
void output_free(output *one);

/* As admin_daemon.logs has it. NULL: no memory. Any thread. */
char *output_lines(output *one, uint64_t *after, size_t lines);

#endif
