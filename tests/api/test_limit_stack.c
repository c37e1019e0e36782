/* The stack: how deep a guest may call, and that whatever it does there only it is stopped. */
#include <pthread.h>
#include <stdlib.h>
#include <ucontext.h>

#include "one_host.h"

/* Calls itself so many times, with a frame of some size. */
static const char deep[] =
	"(component (core module $m\n"
	"  (func $f (param i32) (result i32)\n"
	"    (if (result i32) (i32.eqz (local.get 0)) (then (i32.const 0))\n"
	"      (else (i32.add (i32.const 1) (call $f (i32.sub (local.get 0) (i32.const 1)))))))\n"
	"  (func (export \"run\") (param i32) (result i32) (call $f (local.get 0))))\n"
	"(core instance $i (instantiate $m))\n"
	"(func (export \"run\") (param \"depth\" u32) (result u32) (canon lift (core func $i \"run\"))))";

static bh_limits with_stack(uint64_t stack)
{
	bh_limits limits = t_limits();
	limits.stack = stack;
	return limits;
}

/* The deepest recursion that works. */
static uint32_t depth_of(bh_component *component)
{
	bh_export *run = t_find(component, "run");
	uint32_t low = 1, high = 50000000;
	while (high - low > 1 + low / 64) {
		bh_value arg = bh_of_u32(low + (high - low) / 2), result = BH_VALUE_INIT;
		t_begin();
		bh_status status = bh_export_call(run, &arg, 1, &result, NULL, NULL, &t_err);
		if (!status) {
			assert_int_equal(result.as.u32, arg.as.u32);
			low = arg.as.u32;
			continue;
		}
		assert_int_equal(status, BH_E_TRAP);
		assert_int_equal(bh_error_trap(t_err), BH_TRAP_STACK_OVERFLOW);
		high = arg.as.u32;
	}
	bh_export_free(run);
	return low;
}

static void as_deep_as_the_limit(void **state)
{
	(void)state;
	static const uint64_t stacks[] = {BH_KIB(64), BH_KIB(128), BH_KIB(512), BH_MIB(1), BH_MIB(8), BH_MIB(64)};
	double a_frame = 0;
	for (size_t i = 0; i < sizeof stacks / sizeof *stacks; i++) {
		bh_limits limits = with_stack(stacks[i]);
		bh_component *component = t_load_text(host, deep, &limits);
		assert_int_equal(bh_component_limits(component)->stack, stacks[i]);
		uint32_t depth = depth_of(component);
		if (a_frame > 0) /* the same size of a frame each time: the limit is what was asked for */
			assert_true((double)stacks[i] / depth > a_frame * 0.9 && (double)stacks[i] / depth < a_frame * 1.1);
		a_frame = (double)stacks[i] / depth;
		bh_component_unref(component);
	}
}

static void real_programs(void **state)
{
	(void)state;
	static const uint64_t stacks[] = {BH_KIB(64), BH_MIB(1), BH_MIB(4)};
	for (size_t i = 0; i < sizeof stacks / sizeof *stacks; i++) {
		bh_limits limits = with_stack(stacks[i]);
		bh_component *component = t_load(host, "recurse.wasm", &limits);
		int exit_status;
		bh_usage usage = BH_USAGE_INIT;
		t_begin();
		bh_status status = bh_component_run(component, &exit_status, NULL, &usage, &t_err);
		/* C keeps a stack of its own in memory: which of the two ends first is the compiler's choice. */
		assert_int_equal(status, BH_E_TRAP);
		assert_true(bh_error_trap(t_err) == BH_TRAP_STACK_OVERFLOW ||
		            bh_error_trap(t_err) == BH_TRAP_MEMORY_OUT_OF_BOUNDS);
		assert_true(bh_error_frame_count(t_err) > 1);
		assert_true(usage.peak_memory > 0);
		bh_component_unref(component);
	}
}

/* At the end of its stack a guest calls the host: that needs room of its own, and has it. */
static const char at_the_edge[] =
	"(component (import \"wasi:random/random@0.2.0\" (instance $random\n"
	"    (export \"get-random-bytes\" (func (param \"len\" u64) (result (list u8))))))\n"
	"  (import \"wasi:clocks/monotonic-clock@0.2.0\" (instance $clock (export \"now\" (func (result u64)))))\n"
	"(core module $memory (memory (export \"m\") 1)\n"
	"  (func (export \"realloc\") (param i32 i32 i32 i32) (result i32) (i32.const 1024)))\n"
	"(core instance $memory (instantiate $memory))\n"
	"(core func $random (canon lower (func $random \"get-random-bytes\") (memory (core memory $memory \"m\"))\n"
	"  (realloc (core func $memory \"realloc\"))))\n"
	"(core func $now (canon lower (func $clock \"now\")))\n"
	"(core module $m (import \"\" \"random\" (func $random (param i64 i32))) (import \"\" \"now\" (func $now (result "
	"i64)))\n"
	"  (func $f (param i32) (result i32)\n"
	"    (drop (call $now)) (call $random (i64.const 4096) (i32.const 16))\n"
	"    (i32.add (i32.const 1) (call $f (i32.add (local.get 0) (i32.const 1)))))\n"
	"  (func (export \"run\") (drop (call $f (i32.const 0)))))\n"
	"(core instance $i (instantiate $m (with \"\" (instance (export \"random\" (func $random))\n"
	"  (export \"now\" (func $now))))))\n"
	"(func (export \"run\") (canon lift (core func $i \"run\"))))";

