/* Statistics for those who look often: a snapshot that is shared for a moment, and one before it, to tell rates. */
#ifndef BH_SERVE_SAMPLES_H
#define BH_SERVE_SAMPLES_H

#include <bulkhead.h>

#include "text.h"

typedef struct samples samples;

samples *samples_new(void);
void samples_free(samples *s);

/* Take a look, and hold what was seen until samples_leave(). False: no memory for it. */
bool samples_enter(samples *s, const bh_host *host);
void samples_leave(samples *s);

/* The member "statistics" of what this component runs; null where nothing was counted. Between enter and leave. */
void samples_put(const samples *s, sv_text *out, const char *component, const bh_limits *limits);

#endif
