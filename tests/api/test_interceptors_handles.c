/* What interceptors see beyond plain values: handles on their way to a guest, and the library's own host functions. */
#include <stdatomic.h>

#include "hostfunctions.h"

#define BAGS "acme:test/bags@1.0.0"

enum { BAG = 4711 };

static const bh_resource_type *bags;
static _Atomic int destroyed;

static void destroy(void *data, uint64_t representation)
{
	(void)data;
	EXPECT(representation == BAG || representation == BAG + 1);
	atomic_fetch_add(&destroyed, 1);
}

static bh_status make(void *data, const bh_value *args, size_t count, bh_value *result, bh_error **err)
{
	(void)data, (void)args, (void)count;
	return bh_resource_new(result, bags, BAG, err);
}

static void make_later(void *data, bh_completion *completion, const bh_value *args, size_t count)
{
	bh_value made = BH_VALUE_INIT;
	EXPECT(make(data, args, count, &made, NULL) == BH_OK);
	bh_completion_finish(completion, &made);
}

static bh_status two(void *data, const bh_value *args, size_t count, bh_value *result, bh_error **err)
{
	(void)data, (void)args, (void)count;
	bh_value items[2] = {BH_VALUE_INIT, BH_VALUE_INIT}, list = bh_of_list(items, 2);
	OK(bh_resource_new(&items[0], bags, BAG, err));
	OK(bh_resource_new(&items[1], bags, BAG + 1, err));
	bh_status status = bh_value_copy(result, &list, err);
	bh_value_deinit(&items[0]);
	bh_value_deinit(&items[1]);
	return status;
}

static const char guest[] =
	"(component\n"
	"  (import \"" BAGS "\" (instance $bags\n"
	"    (export \"bag\" (type $bag (sub resource)))\n"
	"    (export \"make\" (func (result (own $bag))))\n"
	"    (export \"two\" (func (result (list (own $bag)))))))\n"
	"  (alias export $bags \"bag\" (type $bag))\n"
	"  (core module $Libc (memory (export \"memory\") 1)\n"
	"    (func (export \"realloc\") (param i32 i32 i32 i32) (result i32) (i32.const 1024)))\n"
	"  (core instance $libc (instantiate $Libc))\n"
	"  (alias core export $libc \"memory\" (core memory $memory))\n"
	"  (alias core export $libc \"realloc\" (core func $realloc))\n"
	"  (core func $make (canon lower (func $bags \"make\")))\n"
	"  (core func $two (canon lower (func $bags \"two\") (memory $memory) (realloc $realloc)))\n"
	"  (core func $drop (canon resource.drop $bag))\n"
	"  (core module $M\n"
	"    (import \"\" \"make\" (func $make (result i32)))\n"
	"    (import \"\" \"two\" (func $two (param i32)))\n"
	"    (import \"\" \"drop\" (func $drop (param i32)))\n"
	"    (func (export \"one\") (call $drop (call $make)))\n"
	"    (func (export \"two\") (call $two (i32.const 16))))\n"
	"  (core instance $i (instantiate $M (with \"\" (instance\n"
	"    (export \"make\" (func $make)) (export \"two\" (func $two)) (export \"drop\" (func $drop))))))\n"
	"  (func (export \"one\") (canon lift (core func $i \"one\")))\n"
	"  (func (export \"two\") (canon lift (core func $i \"two\"))))\n";

/* What an interceptor does, and saw. */
typedef struct {
	bh_status after;    /* it fails with this */
	const char *answer; /* WAVE: it answers */
	_Atomic unsigned in, out;
	bh_status ended;
	bh_value kept; /* a copy of the result */
	char seen[200];
} watch;

static bh_status on_the_way_in(void *data, const bh_intercepted *call, bh_value *result, bool *answered, bh_error **err)
{
	watch *w = data;
	atomic_fetch_add(&w->in, 1);
	snprintf(w->seen, sizeof w->seen, "%s#%s %d", call->interface, call->function, (int)call->arg_count);
	if (!w->answer)
		return BH_OK;
	*answered = true;
	return bh_value_parse(result, call->result_type, w->answer, err);
}

static void look(const bh_value *handle, uint64_t wanted)
{
	uint64_t number = 0;
	EXPECT(bh_resource_read(&number, handle, bags) && number == wanted);
	EXPECT(!bh_resource_take(&number, handle, bags)); /* it is the guest's */
}

static bh_status on_the_way_out(void *data, const bh_intercepted *call, bh_error **err)
{
	watch *w = data;
	atomic_fetch_add(&w->out, 1);
	w->ended = call->status;
	if (call->result && call->result->kind == BH_KIND_OWN)
		look(call->result, BAG);
	for (size_t i = 0; call->result && call->result->kind == BH_KIND_LIST && i < call->result->as.list.count; i++)
		look(&call->result->as.list.items[i], BAG + i);
	if (call->result)
		OK(bh_value_copy(&w->kept, call->result, err));
	return w->after ? bh_error_new(err, w->after, "no") : BH_OK;
}

