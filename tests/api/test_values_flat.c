// test: timeout=60
/*
 * What the core function is handed, slot by slot: joined cases, filling, flags, parameters too many for the stack.
 * The guests say what they got as a number, so that both directions cannot be wrong in the same way.
 */
#include <stdlib.h>

#include "one_host.h"

/* A component whose "run" takes `type` as `slots` (core types) and answers with `body`, a u64. */
static bh_component *taking(const char *definitions, const char *type, const char *slots, const char *body)
{
	char text[4000];
	snprintf(text, sizeof text,
	         "(component\n"
	         "  (core module $m\n"
	         "    (memory (export \"memory\") 1) (global $next (mut i32) (i32.const 1024))\n"
	         "    (func (export \"realloc\") (param i32 i32 i32 i32) (result i32)\n"
	         "      (global.set $next (i32.and (i32.add (global.get $next) (i32.const 15)) (i32.const -16)))\n"
	         "      (global.get $next) (global.set $next (i32.add (global.get $next) (local.get 3))))\n"
	         "    (func (export \"run\") (param %s) (result i64) %s))\n"
	         "  (core instance $i (instantiate $m)) %s\n"
	         "  (func (export \"run\") %s (result u64) (canon lift (core func $i \"run\")\n"
	         "    (memory (core memory $i \"memory\")) (realloc (core func $i \"realloc\")))))",
	         slots, body, definitions, type);
	return t_load_text(host, text, NULL);
}

static uint64_t run(bh_component *component, const bh_value *args, size_t count)
{
	bh_value result = BH_VALUE_INIT;
	OK(bh_component_call(component, "run", args, count, &result, NULL, NULL, &t_err));
	assert_int_equal(result.kind, BH_KIND_U64);
	return result.as.u64;
}

static void joined_cases(void **state)
{
	(void)state;
	static const char type[] =
		"(type $v (variant (case \"f\" f32) (case \"l\" s64) (case \"d\" f64) (case \"b\" u8) (case \"n\")\n"
		"  (case \"s\" s8) (case \"p\" (tuple u16 f32))))\n(export $w \"w\" (type $v))";
	bh_component *which = taking(type, "(param \"v\" $w)", "i32 i64 f32", "(i64.extend_i32_u (local.get 0))");
	bh_component *first = taking(type, "(param \"v\" $w)", "i32 i64 f32", "(local.get 1)");
	bh_component *second =
		taking(type, "(param \"v\" $w)", "i32 i64 f32", "(i64.extend_i32_u (i32.reinterpret_f32 (local.get 2)))");
	bh_value pair[] = {bh_of_u16(65535), bh_of_f32(-2.0F)};
	struct {
		const char *name;
		bh_value payload;
		uint64_t first, second;
	} rows[] = {
		{"f", bh_of_f32(1.5F), 0x3FC00000, 0},
		{"l", bh_of_s64(-1), UINT64_MAX, 0},
		{"d", bh_of_f64(1.5), 0x3FF8000000000000, 0},
		{"b", bh_of_u8(255), 255, 0},
		{"n", BH_VALUE_INIT, 0, 0},
		{"s", bh_of_s8(-1), 0xFFFFFFFF, 0},
		{"p", bh_of_tuple(pair, 2), 65535, 0xC0000000},
	};
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		bh_value arg = bh_of_variant(rows[i].name, rows[i].payload.kind ? &rows[i].payload : NULL);
		assert_int_equal(run(which, &arg, 1), i);
		assert_int_equal(run(first, &arg, 1), rows[i].first);
		assert_int_equal(run(second, &arg, 1), rows[i].second);
	}
	bh_component_unref(which);
	bh_component_unref(first);
	bh_component_unref(second);
}

static void nested_options(void **state)
{
	(void)state;
	/* option<result<u8, string>>: some, err, pointer, length. */
	bh_component *component =
		taking("", "(param \"v\" (option (result u8 (error string))))", "i32 i32 i32 i32",
	           "(i64.add (i64.add (i64.mul (i64.const 1000) (i64.extend_i32_u (local.get 0)))\n"
	           "  (i64.mul (i64.const 100) (i64.extend_i32_u (local.get 1))))\n"
	           "  (i64.add (i64.extend_i32_u (local.get 3))\n"
	           "  (if (result i64) (local.get 1) (then (i64.extend_i32_u (i32.load8_u (local.get 2))))\n"
	           "    (else (i64.extend_i32_u (local.get 2))))))");
	bh_value text = BH_STRING("\x02z"), ok = bh_of_u8(7), inner = bh_of_err(&text), arg = bh_of_option(&inner);
	assert_int_equal(run(component, &arg, 1), 1000 + 100 + 2 + 2);
	inner = bh_of_ok(&ok);
	assert_int_equal(run(component, &arg, 1), 1000 + 7);
	arg = bh_of_option(NULL);
	assert_int_equal(run(component, &arg, 1), 0);
	bh_component_unref(component);
}

static void flags_of_each_size(void **state)
{
	(void)state;
	static const int counts[] = {1, 8, 9, 16, 17, 32};
	for (size_t i = 0; i < sizeof counts / sizeof *counts; i++) {
		char type[800] = "(type $f (flags", last[16] = "";
		const char *names[] = {"f0", last};
		for (int k = 0; k < counts[i]; k++)
			snprintf(type + strlen(type), sizeof type - strlen(type), " \"f%d\"", k);
		snprintf(last, sizeof last, "f%d", counts[i] - 1);
		strcat(type, ")) (export $g \"g\" (type $f))");
		uint64_t wanted = 1 | UINT64_C(1) << (counts[i] - 1);
		bh_component *flat = taking(type, "(param \"v\" $g)", "i32", "(i64.extend_i32_u (local.get 0))");
		bh_value arg = bh_of_flags(names, counts[i] > 1 ? 2 : 1);
		assert_int_equal(run(flat, &arg, 1), wanted);
		bh_component_unref(flat);
		/* In memory, as an element of a list: the last of two. */
		int width = counts[i] <= 8 ? 1 : counts[i] <= 16 ? 2 : 4;
		char body[200];
		snprintf(body, sizeof body, "(i64.load%d_u (i32.add (local.get 0) (i32.const %d)))", width * 8, width);
		bh_component *listed = taking(type, "(param \"v\" (list $g))", "i32 i32", body);
		bh_value items[] = {bh_of_flags(NULL, 0), arg}, list = bh_of_list(items, 2);
		assert_int_equal(run(listed, &list, 1), wanted);
		bh_component_unref(listed);
	}
}

