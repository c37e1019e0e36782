// test: timeout=90 waits
/* Guests that have children: what they may, what they may not, and what is left when they are gone. */
#include <assert.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "one_host.h"

#define INTERFACE "bulkhead:host/supervision@0.1.0#"

/* A tree with the service "parent" in it, which may spawn what is on the list. */
typedef struct {
	bh_spawner *spawner;
	bh_imports *imports;
	bh_component *component;
	bh_supervisor *tree;
	bh_child *parent;
} family;

static bh_permissions *granted(const char *const *capabilities)
{
	bh_permissions *permissions = NULL;
	OK(bh_permissions_new(&permissions, &t_err));
	for (; *capabilities; capabilities++)
		OK(bh_permissions_allow_capability(permissions, *capabilities, &t_err));
	return permissions;
}

#define GRANTED(...) granted((const char *const[]){__VA_ARGS__, NULL})

static bh_component *load(const family *f, const char *guest, uint64_t memory, bh_permissions *permissions)
{
	char path[512];
	bh_component *component = NULL;
	bh_component_options options = BH_COMPONENT_OPTIONS_INIT;
	options.limits = t_limits();
	options.limits.memory = memory;
	options.limits.queue_ms = (uint64_t)(10000 * t_slack());
	options.permissions = permissions;
	options.imports = f->imports;
	snprintf(path, sizeof path, "%s", t_guest(guest));
	OK(bh_component_load_file(&component, host, path, &options, &t_err));
	bh_permissions_free(permissions);
	return component;
}

static void allow(const family *f, const char *name, bh_component *component)
{
	OK(bh_spawner_allow(f->spawner, name, component, NULL, &t_err));
	bh_component_unref(component);
}

static void allow_usual(const family *f)
{
	static const char *const guests[] = {"counter", "hello", "crasher", "spin", "env"};
	char file[64];
	for (size_t i = 0; i < sizeof guests / sizeof *guests; i++) {
		snprintf(file, sizeof file, "%s.wasm", guests[i]);
		allow(f, guests[i], load(f, file, BH_MIB(16), NULL));
	}
	OK(bh_spawner_allow(f->spawner, "parent", f->component, NULL, &t_err));
	allow(f, "large", load(f, "counter.wasm", BH_MIB(64), NULL));
	allow(f, "sleeps", load(f, "counter.wasm", BH_MIB(16), GRANTED("time::sleep")));
	allow(f, "more", load(f, "counter.wasm", BH_MIB(16), GRANTED("supervision", "kv")));
}

static family begin_with(const bh_spawner_options *bounds)
{
	family f = {0};
	bh_child_options options = BH_CHILD_OPTIONS_INIT;
	OK(bh_spawner_new(&f.spawner, bounds, &t_err));
	OK(bh_imports_new(&f.imports, &t_err));
	OK(bh_imports_define_supervision(f.imports, f.spawner, &t_err));
	f.component = load(&f, "parent.wasm", BH_MIB(32), GRANTED("supervision", "time::sleep"));
	allow_usual(&f);
	OK(bh_supervisor_new(&f.tree, NULL, &t_err));
	options.name = "parent";
	options.component = f.component;
	options.shutdown_ms = 500;
	OK(bh_child_add(&f.parent, bh_supervisor_root(f.tree), &options, &t_err));
	bh_child_start(bh_supervisor_root(f.tree));
	assert_true(bh_child_wait(f.parent, BH_CHILD_RUNNING, (uint64_t)(10000 * t_slack())));
	return f;
}

static family begin(void)
{
	return begin_with(NULL);
}

static void end(family *f)
{
	bh_child_unref(f->parent);
	bh_supervisor_free(f->tree);
	bh_spawner_free(f->spawner);
	bh_component_unref(f->component);
	bh_imports_free(f->imports);
}

/* What the parent says: a call of it, as WAVE text both ways. To be freed. */
static char *say(const family *f, const char *function, const char *args)
{
	bh_export *export_ = t_find(f->component, function);
	bh_value values[8] = {0}, result = BH_VALUE_INIT;
	char *text = NULL;
	OK(bh_export_parse_args(values, export_, args, &t_err));
	OK(bh_child_call(f->parent, function, values, bh_export_param_count(export_), &result, NULL, NULL, &t_err));
	for (size_t i = 0; i < bh_export_param_count(export_); i++)
		bh_value_deinit(&values[i]);
	OK(bh_value_to_wave(&text, &result, &t_err));
	bh_value_deinit(&result);
	bh_export_free(export_);
	return text;
}

