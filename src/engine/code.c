#include "engine/code.h"

#include <string.h>

#include "base/text.h"
#include "base/thread.h"
#include "engine/internal.h"

/* Imports and exports together; beyond, listing them would be an attack. */
enum { MAX_ITEMS = 10000 };

#define COMPILER_STACK BH_MIB(64)

static const char wasi_run[] = "wasi:cli/run@";

/* What the bytes are. */
typedef enum { INPUT_COMPONENT, INPUT_MODULE, INPUT_TEXT, INPUT_OTHER } input_kind;

static input_kind classify(const unsigned char *bytes, size_t length)
{
	if (length >= 8 && !memcmp(bytes, "\0asm", 4))
		return bytes[6] == 0 ? INPUT_MODULE : INPUT_COMPONENT;
	for (size_t i = 0; i < length; i++) {
		if (strchr(" \t\r\n", bytes[i]) && bytes[i])
			continue;
		return bytes[i] == '(' || bytes[i] == ';' ? INPUT_TEXT : INPUT_OTHER;
	}
	return INPUT_OTHER;
}

static bh_status not_a_component(bh_error **err, const char *what)
{
	bh_error *e = bh_error_begin(err, BH_E_NOT_A_COMPONENT, "%s", what);
	bh_error_hint_set(e, "Expected a WebAssembly component, binary (.wasm) or text (.wat).");
	return BH_E_NOT_A_COMPONENT;
}

static bh_status is_a_module(const char *name, bh_error **err)
{
	const char *dot = strrchr(name, '.');
	int stem = dot ? (int)(dot - name) : (int)strlen(name);
	bh_error *e = bh_error_begin(err, BH_E_NOT_A_COMPONENT, "this is a core WebAssembly module, not a component");
	bh_error_hint_set(e,
	                  "Wrap it:  wasm-tools component new %s -o %.*s.component.wasm   (with --adapt for WASI 0.1 code)",
	                  name, stem, name);
	return BH_E_NOT_A_COMPONENT;
}

/* Bytes on their way to the compiler: the caller's own, or made from them. */
typedef struct {
	const unsigned char *data;
	size_t length;
	bhx_block_t assembled; /* from text */
	bhx_block_t wrapped;   /* from a module */
} input;

static void input_auto(input *in)
{
	bh_free(in->assembled.data);
	bh_free(in->wrapped.data);
}

static bh_status assemble(input *in, bh_error **err)
{
	wasmtime_error_t *failed = bhx_text_assemble(in->data, in->length, &in->assembled);
	if (failed)
		return bh_engine_fail(err, BH_E_PARSE, failed, "the text could not be read");
	in->data = in->assembled.data;
	in->length = in->assembled.length;
	return BH_OK;
}

static bh_status wrap_module(input *in, const bh_code_options *options, bool *wrapped, bh_error **err)
{
	bhx_module_info_t info = {0};
	wasmtime_error_t *failed = bhx_module_inspect(in->data, in->length, &info);
	if (failed)
		return bh_engine_fail(err, BH_E_PARSE, failed, "the module is malformed");
	if (!options->wrap || (!info.wasi && !info.component_type && !info.command))
		return is_a_module(options->name, err);
	failed = bhx_module_wrap(in->data, in->length, info.command, &in->wrapped);
	if (failed) {
		bh_status status = bh_engine_fail(err, BH_E_NOT_A_COMPONENT, failed,
		                                  "this is a core WebAssembly module, and could not be wrapped");
		return status;
	}
	in->data = in->wrapped.data;
	in->length = in->wrapped.length;
	*wrapped = true;
	return BH_OK;
}

/* Make a binary component of whatever was given. */
static bh_status prepare(input *in, const bh_code_options *options, bool *wrapped, bh_error **err)
{
	bh_status status = BH_OK;
	input_kind kind = classify(in->data, in->length);
	if (kind == INPUT_TEXT) {
		if ((status = assemble(in, err)))
			return status;
		kind = classify(in->data, in->length);
	}
	if (kind == INPUT_MODULE)
		return wrap_module(in, options, wrapped, err);
	if (kind == INPUT_OTHER)
		return not_a_component(err, in->length ? "this is not WebAssembly" : "the file is empty");
	return BH_OK;
}

static bh_status refused(const input *in, wasmtime_error_t *failed, bh_error **err)
{
	switch (bhx_binary_diagnose(in->data, in->length)) {
	case BHX_MALFORMED:
		return bh_engine_fail(err, BH_E_PARSE, failed, "the component is malformed");
	case BHX_NOT_VALID:
		return bh_engine_fail(err, BH_E_VALIDATION, failed, "the component is invalid");
	default:
		return bh_engine_fail(err, BH_E_COMPILE, failed, "the component could not be compiled");
	}
}

static char *text_of(bhx_text_t text)
{
	return text.data ? bh_strndup(text.data, text.length) : NULL;
}

