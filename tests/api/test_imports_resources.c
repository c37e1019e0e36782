/* Resources of the program's: who owns a representation when, and that each is destroyed exactly once. */
#include <stdatomic.h>
#include <stdlib.h>

#include "imports.h"

#define BAGS "acme:test/bags@1.0.0"

/* The program's bags. A representation is a pointer, which tells more than a number would if it were freed twice. */
typedef struct {
	uint32_t count;
} bag;

static _Atomic int live, made;
static const bh_resource_type *bags, *others;

static void destroy(void *data, uint64_t representation)
{
	EXPECT(data == &live);
	atomic_fetch_sub(&live, 1);
	free((bag *)(uintptr_t)representation);
}

static bh_status new_bag(bh_value *result, uint32_t count, bh_error **err)
{
	bag *b = malloc(sizeof *b);
	b->count = count;
	atomic_fetch_add(&live, 1);
	atomic_fetch_add(&made, 1);
	return bh_resource_new(result, bags, (uint64_t)(uintptr_t)b, err);
}

static bag *bag_of(const bh_value *handle)
{
	uint64_t representation = 0;
	EXPECT(bh_resource_read(&representation, handle, bags));
	EXPECT(!bh_resource_read(&representation, handle, others));
	return (bag *)(uintptr_t)representation;
}

static bh_status make(void *data, const bh_value *args, size_t count, bh_value *result, bh_error **err)
{
	(void)data, (void)count;
	return new_bag(result, args[0].as.u32, err);
}

static bh_status add(void *data, const bh_value *args, size_t count, bh_value *result, bh_error **err)
{
	(void)data, (void)count, (void)result, (void)err;
	EXPECT(args[0].kind == BH_KIND_BORROW);
	bag_of(&args[0])->count += args[1].as.u32;
	return BH_OK;
}

static bh_status count_of(void *data, const bh_value *args, size_t count, bh_value *result, bh_error **err)
{
	(void)data, (void)count, (void)err;
	uint64_t representation;
	EXPECT(!bh_resource_take(&representation, &args[0], bags)); /* it is only lent */
	*result = bh_of_u32(bag_of(&args[0])->count);
	return BH_OK;
}

/* Empties both into a new one; they are destroyed by themselves. */
static bh_status merge(void *data, const bh_value *args, size_t count, bh_value *result, bh_error **err)
{
	(void)data, (void)count;
	EXPECT(args[0].kind == BH_KIND_OWN);
	return new_bag(result, bag_of(&args[0])->count + bag_of(&args[1])->count, err);
}

/* What `pass` does with the bag that it is given, and with what it returns. */
typedef enum { GIVE_BACK, MAKE_ANEW, TAKE, LOSE, FAIL } what_to_do;
static what_to_do passing;

static bh_status pass(void *data, const bh_value *args, size_t count, bh_value *result, bh_error **err)
{
	(void)data, (void)count;
	uint64_t representation = 0;
	switch (passing) {
	case GIVE_BACK:
		*result = bh_of_resource(args[0].as.resource);
		return BH_OK;
	case MAKE_ANEW:
		return new_bag(result, bag_of(&args[0])->count, err);
	case TAKE:
		EXPECT(bh_resource_take(&representation, &args[0], bags));
		EXPECT(!bh_resource_take(&representation, &args[0], bags));
		return bh_resource_new(result, bags, representation, err);
	case LOSE:
		return BH_OK;
	default:
		return bh_error_new(err, BH_E_IO, "lost");
	}
}

/* Two bags in a list; or the same one twice. */
static bool twice;

static bh_status some(void *data, const bh_value *args, size_t count, bh_value *result, bh_error **err)
{
	(void)data, (void)args, (void)count;
	bh_value items[2] = {BH_VALUE_INIT, BH_VALUE_INIT}, list = bh_of_list(items, 2);
	OK(new_bag(&items[0], 1, err));
	if (twice)
		OK(bh_value_copy(&items[1], &items[0], err));
	else
		OK(new_bag(&items[1], 2, err));
	bh_status status = bh_value_copy(result, &list, err);
	bh_value_deinit(&items[0]);
	bh_value_deinit(&items[1]);
	return status;
}

/* A handle of a resource that the component does not know. */
static bh_status another(void *data, const bh_value *args, size_t count, bh_value *result, bh_error **err)
{
	(void)data, (void)args, (void)count;
	return bh_resource_new(result, others, 7, err);
}

