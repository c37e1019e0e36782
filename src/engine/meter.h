/* The meter of a store: what it uses, what it was refused, and what that means when the guest ends. */
#ifndef BH_ENGINE_METER_H
#define BH_ENGINE_METER_H

#include "bulkhead/limits.h"
#include "bulkhead/usage.h"
#include "engine/budget.h"
#include "engine/internal.h"

typedef struct {
	const bh_limits *limits;
	bh_budget budget;
	uint64_t taken;  /* of the budget, beyond what is reserved */
	uint64_t memory; /* all memories together */
	uint64_t peak;
	uint64_t memory_step; /* of the growth allowed last: taken back if it fails after all */
	uint64_t elements;    /* of all tables together */
	uint64_t element_step;
	/* Since the call began: */
	uint64_t refusals;
	bh_limit refused;   /* the limit that refused last; BH_LIMIT_NONE if none did */
	uint64_t attempted; /* what was wanted then */
	bool over_budget;   /* it was not the limit, but the budget */
	uint64_t fuel_at_start;
	wasmtime_context_t *context; /* the store's */
	bhx_limiter_t limiter;       /* what the engine asks; stays where it is */
} bh_meter;

/* Attach to a store; the meter must outlive it. */
void bh_meter_attach(bh_meter *meter, const bh_limits *limits, const bh_budget *budget, wasmtime_store_t *store);

/* The store is gone: what it took of the budget is others' again. */
void bh_meter_detach(bh_meter *meter);

/* A call begins. */
void bh_meter_begin(bh_meter *meter);

/* A limit, neither of memory nor of tables, that the engine does not know of was reached. BH_E_RESOURCE_LIMIT. */
bh_status bh_meter_reached(const bh_meter *meter, bh_limit limit, bh_error **err);

/* What an engine error that ended a call means; consumes it. */
bh_status bh_meter_classify(const bh_meter *meter, wasmtime_error_t *engine_error, bh_error **err);

#endif
