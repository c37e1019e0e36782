/* Errors: what they carry, what they bound, and what is left of them without memory. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/error.h"
#include "bulkhead/limits.h"

static void test_plain(void **state)
{
	(void)state;
	bh_error *err = NULL;
	assert_int_equal(bh_fail(&err, BH_E_NOT_FOUND, "%s: no such file", "x.wasm"), BH_E_NOT_FOUND);
	assert_int_equal(bh_error_status(err), BH_E_NOT_FOUND);
	assert_string_equal(bh_error_message(err), "x.wasm: no such file");
	assert_null(bh_error_hint(err));
	assert_null(bh_error_location(err));
	assert_int_equal(bh_error_cause_count(err), 0);
	assert_null(bh_error_cause(err, 0));
	assert_int_equal(bh_error_frame_count(err), 0);
	assert_null(bh_error_frame(err, 0));
	assert_int_equal(bh_error_trap(err), BH_TRAP_NONE);
	assert_int_equal(bh_error_limit(err, NULL, NULL), 0);
	assert_int_equal(bh_error_exit_status(err), 0);
	bh_error_free(err);
	bh_error_free(NULL);
}

/* Nobody wants details: the status is all there is. */
static void test_unwanted(void **state)
{
	(void)state;
	assert_int_equal(bh_fail(NULL, BH_E_IO, "x"), BH_E_IO);
	assert_int_equal(bh_fail_errno(NULL, BH_E_IO, EACCES, "x"), BH_E_IO);
	assert_int_equal(bh_fail_memory(NULL), BH_E_NO_MEMORY);
	bh_error *e = bh_error_begin(NULL, BH_E_IO, "x");
	const bh_location where = {.file = "f"};
	const bh_frame frame = {.function = "f"};
	assert_null(e);
	bh_error_hint_set(e, "x");
	bh_error_cause_add(e, "x");
	bh_error_prefix(e, "x");
	bh_error_trap_set(e, BH_TRAP_NONE);
	bh_error_frame_add(e, &frame);
	bh_error_limit_set(e, 1, 2, 3);
	bh_error_exit_set(e, 1);
	bh_error_location_set(e, &where);
}

static void test_full(void **state)
{
	(void)state;
	bh_error *err = NULL;
	char file[] = "Component.toml", key[] = "resources.max_memory", function[] = "average";
	bh_error *e = bh_error_begin(&err, BH_E_MEMORY_LIMIT, "%d", 1);
	assert_ptr_equal(e, err);
	bh_error_hint_set(e, "first");
	bh_error_hint_set(e, "raise %s", "it");
	bh_error_cause_add(e, "near");
	bh_error_cause_add(e, "far");
	bh_error_prefix(e, "%s: ", "a.wasm");
	bh_error_trap_set(e, (bh_trap)2);
	bh_error_frame_add(e, &(bh_frame){.function = function, .line = 41});
	bh_error_limit_set(e, BH_LIMIT_MEMORY, 64, 65);
	bh_error_exit_set(e, 3);
	bh_error_location_set(e, &(bh_location){.file = file, .key = key, .line = 7, .column = 14, .length = 11});
	/* Strings are copied; the first location stays. */
	memset(file, 'x', 3);
	memset(key, 'x', 3);
	memset(function, 'x', 3);
	bh_error_location_set(e, &(bh_location){.file = "other", .line = 1});

	uint64_t allowed, attempted;
	assert_string_equal(bh_error_message(err), "a.wasm: 1");
	assert_string_equal(bh_error_hint(err), "raise it");
	assert_int_equal(bh_error_cause_count(err), 2);
	assert_string_equal(bh_error_cause(err, 0), "near");
	assert_string_equal(bh_error_cause(err, 1), "far");
	assert_null(bh_error_cause(err, 2));
	assert_int_equal(bh_error_trap(err), 2);
	assert_string_equal(bh_error_frame(err, 0)->function, "average");
	assert_int_equal(bh_error_frame(err, 0)->line, 41);
	assert_null(bh_error_frame(err, 0)->file);
	assert_int_equal(bh_error_limit(err, &allowed, &attempted), BH_LIMIT_MEMORY);
	assert_int_equal(allowed, 64);
	assert_int_equal(attempted, 65);
	assert_int_equal(bh_error_exit_status(err), 3);
	assert_string_equal(bh_error_location(err)->file, "Component.toml");
	assert_string_equal(bh_error_location(err)->key, "resources.max_memory");
	assert_int_equal(bh_error_location(err)->line, 7);
	bh_error_free(err);
}

static void test_errno(void **state)
{
	(void)state;
	bh_error *err = NULL;
	assert_int_equal(bh_fail_errno(&err, BH_E_IO, EACCES, "%s", "x"), BH_E_IO);
	assert_string_equal(bh_error_message(err), "x: Permission denied");
	bh_error_free(err);
}

