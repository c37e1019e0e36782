/* A heap of moments: what has one embeds an item, and finds out which comes first. Not locked. */
#ifndef BH_BASE_HEAP_H
#define BH_BASE_HEAP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Zeroed: in no heap. */
typedef struct {
	uint64_t at;
	size_t place; /* in the heap, from 1; 0: in none */
} bh_heap_item;

/* Zeroed: empty. */
typedef struct {
	bh_heap_item **items;
	size_t count, capacity;
} bh_heap;

/* Frees what the heap itself needed; the items are their owners'. */
void bh_heap_deinit(bh_heap *heap);

/* Room for one item more than there are: adding it then cannot fail. False without memory. */
bool bh_heap_reserve(bh_heap *heap, size_t items);

/* False without memory: then it is not in. */
bool bh_heap_add(bh_heap *heap, bh_heap_item *item, uint64_t at);

/* Nothing happens to an item that is in no heap. */
void bh_heap_remove(bh_heap *heap, bh_heap_item *item);

/* The one that comes first; NULL: there is none. */
static inline bh_heap_item *bh_heap_first(const bh_heap *heap)
{
	return heap->count ? heap->items[0] : NULL;
}

#endif
