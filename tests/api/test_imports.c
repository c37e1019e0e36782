/* Host functions that answer at once: their failures, and what bounds them and the guests that call them. */
#include "imports.h"

/* Calls. */

static void functions_are_called(void **state)
{
	(void)state;
	uint32_t calls = 0;
	bh_component *caller = t_caller("number", t_add_one, &calls);
	assert_int_equal(t_number(caller, "number", "41"), 42);
	assert_int_equal(calls, 1);
	assert_int_equal(t_number(caller, "many", "100000"), 100000);
	assert_int_equal(calls, 100001);
	assert_int_equal(t_number(caller, "huge", "1000"), 1000);
	char *text = NULL;
	OK(t_call(&text, caller, "text", "\"as it is\"", NULL, NULL, &t_err));
	assert_string_equal(text, "\"as it is\"");
	bh_string_free(text);
	OK(t_call(NULL, caller, "nothing", "", NULL, NULL, &t_err));
	bh_instance *instance = t_instance(caller);
	assert_int_equal(t_number_live(instance, caller, "many", "1000"), 1000);
	assert_int_equal(t_number_live(instance, caller, "number", "1"), 2);
	bh_instance_free(instance);
	bh_component_unref(caller);
}

/* Leaves run on the caller's own stack: nothing is polled. Others suspend the guest. */
static void leaves_run_in_place(void **state)
{
	(void)state;
	bh_imports *imports = t_imports();
	const char *const names[] = {"number", "text", "bytes", "nothing"};
	bh_host_fn *const calls[] = {t_add_one, t_echo, t_length, t_nothing};
	for (int i = 0; i < 4; i++) {
		bh_host_function leaf = BH_HOST_FUNCTION_INIT;
		leaf.interface = HOST;
		leaf.name = names[i];
		leaf.call = calls[i];
		leaf.leaf = true;
		OK(bh_imports_define_function(imports, &leaf, &t_err));
	}
	bh_component *caller = t_link(t_caller_text, imports);
	assert_int_equal(t_number(caller, "many", "100000"), 100000);
	char *text = NULL;
	OK(t_call(&text, caller, "text", "\"in place\"", NULL, NULL, &t_err));
	bh_string_free(text);
	/* Metered, they run on the guest's fiber. */
	bh_component_options options = BH_COMPONENT_OPTIONS_INIT;
	options.limits = t_limits();
	options.limits.fuel = 10000000;
	bh_component *wrapped = NULL;
	FAILS(BH_E_LINK, bh_component_load_bytes(&wrapped, host, t_caller_text, strlen(t_caller_text), &options, &t_err));
	assert_true(t_says("acme:test/host@1.0.0"));
	bh_component_unref(caller);
}

static void metered_guests_call_too(void **state)
{
	(void)state;
	bh_imports *imports = t_all_but(NULL);
	bh_component_options options = t_linked(imports);
	options.limits.fuel = 1000000;
	bh_component *caller = t_link_text(t_caller_text, &options);
	bh_imports_free(imports);
	assert_int_equal(t_number(caller, "many", "1000"), 1000);
	CALL_FAILS(BH_E_OUT_OF_FUEL, caller, "many", "1000000");
	bh_component_unref(caller);
}

