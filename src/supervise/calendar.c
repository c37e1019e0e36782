/* Turns of a cron line: finding the next one in local time, and waiting for it by a clock that people set. */
#include <time.h>

#include "base/clock.h"
#include "supervise/cron.h"

enum {
	MINUTE = 60,
	HOUR = 3600,
	DAY = 86400,
	MOST_STEPS = 12 * 366 + 12 * 2 * 100, /* days, and the hours and minutes about a change of clocks */
	MOST_LEFT_OUT = 26 * 60,              /* minutes: zones moved over the date line */
	RECENTLY = 3 * HOUR,
};

/* A moment, and what clocks show then. */
typedef struct {
	int64_t at;
	struct tm local;
} moment;

static moment look(int64_t at)
{
	moment m = {.at = at};
	time_t seconds = (time_t)at;
	if (!localtime_r(&seconds, &m.local))
		gmtime_r(&seconds, &m.local);
	return m;
}

static bool has_day(const bh_cron *cron, const struct tm *local)
{
	bool day = cron->days >> local->tm_mday & 1, weekday = cron->weekdays >> local->tm_wday & 1;
	return (cron->months >> (local->tm_mon + 1) & 1) && (cron->either_day ? day || weekday : day && weekday);
}

static bool has(const bh_cron *cron, const struct tm *local)
{
	return has_day(cron, local) && (cron->hours >> local->tm_hour & 1) && (cron->minutes >> local->tm_min & 1);
}

/* A minute on; where nothing can come for longer, to the next hour or day, but never over a change of clocks. */
static moment step(const bh_cron *cron, const moment *from)
{
	const struct tm *local = &from->local;
	int in_hour = local->tm_min * MINUTE + local->tm_sec;
	int distances[] = {DAY - local->tm_hour * HOUR - in_hour, HOUR - in_hour};
	bool idle[] = {!has_day(cron, local), !has_day(cron, local) || !(cron->hours >> local->tm_hour & 1)};
	for (int i = 0; i < 2; i++) {
		moment to = look(from->at + distances[i]);
		if (idle[i] && to.local.tm_gmtoff == local->tm_gmtoff)
			return to;
	}
	return look(from->at + MINUTE);
}

/* Clocks went forward between two minutes: whether a time that they left out is one of the line's. */
static bool left_out(const bh_cron *cron, const moment *before, const moment *now)
{
	int64_t minutes = (now->local.tm_gmtoff - before->local.tm_gmtoff) / MINUTE;
	for (int64_t i = 1; i <= minutes && i <= MOST_LEFT_OUT; i++) {
		time_t shown = (time_t)(before->at + before->local.tm_gmtoff + i * MINUTE);
		struct tm local;
		if (gmtime_r(&shown, &local) && has(cron, &local))
			return true;
	}
	return false;
}

/* Clocks went back a short while ago: whether they have shown this time before. */
static bool was_before(const moment *now)
{
	moment earlier = look(now->at - RECENTLY);
	long back = earlier.local.tm_gmtoff - now->local.tm_gmtoff;
	return back > 0 && look(now->at - back).local.tm_gmtoff == earlier.local.tm_gmtoff;
}

int64_t bh_cron_next(const bh_cron *cron, int64_t after)
{
	int64_t beyond = after % MINUTE;
	moment before = look(after - (beyond < 0 ? beyond + MINUTE : beyond));
	for (int i = 0; i < MOST_STEPS; i++) {
		moment now = step(cron, &before);
		if (cron->fixed && left_out(cron, &before, &now))
			return now.at;
		if (has(cron, &now.local) && !(cron->fixed && was_before(&now)))
			return now.at;
		before = now;
	}
	return BH_CRON_NEVER;
}

/* Waiting. */

static int64_t seconds_of(int64_t ms)
{
	return ms / 1000 - (ms % 1000 < 0);
}

/* From now on, and not the last one again where the clock was set back a little. */
static void find(const bh_cron *cron, bh_cron_turn *turn, int64_t now_ms)
{
	bool again = turn->taken_ms > now_ms && turn->taken_ms - now_ms <= RECENTLY * INT64_C(1000);
	int64_t next = bh_cron_next(cron, seconds_of(again ? turn->taken_ms : now_ms));
	turn->at_ms = next == BH_CRON_NEVER ? BH_CRON_NEVER : next * 1000;
}

uint64_t bh_cron_wait_ms(const bh_cron *cron, bh_cron_turn *turn, int64_t now_ms, bool next)
{
	const int64_t recently = RECENTLY * INT64_C(1000);
	bool set_back = turn->seen_ms - now_ms > recently;
	bool set_forward = turn->at_ms != BH_CRON_NEVER && now_ms - turn->at_ms > recently;
	if (next || set_back || set_forward)
		find(cron, turn, now_ms);
	turn->seen_ms = now_ms;
	if (turn->at_ms == BH_CRON_NEVER)
		return BH_UNLIMITED;
	if (now_ms < turn->at_ms)
		return (uint64_t)(turn->at_ms - now_ms);
	turn->taken_ms = turn->at_ms;
	return 0;
}
