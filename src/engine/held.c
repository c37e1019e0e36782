/*
 * Resources of the embedding program: what guests hold of them.
 *
 * The engine knows a resource by a number of 32 bits. It is a place in a list of the guest's store, which has the
 * representation. So a representation may be any 64 bits, and what a guest still has when it goes is known: the engine
 * itself drops nothing then.
 *
 * An owned representation is in one place at a time: in such a list, with a handle (bh_resource), or with the program.
 * A handle that goes with one destroys it.
 */
#include <string.h>

#include "engine/import.h"
#include "engine/resource.h"
#include "engine/store_internal.h"

static void destroy(const bh_resource_type *type, uint64_t representation)
{
	if (type->destroy)
		type->destroy(type->data, representation);
}

/* Handles. */

bh_resource *bh_resource_wrap_host(const bhx_host_handle_t *handle)
{
	bh_resource *resource = bh_calloc(1, sizeof *resource);
	if (!resource)
		return NULL;
	atomic_init(&resource->references, 1);
	resource->host = *handle;
	return resource;
}

bool bh_resource_lend_host(bh_resource *resource, bhx_host_handle_t *out)
{
	if (!resource || !resource->host.kind)
		return false;
	*out = resource->host;
	return true;
}

static void set_type(bh_resource *resource, const bh_resource_type *type, uint64_t representation)
{
	bh_imports_ref(type->imports);
	resource->type = type;
	resource->representation = representation;
}

void bh_resource_forget_host(bh_resource *resource)
{
	if (!resource->type)
		return;
	if (resource->host.owned && !resource->given)
		destroy(resource->type, resource->representation);
	bh_imports_free(resource->type->imports);
}

bh_status bh_resource_new(bh_value *out, const bh_resource_type *type, uint64_t representation, bh_error **err)
{
	if (!type)
		return bh_fail(err, BH_E_INVALID, "bh_resource_new: no type");
	bh_resource *resource = bh_resource_wrap_host(&(bhx_host_handle_t){.kind = type->kind, .owned = true});
	if (!resource)
		return bh_fail_memory(err);
	set_type(resource, type, representation);
	*out = bh_of_resource(resource);
	out->owned = true;
	return BH_OK;
}

static bh_resource *resource_of(const bh_value *handle, const bh_resource_type *type)
{
	if (!handle || !type || (handle->kind != BH_KIND_OWN && handle->kind != BH_KIND_BORROW))
		return NULL;
	bh_resource *resource = handle->as.resource;
	return resource && resource->type == type && (!resource->given || resource->shown) ? resource : NULL;
}

bool bh_resource_read(uint64_t *representation, const bh_value *handle, const bh_resource_type *type)
{
	const bh_resource *resource = resource_of(handle, type);
	if (resource)
		*representation = resource->representation;
	return resource;
}

bool bh_resource_take(uint64_t *representation, const bh_value *handle, const bh_resource_type *type)
{
	bh_resource *resource = resource_of(handle, type);
	if (!resource || !resource->host.owned || resource->given)
		return false;
	*representation = resource->representation;
	resource->given = true;
	return true;
}

/* The list of a store. */

/* What stands behind a number. The engine only has numbers of ours, but there is a guest behind it. */
static bh_held *held_at(const bh_host_calls *calls, uint32_t number)
{
	if (!number || number > calls->held_count || !calls->held[number - 1].type)
		return NULL;
	return &calls->held[number - 1];
}

static bh_held let_go(bh_host_calls *calls, uint32_t number)
{
	bh_held held = calls->held[number - 1];
	calls->held[number - 1] = (bh_held){.next = calls->held_free};
	calls->held_free = number;
	calls->held_live--;
	return held;
}

/* A number for a representation. 0: no memory. The list is bounded by who calls. */
static uint32_t hold(bh_host_calls *calls, const bh_resource_type *type, uint64_t representation)
{
	uint32_t number = calls->held_free;
	if (number) {
		calls->held_free = calls->held[number - 1].next;
	} else {
		bh_held *grown = bh_grow(calls->held, calls->held_count, &calls->held_capacity, sizeof *grown);
		if (!grown)
			return 0;
		calls->held = grown;
		number = (uint32_t)++calls->held_count;
	}
	calls->held[number - 1] = (bh_held){.representation = representation, .type = type};
	calls->held_live++;
	return number;
}

