/** Samplers: where a guest spends its time. */
#ifndef BULKHEAD_SAMPLER_H
#define BULKHEAD_SAMPLER_H

#include "component.h"

BH_BEGIN

/**
 * A sampler looks at the stack of guests at every tick that they compute through (a millisecond). Waiting is not sampled.
 * A million samples are kept, which is a quarter of an hour; those that follow are dropped.
 *
 * Functions have names where the component has a name section.
 */
typedef struct bh_sampler bh_sampler;

/** Make one for instances of a component, which it keeps alive. \return BH_OK; BH_E_INVALID; BH_E_ENGINE; BH_E_NO_MEMORY */
BH_API BH_MUST_USE bh_status bh_sampler_new(bh_sampler **out, bh_component *component, bh_error **err);

/**
 * Write it to an open file, as JSON for https://profiler.firefox.com, and end it. No instance that was given it may
 * still be there. Blocks, for a pipe until its reader has taken all of it; a reader that is gone and the process's limit
 * on the size of files are errors, and raise no signal.
 * \return BH_OK; BH_E_INVALID (written before); BH_E_IO; BH_E_ENGINE
 */
BH_API BH_MUST_USE bh_status bh_sampler_write(bh_sampler *sampler, int fd, bh_error **err);

/** Give it up, written or not; instances that were given it go first. NULL is allowed. */
BH_API void bh_sampler_free(bh_sampler *sampler);

BH_END

#endif
