/* The gateway's modules and numbers as JSON: in the form existing users know, and for `top`. Any thread. */
#include <stdio.h>
#include <string.h>

#include "gateway_internal.h"
#include "memory.h"
#include "show_terms.h"

static const struct {
	bh_attach bit;
	const char *name, *label;
} points[] = {{BH_ATTACH_REQUEST, "OnRequest", "on-request"},
              {BH_ATTACH_RESPONSE, "OnResponse", "on-response"},
              {BH_ATTACH_ERROR, "OnError", "on-error"}};

const char *point_label(bh_attach attach)
{
	for (size_t i = 0; i < SV_COUNT(points); i++)
		if (points[i].bit == attach)
			return points[i].label;
	return "";
}

/* What it is asked about; of one that does not say, what it exports. */
static uint32_t attached(const module_record *m)
{
	uint32_t exported = 0;
	for (size_t i = 0; m->component && i < bh_component_export_count(m->component); i++) {
		const char *name = bh_component_export_at(m->component, i)->name;
		for (size_t n = 0; name && n < SV_COUNT(points); n++)
			if (!strcmp(name, points[n].label))
				exported |= points[n].bit;
	}
	return m->options.attach ? m->options.attach : exported;
}

static uint64_t calls_of(const bh_chain_stats *stats, const char *module)
{
	uint64_t calls = 0;
	for (size_t i = 0; stats && i < bh_chain_stats_count(stats); i++)
		if (!strcmp(bh_chain_stats_at(stats, i)->module, module))
			calls += bh_chain_stats_at(stats, i)->calls->calls;
	return calls;
}

static void put_module(sv_text *out, const module_record *m, const bh_chain_stats *stats)
{
	char created[32], accessed[32];
	uint32_t attach = attached(m);
	time_text(m->created_ms, created);
	time_text(m->accessed_ms, accessed);
	js_open(out, '{');
	js_put_text(out, "module_uuid", m->uuid);
	js_key(out, "module_meta");
	js_open(out, '{');
	js_put_text(out, "name", m->name);
	js_put_text(out, "file_path", m->file);
	js_put_text(out, "sha256_hash", m->sha256);
	js_put_number(out, "size_bytes", m->size);
	js_put_text(out, "created_at", created);
	js_put_text(out, "last_accessed_at", accessed);
	js_put_number(out, "access_count", calls_of(stats, m->name));
	js_key(out, "attach_points");
	js_open(out, '[');
	for (size_t i = 0; i < SV_COUNT(points); i++) {
		if (!(attach & points[i].bit))
			continue;
		js_open(out, '{');
		js_put_text(out, "Middleware", points[i].name);
		js_close(out, '}');
	}
	js_close(out, ']');
	js_close(out, '}');
	js_close(out, '}');
}

static double ms(uint64_t ns)
{
	return (double)ns / 1e6;
}

static void put_sums(sv_text *out, const bh_chain_stats *stats)
{
	uint64_t calls = 0, failures = 0, sum = 0, most = 0, measured = 0;
	for (size_t i = 0; stats && i < bh_chain_stats_count(stats); i++) {
		const bh_stats_entry *e = bh_chain_stats_at(stats, i)->calls;
		uint64_t longest = bh_stats_quantile(&e->time, 1);
		calls += e->calls;
		failures += e->failures;
		sum += e->time.sum_ns;
		measured += e->time.count;
		most = longest > most ? longest : most;
	}
	js_open(out, '{');
	js_put_number(out, "total_executions", calls);
	js_put_number(out, "successful_executions", calls - failures);
	js_put_number(out, "failed_executions", failures);
	js_put_number(out, "total_execution_time_ms", sum / 1000000);
	js_put_number(out, "max_execution_time_ms", most / 1000000);
	js_key(out, "average_execution_time_ms");
	js_real(out, measured ? ms(sum) / (double)measured : 0);
	js_close(out, '}');
}

void gateway_list(gateway *g, sv_text *out)
{
	bh_chain_stats *stats = NULL;
	(void)!bh_chain_stats_new(&stats, g->chain, NULL);
	js_open(out, '{');
	js_key(out, "modules");
	js_open(out, '[');
	pthread_mutex_lock(&g->lock);
	for (size_t i = 0; i < g->modules.count; i++)
		put_module(out, g->modules.items[i], stats);
	pthread_mutex_unlock(&g->lock);
	js_close(out, ']');
	js_key(out, "metrics");
	put_sums(out, stats);
	js_close(out, '}');
	bh_chain_stats_free(stats);
}

bool point_failure(const bh_chain_stats_entry *e, size_t *at, bh_status *out)
{
	static const bh_status all[] = {
#define ROW(code, ...) (bh_status)(code),
		BH_STATUS_MAP(ROW)
#undef ROW
	};
	while (*at < SV_COUNT(all)) {
		*out = all[(*at)++];
		if (*out != BH_OK && bh_stats_status_count(e->calls, *out))
			return true;
	}
	return false;
}

