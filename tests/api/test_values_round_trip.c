/* Values made in C, into a guest and back: what comes back is the same value, and is laid out as promised. */
#include <limits.h>
#include <math.h>
#include <stdlib.h>

#include "api.h"

static bh_host *host;
static bh_component *calc;
static bh_instance *instance;

/* What comes back, on a live instance and on a fresh one: both paths must agree. */
static bh_value back(const char *name, bh_value arg)
{
	char full[80];
	snprintf(full, sizeof full, "acme:calc/roundtrip@1.0.0#roundtrip-%s", name);
	bh_value live = BH_VALUE_INIT, fresh = BH_VALUE_INIT;
	bh_export *export_ = t_find(calc, full);
	OK(bh_instance_call(instance, export_, &arg, 1, &live, NULL, NULL, &t_err));
	OK(bh_export_call(export_, &arg, 1, &fresh, NULL, NULL, &t_err));
	assert_true(bh_value_equal(&live, &fresh));
	assert_true(bh_value_equal(&live, &arg));
	assert_int_equal(live.kind, bh_type_kind(bh_export_result_type(export_)));
	bh_value_deinit(&fresh);
	bh_export_free(export_);
	return live;
}

static void check(const char *name, bh_value arg)
{
	bh_value got = back(name, arg);
	bh_value_deinit(&got);
	assert_int_equal(got.kind, BH_KIND_NONE);
	bh_value_deinit(&got);
}

static void integers(void **state)
{
	(void)state;
	check("bool", bh_of_bool(true));
	check("bool", bh_of_bool(false));
	check("s8", bh_of_s8(INT8_MIN));
	check("s8", bh_of_s8(-1));
	check("u8", bh_of_u8(UINT8_MAX));
	check("s16", bh_of_s16(INT16_MIN));
	check("u16", bh_of_u16(UINT16_MAX));
	check("s32", bh_of_s32(INT32_MIN));
	check("s32", bh_of_s32(INT32_MAX));
	check("u32", bh_of_u32(UINT32_MAX));
	check("s64", bh_of_s64(INT64_MIN));
	check("s64", bh_of_s64(-1));
	check("u64", bh_of_u64(UINT64_MAX));
}

static void floats(void **state)
{
	(void)state;
	check("f32", bh_of_f32(-0.0F));
	check("f32", bh_of_f32(HUGE_VALF));
	check("f32", bh_of_f32(-HUGE_VALF));
	check("f32", bh_of_f32(1e-45F));
	check("f32", bh_of_f32(nanf("")));
	check("f64", bh_of_f64(-0.0));
	check("f64", bh_of_f64(HUGE_VAL));
	check("f64", bh_of_f64(5e-324));
	check("f64", bh_of_f64(nan("")));
	bh_value got = back("f64", bh_of_f64(-0.0));
	assert_true(signbit(got.as.f64));
	/* A NaN with a payload is still a NaN. */
	union {
		uint64_t bits;
		double number;
	} odd = {.bits = UINT64_C(0xFFF0DEADBEEF0001)};
	got = back("f64", bh_of_f64(odd.number));
	assert_true(isnan(got.as.f64));
}

static void characters_and_strings(void **state)
{
	(void)state;
	static const uint32_t characters[] = {0, 'x', 0x7F, 0x80, 0x7FF, 0x800, 0xD7FF, 0xE000, 0xFFFF, 0x10000, 0x10FFFF};
	for (size_t i = 0; i < sizeof characters / sizeof *characters; i++)
		check("char", bh_of_char(characters[i]));
	check("string", BH_STRING(""));
	check("string", bh_of_string_n(NULL, 0));
	check("string", BH_STRING("\xf4\x8f\xbf\xbf\xed\x9f\xbf\xee\x80\x80"));
	bh_value got = back("string", bh_of_string_n("a\0b\0", 4));
	assert_int_equal(got.as.string.length, 4);
	assert_memory_equal(bh_value_string(&got), "a\0b\0", 5);
	bh_value_deinit(&got);
	got = back("string", BH_STRING(""));
	assert_non_null(bh_value_string(&got));
	assert_string_equal(bh_value_string(&got), "");
	bh_value_deinit(&got);
}

