/*
 * Snapshots as text. Numbers are written from integers: "%f" would write a comma where the program has set a locale
 * that does.
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/text.h"
#include "bulkhead/stats.h"

static const bh_status statuses[] = {
#define X(code, name, category, kind, text) BH_##name,
	BH_STATUS_MAP(X)
#undef X
};

/* Between quotes. Names are UTF-8: bh_stats_component_new() sees to that. */
static void put_quoted(bh_text *out, const char *text, bool json)
{
	bh_text_add(out, "\"");
	for (; *text; text++)
		if (*text == '"' || *text == '\\')
			bh_text_add(out, "\\%c", *text);
		else if (*text == '\n')
			bh_text_add(out, "\\n");
		else if (json && (unsigned char)*text < 0x20)
			bh_text_add(out, "\\u%04x", (unsigned char)*text);
		else
			bh_text_add_n(out, text, 1);
	bh_text_add(out, "\"");
}

/* One thing of which a family has samples. */
typedef struct {
	const char *prefix, *family;
	const char *labels; /* without braces; "" for a host */
} series;

typedef struct {
	const char *name, *type, *help;
	void (*put)(bh_text *out, const series *s, const bh_stats_entry *entry, size_t field);
	size_t field;
	bool of_components; /* not of each export */
} family;

/* A sample's name and labels; `label` NULL for none besides those of its series. */
static void begin_sample(bh_text *out, const series *s, const char *suffix, const char *label, const char *value)
{
	bh_text_add(out, "%s%s%s", s->prefix, s->family, suffix);
	if (label)
		bh_text_add(out, "{%s%s%s=\"%s\"} ", s->labels, *s->labels ? "," : "", label, value);
	else
		bh_text_add(out, *s->labels ? "{%s} " : "%s ", s->labels);
}

static void put_count(bh_text *out, const series *s, const char *suffix, const char *label, const char *value,
                      uint64_t count)
{
	begin_sample(out, s, suffix, label, value);
	bh_text_add(out, "%" PRIu64 "\n", count);
}

static void put_number(bh_text *out, const series *s, const bh_stats_entry *entry, size_t field)
{
	uint64_t number;
	memcpy(&number, (const char *)entry + field, sizeof number);
	put_count(out, s, "", NULL, NULL, number);
}

/* "BH_E_OUT_OF_FUEL": "out-of-fuel", as names of traps are. */
static void shorten(char *out, size_t size, const char *name)
{
	static const char prefix[] = "BH_E_";
	size_t i = 0;
	if (!strncmp(name, prefix, sizeof prefix - 1))
		name += sizeof prefix - 1;
	for (; i < size - 1 && name[i]; i++)
		out[i] = name[i] == '_' ? '-' : (char)(name[i] | 0x20); /* capitals and digits are all there is */
	out[i] = '\0';
}

static void put_failures(bh_text *out, const series *s, const bh_stats_entry *entry, size_t field)
{
	(void)field;
	for (size_t i = 0; i < BH_COUNT(statuses); i++) {
		char name[64];
		uint64_t count = bh_stats_status_count(entry, statuses[i]);
		shorten(name, sizeof name, bh_status_name(statuses[i]));
		if (count && statuses[i] != BH_OK)
			put_count(out, s, "", "status", name, count);
	}
}

static void put_traps(bh_text *out, const series *s, const bh_stats_entry *entry, size_t field)
{
	(void)field;
	for (int trap = 0; trap < BH_TRAP_COUNT; trap++) {
		uint64_t count = bh_stats_trap_count(entry, (bh_trap)trap);
		if (count)
			put_count(out, s, "", "trap", bh_trap_name((bh_trap)trap), count);
	}
}

static void format_seconds(char out[32], uint64_t ns)
{
	snprintf(out, 32, "%" PRIu64 ".%09" PRIu64, ns / 1000000000, ns % 1000000000);
}

