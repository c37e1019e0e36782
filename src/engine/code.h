/* Compiled code: a component on one engine variant, linked, ready to be instantiated. */
#ifndef BH_ENGINE_CODE_H
#define BH_ENGINE_CODE_H

#include "bulkhead/component.h"
#include "bulkhead/type.h"
#include "bulkhead/value.h"
#include "engine/variant.h"

typedef struct bh_code bh_code;
typedef struct bh_code_item bh_code_item;
typedef struct bh_function bh_function;

typedef struct {
	uint64_t initial_memory; /* all memories of an instance together */
	uint64_t core_instances;
	uint32_t memories;
	uint32_t tables;
	uint64_t compile_ns;
	bool wasi;    /* imports something of WASI */
	bool wrapped; /* was a core module */
	bool command; /* exports wasi:cli/run */
	bool quiet;   /* no code of its own runs when it is instantiated */
	bool no_slot; /* no slot of the pool can hold it, so it was not compiled: on demand it can be */
} bh_code_info;

/* What becomes of imports. */
typedef enum {
	BH_LINK_WHOLE,   /* all must be WASI's */
	BH_LINK_WASI,    /* the same, but with others it is left unlinked, to be linked with what serves them */
	BH_LINK_NOTHING, /* to look at only: it cannot be instantiated */
} bh_linking;

typedef struct {
	const char *name; /* for hints */
	bool wrap;        /* take core modules built for WASI 0.1 too */
	bh_linking linking;
} bh_code_options;

/*
 * Compile and link. Blocks while compiling.
 * BH_E_NOT_A_COMPONENT, BH_E_PARSE, BH_E_VALIDATION, BH_E_COMPILE, BH_E_LINK, BH_E_UNSUPPORTED.
 */
bh_status bh_code_compile(bh_code **out, bh_variant *variant, const void *bytes, size_t length,
                          const bh_code_options *options, bh_error **err);

/*
 * Code that bh_code_serialize() wrote for a variant of the same identity, mapped from the front of a file. It is run
 * as it is: whose file this is must be certain. BH_E_ENGINE where the engine does not take it.
 */
bh_status bh_code_map(bh_code **out, bh_variant *variant, int fd, const bh_code_info *info, bh_linking linking,
                      bh_error **err);

/* The compiled code as bytes, to be freed with bh_free(). */
bh_status bh_code_serialize(const bh_code *code, void **out, size_t *length, bh_error **err);

/* Another reference; from any thread. */
bh_code *bh_code_ref(bh_code *code);

/* Give one up. NULL is allowed. */
void bh_code_free(bh_code *code);

/* Machine code; bytes. */
size_t bh_code_size(const bh_code *code);

const bh_code_info *bh_code_describe(const bh_code *code);

/* Whether it can be instantiated. */
bool bh_code_linked(const bh_code *code);

/* Making an instance runs no guest code and waits for nothing: it takes no time. */
bool bh_code_made_at_once(const bh_code *code);

/* It is, and whatever the program defines changes nothing: all that it imports is WASI's. */
bool bh_code_needs_nobody(const bh_code *code);

/*
 * The same code, linked with what the program defines (NULL: with nothing but WASI), for interceptors to see or not.
 * BH_E_LINK: an import is not provided, or has another type.
 */
bh_status bh_code_link(bh_code **out, bh_code *code, bh_imports *imports, bool intercepted, bh_error **err);

/* The same as it was compiled: another reference. */
bh_code *bh_code_bare(bh_code *code);

/* What it was linked with, beside WASI; NULL: nothing. */
bh_imports *bh_code_provided(const bh_code *code);

/* Whether it was linked for interceptors to see its imports. */
bool bh_code_intercepted(const bh_code *code);

/* Whether everything the code imports is granted: BH_E_DENIED. `permissions` NULL grants nothing. */
bh_status bh_code_granted(const bh_code *code, const bh_permissions *permissions, bh_error **err);

/* Items: exports first. The signature is a new string; NULL for what is no function. */
size_t bh_code_item_count(const bh_code *code);
size_t bh_code_export_count(const bh_code *code);
void bh_code_item_names(const bh_code *code, size_t index, const char **interface, const char **name);
char *bh_code_item_signature(const bh_code *code, size_t index);

/* A function prepared to be called: the export at `index`. */
bh_status bh_function_new(bh_function **out, const bh_code *code, size_t index, bh_error **err);
void bh_function_free(bh_function *function);

const char *bh_function_name(const bh_function *function);      /* "acme:calc/math@1.0.0#divide" */
const char *bh_function_interface(const bh_function *function); /* NULL: of the world itself */
const char *bh_function_bare_name(const bh_function *function); /* "divide" */
const char *bh_function_signature(const bh_function *function);
size_t bh_function_param_count(const bh_function *function);
const char *bh_function_param_name(const bh_function *function, size_t index);
const bh_type *bh_function_param(const bh_function *function, size_t index);
const bh_type *bh_function_result(const bh_function *function);
bool bh_function_returns_resources(const bh_function *function);

/* WAVE: arguments from text. */
bh_status bh_function_parse(bh_value *out, const bh_function *function, const char *text, bh_error **err);

#endif
