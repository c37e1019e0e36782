/* What a guest's call of a host function costs, from the guest and back. Suite core. */
#include <bulkhead.h>
#include <stdlib.h>
#include <string.h>

#include "bench.h"

/* One call of the guest makes so many of the host function. */
enum { CALLS = 10000, SAMPLES = 60 };

static const char guest[] =
	"(component (import \"number\" (func $number (param \"n\" u32) (result u32)))\n"
	"  (import \"bytes\" (func $bytes (param \"b\" (list u8)) (result u32)))\n"
	"  (core module $L (memory (export \"memory\") 2)) (core instance $l (instantiate $L))\n"
	"  (alias core export $l \"memory\" (core memory $memory))\n"
	"  (core func $number (canon lower (func $number)))\n"
	"  (core func $bytes (canon lower (func $bytes) (memory $memory)))\n"
	"  (core module $M (import \"\" \"number\" (func $number (param i32) (result i32)))\n"
	"    (import \"\" \"bytes\" (func $bytes (param i32 i32) (result i32)))\n"
	"    (func (export \"numbers\") (param i32) (result i32) (local i32)\n"
	"      (block (loop (br_if 1 (i32.eqz (local.get 0)))\n"
	"        (local.set 1 (call $number (local.get 1)))\n"
	"        (local.set 0 (i32.sub (local.get 0) (i32.const 1))) (br 0))) (local.get 1))\n"
	"    (func (export \"kilobytes\") (param i32) (result i32) (local i32)\n"
	"      (block (loop (br_if 1 (i32.eqz (local.get 0)))\n"
	"        (local.set 1 (i32.add (local.get 1) (call $bytes (i32.const 0) (i32.const 1024))))\n"
	"        (local.set 0 (i32.sub (local.get 0) (i32.const 1))) (br 0))) (local.get 1)))\n"
	"  (core instance $i (instantiate $M (with \"\" (instance (export \"number\" (func $number))\n"
	"    (export \"bytes\" (func $bytes))))))\n"
	"  (func (export \"numbers\") (param \"n\" u32) (result u32) (canon lift (core func $i \"numbers\")))\n"
	"  (func (export \"kilobytes\") (param \"n\" u32) (result u32) (canon lift (core func $i \"kilobytes\"))))\n";

static void check(bh_status status, bh_error *err, const char *what)
{
	if (status)
		bench_die("%s: %s: %s", what, bh_status_name(status), err ? bh_error_message(err) : "");
}

static bh_status add_one(void *data, const bh_value *args, size_t count, bh_value *result, bh_error **err)
{
	(void)data, (void)count, (void)err;
	*result = bh_of_u32(args[0].as.u32 + 1);
	return BH_OK;
}

static void add_one_later(void *data, bh_completion *completion, const bh_value *args, size_t count)
{
	(void)data, (void)count;
	bh_value result = bh_of_u32(args[0].as.u32 + 1);
	bh_completion_finish(completion, &result);
}

static bh_status length_of(void *data, const bh_value *args, size_t count, bh_value *result, bh_error **err)
{
	(void)data, (void)count, (void)err;
	*result = bh_of_u32((uint32_t)args[0].as.bytes.length);
	return BH_OK;
}

typedef struct {
	bh_host_fn *call;
	bh_host_async_fn *start;
	bool leaf;
	bool intercepted;
	uint64_t fuel;
	const char *name;
	bh_component *component;
	bh_export *export_;
	bh_instance *instance;
} subject;

static void define(bh_imports *imports, const char *name, const subject *s, bh_host_fn *call)
{
	bh_error *err = NULL;
	bh_host_function function = BH_HOST_FUNCTION_INIT;
	function.name = name;
	function.call = s->start && call == add_one ? NULL : call;
	function.start = function.call ? NULL : s->start;
	function.leaf = s->leaf;
	check(bh_imports_define_function(imports, &function, &err), err, name);
}

static bh_status let_pass(void *data, const bh_intercepted *call, bh_value *result, bool *answered, bh_error **err)
{
	(void)data, (void)call, (void)result, (void)answered, (void)err;
	return BH_OK;
}

static bh_status let_out(void *data, const bh_intercepted *call, bh_error **err)
{
	(void)data, (void)call, (void)err;
	return BH_OK;
}