static const char guest[] =
	"(component\n"
	"  (import \"" BAGS "\" (instance $bags\n"
	"    (export \"bag\" (type $bag (sub resource)))\n"
	"    (export \"[constructor]bag\" (func (param \"n\" u32) (result (own $bag))))\n"
	"    (export \"[method]bag.add\" (func (param \"self\" (borrow $bag)) (param \"n\" u32)))\n"
	"    (export \"[method]bag.count\" (func (param \"self\" (borrow $bag)) (result u32)))\n"
	"    (export \"[static]bag.merge\" (func (param \"a\" (own $bag)) (param \"b\" (own $bag)) (result (own $bag))))\n"
	"    (export \"pass\" (func (param \"b\" (own $bag)) (result (own $bag))))\n"
	"    (export \"some\" (func (result (list (own $bag)))))))\n"
	"  (alias export $bags \"bag\" (type $bag))\n" T_LIBC
	"  (core func $make (canon lower (func $bags \"[constructor]bag\")))\n"
	"  (core func $add (canon lower (func $bags \"[method]bag.add\")))\n"
	"  (core func $count (canon lower (func $bags \"[method]bag.count\")))\n"
	"  (core func $merge (canon lower (func $bags \"[static]bag.merge\")))\n"
	"  (core func $pass (canon lower (func $bags \"pass\")))\n"
	"  (core func $some (canon lower (func $bags \"some\") (memory $memory) (realloc $realloc)))\n"
	"  (core func $drop (canon resource.drop $bag))\n"
	"  (core module $M\n"
	"    (import \"libc\" \"memory\" (memory 0))\n"
	"    (import \"\" \"make\" (func $make (param i32) (result i32)))\n"
	"    (import \"\" \"add\" (func $add (param i32 i32)))\n"
	"    (import \"\" \"count\" (func $count (param i32) (result i32)))\n"
	"    (import \"\" \"merge\" (func $merge (param i32 i32) (result i32)))\n"
	"    (import \"\" \"pass\" (func $pass (param i32) (result i32)))\n"
	"    (import \"\" \"some\" (func $some (param i32)))\n"
	"    (import \"\" \"drop\" (func $drop (param i32)))\n"
	"    (global $kept (mut i32) (i32.const 0))\n"
	"    (func (export \"sum\") (param i32 i32) (result i32) (local i32)\n"
	"      (local.set 0 (call $make (local.get 0))) (local.set 1 (call $make (local.get 1)))\n"
	"      (call $add (local.get 0) (i32.const 100))\n"
	"      (local.set 0 (call $merge (local.get 0) (local.get 1)))\n"
	"      (local.set 1 (call $count (local.get 0)))\n"
	"      (call $drop (local.get 0)) (local.get 1))\n"
	"    (func $hoard (export \"hoard\") (param i32)\n"
	"      (block (loop (br_if 1 (i32.eqz (local.get 0))) (drop (call $make (local.get 0)))\n"
	"        (local.set 0 (i32.sub (local.get 0) (i32.const 1))) (br 0))))\n"
	"    (func (export \"churn\") (param i32)\n"
	"      (block (loop (br_if 1 (i32.eqz (local.get 0))) (call $drop (call $make (local.get 0)))\n"
	"        (local.set 0 (i32.sub (local.get 0) (i32.const 1))) (br 0))))\n"
	"    (func (export \"hoard-and-trap\") (param i32) (call $hoard (local.get 0)) unreachable)\n"
	"    (func (export \"hoard-and-spin\") (param i32) (call $hoard (local.get 0)) (loop (br 0)))\n"
	"    (func (export \"drop-twice\") (local i32) (local.set 0 (call $make (i32.const 1)))\n"
	"      (call $drop (local.get 0)) (call $drop (local.get 0)))\n"
	"    (func (export \"use-after-drop\") (local i32) (local.set 0 (call $make (i32.const 1)))\n"
	"      (call $drop (local.get 0)) (call $add (local.get 0) (i32.const 1)))\n"
	"    (func (export \"forge\") (param i32) (call $add (local.get 0) (i32.const 1)))\n"
	"    (func (export \"pass\") (param i32) (result i32) (local i32)\n"
	"      (local.set 1 (call $pass (call $make (local.get 0))))\n"
	"      (local.set 0 (call $count (local.get 1))) (call $drop (local.get 1)) (local.get 0))\n"
	"    (func (export \"some\") (result i32) (local i32) (call $some (i32.const 16))\n"
	"      (local.set 0 (i32.load (i32.const 16)))\n"
	"      (i32.add (call $count (i32.load (local.get 0))) (call $count (i32.load offset=4 (local.get 0)))))\n"
	"    (func (export \"keep\") (param i32) (global.set $kept (call $make (local.get 0))))\n"
	"    (func (export \"kept\") (result i32) (call $count (global.get $kept)))\n"
	"    (func (export \"give\") (param i32) (result i32) (call $make (local.get 0)))\n"
	"    (func (export \"take\") (param i32) (result i32) (local i32)\n"
	"      (local.set 1 (call $count (local.get 0))) (call $drop (local.get 0)) (local.get 1)))\n"
	"  (core instance $i (instantiate $M (with \"libc\" (instance $libc)) (with \"\" (instance\n"
	"    (export \"make\" (func $make)) (export \"add\" (func $add)) (export \"count\" (func $count))\n"
	"    (export \"merge\" (func $merge)) (export \"pass\" (func $pass)) (export \"some\" (func $some))\n"
	"    (export \"drop\" (func $drop))))))\n"
	"  (func (export \"sum\") (param \"a\" u32) (param \"b\" u32) (result u32) (canon lift (core func $i \"sum\")))\n"
	"  (func (export \"hoard\") (param \"n\" u32) (canon lift (core func $i \"hoard\")))\n"
	"  (func (export \"churn\") (param \"n\" u32) (canon lift (core func $i \"churn\")))\n"
	"  (func (export \"hoard-and-trap\") (param \"n\" u32) (canon lift (core func $i \"hoard-and-trap\")))\n"
	"  (func (export \"hoard-and-spin\") (param \"n\" u32) (canon lift (core func $i \"hoard-and-spin\")))\n"
	"  (func (export \"drop-twice\") (canon lift (core func $i \"drop-twice\")))\n"
	"  (func (export \"use-after-drop\") (canon lift (core func $i \"use-after-drop\")))\n"
	"  (func (export \"forge\") (param \"n\" u32) (canon lift (core func $i \"forge\")))\n"
	"  (func (export \"pass\") (param \"n\" u32) (result u32) (canon lift (core func $i \"pass\")))\n"
	"  (func (export \"some\") (result u32) (canon lift (core func $i \"some\")))\n"
	"  (func (export \"keep\") (param \"n\" u32) (canon lift (core func $i \"keep\")))\n"
	"  (func (export \"kept\") (result u32) (canon lift (core func $i \"kept\")))\n"
	"  (func (export \"give\") (param \"n\" u32) (result (own $bag)) (canon lift (core func $i \"give\")))\n"
	"  (func (export \"take\") (param \"b\" (own $bag)) (result u32) (canon lift (core func $i \"take\")))\n"
	"  (func (export \"look\") (param \"b\" (borrow $bag)) (result u32) (canon lift (core func $i \"take\"))))\n";

