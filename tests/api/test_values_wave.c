/* Every kind of value, from text into a guest and back into text. */
#include <stdlib.h>

#include "api.h"

static bh_host *host;
static bh_component *calc;
static bh_instance *instance;

/*
 * An export of the round-trip interface, an argument, and how it is written when it comes back (NULL: as given,
 * "*": at length).
 */
static const struct {
	const char *name, *in, *out;
} rows[] = {
	{"bool", "true", NULL},
	{"bool", "false", NULL},
	{"s8", "-128", NULL},
	{"s8", "127", NULL},
	{"u8", "255", NULL},
	{"u8", "0", NULL},
	{"s16", "-32768", NULL},
	{"u16", "65535", NULL},
	{"s32", "-2147483648", NULL},
	{"s32", "2147483647", NULL},
	{"u32", "4294967295", NULL},
	{"s64", "-9223372036854775808", NULL},
	{"u64", "18446744073709551615", NULL},
	{"f32", "0", NULL},
	{"f32", "-0", NULL},
	{"f32", "nan", NULL},
	{"f32", "inf", NULL},
	{"f32", "-inf", NULL},
	{"f32", "0.1", NULL},
	{"f32", "16777216", NULL},
	{"f64", "-0", NULL},
	{"f64", "nan", NULL},
	{"f64", "-inf", NULL},
	{"f64", "0.1", NULL},
	{"f64", "1e-7", "0.0000001"},
	{"f64", "1.7976931348623157e308", "*"},
	{"f64", "5e-324", "*"},
	{"char", "'x'", NULL},
	{"char", "'\\''", NULL},
	{"char", "'\\u{0}'", NULL},
	{"char", "'\\u{10ffff}'", NULL},
	{"char", "'\\u{d7ff}'", NULL},
	{"char", "'\xf0\x9f\x92\xa7'", NULL},
	{"string", "\"\"", NULL},
	{"string", "\"plain\"", NULL},
	{"string", "\"\xc3\xa9 \xe2\x82\xac \xf0\x9f\x92\xa7\"", NULL},
	{"string", "\"a\\u{0}b\"", NULL},
	{"string", "\"tab\\t newline\\n quote\\\" backslash\\\\\"", NULL},
	{"list", "[]", NULL},
	{"list", "[1, -2, 3]", NULL},
	{"list-u8", "[]", NULL},
	{"list-u8", "[0, 1, 255]", NULL},
	{"list-f64", "[0.5, nan, -inf]", NULL},
	{"list-char", "['a', '\\u{10ffff}']", NULL},
	{"list-bool", "[true, false, true]", NULL},
	{"list-string", "[\"\", \"a\", \"\xe2\x82\xac\"]", NULL},
	{"list-list-string", "[[], [\"\"], [\"a\", \"b\"]]", NULL},
	{"list-record", "[{a: 1, b: 2, c: true, d: 0.5, e: 'x', f: \"text\", g: -7}]", NULL},
	{"list-record", "[]", NULL},
	{"list-variant", "[nothing, whole(-1), real(nan), small(0.5), text(\"\"), letter('\\u{0}'), place({x: 1, y: -1})]",
     NULL},
	{"record", "{x: 1, y: -2147483648}", NULL},
	{"record", "{y: 2, x: 1}", "{x: 1, y: 2}"},
	{"record-mixture", "{a: 255, b: 18446744073709551615, c: false, d: -0, e: '\\u{10ffff}', f: \"\", g: -32768}",
     NULL},
	{"tuple", "(1, \"two\", 3.5)", NULL},
	{"tuple-nested", "((true, blue), some({read, execute}))", NULL},
	{"tuple-nested", "((false, red), none)", NULL},
	{"variant", "nothing", NULL},
	{"variant", "whole(-9223372036854775808)", NULL},
	{"variant", "real(-0)", NULL},
	{"variant", "text(\"a\\u{0}b\")", NULL},
	{"variant", "place({x: 0, y: 0})", NULL},
	{"enum", "red", NULL},
	{"enum", "blue", NULL},
	{"option", "none", NULL},
	{"option", "some(-1)", NULL},
	{"option", "5", "some(5)"},
	{"option-option", "none", NULL},
	{"option-option", "some(none)", NULL},
	{"option-option", "some(some(7))", NULL},
	{"option-string", "some(\"\")", NULL},
	{"option-string", "none", NULL},
	{"result", "ok(-1)", NULL},
	{"result", "err(\"no\")", NULL},
	{"result-bare", "ok", NULL},
	{"result-bare", "err", NULL},
	{"result-err-only", "ok", NULL},
	{"result-err-only", "err(\"\")", NULL},
	{"result-ok-only", "ok([1, 2])", NULL},
	{"result-ok-only", "ok([])", NULL},
	{"result-ok-only", "err", NULL},
	{"flags", "{}", NULL},
	{"flags", "{read, execute}", NULL},
	{"flags", "{execute, read}", "{read, execute}"},
	{"flags-many", "{f0, f7, f8, f15, f16, f31}", NULL},
	{"flags-many", "{}", NULL},
};

