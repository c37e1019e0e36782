#include "engine/intercept.h"

#include <stdatomic.h>
#include <string.h>

#include "base/clock.h"
#include "base/thread.h"

/* As import.c has it for guests and host functions that call each other: the stack is the caller's. */
enum { MAX_NESTED = 50 };

/* Interceptors that this thread is in. */
static BH_THREAD_LOCAL int nested;

/* Sets. */

struct bh_interceptors {
	_Atomic uint32_t references;
	_Atomic bool frozen;
	size_t count;
	bh_interceptor items[BH_INTERCEPTORS_MAX];
};

bh_status bh_interceptors_new(bh_interceptors **out, bh_error **err)
{
	bh_interceptors *interceptors = bh_calloc(1, sizeof *interceptors);
	if (!interceptors)
		return bh_fail_memory(err);
	atomic_init(&interceptors->references, 1);
	*out = interceptors;
	return BH_OK;
}

bh_interceptors *bh_interceptors_ref(bh_interceptors *interceptors)
{
	if (interceptors)
		atomic_fetch_add(&interceptors->references, 1);
	return interceptors;
}

void bh_interceptors_free(bh_interceptors *interceptors)
{
	if (!interceptors || atomic_fetch_sub(&interceptors->references, 1) != 1)
		return;
	for (size_t i = 0; i < interceptors->count; i++)
		if (interceptors->items[i].free_data)
			interceptors->items[i].free_data(interceptors->items[i].data);
	bh_free(interceptors);
}

bh_interceptors *bh_interceptors_freeze(bh_interceptors *interceptors)
{
	if (interceptors)
		atomic_store(&interceptors->frozen, true);
	return bh_interceptors_ref(interceptors);
}

bh_status bh_interceptors_add(bh_interceptors *interceptors, const bh_interceptor *interceptor, bh_error **err)
{
	if (!interceptors || !interceptor)
		return bh_fail(err, BH_E_INVALID, "bh_interceptors_add: no set or no interceptor");
	if (atomic_load(&interceptors->frozen)) {
		bh_error *e = bh_error_begin(err, BH_E_INVALID, "a host or a component was given this set already");
		bh_error_hint_set(e, "Add everything first, or make another set.");
		return BH_E_INVALID;
	}
	if (interceptors->count == BH_INTERCEPTORS_MAX)
		return bh_fail(err, BH_E_INVALID, "more than %d interceptors", BH_INTERCEPTORS_MAX);
	bh_interceptor taken = BH_INTERCEPTOR_INIT;
	size_t size = interceptor->struct_size;
	memcpy(&taken, interceptor, size && size < sizeof taken ? size : sizeof taken);
	if (!taken.before_import && !taken.after_import && !taken.before_export && !taken.after_export)
		return bh_fail(err, BH_E_INVALID, "bh_interceptors_add: an interceptor without functions");
	interceptors->items[interceptors->count++] = taken;
	return BH_OK;
}

/* Chains. */

struct bh_intercept_chain {
	bh_component *component;
	_Atomic uint64_t *numbers;
	bh_interceptors *sets[2]; /* the host's, the component's; NULL: none */
	bool imports, exports;    /* somebody sees them */
	size_t count;
	const bh_interceptor *items[2 * BH_INTERCEPTORS_MAX];
};

static void append(bh_intercept_chain *chain, const bh_interceptors *set)
{
	for (size_t i = 0; set && i < set->count; i++) {
		const bh_interceptor *item = &set->items[i];
		chain->imports |= item->before_import || item->after_import;
		chain->exports |= item->before_export || item->after_export;
		chain->items[chain->count++] = item;
	}
}

bh_status bh_intercept_chain_new(bh_intercept_chain **out, bh_component *component, _Atomic uint64_t *numbers,
                                 bh_interceptors *host, bh_interceptors *own, bh_error **err)
{
	*out = NULL;
	if (!host && !own)
		return BH_OK;
	bh_intercept_chain *chain = bh_calloc(1, sizeof *chain);
	if (!chain)
		return bh_fail_memory(err);
	chain->component = component;
	chain->numbers = numbers;
	chain->sets[0] = bh_interceptors_freeze(host);
	chain->sets[1] = bh_interceptors_freeze(own);
	append(chain, host);
	append(chain, own);
	*out = chain;
	return BH_OK;
}

void bh_intercept_chain_free(bh_intercept_chain *chain)
{
	if (!chain)
		return;
	bh_interceptors_free(chain->sets[1]);
	bh_interceptors_free(chain->sets[0]);
	bh_free(chain);
}

bool bh_intercept_chain_sees_imports(const bh_intercept_chain *chain)
{
	return chain && chain->imports;
}

bool bh_intercept_chain_sees_exports(const bh_intercept_chain *chain)
{
	return chain && chain->exports;
}

bh_interceptors *bh_intercept_chain_own(const bh_intercept_chain *chain)
{
	return chain ? chain->sets[1] : NULL;
}

