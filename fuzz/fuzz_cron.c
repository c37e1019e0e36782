/* Any text as a cron line, after any moment: it is refused in words, or it comes at a whole minute that it names. */
#include <assert.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/error.h"
#include "supervise/cron.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerInitialize(int *argc, char ***argv);

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	(void)argc, (void)argv;
	setenv("TZ", "CET-1CEST,M3.5.0,M10.5.0/3", 1);
	tzset();
	return 0;
}

static void check_refused(const bh_error *err)
{
	const char *message = bh_error_message(err);
	assert(bh_error_status(err) == BH_E_CONFIG);
	assert(message && *message && strlen(message) < 1000);
	for (const char *c = message; *c; c++)
		assert(*c == '\t' || ((unsigned char)*c >= ' ' && *c != 0x7f));
}

/* Twenty of them in a row, from some moment of this century. */
static void check_turns(const bh_cron *cron, uint32_t from)
{
	int64_t now = from, next;
	for (int i = 0; i < 20 && (next = bh_cron_next(cron, now)) != BH_CRON_NEVER; i++, now = next) {
		time_t at = (time_t)next;
		struct tm local;
		assert(next > now && next % 60 == 0 && localtime_r(&at, &local));
		/* One that was left out comes when clocks have gone forward, at three. */
		bool left_out = cron->fixed && local.tm_isdst > 0 && local.tm_mon == 2 && local.tm_hour == 3 && !local.tm_min;
		assert(left_out || (cron->minutes >> local.tm_min & 1));
		assert(left_out || (cron->hours >> local.tm_hour & 1));
		assert(cron->months >> (local.tm_mon + 1) & 1);
		assert((cron->days >> local.tm_mday & 1) || (cron->either_day && (cron->weekdays >> local.tm_wday & 1)));
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	uint32_t from = 0;
	bh_cron cron;
	bh_error *err = NULL;
	char *line = malloc(size + 1);
	assert(line);
	if (size)
		memcpy(line, data, size);
	line[size] = 0;
	for (size_t i = 0; i < size; i++)
		from = from * 31 + data[i];
	if (bh_cron_parse(&cron, line, &err))
		check_refused(err);
	else
		check_turns(&cron, from);
	bh_error_free(err);
	free(line);
	return 0;
}