static void host_calls_at_the_edge(void **state)
{
	(void)state;
	static const uint64_t stacks[] = {BH_KIB(64), BH_KIB(68), BH_KIB(100), BH_KIB(256)};
	for (size_t i = 0; i < sizeof stacks / sizeof *stacks; i++) {
		bh_limits limits = with_stack(stacks[i]);
		bh_component *component = t_load_text(host, at_the_edge, &limits);
		FAILS(BH_E_TRAP, t_call(NULL, component, "run", "", NULL, NULL, &t_err));
		assert_int_equal(bh_error_trap(t_err), BH_TRAP_STACK_OVERFLOW);
		bh_component_unref(component);
	}
}

/* The guest's stack is its own: the caller's may be the smallest there is. */
static void *call_from_a_small_stack(void *data)
{
	EXPECT(bh_component_call(data, "run", NULL, 0, NULL, NULL, NULL, NULL) == BH_E_TRAP);
	bh_host *own = NULL;
	bh_component *component = NULL;
	bh_component_options options = BH_COMPONENT_OPTIONS_INIT;
	options.limits = with_stack(BH_MIB(8));
	EXPECT(bh_host_new(&own, NULL, NULL) == BH_OK);
	EXPECT(bh_component_load_bytes(&component, own, deep, strlen(deep), &options, NULL) == BH_OK);
	bh_value arg = bh_of_u32(50000), result = BH_VALUE_INIT;
	EXPECT(bh_component_call(component, "run", &arg, 1, &result, NULL, NULL, NULL) == BH_OK);
	bh_component_unref(component);
	bh_host_free(own);
	return NULL;
}

static void a_small_thread(void **state)
{
	(void)state;
	bh_limits limits = with_stack(BH_MIB(1));
	bh_component *component = t_load(host, "wat/stack-overflow.wat", &limits);
	pthread_attr_t attributes;
	pthread_t thread;
	pthread_attr_init(&attributes);
	pthread_attr_setstacksize(&attributes, t_slack() > 5 ? BH_KIB(512) : BH_KIB(128));
	assert_int_equal(pthread_create(&thread, &attributes, call_from_a_small_stack, component), 0);
	pthread_join(thread, NULL);
	pthread_attr_destroy(&attributes);
	bh_component_unref(component);
}

/* On a stack that is not the thread's own, as coroutines have, nobody knows how much is left: a fiber is used. */
static ucontext_t outside, inside;
static bh_component *from_coroutine;

static void call_from_a_coroutine(void)
{
	EXPECT(bh_component_call(from_coroutine, "run", NULL, 0, NULL, NULL, NULL, NULL) == BH_E_TRAP);
	swapcontext(&inside, &outside);
}

static void a_coroutine(void **state)
{
	(void)state;
	bh_limits limits = with_stack(BH_MIB(1));
	from_coroutine = t_load(host, "wat/stack-overflow.wat", &limits);
	size_t size = BH_KIB(t_slack() > 5 ? 512 : 128);
	void *stack = malloc(size);
	assert_non_null(stack);
	assert_int_equal(getcontext(&inside), 0);
	inside.uc_stack = (stack_t){.ss_sp = stack, .ss_size = size};
	inside.uc_link = NULL;
	makecontext(&inside, call_from_a_coroutine, 0);
	assert_int_equal(swapcontext(&outside, &inside), 0);
	free(stack);
	bh_component_unref(from_coroutine);
}

static void what_is_refused(void **state)
{
	(void)state;
	static const uint64_t bad[] = {1, BH_KIB(64) - 1, BH_MIB(64) + 1, BH_UNLIMITED};
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
		bh_component_options options = BH_COMPONENT_OPTIONS_INIT;
		options.limits = with_stack(bad[i]);
		bh_component *component = NULL;
		FAILS(BH_E_CONFIG, bh_component_load_bytes(&component, host, deep, strlen(deep), &options, &t_err));
		assert_true(t_says("max_stack"));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(as_deep_as_the_limit),
		cmocka_unit_test(real_programs),
		cmocka_unit_test(host_calls_at_the_edge),
		cmocka_unit_test(a_small_thread),
		cmocka_unit_test(a_coroutine),
		cmocka_unit_test(what_is_refused),
	};
	return cmocka_run_group_tests(tests, host_begin, host_end);
}
