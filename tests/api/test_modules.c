/* Core modules: refused with a word on how to wrap them, or wrapped; and the exit status of programs. */
#include <stdlib.h>

#include "one_host.h"

static bh_status load(bh_component **out, const char *guest, bool wrap)
{
	bh_component_options options = BH_COMPONENT_OPTIONS_INIT;
	options.limits = t_limits();
	options.wrap_modules = wrap;
	t_begin();
	return bh_component_load_file(out, host, t_guest(guest), &options, &t_err);
}

static void refused_unless_asked(void **state)
{
	(void)state;
	static const char *const modules[] = {"hello.core.wasm", "plain.core.wasm", "echo.core.wasm"};
	for (size_t i = 0; i < 3; i++) {
		bh_component *component = NULL;
		assert_int_equal(load(&component, modules[i], false), BH_E_NOT_A_COMPONENT);
		assert_true(t_says("core WebAssembly module"));
		assert_true(t_says("wasm-tools component new"));
		assert_null(component);
	}
}

static void other_modules_cannot_be_wrapped(void **state)
{
	(void)state;
	static const char *const texts[] = {
		"(module (func (export \"run\")))",
		"(module (import \"env\" \"f\" (func)) (func (export \"run\")))",
		"(module (memory (export \"memory\") 1) (func (export \"add\") (param i32 i32) (result i32) i32.const 0))",
	};
	for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
		for (int wrap = 0; wrap < 2; wrap++) {
			bh_component_options options = BH_COMPONENT_OPTIONS_INIT;
			options.limits = t_limits();
			options.wrap_modules = wrap;
			bh_component *component = NULL;
			FAILS(BH_E_NOT_A_COMPONENT,
			      bh_component_load_bytes(&component, host, texts[i], strlen(texts[i]), &options, &t_err));
		}
	/* Built for WASI, and for something else besides. */
	static const char mixed[] = "(module (import \"env\" \"f\" (func))\n"
								"(import \"wasi_snapshot_preview1\" \"proc_exit\" (func (param i32)))\n"
								"(memory (export \"memory\") 1) (func (export \"_start\")))";
	bh_component_options options = BH_COMPONENT_OPTIONS_INIT;
	options.limits = t_limits();
	options.wrap_modules = true;
	bh_component *component = NULL;
	FAILS(BH_E_NOT_A_COMPONENT, bh_component_load_bytes(&component, host, mixed, sizeof mixed - 1, &options, &t_err));
	assert_true(bh_error_cause_count(t_err) > 0);
}

static int run_wrapped(const char *guest, const char *const *args, const char *output)
{
	bh_component *component = NULL;
	bh_status status = load(&component, guest, true);
	if (status)
		t_print_error(t_err);
	assert_int_equal(status, BH_OK);
	bh_component_needs needs = {.struct_size = sizeof needs};
	bh_component_describe(component, &needs);
	assert_true(needs.wrapped && needs.command);
	bh_buffer out = BH_BUFFER_INIT;
	int exit_status;
	OK(t_run(component, args, NULL, &out, &exit_status, &t_err));
	if (output)
		assert_string_equal(out.data ? out.data : "", output);
	bh_buffer_deinit(&out);
	bh_component_unref(component);
	return exit_status;
}

static void wrapped(void **state)
{
	(void)state;
	assert_int_equal(run_wrapped("hello.core.wasm", T_ARGS("hello", "ada"), "hello ada\n"), 0);
	assert_int_equal(run_wrapped("env.core.wasm", T_ARGS("env", "x"), "arg 0 env\narg 1 x\n"), 0);
	/* One whose malloc takes all memory for itself, the adapter's state included. */
	assert_int_equal(run_wrapped("plain.core.wasm", T_ARGS("plain", "100000"), NULL), 0);
	assert_int_equal(run_wrapped("primes.core.wasm", T_ARGS("primes", "1000"), NULL), 0);
	/* A component that is one already is not wrapped. */
	bh_component *component = NULL;
	assert_int_equal(load(&component, "hello.wasm", true), BH_OK);
	bh_component_needs needs = {.struct_size = sizeof needs};
	bh_component_describe(component, &needs);
	assert_false(needs.wrapped);
	assert_true(needs.command);
	bh_component_unref(component);
	/* A library: its functions are called, there is nothing to run. */
	assert_int_equal(load(&component, "echo.core.wasm", true), BH_OK);
	char *text = NULL;
	OK(t_call(&text, component, "greet", "\"ada\"", NULL, NULL, &t_err));
	assert_string_equal(text, "\"hello ada\"");
	bh_string_free(text);
	int exit_status = 7;
	FAILS(BH_E_NO_EXPORT, bh_component_run(component, &exit_status, NULL, NULL, &t_err));
	assert_true(t_says("wasi:cli/run"));
	assert_int_equal(exit_status, 7);
	bh_component_unref(component);
}

static void the_same_output_from_both(void **state)
{
	(void)state;
	bh_component *plain = NULL, *primes = NULL;
	assert_int_equal(load(&plain, "plain.core.wasm", true), BH_OK);
	assert_int_equal(load(&primes, "primes.wasm", false), BH_OK);
	bh_buffer one = BH_BUFFER_INIT, two = BH_BUFFER_INIT;
	int exit_status;
	for (int i = 0; i < 3; i++) {
		OK(t_run(plain, T_ARGS("primes", "500000"), NULL, &one, &exit_status, &t_err));
		OK(t_run(primes, T_ARGS("primes", "500000"), NULL, &two, &exit_status, &t_err));
	}
	assert_non_null(one.data);
	assert_string_equal(one.data, two.data);
	bh_buffer_deinit(&one);
	bh_buffer_deinit(&two);
	bh_component_unref(plain);
	bh_component_unref(primes);
}

