// test: timeout=120 cost=5
/*
 * No memory: every allocation of ours fails once, and all from it on, while hosts are made, components loaded,
 * instances made and called. Each ends well or with BH_E_NO_MEMORY, and what was there before still works.
 */
#include <pthread.h>
#include <stdlib.h>

#include "api.h"
#include "base/alloc.h"

typedef bh_status operation(void *data, bh_error **err);

static bh_host *host, *quick; /* `quick` compiles for development, in half the time */
static bh_component *calc, *echo, *counter, *env;
static bh_permissions *permissions;

static bool faults_work(void)
{
	bh_alloc_fail_at(0, false);
	bh_free(bh_alloc(1));
	return bh_alloc_count() == 1;
}

/* `wanted` is how it ends with memory enough; without, that or BH_E_NO_MEMORY. */
static void starve(operation *run, void *data, bh_status wanted)
{
	size_t failed = 0;
	for (int sticky = 0; sticky < 2; sticky++)
		for (uint64_t nth = 1;; nth++) {
			bh_error *err = NULL;
			bh_alloc_fail_at(nth, sticky);
			bh_status status = run(data, &err);
			bool reached = bh_alloc_count() >= nth;
			bh_alloc_fail_at(0, false);
			if (status != wanted && status != BH_E_NO_MEMORY) {
				print_error("allocation %llu: %s\n", (unsigned long long)nth, bh_status_name(status));
				t_print_error(err);
			}
			assert_true(status == wanted || status == BH_E_NO_MEMORY);
			assert_true(status == BH_OK ? !err : err != NULL);
			if (err) {
				/* Without memory for the error itself there is one that says so. */
				assert_true(bh_error_status(err) == status || bh_error_status(err) == BH_E_NO_MEMORY);
				assert_non_null(bh_error_message(err));
			}
			bh_error_free(err);
			failed += status == BH_E_NO_MEMORY;
			if (!reached) {
				assert_int_equal(status, wanted);
				break;
			}
		}
	print_message("%zu times without memory\n", failed);
}

static bh_status make_a_host(void *data, bh_error **err)
{
	bh_host_options options = BH_HOST_OPTIONS_INIT;
	options.allocation = BH_ALLOCATION_ON_DEMAND;
	bh_host *made = NULL;
	(void)data;
	bh_status status = bh_host_new(&made, &options, err);
	bh_host_free(made);
	return status;
}

static void hosts(void **state)
{
	(void)state;
	starve(make_a_host, NULL, BH_OK);
}

typedef struct {
	const char *guest;
	bool wrap, granted, new_host;
} loading;

static bh_status load(void *data, bh_error **err)
{
	const loading *l = data;
	bh_component_options options = BH_COMPONENT_OPTIONS_INIT;
	options.limits = t_limits();
	options.wrap_modules = l->wrap;
	options.permissions = l->granted ? permissions : NULL;
	bh_host *in = l->new_host ? NULL : quick;
	bh_status status = BH_OK;
	if (l->new_host)
		status = bh_host_new(&in, NULL, err);
	bh_component *component = NULL;
	if (!status)
		status = bh_component_load_file(&component, in, t_guest(l->guest), &options, err);
	if (!status) {
		for (size_t i = 0; i < bh_component_export_count(component); i++)
			(void)bh_component_export_at(component, i);
		for (size_t i = 0; i < bh_component_import_count(component); i++)
			(void)bh_component_import_at(component, i);
	}
	bh_component_unref(component);
	if (l->new_host)
		bh_host_free(in);
	return status;
}

static void loads(void **state)
{
	(void)state;
	loading rows[] = {
		{"wat/adder.wat", false, false, false},
		{"wat/adder.wat", false, false, true},
		{"hello.wasm", false, true, false},
		{"hello.core.wasm", true, false, false},
	};
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
		starve(load, &rows[i], BH_OK);
	/* Those that are refused, with all their texts. */
	static const struct {
		loading what;
		bh_status status;
	} bad[] = {
		{{"hello.core.wasm", false, false, false}, BH_E_NOT_A_COMPONENT},
		{{"wat/unknown-import.wat", false, false, false}, BH_E_LINK},
		{{"wat/four-gib.wat", false, false, false}, BH_E_MEMORY_LIMIT},
		{{"wat/heap-misaligned.wat", false, false, false}, BH_E_VALIDATION},
		{{"wat/expected.tsv", false, false, false}, BH_E_NOT_A_COMPONENT},
	};
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
		starve(load, (void *)&bad[i].what, bad[i].status);
}

