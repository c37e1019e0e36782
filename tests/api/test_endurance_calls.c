// test: timeout=1500 labels=slow,nosanitize
/* 100,000 one-shot calls that crash, in one process: it stays as large as it was. */
#include <stdlib.h>

#include "api.h"

enum { SETTLE = 10 /* memory and descriptors are first taken down after this part of the calls */ };

/* One way to end badly. */
typedef struct {
	const char *guest;
	const char *const *args; /* of a command; NULL: the export `run` is called */
	bh_status status;
	bh_trap trap;
	uint64_t fuel;
	uint64_t execution_ms;
	int one_in; /* called in one round of so many: these take longer */
} crash;

static const crash crashes[] = {
	{.guest = "wat/unreachable.wat", .status = BH_E_TRAP, .trap = BH_TRAP_UNREACHABLE},
	{.guest = "wat/memory-out-of-bounds.wat", .status = BH_E_TRAP, .trap = BH_TRAP_MEMORY_OUT_OF_BOUNDS},
	{.guest = "wat/integer-division-by-zero.wat", .status = BH_E_TRAP, .trap = BH_TRAP_INTEGER_DIVISION_BY_ZERO},
	{.guest = "wat/indirect-call-to-null.wat", .status = BH_E_TRAP, .trap = BH_TRAP_INDIRECT_CALL_TO_NULL},
	{.guest = "wat/start-trap.wat", .status = BH_E_TRAP, .trap = BH_TRAP_UNREACHABLE},
	{.guest = "wat/result-string-out-of-bounds.wat", .status = BH_E_TRAP, .trap = BH_TRAP_STRING_OUT_OF_BOUNDS},
	{.guest = "wat/four-gib.wat", .status = BH_E_MEMORY_LIMIT, .trap = BH_TRAP_MEMORY_LIMIT},
	{.guest = "wat/spin.wat", .status = BH_E_OUT_OF_FUEL, .trap = BH_TRAP_OUT_OF_FUEL, .fuel = 20000},
	{.guest = "wat/memory-hog.wat", .status = BH_E_MEMORY_LIMIT, .trap = BH_TRAP_MEMORY_LIMIT, .one_in = 10},
	{.guest = "wat/stack-overflow.wat", .status = BH_E_TRAP, .trap = BH_TRAP_STACK_OVERFLOW, .one_in = 10},
	{.guest = "wat/spin.wat", .status = BH_E_TIMEOUT, .trap = BH_TRAP_INTERRUPTED, .execution_ms = 2, .one_in = 50},
	{.guest = "crasher.wasm", .args = T_ARGS("crasher", "exit", "3"), .one_in = 4},
	{.guest = "crasher.wasm",
     .args = T_ARGS("crasher", "oob"),
     .status = BH_E_TRAP,
     .trap = BH_TRAP_MEMORY_OUT_OF_BOUNDS,
     .one_in = 4},
};
enum { CRASHES = sizeof crashes / sizeof *crashes };

typedef struct {
	bh_component *component; /* NULL: it cannot be loaded within its limits */
	bh_export *export_;
} target;

static void prepare(target *t, bh_host *host, const crash *c)
{
	bh_limits limits = t_limits();
	limits.memory = BH_MIB(2);
	limits.fuel = c->fuel ? c->fuel : BH_UNLIMITED;
	limits.execution_ms = c->execution_ms ? c->execution_ms : 30000;
	t->component = strstr(c->guest, "four-gib") ? NULL : t_load(host, c->guest, &limits);
	t->export_ = !t->component || c->args ? NULL : t_find(t->component, "run");
}

static void crash_once(const target *t, const crash *c, bh_host *host)
{
	int exit_status = -1;
	if (!t->component) {
		bh_component_options options = BH_COMPONENT_OPTIONS_INIT;
		bh_component *component = NULL;
		options.limits = t_limits();
		FAILS(c->status, bh_component_load_file(&component, host, t_guest(c->guest), &options, &t_err));
	} else if (c->args && !c->status) {
		OK(t_run(t->component, c->args, NULL, NULL, &exit_status, &t_err));
		assert_int_equal(exit_status, 1); /* the adapter knows no other number */
		return;
	} else if (c->args) {
		FAILS(c->status, t_run(t->component, c->args, NULL, NULL, &exit_status, &t_err));
	} else {
		FAILS(c->status, bh_export_call(t->export_, NULL, 0, NULL, NULL, NULL, &t_err));
	}
	assert_int_equal(bh_error_trap(t_err), c->trap);
}

static void endure(bh_host *host, size_t calls)
{
	target targets[CRASHES];
	size_t done = 0, settled_rss = 0, settled_descriptors = 0;
	for (int i = 0; i < CRASHES; i++)
		prepare(&targets[i], host, &crashes[i]);
	double start = t_now_ms();
	for (size_t round = 0; done < calls; round++) {
		for (int i = 0; i < CRASHES && done < calls; i++) {
			if (crashes[i].one_in && round % (size_t)crashes[i].one_in)
				continue;
			crash_once(&targets[i], &crashes[i], host);
			done++;
			if (done == calls / SETTLE) {
				settled_rss = t_rss();
				settled_descriptors = t_descriptors();
			}
		}
	}
	size_t rss = t_rss(), descriptors = t_descriptors();
	printf("%zu calls, %.1f us each: %zu KiB after a tenth, %zu KiB at the end; %zu descriptors, then %zu\n", done,
	       (t_now_ms() - start) * 1000 / (double)done, settled_rss / 1024, rss / 1024, settled_descriptors,
	       descriptors);
	for (int i = 0; i < CRASHES; i++) {
		bh_export_free(targets[i].export_);
		bh_component_unref(targets[i].component);
	}
	t_begin();
	assert_in_range(rss, 0, settled_rss + settled_rss / 50);
	assert_int_equal(descriptors, settled_descriptors);
}

/* The engine opens one descriptor for the whole process when it first empties a slot of a pool. */
static size_t descriptors_of_a_used_process(void)
{
	target first;
	bh_host *host = t_host_pooled(0);
	prepare(&first, host, crashes);
	crash_once(&first, crashes, host);
	bh_export_free(first.export_);
	bh_component_unref(first.component);
	bh_host_free(host);
	t_begin();
	return t_descriptors();
}

static void test_pooled(void **state)
{
	(void)state;
	size_t descriptors = descriptors_of_a_used_process();
	bh_host *host = t_host_pooled(0);
	endure(host, 100000);
	bh_host_free(host);
	assert_int_equal(t_descriptors(), descriptors);
}

static void test_on_demand(void **state)
{
	(void)state;
	bh_host *host = t_host();
	endure(host, 100000);
	bh_host_free(host);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_pooled),
		cmocka_unit_test(test_on_demand),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
