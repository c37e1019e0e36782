/* Compiled code: linked, listed, shared, written out and mapped again. */
#include "engine/code.h"

#include <string.h>
#include <unistd.h>

#include "base/text.h"
#include "engine/internal.h"

/* Imports and exports together; beyond, listing them would be an attack. */
enum { MAX_ITEMS = 10000 };

static const char wasi_run[] = "wasi:cli/run@";

static char *text_of(bhx_text_t text)
{
	return text.data ? bh_strndup(text.data, text.length) : NULL;
}

typedef struct {
	bh_code *code;
	bool too_many;
	bool no_memory;
} item_walk;

bool bh_wasi_package(const char *interface, uint32_t *package)
{
	static const char *const packages[] = {
		[BHX_WASI_IO] = "wasi:io/",
		[BHX_WASI_CLOCKS] = "wasi:clocks/",
		[BHX_WASI_RANDOM] = "wasi:random/",
		[BHX_WASI_CLI] = "wasi:cli/",
		[BHX_WASI_FILESYSTEM] = "wasi:filesystem/",
		[BHX_WASI_SOCKETS] = "wasi:sockets/",
		[BHX_WASI_HTTP] = "wasi:http/",
		[BHX_WASI_EXIT] = "bulkhead:wasi/",
	};
	for (uint32_t i = 0; i < BH_COUNT(packages); i++)
		if (!strncmp(interface, packages[i], strlen(packages[i]))) {
			*package = i;
			return true;
		}
	return false;
}

static void note_import(bh_code *code, const char *interface)
{
	uint32_t package;
	if (bh_wasi_package(interface, &package))
		code->wasi |= 1U << package;
	else
		code->others = true;
	code->info.wasi = code->wasi;
}

static bool note_item(void *data, bhx_item_t *given)
{
	item_walk *walk = data;
	bh_code *code = walk->code;
	bh_code_item *grown = NULL;
	if (code->item_count < MAX_ITEMS)
		grown = bh_grow(code->items, code->item_count, &code->item_capacity, sizeof *code->items);
	walk->too_many = code->item_count >= MAX_ITEMS;
	if (!grown) {
		walk->no_memory = !walk->too_many;
		if (given->type)
			wasmtime_component_func_type_delete(given->type);
		return false;
	}
	code->items = grown;
	bh_code_item *item = &code->items[code->item_count++];
	*item = (bh_code_item){text_of(given->interface), text_of(given->name), given->type};
	if ((given->interface.data && !item->interface) || (given->name.data && !item->name)) {
		walk->no_memory = true;
		return false;
	}
	const char *interface = item->interface ? item->interface : "";
	if (given->import) {
		note_import(code, interface);
	} else {
		code->export_count++;
		code->info.command |= !strncmp(interface, wasi_run, sizeof wasi_run - 1);
	}
	return true;
}

static bh_status list_items(bh_code *code, bh_error **err)
{
	item_walk walk = {.code = code};
	wasmtime_error_t *failed = bhx_component_items(code->component, note_item, &walk);
	if (failed)
		return bh_engine_fail(err, BH_E_COMPILE, failed, "imports and exports cannot be listed");
	if (walk.no_memory)
		return bh_fail_memory(err);
	if (walk.too_many)
		return bh_fail(err, BH_E_UNSUPPORTED, "more than %d imports and exports", MAX_ITEMS);
	return BH_OK;
}

/* Bring the variant's linker to hold what the code imports. With its lock held. */
static wasmtime_error_t *add_packages(bh_variant *variant, uint32_t wanted)
{
	if (!variant->wasi)
		variant->wasi = wasmtime_component_linker_new(variant->engine);
	for (uint32_t i = 0; wanted >> i; i++) {
		if (!(wanted >> i & 1) || variant->wasi_linked >> i & 1)
			continue;
		wasmtime_error_t *failed = bhx_linker_add_wasi(variant->wasi, i);
		if (failed)
			return failed;
		variant->wasi_linked |= 1U << i;
	}
	return NULL;
}

static wasmtime_error_t *link_wasi(bh_code *code, bool *ours)
{
	bh_variant *variant = code->variant;
	pthread_mutex_lock(&variant->lock);
	wasmtime_error_t *failed = add_packages(variant, code->wasi);
	*ours = failed;
	if (!failed)
		failed = bhx_linker_instantiate_pre(variant->wasi, code->component, &code->pre);
	pthread_mutex_unlock(&variant->lock);
	return failed;
}

wasmtime_error_t *bh_variant_linker(bh_variant *variant, uint32_t wasi, wasmtime_component_linker_t **out)
{
	pthread_mutex_lock(&variant->lock);
	wasmtime_error_t *failed = wasi ? add_packages(variant, wasi) : NULL;
	if (!failed)
		failed = bhx_linker_copy(wasi ? variant->wasi : variant->plain, out);
	pthread_mutex_unlock(&variant->lock);
	return failed;
}

bh_status bh_code_link_failed(wasmtime_error_t *failed, bh_error **err)
{
	/* The outer text names the import, the inner one says what is wrong with it. */
	BH_AUTO(bh_free) char *import = bh_engine_outer_text(failed);
	BH_AUTO(bh_free) char *reason = bh_engine_text(failed);
	bool both = import && reason && strcmp(import, reason) != 0;
	return bh_engine_fail(err, BH_E_LINK, failed, "an import is not provided: %s%s%s", import ? import : "?",
	                      both ? ": " : "", both ? reason : "");
}

