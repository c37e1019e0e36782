#include <stdlib.h>
#include <string.h>

#include "base/permissions.h"
#include "host/export.h"
#include "host/place.h"

/* Where `make install` puts it. */
#ifndef DEFAULT_COMPILER
#define DEFAULT_COMPILER "/usr/local/bin/bulkhead"
#endif

/* A component file larger than this is refused: the largest seen in the field is 40 MiB. */
#define MAX_COMPONENT_SIZE BH_MIB(512)

static void free_items(bh_component *component)
{
	for (size_t i = 0; component->items && i < bh_code_item_count(component->code); i++)
		bh_free((char *)component->items[i].signature);
	bh_free(component->items);
}

bh_component *bh_component_ref(bh_component *component)
{
	if (component)
		atomic_fetch_add(&component->references, 1);
	return component;
}

void bh_component_unref(bh_component *component)
{
	if (!component || atomic_fetch_sub(&component->references, 1) != 1)
		return;
	bh_host *host = component->host;
	bh_group_leave(host->executor, &component->group);
	if (component->run)
		bh_function_free(component->run->function);
	bh_free(component->run);
	if (component->code)
		free_items(component);
	bh_code_free(component->code);
	if (component->io && component->io != host->io)
		bh_io_free(component->io);
	bh_permissions_free(component->permissions);
	bh_stats_component_free(component->stats);
	bh_intercept_chain_free(component->chain);
	bh_free(component->name);
	pthread_mutex_destroy(&component->lock);
	bh_gate_deinit(&component->calls);
	bh_gate_deinit(&component->instances);
	bh_free(component);
	bh_host_release(host);
}

static bh_status take_options(bh_component_options *out, const bh_component_options *given, bh_error **err)
{
	*out = (bh_component_options)BH_COMPONENT_OPTIONS_INIT;
	if (given)
		memcpy(out, given, given->struct_size && given->struct_size < sizeof *out ? given->struct_size : sizeof *out);
	return bh_limits_check(&out->limits, err);
}

static bh_status decide_limits(bh_component *component, const bh_limits *asked, bh_error **err)
{
	const bh_host_options *options = &component->host->options;
	bh_limits *limits = &component->limits;
	*limits = *asked;
	bh_limits_fill(limits);
	if (limits->initial_memory > limits->memory) {
		char reserved[48], allowed[48];
		bh_limit_format(reserved, sizeof reserved, BH_LIMIT_INITIAL_MEMORY, limits->initial_memory);
		bh_limit_format(allowed, sizeof allowed, BH_LIMIT_MEMORY, limits->memory);
		return bh_fail(err, BH_E_CONFIG, "initial_memory = %s: more than max_memory, which is %s", reserved, allowed);
	}
	bh_status status = bh_limits_bound(limits, &options->ceilings, options->ceiling_policy, err);
	if (limits->initial_memory > limits->memory)
		limits->initial_memory = limits->memory;
	return status;
}

static bh_status too_big(const bh_component *component, uint64_t initial, bh_error **err)
{
	char needs[48], allowed[48];
	bh_limit_format(needs, sizeof needs, BH_LIMIT_MEMORY, initial);
	bh_limit_format(allowed, sizeof allowed, BH_LIMIT_MEMORY, component->limits.memory);
	bh_error *e = bh_error_begin(err, BH_E_MEMORY_LIMIT,
	                             "memory limit reached: %s allowed, %s needed to start (max_memory)", allowed, needs);
	bh_error_limit_set(e, BH_LIMIT_MEMORY, component->limits.memory, initial);
	bh_error_trap_set(e, BH_TRAP_MEMORY_LIMIT);
	bh_error_hint_set(e, "Its own memories start larger than that. Raise max_memory.");
	return BH_E_MEMORY_LIMIT;
}

/* Code for the variant the limits ask for; on demand if it then shows that no slot can hold it. */
static bh_status compile(bh_component *component, bh_source *source, const bh_component_options *asked, bh_error **err)
{
	bh_code_options options = {
		.name = component->name,
		.wrap = asked->wrap_modules,
		/* What it imports of the program's is linked by itself, then. */
		.linking = asked->unlinked  ? BH_LINK_NOTHING
	               : asked->imports ? BH_LINK_WASI
	                                : BH_LINK_WHOLE,
	};
	/* A table that may grow larger than a slot's could not, there. */
	for (bool pool = component->limits.table_elements <= BH_SLOT_TABLE_ELEMENTS;; pool = false) {
		bh_status status = bh_host_variant(component->host, &component->variant, &component->limits, pool, err);
		if (!status)
			status = bh_codes_get(component->host->codes, &component->code, component->variant, source, &options,
			                      &component->history, err);
		if (status)
			return status;
		const bh_code_info *info = bh_code_describe(component->code);
		if (info->initial_memory > component->limits.memory)
			return too_big(component, info->initial_memory, err);
		if (!info->no_slot)
			return BH_OK;
		bh_code_free(BH_TAKE(component->code));
	}
}

