/** Limits: how much a component may use, and what happens when it wants more. */
#ifndef BULKHEAD_LIMITS_H
#define BULKHEAD_LIMITS_H

#include "error.h"

BH_BEGIN

/** What happens when a guest asks for more memory than it may have. */
typedef enum {
	BH_MEMORY_LIMIT_FAIL, /**< memory.grow answers -1; the guest may cope (default) */
	BH_MEMORY_LIMIT_TRAP  /**< the guest is stopped there, which shows who asked */
} bh_memory_limit_action;

/**
 * How much one instance, or one call, may use. Start from BH_LIMITS_INIT.
 *
 * Zero means the default of the row in the table of bh_limit_info(); BH_UNLIMITED means no limit, where
 * the row allows it. `memory` has no default: it must be said.
 */
typedef struct {
	size_t struct_size;
	uint64_t memory;         /**< linear memory, all memories of the instance together; bytes; required */
	uint64_t initial_memory; /**< what admission reserves for an instance; bytes */
	uint64_t stack;          /**< wasm stack; bytes */
	uint64_t fuel;           /**< fuel a call (about one unit an instruction); unlimited costs least */
	uint64_t execution_ms;   /**< wall time a call, waits included; instantiation to destructors */
	uint64_t queue_ms;       /**< time a call may wait for its turn */
	uint64_t tables;         /**< tables of one instance */
	uint64_t table_elements; /**< elements of all tables together */
	uint64_t instances;      /**< core instances in one component instance */
	uint64_t memories;       /**< memories in one component instance */
	uint64_t resources;      /**< live host resources (files, streams, pollables, sockets) */
	uint64_t hostcall_bytes; /**< host memory one host call, or one result, may make us allocate */
	uint64_t output_bytes;   /**< captured bytes of each of stdout and stderr; the rest is cut off and flagged */
	uint64_t open_files;     /**< open descriptors, granted folders included */
	uint64_t io_bytes;       /**< bytes through streams, files and host functions that count them, a call */
	uint64_t blocking;       /**< blocking file operations under way at once, all instances of the component */
	bh_memory_limit_action on_memory_limit;
} bh_limits;

#define BH_LIMITS_INIT BH_SIZED(bh_limits)

/** Names a limit, in errors and tables. Rows of src/base/limits.c. */
typedef enum {
	BH_LIMIT_NONE,
	BH_LIMIT_MEMORY,
	BH_LIMIT_INITIAL_MEMORY,
	BH_LIMIT_STACK,
	BH_LIMIT_FUEL,
	BH_LIMIT_EXECUTION_TIME,
	BH_LIMIT_QUEUE_TIME,
	BH_LIMIT_TABLES,
	BH_LIMIT_TABLE_ELEMENTS,
	BH_LIMIT_INSTANCES,
	BH_LIMIT_MEMORIES,
	BH_LIMIT_RESOURCES,
	BH_LIMIT_HOSTCALL_BYTES,
	BH_LIMIT_OUTPUT_BYTES,
	BH_LIMIT_OPEN_FILES,
	BH_LIMIT_IO_BYTES,
	BH_LIMIT_BLOCKING,
	BH_LIMIT_COUNT
} bh_limit;

typedef enum { BH_UNIT_BYTES, BH_UNIT_MILLISECONDS, BH_UNIT_COUNT } bh_unit;

/** What there is to know about one limit. */
typedef struct {
	const char *key;  /**< its key in Component.toml and on the command line: "max_memory" */
	const char *flag; /**< its command line flag without dashes: "memory"; NULL if it has none */
	bh_unit unit;
	uint64_t fallback; /**< the default; 0: required */
	uint64_t minimum;  /**< smallest value allowed */
	uint64_t maximum;  /**< largest value allowed */
	bool may_be_unlimited;
	const char *text; /**< one line of English */
} bh_limit_info;

/** The row of a limit; NULL for BH_LIMIT_NONE and numbers that are none. Any thread. */
BH_API const bh_limit_info *bh_limit_describe(bh_limit limit);

/** The limit whose key or flag this is; BH_LIMIT_NONE if there is none. Any thread. */
BH_API bh_limit bh_limit_find(const char *key);

/** A limit's value in the struct, as written there. Any thread. */
BH_API uint64_t bh_limits_get(const bh_limits *limits, bh_limit limit);

/** Write a limit into the struct, unchecked: bh_limits_check() checks. Any thread. */
BH_API void bh_limits_set(bh_limits *limits, bh_limit limit, uint64_t value);

/** Replace zeros by defaults. `memory` stays zero if it was. Any thread. */
BH_API void bh_limits_fill(bh_limits *limits);

/**
 * Check values against their allowed ranges, and that memory is given.
 *
 * \return BH_OK; BH_E_MISSING_LIMITS; BH_E_CONFIG with limit, value and the allowed range
 */
BH_API BH_MUST_USE bh_status bh_limits_check(const bh_limits *limits, bh_error **err);

/** What a host does with a component that asks for more than the host's ceilings. */
typedef enum {
	BH_CEILING_REJECT, /**< loading it fails with BH_E_POLICY (default) */
	BH_CEILING_CLAMP   /**< it is lowered to the ceiling */
} bh_ceiling_policy;

/**
 * Bound limits by ceilings: zero in a ceiling means none.
 *
 * \return BH_OK, with `limits` lowered where the policy is to clamp; BH_E_POLICY naming the limit, what was
 *         asked for and what is allowed
 */
BH_API BH_MUST_USE bh_status bh_limits_bound(bh_limits *limits, const bh_limits *ceilings, bh_ceiling_policy policy,
                                             bh_error **err);

/**
 * Read a value as people write it: sizes "64MB" (decimal), "64MiB", "65536"; durations "100ms", "2s", "1m",
 * a bare number in milliseconds; counts "1000000", "1_000_000"; "unlimited".
 *
 * \return BH_OK; BH_E_CONFIG with what is allowed
 */
BH_API BH_MUST_USE bh_status bh_limit_parse(uint64_t *out, bh_limit limit, const char *text, bh_error **err);

/**
 * Read how old something may get, as people write it: "30d", "12h", "5m", "10s", a bare number in seconds.
 *
 * \param out  receives seconds, one at least
 * \return BH_OK; BH_E_CONFIG with what is allowed
 */
BH_API BH_MUST_USE bh_status bh_age_parse(uint64_t *out, const char *text, bh_error **err);

/**
 * Write a value as people read it: "64 MiB", "100 ms", "1,000,000", "unlimited".
 *
 * \return the length needed, as snprintf does; at most `size` bytes are written, always terminated
 */
BH_API size_t bh_limit_format(char *out, size_t size, bh_limit limit, uint64_t value);

BH_END

#endif
