/* Cron lines: what is one, and when it comes; also when clocks change, or are set. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include "base/error.h"
#include "supervise/cron.h"

static bh_cron read_line(const char *line)
{
	bh_cron cron;
	bh_error *err = NULL;
	if (bh_cron_parse(&cron, line, &err))
		fail_msg("%s", bh_error_message(err));
	return cron;
}

static void set_zone(const char *zone)
{
	setenv("TZ", zone, 1);
	tzset();
}

/* "2026-03-29 02:30" in the zone; with `dst` 1 or 0 where there are two of it. */
static int64_t at(const char *text, int dst)
{
	struct tm tm = {.tm_isdst = dst};
	assert_non_null(strptime(text, "%Y-%m-%d %H:%M:%S", &tm) ? text : strptime(text, "%Y-%m-%d %H:%M", &tm));
	tm.tm_isdst = dst;
	return mktime(&tm);
}

static void assert_next(const char *line, int64_t after, int64_t wanted)
{
	const bh_cron cron = read_line(line);
	int64_t found = bh_cron_next(&cron, after);
	if (found != wanted) {
		time_t shown = (time_t)found;
		fail_msg("%s after %lld: %lld, not %lld: %s", line, (long long)after, (long long)found, (long long)wanted,
		         found == BH_CRON_NEVER ? "never" : ctime(&shown));
	}
}

/* What each line comes to next, from Saturday, 2026-11-21 18:10:30. */
static void lines(void **state)
{
	(void)state;
	static const struct {
		const char *line, *next;
	} rows[] = {
		{"* * * * *", "2026-11-21 18:11"},
		{"*/15 * * * *", "2026-11-21 18:15"},
		{"10 * * * *", "2026-11-21 19:10"},
		{"@hourly", "2026-11-21 19:00"},
		{"@daily", "2026-11-22 00:00"},
		{"@midnight", "2026-11-22 00:00"},
		{"@weekly", "2026-11-22 00:00"},
		{" @MONTHLY\t", "2026-12-01 00:00"},
		{"@yearly", "2027-01-01 00:00"},
		{"@annually", "2027-01-01 00:00"},
		{"30 2 * * mon-fri", "2026-11-23 02:30"},
		{"30 2 * * 1-5", "2026-11-23 02:30"},
		{"0 0 * * 7", "2026-11-22 00:00"},
		{"0 0 * * 0", "2026-11-22 00:00"},
		{"0 0 * * sat-sun", "2026-11-22 00:00"},
		{"0 9 * * Sat", "2026-11-28 09:00"},
		{"0 0 * * 5-7", "2026-11-22 00:00"},
		{"0 0 * * 0-7", "2026-11-22 00:00"},
		{"5,7,9-11 18 * * *", "2026-11-21 18:11"},
		{"20-40/10 18-20/2 * * *", "2026-11-21 18:20"},
		{"0 0 29 feb *", "2028-02-29 00:00"},
		{"0 0 31 * *", "2026-12-31 00:00"},
		{"0 0 31 4,12 *", "2026-12-31 00:00"},
		{"\t0  12   1 JAN *", "2027-01-01 12:00"},
		/* Either day will do where both are said. */
		{"0 0 24 12 wed", "2026-12-02 00:00"},
		{"0 0 30 2 mon", "2027-02-01 00:00"},
		{"0 0 */2 * 2", "2026-12-01 00:00"},
		{"59 23 31 12 *", "2026-12-31 23:59"},
		{"0 0 1-31/31 * *", "2026-12-01 00:00"},
	};
	set_zone("UTC0");
	for (size_t i = 0; i < BH_COUNT(rows); i++)
		assert_next(rows[i].line, at("2026-11-21 18:10:30", 0), at(rows[i].next, 0));
}

/* Exactly at a turn: the next one. */
static void after_means_after(void **state)
{
	(void)state;
	set_zone("UTC0");
	assert_next("10 18 * * *", at("2026-11-21 18:10", 0), at("2026-11-22 18:10", 0));
	assert_next("10 18 * * *", at("2026-11-21 18:09:59", 0), at("2026-11-21 18:10", 0));
	assert_next("* * * * *", -1, 0);
	assert_next("* * * * *", -60, 0);
	assert_next("* * * * *", -61, -60);
	const bh_cron leap = read_line("0 0 29 2 *");
	assert_int_equal(bh_cron_next(&leap, at("2096-03-01 00:00", 0)), at("2104-02-29 00:00", 0)); /* 2100 has none */
}

