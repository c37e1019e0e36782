// test: timeout=60
/*
 * Generated headers with every kind of value: the guest passes on what it is given to a function of the program's, and the
 * answer back. So each value crosses four conversions, and is looked at on both sides.
 */
#include <math.h>

#include "relay.h"
#include "relay_async.h"

#include "one_host.h"

/* What the program was last given, as WAVE text: by the untyped functions, which do not know of headers. */
static char seen[4096];

static void note(const bh_value *value)
{
	char *text = NULL;
	EXPECT(!bh_value_to_wave(&text, value, NULL));
	snprintf(seen, sizeof seen, "%s", text);
	bh_string_free(text);
}

/* A function that answers with a copy of what it is given, through the header's own conversions. */
#define ECHO(name, type, base, parameter, in)                                                                          \
	static bh_status echo_##name(const relay_imports *self, parameter, type *result, bh_error **err)                   \
	{                                                                                                                  \
		bh_value room[BH_SCOPE_ROOM], lent, copy = BH_VALUE_INIT;                                                      \
		bh_scope scope = bh_scope_on(room, BH_SCOPE_ROOM);                                                             \
		(void)self;                                                                                                    \
		EXPECT(!base##_to(&lent, in, &scope));                                                                         \
		note(&lent);                                                                                                   \
		bh_status status = bh_value_copy(&copy, &lent, err);                                                           \
		EXPECT(status || !base##_from(result, &copy, NULL));                                                           \
		bh_value_deinit(&copy);                                                                                        \
		bh_scope_end(&scope);                                                                                          \
		return status;                                                                                                 \
	}
#define BY_VALUE(name, type, base) ECHO(name, type, base, type v, &v)
#define BY_POINTER(name, type) ECHO(name, type, type, const type *v, v)

ECHO(bool, bool, bh_bool, bool v, &v) /* a macro in C: no other may be between */
BY_VALUE(s8, int8_t, bh_s8)
BY_VALUE(u8, uint8_t, bh_u8)
BY_VALUE(s16, int16_t, bh_s16)
BY_VALUE(u16, uint16_t, bh_u16)
BY_VALUE(s32, int32_t, bh_s32)
BY_VALUE(u32, uint32_t, bh_u32)
BY_VALUE(s64, int64_t, bh_s64)
BY_VALUE(u64, uint64_t, bh_u64)
BY_VALUE(f32, float, bh_f32)
BY_VALUE(f64, double, bh_f64)
BY_VALUE(char, uint32_t, bh_char)
BY_VALUE(string, bh_string, bh_string)
BY_VALUE(list_u8, bh_bytes, bh_bytes)
BY_VALUE(enum, relay_roundtrip_colour, relay_roundtrip_colour)
BY_VALUE(flags, relay_roundtrip_few, relay_roundtrip_few)
BY_VALUE(flags_many, relay_roundtrip_many, relay_roundtrip_many)
BY_POINTER(list, relay_list_s32)
BY_POINTER(record, relay_roundtrip_point)
BY_POINTER(tuple, relay_tuple_u8_string_f64)
BY_POINTER(variant, relay_roundtrip_any)
BY_POINTER(option, relay_option_s32)
BY_POINTER(result, relay_result_s32_string)
BY_POINTER(list_string, relay_list_string)
BY_POINTER(list_record, relay_list_roundtrip_mixture)
BY_POINTER(list_list_string, relay_list_list_string)
BY_POINTER(option_option, relay_option_option_u8)
BY_POINTER(option_string, relay_option_string)
BY_POINTER(result_bare, relay_result_none_none)
BY_POINTER(result_err_only, relay_result_none_string)
BY_POINTER(result_ok_only, relay_result_bytes_none)
BY_POINTER(list_variant, relay_list_roundtrip_any)
BY_POINTER(tuple_nested, relay_tuple_tuple_bool_roundtrip_colour_option_roundtrip_few)

BY_POINTER(list_f64, relay_list_f64)
BY_POINTER(list_char, relay_list_char)
BY_POINTER(list_bool, relay_list_bool)
BY_POINTER(record_mixture, relay_roundtrip_mixture)

static relay_imports imports;
static bh_component *component;
static relay_exports x;

static bh_status sum_of_many(const relay_imports *self, uint8_t a, uint16_t b, uint32_t c, uint64_t d, int8_t e,
                             int16_t f, int32_t g, int64_t h, bool i, uint8_t j, uint16_t k, uint32_t l, uint64_t m,
                             int8_t n, int16_t o, int32_t p, int64_t q, bool r, int64_t *result, bh_error **err)
{
	(void)self, (void)err;
	*result = a + b + (int64_t)c + (int64_t)d + e + f + g + h + i + j + k + (int64_t)l + (int64_t)m + n + o + p + q + r;
	return BH_OK;
}

static int begin(void **state)
{
	host_begin(state);
#define SET(name) imports.roundtrip_roundtrip_##name = echo_##name
	SET(bool);
	SET(s8);
	SET(u8);
	SET(s16);
	SET(u16);
	SET(s32);
	SET(u32);
	SET(s64);
	SET(u64);
	SET(f32);
	SET(f64);
	SET(char);
	SET(string);
	SET(list_u8);
	SET(enum);
	SET(flags);
	SET(flags_many);
	SET(list);
	SET(record);
	SET(tuple);
	SET(variant);
	SET(option);
	SET(result);
	SET(list_string);
	SET(list_record);
	SET(list_list_string);
	SET(option_option);
	SET(option_string);
	SET(result_bare);
	SET(result_err_only);
	SET(result_ok_only);
	SET(list_variant);
	SET(tuple_nested);
	SET(list_f64);
	SET(list_char);
	SET(list_bool);
	SET(record_mixture);
#undef SET
	imports.roundtrip_sum_of_many = sum_of_many;
	bh_imports *set = NULL;
	OK(bh_imports_new(&set, &t_err));
	OK(relay_imports_define(set, &imports, &t_err));
	bh_component_options options = BH_COMPONENT_OPTIONS_INIT;
	options.limits = t_limits();
	options.imports = set;
	OK(bh_component_load_file(&component, host, t_guest("relay.wasm"), &options, &t_err));
	bh_imports_free(set);
	OK(relay_exports_prepare(&x, component, &t_err));
	return 0;
}

static int end(void **state)
{
	relay_exports_release(&x);
	bh_component_unref(component);
	return host_end(state);
}

#define SAW(text) assert_string_equal(seen, text)

static void numbers(void **state)
{
	(void)state;
#define BACK(name, type, value, text)                                                                                  \
	do {                                                                                                               \
		type out = 0;                                                                                                  \
		OK(relay_roundtrip_roundtrip_##name(&x, NULL, (value), &out, &t_err));                                         \
		assert_true(out == (value));                                                                                   \
		SAW(text);                                                                                                     \
	} while (0)
	BACK(bool, bool, true, "true");
	BACK(s8, int8_t, INT8_MIN, "-128");
	BACK(u8, uint8_t, UINT8_MAX, "255");
	BACK(s16, int16_t, INT16_MIN, "-32768");
	BACK(u16, uint16_t, UINT16_MAX, "65535");
	BACK(s32, int32_t, INT32_MIN, "-2147483648");
	BACK(u32, uint32_t, UINT32_MAX, "4294967295");
	BACK(s64, int64_t, INT64_MIN, "-9223372036854775808");
	BACK(u64, uint64_t, UINT64_MAX, "18446744073709551615");
	BACK(f32, float, -0.5f, "-0.5");
	BACK(f64, double, -1234567.125, "-1234567.125");
	BACK(char, uint32_t, 0x1F40, "'ὀ'");
	BACK(enum, relay_roundtrip_colour, RELAY_ROUNDTRIP_COLOUR_BLUE, "blue");
	BACK(flags, relay_roundtrip_few, RELAY_ROUNDTRIP_FEW_READ | RELAY_ROUNDTRIP_FEW_EXECUTE, "{read, execute}");
	BACK(flags, relay_roundtrip_few, 0, "{}");
	BACK(flags_many, relay_roundtrip_many, RELAY_ROUNDTRIP_MANY_F31 | RELAY_ROUNDTRIP_MANY_F7, "{f7, f31}");
	double nan_back = 0;
	OK(relay_roundtrip_roundtrip_f64(&x, NULL, (double)NAN, &nan_back, &t_err));
	assert_true(isnan(nan_back));
	int64_t sum = 0;
	OK(relay_roundtrip_sum_of_many(&x, NULL, 1, 2, 3, 4, -5, -6, -7, -8, true, 9, 10, 11, 12, -13, 14, -15, 16, false,
	                               &sum, &t_err));
	assert_int_equal(sum, 1 + 2 + 3 + 4 - 5 - 6 - 7 - 8 + 1 + 9 + 10 + 11 + 12 - 13 + 14 - 15 + 16);
	/* What no type has is refused before the guest runs. */
	relay_roundtrip_few few = 0;
	uint32_t letter = 0;
	FAILS(BH_E_TYPE, relay_roundtrip_roundtrip_flags(&x, NULL, 8, &few, &t_err));
	FAILS(BH_E_TYPE, relay_roundtrip_roundtrip_char(&x, NULL, 0xD800, &letter, &t_err));
}

static void texts_and_bytes(void **state)
{
	(void)state;
	bh_string text = {0}, empty = {"", 0};
	OK(relay_roundtrip_roundtrip_string(&x, NULL, bh_string_lend("grüße"), &text, &t_err));
	assert_string_equal(text.data, "grüße");
	SAW("\"grüße\"");
	bh_string_deinit(&text);
	OK(relay_roundtrip_roundtrip_string(&x, NULL, empty, &text, &t_err));
	assert_int_equal(text.length, 0);
	bh_string_deinit(&text);
	FAILS(BH_E_TYPE, relay_roundtrip_roundtrip_string(&x, NULL, bh_string_lend("\xff"), &text, &t_err));
	bh_bytes bytes = {0};
	static uint8_t block[100000];
	for (size_t i = 0; i < sizeof block; i++)
		block[i] = (uint8_t)(i * 7);
	seen[0] = '\0';
	bh_bytes lent = bh_bytes_lend(block, 1000);
	OK(relay_roundtrip_roundtrip_list_u8(&x, NULL, lent, &bytes, &t_err));
	assert_int_equal(bytes.length, 1000);
	assert_memory_equal(bytes.data, block, 1000);
	bh_bytes_deinit(&bytes);
	OK(relay_roundtrip_roundtrip_list_u8(&x, NULL, bh_bytes_lend(NULL, 0), &bytes, &t_err));
	assert_int_equal(bytes.length, 0);
	bh_bytes_deinit(&bytes);
}

static void records_and_variants(void **state)
{
	(void)state;
	relay_roundtrip_point point = {-1, 2}, point_back = {0};
	OK(relay_roundtrip_roundtrip_record(&x, NULL, &point, &point_back, &t_err));
	assert_true(point_back.x == -1 && point_back.y == 2);
	SAW("{x: -1, y: 2}");
	relay_tuple_u8_string_f64 tuple = {7, {"seven", 5}, 7.5}, tuple_back = {0};
	OK(relay_roundtrip_roundtrip_tuple(&x, NULL, &tuple, &tuple_back, &t_err));
	assert_true(tuple_back.f0 == 7 && tuple_back.f2 == 7.5);
	assert_string_equal(tuple_back.f1.data, "seven");
	SAW("(7, \"seven\", 7.5)");
	relay_tuple_u8_string_f64_free(&tuple_back);

	relay_roundtrip_any any = {.tag = RELAY_ROUNDTRIP_ANY_NOTHING}, back = {0};
	OK(relay_roundtrip_roundtrip_variant(&x, NULL, &any, &back, &t_err));
	assert_int_equal(back.tag, RELAY_ROUNDTRIP_ANY_NOTHING);
	any.tag = RELAY_ROUNDTRIP_ANY_TEXT;
	any.as.text = bh_string_lend("a case");
	OK(relay_roundtrip_roundtrip_variant(&x, NULL, &any, &back, &t_err));
	assert_int_equal(back.tag, RELAY_ROUNDTRIP_ANY_TEXT);
	assert_string_equal(back.as.text.data, "a case");
	SAW("text(\"a case\")");
	relay_roundtrip_any_free(&back);
	any.tag = RELAY_ROUNDTRIP_ANY_PLACE;
	any.as.place = point;
	OK(relay_roundtrip_roundtrip_variant(&x, NULL, &any, &back, &t_err));
	assert_true(back.tag == RELAY_ROUNDTRIP_ANY_PLACE && back.as.place.y == 2);
	*(volatile unsigned *)&any.tag = 7;
	FAILS(BH_E_TYPE, relay_roundtrip_roundtrip_variant(&x, NULL, &any, &back, &t_err));
}

static void options_and_results(void **state)
{
	(void)state;
	relay_option_option_u8 o = {.some = true}, o_back = {0};
	OK(relay_roundtrip_roundtrip_option_option(&x, NULL, &o, &o_back, &t_err));
	assert_true(o_back.some && !o_back.value.some);
	SAW("some(none)");
	o.value.some = true;
	o.value.value = 9;
	OK(relay_roundtrip_roundtrip_option_option(&x, NULL, &o, &o_back, &t_err));
	assert_true(o_back.some && o_back.value.some && o_back.value.value == 9);
	o.some = false;
	OK(relay_roundtrip_roundtrip_option_option(&x, NULL, &o, &o_back, &t_err));
	assert_false(o_back.some);
	relay_option_string text = {true, {"some text", 9}}, text_back = {0};
	OK(relay_roundtrip_roundtrip_option_string(&x, NULL, &text, &text_back, &t_err));
	assert_string_equal(text_back.value.data, "some text");
	relay_option_string_free(&text_back);

	relay_result_s32_string r = {.is_err = true, .as = {.err = {"no", 2}}}, r_back = {0};
	OK(relay_roundtrip_roundtrip_result(&x, NULL, &r, &r_back, &t_err));
	assert_true(r_back.is_err);
	assert_string_equal(r_back.as.err.data, "no");
	SAW("err(\"no\")");
	relay_result_s32_string_free(&r_back);
	r.is_err = false;
	r.as.ok = -4;
	OK(relay_roundtrip_roundtrip_result(&x, NULL, &r, &r_back, &t_err));
	assert_true(!r_back.is_err && r_back.as.ok == -4);
	relay_result_none_none bare = {.is_err = true}, bare_back = {0};
	OK(relay_roundtrip_roundtrip_result_bare(&x, NULL, &bare, &bare_back, &t_err));
	assert_true(bare_back.is_err);
	SAW("err");
	relay_result_none_string half = {.is_err = false}, half_back = {0};
	OK(relay_roundtrip_roundtrip_result_err_only(&x, NULL, &half, &half_back, &t_err));
	assert_false(half_back.is_err);
	relay_result_bytes_none bytes = {.is_err = false, .as = {.ok = {(const uint8_t *)"\1\2", 2}}}, bytes_back = {0};
	OK(relay_roundtrip_roundtrip_result_ok_only(&x, NULL, &bytes, &bytes_back, &t_err));
	assert_memory_equal(bytes_back.as.ok.data, "\1\2", 2);
	SAW("ok([1, 2])");
	relay_result_bytes_none_free(&bytes_back);
	relay_tuple_tuple_bool_roundtrip_colour_option_roundtrip_few nested = {{true, RELAY_ROUNDTRIP_COLOUR_GREEN},
	                                                                       {true, 2}},
																 nested_back = {{0}, {0}};
	OK(relay_roundtrip_roundtrip_tuple_nested(&x, NULL, &nested, &nested_back, &t_err));
	assert_true(nested_back.f0.f1 == RELAY_ROUNDTRIP_COLOUR_GREEN && nested_back.f1.value == RELAY_ROUNDTRIP_FEW_WRITE);
}

static void lists(void **state)
{
	(void)state;
	bh_string words[] = {{"a", 1}, {"", 0}, {"ccc", 3}};
	relay_list_string inner[] = {{words, 3}, {NULL, 0}, {words + 2, 1}};
	relay_list_list_string list = {inner, 3}, back = {0};
	OK(relay_roundtrip_roundtrip_list_list_string(&x, NULL, &list, &back, &t_err));
	SAW("[[\"a\", \"\", \"ccc\"], [], [\"ccc\"]]");
	assert_int_equal(back.count, 3);
	assert_int_equal(back.items[1].count, 0);
	assert_string_equal(back.items[2].items[0].data, "ccc");
	relay_list_list_string_free(&back);

	relay_roundtrip_any any[] = {{.tag = RELAY_ROUNDTRIP_ANY_TEXT, .as = {.text = {"t", 1}}},
	                             {.tag = RELAY_ROUNDTRIP_ANY_SMALL, .as = {.small = 0.5f}}};
	relay_list_roundtrip_any variants = {any, 2}, variants_back = {0};
	OK(relay_roundtrip_roundtrip_list_variant(&x, NULL, &variants, &variants_back, &t_err));
	assert_true(variants_back.items[1].as.small == 0.5f);
	SAW("[text(\"t\"), small(0.5)]");
	relay_list_roundtrip_any_free(&variants_back);

	/* More than fits the place on the stack that conversions begin with. */
	enum { MANY = 5000 };
	static relay_roundtrip_mixture items[MANY];
	for (size_t i = 0; i < MANY; i++)
		items[i] = (relay_roundtrip_mixture){(uint8_t)i,   i << 33,    i % 3 == 0, (float)i, (uint32_t)('a' + i % 26),
		                                     words[i % 3], (int16_t)-i};
	relay_list_roundtrip_mixture many = {items, MANY}, many_back = {0};
	OK(relay_roundtrip_roundtrip_list_record(&x, NULL, &many, &many_back, &t_err));
	assert_int_equal(many_back.count, MANY);
	for (size_t i = 0; i < MANY; i++) {
		const relay_roundtrip_mixture *m = &many_back.items[i];
		assert_true(m->a == items[i].a && m->b == items[i].b && m->c == items[i].c && m->d == items[i].d &&
		            m->e == items[i].e && m->g == items[i].g && m->f.length == items[i].f.length);
		assert_memory_equal(m->f.data, items[i].f.data, m->f.length);
	}
	relay_list_roundtrip_mixture_free(&many_back);
	relay_list_f64 reals = {(double[]){0.5, -0.0, (double)INFINITY}, 3}, reals_back = {0};
	OK(relay_roundtrip_roundtrip_list_f64(&x, NULL, &reals, &reals_back, &t_err));
	assert_true(signbit(reals_back.items[1]) && isinf(reals_back.items[2]));
	relay_list_f64_free(&reals_back);
}

/* The same world with every import answered through a completion, at once. */
static void answer_string(const later_imports *self, later_roundtrip_roundtrip_string_answer answer, bh_string v)
{
	bh_string copy;
	(void)self;
	EXPECT(!bh_string_copy(&copy, v.data, v.length, NULL));
	later_roundtrip_roundtrip_string_finish(answer, &copy);
}

static void answer_record(const later_imports *self, later_roundtrip_roundtrip_record_answer answer,
                          const later_roundtrip_point *v)
{
	later_roundtrip_point doubled = {v->x * 2, v->y * 2};
	(void)self;
	later_roundtrip_roundtrip_record_finish(answer, &doubled);
}

static void answer_s64(const later_imports *self, later_roundtrip_roundtrip_s64_answer answer, int64_t v)
{
	if (self->data)
		later_roundtrip_roundtrip_s64_fail(answer, BH_E_IO, "told to");
	else
		later_roundtrip_roundtrip_s64_finish(answer, v + 1);
}

static void answered_through_completions(void **state)
{
	(void)state;
	later_imports later = {
		.roundtrip_roundtrip_string = answer_string,
		.roundtrip_roundtrip_record = answer_record,
		.roundtrip_roundtrip_s64 = answer_s64,
	};
	bh_imports *set = NULL;
	OK(bh_imports_new(&set, &t_err));
	OK(later_imports_define(set, &later, &t_err));
	bh_component_options options = BH_COMPONENT_OPTIONS_INIT;
	options.limits = t_limits();
	options.imports = set;
	bh_component *all = NULL;
	FAILS(BH_E_LINK, bh_component_load_file(&all, host, t_guest("relay.wasm"), &options, &t_err)); /* the rest lacks */
	bh_imports_free(set);

	/* The others answer at once; names and types of both headers are the same but for the prefix. */
	OK(bh_imports_new(&set, &t_err));
	OK(later_imports_define(set, &later, &t_err));
	relay_imports rest = imports;
	rest.roundtrip_roundtrip_string = NULL;
	rest.roundtrip_roundtrip_record = NULL;
	rest.roundtrip_roundtrip_s64 = NULL;
	OK(relay_imports_define(set, &rest, &t_err));
	options.imports = set;
	OK(bh_component_load_file(&all, host, t_guest("relay.wasm"), &options, &t_err));
	bh_imports_free(set);
	relay_exports mixed;
	OK(relay_exports_prepare(&mixed, all, &t_err));
	bh_string text = {0};
	OK(relay_roundtrip_roundtrip_string(&mixed, NULL, bh_string_lend("later"), &text, &t_err));
	assert_string_equal(text.data, "later");
	bh_string_deinit(&text);
	relay_roundtrip_point point = {3, 4}, doubled = {0};
	OK(relay_roundtrip_roundtrip_record(&mixed, NULL, &point, &doubled, &t_err));
	assert_true(doubled.x == 6 && doubled.y == 8);
	int64_t number = 0;
	OK(relay_roundtrip_roundtrip_s64(&mixed, NULL, 41, &number, &t_err));
	assert_int_equal(number, 42);
	later.data = &later;
	FAILS(BH_E_HOST_FUNCTION, relay_roundtrip_roundtrip_s64(&mixed, NULL, 41, &number, &t_err));
	assert_true(t_says("told to"));
	relay_exports_release(&mixed);
	bh_component_unref(all);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(numbers),
		cmocka_unit_test(texts_and_bytes),
		cmocka_unit_test(records_and_variants),
		cmocka_unit_test(options_and_results),
		cmocka_unit_test(lists),
		cmocka_unit_test(answered_through_completions),
	};
	return cmocka_run_group_tests(tests, begin, end);
}