static bh_status find_an_export(void *data, bh_error **err)
{
	bh_export *export_ = NULL;
	bh_status status = bh_export_find(&export_, calc, data, err);
	bh_export_free(export_);
	return status;
}

static void exports(void **state)
{
	(void)state;
	starve(find_an_export, (char[]){"roundtrip-list-record"}, BH_OK);
	starve(find_an_export, (char[]){"sum-of-many"}, BH_OK);
	starve(find_an_export, (char[]){"no-such-thing"}, BH_E_NO_EXPORT);
}

static bh_status make_an_instance(void *data, bh_error **err)
{
	static const char *const args[] = {"env", "x"}, *const variables[] = {"A=1", "B=2"};
	bh_buffer out = BH_BUFFER_INIT;
	bh_instance_options options = BH_INSTANCE_OPTIONS_INIT;
	options.args = args;
	options.arg_count = 2;
	options.env = variables;
	options.env_count = 2;
	options.in = (bh_stdio){.mode = BH_STDIO_BYTES, .bytes = "abc", .length = 3};
	options.out = options.err = (bh_stdio){.mode = BH_STDIO_CAPTURE, .buffer = &out};
	bh_instance *instance = NULL;
	bh_status status = bh_instance_new(&instance, data, &options, err);
	if (!status) {
		bh_export *run = NULL;
		status = bh_export_find(&run, data, "run", err);
		if (!status)
			status = bh_instance_call(instance, run, NULL, 0, NULL, NULL, NULL, err);
		bh_export_free(run);
	}
	bh_instance_free(instance);
	bh_buffer_deinit(&out);
	return status;
}

static void instances(void **state)
{
	(void)state;
	starve(make_an_instance, env, BH_OK);
}

/* Text to values, call, values to text: through every kind. */
typedef struct {
	bh_component *component;
	bh_instance *instance; /* NULL for a fresh one */
	const char *name, *args;
	const bh_call_options *options;
} calling;

static bh_status call(void *data, bh_error **err)
{
	const calling *c = data;
	bh_export *export_ = NULL;
	char *text = NULL;
	bh_usage usage = BH_USAGE_INIT;
	bh_status status = bh_export_find(&export_, c->component, c->name, err);
	if (!status)
		status = c->instance ? t_call_live(&text, c->instance, export_, c->args, c->options, &usage, err)
		                     : t_call(&text, c->component, c->name, c->args, c->options, &usage, err);
	bh_export_free(export_);
	bh_string_free(text);
	return status;
}

static void calls(void **state)
{
	(void)state;
	bh_instance *instance = t_instance(calc), *echoing = t_instance(echo);
	bh_call_options deadline = BH_CALL_OPTIONS_INIT;
	deadline.deadline_ms = 60000;
	calling rows[] = {
		{calc, instance, "roundtrip-s32", "1", NULL},
		{calc, NULL, "roundtrip-s32", "1", NULL},
		{calc, instance, "roundtrip-string", "\"text\"", &deadline},
		{calc, instance, "roundtrip-list-record", "[{a: 1, b: 2, c: true, d: 0.5, e: 'x', f: \"text\", g: -7}]", NULL},
		{calc, instance, "roundtrip-list-variant",
	     "[nothing, whole(-1), real(1), small(0.5), text(\"t\"), letter('x'), place({x: 1, y: -1})]", NULL},
		{calc, instance, "roundtrip-list-list-string", "[[\"a\"], [], [\"b\", \"c\"]]", NULL},
		{calc, instance, "roundtrip-tuple-nested", "((true, blue), some({read, execute}))", NULL},
		{calc, instance, "roundtrip-result", "err(\"why\")", NULL},
		{calc, instance, "roundtrip-result-ok-only", "ok([1, 2, 3])", NULL},
		{calc, instance, "roundtrip-option-option", "some(some(1))", NULL},
		{calc, instance, "sum-of-many", "1, 2, 3, 4, 5, 6, 7, 8, true, 10, 11, 12, 13, 14, 15, 16, 17, true", NULL},
		{echo, echoing, "echo-bytes", "[1, 2, 3]", &deadline},
		{echo, NULL, "echo-bytes", "[1, 2, 3]", NULL},
	};
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		starve(call, &rows[i], BH_OK);
		assert_true(bh_instance_usable(rows[i].instance ? rows[i].instance : instance));
	}
	calling bad = {calc, instance, "roundtrip-record", "{x: 1}", NULL};
	starve(call, &bad, BH_E_TYPE);
	bad = (calling){calc, instance, "roundtrip-flags", "{fly}", NULL};
	starve(call, &bad, BH_E_TYPE);
	assert_true(bh_instance_usable(instance));
	bh_instance_free(instance);
	bh_instance_free(echoing);
}

