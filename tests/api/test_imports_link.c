/* Linking: what serves an import, what does not, and what is said about it. */
#include "imports.h"

static bh_status answer_with(void *data, const bh_value *args, size_t count, bh_value *result, bh_error **err)
{
	(void)args, (void)count, (void)err;
	*result = *(bh_value *)data;
	return BH_OK;
}

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

/* Types are the component's word, and a function without a signature takes any: they are not looked at for ever. */
static void hostile_types_are_bounded(void **state)
{
	(void)state;
	static char wat[1 << 20];
	bh_imports *imports = t_imports();
	define(imports, "a:b/c@1.0.0", "f", NULL);
	size_t length = (size_t)snprintf(wat, sizeof wat, "(component");
	for (int version = 0; version < 100; version++) {
		length +=
			(size_t)snprintf(wat + length, sizeof wat - length,
		                     "(import \"a:b/c@1.0.%d\" (instance (export \"f\" (func (param \"a\" (tuple", version);
		for (int i = 0; i < 100; i++)
			length += (size_t)snprintf(wat + length, sizeof wat - length,
			                           " (tuple u8 u8 u8 u8 u8 u8 u8 u8 u8 u8 u8 u8 u8 u8 u8 u8 u8 u8 u8 u8 u8)");
		length += (size_t)snprintf(wat + length, sizeof wat - length, "))))))");
	}
	snprintf(wat + length, sizeof wat - length, ")");
	link_fails(BH_E_UNSUPPORTED, wat, imports);
	assert_true(t_says("parts"));
	bh_imports_free(imports);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_missing_is_named),       cmocka_unit_test(versions_match_as_promised),
		cmocka_unit_test(the_latest_version_serves),      cmocka_unit_test(signatures_are_compared),
		cmocka_unit_test(types_are_those_of_each_import), cmocka_unit_test(hostile_types_are_bounded),
	};
	return cmocka_run_group_tests(tests, host_begin, host_end);
}
