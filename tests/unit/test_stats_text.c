/* Statistics as text: what Prometheus and readers of JSON get. */
#include <locale.h>

#include "bulkhead/value.h"
#include "host/stats.h"
#include "prometheus_text.h"

/* A name that needs every escape there is, and repair. */
static const char odd[] = "a\"b\\c\nd\te\x01\xc3\xa9\xff\xed\xa0\x80z{le=\"1\"} 5";

static bh_stats *stats;
static bh_stats_component *plain, *strange;

static void record(bh_stats_component *component, const char *name, bh_status status, bh_trap trap, uint64_t wall_ns,
                   uint64_t queue_ns)
{
	bh_stats_call call = {wall_ns, queue_ns, 11, 65536};
	bh_stats_started(component);
	bh_stats_ended(component, name ? bh_stats_export_get(component, name) : NULL, status, trap, &call);
}

static int set_up(void **state)
{
	(void)state;
	bh_stats_new(&stats, NULL);
	plain = bh_stats_component_new(stats, "plain");
	strange = bh_stats_component_new(stats, odd);
	bh_stats_component *gone = bh_stats_component_new(stats, "gone");
	record(gone, "run", BH_OK, BH_TRAP_NONE, 1, 0);
	bh_stats_component_free(gone);
	record(plain, "add", BH_OK, BH_TRAP_NONE, 1024, 0);
	record(plain, "add", BH_OK, BH_TRAP_NONE, 1025, 0);
	record(plain, "add", BH_OK, BH_TRAP_NONE, 2048, 0);
	record(plain, "add", BH_E_TRAP, BH_TRAP_INTEGER_DIVISION_BY_ZERO, 2049, 3000000);
	record(plain, "spin", BH_E_OUT_OF_FUEL, BH_TRAP_OUT_OF_FUEL, UINT64_C(200000000000), 0);
	record(plain, "spin", BH_E_TIMEOUT, BH_TRAP_NONE, 100000000, 0);
	record(plain, NULL, BH_E_NO_EXPORT, BH_TRAP_NONE, 0, 0);
	record(strange, "acme:calc/math@1.0.0#divide", BH_OK, BH_TRAP_NONE, 5000, 0);
	bh_stats_started(plain);
	bh_stats_instances(plain, 4);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	bh_stats_component_free(plain);
	bh_stats_component_free(strange);
	bh_stats_free(stats);
	return 0;
}

typedef char *text_fn(const bh_stats_snapshot *snapshot);

static char *text_of(text_fn *write)
{
	bh_stats_snapshot *snapshot = NULL;
	assert_int_equal(bh_stats_read(&snapshot, stats, NULL), BH_OK);
	char *text = write(snapshot);
	assert_non_null(text);
	bh_stats_snapshot_free(snapshot);
	return text;
}

static void has(const char *text, const char *series, const char *wanted)
{
	char *value = p_value(text, series);
	if (!value || !wanted || strcmp(value, wanted) != 0)
		print_error("%s: %s, not %s\n", series, value ? value : "not there", wanted ? wanted : "to be there");
	assert_true(value && wanted && !strcmp(value, wanted));
	free(value);
}

static void lacks(const char *text, const char *series)
{
	assert_null(p_value(text, series));
}

#define ADD "{component=\"plain\",export=\"add\"}"
#define ADD_AND(more) "{component=\"plain\",export=\"add\"," more "}"

