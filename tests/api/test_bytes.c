// test: timeout=60 waits
/* Strings and byte lists cross whole, wherever they lie; and what other values cost. */
#include <stdlib.h>

#include "api.h"

static bh_host *host;
static bh_component *echo;

#define BIG BH_MIB(10)

static uint8_t *pattern(size_t length)
{
	uint8_t *bytes = malloc(length + 1);
	assert_non_null(bytes);
	uint32_t x = 1;
	for (size_t i = 0; i < length; i++) {
		x = x * 1664525 + 1013904223;
		bytes[i] = (uint8_t)(x >> 24);
	}
	return bytes;
}

/* Each shape that a result on this path can have, with no parameters or up to four. */
static void every_shape(void **state)
{
	(void)state;
	/* Memory starts with: pointer 64, length 3; then "abc" at 64. Results are read from 0, 16 or 32. */
	static const char text[] =
		"(component (core module $m (memory (export \"m\") 1)\n"
		"  (data (i32.const 0) \"\\40\\00\\00\\00\\03\\00\\00\\00\")\n"
		"  (data (i32.const 16) \"\\00\\00\\00\\00\\40\\00\\00\\00\\03\\00\\00\\00\")\n"
		"  (data (i32.const 32) \"\\01\\00\\00\\00\\40\\00\\00\\00\\03\\00\\00\\00\")\n"
		"  (data (i32.const 64) \"abc\")\n"
		"  (func (export \"realloc\") (param i32 i32 i32 i32) (result i32) (i32.const 1024))\n"
		"  (func (export \"at0\") (result i32) (i32.const 0))\n"
		"  (func (export \"at16\") (result i32) (i32.const 16))\n"
		"  (func (export \"at32\") (result i32) (i32.const 32))\n"
		"  (func (export \"four\") (param i32 i32 i32 i32 i32 i32 i32 i32) (result i32) (i32.const 0))\n"
		"  (func (export \"take\") (param i32 i32)))\n"
		"(core instance $i (instantiate $m))\n"
		"(alias core export $i \"m\" (core memory $m)) (alias core export $i \"realloc\" (core func $r))\n"
		"(func (export \"string\") (result string) (canon lift (core func $i \"at0\") (memory $m)))\n"
		"(func (export \"bytes\") (result (list u8)) (canon lift (core func $i \"at0\") (memory $m)))\n"
		"(func (export \"ok\") (result (result string (error (list u8)))) (canon lift (core func $i \"at16\") (memory "
		"$m)))\n"
		"(func (export \"err\") (result (result string (error (list u8)))) (canon lift (core func $i \"at32\") (memory "
		"$m)))\n"
		"(func (export \"ok-only\") (result (result string)) (canon lift (core func $i \"at16\") (memory $m)))\n"
		"(func (export \"ok-only-err\") (result (result string)) (canon lift (core func $i \"at32\") (memory $m)))\n"
		"(func (export \"err-only\") (result (result (error string))) (canon lift (core func $i \"at32\") (memory "
		"$m)))\n"
		"(func (export \"err-only-ok\") (result (result (error string))) (canon lift (core func $i \"at16\") (memory "
		"$m)))\n"
		"(func (export \"take\") (param \"a\" string) (canon lift (core func $i \"take\") (memory $m) (realloc $r)))\n"
		"(func (export \"four\") (param \"a\" string) (param \"b\" (list u8)) (param \"c\" string) (param \"d\" "
		"string)\n"
		"  (result string) (canon lift (core func $i \"four\") (memory $m) (realloc $r))))";
	static const struct {
		const char *name, *args, *result;
	} rows[] = {
		{"string", "", "\"abc\""},        {"bytes", "", "[97, 98, 99]"},
		{"ok", "", "ok(\"abc\")"},        {"err", "", "err([97, 98, 99])"},
		{"ok-only", "", "ok(\"abc\")"},   {"ok-only-err", "", "err"},
		{"err-only", "", "err(\"abc\")"}, {"err-only-ok", "", "ok"},
		{"take", "\"abc\"", NULL},        {"four", "\"a\", [1], \"\", \"d\"", "\"abc\""},
	};
	bh_component *component = t_load_text(host, text, NULL);
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		char *result = NULL;
		bh_export *export_ = t_find(component, rows[i].name);
		OK(t_call(&result, component, rows[i].name, rows[i].args, NULL, NULL, &t_err));
		if (rows[i].result)
			assert_string_equal(result, rows[i].result);
		else
			assert_null(result);
		bh_string_free(result);
		bh_export_free(export_);
	}
	bh_component_unref(component);
}

