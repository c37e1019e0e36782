/* Sampling guests at their ticks. */
#ifndef BH_ENGINE_PROFILER_H
#define BH_ENGINE_PROFILER_H

#include "base/error.h"
#include "engine/code.h"

typedef struct bh_profiler bh_profiler;

/* For stores of that code, which outlives it. */
bh_status bh_profiler_new(bh_profiler **out, const bh_code *code, const char *name, bh_error **err);

/* Write it to a descriptor, and free it. */
bh_status bh_profiler_write(bh_profiler *profiler, int fd, bh_error **err);
void bh_profiler_free(bh_profiler *profiler);

#endif