static void mistakes(void **state)
{
	(void)state;
	static const struct {
		const char *line, *says;
	} rows[] = {
		{"", "0 fields, not 5"},
		{"   ", "0 fields"},
		{"*", "1 field, not 5"},
		{"* * * *", "4 fields"},
		{"* * * * * *", "6 fields"},
		{"60 * * * *", "minute: \"60\""},
		{"* 24 * * *", "hour: \"24\""},
		{"* * 0 * *", "day of the month: \"0\""},
		{"* * 32 * *", "day of the month: \"32\""},
		{"* * * 0 *", "month: \"0\""},
		{"* * * 13 *", "month: \"13\""},
		{"* * * sun *", "month: \"sun\""},
		{"* * * * 8", "day of the week: \"8\""},
		{"* * * * jan", "day of the week: \"jan\""},
		{"* * * * sunday", "day of the week: \"sunday\""},
		{"jan * * * *", "minute: \"jan\""},
		{"1, * * * *", "minute: \"\""},
		{",1 * * * *", "minute: \"\""},
		{"1,,2 * * * *", "minute: \"\""},
		{"5-1 * * * *", "ends before it begins"},
		{"* * * * fri-mon", "ends before it begins"},
		{"1- * * * *", "range has no end"},
		{"-1 * * * *", "minute: \"-1\""},
		{"1-2-3 * * * *", "not a value"},
		{"*/0 * * * *", "not a step"},
		{"*/ * * * *", "not a step"},
		{"*/60 * * * *", "not a step"},
		{"*/x * * * *", "not a step"},
		{"*/5/5 * * * *", "not a value"},
		{"5/10 * * * *", "a step needs a range"},
		{"** * * * *", "not a value"},
		{"*5 * * * *", "not a value"},
		{"00001 * * * *", "not a value"},
		{"99999999999999999999 * * * *", "not a value"},
		{"0 0 30 2 *", "no such day"},
		{"0 0 31 2,4,6,9,11 *", "no such day"},
		{"@reboot", "not a cron line"},
		{"@", "not a cron line"},
		{"@daily 1", "not a cron line"},
		{"@hourly@daily", "not a cron line"},
		{"0 0 * * * # nightly", "not a cron line"},
		{"0 0 * * \x1b[31m", "not a cron line"},
		{"0 0\n* * *", "not a cron line"},
		{"1+1 * * * *", "not a cron line"},
	};
	for (size_t i = 0; i < BH_COUNT(rows); i++) {
		bh_cron cron;
		bh_error *err = NULL;
		if (bh_cron_parse(&cron, rows[i].line, &err) != BH_E_CONFIG)
			fail_msg("taken: %s", rows[i].line);
		if (!strstr(bh_error_message(err), rows[i].says) || strpbrk(bh_error_message(err), "\n\x1b"))
			fail_msg("%s, not: %s", bh_error_message(err), rows[i].says);
		bh_error_free(err);
		assert_int_equal(bh_cron_check(rows[i].line, NULL), BH_E_CONFIG);
	}
	assert_int_equal(bh_cron_check(NULL, NULL), BH_E_INVALID);
	assert_int_equal(bh_cron_check("@daily", NULL), BH_OK);
	char *longest = malloc(100001);
	assert_non_null(longest);
	memset(longest, '1', 100000);
	longest[100000] = 0;
	assert_int_equal(bh_cron_check(longest, NULL), BH_E_CONFIG);
	free(longest);
}

/* Central Europe: forward at 2:00 on 29 March, back at 3:00 on 25 October. */
static void clocks_change(void **state)
{
	(void)state;
	set_zone("CET-1CEST,M3.5.0,M10.5.0/3");
	/* What is left out comes once, when the clocks have gone forward. */
	assert_next("30 2 * * *", at("2026-03-28 02:30", 0), at("2026-03-29 03:00", 1));
	assert_next("30 2 * * *", at("2026-03-29 03:00", 1), at("2026-03-30 02:30", 1));
	assert_next("0,30 2 * * *", at("2026-03-29 01:59", 0), at("2026-03-29 03:00", 1));
	assert_next("0,30 2 * * *", at("2026-03-29 03:00", 1), at("2026-03-30 02:00", 1));
	assert_next("0 3 * * *", at("2026-03-29 01:59", 0), at("2026-03-29 03:00", 1));
	assert_next("30 2 * * mon", at("2026-03-28 02:30", 0), at("2026-03-30 02:30", 1)); /* not a Monday's */
	/* What is there twice comes the first time. */
	assert_next("30 2 * * *", at("2026-10-24 12:00", 1), at("2026-10-25 02:30", 1));
	assert_next("30 2 * * *", at("2026-10-25 02:30", 1), at("2026-10-26 02:30", 0));
	assert_next("30 1 * * *", at("2026-10-25 01:30", 1), at("2026-10-26 01:30", 0));
	assert_next("0 3 * * *", at("2026-10-25 02:59", 1), at("2026-10-25 03:00", 0));
	/* What comes at any hour goes on as it does. */
	assert_next("0 * * * *", at("2026-03-29 01:00", 0), at("2026-03-29 03:00", 1));
	assert_next("*/30 * * * *", at("2026-03-29 01:30", 0), at("2026-03-29 03:00", 1));
	assert_next("30 * * * *", at("2026-10-25 02:30", 1), at("2026-10-25 02:30", 0));
	assert_next("*/10 2 * * *", at("2026-03-28 02:50", 0), at("2026-03-30 02:00", 1));
	/* In days about it nothing is lost. */
	assert_next("0 12 * * *", at("2026-03-28 12:00", 0), at("2026-03-29 12:00", 1));
	assert_next("0 12 * * *", at("2026-10-24 12:00", 1), at("2026-10-25 12:00", 0));
	assert_next("59 23 * * *", at("2026-10-24 23:59", 1), at("2026-10-25 23:59", 0));
	/* By half an hour; and at midnight, where a day begins at one. */
	set_zone("LHST-10:30LHDT-11,M10.1.0/2,M4.1.0/2");
	assert_next("15 2 * * *", at("2026-10-03 02:15", 0), at("2026-10-04 02:30", 1));
	assert_next("45 1 * * *", at("2026-04-05 01:45", 1), at("2026-04-06 01:45", 0));
	set_zone("XXX4YYY,M10.3.0/0,M2.3.0/0");
	assert_next("0 0 * * *", at("2026-10-17 12:00", 0), at("2026-10-18 01:00", 1));
	assert_next("0 0 * * *", at("2026-10-18 01:00", 1), at("2026-10-19 00:00", 1));
}

