// test: timeout=120
/*
 * No memory: every allocation of ours fails once, and all from it on, while sets are made, components linked with them,
 * and host functions called, seen by an interceptor or not. Each ends well or with BH_E_NO_MEMORY, and nothing is lost or destroyed twice.
 */
#include <stdatomic.h>
#include <stdlib.h>

#include "api.h"
#include "base/alloc.h"

typedef bh_status operation(bh_error **err);

static bh_host *host;
static _Atomic int live, kept;
static const bh_resource_type *thing;

static bool faults_work(void)
{
	bh_alloc_fail_at(0, false);
	bh_free(bh_alloc(1));
	return bh_alloc_count() == 1;
}

/* A host function that fails for want of memory is that to its caller: a failed host function. */
static bool short_of_memory(bh_status status, const bh_error *err)
{
	if (status == BH_E_NO_MEMORY)
		return true;
	for (size_t i = 0; status == BH_E_HOST_FUNCTION && i < bh_error_cause_count(err); i++)
		if (strstr(bh_error_cause(err, i), "BH_E_NO_MEMORY"))
			return true;
	/* Without memory for the causes either. */
	return status == BH_E_HOST_FUNCTION;
}

static void starve(operation *run)
{
	size_t failed = 0;
	for (int sticky = 0; sticky < 2; sticky++)
		for (uint64_t nth = 1;; nth++) {
			bh_error *err = NULL;
			bh_alloc_fail_at(nth, sticky);
			bh_status status = run(&err);
			bool reached = bh_alloc_count() >= nth;
			bh_alloc_fail_at(0, false);
			if (status && !short_of_memory(status, err)) {
				print_error("allocation %llu: %s\n", (unsigned long long)nth, bh_status_name(status));
				t_print_error(err);
			}
			assert_true(!status || short_of_memory(status, err));
			assert_true(status == BH_OK ? !err : err != NULL);
			bh_error_free(err);
			failed += status != BH_OK;
			assert_int_equal(live, 0);
			assert_int_equal(kept, 0);
			if (!reached) {
				assert_int_equal(status, BH_OK);
				break;
			}
		}
	assert_true(failed > 0);
	print_message("%zu times without memory\n", failed);
}

static void destroy(void *data, uint64_t representation)
{
	(void)data, (void)representation;
	live--;
}

static bh_status make_thing(void *data, const bh_value *args, size_t count, bh_value *result, bh_error **err)
{
	(void)data, (void)args, (void)count;
	live++;
	bh_status status = bh_resource_new(result, thing, 1, err);
	if (status)
		live--;
	return status;
}

static bh_status echo(void *data, const bh_value *args, size_t count, bh_value *result, bh_error **err)
{
	(void)data, (void)count;
	return bh_value_copy(result, &args[0], err);
}

static bh_status lend(void *data, const bh_value *args, size_t count, bh_value *result, bh_error **err)
{
	(void)data, (void)args, (void)count, (void)err;
	static bh_value items[2];
	items[0] = items[1] = BH_STRING("borrowed");
	*result = bh_of_list(items, 2);
	return BH_OK;
}

static bh_status refuse(void *data, const bh_value *args, size_t count, bh_value *result, bh_error **err)
{
	(void)data, (void)args, (void)count, (void)result;
	return bh_error_new(err, BH_E_NO_MEMORY, "the program has none either");
}

static void finish(void *data, bh_completion *completion, const bh_value *args, size_t count)
{
	(void)data, (void)count;
	bh_value copy = args[0];
	copy.owned = false;
	bh_completion_finish(completion, &copy);
}

static void forget(void *data)
{
	(void)data;
	kept--;
}