typedef struct {
	bh_code *code;
	bool too_many;
	bool no_memory;
} item_walk;

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
	if (given->import)
		code->info.wasi |= !strncmp(interface, "wasi:", 5) || !strncmp(interface, "bulkhead:wasi/", 14);
	else {
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

static bh_status wasi_linker(bh_variant *variant, wasmtime_component_linker_t **out, bh_error **err)
{
	bh_status status = BH_OK;
	pthread_mutex_lock(&variant->lock);
	if (!variant->wasi) {
		wasmtime_component_linker_t *linker = wasmtime_component_linker_new(variant->engine);
		wasmtime_error_t *failed = bhx_linker_add_wasi(linker);
		if (failed) {
			wasmtime_component_linker_delete(linker);
			status = bh_engine_fail(err, BH_E_ENGINE, failed, "WASI could not be linked");
		} else {
			variant->wasi = linker;
		}
	}
	*out = variant->wasi;
	pthread_mutex_unlock(&variant->lock);
	return status;
}

static bh_status link_code(bh_code *code, bh_error **err)
{
	wasmtime_component_linker_t *linker = code->variant->plain;
	if (code->info.wasi) {
		bh_status status = wasi_linker(code->variant, &linker, err);
		if (status)
			return status;
	}
	wasmtime_error_t *failed = bhx_linker_instantiate_pre(linker, code->component, &code->pre);
	if (!failed)
		return BH_OK;
	/* The outer text names the import, the inner one says what is wrong with it. */
	BH_AUTO(bh_free) char *import = bh_engine_outer_text(failed);
	BH_AUTO(bh_free) char *reason = bh_engine_text(failed);
	bool both = import && reason && strcmp(import, reason) != 0;
	return bh_engine_fail(err, BH_E_LINK, failed, "an import is not provided: %s%s%s", import ? import : "?",
	                      both ? ": " : "", both ? reason : "");
}

static bh_status sum_up(bh_code *code, const input *in, bh_error **err)
{
	bhx_sum_t sum = {0};
	wasmtime_error_t *failed = bhx_binary_sum(in->data, in->length, &sum);
	if (failed)
		return bh_engine_fail(err, BH_E_PARSE, failed, "the component is malformed or malicious");
	code->info.initial_memory = sum.memory;
	code->info.core_instances = sum.instances;
	code->info.memories = sum.memories > UINT32_MAX ? UINT32_MAX : (uint32_t)sum.memories;
	code->info.tables = sum.tables > UINT32_MAX ? UINT32_MAX : (uint32_t)sum.tables;
	return BH_OK;
}

/* In a slot, and in the whole pool where that is small (engine/variant.c). */
static bool fits_pool(const bh_code_info *info, uint64_t slots)
{
	return info->memories <= BH_SLOT_MEMORIES && info->tables <= BH_SLOT_TABLES &&
	       info->core_instances <= BH_SLOT_CORE_INSTANCES && info->memories <= slots && info->tables <= slots * 4 &&
	       info->core_instances <= slots * 4;
}

static void look_for_pool(void *data, const uint8_t *text, size_t length)
{
	static const char pool[] = "pooling allocator";
	*(bool *)data |= memmem(text, length, pool, sizeof pool - 1) != NULL;
}

/* It is compiled, but something in it is larger than a slot: the engine has no code for that. */
static bool refused_by_pool(const wasmtime_error_t *failed)
{
	bool found = false;
	bhx_error_causes(failed, look_for_pool, &found);
	return found;
}

BH_DEFINE_AUTO(bh_code *, bh_code_free)

typedef struct {
	bh_code **out;
	bh_variant *variant;
	const void *bytes;
	size_t length;
	bh_code_options options;
	bh_error **err;
	bh_status status;
} compilation;

static bh_status compile(const compilation *c, bh_code **out, bh_error **err)
{
	__attribute__((cleanup(input_auto))) input in = {.data = c->bytes, .length = c->length};
	BH_AUTO(bh_code_free) bh_code *code = bh_calloc(1, sizeof *code);
	if (!code)
		return bh_fail_memory(err);
	code->variant = c->variant;
	bh_status status = prepare(&in, &c->options, &code->info.wrapped, err);
	if (status || (status = sum_up(code, &in, err)))
		return status;
	bool pooled = c->variant->spec.pooled;
	wasmtime_error_t *failed = NULL;
	code->info.no_slot = pooled && !fits_pool(&code->info, c->variant->spec.slots);
	if (!code->info.no_slot)
		failed = bhx_component_new(c->variant->engine, in.data, in.length, &code->component);
	if (failed && pooled && refused_by_pool(failed)) {
		wasmtime_error_delete(BH_TAKE(failed));
		code->info.no_slot = true;
	}
	if (failed)
		return refused(&in, failed, err);
	if (code->info.no_slot) {
		*out = BH_TAKE(code);
		return BH_OK;
	}
	if ((status = list_items(code, err)) || (!c->options.unlinked && (status = link_code(code, err))))
		return status;
	*out = BH_TAKE(code);
	return BH_OK;
}

static void *compile_on_thread(void *data)
{
	compilation *c = data;
	c->status = compile(c, c->out, c->err);
	return NULL;
}

/*
 * Reading types and validating recurse, as deep as the input says (within bounds, engine/src/component.rs). The
 * caller's stack may be small; this one is ample, and costs 30 us beside the milliseconds of a compilation.
 */
bh_status bh_code_compile(bh_code **out, bh_variant *variant, const void *bytes, size_t length,
                          const bh_code_options *options, bh_error **err)
{
	compilation c = {out, variant, bytes, length, *options, err, BH_E_SYSTEM};
	pthread_t thread;
	int failed = bh_thread_start(&thread, COMPILER_STACK, compile_on_thread, &c);
	if (failed)
		return bh_fail_errno(err, BH_E_SYSTEM, failed, "no thread to compile on");
	pthread_join(thread, NULL);
	return c.status;
}

void bh_code_free(bh_code *code)
{
	if (!code)
		return;
	for (size_t i = 0; i < code->item_count; i++) {
		bh_free(code->items[i].interface);
		bh_free(code->items[i].name);
		if (code->items[i].type)
			wasmtime_component_func_type_delete(code->items[i].type);
	}
	bh_free(code->items);
	bhx_instance_pre_delete(code->pre);
	if (code->component)
		wasmtime_component_delete(code->component);
	bh_free(code);
}

const bh_code_info *bh_code_describe(const bh_code *code)
{
	return &code->info;
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
