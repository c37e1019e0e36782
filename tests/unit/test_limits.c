/* Limits: the table, values as people write and read them, ceilings. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "bulkhead/limits.h"

static bh_limits empty(void)
{
	bh_limits limits;
	memset(&limits, 0, sizeof limits);
	limits.struct_size = sizeof limits;
	return limits;
}

/* What must hold for every row, those of tomorrow included. */
static void test_table(void **state)
{
	(void)state;
	assert_null(bh_limit_describe(BH_LIMIT_NONE));
	assert_null(bh_limit_describe(BH_LIMIT_COUNT));
	assert_null(bh_limit_describe((bh_limit)-1));
	for (int i = BH_LIMIT_NONE + 1; i < BH_LIMIT_COUNT; i++) {
		const bh_limit_info *info = bh_limit_describe((bh_limit)i);
		assert_non_null(info);
		assert_non_null(info->key);
		assert_non_null(info->text);
		assert_true(info->minimum > 0 && info->minimum < info->maximum);
		assert_true(!info->fallback || info->fallback == BH_UNLIMITED ||
		            (info->fallback >= info->minimum && info->fallback <= info->maximum));
		assert_true(info->fallback != BH_UNLIMITED || info->may_be_unlimited);
		assert_int_equal(bh_limit_find(info->key), i);
		if (info->flag)
			assert_int_equal(bh_limit_find(info->flag), i);
		/* Each row has a field of its own. */
		bh_limits limits = empty();
		bh_limits_set(&limits, (bh_limit)i, 77);
		for (int j = BH_LIMIT_NONE + 1; j < BH_LIMIT_COUNT; j++)
			assert_int_equal(bh_limits_get(&limits, (bh_limit)j), i == j ? 77 : 0);
		assert_int_equal(limits.struct_size, sizeof limits);
		assert_int_equal(limits.on_memory_limit, BH_MEMORY_LIMIT_FAIL);
	}
	assert_int_equal(bh_limit_find("no such limit"), BH_LIMIT_NONE);
	assert_int_equal(bh_limit_find(""), BH_LIMIT_NONE);
	bh_limits limits = empty();
	bh_limits_set(&limits, BH_LIMIT_NONE, 5);
	assert_int_equal(bh_limits_get(&limits, BH_LIMIT_COUNT), 0);
}

static void test_defaults(void **state)
{
	(void)state;
	bh_limits limits = empty();
	bh_limits_fill(&limits);
	assert_int_equal(limits.memory, 0);
	assert_int_equal(limits.stack, BH_MIB(1));
	assert_int_equal(limits.fuel, 1000000);
	assert_int_equal(limits.execution_ms, 100);
	assert_int_equal(limits.queue_ms, 1000);
	assert_int_equal(limits.tables, 100);
	assert_int_equal(limits.table_elements, 10000);
	assert_int_equal(limits.instances, 1000);
	assert_int_equal(limits.hostcall_bytes, BH_MIB(32));
	assert_int_equal(limits.output_bytes, BH_MIB(1));
	assert_int_equal(limits.open_files, 64);
	assert_true(limits.io_bytes == BH_UNLIMITED);
	assert_int_equal(limits.blocking, 4);
	limits.memory = BH_MIB(1);
	assert_int_equal(bh_limits_check(&limits, NULL), BH_OK);
	/* What was said stays. */
	limits = empty();
	limits.fuel = BH_UNLIMITED;
	limits.stack = BH_KIB(64);
	bh_limits_fill(&limits);
	assert_true(limits.fuel == BH_UNLIMITED);
	assert_int_equal(limits.stack, BH_KIB(64));
}

static void test_parse(void **state)
{
	static const struct {
		bh_limit limit;
		const char *text;
		uint64_t value;
	} good[] = {
		{BH_LIMIT_MEMORY, "64MB", 64000000},
		{BH_LIMIT_MEMORY, "64MiB", 67108864},
		{BH_LIMIT_MEMORY, "64mib", 67108864},
		{BH_LIMIT_MEMORY, "64 MiB", 67108864},
		{BH_LIMIT_MEMORY, "67108864", 67108864},
		{BH_LIMIT_MEMORY, "67_108_864", 67108864},
		{BH_LIMIT_MEMORY, "67108864B", 67108864},
		{BH_LIMIT_MEMORY, "100KB", 100000},
		{BH_LIMIT_MEMORY, "64KiB", 65536},
		{BH_LIMIT_MEMORY, "4GiB", BH_GIB(4)},
		{BH_LIMIT_MEMORY, "1GB", 1000000000},
		{BH_LIMIT_EXECUTION_TIME, "100ms", 100},
		{BH_LIMIT_EXECUTION_TIME, "100 ms", 100},
		{BH_LIMIT_EXECUTION_TIME, "5", 5},
		{BH_LIMIT_EXECUTION_TIME, "2s", 2000},
		{BH_LIMIT_EXECUTION_TIME, "1m", 60000},
		{BH_LIMIT_EXECUTION_TIME, "1h", 3600000},
		{BH_LIMIT_EXECUTION_TIME, "unlimited", BH_UNLIMITED},
		{BH_LIMIT_FUEL, "1000000", 1000000},
		{BH_LIMIT_FUEL, "1_000_000", 1000000},
		{BH_LIMIT_FUEL, "9223372036854775807", INT64_MAX},
		{BH_LIMIT_FUEL, "unlimited", BH_UNLIMITED},
	};
	(void)state;
	for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
		uint64_t value = 0;
		assert_int_equal(bh_limit_parse(&value, good[i].limit, good[i].text, NULL), BH_OK);
		assert_true(value == good[i].value);
	}
}