static void check_series(const char *text)
{
	has(text, "bulkhead_calls_total" ADD, "4");
	has(text, "bulkhead_calls_total{component=\"plain\",export=\"\"}", "1");
	has(text, "bulkhead_call_failures_total" ADD_AND("status=\"trap\""), "1");
	has(text, "bulkhead_call_failures_total{component=\"plain\",export=\"spin\",status=\"out-of-fuel\"}", "1");
	has(text, "bulkhead_call_failures_total{component=\"plain\",export=\"spin\",status=\"timeout\"}", "1");
	has(text, "bulkhead_call_failures_total{component=\"plain\",export=\"\",status=\"no-export\"}", "1");
	lacks(text, "bulkhead_call_failures_total" ADD_AND("status=\"timeout\""));
	lacks(text, "bulkhead_call_failures_total" ADD_AND("status=\"bh-ok\""));
	has(text, "bulkhead_traps_total" ADD_AND("trap=\"integer-division-by-zero\""), "1");
	lacks(text, "bulkhead_traps_total" ADD_AND("trap=\"none\""));
	has(text, "bulkhead_fuel_total" ADD, "44");
	has(text, "bulkhead_peak_memory_bytes" ADD, "65536");
	has(text, "bulkhead_calls_in_flight{component=\"plain\"}", "1");
	has(text, "bulkhead_instances{component=\"plain\"}", "4");
	/* A bound is in its bucket. */
	has(text, "bulkhead_call_seconds_bucket" ADD_AND("le=\"0.000001024\""), "1");
	has(text, "bulkhead_call_seconds_bucket" ADD_AND("le=\"0.000002048\""), "3");
	has(text, "bulkhead_call_seconds_bucket" ADD_AND("le=\"0.000004096\""), "4");
	has(text, "bulkhead_call_seconds_sum" ADD, "0.000006146");
	has(text, "bulkhead_call_seconds_count" ADD, "4");
	has(text, "bulkhead_queue_seconds_bucket" ADD_AND("le=\"0.000001024\""), "3");
	has(text, "bulkhead_queue_seconds_sum" ADD, "0.003000000");
	has(text, "bulkhead_call_seconds_bucket{component=\"plain\",export=\"spin\",le=\"137.438953472\"}", "1");
	has(text, "bulkhead_call_seconds_bucket{component=\"plain\",export=\"spin\",le=\"+Inf\"}", "2");
	has(text, "bulkhead_call_seconds_sum{component=\"plain\",export=\"spin\"}", "200.100000000");
	has(text,
	    "bulkhead_calls_total{component=\"a\\\"b\\\\c\\nd\te\x01\xc3\xa9\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbdz"
	    "{le=\\\"1\\\"} 5\",export=\"acme:calc/math@1.0.0#divide\"}",
	    "1");
	/* What has gone is in the host's. */
	lacks(text, "bulkhead_calls_total{component=\"gone\",export=\"run\"}");
	has(text, "bulkhead_host_calls_total", "9");
	has(text, "bulkhead_host_call_failures_total{status=\"timeout\"}", "1");
	has(text, "bulkhead_host_traps_total{trap=\"out-of-fuel\"}", "1");
	has(text, "bulkhead_host_call_seconds_bucket{le=\"0.000001024\"}", "3");
	has(text, "bulkhead_host_call_seconds_count", "9");
	has(text, "bulkhead_host_calls_in_flight", "1");
	has(text, "bulkhead_host_instances", "4");
}

static void test_prometheus(void **state)
{
	(void)state;
	char *text = text_of(bh_stats_prometheus);
	assert_int_equal(p_check(text), 18);
	check_series(text);
	/* For other tools to look at. */
	const char *path = getenv("BH_TEST_PROMETHEUS");
	FILE *file = path ? fopen(path, "w") : NULL;
	if (file) {
		fputs(text, file);
		fclose(file);
	}
	bh_string_free(text);
}

static uint64_t number(json_t *object, const char *name)
{
	json_t *value = json_object_get(object, name);
	assert_true(json_is_integer(value));
	return (uint64_t)json_integer_value(value);
}

static json_t *named(json_t *array, const char *name)
{
	size_t i;
	json_t *entry;
	json_array_foreach(array, i, entry)
	{
		if (!strcmp(json_string_value(json_object_get(entry, "name")), name))
			return entry;
	}
	fail_msg("no %s", name);
	return NULL;
}

