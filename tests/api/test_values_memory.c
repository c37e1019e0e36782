/* Values in memory: what is copied, compared and emptied, and who owns it. */
#include <math.h>

#include "api.h"

/* One value of every kind but handles, all borrowing. */
typedef struct {
	bh_value parts[8];
	bh_field fields[2];
	const char *names[2];
	bh_value all[BH_KIND_COUNT];
	size_t count;
} samples;

static void make(samples *s)
{
	s->count = 0;
	s->parts[0] = bh_of_u8(1);
	s->parts[1] = BH_STRING("two");
	s->parts[2] = bh_of_f64(nan(""));
	s->parts[3] = bh_of_list(s->parts, 3);
	s->parts[4] = bh_of_option(&s->parts[3]);
	s->fields[0] = (bh_field){"first", s->parts[4]};
	s->fields[1] = (bh_field){"second", BH_BYTES("\0\1", 2)};
	s->names[0] = "read";
	s->names[1] = "write";
	s->parts[5] = bh_of_record(s->fields, 2);
	bh_value all[] = {
		bh_of_bool(true),
		bh_of_s8(INT8_MIN),
		bh_of_u8(255),
		bh_of_s16(INT16_MIN),
		bh_of_u16(65535),
		bh_of_s32(INT32_MIN),
		bh_of_u32(UINT32_MAX),
		bh_of_s64(INT64_MIN),
		bh_of_u64(UINT64_MAX),
		bh_of_f32(-0.0F),
		bh_of_f64(nan("")),
		bh_of_char(0x10FFFF),
		bh_of_string_n("a\0b", 3),
		BH_BYTES("a\0b", 3),
		bh_of_list(s->parts, 6),
		s->parts[5],
		bh_of_tuple(s->parts, 4),
		bh_of_variant("case", &s->parts[5]),
		bh_of_enum("red"),
		bh_of_option(&s->parts[5]),
		bh_of_err(&s->parts[5]),
		bh_of_flags(s->names, 2),
	};
	for (size_t i = 0; i < sizeof all / sizeof *all; i++)
		s->all[s->count++] = all[i];
}

static void copies_own_everything(void **state)
{
	(void)state;
	samples s, other;
	make(&s);
	make(&other);
	for (size_t i = 0; i < s.count; i++) {
		bh_value copy = BH_VALUE_INIT, again = BH_VALUE_INIT;
		OK(bh_value_copy(&copy, &s.all[i], &t_err));
		OK(bh_value_copy(&again, &copy, &t_err));
		assert_true(bh_value_equal(&copy, &other.all[i]));
		bh_value_deinit(&copy);
		assert_int_equal(copy.kind, BH_KIND_NONE);
		assert_true(bh_value_equal(&again, &other.all[i]));
		/* Emptying what borrows touches nothing below it. */
		bh_value borrowed = s.all[i];
		bh_value_deinit(&borrowed);
		assert_int_equal(borrowed.kind, BH_KIND_NONE);
		assert_true(bh_value_equal(&again, &s.all[i]));
		bh_value_deinit(&again);
		bh_value_deinit(&again);
	}
	bh_value_deinit(NULL);
}

static void copies_are_terminated(void **state)
{
	(void)state;
	bh_value text = bh_of_string_n("abcdef", 3), none = bh_of_string_n(NULL, 0), copy = BH_VALUE_INIT;
	OK(bh_value_copy(&copy, &text, &t_err));
	assert_string_equal(bh_value_string(&copy), "abc");
	bh_value_deinit(&copy);
	OK(bh_value_copy(&copy, &none, &t_err));
	assert_string_equal(bh_value_string(&copy), "");
	bh_value_deinit(&copy);
	bh_value bytes = BH_BYTES(NULL, 0);
	OK(bh_value_copy(&copy, &bytes, &t_err));
	assert_int_equal(copy.as.bytes.length, 0);
	bh_value_deinit(&copy);
}