/* Where else a guest runs: when its instance is made. */
static void start_functions_call_too(void **state)
{
	(void)state;
	static const char wat[] =
		"(component (import \"f\" (func $f (param \"n\" u32) (result u32))) (core func $f (canon lower (func $f)))\n"
		"  (core module $M (import \"\" \"f\" (func $f (param i32) (result i32))) (global $got (mut i32) (i32.const 0))\n"
		"    (func $start (global.set $got (call $f (i32.const 41)))) (start $start)\n"
		"    (func (export \"got\") (result i32) (global.get $got)))\n"
		"  (core instance $i (instantiate $M (with \"\" (instance (export \"f\" (func $f))))))\n"
		"  (func (export \"got\") (result u32) (canon lift (core func $i \"got\"))))";
	for (int leaf = 0; leaf < 2; leaf++) {
		bh_imports *imports = t_imports();
		bh_host_function function = BH_HOST_FUNCTION_INIT;
		function.name = "f";
		function.call = t_add_one;
		function.leaf = leaf;
		OK(bh_imports_define_function(imports, &function, &t_err));
		bh_component *component = t_link(wat, imports);
		assert_int_equal(t_number(component, "got", ""), 42);
		bh_instance *instance = t_instance(component);
		assert_int_equal(t_number_live(instance, component, "got", ""), 42);
		bh_instance_free(instance);
		bh_component_unref(component);
	}
	bh_imports *imports = t_imports();
	bh_instance *instance = NULL;
	OK(bh_imports_define(imports, NULL, "f", "f", t_add_one, NULL, &t_err));
	bh_component *component = t_link(wat, imports);
	FAILS(BH_E_DENIED, bh_instance_new(&instance, component, NULL, &t_err));
	bh_component_unref(component);
}

/* Failures. */

static bh_status fail_with_words(void *data, const bh_value *args, size_t count, bh_value *result, bh_error **err)
{
	(void)args, (void)count, (void)result;
	uint32_t *calls = data;
	++*calls;
	return bh_error_new(err, BH_E_IO, "the disk of user %d is full", 7);
}

static bh_status fail_without_words(void *data, const bh_value *args, size_t count, bh_value *result, bh_error **err)
{
	(void)data, (void)args, (void)count, (void)err;
	*result = bh_of_u32(1); /* of no consequence */
	return BH_E_NOT_FOUND;
}

static bh_status fail_oddly(void *data, const bh_value *args, size_t count, bh_value *result, bh_error **err)
{
	(void)data, (void)args, (void)count, (void)result, (void)err;
	return (bh_status)-12345;
}

static bh_status succeed_with_words(void *data, const bh_value *args, size_t count, bh_value *result, bh_error **err)
{
	(void)args, (void)count;
	*result = data ? bh_of_s32(5) : bh_of_u32(5);
	(void)bh_error_new(err, BH_E_IO, "never mind");
	return BH_OK;
}

static void a_failure_ends_the_call(void **state)
{
	(void)state;
	uint32_t calls = 0;
	bh_component *caller = t_caller("number", fail_with_words, &calls);
	CALL_FAILS(BH_E_HOST_FUNCTION, caller, "many", "10");
	assert_int_equal(calls, 1);
	assert_int_equal(bh_error_status(t_err), BH_E_HOST_FUNCTION);
	assert_string_equal(bh_error_message(t_err),
	                    "the host function acme:test/host@1.0.0#number failed: the disk of user 7 is full");
	assert_string_equal(bh_error_cause(t_err, 0), "BH_E_IO: the disk of user 7 is full");
	assert_int_equal(bh_error_trap(t_err), BH_TRAP_NONE);
	assert_true(bh_error_frame_count(t_err) > 0);
	/* On a live instance, which is over with. */
	bh_instance *instance = t_instance(caller);
	bh_export *number = t_find(caller, "number");
	FAILS(BH_E_HOST_FUNCTION, t_call_live(NULL, instance, number, "1", NULL, NULL, &t_err));
	assert_false(bh_instance_usable(instance));
	FAILS(BH_E_POISONED, t_call_live(NULL, instance, number, "1", NULL, NULL, &t_err));
	assert_true(t_says("the disk of user 7 is full"));
	/* Nobody wants to know. */
	assert_int_equal(t_call(NULL, caller, "number", "1", NULL, NULL, NULL), BH_E_HOST_FUNCTION);
	bh_export_free(number);
	bh_instance_free(instance);
	bh_component_unref(caller);

	caller = t_caller("number", fail_without_words, NULL);
	CALL_FAILS(BH_E_HOST_FUNCTION, caller, "number", "1");
	assert_string_equal(bh_error_cause(t_err, 0), "BH_E_NOT_FOUND: no such file");
	bh_component_unref(caller);

	caller = t_caller("number", succeed_with_words, NULL);
	assert_int_equal(t_number(caller, "number", "1"), 5);
	bh_component_unref(caller);

	caller = t_caller("number", succeed_with_words, &calls);
	CALL_FAILS(BH_E_HOST_FUNCTION, caller, "number", "1");
	assert_false(t_says("never mind"));
	bh_component_unref(caller);

	caller = t_caller("number", fail_oddly, NULL);
	CALL_FAILS(BH_E_HOST_FUNCTION, caller, "number", "1");
	bh_component_unref(caller);
}