typedef struct {
	bh_host_fn *make, *pass;
	bh_host_async_fn *start_count;
	bool leaves;
	uint64_t execution_ms, resources;
	const char *capability; /* of pass */
} setting;

static void define(bh_imports *imports, const char *name, bh_host_fn *call, const setting *s)
{
	bh_host_function function = BH_HOST_FUNCTION_INIT;
	function.interface = BAGS;
	function.name = name;
	function.call = call;
	function.leaf = s->leaves;
	function.capability = call == pass ? s->capability : NULL;
	if (call == count_of && s->start_count) {
		function.call = NULL;
		function.leaf = false;
		function.start = s->start_count;
	}
	OK(bh_imports_define_function(imports, &function, &t_err));
}

static bh_component *load(const setting *given)
{
	setting s = given ? *given : (setting){0};
	bh_imports *imports = t_imports();
	OK(bh_imports_define_resource(&bags, imports, BAGS, "bag", destroy, &live, &t_err));
	OK(bh_imports_define_resource(&others, imports, BAGS, "other", NULL, NULL, &t_err));
	define(imports, "[constructor]bag", s.make ? s.make : make, &s);
	define(imports, "[method]bag.add", add, &s);
	define(imports, "[method]bag.count", count_of, &s);
	define(imports, "[static]bag.merge", merge, &s);
	define(imports, "pass", pass, &s);
	define(imports, "some", some, &s);
	bh_component_options options = t_linked(imports);
	if (s.execution_ms)
		options.limits.execution_ms = s.execution_ms;
	options.limits.resources = s.resources;
	bh_component *component = t_link_text(guest, &options);
	bh_imports_free(imports);
	passing = GIVE_BACK;
	twice = false;
	made = 0;
	return component;
}

