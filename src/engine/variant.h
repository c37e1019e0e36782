/* Engine variants: one engine for each combination of what cannot be changed once code runs. */
#ifndef BH_ENGINE_VARIANT_H
#define BH_ENGINE_VARIANT_H

#include "base/hash.h"
#include "bulkhead/error.h"
#include "bulkhead/host.h"

typedef struct bh_variant bh_variant;

/* Elements a table can have in a pool. */
enum { BH_SLOT_TABLE_ELEMENTS = 20000 };

typedef struct {
	bool metered;     /* compiled with fuel */
	bool pooled;      /* memory from slots reserved up front */
	bool development; /* debug information */
	bool coredumps;   /* errors of guests carry core dumps; compiled code is the same */
	bool baseline;    /* to compile for any CPU of this architecture */
	uint64_t stack;   /* bytes of wasm stack */
	uint32_t slots;   /* instances at once, where pooled */
} bh_variant_spec;

/* Make an engine. A pool that does not fit the address space is BH_E_ENGINE. */
bh_status bh_variant_new(bh_variant **out, const bh_variant_spec *spec, bh_error **err);
void bh_variant_free(bh_variant *variant);

const bh_variant_spec *bh_variant_describe(const bh_variant *variant);

/*
 * What compiled code of this variant depends on, as a digest: the engine's version and settings, this CPU's features,
 * this build of the archive. Where two variants have the same, they load each other's code.
 */
const uint8_t *bh_variant_identity(const bh_variant *variant);

/* Which engine this is, to the build: a digest, the same for all variants. */
const uint8_t *bh_engine_release(void);

/* The same for people: "48.0.8 x86_64 metered". */
const char *bh_variant_text(const bh_variant *variant);

/* Advance the epoch: guests that run look up within the next loop or call. Async-signal-safe. */
void bh_variant_tick(const bh_variant *variant);

/* Whether a store of it is live. */
bool bh_variant_in_use(const bh_variant *variant);

/* Give back to the system what its pool keeps of freed slots, if no store is live. Takes milliseconds, once after a rush. */
void bh_variant_rest(bh_variant *variant);

#endif
