/* What the files of this room share, and no other room sees. */
#ifndef BH_ENGINE_INTERNAL_H
#define BH_ENGINE_INTERNAL_H

#include <pthread.h>
#include <stdatomic.h>

#include <bhx.h>
#include <wasmtime.h>

#include "base/error.h"
#include "engine/code.h"
#include "engine/import.h"
#include "engine/pool.h"
#include "engine/store.h"
#include "engine/variant.h"

/* Codes that our callbacks raise through the engine, and recognise when they come back. */
enum {
	BH_RAISE_MEMORY = 16, /* above BHX_REFUSE and BHX_ALLOW */
	BH_RAISE_TABLE,
	BH_RAISE_OPEN_FILES,
	BH_RAISE_IO_BYTES,
	BH_RAISE_NO_MEMORY,         /* of ours, for a result */
	BH_RAISE_NO_MEMORY_IN_CALL, /* for the arguments of a host function */
	BH_RAISE_HOST_FUNCTION,     /* the store knows what is wrong */
};

struct bh_variant {
	wasm_engine_t *engine;
	wasmtime_component_linker_t *plain; /* links components that import nothing of WASI */
	wasmtime_component_linker_t *wasi;  /* made when the first component needs it */
	uint32_t wasi_linked;               /* packages in it, a bit each */
	pthread_mutex_t lock;               /* over `wasi`, which grows */
	bh_variant_spec spec;
	uint8_t identity[BH_HASH];
	char text[80];
	bh_pool pool;
};

struct bh_code {
	_Atomic uint32_t references;
	bh_variant *variant;
	wasmtime_component_t *component;
	bhx_instance_pre_t *pre;
	bh_code_info info;
	uint32_t wasi;       /* packages it imports from, a bit each */
	bool others;         /* it imports something else, too */
	bh_code_item *items; /* exports, then imports */
	size_t item_count;
	size_t item_capacity;
	size_t export_count;
	/* Linked with what the embedding program defines (link.c): */
	bh_code *base; /* whose component and items these are; NULL: our own */
	bh_imports *provided;
	bh_import *imports; /* stay where they are: the engine knows their addresses */
	size_t import_count;
	size_t import_capacity;
	bool intercepted; /* interceptors see its imports: none is called as a leaf */
	bool suspends;    /* some host function is no leaf: instances need futures */
};

/* What one slot of a pool can hold; components with more are allocated on demand. */
enum { BH_SLOT_MEMORIES = 8, BH_SLOT_TABLES = 16, BH_SLOT_CORE_INSTANCES = 32 };

struct bh_code_item {
	char *interface;
	char *name;
	wasmtime_component_func_type_t *type;
};

struct bh_function {
	uint64_t id; /* unlike any other in the process; from 1 */
	wasmtime_component_func_type_t *type;
	wasmtime_component_export_index_t *index;
	bh_type *params; /* BH_KIND_NONE root whose parts are the parameters */
	bh_type *result; /* last part of the same root; NULL if there is none */
	size_t param_count;
	const char *interface; /* owned by the code, as is: */
	const char *bare;      /* the name without the interface */
	char *name;
	char *signature;
	bool takes_resources; /* a parameter may hold resource handles */
	bool resources;       /* the result holds resource handles */
};

/* Code that is being made: compile.c and code.c. NULL without memory. */
bh_code *bh_code_make(bh_variant *variant);

/* List what it imports and exports, and link it unless it is to be looked at only. */
bh_status bh_code_complete(bh_code *code, bh_linking linking, bh_error **err);

/* The same code, to be linked otherwise. NULL without memory. */
bh_code *bh_code_share(bh_code *code);

/* Forget what it was linked with. */
void bh_code_unlink(bh_code *code);

/* A new linker with packages of WASI, a bit each. */
wasmtime_error_t *bh_variant_linker(bh_variant *variant, uint32_t wasi, wasmtime_component_linker_t **out);

/* BH_E_LINK for what the engine said; consumes it. */
bh_status bh_code_link_failed(wasmtime_error_t *failed, bh_error **err);

/* Whether a slot of the variant's pool can hold it, and the whole pool where that is small (variant.c). */
bool bh_code_fits(const bh_code_info *info, const bh_variant *variant);

/* Something in it is larger than a slot: the engine has no code for that, only words. */
bool bh_code_refused_by_pool(const bh_variant *variant, const wasmtime_error_t *failed);

/* Text of the innermost reason in an engine error; to be freed. */
char *bh_engine_text(const wasmtime_error_t *e);

/* Text of the outermost; to be freed. */
char *bh_engine_outer_text(const wasmtime_error_t *e);

/* An error of ours from an engine error, which is consumed: headline from us, causes from the engine. */
bh_status bh_engine_fail(bh_error **err, bh_status status, wasmtime_error_t *e, const char *format, ...)
	__attribute__((format(printf, 4, 5)));

/* The guest's stack, to an error of ours. */
void bh_engine_frames(bh_error *e, const wasmtime_error_t *engine_error);

/* The trap kind of one of Wasmtime's codes. */
bh_trap bh_trap_of(int32_t code);

/* Whether a value fits a type, names included: what the engine is handed must be right. `what` names it in the error. */
bh_status bh_value_check(const bh_value *value, const bh_type *type, const char *what, bh_error **err);

/* What the engine is told to call where a guest calls a host function; its data are stores. */
extern const bhx_import_ops_t bh_host_calls_ops;

/* Tell the engine how values are filled. */
void bh_values_prepare(void);

#endif