static void round_trip(bh_export *export_, const char *in, const char *out)
{
	bh_value arg = BH_VALUE_INIT, result = BH_VALUE_INIT;
	char *text = NULL;
	OK(bh_export_parse_args(&arg, export_, in, &t_err));
	OK(bh_instance_call(instance, export_, &arg, 1, &result, NULL, NULL, &t_err));
	if (!bh_value_equal(&arg, &result))
		print_error("%s: %s comes back as another value\n", bh_export_name(export_), in);
	assert_true(bh_value_equal(&arg, &result));
	OK(bh_value_to_wave(&text, &result, &t_err));
	if (strcmp(out, "*"))
		assert_string_equal(text, out);
	bh_value again = BH_VALUE_INIT;
	OK(bh_value_parse(&again, bh_export_result_type(export_), text, &t_err));
	assert_true(bh_value_equal(&again, &result));
	bh_value_deinit(&again);
	bh_string_free(text);
	bh_value_deinit(&arg);
	bh_value_deinit(&result);
}

static void every_type(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		char name[80], in_parentheses[512];
		snprintf(name, sizeof name, "roundtrip-%s", rows[i].name);
		snprintf(in_parentheses, sizeof in_parentheses, "(%s)", rows[i].in);
		bh_export *export_ = t_find(calc, name);
		const char *out = rows[i].out ? rows[i].out : rows[i].in;
		round_trip(export_, in_parentheses, out);
		round_trip(export_, rows[i].in, out);
		bh_export_free(export_);
	}
}

static void every_export_is_covered(void **state)
{
	(void)state;
	for (size_t e = 0; e < bh_component_export_count(calc); e++) {
		const bh_item *item = bh_component_export_at(calc, e);
		if (!strstr(item->name, "roundtrip-"))
			continue;
		bool found = false;
		for (size_t i = 0; i < sizeof rows / sizeof *rows && !found; i++)
			found = !strcmp(item->name + strlen("roundtrip-"), rows[i].name);
		if (!found)
			print_error("%s has no row\n", item->name);
		assert_true(found);
	}
}

static void several_arguments(void **state)
{
	(void)state;
	char *text = NULL;
	static const char *const all[] = {
		"(1, 2, 3, 4, -5, -6, -7, -8, true, 10, 11, 12, 13, -14, -15, -16, -17, true)",
		" (1, 2, 3, 4, -5, -6, -7, -8, true, 10, 11, 12, 13, -14, -15, -16, -17, true) ",
		"1, 2, 3, 4, -5, -6, -7, -8, true, 10, 11, 12, 13, -14, -15, -16, -17, true",
	};
	for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
		OK(t_call(&text, calc, "sum-of-many", all[i], NULL, NULL, &t_err));
		assert_string_equal(text, "-30");
		bh_string_free(text);
	}
}

static void none_at_all(void **state)
{
	(void)state;
	bh_component *counter = t_load(host, "counter.wasm", NULL);
	static const char *const empty[] = {"", "()", " ", "( )"};
	for (size_t i = 0; i < sizeof empty / sizeof *empty; i++) {
		char *text = NULL;
		OK(t_call(&text, counter, "get", empty[i], NULL, NULL, &t_err));
		assert_string_equal(text, "0");
		bh_string_free(text);
	}
	bh_component_unref(counter);
}