static void put_point(sv_text *out, const bh_chain_stats_entry *e)
{
	bh_status status;
	js_open(out, '{');
	js_put_text(out, "attach", point_label(e->attach));
	js_put_number(out, "calls", e->calls->calls);
	js_put_number(out, "failures", e->calls->failures);
	js_put_number(out, "continued", e->continued);
	js_put_number(out, "rejected", e->rejected);
	js_put_number(out, "modified", e->modified);
	js_put_number(out, "replied", e->replied);
	js_put_number(out, "closed", e->closed);
	js_put_number(out, "opened", e->opened);
	js_put_number(out, "skipped", e->skipped);
	js_key(out, "failed");
	js_open(out, '{');
	for (size_t at = 0; point_failure(e, &at, &status);)
		js_put_number(out, bh_status_name(status), bh_stats_status_count(e->calls, status));
	js_close(out, '}');
	js_put_number(out, "p50_ns", bh_stats_quantile(&e->calls->time, 0.5));
	js_put_number(out, "p99_ns", bh_stats_quantile(&e->calls->time, 0.99));
	js_close(out, '}');
}

static void put_attached(sv_text *out, const module_record *m)
{
	uint32_t attach = attached(m);
	js_key(out, "attach");
	js_open(out, '[');
	for (size_t i = 0; i < SV_COUNT(points); i++)
		if (attach & points[i].bit)
			js_text(out, points[i].label);
	js_close(out, ']');
}

static void put_rules(sv_text *out, const module_record *m)
{
	js_key(out, "match");
	js_open(out, '[');
	for (size_t i = 0; i < m->options.match_count; i++) {
		const bh_chain_match *rule = &m->options.matches[i];
		js_open(out, '{');
		js_put_text(out, "path_prefix", rule->path_prefix);
		js_put_text(out, "method", rule->method);
		js_put_text(out, "header", rule->header);
		js_put_text(out, "header_value", rule->header_value);
		js_close(out, '}');
	}
	js_close(out, ']');
}

/* What holds of it, whoever said so; of one that is missing, as far as its file is not needed for that. */
static void put_terms(sv_text *out, const module_record *m)
{
	js_put_text(out, "on_failure", m->options.on_failure == BH_FAIL_OPEN ? "open" : "closed");
	put_attached(out, m);
	put_rules(out, m);
	js_key(out, "sample");
	js_real(out, m->options.sample > 0 ? m->options.sample : 100);
	js_put_bool(out, "shadow", m->options.shadow);
	js_put_number(out, "reuse", m->options.reuse ? m->options.reuse : 1);
	if (!m->component)
		return;
	show_limits(out, bh_component_limits(m->component));
	show_permissions(out, bh_component_permissions(m->component));
}

static void put_in_order(sv_text *out, const module_record *m, const bh_chain_stats *stats)
{
	js_open(out, '{');
	js_put_text(out, "name", m->name);
	js_put_text(out, "uuid", m->uuid);
	js_put_text(out, "file", m->file);
	js_put_text(out, "sha256", m->sha256);
	js_put_bool(out, "configured", m->configured);
	js_put_bool(out, "missing", m->missing);
	put_terms(out, m);
	js_key(out, "points");
	js_open(out, '[');
	for (size_t i = 0; stats && i < bh_chain_stats_count(stats); i++)
		if (!strcmp(bh_chain_stats_at(stats, i)->module, m->name))
			put_point(out, bh_chain_stats_at(stats, i));
	js_close(out, ']');
	js_close(out, '}');
}

void gateway_describe(gateway *g, sv_text *out)
{
	bh_chain_stats *stats = NULL;
	const proxy_counts counts = proxy_count(g->proxy);
	(void)!bh_chain_stats_new(&stats, g->chain, NULL);
	js_open(out, '{');
	js_put_number(out, "port", gateway_port(g));
	js_put_number(out, "version", bh_chain_version(g->chain));
	js_put_number(out, "requests", counts.requests);
	js_key(out, "answered");
	js_open(out, '{');
	for (int i = 2; i < 6; i++) {
		char name[4] = {(char)('0' + i), 'x', 'x', 0};
		js_put_number(out, name, counts.answered[i]);
	}
	js_close(out, '}');
	js_put_number(out, "refused", counts.refused);
	js_put_number(out, "upstream_failures", counts.upstream_failures);
	js_put_number(out, "gone", counts.gone);
	js_put_number(out, "connections", counts.connections);
	js_put_number(out, "in_flight", counts.in_flight);
	js_key(out, "modules");
	js_open(out, '[');
	pthread_mutex_lock(&g->lock);
	for (size_t i = 0; i < g->modules.count; i++)
		put_in_order(out, g->modules.items[i], stats);
	pthread_mutex_unlock(&g->lock);
	js_close(out, ']');
	js_close(out, '}');
	bh_chain_stats_free(stats);
}