/* Link the code that was found, or is another component's, with what is defined for this one. */
static bh_status link_imports(bh_component *component, const bh_component_options *options, bh_error **err)
{
	bh_code *linked = NULL;
	bh_status status = BH_OK;
	bool seen = options->imports && bh_intercept_chain_sees_imports(component->chain);
	bool served = bh_code_provided(component->code) == options->imports ||
	              (!options->unlinked && bh_code_needs_nobody(component->code));
	bool same = served && bh_code_intercepted(component->code) == seen;
	if (options->unlinked && !same)
		linked = bh_code_bare(component->code);
	else if (!options->unlinked && (!same || !bh_code_linked(component->code)))
		status = bh_code_link(&linked, component->code, options->imports, seen, err);
	if (linked) {
		bh_code_free(component->code);
		component->code = linked;
	}
	if (!status && options->deny == BH_DENY_AT_LINK)
		status = bh_code_granted(component->code, component->permissions, err);
	return status;
}

static bh_status give_io(bh_component *component, bh_error **err)
{
	if (!bh_code_describe(component->code)->wasi)
		return BH_OK;
	if (component->permissions && bh_permissions_dir_count(component->permissions))
		return bh_io_new(&component->io, (size_t)component->limits.blocking, err);
	return bh_host_io(component->host, &component->io, err);
}

BH_DEFINE_AUTO(bh_component *, bh_component_unref)

/* All of a component but its code. */
static bh_status make(bh_component **out, bh_host *host, const bh_component_options *options, bh_error **err)
{
	BH_AUTO(bh_component_unref) bh_component *component = bh_calloc(1, sizeof *component);
	if (!component)
		return bh_fail_memory(err);
	atomic_init(&component->references, 1);
	pthread_mutex_init(&component->lock, NULL);
	bh_gate_init(&component->calls, options->max_calls ? options->max_calls : UINT64_MAX);
	bh_gate_init(&component->instances, options->max_instances ? options->max_instances : UINT64_MAX);
	component->group.share = options->share;
	component->host = host;
	bh_host_retain(host);
	component->name = bh_strdup(options->name ? options->name : "component");
	component->stats = component->name ? bh_stats_component_new(host->stats, component->name) : NULL;
	if (!component->stats)
		return bh_fail_memory(err);
	bh_status status = bh_intercept_chain_new(&component->chain, component, &host->numbers, host->options.interceptors,
	                                          options->interceptors, err);
	if (!status && options->permissions)
		status = bh_permissions_copy(&component->permissions, options->permissions, err);
	if (!status)
		status = decide_limits(component, &options->limits, err);
	if (!status)
		*out = BH_TAKE(component);
	return status;
}

static bh_isolation isolation_of(const bh_component_options *options)
{
	const char *program = options->compiler ? options->compiler : secure_getenv("BULKHEAD_COMPILER");
	return (bh_isolation){
		.program = program ? program : DEFAULT_COMPILER,
		.memory = options->compile_memory ? options->compile_memory : BH_GIB(4),
		.seconds = options->compile_seconds ? options->compile_seconds : 120,
	};
}

static bh_status load(bh_component **out, bh_host *host, bh_source *source, const bh_component_options *options,
                      bh_error **err)
{
	BH_AUTO(bh_component_unref) bh_component *component = NULL;
	bh_status status = make(&component, host, options, err);
	if (status)
		return status;
	source->isolated = options->compile_mode == BH_COMPILE_ISOLATED;
	if (source->isolated)
		source->isolation = isolation_of(options);
	source->name = component->name;
	source->trusted_key = options->trusted_key;
	source->hash_given = options->sha256;
	if (options->sha256)
		memcpy(source->hash, options->sha256, BH_HASH);
	if ((status = compile(component, source, options, err)) || (status = link_imports(component, options, err)) ||
	    (status = give_io(component, err)))
		return status;
	memcpy(component->digest, source->is_artifact ? source->artifact.record.source : source->hash, BH_HASH);
	component->reserve = bh_place_reserve(component);
	*out = BH_TAKE(component);
	return BH_OK;
}

bh_status bh_component_load_bytes(bh_component **out, bh_host *host, const void *bytes, size_t length,
                                  const bh_component_options *options, bh_error **err)
{
	if (!host || (!bytes && length))
		return bh_fail(err, BH_E_INVALID, "bh_component_load_bytes: no host or no bytes");
	bh_component_options taken;
	bh_status status = take_options(&taken, options, err);
	bh_source source = {.bytes = bytes, .length = length};
	return status ? status : load(out, host, &source, &taken, err);
}

bh_status bh_component_load_file(bh_component **out, bh_host *host, const char *path,
                                 const bh_component_options *options, bh_error **err)
{
	if (!host || !path)
		return bh_fail(err, BH_E_INVALID, "bh_component_load_file: no host or no path");
	bh_component_options taken;
	bh_status status = take_options(&taken, options, err);
	if (status)
		return status;
	const char *slash = strrchr(path, '/');
	if (!taken.name)
		taken.name = slash ? slash + 1 : path;
	bh_source source = {.path = path, .max = MAX_COMPONENT_SIZE};
	status = load(out, host, &source, &taken, err);
	bh_source_deinit(&source);
	return status;
}

