/* How long a child waits: docs/guide/supervision.md, "Backoff". */
#include "plan_tools.h"

static uint64_t wait_ms(const bh_backoff *backoff, uint32_t nth)
{
	uint64_t seed = 1;
	return bh_backoff_ms(backoff, nth, &seed);
}

static void at_once(void **state)
{
	(void)state;
	const bh_backoff none = {.first_ms = 500};
	assert_int_equal(wait_ms(&none, 1), 0);
	assert_int_equal(wait_ms(&none, UINT32_MAX), 0);
}

static void step_by_step(void **state)
{
	(void)state;
	const bh_backoff linear = {BH_BACKOFF_LINEAR, 200, 1000, 0, BH_JITTER_NONE, 0};
	static const uint64_t expected[] = {200, 400, 600, 800, 1000, 1000, 1000};
	for (uint32_t i = 0; i < BH_COUNT(expected); i++)
		assert_int_equal(wait_ms(&linear, i + 1), expected[i]);
	assert_int_equal(wait_ms(&linear, UINT32_MAX), 1000);

	const bh_backoff odd = {BH_BACKOFF_LINEAR, 300, 1000, 0, BH_JITTER_NONE, 0};
	assert_int_equal(wait_ms(&odd, 3), 900); /* the last one below the cap */
	assert_int_equal(wait_ms(&odd, 4), 1000);

	const bh_backoff doubling = {BH_BACKOFF_EXPONENTIAL, 100, 1500, 200, BH_JITTER_NONE, 0};
	static const uint64_t doubled[] = {100, 200, 400, 800, 1500, 1500};
	for (uint32_t i = 0; i < BH_COUNT(doubled); i++)
		assert_int_equal(wait_ms(&doubling, i + 1), doubled[i]);
	assert_int_equal(wait_ms(&doubling, UINT32_MAX), 1500);
}

/* 100 ms, times 1.5, at most 30 s, 10 % more or less; stable after 10 s. */
static void defaults(void **state)
{
	(void)state;
	bh_backoff usual = {.kind = BH_BACKOFF_EXPONENTIAL, .jitter_percent = BH_JITTER_NONE};
	assert_int_equal(wait_ms(&usual, 1), 100);
	assert_int_equal(wait_ms(&usual, 2), 150);
	assert_int_equal(wait_ms(&usual, 3), 225);
	assert_int_equal(wait_ms(&usual, 100), 30000);
	assert_int_equal(bh_backoff_stable_ms(&usual), 10000);
	usual.stable_ms = 7;
	assert_int_equal(bh_backoff_stable_ms(&usual), 7);

	const bh_backoff jittered = {.kind = BH_BACKOFF_LINEAR};
	uint64_t seed = 3, least = UINT64_MAX, most = 0;
	for (int i = 0; i < 2000; i++) {
		uint64_t delay = bh_backoff_ms(&jittered, 1, &seed);
		least = delay < least ? delay : least;
		most = delay > most ? delay : most;
	}
	assert_int_equal(least, 90); /* all of the span is used, and no more */
	assert_int_equal(most, 110);
}

/* A factor below 100 is no factor: waits do not get shorter. */
static void never_shorter(void **state)
{
	(void)state;
	for (uint32_t factor = 1; factor <= 100; factor += 33) {
		const bh_backoff odd = {BH_BACKOFF_EXPONENTIAL, 1000, 0, factor, BH_JITTER_NONE, 0};
		for (uint32_t nth = 1; nth < 50; nth++)
			assert_int_equal(wait_ms(&odd, nth), 1000);
		assert_int_equal(wait_ms(&odd, UINT32_MAX), 1000);
	}
}

