#include "base/heap.h"

#include "base/alloc.h"

void bh_heap_deinit(bh_heap *heap)
{
	bh_free(heap->items);
	*heap = (bh_heap){0};
}

static void put(bh_heap *heap, size_t index, bh_heap_item *item)
{
	heap->items[index] = item;
	item->place = index + 1;
}

static void rise(bh_heap *heap, size_t index, bh_heap_item *item)
{
	while (index && heap->items[(index - 1) / 2]->at > item->at) {
		put(heap, index, heap->items[(index - 1) / 2]);
		index = (index - 1) / 2;
	}
	put(heap, index, item);
}

static void sink(bh_heap *heap, size_t index, bh_heap_item *item)
{
	for (size_t child; (child = 2 * index + 1) < heap->count; index = child) {
		if (child + 1 < heap->count && heap->items[child + 1]->at < heap->items[child]->at)
			child++;
		if (heap->items[child]->at >= item->at)
			break;
		put(heap, index, heap->items[child]);
	}
	put(heap, index, item);
}

bool bh_heap_reserve(bh_heap *heap, size_t items)
{
	while (heap->capacity < items) {
		/* Grows by steps, so that it is not copied each time. */
		bh_heap_item **grown = bh_grow(heap->items, heap->capacity, &heap->capacity, sizeof *grown);
		if (!grown)
			return false;
		heap->items = grown;
	}
	return true;
}

bool bh_heap_add(bh_heap *heap, bh_heap_item *item, uint64_t at)
{
	if (!bh_heap_reserve(heap, heap->count + 1))
		return false;
	item->at = at;
	rise(heap, heap->count++, item);
	return true;
}

void bh_heap_remove(bh_heap *heap, bh_heap_item *item)
{
	if (!item->place)
		return;
	size_t index = item->place - 1;
	bh_heap_item *last = heap->items[--heap->count];
	item->place = 0;
	if (last == item)
		return;
	if (index && heap->items[(index - 1) / 2]->at > last->at)
		rise(heap, index, last);
	else
		sink(heap, index, last);
}