static void a_part_of_a_copy_may_be_taken_out(void **state)
{
	(void)state;
	samples s;
	make(&s);
	bh_value copy = BH_VALUE_INIT, part = BH_VALUE_INIT;
	OK(bh_value_copy(&copy, &s.parts[5], &t_err));
	OK(bh_value_copy(&part, bh_value_field(&copy, "second"), &t_err));
	bh_value_deinit(&copy);
	assert_int_equal(part.as.bytes.length, 2);
	bh_value_deinit(&part);
}

static void different_values_differ(void **state)
{
	(void)state;
	samples s;
	make(&s);
	for (size_t i = 0; i < s.count; i++)
		for (size_t j = 0; j < s.count; j++)
			assert_int_equal(bh_value_equal(&s.all[i], &s.all[j]), i == j);
	bh_value one = bh_of_u8(1), two = bh_of_u8(2);
	const struct {
		bh_value a, b;
	} pairs[] = {
		{bh_of_bool(true), bh_of_bool(false)},
		{bh_of_s8(-1), bh_of_s8(1)},
		{bh_of_u64(1), bh_of_u64((UINT64_C(1) << 32) + 1)},
		{bh_of_f32(0), bh_of_f32(-0.0F)},
		{bh_of_f64(0), bh_of_f64(-0.0)},
		{bh_of_f64(nan("")), bh_of_f64(0)},
		{BH_STRING("a"), BH_STRING("ab")},
		{bh_of_string_n("a\0b", 3), bh_of_string_n("a\0c", 3)},
		{BH_BYTES("ab", 2), BH_BYTES("ac", 2)},
		{bh_of_list(&one, 1), bh_of_list(&one, 0)},
		{bh_of_list(&one, 1), bh_of_list(&two, 1)},
		{bh_of_option(&one), bh_of_option(NULL)},
		{bh_of_option(&one), bh_of_option(&two)},
		{bh_of_ok(&one), bh_of_err(&one)},
		{bh_of_ok(NULL), bh_of_ok(&one)},
		{bh_of_enum("red"), bh_of_enum("blue")},
		{bh_of_variant("a", &one), bh_of_variant("a", NULL)},
		{bh_of_variant("a", &one), bh_of_variant("b", &one)},
	};
	for (size_t i = 0; i < sizeof pairs / sizeof *pairs; i++) {
		assert_false(bh_value_equal(&pairs[i].a, &pairs[i].b));
		assert_false(bh_value_equal(&pairs[i].b, &pairs[i].a));
		assert_true(bh_value_equal(&pairs[i].a, &pairs[i].a));
	}
}

/* The order of fields and flags means nothing. */
static void order(void **state)
{
	(void)state;
	bh_field ab[] = {{"a", bh_of_u8(1)}, {"b", bh_of_u8(2)}}, ba[] = {ab[1], ab[0]}, ac[] = {ab[0], {"c", bh_of_u8(2)}};
	bh_value forth = bh_of_record(ab, 2), back = bh_of_record(ba, 2), other = bh_of_record(ac, 2);
	bh_value shorter = bh_of_record(ab, 1);
	assert_true(bh_value_equal(&forth, &back));
	assert_false(bh_value_equal(&forth, &other));
	assert_false(bh_value_equal(&forth, &shorter));
	const char *rw[] = {"r", "w"}, *wr[] = {"w", "r"}, *rr[] = {"r", "r"};
	bh_value flags = bh_of_flags(rw, 2), same = bh_of_flags(wr, 2), twice = bh_of_flags(rr, 2);
	assert_true(bh_value_equal(&flags, &same));
	assert_false(bh_value_equal(&flags, &twice));
	assert_false(bh_value_equal(&twice, &flags));
	assert_null(bh_value_field(&flags, "r"));
	assert_null(bh_value_string(&flags));
}