void bh_held_destroy(bh_host_calls *calls, uint32_t number)
{
	if (!held_at(calls, number))
		return;
	bh_held held = let_go(calls, number);
	destroy(held.type, held.representation);
}

void bh_held_deinit(bh_host_calls *calls)
{
	for (size_t i = 0; i < calls->held_count; i++)
		bh_held_destroy(calls, (uint32_t)i + 1);
	bh_free(BH_TAKE(calls->held));
	calls->held_count = 0;
}

/* Handles on their way. */

static bool receive(bh_resource *resource, void *data)
{
	bh_host_calls *calls = data;
	if (!resource->host.kind)
		return true; /* a guest's own */
	const bh_held *held = held_at(calls, resource->host.number);
	if (!held || held->type->kind != resource->host.kind)
		return false;
	set_type(resource, held->type, held->representation);
	if (resource->host.owned)
		let_go(calls, resource->host.number);
	return true;
}

bh_status bh_held_receive(bh_store *store, const bh_value *value, bh_error **err)
{
	if (bh_value_handles(value, receive, &store->calls))
		return BH_OK;
	return bh_fail(err, BH_E_INVALID, "a handle stands for nothing");
}

typedef struct {
	bh_store *store;
	bh_error **err;
	bh_status status;
} passing;

static bh_status too_many(uint64_t most, bh_error **err)
{
	const bh_limit_info *limit = bh_limit_describe(BH_LIMIT_RESOURCES);
	char allowed[48];
	bh_limit_format(allowed, sizeof allowed, BH_LIMIT_RESOURCES, most);
	bh_error *e =
		bh_error_begin(err, BH_E_RESOURCE_LIMIT, "%s limit reached: %s allowed (%s)", limit->text, allowed, limit->key);
	bh_error_limit_set(e, BH_LIMIT_RESOURCES, most, 0);
	bh_error_trap_set(e, BH_TRAP_RESOURCE_LIMIT);
	return BH_E_RESOURCE_LIMIT;
}

static bh_status check_pass(const bh_store *store, const bh_resource *resource, bh_error **err)
{
	uint64_t most = store->meter.limits->resources;
	if (!resource->type || !resource->host.owned || resource->given)
		return bh_fail(err, BH_E_INVALID, "a handle is not the program's to pass on, or was passed on before");
	if (!bh_code_imports(store->code, resource->type))
		return bh_fail(err, BH_E_INVALID, "a handle is of a resource that the component does not import");
	if (store->calls.held_live >= most)
		return too_many(most, err);
	return BH_OK;
}

static bool pass(bh_resource *resource, void *data)
{
	passing *p = data;
	if (!resource->host.kind)
		return true;
	p->status = check_pass(p->store, resource, p->err);
	if (p->status)
		return false;
	resource->host.number = hold(&p->store->calls, resource->type, resource->representation);
	if (!resource->host.number)
		p->status = bh_fail_memory(p->err);
	resource->given = !p->status;
	return !p->status;
}

static bool pass_arg(bh_resource *resource, bh_kind as, void *data)
{
	passing *p = data;
	if (as == BH_KIND_OWN || !resource->host.kind)
		return pass(resource, data);
	p->status = bh_fail(p->err, BH_E_UNSUPPORTED, "a resource of the program's can be passed on, but not be lent");
	return false;
}

bh_status bh_held_pass_args(bh_store *store, const bh_value *args, const bh_type *params, size_t count, bh_error **err)
{
	passing p = {.store = store, .err = err};
	bh_args_handles(args, params, count, pass_arg, &p);
	return p.status;
}

bh_status bh_held_pass(bh_store *store, const bh_value *value, bh_error **err)
{
	passing p = {.store = store, .err = err};
	bh_value_handles(value, pass, &p);
	return p.status;
}

static bool show(bh_resource *resource, void *data)
{
	resource->shown = *(const bool *)data;
	return true;
}

void bh_held_show(const bh_value *value, bool shown)
{
	bh_value_handles(value, show, &shown);
}