static void check_json(json_t *root)
{
	json_t *host = json_object_get(root, "host"), *components = json_object_get(root, "components");
	assert_int_equal(number(host, "calls"), 9);
	assert_int_equal(number(host, "in_flight"), 1);
	assert_null(json_object_get(host, "name"));
	assert_int_equal(json_array_size(components), 2);
	json_t *component = named(components, "plain"), *exports = json_object_get(component, "exports");
	assert_int_equal(number(component, "instances"), 4);
	assert_int_equal(number(component, "failures"), 4);
	assert_int_equal(json_array_size(exports), 3);
	json_t *add = named(exports, "add"), *time = json_object_get(add, "time"), *spin = named(exports, "spin");
	assert_int_equal(number(add, "fuel"), 44);
	assert_int_equal(number(add, "peak_memory"), 65536);
	assert_int_equal(number(json_object_get(add, "statuses"), "BH_OK"), 3);
	assert_int_equal(number(json_object_get(add, "statuses"), "BH_E_TRAP"), 1);
	assert_int_equal(json_object_size(json_object_get(add, "statuses")), 2);
	assert_int_equal(number(json_object_get(add, "traps"), "integer-division-by-zero"), 1);
	assert_int_equal(number(time, "count"), 4);
	assert_int_equal(number(time, "sum_ns"), 6146);
	assert_in_range(number(time, "p50_ns"), 1024, 2048);
	json_t *buckets = json_object_get(time, "buckets"), *last;
	assert_int_equal(json_array_size(buckets), 4);
	assert_int_equal(json_integer_value(json_array_get(json_array_get(buckets, 0), 0)), 1024);
	buckets = json_object_get(json_object_get(spin, "time"), "buckets");
	last = json_array_get(buckets, json_array_size(buckets) - 1);
	assert_true(json_is_null(json_array_get(last, 0)));
	assert_int_equal(json_integer_value(json_array_get(last, 1)), 1);
	assert_non_null(named(exports, ""));
	named(components, "a\"b\\c\nd\te\x01\xc3\xa9\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbdz{le=\"1\"} 5");
}

static void test_json(void **state)
{
	(void)state;
	char *text = text_of(bh_stats_json);
	json_error_t error;
	json_t *root = json_loads(text, JSON_REJECT_DUPLICATES, &error);
	if (!root)
		print_error("%s at %d: %s\n", error.text, error.position, text);
	assert_non_null(root);
	assert_null(strchr(text, '\n'));
	check_json(root);
	json_decref(root);
	bh_string_free(text);
}

/* A program may have set a locale that writes 0,5; where this machine has none, there is nothing to see. */
static void test_locale(void **state)
{
	(void)state;
	char *text = text_of(bh_stats_prometheus);
	setlocale(LC_ALL, "de_DE.UTF-8");
	char *other = text_of(bh_stats_prometheus);
	setlocale(LC_ALL, "C");
	assert_string_equal(text, other);
	bh_string_free(text);
	bh_string_free(other);
}

static void test_nothing_counted(void **state)
{
	(void)state;
	bh_stats *none = NULL;
	bh_stats_snapshot *snapshot = NULL;
	assert_int_equal(bh_stats_new(&none, NULL), BH_OK);
	assert_int_equal(bh_stats_read(&snapshot, none, NULL), BH_OK);
	char *text = bh_stats_prometheus(snapshot), *json = bh_stats_json(snapshot);
	p_check(text);
	has(text, "bulkhead_host_calls_total", "0");
	json_t *root = json_loads(json, JSON_REJECT_DUPLICATES, NULL);
	assert_int_equal(json_array_size(json_object_get(root, "components")), 0);
	json_decref(root);
	bh_string_free(text);
	bh_string_free(json);
	bh_stats_snapshot_free(snapshot);
	bh_stats_free(none);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_prometheus),
		cmocka_unit_test(test_json),
		cmocka_unit_test(test_locale),
		cmocka_unit_test(test_nothing_counted),
	};
	return cmocka_run_group_tests(tests, set_up, tear_down);
}