/* What a guest is to handle is a value. */
static bh_status answer_err(void *data, const bh_value *args, size_t count, bh_value *result, bh_error **err)
{
	(void)data, (void)args, (void)count;
	bh_value why = BH_STRING("not today"), answer = bh_of_err(&why);
	return bh_value_copy(result, &answer, err);
}

static const char fallible[] = "(component (import \"f\" (func $f (result (result u32 (error string)))))\n" T_LIBC
							   "  (core func $f (canon lower (func $f) (memory $memory) (realloc $realloc)))\n"
							   "  (core module $M (import \"\" \"f\" (func $f (param i32)))\n"
							   "    (func (export \"f\") (result i32) (call $f (i32.const 16)) (i32.const 16)))\n"
							   "  (core instance $i (instantiate $M (with \"\" (instance (export \"f\" (func $f))))))\n"
							   "  (func (export \"f\") (result (result u32 (error string)))\n"
							   "    (canon lift (core func $i \"f\") (memory $memory))))\n";

static void err_is_an_answer(void **state)
{
	(void)state;
	bh_imports *imports = t_imports();
	OK(bh_imports_define(imports, NULL, "f", NULL, answer_err, NULL, &t_err));
	bh_component *component = t_link(fallible, imports);
	char *text = NULL;
	OK(t_call(&text, component, "f", "", NULL, NULL, &t_err));
	assert_string_equal(text, "err(\"not today\")");
	bh_string_free(text);
	bh_component_unref(component);
}

/* Results that are not of the import's type. */

static bh_status answer_with(void *data, const bh_value *args, size_t count, bh_value *result, bh_error **err)
{
	(void)args, (void)count, (void)err;
	*result = *(bh_value *)data;
	return BH_OK;
}

static void results_are_checked(void **state)
{
	(void)state;
	bh_value text = BH_STRING("text"), bad = BH_STRING("\xff\xfe"), some = bh_of_u32(1);
	bh_value wrong[] = {bh_of_s32(1), BH_VALUE_INIT, text, bh_of_option(&some), bh_of_u64(1), bh_value_of(200)};
	for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
		bh_component *caller = t_caller("number", answer_with, &wrong[i]);
		CALL_FAILS(BH_E_HOST_FUNCTION, caller, "number", "1");
		assert_true(t_says("its result: expected u32, got"));
		assert_true(t_says("BH_E_TYPE: "));
		bh_component_unref(caller);
	}
	bh_component *caller = t_caller("text", answer_with, &bad);
	CALL_FAILS(BH_E_HOST_FUNCTION, caller, "text", "\"x\"");
	assert_true(t_says("its result: the string is not UTF-8"));
	bh_component_unref(caller);
	/* A result where there is none; borrowed and owned. */
	caller = t_caller("nothing", answer_with, &text);
	CALL_FAILS(BH_E_HOST_FUNCTION, caller, "nothing", "");
	assert_true(t_says("its result: expected none, got string"));
	bh_component_unref(caller);
	caller = t_caller("text", answer_with, &text);
	char *got = NULL;
	OK(t_call(&got, caller, "text", "\"x\"", NULL, NULL, &t_err));
	assert_string_equal(got, "\"text\"");
	bh_string_free(got);
	bh_component_unref(caller);
}

static bh_status answer_owned(void *data, const bh_value *args, size_t count, bh_value *result, bh_error **err)
{
	(void)args, (void)count;
	return bh_value_copy(result, data, err);
}