static bh_interceptors *idle_interceptor(void)
{
	bh_error *err = NULL;
	bh_interceptors *set = NULL;
	bh_interceptor idle = BH_INTERCEPTOR_INIT;
	idle.before_import = let_pass;
	idle.after_import = let_out;
	check(bh_interceptors_new(&set, &err), err, "interceptors");
	check(bh_interceptors_add(set, &idle, &err), err, "interceptor");
	return set;
}

static void prepare(subject *s, bh_host *host)
{
	bh_error *err = NULL;
	bh_imports *imports = NULL;
	bh_component_options options = BH_COMPONENT_OPTIONS_INIT;
	check(bh_imports_new(&imports, &err), err, "imports");
	define(imports, "number", s, add_one);
	define(imports, "bytes", s, length_of);
	options.imports = imports;
	options.interceptors = s->intercepted ? idle_interceptor() : NULL;
	options.limits.memory = BH_MIB(1);
	options.limits.fuel = s->fuel;
	options.limits.execution_ms = 10000;
	check(bh_component_load_bytes(&s->component, host, guest, sizeof guest - 1, &options, &err), err, "guest");
	check(bh_export_find(&s->export_, s->component, s->name, &err), err, s->name);
	check(bh_instance_new(&s->instance, s->component, NULL, &err), err, "instance");
	bh_imports_free(imports);
	bh_interceptors_free(options.interceptors);
}

static double run(void *data, unsigned batch)
{
	subject *s = data;
	bh_error *err = NULL;
	bh_value count = bh_of_u32(CALLS), result = BH_VALUE_INIT;
	double start = bench_now();
	for (unsigned i = 0; i < batch; i++)
		check(bh_instance_call(s->instance, s->export_, &count, 1, &result, NULL, NULL, &err), err, s->name);
	return (bench_now() - start) / CALLS;
}

int main(void)
{
	bh_error *err = NULL;
	bh_host *host = NULL;
	check(bh_host_new(&host, NULL, &err), err, "host");
	subject subjects[] = {
		{.call = add_one, .fuel = BH_UNLIMITED, .name = "numbers"},
		{.call = add_one, .leaf = true, .fuel = BH_UNLIMITED, .name = "numbers"},
		{.start = add_one_later, .fuel = BH_UNLIMITED, .name = "numbers"},
		{.call = length_of, .fuel = BH_UNLIMITED, .name = "kilobytes"},
		{.call = length_of, .leaf = true, .fuel = BH_UNLIMITED, .name = "kilobytes"},
		{.call = add_one, .fuel = UINT64_C(1000000000), .name = "numbers"},
		{.call = add_one, .leaf = true, .fuel = UINT64_C(1000000000), .name = "numbers"},
		{.call = add_one, .intercepted = true, .fuel = BH_UNLIMITED, .name = "numbers"},
		{.call = add_one, .leaf = true, .intercepted = true, .fuel = BH_UNLIMITED, .name = "numbers"},
	};
	static const char *const names[] = {"host_call",
	                                    "host_call.leaf",
	                                    "host_call.async",
	                                    "host_call_1k",
	                                    "host_call_1k.leaf",
	                                    "host_call.metered",
	                                    "host_call.leaf_metered",
	                                    "host_call.intercepted",
	                                    "host_call.leaf_intercepted"};
	enum { COUNT = sizeof subjects / sizeof *subjects };
	bench_fn *fns[COUNT];
	void *data[COUNT];
	unsigned batches[COUNT];
	bench_samples samples[COUNT];
	for (int i = 0; i < COUNT; i++) {
		prepare(&subjects[i], host);
		fns[i] = run;
		data[i] = &subjects[i];
		batches[i] = 1;
	}
	bench_take_in_turn(samples, fns, data, batches, COUNT, SAMPLES);
	for (int i = 0; i < COUNT; i++) {
		bench_report(names[i], "ns", 1e9, &samples[i]);
		bench_free(&samples[i]);
		bh_instance_free(subjects[i].instance);
		bh_export_free(subjects[i].export_);
		bh_component_unref(subjects[i].component);
	}
	bh_host_free(host);
	return 0;
}