static void expect_said(const family *f, const char *function, const char *args, const char *wanted)
{
	char *said = say(f, function, args);
	if (!strstr(said, wanted))
		fail_msg("%s%s: %s, not %s", function, args, said, wanted);
	bh_string_free(said);
}

#define CHILD(name, component, kind, policy)                                                                           \
	"{name: \"" name "\", component: \"" component "\", kind: " kind ", restart: " policy                              \
	", args: [], capabilities: none, memory: none}"

static bool count_one(void *data, const bh_child_info *info)
{
	(void)info;
	++*(size_t *)data;
	return true;
}

static size_t count_paths(const family *f)
{
	size_t count = 0;
	bh_child_list(bh_supervisor_root(f->tree), count_one, &count);
	return count;
}

/* Root and parent are all there is. */
static void expect_alone(const family *f)
{
	double until = t_now_ms() + 10000 * t_slack();
	while (count_paths(f) > 2 && t_now_ms() < until)
		t_sleep_ms(2);
	assert_int_equal(count_paths(f), 2);
}

/* A service of its own: spawned, listed, called, restarted, stopped, and each of it told. */
static void a_childs_life(void **state)
{
	(void)state;
	family f = begin();
	expect_said(&f, INTERFACE "list", "()", "[]");
	expect_said(&f, INTERFACE "next-event", "(1000)", "not-found");
	expect_said(&f, INTERFACE "spawn", "(" CHILD("one", "counter", "service", "transient") ")", "ok");
	expect_said(&f, INTERFACE "next-event", "(10000)", "{name: \"one\", what: started}");
	expect_said(&f, INTERFACE "list", "()", "[{name: \"one\", state: running, starts: 1, restarts: 0}]");
	expect_said(&f, INTERFACE "call", "(\"one\", \"increment\", \"()\", 5000)", "ok(\"1\")");
	expect_said(&f, INTERFACE "call", "(\"one\", \"increment\", \"\", 5000)", "ok(\"2\")");
	bh_child *seen = bh_supervisor_find(f.tree, "parent.children/one");
	assert_non_null(seen);
	bh_child_unref(seen);
	expect_said(&f, INTERFACE "restart", "(\"one\")", "ok");
	expect_said(&f, INTERFACE "next-event", "(10000)", "{name: \"one\", what: exited({how: stopped");
	expect_said(&f, INTERFACE "next-event", "(10000)", "{name: \"one\", what: started}");
	expect_said(&f, INTERFACE "call", "(\"one\", \"get\", \"()\", 5000)", "ok(\"0\")");
	/* It crashes, and is started again. */
	expect_said(&f, INTERFACE "call", "(\"one\", \"crash-at\", \"(1)\", 5000)", "ok(\"\")");
	expect_said(&f, INTERFACE "call", "(\"one\", \"increment\", \"()\", 5000)", "failed(");
	expect_said(&f, INTERFACE "next-event", "(10000)", "exited({how: crashed");
	expect_said(&f, INTERFACE "next-event", "(10000)", "started");
	expect_said(&f, INTERFACE "state", "(\"one\")", "{name: \"one\", state: running, starts: 3, restarts: 1}");
	expect_said(&f, INTERFACE "stop", "(\"one\")", "ok");
	expect_said(&f, INTERFACE "next-event", "(10000)", "exited({how: stopped, message: \"\", again: false})");
	double until = t_now_ms() + 5000 * t_slack();
	char *said;
	while (strcmp(said = say(&f, INTERFACE "list", "()"), "[]") && t_now_ms() < until)
		bh_string_free(said);
	assert_string_equal(said, "[]");
	bh_string_free(said);
	expect_said(&f, INTERFACE "state", "(\"one\")", "not-found");
	end(&f);
}