/* Guests that fail while there is no memory to say so. */
static bh_status fail_live(void *data, bh_error **err)
{
	bh_component *component = data;
	bh_instance *instance = NULL;
	bh_export *run = NULL;
	bh_status status = bh_instance_new(&instance, component, NULL, err);
	if (!status)
		status = bh_export_find(&run, component, "run", err);
	if (!status) {
		status = bh_instance_call(instance, run, NULL, 0, NULL, NULL, NULL, err);
		bh_error *why = NULL;
		bh_status again = bh_instance_call(instance, run, NULL, 0, NULL, NULL, NULL, &why);
		/* Where the first call never began, the second is the first. */
		EXPECT(again == BH_E_POISONED || again == BH_E_NO_MEMORY || status == BH_E_NO_MEMORY);
		bh_error_free(why);
	}
	bh_export_free(run);
	bh_instance_free(instance);
	return status;
}

static void failures(void **state)
{
	(void)state;
	static const struct {
		const char *guest;
		bh_status status;
	} rows[] = {{"wat/unreachable.wat", BH_E_TRAP},
	            {"wat/table-hog.wat", BH_E_RESOURCE_LIMIT},
	            {"wat/start-trap.wat", BH_E_TRAP},
	            {"wat/result-string-huge.wat", BH_E_TRAP}};
	bh_host_options options = BH_HOST_OPTIONS_INIT;
	options.allocation = BH_ALLOCATION_ON_DEMAND;
	options.coredumps = true;
	bh_host *dumping = NULL;
	OK(bh_host_new(&dumping, &options, &t_err));
	for (size_t i = 0; i < 2 * sizeof rows / sizeof *rows; i++) {
		bh_component *component = t_load(i % 2 ? dumping : host, rows[i / 2].guest, NULL);
		starve(fail_live, component, rows[i / 2].status);
		bh_component_unref(component);
	}
	bh_host_free(dumping);
}

/* Resource handles, which take memory on the way out of a call. */
static bh_status handles(void *data, bh_error **err)
{
	bh_instance *instance = data;
	bh_export *make = NULL, *count = NULL;
	bh_value bag = BH_VALUE_INIT, copy = BH_VALUE_INIT;
	bh_status status = bh_export_find(&make, counter, "bulkhead:guests/bags#[constructor]bag", err);
	if (!status)
		status = bh_export_find(&count, counter, "bulkhead:guests/bags#[method]bag.count", err);
	if (!status)
		status = bh_instance_call(instance, make, NULL, 0, &bag, NULL, NULL, err);
	if (!status)
		status = bh_instance_call(instance, count, &bag, 1, NULL, NULL, NULL, err);
	if (!status)
		status = bh_value_copy(&copy, &bag, err);
	if (!status)
		status = bh_resource_drop(bag.as.resource, err);
	bh_value_deinit(&copy);
	bh_value_deinit(&bag);
	bh_export_free(make);
	bh_export_free(count);
	return status;
}

static void resource_handles(void **state)
{
	(void)state;
	bh_instance *instance = t_instance(counter);
	starve(handles, instance, BH_OK);
	assert_true(bh_instance_usable(instance));
	bh_instance_free(instance);
}

/* What a thread makes when it first calls. */
typedef struct {
	operation *run;
	void *data;
	bh_error **err;
	bh_status status;
} elsewhere;

static void *run_elsewhere(void *data)
{
	elsewhere *e = data;
	e->status = e->run(e->data, e->err);
	return NULL;
}

static bh_status on_a_new_thread(void *data, bh_error **err)
{
	elsewhere e = {.run = call, .data = data, .err = err};
	pthread_t thread;
	assert_int_equal(pthread_create(&thread, NULL, run_elsewhere, &e), 0);
	pthread_join(thread, NULL);
	return e.status;
}

