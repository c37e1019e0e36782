#include "engine/pool.h"

#include <bhx.h>
#include <sys/mman.h>
#include <unistd.h>

#include "engine/internal.h"

/*
 * What a freed slot keeps mapped and zeroes by hand, instead of giving it back: measured, see bench/README.md. All slots
 * together keep no more than KEEP_MEMORIES and KEEP_TABLES, or a page each where there are so many of them. Stacks keep
 * all that was used of them: they are not zeroed, which is most of what a short call costs then.
 */
#define KEEP_MEMORIES BH_MIB(256)
#define KEEP_MEMORY BH_MIB(1)
#define KEEP_TABLES BH_MIB(64)
#define KEEP_TABLE BH_KIB(64)

/* Tables for each slot. */
enum { TABLES = 4 };

/* What a memory takes of the address space, as the engine lays it out unless told otherwise: its room, and a guard on both sides. */
#define MEMORY_ROOM BH_GIB(4)
#define MEMORY_GUARD BH_MIB(32)

/* Slots whose memory is given back in one go: a store that is wanted waits so long. */
enum { SLOTS_AT_ONCE = 16 };

#define CLOSED (UINT64_C(1) << 63)

static size_t page_size(void)
{
	return (size_t)sysconf(_SC_PAGESIZE);
}

static size_t whole_pages(size_t bytes)
{
	return (bytes + page_size() - 1) & ~(page_size() - 1);
}

static size_t share(size_t all, size_t parts, size_t most)
{
	size_t each = all / parts & ~(page_size() - 1);
	return each > most ? most : each ? each : page_size();
}

void bh_pool_configure(wasm_config_t *config, const bh_variant_spec *spec)
{
	wasmtime_pooling_allocation_config_t *pool = wasmtime_pooling_allocation_config_new();
	uint32_t slots = spec->slots;
	wasmtime_pooling_allocation_config_total_component_instances_set(pool, slots);
	wasmtime_pooling_allocation_config_total_core_instances_set(pool, slots * 4);
	wasmtime_pooling_allocation_config_total_memories_set(pool, slots);
	wasmtime_pooling_allocation_config_total_tables_set(pool, slots * TABLES);
	wasmtime_pooling_allocation_config_total_stacks_set(pool, slots);
	wasmtime_pooling_allocation_config_max_core_instances_per_component_set(pool, BH_SLOT_CORE_INSTANCES);
	wasmtime_pooling_allocation_config_max_memories_per_component_set(pool, BH_SLOT_MEMORIES);
	wasmtime_pooling_allocation_config_max_tables_per_component_set(pool, BH_SLOT_TABLES);
	wasmtime_pooling_allocation_config_max_memories_per_module_set(pool, BH_SLOT_MEMORIES);
	wasmtime_pooling_allocation_config_max_tables_per_module_set(pool, BH_SLOT_TABLES);
	wasmtime_pooling_allocation_config_table_elements_set(pool, BH_SLOT_TABLE_ELEMENTS);
	wasmtime_pooling_allocation_config_max_memory_size_set(pool, BH_GIB(4));
	wasmtime_pooling_allocation_config_max_component_instance_size_set(pool, BH_MIB(1));
	wasmtime_pooling_allocation_config_max_core_instance_size_set(pool, BH_MIB(1));
	wasmtime_pooling_allocation_config_max_unused_warm_slots_set(pool, slots < 100 ? slots : 100);
	wasmtime_pooling_allocation_config_linear_memory_keep_resident_set(pool, share(KEEP_MEMORIES, slots, KEEP_MEMORY));
	wasmtime_pooling_allocation_config_table_keep_resident_set(pool, share(KEEP_TABLES, slots * TABLES, KEEP_TABLE));
	wasmtime_pooling_allocation_config_total_gc_heaps_set(pool, slots);
	bhx_pool_scan(pool);
	wasmtime_pooling_allocation_strategy_set(config, pool);
	wasmtime_pooling_allocation_config_delete(pool);
}

void bh_pool_init(bh_pool *pool, const bh_variant_spec *spec, size_t stack, bh_maps *before)
{
	bh_pool_sizes sizes = {
		.memories = spec->slots * (MEMORY_ROOM + MEMORY_GUARD) + MEMORY_GUARD,
		.tables = spec->slots * TABLES * whole_pages(BH_SLOT_TABLE_ELEMENTS * sizeof(void *)),
		.stack = whole_pages(stack),
		.stack_count = spec->slots,
	};
	pthread_mutex_init(&pool->purging, NULL);
	pool->slots = spec->slots;
	if (spec->pooled)
		pool->spans = bh_maps_find_pool(before, &sizes);
}

void bh_pool_deinit(bh_pool *pool)
{
	pthread_mutex_destroy(&pool->purging);
}

void bh_pool_enter(bh_pool *pool)
{
	while (atomic_fetch_add(&pool->live, 1) & CLOSED) {
		atomic_fetch_sub(&pool->live, 1);
		atomic_store(&pool->wanted, true);
		pthread_mutex_lock(&pool->purging);
		pthread_mutex_unlock(&pool->purging);
	}
}

void bh_pool_leave(bh_pool *pool)
{
	atomic_fetch_sub(&pool->live, 1);
}

/*
 * A freed slot reads as its image or as zeros, and so do its pages when they are fetched anew: from the same mapping,
 * which stays, and so does its protection. The engine itself gives back in this way what a slot may not keep. Stacks
 * are written before they are read.
 */
static void give_back(bh_pool *pool, bh_span span)
{
	size_t step = whole_pages(span.length / pool->slots) * SLOTS_AT_ONCE;
	for (size_t done = 0; done < span.length && !atomic_load(&pool->wanted); done += step) {
		size_t length = span.length - done < step ? span.length - done : step;
		if (madvise((void *)(span.start + done), length, MADV_DONTNEED)) // NOLINT(performance-no-int-to-ptr)
			return; /* locked in memory by the program: it wants it so */
	}
}

void bh_pool_purge(bh_pool *pool)
{
	uint64_t none = 0;
	pthread_mutex_lock(&pool->purging);
	atomic_store(&pool->wanted, false);
	if (atomic_compare_exchange_strong(&pool->live, &none, CLOSED)) {
		give_back(pool, pool->spans.memories);
		give_back(pool, pool->spans.tables);
		give_back(pool, pool->spans.stacks);
		atomic_fetch_and(&pool->live, ~CLOSED);
	}
	pthread_mutex_unlock(&pool->purging);
}
