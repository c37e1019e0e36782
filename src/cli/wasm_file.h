/* What a component's file says about itself before anything is compiled: its kind, its memories, its digest. */
#ifndef BH_CLI_WASM_FILE_H
#define BH_CLI_WASM_FILE_H

#include <bulkhead.h>

#include "digest.h"

typedef enum { WASM_OTHER, WASM_COMPONENT, WASM_MODULE } wasm_kind; /* text is OTHER */

typedef struct {
	wasm_kind kind;
	uint64_t size;
	char sha256[DIGEST_TEXT];
	uint32_t memories; /* that it defines; of a binary only */
	bool bounded;      /* each of them declares a maximum of its own */
	uint64_t maximum;  /* these added up, in bytes */
} wasm_file;

/* BH_OK; BH_E_NOT_FOUND or BH_E_IO, errno says why. */
bh_status wasm_file_read(wasm_file *out, const char *path);

#endif