static void test_parse_refuses(void **state)
{
	static const struct {
		bh_limit limit;
		const char *text;
	} bad[] = {
		{BH_LIMIT_MEMORY, ""},
		{BH_LIMIT_MEMORY, "MB"},
		{BH_LIMIT_MEMORY, "64 apples"},
		{BH_LIMIT_MEMORY, "64M"},
		{BH_LIMIT_MEMORY, " 64MB"},
		{BH_LIMIT_MEMORY, "64MB "},
		{BH_LIMIT_MEMORY, "-64MB"},
		{BH_LIMIT_MEMORY, "+64MB"},
		{BH_LIMIT_MEMORY, "6.4MB"},
		{BH_LIMIT_MEMORY, "_64MB"},
		{BH_LIMIT_MEMORY, "64_MB"},
		{BH_LIMIT_MEMORY, "6__4MB"},
		{BH_LIMIT_MEMORY, "64ms"},
		{BH_LIMIT_MEMORY, "0"},
		{BH_LIMIT_MEMORY, "65535"},
		{BH_LIMIT_MEMORY, "4294967297"},
		{BH_LIMIT_MEMORY, "unlimited"},
		{BH_LIMIT_MEMORY, "18446744073709551616"},
		{BH_LIMIT_MEMORY, "18446744073709551615KB"},
		{BH_LIMIT_EXECUTION_TIME, "2MB"},
		{BH_LIMIT_EXECUTION_TIME, "2 seconds"},
		{BH_LIMIT_EXECUTION_TIME, "0"},
		{BH_LIMIT_EXECUTION_TIME, "10000000h"},
		{BH_LIMIT_FUEL, "1k"},
		{BH_LIMIT_FUEL, "0x10"},
		{BH_LIMIT_FUEL, "9223372036854775808"},
		{BH_LIMIT_FUEL, "Unlimited"},
		{BH_LIMIT_FUEL, "18446744073709551615x"},
	};
	(void)state;
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
		uint64_t value = 42;
		bh_error *err = NULL;
		if (bh_limit_parse(&value, bad[i].limit, bad[i].text, &err) != BH_E_CONFIG)
			fail_msg("%s was taken", bad[i].text);
		assert_int_equal(value, 42);
		assert_non_null(strstr(bh_error_message(err), bh_limit_describe(bad[i].limit)->key));
		assert_non_null(strstr(bh_error_hint(err), "llowed"));
		bh_error_free(err);
	}
	uint64_t value;
	assert_int_equal(bh_limit_parse(&value, BH_LIMIT_NONE, "1", NULL), BH_E_INVALID);
	assert_int_equal(bh_limit_parse(&value, BH_LIMIT_COUNT, "1", NULL), BH_E_INVALID);
}

static void test_format(void **state)
{
	static const struct {
		bh_limit limit;
		uint64_t value;
		const char *text;
	} cases[] = {
		{BH_LIMIT_MEMORY, BH_MIB(64), "64 MiB"},
		{BH_LIMIT_MEMORY, BH_GIB(4), "4 GiB"},
		{BH_LIMIT_MEMORY, BH_KIB(1), "1 KiB"},
		{BH_LIMIT_MEMORY, 64000000, "64 MB"},
		{BH_LIMIT_MEMORY, 1000, "1 KB"},
		{BH_LIMIT_FUEL, 1000000, "1,000,000"},
		{BH_LIMIT_FUEL, 999, "999"},
		{BH_LIMIT_FUEL, 1000, "1,000"},
		{BH_LIMIT_FUEL, BH_UNLIMITED, "unlimited"},
		{BH_LIMIT_FUEL, UINT64_MAX - 1, "18,446,744,073,709,551,614"},
		{BH_LIMIT_EXECUTION_TIME, 100, "100 ms"},
		{BH_LIMIT_NONE, 1234, "1,234"},
	};
	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		char text[64], little[4];
		size_t length = bh_limit_format(text, sizeof text, cases[i].limit, cases[i].value);
		assert_string_equal(text, cases[i].text);
		assert_int_equal(length, strlen(cases[i].text));
		assert_int_equal(bh_limit_format(little, sizeof little, cases[i].limit, cases[i].value), length);
		assert_int_equal(strncmp(little, cases[i].text, 3), 0);
		assert_int_equal(bh_limit_format(NULL, 0, cases[i].limit, cases[i].value), length);
	}
}

