/* What an error says of a trap: where in the guest, with names where the guest has some, and why. */
#include <stdlib.h>

#include "one_host.h"

/* Names of three functions and the module; the innermost traps. */
static const char named[] = "(component (core module $machinery\n"
							"  (func $innermost (param i32) (result i32) (i32.div_u (i32.const 1) (local.get 0)))\n"
							"  (func $middle (param i32) (result i32) (call $innermost (local.get 0)))\n"
							"  (func $outer (export \"run\") (result i32) (call $middle (i32.const 0))))\n"
							"(core instance $i (instantiate $machinery))\n"
							"(func (export \"run\") (result u32) (canon lift (core func $i \"run\"))))";

static void frames_have_names(void **state)
{
	(void)state;
	static const char *const functions[] = {"innermost", "middle", "outer"};
	bh_component *component = t_load_text(host, named, NULL);
	FAILS(BH_E_TRAP, t_call(NULL, component, "run", "", NULL, NULL, &t_err));
	assert_int_equal(bh_error_trap(t_err), BH_TRAP_INTEGER_DIVISION_BY_ZERO);
	assert_int_equal(bh_error_frame_count(t_err), 3);
	for (size_t i = 0; i < 3; i++) {
		const bh_frame *frame = bh_error_frame(t_err, i);
		assert_non_null(frame);
		assert_string_equal(frame->function, functions[i]);
		assert_string_equal(frame->module, "machinery");
		assert_int_equal(frame->function_index, i);
		assert_true(frame->offset > 0);
	}
	assert_null(bh_error_frame(t_err, 3));
	assert_true(t_says("divide by zero"));
	bh_component_unref(component);
}

static void frames_without_names(void **state)
{
	(void)state;
	bh_component *component = t_load_text(host,
	                                      "(component (core module (func (export \"run\") unreachable))\n"
	                                      "(core instance $i (instantiate 0))\n"
	                                      "(func (export \"run\") (canon lift (core func $i \"run\"))))",
	                                      NULL);
	FAILS(BH_E_TRAP, t_call(NULL, component, "run", "", NULL, NULL, &t_err));
	assert_int_equal(bh_error_frame_count(t_err), 1);
	assert_null(bh_error_frame(t_err, 0)->function);
	assert_null(bh_error_frame(t_err, 0)->module);
	assert_null(bh_error_frame(t_err, 0)->file);
	assert_int_equal(bh_error_frame(t_err, 0)->line, 0);
	bh_component_unref(component);
}

/* Names are the guest's: control characters in them do not reach a terminal, and what is no UTF-8 harms nobody. */
static void hostile_names(void **state)
{
	(void)state;
	bh_component *component = t_load_text(host,
	                                      "(component (core module $\"a\\1b[31m\\0abc\\c2\\9b\"\n"
	                                      "  (func $\"f\\1b]0;title\\07\" (export \"run\") unreachable))\n"
	                                      "(core instance $i (instantiate 0))\n"
	                                      "(func (export \"run\") (canon lift (core func $i \"run\"))))",
	                                      NULL);
	FAILS(BH_E_TRAP, t_call(NULL, component, "run", "", NULL, NULL, &t_err));
	const bh_frame *frame = bh_error_frame(t_err, 0);
	assert_non_null(frame);
	const char *const texts[] = {frame->function, frame->module};
	for (size_t i = 0; i < 2; i++) {
		assert_non_null(texts[i]);
		for (const char *p = texts[i]; *p; p++)
			assert_true((unsigned char)*p >= 0x20 && *p != 0x7F);
		assert_null(strstr(texts[i], "\xc2\x9b"));
	}
	bh_component_unref(component);
}

/* Recursion has many frames: as many as are kept, and no more. */
static void frames_are_bounded(void **state)
{
	(void)state;
	bh_component *component = t_load(host, "wat/stack-overflow.wat", NULL);
	FAILS(BH_E_TRAP, t_call(NULL, component, "run", "", NULL, NULL, &t_err));
	assert_int_equal(bh_error_trap(t_err), BH_TRAP_STACK_OVERFLOW);
	assert_in_range(bh_error_frame_count(t_err), 2, 64);
	bh_component_unref(component);
}

/* With debug information and the development profile there are files and lines. */
static void files_and_lines(void **state)
{
	(void)state;
	bh_host_options options = BH_HOST_OPTIONS_INIT;
	options.profile = BH_PROFILE_DEVELOPMENT;
	options.allocation = BH_ALLOCATION_ON_DEMAND;
	bh_host *development = NULL;
	OK(bh_host_new(&development, &options, &t_err));
	bh_component *crasher = t_load(development, "crasher.wasm", NULL);
	const char *args[] = {"crasher", "unreachable"};
	bh_instance_options instance = BH_INSTANCE_OPTIONS_INIT;
	instance.args = args;
	instance.arg_count = 2;
	bh_call_options call = BH_CALL_OPTIONS_INIT;
	call.instance = &instance;
	int exit_status = 77;
	FAILS(BH_E_TRAP, bh_component_run(crasher, &exit_status, &call, NULL, &t_err));
	assert_int_equal(exit_status, 77);
	assert_int_equal(bh_error_trap(t_err), BH_TRAP_UNREACHABLE);
	bool found = false;
	for (size_t i = 0; i < bh_error_frame_count(t_err); i++) {
		const bh_frame *frame = bh_error_frame(t_err, i);
		found |= frame->file && strstr(frame->file, "crasher.c") && frame->line > 0 && frame->function;
	}
	assert_true(found);
	bh_component_unref(crasher);
	bh_host_free(development);
}

/* The caller may not want to know. */
static void without_details(void **state)
{
	(void)state;
	bh_component *component = t_load_text(host, named, NULL);
	assert_int_equal(bh_component_call(component, "run", NULL, 0, NULL, NULL, NULL, NULL), BH_E_TRAP);
	bh_instance *instance = t_instance(component);
	bh_export *run = t_find(component, "run");
	assert_int_equal(bh_instance_call(instance, run, NULL, 0, NULL, NULL, NULL, NULL), BH_E_TRAP);
	FAILS(BH_E_POISONED, bh_instance_call(instance, run, NULL, 0, NULL, NULL, NULL, &t_err));
	assert_true(t_says("integer divide by zero"));
	bh_export_free(run);
	bh_instance_free(instance);
	bh_component_unref(component);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(frames_have_names),  cmocka_unit_test(frames_without_names), cmocka_unit_test(hostile_names),
		cmocka_unit_test(frames_are_bounded), cmocka_unit_test(files_and_lines),      cmocka_unit_test(without_details),
	};
	return cmocka_run_group_tests(tests, host_begin, host_end);
}
