/* Values as JSON: into a guest and back, what is refused, and no memory at every step. */
#include <stdlib.h>

#include "api.h"
#include "base/alloc.h"

static bh_host *host;
static bh_component *calc;

/* An export of the round-trip interface, its arguments, and its result (NULL: the argument). */
static const struct {
	const char *name, *in, *out;
} good[] = {
	{"bool", "[true]", NULL},
	{"bool", " [\n\tfalse ] ", "false"},
	{"s8", "[-128]", NULL},
	{"u8", "[255]", NULL},
	{"s16", "[-32768]", NULL},
	{"u16", "[65535]", NULL},
	{"s32", "[-2147483648]", NULL},
	{"u32", "[4294967295]", NULL},
	{"s64", "[-9223372036854775808]", NULL},
	{"s64", "[\"-1\"]", "-1"},
	{"s64", "[-0]", "0"},
	{"u64", "[\"18446744073709551615\"]", NULL},
	{"u64", "[18446744073709551615]", "\"18446744073709551615\""},
	{"u64", "[9223372036854775807]", NULL},
	{"f32", "[0.1]", NULL},
	{"f32", "[16777216]", "16777216.0"},
	{"f64", "[0.1]", NULL},
	{"f64", "[-0.0]", NULL},
	{"f64", "[1e300]", "1e+300"},
	{"f64", "[5e-324]", "4.94065645841247e-324"},
	{"f64", "[\"NaN\"]", NULL},
	{"f64", "[\"-Infinity\"]", NULL},
	{"f64", "[\"2.5\"]", "2.5"},
	{"char", "[\"x\"]", NULL},
	{"char", "[\"\\u0000\"]", NULL},
	{"char", "[\"\\ud83d\\udca7\"]", "\"\xf0\x9f\x92\xa7\""},
	{"string", "[\"\"]", NULL},
	{"string", "[\"a\\u0000b\\\"\\\\\"]", NULL},
	{"string", "[\"\\/\\b\\f\\n\\r\\t\"]", "\"/\\u0008\\u000c\\u000a\\u000d\\u0009\""},
	{"string", "[\"\xe2\x82\xac\\u20ac\"]", "\"\xe2\x82\xac\xe2\x82\xac\""},
	{"list", "[[]]", NULL},
	{"list", "[[1,-2,3]]", NULL},
	{"list-u8", "[{\"base64\":\"aGkhAA==\"}]", NULL},
	{"list-u8", "[{\"base64\":\"aGkh\"}]", NULL},
	{"list-u8", "[[104,105]]", "{\"base64\":\"aGk=\"}"},
	{"list-u8", "[[]]", "{\"base64\":\"\"}"},
	{"record", "[{\"y\":-2,\"x\":1}]", "{\"x\":1,\"y\":-2}"},
	{"tuple", "[[1,\"two\",3.5]]", NULL},
	{"variant", "[{\"nothing\":null}]", NULL},
	{"variant", "[\"nothing\"]", "{\"nothing\":null}"},
	{"variant", "[{\"place\":{\"x\":1,\"y\":2}}]", NULL},
	{"enum", "[\"green\"]", NULL},
	{"option", "[5]", NULL},
	{"option", "[null]", NULL},
	{"option-option", "[null]", NULL},
	{"option-option", "[{\"some\":null}]", NULL},
	{"option-option", "[{\"some\":5}]", NULL},
	{"result-bare", "[{\"ok\":null}]", NULL},
	{"result", "[{\"err\":\"no\"}]", NULL},
	{"flags", "[[\"read\",\"execute\"]]", NULL},
	{"flags", "[[]]", NULL},
	{"list-list-string", "[[[\"a\"],[]]]", NULL},
};

/* Arguments that are refused, and what the error says. */
static const struct {
	const char *name, *in, *says;
} bad[] = {
	{"bool", "", "an array is wanted"},
	{"bool", "[", "true or false"},
	{"bool", "[true", "']' is missing"},
	{"bool", "[true]x", "more text"},
	{"bool", "[true,true]", "too many"},
	{"bool", "[]", "true or false"},
	{"bool", "true", "an array is wanted"},
	{"bool", "[1]", "true or false"},
	{"s8", "[128]", "range"},
	{"s8", "[-129]", "range"},
	{"u8", "[-1]", "range"},
	{"u8", "[256]", "range"},
	{"u8", "[1.5]", "whole number"},
	{"u8", "[1e2]", "whole number"},
	{"u8", "[01]", "whole number"},
	{"u8", "[\"1]", "number"},
	{"u8", "[+1]", "whole number"},
	{"u8", "[--1]", "whole number"},
	{"s64", "[9223372036854775808]", "range"},
	{"s64", "[-9223372036854775809]", "range"},
	{"u64", "[18446744073709551616]", "range"},
	{"u64", "[1111111111111111111111111111111111111111111111111111111111111111111111111]", "number is wanted"},
	{"f32", "[1e39]", "no number"},
	{"f64", "[1e400]", "no number"},
	{"f64", "[nan]", "number is wanted"},
	{"f64", "[0x10]", "]"},
	{"f64", "[-]", "no number"},
	{"f64", "[1.2.3]", "no number"},
	{"char", "[\"\"]", "one character"},
	{"char", "[\"ab\"]", "one character"},
	{"char", "[\"\\ud800\"]", "escape"},
	{"char", "[\"\\udc00\"]", "escape"},
	{"char", "[\"\\ud800\\u0041\"]", "escape"},
	{"string", "[\"abc]", "without its end"},
	{"string", "[\"\\", "escape"},
	{"string", "[\"\\u12", "escape"},
	{"string", "[\"\\x\"]", "escape"},
	{"string", "[\"a\nb\"]", "control character"},
	{"list", "[[1,]]", "number"},
	{"list", "[[1 2]]", "','"},
	{"list", "[[1", "','"},
	{"list", "[{}]", "an array"},
	{"list-u8", "[{\"base64\":\"aGk\"}]", "base64"},
	{"list-u8", "[{\"base64\":\"a=kh\"}]", "base64"},
	{"list-u8", "[{\"base64\":\"====\"}]", "base64"},
	{"list-u8", "[{\"base64\":\"aG!=\"}]", "base64"},
	{"list-u8", "[[256]]", "range"},
	{"record", "[{\"x\":1}]", "missing"},
	{"record", "[{\"x\":1,\"x\":2}]", "twice"},
	{"record", "[{\"x\":1,\"y\":2,\"z\":3}]", "nothing of this name"},
	{"record", "[{\"x\" 1}]", "':'"},
	{"record", "[{\"x\\u0000\":1}]", "nothing of this name"},
	{"tuple", "[[1,\"two\"]]", "too few"},
	{"tuple", "[[1,\"two\",3.5,4]]", "too many"},
	{"variant", "[{\"whole\":null}]", "number"},
	{"variant", "[\"whole\"]", "has a payload"},
	{"variant", "[{\"nothing\":1}]", "no payload"},
	{"variant", "[{\"other\":1}]", "nothing of this name"},
	{"enum", "[\"mauve\"]", "nothing of this name"},
	{"enum", "[1]", "a text"},
	{"option-option", "[5]", "some"},
	{"result", "[{\"yes\":1}]", "ok"},
	{"result", "[{\"ok\":1,\"err\":\"\"}]", "'}'"},
	{"flags", "[[\"fly\"]]", "nothing of this name"},
	{"flags", "[[\"read\" \"write\"]]", "','"},
};

