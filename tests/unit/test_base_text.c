/* Growing texts, nearness of words, and allocation itself. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/text.h"
#include "bulkhead/value.h"

static void test_text(void **state)
{
	(void)state;
	bh_text text = {0};
	char *empty = bh_text_take(&text);
	assert_string_equal(empty, "");
	bh_string_free(empty);
	bh_string_free(NULL);

	for (int i = 0; i < 1000; i++)
		bh_text_add(&text, "%d,", i % 10);
	bh_text_add_n(&text, "a\0b", 3);
	bh_text_add_n(&text, NULL, 0);
	assert_int_equal(text.length, 2003);
	assert_int_equal(strlen(text.data), 2001);
	char *taken = bh_text_take(&text);
	assert_memory_equal(taken, "0,1,2,3,4,5,6,7,8,9,0,", 22);
	assert_memory_equal(taken + 2000, "a\0b\0", 4);
	assert_null(text.data);
	bh_free(taken);
	bh_text_deinit(&text);
	bh_text_deinit(&text);
}

/* A text that lost a part on the way is no text. */
static void test_text_without_memory(void **state)
{
	(void)state;
	for (int sticky = 0; sticky < 2; sticky++) {
		bool failed = true;
		for (uint64_t nth = 1; failed; nth++) {
			bh_text text = {0};
			bh_alloc_fail_at(nth, sticky);
			for (int i = 0; i < 500; i++)
				bh_text_add(&text, "%d,", i);
			bh_text_add_n(&text, "end", 3);
			failed = bh_alloc_count() >= nth;
			bh_alloc_fail_at(0, false);
			char *taken = bh_text_take(&text);
			assert_true(failed == !taken);
			bh_free(taken);
		}
	}
}

static void test_distance(void **state)
{
	static const struct {
		const char *a;
		const char *b;
		size_t distance;
	} cases[] = {
		{"", "", 0}, {"a", "", 1}, {"", "abc", 3}, {"kitten", "sitting", 3}, {"flaw", "lawn", 2}, {"same", "same", 0},
	};
	char longer[200];
	(void)state;
	for (size_t i = 0; i < BH_COUNT(cases); i++) {
		assert_int_equal(bh_text_distance(cases[i].a, cases[i].b, 10), cases[i].distance);
		assert_int_equal(bh_text_distance(cases[i].b, cases[i].a, 10), cases[i].distance);
	}
	assert_int_equal(bh_text_distance("kitten", "sitting", 2), 3);
	memset(longer, 'x', sizeof longer - 1);
	longer[sizeof longer - 1] = '\0';
	assert_int_equal(bh_text_distance(longer, longer, 5), 6);
}

static void test_nearest(void **state)
{
	static const char *const words[] = {"max_memory", "max_stack", "fail", "trap", "tcp"};
	(void)state;
	assert_string_equal(bh_text_nearest("max_memry", words, BH_COUNT(words)), "max_memory");
	assert_string_equal(bh_text_nearest("maxstack", words, BH_COUNT(words)), "max_stack");
	assert_string_equal(bh_text_nearest("fial", words, 2) ? "x" : "none", "none");
	assert_string_equal(bh_text_nearest("tc", words, BH_COUNT(words)), "tcp");
	assert_null(bh_text_nearest("zzz", words, BH_COUNT(words)));
	assert_null(bh_text_nearest("", words, BH_COUNT(words)));
	assert_null(bh_text_nearest("max_memory", words, 0));
}

static void test_alloc(void **state)
{
	(void)state;
	/* Nothing is something that can be freed. */
	void *blocks[] = {bh_alloc(0), bh_calloc(0, 8), bh_calloc(8, 0), bh_memdup(NULL, 0), bh_realloc(NULL, 0)};
	for (size_t i = 0; i < BH_COUNT(blocks); i++) {
		assert_non_null(blocks[i]);
		bh_free(blocks[i]);
	}

	char *copy = bh_strndup("hello", 4), *formatted = bh_format("%s-%d", copy, 5);
	assert_string_equal(copy, "hell");
	assert_string_equal(formatted, "hell-5");
	bh_free(copy);
	bh_free(formatted);

	int *numbers = NULL;
	size_t capacity = 0;
	for (int i = 0; i < 100; i++) {
		int *grown = bh_grow(numbers, (size_t)i, &capacity, sizeof *numbers);
		assert_non_null(grown);
		numbers = grown;
		numbers[i] = i;
	}
	assert_true(capacity >= 100);
	assert_int_equal(numbers[99], 99);
	bh_free(numbers);
}

static void test_faults(void **state)
{
	(void)state;
	bh_alloc_fail_at(0, false);
	bh_free(bh_alloc(1));
	if (!bh_alloc_count())
		skip();
	bh_alloc_fail_at(2, false);
	void *first = bh_alloc(1), *second = bh_alloc(1), *third = bh_alloc(1);
	assert_true(first && !second && third);
	assert_int_equal(bh_alloc_count(), 3);
	bh_free(first);
	bh_free(third);
	bh_alloc_fail_at(2, true);
	first = bh_alloc(1);
	second = bh_calloc(1, 1);
	assert_true(first && !second);
	assert_null(bh_strdup("x"));
	assert_null(bh_format("%d", 1));
	void *kept = bh_realloc(first, 100);
	assert_null(kept);
	bh_alloc_fail_at(0, false);
	bh_free(first);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_text),     cmocka_unit_test(test_text_without_memory),
		cmocka_unit_test(test_distance), cmocka_unit_test(test_nearest),
		cmocka_unit_test(test_alloc),    cmocka_unit_test(test_faults),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
