/* Sets of host functions and resources that the embedding program defines. */
#include <string.h>

#include "base/permissions.h"
#include "engine/import.h"

/* As many imports as a component may have (code.c); a set with more would serve nobody. */
enum { MAX_DEFINITIONS = 10000 };

bh_status bh_imports_new(bh_imports **out, bh_error **err)
{
	bh_imports *imports = bh_calloc(1, sizeof *imports);
	if (!imports)
		return bh_fail_memory(err);
	atomic_init(&imports->references, 1);
	*out = imports;
	return BH_OK;
}

bh_imports *bh_imports_ref(bh_imports *imports)
{
	if (imports)
		atomic_fetch_add(&imports->references, 1);
	return imports;
}

static void definition_free(bh_definition *definition)
{
	if (!definition)
		return;
	bh_free(definition->interface);
	bh_free(definition->name);
	bh_free(definition->capability);
	bh_signature_free(definition->signature);
	bh_free(definition->resource);
	bh_free(definition);
}

void bh_imports_free(bh_imports *imports)
{
	if (!imports || atomic_fetch_sub(&imports->references, 1) != 1)
		return;
	for (size_t i = 0; i < imports->count; i++) {
		const bh_definition *definition = imports->definitions[i];
		if (definition->free_data)
			definition->free_data(definition->data);
		definition_free(imports->definitions[i]);
	}
	bh_free(imports->definitions);
	bh_free(imports);
}

static bool same_text(const char *a, const char *b)
{
	return a && b ? !strcmp(a, b) : a == b;
}

static bool copy_text(char **out, const char *text)
{
	*out = text ? bh_strdup(text) : NULL;
	return *out || !text;
}

/* Whether something can be defined under that name. */
static bh_status check_place(const bh_imports *imports, const char *interface, const char *name, bh_error **err)
{
	uint32_t package;
	if (!imports || !name || !*name || (interface && !*interface))
		return bh_fail(err, BH_E_INVALID, "a definition without a set or a name");
	if (atomic_load(&imports->frozen)) {
		bh_error *e = bh_error_begin(err, BH_E_INVALID, "%s: a component was linked with this set already", name);
		bh_error_hint_set(e, "Define everything first, or make another set.");
		return BH_E_INVALID;
	}
	if (interface && bh_wasi_package(interface, &package))
		return bh_fail(err, BH_E_INVALID, "%s#%s: the library provides this interface itself", interface, name);
	if (imports->count == MAX_DEFINITIONS)
		return bh_fail(err, BH_E_INVALID, "more than %d definitions", MAX_DEFINITIONS);
	for (size_t i = 0; i < imports->count; i++)
		if (!strcmp(imports->definitions[i]->name, name) && same_text(imports->definitions[i]->interface, interface))
			return bh_fail(err, BH_E_INVALID, "%s%s%s is defined twice", interface ? interface : "",
			               interface ? "#" : "", name);
	return BH_OK;
}

static void definition_free_auto(bh_definition **definition)
{
	definition_free(*definition);
}

/* An empty definition at the end of the set, to be filled. */
static bh_status add(bh_imports *imports, const char *interface, const char *name, bh_definition **out, bh_error **err)
{
	bh_definition **grown = bh_grow(imports->definitions, imports->count, &imports->capacity, sizeof *grown);
	if (!grown)
		return bh_fail_memory(err);
	imports->definitions = grown;
	BH_AUTO(definition_free) bh_definition *definition = bh_calloc(1, sizeof *definition);
	if (!definition || !copy_text(&definition->interface, interface) || !copy_text(&definition->name, name))
		return bh_fail_memory(err);
	*out = BH_TAKE(definition);
	return BH_OK;
}

static bh_status fill(bh_definition *definition, const bh_host_function *function, bh_error **err)
{
	definition->call = function->call;
	definition->start = function->start;
	definition->leaf = function->leaf;
	definition->data = function->data;
	definition->free_data = function->free_data;
	bh_status status = function->capability ? bh_capability_check(function->capability, err) : BH_OK;
	if (!status && !copy_text(&definition->capability, function->capability))
		return bh_fail_memory(err);
	if (!status && function->signature)
		status = bh_signature_parse(&definition->signature, function->signature, err);
	return status;
}

bh_status bh_imports_define_function(bh_imports *imports, const bh_host_function *function, bh_error **err)
{
	if (!function)
		return bh_fail(err, BH_E_INVALID, "bh_imports_define_function: no function");
	bh_host_function taken = BH_HOST_FUNCTION_INIT;
	size_t size = function->struct_size;
	memcpy(&taken, function, size && size < sizeof taken ? size : sizeof taken);
	bh_status status = check_place(imports, taken.interface, taken.name, err);
	if (status)
		return status;
	if (!taken.call == !taken.start || (taken.leaf && taken.start))
		return bh_fail(err, BH_E_INVALID, "%s: either a function that answers, which may be a leaf, or one that starts",
		               taken.name);
	BH_AUTO(definition_free) bh_definition *definition = NULL;
	if ((status = add(imports, taken.interface, taken.name, &definition, err)) ||
	    (status = fill(definition, &taken, err))) {
		if (err && *err && status != BH_E_NO_MEMORY)
			bh_error_prefix(*err, "%s: ", taken.name);
		return status;
	}
	imports->definitions[imports->count++] = BH_TAKE(definition);
	return BH_OK;
}

bh_status bh_imports_define(bh_imports *imports, const char *interface, const char *name, const char *capability,
                            bh_host_fn *call, void *data, bh_error **err)
{
	bh_host_function function = BH_HOST_FUNCTION_INIT;
	function.interface = interface;
	function.name = name;
	function.capability = capability;
	function.call = call;
	function.data = data;
	return bh_imports_define_function(imports, &function, err);
}

bh_status bh_imports_define_async(bh_imports *imports, const char *interface, const char *name, const char *capability,
                                  bh_host_async_fn *start, void *data, bh_error **err)
{
	bh_host_function function = BH_HOST_FUNCTION_INIT;
	function.interface = interface;
	function.name = name;
	function.capability = capability;
	function.start = start;
	function.data = data;
	return bh_imports_define_function(imports, &function, err);
}

bh_status bh_imports_define_resource(const bh_resource_type **out, bh_imports *imports, const char *interface,
                                     const char *name, bh_destructor_fn *destructor, void *data, bh_error **err)
{
	static _Atomic uint32_t last_kind;
	bh_status status = check_place(imports, interface, name, err);
	if (status)
		return status;
	BH_AUTO(definition_free) bh_definition *definition = NULL;
	if ((status = add(imports, interface, name, &definition, err)))
		return status;
	definition->resource = bh_calloc(1, sizeof *definition->resource);
	if (!definition->resource)
		return bh_fail_memory(err);
	*definition->resource = (bh_resource_type){
		.imports = imports,
		.kind = atomic_fetch_add(&last_kind, 1) + 1,
		.destroy = destructor,
		.data = data,
	};
	if (out)
		*out = definition->resource;
	imports->definitions[imports->count++] = BH_TAKE(definition);
	return BH_OK;
}
