/* Sets of definitions: what may be defined, who keeps them, one code linked with several; and capabilities. */
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

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(sets_freeze),
		cmocka_unit_test(wrong_definitions_are_refused),
		cmocka_unit_test(data_is_freed_once),
		cmocka_unit_test(wrapping_links_anew),
		cmocka_unit_test(remembered_code_is_linked_anew),
		cmocka_unit_test(wasi_is_linked_too),
		cmocka_unit_test(what_is_not_granted_is_denied),
		cmocka_unit_test(capabilities_are_bounded_by_the_parents),
		cmocka_unit_test(manifests_grant_capabilities),
	};
	return cmocka_run_group_tests(tests, host_begin, host_end);
}