static bh_status link_code(bh_code *code, bh_error **err)
{
	bool ours = false;
	wasmtime_error_t *failed = code->wasi
	                               ? link_wasi(code, &ours)
	                               : bhx_linker_instantiate_pre(code->variant->plain, code->component, &code->pre);
	if (!failed)
		return BH_OK;
	if (ours)
		return bh_engine_fail(err, BH_E_ENGINE, failed, "WASI could not be linked");
	return bh_code_link_failed(failed, err);
}

bool bh_code_fits(const bh_code_info *info, const bh_variant *variant)
{
	uint64_t slots = variant->spec.slots;
	return !variant->spec.pooled || (info->memories <= BH_SLOT_MEMORIES && info->tables <= BH_SLOT_TABLES &&
	                                 info->core_instances <= BH_SLOT_CORE_INSTANCES && info->memories <= slots &&
	                                 info->tables <= slots * 4 && info->core_instances <= slots * 4);
}

static void look_for_pool(void *data, const uint8_t *text, size_t length)
{
	static const char pool[] = "pooling allocator";
	*(bool *)data |= memmem(text, length, pool, sizeof pool - 1) != NULL;
}

bool bh_code_refused_by_pool(const bh_variant *variant, const wasmtime_error_t *failed)
{
	bool found = false;
	if (variant->spec.pooled)
		bhx_error_causes(failed, look_for_pool, &found);
	return found;
}

bh_code *bh_code_make(bh_variant *variant)
{
	bh_code *code = bh_calloc(1, sizeof *code);
	if (!code)
		return NULL;
	code->variant = variant;
	atomic_init(&code->references, 1);
	return code;
}

bh_code *bh_code_share(bh_code *code)
{
	bh_code *base = code->base ? code->base : code;
	bh_code *shared = bh_code_make(base->variant);
	if (!shared)
		return NULL;
	shared->base = bh_code_ref(base);
	shared->component = base->component;
	shared->info = base->info;
	shared->wasi = base->wasi;
	shared->others = base->others;
	shared->items = base->items;
	shared->item_count = base->item_count;
	shared->export_count = base->export_count;
	return shared;
}

bh_status bh_code_complete(bh_code *code, bh_linking linking, bh_error **err)
{
	bh_status status = list_items(code, err);
	bool later = linking == BH_LINK_NOTHING || (linking == BH_LINK_WASI && code->others);
	return status || later ? status : link_code(code, err);
}

bh_code *bh_code_ref(bh_code *code)
{
	atomic_fetch_add(&code->references, 1);
	return code;
}

size_t bh_code_size(const bh_code *code)
{
	return code->component ? bhx_component_code_size(code->component) : 0;
}

bh_status bh_code_serialize(const bh_code *code, void **out, size_t *length, bh_error **err)
{
	bhx_block_t block;
	wasmtime_error_t *failed = bhx_component_serialize(code->component, &block);
	if (failed)
		return bh_engine_fail(err, BH_E_ENGINE, failed, "the compiled code could not be written out");
	*out = block.data;
	*length = block.length;
	return BH_OK;
}

BH_DEFINE_AUTO(bh_code *, bh_code_free)

bh_status bh_code_map(bh_code **out, bh_variant *variant, int fd, const bh_code_info *info, bh_linking linking,
                      bh_error **err)
{
	BH_AUTO(bh_code_free) bh_code *code = bh_code_make(variant);
	if (!code)
		return bh_fail_memory(err);
	code->info = *info;
	code->info.no_slot = !bh_code_fits(info, variant);
	wasmtime_error_t *failed = NULL;
	if (!code->info.no_slot)
		failed = bhx_component_map(variant->engine, fd, &code->component);
	if (failed && bh_code_refused_by_pool(variant, failed)) {
		wasmtime_error_delete(BH_TAKE(failed));
		code->info.no_slot = true;
	}
	if (failed)
		return bh_engine_fail(err, BH_E_ENGINE, failed, "the compiled code does not fit this engine");
	bh_status status = code->info.no_slot ? BH_OK : bh_code_complete(code, linking, err);
	if (!status)
		*out = BH_TAKE(code);
	return status;
}

void bh_code_free(bh_code *code)
{
	if (!code || atomic_fetch_sub(&code->references, 1) != 1)
		return;
	bhx_instance_pre_delete(code->pre);
	bh_code_unlink(code);
	if (code->base) {
		bh_code_free(code->base);
		bh_free(code);
		return;
	}
	for (size_t i = 0; i < code->item_count; i++) {
		bh_free(code->items[i].interface);
		bh_free(code->items[i].name);
		if (code->items[i].type)
			wasmtime_component_func_type_delete(code->items[i].type);
	}
	bh_free(code->items);
	if (code->component)
		wasmtime_component_delete(code->component);
	bh_free(code);
}

const bh_code_info *bh_code_describe(const bh_code *code)
{
	return &code->info;
}

bool bh_code_needs_nobody(const bh_code *code)
{
	return code->pre && !code->others;
}

bool bh_code_made_at_once(const bh_code *code)
{
	return code->info.quiet && !code->info.wasi && !code->suspends;
}

bool bh_code_linked(const bh_code *code)
{
	return code->pre;
}

size_t bh_code_item_count(const bh_code *code)
{
	return code->item_count;
}

size_t bh_code_export_count(const bh_code *code)
{
	return code->export_count;
}

void bh_code_item_names(const bh_code *code, size_t index, const char **interface, const char **name)
{
	*interface = code->items[index].interface;
	*name = code->items[index].name;
}
