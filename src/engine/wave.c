/* WAVE text from a value alone: without its type, so values are taken as they describe themselves. */
#include "engine/internal.h"

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
