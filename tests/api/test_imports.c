/* Host functions that answer at once: linking them, their failures, what they are not granted, what bounds them. */
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
	(void)data, (void)args, (void)count;
	*result = bh_of_u32(5);
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

/* Linking. */

static void define(bh_imports *imports, const char *interface, const char *name, const char *signature)
{
	bh_host_function function = BH_HOST_FUNCTION_INIT;
	function.interface = interface;
	function.name = name;
	function.signature = signature;
	function.call = t_echo;
	OK(bh_imports_define_function(imports, &function, &t_err));
}

static void link_fails(bh_status status, const char *wat, bh_imports *imports)
{
	bh_component_options options = t_linked(imports);
	bh_component *component = NULL;
	FAILS(status, bh_component_load_bytes(&component, host, wat, strlen(wat), &options, &t_err));
	assert_null(component);
}

static void what_is_missing_is_named(void **state)
{
	(void)state;
	bh_imports *imports = t_all_but("text");
	link_fails(BH_E_LINK, t_caller_text, imports);
	assert_string_equal(bh_error_message(t_err), "an import is not provided: acme:test/host@1.0.0#text");
	assert_true(t_says("func(s: string) -> string"));
	assert_true(t_says("can define it"));
	/* In another version, it is not the same. */
	define(imports, "acme:test/host@2.0.0", "text", NULL);
	link_fails(BH_E_LINK, t_caller_text, imports);
	assert_true(t_says("The program defines acme:test/host@2.0.0#text, which does not serve it"));
	/* A set that did not serve is not frozen. */
	t_define(imports, "text", t_echo, NULL);
	bh_component_unref(t_link(t_caller_text, imports));

	imports = t_imports();
	link_fails(BH_E_LINK, t_caller_text, imports);
	link_fails(BH_E_LINK, "(component (import \"m\" (core module)))", imports);
	link_fails(BH_E_LINK, "(component (import \"r\" (type (sub resource))))", imports);
	define(imports, NULL, "r", NULL);
	link_fails(BH_E_LINK, "(component (import \"r\" (type (sub resource))))", imports);
	assert_true(t_says("a resource"));
	link_fails(BH_E_LINK, "(component (import \"i\" (instance (export \"j\" (instance (export \"f\" (func)))))))",
	           imports);
	/* WASI is not the program's to provide, and there is no wasi:nothing/it. */
	link_fails(BH_E_LINK, "(component (import \"wasi:nothing/it@0.2.0\" (instance (export \"f\" (func)))))", imports);
	link_fails(BH_E_LINK, "(component (import \"wasi:cli/it@0.2.0\" (instance (export \"f\" (func)))))", imports);
	bh_imports_free(imports);
}

#define IMPORT_ONE(interface, type) "(component (import \"" interface "\" (instance (export \"f\" " type "))))"

static void versions_match_as_promised(void **state)
{
	(void)state;
	static const struct {
		const char *defined, *imported;
		bool serves;
	} cases[] = {
		{"a:b/c@1.0.1", IMPORT_ONE("a:b/c@1.0.0", "(func)"), true},
		{"a:b/c@1.0.0", IMPORT_ONE("a:b/c@1.0.1", "(func)"), true},
		{"a:b/c@1.9.0", IMPORT_ONE("a:b/c@1.2.3", "(func)"), true},
		{"a:b/c@2.0.0", IMPORT_ONE("a:b/c@1.0.0", "(func)"), false},
		{"a:b/c@10.0.0", IMPORT_ONE("a:b/c@1.0.0", "(func)"), false},
		{"a:b/c@0.2.7", IMPORT_ONE("a:b/c@0.2.0", "(func)"), true},
		{"a:b/c@0.3.0", IMPORT_ONE("a:b/c@0.2.0", "(func)"), false},
		{"a:b/c@0.0.2", IMPORT_ONE("a:b/c@0.0.1", "(func)"), false},
		{"a:b/c@0.0.1", IMPORT_ONE("a:b/c@0.0.1", "(func)"), true},
		{"a:b/c@1.0.0-rc.1", IMPORT_ONE("a:b/c@1.0.0", "(func)"), false},
		{"a:b/c@1.0.0", IMPORT_ONE("a:b/c@1.0.0-rc.1", "(func)"), false},
		{"a:b/c@1.0.0+abc", IMPORT_ONE("a:b/c@1.0.0", "(func)"), true},
		{"a:b/c", IMPORT_ONE("a:b/c@1.0.0", "(func)"), false},
		{"a:b/c@1.0.0", IMPORT_ONE("a:b/c", "(func)"), false},
		{"a:b/d@1.0.0", IMPORT_ONE("a:b/c@1.0.0", "(func)"), false},
	};
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		bh_imports *imports = t_imports();
		define(imports, cases[i].defined, "f", NULL);
		if (cases[i].serves)
			bh_component_unref(t_link(cases[i].imported, bh_imports_ref(imports)));
		else
			link_fails(BH_E_LINK, cases[i].imported, imports);
		bh_imports_free(imports);
	}
}

