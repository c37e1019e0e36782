/* What the daemon says of itself: lines on stderr, in the way of the journal where that reads them. Any thread. */
#ifndef BH_SERVE_SAY_H
#define BH_SERVE_SAY_H

#include <bulkhead.h>

/* Look at where stderr leads: to the journal lines begin with "<4>", elsewhere with the time. */
void say_begin(void);

/* What is less important than this is left out. */
void say_level(bh_log_level level);

void say(bh_log_level level, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* "what: message", and the hint in a line of its own. */
void say_failure(bh_log_level level, const char *what, const bh_error *err);

/* "2026-11-21T18:00:00.123Z" */
enum { SAY_TIME = 32 };
void say_time(char out[SAY_TIME]);

#endif
