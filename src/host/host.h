/* What a host is made of; for this room. */
#ifndef BH_HOST_HOST_H
#define BH_HOST_HOST_H

#include <pthread.h>
#include <stdatomic.h>

#include "base/error.h"
#include "bulkhead.h"
#include "cache/codes.h"
#include "engine/store.h"
#include "engine/variant.h"
#include "host/executor.h"
#include "host/line.h"
#include "host/roll.h"
#include "host/stats.h"
#include "host/ticker.h"

enum { BH_POOLED_VARIANTS = 2, BH_ON_DEMAND_VARIANTS = 16, BH_VARIANTS = BH_POOLED_VARIANTS + BH_ON_DEMAND_VARIANTS };

struct bh_host {
	_Atomic uint32_t references; /* the caller's, and one for each component */
	bh_host_options options;     /* its interceptors are a reference of ours */
	pthread_mutex_t lock;        /* over variants and io; held for long only while an engine is made */
	_Atomic(bh_variant *) variants[BH_VARIANTS];
	_Atomic uint32_t variant_count;
	bool no_pool; /* a pool did not fit: told once */
	bh_io *io;
	bh_codes *codes; /* compiled code */
	bh_ticker *ticker;
	bh_executor *executor;
	bh_stats *stats;
	bh_roll roll;
	bh_dispatch dispatch;
	bh_gate slots;            /* of the pools: they are tried, not counted */
	bh_gate memory;           /* of all live instances */
	_Atomic uint32_t kept;    /* live instances of chains that nobody uses */
	_Atomic uint64_t numbers; /* of calls that interceptors see */
};

struct bh_component {
	_Atomic uint32_t references;
	bh_host *host;
	bh_variant *variant;
	bh_code *code;
	bh_code_history history; /* how it was come by */
	bh_limits limits;
	bh_permissions *permissions; /* NULL grants nothing */
	bh_group group;              /* its calls on the executor */
	bh_gate calls, instances;
	uint64_t reserve; /* of the host's memory, for each instance */
	bh_io *io;        /* its own where folders are granted, to bound its blocking operations */
	char *name;
	uint8_t digest[BH_HASH];   /* of what it was loaded from */
	bh_intercept_chain *chain; /* interceptors of its calls; NULL: none */
	bh_stats_component *stats; /* where its calls are counted */
	pthread_mutex_t lock;      /* over items and run */
	bh_item *items;            /* signatures are made when asked for */
	bh_export *run;            /* wasi:cli/run, prepared when first needed */
};

struct bh_export {
	_Atomic uint32_t references;
	bh_component *component; /* NULL in a component's own `run`: it must not keep itself alive */
	bh_function *function;
	_Atomic(bh_stats_export *) stats; /* NULL until it is called */
};

bh_export *bh_export_ref(bh_export *export_);

void bh_host_retain(bh_host *host);
void bh_host_release(bh_host *host);
void bh_host_log(const bh_host *host, bh_log_level level, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

/* The variant that serves these limits; BH_E_BUSY when all are taken. */
bh_status bh_host_variant(bh_host *host, bh_variant **out, const bh_limits *limits, bool fits_pool, bh_error **err);

/* The threads of components that have no folders granted. */
bh_status bh_host_io(bh_host *host, bh_io **out, bh_error **err);

#endif
