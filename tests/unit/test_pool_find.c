/* Where a pool lies: among mappings of this test that look as the engine's do, or nearly so. */
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "api.h"
#include "engine/pool_find.h"

enum { PAGE = 4096, STACKS = 20, STACK = 8 * PAGE, TABLES = 123 * PAGE };

static const size_t memories = 3 * ((size_t)4 << 30) + PAGE;

static bh_pool_sizes sizes(void)
{
	if (sysconf(_SC_PAGESIZE) != PAGE)
		skip();
	return (bh_pool_sizes){.memories = memories, .tables = TABLES, .stack = STACK, .stack_count = STACKS};
}

static uintptr_t map_at(uintptr_t at, size_t length, int protection)
{
	int flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | (at ? MAP_FIXED_NOREPLACE : 0);
	void *mapped = mmap((void *)at, length, protection, flags, -1, 0);
	assert_true(mapped != MAP_FAILED);
	return (uintptr_t)mapped;
}

/* `count` stacks with a guard below each. */
static void make_stacks(uintptr_t start, size_t count, size_t stack)
{
	for (size_t i = 0; i < count; i++)
		assert_int_equal(mprotect((void *)(start + i * (stack + PAGE)), PAGE, PROT_NONE), 0);
}

/* A pool at a fixed place, its parts beside each other or apart. */
typedef struct {
	uintptr_t stacks, tables, memories, start, end;
} pool;

static pool make_pool(size_t apart)
{
	size_t stacks = (size_t)STACKS * (STACK + PAGE), all = stacks + TABLES + memories + 4 * apart + 4 * PAGE;
	uintptr_t start = map_at(0, all, PROT_NONE);
	munmap((void *)start, all);
	pool p = {.start = start, .end = start + all};
	p.stacks = map_at(start + PAGE, stacks, PROT_READ | PROT_WRITE);
	make_stacks(p.stacks, STACKS, STACK);
	p.tables = map_at(p.stacks + stacks + apart, TABLES, PROT_READ | PROT_WRITE);
	p.memories = map_at(p.tables + TABLES + apart, memories, PROT_NONE);
	return p;
}

static void unmake(const pool *p)
{
	munmap((void *)p->start, p->end - p->start);
}

static void is_found(const pool *p, const bh_pool_spans *found)
{
	assert_int_equal(found->memories.start, p->memories);
	assert_int_equal(found->memories.length, memories);
	assert_int_equal(found->tables.start, p->tables);
	assert_int_equal(found->tables.length, TABLES);
	assert_int_equal(found->stacks.start, p->stacks);
	assert_int_equal(found->stacks.length, (size_t)STACKS * (STACK + PAGE));
}

static void parts_beside_each_other_and_apart(void **state)
{
	(void)state;
	bh_pool_sizes wanted = sizes();
	for (size_t apart = 0; apart <= PAGE; apart += PAGE) {
		bh_maps *before = bh_maps_before();
		assert_non_null(before);
		pool p = make_pool(apart);
		bh_pool_spans found = bh_maps_find_pool(before, &wanted);
		is_found(&p, &found);
		unmake(&p);
	}
}

/* An older pool of the same sizes, right below, whose tables and guards are one map with the new one's. */
static void an_older_one_is_not_found(void **state)
{
	(void)state;
	bh_pool_sizes wanted = sizes();
	pool old = make_pool(0);
	bh_maps *before = bh_maps_before();
	bh_pool_spans found = bh_maps_find_pool(before, &wanted);
	assert_int_equal(found.memories.length + found.tables.length + found.stacks.length, 0);
	before = bh_maps_before();
	pool p = make_pool(0);
	found = bh_maps_find_pool(before, &wanted);
	is_found(&p, &found);
	unmake(&p);
	unmake(&old);
}

