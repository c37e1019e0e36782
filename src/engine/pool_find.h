/*
 * Where the memory of a pool lies. The engine does not say, so the maps of the process before and after it is made are
 * compared. What is not certain is not known.
 */
#ifndef BH_ENGINE_POOL_FIND_H
#define BH_ENGINE_POOL_FIND_H

#include <stddef.h>
#include <stdint.h>

/* Part of the address space; length 0: not known. */
typedef struct {
	uintptr_t start;
	size_t length;
} bh_span;

/* What is looked for, in bytes. Stacks: so many, each a page without access and `stack` bytes above it. */
typedef struct {
	size_t memories;
	size_t tables;
	size_t stack;
	size_t stack_count;
} bh_pool_sizes;

typedef struct {
	bh_span memories, tables, stacks;
} bh_pool_spans;

/* What was mapped before the engine is made; NULL where that cannot be told. */
typedef struct bh_maps bh_maps;
bh_maps *bh_maps_before(void) __attribute__((warn_unused_result));

/*
 * What has been mapped since, is of exactly such a size, and is the only one. Takes `before`, NULL included. Nothing is
 * known where another engine was made meanwhile.
 */
bh_pool_spans bh_maps_find_pool(bh_maps *before, const bh_pool_sizes *sizes);

#endif
