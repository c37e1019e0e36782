/*
 * The memory of a pool between uses: what freed slots keep, and giving that back when nothing is live.
 *
 * Stores enter and leave, which counts them. A purge closes the pool while the count is zero, and whoever comes meanwhile
 * waits for the part under way, not for all of it.
 */
#ifndef BH_ENGINE_POOL_H
#define BH_ENGINE_POOL_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <wasmtime.h>

#include "engine/pool_find.h"
#include "engine/variant.h"

typedef struct {
	pthread_mutex_t purging;
	bh_pool_spans spans; /* none of an engine without a pool */
	size_t slots;
	_Atomic bool wanted;   /* somebody waits at the gate */
	char apart[64];        /* what follows is written by all who make instances */
	_Atomic uint64_t live; /* stores, and whether it is closed */
} bh_pool;

/* Tell the engine how large its pool is. */
void bh_pool_configure(wasm_config_t *config, const bh_variant_spec *spec);

/* Where it lies, once the engine is made; `stack`: of a fiber. Takes `before`, where there is a pool. */
void bh_pool_init(bh_pool *pool, const bh_variant_spec *spec, size_t stack, bh_maps *before);
void bh_pool_deinit(bh_pool *pool);

/* A store is made, has gone. */
void bh_pool_enter(bh_pool *pool);
void bh_pool_leave(bh_pool *pool);

/* What freed slots keep goes back to the system. Nothing happens while a store is live; it ends early when one is wanted. */
void bh_pool_purge(bh_pool *pool);

#endif