/* An allocator, and a function for each kind of host function. */
static const char guest[] =
	"(component\n"
	"  (import \"a:b/c@1.0.0\" (instance $i\n"
	"    (export \"thing\" (type $thing (sub resource)))\n"
	"    (export \"make\" (func (result (own $thing))))\n"
	"    (export \"echo\" (func (param \"s\" string) (result string)))\n"
	"    (export \"later\" (func (param \"s\" string) (result string)))\n"
	"    (export \"lend\" (func (result (list string))))\n"
	"    (export \"fail\" (func))))\n"
	"  (alias export $i \"thing\" (type $thing))\n"
	"  (core module $L (memory (export \"memory\") 1) (global $end (mut i32) (i32.const 1024))\n"
	"    (func (export \"realloc\") (param i32 i32 i32 i32) (result i32) (local i32)\n"
	"      (local.set 4 (i32.and (i32.add (global.get $end) (i32.const 15)) (i32.const -16)))\n"
	"      (global.set $end (i32.add (local.get 4) (local.get 3))) (local.get 4)))\n"
	"  (core instance $l (instantiate $L))\n"
	"  (alias core export $l \"memory\" (core memory $memory))\n"
	"  (alias core export $l \"realloc\" (core func $realloc))\n"
	"  (core func $make (canon lower (func $i \"make\")))\n"
	"  (core func $echo (canon lower (func $i \"echo\") (memory $memory) (realloc $realloc)))\n"
	"  (core func $later (canon lower (func $i \"later\") (memory $memory) (realloc $realloc)))\n"
	"  (core func $lend (canon lower (func $i \"lend\") (memory $memory) (realloc $realloc)))\n"
	"  (core func $fail (canon lower (func $i \"fail\")))\n"
	"  (core func $drop (canon resource.drop $thing))\n"
	"  (core module $M (import \"\" \"make\" (func $make (result i32)))\n"
	"    (import \"\" \"echo\" (func $echo (param i32 i32 i32)))\n"
	"    (import \"\" \"later\" (func $later (param i32 i32 i32)))\n"
	"    (import \"\" \"lend\" (func $lend (param i32))) (import \"\" \"fail\" (func $fail))\n"
	"    (import \"\" \"drop\" (func $drop (param i32)))\n"
	"    (func (export \"run\") (call $drop (call $make)) (drop (call $make))\n"
	"      (call $echo (i32.const 0) (i32.const 10) (i32.const 16))\n"
	"      (call $later (i32.const 0) (i32.const 10) (i32.const 16)) (call $lend (i32.const 16)))\n"
	"    (func (export \"fail\") (drop (call $make)) (call $fail)))\n"
	"  (core instance $m (instantiate $M (with \"\" (instance (export \"make\" (func $make))\n"
	"    (export \"echo\" (func $echo)) (export \"later\" (func $later)) (export \"lend\" (func $lend))\n"
	"    (export \"fail\" (func $fail)) (export \"drop\" (func $drop))))))\n"
	"  (func (export \"run\") (canon lift (core func $m \"run\")))\n"
	"  (func (export \"fail\") (canon lift (core func $m \"fail\"))))\n";

#define PLACE "a:b/c@1.0.0"

static bh_status define_all(bh_imports *imports, bh_error **err)
{
	bh_status status;
	bh_host_function typed = BH_HOST_FUNCTION_INIT;
	typed.interface = PLACE;
	typed.name = "echo";
	typed.signature = "func(s: string) -> string";
	typed.capability = "echo";
	typed.call = echo;
	typed.free_data = forget;
	if ((status = bh_imports_define_resource(&thing, imports, PLACE, "thing", destroy, NULL, err)) ||
	    (status = bh_imports_define(imports, PLACE, "make", NULL, make_thing, NULL, err)) ||
	    (status = bh_imports_define_async(imports, PLACE, "later", NULL, finish, NULL, err)) ||
	    (status = bh_imports_define(imports, PLACE, "lend", NULL, lend, NULL, err)) ||
	    (status = bh_imports_define(imports, PLACE, "fail", NULL, refuse, NULL, err)))
		return status;
	status = bh_imports_define_function(imports, &typed, err);
	kept += !status;
	return status;
}

static bh_status see_in(void *data, const bh_intercepted *call, bh_value *result, bool *answered, bh_error **err)
{
	*answered = !strcmp(call->function, "lend");
	return *answered ? lend(data, call->args, call->arg_count, result, err) : BH_OK;
}

static bh_status see_out(void *data, const bh_intercepted *call, bh_error **err)
{
	(void)data, (void)err;
	assert_true(call->status ? call->error != NULL : !call->error);
	return BH_OK;
}

static bool seen; /* components are loaded with an interceptor */

static bh_status make_interceptors(bh_interceptors **out, bh_error **err)
{
	bh_interceptor one = BH_INTERCEPTOR_INIT;
	one.before_import = one.before_export = see_in;
	one.after_import = one.after_export = see_out;
	one.free_data = forget;
	bh_status status = bh_interceptors_new(out, err);
	if (!status)
		status = bh_interceptors_add(*out, &one, err);
	kept += !status;
	return status;
}

static bh_status load(bh_component **out, bh_error **err)
{
	bh_imports *imports = NULL;
	bh_interceptors *interceptors = NULL;
	bh_permissions *permissions = NULL;
	bh_status status = seen ? make_interceptors(&interceptors, err) : BH_OK;
	if (!status)
		status = bh_imports_new(&imports, err);
	if (!status)
		status = define_all(imports, err);
	if (!status)
		status = bh_permissions_new(&permissions, err);
	if (!status)
		status = bh_permissions_allow_capability(permissions, "echo", err);
	bh_component_options options = BH_COMPONENT_OPTIONS_INIT;
	options.limits = t_limits();
	options.imports = imports;
	options.interceptors = interceptors;
	options.permissions = permissions;
	options.deny = BH_DENY_AT_LINK;
	if (!status)
		status = bh_component_load_bytes(out, host, guest, sizeof guest - 1, &options, err);
	bh_permissions_free(permissions);
	bh_interceptors_free(interceptors);
	bh_imports_free(imports);
	return status;
}

