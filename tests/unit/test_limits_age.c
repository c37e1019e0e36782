/* Ages as people write them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "bulkhead/limits.h"

static void test_parse(void **state)
{
	static const struct {
		const char *text;
		uint64_t seconds;
	} good[] = {
		{"30d", 2592000}, {"12h", 43200},  {"5m", 300},     {"10s", 10},
		{"90", 90},       {"2 d", 172800}, {"1_000", 1000}, {"36500d", UINT64_C(3153600000)},
	};
	(void)state;
	for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
		uint64_t seconds = 0;
		assert_int_equal(bh_age_parse(&seconds, good[i].text, NULL), BH_OK);
		assert_true(seconds == good[i].seconds);
	}
}

static void test_refuses(void **state)
{
	static const char *const bad[] = {
		"",
		"d",
		"0",
		"0d",
		"-1d",
		"+1d",
		"1.5d",
		"30 fortnights",
		"30dd",
		"1d12h",
		"30d ",
		"100ms",
		"5MB",
		"unlimited",
		/* Too old; and what overflows while it is read, and when it is multiplied. */
		"36501d",
		"3153600001",
		"99999999999d",
		"18446744073709551616",
		"18446744073709551615d",
	};
	(void)state;
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
		uint64_t seconds = 77;
		bh_error *err = NULL;
		assert_int_equal(bh_age_parse(&seconds, bad[i], &err), BH_E_CONFIG);
		assert_int_equal(seconds, 77);
		assert_non_null(bh_error_hint(err));
		bh_error_free(err);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_parse),
		cmocka_unit_test(test_refuses),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
