/* What the calls of each child came to, for those who look often: counts that are shared for a moment, and some before, to tell rates. */
#ifndef BH_SERVE_SAMPLES_H
#define BH_SERVE_SAMPLES_H

#include <bulkhead.h>

#include "text.h"

typedef struct samples samples;

samples *samples_new(void);
void samples_free(samples *s);

/* Take a look, and hold what was seen until samples_leave(). False: no memory for it. */
bool samples_enter(samples *s, bh_supervisor *tree);
void samples_leave(samples *s);

/* What is shown of bh_child_stats, which are lent only while a child is told of. */
typedef struct {
	uint64_t calls, failures, fuel, memory, peak_memory, p50_ns, p99_ns;
} child_sums;

/* NULL: no call has ended. */
child_sums child_sums_of(const bh_child_stats *stats);

/* The member "statistics" of the child at a path; null of a supervisor, which has no component. Between enter and leave. */
void samples_put(const samples *s, sv_text *out, const char *path, const bh_component *component,
                 const child_sums *sums);

#endif
