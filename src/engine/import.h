/*
 * Imports that the embedding program provides: what it defines, what of that a component imports, and the call of a
 * host function that a guest is in the middle of.
 *
 * A call is begun on the guest's stack, which leaves a question with the store and suspends the guest. Whoever polls
 * the store finds it, answers it on a stack of their own, and polls again.
 */
#ifndef BH_ENGINE_IMPORT_H
#define BH_ENGINE_IMPORT_H

#include <stdatomic.h>

#include "base/error.h"
#include "bulkhead/imports.h"
#include "bulkhead/permissions.h"
#include "engine/intercept.h"
#include "engine/store.h"

/* A resource of the program's. */
struct bh_resource_type {
	bh_imports *imports; /* the set it is defined in */
	uint32_t kind;       /* unlike any other in the process; from 1 */
	bh_destructor_fn *destroy;
	void *data;
};

/* One thing that the program defined. */
typedef struct {
	char *interface; /* NULL: of the world itself */
	char *name;
	char *capability;   /* needed to call it; NULL: none */
	bh_type *signature; /* NULL: whatever is imported */
	bh_host_fn *call;
	bh_host_async_fn *start;
	void *data;
	void (*free_data)(void *data);
	bool leaf;
	bh_resource_type *resource; /* NULL: it is a function */
} bh_definition;

struct bh_imports {
	_Atomic uint32_t references;
	_Atomic bool frozen; /* a component was linked */
	bh_definition **definitions;
	size_t count, capacity;
};

/* One import of a component, and what it is served by. */
typedef struct {
	const bh_definition *definition;
	char *interface; /* as the component has it */
	char *name;
	char *text;          /* "acme:kv/store@1.0.0#get" */
	bh_type *type;       /* the function's, as imported; NULL: the definition's signature says it */
	bool takes_handles;  /* a parameter may hold handles of resources */
	bool passes_handles; /* the result may */
	bool leaf;           /* it is called right where the guest calls it */
} bh_import;

/* What serves an import: of that version, or of the latest compatible one; NULL if nothing does. */
const bh_definition *bh_imports_find(const bh_imports *imports, const char *interface, const char *name);

/* Whether the library provides an interface itself; which of its packages. */
bool bh_wasi_package(const char *interface, uint32_t *package);

/* Whether it is linked with that resource. */
bool bh_code_imports(const bh_code *code, const bh_resource_type *type);

/* Signatures (signature.c). BH_E_INVALID. */
bh_status bh_signature_parse(bh_type **out, const char *text, bh_error **err);
void bh_signature_free(bh_type *signature);

/* The result's type; NULL if there is none. */
const bh_type *bh_import_result(const bh_import *import);

bool bh_import_granted(const bh_import *import, const bh_permissions *permissions);
bh_status bh_import_denied(const bh_import *import, bh_error **err);

/* Calls. A store has one of these: guests make one call at a time. */

typedef struct {
	uint64_t representation;
	const bh_resource_type *type; /* NULL: the place is free */
	uint32_t next;                /* the next free place, from 1 */
} bh_held;

typedef struct {
	bool asked;              /* anything, since bh_host_calls_abandon() */
	bool timed;              /* how long functions take is measured, */
	uint64_t asked_at;       /* since then; 0: not now, */
	uint64_t took_ns;        /* and before, since the guest's call began */
	uint64_t io_bytes;       /* that functions counted; with WASI the engine has them */
	const bh_import *import; /* the question; NULL: none */
	bh_value args;           /* a tuple, or of kind NONE; the number of a resource that is dropped */
	bh_completion *pending;  /* it is being answered, and has the arguments */
	bh_crossing *crossing;   /* interceptors have seen it, and are to see what comes of it; NULL: none */
	bool answered;
	bh_value result;
	bh_status failed; /* how a host function failed, and why: the guest's call ends with this */
	bh_error *why;
	/* Resources of the program that the guest has; the number of one is its place here, from 1. */
	bh_held *held;
	size_t held_count, held_capacity, held_live;
	uint32_t held_free;
} bh_host_calls;

typedef enum {
	BH_HOST_GO_ON, /* there was no question, or it is answered: poll the guest */
	BH_HOST_WAITS, /* the waker is called when it is answered */
} bh_host_step;

/* See to the question a guest has left, if it has. On the stack that polls, with no lock held. */
bh_host_step bh_host_calls_step(bh_store *store, const bh_waker *waker);

/* A call of the guest begins: what its host functions cost is counted from here. `timed` is to be set behind it. */
void bh_host_calls_begin(bh_host_calls *calls);

/* How long the guest has waited for host functions; the bytes that it moved, theirs and its own. */
uint64_t bh_host_calls_took(const bh_host_calls *calls);
uint64_t bh_host_calls_io(const bh_store *store);

/* Drop the call under way: nobody waits for it any more. */
void bh_host_calls_abandon(bh_store *store);

/* Whether an answer of the program's fits (`wanted` NULL: there is none); what it borrows is copied. */
bh_status bh_answer_settle(bh_value *result, const bh_type *wanted, bh_error **err);

/* Whether this thread may run guests: not from a leaf, which runs on the stack of one. BH_E_INVALID. */
bh_status bh_host_calls_allow(bh_error **err);

/* Resources (held.c). */

/* Handles in arguments and results of guests: what they stand for. BH_E_INVALID: a number that stands for nothing. */
bh_status bh_held_receive(bh_store *store, const bh_value *value, bh_error **err);

/* Handles that a guest gets, passed on as own. BH_E_INVALID; BH_E_RESOURCE_LIMIT; BH_E_NO_MEMORY. */
bh_status bh_held_pass(bh_store *store, const bh_value *value, bh_error **err);

/* Whether the handles in a result that was passed on can be read: while interceptors look at it. */
void bh_held_show(const bh_value *value, bool shown);

/* The same for the arguments of an export. BH_E_UNSUPPORTED: one is only lent. */
bh_status bh_held_pass_args(bh_store *store, const bh_value *args, const bh_type *params, size_t count, bh_error **err);

/* A guest dropped the handle. */
void bh_held_destroy(bh_host_calls *calls, uint32_t number);

/* The guest is gone: destroy what it still has. */
void bh_held_deinit(bh_host_calls *calls);

/*
 * Completions: one reference is the call's, one the program's. NULL without memory. The arguments are taken over. The program
 * is told to stop where it has counted more than `io_most` bytes.
 */
bh_completion *bh_completion_new(bh_value *args, uint64_t io_most);

/* The bytes that the program has counted; to be asked before it is taken or abandoned. */
uint64_t bh_completion_io_bytes(const bh_completion *completion);
const bh_value *bh_completion_args(const bh_completion *completion);

/* Whether it is answered; if not, `waker` is called when it is. */
bool bh_completion_ready(bh_completion *completion, const bh_waker *waker);

/* The answer of one that is ready, its arguments, and the call's reference given up. On failure `why` has details. */
bh_status bh_completion_take(bh_completion *completion, bh_value *args, bh_value *result, bh_error **why);

/* Nobody waits any more: the call's reference given up. NULL is allowed. */
void bh_completion_abandon(bh_completion *completion);

#endif