static void exit_statuses(void **state)
{
	(void)state;
	static const int statuses[] = {0, 1, 2, 42, 64, 100, 127, 128, 134, 200, 254, 255};
	bh_component *module = NULL, *component = NULL;
	assert_int_equal(load(&module, "exitcode.core.wasm", true), BH_OK);
	assert_int_equal(load(&component, "exitcode.wasm", false), BH_OK);
	for (size_t i = 0; i < sizeof statuses / sizeof *statuses; i++) {
		char text[16];
		int exit_status;
		snprintf(text, sizeof text, "%d", statuses[i]);
		OK(t_run(module, T_ARGS("exitcode", text), NULL, NULL, &exit_status, &t_err));
		assert_int_equal(exit_status, statuses[i]);
		/* The adapter that was built into the component knows success and failure only. */
		OK(t_run(component, T_ARGS("exitcode", text), NULL, NULL, &exit_status, &t_err));
		assert_int_equal(exit_status, statuses[i] ? 1 : 0);
	}
	/* Called instead of run, an exit is an error that has the number. */
	bh_instance_options instance = BH_INSTANCE_OPTIONS_INIT;
	instance.args = T_ARGS("exitcode", "42");
	instance.arg_count = 2;
	bh_call_options options = BH_CALL_OPTIONS_INIT;
	options.instance = &instance;
	FAILS(BH_E_EXIT, bh_component_call(module, "run", NULL, 0, NULL, &options, NULL, &t_err));
	assert_int_equal(bh_error_exit_status(t_err), 42);
	assert_true(t_says("42"));
	bh_component_unref(module);
	bh_component_unref(component);
}

/* Traps and limits of a program are errors, not exit statuses. */
static void bad_ends(void **state)
{
	(void)state;
	static const struct {
		const char *how;
		bh_trap trap;
	} rows[] = {{"unreachable", BH_TRAP_UNREACHABLE},
	            {"div0", BH_TRAP_INTEGER_DIVISION_BY_ZERO},
	            {"oob", BH_TRAP_MEMORY_OUT_OF_BOUNDS},
	            {"abort", BH_TRAP_UNREACHABLE}};
	static const char *const guests[] = {"crasher.wasm", "crasher.core.wasm"};
	for (size_t g = 0; g < 2; g++) {
		bh_component *component = NULL;
		assert_int_equal(load(&component, guests[g], true), BH_OK);
		for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
			int exit_status;
			FAILS(BH_E_TRAP, t_run(component, T_ARGS("crasher", rows[i].how), NULL, NULL, &exit_status, &t_err));
			assert_int_equal(bh_error_trap(t_err), rows[i].trap);
			assert_int_equal(exit_status, -1);
			assert_true(bh_error_frame_count(t_err) > 0);
		}
		bh_component_unref(component);
	}
}

static void what_is_no_webassembly(void **state)
{
	(void)state;
	static const struct {
		const char *bytes;
		size_t length;
		bh_status status;
	} rows[] = {
		{"", 0, BH_E_NOT_A_COMPONENT},
		{"#!/bin/sh\n", 10, BH_E_NOT_A_COMPONENT},
		{"\0asm", 4, BH_E_NOT_A_COMPONENT},
		{"\0asm\x0d\0\1\0", 8, BH_OK}, /* an empty component is one */
		{"\0asm\x0d\0\1\0\xff", 9, BH_E_PARSE},
		{"(component", 10, BH_E_PARSE},
		{"(component)", 11, BH_OK},
		{"   ;; a comment\n(component)", 27, BH_OK},
		{"(component (import \"x\" (func)))", 31, BH_E_LINK},
	};
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
		for (int wrap = 0; wrap < 2; wrap++) {
			bh_component_options options = BH_COMPONENT_OPTIONS_INIT;
			options.limits = t_limits();
			options.wrap_modules = wrap;
			bh_component *component = NULL;
			t_begin();
			bh_status status =
				bh_component_load_bytes(&component, host, rows[i].bytes, rows[i].length, &options, &t_err);
			if (status != rows[i].status)
				print_error("row %zu\n", i);
			assert_int_equal(status, rows[i].status);
			assert_int_equal(component != NULL, status == BH_OK);
			bh_component_unref(component);
		}
	bh_component *component = NULL;
	bh_component_options options = BH_COMPONENT_OPTIONS_INIT;
	options.limits = t_limits();
	FAILS(BH_E_NOT_FOUND, bh_component_load_file(&component, host, "/nowhere/at/all.wasm", &options, &t_err));
	FAILS(BH_E_IO, bh_component_load_file(&component, host, "/tmp", &options, &t_err));
	FAILS(BH_E_INVALID, bh_component_load_file(&component, NULL, "x", &options, &t_err));
	FAILS(BH_E_INVALID, bh_component_load_file(&component, host, NULL, &options, &t_err));
	FAILS(BH_E_INVALID, bh_component_load_bytes(&component, host, NULL, 5, &options, &t_err));
	FAILS(BH_E_MISSING_LIMITS, bh_component_load_bytes(&component, host, "(component)", 11, NULL, &t_err));
	assert_true(t_says("memory"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(refused_unless_asked),
		cmocka_unit_test(other_modules_cannot_be_wrapped),
		cmocka_unit_test(wrapped),
		cmocka_unit_test(the_same_output_from_both),
		cmocka_unit_test(exit_statuses),
		cmocka_unit_test(bad_ends),
		cmocka_unit_test(what_is_no_webassembly),
	};
	return cmocka_run_group_tests(tests, host_begin, host_end);
}