/* Each minute of a year is counted, in all zones with a change: as often as the days there are. */
static void once_a_day(void **state)
{
	(void)state;
	static const char *const zones[] = {"UTC0", "CET-1CEST,M3.5.0,M10.5.0/3", "LHST-10:30LHDT-11,M10.1.0/2,M4.1.0/2",
	                                    "XXX4YYY,M10.3.0/0,M2.3.0/0", "NST3:30NDT,M3.2.0/0:01,M11.1.0/0:01"};
	for (size_t zone = 0; zone < BH_COUNT(zones); zone++)
		for (int hour = 0; hour < 5; hour++)
			for (int minute = 0; minute < 60; minute += 15) {
				char line[32];
				int runs = 0;
				set_zone(zones[zone]);
				snprintf(line, sizeof line, "%d %d * * *", minute, hour);
				const bh_cron cron = read_line(line);
				int64_t end = at("2026-12-31 23:59", 0);
				for (int64_t t = at("2025-12-31 23:59", 0); (t = bh_cron_next(&cron, t)) < end;)
					runs++;
				assert_int_equal(runs, 365);
			}
}

enum { HOUR_MS = 3600 * 1000 };

/* Waiting for noon, with the clock in milliseconds. */
static void waiting(void **state)
{
	(void)state;
	set_zone("UTC0");
	const bh_cron cron = read_line("0 12 * * *");
	const int64_t noon = at("2026-11-21 12:00", 0) * 1000;
	bh_cron_turn turn = {0};
	assert_int_equal(bh_cron_wait_ms(&cron, &turn, noon - 1500, true), 1500);
	assert_int_equal(bh_cron_wait_ms(&cron, &turn, noon - 1, false), 1);
	assert_int_equal(bh_cron_wait_ms(&cron, &turn, noon, false), 0);
	assert_int_equal(bh_cron_wait_ms(&cron, &turn, noon, true), 24 * HOUR_MS);
	/* A run before its time, as somebody asked, takes no turn away. */
	assert_int_equal(bh_cron_wait_ms(&cron, &turn, noon + 23 * HOUR_MS, true), HOUR_MS);
}

static void clock_is_set(void **state)
{
	(void)state;
	set_zone("UTC0");
	const bh_cron cron = read_line("0 12 * * *");
	const int64_t noon = at("2026-11-21 12:00", 0) * 1000;
	bh_cron_turn turn = {0};
	/* Forward a little: what was passed over comes at once. */
	(void)bh_cron_wait_ms(&cron, &turn, noon - HOUR_MS, true);
	assert_int_equal(bh_cron_wait_ms(&cron, &turn, noon + 2 * HOUR_MS, false), 0);
	/* Back a little: what was does not come again. */
	assert_int_equal(bh_cron_wait_ms(&cron, &turn, noon - HOUR_MS, true), 25 * HOUR_MS);
	/* Forward by a day or a year: nothing comes at once. */
	turn = (bh_cron_turn){0};
	(void)bh_cron_wait_ms(&cron, &turn, noon - HOUR_MS, true);
	assert_int_equal(bh_cron_wait_ms(&cron, &turn, noon + 4 * HOUR_MS, false), 20 * HOUR_MS);
	/* Back by days: the next noon by the new time, though it was before. */
	assert_int_equal(bh_cron_wait_ms(&cron, &turn, noon - 49 * HOUR_MS, false), HOUR_MS);
	/* It ran at noon, and only then the clock went back a long way. */
	assert_int_equal(bh_cron_wait_ms(&cron, &turn, noon - 48 * HOUR_MS, false), 0);
	assert_int_equal(bh_cron_wait_ms(&cron, &turn, noon - 48 * HOUR_MS - 4 * HOUR_MS, true), 4 * HOUR_MS);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(lines),         cmocka_unit_test(after_means_after), cmocka_unit_test(mistakes),
		cmocka_unit_test(clocks_change), cmocka_unit_test(once_a_day),        cmocka_unit_test(waiting),
		cmocka_unit_test(clock_is_set),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