/* What is refused is let go: LeakSanitizer looks. */
static void refused_results_are_freed(void **state)
{
	(void)state;
	bh_value items[] = {BH_STRING("one"), BH_STRING("two")}, list = bh_of_list(items, 2);
	bh_component *caller = t_caller("number", answer_owned, &list);
	CALL_FAILS(BH_E_HOST_FUNCTION, caller, "number", "1");
	bh_component_unref(caller);
	caller = t_caller("nothing", answer_owned, &list);
	CALL_FAILS(BH_E_HOST_FUNCTION, caller, "nothing", "");
	bh_component_unref(caller);
}

/* Bounds. */

static void arguments_are_bounded(void **state)
{
	(void)state;
	bh_imports *imports = t_all_but(NULL);
	bh_component_options options = t_linked(imports);
	options.limits.memory = BH_MIB(256);
	bh_component *caller = t_link_text(t_caller_text, &options);
	size_t before = t_rss();
	CALL_FAILS(BH_E_RESOURCE_LIMIT, caller, "huge", "100000000");
	t_names_limit(BH_LIMIT_HOSTCALL_BYTES, BH_MIB(32));
	assert_true(t_rss() < before + (20 << 20));
	assert_int_equal(t_number(caller, "huge", "33000000"), 33000000);
	CALL_FAILS(BH_E_RESOURCE_LIMIT, caller, "huge", "33554433");
	bh_component_unref(caller);
	options.limits.hostcall_bytes = 4096;
	caller = t_link_text(t_caller_text, &options);
	assert_int_equal(t_number(caller, "huge", "4000"), 4000);
	CALL_FAILS(BH_E_RESOURCE_LIMIT, caller, "huge", "5000");
	bh_component_unref(caller);
	bh_imports_free(imports);
}

/* A leaf may use what is promised, however deep the guest is in its own stack; on its fiber, and on the caller's. */

static bh_status use_stack(void *data, const bh_value *args, size_t count, bh_value *result, bh_error **err)
{
	(void)data, (void)args, (void)count, (void)err;
	volatile char room[BH_LEAF_STACK - 4096];
	for (size_t i = 0; i < sizeof room; i += 64)
		room[i] = (char)i;
	*result = bh_of_u32((uint8_t)room[64]);
	return BH_OK;
}

static const char deep[] =
	"(component (import \"f\" (func $f (result u32))) (core func $f (canon lower (func $f)))\n"
	"  (core module $M (import \"\" \"f\" (func $f (result i32))) (global $last (mut i32) (i32.const 0))\n"
	"    (func $down (export \"down\") (param i32) (result i32)\n"
	"      (if (i32.eqz (local.get 0)) (then (return (call $f))))\n"
	"      (i32.add (call $down (i32.sub (local.get 0) (i32.const 1))) (i32.const 0))))\n"
	"  (core instance $i (instantiate $M (with \"\" (instance (export \"f\" (func $f))))))\n"
	"  (func (export \"down\") (param \"n\" u32) (result u32) (canon lift (core func $i \"down\"))))";

static void leaves_have_their_stack(void **state)
{
	(void)state;
	for (int metered = 0; metered < 2; metered++) {
		bh_imports *imports = t_imports();
		bh_host_function leaf = BH_HOST_FUNCTION_INIT;
		leaf.name = "f";
		leaf.call = use_stack;
		leaf.leaf = true;
		OK(bh_imports_define_function(imports, &leaf, &t_err));
		bh_component_options options = t_linked(imports);
		options.limits.fuel = metered ? UINT64_C(1000000000) : BH_UNLIMITED;
		bh_component *component = t_link_text(deep, &options);
		bh_imports_free(imports);
		/* As deep as it can go, and a little less. */
		uint32_t good = 0, bad = 1 << 20;
		while (bad - good > 1) {
			uint32_t middle = good + (bad - good) / 2;
			bh_value depth = bh_of_u32(middle), result = BH_VALUE_INIT;
			bh_status status = bh_component_call(component, "down", &depth, 1, &result, NULL, NULL, NULL);
			assert_true(status == BH_E_TRAP || (!status && result.as.u32 == 64));
			*(status ? &bad : &good) = middle;
		}
		assert_true(good > 1000);
		bh_component_unref(component);
	}
}

/* A guest that passes on what it does not have, or what is none. */

