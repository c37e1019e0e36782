/* Every kind of value from a guest into a host function and back: flat, through memory, in results. */
#include <stdlib.h>

#include "imports.h"

#define ROUNDTRIP "acme:calc/roundtrip@1.0.0"

/* Each goes through the export roundtrip-NAME, the import of that name, and back; WAVE text. */
static const struct {
	const char *name, *value;
} cases[] = {
	{"bool", "true"},
	{"bool", "false"},
	{"s8", "-128"},
	{"s8", "127"},
	{"u8", "255"},
	{"s16", "-32768"},
	{"u16", "65535"},
	{"s32", "-2147483648"},
	{"u32", "4294967295"},
	{"s64", "-9223372036854775808"},
	{"u64", "18446744073709551615"},
	{"f32", "-0.5"},
	{"f32", "nan"},
	{"f32", "inf"},
	{"f64", "-inf"},
	{"f64", "-0.1"},
	{"f64", "nan"},
	{"char", "'x'"},
	{"char", "'€'"},
	{"string", "\"\""},
	{"string", "\"a\\u{0}b €\""},
	{"list", "[]"},
	{"list", "[-1, 0, 2147483647]"},
	{"record", "{x: -1, y: 2}"},
	{"tuple", "(255, \"two\", 0.1)"},
	{"variant", "nothing"},
	{"variant", "whole(-9223372036854775808)"},
	{"variant", "real(0.1)"},
	{"variant", "small(-0.5)"},
	{"variant", "text(\"in a variant\")"},
	{"variant", "letter('€')"},
	{"variant", "place({x: -1, y: 2})"},
	{"enum", "red"},
	{"enum", "blue"},
	{"option", "none"},
	{"option", "some(-7)"},
	{"result", "ok(7)"},
	{"result", "err(\"why\")"},
	{"flags", "{}"},
	{"flags", "{read, execute}"},
	{"list-u8", "[]"},
	{"list-u8", "[0, 1, 255]"},
	{"list-f64", "[0.5, nan, -inf]"},
	{"list-char", "['a', '€']"},
	{"list-bool", "[true, false, true]"},
	{"list-string", "[\"\", \"one\", \"two\"]"},
	{"list-record", "[{a: 255, b: 18446744073709551615, c: true, d: -0.5, e: '€', f: \"text\", g: -32768}, "
                    "{a: 0, b: 0, c: false, d: 0, e: 'x', f: \"\", g: 0}]"},
	{"list-list-string", "[[], [\"a\"], [\"b\", \"c\"]]"},
	{"record-mixture", "{a: 255, b: 18446744073709551615, c: true, d: 1.5, e: '€', f: \"text\", g: -1}"},
	{"flags-many", "{}"},
	{"flags-many", "{f0, f8, f16, f31}"},
	{"option-option", "none"},
	{"option-option", "some(none)"},
	{"option-option", "some(some(7))"},
	{"option-string", "some(\"x\")"},
	{"option-string", "none"},
	{"result-bare", "ok"},
	{"result-bare", "err"},
	{"result-err-only", "ok"},
	{"result-err-only", "err(\"why\")"},
	{"result-ok-only", "ok([1, 2, 3])"},
	{"result-ok-only", "err"},
	{"list-variant", "[nothing, whole(1), text(\"x\"), small(0.5), place({x: 1, y: 2})]"},
	{"tuple-nested", "((true, green), some({read}))"},
	{"tuple-nested", "((false, blue), none)"},
};

static bh_status sum_of_many(void *data, const bh_value *args, size_t count, bh_value *result, bh_error **err)
{
	(void)data, (void)err;
	EXPECT(count == 18);
	int64_t sum = args[0].as.u8 + args[1].as.u16 + args[2].as.u32 + (int64_t)args[3].as.u64 + args[4].as.s8 +
	              args[5].as.s16 + args[6].as.s32 + args[7].as.s64 + args[8].as.boolean + args[9].as.u8 +
	              args[10].as.u16 + args[11].as.u32 + (int64_t)args[12].as.u64 + args[13].as.s8 + args[14].as.s16 +
	              args[15].as.s32 + args[16].as.s64 + args[17].as.boolean;
	*result = bh_of_s64(sum);
	return BH_OK;
}

