/* Compiling: from whatever was given to linked code. */
#include <string.h>

#include "base/clock.h"
#include "base/thread.h"
#include "engine/internal.h"

#define COMPILER_STACK BH_MIB(64)

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

static bh_status sum_up(bh_code *code, const input *in, bh_error **err)
{
	bhx_sum_t sum = {0};
	wasmtime_error_t *failed = bhx_binary_sum(in->data, in->length, &sum);
	if (failed)
		return bh_engine_fail(err, BH_E_PARSE, failed, "the component is malformed or malicious");
	code->info.initial_memory = sum.memory;
	code->info.core_instances = sum.instances;
	code->info.quiet = !sum.starts;
	code->info.memories = sum.memories > UINT32_MAX ? UINT32_MAX : (uint32_t)sum.memories;
	code->info.tables = sum.tables > UINT32_MAX ? UINT32_MAX : (uint32_t)sum.tables;
	return BH_OK;
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
	uint64_t start = bh_now();
	BH_AUTO(bh_code_free) bh_code *code = bh_code_make(c->variant);
	if (!code)
		return bh_fail_memory(err);
	bh_status status = prepare(&in, &c->options, &code->info.wrapped, err);
	if (status || (status = sum_up(code, &in, err)))
		return status;
	wasmtime_error_t *failed = NULL;
	code->info.no_slot = !bh_code_fits(&code->info, c->variant);
	if (!code->info.no_slot)
		failed = bhx_component_new(c->variant->engine, in.data, in.length, &code->component);
	if (failed && bh_code_refused_by_pool(c->variant, failed)) {
		wasmtime_error_delete(BH_TAKE(failed));
		code->info.no_slot = true;
	}
	if (failed)
		return refused(&in, failed, err);
	code->info.compile_ns = bh_now() - start;
	if (!code->info.no_slot && (status = bh_code_complete(code, c->options.linking, err)))
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
