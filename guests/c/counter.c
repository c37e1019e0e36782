/* World counter of wit/guests/counter.wit: state that outlives a call, and handles to bags. */
#include "counter/counter.h"

#include <errno.h>
#include <stdlib.h>
#include <time.h>

static uint32_t count, fatal; /* the increment that traps, 0 for none */

uint32_t exports_counter_increment(void)
{
	if (++count == fatal)
		__builtin_trap();
	return count;
}

uint32_t exports_counter_get(void)
{
	return count;
}

void exports_counter_crash_at(uint32_t n)
{
	fatal = n;
}

void exports_counter_spin(void)
{
	for (volatile unsigned turns = 0;; turns++)
		;
}

void exports_counter_sleep_ms(uint32_t ms)
{
	struct timespec rest = {.tv_sec = ms / 1000, .tv_nsec = (long)(ms % 1000) * 1000000};

	while (nanosleep(&rest, &rest) < 0)
		if (errno != EINTR)
			abort();
}

int32_t exports_counter_grow(uint32_t pages)
{
	return (int32_t)__builtin_wasm_memory_grow(0, pages);
}

typedef exports_bulkhead_guests_bags_own_bag_t own_bag;
typedef exports_bulkhead_guests_bags_borrow_bag_t borrow_bag;

struct exports_bulkhead_guests_bags_bag_t {
	counter_list_string_t items;
};

static uint32_t live;

static void *allocate(void *old, size_t size)
{
	void *p = realloc(old, size);

	if (!p)
		abort();
	return p;
}

/* Takes over item's bytes. */
static void put(borrow_bag bag, counter_string_t item)
{
	counter_list_string_t *items = &bag->items;

	items->ptr = allocate(items->ptr, (items->len + 1) * sizeof *items->ptr);
	items->ptr[items->len++] = item;
}

own_bag exports_bulkhead_guests_bags_constructor_bag(void)
{
	borrow_bag bag = allocate(NULL, sizeof *bag);

	bag->items = (counter_list_string_t){0};
	live++;
	return exports_bulkhead_guests_bags_bag_new(bag);
}

void exports_bulkhead_guests_bags_bag_destructor(borrow_bag bag)
{
	counter_list_string_free(&bag->items);
	free(bag);
	live--;
}

void exports_bulkhead_guests_bags_method_bag_add(borrow_bag self, counter_string_t *item)
{
	put(self, *item);
}

uint32_t exports_bulkhead_guests_bags_method_bag_count(borrow_bag self)
{
	return self->items.len;
}

void exports_bulkhead_guests_bags_method_bag_items(borrow_bag self, counter_list_string_t *ret)
{
	ret->len = self->items.len;
	ret->ptr = ret->len ? allocate(NULL, ret->len * sizeof *ret->ptr) : NULL;
	for (size_t i = 0; i < ret->len; i++)
		counter_string_dup_n(&ret->ptr[i], (const char *)self->items.ptr[i].ptr, self->items.ptr[i].len);
}

static void empty_into(borrow_bag target, own_bag handle)
{
	borrow_bag source = exports_bulkhead_guests_bags_bag_rep(handle);

	for (size_t i = 0; i < source->items.len; i++)
		put(target, source->items.ptr[i]);
	free(source->items.ptr);
	source->items = (counter_list_string_t){0};
	exports_bulkhead_guests_bags_bag_drop_own(handle);
}

own_bag exports_bulkhead_guests_bags_static_bag_merge(own_bag a, own_bag b)
{
	own_bag merged = exports_bulkhead_guests_bags_constructor_bag();

	empty_into(exports_bulkhead_guests_bags_bag_rep(merged), a);
	empty_into(exports_bulkhead_guests_bags_bag_rep(merged), b);
	return merged;
}

uint32_t exports_bulkhead_guests_bags_total(exports_bulkhead_guests_bags_list_borrow_bag_t *bags)
{
	uint32_t total = 0;

	for (size_t i = 0; i < bags->len; i++)
		total += bags->ptr[i]->items.len;
	exports_bulkhead_guests_bags_list_borrow_bag_free(bags);
	return total;
}

own_bag exports_bulkhead_guests_bags_pass(own_bag b)
{
	return b;
}

uint32_t exports_bulkhead_guests_bags_live(void)
{
	return live;
}
