/* What the tests of interceptors share: one that writes down what it sees, and does as it is told. */
#ifndef BH_TEST_INTERCEPTORS_H
#define BH_TEST_INTERCEPTORS_H

#include <stdatomic.h>

#include "imports.h"

/* What an interceptor of these tests does, and what it was told. */
typedef struct {
	const char *name; /* NULL: it writes nothing into the trace */
	_Atomic unsigned in_imports, out_imports, in_exports, out_exports, freed;
	/* Of the function of this name ... */
	const char *function;
	bool answers; /* ... with this, */
	bh_value answer;
	bh_status before, after; /* or it fails with these */
	/* The last call that it saw out. */
	uint64_t number, within;
	bh_status status;
	bh_status cause; /* whether the error had one */
	bh_trap trap;
	bool answered;
	bool has_result;
	uint32_t result;
	uint32_t arg;
	bh_usage usage;
} probe;

/* One line for all of them: "A>add B>add <B <A". On one thread at a time. */
static char trace[4096];

static inline void note(const probe *p, const char *format, const char *function)
{
	size_t used = strlen(trace);
	if (p->name)
		snprintf(trace + used, sizeof trace - used, format, p->name, function);
}

static inline void is_as_promised(const bh_intercepted *call)
{
	EXPECT(call->number > 0 && call->component && call->function);
	EXPECT(call->arg_count == 0 || call->args);
	EXPECT(call->note);
}

static inline bh_status go_in(probe *p, const bh_intercepted *call, bh_value *result, bool *answered, bh_error **err)
{
	is_as_promised(call);
	EXPECT(call->status == BH_OK && !call->result && !call->error && !call->usage && !*call->note);
	EXPECT(result->kind == BH_KIND_NONE && !*answered);
	*call->note = p;
	note(p, " %s>%s", call->function);
	if (p->function && strcmp(p->function, call->function) != 0)
		return BH_OK;
	if (p->before)
		return bh_error_new(err, p->before, "%s wants no %s", p->name ? p->name : "it", call->function);
	*answered = p->answers;
	if (p->answers)
		*result = p->answer;
	return BH_OK;
}

static inline bh_status come_out(probe *p, const bh_intercepted *call, bh_error **err)
{
	is_as_promised(call);
	EXPECT(*call->note == p);
	EXPECT((call->error != NULL) == (call->status != BH_OK));
	EXPECT(!call->status || bh_error_status(call->error) == call->status);
	EXPECT(!call->status || !call->result);
	note(p, " <%s", NULL);
	p->number = call->number;
	p->within = call->within;
	p->status = call->status;
	p->cause = call->error && bh_error_cause_count(call->error);
	p->trap = call->error ? bh_error_trap(call->error) : BH_TRAP_NONE;
	p->answered = call->answered;
	p->has_result = call->result;
	p->result = call->result && call->result->kind == BH_KIND_U32 ? call->result->as.u32 : 0;
	p->arg = call->arg_count && call->args[0].kind == BH_KIND_U32 ? call->args[0].as.u32 : 0;
	if (call->usage)
		p->usage = *call->usage;
	if (p->function && strcmp(p->function, call->function) != 0)
		return BH_OK;
	return p->after ? bh_error_new(err, p->after, "%s objects", p->name ? p->name : "it") : BH_OK;
}

static inline bh_status in_import(void *data, const bh_intercepted *call, bh_value *result, bool *answered,
                                  bh_error **err)
{
	probe *p = data;
	atomic_fetch_add(&p->in_imports, 1);
	return go_in(p, call, result, answered, err);
}

static inline bh_status out_import(void *data, const bh_intercepted *call, bh_error **err)
{
	probe *p = data;
	EXPECT(!call->usage);
	atomic_fetch_add(&p->out_imports, 1);
	return come_out(p, call, err);
}

static inline bh_status in_export(void *data, const bh_intercepted *call, bh_value *result, bool *answered,
                                  bh_error **err)
{
	probe *p = data;
	EXPECT(!call->within);
	atomic_fetch_add(&p->in_exports, 1);
	return go_in(p, call, result, answered, err);
}

static inline bh_status out_export(void *data, const bh_intercepted *call, bh_error **err)
{
	probe *p = data;
	EXPECT(call->usage && call->usage->struct_size == sizeof *call->usage);
	atomic_fetch_add(&p->out_exports, 1);
	return come_out(p, call, err);
}

static inline void count_free(void *data)
{
	atomic_fetch_add(&((probe *)data)->freed, 1);
}

typedef enum { IMPORTS = 1, EXPORTS = 2, BOTH = 3 } what;

static inline void add(bh_interceptors *set, probe *p, what sees)
{
	bh_interceptor one = BH_INTERCEPTOR_INIT;
	if (sees & IMPORTS) {
		one.before_import = in_import;
		one.after_import = out_import;
	}
	if (sees & EXPORTS) {
		one.before_export = in_export;
		one.after_export = out_export;
	}
	one.data = p;
	one.free_data = count_free;
	OK(bh_interceptors_add(set, &one, &t_err));
}

static inline bh_interceptors *set_of(probe *p, what sees)
{
	bh_interceptors *set = NULL;
	OK(bh_interceptors_new(&set, &t_err));
	if (p)
		add(set, p, sees);
	return set;
}

/* t_caller_text under an interceptor; what is given is given up. */
static inline bh_component *load_in(bh_host *in, bh_imports *imports, bh_interceptors *set, uint64_t execution_ms)
{
	bh_component_options options = t_linked(imports);
	options.name = "caller";
	options.interceptors = set;
	if (execution_ms)
		options.limits.execution_ms = execution_ms;
	bh_component *component = NULL;
	OK(bh_component_load_bytes(&component, in, t_caller_text, strlen(t_caller_text), &options, &t_err));
	bh_imports_free(imports);
	bh_interceptors_free(set);
	return component;
}

static inline bh_component *load_seen(probe *p, what sees)
{
	return load_in(host, t_all_but(NULL), set_of(p, sees), 0);
}

static inline void balanced(const probe *p, unsigned imports, unsigned exports)
{
	assert_int_equal(p->in_imports, imports);
	assert_int_equal(p->out_imports, imports);
	assert_int_equal(p->in_exports, exports);
	assert_int_equal(p->out_exports, exports);
}

static const char trap_text[] =
	"(component (core module $M (func (export \"run\") (param i32) (result i32) unreachable))\n"
	"  (core instance $i (instantiate $M))\n"
	"  (func (export \"run\") (param \"n\" u32) (result u32) (canon lift (core func $i \"run\"))))\n";

static inline bh_component *load_text(const char *text, probe *p)
{
	bh_component_options options = BH_COMPONENT_OPTIONS_INIT;
	options.limits = t_limits();
	options.interceptors = set_of(p, BOTH);
	bh_component *component = t_link_text(text, &options);
	bh_interceptors_free(options.interceptors);
	return component;
}

#endif
