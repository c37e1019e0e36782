/* What the cache has done, over all processes: a small file that each adds to now and then. */
#ifndef BH_CACHE_COUNTERS_H
#define BH_CACHE_COUNTERS_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

/* Each is a row: its number in the file, and its name. */
#define BH_COUNTERS(X)                                                                                                 \
	X(hits)                                                                                                            \
	X(misses)                                                                                                          \
	X(corrupt)                                                                                                         \
	X(evicted)                                                                                                         \
	X(saved_ns)                                                                                                        \
	X(written) /* bytes, since the folder was last gone through */                                                     \
	X(swept_s) /* when that was */

typedef enum {
#define X(name) BH_COUNTER_##name,
	BH_COUNTERS(X)
#undef X
		BH_COUNTER_COUNT
} bh_counter;

/* Of this process, not yet in the file. */
typedef struct {
	_Atomic uint64_t pending[BH_COUNTER_COUNT];
} bh_counters;

void bh_counters_add(bh_counters *counters, bh_counter counter, uint64_t amount);

/*
 * Bring the file up to date; `out` (may be NULL) receives what it says then. Where another process has the file just
 * now, the numbers wait for the next time. False where there is no file to be had; then `out` is this process's own.
 */
bool bh_counters_flush(bh_counters *counters, int folder, uint64_t out[BH_COUNTER_COUNT]);

/* The folder was gone through: `written` begins anew. */
void bh_counters_swept(bh_counters *counters, int folder);

#endif