uint64_t bh_intercept_chain_number(const bh_intercept_chain *chain)
{
	return atomic_fetch_add_explicit(chain->numbers, 1, memory_order_relaxed) + 1;
}

/* Crossings. */

struct bh_crossing {
	const bh_intercept_chain *chain;
	bool import;
	const char *text;
	uint64_t began;
	size_t entered; /* so many of the chain were let see it */
	bh_intercepted seen;
	void *notes[]; /* of each */
};

bh_status bh_program_failed(bh_error **err, const char *who, const char *text, bh_status status, bh_error *why)
{
	const char *said = why ? bh_error_message(why) : bh_status_text(status);
	bh_error *e = bh_error_begin(err, BH_E_HOST_FUNCTION, "the %s %s failed: %s", who, text, said);
	bh_error_cause_add(e, "%s: %s", bh_status_name(status), said);
	for (size_t i = 0; why && i < bh_error_cause_count(why); i++)
		bh_error_cause_add(e, "%s", bh_error_cause(why, i));
	if (why && bh_error_hint(why))
		bh_error_hint_set(e, "%s", bh_error_hint(why));
	bh_error_free(why);
	return BH_E_HOST_FUNCTION;
}

/* NULL, with an error, where nobody may see it. */
static bh_crossing *make(const bh_intercept_chain *chain, const bh_crossing_of *of, bh_error **err)
{
	if (nested >= MAX_NESTED) {
		bh_fail(err, BH_E_BUSY, "interceptors and calls of components are nested more than %d deep", MAX_NESTED);
		return NULL;
	}
	bh_crossing *crossing = bh_calloc(1, sizeof *crossing + chain->count * sizeof *crossing->notes);
	if (!crossing) {
		bh_fail_memory(err);
		return NULL;
	}
	crossing->chain = chain;
	crossing->import = of->import;
	crossing->text = of->text;
	crossing->began = bh_now();
	crossing->seen = (bh_intercepted){
		.number = of->number,
		.within = of->within,
		.component = chain->component,
		.interface = of->interface,
		.function = of->function,
		.args = of->args,
		.arg_count = of->arg_count,
		.result_type = of->result_type,
	};
	return crossing;
}

bh_status bh_crossing_enter(bh_crossing **out, const bh_intercept_chain *chain, const bh_crossing_of *of,
                            bh_value *result, bool *answered, bh_error **err)
{
	bh_crossing *crossing = *out = make(chain, of, err);
	*answered = false;
	if (!crossing)
		return nested >= MAX_NESTED ? BH_E_BUSY : BH_E_NO_MEMORY;
	bh_status status = BH_OK;
	bh_error *why = NULL;
	nested++;
	while (crossing->entered < chain->count && !status && !*answered) {
		const bh_interceptor *item = chain->items[crossing->entered];
		bh_before_fn *before = of->import ? item->before_import : item->before_export;
		crossing->seen.note = &crossing->notes[crossing->entered++];
		if (before)
			status = before(item->data, &crossing->seen, result, answered, &why);
		if (status || !*answered)
			bh_value_deinit(result);
		if (!status)
			bh_error_free(BH_TAKE(why)); /* words without a failure */
	}
	nested--;
	*answered &= !status;
	crossing->seen.answered = *answered;
	return status ? bh_program_failed(err, "interceptor of", of->text, status, why) : BH_OK;
}

bool bh_crossing_answered(const bh_crossing *crossing)
{
	return crossing && crossing->seen.answered;
}

/* An interceptor does not like what came of the call. */
static bh_status object(const bh_crossing *crossing, bh_status status, bh_status objection, bh_error *said,
                        bh_error **why)
{
	if (!status)
		return bh_program_failed(why, "interceptor of", crossing->text, objection, said);
	bh_error_cause_add(*why, "the interceptor of %s failed: %s: %s", crossing->text, bh_status_name(objection),
	                   said ? bh_error_message(said) : bh_status_text(objection));
	bh_error_free(said);
	return status;
}

bh_status bh_crossing_leave(bh_crossing *crossing, bh_status status, const bh_value *result, const bh_usage *usage,
                            bh_error **why)
{
	bh_intercepted *seen = &crossing->seen;
	seen->usage = usage;
	nested++;
	while (crossing->entered--) {
		const bh_interceptor *item = crossing->chain->items[crossing->entered];
		bh_after_fn *after = crossing->import ? item->after_import : item->after_export;
		if (!after)
			continue;
		seen->status = status;
		seen->result = !status && result->kind != BH_KIND_NONE ? result : NULL;
		seen->error = status ? *why : NULL;
		seen->note = &crossing->notes[crossing->entered];
		seen->elapsed_ns = bh_now() - crossing->began;
		bh_error *said = NULL;
		bh_status objection = after(item->data, seen, &said);
		if (objection)
			status = object(crossing, status, objection, said, why);
		else
			bh_error_free(said);
	}
	nested--;
	bh_free(crossing);
	return status;
}