/* What is written can be read back, for every row and its bounds. */
static void test_format_parses(void **state)
{
	(void)state;
	for (int i = BH_LIMIT_NONE + 1; i < BH_LIMIT_COUNT; i++) {
		const bh_limit_info *info = bh_limit_describe((bh_limit)i);
		uint64_t values[] = {info->fallback, info->unit == BH_UNIT_BYTES ? BH_MIB(1) : info->minimum};
		for (size_t j = 0; j < 2; j++) {
			char text[64], plain[64], *to = plain;
			uint64_t value = 0;
			if (!values[j])
				continue;
			bh_limit_format(text, sizeof text, (bh_limit)i, values[j]);
			for (const char *from = text; *from; from++)
				if (*from != ',')
					*to++ = *from;
			*to = '\0';
			assert_int_equal(bh_limit_parse(&value, (bh_limit)i, plain, NULL), BH_OK);
			assert_true(value == values[j]);
		}
	}
}

static void test_check(void **state)
{
	(void)state;
	bh_limits limits = empty();
	bh_error *err = NULL;
	assert_int_equal(bh_limits_check(&limits, &err), BH_E_MISSING_LIMITS);
	assert_int_equal(bh_error_limit(err, NULL, NULL), BH_LIMIT_MEMORY);
	bh_error_free(err);

	for (int i = BH_LIMIT_NONE + 1; i < BH_LIMIT_COUNT; i++) {
		const bh_limit_info *info = bh_limit_describe((bh_limit)i);
		const struct {
			uint64_t value;
			bool good;
		} cases[] = {
			{info->minimum, true},
			{info->maximum, true},
			{info->maximum + 1, false},
			{info->minimum - 1, info->minimum == 1}, /* zero: the default */
			{BH_UNLIMITED, info->may_be_unlimited},
		};
		for (size_t j = 0; j < sizeof cases / sizeof *cases; j++) {
			uint64_t allowed = 0, attempted = 0;
			limits = empty();
			limits.memory = BH_MIB(1);
			bh_limits_set(&limits, (bh_limit)i, cases[j].value);
			err = NULL;
			bh_status status = bh_limits_check(&limits, &err);
			assert_int_equal(status, cases[j].good ? BH_OK : BH_E_CONFIG);
			if (cases[j].good)
				continue;
			assert_int_equal(bh_error_limit(err, &allowed, &attempted), i);
			assert_true(allowed == info->maximum && attempted == cases[j].value);
			bh_error_free(err);
		}
	}
}

static void test_ceilings(void **state)
{
	(void)state;
	bh_limits limits = empty(), ceilings = empty();
	bh_error *err = NULL;
	uint64_t allowed, attempted;
	limits.memory = BH_MIB(64);
	limits.fuel = BH_UNLIMITED;
	bh_limits_fill(&limits);
	assert_int_equal(bh_limits_bound(&limits, &ceilings, BH_CEILING_REJECT, NULL), BH_OK);

	ceilings.memory = BH_MIB(64);
	assert_int_equal(bh_limits_bound(&limits, &ceilings, BH_CEILING_REJECT, NULL), BH_OK);
	ceilings.memory = BH_MIB(16);
	assert_int_equal(bh_limits_bound(&limits, &ceilings, BH_CEILING_REJECT, &err), BH_E_POLICY);
	assert_string_equal(bh_error_message(err), "max_memory: 64 MiB asked for, 16 MiB allowed by the host");
	assert_int_equal(bh_error_limit(err, &allowed, &attempted), BH_LIMIT_MEMORY);
	assert_int_equal(allowed, BH_MIB(16));
	assert_int_equal(attempted, BH_MIB(64));
	assert_int_equal(limits.memory, BH_MIB(64));
	bh_error_free(err);

	/* "Unlimited" is more than any ceiling. */
	ceilings.fuel = 5000;
	assert_int_equal(bh_limits_bound(&limits, &ceilings, BH_CEILING_CLAMP, NULL), BH_OK);
	assert_int_equal(limits.memory, BH_MIB(16));
	assert_int_equal(limits.fuel, 5000);
	assert_int_equal(limits.stack, BH_MIB(1));
	assert_int_equal(bh_limits_bound(&limits, &ceilings, BH_CEILING_REJECT, NULL), BH_OK);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_table),         cmocka_unit_test(test_defaults), cmocka_unit_test(test_parse),
		cmocka_unit_test(test_parse_refuses), cmocka_unit_test(test_format),   cmocka_unit_test(test_format_parses),
		cmocka_unit_test(test_check),         cmocka_unit_test(test_ceilings),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
