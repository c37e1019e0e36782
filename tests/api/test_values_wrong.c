/* Arguments that do not fit the export's type: refused before the guest sees anything, and nothing is lost. */
#include <stdlib.h>

#include "api.h"
#include "feed.h"

static bh_host *host;
static bh_component *calc;
static bh_instance *instance;

/* Refused with a message that names the parameter, on a live instance that stays usable and on a fresh one. */
static void refuse(const char *name, bh_value arg, const char *says)
{
	char full[80];
	snprintf(full, sizeof full, "roundtrip-%s", name);
	bh_value result = bh_of_u8(42);
	bh_export *export_ = t_find(calc, full);
	FAILS(BH_E_TYPE, bh_export_call(export_, &arg, 1, &result, NULL, NULL, &t_err));
	FAILS(BH_E_TYPE, bh_instance_call(instance, export_, &arg, 1, &result, NULL, NULL, &t_err));
	assert_true(t_says(says));
	assert_int_equal(result.as.u8, 42); /* untouched on failure */
	assert_true(bh_instance_usable(instance));
	bh_export_free(export_);
}

static void another_kind(void **state)
{
	(void)state;
	bh_value u8 = bh_of_u8(1), text = BH_STRING("x");
	refuse("bool", u8, "v: expected bool, got u8");
	refuse("s8", u8, "expected s8, got u8");
	refuse("u8", bh_of_s32(1), "expected u8, got s32");
	refuse("s32", bh_of_u32(1), "expected s32");
	refuse("s64", bh_of_s32(1), "expected s64");
	refuse("f32", bh_of_f64(1), "expected f32");
	refuse("f64", bh_of_f32(1), "expected f64");
	refuse("char", text, "expected char, got string");
	refuse("string", bh_of_char('x'), "expected string, got char");
	refuse("string", BH_BYTES("x", 1), "expected string, got bytes");
	refuse("string", (bh_value)BH_VALUE_INIT, "expected string, got none");
	refuse("list", text, "expected list<s32>");
	refuse("list-u8", text, "expected list<u8>, got string");
	refuse("list", BH_BYTES("abcd", 4), "expected list<s32>, got bytes");
	refuse("record", bh_of_tuple(&u8, 1), "expected record { x: s32, y: s32 }");
	refuse("tuple", bh_of_list(&u8, 1), "expected tuple<u8, string, f64>");
	refuse("variant", bh_of_enum("nothing"), "expected variant");
	refuse("enum", bh_of_variant("red", NULL), "expected enum { red, green, blue }");
	refuse("option", bh_of_s32(1), "expected option<s32>");
	refuse("option", bh_of_option(&text), "expected s32, got string");
	refuse("result", bh_of_s32(1), "expected result<s32, string>");
	refuse("flags", bh_of_enum("read"), "expected flags { read, write, execute }");
	for (int kind = BH_KIND_COUNT; kind < 256; kind += 61) {
		bh_value none_such = bh_value_of((bh_kind)kind);
		refuse("s32", none_such, "expected s32, got unknown");
		refuse("string", none_such, "expected string, got unknown");
	}
}

static void another_element(void **state)
{
	(void)state;
	bh_value items[] = {bh_of_s32(1), bh_of_s32(2), BH_STRING("three")};
	refuse("list", bh_of_list(items, 3), "expected s32, got string");
	bh_value inner[] = {bh_of_list(items + 2, 1), bh_of_list(items, 1)};
	refuse("list-list-string", bh_of_list(inner, 2), "expected string, got s32");
	bh_value three[] = {bh_of_u8(1), BH_STRING("two"), bh_of_f32(3)};
	refuse("tuple", bh_of_tuple(three, 3), "expected f64, got f32");
}