/* Of several versions the one asked for, else the latest. */
static void the_latest_version_serves(void **state)
{
	(void)state;
	static const char *const versions[] = {"1.0.0", "1.10.0", "1.9.0", "2.0.0"};
	static bh_value values[4];
	bh_imports *imports = t_imports();
	for (int i = 0; i < 4; i++) {
		char interface[32];
		snprintf(interface, sizeof interface, "a:b/c@%s", versions[i]);
		values[i] = bh_of_u32((uint32_t)i);
		OK(bh_imports_define(imports, interface, "f", NULL, answer_with, &values[i], &t_err));
	}
	static const struct {
		const char *version;
		uint32_t served;
	} wanted[] = {{"1.0.0", 0}, {"1.9.0", 2}, {"1.2.0", 1}, {"1.11.0", 1}, {"2.1.0", 3}};
	for (size_t i = 0; i < sizeof wanted / sizeof *wanted; i++) {
		char wat[1024];
		snprintf(
			wat, sizeof wat,
			"(component (import \"a:b/c@%s\" (instance $i (export \"f\" (func (result u32)))))\n"
			"  (core func $f (canon lower (func $i \"f\")))\n"
			"  (core module $M (import \"\" \"f\" (func $f (result i32))) (func (export \"f\") (result i32) (call $f)))\n"
			"  (core instance $m (instantiate $M (with \"\" (instance (export \"f\" (func $f))))))\n"
			"  (func (export \"f\") (result u32) (canon lift (core func $m \"f\"))))",
			wanted[i].version);
		bh_component *component = t_link(wat, bh_imports_ref(imports));
		assert_int_equal(t_number(component, "f", ""), wanted[i].served);
		bh_component_unref(component);
	}
	bh_imports_free(imports);
}

