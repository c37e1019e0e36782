/* Resource handles: what a guest's handle looks like from outside. */
#ifndef BH_ENGINE_RESOURCE_H
#define BH_ENGINE_RESOURCE_H

#include "bulkhead/value.h"
#include "engine/internal.h"
#include "engine/resource_handle.h"

struct bh_resource {
	wasmtime_component_resource_any_t *handle; /* NULL once dropped, and where it is the program's: */
	bhx_host_handle_t host;                    /* kind 0: it is a guest's */
	const bh_resource_type *type;              /* keeps its set; NULL: nobody has looked what the number stands for */
	uint64_t representation;
	bh_instance *instance; /* kept alive by the handle; NULL until a result is handed out */
	_Atomic uint32_t references;
	uint64_t given_in; /* the last call that took it, or wanted to */
	bool owned;
	bool given; /* passed on: the handle is the guest's */
	bool shown; /* to interceptors, which see what was passed on before the guest does */
};

/* Takes `handle` over on success; NULL when there is no memory. */
bh_resource *bh_resource_wrap(wasmtime_component_resource_any_t *handle);

/* The handle for the engine, which reads it; NULL if there is none any more. */
const wasmtime_component_resource_any_t *bh_resource_lend(bh_resource *resource);

/* The same for handles of the program's (held.c). */
bh_resource *bh_resource_wrap_host(const bhx_host_handle_t *handle);
bool bh_resource_lend_host(bh_resource *resource, bhx_host_handle_t *out);

/* One is about to be freed: what it owns goes with it. */
void bh_resource_forget_host(bh_resource *resource);

/* Calls `visit` for every handle in a value, until it says false. */
bool bh_value_handles(const bh_value *value, bool (*visit)(bh_resource *resource, void *data), void *data);

/* Whether the handle is still on our side: neither dropped nor passed on. */
bool bh_resource_here(const bh_resource *resource);

/* The handles of a guest's in a value are of this instance, and keep it alive. */
void bh_value_adopt(const bh_value *value, bh_instance *instance);

/* Whether no handle in a value is another instance's. */
bool bh_value_belongs(const bh_value *value, const bh_instance *instance);

/* The same for arguments that fit their types, told as what each handle is passed. */
bool bh_args_handles(const bh_value *args, const bh_type *params, size_t count,
                     bool (*visit)(bh_resource *resource, bh_kind as, void *data), void *data);

/* False where one handle is passed as own twice, or lent as well. `call` is the store's number of the call. */
bool bh_args_claim(const bh_value *args, const bh_type *params, size_t count, uint64_t call);

/* Handles that go into a call as own become invalid on our side. */
void bh_args_give(const bh_value *args, const bh_type *params, size_t count);

#endif