static void wrong_counts(void **state)
{
	(void)state;
	bh_value three[] = {bh_of_u8(1), BH_STRING("two"), bh_of_f64(3), bh_of_u8(4)};
	refuse("tuple", bh_of_tuple(three, 2), "expected a tuple of 3, got one of 2");
	refuse("tuple", bh_of_tuple(three, 4), "got one of 4");
	refuse("tuple", bh_of_tuple(NULL, 0), "got one of 0");

	bh_export *export_ = t_find(calc, "roundtrip-s32");
	bh_value args[] = {bh_of_s32(1), bh_of_s32(2)}, result = BH_VALUE_INIT;
	FAILS(BH_E_TYPE, bh_export_call(export_, NULL, 0, &result, NULL, NULL, &t_err));
	assert_true(t_says("takes 1 argument, got 0"));
	assert_true(t_says("roundtrip-s32: func(v: s32) -> s32"));
	FAILS(BH_E_TYPE, bh_export_call(export_, args, 2, &result, NULL, NULL, &t_err));
	assert_true(t_says("takes 1 argument, got 2"));
	FAILS(BH_E_TYPE, bh_instance_call(instance, export_, args, SIZE_MAX, &result, NULL, NULL, &t_err));
	bh_export_free(export_);
}

static void wrong_fields(void **state)
{
	(void)state;
	bh_field fields[] = {{"x", bh_of_s32(1)}, {"y", bh_of_s32(2)}, {"z", bh_of_s32(3)}};
	bh_field twice[] = {fields[0], fields[0]}, other[] = {fields[0], fields[2]};
	bh_field text[] = {fields[0], {"y", BH_STRING("2")}};
	refuse("record", bh_of_record(fields, 1), "fields, got one of 1");
	refuse("record", bh_of_record(fields, 3), "fields, got one of 3");
	bh_field unnamed[] = {{NULL, bh_of_s32(1)}, {NULL, bh_of_s32(2)}};
	refuse("record", bh_of_record(unnamed, 2), "no field x");
	refuse("record", bh_of_record(NULL, 0), "fields, got one of 0");
	refuse("record", bh_of_record(twice, 2), "no field y");
	refuse("record", bh_of_record(other, 2), "no field y");
	refuse("record", bh_of_record(text, 2), "y: expected s32, got string");
}

static void wrong_cases(void **state)
{
	(void)state;
	bh_value number = bh_of_s64(1), text = BH_STRING("x"), s32 = bh_of_s32(1);
	refuse("variant", bh_of_variant("elsewhere", NULL), "elsewhere is not in variant");
	refuse("variant", bh_of_variant("", NULL), "is not in variant");
	refuse("variant", bh_of_variant(NULL, NULL), "is not in variant");
	refuse("variant", bh_of_variant("whole", NULL), "needs a payload");
	refuse("variant", bh_of_variant("whole", &text), "expected s64, got string");
	refuse("variant", bh_of_variant("nothing", &number), "does not take a payload");
	refuse("enum", bh_of_enum("purple"), "purple is not in enum { red, green, blue }");
	refuse("enum", bh_of_enum(NULL), "is not in enum");
	bh_value paid = bh_of_enum("red");
	paid.as.variant.payload = &number;
	refuse("enum", paid, "does not take a payload");
	refuse("result", bh_of_ok(NULL), "ok needs a payload");
	refuse("result", bh_of_ok(&text), "expected s32, got string");
	refuse("result", bh_of_err(&s32), "expected string, got s32");
	refuse("result-bare", bh_of_ok(&s32), "ok does not take a payload");
	refuse("result-bare", bh_of_err(&s32), "err does not take a payload");
	const char *names[] = {"read", "fly", "read", "write"};
	refuse("flags", bh_of_flags(names, 2), "fly is not in flags");
	refuse("flags", bh_of_flags(names, 4), "more flags");
}

static void bad_text(void **state)
{
	(void)state;
	static const char *const bad[] = {
		"\xff",                 /* never in UTF-8 */
		"a\x80",                /* a continuation without a start */
		"\xc3",                 /* cut off */
		"\xe2\x82",             /* cut off */
		"\xc0\x80",             /* overlong */
		"\xe0\x80\x80",         /* overlong */
		"\xf0\x80\x80\x80",     /* overlong */
		"\xed\xa0\x80",         /* a surrogate */
		"\xed\xbf\xbf",         /* a surrogate */
		"\xf4\x90\x80\x80",     /* above U+10FFFF */
		"\xf5\x80\x80\x80",     /* above */
		"\xf8\x88\x80\x80\x80", /* five bytes */
	};
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
		bh_value text = BH_STRING(bad[i]), some = text, items[] = {BH_STRING("good"), text};
		refuse("string", text, "v: the string is not UTF-8");
		refuse("option-string", bh_of_option(&some), "not UTF-8");
		refuse("list-string", bh_of_list(items, 2), "not UTF-8");
		refuse("result-err-only", bh_of_err(&some), "not UTF-8");
	}
	refuse("string", bh_of_string_n("\xe2\x82\xac", 2), "not UTF-8");
}