#define SEVENTEEN "(tuple u64 u64 u64 u64 u64 u64 u64 u64 u64 u64 u64 u64 u64 u64 u64 u64 u64)"

static void wrong_arguments_trap(void **state)
{
	(void)state;
	static const struct {
		const char *type, *core, *args;
		bh_trap trap;
	} cases[] = {
		{"(list u8)", "i32 i32", "(i32.const 65530) (i32.const 100)", BH_TRAP_LIST_OUT_OF_BOUNDS},
		{"(list u8)", "i32 i32", "(i32.const -1) (i32.const -1)", BH_TRAP_LIST_OUT_OF_BOUNDS},
		{"(list u64)", "i32 i32", "(i32.const 4) (i32.const 1)", BH_TRAP_UNALIGNED_POINTER},
		{"(list u64)", "i32 i32", "(i32.const 0) (i32.const 0x20000001)", BH_TRAP_LIST_OUT_OF_BOUNDS},
		{"string", "i32 i32", "(i32.const 65536) (i32.const 1)", BH_TRAP_STRING_OUT_OF_BOUNDS},
		{"string", "i32 i32", "(i32.const 8) (i32.const 2)", BH_TRAP_BAD_UTF8},
		{"char", "i32", "(i32.const 0xD800)", BH_TRAP_INVALID_CHAR},
		{"(option u32)", "i32 i32", "(i32.const 2) (i32.const 0)", BH_TRAP_INVALID_DISCRIMINANT},
		{"$letters", "i32", "(i32.const 2)", BH_TRAP_INVALID_DISCRIMINANT},
		{"(list (list u8))", "i32 i32", "(i32.const 0) (i32.const 8193)", BH_TRAP_LIST_OUT_OF_BOUNDS},
		/* Through memory. */
		{SEVENTEEN, "i32", "(i32.const 65528)", BH_TRAP_MEMORY_OUT_OF_BOUNDS},
		{SEVENTEEN, "i32", "(i32.const -8)", BH_TRAP_MEMORY_OUT_OF_BOUNDS},
		{SEVENTEEN, "i32", "(i32.const 4)", BH_TRAP_UNALIGNED_POINTER},
	};
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		char wat[4096];
		snprintf(wat, sizeof wat,
		         "(component (type $l (enum \"a\" \"b\")) (import \"letters\" (type $letters (eq $l)))\n"
		         "  (import \"f\" (func $f (param \"a\" %s)))\n" T_LIBC
		         "  (core func $f (canon lower (func $f) (memory $memory)))\n"
		         "  (core module $M (import \"\" \"f\" (func $f (param %s)))\n"
		         "    (import \"libc\" \"memory\" (memory 1)) (data (i32.const 8) \"\\ff\\fe\")\n"
		         "    (func (export \"f\") (call $f %s)))\n"
		         "  (core instance $i (instantiate $M (with \"libc\" (instance $libc))\n"
		         "    (with \"\" (instance (export \"f\" (func $f))))))\n"
		         "  (func (export \"f\") (canon lift (core func $i \"f\"))))",
		         cases[i].type, cases[i].core, cases[i].args);
		bh_imports *imports = t_imports();
		OK(bh_imports_define(imports, NULL, "f", NULL, t_nothing, NULL, &t_err));
		bh_component *component = t_link(wat, imports);
		CALL_FAILS(BH_E_TRAP, component, "f", "");
		assert_int_equal(bh_error_trap(t_err), cases[i].trap);
		bh_component_unref(component);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(start_functions_call_too), cmocka_unit_test(functions_are_called),
		cmocka_unit_test(leaves_run_in_place),      cmocka_unit_test(metered_guests_call_too),
		cmocka_unit_test(a_failure_ends_the_call),  cmocka_unit_test(err_is_an_answer),
		cmocka_unit_test(results_are_checked),      cmocka_unit_test(refused_results_are_freed),
		cmocka_unit_test(arguments_are_bounded),    cmocka_unit_test(leaves_have_their_stack),
		cmocka_unit_test(wrong_arguments_trap),
	};
	return cmocka_run_group_tests(tests, host_begin, host_end);
}