static void small_blocks(void **state)
{
	(void)state;
	bh_instance *instance = t_instance(echo);
	bh_export *bytes = t_find(echo, "echo-bytes"), *text = t_find(echo, "echo-text");
	static const size_t lengths[] = {0, 1, 2, 15, 16, 4095, 4096, 65536, 65537};
	uint8_t *data = pattern(65537);
	for (size_t i = 0; i < sizeof lengths / sizeof *lengths; i++) {
		bh_value arg = BH_BYTES(data, lengths[i]), result = BH_VALUE_INIT;
		OK(bh_instance_call(instance, bytes, &arg, 1, &result, NULL, NULL, &t_err));
		assert_true(bh_value_equal(&arg, &result));
		assert_int_equal(result.as.bytes.data[lengths[i]], 0);
		bh_value_deinit(&result);
	}
	bh_value nul = bh_of_string_n("\0a\0", 3), none = bh_of_string_n(NULL, 0), result = BH_VALUE_INIT;
	OK(bh_instance_call(instance, text, &nul, 1, &result, NULL, NULL, &t_err));
	assert_true(bh_value_equal(&nul, &result));
	bh_value_deinit(&result);
	OK(bh_instance_call(instance, text, &none, 1, &result, NULL, NULL, &t_err));
	assert_string_equal(bh_value_string(&result), "");
	bh_value_deinit(&result);
	bh_value bad = BH_STRING("\xed\xa0\x80");
	FAILS(BH_E_TYPE, bh_instance_call(instance, text, &bad, 1, &result, NULL, NULL, &t_err));
	FAILS(BH_E_TYPE, bh_export_call(text, &bad, 1, &result, NULL, NULL, &t_err));
	/* With a deadline the argument is copied first: the same must come out. */
	bh_call_options options = BH_CALL_OPTIONS_INIT;
	options.deadline_ms = 60000;
	OK(bh_instance_call(instance, text, &nul, 1, &result, &options, NULL, &t_err));
	assert_true(bh_value_equal(&nul, &result));
	bh_value_deinit(&result);
	OK(bh_instance_call(instance, text, &nul, 1, NULL, NULL, NULL, &t_err)); /* a result nobody wants */
	free(data);
	bh_export_free(bytes);
	bh_export_free(text);
	bh_instance_free(instance);
}

static void ten_mebibytes_each_way(void **state)
{
	(void)state;
	bh_export *bytes = t_find(echo, "echo-bytes");
	uint8_t *data = pattern(BIG);
	bh_value arg = BH_BYTES(data, BIG), result = BH_VALUE_INIT;
	OK(bh_export_call(bytes, &arg, 1, &result, NULL, NULL, &t_err));
	assert_int_equal(result.as.bytes.length, BIG);
	assert_memory_equal(result.as.bytes.data, data, BIG);
	bh_value_deinit(&result);

	bh_instance *instance = t_instance(echo);
	double best = 1e9, copy = 1e9;
	uint8_t *target = malloc(BIG);
	assert_non_null(target);
	for (int i = 0; i < 10; i++) {
		double start = t_now_ms();
		OK(bh_instance_call(instance, bytes, &arg, 1, &result, NULL, NULL, &t_err));
		double took = t_now_ms() - start;
		best = took < best ? took : best;
		assert_memory_equal(result.as.bytes.data, data, BIG);
		bh_value_deinit(&result);
		start = t_now_ms();
		memcpy(target, data, BIG);
		took = t_now_ms() - start;
		copy = took < copy ? took : copy;
		assert_int_equal(target[i], data[i]);
	}
	print_message("10 MiB there and back: %.2f ms, one memcpy of it: %.2f ms\n", best, copy);
	free(target);
	free(data);
	bh_export_free(bytes);
	bh_instance_free(instance);
}

static void a_string_of_ten_mebibytes(void **state)
{
	(void)state;
	bh_export *text = t_find(echo, "echo-text");
	char *data = malloc(BIG);
	assert_non_null(data);
	memset(data, 'x', BIG);
	memcpy(data, "\0\xf0\x9f\x92\xa7", 5);
	bh_value arg = bh_of_string_n(data, BIG), result = BH_VALUE_INIT;
	OK(bh_export_call(text, &arg, 1, &result, NULL, NULL, &t_err));
	assert_true(bh_value_equal(&arg, &result));
	bh_value_deinit(&result);
	free(data);
	bh_export_free(text);
}

