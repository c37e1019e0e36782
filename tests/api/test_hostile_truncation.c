// test: timeout=300 cost=5
/* Components cut off: none of what is left can be loaded, and the host stands. */
#include "hostile_inputs.h"

#ifndef TRUNCATIONS
#define TRUNCATIONS 1500 /* of each; of shorter ones all */
#endif

static void truncate_one(bh_host *host, const char *name)
{
	size_t length, cuts = 0, loaded = 0;
	unsigned char *bytes = hostile_seed(name, &length);
	size_t step = length / TRUNCATIONS + 1;
	for (size_t cut = 0; cut < length; cut += step) {
		/* Exactly as large as the input, so that a sanitizer sees what is read beyond. */
		unsigned char *copy = malloc(cut ? cut : 1);
		assert_non_null(copy);
		memcpy(copy, bytes, cut);
		feed_name(30, "%s cut off after %zu of %zu bytes", name, cut, length);
		feed_result result = feed(host, copy, cut, true);
		cuts++;
		loaded += result.end != FEED_REFUSED;
		free(copy);
	}
	feed_name(30, "%s", name);
	assert_int_not_equal(feed(host, bytes, length, true).end, FEED_REFUSED);
	feed_done();
	free(bytes);
	printf("%s: %zu of %zu loaded\n", name, loaded, cuts);
	/* Text whose last line is missing; sections that stand behind all that matters. */
	assert_in_range(loaded, 0, 600);
}

static void test_truncation(void **state)
{
	(void)state;
	bh_host *host = hostile_host(BH_PROFILE_PRODUCTION);
	for (int i = 0; i < HOSTILE_SEEDS; i++)
		truncate_one(host, hostile_seeds[i]);
	bh_host_free(host);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_truncation),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