static void signatures_are_compared(void **state)
{
	(void)state;
	static const struct {
		const char *signature, *imported;
		bool same;
	} cases[] = {
		{"func()", "(func)", true},
		{" func ( ) ", "(func)", true},
		{"func() -> u32", "(func)", false},
		{"func(a: u32)", "(func (param \"a\" u32))", true},
		{"func(b: u32)", "(func (param \"a\" u32))", false},
		{"func(a: s32)", "(func (param \"a\" u32))", false},
		{"func(a: u32, b: string)", "(func (param \"a\" u32))", false},
		{"func(a-b: list<u8>, c: list<string>)", "(func (param \"a-b\" (list u8)) (param \"c\" (list string)))", true},
		{"func(a: list<s8>)", "(func (param \"a\" (list u8)))", false},
		{"func() -> result", "(func (result (result)))", true},
		{"func() -> result<_, string>", "(func (result (result (error string))))", true},
		{"func() -> result<string>", "(func (result (result string)))", true},
		{"func() -> result<u8, string>", "(func (result (result u8 (error string))))", true},
		{"func() -> result<string>", "(func (result (result (error string))))", false},
		{"func() -> option<tuple<u8, f64, char>>", "(func (result (option (tuple u8 f64 char))))", true},
		{"func() -> option<tuple<u8, f64, u32>>", "(func (result (option (tuple u8 f64 char))))", false},
	};
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		char wat[512];
		snprintf(wat, sizeof wat, "(component (import \"f\" %s))", cases[i].imported);
		bh_imports *imports = t_imports();
		define(imports, NULL, "f", cases[i].signature);
		if (cases[i].same) {
			bh_component_unref(t_link(wat, bh_imports_ref(imports)));
		} else {
			link_fails(BH_E_LINK, wat, imports);
			assert_true(t_says("imported with another type"));
			assert_true(t_says("defined:  "));
		}
		bh_imports_free(imports);
	}
	/* Both types are shown. */
	bh_imports *imports = t_imports();
	define(imports, "a:b/c@1.0.0", "f", "func(key: string) -> option<list<u8>>");
	link_fails(BH_E_LINK, IMPORT_ONE("a:b/c@1.0.0", "(func (param \"key\" u64))"), imports);
	assert_string_equal(bh_error_hint(t_err),
	                    "imported: func(key: u64)\ndefined:  func(key: string) -> option<list<u8>>");
	/* A component may ask for two versions with two types: both are held to the one definition. */
	bh_imports_free(imports);
	imports = t_imports();
	define(imports, "a:b/c@1.0.0", "f", "func()");
	link_fails(BH_E_LINK,
	           "(component (import \"a:b/c@1.0.0\" (instance (export \"f\" (func))))\n"
	           "  (import \"a:b/c@1.0.1\" (instance (export \"f\" (func (param \"a\" u32))))))",
	           imports);
	bh_imports_free(imports);
}

/* Two imports, two types, one definition without a signature: each call is checked against its own import. */
static void types_are_those_of_each_import(void **state)
{
	(void)state;
	static const char wat[] =
		"(component\n"
		"  (import \"a:b/c@1.0.0\" (instance $one (export \"f\" (func (param \"a\" u32) (result u32)))))\n"
		"  (import \"a:b/c@1.0.1\" (instance $two (export \"f\" (func (param \"a\" f64) (result f64)))))\n"
		"  (core func $one (canon lower (func $one \"f\"))) (core func $two (canon lower (func $two \"f\")))\n"
		"  (core module $M (import \"\" \"one\" (func $one (param i32) (result i32)))\n"
		"    (import \"\" \"two\" (func $two (param f64) (result f64)))\n"
		"    (func (export \"one\") (result i32) (call $one (i32.const 7)))\n"
		"    (func (export \"two\") (result f64) (call $two (f64.const 0.5))))\n"
		"  (core instance $i (instantiate $M (with \"\" (instance (export \"one\" (func $one)) (export \"two\" (func $two))))))\n"
		"  (func (export \"one\") (result u32) (canon lift (core func $i \"one\")))\n"
		"  (func (export \"two\") (result f64) (canon lift (core func $i \"two\"))))";
	bh_imports *imports = t_imports();
	define(imports, "a:b/c@1.0.5", "f", NULL);
	bh_component *component = t_link(wat, imports);
	char *text = NULL;
	OK(t_call(&text, component, "one", "", NULL, NULL, &t_err));
	assert_string_equal(text, "7");
	bh_string_free(text);
	OK(t_call(&text, component, "two", "", NULL, NULL, &t_err));
	assert_string_equal(text, "0.5");
	bh_string_free(text);
	bh_component_unref(component);
}

static void sets_freeze(void **state)
{
	(void)state;
	bh_imports *imports = t_all_but(NULL);
	define(imports, HOST, "one-more", NULL);
	bh_component *caller = t_link(t_caller_text, bh_imports_ref(imports));
	FAILS(BH_E_INVALID, bh_imports_define(imports, HOST, "too-late", NULL, t_echo, NULL, &t_err));
	assert_true(t_says("linked with this set already"));
	const bh_resource_type *type = NULL;
	FAILS(BH_E_INVALID, bh_imports_define_resource(&type, imports, HOST, "r", NULL, NULL, &t_err));
	/* It goes on serving, also when nobody else has it any more. */
	bh_component *second = t_link(t_caller_text, bh_imports_ref(imports));
	bh_imports_free(imports);
	assert_int_equal(t_number(caller, "number", "1"), 2);
	bh_component_unref(caller);
	assert_int_equal(t_number(second, "number", "1"), 2);
	bh_component_unref(second);
}

