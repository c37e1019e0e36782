/* Mistakes in WIT, as the archive's reader tells of them. */
#ifndef BH_ENGINE_WIT_ERROR_H
#define BH_ENGINE_WIT_ERROR_H

#include "engine/internal.h"

/*
 * What the reader says, line by line: what is wrong, and for most mistakes where, with the line of the file. Consumes the
 * engine's error.
 */
bh_status bh_wit_not_read(wasmtime_error_t *failed, bh_error **err);

#endif
