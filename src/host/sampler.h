/* Samplers, for this room. */
#ifndef BH_HOST_SAMPLER_H
#define BH_HOST_SAMPLER_H

#include "bulkhead/sampler.h"
#include "host/host.h"

struct bh_sampler {
	bh_component *component;
	bh_profiler *profiler; /* NULL once written */
};

#endif
