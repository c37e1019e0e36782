/* Functions prepared to be called: looked up, typed, described. */
#include <stdatomic.h>
#include <string.h>

#include "base/text.h"
#include "engine/type.h"

static char *signature_of(const bh_type *root, const char *name)
{
	BH_AUTO(bh_text) bh_text text = {0};
	if (name)
		bh_text_add(&text, "%s: ", name);
	bh_type_write_function(&text, root);
	return bh_text_take(&text);
}

char *bh_code_item_signature(const bh_code *code, size_t index)
{
	bh_type *root = NULL;
	if (!code->items[index].type || bh_type_of_function(&root, code->items[index].type, NULL))
		return NULL;
	char *signature = signature_of(root, NULL);
	bh_type_free(root);
	return signature;
}

static bool holds_resources(const bh_type *type)
{
	if (type->kind == BH_KIND_OWN || type->kind == BH_KIND_BORROW)
		return true;
	for (size_t i = 0; i < type->count; i++)
		if (holds_resources(type->parts[i]))
			return true;
	return false;
}

static wasmtime_component_export_index_t *index_of(const bh_code *code, const bh_code_item *item)
{
	wasmtime_component_export_index_t *outer = NULL;
	if (item->interface) {
		outer = wasmtime_component_get_export_index(code->component, NULL, item->interface, strlen(item->interface));
		if (!outer)
			return NULL;
	}
	wasmtime_component_export_index_t *index =
		wasmtime_component_get_export_index(code->component, outer, item->name, strlen(item->name));
	if (outer)
		wasmtime_component_export_index_delete(outer);
	return index;
}

BH_DEFINE_AUTO(bh_function *, bh_function_free)

bh_status bh_function_new(bh_function **out, const bh_code *code, size_t index, bh_error **err)
{
	const bh_code_item *item = &code->items[index];
	BH_AUTO(bh_function_free) bh_function *function = bh_calloc(1, sizeof *function);
	if (!function)
		return bh_fail_memory(err);
	bh_status status = bh_type_of_function(&function->params, item->type, err);
	if (status)
		return status;
	static _Atomic uint64_t last_id;
	function->id = atomic_fetch_add(&last_id, 1) + 1;
	function->type = item->type; /* owned by the code */
	function->interface = item->interface;
	function->bare = item->name;
	function->param_count = function->params->count - 1;
	bh_type *result = function->params->parts[function->param_count];
	function->result = result->kind == BH_KIND_NONE ? NULL : result;
	for (size_t i = 0; i < function->param_count; i++)
		function->takes_resources |= holds_resources(function->params->parts[i]);
	function->resources = function->result && holds_resources(function->result);
	function->name = item->interface ? bh_format("%s#%s", item->interface, item->name) : bh_strdup(item->name);
	function->signature = signature_of(function->params, item->name);
	if (!function->name || !function->signature)
		return bh_fail_memory(err);
	function->index = index_of(code, item);
	if (!function->index)
		return bh_fail(err, BH_E_NO_EXPORT, "%s: the engine does not find this export", function->name);
	*out = BH_TAKE(function);
	return BH_OK;
}

void bh_function_free(bh_function *function)
{
	if (!function)
		return;
	if (function->index)
		wasmtime_component_export_index_delete(function->index);
	bh_type_free(function->params);
	bh_free(function->name);
	bh_free(function->signature);
	bh_free(function);
}

const char *bh_function_name(const bh_function *function)
{
	return function->name;
}

const char *bh_function_interface(const bh_function *function)
{
	return function->interface;
}

const char *bh_function_bare_name(const bh_function *function)
{
	return function->bare;
}

const char *bh_function_signature(const bh_function *function)
{
	return function->signature;
}

size_t bh_function_param_count(const bh_function *function)
{
	return function->param_count;
}

const char *bh_function_param_name(const bh_function *function, size_t index)
{
	return index < function->param_count ? function->params->parts[index]->name : NULL;
}

const bh_type *bh_function_param(const bh_function *function, size_t index)
{
	return index < function->param_count ? function->params->parts[index] : NULL;
}

const bh_type *bh_function_result(const bh_function *function)
{
	return function->result;
}

bool bh_function_returns_resources(const bh_function *function)
{
	return function->resources;
}

/* WAVE. */

static bool is_no_memory(const wasmtime_error_t *failed)
{
	bhx_error_info_t info;
	bhx_error_inspect(failed, &info);
	return info.raised == BH_RAISE_NO_MEMORY;
}

static bh_status not_wave(const bh_function *function, wasmtime_error_t *failed, bh_error **err)
{
	BH_AUTO(bh_free) char *reason = bh_engine_text(failed);
	wasmtime_error_delete(failed);
	const char *hash = strrchr(function->name, '#');
	const char *bare = hash ? hash + 1 : function->name;
	bool count = reason && !strncmp(reason, "takes ", 6);
	bh_error *e = count ? bh_error_begin(err, BH_E_TYPE, "%s %s", bare, reason)
	                    : bh_error_begin(err, BH_E_TYPE, "the arguments do not fit: %s", reason ? reason : "?");
	BH_AUTO(bh_text) bh_text hint = {0};
	bh_text_add(&hint, "%s\n%s(", function->signature, bare);
	for (size_t i = 0; i < function->param_count; i++) {
		bh_text_add(&hint, "%s", i ? ", " : "");
		bh_type_write_example(&hint, function->params->parts[i]);
	}
	bh_text_add(&hint, ")     # an example to edit");
	if (!hint.failed)
		bh_error_hint_set(e, "%s", hint.data);
	return BH_E_TYPE;
}

bh_status bh_function_parse(bh_value *out, const bh_function *function, const char *text, bh_error **err)
{
	if (!bhx_text_is_utf8(text, strlen(text)))
		return bh_fail(err, BH_E_TYPE, "the arguments are not UTF-8");
	while (*text == ' ')
		text++;
	BH_AUTO(bh_free) char *call = *text == '(' ? bh_format("f%s", text) : NULL;
	BH_AUTO(bh_free) char *bare = bh_format("f(%s)", text);
	if ((*text == '(' && !call) || !bare)
		return bh_fail_memory(err);
	const char *first = call ? call : bare;
	wasmtime_error_t *failed = bhx_wave_parse(function->type, first, strlen(first), out);
	if (failed && call && !is_no_memory(failed)) {
		/* The parenthesis may be that of a tuple instead. */
		wasmtime_error_t *again = bhx_wave_parse(function->type, bare, strlen(bare), out);
		/* The first error is the better one, unless it is not the text's fault. */
		bool keep_first = again && !is_no_memory(again);
		wasmtime_error_delete(keep_first ? again : failed);
		failed = keep_first ? failed : again;
	}
	if (failed && is_no_memory(failed)) {
		wasmtime_error_delete(failed);
		return bh_fail_memory(err);
	}
	return failed ? not_wave(function, failed, err) : BH_OK;
}