/* Text that is no value of the type: the error shows the signature and an example. */
static const struct {
	const char *name, *text;
} wrong[] = {
	{"s8", "128"},
	{"s8", "-129"},
	{"u8", "-1"},
	{"u8", "256"},
	{"u64", "18446744073709551616"},
	{"s32", "1.5"},
	{"s32", "\"1\""},
	{"s32", ""},
	{"s32", "1, 2"},
	{"s32", "(1"},
	{"s32", "1)"},
	{"s32", "1) f(2"},
	{"s32", "1 2"},
	{"bool", "1"},
	{"char", "'ab'"},
	{"char", "''"},
	{"char", "'\\u{d800}'"},
	{"char", "'\\u{110000}'"},
	{"string", "\"unfinished"},
	{"string", "\"\\u{dfff}\""},
	{"string", "'x'"},
	{"string", "text"},
	{"list", "[1, two]"},
	{"list", "[1"},
	{"list", "{1}"},
	{"record", "{x: 1}"},
	{"record", "{x: 1, y: 2, z: 3}"},
	{"record", "{x: 1, x: 2}"},
	{"record", "{x: 1, y: \"2\"}"},
	{"tuple", "(1, \"two\")"},
	{"variant", "elsewhere"},
	{"variant", "whole"},
	{"variant", "nothing(1)"},
	{"enum", "purple"},
	{"enum", "red(1)"},
	{"option", "some"},
	{"result", "ok"},
	{"result", "ok(\"text\")"},
	{"result-bare", "ok(1)"},
	{"flags", "{fly}"},
	{"flags", "{read, read, read, read}"},
};

static void text_that_does_not_fit(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
		char name[80];
		snprintf(name, sizeof name, "roundtrip-%s", wrong[i].name);
		bh_export *export_ = t_find(calc, name);
		bh_value arg = BH_VALUE_INIT;
		if (bh_export_parse_args(&arg, export_, wrong[i].text, NULL) == BH_OK)
			print_error("%s takes %s\n", name, wrong[i].text);
		FAILS(BH_E_TYPE, bh_export_parse_args(&arg, export_, wrong[i].text, &t_err));
		assert_int_equal(arg.kind, BH_KIND_NONE);
		assert_true(t_says(name));
		assert_true(t_says("example"));
		if (bh_value_parse(&arg, bh_export_param_type(export_, 0), wrong[i].text, NULL) == BH_OK)
			print_error("a value of the type that %s takes: %s\n", name, wrong[i].text);
		FAILS(BH_E_TYPE, bh_value_parse(&arg, bh_export_param_type(export_, 0), wrong[i].text, &t_err));
		assert_int_equal(arg.kind, BH_KIND_NONE);
		bh_export_free(export_);
	}
}

static void text_that_is_hostile(void **state)
{
	(void)state;
	enum { DEEP = 100000 };
	bh_export *export_ = t_find(calc, "roundtrip-list-list-string");
	bh_value arg = BH_VALUE_INIT;
	char *text = malloc(DEEP + 1);
	assert_non_null(text);
	static const char parts[] = "[({\"'\\";
	for (size_t i = 0; i < sizeof parts - 1; i++) {
		memset(text, parts[i], DEEP);
		text[DEEP] = '\0';
		FAILS(BH_E_TYPE, bh_export_parse_args(&arg, export_, text, &t_err));
	}
	free(text);
	FAILS(BH_E_TYPE, bh_export_parse_args(&arg, export_, "[[\"\xff\"]]", &t_err));
	FAILS(BH_E_TYPE, bh_export_parse_args(&arg, export_, "[[\"\xed\xa0\x80\"]]", &t_err));
	bh_export_free(export_);
}

static int set_up(void **state)
{
	(void)state;
	host = t_host();
	calc = t_load(host, "calc.wasm", NULL);
	instance = t_instance(calc);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	t_begin();
	bh_instance_free(instance);
	bh_component_unref(calc);
	bh_host_free(host);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_type),
		cmocka_unit_test(every_export_is_covered),
		cmocka_unit_test(several_arguments),
		cmocka_unit_test(none_at_all),
		cmocka_unit_test(text_that_does_not_fit),
		cmocka_unit_test(text_that_is_hostile),
	};
	return cmocka_run_group_tests(tests, set_up, tear_down);
}
