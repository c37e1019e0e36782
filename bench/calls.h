/* What the benchmarks of the suite `calls` share: hosts, components, callers that keep calls under way. */
#ifndef BENCH_CALLS_H
#define BENCH_CALLS_H

#include <bulkhead.h>
#include <stdatomic.h>

#include "bench.h"
#include "peer.h"

void calls_check(bh_status status, bh_error *err, const char *what);

bh_host *calls_host(uint32_t workers, uint32_t slots);

/* Fuel 0 is the default; BH_UNLIMITED compiles none in. */
bh_component *calls_load(bh_host *host, const char *guest, uint64_t fuel, uint64_t execution_ms);
bh_export *calls_find(bh_component *component, const char *name);

/* Keep so many calls of an export under way for so many seconds: how many ended, a second. */
double calls_throughput(bh_export *export_, const bh_value *args, size_t count, unsigned callers, double seconds);

/* The same by threads that each make synchronous calls. */
double calls_throughput_sync(bh_export *export_, const bh_value *args, size_t count, unsigned threads, double seconds);

/* Nanoseconds a call, median of batches. */
double calls_fresh_ns(bh_export *export_, const bh_value *args, size_t count);
double calls_warm_ns(bh_instance *instance, bh_export *export_, const bh_value *args, size_t count);

#endif