/* What max_hostcall_bytes does on each path, with results just below and above. */
static void the_bound_on_results(void **state)
{
	(void)state;
	static const struct {
		const char *guest, *name;
		uint64_t bound;
		size_t good, bad; /* bytes, or elements */
		bool dynamic;
	} rows[] = {
		{"echo.wasm", "echo-bytes", BH_MIB(1), BH_MIB(1), BH_MIB(1) + 1, false},
		{"echo.wasm", "echo-text", BH_MIB(1), BH_MIB(1), BH_MIB(1) + 1, false},
		{"calc.wasm", "roundtrip-list", BH_MIB(1), BH_KIB(10), BH_MIB(1) / 4, true},
	};
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		bh_limits limits = t_limits();
		limits.hostcall_bytes = rows[i].bound;
		bh_component *component = t_load(host, rows[i].guest, &limits);
		bh_export *export_ = t_find(component, rows[i].name);
		for (int bad = 0; bad < 2; bad++) {
			size_t size = bad ? rows[i].bad : rows[i].good;
			bh_value *data = calloc(size, rows[i].dynamic ? sizeof *data : 1), result = BH_VALUE_INIT;
			assert_non_null(data);
			for (size_t j = 0; rows[i].dynamic && j < size; j++)
				data[j] = bh_of_s32((int32_t)j);
			bh_value arg = rows[i].dynamic                      ? bh_of_list(data, size)
			               : !strcmp(rows[i].name, "echo-text") ? bh_of_string_n((char *)data, size)
			                                                    : BH_BYTES(data, size);
			if (!bad) {
				OK(bh_export_call(export_, &arg, 1, &result, NULL, NULL, &t_err));
				assert_true(bh_value_equal(&arg, &result));
				bh_value_deinit(&result);
			} else {
				bh_usage usage = BH_USAGE_INIT;
				FAILS(BH_E_RESOURCE_LIMIT, bh_export_call(export_, &arg, 1, &result, NULL, &usage, &t_err));
				t_names_limit(BH_LIMIT_HOSTCALL_BYTES, rows[i].bound);
				assert_int_equal(bh_error_trap(t_err), BH_TRAP_RESOURCE_LIMIT);
				assert_true(usage.wall_ns && usage.peak_memory);
			}
			free(data);
		}
		bh_export_free(export_);
		bh_component_unref(component);
	}
}

/* Bytes given value by value, and bytes inside something else, cost what bytes cost. */
static void bytes_wherever_they_lie(void **state)
{
	(void)state;
	bh_component *calc = t_load(host, "calc.wasm", NULL);
	bh_export *export_ = t_find(calc, "roundtrip-list-u8");
	bh_value *items = calloc(BIG, sizeof *items), result = BH_VALUE_INIT;
	assert_non_null(items);
	for (size_t i = 0; i < BIG; i++)
		items[i] = bh_of_u8((uint8_t)i);
	bh_value arg = bh_of_list(items, BIG);
	OK(bh_export_call(export_, &arg, 1, &result, NULL, NULL, &t_err));
	assert_int_equal(result.kind, BH_KIND_BYTES);
	assert_int_equal(result.as.bytes.length, BIG);
	assert_int_equal(result.as.bytes.data[BIG - 1], (uint8_t)(BIG - 1));
	bh_value_deinit(&result);
	free(items);
	bh_export_free(export_);
	export_ = t_find(calc, "roundtrip-option-string");
	char *text = malloc(BIG);
	assert_non_null(text);
	memset(text, 'x', BIG);
	bh_value string = bh_of_string_n(text, BIG);
	arg = bh_of_option(&string);
	OK(bh_export_call(export_, &arg, 1, &result, NULL, NULL, &t_err));
	assert_true(bh_value_equal(&arg, &result));
	bh_value_deinit(&result);
	free(text);
	bh_export_free(export_);
	bh_component_unref(calc);
}

/* How many values of a kind a result may hold under the default bound of 32 MiB: what docs/guide/limits.md says. */
static void most_values(void **state)
{
	(void)state;
	static const size_t most = BH_MIB(32) / 24;
	bh_component *calc = t_load(host, "calc.wasm", NULL);
	bh_export *export_ = t_find(calc, "roundtrip-list");
	bh_value *items = calloc(most + 1, sizeof *items), result = BH_VALUE_INIT;
	assert_non_null(items);
	for (size_t i = 0; i <= most; i++)
		items[i] = bh_of_s32((int32_t)i);
	bh_value arg = bh_of_list(items, most);
	OK(bh_export_call(export_, &arg, 1, &result, NULL, NULL, &t_err));
	assert_true(bh_value_equal(&arg, &result));
	bh_value_deinit(&result);
	arg.as.list.count = most + 1;
	FAILS(BH_E_RESOURCE_LIMIT, bh_export_call(export_, &arg, 1, &result, NULL, NULL, &t_err));
	t_names_limit(BH_LIMIT_HOSTCALL_BYTES, BH_MIB(32));
	free(items);
	bh_export_free(export_);
	bh_component_unref(calc);
}

static int set_up(void **state)
{
	(void)state;
	host = t_host();
	echo = t_load(host, "echo.wasm", NULL);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	t_begin();
	bh_component_unref(echo);
	bh_host_free(host);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_shape),
		cmocka_unit_test(small_blocks),
		cmocka_unit_test(ten_mebibytes_each_way),
		cmocka_unit_test(a_string_of_ten_mebibytes),
		cmocka_unit_test(the_bound_on_results),
		cmocka_unit_test(bytes_wherever_they_lie),
		cmocka_unit_test(most_values),
	};
	return cmocka_run_group_tests(tests, set_up, tear_down);
}