static void put_histogram(bh_text *out, const series *s, const bh_stats_entry *entry, size_t field)
{
	const bh_histogram *h = (const void *)((const char *)entry + field);
	char seconds[32];
	uint64_t sum = 0;
	for (size_t i = 0; i < BH_HISTOGRAM_BUCKETS - 1; i++) {
		sum += h->buckets[i];
		if (i % 4)
			continue;
		format_seconds(seconds, bh_histogram_bound(i));
		put_count(out, s, "_bucket", "le", seconds, sum);
	}
	put_count(out, s, "_bucket", "le", "+Inf", h->count);
	begin_sample(out, s, "_sum", NULL, NULL);
	format_seconds(seconds, h->sum_ns);
	bh_text_add(out, "%s\n", seconds);
	put_count(out, s, "_count", NULL, NULL, h->count);
}

#define FIELD(name) offsetof(bh_stats_entry, name)

static const family families[] = {
	{"calls_total", "counter", "Calls that ended, well or not", put_number, FIELD(calls), false},
	{"call_failures_total", "counter", "Calls that ended with another status than success", put_failures, 0, false},
	{"traps_total", "counter", "Calls that ended with a trap", put_traps, 0, false},
	{"fuel_total", "counter", "Fuel used", put_number, FIELD(fuel), false},
	{"peak_memory_bytes", "gauge", "The most memory that one instance used", put_number, FIELD(peak_memory), false},
	{"call_seconds", "histogram", "Wall time of calls, waits included", put_histogram, FIELD(time), false},
	{"queue_seconds", "histogram", "Time that calls waited for a turn or a slot", put_histogram, FIELD(queue), false},
	{"calls_in_flight", "gauge", "Calls under way", put_number, FIELD(in_flight), true},
	{"instances", "gauge", "Live instances", put_number, FIELD(instances), true},
};

static void put_labelled(bh_text *out, const family *f, const char *component, const bh_stats_entry *entry)
{
	BH_AUTO(bh_text) bh_text labels = {0};
	bh_text_add(&labels, "component=");
	put_quoted(&labels, component, false);
	if (!f->of_components) {
		bh_text_add(&labels, ",export=");
		put_quoted(&labels, entry->name, false);
	}
	out->failed |= labels.failed;
	if (!out->failed)
		f->put(out, &(series){"bulkhead_", f->name, labels.data}, entry, f->field);
}

static void put_family(bh_text *out, const family *f, const bh_stats_snapshot *snapshot)
{
	bh_text_add(out, "# HELP bulkhead_%s %s\n# TYPE bulkhead_%s %s\n", f->name, f->help, f->name, f->type);
	for (size_t i = 0; i < bh_stats_component_count(snapshot); i++) {
		const bh_stats_entry *component = bh_stats_component_at(snapshot, i);
		if (f->of_components)
			put_labelled(out, f, component->name, component);
		for (size_t j = 0; !f->of_components && j < bh_stats_export_count(snapshot, i); j++)
			put_labelled(out, f, component->name, bh_stats_export_at(snapshot, i, j));
	}
}

static void put_family_of_host(bh_text *out, const family *f, const bh_stats_snapshot *snapshot)
{
	bh_text_add(out, "# HELP bulkhead_host_%s %s; all components together, with those that have gone\n", f->name,
	            f->help);
	bh_text_add(out, "# TYPE bulkhead_host_%s %s\n", f->name, f->type);
	f->put(out, &(series){"bulkhead_host_", f->name, ""}, bh_stats_host(snapshot), f->field);
}

char *bh_stats_prometheus(const bh_stats_snapshot *snapshot)
{
	bh_text out = {0};
	for (size_t i = 0; i < BH_COUNT(families); i++)
		put_family(&out, &families[i], snapshot);
	for (size_t i = 0; i < BH_COUNT(families); i++)
		put_family_of_host(&out, &families[i], snapshot);
	return bh_text_take(&out);
}