static void waits_for_tasks(void **state)
{
	(void)state;
	family f = begin();
	expect_said(&f, INTERFACE "spawn-and-wait", "(" CHILD("t", "hello", "task", "temporary") ", 10000)",
	            "ok({how: normal, message: \"\", again: false})");
	expect_said(&f, INTERFACE "spawn-and-wait", "(" CHILD("t", "crasher", "task", "temporary") ", 10000)",
	            "ok({how: crashed");
	expect_said(&f, INTERFACE "spawn-and-wait", "(" CHILD("t", "crasher", "task", "transient") ", 20000)",
	            "again: false");
	double before = t_now_ms();
	expect_said(&f, INTERFACE "spawn-and-wait", "(" CHILD("t", "spin", "task", "temporary") ", 100)", "timeout(");
	assert_true(t_now_ms() - before < 4000 * t_slack()); /* it is killed, not asked */
	expect_said(&f, INTERFACE "spawn-and-wait", "(" CHILD("t", "hello", "task", "permanent") ", 100)", "invalid(");
	expect_said(&f, INTERFACE "spawn-and-wait", "(" CHILD("t", "counter", "service", "temporary") ", 100)", "invalid(");
	expect_said(&f, INTERFACE "spawn-and-wait", "(" CHILD("t", "nobody", "task", "temporary") ", 100)", "not-found(");
	expect_said(&f, INTERFACE "spawn-and-wait",
	            "({name: \"u\", component: \"env\", kind: task, restart: temporary, args: [\"x\", \"\", \"ü\"], "
	            "capabilities: none, memory: none}, 10000)",
	            "ok({how: normal");
	end(&f);
}

static void refused(void **state)
{
	(void)state;
	static const char *const names[] = {
		"", "..", ".", "../parent", "/etc/passwd", "a/b", "a b", ".a", "parent.children/x", "ü", "a#1", "a\\u{0}b"};
	family f = begin();
	char args[512];
	for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
		snprintf(
			args, sizeof args,
			"({name: \"%s\", component: \"counter\", kind: service, restart: temporary, args: [], capabilities: none, "
			"memory: none})",
			names[i]);
		expect_said(&f, INTERFACE "spawn", args, "err(invalid(");
		snprintf(args, sizeof args,
		         "({name: \"x\", component: \"%s\", kind: service, restart: temporary, args: [], capabilities: none, "
		         "memory: none})",
		         names[i]);
		expect_said(&f, INTERFACE "spawn", args, "err(invalid(");
		snprintf(args, sizeof args, "(\"%s\")", names[i]);
		expect_said(&f, INTERFACE "stop", args, "err(invalid(");
		expect_said(&f, INTERFACE "state", args, "err(invalid(");
	}
	expect_said(&f, INTERFACE "spawn", "(" CHILD("x", "counter.wasm", "service", "temporary") ")", "not-found(");
	expect_said(&f, INTERFACE "spawn", "(" CHILD("x", "counter", "task", "temporary") ")", "err(not-found(");
	/* Who is not its child it does not know: itself, its supervisor, the root. */
	expect_said(&f, INTERFACE "stop", "(\"parent\")", "not-found(");
	expect_said(&f, INTERFACE "stop", "(\"root\")", "not-found(");
	expect_said(&f, INTERFACE "stop", "(\"parent.children\")", "not-found(");
	expect_said(&f, INTERFACE "call", "(\"parent\", \"dig\", \"()\", 1000)", "not-found(");
	/* Twice the same. */
	expect_said(&f, INTERFACE "spawn", "(" CHILD("x", "counter", "service", "temporary") ")", "ok");
	expect_said(&f, INTERFACE "spawn", "(" CHILD("x", "counter", "service", "temporary") ")", "invalid(");
	/* Calls that are none. */
	expect_said(&f, INTERFACE "call", "(\"x\", \"nothing\", \"()\", 5000)", "not-found(");
	expect_said(&f, INTERFACE "call", "(\"x\", \"crash-at\", \"(1, 2)\", 5000)", "invalid(");
	expect_said(&f, INTERFACE "call", "(\"x\", \"crash-at\", \"((((\", 5000)", "invalid(");
	expect_said(&f, INTERFACE "call", "(\"x\", \"crash-at\", \"(\u00fc\u20ac\\u{0}\", 5000)", "invalid(");
	expect_said(&f, INTERFACE "call", "(\"x\", \"\u20ac\\n\\u{1b}[31m\", \"()\", 5000)", "not-found(");
	expect_said(&f, INTERFACE "call", "(\"x\", \"crash-at\", \"(\u20ac\u20ac\u20ac\", 5000)", "invalid(");
	expect_said(&f, INTERFACE "call", "(\"x\", \"sleep-ms\", \"(10000)\", 50)", "timeout(");
	end(&f);
}