static bh_export *callee(const char *name)
{
	char full[64];
	snprintf(full, sizeof full, "roundtrip-%s", name);
	return t_find(calc, full);
}

static void round_trip(const char *name, const char *in, const char *out)
{
	bh_export *export_ = callee(name);
	bh_value arg = BH_VALUE_INIT, result = BH_VALUE_INIT;
	char *text = NULL, wanted[256];
	OK(bh_export_parse_json_args(&arg, export_, in, &t_err));
	OK(bh_export_call(export_, &arg, 1, &result, NULL, NULL, &t_err));
	OK(bh_value_to_json(&text, &result, &t_err));
	snprintf(wanted, sizeof wanted, out ? "[%s]" : "%s", out ? out : in);
	wanted[strlen(wanted) - 1] = '\0';
	assert_string_equal(text, wanted + 1);
	bh_string_free(text);
	bh_value_deinit(&arg);
	bh_value_deinit(&result);
	bh_export_free(export_);
}

static void goes_and_comes_back(void **state)
{
	(void)state;
	for (size_t i = 0; i < BH_COUNT(good); i++)
		round_trip(good[i].name, good[i].in, good[i].out);
}

static void is_refused(void **state)
{
	(void)state;
	for (size_t i = 0; i < BH_COUNT(bad); i++) {
		bh_export *export_ = callee(bad[i].name);
		bh_value arg = BH_VALUE_INIT;
		/* Exactly as long as it is, so that a sanitizer sees the first byte read beyond it. */
		char *text = bh_strdup(bad[i].in);
		FAILS(BH_E_TYPE, bh_export_parse_json_args(&arg, export_, text, &t_err));
		if (!t_says(bad[i].says))
			fail_msg("%s %s: %s", bad[i].name, bad[i].in, bh_error_message(t_err));
		assert_int_equal(arg.kind, BH_KIND_NONE);
		bh_free(text);
		bh_export_free(export_);
	}
}

/* A prefix of good JSON is refused, wherever it ends. */
static void every_prefix_is_refused(void **state)
{
	(void)state;
	for (size_t i = 0; i < BH_COUNT(good); i++) {
		bh_export *export_ = callee(good[i].name);
		size_t length = strlen(good[i].in);
		while (good[i].in[length - 1] == ' ')
			length--;
		for (size_t n = 0; n < length; n++) {
			bh_value arg = BH_VALUE_INIT;
			char *text = bh_strndup(good[i].in, n);
			FAILS(BH_E_TYPE, bh_export_parse_json_args(&arg, export_, text, &t_err));
			bh_free(text);
		}
		bh_export_free(export_);
	}
	t_begin();
}

static void without_memory(void **state)
{
	(void)state;
#ifndef BH_FAULTS
	skip();
#endif
	for (size_t i = 0; i < BH_COUNT(good); i++) {
		bh_export *export_ = callee(good[i].name);
		bh_status status = BH_E_NO_MEMORY;
		for (uint64_t nth = 1; status; nth++) {
			bh_value arg = BH_VALUE_INIT;
			char *text = NULL;
			bh_alloc_fail_at(nth, false);
			status = bh_export_parse_json_args(&arg, export_, good[i].in, NULL);
			if (!status)
				status = bh_value_to_json(&text, &arg, NULL);
			bh_alloc_fail_at(0, false);
			assert_true(status == BH_OK || status == BH_E_NO_MEMORY);
			bh_string_free(text);
			bh_value_deinit(&arg);
		}
		bh_export_free(export_);
	}
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(goes_and_comes_back),
		cmocka_unit_test(is_refused),
		cmocka_unit_test(every_prefix_is_refused),
		cmocka_unit_test(without_memory),
	};
	host = t_host();
	calc = t_load(host, "calc.wasm", NULL);
	int failed = cmocka_run_group_tests(tests, NULL, NULL);
	bh_component_unref(calc);
	bh_host_free(host);
	t_begin();
	return failed;
}