static bh_status link_one(bh_error **err)
{
	bh_component *component = NULL, *wrapped = NULL;
	bh_status status = load(&component, err);
	if (!status)
		status = bh_component_wrap(&wrapped, host, component, NULL, err);
	bh_component_unref(component);
	bh_component_unref(wrapped);
	return status;
}

static void linking(void **state)
{
	(void)state;
	for (int i = 0; i < 2; i++) {
		seen = i;
		starve(link_one);
	}
}

static bh_component *loaded;

static bh_status call_one(bh_error **err)
{
	return bh_component_call(loaded, "run", NULL, 0, NULL, NULL, NULL, err);
}

/* On a worker; on a live instance, which memory runs out beside; told of on this thread. */
static bh_export *run_export, *fail_export;
static bool live_instance;
static _Atomic int told;

static void note(void *data, bh_call *call)
{
	(void)data;
	assert_true(bh_call_ended(call));
	told++;
}

static bh_status start_one(bh_export *export_, bh_error **err)
{
	bh_instance *instance = NULL;
	bh_call *call = NULL;
	bh_call_options options = BH_CALL_OPTIONS_INIT;
	bh_status status = live_instance ? bh_instance_new(&instance, loaded, NULL, err) : BH_OK;
	options.done = note;
	told = 0;
	if (!status)
		status = bh_call_start(&call, export_, instance, NULL, 0, &options, err);
	/* Whoever was not let in is not told; whoever was is, once, whatever comes. */
	int wanted = call != NULL;
	if (call)
		status = bh_call_wait(call, NULL, NULL, err);
	assert_int_equal(told, wanted);
	bh_call_free(call);
	bh_instance_free(instance);
	return status;
}

static bh_status start_run(bh_error **err)
{
	return start_one(run_export, err);
}

static bh_status start_fail(bh_error **err)
{
	bh_status status = start_one(fail_export, err);
	assert_int_not_equal(status, BH_OK);
	bh_error_free(*err);
	*err = NULL;
	return status == BH_E_HOST_FUNCTION ? BH_OK : bh_error_new(err, status, "...");
}

static bh_status fail_one(bh_error **err)
{
	bh_status status = bh_component_call(loaded, "fail", NULL, 0, NULL, NULL, NULL, err);
	assert_int_not_equal(status, BH_OK);
	bh_error_free(*err);
	*err = NULL;
	return status == BH_E_HOST_FUNCTION ? BH_OK : bh_error_new(err, status, "...");
}

static void calls(void **state)
{
	(void)state;
	for (int i = 0; i < 2; i++) {
		seen = i;
		bh_error *err = NULL;
		assert_int_equal(load(&loaded, &err), BH_OK);
		int had = atomic_exchange(&kept, 0); /* as long as this lasts */
		starve(call_one);
		starve(fail_one);
		kept = had;
		bh_component_unref(loaded);
		assert_int_equal(kept, 0);
	}
}

static void started_calls(void **state)
{
	(void)state;
	for (int i = 0; i < 4; i++) {
		seen = i & 1;
		live_instance = i & 2;
		bh_error *err = NULL;
		assert_int_equal(load(&loaded, &err), BH_OK);
		assert_int_equal(bh_export_find(&run_export, loaded, "run", &err), BH_OK);
		assert_int_equal(bh_export_find(&fail_export, loaded, "fail", &err), BH_OK);
		int had = atomic_exchange(&kept, 0);
		starve(start_run);
		starve(start_fail);
		kept = had;
		bh_export_free(run_export);
		bh_export_free(fail_export);
		bh_component_unref(loaded);
		/* A worker may be the last who keeps it, for a moment. */
		for (int wait = 0; kept && wait < 1000; wait++)
			t_sleep_ms(1);
		assert_int_equal(kept, 0);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(linking), cmocka_unit_test(calls),
	                                   cmocka_unit_test(started_calls)};
	if (!faults_work())
		return 77;
	host = t_host();
	/* The code is compiled once: what follows is about linking. */
	bh_component *first = NULL;
	seen = false;
	if (load(&first, NULL))
		return 1;
	kept = 0;
	int failed = cmocka_run_group_tests(tests, NULL, NULL);
	kept = 1;
	bh_component_unref(first);
	bh_host_free(host);
	return failed;
}
