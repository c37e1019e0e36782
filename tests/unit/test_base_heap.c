/* The heap of moments: against a list that is searched. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/alloc.h"
#include "base/heap.h"

enum { ITEMS = 300, STEPS = 20000 };

static const bh_heap_item *earliest(const bh_heap_item *items)
{
	const bh_heap_item *found = NULL;
	for (int i = 0; i < ITEMS; i++)
		if (items[i].place && (!found || items[i].at < found->at))
			found = &items[i];
	return found;
}

static void against_a_list(void **state)
{
	(void)state;
	static bh_heap_item items[ITEMS];
	bh_heap heap = {0};
	size_t count = 0;
	srand(7);
	for (int step = 0; step < STEPS; step++) {
		bh_heap_item *one = &items[rand() % ITEMS];
		if (one->place) {
			bh_heap_remove(&heap, one);
			bh_heap_remove(&heap, one); /* which it is not in */
			count--;
		} else {
			assert_true(bh_heap_add(&heap, one, (uint64_t)(rand() % 1000)));
			count++;
		}
		const bh_heap_item *first = bh_heap_first(&heap), *expected = earliest(items);
		assert_int_equal(heap.count, count);
		assert_true(!first == !expected && (!first || first->at == expected->at));
	}
	bh_heap_deinit(&heap);
}

static void room_is_kept(void **state)
{
	(void)state;
	bh_heap heap = {0};
	bh_heap_item item = {0};
	assert_true(bh_heap_reserve(&heap, 100));
	assert_true(heap.capacity >= 100);
	bh_alloc_fail_at(1, true);
	assert_true(bh_heap_add(&heap, &item, 5));
	bh_alloc_fail_at(0, false);
	assert_ptr_equal(bh_heap_first(&heap), &item);
	bh_heap_deinit(&heap);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(against_a_list),
		cmocka_unit_test(room_is_kept),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
