#include "samples.h"

#include <pthread.h>
#include <string.h>

#include "http.h"
#include "memory.h"

enum {
	FRESH_MS = 200,  /* a snapshot serves everybody who asks within that */
	RATE_MS = 1000,  /* rates are told over that at least */
	STALE_MS = 15000 /* and not over more than that */
};

typedef struct {
	bh_stats_snapshot *snapshot; /* NULL: none */
	uint64_t at;                 /* ms */
} sample;

struct samples {
	pthread_mutex_t lock;
	sample now, before;
};

samples *samples_new(void)
{
	samples *s = sv_alloc(sizeof *s);
	if (s)
		pthread_mutex_init(&s->lock, NULL);
	return s;
}

void samples_free(samples *s)
{
	if (!s)
		return;
	bh_stats_snapshot_free(s->now.snapshot);
	bh_stats_snapshot_free(s->before.snapshot);
	pthread_mutex_destroy(&s->lock);
	sv_free(s);
}

bool samples_enter(samples *s, const bh_host *host)
{
	uint64_t now = now_ms();
	pthread_mutex_lock(&s->lock);
	if (s->now.snapshot && now - s->now.at < FRESH_MS)
		return true;
	bh_stats_snapshot *fresh = NULL;
	if (bh_stats_snapshot_new(&fresh, host, NULL)) {
		pthread_mutex_unlock(&s->lock);
		return false;
	}
	/* The one before stays until there is another that is old enough. */
	if (s->now.snapshot && (!s->before.snapshot || now - s->before.at >= 2 * RATE_MS)) {
		bh_stats_snapshot_free(s->before.snapshot);
		s->before = s->now;
	} else {
		bh_stats_snapshot_free(s->now.snapshot);
	}
	s->now = (sample){fresh, now};
	return true;
}

void samples_leave(samples *s)
{
	pthread_mutex_unlock(&s->lock);
}

/* They are in the order of their names. */
static const bh_stats_entry *entry_of(const bh_stats_snapshot *snapshot, const char *name)
{
	size_t low = 0, high = snapshot ? bh_stats_component_count(snapshot) : 0;
	while (low < high) {
		size_t middle = low + (high - low) / 2;
		const bh_stats_entry *entry = bh_stats_component_at(snapshot, middle);
		int order = strcmp(entry->name, name);
		if (!order)
			return entry;
		if (order < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return NULL;
}

static void put_rate(const samples *s, sv_text *out, const bh_stats_entry *entry, const char *component)
{
	uint64_t time = s->now.at - s->before.at;
	const bh_stats_entry *before = entry_of(s->before.snapshot, component);
	js_key(out, "calls_per_s");
	if (before && time >= FRESH_MS && time <= STALE_MS && entry->calls >= before->calls)
		js_real(out, (double)(entry->calls - before->calls) * 1000.0 / (double)time);
	else
		js_null(out);
}

static void put_limit(sv_text *out, const char *key, uint64_t limit)
{
	js_key(out, key);
	if (limit == BH_UNLIMITED)
		js_text(out, "unlimited");
	else
		js_number(out, limit);
}

void samples_put(const samples *s, sv_text *out, const char *component, const bh_limits *limits)
{
	const bh_stats_entry *entry = component ? entry_of(s->now.snapshot, component) : NULL;
	js_key(out, "statistics");
	if (!entry) {
		js_null(out);
		return;
	}
	js_open(out, '{');
	js_put_text(out, "component", component);
	js_put_number(out, "calls", entry->calls);
	js_put_number(out, "failures", entry->failures);
	put_rate(s, out, entry, component);
	js_put_number(out, "p50_ns", bh_stats_quantile(&entry->time, 0.5));
	js_put_number(out, "p99_ns", bh_stats_quantile(&entry->time, 0.99));
	js_put_number(out, "fuel_per_call", entry->calls ? entry->fuel / entry->calls : 0);
	js_put_number(out, "in_flight", entry->in_flight);
	js_put_number(out, "instances", entry->instances);
	js_put_number(out, "peak_memory", entry->peak_memory);
	put_limit(out, "memory_limit", limits->memory);
	put_limit(out, "fuel_limit", limits->fuel);
	js_close(out, '}');
}