static bh_status wrong_engine(const bh_component *handle, bh_error **err)
{
	bh_error *e = bh_error_begin(err, BH_E_WRONG_HOST, "%s: these limits ask for another engine than its code is for",
	                             handle->name);
	bh_error_hint_set(e, "Code is compiled with fuel or without, and for a stack size: keep both, or load it again.");
	return BH_E_WRONG_HOST;
}

bh_status bh_component_wrap(bh_component **out, bh_host *host, bh_component *handle,
                            const bh_component_options *options, bh_error **err)
{
	if (!host || !handle)
		return bh_fail(err, BH_E_INVALID, "bh_component_wrap: no host or no handle");
	if (handle->host != host) {
		bh_error *e = bh_error_begin(err, BH_E_WRONG_HOST,
		                             "%s was loaded by another host: this one cannot run its code", handle->name);
		bh_error_hint_set(e, "Load it into this host; the compile cache spares it the compiling.");
		return BH_E_WRONG_HOST;
	}
	bh_component_options taken;
	bh_component_options same = BH_COMPONENT_OPTIONS_INIT;
	same.limits = handle->limits;
	same.permissions = handle->permissions;
	same.imports = bh_code_provided(handle->code);
	same.unlinked = !bh_code_linked(handle->code);
	same.interceptors = bh_intercept_chain_own(handle->chain);
	bh_status status = take_options(&taken, options ? options : &same, err);
	if (status)
		return status;
	if (!taken.name)
		taken.name = handle->name;
	BH_AUTO(bh_component_unref) bh_component *component = NULL;
	if ((status = make(&component, host, &taken, err)))
		return status;
	const bh_variant_spec *spec = bh_variant_describe(handle->variant);
	if (spec->metered != (component->limits.fuel != BH_UNLIMITED) || spec->stack != component->limits.stack)
		return wrong_engine(handle, err);
	component->variant = handle->variant;
	component->code = bh_code_ref(handle->code);
	memcpy(component->digest, handle->digest, BH_HASH);
	component->history.origin = BH_CODE_FROM_MEMORY;
	uint64_t initial = bh_code_describe(component->code)->initial_memory;
	if (initial > component->limits.memory)
		return too_big(component, initial, err);
	if ((status = link_imports(component, &taken, err)) || (status = give_io(component, err)))
		return status;
	component->reserve = bh_place_reserve(component);
	*out = BH_TAKE(component);
	return BH_OK;
}

const char *bh_component_name(const bh_component *component)
{
	return component->name;
}

const uint8_t *bh_component_digest(const bh_component *component)
{
	return component->digest;
}

const bh_limits *bh_component_limits(const bh_component *component)
{
	return &component->limits;
}

const bh_permissions *bh_component_permissions(const bh_component *component)
{
	return component->permissions;
}

bh_component *bh_calling_component(void)
{
	return bh_store_caller();
}

size_t bh_component_export_count(const bh_component *component)
{
	return bh_code_export_count(component->code);
}

size_t bh_component_import_count(const bh_component *component)
{
	return bh_code_item_count(component->code) - bh_code_export_count(component->code);
}

/* Signatures take time to write and few ask for them. NULL without memory. */
static const bh_item *item_at(const bh_component *component, size_t index)
{
	bh_component *c = (bh_component *)component;
	bh_item *item = NULL;
	pthread_mutex_lock(&c->lock);
	if (!c->items)
		c->items = bh_calloc(bh_code_item_count(c->code), sizeof *c->items);
	if (c->items) {
		item = &c->items[index];
		if (!item->interface && !item->name)
			bh_code_item_names(c->code, index, &item->interface, &item->name);
		if (!item->signature)
			item->signature = bh_code_item_signature(c->code, index);
	}
	pthread_mutex_unlock(&c->lock);
	return item;
}

const bh_item *bh_component_export_at(const bh_component *component, size_t index)
{
	return index < bh_component_export_count(component) ? item_at(component, index) : NULL;
}

const bh_item *bh_component_import_at(const bh_component *component, size_t index)
{
	size_t exports = bh_component_export_count(component);
	return index < bh_component_import_count(component) ? item_at(component, exports + index) : NULL;
}

void bh_component_describe(const bh_component *component, bh_component_needs *out)
{
	const bh_code_info *info = bh_code_describe(component->code);
	bh_component_needs needs = {
		.struct_size = out->struct_size,
		.initial_memory = info->initial_memory,
		.memories = info->memories,
		.tables = info->tables,
		.core_instances = (uint32_t)info->core_instances,
		.wrapped = info->wrapped,
		.command = info->command,
		.origin = component->history.origin,
		.find_ns = component->history.find_ns,
		.compile_ns = component->history.compile_ns,
		.keep_ns = component->history.keep_ns,
		.code_bytes = bh_code_size(component->code),
	};
	memcpy(out, &needs, out->struct_size && out->struct_size < sizeof needs ? out->struct_size : sizeof needs);
}