/* No more than the parent has, and what it asks for is no more than is listed. */
static void bounded_by_the_parent(void **state)
{
	(void)state;
	family f = begin();
	expect_said(&f, INTERFACE "spawn", "(" CHILD("x", "large", "service", "temporary") ")",
	            "denied(\"large: its max_memory is 64 MiB, its parent\\'s 32 MiB\")");
	expect_said(&f, INTERFACE "spawn", "(" CHILD("x", "more", "service", "temporary") ")",
	            "denied(\"more: it needs the capability kv, which its parent was not granted\")");
	expect_said(&f, INTERFACE "spawn", "(" CHILD("ok", "sleeps", "service", "temporary") ")", "ok");
	/* Asked for less, it will do. */
	expect_said(&f, INTERFACE "spawn",
	            "({name: \"a\", component: \"large\", kind: service, restart: temporary, args: [], capabilities: none, "
	            "memory: some(16777216)})",
	            "ok");
	expect_said(&f, INTERFACE "call", "(\"a\", \"grow\", \"(1000)\", 5000)", "ok(\"-1\")"); /* 64 MB would do */
	expect_said(&f, INTERFACE "spawn",
	            "({name: \"b\", component: \"more\", kind: service, restart: temporary, args: [], "
	            "capabilities: some([\"supervision\"]), memory: none})",
	            "ok");
	/* And not for more. */
	expect_said(&f, INTERFACE "spawn",
	            "({name: \"c\", component: \"counter\", kind: service, restart: temporary, args: [], "
	            "capabilities: some([\"supervision\"]), memory: none})",
	            "denied(\"counter: the host\\'s list does not grant it the capability supervision\")");
	expect_said(
		&f, INTERFACE "spawn",
		"({name: \"c\", component: \"counter\", kind: service, restart: temporary, args: [], capabilities: none, "
		"memory: some(18446744073709551615)})",
		"denied(");
	expect_said(
		&f, INTERFACE "spawn",
		"({name: \"c\", component: \"counter\", kind: service, restart: temporary, args: [], capabilities: none, "
		"memory: some(1)})",
		"err(");
	end(&f);
}

static void as_many_as_allowed(void **state)
{
	(void)state;
	bh_spawner_options bounds = BH_SPAWNER_OPTIONS_INIT;
	bounds.max_children = 20;
	family f = begin_with(&bounds);
	expect_said(&f, "flood", "(\"counter\")", "(20, \"limit: as many children as one parent may have: 20\")");
	expect_said(&f, "flood", "(\"counter\")", "(0, \"limit: ");
	/* One goes, one comes. */
	expect_said(&f, INTERFACE "stop", "(\"child-7\")", "ok");
	double until = t_now_ms() + 10000 * t_slack();
	char *said = NULL;
	while (strcmp(said = say(&f, INTERFACE "spawn", "(" CHILD("new", "counter", "service", "temporary") ")"), "ok") &&
	       t_now_ms() < until)
		bh_string_free(said);
	assert_string_equal(said, "ok");
	bh_string_free(said);
	expect_said(&f, "flood", "(\"counter\")", "(0, \"limit: ");
	end(&f);
	bounds.max_children = 0;
	bounds.max_total = 5;
	f = begin_with(&bounds);
	expect_said(&f, "flood", "(\"counter\")", "(5, \"limit: as many children as all guests together may have: 5\")");
	bh_child_restart(f.parent);
	expect_alone(&f);
	expect_said(&f, "flood", "(\"counter\")", "(5, \"limit: "); /* they were given back */
	end(&f);
}

static void as_deep_as_allowed(void **state)
{
	(void)state;
	for (uint32_t depth = 1; depth <= 12; depth += 3) {
		char wanted[64];
		bh_spawner_options bounds = BH_SPAWNER_OPTIONS_INIT;
		bounds.max_depth = depth;
		family f = begin_with(&bounds);
		snprintf(wanted, sizeof wanted, "(%u, ", depth);
		char *said = say(&f, "dig", "()");
		assert_memory_equal(said, wanted, strlen(wanted));
		assert_non_null(strstr(said, "limit: children are nested as deep as they may"));
		bh_string_free(said);
		assert_int_equal(count_paths(&f), 2 + 2 * depth);
		bh_child_restart(f.parent); /* and all of them go */
		expect_alone(&f);
		end(&f);
	}
}

