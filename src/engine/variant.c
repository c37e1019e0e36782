#include "engine/variant.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <unistd.h>

#include "base/text.h"
#include "bulkhead/version.h"
#include "engine/internal.h"

/*
 * Room on a fiber beside the wasm stack, for the host functions that run on it. Wasmtime's WASI and ours need
 * well under half of it.
 */
#define FIBER_ROOM BH_KIB(256)

/*
 * What a freed slot keeps mapped and zeroes by hand, instead of giving it back: measured, see bench/README.md. All slots
 * together keep no more than KEEP_ALL of memories: that is what an idle pool costs after the worst rush.
 */
#define KEEP_ALL BH_MIB(256)
#define KEEP_MEMORY BH_MIB(1)
#define KEEP_MEMORY_LEAST BH_KIB(64)
#define KEEP_TABLE BH_KIB(64)
#define KEEP_STACK BH_KIB(64)

#ifdef __aarch64__
#define BH_MACHINE "aarch64"
#else
#define BH_MACHINE "x86_64"
#endif

static size_t keep_of_memory(uint32_t slots)
{
	size_t share = KEEP_ALL / slots & ~(BH_KIB(64) - 1);
	return share > KEEP_MEMORY ? KEEP_MEMORY : share < KEEP_MEMORY_LEAST ? KEEP_MEMORY_LEAST : share;
}

static void configure_pool(wasm_config_t *config, const bh_variant_spec *spec)
{
	wasmtime_pooling_allocation_config_t *pool = wasmtime_pooling_allocation_config_new();
	uint32_t slots = spec->slots;
	wasmtime_pooling_allocation_config_total_component_instances_set(pool, slots);
	wasmtime_pooling_allocation_config_total_core_instances_set(pool, slots * 4);
	wasmtime_pooling_allocation_config_total_memories_set(pool, slots);
	wasmtime_pooling_allocation_config_total_tables_set(pool, slots * 4);
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
	wasmtime_pooling_allocation_config_linear_memory_keep_resident_set(pool, keep_of_memory(slots));
	wasmtime_pooling_allocation_config_table_keep_resident_set(pool, KEEP_TABLE);
	wasmtime_pooling_allocation_config_async_stack_keep_resident_set(pool, KEEP_STACK);
	wasmtime_pooling_allocation_config_total_gc_heaps_set(pool, slots);
	bhx_pool_scan(pool);
	wasmtime_pooling_allocation_strategy_set(config, pool);
	wasmtime_pooling_allocation_config_delete(pool);
}

/*
 * The engine compiles on threads that it starts once in a process, and never ends. A child of fork(2) has the memory
 * of them but not the threads, and would wait for ever: it compiles on the thread that asks.
 */
static bool has_compiler_threads(void)
{
	static _Atomic pid_t owner;
	pid_t before = 0, self = getpid();
	return atomic_compare_exchange_strong(&owner, &before, self) || before == self;
}

static wasm_config_t *configure(const bh_variant_spec *spec)
{
	wasm_config_t *config = wasm_config_new();
	wasmtime_config_consume_fuel_set(config, spec->metered);
	/* Every variant is interruptible: nothing runs that cannot be stopped. */
	wasmtime_config_epoch_interruption_set(config, true);
	wasmtime_config_max_wasm_stack_set(config, spec->stack);
	wasmtime_config_async_stack_size_set(config, spec->stack + FIBER_ROOM);
	wasmtime_config_wasm_component_model_set(config, true);
	/* Engine note 3: with it, a guest-chosen type reaches code that aborts the process. */
	wasmtime_config_concurrency_support_set(config, false);
	wasmtime_config_wasm_gc_set(config, true);
	wasmtime_config_wasm_function_references_set(config, true);
	wasmtime_config_wasm_exceptions_set(config, true);
	wasmtime_config_debug_info_set(config, spec->development);
	/* Development compiles in about half the time; production runs faster. */
	wasmtime_config_cranelift_opt_level_set(config,
	                                        spec->development ? WASMTIME_OPT_LEVEL_NONE : WASMTIME_OPT_LEVEL_SPEED);
	wasmtime_config_cranelift_regalloc_algorithm_set(config, spec->development ? WASMTIME_REGALLOC_SINGLE_PASS
	                                                                           : WASMTIME_REGALLOC_BACKTRACKING);
	wasmtime_config_parallel_compilation_set(config, has_compiler_threads());
	if (spec->pooled)
		configure_pool(config, spec);
	return config;
}

static void add_bytes(void *data, const uint8_t *bytes, size_t length)
{
	bh_text_add_n(data, (const char *)bytes, length);
}

static uint8_t release[BH_HASH];

static void hash_release(void)
{
	char text[160];
	bhx_text_t build;
	bhx_engine_build(&build);
	int length =
		snprintf(text, sizeof text, "wasmtime %s, build %.*s", WASMTIME_VERSION, (int)build.length, build.data);
	bh_hash_blake2(release, text, (size_t)length);
}

const uint8_t *bh_engine_release(void)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;
	pthread_once(&once, hash_release);
	return release;
}

static bool identify(bh_variant *variant)
{
	BH_AUTO(bh_text) bh_text all = {0};
	bh_text_add_n(&all, (const char *)bh_engine_release(), BH_HASH);
	bhx_engine_compatibility(variant->engine, add_bytes, &all);
	bh_hash_blake2(variant->identity, all.data, all.length);
	snprintf(variant->text, sizeof variant->text, "%s %s%s%s%s", WASMTIME_VERSION, BH_MACHINE,
	         variant->spec.baseline ? " baseline" : "", variant->spec.metered ? " metered" : "",
	         variant->spec.development ? " development" : "");
	return !all.failed;
}

bh_status bh_variant_new(bh_variant **out, const bh_variant_spec *spec, bh_error **err)
{
	bh_variant *variant = bh_calloc(1, sizeof *variant);
	if (!variant)
		return bh_fail_memory(err);
	wasm_config_t *config = configure(spec);
	/* Named, the target is taken without the features of the CPU at hand. */
	wasmtime_error_t *failed = bhx_config_set(config, spec->development, spec->coredumps,
	                                          spec->baseline ? BH_MACHINE "-unknown-linux-gnu" : NULL);
	if (failed)
		wasm_config_delete(config);
	else
		failed = bhx_engine_new(config, &variant->engine);
	if (failed) {
		bh_free(variant);
		return bh_engine_fail(err, BH_E_ENGINE, failed, "the engine could not be set up");
	}
	bh_values_prepare();
	variant->spec = *spec;
	variant->plain = wasmtime_component_linker_new(variant->engine);
	pthread_mutex_init(&variant->lock, NULL);
	if (!identify(variant)) {
		bh_variant_free(variant);
		return bh_fail_memory(err);
	}
	*out = variant;
	return BH_OK;
}

void bh_variant_free(bh_variant *variant)
{
	if (!variant)
		return;
	wasmtime_component_linker_delete(variant->plain);
	if (variant->wasi)
		wasmtime_component_linker_delete(variant->wasi);
	wasm_engine_delete(variant->engine);
	pthread_mutex_destroy(&variant->lock);
	bh_free(variant);
}

const bh_variant_spec *bh_variant_describe(const bh_variant *variant)
{
	return &variant->spec;
}

const uint8_t *bh_variant_identity(const bh_variant *variant)
{
	return variant->identity;
}

const char *bh_variant_text(const bh_variant *variant)
{
	return variant->text;
}

void bh_variant_tick(const bh_variant *variant)
{
	wasmtime_engine_increment_epoch(variant->engine);
}

const char *bh_engine_version(void)
{
	return WASMTIME_VERSION;
}