static void wrong_definitions_are_refused(void **state)
{
	(void)state;
	bh_imports *imports = t_imports();
	FAILS(BH_E_INVALID, bh_imports_define(NULL, NULL, "f", NULL, t_echo, NULL, &t_err));
	FAILS(BH_E_INVALID, bh_imports_define(imports, NULL, NULL, NULL, t_echo, NULL, &t_err));
	FAILS(BH_E_INVALID, bh_imports_define(imports, NULL, "", NULL, t_echo, NULL, &t_err));
	FAILS(BH_E_INVALID, bh_imports_define(imports, "", "f", NULL, t_echo, NULL, &t_err));
	FAILS(BH_E_INVALID, bh_imports_define(imports, NULL, "f", NULL, NULL, NULL, &t_err));
	FAILS(BH_E_INVALID, bh_imports_define_async(imports, NULL, "f", NULL, NULL, NULL, &t_err));
	FAILS(BH_E_INVALID, bh_imports_define_function(imports, NULL, &t_err));
	FAILS(BH_E_INVALID, bh_imports_define(imports, "wasi:cli/environment@0.2.0", "f", NULL, t_echo, NULL, &t_err));
	FAILS(BH_E_INVALID, bh_imports_define(imports, NULL, "f", "", t_echo, NULL, &t_err));
	FAILS(BH_E_INVALID, bh_imports_define(imports, NULL, "f", "with \"quotes\"", t_echo, NULL, &t_err));
	OK(bh_imports_define(imports, "wasi:keyvalue/store@0.2.0", "f", NULL, t_echo, NULL, &t_err));
	OK(bh_imports_define(imports, NULL, "f", "a:b/c::d.e-f@1", t_echo, NULL, &t_err));
	FAILS(BH_E_INVALID, bh_imports_define(imports, NULL, "f", NULL, t_echo, NULL, &t_err));
	assert_true(t_says("defined twice"));
	static const char *const wrong[] = {"",
	                                    "func",
	                                    "func(",
	                                    "func)",
	                                    "func() -> ",
	                                    "func() -> lst<u8>",
	                                    "func(a)",
	                                    "func(a: )",
	                                    "func(a: u32",
	                                    "func(a: u32 b)",
	                                    "func() -> list<u8",
	                                    "func() -> list",
	                                    "func() x",
	                                    "func() -> u32,",
	                                    "func(u32)",
	                                    "func(1: record)",
	                                    "func() -> record { }x",
	                                    "func() -> option<>",
	                                    "func(: u8)"};
	for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
		bh_host_function function = BH_HOST_FUNCTION_INIT;
		function.name = "g";
		function.signature = wrong[i];
		function.call = t_echo;
		FAILS(BH_E_INVALID, bh_imports_define_function(imports, &function, &t_err));
		assert_true(t_says("g: signature, at "));
	}
	char deep[4000] = "func() -> ";
	for (int i = 0; i < 400; i++)
		strcat(deep, "list<");
	bh_host_function function = BH_HOST_FUNCTION_INIT;
	function.name = "g";
	function.signature = deep;
	function.call = t_echo;
	FAILS(BH_E_INVALID, bh_imports_define_function(imports, &function, &t_err));
	assert_true(t_says("nest deeper"));
	bh_imports_free(imports);
	bh_imports_free(NULL);
}

static void count_free(void *data)
{
	++*(int *)data;
}

