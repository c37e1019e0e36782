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

#ifdef __aarch64__
#define BH_MACHINE "aarch64"
#else
#define BH_MACHINE "x86_64"
#endif

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
		bh_pool_configure(config, spec);
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

static wasmtime_error_t *make_engine(bh_variant *variant, wasm_config_t *config, const bh_variant_spec *spec)
{
	bh_maps *before = spec->pooled ? bh_maps_before() : NULL;
	wasmtime_error_t *failed = bhx_engine_new(config, &variant->engine);
	bh_pool_init(&variant->pool, spec, spec->stack + FIBER_ROOM, before);
	if (failed)
		bh_pool_deinit(&variant->pool);
	return failed;
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
		failed = make_engine(variant, config, spec);
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
	bh_pool_deinit(&variant->pool);
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

bool bh_variant_in_use(const bh_variant *variant)
{
	return atomic_load(&variant->pool.live);
}

void bh_variant_rest(bh_variant *variant)
{
	bh_pool_purge(&variant->pool);
}

const char *bh_engine_version(void)
{
	return WASMTIME_VERSION;
}