static void close(bh_component *component)
{
	bh_component_unref(component);
	assert_int_equal(live, 0);
}

static void guests_make_and_drop(void **state)
{
	(void)state;
	for (int leaves = 0; leaves < 2; leaves++) {
		bh_component *component = load(&(setting){.leaves = leaves});
		assert_int_equal(t_number(component, "sum", "1, 2"), 103);
		assert_int_equal(made, 3);
		assert_int_equal(live, 0);
		OK(t_call(NULL, component, "churn", "20000", NULL, NULL, &t_err));
		assert_int_equal(live, 0);
		assert_int_equal(t_number(component, "some", ""), 3);
		assert_int_equal(live, 0);
		close(component);
	}
}

static void what_a_guest_leaves_is_destroyed(void **state)
{
	(void)state;
	bh_component *component = load(&(setting){.execution_ms = 100});
	OK(t_call(NULL, component, "hoard", "100", NULL, NULL, &t_err));
	assert_int_equal(live, 0);
	CALL_FAILS(BH_E_TRAP, component, "hoard-and-trap", "100");
	assert_int_equal(live, 0);
	CALL_FAILS(BH_E_TIMEOUT, component, "hoard-and-spin", "100");
	assert_int_equal(live, 0);
	/* A live instance keeps what it has. */
	bh_instance *instance = t_instance(component);
	bh_export *keep = t_find(component, "keep"), *spin = t_find(component, "hoard-and-spin");
	OK(t_call_live(NULL, instance, keep, "7", NULL, NULL, &t_err));
	assert_int_equal(live, 1);
	assert_int_equal(t_number_live(instance, component, "kept", ""), 7);
	assert_int_equal(t_number_live(instance, component, "sum", "1, 1"), 102);
	assert_int_equal(live, 1);
	FAILS(BH_E_TIMEOUT, t_call_live(NULL, instance, spin, "3", NULL, NULL, &t_err));
	assert_int_equal(live, 0);
	bh_instance_free(instance);
	instance = t_instance(component);
	OK(t_call_live(NULL, instance, keep, "7", NULL, NULL, &t_err));
	assert_int_equal(live, 1);
	bh_instance_free(instance);
	bh_export_free(keep);
	bh_export_free(spin);
	close(component);
}

static void wrong_handles_trap(void **state)
{
	(void)state;
	bh_component *component = load(NULL);
	static const char *const calls[][2] = {
		{"drop-twice", ""}, {"use-after-drop", ""}, {"forge", "0"}, {"forge", "1"}, {"forge", "4294967295"}};
	for (size_t i = 0; i < sizeof calls / sizeof *calls; i++) {
		CALL_FAILS(BH_E_TRAP, component, calls[i][0], calls[i][1]);
		assert_int_equal(bh_error_trap(t_err), BH_TRAP_BAD_HANDLE);
		assert_int_equal(live, 0);
	}
	close(component);
}

static void handles_can_be_passed_on(void **state)
{
	(void)state;
	static const what_to_do ways[] = {GIVE_BACK, MAKE_ANEW, TAKE};
	bh_component *component = load(NULL);
	for (int i = 0; i < 3; i++) {
		passing = ways[i];
		assert_int_equal(t_number(component, "pass", "5"), 5);
		assert_int_equal(live, 0);
	}
	passing = LOSE;
	CALL_FAILS(BH_E_HOST_FUNCTION, component, "pass", "5");
	assert_int_equal(live, 0);
	passing = FAIL;
	CALL_FAILS(BH_E_HOST_FUNCTION, component, "pass", "5");
	assert_int_equal(live, 0);
	twice = true;
	CALL_FAILS(BH_E_HOST_FUNCTION, component, "some", "");
	assert_true(t_says("was passed on before"));
	assert_int_equal(live, 0);
	close(component);
	/* A function that the guest may not call gets nothing, but what was to be its is no more. */
	component = load(&(setting){.capability = "pass"});
	CALL_FAILS(BH_E_DENIED, component, "pass", "5");
	assert_int_equal(live, 0);
	close(component);
}

