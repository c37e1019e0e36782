#include "host/place.h"

#include "host/sampler.h"

/* Options of older callers are shorter. */
static const bh_sampler *sampler_of(const bh_instance_options *options)
{
	size_t end = offsetof(bh_instance_options, sampler) + sizeof options->sampler;
	return options && (!options->struct_size || options->struct_size >= end) ? options->sampler : NULL;
}

/* Memory that is wanted while a guest runs goes before those who wait to begin: it has no place to wait in. */
static bool take_memory(void *data, uint64_t bytes)
{
	return bh_gate_squeeze(data, bytes);
}

static void give_memory_back(void *data, uint64_t bytes)
{
	bh_gate_leave(data, bytes);
}

static bh_budget budget_of(const bh_component *component)
{
	bh_host *host = component->host;
	if (!host->options.memory_budget)
		return (bh_budget){0};
	return (bh_budget){
		.take = take_memory,
		.give_back = give_memory_back,
		.data = &host->memory,
		.reserved = component->reserve,
	};
}

bh_status bh_place_store(bh_store **out, const bh_run *run, bh_error **err)
{
	bh_component *component = run->component;
	if (!bh_code_linked(component->code))
		return bh_fail(err, BH_E_LINK, "%s was loaded to be looked at only", component->name);
	const bh_sampler *sampler = sampler_of(run->options);
	if (sampler && (sampler->component->code != component->code || !sampler->profiler))
		return bh_fail(err, BH_E_INVALID, "the sampler is another component's, or was written");
	bh_store_spec spec = {
		.profiler = sampler ? sampler->profiler : NULL,
		.code = component->code,
		.limits = &component->limits,
		.permissions = component->permissions,
		.options = run->options,
		.io = component->io,
		.component = component,
		.owner = run->owner,
		.keeper = run->keeper,
		.memory = budget_of(component),
		.chain = component->chain,
	};
	return bh_store_new(out, &spec, err);
}

uint64_t bh_place_reserve(const bh_component *component)
{
	uint64_t initial = component->code ? bh_code_describe(component->code)->initial_memory : 0;
	return initial > component->limits.initial_memory ? initial : component->limits.initial_memory;
}

void bh_place_leave(bh_component *component, bool instance, bool memory)
{
	if (instance) {
		bh_stats_instances(component->stats, -1);
		bh_gate_leave(&component->instances, 1);
	}
	if (memory)
		bh_gate_leave(&component->host->memory, component->reserve);
	bh_gate_call(&component->host->slots);
	/* The last one: from now on it is idle. That may be long after anything ran. */
	if (!bh_variant_in_use(component->variant))
		bh_ticker_touch(component->host->ticker);
}

void bh_place_free(bh_component *component, bh_store *store)
{
	if (!store)
		return;
	bh_store_free(store);
	bh_place_leave(component, true, true);
}
