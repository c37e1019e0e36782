/** Usage: what a call used, reported after every call, failed ones included. */
#ifndef BULKHEAD_USAGE_H
#define BULKHEAD_USAGE_H

#include "base.h"

BH_BEGIN

/** Start from BH_USAGE_INIT. Filled whether the call succeeded or failed. */
typedef struct {
	size_t struct_size;
	/**
	 * Fuel used; 0 where the component is not metered. Exact where the guest returned, exited, ran out of fuel or
	 * executed `unreachable`; up to 100,000 too low where another trap, a limit or a clock stopped it in the middle.
	 */
	uint64_t fuel;
	uint64_t wall_ns;         /**< from the start of the call to its end, waits included */
	uint64_t cpu_ns;          /**< CPU time, summed over polls; only where bh_call_options.cpu_time asked for it */
	uint64_t memory;          /**< linear memory in use at the end, all memories together; bytes */
	uint64_t peak_memory;     /**< the most that was in use at any time in the instance's life; bytes */
	uint64_t refused_growths; /**< memory and table growths refused by limits, in this call */
	uint64_t output_bytes; /**< bytes the guest wrote to stdout and stderr, in this call; discarded ones not counted */
	/** Bytes read and written through streams, and moved by host functions that count them (imports.h), in this call. */
	uint64_t io_bytes;
	uint64_t polls;          /**< how often the call was resumed */
	bool output_truncated;   /**< captured output went over output_bytes */
	uint64_t queue_ns;       /**< of wall_ns: until its turn had come, with a slot and memory */
	uint64_t instantiate_ns; /**< of wall_ns: making the fresh instance; 0 on a live one */
	/**
	 * Of wall_ns: in host functions that the program defines (imports.h), and in those of bulkhead:host, waits for their
	 * answers included. WASI's are not counted.
	 */
	uint64_t host_ns;
} bh_usage;

#define BH_USAGE_INIT BH_SIZED(bh_usage)

BH_END

#endif