static void data_is_freed_once(void **state)
{
	(void)state;
	int freed = 0;
	bh_imports *imports = t_all_but("number");
	bh_host_function function = BH_HOST_FUNCTION_INIT;
	function.interface = HOST;
	function.name = "number";
	function.call = answer_with;
	function.data = &freed;
	function.free_data = count_free;
	function.signature = "nonsense";
	FAILS(BH_E_INVALID, bh_imports_define_function(imports, &function, &t_err));
	assert_int_equal(freed, 0);
	function.signature = NULL;
	OK(bh_imports_define_function(imports, &function, &t_err));
	bh_component *caller = t_link(t_caller_text, imports);
	assert_int_equal(freed, 0);
	bh_component *wrapped = NULL;
	OK(bh_component_wrap(&wrapped, host, caller, NULL, &t_err));
	bh_component_unref(caller);
	assert_int_equal(freed, 0);
	bh_component_unref(wrapped);
	assert_int_equal(freed, 1);
}

/* One code, many sets. */

static void wrapping_links_anew(void **state)
{
	(void)state;
	static bh_value ten, twenty;
	ten = bh_of_u32(10);
	twenty = bh_of_u32(20);
	bh_component *first = t_caller("number", answer_with, &ten), *same = NULL, *other = NULL;
	bh_imports *imports = t_all_but("number");
	t_define(imports, "number", answer_with, &twenty);
	bh_component_options options = t_linked(imports);
	OK(bh_component_wrap(&other, host, first, &options, &t_err));
	OK(bh_component_wrap(&same, host, other, NULL, &t_err));
	assert_int_equal(t_number(first, "number", "0"), 10);
	assert_int_equal(t_number(other, "number", "0"), 20);
	assert_int_equal(t_number(same, "number", "0"), 20);
	bh_component *none = NULL;
	options.imports = NULL;
	FAILS(BH_E_LINK, bh_component_wrap(&none, host, first, &options, &t_err));
	/* To be looked at only, and then to be called. */
	options.unlinked = true;
	OK(bh_component_wrap(&none, host, first, &options, &t_err));
	CALL_FAILS(BH_E_LINK, none, "number", "0");
	bh_component_unref(first);
	options.unlinked = false;
	options.imports = imports;
	OK(bh_component_wrap(&first, host, none, &options, &t_err));
	assert_int_equal(t_number(first, "number", "0"), 20);
	bh_imports_free(imports);
	bh_component_unref(none);
	bh_component_unref(other);
	bh_component_unref(first);
	assert_int_equal(t_number(same, "number", "0"), 20);
	bh_component_unref(same);
}

/* The host's memory of compiled code holds what was loaded without imports, and with others. */
static void remembered_code_is_linked_anew(void **state)
{
	(void)state;
	static bh_value ten;
	ten = bh_of_u32(10);
	for (int i = 0; i < 3; i++) {
		bh_component_options none = BH_COMPONENT_OPTIONS_INIT;
		none.limits = t_limits();
		bh_component *component = NULL;
		FAILS(BH_E_LINK,
		      bh_component_load_bytes(&component, host, t_caller_text, strlen(t_caller_text), &none, &t_err));
		component = t_caller("number", answer_with, &ten);
		assert_int_equal(t_number(component, "number", "0"), 10);
		bh_component_unref(component);
		component = t_link(t_caller_text, t_all_but(NULL));
		assert_int_equal(t_number(component, "number", "0"), 1);
		bh_component_needs needs = {.struct_size = sizeof needs};
		bh_component_describe(component, &needs);
		assert_int_equal(needs.origin, BH_CODE_FROM_MEMORY);
		assert_int_equal(bh_component_import_count(component), 1);
		bh_component_unref(component);
	}
	/* One that imports nothing is served by any set. */
	bh_component *plain = t_link("(component (core module $M (func (export \"f\") (result i32) (i32.const 3)))\n"
	                             "  (core instance $i (instantiate $M))\n"
	                             "  (func (export \"f\") (result u32) (canon lift (core func $i \"f\"))))",
	                             t_all_but(NULL));
	assert_int_equal(t_number(plain, "f", ""), 3);
	bh_component_unref(plain);
}

