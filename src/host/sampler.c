#include "host/sampler.h"

void bh_sampler_free(bh_sampler *profile)
{
	if (!profile)
		return;
	bh_profiler_free(profile->profiler);
	bh_component_unref(profile->component);
	bh_free(profile);
}

BH_DEFINE_AUTO(bh_sampler *, bh_sampler_free)

bh_status bh_sampler_new(bh_sampler **out, bh_component *component, bh_error **err)
{
	if (!component)
		return bh_fail(err, BH_E_INVALID, "bh_sampler_new: no component");
	BH_AUTO(bh_sampler_free) bh_sampler *profile = bh_calloc(1, sizeof *profile);
	if (!profile)
		return bh_fail_memory(err);
	profile->component = bh_component_ref(component);
	bh_status status = bh_profiler_new(&profile->profiler, component->code, component->name, err);
	if (!status)
		*out = BH_TAKE(profile);
	return status;
}

bh_status bh_sampler_write(bh_sampler *profile, int fd, bh_error **err)
{
	if (!profile || !profile->profiler)
		return bh_fail(err, BH_E_INVALID, "bh_sampler_write: no sampler, or one that was written before");
	return bh_profiler_write(BH_TAKE(profile->profiler), fd, err);
}