static void jitter_has_bounds(void **state)
{
	(void)state;
	static const uint32_t percents[] = {1, 10, 50, 99, 100};
	static const uint64_t firsts[] = {1, 9, 10, 99, 100, 12345, UINT64_C(1) << 60};
	for (size_t p = 0; p < BH_COUNT(percents); p++)
		for (size_t f = 0; f < BH_COUNT(firsts); f++) {
			const bh_backoff one = {BH_BACKOFF_LINEAR, firsts[f], UINT64_MAX, 0, percents[p], 0};
			uint64_t seed = 77, first = firsts[f], span = (uint64_t)((__uint128_t)first * percents[p] / 100);
			for (int i = 0; i < 500; i++) {
				uint64_t delay = bh_backoff_ms(&one, 1, &seed);
				assert_in_range(delay, first - span, first + span);
			}
		}
	/* The cap is over jitter too, and what is no percentage is none. */
	const bh_backoff capped = {BH_BACKOFF_LINEAR, 1000, 1000, 0, 100, 0},
					 none = {BH_BACKOFF_LINEAR, 1000, 0, 0, 101, 0};
	uint64_t seed = 5;
	for (int i = 0; i < 500; i++) {
		assert_in_range(bh_backoff_ms(&capped, 1, &seed), 0, 1000);
		assert_int_equal(bh_backoff_ms(&none, 1, &seed), 1000);
	}
}

/* Whatever the numbers, it ends, and is within the cap; without jitter it never falls. */
static void extremes(void **state)
{
	(void)state;
	static const uint64_t sizes[] = {0, 1, 2, 1000, UINT64_MAX / 2, UINT64_MAX - 1, UINT64_MAX};
	static const uint32_t factors[] = {0, 1, 99, 100, 101, 200, UINT32_MAX};
	static const uint32_t nths[] = {1, 2, 3, 64, 1000, 100000, UINT32_MAX};
	static const uint32_t jitters[] = {0, 1, 100, BH_JITTER_NONE};
	for (int kind = BH_BACKOFF_IMMEDIATE; kind <= BH_BACKOFF_EXPONENTIAL; kind++)
		for (size_t i = 0; i < BH_COUNT(sizes) * BH_COUNT(sizes) * BH_COUNT(factors) * BH_COUNT(jitters); i++) {
			size_t rest = i;
			bh_backoff b = {.kind = (bh_backoff_kind)kind, .first_ms = sizes[rest % BH_COUNT(sizes)]};
			b.cap_ms = sizes[(rest /= BH_COUNT(sizes)) % BH_COUNT(sizes)];
			b.factor_percent = factors[(rest /= BH_COUNT(sizes)) % BH_COUNT(factors)];
			b.jitter_percent = jitters[(rest / BH_COUNT(factors)) % BH_COUNT(jitters)];
			uint64_t seed = i, cap = b.cap_ms ? b.cap_ms : 30000, before = 0;
			for (size_t n = 0; n < BH_COUNT(nths); n++) {
				uint64_t delay = bh_backoff_ms(&b, nths[n], &seed);
				assert_true(delay <= cap);
				assert_true(b.jitter_percent != BH_JITTER_NONE || delay >= before);
				before = delay;
			}
		}
	const bh_backoff longest = {BH_BACKOFF_EXPONENTIAL, UINT64_MAX, UINT64_MAX, UINT32_MAX, BH_JITTER_NONE, 0};
	assert_int_equal(wait_ms(&longest, 9), UINT64_MAX);
	const bh_backoff line = {BH_BACKOFF_LINEAR, 3, UINT64_MAX, 0, BH_JITTER_NONE, 0};
	assert_int_equal(wait_ms(&line, UINT32_MAX), UINT64_C(3) * UINT32_MAX);
}

static void same_seed_same_waits(void **state)
{
	(void)state;
	const bh_backoff usual = {.kind = BH_BACKOFF_EXPONENTIAL};
	for (uint64_t first = 0; first < 20; first++) {
		uint64_t one = first, other = first, another = first + 1000;
		int different = 0;
		for (uint32_t nth = 1; nth < 12; nth++) {
			uint64_t delay = bh_backoff_ms(&usual, nth, &one);
			assert_int_equal(delay, bh_backoff_ms(&usual, nth, &other));
			different += delay != bh_backoff_ms(&usual, nth, &another);
		}
		assert_true(different > 0);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(at_once),
		cmocka_unit_test(step_by_step),
		cmocka_unit_test(defaults),
		cmocka_unit_test(never_shorter),
		cmocka_unit_test(jitter_has_bounds),
		cmocka_unit_test(extremes),
		cmocka_unit_test(same_seed_same_waits),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