static void finish_with_argument(void *data, bh_completion *completion, const bh_value *args, size_t count)
{
	(void)data;
	EXPECT(count == 1);
	bh_value copy = args[0]; /* borrowed: it is copied */
	copy.owned = false;
	bh_completion_finish(completion, &copy);
}

typedef enum { PLAIN, LEAF, ASYNC } kind_of_function;

/* The whole interface, with the signatures that the component itself states. */
static bh_imports *define_all(kind_of_function how)
{
	bh_component_options options = BH_COMPONENT_OPTIONS_INIT;
	options.limits = t_limits();
	options.unlinked = true;
	bh_component *relay = NULL;
	OK(bh_component_load_file(&relay, host, t_guest("relay.wasm"), &options, &t_err));
	bh_imports *imports = t_imports();
	for (size_t i = 0; i < bh_component_export_count(relay); i++) {
		const bh_item *item = bh_component_export_at(relay, i);
		bh_host_function function = BH_HOST_FUNCTION_INIT;
		bool many = !strcmp(item->name, "sum-of-many");
		function.interface = ROUNDTRIP;
		function.name = item->name;
		function.signature = item->signature;
		if (how == ASYNC && !many)
			function.start = finish_with_argument;
		else
			function.call = many ? sum_of_many : t_echo;
		function.leaf = how == LEAF;
		OK(bh_imports_define_function(imports, &function, &t_err));
	}
	bh_component_unref(relay);
	return imports;
}

static bh_component *load_relay(kind_of_function how)
{
	bh_imports *imports = define_all(how);
	bh_component_options options = t_linked(imports);
	bh_component *relay = NULL;
	OK(bh_component_load_file(&relay, host, t_guest("relay.wasm"), &options, &t_err));
	bh_imports_free(imports);
	return relay;
}

static void round_trip(kind_of_function how)
{
	bh_component *relay = load_relay(how);
	bh_instance *instance = t_instance(relay);
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		char name[64], *got = NULL;
		snprintf(name, sizeof name, "roundtrip-%s", cases[i].name);
		bh_export *export_ = t_find(relay, name);
		OK(t_call_live(&got, instance, export_, cases[i].value, NULL, NULL, &t_err));
		assert_string_equal(got, cases[i].value);
		bh_string_free(got);
		bh_export_free(export_);
	}
	char *sum = NULL;
	OK(t_call(&sum, relay, "sum-of-many", "1, 2, 3, 4, -5, -6, -7, -8, true, 10, 11, 12, 13, -14, -15, -16, -17, true",
	          NULL, NULL, &t_err));
	assert_string_equal(sum, "-30");
	bh_string_free(sum);
	bh_instance_free(instance);
	bh_component_unref(relay);
}

static void on_the_pollers_stack(void **state)
{
	(void)state;
	round_trip(PLAIN);
}

static void in_place(void **state)
{
	(void)state;
	round_trip(LEAF);
}

static void finished_at_once(void **state)
{
	(void)state;
	round_trip(ASYNC);
}

/* Long ones, which do not fit the guest's memory as it is at first. */
static void large_values(void **state)
{
	(void)state;
	bh_component *relay = load_relay(PLAIN);
	size_t size = 4 << 20;
	uint8_t *data = malloc(size);
	for (size_t i = 0; i < size; i++)
		data[i] = (uint8_t)(i * 7);
	bh_value bytes = BH_BYTES(data, size), got = BH_VALUE_INIT;
	OK(bh_component_call(relay, "roundtrip-list-u8", &bytes, 1, &got, NULL, NULL, &t_err));
	assert_true(bh_value_equal(&got, &bytes));
	bh_value_deinit(&got);
	free(data);
	size_t count = 100000;
	bh_value *items = calloc(count, sizeof *items);
	for (size_t i = 0; i < count; i++)
		items[i] = i % 2 ? BH_STRING("") : BH_STRING("a string that is longer than a pointer");
	bh_value list = bh_of_list(items, count);
	OK(bh_component_call(relay, "roundtrip-list-string", &list, 1, &got, NULL, NULL, &t_err));
	assert_true(bh_value_equal(&got, &list));
	bh_value_deinit(&got);
	free(items);
	bh_component_unref(relay);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(on_the_pollers_stack),
		cmocka_unit_test(in_place),
		cmocka_unit_test(finished_at_once),
		cmocka_unit_test(large_values),
	};
	return cmocka_run_group_tests(tests, host_begin, host_end);
}
