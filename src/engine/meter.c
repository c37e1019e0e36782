#include "engine/meter.h"

static uint32_t refuse(bh_meter *meter, bh_limit limit, uint64_t wanted, uint32_t raise)
{
	meter->refusals++;
	meter->refused = limit;
	meter->attempted = wanted;
	meter->over_budget = false;
	return meter->limits->on_memory_limit == BH_MEMORY_LIMIT_TRAP ? raise : BHX_REFUSE;
}

static bool take_from_budget(bh_meter *meter, uint64_t wanted)
{
	uint64_t has = meter->budget.reserved + meter->taken;
	if (!meter->budget.take || wanted <= has)
		return true;
	if (!meter->budget.take(meter->budget.data, wanted - has))
		return false;
	meter->taken += wanted - has;
	return true;
}

/* `current` and `desired` are of one memory; the limit is for the sum. */
static uint32_t memory_growing(void *data, size_t current, size_t desired, size_t maximum)
{
	bh_meter *meter = data;
	uint64_t step = desired - current;
	meter->memory_step = 0;
	if (desired > maximum)
		return BHX_ALLOW; /* its own declaration forbids it: the engine answers that, and no limit of ours did */
	if (step > meter->limits->memory || meter->memory > meter->limits->memory - step)
		return refuse(meter, BH_LIMIT_MEMORY, meter->memory + step, BH_RAISE_MEMORY);
	if (!take_from_budget(meter, meter->memory + step)) {
		uint32_t answer = refuse(meter, BH_LIMIT_MEMORY, meter->memory + step, BH_RAISE_MEMORY);
		meter->over_budget = true;
		return answer;
	}
	meter->memory_step = step;
	meter->memory += step;
	if (meter->memory > meter->peak)
		meter->peak = meter->memory;
	return BHX_ALLOW;
}

static void memory_failed(void *data)
{
	bh_meter *meter = data;
	meter->memory -= meter->memory_step;
	meter->memory_step = 0;
}

static uint32_t table_growing(void *data, size_t current, size_t desired, size_t maximum)
{
	bh_meter *meter = data;
	uint64_t step = desired - current;
	meter->element_step = 0;
	if (desired > maximum)
		return BHX_ALLOW;
	if (step > meter->limits->table_elements || meter->elements > meter->limits->table_elements - step)
		return refuse(meter, BH_LIMIT_TABLE_ELEMENTS, meter->elements + step, BH_RAISE_TABLE);
	meter->element_step = step;
	meter->elements += step;
	return BHX_ALLOW;
}

static void table_failed(void *data)
{
	bh_meter *meter = data;
	meter->elements -= meter->element_step;
	meter->element_step = 0;
}

void bh_meter_attach(bh_meter *meter, const bh_limits *limits, const bh_budget *budget, wasmtime_store_t *store)
{
	*meter = (bh_meter){.limits = limits, .budget = *budget, .context = wasmtime_store_context(store)};
	meter->limiter = (bhx_limiter_t){
		.memory_growing = memory_growing,
		.memory_failed = memory_failed,
		.table_growing = table_growing,
		.table_failed = table_failed,
		.instances = limits->instances,
		.tables = limits->tables,
		.memories = limits->memories,
		.data = meter,
	};
	bhx_store_limiter(store, &meter->limiter);
	bhx_store_hostcall_bytes(store, limits->hostcall_bytes);
	bhx_store_handles(store, limits->resources);
}

void bh_meter_detach(bh_meter *meter)
{
	if (meter->taken)
		meter->budget.give_back(meter->budget.data, meter->taken);
	meter->taken = 0;
}

void bh_meter_begin(bh_meter *meter)
{
	meter->refusals = 0;
	meter->refused = BH_LIMIT_NONE;
	meter->attempted = 0;
	meter->over_budget = false;
}