static void lists(void **state)
{
	(void)state;
	enum { MANY = 10000 };
	bh_value *items = calloc(MANY, sizeof *items);
	assert_non_null(items);
	check("list", bh_of_list(NULL, 0));
	for (int i = 0; i < MANY; i++)
		items[i] = bh_of_s32(i * 100003);
	bh_value got = back("list", bh_of_list(items, MANY));
	assert_int_equal(got.as.list.count, MANY);
	assert_int_equal(got.as.list.items[MANY - 1].as.s32, (MANY - 1) * 100003);
	bh_value_deinit(&got);
	for (int i = 0; i < MANY; i++)
		items[i] = i % 2 ? BH_STRING("") : BH_STRING("a string that is longer than a pointer");
	check("list-string", bh_of_list(items, MANY));
	for (int i = 0; i < MANY; i++)
		items[i] = bh_of_list(items, 0);
	check("list-list-string", bh_of_list(items, MANY));
	for (int i = 0; i < MANY; i++)
		items[i] = bh_of_bool(i % 3);
	check("list-bool", bh_of_list(items, MANY));
	for (int i = 0; i < MANY; i++)
		items[i] = bh_of_char(i % 2 ? 0x10FFFF : 0);
	check("list-char", bh_of_list(items, MANY));
	for (int i = 0; i < MANY; i++)
		items[i] = bh_of_f64(i % 2 ? nan("") : -0.0);
	check("list-f64", bh_of_list(items, MANY));
	free(items);
}

/* list<u8> comes back as one block, whatever it went in as. */
static void bytes_as_values(void **state)
{
	(void)state;
	bh_value items[] = {bh_of_u8(0), bh_of_u8(7), bh_of_u8(255)}, got = BH_VALUE_INIT, list = bh_of_list(items, 3);
	bh_export *export_ = t_find(calc, "roundtrip-list-u8");
	OK(bh_instance_call(instance, export_, &list, 1, &got, NULL, NULL, &t_err));
	assert_int_equal(got.kind, BH_KIND_BYTES);
	assert_int_equal(got.as.bytes.length, 3);
	assert_memory_equal(got.as.bytes.data, "\0\7\377", 4);
	bh_value_deinit(&got);
	items[1] = bh_of_s8(7);
	FAILS(BH_E_TYPE, bh_instance_call(instance, export_, &list, 1, &got, NULL, NULL, &t_err));
	bh_export_free(export_);
	/* In a result, on the bytes path. */
	bh_value inner = BH_BYTES("\0x", 2);
	got = back("result-ok-only", bh_of_ok(&inner));
	assert_int_equal(got.as.result.payload->kind, BH_KIND_BYTES);
	bh_value_deinit(&got);
	check("result-ok-only", bh_of_err(NULL));
}

static void records_and_tuples(void **state)
{
	(void)state;
	bh_field point[] = {{"x", bh_of_s32(-1)}, {"y", bh_of_s32(INT32_MIN)}};
	bh_field reversed[] = {point[1], point[0]};
	bh_value got = back("record", bh_of_record(point, 2));
	assert_string_equal(got.as.record.fields[0].name, "x");
	assert_int_equal(bh_value_field(&got, "y")->as.s32, INT32_MIN);
	assert_null(bh_value_field(&got, "z"));
	bh_value_deinit(&got);
	got = back("record", bh_of_record(reversed, 2));
	assert_string_equal(got.as.record.fields[0].name, "x");
	assert_int_equal(got.as.record.fields[0].value.as.s32, -1);
	bh_value_deinit(&got);

	bh_field mixture[] = {{"a", bh_of_u8(255)},       {"b", bh_of_u64(UINT64_MAX)}, {"c", bh_of_bool(true)},
	                      {"d", bh_of_f32(-0.0F)},    {"e", bh_of_char(0x10FFFF)},  {"f", BH_STRING("\xe2\x82\xac")},
	                      {"g", bh_of_s16(INT16_MIN)}};
	bh_value records[100];
	for (int i = 0; i < 100; i++)
		records[i] = bh_of_record(mixture, 7);
	check("record-mixture", records[0]);
	check("list-record", bh_of_list(records, 100));

	bh_value members[] = {bh_of_u8(1), BH_STRING("two"), bh_of_f64(nan(""))};
	check("tuple", bh_of_tuple(members, 3));
	const char *set[] = {"read", "execute"};
	bh_value flags = bh_of_flags(set, 2), pair[] = {bh_of_bool(true), bh_of_enum("green")};
	bh_value nested[] = {bh_of_tuple(pair, 2), bh_of_option(&flags)};
	check("tuple-nested", bh_of_tuple(nested, 2));
}

