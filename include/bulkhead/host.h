/** A host: the engines, threads and policy that components run under. */
#ifndef BULKHEAD_HOST_H
#define BULKHEAD_HOST_H

#include "cache.h"
#include "error.h"
#include "limits.h"

BH_BEGIN

/** What compiled code is made for. */
typedef enum {
	BH_PROFILE_PRODUCTION, /**< speed (default) */
	BH_PROFILE_DEVELOPMENT /**< debug information: traps name files and lines; compiles and runs slower */
} bh_profile;

/** Where instances get their memory from. */
typedef enum {
	BH_ALLOCATION_AUTO,      /**< pooled, or on demand where the address space does not allow a pool (default) */
	BH_ALLOCATION_POOLED,    /**< slots reserved up front: an instance costs microseconds */
	BH_ALLOCATION_ON_DEMAND, /**< nothing reserved: a host costs 0.2 ms instead of 5; right for one-shot programs */
} bh_allocation;

typedef enum { BH_LOG_ERROR, BH_LOG_WARNING, BH_LOG_INFO, BH_LOG_DEBUG } bh_log_level;

/** Receives the library's remarks: any thread, must not block long, must not call back into the library. */
typedef void bh_log_fn(void *data, bh_log_level level, const char *message);

/** How to make a host. Start from BH_HOST_OPTIONS_INIT; zero means the default. */
typedef struct {
	size_t struct_size;
	bh_profile profile;
	bh_allocation allocation;
	uint32_t pool_slots;    /**< instances that a pool holds at once; default 1000 */
	uint64_t default_stack; /**< the stack size that pools serve; default 1 MiB. Other sizes are served on demand */
	bh_limits ceilings;     /**< bound every component's limits; a zero bounds nothing */
	bh_ceiling_policy ceiling_policy;
	bh_log_fn *log; /**< NULL: remarks are dropped */
	void *log_data;
	const bh_cache_options *cache; /**< of compiled code; NULL: the default. Copied */
	uint32_t workers; /**< threads that run calls started with bh_call_start(); default: one for each processor */
	/**
	 * What the linear memories of all instances may take together, bytes; 0: no bound. An instance reserves
	 * limits.initial_memory, or what it starts with if that is more, and waits its turn where that is not free
	 * (limits.queue_ms, then BH_E_BUSY). Memory beyond that is taken from the budget as the guest grows; where none is
	 * left growing fails as at limits.memory, though not over it.
	 */
	uint64_t memory_budget;
	uint32_t queue; /**< calls started and not over, beyond which bh_call_start() returns BH_E_BUSY; default 100,000 */
	/** Guests that trap leave core dumps (coredump.h) in their errors. That takes time and memory at each trap. */
	bool coredumps;
	bh_interceptors *interceptors; /**< see the calls of all its components (interceptor.h); NULL: none. Kept alive */
	/**
	 * A host in which nothing has run for so long, ms, gives memory back to the system: what the slots of a pool keep after
	 * use, where none of its instances is live, and free memory of the C library's heap, which is the whole process's.
	 * Once, by the ticker; then it sleeps. A call that begins meanwhile may wait for some milliseconds, and have its limits
	 * looked at that much later. Default 10,000; BH_UNLIMITED: never
	 */
	uint64_t idle_ms;
} bh_host_options;

#define BH_HOST_OPTIONS_INIT BH_SIZED(bh_host_options)

/**
 * Make a host. Engines are made when the first component needs them.
 *
 * A host may be used from any thread. It starts one thread (the ticker) when the first call runs, and the
 * threads of docs/guide/embedding.md when a component does input or output. Make it after forking, not before.
 *
 * \return BH_OK; BH_E_INVALID; BH_E_NO_MEMORY; BH_E_SYSTEM
 */
BH_API BH_MUST_USE bh_status bh_host_new(bh_host **out, const bh_host_options *options, bh_error **err);

/**
 * Give the host up. It goes when its last component has gone; until then components stay usable.
 * NULL is allowed. Any thread.
 */
BH_API void bh_host_free(bh_host *host);

/** What this machine offers the engine, for `bulkhead doctor` and the like. */
typedef struct {
	size_t struct_size;
	uint64_t address_space;  /**< bytes of address space a process may map */
	uint64_t max_map_count;  /**< memory maps a process may have; 0 if not known */
	uint32_t pool_slots_fit; /**< how many pool slots of the default size fit */
	bool openat2;            /**< the kernel has openat2(2), which granted folders need */
	const char *cpu;         /**< the compiler's target, such as "x86_64-unknown-linux-gnu" */
} bh_machine;

/** Look at this machine. Any thread. */
BH_API void bh_machine_describe(bh_machine *out);

BH_END

#endif