static void bad_characters(void **state)
{
	(void)state;
	static const uint32_t bad[] = {0xD800, 0xDBFF, 0xDC00, 0xDFFF, 0x110000, UINT32_MAX};
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
		bh_value c = bh_of_char(bad[i]), list[] = {bh_of_char('x'), c};
		refuse("char", c, "is no character");
		refuse("list-char", bh_of_list(list, 2), "is no character");
		refuse("variant", bh_of_variant("letter", &c), "is no character");
	}
}

/* Ten thousand refusals of half-converted values leave no memory behind. */
static void nothing_is_lost(void **state)
{
	(void)state;
	enum { ITEMS = 64 };
	bh_value items[ITEMS], result = BH_VALUE_INIT;
	for (int i = 0; i < ITEMS; i++)
		items[i] = BH_STRING("a string of some length, to be noticed if it is left behind: 64 bytes");
	items[ITEMS - 1] = bh_of_s32(1);
	bh_value arg = bh_of_list(items, ITEMS);
	bh_export *export_ = t_find(calc, "roundtrip-list-string");
	size_t before = 0;
	for (int i = 0; i < 12000; i++) {
		if (i == 2000)
			before = t_rss();
		assert_int_equal(bh_instance_call(instance, export_, &arg, 1, &result, NULL, NULL, NULL), BH_E_TYPE);
	}
	assert_true(FEED_SANITIZED || t_rss() < before + BH_MIB(8)); /* left behind they would be 45 MiB */
	bh_export_free(export_);
}

static void no_such_export(void **state)
{
	(void)state;
	bh_export *export_ = NULL;
	FAILS(BH_E_NO_EXPORT, bh_export_find(&export_, calc, "roundtrip-sring", &t_err));
	assert_true(t_says("roundtrip-string"));
	FAILS(BH_E_NO_EXPORT, bh_export_find(&export_, calc, "", &t_err));
	FAILS(BH_E_NO_EXPORT, bh_export_find(&export_, calc, "#", &t_err));
	FAILS(BH_E_NO_EXPORT, bh_export_find(&export_, calc, "acme:calc/math@1.0.0", &t_err));
	FAILS(BH_E_NO_EXPORT, bh_export_find(&export_, calc, "acme:calc/math@1.0.0#roundtrip-s32", &t_err));
	FAILS(BH_E_NO_EXPORT, bh_export_find(&export_, calc, "acme:calc/math@1.0.1#divide", &t_err));
	FAILS(BH_E_INVALID, bh_export_find(&export_, calc, NULL, &t_err));
	FAILS(BH_E_INVALID, bh_export_find(&export_, NULL, "divide", &t_err));
	assert_null(export_);

	bh_component *ambiguous = t_load(host, "wat/ambiguous.wat", NULL);
	FAILS(BH_E_INVALID, bh_export_find(&export_, ambiguous, "number", &t_err));
	assert_true(t_says("test:ambiguous/first@1.0.0#number"));
	assert_true(t_says("test:ambiguous/second@1.0.0#number"));
	assert_int_equal(t_number(ambiguous, "test:ambiguous/second@1.0.0#number", ""), 2);
	bh_export_free(t_find(ambiguous, "only-here"));
	bh_component_unref(ambiguous);
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
		cmocka_unit_test(another_kind),   cmocka_unit_test(another_element), cmocka_unit_test(wrong_counts),
		cmocka_unit_test(wrong_fields),   cmocka_unit_test(wrong_cases),     cmocka_unit_test(bad_text),
		cmocka_unit_test(bad_characters), cmocka_unit_test(nothing_is_lost), cmocka_unit_test(no_such_export),
	};
	return cmocka_run_group_tests(tests, set_up, tear_down);
}