static void as_text(void **state)
{
	(void)state;
	samples s;
	make(&s);
	char *text = NULL;
	static const char *const expected[] = {
		"true",
		"-128",
		"255",
		"-32768",
		"65535",
		"-2147483648",
		"4294967295",
		"-9223372036854775808",
		"18446744073709551615",
		"-0",
		"nan",
		"'\\u{10ffff}'",
		"\"a\\u{0}b\"",
		"[97, 0, 98]",
		NULL,
		"{first: some([1, \"two\", nan]), second: [0, 1]}",
		"(1, \"two\", nan, [1, \"two\", nan])",
		"case({first: some([1, \"two\", nan]), second: [0, 1]})",
		"red",
		"some({first: some([1, \"two\", nan]), second: [0, 1]})",
		"err({first: some([1, \"two\", nan]), second: [0, 1]})",
		"{read, write}",
	};
	for (size_t i = 0; i < s.count; i++) {
		OK(bh_value_to_wave(&text, &s.all[i], &t_err));
		if (expected[i])
			assert_string_equal(text, expected[i]);
		bh_string_free(text);
	}
	bh_value none = BH_VALUE_INIT, empty = bh_of_list(NULL, 0);
	FAILS(BH_E_UNSUPPORTED, bh_value_to_wave(&text, &none, &t_err));
	OK(bh_value_to_wave(&text, &empty, &t_err));
	assert_string_equal(text, "[]");
	bh_string_free(text);
	bh_string_free(NULL);
}

/* What no guest would take is no text either, and does not take the program down. */
static void bad_values_as_text(void **state)
{
	(void)state;
	char *text = NULL;
	bh_value surrogate = bh_of_char(0xD800), bad = BH_STRING("\xff"), bad_name = bh_of_enum("\xff");
	bh_value unnamed = bh_of_enum(NULL), unknown = bh_value_of((bh_kind)200), handle = bh_of_resource(NULL);
	const char *names[] = {"\xff"}, *null[] = {NULL};
	bh_value flags = bh_of_flags(names, 1), null_flags = bh_of_flags(null, 1);
	bh_field field = {"\xff", bh_of_u8(1)}, null_field = {NULL, bh_of_u8(1)};
	bh_value record = bh_of_record(&field, 1), null_record = bh_of_record(&null_field, 1);
	const bh_value *all[] = {&surrogate, &bad,   &bad_name, &unnamed,    &unknown,
	                         &handle,    &flags, &record,   &null_flags, &null_record};
	for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
		bh_value list = bh_of_list((bh_value *)all[i], 1), some = bh_of_option((bh_value *)all[i]);
		FAILS(BH_E_UNSUPPORTED, bh_value_to_wave(&text, all[i], &t_err));
		FAILS(BH_E_UNSUPPORTED, bh_value_to_wave(&text, &list, &t_err));
		FAILS(BH_E_UNSUPPORTED, bh_value_to_wave(&text, &some, &t_err));
	}
	assert_null(text);
}

static void kind_names(void **state)
{
	(void)state;
	for (int i = 0; i < BH_KIND_COUNT; i++) {
		assert_non_null(bh_kind_name((bh_kind)i));
		for (int j = 0; j < i; j++)
			assert_string_not_equal(bh_kind_name((bh_kind)i), bh_kind_name((bh_kind)j));
	}
	assert_string_equal(bh_kind_name(BH_KIND_COUNT), "unknown");
	assert_string_equal(bh_kind_name((bh_kind)-1), "unknown");
}

static int tear_down(void **state)
{
	(void)state;
	t_begin();
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(copies_own_everything),
		cmocka_unit_test(copies_are_terminated),
		cmocka_unit_test(different_values_differ),
		cmocka_unit_test(a_part_of_a_copy_may_be_taken_out),
		cmocka_unit_test(order),
		cmocka_unit_test(as_text),
		cmocka_unit_test(bad_values_as_text),
		cmocka_unit_test(kind_names),
	};
	return cmocka_run_group_tests(tests, NULL, tear_down);
}
