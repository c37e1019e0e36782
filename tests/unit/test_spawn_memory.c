// test: timeout=120 waits
/*
 * No memory: every allocation of ours fails in turn while a guest spawns, waits, looks, calls and is restarted. Each time
 * the parent is there afterwards, its children are gone with it, and none of them is counted for ever.
 */
#include <stdlib.h>

#include "../api/one_host.h"
#include "base/alloc.h"

#define INTERFACE "bulkhead:host/supervision@0.1.0#"
#define CHILD(name, component, kind)                                                                                   \
	"{name: \"" name "\", component: \"" component "\", kind: " kind                                                   \
	", restart: transient, args: [\"a\"], capabilities: some([]), memory: some(1048576)}"

enum { MOST = 5, RUNS_AT_MOST = 3000 };

static bh_spawner *spawner;
static bh_imports *imports;
static bh_component *component;
static bh_supervisor *tree;
static bh_child *parent;

static bool faults_work(void)
{
	bh_alloc_fail_at(0, false);
	bh_free(bh_alloc(1));
	return bh_alloc_count() == 1;
}

static bh_component *load(const char *guest, bh_permissions *permissions)
{
	bh_component *loaded = NULL;
	bh_component_options options = BH_COMPONENT_OPTIONS_INIT;
	options.limits = t_limits();
	options.permissions = permissions;
	options.imports = imports;
	OK(bh_component_load_file(&loaded, host, t_guest(guest), &options, &t_err));
	bh_permissions_free(permissions);
	return loaded;
}

static void begin(void)
{
	bh_spawner_options bounds = BH_SPAWNER_OPTIONS_INIT;
	bh_child_options root = BH_CHILD_OPTIONS_INIT, options = BH_CHILD_OPTIONS_INIT;
	bh_permissions *permissions = NULL;
	bounds.max_total = MOST;
	root.most_restarts = 10000;
	OK(bh_permissions_new(&permissions, &t_err));
	OK(bh_permissions_allow_capability(permissions, "supervision", &t_err));
	OK(bh_spawner_new(&spawner, &bounds, &t_err));
	OK(bh_imports_new(&imports, &t_err));
	OK(bh_imports_define_supervision(imports, spawner, &t_err));
	component = load("parent.wasm", permissions);
	bh_component *counter = load("counter.wasm", NULL), *hello = load("hello.wasm", NULL);
	OK(bh_spawner_allow(spawner, "counter", counter, NULL, &t_err));
	OK(bh_spawner_allow(spawner, "hello", hello, NULL, &t_err));
	bh_component_unref(counter);
	bh_component_unref(hello);
	OK(bh_supervisor_new(&tree, &root, &t_err));
	options.name = "parent";
	options.component = component;
	options.shutdown_ms = 2000;
	OK(bh_child_add(&parent, bh_supervisor_root(tree), &options, &t_err));
	bh_child_start(bh_supervisor_root(tree));
	assert_true(bh_child_wait(parent, BH_CHILD_RUNNING, (uint64_t)(10000 * t_slack())));
}

static void end(void)
{
	bh_child_unref(parent);
	bh_supervisor_free(tree);
	bh_spawner_free(spawner);
	bh_component_unref(component);
	bh_imports_free(imports);
}

static void ask(const char *function, const char *args)
{
	bh_value values[4] = {0}, result = BH_VALUE_INIT;
	bh_export *export_ = NULL;
	if (!bh_export_find(&export_, component, function, NULL) && !bh_export_parse_args(values, export_, args, NULL))
		(void)!bh_child_call(parent, function, values, bh_export_param_count(export_), &result, NULL, NULL, NULL);
	for (size_t i = 0; export_ && i < bh_export_param_count(export_); i++)
		bh_value_deinit(&values[i]);
	bh_value_deinit(&result);
	bh_export_free(export_);
}

static void live(void)
{
	ask(INTERFACE "spawn", "(" CHILD("one", "counter", "service") ")");
	ask(INTERFACE "spawn-and-wait", "(" CHILD("t", "hello", "task") ", 1000)");
	ask(INTERFACE "call", "(\"one\", \"increment\", \"()\", 1000)");
	ask(INTERFACE "next-event", "(1)");
	ask(INTERFACE "list", "()");
	ask(INTERFACE "state", "(\"one\")");
}

static bool count_one(void *data, const bh_child_info *info)
{
	(void)info;
	++*(size_t *)data;
	return true;
}

/* Anew: the parent is up, and nobody else is there. */
static void anew(void)
{
	double until = t_now_ms() + 20000 * t_slack();
	size_t count;
	bh_child_restart(parent);
	do {
		t_sleep_ms(1);
		count = 0;
		bh_child_list(bh_supervisor_root(tree), count_one, &count);
	} while ((count > 2 || bh_child_state_of(parent) != BH_CHILD_RUNNING) && t_now_ms() < until);
	assert_int_equal(count, 2);
	assert_int_equal(bh_child_state_of(parent), BH_CHILD_RUNNING);
}

static void no_memory(void **state)
{
	(void)state;
	if (!faults_work())
		skip();
	begin();
	live();
	bh_child *one = bh_supervisor_find(tree, "parent.children/one");
	assert_non_null(one);
	assert_int_equal(bh_child_state_of(one), BH_CHILD_RUNNING);
	bh_child_unref(one);
	anew();
	uint64_t nth = 1;
	for (bool reached = true; reached && nth < RUNS_AT_MOST; nth++) {
		bh_alloc_fail_at(nth, false);
		live();
		reached = bh_alloc_count() >= nth;
		bh_alloc_fail_at(0, false);
		anew();
	}
	print_message("%llu allocations\n", (unsigned long long)nth);
	assert_in_range(nth, 50, RUNS_AT_MOST - 1);
	/* None of them is counted still. */
	bh_value component_name = BH_STRING("counter"), result = BH_VALUE_INIT;
	OK(bh_child_call(parent, "flood", &component_name, 1, &result, NULL, NULL, &t_err));
	assert_int_equal(result.as.list.items[0].as.u32, MOST);
	bh_value_deinit(&result);
	end();
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(no_memory)};
	return cmocka_run_group_tests(tests, host_begin, host_end);
}