/* The children of an instance that is gone are gone; the next one has none. */
static void gone_with_the_parent(void **state)
{
	(void)state;
	family f = begin();
	for (int i = 0; i < 3; i++) {
		bh_value args[2] = {BH_STRING("counter"), bh_of_u32(30)};
		FAILS(BH_E_TRAP, bh_child_call(f.parent, "spawn-and-trap", args, 2, NULL, NULL, NULL, &t_err));
		expect_alone(&f);
		expect_said(&f, INTERFACE "list", "()", "[]");
	}
	/* Killed in the middle of waiting: for a task that spins, for an event, for a call. */
	static const struct {
		const char *function, *args;
	} waits[] = {
		{INTERFACE "spawn-and-wait", "(" CHILD("t", "spin", "task", "temporary") ", 18446744073709551615)"},
		{INTERFACE "next-event", "(18446744073709551615)"},
		{INTERFACE "call", "(\"c\", \"spin\", \"()\", 20000)"},
	};
	for (size_t i = 0; i < sizeof waits / sizeof *waits; i++) {
		bh_call *call = NULL;
		bh_value values[8] = {0};
		bh_export *export_ = t_find(f.component, waits[i].function);
		expect_said(&f, INTERFACE "spawn", "(" CHILD("c", "counter", "service", "permanent") ")", "ok");
		expect_said(&f, INTERFACE "next-event", "(10000)", "started");
		OK(bh_export_parse_args(values, export_, waits[i].args, &t_err));
		OK(bh_child_call_start(&call, f.parent, waits[i].function, values, bh_export_param_count(export_), NULL,
		                       &t_err));
		t_sleep_ms(30);
		bh_child_restart(f.parent); /* killed after 500 ms */
		FAILS(BH_E_CANCELLED, bh_call_wait(call, NULL, NULL, &t_err));
		t_begin();
		bh_call_free(call);
		for (size_t j = 0; j < bh_export_param_count(export_); j++)
			bh_value_deinit(&values[j]);
		bh_export_free(export_);
		assert_true(bh_child_wait(f.parent, BH_CHILD_RUNNING, (uint64_t)(10000 * t_slack())));
		expect_alone(&f);
	}
	end(&f);
}

/* Who does not read loses the oldest, and learns how many. */
static void reads_too_late(void **state)
{
	(void)state;
	family f = begin();
	for (int i = 0; i < 200; i++) {
		expect_said(&f, INTERFACE "spawn", "(" CHILD("one", "counter", "service", "temporary") ")", "ok");
		expect_said(&f, INTERFACE "call", "(\"one\", \"get\", \"()\", 10000)", "ok(\"0\")");
		expect_said(&f, INTERFACE "stop", "(\"one\")", "ok");
		bh_child *one;
		while ((one = bh_supervisor_find(f.tree, "parent.children/one"))) {
			bh_child_unref(one);
			t_sleep_ms(1);
		}
	}
	expect_said(&f, INTERFACE "next-event", "(1000)", "{name: \"\", what: lost(144)}");
	for (int i = 0; i < 128; i++) {
		expect_said(&f, INTERFACE "next-event", "(1000)", "started");
		expect_said(&f, INTERFACE "next-event", "(1000)", "exited");
	}
	expect_said(&f, INTERFACE "next-event", "(1000)", "not-found");
	end(&f);
}

/* Without the capability the call ends; who is nobody's child has no children; and the list may be gone. */
static void without(void **state)
{
	(void)state;
	family f = begin();
	bh_component *bare = load(&f, "parent.wasm", BH_MIB(32), GRANTED("kv"));
	FAILS(BH_E_DENIED, bh_component_call(bare, INTERFACE "list", NULL, 0, NULL, NULL, NULL, &t_err));
	assert_true(t_says("--allow supervision"));
	bh_component_unref(bare);
	char *said = NULL;
	OK(t_call(&said, f.component, INTERFACE "spawn", "(" CHILD("x", "counter", "service", "temporary") ")", NULL, NULL,
	          &t_err));
	assert_non_null(strstr(said, "down(\"only a component that is supervised itself can have children\")"));
	bh_string_free(said);
	OK(t_call(&said, f.component, INTERFACE "list", "()", NULL, NULL, &t_err));
	assert_string_equal(said, "[]");
	bh_string_free(said);
	expect_said(&f, INTERFACE "spawn", "(" CHILD("x", "counter", "service", "temporary") ")", "ok");
	bh_spawner_forbid(f.spawner, "counter");
	bh_spawner_forbid(f.spawner, "counter");
	expect_said(&f, INTERFACE "spawn", "(" CHILD("y", "counter", "service", "temporary") ")", "not-found(");
	bh_spawner_free(f.spawner);
	f.spawner = NULL;
	expect_said(&f, INTERFACE "spawn", "(" CHILD("y", "hello", "task", "temporary") ")", "not-found(");
	expect_said(&f, INTERFACE "call", "(\"x\", \"get\", \"()\", 5000)", "ok(\"0\")");
	end(&f);
}