static bh_interceptors *watched_by(watch *w)
{
	bh_interceptors *set = NULL;
	bh_interceptor one = BH_INTERCEPTOR_INIT;
	one.before_import = on_the_way_in;
	one.after_import = on_the_way_out;
	one.data = w;
	OK(bh_interceptors_new(&set, &t_err));
	OK(bh_interceptors_add(set, &one, &t_err));
	return set;
}

static bh_component *load(watch *w, bool later)
{
	bh_component_options options = BH_COMPONENT_OPTIONS_INIT;
	bh_component *component = NULL;
	options.limits = t_limits();
	options.interceptors = watched_by(w);
	OK(bh_imports_new(&options.imports, &t_err));
	OK(bh_imports_define_resource(&bags, options.imports, BAGS, "bag", destroy, NULL, &t_err));
	if (later)
		OK(bh_imports_define_async(options.imports, BAGS, "make", NULL, make_later, NULL, &t_err));
	else
		OK(bh_imports_define(options.imports, BAGS, "make", NULL, make, NULL, &t_err));
	OK(bh_imports_define(options.imports, BAGS, "two", NULL, two, NULL, &t_err));
	OK(bh_component_load_bytes(&component, host, guest, strlen(guest), &options, &t_err));
	bh_imports_free(options.imports);
	bh_interceptors_free(options.interceptors);
	return component;
}

/* Which resource a guest gets can be read while it is on its way, and by nobody later; it is destroyed once. */
static void handles_in_results(void **state)
{
	(void)state;
	static const struct {
		const char *name;
		bool later;
		bh_status after;
		int count;
	} rows[] = {{"one", false, BH_OK, 1},
	            {"one", true, BH_OK, 1},
	            {"two", false, BH_OK, 2},
	            {"one", true, BH_E_IO, 1},
	            {"two", false, BH_E_IO, 2}};
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		watch w = {.after = rows[i].after};
		bh_component *component = load(&w, rows[i].later);
		atomic_store(&destroyed, 0);
		if (rows[i].after)
			FAILS(BH_E_HOST_FUNCTION, bh_component_call(component, rows[i].name, NULL, 0, NULL, NULL, NULL, &t_err));
		else
			OK(bh_component_call(component, rows[i].name, NULL, 0, NULL, NULL, NULL, &t_err));
		assert_int_equal(w.in, 1);
		assert_int_equal(w.out, 1);
		uint64_t number;
		const bh_value *kept = w.kept.kind == BH_KIND_LIST ? &w.kept.as.list.items[1] : &w.kept;
		assert_int_equal(kept->kind, BH_KIND_OWN);
		assert_false(bh_resource_read(&number, kept, bags));
		bh_value_deinit(&w.kept);
		bh_component_unref(component);
		assert_int_equal(destroyed, rows[i].count);
	}
}

static bh_component *napper(watch *w, bool granted)
{
	bh_component_options options = BH_COMPONENT_OPTIONS_INIT;
	bh_component *component = NULL;
	options.limits = t_limits();
	options.interceptors = watched_by(w);
	bh_permissions *permissions = granted ? t_granted(T_ALL) : NULL;
	options.permissions = permissions;
	OK(bh_imports_new(&options.imports, &t_err));
	OK(bh_imports_define_bulkhead_host(options.imports, NULL, &t_err));
	OK(bh_component_load_file(&component, host, t_guest("wat/nap.wat"), &options, &t_err));
	bh_imports_free(options.imports);
	bh_interceptors_free(options.interceptors);
	bh_permissions_free(permissions);
	return component;
}

/* Those of bulkhead:host are host functions like any others: seen, answered, and seen out where nobody waits any more. */
static void functions_of_the_library(void **state)
{
	(void)state;
	watch w = {0};
	bh_component *component = napper(&w, true);
	assert_string_equal(t_said(component, "nap", "5"), "0");
	assert_true(w.in == 1 && w.out == 1 && !w.ended && w.kept.kind == BH_KIND_RESULT);
	assert_string_equal(w.seen, "bulkhead:host/time@0.1.0#sleep 1");
	bh_value_deinit(&w.kept);

	bh_call_options options = BH_CALL_OPTIONS_INIT;
	options.deadline_ms = 20;
	FAILS(BH_E_DEADLINE, t_call(NULL, component, "nap", "60000", &options, NULL, &t_err));
	assert_true(w.in == 2 && w.out == 2 && w.ended == BH_E_CANCELLED);

	w.answer = "ok";
	double before = t_now_ms();
	assert_string_equal(t_said(component, "nap", "60000"), "0");
	assert_true(t_now_ms() - before < 5000 && w.in == 3 && w.out == 3);
	bh_value_deinit(&w.kept);
	bh_component_unref(component);

	watch none = {.answer = "ok"};
	component = napper(&none, false);
	FAILS(BH_E_DENIED, t_call(NULL, component, "nap", "1", NULL, NULL, &t_err));
	assert_true(!none.in && !none.out);
	bh_component_unref(component);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(handles_in_results),
		cmocka_unit_test(functions_of_the_library),
	};
	return cmocka_run_group_tests(tests, host_begin, host_end);
}
