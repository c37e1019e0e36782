/*
 * Interceptors: sets of them, the chain that a component's calls pass, and one call on its way through it. Calls of
 * imports come here from import.c, those of exports from src/host/intercept.c.
 */
#ifndef BH_ENGINE_INTERCEPT_H
#define BH_ENGINE_INTERCEPT_H

#include "base/error.h"
#include "bulkhead/interceptor.h"

/* What a component's calls pass: the host's set, then its own. It lives as long as the component. */
typedef struct bh_intercept_chain bh_intercept_chain;

/* NULL where both are NULL. `numbers` counts the calls of the host, and outlives the chain. The sets are frozen. */
bh_status bh_intercept_chain_new(bh_intercept_chain **out, bh_component *component, _Atomic uint64_t *numbers,
                                 bh_interceptors *host, bh_interceptors *own, bh_error **err);

/* NULL is allowed. */
void bh_intercept_chain_free(bh_intercept_chain *chain);

/* A host keeps it: no more are added. NULL is allowed. Returns another reference. */
bh_interceptors *bh_interceptors_freeze(bh_interceptors *interceptors);

bool bh_intercept_chain_sees_imports(const bh_intercept_chain *chain); /* NULL sees none */
bool bh_intercept_chain_sees_exports(const bh_intercept_chain *chain);
bh_interceptors *bh_intercept_chain_own(const bh_intercept_chain *chain); /* NULL has none */

/* The number of the next call. */
uint64_t bh_intercept_chain_number(const bh_intercept_chain *chain);

/* One call on its way through. */
typedef struct bh_crossing bh_crossing;

/* What it is a call of, for bh_crossing_enter(). All of it stays until bh_crossing_leave(). */
typedef struct {
	bool import;
	uint64_t number, within;
	const char *interface, *function;
	const char *text; /* both, for errors */
	const bh_value *args;
	size_t arg_count;
	const bh_type *result_type;
} bh_crossing_of;

/*
 * The way in. `out` receives the crossing, which must be left, whatever comes of it; unless it fails with NULL there:
 * nobody has seen it, then. An answer is not checked yet.
 */
bh_status bh_crossing_enter(bh_crossing **out, const bh_intercept_chain *chain, const bh_crossing_of *of,
                            bh_value *result, bool *answered, bh_error **err);

/* Whether an interceptor answered. NULL: none did. */
bool bh_crossing_answered(const bh_crossing *crossing);

/*
 * The way out, with what came of the call; the crossing is freed. Returns what comes of it by that, and `why` is an
 * error if it did not fail before.
 */
bh_status bh_crossing_leave(bh_crossing *crossing, bh_status status, const bh_value *result, const bh_usage *usage,
                            bh_error **why);

/*
 * Something that the program gave us failed, `who` ("host function"): BH_E_HOST_FUNCTION, with the program's own words
 * as the cause. Takes `why` over, which may be NULL.
 */
bh_status bh_program_failed(bh_error **err, const char *who, const char *text, bh_status status, bh_error *why);

#endif