static void other_resources_are_refused(void **state)
{
	(void)state;
	bh_component *component = load(&(setting){.make = another});
	CALL_FAILS(BH_E_HOST_FUNCTION, component, "hoard", "1");
	assert_true(t_says("a resource that the component does not import"));
	close(component);
	bh_value value = BH_VALUE_INIT, number = bh_of_u32(1);
	uint64_t representation = 0;
	FAILS(BH_E_INVALID, bh_resource_new(&value, NULL, 1, &t_err));
	assert_false(bh_resource_read(&representation, &number, bags));
	assert_false(bh_resource_read(&representation, NULL, bags));
	assert_false(bh_resource_take(&representation, &value, bags));
}

static void there_is_a_bound(void **state)
{
	(void)state;
	bh_component *component = load(&(setting){.resources = 100});
	OK(t_call(NULL, component, "hoard", "90", NULL, NULL, &t_err));
	OK(t_call(NULL, component, "churn", "1000", NULL, NULL, &t_err));
	CALL_FAILS(BH_E_RESOURCE_LIMIT, component, "hoard", "1000");
	t_names_limit(BH_LIMIT_RESOURCES, 100);
	assert_int_equal(live, 0);
	close(component);
}

/* Handles of the program's in arguments and results of exports. */
static void exports_take_and_give(void **state)
{
	(void)state;
	bh_component *component = load(NULL);
	bh_instance *instance = t_instance(component);
	bh_export *give = t_find(component, "give"), *eat = t_find(component, "take"), *look = t_find(component, "look");
	bh_value number = bh_of_u32(9), handle = BH_VALUE_INIT, result = BH_VALUE_INIT;
	OK(bh_instance_call(instance, give, &number, 1, &handle, NULL, NULL, &t_err));
	assert_int_equal(handle.kind, BH_KIND_OWN);
	assert_int_equal(bag_of(&handle)->count, 9);
	OK(bh_instance_call(instance, eat, &handle, 1, &result, NULL, NULL, &t_err));
	assert_int_equal(result.as.u32, 9);
	assert_int_equal(live, 0);
	FAILS(BH_E_INVALID, bh_instance_call(instance, eat, &handle, 1, &result, NULL, NULL, &t_err));
	bh_value_deinit(&handle);
	/* What is not passed on goes with its handle, what nobody wants at once. */
	OK(bh_instance_call(instance, give, &number, 1, &handle, NULL, NULL, &t_err));
	assert_int_equal(live, 1);
	FAILS(BH_E_UNSUPPORTED, bh_instance_call(instance, look, &handle, 1, &result, NULL, NULL, &t_err));
	bh_value_deinit(&handle);
	assert_int_equal(live, 0);
	OK(bh_instance_call(instance, give, &number, 1, NULL, NULL, NULL, &t_err));
	assert_int_equal(live, 0);
	/* Made here, and gone where the call does not begin. */
	OK(new_bag(&handle, 4, &t_err));
	OK(bh_export_call(eat, &handle, 1, &result, NULL, NULL, &t_err));
	assert_int_equal(result.as.u32, 4);
	bh_value_deinit(&handle);
	OK(new_bag(&handle, 4, &t_err));
	bh_value both[] = {handle, handle};
	FAILS(BH_E_TYPE, bh_instance_call(instance, eat, both, 2, &result, NULL, NULL, &t_err));
	bh_value other = BH_VALUE_INIT;
	OK(bh_resource_new(&other, others, 1, &t_err));
	FAILS(BH_E_INVALID, bh_instance_call(instance, eat, &other, 1, &result, NULL, NULL, &t_err));
	bh_value_deinit(&other);
	assert_int_equal(live, 1);
	/* A handle outlives instance, component and set. */
	bh_export_free(give);
	bh_export_free(eat);
	bh_export_free(look);
	bh_instance_free(instance);
	bh_component_unref(component);
	assert_int_equal(live, 1);
	assert_int_equal(bag_of(&handle)->count, 4);
	bh_value_deinit(&handle);
	assert_int_equal(live, 0);
}

