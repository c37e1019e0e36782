/* Resource handles: what a guest's handle looks like from outside. */
#ifndef BH_ENGINE_RESOURCE_H
#define BH_ENGINE_RESOURCE_H

#include "bulkhead/value.h"
#include "engine/internal.h"
#include "engine/resource_handle.h"

struct bh_resource {
	wasmtime_component_resource_any_t *handle; /* NULL once dropped */
	bh_instance *instance;                     /* kept alive by the handle; NULL until a result is handed out */
	_Atomic uint32_t references;
	uint64_t given_in; /* the last call that took it, or wanted to */
	bool owned;
	bool given; /* passed on: the handle is the guest's */
};

/* Takes `handle` over on success; NULL when there is no memory. */
bh_resource *bh_resource_wrap(wasmtime_component_resource_any_t *handle);

/* The handle for the engine, which reads it; NULL if there is none any more. */
const wasmtime_component_resource_any_t *bh_resource_lend(bh_resource *resource);

/* Whether the handle is still on our side: neither dropped nor passed on. */
bool bh_resource_here(const bh_resource *resource);

/* The handles in a value are of this instance, and keep it alive. */
void bh_value_adopt(const bh_value *value, bh_instance *instance);

/* Whether the value holds a handle of another instance. */
bool bh_value_belongs(const bh_value *value, const bh_instance *instance);

/*
 * Handles that go into a call as own become invalid on our side. The arguments fit their types; `call` is the
 * store's number of the call. False, and nothing has changed, where one handle is given twice, or lent as well.
 */
bool bh_values_give(const bh_value *args, const bh_type *params, size_t count, uint64_t call);

#endif
