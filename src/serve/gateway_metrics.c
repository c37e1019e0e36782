/* The gateway's numbers for Prometheus. Any thread. */
#include <stdio.h>
#include <string.h>

#include "gateway_internal.h"
#include "memory.h"
#include "metrics_text.h"

static void head(sv_text *out, const char *name, const char *type, const char *help)
{
	sv_text_add(out, "# HELP bulkhead_gateway_%s %s\n# TYPE bulkhead_gateway_%s %s\n", name, help, name, type);
}

/* `bulkhead_gateway_NAME{module="...",attach="..."`: more labels may come. */
static void begin_row(sv_text *out, const char *name, const bh_chain_stats_entry *e)
{
	sv_text_add(out, "bulkhead_gateway_%s{module=\"", name);
	metrics_label(out, e->module);
	sv_text_add(out, "\",attach=\"%s\"", point_label(e->attach));
}

static void put_actions(sv_text *out, const bh_chain_stats_entry *e)
{
	const struct {
		const char *name;
		uint64_t count;
	} rows[] = {{"continue", e->continued}, {"reject", e->rejected},      {"modify", e->modified},
	            {"respond", e->replied},    {"failed-closed", e->closed}, {"failed-open", e->opened}};
	for (size_t n = 0; n < SV_COUNT(rows); n++) {
		begin_row(out, "calls_total", e);
		sv_text_add(out, ",result=\"%s\"} %llu\n", rows[n].name, (unsigned long long)rows[n].count);
	}
}

static void put_skipped(sv_text *out, const bh_chain_stats_entry *e)
{
	if (!e->skipped)
		return;
	begin_row(out, "skipped_total", e);
	sv_text_add(out, "} %llu\n", (unsigned long long)e->skipped);
}

/* By how they failed; kinds that never were have no line. */
static void put_failures(sv_text *out, const bh_chain_stats_entry *e)
{
	bh_status status;
	for (size_t at = 0; point_failure(e, &at, &status);) {
		begin_row(out, "failures_total", e);
		sv_text_add(out, ",status=\"%s\"} %llu\n", bh_status_name(status),
		            (unsigned long long)bh_stats_status_count(e->calls, status));
	}
}

/* A bucket for each doubling, as the host's own statistics have them. */
static void put_times(sv_text *out, const bh_chain_stats_entry *e)
{
	enum { STEP = 4 };
	const bh_histogram *time = &e->calls->time;
	uint64_t below = 0;
	for (size_t i = 0; i < BH_HISTOGRAM_BUCKETS; i++) {
		uint64_t bound = bh_histogram_bound(i);
		below += time->buckets[i];
		if (i % STEP || bound == UINT64_MAX)
			continue;
		begin_row(out, "call_seconds_bucket", e);
		sv_text_add(out, ",le=\"%.9g\"} %llu\n", (double)bound / 1e9, (unsigned long long)below);
	}
	begin_row(out, "call_seconds_bucket", e);
	sv_text_add(out, ",le=\"+Inf\"} %llu\n", (unsigned long long)below);
	begin_row(out, "call_seconds_sum", e);
	sv_text_add(out, "} %.9f\n", (double)time->sum_ns / 1e9);
	begin_row(out, "call_seconds_count", e);
	sv_text_add(out, "} %llu\n", (unsigned long long)below);
}

static void put_modules(sv_text *out, const bh_chain_stats *stats)
{
	static const struct {
		const char *name, *type, *help;
		void (*put)(sv_text *out, const bh_chain_stats_entry *e);
	} parts[] = {
		{"calls_total", "counter", "Modules asked, by what came of it.", put_actions},
		{"failures_total", "counter", "Modules asked that failed, by how.", put_failures},
		{"skipped_total", "counter", "Messages that shadows were not asked about, as too many waited.", put_skipped},
		{"call_seconds", "histogram", "Time that modules took.", put_times},
	};
	for (size_t n = 0; n < SV_COUNT(parts); n++) {
		head(out, parts[n].name, parts[n].type, parts[n].help);
		for (size_t i = 0; i < bh_chain_stats_count(stats); i++)
			parts[n].put(out, bh_chain_stats_at(stats, i));
	}
}

static void put_one(sv_text *out, const char *name, const char *type, const char *help, uint64_t value)
{
	sv_text_add(out, "# HELP bulkhead_gateway_%s %s\n# TYPE bulkhead_gateway_%s %s\nbulkhead_gateway_%s %llu\n", name,
	            help, name, type, name, (unsigned long long)value);
}

void gateway_metrics(gateway *g, sv_text *out)
{
	bh_chain_stats *stats = NULL;
	const proxy_counts c = proxy_count(g->proxy);
	sv_text_add(out, "# HELP bulkhead_gateway_answers_total Answers sent to clients.\n"
	                 "# TYPE bulkhead_gateway_answers_total counter\n");
	for (int i = 2; i < 6; i++)
		sv_text_add(out, "bulkhead_gateway_answers_total{status=\"%dxx\"} %llu\n", i,
		            (unsigned long long)c.answered[i]);
	put_one(out, "requests_total", "counter", "Requests begun.", c.requests);
	put_one(out, "refused_total", "counter", "Requests not allowed, or too large.", c.refused);
	put_one(out, "upstream_failures_total", "counter", "Requests the upstream did not answer, or not whole.",
	        c.upstream_failures);
	put_one(out, "clients_gone_total", "counter", "Clients that did not wait.", c.gone);
	put_one(out, "connections", "gauge", "Connections of clients.", c.connections);
	put_one(out, "requests_in_flight", "gauge", "Requests under way.", c.in_flight);
	if (bh_chain_stats_new(&stats, g->chain, NULL))
		return;
	put_modules(out, stats);
	bh_chain_stats_free(stats);
}