/* A call that is abandoned: to a thread that is made for it, where that can be; otherwise the instance is lost. */
static bh_status abandon(void *data, bh_error **err)
{
	(void)data;
	bh_call_options options = BH_CALL_OPTIONS_INIT;
	options.deadline_ms = 5;
	bh_host *own = NULL;
	bh_component *component = NULL;
	bh_instance *instance = NULL;
	bh_component_options load_options = BH_COMPONENT_OPTIONS_INIT;
	load_options.limits = t_limits();
	bh_status status = bh_host_new(&own, NULL, err);
	if (!status)
		status = bh_component_load_file(&component, own, t_guest("wat/spin.wat"), &load_options, err);
	if (!status)
		status = bh_instance_new(&instance, component, NULL, err);
	if (!status) {
		bh_export *run = NULL;
		status = bh_export_find(&run, component, "run", err);
		if (!status)
			status = bh_instance_call(instance, run, NULL, 0, NULL, &options, NULL, err);
		bh_export_free(run);
	}
	bh_instance_free(instance);
	bh_component_unref(component);
	bh_host_free(own);
	return status;
}

static void threads(void **state)
{
	(void)state;
	bh_instance *instance = t_instance(calc);
	calling c = {calc, instance, "roundtrip-s32", "1", NULL};
	starve(on_a_new_thread, &c, BH_OK);
	bh_instance_free(instance);
	starve(abandon, NULL, BH_E_DEADLINE);
}

/* Started, and waited for, or left: on a fresh instance, or a live one that memory runs out beside. */
static bh_status start_a_call(void *data, bh_error **err)
{
	bool live = *(const int *)data & 1, hurried = *(const int *)data & 2;
	bh_component *component = hurried ? counter : echo;
	bh_export *export_ = NULL;
	bh_instance *instance = NULL;
	bh_call *started = NULL;
	bh_call_options options = BH_CALL_OPTIONS_INIT;
	bh_value arg = hurried ? bh_of_u32(30000) : bh_of_string("somebody"), result = BH_VALUE_INIT;
	options.deadline_ms = hurried ? 3 : 0;
	bh_status status = bh_export_find(&export_, component, hurried ? "sleep-ms" : "greet", err);
	if (!status && live)
		status = bh_instance_new(&instance, component, NULL, err);
	if (!status)
		status = bh_call_start(&started, export_, instance, &arg, 1, &options, err);
	if (!status)
		status = bh_call_wait(started, &result, NULL, err);
	if (!status)
		assert_string_equal(bh_value_string(&result), "hello somebody");
	bh_value_deinit(&result);
	bh_call_free(started);
	bh_instance_free(instance);
	bh_export_free(export_);
	return status;
}

static void started_calls(void **state)
{
	(void)state;
	for (int kind = 0; kind < 4; kind++)
		starve(start_a_call, &kind, kind & 2 ? BH_E_DEADLINE : BH_OK);
}

static int set_up(void **state)
{
	(void)state;
	if (!faults_work()) {
		fprintf(stderr, "built without BH_FAULTS\n");
		exit(77);
	}
	host = t_host();
	bh_host_options options = BH_HOST_OPTIONS_INIT;
	options.allocation = BH_ALLOCATION_ON_DEMAND;
	options.profile = BH_PROFILE_DEVELOPMENT;
	OK(bh_host_new(&quick, &options, &t_err));
	calc = t_load(host, "calc.wasm", NULL);
	echo = t_load(host, "echo.wasm", NULL);
	counter = t_load(host, "counter.wasm", NULL);
	OK(bh_permissions_new(&permissions, &t_err));
	OK(bh_permissions_allow_dir(permissions, "/tmp", "/tmp", BH_DIR_READ_ONLY, &t_err));
	OK(bh_permissions_allow_net(permissions, "127.0.0.1", 80, BH_NET_TCP, &t_err));
	env = t_load_with(host, "env.wasm", NULL, permissions);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	t_begin();
	bh_permissions_free(permissions);
	bh_component *all[] = {calc, echo, counter, env};
	for (size_t i = 0; i < 4; i++)
		bh_component_unref(all[i]);
	bh_host_free(quick);
	bh_host_free(host);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(hosts),     cmocka_unit_test(loads),         cmocka_unit_test(exports),
		cmocka_unit_test(instances), cmocka_unit_test(calls),         cmocka_unit_test(failures),
		cmocka_unit_test(threads),   cmocka_unit_test(started_calls), cmocka_unit_test(resource_handles),
	};
	return cmocka_run_group_tests(tests, set_up, tear_down);
}