/* Beside WASI. */
static void wasi_is_linked_too(void **state)
{
	(void)state;
	bh_imports *imports = t_all_but(NULL);
	bh_component_options options = t_linked(imports);
	bh_component *component = NULL;
	OK(bh_component_load_file(&component, host, t_guest("hello.wasm"), &options, &t_err));
	int status = -1;
	bh_buffer out = BH_BUFFER_INIT;
	OK(t_run(component, T_ARGS("hello", "ada"), NULL, &out, &status, &t_err));
	assert_string_equal(out.data, "hello ada\n");
	bh_buffer_deinit(&out);
	bh_component_unref(component);
	bh_imports_free(imports);
}

/* Capabilities. */

static bh_component *load_guarded(bh_deny deny, const char *const *granted, bh_status wanted)
{
	bh_imports *imports = t_all_but("number");
	OK(bh_imports_define(imports, HOST, "number", "math::number", t_add_one, NULL, &t_err));
	bh_permissions *permissions = NULL;
	OK(bh_permissions_new(&permissions, &t_err));
	for (; granted && *granted; granted++)
		OK(bh_permissions_allow_capability(permissions, *granted, &t_err));
	bh_component_options options = t_linked(imports);
	options.permissions = permissions;
	options.deny = deny;
	bh_component *component = NULL;
	FAILS(wanted, bh_component_load_bytes(&component, host, t_caller_text, strlen(t_caller_text), &options, &t_err));
	bh_permissions_free(permissions);
	bh_imports_free(imports);
	return component;
}

static void says_what_to_grant(void)
{
	assert_int_equal(bh_error_status(t_err), BH_E_DENIED);
	assert_true(t_says("acme:test/host@1.0.0#number was not granted: it needs the capability math::number"));
	assert_true(t_says("capabilities = [\"math::number\"]"));
}

static void what_is_not_granted_is_denied(void **state)
{
	(void)state;
	static const char *const wrong[] = {"math", "math::numbers", NULL}, *const right[] = {"kv", "math::number", NULL};
	bh_component *component = load_guarded(BH_DENY_AT_CALL, NULL, BH_OK);
	OK(t_call(NULL, component, "nothing", "", NULL, NULL, &t_err));
	CALL_FAILS(BH_E_DENIED, component, "number", "1");
	says_what_to_grant();
	CALL_FAILS(BH_E_DENIED, component, "many", "1000");
	bh_component_unref(component);
	component = load_guarded(BH_DENY_AT_CALL, wrong, BH_OK);
	CALL_FAILS(BH_E_DENIED, component, "number", "1");
	bh_component_unref(component);
	component = load_guarded(BH_DENY_AT_CALL, right, BH_OK);
	assert_int_equal(t_number(component, "number", "1"), 2);

	/* The same code, for a tenant with other grants. */
	bh_component_options options = BH_COMPONENT_OPTIONS_INIT;
	options.limits = t_limits();
	bh_component *denied = NULL;
	bh_imports *imports = t_all_but("number");
	OK(bh_imports_define(imports, HOST, "number", "math::number", t_add_one, NULL, &t_err));
	options.imports = imports;
	OK(bh_component_wrap(&denied, host, component, &options, &t_err));
	CALL_FAILS(BH_E_DENIED, denied, "number", "1");
	bh_component_unref(denied);
	options.deny = BH_DENY_AT_LINK;
	FAILS(BH_E_DENIED, bh_component_wrap(&denied, host, component, &options, &t_err));
	bh_component_unref(component);
	bh_imports_free(imports);

	assert_null(load_guarded(BH_DENY_AT_LINK, wrong, BH_E_DENIED));
	says_what_to_grant();
	component = load_guarded(BH_DENY_AT_LINK, right, BH_OK);
	assert_int_equal(t_number(component, "number", "1"), 2);
	bh_component_unref(component);
}

