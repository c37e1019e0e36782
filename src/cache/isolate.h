/* Compiling in a process of its own, that can be stopped and cannot reach anything. */
#ifndef BH_CACHE_ISOLATE_H
#define BH_CACHE_ISOLATE_H

#include "cache/artifact.h"

typedef struct {
	const char *program; /* the command that compiles: bulkhead */
	uint64_t memory;     /* bytes of address space */
	uint32_t seconds;    /* of CPU time; twice that of wall time */
} bh_isolation;

/*
 * Compile bytes of that digest in a child, and map what comes of it. The child has limits on address space, CPU and wall
 * time, and neither files nor network; whatever becomes of it, this process goes on.
 * As bh_code_compile(); BH_E_COMPILE names the limit that ended the child; BH_E_SYSTEM where there is no child to be had.
 */
bh_status bh_isolated_compile(bh_code **out, bh_variant *variant, const void *bytes, size_t length,
                              const uint8_t source[BH_HASH], const bh_code_options *options,
                              const bh_isolation *isolation, bh_error **err);

#endif
