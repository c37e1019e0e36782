#include "host/host.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"

enum { DEFAULT_SLOTS = 1000, DEFAULT_QUEUE = 100000, DEFAULT_IDLE_MS = 10000 };

static void tick_all(void *data)
{
	bh_host *host = data;
	uint32_t count = atomic_load(&host->variant_count);
	for (uint32_t i = 0; i < count; i++)
		bh_variant_tick(atomic_load(&host->variants[i]));
}

/* What was needed for a rush, and by now is not. */
static void tidy_up(void *data)
{
	bh_host *host = data;
	uint32_t count = atomic_load(&host->variant_count);
	for (uint32_t i = 0; i < count; i++)
		bh_variant_rest(atomic_load(&host->variants[i]));
	bh_alloc_trim();
}

static bh_status make_ticker(bh_host *host, bh_error **err)
{
	bh_ticker_spec spec = {.tick = tick_all, .rest = tidy_up, .rest_ms = host->options.idle_ms, .data = host};
	return bh_ticker_new(&host->ticker, &spec, err);
}

static void help_tick(void *data, uint64_t now)
{
	const bh_host *host = data;
	bh_ticker_help(host->ticker, now);
}

static bh_status make_executor(bh_host *host, bh_error **err)
{
	const bh_executor_hooks hooks = {.tick = tick_all, .passing = help_tick, .data = host};
	return bh_executor_new(&host->executor, host->options.workers, &hooks, err);
}

/* Structs of older callers are shorter: what they do not have stays zero. */
static bh_status take_options(bh_host_options *out, const bh_host_options *given, bh_error **err)
{
	*out = (bh_host_options)BH_HOST_OPTIONS_INIT;
	if (given && !given->struct_size)
		return bh_fail(err, BH_E_INVALID, "host options: start from BH_HOST_OPTIONS_INIT");
	if (given)
		memcpy(out, given, given->struct_size < sizeof *out ? given->struct_size : sizeof *out);
	if (!out->pool_slots)
		out->pool_slots = DEFAULT_SLOTS;
	if (!out->default_stack)
		out->default_stack = bh_limit_describe(BH_LIMIT_STACK)->fallback;
	if (!out->idle_ms)
		out->idle_ms = DEFAULT_IDLE_MS;
	bh_limits probe = {.memory = BH_KIB(64), .stack = out->default_stack};
	return bh_limits_check(&probe, err);
}

static void warn(void *data, const char *message)
{
	bh_host_log(data, BH_LOG_WARNING, "%s", message);
}

bh_status bh_host_new(bh_host **out, const bh_host_options *options, bh_error **err)
{
	bh_host *host = bh_calloc(1, sizeof *host);
	if (!host)
		return bh_fail_memory(err);
	bh_status status = take_options(&host->options, options, err);
	if (!status)
		status = bh_codes_new(&host->codes, host->options.cache, warn, host, err);
	host->options.cache = NULL; /* the caller's */
	if (!status)
		status = make_ticker(host, err);
	if (!status)
		status = bh_stats_new(&host->stats, err);
	if (!status)
		status = make_executor(host, err);
	if (status) {
		bh_stats_free(host->stats);
		bh_ticker_free(host->ticker);
		bh_codes_free(host->codes);
		bh_free(host);
		return status;
	}
	atomic_init(&host->references, 1);
	pthread_mutex_init(&host->lock, NULL);
	bh_roll_init(&host->roll, host->options.queue ? host->options.queue : DEFAULT_QUEUE);
	bh_dispatch_init(&host->dispatch);
	bh_gate_init(&host->slots, UINT64_MAX);
	bh_gate_init(&host->memory, host->options.memory_budget ? host->options.memory_budget : UINT64_MAX);
	host->options.interceptors = bh_interceptors_freeze(host->options.interceptors);
	*out = host;
	return BH_OK;
}

bh_stats *bh_host_stats(const bh_host *host)
{
	return host->stats;
}

void bh_host_retain(bh_host *host)
{
	atomic_fetch_add(&host->references, 1);
}

void bh_host_release(bh_host *host)
{
	if (atomic_fetch_sub(&host->references, 1) != 1)
		return;
	bh_dispatch_deinit(&host->dispatch);
	bh_executor_free(host->executor);
	bh_ticker_free(host->ticker);
	bh_io_free(host->io);
	bh_codes_free(host->codes);
	for (uint32_t i = 0; i < atomic_load(&host->variant_count); i++)
		bh_variant_free(atomic_load(&host->variants[i]));
	bh_stats_free(host->stats);
	bh_gate_deinit(&host->memory);
	bh_roll_deinit(&host->roll);
	bh_gate_deinit(&host->slots);
	pthread_mutex_destroy(&host->lock);
	bh_interceptors_free(host->options.interceptors);
	bh_free(host);
}

void bh_host_free(bh_host *host)
{
	if (host)
		bh_host_release(host);
}