/* The tables of statuses and traps: complete, each name once, and safe against numbers that are none. */
static void test_tables(void **state)
{
	static const bh_status statuses[] = {
#define X(code, name, category, kind, text) BH_##name,
		BH_STATUS_MAP(X)
#undef X
	};
	(void)state;
	for (size_t i = 0; i < BH_COUNT(statuses); i++) {
		assert_true(*bh_status_name(statuses[i]) && *bh_status_text(statuses[i]) && *bh_status_kind(statuses[i]));
		assert_int_equal(strncmp(bh_status_name(statuses[i]), "BH_", 3), 0);
		assert_int_equal(bh_status_category(statuses[i]) == BH_CATEGORY_NONE, statuses[i] == BH_OK);
		for (size_t j = 0; j < i; j++) {
			assert_true(statuses[i] != statuses[j]);
			assert_string_not_equal(bh_status_name(statuses[i]), bh_status_name(statuses[j]));
		}
	}
	assert_string_equal(bh_status_name(BH_E_TIMEOUT), "BH_E_TIMEOUT");
	assert_string_equal(bh_status_kind(BH_E_TIMEOUT), "ExecutionTimeout");
	assert_string_equal(bh_status_name((bh_status)12345), "unknown");
	for (int i = 0; i < BH_TRAP_COUNT; i++) {
		assert_true(*bh_trap_name((bh_trap)i) && *bh_trap_text((bh_trap)i));
		for (int j = 0; j < i; j++)
			assert_string_not_equal(bh_trap_name((bh_trap)i), bh_trap_name((bh_trap)j));
	}
	assert_string_equal(bh_trap_name((bh_trap)-1), bh_trap_name(BH_TRAP_UNKNOWN));
	assert_string_equal(bh_trap_text((bh_trap)BH_TRAP_COUNT), bh_trap_text(BH_TRAP_UNKNOWN));
}

/* A hostile guest has deep stacks and long chains of causes. */
static void test_bounded(void **state)
{
	(void)state;
	bh_error *err = NULL;
	bh_error *e = bh_error_begin(&err, BH_E_TRAP, "x");
	for (int i = 0; i < 1000; i++) {
		bh_error_cause_add(e, "%d", i);
		bh_error_frame_add(e, &(bh_frame){.function_index = (uint32_t)i});
	}
	assert_true(bh_error_cause_count(err) < 100 && bh_error_frame_count(err) < 100);
	assert_int_equal(bh_error_frame(err, 5)->function_index, 5);
	bh_error_free(err);
}

static void test_static_error(void **state)
{
	(void)state;
	bh_error *err = NULL;
	assert_int_equal(bh_fail_memory(&err), BH_E_NO_MEMORY);
	assert_int_equal(bh_error_status(err), BH_E_NO_MEMORY);
	assert_string_equal(bh_error_message(err), bh_status_text(BH_E_NO_MEMORY));
	/* It is everybody's: nothing can be written to it. */
	bh_error_hint_set(err, "x");
	bh_error_cause_add(err, "x");
	bh_error_prefix(err, "x");
	bh_error_limit_set(err, 1, 1, 1);
	bh_error_location_set(err, &(bh_location){.file = "f"});
	assert_null(bh_error_hint(err));
	assert_null(bh_error_location(err));
	assert_int_equal(bh_error_cause_count(err), 0);
	assert_int_equal(bh_error_limit(err, NULL, NULL), 0);
	bh_error_free(err);
	bh_error_free(err);
}

static void test_no_memory(void **state)
{
	(void)state;
	for (int sticky = 0; sticky < 2; sticky++) {
		bool failed = true;
		for (uint64_t nth = 1; failed; nth++) {
			bh_error *err = NULL;
			bh_alloc_fail_at(nth, sticky);
			bh_error *e = bh_error_begin(&err, BH_E_TRAP, "trapped");
			bh_error_hint_set(e, "hint");
			bh_error_hint_set(e, "another");
			bh_error_cause_add(e, "cause");
			bh_error_prefix(e, "prefix: ");
			bh_error_frame_add(e, &(bh_frame){.function = "f", .module = "m", .file = "c"});
			bh_error_location_set(e, &(bh_location){.file = "f", .key = "k", .line = 1});
			failed = bh_alloc_count() >= nth;
			bh_alloc_fail_at(0, false);
			assert_non_null(err);
			assert_true(bh_error_status(err) == (e ? BH_E_TRAP : BH_E_NO_MEMORY));
			assert_non_null(strstr(bh_error_message(err), e ? "trapped" : "memory"));
			bh_error_free(err);
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_plain),        cmocka_unit_test(test_unwanted),  cmocka_unit_test(test_full),
		cmocka_unit_test(test_tables),       cmocka_unit_test(test_errno),     cmocka_unit_test(test_bounded),
		cmocka_unit_test(test_static_error), cmocka_unit_test(test_no_memory),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