/* What comes together with older maps into one is taken apart again. */
static void grown_together_with_what_was_there(void **state)
{
	(void)state;
	bh_pool_sizes wanted = sizes();
	/* In the middle of a large gap, where nothing that is allocated meanwhile comes to lie. */
	const size_t gap = (size_t)1 << 40;
	uintptr_t start = map_at(0, gap, PROT_NONE);
	munmap((void *)start, gap);
	start += gap / 2;
	map_at(start, 10 * PAGE, PROT_READ | PROT_WRITE);
	map_at(start + 10 * PAGE + TABLES, 10 * PAGE, PROT_READ | PROT_WRITE);
	bh_maps *before = bh_maps_before();
	map_at(start + 10 * PAGE, TABLES, PROT_READ | PROT_WRITE);
	bh_pool_spans found = bh_maps_find_pool(before, &wanted);
	assert_int_equal(found.tables.start, start + 10 * PAGE);
	assert_int_equal(found.tables.length, TABLES);
	munmap((void *)start, TABLES + 20 * PAGE);
}

/* Two of a size, one that is a page too long, one stack too few, stacks of another size, a file: not known. */
static void what_is_not_certain_is_not_known(void **state)
{
	(void)state;
	bh_pool_sizes wanted = sizes();
	bh_maps *before = bh_maps_before();
	pool p = make_pool(PAGE), q = make_pool(PAGE);
	bh_pool_spans found = bh_maps_find_pool(before, &wanted);
	assert_int_equal(found.memories.length + found.tables.length + found.stacks.length, 0);
	unmake(&q);
	unmake(&p);

	before = bh_maps_before();
	uintptr_t longer = map_at(0, memories + PAGE, PROT_NONE);
	uintptr_t table = map_at(0, TABLES + PAGE, PROT_READ);
	assert_int_equal(mprotect((void *)(table + PAGE), TABLES - PAGE, PROT_READ | PROT_WRITE), 0);
	size_t all = (size_t)STACKS * (STACK + PAGE);
	uintptr_t few = map_at(0, all, PROT_READ | PROT_WRITE),
			  other = map_at(0, all + STACKS * PAGE, PROT_READ | PROT_WRITE);
	make_stacks(few, STACKS - 1, STACK);
	make_stacks(other, STACKS, STACK + PAGE);
	assert_int_equal(mprotect((void *)other, PAGE, PROT_READ), 0);
	found = bh_maps_find_pool(before, &wanted);
	assert_int_equal(found.memories.length + found.tables.length + found.stacks.length, 0);
	munmap((void *)longer, memories + PAGE);
	munmap((void *)table, TABLES + PAGE);
	munmap((void *)few, all);
	munmap((void *)other, all + STACKS * PAGE);

	FILE *file = tmpfile();
	assert_non_null(file);
	assert_int_equal(ftruncate(fileno(file), TABLES), 0);
	before = bh_maps_before();
	void *mapped = mmap(NULL, TABLES, PROT_READ | PROT_WRITE, MAP_PRIVATE, fileno(file), 0);
	assert_true(mapped != MAP_FAILED);
	found = bh_maps_find_pool(before, &wanted);
	assert_int_equal(found.tables.length, 0);
	munmap(mapped, TABLES);
	fclose(file);
}

static void two_engines_at_once(void **state)
{
	(void)state;
	bh_pool_sizes wanted = sizes();
	bh_maps *first = bh_maps_before(), *second = bh_maps_before();
	assert_non_null(first);
	assert_null(second);
	pool p = make_pool(0);
	bh_pool_spans found = bh_maps_find_pool(second, &wanted);
	assert_int_equal(found.memories.length, 0);
	found = bh_maps_find_pool(first, &wanted);
	assert_int_equal(found.memories.length, 0);
	unmake(&p);
	first = bh_maps_before();
	p = make_pool(0);
	found = bh_maps_find_pool(first, &wanted);
	is_found(&p, &found);
	unmake(&p);
}

/* Few stacks look like a thread's: only the memories are certain. */
static void few_slots(void **state)
{
	(void)state;
	bh_pool_sizes wanted = sizes();
	wanted.stack_count = 4;
	bh_maps *before = bh_maps_before();
	pool p = make_pool(0);
	bh_pool_spans found = bh_maps_find_pool(before, &wanted);
	assert_int_equal(found.memories.start, p.memories);
	assert_int_equal(found.tables.length + found.stacks.length, 0);
	unmake(&p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(parts_beside_each_other_and_apart),
		cmocka_unit_test(an_older_one_is_not_found),
		cmocka_unit_test(grown_together_with_what_was_there),
		cmocka_unit_test(what_is_not_certain_is_not_known),
		cmocka_unit_test(two_engines_at_once),
		cmocka_unit_test(few_slots),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
