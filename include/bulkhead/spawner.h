/** Spawners: what supervised guests may spawn, by way of bulkhead:host/supervision. */
#ifndef BULKHEAD_SPAWNER_H
#define BULKHEAD_SPAWNER_H

#include "imports.h"
#include "instance.h"

BH_BEGIN

/**
 * A list of components, by name, that guests may have run as children of their own, and how many of them. The WIT is in
 * wit/bulkhead-host/supervision.wit, the rules in docs/guide/host-functions.md.
 *
 * The guest must be a supervised child itself (supervisor.h), and its component must be granted the capability
 * "supervision". What it spawns must be granted no more, and limited no less, than its own component is.
 *
 * The list may name components that are linked with the spawner themselves, so that guests spawn their like: then each keeps
 * the other alive, until bh_spawner_free() empties the list.
 */
typedef struct bh_spawner bh_spawner;

/** Bounds. Start from BH_SPAWNER_OPTIONS_INIT; zero means the default. */
typedef struct {
	size_t struct_size;
	uint32_t max_children; /**< that one instance has at once; default 100, at most 10,000 */
	uint32_t max_total;    /**< that all of them have at once; default 1,000, at most 100,000 */
	uint32_t max_depth;    /**< children, their children, ...; default 4, at most 12 */
	uint32_t max_text;     /**< bytes of WAVE text in a call, each way; default 1 MiB, at most 64 MiB */
} bh_spawner_options;

#define BH_SPAWNER_OPTIONS_INIT BH_SIZED(bh_spawner_options)

/** An empty list. \return BH_OK; BH_E_INVALID (a bound that is out of range); BH_E_NO_MEMORY */
BH_API BH_MUST_USE bh_status bh_spawner_new(bh_spawner **out, const bh_spawner_options *options, bh_error **err);

/**
 * Put a component on the list. Any thread, any time.
 *
 * \param name       letters, digits, '-', '_' and '.', not first
 * \param component  kept alive
 * \param instance   what each of its instances is given, besides its arguments; stays as long as there are any. NULL: the
 *                   default
 *
 * \return BH_OK; BH_E_INVALID (no name, or on the list already; NULL); BH_E_NO_MEMORY
 */
BH_API BH_MUST_USE bh_status bh_spawner_allow(bh_spawner *spawner, const char *name, bh_component *component,
                                              const bh_instance_options *instance, bh_error **err);

/**
 * Put a component on the list in the place of the one that has the name, if there is one: at no time is there none. What was
 * spawned of that goes on. Otherwise as bh_spawner_allow(). On failure the list is as it was.
 *
 * \return BH_OK; BH_E_INVALID (no name; NULL); BH_E_NO_MEMORY
 */
BH_API BH_MUST_USE bh_status bh_spawner_replace(bh_spawner *spawner, const char *name, bh_component *component,
                                                const bh_instance_options *instance, bh_error **err);

/** Take it off the list. What was spawned of it goes on. Nothing happens where it is not there. */
BH_API void bh_spawner_forbid(bh_spawner *spawner, const char *name);

/** Empty the list, for good, and release it. What was spawned goes on. NULL is allowed. */
BH_API void bh_spawner_free(bh_spawner *spawner);

/**
 * Define bulkhead:host/supervision in a set. The set keeps what it needs of the spawner.
 *
 * \return BH_OK; BH_E_INVALID (the set is frozen, or has it already; NULL); BH_E_NO_MEMORY. On failure the set may have some
 *         of its functions
 */
BH_API BH_MUST_USE bh_status bh_imports_define_supervision(bh_imports *imports, bh_spawner *spawner, bh_error **err);

BH_END

#endif