void bh_host_log(const bh_host *host, bh_log_level level, const char *format, ...)
{
	if (!host->options.log)
		return;
	char line[512];
	va_list args;
	va_start(args, format);
	vsnprintf(line, sizeof line, format, args);
	va_end(args);
	host->options.log(host->options.log_data, level, line);
}

static bh_variant *find_variant(bh_host *host, const bh_variant_spec *spec)
{
	uint32_t count = atomic_load(&host->variant_count);
	for (uint32_t i = 0; i < count; i++) {
		bh_variant *variant = atomic_load(&host->variants[i]);
		const bh_variant_spec *has = bh_variant_describe(variant);
		if (has->metered == spec->metered && has->pooled == spec->pooled && has->stack == spec->stack)
			return variant;
	}
	return NULL;
}

static uint32_t count_on_demand(bh_host *host)
{
	uint32_t on_demand = 0;
	for (uint32_t i = 0; i < atomic_load(&host->variant_count); i++)
		on_demand += !bh_variant_describe(atomic_load(&host->variants[i]))->pooled;
	return on_demand;
}

/* `remark` receives what to tell the log, to be freed: its hook is not called with a lock held. */
static bh_status make_variant(bh_host *host, bh_variant **out, bh_variant_spec *spec, char **remark, bh_error **err)
{
	BH_AUTO(bh_error_free) bh_error *why = NULL;
	bh_status status = bh_variant_new(out, spec, &why);
	if (status && spec->pooled && host->options.allocation == BH_ALLOCATION_AUTO) {
		*remark = bh_format("no pool of %u slots: %s; allocating on demand", (unsigned)spec->slots,
		                    why && bh_error_cause_count(why) ? bh_error_cause(why, bh_error_cause_count(why) - 1)
		                                                     : "it does not fit");
		host->no_pool = true;
		spec->pooled = false;
		*out = find_variant(host, spec);
		if (*out)
			return BH_OK;
		bh_error_free(BH_TAKE(why));
		status = bh_variant_new(out, spec, &why);
	}
	if (status) {
		if (err)
			*err = BH_TAKE(why);
		return status;
	}
	uint32_t count = atomic_load(&host->variant_count);
	atomic_store(&host->variants[count], *out);
	atomic_store(&host->variant_count, count + 1);
	return BH_OK;
}

bh_status bh_host_variant(bh_host *host, bh_variant **out, const bh_limits *limits, bool fits_pool, bh_error **err)
{
	bh_variant_spec spec = {
		.metered = limits->fuel != BH_UNLIMITED,
		.development = host->options.profile == BH_PROFILE_DEVELOPMENT,
		.coredumps = host->options.coredumps,
		.stack = limits->stack,
		.slots = host->options.pool_slots,
	};
	BH_AUTO(bh_free) char *remark = NULL;
	pthread_mutex_lock(&host->lock);
	bool may_pool = host->options.allocation != BH_ALLOCATION_ON_DEMAND && !host->no_pool;
	spec.pooled = may_pool && fits_pool && limits->stack == host->options.default_stack;
	bh_status status = BH_OK;
	*out = find_variant(host, &spec);
	if (!*out && !spec.pooled && count_on_demand(host) == BH_ON_DEMAND_VARIANTS) {
		bh_error *e = bh_error_begin(err, BH_E_BUSY, "the host serves %d stack sizes already", BH_ON_DEMAND_VARIANTS);
		bh_error_hint_set(e, "Give components the same max_stack, or load this one into another host.");
		status = BH_E_BUSY;
	} else if (!*out) {
		status = make_variant(host, out, &spec, &remark, err);
	}
	pthread_mutex_unlock(&host->lock);
	if (remark)
		bh_host_log(host, BH_LOG_WARNING, "%s", remark);
	return status;
}

bh_status bh_host_io(bh_host *host, bh_io **out, bh_error **err)
{
	bh_status status = BH_OK;
	pthread_mutex_lock(&host->lock);
	if (!host->io)
		status = bh_io_new(&host->io, (size_t)bh_limit_describe(BH_LIMIT_BLOCKING)->fallback, err);
	*out = host->io;
	pthread_mutex_unlock(&host->lock);
	return status;
}

int bh_host_fd(bh_host *host, bh_error **err)
{
	int fd = host ? bh_dispatch_fd(&host->dispatch) : -1;
	if (!host)
		bh_fail(err, BH_E_INVALID, "bh_host_fd: no host");
	else if (fd < 0)
		bh_fail_errno(err, BH_E_SYSTEM, errno, "no descriptor for bh_host_fd");
	return fd;
}

size_t bh_host_dispatch(bh_host *host)
{
	return bh_dispatch_all(&host->dispatch);
}

bh_status bh_host_drain(bh_host *host, uint64_t wait_ms, bh_error **err)
{
	if (!host || bh_executor_is_worker())
		return bh_fail(err, BH_E_INVALID, "bh_host_drain: %s", host ? "called from a callback" : "no host");
	bh_roll_drain(&host->roll, wait_ms == BH_UNLIMITED ? BH_NEVER : bh_after_ms(bh_now(), wait_ms));
	return BH_OK;
}