/* A handle that is lent to a function that never answers. */

static bh_completion *pending;
static uint64_t lent;
static int live_when_cancelled;

static void note_cancel(void *data)
{
	(void)data;
	live_when_cancelled = live;
}

static void count_later(void *data, bh_completion *completion, const bh_value *args, size_t count)
{
	(void)data, (void)count;
	pending = completion;
	bh_completion_on_cancel(completion, note_cancel, NULL);
	EXPECT(bh_resource_read(&lent, &args[0], bags));
}

static void the_program_is_told_before_they_go(void **state)
{
	(void)state;
	bh_component *component = load(&(setting){.start_count = count_later, .execution_ms = 30});
	CALL_FAILS(BH_E_TIMEOUT, component, "sum", "1, 2");
	assert_int_equal(live_when_cancelled, 1);
	assert_int_equal(live, 0);
	bh_completion_drop(pending);
	close(component);
}

/* An answer with a handle that comes too late is destroyed. */

static void pass_later(void *data, bh_completion *completion, const bh_value *args, size_t count)
{
	(void)data, (void)args, (void)count;
	pending = completion;
}

static void late_handles_are_destroyed(void **state)
{
	(void)state;
	bh_imports *imports = t_imports();
	OK(bh_imports_define_resource(&bags, imports, BAGS, "bag", destroy, &live, &t_err));
	OK(bh_imports_define_async(imports, BAGS, "make", NULL, pass_later, NULL, &t_err));
	bh_component_options options = t_linked(imports);
	options.limits.execution_ms = 20;
	bh_component *component = t_link_text(
		"(component (import \"" BAGS "\" (instance $b (export \"bag\" (type $bag (sub resource)))\n"
		"    (export \"make\" (func (result (own $bag))))))\n"
		"  (core func $make (canon lower (func $b \"make\")))\n"
		"  (core module $M (import \"\" \"make\" (func $make (result i32))) (func (export \"f\") (drop (call $make))))\n"
		"  (core instance $i (instantiate $M (with \"\" (instance (export \"make\" (func $make))))))\n"
		"  (func (export \"f\") (canon lift (core func $i \"f\"))))",
		&options);
	bh_imports_free(imports);
	CALL_FAILS(BH_E_TIMEOUT, component, "f", "");
	bh_value handle = BH_VALUE_INIT;
	OK(new_bag(&handle, 1, &t_err));
	bh_component_unref(component);
	assert_int_equal(live, 1);
	bh_completion_finish(pending, &handle);
	assert_int_equal(live, 0);
}

static void resources_are_linked_as_such(void **state)
{
	(void)state;
	static const char wat[] = "(component (import \"a:b/c@1.0.0\" (instance (export \"r\" (type (sub resource))))))";
	bh_imports *imports = t_imports();
	bh_component_options options = t_linked(imports);
	bh_component *component = NULL;
	FAILS(BH_E_LINK, bh_component_load_bytes(&component, host, wat, strlen(wat), &options, &t_err));
	assert_true(t_says("a:b/c@1.0.0#r"));
	OK(bh_imports_define_resource(NULL, imports, "a:b/c@1.0.3", "r", NULL, NULL, &t_err));
	FAILS(BH_E_INVALID, bh_imports_define_resource(NULL, imports, "a:b/c@1.0.3", "r", NULL, NULL, &t_err));
	FAILS(BH_E_INVALID, bh_imports_define_resource(NULL, imports, "wasi:io/poll@0.2.0", "r", NULL, NULL, &t_err));
	bh_component_unref(t_link_text(wat, &options));
	bh_imports_free(imports);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(guests_make_and_drop),        cmocka_unit_test(what_a_guest_leaves_is_destroyed),
		cmocka_unit_test(wrong_handles_trap),          cmocka_unit_test(handles_can_be_passed_on),
		cmocka_unit_test(other_resources_are_refused), cmocka_unit_test(there_is_a_bound),
		cmocka_unit_test(exports_take_and_give),       cmocka_unit_test(the_program_is_told_before_they_go),
		cmocka_unit_test(late_handles_are_destroyed),  cmocka_unit_test(resources_are_linked_as_such),
	};
	return cmocka_run_group_tests(tests, host_begin, host_end);
}
