/*
 * WAVE text: from a value alone, which is taken as it describes itself, and of a type. Arguments of exports from text
 * are in function.c.
 */
#include <string.h>

#include "engine/internal.h"
#include "engine/type.h"

bh_status bh_value_to_wave(char **out, const bh_value *value, bh_error **err)
{
	bhx_block_t block = {0};
	bh_values_prepare();
	wasmtime_error_t *failed = bhx_wave_format(value, &block);
	if (failed)
		return bh_engine_fail(err, BH_E_UNSUPPORTED, failed,
		                      "the value cannot be written as text (a handle, or bad text)");
	*out = (char *)block.data;
	return BH_OK;
}

_Static_assert(offsetof(bh_type, kind) == 0 && sizeof(bh_kind) == 4 && offsetof(bh_type, name) == 8 &&
                   offsetof(bh_type, count) == 16 && offsetof(bh_type, parts) == 32 && sizeof(bh_type) == 40,
               "engine/src/wave_value.rs has it in Rust");

bh_status bh_value_parse(bh_value *out, const bh_type *type, const char *text, bh_error **err)
{
	if (!type || !text)
		return bh_fail(err, BH_E_INVALID, "bh_value_parse: no type or no text");
	bh_values_prepare();
	wasmtime_error_t *failed = bhx_wave_read(type, text, strlen(text), out);
	if (!failed)
		return BH_OK;
	bhx_error_info_t info;
	bhx_error_inspect(failed, &info);
	if (info.raised == BH_RAISE_NO_MEMORY) {
		wasmtime_error_delete(failed);
		return bh_fail_memory(err);
	}
	char wanted[160];
	bh_type_format(wanted, sizeof wanted, type);
	BH_AUTO(bh_free) char *reason = bh_engine_text(failed);
	wasmtime_error_delete(failed);
	bh_error *e = bh_error_begin(err, BH_E_TYPE, "the text is no value of its type: %s", reason ? reason : "?");
	bh_error_hint_set(e, "A value of %s is wanted.", wanted);
	return BH_E_TYPE;
}