typedef struct {
	bh_spawner *spawner;
	bh_component *component;
	_Atomic bool enough;
	uint64_t times;
} replacing;

static void *replace_all_the_time(void *data)
{
	replacing *r = data;
	while (!atomic_load(&r->enough)) {
		bh_error *err = NULL;
		assert(!bh_spawner_replace(r->spawner, "hello", r->component, NULL, &err));
		r->times++;
	}
	return NULL;
}

/* What is replaced is there all the time, and what was spawned of it goes on; what is not there is added. */
static void replaced(void **state)
{
	(void)state;
	family f = begin();
	bh_component *other = load(&f, "echo.wasm", BH_MIB(16), NULL);
	replacing r = {.spawner = f.spawner, .component = load(&f, "hello.wasm", BH_MIB(16), NULL)};
	pthread_t thread;
	assert_int_equal(pthread_create(&thread, NULL, replace_all_the_time, &r), 0);
	for (int i = 0; i < 100; i++)
		expect_said(&f, INTERFACE "spawn-and-wait", "(" CHILD("h", "hello", "task", "temporary") ", 10000)", "normal");
	atomic_store(&r.enough, true);
	pthread_join(thread, NULL);
	assert_true(r.times > 0);

	expect_said(&f, INTERFACE "spawn", "(" CHILD("x", "counter", "service", "temporary") ")", "ok");
	OK(bh_spawner_replace(f.spawner, "counter", other, NULL, &t_err));
	expect_said(&f, INTERFACE "call", "(\"x\", \"get\", \"()\", 5000)", "ok(\"0\")");
	expect_said(&f, INTERFACE "spawn", "(" CHILD("y", "counter", "service", "temporary") ")", "ok");
	expect_said(&f, INTERFACE "call", "(\"y\", \"get\", \"()\", 5000)", "not-found(");
	expect_said(&f, INTERFACE "spawn", "(" CHILD("z", "added", "service", "temporary") ")", "not-found(");
	OK(bh_spawner_replace(f.spawner, "added", other, NULL, &t_err));
	expect_said(&f, INTERFACE "spawn", "(" CHILD("z", "added", "service", "temporary") ")", "ok");
	bh_spawner_forbid(f.spawner, "added");
	expect_said(&f, INTERFACE "spawn", "(" CHILD("w", "added", "service", "temporary") ")", "not-found(");

	FAILS(BH_E_INVALID, bh_spawner_replace(f.spawner, ".x", other, NULL, &t_err));
	FAILS(BH_E_INVALID, bh_spawner_replace(f.spawner, NULL, other, NULL, &t_err));
	FAILS(BH_E_INVALID, bh_spawner_replace(f.spawner, "x", NULL, NULL, &t_err));
	FAILS(BH_E_INVALID, bh_spawner_replace(NULL, "x", other, NULL, &t_err));
	FAILS(BH_E_INVALID, bh_spawner_allow(f.spawner, "counter", other, NULL, &t_err));
	bh_component_unref(r.component);
	bh_component_unref(other);
	end(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_childs_life),
		cmocka_unit_test(waits_for_tasks),
		cmocka_unit_test(refused),
		cmocka_unit_test(bounded_by_the_parent),
		cmocka_unit_test(as_many_as_allowed),
		cmocka_unit_test(as_deep_as_allowed),
		cmocka_unit_test(gone_with_the_parent),
		cmocka_unit_test(reads_too_late),
		cmocka_unit_test(without),
		cmocka_unit_test(replaced),
	};
	return cmocka_run_group_tests(tests, host_begin, host_end);
}