static void capabilities_are_bounded_by_the_parents(void **state)
{
	(void)state;
	bh_permissions *child = NULL, *parent = NULL;
	OK(bh_permissions_new(&child, &t_err));
	OK(bh_permissions_new(&parent, &t_err));
	OK(bh_permissions_allow_capability(parent, "kv", &t_err));
	OK(bh_permissions_allow_capability(parent, "kv", &t_err));
	assert_int_equal(bh_permissions_count(parent), 1);
	assert_string_equal(bh_permissions_describe(parent, 0), "call what needs kv");
	assert_null(bh_permissions_describe(parent, 1));
	OK(bh_permissions_within(child, parent, &t_err));
	OK(bh_permissions_allow_capability(child, "kv", &t_err));
	OK(bh_permissions_within(child, parent, &t_err));
	OK(bh_permissions_allow_capability(child, "time::sleep", &t_err));
	FAILS(BH_E_DENIED, bh_permissions_within(child, parent, &t_err));
	assert_true(t_says("time::sleep"));
	FAILS(BH_E_INVALID, bh_permissions_allow_capability(child, "", &t_err));
	FAILS(BH_E_INVALID, bh_permissions_allow_capability(child, "a b", &t_err));
	FAILS(BH_E_INVALID, bh_permissions_allow_capability(child, "a\nb", &t_err));
	FAILS(BH_E_INVALID, bh_permissions_allow_capability(child, NULL, &t_err));
	FAILS(BH_E_INVALID, bh_permissions_allow_capability(NULL, "kv", &t_err));
	bh_permissions_free(child);
	bh_permissions_free(parent);
}

static void manifests_grant_capabilities(void **state)
{
	(void)state;
	static const char text[] = "[component]\nname = \"x\"\n[resources]\nmax_memory = \"1MB\"\nmax_stack = \"1MB\"\n"
							   "[permissions]\ncapabilities = [\"kv\", \"time::sleep\"]\n";
	bh_manifest *manifest = NULL;
	OK(bh_manifest_parse(&manifest, text, strlen(text), NULL, &t_err));
	assert_int_equal(bh_permissions_count(bh_manifest_permissions(manifest)), 2);
	assert_string_equal(bh_permissions_describe(bh_manifest_permissions(manifest), 1), "call what needs time::sleep");
	bh_manifest_free(manifest);
	static const char *const wrong[] = {"capabilities = \"kv\"", "capabilities = [7]", "capabilities = [\"a b\"]",
	                                    "capabilities = { kv = true }"};
	for (int i = 0; i < 4; i++) {
		char bad[256];
		snprintf(bad, sizeof bad, "%.*s%s\n", (int)(strstr(text, "capabilities") - text), text, wrong[i]);
		FAILS(BH_E_CONFIG, bh_manifest_parse(&manifest, bad, strlen(bad), NULL, &t_err));
	}
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
		cmocka_unit_test(functions_are_called),
		cmocka_unit_test(leaves_run_in_place),
		cmocka_unit_test(metered_guests_call_too),
		cmocka_unit_test(a_failure_ends_the_call),
		cmocka_unit_test(err_is_an_answer),
		cmocka_unit_test(results_are_checked),
		cmocka_unit_test(refused_results_are_freed),
		cmocka_unit_test(what_is_missing_is_named),
		cmocka_unit_test(versions_match_as_promised),
		cmocka_unit_test(the_latest_version_serves),
		cmocka_unit_test(signatures_are_compared),
		cmocka_unit_test(types_are_those_of_each_import),
		cmocka_unit_test(sets_freeze),
		cmocka_unit_test(wrong_definitions_are_refused),
		cmocka_unit_test(data_is_freed_once),
		cmocka_unit_test(wrapping_links_anew),
		cmocka_unit_test(remembered_code_is_linked_anew),
		cmocka_unit_test(wasi_is_linked_too),
		cmocka_unit_test(what_is_not_granted_is_denied),
		cmocka_unit_test(capabilities_are_bounded_by_the_parents),
		cmocka_unit_test(manifests_grant_capabilities),
		cmocka_unit_test(arguments_are_bounded),
		cmocka_unit_test(wrong_arguments_trap),
	};
	return cmocka_run_group_tests(tests, host_begin, host_end);
}