/* More than 16 slots: all parameters lie in memory, aligned one by one. */
static void too_many_for_the_stack(void **state)
{
	(void)state;
	char params[800] = "";
	bh_value args[17];
	for (int i = 0; i < 17; i++) {
		snprintf(params + strlen(params), sizeof params - strlen(params), "(param \"p%d\" %s)", i,
		         i % 2 ? "u64" : "u8");
		args[i] = i % 2 ? bh_of_u64((uint64_t)i << 40) : bh_of_u8((uint8_t)i);
	}
	/* u8 at 0, u64 at 8, u8 at 16, ...: the u64 of p15 at 8 * 15, the u8 of p16 at 8 * 16. */
	bh_component *component = taking("", params, "i32",
	                                 "(i64.or (i64.load offset=120 (local.get 0))\n"
	                                 "  (i64.load8_u offset=128 (local.get 0)))");
	assert_int_equal(run(component, args, 17), UINT64_C(15) << 40 | 16);
	FAILS(BH_E_TYPE, bh_component_call(component, "run", args, 16, NULL, NULL, NULL, &t_err));
	bh_component_unref(component);
}

/* Records, options and enums in memory: where padding and payloads lie. */
static void in_memory(void **state)
{
	(void)state;
	static const char type[] =
		"(type $e (enum \"a\" \"b\" \"c\")) (export $e1 \"e\" (type $e))\n"
		"(type $r (record (field \"a\" u8) (field \"b\" (option u32)) (field \"c\" $e1) (field \"d\" f64)))\n"
		"(export $r1 \"r\" (type $r))";
	/* a at 0, b at 4 (payload 8), c at 12, d at 16; 24 bytes each. Of the second. */
	bh_component *component = taking(type, "(param \"v\" (list $r1))", "i32 i32",
	                                 "(i64.add (i64.add (i64.load8_u offset=24 (local.get 0))\n"
	                                 "  (i64.load32_u offset=32 (local.get 0)))\n"
	                                 "  (i64.add (i64.mul (i64.const 1000) (i64.load8_u offset=28 (local.get 0)))\n"
	                                 "  (i64.add (i64.mul (i64.const 10000) (i64.load8_u offset=36 (local.get 0)))\n"
	                                 "  (i64.trunc_f64_u (f64.load offset=40 (local.get 0))))))");
	bh_value some = bh_of_u32(50);
	bh_field first[] = {{"a", bh_of_u8(0)}, {"b", bh_of_option(NULL)}, {"c", bh_of_enum("a")}, {"d", bh_of_f64(0)}};
	/* Given in another order than the type's. */
	bh_field second[] = {
		{"d", bh_of_f64(300000)}, {"c", bh_of_enum("c")}, {"b", bh_of_option(&some)}, {"a", bh_of_u8(5)}};
	bh_value items[] = {bh_of_record(first, 4), bh_of_record(second, 4)}, list = bh_of_list(items, 2);
	assert_int_equal(run(component, &list, 1), 5 + 50 + 1000 + 20000 + 300000);
	bh_component_unref(component);
}

/* Numbers that guests return with rubbish in the bits that their type does not have. */
static void narrow_results(void **state)
{
	(void)state;
	static const struct {
		const char *type, *core, *value, *wave;
	} rows[] = {
		{"u8", "i32", "(i32.const 0x12345680)", "128"},    {"s8", "i32", "(i32.const 0x12345680)", "-128"},
		{"u16", "i32", "(i32.const 0x1234FFFE)", "65534"}, {"s16", "i32", "(i32.const 0x1234FFFE)", "-2"},
		{"bool", "i32", "(i32.const 256)", "true"},        {"bool", "i32", "(i32.const 0)", "false"},
		{"u32", "i32", "(i32.const -1)", "4294967295"},    {"s64", "i64", "(i64.const -5)", "-5"},
		{"f32", "f32", "(f32.const -0.5)", "-0.5"},        {"char", "i32", "(i32.const 0x10FFFF)", NULL},
	};
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		char text[600], *wave = NULL;
		snprintf(text, sizeof text,
		         "(component (core module $m (func (export \"run\") (result %s) %s))\n"
		         "(core instance $i (instantiate $m)) (func (export \"run\") (result %s) (canon lift (core func $i "
		         "\"run\"))))",
		         rows[i].core, rows[i].value, rows[i].type);
		bh_component *component = t_load_text(host, text, NULL);
		OK(t_call(&wave, component, "run", "", NULL, NULL, &t_err));
		if (rows[i].wave)
			assert_string_equal(wave, rows[i].wave);
		bh_string_free(wave);
		bh_component_unref(component);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(joined_cases),       cmocka_unit_test(nested_options),
		cmocka_unit_test(flags_of_each_size), cmocka_unit_test(too_many_for_the_stack),
		cmocka_unit_test(in_memory),          cmocka_unit_test(narrow_results),
	};
	return cmocka_run_group_tests(tests, host_begin, host_end);
}