static void cases(void **state)
{
	(void)state;
	bh_field xy[] = {{"x", bh_of_s32(1)}, {"y", bh_of_s32(2)}};
	bh_value place = bh_of_record(xy, 2), whole = bh_of_s64(INT64_MIN), text = bh_of_string_n("\0", 1);
	bh_value letter = bh_of_char(0x10FFFF), small = bh_of_f32(-0.0F);
	bh_value all[] = {bh_of_variant("nothing", NULL),   bh_of_variant("whole", &whole), bh_of_variant("text", &text),
	                  bh_of_variant("letter", &letter), bh_of_variant("small", &small), bh_of_variant("place", &place)};
	for (size_t i = 0; i < sizeof all / sizeof *all; i++)
		check("variant", all[i]);
	check("list-variant", bh_of_list(all, sizeof all / sizeof *all));
	check("enum", bh_of_enum("red"));
	check("enum", bh_of_enum("blue"));

	bh_value seven = bh_of_u8(7), some = bh_of_option(&seven), none = bh_of_option(NULL), number = bh_of_s32(-7);
	check("option", none);
	check("option", bh_of_option(&number));
	check("option-option", none);
	check("option-option", bh_of_option(&none));
	check("option-option", bh_of_option(&some));
	bh_value why = BH_STRING("why");
	check("option-string", bh_of_option(&why));
	check("result", bh_of_ok(&number));
	check("result", bh_of_err(&why));
	check("result-bare", bh_of_ok(NULL));
	check("result-bare", bh_of_err(NULL));
	check("result-err-only", bh_of_ok(NULL));
	check("result-err-only", bh_of_err(&why));
}

static void flags(void **state)
{
	(void)state;
	char names[32][4];
	const char *set[32];
	for (int i = 0; i < 32; i++) {
		snprintf(names[i], sizeof names[i], "f%d", i);
		set[i] = names[i];
	}
	check("flags", bh_of_flags(NULL, 0));
	check("flags-many", bh_of_flags(set, 32));
	check("flags-many", bh_of_flags(set + 31, 1));
	bh_value got = back("flags-many", bh_of_flags(set + 8, 3));
	assert_int_equal(got.as.flags.count, 3);
	assert_string_equal(got.as.flags.names[0], "f8");
	bh_value_deinit(&got);
	/* Naming one twice is naming it once. */
	const char *twice[] = {"read", "read"};
	bh_value arg = bh_of_flags(twice, 2);
	bh_export *export_ = t_find(calc, "roundtrip-flags");
	OK(bh_instance_call(instance, export_, &arg, 1, &got, NULL, NULL, &t_err));
	assert_int_equal(got.as.flags.count, 1);
	bh_value_deinit(&got);
	bh_export_free(export_);
}

/* More parameters than are passed flat, and more than a call keeps room for. */
static void many_parameters(void **state)
{
	(void)state;
	bh_value args[] = {bh_of_u8(1),   bh_of_u16(2),  bh_of_u32(3),   bh_of_u64(4),   bh_of_s8(-5),   bh_of_s16(-6),
	                   bh_of_s32(-7), bh_of_s64(-8), bh_of_bool(1),  bh_of_u8(10),   bh_of_u16(11),  bh_of_u32(12),
	                   bh_of_u64(13), bh_of_s8(-14), bh_of_s16(-15), bh_of_s32(-16), bh_of_s64(-17), bh_of_bool(true)};
	bh_value got = BH_VALUE_INIT;
	bh_export *export_ = t_find(calc, "sum-of-many");
	assert_int_equal(bh_export_param_count(export_), 18);
	assert_string_equal(bh_export_param_name(export_, 17), "r");
	assert_null(bh_export_param_name(export_, 18));
	assert_null(bh_export_param_type(export_, 18));
	for (int i = 0; i < 100; i++) {
		OK(bh_instance_call(instance, export_, args, 18, &got, NULL, NULL, &t_err));
		assert_int_equal(got.as.s64, -30);
	}
	/* A mistake in the last one, over and over: what was converted before is let go each time. */
	args[17] = bh_of_u8(1);
	for (int i = 0; i < 100; i++)
		FAILS(BH_E_TYPE, bh_instance_call(instance, export_, args, 18, &got, NULL, NULL, &t_err));
	args[17] = bh_of_bool(true);
	OK(bh_instance_call(instance, export_, args, 18, NULL, NULL, NULL, NULL));
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
		cmocka_unit_test(integers),        cmocka_unit_test(floats),
		cmocka_unit_test(lists),           cmocka_unit_test(characters_and_strings),
		cmocka_unit_test(bytes_as_values), cmocka_unit_test(records_and_tuples),
		cmocka_unit_test(cases),           cmocka_unit_test(flags),
		cmocka_unit_test(many_parameters),
	};
	return cmocka_run_group_tests(tests, set_up, tear_down);
}
