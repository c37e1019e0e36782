/* Resource handles: what a guest's handle looks like from outside. */
#ifndef BH_ENGINE_RESOURCE_H
#define BH_ENGINE_RESOURCE_H

#include "bulkhead/value.h"
#include "engine/internal.h"
#include "engine/resource_handle.h"

struct bh_resource {
	wasmtime_component_resource_any_t *handle; /* NULL once dropped or passed on */
	bh_instance *instance;                     /* kept alive by the handle */
	_Atomic uint32_t references;
	bool owned;
};

/* Takes `handle` over on success; NULL when there is no memory. */
bh_resource *bh_resource_wrap(wasmtime_component_resource_any_t *handle, bh_instance *instance);

/* A copy of the handle for the engine, which deletes it; NULL if there is none any more. */
wasmtime_component_resource_any_t *bh_resource_lend(bh_resource *resource);

/* Whether the value holds a handle of another instance. */
bool bh_value_belongs(const bh_value *value, const bh_instance *instance);

/* After a call began: handles that went in as own are gone. */
void bh_value_pass_on(const bh_value *value, const bh_type *type);


#endif