static void put_json_histogram(bh_text *out, const char *name, const bh_histogram *h)
{
	bh_text_add(out, ",\"%s\":{\"count\":%" PRIu64 ",\"sum_ns\":%" PRIu64, name, h->count, h->sum_ns);
	bh_text_add(out, ",\"p50_ns\":%" PRIu64 ",\"p90_ns\":%" PRIu64 ",\"p99_ns\":%" PRIu64 ",\"p999_ns\":%" PRIu64,
	            bh_stats_quantile(h, 0.5), bh_stats_quantile(h, 0.9), bh_stats_quantile(h, 0.99),
	            bh_stats_quantile(h, 0.999));
	bh_text_add(out, ",\"buckets\":[");
	const char *comma = "";
	for (size_t i = 0; i < BH_HISTOGRAM_BUCKETS; i++) {
		if (!h->buckets[i])
			continue;
		if (i < BH_HISTOGRAM_BUCKETS - 1)
			bh_text_add(out, "%s[%" PRIu64 ",", comma, bh_histogram_bound(i));
		else
			bh_text_add(out, "%s[null,", comma);
		bh_text_add(out, "%" PRIu64 "]", h->buckets[i]);
		comma = ",";
	}
	bh_text_add(out, "]}");
}

static void put_json_ends(bh_text *out, const bh_stats_entry *entry)
{
	const char *comma = "";
	bh_text_add(out, ",\"statuses\":{");
	for (size_t i = 0; i < BH_COUNT(statuses); i++) {
		uint64_t count = bh_stats_status_count(entry, statuses[i]);
		if (!count)
			continue;
		bh_text_add(out, "%s\"%s\":%" PRIu64, comma, bh_status_name(statuses[i]), count);
		comma = ",";
	}
	comma = "";
	bh_text_add(out, "},\"traps\":{");
	for (int trap = 0; trap < BH_TRAP_COUNT; trap++) {
		uint64_t count = bh_stats_trap_count(entry, (bh_trap)trap);
		if (!count)
			continue;
		bh_text_add(out, "%s\"%s\":%" PRIu64, comma, bh_trap_name((bh_trap)trap), count);
		comma = ",";
	}
	bh_text_add(out, "}");
}

/* An object that is left open. */
static void begin_json_entry(bh_text *out, const bh_stats_entry *entry)
{
	bh_text_add(out, "{");
	if (entry->name) {
		bh_text_add(out, "\"name\":");
		put_quoted(out, entry->name, true);
		bh_text_add(out, ",");
	}
	bh_text_add(out, "\"calls\":%" PRIu64 ",\"failures\":%" PRIu64 ",\"fuel\":%" PRIu64 ",\"peak_memory\":%" PRIu64,
	            entry->calls, entry->failures, entry->fuel, entry->peak_memory);
	put_json_ends(out, entry);
	put_json_histogram(out, "time", &entry->time);
	put_json_histogram(out, "queue", &entry->queue);
}

static void put_json_gauges(bh_text *out, const bh_stats_entry *entry)
{
	bh_text_add(out, ",\"in_flight\":%" PRIu64 ",\"instances\":%" PRIu64, entry->in_flight, entry->instances);
}

static void put_json_component(bh_text *out, const bh_stats_snapshot *snapshot, size_t index)
{
	const bh_stats_entry *entry = bh_stats_component_at(snapshot, index);
	begin_json_entry(out, entry);
	put_json_gauges(out, entry);
	bh_text_add(out, ",\"exports\":[");
	for (size_t i = 0; i < bh_stats_export_count(snapshot, index); i++) {
		bh_text_add(out, i ? "," : "");
		begin_json_entry(out, bh_stats_export_at(snapshot, index, i));
		bh_text_add(out, "}");
	}
	bh_text_add(out, "]}");
}

char *bh_stats_json(const bh_stats_snapshot *snapshot)
{
	bh_text out = {0};
	bh_text_add(&out, "{\"host\":");
	begin_json_entry(&out, bh_stats_host(snapshot));
	put_json_gauges(&out, bh_stats_host(snapshot));
	bh_text_add(&out, "},\"components\":[");
	for (size_t i = 0; i < bh_stats_component_count(snapshot); i++) {
		bh_text_add(&out, i ? "," : "");
		put_json_component(&out, snapshot, i);
	}
	bh_text_add(&out, "]}");
	return bh_text_take(&out);
}
