/*
 * Cron lines: when a task has its turn, by the clock on the wall. No clock is read here: each call says what time it is.
 */
#ifndef BH_SUPERVISE_CRON_H
#define BH_SUPERVISE_CRON_H

#include <stdbool.h>
#include <stdint.h>

#include "bulkhead/supervisor.h"

/* A line that was read: a bit for each value that a field allows. */
typedef struct {
	uint64_t minutes;
	uint32_t hours, days, months; /* days and months from bit 1 */
	uint32_t weekdays;            /* from Sunday, bit 0 */
	bool either_day;              /* both kinds of days are said: one of them is enough */
	bool fixed;                   /* neither minute nor hour is '*': at certain times of a day */
} bh_cron;

/* BH_E_CONFIG: the error says which field, and what is allowed there. */
bh_status bh_cron_parse(bh_cron *out, const char *text, bh_error **err);

#define BH_CRON_NEVER INT64_MAX

/*
 * The first minute after a moment that the line names, in local time; both in seconds since 1970. BH_CRON_NEVER: none
 * within twelve years.
 *
 * What is at a certain time of day comes once also when clocks change: if that time is left out, when the clocks have gone
 * forward; if it is there twice, the first time. What is at any hour or minute goes by the new time at once.
 */
int64_t bh_cron_next(const bh_cron *cron, int64_t after);

/* The turn that a task waits for. Zeroed: none yet. */
typedef struct {
	int64_t at_ms;    /* since 1970; BH_CRON_NEVER */
	int64_t taken_ms; /* the last one that came */
	int64_t seen_ms;  /* the clock, when it was looked at last */
} bh_cron_turn;

/*
 * How long until the turn, in milliseconds; 0: it has come; BH_UNLIMITED: it never does. `next`: it is the next one from
 * now on.
 *
 * To be asked every minute, as clocks are set. By less than three hours: what was passed over comes at once, and what
 * was already does not come again. By more, the clock was wrong, and the next turn is found anew.
 */
uint64_t bh_cron_wait_ms(const bh_cron *cron, bh_cron_turn *turn, int64_t now_ms, bool next);

#endif
