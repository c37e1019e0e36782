/* How long a child waits before it is started again. */
#include "supervise/plan.h"

static const bh_backoff defaults = {
	.first_ms = 100, .cap_ms = 30000, .factor_percent = 150, .jitter_percent = 10, .stable_ms = 10000};

uint64_t bh_backoff_stable_ms(const bh_backoff *backoff)
{
	return backoff->stable_ms ? backoff->stable_ms : defaults.stable_ms;
}

/* Before the cap, which no step passes by more than one factor: nothing overflows. */
static uint64_t grown(const bh_backoff *backoff, uint64_t cap, uint32_t nth)
{
	uint64_t first = backoff->first_ms ? backoff->first_ms : defaults.first_ms;
	uint32_t factor = backoff->factor_percent ? backoff->factor_percent : defaults.factor_percent;
	if (first >= cap)
		return cap;
	if (backoff->kind == BH_BACKOFF_LINEAR)
		return nth > cap / first ? cap : first * nth;
	double delay = (double)first;
	for (uint32_t i = 1; i < nth && delay < (double)cap && factor > 100; i++)
		delay = delay * factor / 100;
	return delay < (double)cap ? (uint64_t)delay : cap;
}

/* xorshift64*: good enough to keep crowds apart. */
static uint64_t random_below(uint64_t *seed, uint64_t bound)
{
	uint64_t x = *seed ? *seed : 1;
	x ^= x >> 12;
	x ^= x << 25;
	x ^= x >> 27;
	*seed = x;
	return (x * UINT64_C(0x2545f4914f6cdd1d) >> 11) % bound;
}

uint64_t bh_backoff_ms(const bh_backoff *backoff, uint32_t nth, uint64_t *seed)
{
	if (backoff->kind == BH_BACKOFF_IMMEDIATE)
		return 0;
	uint64_t cap = backoff->cap_ms ? backoff->cap_ms : defaults.cap_ms;
	uint64_t delay = grown(backoff, cap, nth);
	uint32_t jitter = backoff->jitter_percent ? backoff->jitter_percent : defaults.jitter_percent;
	if (jitter > 100)
		return delay;
	uint64_t span = delay / 100 * jitter + delay % 100 * jitter / 100;
	delay += random_below(seed, 2 * span + 1);
	delay -= span;
	return delay < cap ? delay : cap;
}
